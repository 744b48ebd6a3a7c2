/* SPDX-License-Identifier: Apache-2.0
 *
 * The control loop (loop_world.h) with evidence: TRAFFIC items in its table, and a CloudWatch that
 * knows what a test has counted.
 */
#ifndef PROMOTION_WORLD_H
#define PROMOTION_WORLD_H

#include "loop_world.h"
#include "table/budget.h"

#define PROMOTION_METRICS_MAX 512
#define MINUTES(n)            ((n)*INT64_C(60000))

#define RETRY "<member><Key>desync-promotion</Key><Value>retry</Value></member>"

#define ASKS_METRICS "GetMetricData"
#define ASKS_QUERY   "DynamoDB_20120810.Query"
#define ASKS_WRITES  "DynamoDB_20120810.TransactWriteItems"

#define PROMOTION_ALL                                                                              \
    "PROMOTION", "enforce", "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC,                \
        "CONFIG_RULE_NAME", LOOP_RULE, "ELB_REQUESTS_PER_SECOND", "off", PROMOTION_ONE_DAY

/* The logs of these tests are of one day and few clients. */
#define PROMOTION_ONE_DAY "PROMOTION_MIN_DAYS", "1", "PROMOTION_MIN_CLIENTS", "1"

struct promotion_metric {
    str load_balancer; /* "app/lb-0/0000000000000000" */
    const char *name;
    int64_t at_ms;
    int value;
};

struct promotion_world {
    struct loop loop;
    struct promotion_metric metrics[PROMOTION_METRICS_MAX];
    size_t metric_count;
    bool is_partial; /* CloudWatch answers in part */
};

static inline str promotion_dimension(str arn) {
    size_t prefix = sizeof REGION_ARN - 1;
    return str_slice(arn, prefix, arn.len);
}

static inline void promotion_count(struct promotion_world *world, str arn, const char *name,
                                   int64_t at_ms, int value) {
    assert_true(world->metric_count < PROMOTION_METRICS_MAX);
    world->metrics[world->metric_count++] =
        (struct promotion_metric){promotion_dimension(arn), name, at_ms, value};
}

/* The series of one query, `period_s` long each. */
static inline void promotion_series(const struct promotion_world *world, const struct json *query,
                                    struct buf *times, struct buf *values) {
    const struct json *stat = json_get(query, "MetricStat");
    const struct json *metric = json_get(stat, "Metric");
    str name = json_get_string(metric, "MetricName");
    str dimension = json_get_string(json_first(json_get(metric, "Dimensions")), "Value");
    double period_s = 0;
    assert_true(json_number(json_get(stat, "Period"), &period_s));
    assert_str(json_get_string(metric, "Namespace"), "AWS/ApplicationELB");
    for (size_t i = 0; i < world->metric_count; i++) {
        const struct promotion_metric *each = &world->metrics[i];
        if (str_eq(name, str_from_cstr(each->name)) && str_eq(dimension, each->load_balancer)) {
            int64_t time_s = each->at_ms / 1000 - each->at_ms / 1000 % (int64_t)period_s;
            const char *comma = times->len == 0 ? "" : ",";
            buf_printf(times, "%s%lld", comma, (long long)time_s);
            buf_printf(values, "%s%d", comma, each->value);
        }
    }
}

static inline struct fake_answer promotion_metrics(struct promotion_world *world,
                                                   const struct json *body) {
    struct arena *arena = &world->loop.fake.arena;
    struct buf out;
    buf_init(&out, arena, 1 << 20);
    buf_append(&out, STR("{\"MetricDataResults\":["));
    const struct json *queries = json_get(body, "MetricDataQueries");
    for (const struct json *query = json_first(queries); query; query = json_next(query)) {
        struct buf times;
        struct buf values;
        buf_init(&times, arena, 1 << 16);
        buf_init(&values, arena, 1 << 16);
        promotion_series(world, query, &times, &values);
        buf_printf(&out,
                   "%s{\"Id\":\"%" STR_FMT "\",\"StatusCode\":\"%s\",\"Timestamps\":[%" STR_FMT
                   "],\"Values\":[%" STR_FMT "]}",
                   query == json_first(queries) ? "" : ",", STR_ARG(json_get_string(query, "Id")),
                   world->is_partial ? "PartialData" : "Complete", STR_ARG(buf_str(&times)),
                   STR_ARG(buf_str(&values)));
    }
    buf_append(&out, STR("]}"));
    return table_ok(&out);
}

