/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence: what the access logs counted (TRAFFIC items, a query a load balancer: a sweep's pace
 * leaves time for it, as it waits longer for Elastic Load Balancing than the table takes), and what
 * CloudWatch counted, many load balancers a call.
 */
#include "aws/cloudwatch.h"
#include "item_internal.h"
#include "promote_internal.h"

#define MS_PER_MINUTE    (60 * MS_PER_SECOND)
#define SECONDS_PER_DAY  86400
#define TRAFFIC_PREFIX   "TRAFFIC#"
#define METRICS          5 /* of a window */
#define EVIDENCE_METRICS 2 /* of the evidence: the rest says nothing of clients to be blocked */

static const char *const METRIC_NAMES[METRICS] = {
    "RequestCount",
    "DesyncMitigationMode_NonCompliant_Request_Count",
    "HTTPCode_ELB_4XX_Count",
    "HTTPCode_ELB_5XX_Count",
    "HTTPCode_Target_5XX_Count",
};

struct asking {
    struct evidence_case *each;
    bool *is_covered; /* each day of the window, by logs */
};

/* A day that logs tell of is not asked of CloudWatch. */
static void note_covered(const struct dynamodb_item *item, int64_t first_day, bool *is_covered) {
    static const char *const CLASSES[] = {"compliant", "acceptable", "ambiguous", "severe"};
    str sk = dynamodb_get_string(item, DYNAMODB_SK);
    int64_t day = 0;
    if (!date_parse(str_slice(sk, sizeof TRAFFIC_PREFIX - 1, sk.len), &day) || day < first_day) {
        return;
    }
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++) {
        is_covered[day - first_day] |= item_number(item, CLASSES[i]) > 0;
    }
}

static void add_day(const struct dynamodb_item *item, struct evidence *evidence) {
    uint64_t unfamiliar = (uint64_t)item_number(item, "unfamiliar");
    uint64_t unknown = (uint64_t)item_number(item, "unknown");
    uint64_t requests = (uint64_t)item_number(item, "requests");
    int64_t newest_ms = 0;
    evidence->log_days += requests > 0 ? 1 : 0;
    evidence->has_logs = evidence->has_logs || requests > 0;
    evidence->log_requests += requests;
    evidence->compliant += (uint64_t)item_number(item, "compliant");
    evidence->acceptable += (uint64_t)item_number(item, "acceptable");
    evidence->ambiguous += (uint64_t)item_number(item, "ambiguous");
    evidence->severe += (uint64_t)item_number(item, "severe");
    evidence->unclassified += unknown > unfamiliar ? unknown - unfamiliar : 0;
    evidence->unfamiliar += unfamiliar;
    evidence->unparsed += (uint64_t)item_number(item, "unparsed");
    evidence->without_time += (uint64_t)item_number(item, "withoutTime");
    evidence->damaged += (uint64_t)item_number(item, "damaged");
    if (time_parse_iso8601(dynamodb_get_string(item, "newest_at"), &newest_ms) &&
        newest_ms > evidence->log_newest_ms) {
        evidence->log_newest_ms = newest_ms;
    }
}

static str day_key(struct arena *arena, int64_t day) {
    str date = date_format(arena, day);
    return str_format(arena, TRAFFIC_PREFIX "%" STR_FMT, STR_ARG(date));
}

