/* SPDX-License-Identifier: Apache-2.0
 *
 * The items beside STATE: the events that were seen, the messages about many load balancers, the
 * last request to re-evaluate a rule, and the writers that CHANGE items name.
 *
 * Guarantees: one copy at a time handles an event, and none does once it is handled; the next
 * delivery takes over an event whose holder did not finish before its lease ended. A message about
 * many is published by one copy, once in a day; nobody takes over one whose holder left no word,
 * since it may have been published. Different
 * invocations ask AWS Config for one evaluation a minute at most, unless it refused the request. An
 * invocation that Lambda repeats has the same request id: it meets its own claim and resumes it.
 */
#include "table/records.h"
#include "table/item.h"

/* EventBridge repeats a delivery for 24 h at most. */
#define SEEN_KEPT_MS (2 * MS_PER_DAY)
/* Longer than its day by far. */
#define DIGEST_KEPT_MS (7 * MS_PER_DAY)

static str sort_key(struct arena *arena, const char *prefix, str rest) {
    return str_format(arena, "%s#%" STR_FMT, prefix, STR_ARG(rest));
}

enum status state_claim_event(const struct state_table *table, str arn, struct event_claim *claim,
                              struct arena *arena, struct error *error) {
    static const struct dynamodb_name names[] = {{"#s", "status"}, {"#w", "writer"}};
    const struct dynamodb_attribute item[] = {
        dynamodb_string(DYNAMODB_PK, arn),
        dynamodb_string(DYNAMODB_SK, sort_key(arena, "SEEN", claim->event_id)),
        dynamodb_string("status", STR("started")),
        dynamodb_string("writer", table->writer),
        dynamodb_string("leaseUntil", time_format_iso8601(arena, claim->lease_ms)),
        dynamodb_number(arena, "expires_at", (claim->now_ms + SEEN_KEPT_MS) / MS_PER_SECOND),
    };
    const struct dynamodb_attribute values[] = {
        dynamodb_string(":started", STR("started")),
        dynamodb_string(":me", table->writer),
        dynamodb_string(":now", time_format_iso8601(arena, claim->now_ms)),
    };
    const struct dynamodb_put put = {
        .table = table->name,
        .item = {item, sizeof item / sizeof *item},
        .expression = {.condition = STR("attribute_not_exists(" DYNAMODB_PK ") OR (#s = :started "
                                        "AND (#w = :me OR leaseUntil < :now))"),
                       .names = names,
                       .name_count = 2,
                       .values = values,
                       .value_count = 3},
        .was_there_out = &claim->was_begun,
    };
    return dynamodb_put_item(table->client, &put, arena, error);
}

/* Changes one attribute of our own claim, and nothing when another copy has taken it over. */
static enum status set_in_claim(const struct state_table *table, const struct dynamodb_key *key,
                                const struct dynamodb_attribute *change, struct arena *arena,
                                struct error *error) {
    const char *attribute = str_to_cstr(arena, change->name);
    const struct dynamodb_name names[] = {{"#a", attribute}, {"#s", "status"}, {"#w", "writer"}};
    const struct dynamodb_attribute values[] = {
        dynamodb_string(":value", change->value),
        dynamodb_string(":started", STR("started")),
        dynamodb_string(":me", table->writer),
    };
    const struct dynamodb_update update = {
        .table = table->name,
        .key = *key,
        .update = STR("SET #a = :value"),
        .expression = {.condition = STR("#s = :started AND #w = :me"),
                       .names = names,
                       .name_count = 3,
                       .values = values,
                       .value_count = 3},
    };
    return item_update_if(table->client, &update, arena, error);
}

enum status state_finish_event(const struct state_table *table, str arn, str event_id,
                               struct arena *arena, struct error *error) {
    const struct dynamodb_key key = {arn, sort_key(arena, "SEEN", event_id)};
    const struct dynamodb_attribute done = dynamodb_string("status", STR("done"));
    return set_in_claim(table, &key, &done, arena, error);
}

enum status state_release_event(const struct state_table *table, str arn, str event_id,
                                struct arena *arena, struct error *error) {
    const struct dynamodb_key key = {arn, sort_key(arena, "SEEN", event_id)};
    const struct dynamodb_attribute free_at_once =
        dynamodb_string("leaseUntil", time_format_iso8601(arena, 0));
    return set_in_claim(table, &key, &free_at_once, arena, error);
}

static struct dynamodb_key key_of_digest(const struct digest_key *key, struct arena *arena) {
    return (struct dynamodb_key){str_format(arena, "DIGEST#%" STR_FMT "#%" STR_FMT,
                                            STR_ARG(key->account_id), STR_ARG(key->region)),
                                 str_format(arena, "%" STR_FMT "#%" STR_FMT,
                                            STR_ARG(date_format(arena, key->day)),
                                            STR_ARG(key->owner))};
}

/* Who holds the claim, and since when it means nothing good. */
static enum status look_at_digest(const struct state_table *table, const struct dynamodb_key *key,
                                  int64_t now_ms, struct arena *arena, bool *is_in_doubt_out,
                                  struct error *error) {
    struct dynamodb_item item;
    bool is_found = false;
    TRY(dynamodb_get_item(table->client, table->name, key, arena, &item, &is_found, error));
    *is_in_doubt_out = is_found && str_eq(dynamodb_get_string(&item, "status"), STR("started")) &&
                       (item_time(&item, "leaseUntil") < now_ms ||
                        str_eq(dynamodb_get_string(&item, "writer"), table->writer));
    return STATUS_CONFLICT;
}

