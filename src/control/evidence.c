/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: numbers that could not be read in full are no evidence. They come from the TRAFFIC
 * items of the access logs, and from CloudWatch for the days and requests that the logs do not
 * cover. A query for each load balancer is cheap beside the pace of Elastic Load Balancing;
 * CloudWatch answers for many load balancers in one call.
 */
#include "control/evidence.h"
#include "aws/cloudwatch.h"
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

/* One day as the logs and CloudWatch counted it. */
struct day_counts {
    uint64_t logged; /* requests */
    uint64_t logged_compliant;
    uint64_t logged_non_compliant;
    uint64_t counted; /* requests */
    uint64_t counted_non_compliant;
};

static uint64_t get_count(const struct dynamodb_item *item, const char *name, bool *is_good) {
    int64_t number;
    *is_good = item_read_number(item, name, &number) != ITEM_NUMBER_BAD && *is_good;
    return (uint64_t)number;
}

/* One TRAFFIC item. false: a number cannot be right, so that the requests of its day are not known.
 */
static bool add_day(const struct dynamodb_item *item, int64_t first_day, struct day_counts *days,
                    struct evidence *evidence) {
    bool is_good = true;
    uint64_t requests = get_count(item, "requests", &is_good);
    uint64_t compliant = get_count(item, "compliant", &is_good);
    uint64_t acceptable = get_count(item, "acceptable", &is_good);
    uint64_t ambiguous = get_count(item, "ambiguous", &is_good);
    uint64_t severe = get_count(item, "severe", &is_good);
    uint64_t unfamiliar = get_count(item, "unfamiliar", &is_good);
    uint64_t unknown = get_count(item, "unknown", &is_good);
    str date = dynamodb_get_string(item, DYNAMODB_SK);
    int64_t day = 0;
    int64_t newest_ms = 0;
    evidence->log_days += requests > 0 ? 1 : 0;
    evidence->compliant += compliant;
    evidence->acceptable += acceptable;
    evidence->ambiguous += ambiguous;
    evidence->severe += severe;
    evidence->unclassified += unknown > unfamiliar ? unknown - unfamiliar : 0;
    evidence->unfamiliar += unfamiliar;
    evidence->unparsed += get_count(item, "unparsed", &is_good);
    evidence->without_time += get_count(item, "withoutTime", &is_good);
    evidence->damaged += get_count(item, "damaged", &is_good);
    if (time_parse_iso8601(dynamodb_get_string(item, "newest_at"), &newest_ms) &&
        newest_ms > evidence->log_newest_ms) {
        evidence->log_newest_ms = newest_ms;
    }
    if (date_parse(str_slice(date, sizeof TRAFFIC_PREFIX - 1, date.len), &day) &&
        day >= first_day) {
        days[day - first_day].logged = requests;
        days[day - first_day].logged_compliant = compliant;
        days[day - first_day].logged_non_compliant = acceptable + ambiguous + severe;
    }
    return is_good;
}

/* "TRAFFIC#2026-11-23" */
static str traffic_key(struct arena *arena, int64_t day) {
    str date = date_format(arena, day);
    return str_format(arena, TRAFFIC_PREFIX "%" STR_FMT, STR_ARG(date));
}

static enum status read_logs(struct guard *guard, struct evidence_query *query,
                             struct day_counts *days, struct arena *arena, struct error *error) {
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    int64_t today = date_days_of_ms(guard->clock->now_ms(guard->clock));
    int64_t first_day = today - query->evidence.days + 1;
    const struct dynamodb_query traffic = {
        .table = guard->settings.control.promotion.evidence_table,
        .pk = query->arn,
        .sk_from = traffic_key(arena, first_day),
        .sk_to = traffic_key(arena, today),
    };
    query->is_read = true;
    if (str_is_empty(traffic.table)) {
        return STATUS_OK;
    }
    TRY(dynamodb_query(&guard->home, &traffic, arena, &items, &count, error));
    for (size_t i = 0; i < count; i++) {
        query->is_read = add_day(&items[i], first_day, days, &query->evidence) && query->is_read;
    }
    return STATUS_OK;
}

static uint64_t round_sum(double sum) {
    return sum < 1 ? 0 : (uint64_t)(sum + 0.5);
}

/* The dimension's value: "app/my-alb/50dc6c495c0c9188". */
static str dimension_of(str arn) {
    struct load_balancer_arn parts;
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK ? parts.resource : arn;
}

static uint64_t rest_of(uint64_t counted, uint64_t logged) {
    return counted > logged ? counted - logged : 0;
}

/* Logs win on the days they cover. A day that is over changes no more once its last logs are there.
 * Of today metrics are there before the logs: it counts as covered, too, when its logs and those of
 * yesterday hold half of both days' requests, so that the minutes on their way make no difference
 * early in the day. Without any line it is a day without logs, whenever that is. */
