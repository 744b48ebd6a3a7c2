/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of metrics in the log, which CloudWatch reads: written after the work is done, without a
 * call, so that nothing waits for them and nothing fails by them.
 */
#include "control/metrics.h"

#include <string.h>

#define LINE_BYTES_MAX ((size_t)16 * 1024)
#define MS_PER_HOUR    (3600.0 * 1000.0)

/* Empty when it is no ARN of a load balancer. */
static str account_of(str arn) {
    struct load_balancer_arn parts = {0};
    return load_balancer_arn_parse(arn, &parts) == STATUS_OK ? parts.account_id : STR_EMPTY;
}

struct fleet_count fleet_count_of(str account_id) {
    struct fleet_count count = {.account_id = ""};
    if (account_id.len == sizeof count.account_id - 1) {
        memcpy(count.account_id, account_id.ptr, account_id.len);
    }
    return count;
}

void fleet_count_add(struct fleet_count *count, const struct evaluation *evaluation) {
    if (count->account_id[0] == '\0') {
        memcpy(count->account_id, fleet_count_of(account_of(evaluation->resource_id)).account_id,
               sizeof count->account_id);
    }
    count->compliances[evaluation->compliance]++;
    if (evaluation->compliance != NOT_APPLICABLE) {
        count->modes[evaluation->mode]++;
        count->exceptions_active += evaluation->has_active_exception ? 1 : 0;
    }
}

/* A search for ERROR finds metrics only where the function logs nothing below. A text log is not
 * filtered by Lambda. */
static const char *level_of(const struct log *log) {
    return log->format == LOG_FORMAT_JSON ? log_level_name(log_level_passing(log)) : NULL;
}

void metrics_write(const struct guard *guard, const struct metrics_place *place,
                   const struct emf_metric *metrics, size_t count, struct arena *arena) {
    struct buf text;
    if (guard->metrics.write == NULL || count == 0) {
        return;
    }
    const struct emf_line line = {.metrics_namespace = guard->settings.report.metrics_namespace,
                                  .account_id = place->account_id,
                                  .region = place->region,
                                  .now_ms = guard_now_ms(guard),
                                  .log_level = level_of(guard->log)};
    buf_init(&text, arena, LINE_BYTES_MAX);
    emf_write(&text, arena, &line, metrics, count);
    if (buf_status(&text) == STATUS_OK) {
        guard->metrics.write(guard->metrics.context, buf_str(&text));
    }
}

/* For the Region that guard->aws reaches. */
static void write_metrics(const struct guard *guard, str account_id,
                          const struct emf_metric *metrics, size_t count, struct arena *arena) {
    const struct metrics_place place = {account_id, guard->aws.region};
    metrics_write(guard, &place, metrics, count, arena);
}

struct posture_point fleet_count_point(const struct fleet_count *count, int64_t day) {
    struct posture_point point = {
        .day = day,
        .listed = count->compliances[COMPLIANT] + count->compliances[NON_COMPLIANT] +
                  count->compliances[COMPLIANCE_UNKNOWN],
        .non_compliant = count->compliances[NON_COMPLIANT],
    };
    memcpy(point.modes, count->modes, sizeof point.modes);
    (void)protected_percent(point.modes, &point.protected_percent);
    return point;
}

void metrics_of_fleet(const struct guard *guard, const struct fleet_count *count,
                      int64_t duration_ms, struct arena *arena) {
    double percent;
    bool is_any_known = protected_percent(count->modes, &percent);
    const struct emf_metric metrics[] = {
        {"ProtectedPercent", "Percent", percent},
        {"Monitor", "Count", (double)count->modes[MODE_MONITOR]},
        {"Defensive", "Count", (double)count->modes[MODE_DEFENSIVE]},
        {"Strictest", "Count", (double)count->modes[MODE_STRICTEST]},
        {"NonCompliant", "Count", (double)count->compliances[NON_COMPLIANT]},
        {"Unknown", "Count", (double)count->compliances[COMPLIANCE_UNKNOWN]},
        {"ExceptionsActive", "Count", (double)count->exceptions_active},
        {"SweepDuration", "Seconds", (double)duration_ms / (double)MS_PER_SECOND},
    };
    str account_id = str_from_cstr(count->account_id);
    /* Of nothing that is known there is no share, and the first metric is left out. */
    size_t skipped = !is_any_known && count->compliances[COMPLIANCE_UNKNOWN] > 0 ? 1 : 0;
    write_metrics(guard, account_id, metrics + skipped, sizeof metrics / sizeof *metrics - skipped,
                  arena);
}

static size_t count_done(const struct control *control, enum action_kind kind) {
    size_t count = 0;
    for (size_t i = 0; i < control->action_count; i++) {
        const struct action *action = &control->actions[i];
        count += action->status == ACTION_DONE && action->action == kind ? 1 : 0;
    }
    return count;
}

void metrics_of_actions(const struct control *control) {
    static const struct {
        enum action_kind action;
        const char *metric;
    } kinds[] = {{ACTION_ENFORCE, "Enforced"},
                 {ACTION_PROMOTE, "Promoted"},
                 {ACTION_ROLLBACK, "RolledBack"}};
    struct emf_metric metrics[sizeof kinds / sizeof *kinds + 1];
    size_t count = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t done = count_done(control, kinds[i].action);
        if (done > 0) {
            metrics[count++] = (struct emf_metric){kinds[i].metric, "Count", (double)done};
        }
    }
    if (control->event_ms != 0 && count_done(control, ACTION_ENFORCE) > 0) {
        int64_t passed_ms = guard_now_ms(control->guard) - control->event_ms;
        double seconds = passed_ms > 0 ? (double)passed_ms / (double)MS_PER_SECOND : 0.0;
        metrics[count++] = (struct emf_metric){"EventToEnforcedSeconds", "Seconds", seconds};
    }
    if (count > 0) {
        str account_id = STR_EMPTY;
        for (size_t i = 0; i < control->action_count && str_is_empty(account_id); i++) {
            account_id = account_of(control->actions[i].resource_id);
        }
        write_metrics(control->guard, account_id, metrics, count, control->keep);
    }
}

void metrics_of_repair(const struct control *control, str arn, int64_t opened_ms,
                       int64_t closed_ms) {
    double hours = closed_ms > opened_ms ? (double)(closed_ms - opened_ms) / MS_PER_HOUR : 0.0;
    const struct emf_metric metric = {"MTTRHours", "None", hours};
    write_metrics(control->guard, account_of(arn), &metric, 1, control->arena);
}
