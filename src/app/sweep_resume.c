/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps that one invocation has too little time for: where it ran out is remembered in the table,
 * and the next one of the same rule goes on from there. When the end of the listing is reached the
 * sweep is as complete as one in a single invocation. Without a table each that is too large begins
 * elsewhere, so that none is the part that is never reached; but then nothing is ever complete.
 *
 * The cursor stands before the first on which something is left to do. One that fails for another
 * reason than the time is tried once more, then passed: it must not keep the others waiting.
 * Of sweeps at the same time the first to end says where it goes on: it has seen to all before that
 * itself, or gone on from one that has.
 */
#include "sweep_internal.h"
#include "table/item.h"

/* One that nobody goes on with is not worth going on with. */
#define CURSOR_KEPT_MS (2 * MS_PER_DAY)
/* A table that hangs must not cost the sweep more than this, or a quarter of its time. */
#define READ_MS 5000
/* Somebody else has put one there: it is replaced. */
#define BAD_VERSION (-1)

static struct dynamodb_key key_of(const struct sweep *sweep) {
    const struct config_invocation *invocation = sweep->invocation;
    return (struct dynamodb_key){
        .pk = str_format(sweep->arena, "SWEEP#%" STR_FMT "#%" STR_FMT "#%" STR_FMT,
                         STR_ARG(invocation->account_id), STR_ARG(sweep->guard->aws.region),
                         STR_ARG(invocation->rule_name)),
        .sk = STR("CURSOR")};
}

/* Where it began is not decided by chance alone: Fibonacci hashing of the time, as a retry comes
 * soon after. */
