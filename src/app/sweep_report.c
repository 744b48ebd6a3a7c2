/* SPDX-License-Identifier: Apache-2.0
 *
 * How a sweep reports: to AWS Config its judgements chunk by chunk and in the end what has
 * vanished, and in the reply how far it came.
 */
#include "report/render.h"
#include "sweep_internal.h"

#define NAME_BYTES_MAX 2048 /* the longest, with its reason */
#define REASONS_MAX    5

bool sweep_is_complete(const struct sweep *sweep) {
    return sweep->listing.error.status == STATUS_OK && sweep->result.unknown_count == 0 &&
           sweep->result.not_reached_count == 0 && !sweep->cursor.is_flawed &&
           sweep->result.report_error.status == STATUS_OK;
}

/* --- to AWS Config -------------------------------------------------------------------------- */

/* All of them, the first ones with the reason. */
static void note_unknown(struct sweep_result *result, const struct evaluation *evaluation) {
    size_t before = result->unknown_names.len;
    buf_printf(&result->unknown_names, "%s%" STR_FMT, result->unknown_count++ == 0 ? "" : ", ",
               STR_ARG(evaluation->resource_id));
    if (result->unknown_count <= REASONS_MAX) {
        buf_printf(&result->unknown_names, " (%" STR_FMT ")",
                   STR_ARG(str_utf8_prefix(evaluation->reason, 300)));
    }
    if (result->unknown_names.len > SWEEP_NAMES_BYTES_MAX - NAME_BYTES_MAX) {
        buf_rewind(&result->unknown_names, before); /* the count says how many there are */
    }
}

static void conclude(struct sweep *sweep, struct evaluation *evaluation,
                     struct config_evaluation *evaluations, size_t *count, struct arena *arena) {
    evaluation->ordering_ms = sweep->ordering_ms;
    evaluation_log(sweep->guard, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        note_unknown(&sweep->result, evaluation);
    } else {
        evaluations[(*count)++] = evaluation_to_config(evaluation, arena);
    }
}

static void put_evaluations(struct sweep *sweep, const struct config_evaluation *evaluations,
                            size_t count, struct arena *arena) {
    struct sweep_result *result = &sweep->result;
    struct config_report part;
    struct error error = {0};
    if (count == 0 || !sweep->reports) {
        return;
    }
    error.status = config_put_evaluations(&sweep->guard->aws, sweep->invocation->result_token,
                                          evaluations, count, arena, &part, &error);
    result->report.reported += part.reported;
    result->report.failed += part.failed;
    if (error.status != STATUS_OK && result->report_error.status == STATUS_OK) {
        error_copy(&result->report_error, sweep->arena, &error);
    }
}

void sweep_report_chunk(struct sweep *sweep, const struct judged_chunk *chunk) {
    struct config_evaluation *reports =
        ARENA_ARRAY(chunk->arena, struct config_evaluation, chunk->count);
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status != STATUS_DEADLINE) {
            conclude(sweep, &chunk->evaluations[i], reports, &count, chunk->arena);
        }
    }
    sweep->result.judged_count += count;
    put_evaluations(sweep, reports, count, chunk->arena);
}

/* AWS Config keeps the result of a dead resource until somebody reports another; so it does with
 * results of network load balancers that another version of the rule may have left. A result of a
 * later moment than this sweep's is of a load balancer that was created meanwhile. */
static bool has_vanished(const struct sweep *sweep, const struct config_result *result,
                         struct evaluation *evaluation) {
    bool is_newer = result->ordering_ms / MS_PER_SECOND > sweep->ordering_ms / MS_PER_SECOND;
    const struct load_balancer *listed = listing_find(&sweep->listing, result->resource_id);
    if (!str_eq(result->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE)) ||
        str_eq(result->compliance_type, str_from_cstr(compliance_name(NOT_APPLICABLE))) ||
        is_newer || (listed != NULL && listing_is_to_be_judged(listed))) {
        return false;
    }
    evaluation_without_facts(evaluation, result->resource_type, result->resource_id, NOT_APPLICABLE,
                             listed == NULL
                                 ? STR(GONE_REASON)
                                 : STR("not an Application Load Balancer: it has no desync mode"));
    evaluation->source = SOURCE_LIVE;
    return true;
}

static void look_up_vanished(struct sweep *sweep) {
    struct config_result *results = NULL;
    size_t count = 0;
    struct error *error = &sweep->result.vanished_error;
    error->status = config_list_results(&sweep->guard->aws, sweep->invocation->rule_name,
                                        sweep->arena, &results, &count, error);
    if (error->status != STATUS_OK) {
        return;
    }
    struct evaluation *evaluation = ARENA_NEW(sweep->arena, struct evaluation);
    struct config_evaluation *evaluations =
        ARENA_ARRAY(sweep->arena, struct config_evaluation, count);
    for (size_t i = 0; i < count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            conclude(sweep, evaluation, evaluations, &sweep->result.vanished_count, sweep->arena);
            response_add(&sweep->result.response, sweep->arena, evaluation);
        }
    }
    put_evaluations(sweep, evaluations, sweep->result.vanished_count, sweep->arena);
    for (size_t i = 0; sweep->acts && i < count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            struct load_balancer gone = {.arn = results[i].resource_id};
            control_handle_judgement(&sweep->control, &gone, guard_now_ms(sweep->guard),
                                     evaluation);
        }
    }
}

