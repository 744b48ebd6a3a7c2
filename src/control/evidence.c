/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence: what the access logs counted (TRAFFIC items, a query a load balancer: a sweep's pace
 * leaves time for it, as it waits longer for Elastic Load Balancing than the table takes), and what
 * CloudWatch counted, many load balancers a call.
 */
#include "control/evidence.h"
#include "aws/cloudwatch.h"
#include "control_internal.h"
#include "table/item.h"

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

/* What the logs and CloudWatch tell of one day. */
struct day_counts {
    uint64_t logged; /* requests */
    uint64_t logged_compliant;
    uint64_t logged_non_compliant;
    uint64_t counted; /* requests */
    uint64_t counted_non_compliant;
};

struct asking {
    struct evidence_query *each;
    struct day_counts *days; /* of the window */
    bool is_broken;          /* an item of the table cannot be right */
};

static const char *const COUNTERS[] = {"requests",    "compliant", "acceptable", "ambiguous",
                                       "severe",      "unknown",   "unfamiliar", "unparsed",
                                       "withoutTime", "damaged"};

/* What such a day would have said is not known. */
static bool holds_bad_number(const struct dynamodb_item *item) {
    int64_t number;
    for (size_t i = 0; i < sizeof COUNTERS / sizeof *COUNTERS; i++) {
        if (item_read_number(item, COUNTERS[i], &number) == ITEM_NUMBER_BAD) {
            return true;
        }
    }
    return false;
}

static void note_day(const struct dynamodb_item *item, int64_t first_day, struct day_counts *days) {
    str sk = dynamodb_get_string(item, DYNAMODB_SK);
    int64_t number = 0;
    if (!date_parse(str_slice(sk, sizeof TRAFFIC_PREFIX - 1, sk.len), &number) ||
        number < first_day) {
        return;
    }
    struct day_counts *day = &days[number - first_day];
    day->logged = (uint64_t)item_number(item, "requests");
    day->logged_compliant = (uint64_t)item_number(item, "compliant");
    day->logged_non_compliant =
        (uint64_t)(item_number(item, "acceptable") + item_number(item, "ambiguous") +
                   item_number(item, "severe"));
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

static enum status read_logs(struct guard *guard, struct asking *asking, int64_t today,
                             struct arena *arena, struct error *error) {
    struct evidence_query *each = asking->each;
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    int64_t first_day = today - each->evidence.days + 1;
    const struct dynamodb_query query = {
        .table = guard->settings.control.promotion.evidence_table,
        .pk = each->arn,
        .sk_from = day_key(arena, first_day),
        .sk_to = day_key(arena, today),
    };
    if (str_is_empty(query.table)) {
        return STATUS_OK;
    }
    TRY(dynamodb_query(&guard->home, &query, arena, &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        asking->is_broken = asking->is_broken || holds_bad_number(&items[i]);
        add_day(&items[i], &each->evidence);
        note_day(&items[i], first_day, asking->days);
    }
    return STATUS_OK;
}

static uint64_t whole(double sum) {
    return sum < 1 ? 0 : (uint64_t)(sum + 0.5);
}

static uint64_t sum_of(const struct cloudwatch_series *series) {
    return whole(series->sum);
}

/* The dimension's value: "app/my-alb/50dc6c495c0c9188". */
static str dimension_of(str arn) {
    struct load_balancer_arn parts;
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK ? parts.resource : arn;
}

static bool has_known_lines(const struct day_counts *day) {
    return day->logged_compliant + day->logged_non_compliant > 0;
}

static bool holds_half(uint64_t logged, uint64_t counted) {
    return 2 * logged >= counted;
}

/* Logs win on the days they cover. A day that is over changes no more once its last logs are there.
 * Of today metrics are there before the logs: it counts as covered, too, when its logs and those of
 * yesterday hold half of both days' requests, so that the minutes on their way make no difference
 * early in the day. Without any line it is a day without logs, whenever that is. */
static bool is_covered(const struct asking *asking, int number) {
    const struct day_counts *day = &asking->days[number];
    bool is_today = number == asking->each->evidence.days - 1;
    if (!has_known_lines(day)) {
        return false;
    }
    if (holds_half(day->logged, day->counted)) {
        return true;
    }
    return is_today && number > 0 &&
           holds_half(day->logged + day[-1].logged, day->counted + day[-1].counted);
}

static uint64_t rest_of(uint64_t counted, uint64_t logged) {
    return counted > logged ? counted - logged : 0;
}

/* What the logs of a day hold is counted already, and of it they tell more. */
static void take_day(const struct day_counts *day, struct evidence *evidence) {
    bool is_thin = has_known_lines(day);
    evidence->has_metrics = true;
    evidence->thin_days += is_thin ? 1 : 0;
    evidence->metric_requests += rest_of(day->counted, is_thin ? day->logged : 0);
    evidence->metric_non_compliant +=
        rest_of(day->counted_non_compliant, is_thin ? day->logged_non_compliant : 0);
}

static void take_metrics(const struct cloudwatch_series *series, const struct asking *asking) {
    struct evidence *evidence = &asking->each->evidence;
    for (int i = 0; i < evidence->days; i++) {
        asking->days[i].counted = whole(series[0].values[i]);
        asking->days[i].counted_non_compliant = whole(series[1].values[i]);
    }
    for (int i = 0; i < evidence->days; i++) {
        const struct day_counts *day = &asking->days[i];
        if (day->counted + day->counted_non_compliant > 0 && !is_covered(asking, i)) {
            take_day(day, evidence);
            evidence->metric_newest_ms = series[0].start_ms + i * MS_PER_DAY;
        }
    }
}

/* Numbers in the table that cannot be right, or PartialData, Forbidden or InternalError of this
 * one: what it would have said is not known. */
static void log_unread(const struct guard *guard, const struct asking *asking) {
    LOG(guard->log, LOG_WARN, "evidence_failed", LOG_STR("resourceId", asking->each->arn),
        LOG_STR("reason",
                asking->is_broken
                    ? STR("a TRAFFIC item holds a number that cannot be a count: no advice on it")
                    : STR("CloudWatch could not tell all of its metrics: no advice on it")));
}

static enum status read_metrics(struct guard *guard, const struct asking *asked, size_t count,
                                struct arena *arena, struct error *error) {
    int64_t now_ms = guard->clock->now_ms(guard->clock);
    int64_t today = date_days_of_ms(now_ms);
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * EVIDENCE_METRICS + 1);
    for (size_t i = 0; i < count * EVIDENCE_METRICS; i++) {
        const struct evidence_query *each = asked[i / EVIDENCE_METRICS].each;
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % EVIDENCE_METRICS],
            .load_balancer = dimension_of(each->arn),
            .start_ms = (today - each->evidence.days + 1) * MS_PER_DAY,
            .end_ms = (today + 1) * MS_PER_DAY,
            .period_s = SECONDS_PER_DAY,
            .values = ARENA_ARRAY(arena, double, (size_t)each->evidence.days),
        };
    }
    if (count > 0) {
        TRY(cloudwatch_get_sums(&guard->aws, series, count * EVIDENCE_METRICS, arena, error));
    }
    for (size_t i = 0; i < count; i++) {
        const struct cloudwatch_series *own = &series[i * EVIDENCE_METRICS];
        asked[i].each->is_read = !asked[i].is_broken && own[0].is_complete && own[1].is_complete;
        if (asked[i].each->is_read) {
            take_metrics(own, &asked[i]);
        } else {
            log_unread(guard, &asked[i]);
        }
    }
    return STATUS_OK;
}