/* A whole pk, or a range of it, ascending. */
static inline struct fake_answer promotion_query(struct table *table, const struct json *body) {
    struct buf out;
    buf_init(&out, table->arena, 1 << 20);
    const struct json *values = json_get(body, "ExpressionAttributeValues");
    struct table_attribute pk = table_parse_value(table, STR_EMPTY, json_get(values, ":pk"));
    bool has_range = json_get(values, ":from") != NULL;
    str from = STR_EMPTY;
    str to = STR("~");
    assert_str(json_get_string(body, "KeyConditionExpression"),
               has_range ? "pk = :pk AND sk BETWEEN :from AND :to" : "pk = :pk");
    if (has_range) {
        from = table_parse_value(table, STR_EMPTY, json_get(values, ":from")).value;
        to = table_parse_value(table, STR_EMPTY, json_get(values, ":to")).value;
    }
    buf_append(&out, STR("{\"Items\":["));
    str above = STR_EMPTY;
    for (size_t given = 0;; given++) {
        const struct table_item *next = NULL;
        for (size_t i = 0; i < table->count; i++) {
            str sk = table_text(&table->items[i], "sk");
            bool is_asked = str_eq(table_text(&table->items[i], "pk"), pk.value) &&
                            str_compare(sk, from) >= 0 && str_compare(sk, to) <= 0 &&
                            (given == 0 || str_compare(sk, above) > 0);
            if (is_asked && (next == NULL || str_compare(sk, table_text(next, "sk")) < 0)) {
                next = &table->items[i];
            }
        }
        if (next == NULL) {
            break;
        }
        above = table_text(next, "sk");
        buf_append(&out, given == 0 ? STR("") : STR(","));
        table_write_item(&out, next);
    }
    buf_append(&out, STR("]}"));
    return table_ok(&out);
}

static inline struct fake_answer promotion_serve(struct promotion_world *world,
                                                 const struct http_request *request) {
    struct loop *loop = &world->loop;
    const struct json *body = NULL;
    bool is_metrics = fake_matches(&loop->fake, request, ASKS_METRICS);
    bool is_query = fake_matches(&loop->fake, request, ASKS_QUERY) &&
                    !str_contains(request->body, STR("begins_with"));
    if (!is_metrics && !is_query) {
        return loop_serve(loop, request);
    }
    assert_int_equal(
        json_parse(&loop->fake.arena, request->body, &JSON_LIMITS_DEFAULT, &body, NULL), STATUS_OK);
    return is_metrics ? promotion_metrics(world, body) : promotion_query(loop->table, body);
}

static inline struct fake_answer promotion_respond(void *context,
                                                   const struct http_request *request) {
    struct promotion_world *world = context;
    struct loop *loop = &world->loop;
    loop_meanwhile(loop, request);
    struct fake_answer answer = {.http_status = 0};
    bool is_at_fault = loop_is_at_fault(loop, request);
    if (!is_at_fault || loop->fault.is_after) {
        answer = promotion_serve(world, request);
    }
    answer = is_at_fault ? loop->fault.answer : answer;
    answer.took_ms = answer.took_ms == 0 ? 20 : answer.took_ms;
    return answer;
}

/* `count` load balancers, all of them in defensive. */
static inline void promotion_world_begin(struct promotion_world *world,
                                         const char *const *variables, size_t count) {
    loop_begin(&world->loop, variables, count);
    world->metric_count = 0;
    world->is_partial = false;
    world->loop.fake.respond = promotion_respond;
    world->loop.fake.respond_context = world;
    for (size_t i = 0; i < count; i++) {
        world->loop.region->members[i].mode = "defensive";
    }
}

