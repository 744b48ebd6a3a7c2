/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: numbers that could not be read in full are no evidence. They come from the TRAFFIC
 * items of the access logs, and from CloudWatch for the days and requests that the logs do not
 * cover. A query for each load balancer is cheap beside the pace of Elastic Load Balancing;
 * CloudWatch answers for many load balancers in one call.
 */
#include "control/evidence.h"
#include "aws/cloudwatch.h"
#include "table/traffic_days.h"

#define MS_PER_MINUTE    (60 * MS_PER_SECOND)
#define SECONDS_PER_DAY  86400
#define METRICS          5  /* of a window */
#define WEEKDAYS_DAYS    35 /* how far back a weekday with traffic is looked for */
#define EVIDENCE_METRICS 2  /* of the evidence: the rest says nothing of clients to be blocked */

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

/* Bit 0 is Monday; 1970-01-01 was a Thursday. */
static uint32_t weekday_bit(int64_t day) {
    return UINT32_C(1) << (day + 3) % 7;
}

static void add_outcomes(const struct traffic_day *day, int64_t number, struct evidence *evidence) {
    const struct traffic_counts *counts = &day->counts;
    evidence->http1_requests += counts->http1;
    evidence->http2_requests += counts->http2;
    evidence->synthetic += counts->synthetic;
    evidence->blocked_served += counts->blocked_served;
    evidence->unserved += counts->unserved;
    evidence->severe_served += counts->severe_served;
    evidence->severe_unserved += counts->severe_unserved;
    evidence->blocked_clients += counts->blocked_clients;
    evidence->traffic_days += counts->http1 > 0 ? 1 : 0;
    evidence->weekdays_logged |= counts->http1 > 0 ? weekday_bit(number) : 0;
    evidence->has_clients = evidence->has_clients || day->has_outcomes;
    evidence->has_old_items = evidence->has_old_items || day->has_old;
}

static void add_day(const struct traffic_day *day, struct day_counts *day_counts,
                    struct evidence *evidence) {
    const struct traffic_counts *counts = &day->counts;
    evidence->log_days += counts->requests > 0 ? 1 : 0;
    evidence->compliant += counts->compliant;
    evidence->acceptable += counts->acceptable;
    evidence->ambiguous += counts->ambiguous;
    evidence->severe += counts->severe;
    evidence->unclassified +=
        counts->unknown > counts->unfamiliar ? counts->unknown - counts->unfamiliar : 0;
    evidence->unfamiliar += counts->unfamiliar;
    evidence->unparsed += counts->unparsed;
    evidence->without_time += counts->without_time;
    evidence->damaged += counts->damaged;
    evidence->log_newest_ms =
        day->newest_ms > evidence->log_newest_ms ? day->newest_ms : evidence->log_newest_ms;
    *day_counts = (struct day_counts){.logged = counts->requests,
                                      .logged_compliant = counts->compliant,
                                      .logged_non_compliant =
                                          counts->acceptable + counts->ambiguous + counts->severe};
}

/* Of what CloudWatch counts, so much can be blocked. Days of which 0.1.0 counted a part are left
 * out. */
static double http1_share_of(const struct traffic_day *days, size_t count) {
    uint64_t http1_lines = 0;
    uint64_t requests = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_told = days[i].has_outcomes && !days[i].has_old;
        http1_lines += is_told ? days[i].counts.http1_lines : 0;
        requests += is_told ? days[i].counts.requests : 0;
    }
    return http1_lines < requests ? (double)http1_lines / (double)requests : 1;
}

