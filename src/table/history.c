/* SPDX-License-Identifier: Apache-2.0
 *
 * One scan of the whole table for the posture report: STATE, INCIDENT and CHANGE items and the
 * POSTURE points of each day, of one Region. An item that cannot be read is left out, and none is
 * changed.
 */
#include "table/history.h"
#include "table/item.h"
#include "table/watch_records.h"

#include <stdlib.h>

#define POINT_PK       "POSTURE" /* "POSTURE#<account>#<region>" */
#define POINT_KEPT_MS  (400 * MS_PER_DAY)
#define FIGHT_SHOWN_MS MS_PER_DAY

struct reading {
    str region;
    struct history *history;
    struct arena *arena;
    int64_t from_ms;
    int64_t now_ms;
    size_t state_capacity;
    size_t incident_capacity;
    size_t change_capacity;
    size_t point_capacity;
};

static str text_of(const struct reading *reading, const struct dynamodb_item *item,
                   const char *name) {
    str text = dynamodb_get_string(item, name);
    return str_eq(text, STR("none")) ? STR_EMPTY : str_copy(reading->arena, text);
}

static void take_state(struct reading *reading, const struct dynamodb_item *item, str arn) {
    struct history *history = reading->history;
    struct lb_state state;
    state_read(item, &state);
    ARENA_RESERVE(reading->arena, history->states, history->state_count + 1,
                  reading->state_capacity);
    history->states[history->state_count++] = (struct history_state){
        .arn = str_copy(reading->arena, arn),
        .non_compliant_since_ms = state.since_ms,
        .is_fight = state.fight_alerted_ms != 0 &&
                    reading->now_ms - state.fight_alerted_ms < FIGHT_SHOWN_MS,
    };
}

static void take_incident(struct reading *reading, const struct dynamodb_item *item, str arn) {
    struct history *history = reading->history;
    const struct posture_incident incident = {
        .arn = str_copy(reading->arena, arn),
        .owner = text_of(reading, item, "owner"),
        .findings = text_of(reading, item, "findings"),
        .opened_ms = item_time(item, "openedAt"),
        .closed_ms = item_time(item, "closedAt"),
    };
    if (incident.closed_ms != 0 && incident.closed_ms < reading->from_ms) {
        return;
    }
    ARENA_RESERVE(reading->arena, history->incidents, history->incident_count + 1,
                  reading->incident_capacity);
    history->incidents[history->incident_count++] = incident;
}

/* CHANGE items of enforcement name no action. */
static void take_change(struct reading *reading, const struct dynamodb_item *item, str arn) {
    struct history *history = reading->history;
    int64_t at_ms = item_time(item, "changedAt");
    if (at_ms < reading->from_ms) {
        return;
    }
    ARENA_RESERVE(reading->arena, history->changes, history->change_count + 1,
                  reading->change_capacity);
    str action = text_of(reading, item, "action");
    const struct traffic_window baseline = watch_get_baseline(item);
    history->changes[history->change_count++] = (struct posture_change){
        .arn = str_copy(reading->arena, arn),
        .action = str_is_empty(action) ? ACTION_ENFORCE : action_kind_parse(action),
        .from = mode_parse(dynamodb_get_string(item, "before")),
        .to = mode_parse(dynamodb_get_string(item, "after")),
        .at_ms = at_ms,
        .why = text_of(reading, item, "why"),
        .by = text_of(reading, item, "lastWriter"),
        .has_before = baseline.has_data,
        .before = baseline,
    };
}

/* Added to the other accounts' point of that day. A day with one number that cannot be right is
 * left out. */
static void take_point(struct reading *reading, const struct dynamodb_item *item, str date) {
    struct history *history = reading->history;
    int64_t day;
    static const char *const NAMES[] = {"listed", "nonCompliant", "monitor", "defensive",
                                        "strictest"};
    int64_t numbers[sizeof NAMES / sizeof *NAMES];
    if (!date_parse(date, &day) || day < date_days_of_ms(reading->from_ms)) {
        return;
    }
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (item_read_number(item, NAMES[i], &numbers[i]) == ITEM_NUMBER_BAD) {
            return;
        }
    }
    struct posture_point *point = NULL;
    for (size_t i = 0; i < history->point_count; i++) {
        point = history->points[i].day == day ? &history->points[i] : point;
    }
    if (point == NULL) {
        ARENA_RESERVE(reading->arena, history->points, history->point_count + 1,
                      reading->point_capacity);
        point = &history->points[history->point_count++];
        *point = (struct posture_point){.day = day};
    }
    point->listed += (uint64_t)numbers[0];
    point->non_compliant += (uint64_t)numbers[1];
    for (size_t mode = MODE_MONITOR; mode <= MODE_STRICTEST; mode++) {
        point->modes[mode] += (uint64_t)numbers[2 + mode - MODE_MONITOR];
    }
    (void)protected_percent(point->modes, &point->protected_percent);
}