static inline struct region_member *promotion_member(struct promotion_world *world, size_t i) {
    return &world->loop.region->members[i];
}

/* What the access logs counted in the eighth hour of a day: requests of a dozen networks, all
 * served. */
static inline void promotion_log_on(struct promotion_world *world, size_t i, const char *day,
                                    const char *compliant, const char *acceptable) {
    struct arena *arena = &world->loop.fake.arena;
    const char *sk = str_format(arena, "TRAFFIC#%sT07", day).ptr;
    const char *newest = str_format(arena, "%sT07:50:00.000Z", day).ptr;
    (void)table_plant(world->loop.table, promotion_member(world, i)->arn,
                      PAIRS("sk", sk, "+requests", compliant, "+compliant", compliant,
                            "+acceptable", acceptable, "+http1Lines", compliant, "+http1",
                            compliant, "+blockedServed", acceptable, "*clients",
                            "AB AR Ah Ax BB BR Bh Bx CB CR Ch Cx", "newest_at", newest));
}

/* The same on the day of the tests. */
static inline void promotion_log(struct promotion_world *world, size_t i, const char *compliant,
                                 const char *acceptable) {
    promotion_log_on(world, i, "2026-11-23", compliant, acceptable);
}

/* Likewise on this day, all of them good. */
static inline void promotion_log_now(struct promotion_world *world, size_t i) {
    struct arena *arena = &world->loop.fake.arena;
    str day = date_format(arena, date_days_of_ms(world->loop.fake.now_ms));
    promotion_log_on(world, i, str_to_cstr(arena, day), "5000", "0");
}

/* The next promotion turn is free, and the logs are fresh. */
static inline void promotion_turn_passes(struct promotion_world *world) {
    world->loop.fake.now_ms += BUDGET_TURN_EVERY_MS;
    for (size_t i = 0; i < world->loop.region->count; i++) {
        promotion_log_now(world, i);
    }
}

static inline void promotion_sweep(struct promotion_world *world, size_t copy,
                                   const char *request_id) {
    loop_handle(&world->loop.copies[copy], STR("{\"action\":\"sweep\"}"), request_id);
}

static inline void promotion_watch(struct promotion_world *world, size_t copy,
                                   const char *request_id) {
    loop_handle(&world->loop.copies[copy], STR("{\"action\":\"watch\"}"), request_id);
}

static inline const struct table_item *promotion_watched(struct promotion_world *world, size_t i) {
    return table_find(world->loop.table, STR("WATCH"), promotion_member(world, i)->arn);
}

static inline str promotion_status(struct promotion_world *world, size_t i) {
    return table_text(promotion_watched(world, i), "status");
}

/* An hour in which so many of 1000 requests met an error, and the hour before without any. */
static inline void promotion_hour_passes(struct promotion_world *world, size_t i, int errors) {
    str arn = promotion_member(world, i)->arn;
    int64_t changed_ms = world->loop.fake.now_ms;
    promotion_count(world, arn, "RequestCount", changed_ms - MINUTES(30), 1000);
    promotion_count(world, arn, "RequestCount", changed_ms + MINUTES(30), 1000);
    if (errors > 0) {
        promotion_count(world, arn, "HTTPCode_ELB_4XX_Count", changed_ms + MINUTES(30), errors);
    }
    world->loop.fake.now_ms += MINUTES(70);
}

/* The actions of the reply that say this of the ith. */
static inline size_t promotion_acted(struct promotion_world *world, size_t copy, size_t i,
                                     enum action_kind action, enum action_status status) {
    const struct app_reply *reply = &world->loop.copies[copy].reply;
    size_t count = 0;
    for (size_t a = 0; a < reply->action_count; a++) {
        const struct action *each = &reply->actions[a];
        count += str_eq(each->resource_id, promotion_member(world, i)->arn) &&
                         each->action == action && each->status == status
                     ? 1
                     : 0;
    }
    return count;
}

#endif
