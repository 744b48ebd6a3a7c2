/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep tells AWS Config: its judgements chunk by chunk, and in the end what has vanished.
 */
#include "report/render.h"
#include "sweep_internal.h"

#define NAME_BYTES_MAX 2048 /* the longest, with its reason */
#define REASONS_MAX    5

bool sweep_is_complete(const struct sweep *sweep) {
    return sweep->list_error.status == STATUS_OK && sweep->unknown_count == 0 &&
           sweep->not_reached_count == 0 && !sweep->is_flawed &&
           sweep->report_error.status == STATUS_OK;
}

/* All of them, the first ones with the reason. */
static void note_unknown(struct sweep *sweep, const struct evaluation *evaluation) {
    size_t before = sweep->unknown_names.len;
    buf_printf(&sweep->unknown_names, "%s%" STR_FMT, sweep->unknown_count++ == 0 ? "" : ", ",
               STR_ARG(evaluation->resource_id));
    if (sweep->unknown_count <= REASONS_MAX) {
        buf_printf(&sweep->unknown_names, " (%" STR_FMT ")",
                   STR_ARG(str_utf8_prefix(evaluation->reason, 300)));
    }
    if (sweep->unknown_names.len > SWEEP_NAMES_BYTES_MAX - NAME_BYTES_MAX) {
        buf_rewind(&sweep->unknown_names, before); /* the count says how many there are */
    }
}

void sweep_report(struct sweep *sweep, const struct config_evaluation *evaluations, size_t count,
                  struct arena *arena) {
    if (count == 0 || !sweep->reports) {
        return;
    }
    struct config_report part;
    struct error error = {0};
    enum status status = config_put_evaluations(&sweep->guard->aws, sweep->invocation->result_token,
                                                evaluations, count, arena, &part, &error);
    sweep->report.reported += part.reported;
    sweep->report.failed += part.failed;
    if (status != STATUS_OK && sweep->report_error.status == STATUS_OK) {
        error.status = status;
        error_copy(&sweep->report_error, sweep->arena, &error);
    }
}

void sweep_conclude(struct sweep *sweep, struct evaluation *evaluation,
                    struct config_evaluation *evaluations, size_t *count, struct arena *arena) {
    evaluation->ordering_ms = sweep->ordering_ms;
    evaluation_log(sweep->guard, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        note_unknown(sweep, evaluation);
        return;
    }
    evaluations[(*count)++] = evaluation_to_config(evaluation, arena);
}

/* Judged on a state after the one this sweep speaks of: a load balancer that was created while we
 * were listing, and that a change event judged meanwhile, has not vanished. */
static bool is_newer(const struct sweep *sweep, const struct config_result *result) {
    return result->ordering_ms / MS_PER_SECOND > sweep->ordering_ms / MS_PER_SECOND;
}

/* Config keeps the result of a dead resource until it is told otherwise; so it does with those of
 * network load balancers that another version of the rule may have left. */
static bool has_vanished(const struct sweep *sweep, const struct config_result *result,
                         struct evaluation *evaluation) {
    if (!str_eq(result->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE)) ||
        str_eq(result->compliance_type, STR("NOT_APPLICABLE")) || is_newer(sweep, result)) {
        return false;
    }
    const struct load_balancer *listed = sweep_find_listed(sweep, result->resource_id);
    if (listed != NULL && sweep_is_to_be_judged(listed)) {
        return false;
    }
    str reason = listed == NULL ? STR("does not exist any more")
                                : STR("not an Application Load Balancer: it has no desync mode");
    evaluation_without_facts(evaluation, result->resource_type, result->resource_id, NOT_APPLICABLE,
                             reason);
    evaluation->source = SOURCE_LIVE;
    return true;
}

static void look_up_vanished(struct sweep *sweep) {
    struct config_result *results = NULL;
    size_t result_count = 0;
    struct error error = {0};
    enum status status = config_list_results(&sweep->guard->aws, sweep->invocation->rule_name,
                                             sweep->arena, &results, &result_count, &error);
    if (status != STATUS_OK) {
        error.status = status;
        sweep->vanished_error = error;
        return;
    }
    struct evaluation *evaluation = ARENA_NEW(sweep->arena, struct evaluation);
    struct config_evaluation *evaluations =
        ARENA_ARRAY(sweep->arena, struct config_evaluation, result_count);
    for (size_t i = 0; i < result_count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            sweep_conclude(sweep, evaluation, evaluations, &sweep->vanished_count, sweep->arena);
            response_add(&sweep->response, sweep->arena, evaluation);
        }
    }
    sweep_report(sweep, evaluations, sweep->vanished_count, sweep->arena);
    for (size_t i = 0; sweep->acts && i < result_count; i++) {
        if (has_vanished(sweep, &results[i], evaluation)) {
            struct load_balancer gone = {.arn = results[i].resource_id};
            control_handle_judgement(&sweep->control, &gone,
                                     sweep->guard->clock->now_ms(sweep->guard->clock), evaluation);
        }
    }
}

/* Only a complete sweep may conclude from absence. A sweep that no rule asked for has nothing to
 * look up; a rule without a name, or with a longer one than the API takes, cannot be looked up,
 * which its owner should know. */
static bool may_clean_up(const struct sweep *sweep) {
    str rule_name = sweep->invocation->rule_name;
    if (!sweep_is_complete(sweep) || !sweep->reports) {
        return false;
    }
    const char *obstacle = NULL;
    if (str_is_empty(rule_name)) {
        obstacle = "the event has no configRuleName";
    } else if (str_utf8_count(rule_name) > CONFIG_RULE_NAME_CHARACTERS_MAX) {
        obstacle = "AWS Config lists no results of rules with such long names";
    }
    if (obstacle != NULL) {
        LOG(sweep->guard->log, LOG_WARN, "clean_up_skipped", LOG_STR("ruleName", rule_name),
            LOG_STR("reason", str_from_cstr(obstacle)));
    }
    return obstacle == NULL;
}

void sweep_clean_up(struct sweep *sweep) {
    if (may_clean_up(sweep)) {
        look_up_vanished(sweep);
    }
}