enum status evidence_read(struct guard *guard, struct evidence_query *cases, size_t count,
                          struct arena *arena, struct error *error) {
    int64_t now_ms = guard->clock->now_ms(guard->clock);
    struct asking *asked = ARENA_ARRAY(arena, struct asking, count + 1);
    int days = guard->settings.control.promotion.evidence.evidence_days;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        cases[i].evidence.days = days;
        asked[i] = (struct asking){.each = &cases[i],
                                   .days = ARENA_ARRAY(arena, struct day_counts, (size_t)days)};
        status = read_logs(guard, &asked[i], date_days_of_ms(now_ms), arena, error);
    }
    TRY(status);
    return read_metrics(guard, asked, count, arena, error);
}

static void take_window(const struct cloudwatch_series *series, struct traffic_window *window) {
    window->has_data = series[0].points > 0;
    window->requests = sum_of(&series[0]);
    window->non_compliant = sum_of(&series[1]);
    window->elb_4xx = sum_of(&series[2]);
    window->elb_5xx = sum_of(&series[3]);
    window->target_5xx = sum_of(&series[4]);
}

enum status windows_read(struct guard *guard, struct window_query *cases, size_t count,
                         struct arena *arena, struct error *error) {
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * METRICS + 1);
    for (size_t i = 0; i < count * METRICS; i++) {
        const struct window_query *each = &cases[i / METRICS];
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % METRICS],
            .load_balancer = dimension_of(each->arn),
            .start_ms = each->window.start_ms,
            .end_ms = each->window.end_ms,
            .period_s = 60,
        };
    }
    if (count > 0) {
        TRY(cloudwatch_get_sums(&guard->aws, series, count * METRICS, arena, error));
    }
    for (size_t i = 0; i < count * METRICS; i++) {
        if (!series[i].is_complete) {
            return error_set(error, arena, STATUS_INCOMPLETE,
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