static void add_days(const struct traffic_day *days, int64_t first_day, struct arena *arena,
                     struct day_counts *counts, struct evidence_query *query) {
    struct evidence *evidence = &query->evidence;
    struct client_sketch clients = {.hash_count = 0};
    size_t count = (size_t)evidence->days;
    for (size_t i = 0; i < count; i++) {
        query->is_read = query->is_read && !days[i].is_bad;
        query->has_unfolded = query->has_unfolded || (days[i].has_hours && !days[i].is_folded &&
                                                      count - i > TRAFFIC_FOLDED_AFTER_DAYS);
        add_day(&days[i], &counts[i], evidence);
        add_outcomes(&days[i], first_day + (int64_t)i, evidence);
        client_sketch_merge(&clients, &days[i].clients);
        if (days[i].blocked_reason_count > 0) { /* the latest day's */
            evidence->blocked_reason = days[i].blocked_reasons[0];
        }
    }
    evidence->blocked_reason = str_copy(arena, evidence->blocked_reason);
    evidence->clients = client_sketch_count(&clients);
    evidence->http1_share = http1_share_of(days, count);
}

static enum status read_logs(struct guard *guard, struct evidence_query *query,
                             struct day_counts *counts, struct arena *arena, struct error *error) {
    const struct state_table table = {.client = &guard->home,
                                      .name = guard->settings.control.promotion.evidence_table};
    int64_t today = date_days_of_ms(guard_now_ms(guard));
    int64_t first_day = today - query->evidence.days + 1;
    query->is_read = true;
    query->evidence.http1_share = 1;
    if (str_is_empty(table.name)) {
        return STATUS_OK;
    }
    struct arena scratch = {0};
    struct traffic_day *days =
        ARENA_ARRAY(&scratch, struct traffic_day, (size_t)query->evidence.days);
    enum status status =
        traffic_read_days(&table, query->arn, first_day, today, arena, days, error);
    if (status == STATUS_OK) {
        add_days(days, first_day, arena, counts, query);
    }
    arena_clean_up(&scratch);
    query->evidence.logs_elsewhere = query->evidence.writes_logs == YES &&
                                     query->evidence.log_days == 0 &&
                                     !str_is_empty(query->evidence.logs_bucket);
    return status;
}

