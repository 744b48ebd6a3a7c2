/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps that one invocation has too little time for: the table remembers where the time ran out,
 * and the next sweep of the same rule resumes there. Once it reaches the end of the listing, the
 * sweep is as complete as one in a single invocation. Without a table a sweep that is too large
 * begins at another place each time, so that no part is never reached; but then none is complete.
 *
 * The cursor stands before the first load balancer on which something is left to do. If that failed
 * for another reason than the time, the next sweep tries it once more, then passes it: it must not
 * keep the others waiting. Of sweeps at the same time the first to end writes the cursor: it has
 * handled all before that, or resumed a sweep that has.
 */
#include "sweep_internal.h"
#include "table/item.h"

/* A sweep that nobody resumes for so long is not worth resuming. */
#define CURSOR_KEPT_MS (2 * MS_PER_DAY)
/* Somebody else has put one there: it is replaced. */
#define BAD_VERSION (-1)

enum status cursor_load(struct sweep_cursor *cursor, const struct sweep_listing *listing,
                        size_t *first_out, struct error *error) {
    struct dynamodb_item item;
    bool is_found = false;
    *first_out = 0;
    TRY(dynamodb_get_item(cursor->table->client, cursor->table->name, &cursor->key, cursor->arena,
                          &item, &is_found, error));
    if (item_read_number(&item, "version", &cursor->version) == ITEM_NUMBER_BAD) {
        cursor->version = BAD_VERSION;
    }
    str arn = dynamodb_get_string(&item, "cursor");
    cursor->was_set = !str_is_empty(arn);
    if (!cursor->was_set || item_number(&item, "expires_at") * MS_PER_SECOND < cursor->begun_ms) {
        return STATUS_OK;
    }
    size_t count = 0;
    size_t first = 0;
    for (; first < listing->count && str_compare(listing->items[first].arn, arn) <= 0; first++) {
        count += listing_is_to_be_judged(&listing->items[first]) ? 1 : 0;
    }
    if (first > 0 && first < listing->count) { /* else the sweep begins anew */
        cursor->is_flawed = !str_is_empty(dynamodb_get_string(&item, "flaw"));
        cursor->resumed_count = count;
        *first_out = first;
    }
    return STATUS_OK;
}

void cursor_advance(struct sweep_cursor *cursor, str arn, enum cursor_step step) {
    for (int i = CURSOR_REACHED; i <= CURSOR_SETTLED; i++) {
        cursor->marks[i].is_final = cursor->marks[i].is_final || i > (int)step;
        if (!cursor->marks[i].is_final) {
            cursor->marks[i].arn = arn;
        }
    }
}

bool cursor_is_at_end(const struct sweep_cursor *cursor) {
    return !cursor->marks[CURSOR_TRIED].is_final;
}

/* Empty at the end. Where nothing could be settled, the next invocation must not fail at the same
 * load balancers. */
static str where_to_resume(const struct sweep_cursor *cursor) {
    str arn = STR_EMPTY;
    for (int i = CURSOR_SETTLED; i >= CURSOR_REACHED && !cursor_is_at_end(cursor); i--) {
        arn = str_is_empty(arn) ? cursor->marks[i].arn : arn;
    }
    return arn;
}

/* Only in place of what was read. CONFLICT: another sweep has written where to resume, which is as
 * good. */
enum status cursor_save(const struct sweep_cursor *cursor, bool is_flawed, struct error *error) {
    str arn = where_to_resume(cursor);
    bool is_bad = cursor->version == BAD_VERSION;
    bool has_passed_unknown =
        !str_is_empty(cursor->first_unknown) && str_compare(cursor->first_unknown, arn) <= 0;
    if (str_is_empty(arn) && !(cursor_is_at_end(cursor) && cursor->was_set)) {
        return STATUS_OK; /* nothing new */
    }
    const struct dynamodb_attribute version = dynamodb_number(cursor->arena, ":v", cursor->version);
    struct item_writer item = {.arena = cursor->arena};
    item_put_text(&item, DYNAMODB_PK, cursor->key.pk);
    item_put_text(&item, DYNAMODB_SK, cursor->key.sk);
    item_put_text(&item, "writer", cursor->table->writer);
    item_put_number(&item, "version", is_bad ? 1 : cursor->version + 1);
    item_put_number(&item, "expires_at", (cursor->begun_ms + CURSOR_KEPT_MS) / MS_PER_SECOND);
    item_put_text(&item, "cursor", arn);
    if (!str_is_empty(arn) && (cursor->is_flawed || has_passed_unknown || is_flawed)) {
        item_put_text(&item, "flaw", STR("unknown"));
    }
    struct dynamodb_put put = {.table = cursor->table->name, .item = {item.attributes, item.count}};
    if (is_bad || cursor->version == 0) {
        put.expression.condition =
            is_bad ? STR("attribute_exists(version)") : STR("attribute_not_exists(version)");
    } else {
        put.expression = (struct dynamodb_expression){
            .condition = STR("version = :v"), .values = &version, .value_count = 1};
    }
    enum status status = dynamodb_put_item(cursor->table->client, &put, cursor->arena, error);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}
