/* SPDX-License-Identifier: Apache-2.0
 *
 * TRAFFIC items: the requests to a load balancer on one day, added up object by object. One
 * transaction adds the object to its days and remembers it, so that an object that is delivered
 * twice, late, or to two copies at once is counted once.
 */
#include "table/traffic_days.h"
#include "aws/dynamodb.h"
#include "aws/sigv4.h"

#define TRAFFIC_KEPT_DAYS 400
#define SECONDS_PER_DAY   (MS_PER_DAY / MS_PER_SECOND)
#define COUNTERS          10
#define VALUES            (COUNTERS + 2)

#define ADD_COUNTERS                                                                               \
    " ADD #r :requests, #c :compliant, #a :acceptable, #m :ambiguous, #s :severe, #u :unknown, "   \
    "#f :unfamiliar, #p :unparsed, #w :withoutTime, #d :damaged"

/* Some of them are reserved words. */
static const struct dynamodb_name NAMES[COUNTERS] = {
    {"#r", "requests"},    {"#c", "compliant"}, {"#a", "acceptable"}, {"#m", "ambiguous"},
    {"#s", "severe"},      {"#u", "unknown"},   {"#f", "unfamiliar"}, {"#p", "unparsed"},
    {"#w", "withoutTime"}, {"#d", "damaged"},
};

/* A transaction under construction. */
struct counting {
    const struct state_table *table;
    const struct log_traffic *traffic;
    struct arena *arena;
    struct dynamodb_attribute seen[5];
    struct dynamodb_put put;
    struct dynamodb_attribute (*values)[VALUES]; /* of each day */
    struct dynamodb_update *updates;
    struct dynamodb_action *actions; /* the object, then its days */
};

static void remember_object(struct counting *counting, const struct log_object *object,
                            int64_t now_ms) {
    struct arena *arena = counting->arena;
    str url = str_format(arena, "s3://%" STR_FMT "/%" STR_FMT, STR_ARG(object->bucket),
                         STR_ARG(object->key));
    /* S3 names the same object again by the same key and ETag. */
    str id = sha256_hex(arena, str_format(arena, "%" STR_FMT "/%" STR_FMT "\n%" STR_FMT,
                                          STR_ARG(object->bucket), STR_ARG(object->key),
                                          STR_ARG(object->e_tag)));
    int64_t expires = (now_ms + TRAFFIC_SEEN_KEPT_MS) / MS_PER_SECOND;
    struct dynamodb_attribute *item = counting->seen;
    item[0] = dynamodb_string(DYNAMODB_PK, counting->traffic->arn);
    item[1] = dynamodb_string(DYNAMODB_SK, str_format(arena, "SEEN#%" STR_FMT, STR_ARG(id)));
    item[2] = dynamodb_string("object", url);
    item[3] = dynamodb_string("countedAt", time_format_iso8601(arena, now_ms));
    item[4] = dynamodb_number(arena, "expires_at", expires);
    counting->put = (struct dynamodb_put){
        .table = counting->table->name,
        .item = {item, sizeof counting->seen / sizeof *item},
        .expression = {.condition = STR("attribute_not_exists(" DYNAMODB_PK ")")},
    };
    counting->actions[0] = (struct dynamodb_action){.put = &counting->put};
}

static void fill_values(struct counting *counting, size_t i) {
    const struct traffic_day *day = &counting->traffic->days[i];
    const struct {
        const char *name;
        uint64_t count;
    } counters[COUNTERS] = {
        {":requests", day->counts.requests},
        {":compliant", day->counts.classes[CLASS_COMPLIANT]},
        {":acceptable", day->counts.classes[CLASS_ACCEPTABLE]},
        {":ambiguous", day->counts.classes[CLASS_AMBIGUOUS]},
        {":severe", day->counts.classes[CLASS_SEVERE]},
        {":unknown", day->counts.classes[CLASS_UNKNOWN]},
        {":unfamiliar", day->counts.unfamiliar},
        {":unparsed", day->unparsed},
        {":withoutTime", day->without_time},
        {":damaged", day->damaged},
    };
    struct dynamodb_attribute *values = counting->values[i];
    for (size_t c = 0; c < COUNTERS; c++) {
        values[c] = dynamodb_number(counting->arena, counters[c].name, (int64_t)counters[c].count);
    }
    int64_t expires = (day->day + TRAFFIC_KEPT_DAYS) * SECONDS_PER_DAY;
    values[COUNTERS] = dynamodb_number(counting->arena, ":expires", expires);
    values[COUNTERS + 1] =
        dynamodb_string(":newest", time_format_iso8601(counting->arena, day->newest_ms));
}

/* A day without a line of its own leaves `newest_at`, and a value that is not used is refused. */
static struct dynamodb_update day_update(const struct counting *counting, size_t i) {
    const struct traffic_day *day = &counting->traffic->days[i];
    bool has_line = day->newest_ms != 0;
    str date = date_format(counting->arena, day->day);
    return (struct dynamodb_update){
        .table = counting->table->name,
        .key = {counting->traffic->arn,
                str_format(counting->arena, "TRAFFIC#%" STR_FMT, STR_ARG(date))},
        .update = has_line ? STR("SET newest_at = :newest, expires_at = :expires" ADD_COUNTERS)
                           : STR("SET expires_at = :expires" ADD_COUNTERS),
        .expression = {.condition =
                           has_line ? STR("attribute_not_exists(newest_at) OR newest_at < :newest")
                                    : STR_EMPTY,
                       .names = NAMES,
                       .name_count = COUNTERS,
                       .values = counting->values[i],
                       .value_count = has_line ? VALUES : VALUES - 1},
    };
}

enum status traffic_count_object(const struct state_table *table, const struct log_object *object,
                                 const struct log_traffic *traffic, int64_t now_ms,
                                 struct arena *arena, struct error *error) {
    ASSERT(traffic->day_count <= TRAFFIC_DAYS_MAX);
    size_t days = traffic->day_count;
    struct counting counting = {.table = table,
                                .traffic = traffic,
                                .arena = arena,
                                .values = arena_alloc_array(arena, days, sizeof *counting.values),
                                .updates = ARENA_ARRAY(arena, struct dynamodb_update, days),
                                .actions = ARENA_ARRAY(arena, struct dynamodb_action, days + 1)};
    const struct dynamodb_transaction transaction = {.actions = counting.actions,
                                                     .count = days + 1};
    remember_object(&counting, object, now_ms);
    for (size_t i = 0; i < days; i++) {
        fill_values(&counting, i);
        counting.updates[i] = day_update(&counting, i);
        counting.actions[i + 1] = (struct dynamodb_action){.update = &counting.updates[i]};
    }
    /* Objects of several nodes come in any order: each day is asked at most once whether this is
     * its newest line. */
    for (size_t attempt = 0; attempt <= days; attempt++) {
        size_t failed = 0;
        enum status status =
            dynamodb_transact_write(table->client, &transaction, arena, &failed, error);
        if (status != STATUS_CONFLICT || failed == 0) {
            return status;
        }
        /* The day knows a newer line, and will not go back: no condition is needed. */
        struct dynamodb_update *update = &counting.updates[failed - 1];
        update->update = STR("SET newest_at = if_not_exists(newest_at, :newest), "
                             "expires_at = :expires" ADD_COUNTERS);
        update->expression.condition = STR_EMPTY;
    }
    return error_set(error, arena, STATUS_INCOMPLETE,
                     "dynamodb TransactWriteItems: unmet conditions of none");
}