enum status evidence_read_logs(struct guard *guard, struct evidence_query *query,
                               struct arena *arena, struct error *error) {
    query->evidence.days = guard->settings.control.promotion.evidence.evidence_days;
    struct day_counts *days =
        ARENA_ARRAY(arena, struct day_counts, (size_t)query->evidence.days + 1);
    return read_logs(guard, query, days, arena, error);
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

/* Of the metrics, which say more than the window: on which weekdays there is traffic. */
static int metric_days(int days) {
    return days > WEEKDAYS_DAYS ? days : WEEKDAYS_DAYS;
}

static void add_weekdays(const struct cloudwatch_series *series, struct evidence *evidence) {
    int count = metric_days(evidence->days);
    for (int i = count - WEEKDAYS_DAYS; i < count; i++) {
        bool has_any = round_sum(series[0].values[i]) > 0;
        int64_t day = date_days_of_ms(series[0].start_ms) + i;
        evidence->weekdays_traffic |= has_any ? weekday_bit(day) : 0;
    }
}

/* Logs win on the days they cover. A day that is over changes no more once its last logs are there.
 * Of today metrics are there before the logs: it counts as covered, too, when its logs and those of
 * yesterday hold half of both days' requests, so that the minutes on their way make no difference
 * early in the day. Without any line it is a day without logs, whenever that is. */
static void add_metrics(const struct cloudwatch_series *series, struct day_counts *days,
                        struct evidence *evidence) {
    int before = metric_days(evidence->days) - evidence->days;
    for (int i = 0; i < evidence->days; i++) {
        struct day_counts *day = &days[i];
        day->counted = round_sum(series[0].values[before + i]);
        day->counted_non_compliant = round_sum(series[1].values[before + i]);
        if (day->counted > 0) {
            int64_t number = date_days_of_ms(series[0].start_ms) + before + i;
            evidence->metric_days++;
            evidence->weekdays_counted |= weekday_bit(number);
        }
        bool has_lines = day->logged_compliant + day->logged_non_compliant > 0;
        bool has_half = 2 * day->logged >= day->counted ||
                        (i == evidence->days - 1 && i > 0 &&
                         2 * (day->logged + day[-1].logged) >= day->counted + day[-1].counted);
        if (day->counted + day->counted_non_compliant == 0 || (has_lines && has_half)) {
            continue;
        }
        /* The requests in the logs of a day are counted already, and the logs say more of them. */
        evidence->has_metrics = true;
        evidence->metric_newest_ms = series[0].start_ms + (before + i) * MS_PER_DAY;
        evidence->thin_days += has_lines ? 1 : 0;
        evidence->metric_requests += rest_of(day->counted, has_lines ? day->logged : 0);
        evidence->metric_non_compliant +=
            rest_of(day->counted_non_compliant, has_lines ? day->logged_non_compliant : 0);
    }
}

static enum status read_metrics(struct guard *guard, struct evidence_query *queries, size_t count,
                                struct day_counts *days, struct arena *arena, struct error *error) {
    int64_t today = date_days_of_ms(guard_now_ms(guard));
    size_t days_each = (size_t)guard->settings.control.promotion.evidence.evidence_days;
    int span = metric_days((int)days_each);
    struct cloudwatch_series *series =
        ARENA_ARRAY(arena, struct cloudwatch_series, count * EVIDENCE_METRICS);
    for (size_t i = 0; i < count * EVIDENCE_METRICS; i++) {
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i % EVIDENCE_METRICS],
            .load_balancer = dimension_of(queries[i / EVIDENCE_METRICS].arn),
            .start_ms = (today - span + 1) * MS_PER_DAY,
            .end_ms = (today + 1) * MS_PER_DAY,
            .period_s = SECONDS_PER_DAY,
            .values = ARENA_ARRAY(arena, double, (size_t)span),
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
            add_weekdays(own, &queries[i].evidence);
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

static enum status require_complete(const struct cloudwatch_series *series, struct arena *arena,
                                    struct error *error) {
    return series->is_complete
               ? STATUS_OK
               : error_set(error, arena, STATUS_INCOMPLETE,
                           "monitoring GetMetricData: CloudWatch did not return all of %s",
                           series->metric);
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
        TRY(require_complete(&series[i], arena, error));
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

/* Which of the counts of a window METRIC_NAMES[metric] is. */
static uint64_t *count_of_window(struct traffic_window *window, size_t metric) {
    uint64_t *const counts[METRICS] = {&window->requests, &window->non_compliant, &window->elb_4xx,
                                       &window->elb_5xx, &window->target_5xx};
    return counts[metric];
}

enum status bins_read(struct guard *guard, const struct bins_query *query, struct arena *arena,
                      struct traffic_window *bins_out, struct error *error) {
    size_t each = (size_t)(WATCH_BIN_MS / MS_PER_SECOND) / (size_t)query->period_s;
    struct cloudwatch_series series[METRICS];
    for (size_t i = 0; i < METRICS; i++) {
        series[i] = (struct cloudwatch_series){
            .metric = METRIC_NAMES[i],
            .load_balancer = dimension_of(query->arn),
            .start_ms = query->start_ms,
            .end_ms = query->start_ms + (int64_t)query->count * WATCH_BIN_MS,
            .period_s = query->period_s,
            .values = ARENA_ARRAY(arena, double, query->count *each),
        };
    }
    TRY(cloudwatch_get_sums(&guard->aws, series, METRICS, arena, error));
    for (size_t i = 0; i < METRICS; i++) {
        TRY(require_complete(&series[i], arena, error));
    }
    for (size_t bin = 0; bin < query->count; bin++) {
        struct traffic_window *window = &bins_out[bin];
        int64_t start_ms = query->start_ms + (int64_t)bin * WATCH_BIN_MS;
        *window = (struct traffic_window){.start_ms = start_ms, .end_ms = start_ms + WATCH_BIN_MS};
        for (size_t i = 0; i < METRICS * each; i++) {
            double value = series[i / each].values[bin * each + i % each];
            *count_of_window(window, i / each) += round_sum(value);
        }
        window->has_data = window->requests > 0;
    }
    return STATUS_OK;
}

struct traffic_window window_before(int64_t moment_ms, int minutes) {
    int64_t end_ms = moment_ms - moment_ms % MS_PER_MINUTE;
    return (struct traffic_window){.start_ms = end_ms - minutes * MS_PER_MINUTE, .end_ms = end_ms};
}
