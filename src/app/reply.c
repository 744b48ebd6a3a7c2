/* SPDX-License-Identifier: Apache-2.0
 *
 * What the use cases do alike with a judgement and with the reply of the invocation.
 */
#include "app_internal.h"
#include "control/accounts.h"
#include "report/render.h"

struct config_evaluation evaluation_to_config(const struct evaluation *evaluation,
                                              struct arena *arena) {
    ASSERT(evaluation->compliance != COMPLIANCE_UNKNOWN);
    return (struct config_evaluation){.resource_type = evaluation->resource_type,
                                      .resource_id = evaluation->resource_id,
                                      .compliance_type =
                                          str_from_cstr(compliance_name(evaluation->compliance)),
                                      .annotation = annotation_render(arena, evaluation),
                                      .ordering_ms = evaluation->ordering_ms};
}

void evaluation_log(const struct guard *guard, const struct evaluation *evaluation) {
    LOG(guard->log, LOG_INFO, "evaluated", LOG_STR("resourceId", evaluation->resource_id),
        LOG_STR("compliance", str_from_cstr(compliance_name(evaluation->compliance))),
        LOG_STR("mode", str_from_cstr(mode_name(evaluation->mode))),
        LOG_STR("requiredMode", str_from_cstr(mode_name(evaluation->required_mode))),
        LOG_STR("source", evaluation->source == SOURCE_LIVE ? STR("live") : STR("event")),
        LOG_STR("reason", evaluation->reason));
}

void evaluation_after_failed_read(struct evaluation *evaluation_out, str arn,
                                  const struct error *error) {
    bool is_gone = error->status == STATUS_NOT_FOUND;
    evaluation_without_facts(evaluation_out, STR(LOAD_BALANCER_RESOURCE_TYPE), arn,
                             is_gone ? NOT_APPLICABLE : COMPLIANCE_UNKNOWN,
                             is_gone ? STR(GONE_REASON) : error->message);
    evaluation_out->source = SOURCE_LIVE;
}

const struct policy *policy_or_reply(const struct guard *guard, const struct json *rule_parameters,
                                     struct arena *arena, struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (effective_policy(guard, rule_parameters, arena, policy, &error) == STATUS_OK) {
        return policy;
    }
    reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
    return NULL;
}

void reply_error(struct app_reply *reply, enum error_type error, str message) {
    static const char *const TEXTS[] = {
#define X(name, text) [name] = (text),
        ERROR_TYPE_MAP(X)
#undef X
    };
    reply->is_error = true;
    reply->body = STR_EMPTY;
    reply->error = error;
    reply->error_type = str_from_cstr(TEXTS[error]);
    reply->error_message = message;
}

void reply_begin(struct response *response, struct arena *arena) {
    struct buf *body = ARENA_NEW(arena, struct buf);
    buf_init(body, arena, RESPONSE_BYTES_MAX);
    response_begin(response, body);
}

void reply_end(struct response *response, const struct control *control,
               const struct config_report *report, struct app_reply *reply) {
    reply->actions = control->actions;
    reply->action_count = control->action_count;
    if (control->first_failure.status != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, control->first_failure.message);
        return;
    }
    const struct response_totals totals = {.reported = report == NULL ? 0 : report->reported,
                                           .failed = report == NULL ? 0 : report->failed,
                                           .actions = control->actions,
                                           .action_count = control->action_count};
    response_end(response, &totals);
    reply->body = buf_str(response->out);
}

void reply_write_nothing_judged(struct json_writer *writer) {
    json_write_key(writer, STR("evaluations"));
    json_write_raw(writer, STR("[]"));
    json_write_member_i64(writer, "reported", 0);
    json_write_member_i64(writer, "failed", 0);
    json_write_key(writer, STR("actions"));
    json_write_raw(writer, STR("[]"));
}

void log_off(const struct guard *guard, str part, str reason) {
    LOG(guard->log, LOG_WARN, "off", LOG_STR("part", part), LOG_STR("reason", reason));
}

void reply_skip_other_policy(struct control *control, const struct config_invocation *invocation) {
    str rule = str_or(invocation->rule_name, invocation->item.resource_id);
    const struct action action = {
        .resource_id = rule,
        .action = ACTION_REMEMBER,
        .status = ACTION_SKIPPED,
        .reason = STR("the rule's parameters differ from the function's own (its environment): its "
                      "verdicts are reported, and nothing is changed, alerted or remembered")};
    action_add(control, &action, NULL);
    LOG(control->guard->log, LOG_WARN, "other_policy", LOG_STR("rule", rule));
}
