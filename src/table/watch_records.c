/* SPDX-License-Identifier: Apache-2.0
 *
 * The WATCH items, whose life is drawn in watch_records.h. Each write is conditional on the version
 * that was read; a promotion and a rollback are written with their CHANGE in one transaction. An
 * item that cannot be read is left alone.
 */
#include "table/watch_records.h"
#include "table/item.h"
#include "table/records.h"

#define NOTE_CHARACTERS_MAX 1024
#define PPB                 INT64_C(1000000000) /* shares are kept in parts of a billion */

static const struct {
    const char *name; /* in the table, where 0.1.0 wrote it likewise */
    enum watch_ending ending;
} STATUSES[] = {
    [WATCH_BEGUN] = {"begun", WATCH_ENDING_NONE},
    [WATCH_OPEN] = {"open", WATCH_ENDING_NONE},
    [WATCH_ROLLING_BACK] = {"rolling-back", WATCH_ENDING_NONE},
    [WATCH_HELD] = {"closed", WATCH_ENDING_HELD},
    [WATCH_INCONCLUSIVE] = {"closed", WATCH_ENDING_INCONCLUSIVE},
    [WATCH_ROLLED_BACK] = {"rolled-back", WATCH_ENDING_ROLLED_BACK},
    [WATCH_REVERTED_BY_OTHER] = {"taken-back", WATCH_ENDING_REVERTED},
    [WATCH_NOT_MADE] = {"not-made", WATCH_ENDING_NONE},
};

enum watch_ending watch_ending_of(const struct watch_record *record) {
    return STATUSES[record->status].ending;
}

static void put_baseline(struct item_writer *item, const struct traffic_window *baseline) {
    if (baseline->end_ms == 0) {
        return;
    }
    item_put_time(item, "baselineFrom", baseline->start_ms);
    item_put_time(item, "baselineTo", baseline->end_ms);
    item_put_number(item, "baselineHasData", baseline->has_data ? 1 : 0);
    item_put_number(item, "baselineRequests", (int64_t)baseline->requests);
    item_put_number(item, "baselineNonCompliant", (int64_t)baseline->non_compliant);
    item_put_number(item, "baselineElb4xx", (int64_t)baseline->elb_4xx);
    item_put_number(item, "baselineElb5xx", (int64_t)baseline->elb_5xx);
    item_put_number(item, "baselineTarget5xx", (int64_t)baseline->target_5xx);
}

static void put_plan(struct item_writer *item, const struct watch_plan *plan) {
    if (plan->looks == 0) {
        return;
    }
    item_put_number(item, "plannedAlphaPpb", (int64_t)(plan->alpha * (double)PPB + 0.5));
    item_put_number(item, "plannedLooks", plan->looks);
    item_put_number(item, "plannedRiskPpb",
                    (int64_t)(plan->risk_percent_max / 100 * (double)PPB + 0.5));
}

static void put_record(struct item_writer *item, const struct watch_record *record) {
    item_put_text(item, DYNAMODB_PK, STR(STATE_WATCH_PK));
    item_put_text(item, DYNAMODB_SK,
                  str_format(item->arena, "%" STR_FMT "%s", STR_ARG(record->arn),
                             watch_is_of_raise(record) ? STATE_RAISE_SUFFIX : ""));
    item_put_number(item, "version", record->version);
    item_put_text(item, "status", str_from_cstr(STATUSES[record->status].name));
    item_put_text(item, "ending", str_from_cstr(watch_ending_name(watch_ending_of(record))));
    item_put_time(item, "changedAt", record->changed_ms);
    item_put_text(item, "before", str_from_cstr(mode_name(record->from)));
    item_put_text(item, "after", str_from_cstr(mode_name(record->to)));
    item_put_number(item, "minutes", record->minutes);
    put_plan(item, &record->plan);
    item_put_number(item, "lookedOnDay", record->looked_on_day);
    item_put_time(item, "decidedAt", record->decided_ms);
    item_put_time(item, "endedAt", record->ended_ms);
    item_put_text(item, "note", str_utf8_prefix(record->note, NOTE_CHARACTERS_MAX));
    item_put_text(item, "writer", record->writer);
    item_put_time(item, "leaseUntil", record->lease_ms);
    item_put_number(item, "untold", record->is_alert_due ? 1 : 0);
    item_put_text(item, "owner", record->owner);
    put_baseline(item, &record->baseline);
    if (record->has_ring) { /* DynamoDB has no empty text */
        item_put_number(item, "ringKnown", 1);
        item_put_text(item, "ring", record->ring);
    }
    item_put_time(item, "retrySeenAt", record->retry_seen_ms);
    if (record->expires_ms != 0) {
        item_put_number(item, "expires_at", record->expires_ms / MS_PER_SECOND);
    }
}