/* A sweep that no rule asked for has nothing to look up; that the results of a rule cannot be
 * looked up its owner should know. */
void sweep_report_vanished(struct sweep *sweep) {
    str rule_name = sweep->invocation->rule_name;
    str obstacle = STR_EMPTY;
    if (!sweep_is_complete(sweep) || !sweep->reports) {
        return;
    }
    if (str_is_empty(rule_name)) {
        obstacle = STR("the event has no configRuleName");
    } else if (str_utf8_count(rule_name) > CONFIG_RULE_NAME_CHARACTERS_MAX) {
        obstacle = STR("AWS Config lists no results of rules with such long names");
    }
    if (str_is_empty(obstacle)) {
        look_up_vanished(sweep);
    } else {
        LOG(sweep->guard->log, LOG_WARN, "clean_up_skipped", LOG_STR("ruleName", rule_name),
            LOG_STR("reason", obstacle));
    }
}

/* --- in the reply --------------------------------------------------------------------------- */

static enum error_type error_type_of(const struct sweep *sweep) {
    const struct sweep_result *result = &sweep->result;
    if (result->report_error.status != STATUS_OK) {
        return ERROR_REPORT_FAILED;
    }
    if (sweep->listing.error.status != STATUS_OK || result->not_reached_count > 0 ||
        result->vanished_error.status != STATUS_OK) {
        return ERROR_SWEEP_INCOMPLETE;
    }
    return result->unknown_count > 0 || sweep->cursor.is_flawed ? ERROR_VERDICT_UNKNOWN
                                                                : ERROR_ACTION_FAILED;
}

static void append_cause(struct buf *out, const char *problem, const struct error *error) {
    if (error->status != STATUS_OK) {
        buf_printf(out, "; %s: %" STR_FMT, problem, STR_ARG(error->message));
    }
}

static const char *was(size_t count) {
    return str_by_count(count, "was", "were");
}

static str how_far(const struct sweep *sweep) {
    const struct sweep_result *result = &sweep->result;
    size_t resumed_count = sweep->cursor.resumed_count;
    struct buf out;
    if (sweep->options->is_audit && sweep->listing.count == 0) {
        return sweep->listing.error.message; /* counts of nothing say nothing */
    }
    buf_init(&out, sweep->arena, (size_t)2 * SWEEP_NAMES_BYTES_MAX);
    buf_printf(&out,
               "of %zu load balancer%s listed (%zu to judge) %zu %s judged, %zu reported, %zu %s "
               "unknown and %zu %s not reached in time",
               sweep->listing.count, str_by_count(sweep->listing.count, "", "s"),
               sweep->listing.to_judge_count, result->judged_count, was(result->judged_count),
               result->report.reported, result->unknown_count,
               str_by_count(result->unknown_count, "is", "are"), result->not_reached_count,
               was(result->not_reached_count));
    if (resumed_count > 0) {
        buf_printf(&out, "; %zu %s judged by the invocations before this one%s", resumed_count,
                   was(resumed_count), sweep->cursor.is_flawed ? ", which left some unknown" : "");
    }
    if (!str_is_empty(result->not_reached_because)) {
        buf_printf(&out, "; the first of them: %" STR_FMT, STR_ARG(result->not_reached_because));
    }
    append_cause(&out, "the listing is incomplete", &sweep->listing.error);
    append_cause(&out, "not all could be reported", &result->report_error);
    append_cause(&out, "vanished ones could not be looked up", &result->vanished_error);
    append_cause(&out, "not all could be acted on", &sweep->control.first_failure);
    if (result->unacted_count > 0) {
        buf_printf(&out, "; no time was left to act on %zu", result->unacted_count);
    }
    if (result->unknown_count > 0 && sweep->options->listener == NULL) { /* which gets each one */
        buf_printf(&out, "; unknown: %" STR_FMT, STR_ARG(buf_str(&result->unknown_names)));
    }
    return buf_str(&out);
}

void sweep_reply(struct sweep *sweep, struct app_reply *reply) {
    const struct sweep_result *result = &sweep->result;
    /* An alarm of the template counts these lines: in Lambda no level may drop them. */
    bool is_counted = sweep->guard->metrics.write != NULL && !sweep->options->is_audit;
    LOG(sweep->guard->log, is_counted ? log_level_passing(sweep->guard->log) : LOG_INFO, "swept",
        LOG_INT("listed", (int64_t)sweep->listing.count),
        LOG_INT("toJudge", (int64_t)sweep->listing.to_judge_count),
        LOG_INT("judged", (int64_t)result->judged_count),
        LOG_INT("unknown", (int64_t)result->unknown_count),
        LOG_INT("resumed", (int64_t)sweep->cursor.resumed_count),
        LOG_INT("notReached", (int64_t)result->not_reached_count),
        LOG_INT("vanished", (int64_t)result->vanished_count),
        LOG_INT("reported", (int64_t)result->report.reported),
        LOG_INT("failed", (int64_t)result->report.failed));
    reply_end(&sweep->result.response, &sweep->control, &result->report, reply);
    if (!sweep_is_complete(sweep) || result->vanished_error.status != STATUS_OK ||
        sweep->control.first_failure.status != STATUS_OK || result->unacted_count > 0) {
        reply_error(reply, error_type_of(sweep), how_far(sweep));
    }
    reply->judged_count = result->judged_count;
}