enum status state_claim_digest(const struct state_table *table, const struct digest_key *digest,
                               int64_t now_ms, int64_t until_ms, struct arena *arena,
                               bool *is_in_doubt_out, struct error *error) {
    const struct dynamodb_key key = key_of_digest(digest, arena);
    static const struct dynamodb_name name = {"#s", "status"};
    const struct dynamodb_attribute item[] = {
        dynamodb_string(DYNAMODB_PK, key.pk),
        dynamodb_string(DYNAMODB_SK, key.sk),
        dynamodb_string("status", STR("started")),
        dynamodb_string("writer", table->writer),
        dynamodb_string("leaseUntil", time_format_iso8601(arena, until_ms)),
        dynamodb_number(arena, "expires_at", (now_ms + DIGEST_KEPT_MS) / MS_PER_SECOND),
    };
    const struct dynamodb_attribute value = dynamodb_string(":free", STR("free"));
    const struct dynamodb_put put = {
        .table = table->name,
        .item = {item, sizeof item / sizeof *item},
        .expression = {.condition = STR("attribute_not_exists(" DYNAMODB_PK ") OR #s = :free"),
                       .names = &name,
                       .name_count = 1,
                       .values = &value,
                       .value_count = 1},
    };
    *is_in_doubt_out = false;
    enum status status = dynamodb_put_item(table->client, &put, arena, error);
    return status == STATUS_CONFLICT
               ? look_at_digest(table, &key, now_ms, arena, is_in_doubt_out, error)
               : status;
}

enum status state_end_digest(const struct state_table *table, const struct digest_key *digest,
                             bool is_published, struct arena *arena, struct error *error) {
    const struct dynamodb_key key = key_of_digest(digest, arena);
    const struct dynamodb_attribute status =
        dynamodb_string("status", is_published ? STR("done") : STR("free"));
    return set_in_claim(table, &key, &status, arena, error);
}

static str named(const struct dynamodb_item *item, const char *attribute) {
    str text = dynamodb_get_string(item, attribute);
    return str_eq(text, STR("none")) ? STR_EMPTY : text;
}

enum status state_last_writer(const struct state_table *table, str arn, struct arena *arena,
                              struct writer *writer_out, struct error *error) {
    const struct dynamodb_query query = {.table = table->name,
                                         .pk = arn,
                                         .sk_prefix = STR("CHANGE#"),
                                         .limit = CORRECTIONS_MAX,
                                         .is_descending = true};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    *writer_out = (struct writer){0};
    TRY(dynamodb_query(table->client, &query, arena, &items, &count, error));
    for (size_t i = 0; i < count && str_is_empty(writer_out->arn); i++) {
        *writer_out = (struct writer){.arn = named(&items[i], "lastWriter"),
                                      .user_agent = named(&items[i], "lastWriterUserAgent"),
                                      .invoked_by = named(&items[i], "lastWriterInvokedBy")};
    }
    return STATUS_OK;
}

enum status state_release_reevaluation(const struct state_table *table, str rule_name,
                                       struct arena *arena, struct error *error) {
    static const struct dynamodb_name name = {"#w", "writer"};
    const struct dynamodb_attribute values[] = {
        dynamodb_string(":never", time_format_iso8601(arena, 0)),
        dynamodb_string(":me", table->writer),
    };
    const struct dynamodb_update update = {
        .table = table->name,
        .key = {sort_key(arena, "CONFIG_RULE", rule_name), STR("REEVALUATION")},
        .update = STR("SET requestedAt = :never"),
        .expression = {.condition = STR("#w = :me"),
                       .names = &name,
                       .name_count = 1,
                       .values = values,
                       .value_count = 2},
    };
    return item_update_if(table->client, &update, arena, error);
}

enum status state_claim_reevaluation(const struct state_table *table,
                                     const struct reevaluation_claim *claim, struct arena *arena,
                                     struct error *error) {
    const struct dynamodb_attribute item[] = {
        dynamodb_string(DYNAMODB_PK, sort_key(arena, "CONFIG_RULE", claim->rule_name)),
        dynamodb_string(DYNAMODB_SK, STR("REEVALUATION")),
        dynamodb_string("requestedAt", time_format_iso8601(arena, claim->now_ms)),
        dynamodb_string("writer", table->writer),
    };
    static const struct dynamodb_name name = {"#w", "writer"};
    const struct dynamodb_attribute values[] = {
        dynamodb_string(":before", time_format_iso8601(arena, claim->now_ms - claim->pause_ms)),
        dynamodb_string(":me", table->writer),
    };
    const struct dynamodb_put put = {
        .table = table->name,
        .item = {item, sizeof item / sizeof *item},
        .expression = {.condition = STR("attribute_not_exists(" DYNAMODB_PK
                                        ") OR requestedAt < :before OR #w = :me"),
                       .names = &name,
                       .name_count = 1,
                       .values = values,
                       .value_count = 2},
    };
    return dynamodb_put_item(table->client, &put, arena, error);
}