static size_t somewhere(const struct sweep *sweep) {
    uint64_t now_ms = (uint64_t)sweep->guard->clock->now_ms(sweep->guard->clock);
    return (size_t)((now_ms * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % sweep->listed_count;
}

/* The first behind the ARN; 0 when there is none. */
static size_t index_behind(const struct sweep *sweep, str arn) {
    size_t index = 0;
    while (index < sweep->listed_count && str_compare(sweep->listed[index].arn, arn) <= 0) {
        index++;
    }
    return index == sweep->listed_count ? 0 : index;
}

static enum status go_on(struct sweep *sweep, size_t *first, struct error *error) {
    const struct dynamodb_key key = key_of(sweep);
    struct dynamodb_item item;
    bool is_found = false;
    int64_t expires_s;
    TRY(dynamodb_get_item(&sweep->guard->home, sweep->control.table.name, &key, sweep->arena, &item,
                          &is_found, error));
    if (item_read_number(&item, "version", &sweep->cursor_version) == ITEM_NUMBER_BAD) {
        sweep->cursor_version = BAD_VERSION;
    }
    str cursor = dynamodb_get_string(&item, "cursor");
    sweep->has_cursor = !str_is_empty(cursor);
    expires_s = item_number(&item, "expires_at");
    if (!sweep->has_cursor || expires_s * MS_PER_SECOND < sweep->begun_ms) {
        return STATUS_OK;
    }
    *first = index_behind(sweep, cursor);
    sweep->is_flawed = *first > 0 && !str_is_empty(dynamodb_get_string(&item, "flaw"));
    return STATUS_OK;
}

/* Nothing was reported yet. */
static void limit_reading(struct sweep *sweep) {
    int64_t now_ms = sweep->guard->clock->now_ms(sweep->guard->clock);
    int64_t quarter_ms = (sweep->read_deadline_ms - now_ms) / 4;
    sweep->guard->home.deadline_ms = now_ms + (quarter_ms < READ_MS ? quarter_ms : READ_MS);
}

size_t sweep_resume(struct sweep *sweep, bool is_short) {
    struct error error = {0};
    size_t first = 0;
    sweep->is_resumable = sweep->acts && !str_is_empty(sweep->control.table.name) &&
                          sweep->read_deadline_ms != INT64_MAX;
    if (!sweep->is_resumable) {
        return is_short ? somewhere(sweep) : 0;
    }
    limit_reading(sweep);
    enum status status = go_on(sweep, &first, &error);
    sweep->guard->home.deadline_ms = sweep->deadline_ms;
    if (status != STATUS_OK) {
        sweep->is_resumable = false;
        action_add_failure(&sweep->control, sweep->control.table.name, "remember", &error);
        return is_short ? somewhere(sweep) : 0;
    }
    for (size_t i = 0; i < first; i++) {
        sweep->resumed_count += sweep_is_to_be_judged(&sweep->listed[i]) ? 1 : 0;
    }
    return first;
}

bool sweep_is_at_end(const struct sweep *sweep) {
    return sweep->not_reached_count == 0 && sweep->unacted_count == 0;
}

/* Empty at the end. Where nothing could be settled, the next invocation must not fail at the same
 * ones. */
static str cursor_of(const struct sweep *sweep) {
    if (sweep_is_at_end(sweep)) {
        return STR_EMPTY;
    }
    str best = str_is_empty(sweep->settled) ? sweep->tried : sweep->settled;
    return str_is_empty(best) ? sweep->reached : best;
}

/* Some before the cursor are unknown: the whole will not be complete. */
static bool leaves_flaw(const struct sweep *sweep, str cursor) {
    bool is_unknown_passed =
        !str_is_empty(sweep->first_unknown) && str_compare(sweep->first_unknown, cursor) <= 0;
    return !str_is_empty(cursor) &&
           (sweep->is_flawed || is_unknown_passed || sweep->report_error.status != STATUS_OK);
}

/* Only in place of what was read. CONFLICT: another sweep has said where to go on. */
static enum status put_cursor(struct sweep *sweep, str cursor, struct error *error) {
    const struct dynamodb_key key = key_of(sweep);
    int64_t expires_ms = sweep->begun_ms + CURSOR_KEPT_MS;
    bool is_bad = sweep->cursor_version == BAD_VERSION;
    const struct dynamodb_attribute version =
        dynamodb_number(sweep->arena, ":v", sweep->cursor_version);
    struct dynamodb_attribute item[7] = {
        dynamodb_string(DYNAMODB_PK, key.pk),
        dynamodb_string(DYNAMODB_SK, key.sk),
        dynamodb_string("writer", sweep->control.table.writer),
        dynamodb_number(sweep->arena, "version", is_bad ? 1 : sweep->cursor_version + 1),
        dynamodb_number(sweep->arena, "expires_at", expires_ms / MS_PER_SECOND),
    };
    size_t count = 5;
    if (!str_is_empty(cursor)) {
        item[count++] = dynamodb_string("cursor", cursor);
    }
    if (leaves_flaw(sweep, cursor)) {
        item[count++] = dynamodb_string("flaw", STR("unknown"));
    }
    struct dynamodb_put put = {
        .table = sweep->control.table.name,
        .item = {item, count},
        .expression = {.condition = STR("version = :v"), .values = &version, .value_count = 1}};
    if (is_bad || sweep->cursor_version == 0) {
        put.expression = (struct dynamodb_expression){
            .condition =
                is_bad ? STR("attribute_exists(version)") : STR("attribute_not_exists(version)")};
    }
    return dynamodb_put_item(&sweep->guard->home, &put, sweep->arena, error);
}

void sweep_remember_end(struct sweep *sweep) {
    str cursor = cursor_of(sweep);
    bool is_nothing_new = str_is_empty(cursor) && !(sweep_is_at_end(sweep) && sweep->has_cursor);
    if (!sweep->is_resumable || sweep->list_error.status != STATUS_OK || is_nothing_new) {
        return;
    }
    struct error error = {0};
    enum status status = put_cursor(sweep, cursor, &error);
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        action_add_failure(&sweep->control, sweep->control.table.name, "remember", &error);
    }
}