/* A baseline with a number that cannot be right has no data. */
struct traffic_window watch_get_baseline(const struct dynamodb_item *item) {
    struct traffic_window baseline = {
        .start_ms = item_time(item, "baselineFrom"),
        .end_ms = item_time(item, "baselineTo"),
        .has_data = item_number(item, "baselineHasData") != 0,
    };
    const struct {
        const char *name;
        uint64_t *count;
    } counts[] = {
        {"baselineRequests", &baseline.requests},
        {"baselineNonCompliant", &baseline.non_compliant},
        {"baselineElb4xx", &baseline.elb_4xx},
        {"baselineElb5xx", &baseline.elb_5xx},
        {"baselineTarget5xx", &baseline.target_5xx},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t number;
        enum item_number kind = item_read_number(item, counts[i].name, &number);
        *counts[i].count = (uint64_t)number;
        baseline.has_data = baseline.has_data && kind != ITEM_NUMBER_BAD;
    }
    return baseline;
}

/* 0: it is not there, or cannot be right. */
static int64_t item_number_within(const struct dynamodb_item *item, const char *name,
                                  int64_t largest) {
    int64_t number = item_number(item, name);
    return number >= 0 && number <= largest ? number : 0;
}

/* Whatever is there, no watch takes a higher risk than is planned. */
static struct watch_plan get_plan(const struct dynamodb_item *item) {
    struct watch_plan plan = {
        .alpha = (double)item_number_within(item, "plannedAlphaPpb", WATCH_ALPHA_PPB) / (double)PPB,
        .looks = (int)item_number_within(item, "plannedLooks", WATCH_LOOKS_MAX),
        .risk_percent_max =
            100 * (double)item_number_within(item, "plannedRiskPpb", PPB) / (double)PPB,
    };
    bool is_good = plan.alpha > 0 && plan.looks >= WATCH_BINS_A_DAY;
    return is_good ? plan : (struct watch_plan){0};
}

/* false: it is no status of ours. Version 0.1.0 closed a watch without an ending; whether such a
 * promotion held is not known. */
static bool get_status(const struct dynamodb_item *item, enum watch_status *status_out) {
    str status = dynamodb_get_string(item, "status");
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        if (str_eq(status, str_from_cstr(STATUSES[i].name))) {
            bool has_held = str_eq(dynamodb_get_string(item, "ending"),
                                   str_from_cstr(watch_ending_name(WATCH_ENDING_HELD)));
            *status_out = i == WATCH_HELD && !has_held ? WATCH_INCONCLUSIVE : (enum watch_status)i;
            return true;
        }
    }
    return false;
}