static void add_metrics(const struct cloudwatch_series *series, struct day_counts *days,
                        struct evidence *evidence) {
    for (int i = 0; i < evidence->days; i++) {
        struct day_counts *day = &days[i];
        day->counted = round_sum(series[0].values[i]);
        day->counted_non_compliant = round_sum(series[1].values[i]);
        bool has_lines = day->logged_compliant + day->logged_non_compliant > 0;
        bool has_half = 2 * day->logged >= day->counted ||
                        (i == evidence->days - 1 && i > 0 &&
                         2 * (day->logged + day[-1].logged) >= day->counted + day[-1].counted);
        if (day->counted + day->counted_non_compliant == 0 || (has_lines && has_half)) {
            continue;
        }
        /* The requests in the logs of a day are counted already, and the logs say more of them. */
        evidence->has_metrics = true;
        evidence->metric_newest_ms = series[0].start_ms + i * MS_PER_DAY;
        evidence->thin_days += has_lines ? 1 : 0;
        evidence->metric_requests += rest_of(day->counted, has_lines ? day->logged : 0);
        evidence->metric_non_compliant +=
            rest_of(day->counted_non_compliant, has_lines ? day->logged_non_compliant : 0);
    }
}

static enum status read_metrics(struct guard *guard, struct evidence_query *queries, size_t count,
                                struct day_counts *days, struct arena *arena, struct error *error) {
    int64_t today = date_days_of_ms(guard->clock->now_ms(guard->clock));
    size_t days_each = (size_t)guard->settings.control.promotion.evidence.evidence_days;
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * EVIDENCE_METRICS);
    for (size_t i = 0; i < count * EVIDENCE_METRICS; i++) {
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % EVIDENCE_METRICS],
            .load_balancer = dimension_of(queries[i / EVIDENCE_METRICS].arn),
            .start_ms = (today - (int64_t)days_each + 1) * MS_PER_DAY,
            .end_ms = (today + 1) * MS_PER_DAY,
            .period_s = SECONDS_PER_DAY,
            .values = ARENA_ARRAY(arena, double, days_each),
        };
    }
    TRY(cloudwatch_get_sums(&guard->aws, series, count * EVIDENCE_METRICS, arena, error));
    for (size_t i = 0; i < count; i++) {
        const struct cloudwatch_series *own = &series[i * EVIDENCE_METRICS];
        /* Not complete: PartialData, Forbidden or InternalError of this load balancer. */
        const char *problem = !queries[i].is_read
                                  ? "a TRAFFIC item holds a number that cannot be a count"
                              : !own[0].is_complete || !own[1].is_complete
                                  ? "CloudWatch did not return all of its metrics"
                                  : NULL;
        queries[i].is_read = problem == NULL;
        if (problem == NULL) {
            add_metrics(own, &days[i * days_each], &queries[i].evidence);
        } else {
            LOG(guard->log, LOG_WARN, "evidence_failed", LOG_STR("resourceId", queries[i].arn),
                LOG_STR("reason", str_format(arena, "%s: there is no advice on this load balancer",
                                             problem)));
        }
    }
    return STATUS_OK;
}

enum status evidence_read(struct guard *guard, struct evidence_query *queries, size_t count,
                          struct arena *arena, struct error *error) {
    int days_each = guard->settings.control.promotion.evidence.evidence_days;
    struct day_counts *days = ARENA_ARRAY(arena, struct day_counts, count * (size_t)days_each + 1);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        queries[i].evidence.days = days_each;
        status = read_logs(guard, &queries[i], &days[i * (size_t)days_each], arena, error);
    }
    if (status == STATUS_OK && count > 0) {
        status = read_metrics(guard, queries, count, days, arena, error);
    }
    for (size_t i = 0; i < count && status != STATUS_OK; i++) {
        queries[i].is_read = false;
    }
    return status;
}

enum status windows_read(struct guard *guard, struct window_query *queries, size_t count,
                         struct arena *arena, struct error *error) {
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * METRICS + 1);
    for (size_t i = 0; i < count * METRICS; i++) {
        const struct window_query *query = &queries[i / METRICS];
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % METRICS],
            .load_balancer = dimension_of(query->arn),
            .start_ms = query->window.start_ms,
            .end_ms = query->window.end_ms,
            .period_s = 60,
        };
    }
    if (count > 0) {
        TRY(cloudwatch_get_sums(&guard->aws, series, count * METRICS, arena, error));
    }
    for (size_t i = 0; i < count * METRICS; i++) {
        if (!series[i].is_complete) {
            return error_set(error, arena, STATUS_INCOMPLETE,
                             "monitoring GetMetricData: CloudWatch did not return all of %s",
                             series[i].metric);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct cloudwatch_series *own = &series[i * METRICS];
        struct traffic_window *window = &queries[i].window;
        window->has_data = own[0].points > 0;
        window->requests = round_sum(own[0].sum);
        window->non_compliant = round_sum(own[1].sum);
        window->elb_4xx = round_sum(own[2].sum);
        window->elb_5xx = round_sum(own[3].sum);
        window->target_5xx = round_sum(own[4].sum);
    }
    return STATUS_OK;
}

struct traffic_window window_before(int64_t moment_ms, int minutes) {
    int64_t end_ms = moment_ms - moment_ms % MS_PER_MINUTE;
    return (struct traffic_window){.start_ms = end_ms - minutes * MS_PER_MINUTE, .end_ms = end_ms};
}