static enum status read_logs(struct app *app,
                             struct asking *asking,
                             int64_t today,
                             struct arena *arena,
                             struct error *error) {
    struct evidence_case *each = asking->each;
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    int64_t first_day = today - each->evidence.days + 1;
    const struct dynamodb_query query = {
        .table = app->settings.act.promotion.evidence_table,
        .pk = each->arn,
        .sk_from = day_key(arena, first_day),
        .sk_to = day_key(arena, today),
    };
    if (str_is_empty(query.table)) {
        return STATUS_OK;
    }
    TRY(dynamodb_query(&app->home, &query, arena, &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        add_day(&items[i], &each->evidence);
        note_covered(&items[i], first_day, asking->is_covered);
    }
    return STATUS_OK;
}

/* Logs win on the days they cover, and say nothing of the others. */
static bool needs_metrics(const struct asking *asking) {
    for (int day = 0; day < asking->each->evidence.days; day++) {
        if (!asking->is_covered[day]) {
            return true;
        }
    }
    return false;
}

static uint64_t sum_of(const struct cloudwatch_series *series) {
    return series->sum < 1 ? 0 : (uint64_t)(series->sum + 0.5);
}

/* The dimension's value: "app/my-alb/50dc6c495c0c9188". */
static str dimension_of(str arn) {
    struct load_balancer_arn parts;
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK ? parts.resource : arn;
}

static void take_metrics(const struct cloudwatch_series *series, struct evidence *evidence) {
    if (series[0].points == 0 && series[1].points == 0) {
        return;
    }
    size_t newest = series[0].points > 0 ? 0 : 1;
    evidence->has_metrics = true;
    evidence->metric_requests = sum_of(&series[0]);
    evidence->metric_non_compliant = sum_of(&series[1]);
    evidence->metric_newest_ms = series[newest].newest_ms;
}

/* PartialData, Forbidden or InternalError of this one: what it would have said is not known. */
static void log_unread(const struct app *app, str arn) {
    LOG(app->log,
        LOG_WARN,
        "evidence_failed",
        LOG_STR("resourceId", arn),
        LOG_STR("reason", STR("CloudWatch could not tell all of its metrics: no advice on it")));
}

static enum status read_metrics(struct app *app,
                                const struct asking *asked,
                                size_t count,
                                struct arena *arena,
                                struct error *error) {
    int64_t now_ms = app->clock->now_ms(app->clock);
    int64_t today = date_days_of_ms(now_ms);
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * EVIDENCE_METRICS + 1);
    for (size_t i = 0; i < count * EVIDENCE_METRICS; i++) {
        const struct evidence_case *each = asked[i / EVIDENCE_METRICS].each;
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % EVIDENCE_METRICS],
            .load_balancer = dimension_of(each->arn),
            .start_ms = (today - each->evidence.days + 1) * MS_PER_DAY,
            .end_ms = (today + 1) * MS_PER_DAY,
            .period_s = SECONDS_PER_DAY,
            .left_out = asked[i / EVIDENCE_METRICS].is_covered,
        };
    }
    if (count > 0) {
        TRY(cloudwatch_get_sums(&app->aws, series, count * EVIDENCE_METRICS, arena, error));
    }
    for (size_t i = 0; i < count; i++) {
        const struct cloudwatch_series *own = &series[i * EVIDENCE_METRICS];
        asked[i].each->is_read = own[0].is_complete && own[1].is_complete;
        if (asked[i].each->is_read) {
            take_metrics(own, &asked[i].each->evidence);
        } else {
            log_unread(app, asked[i].each->arn);
        }
    }
    return STATUS_OK;
}

enum status evidence_read(struct app *app,
                          struct evidence_case *cases,
                          size_t count,
                          struct arena *arena,
                          struct error *error) {
    int64_t now_ms = app->clock->now_ms(app->clock);
    struct asking *asked = ARENA_ARRAY(arena, struct asking, count + 1);
    size_t asked_count = 0;
    int days = app->settings.act.promotion.evidence.evidence_days;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct asking *asking = &asked[asked_count];
        cases[i].evidence.days = days;
        *asking = (struct asking){&cases[i], ARENA_ARRAY(arena, bool, (size_t)days)};
        status = read_logs(app, asking, date_days_of_ms(now_ms), arena, error);
        bool is_asked = status == STATUS_OK && needs_metrics(asking);
        asked_count += is_asked ? 1 : 0;
        cases[i].is_read = status == STATUS_OK && !is_asked;
    }
    TRY(status);
    return read_metrics(app, asked, asked_count, arena, error);
}

static void take_window(const struct cloudwatch_series *series, struct traffic_window *window) {
    window->has_data = series[0].points > 0;
    window->requests = sum_of(&series[0]);
    window->non_compliant = sum_of(&series[1]);
    window->elb_4xx = sum_of(&series[2]);
    window->elb_5xx = sum_of(&series[3]);
    window->target_5xx = sum_of(&series[4]);
}

enum status windows_read(struct app *app,
                         struct window_case *cases,
                         size_t count,
                         struct arena *arena,
                         struct error *error) {
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * METRICS + 1);
    for (size_t i = 0; i < count * METRICS; i++) {
        const struct window_case *each = &cases[i / METRICS];
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % METRICS],
            .load_balancer = dimension_of(each->arn),
            .start_ms = each->window.start_ms,
            .end_ms = each->window.end_ms,
            .period_s = 60,
        };
    }
    if (count > 0) {
        TRY(cloudwatch_get_sums(&app->aws, series, count * METRICS, arena, error));
    }
    for (size_t i = 0; i < count * METRICS; i++) {
        if (!series[i].is_complete) {
            return error_set(error,
                             arena,
                             STATUS_INCOMPLETE,
                             "monitoring GetMetricData: not all of %s could be told",
                             series[i].metric);
        }
    }
    for (size_t i = 0; i < count; i++) {
        take_window(&series[i * METRICS], &cases[i].window);
    }
    return STATUS_OK;
}

struct traffic_window window_before(int64_t moment_ms, int minutes) {
    int64_t end_ms = moment_ms - moment_ms % MS_PER_MINUTE;
    return (struct traffic_window){.start_ms = end_ms - minutes * MS_PER_MINUTE, .end_ms = end_ms};
}