/* false: the item cannot be read, and is left alone: somebody else has put it there. */
static bool get_record(const struct dynamodb_item *item, struct watch_record *record) {
    int64_t minutes = item_number(item, "minutes");
    str arn = dynamodb_get_string(item, DYNAMODB_SK);
    bool is_raise = str_ends_with(arn, STR(STATE_RAISE_SUFFIX));
    *record = (struct watch_record){
        .arn = is_raise ? str_slice(arn, 0, arn.len - (sizeof STATE_RAISE_SUFFIX - 1)) : arn,
        .version = item_number(item, "version"),
        .changed_ms = item_time(item, "changedAt"),
        .from = mode_parse(dynamodb_get_string(item, "before")),
        .to = mode_parse(dynamodb_get_string(item, "after")),
        /* A length that cannot be right is read as the longest. */
        .minutes = minutes >= 1 && minutes <= WATCH_MINUTES_MAX ? (int)minutes : WATCH_MINUTES_MAX,
        .plan = get_plan(item),
        .looked_on_day = (int)item_number_within(item, "lookedOnDay", WATCH_LOOK_ON_DAYS),
        .decided_ms = item_time(item, "decidedAt"),
        .ended_ms = item_time(item, "endedAt"),
        .note = dynamodb_get_string(item, "note"),
        .writer = dynamodb_get_string(item, "writer"),
        .lease_ms = item_time(item, "leaseUntil"),
        .is_alert_due = item_number(item, "untold") != 0,
        .owner = dynamodb_get_string(item, "owner"),
        .baseline = watch_get_baseline(item),
        .has_ring = item_number(item, "ringKnown") != 0,
        .ring = dynamodb_get_string(item, "ring"),
        .retry_seen_ms = item_time(item, "retrySeenAt"),
        .expires_ms = item_number(item, "expires_at") * MS_PER_SECOND,
    };
    return get_status(item, &record->status) && record->version > 0 && record->changed_ms > 0 &&
           (is_raise ? record->from == MODE_MONITOR && record->to == MODE_DEFENSIVE
                     : record->from == MODE_DEFENSIVE && record->to == MODE_STRICTEST);
}

enum status watch_list_all(const struct state_table *table, struct arena *arena,
                           struct watch_lists *lists_out, struct error *error) {
    const struct dynamodb_query query = {.table = table->name, .pk = STR(STATE_WATCH_PK)};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    *lists_out = (struct watch_lists){.promotion_count = 0};
    TRY(dynamodb_query(table->client, &query, arena, &items, &count, error));
    lists_out->promotions = ARENA_ARRAY(arena, struct watch_record, count + 1);
    lists_out->raises = ARENA_ARRAY(arena, struct watch_record, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct watch_record record;
        if (!get_record(&items[i], &record)) {
            continue;
        } else if (watch_is_of_raise(&record)) {
            lists_out->raises[lists_out->raise_count++] = record;
        } else {
            lists_out->promotions[lists_out->promotion_count++] = record;
        }
    }
    return STATUS_OK;
}

enum status watch_list(const struct state_table *table, struct arena *arena,
                       struct watch_record **records_out, size_t *count_out, struct error *error) {
    struct watch_lists lists;
    enum status status = watch_list_all(table, arena, &lists, error);
    *records_out = lists.promotions;
    *count_out = lists.promotion_count;
    return status;
}

/* *next becomes the record as the put writes it. */
static struct dynamodb_put put_of(const struct state_table *table,
                                  const struct watch_record *record, struct arena *arena,
                                  struct watch_record *next) {
    struct item_writer *item = ARENA_NEW(arena, struct item_writer);
    struct dynamodb_attribute *version = ARENA_NEW(arena, struct dynamodb_attribute);
    bool is_new = record->version == 0;
    *version = dynamodb_number(arena, ":v", record->version);
    *next = *record;
    next->version++;
    *item = (struct item_writer){.arena = arena};
    put_record(item, next);
    return (struct dynamodb_put){
        .table = table->name,
        .item = {item->attributes, item->count},
        .expression = {.condition = is_new ? STR("attribute_not_exists(" DYNAMODB_PK ")")
                                           : STR("version = :v"),
                       .values = is_new ? NULL : version,
                       .value_count = is_new ? 0 : 1},
    };
}