/* A table may be shared by the functions of several Regions. */
static bool is_of_region(const struct reading *reading, str pk) {
    struct load_balancer_arn parts;
    if (load_balancer_arn_parse(pk, &parts) == STATUS_OK) {
        return str_eq(parts.region, reading->region);
    }
    return str_starts_with(pk, STR(POINT_PK "#")) && str_ends_with(pk, reading->region);
}

/* Most items are of no use here and must take no memory: text is copied only from those that are
 * kept. */
static enum status take_items(void *context, const struct dynamodb_item *items, size_t count,
                              struct error *error) {
    struct reading *reading = context;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        str sk = dynamodb_get_string(&items[i], DYNAMODB_SK);
        str pk = dynamodb_get_string(&items[i], DYNAMODB_PK);
        if (!is_of_region(reading, pk)) {
            continue;
        }
        if (str_eq(sk, STR("STATE"))) {
            take_state(reading, &items[i], pk);
        } else if (str_starts_with(sk, STR("INCIDENT#"))) {
            take_incident(reading, &items[i], pk);
        } else if (str_starts_with(sk, STR("CHANGE#"))) {
            take_change(reading, &items[i], pk);
        } else if (str_starts_with(pk, STR(POINT_PK "#")) && str_starts_with(sk, STR("DAY#"))) {
            take_point(reading, &items[i], str_slice(sk, 4, sk.len));
        }
    }
    return STATUS_OK;
}

static int compare_points(const void *a, const void *b) {
    const struct posture_point *first = a;
    const struct posture_point *second = b;
    return (first->day > second->day) - (first->day < second->day);
}

enum status history_read(const struct state_table *table, str region, int64_t from_ms,
                         int64_t now_ms, struct arena *arena, struct history *history_out,
                         struct error *error) {
    *history_out = (struct history){0};
    struct reading reading = {.region = region,
                              .history = history_out,
                              .arena = arena,
                              .from_ms = from_ms,
                              .now_ms = now_ms};
    /* By far the most items are of hours of traffic, some 600 a load balancer, and before of 0.1.0
     * those of the files that it counted: they need not come. */
    const struct dynamodb_scan scan = {.table = table->name,
                                       .sk_prefix_left_out = STR("TRAFFIC#"),
                                       .sk_prefix_left_out_too = STR("SEEN#")};
    const struct dynamodb_sink sink = {.context = &reading, .take = take_items};
    TRY(dynamodb_scan(table->client, &scan, &sink, arena, error));
    if (history_out->point_count > 0) { /* qsort takes no NULL */
        qsort(history_out->points, history_out->point_count, sizeof *history_out->points,
              compare_points);
    }
    return STATUS_OK;
}

enum status history_read_one(const struct state_table *table, str arn, size_t limit,
                             struct arena *arena, struct history *history_out,
                             struct error *error) {
    static const struct {
        const char *prefix;
        void (*take)(struct reading *reading, const struct dynamodb_item *item, str arn);
    } KINDS[] = {{"INCIDENT#", take_incident}, {"CHANGE#", take_change}};
    *history_out = (struct history){0};
    struct reading reading = {.history = history_out, .arena = arena};
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        const struct dynamodb_query query = {.table = table->name,
                                             .pk = arn,
                                             .sk_prefix = str_from_cstr(KINDS[k].prefix),
                                             .limit = limit,
                                             .is_descending = true};
        struct dynamodb_item *items = NULL;
        size_t count = 0;
        TRY(dynamodb_query(table->client, &query, arena, &items, &count, error));
        for (size_t i = 0; i < count; i++) {
            KINDS[k].take(&reading, &items[i], arn);
        }
    }
    return STATUS_OK;
}

enum status history_put_point(const struct state_table *table, str account_id, str region,
                              const struct posture_point *point, struct arena *arena,
                              struct error *error) {
    int64_t expires_ms = point->day * MS_PER_DAY + POINT_KEPT_MS;
    const struct dynamodb_attribute item[] = {
        dynamodb_string(DYNAMODB_PK, str_format(arena, POINT_PK "#%" STR_FMT "#%" STR_FMT,
                                                STR_ARG(account_id), STR_ARG(region))),
        dynamodb_string(DYNAMODB_SK, str_format(arena, "DAY#%" STR_FMT,
                                                STR_ARG(date_format(arena, point->day)))),
        dynamodb_number(arena, "listed", (int64_t)point->listed),
        dynamodb_number(arena, "nonCompliant", (int64_t)point->non_compliant),
        dynamodb_number(arena, "monitor", (int64_t)point->modes[MODE_MONITOR]),
        dynamodb_number(arena, "defensive", (int64_t)point->modes[MODE_DEFENSIVE]),
        dynamodb_number(arena, "strictest", (int64_t)point->modes[MODE_STRICTEST]),
        dynamodb_number(arena, "expires_at", expires_ms / MS_PER_SECOND),
    };
    const struct dynamodb_put put = {.table = table->name,
                                     .item = {item, sizeof item / sizeof *item}};
    return dynamodb_put_item(table->client, &put, arena, error);
}
