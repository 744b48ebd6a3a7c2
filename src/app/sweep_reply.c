/* SPDX-License-Identifier: Apache-2.0
 *
 * How a sweep ends: what whoever asked for it is answered.
 */
#include "report/render.h"
#include "sweep_internal.h"

static const char *error_type_of(const struct sweep *sweep) {
    if (sweep->report_error.status != STATUS_OK) {
        return ERROR_REPORT_FAILED;
    }
    if (sweep->list_error.status != STATUS_OK || sweep->not_reached_count > 0 ||
        sweep->vanished_error.status != STATUS_OK) {
        return ERROR_SWEEP_INCOMPLETE;
    }
    return sweep->unknown_count > 0 || sweep->is_flawed ? ERROR_VERDICT_UNKNOWN
                                                        : ERROR_ACTION_FAILED;
}

static void append_cause(struct buf *out, const char *what, const struct error *error) {
    if (error->status != STATUS_OK) {
        buf_printf(out, "; %s: %" STR_FMT, what, STR_ARG(error->message));
    }
}

static const char *was(size_t count) {
    return str_by_count(count, "was", "were");
}

static str how_far(struct sweep *sweep) {
    struct buf out;
    buf_init(&out, sweep->arena, (size_t)2 * SWEEP_NAMES_BYTES_MAX);
    buf_printf(&out,
               "of %zu load balancer%s listed (%zu to judge) %zu %s judged, %zu reported, %zu %s "
               "unknown and %zu %s not reached in time",
               sweep->listed_count, str_by_count(sweep->listed_count, "", "s"),
               sweep->to_judge_count, sweep->judged_count, was(sweep->judged_count),
               sweep->report.reported, sweep->unknown_count,
               str_by_count(sweep->unknown_count, "is", "are"), sweep->not_reached_count,
               was(sweep->not_reached_count));
    if (sweep->resumed_count > 0) {
        buf_printf(&out, "; %zu %s judged by the invocations before this one%s",
                   sweep->resumed_count, was(sweep->resumed_count),
                   sweep->is_flawed ? ", which left some unknown" : "");
    }
    if (!str_is_empty(sweep->not_reached_because)) {
        buf_printf(&out, "; the first of them: %" STR_FMT, STR_ARG(sweep->not_reached_because));
    }
    append_cause(&out, "the listing is incomplete", &sweep->list_error);
    append_cause(&out, "not all could be reported", &sweep->report_error);
    append_cause(&out, "vanished ones could not be looked up", &sweep->vanished_error);
    append_cause(&out, "not all could be acted on", &sweep->control.first_failure);
    if (sweep->unacted_count > 0) {
        buf_printf(&out, "; no time was left to act on %zu", sweep->unacted_count);
    }
    if (sweep->unknown_count > 0) {
        buf_printf(&out, "; unknown: %" STR_FMT, STR_ARG(buf_str(&sweep->unknown_names)));
    }
    return buf_str(&out);
}

/* An alarm of the template counts these lines: in Lambda no level may drop them. */
void sweep_log(const struct sweep *sweep) {
    bool is_audit = sweep->listener != NULL && sweep->listener->is_audit;
    bool is_counted = sweep->guard->metrics.write != NULL && !is_audit;
    LOG(sweep->guard->log, is_counted ? log_level_passing(sweep->guard->log) : LOG_INFO, "swept",
        LOG_INT("listed", (int64_t)sweep->listed_count),
        LOG_INT("toJudge", (int64_t)sweep->to_judge_count),
        LOG_INT("judged", (int64_t)sweep->judged_count),
        LOG_INT("unknown", (int64_t)sweep->unknown_count),
        LOG_INT("resumed", (int64_t)sweep->resumed_count),
        LOG_INT("notReached", (int64_t)sweep->not_reached_count),
        LOG_INT("vanished", (int64_t)sweep->vanished_count),
        LOG_INT("reported", (int64_t)sweep->report.reported),
        LOG_INT("failed", (int64_t)sweep->report.failed));
}

static bool has_problem(const struct sweep *sweep) {
    return !sweep_is_complete(sweep) || sweep->vanished_error.status != STATUS_OK ||
           sweep->control.first_failure.status != STATUS_OK || sweep->unacted_count > 0;
}

void sweep_reply(struct sweep *sweep, struct app_reply *reply) {
    str problem = has_problem(sweep) ? how_far(sweep) : STR_EMPTY;
    if (!str_is_empty(problem)) {
        reply_error(reply, error_type_of(sweep), problem);
    } else {
        const struct response_totals totals = {.reported = sweep->report.reported,
                                               .failed = sweep->report.failed,
                                               .actions = sweep->control.actions,
                                               .action_count = sweep->control.action_count};
        response_end(&sweep->response, &totals);
        *reply = (struct app_reply){.body = buf_str(&sweep->body)};
    }
    reply->actions = sweep->control.actions;
    reply->action_count = sweep->control.action_count;
    reply->judged_count = sweep->judged_count;
}