/* Times are unique among the changes of one load balancer: one is watched at a time. */
static struct dynamodb_put change_of(const struct state_table *table,
                                     const struct watch_record *record, enum action_kind change,
                                     struct arena *arena) {
    struct item_writer *item = ARENA_NEW(arena, struct item_writer);
    bool is_roll_back = change == ACTION_ROLLBACK;
    int64_t at_ms = is_roll_back ? record->ended_ms : record->changed_ms;
    str at = time_format_iso8601(arena, at_ms);
    *item = (struct item_writer){.arena = arena};
    const char *from = mode_name(record->from);
    const char *to = mode_name(record->to);
    item_put_text(item, DYNAMODB_PK, record->arn);
    item_put_text(item, DYNAMODB_SK, str_format(arena, "CHANGE#%" STR_FMT, STR_ARG(at)));
    item_put_text(item, "changedAt", at);
    item_put_text(item, "action", str_from_cstr(action_kind_name(change)));
    item_put_text(item, "attribute", STR(ATTRIBUTE_DESYNC_MODE));
    item_put_text(item, "before", str_from_cstr(is_roll_back ? to : from));
    item_put_text(item, "after", str_from_cstr(is_roll_back ? from : to));
    item_put_text(item, "why", str_utf8_prefix(record->note, NOTE_CHARACTERS_MAX));
    item_put_text(item, "writer", table->writer);
    put_baseline(item, &record->baseline);
    return (struct dynamodb_put){.table = table->name, .item = {item->attributes, item->count}};
}

enum status watch_save(const struct state_table *table, struct watch_record *record,
                       enum action_kind change, struct arena *arena, struct error *error) {
    struct watch_record next;
    const struct dynamodb_put put = put_of(table, record, arena, &next);
    if (change == ACTION_NONE) {
        TRY(dynamodb_put_item(table->client, &put, arena, error));
    } else {
        const struct dynamodb_put beside = change_of(table, record, change, arena);
        const struct dynamodb_action actions[] = {{.put = &put}, {.put = &beside}};
        const struct dynamodb_transaction transaction = {.actions = actions, .count = 2};
        TRY(dynamodb_transact_write(table->client, &transaction, arena, NULL, error));
    }
    *record = next;
    return STATUS_OK;
}

bool watch_is_retried(const struct watch_record *record) {
    return record->ended_ms != 0 && record->retry_seen_ms > record->ended_ms;
}

bool watch_is_of_raise(const struct watch_record *record) {
    return record->to == MODE_DEFENSIVE;
}

bool watch_is_open(const struct watch_record *record) {
    return record->status == WATCH_BEGUN || record->status == WATCH_OPEN ||
           record->status == WATCH_ROLLING_BACK;
}

bool watch_is_reverted_since(const struct watch_record *record, enum desync_mode mode) {
    return (record->status == WATCH_HELD || record->status == WATCH_INCONCLUSIVE) &&
           mode != MODE_UNKNOWN && mode < record->to;
}

/* A CHANGE of enforcement, which raises from monitor, names the writer that CloudTrail named. */
enum status watch_describe_reverting(const struct state_table *table,
                                     const struct watch_record *record, enum desync_mode mode,
                                     struct arena *arena, str *note_out, struct error *error) {
    str since = time_format_iso8601(arena, record->changed_ms + 1);
    const struct dynamodb_query query = {.table = table->name,
                                         .pk = record->arn,
                                         .sk_from =
                                             str_format(arena, "CHANGE#%" STR_FMT, STR_ARG(since)),
                                         .sk_to = STR("CHANGE#~")};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    str writer = STR("somebody");
    TRY(dynamodb_query(table->client, &query, arena, &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        str named = dynamodb_get_string(&items[i], "lastWriter");
        writer = str_starts_with(named, STR("arn:")) ? named : writer;
    }
    *note_out = str_format(arena, "the mode is %s now: %" STR_FMT " has changed it",
                           mode_name(mode), STR_ARG(writer));
    return STATUS_OK;
}

const struct watch_record *watch_find(const struct watch_record *records, size_t count, str arn) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(records[i].arn, arn)) {
            return &records[i];
        }
    }
    return NULL;
}
