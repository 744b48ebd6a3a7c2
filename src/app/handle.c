/* SPDX-License-Identifier: Apache-2.0
 *
 * From an event to the use case that handles it, and the same judgement without any call.
 */
#include "app_internal.h"
#include "control/accounts.h"
#include "report/render.h"

/* Posting takes a millisecond; a slow processor and a response of megabytes take more. */
#define POST_RESERVE_MS_MAX 500
#define POST_SHARE          10

static bool is_sweep(const struct invocation *invocation) {
    return invocation->kind == INVOCATION_SWEEP ||
           (invocation->kind == INVOCATION_CONFIG &&
            invocation->config.message == MESSAGE_SCHEDULED);
}

/* Points the clients at the account and Region that the event is of. Logs are read and counted with
 * our own credentials, whichever account's load balancers wrote them. */
static enum status select_account(struct guard *guard, const struct invocation *invocation,
                                  struct arena *arena, struct error *error) {
    const struct elb_call *call = &invocation->elb_call;
    const struct config_invocation *config = &invocation->config;
    if (invocation->kind == INVOCATION_LOG_OBJECTS || !str_is_empty(call->ignored_because)) {
        return STATUS_OK;
    }
    return invocation->kind == INVOCATION_ELB_CALL
               ? accounts_select(guard, call->account_id, call->region, arena, error)
               : accounts_select(guard, config->account_id, config->region, arena, error);
}

static void decode_and_handle(struct guard *guard, str event, struct arena *arena,
                              struct app_reply *reply) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    const struct config_invocation *config = &invocation->config;
    struct error error = {0};
    if (decode_event(event, arena, invocation, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_EVENT, error.message);
    } else if (invocation->kind == INVOCATION_CONFIG && str_is_empty(config->result_token) &&
               !config->is_proactive) {
        reply_error(reply, ERROR_INVALID_EVENT,
                    STR("resultToken is missing: without it AWS Config takes no evaluation"));
    } else if (select_account(guard, invocation, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
    } else if (invocation->kind == INVOCATION_LOG_OBJECTS) {
        count_logs(guard, &invocation->logs, arena, reply);
    } else if (invocation->kind == INVOCATION_ELB_CALL) {
        on_elb_call(guard, &invocation->elb_call, arena, reply);
    } else if (invocation->kind == INVOCATION_WATCH) {
        on_watch(guard, arena, reply);
    } else if (invocation->kind == INVOCATION_REPORT) {
        publish_report(guard, arena, reply);
    } else if (is_sweep(invocation)) {
        sweep_handle(guard, config, arena, reply);
    } else {
        on_config_item(guard, config, arena, reply);
    }
}

/* The platform ends an invocation without our reply: a share of the time is kept back for posting
 * it. */
static int64_t own_deadline_ms(const struct guard *guard, int64_t deadline_ms) {
    int64_t left_ms = deadline_ms - guard_now_ms(guard);
    if (deadline_ms == INT64_MAX || left_ms <= 0) {
        return deadline_ms;
    }
    int64_t share_ms = left_ms / POST_SHARE;
    return deadline_ms - (share_ms < POST_RESERVE_MS_MAX ? share_ms : POST_RESERVE_MS_MAX);
}

void app_handle(struct guard *guard, str event, int64_t deadline_ms, struct arena *arena,
                struct app_reply *reply) {
    *reply = (struct app_reply){.is_error = false};
    guard->home.deadline_ms = own_deadline_ms(guard, deadline_ms);
    decode_and_handle(guard, event, arena, reply);
    if (reply->is_error) {
        LOG(guard->log, LOG_ERROR, "invocation_failed", LOG_STR("errorType", reply->error_type),
            LOG_STR("errorMessage", reply->error_message));
    }
}

bool app_has_expired(const struct guard *guard) {
    return guard->home.has_expired_for_good || guard->aws.has_expired_for_good;
}

/* The verdict on an event that only calls could judge; false: it is none. */
static bool needs_calls(const struct invocation *invocation, struct evaluation *evaluation) {
    static const char *const REASONS[] = {
        [INVOCATION_CONFIG] = "a sweep reads live, and evaluate judges only what is in the file",
        [INVOCATION_SWEEP] = "a sweep reads live, and evaluate judges only what is in the file",
        [INVOCATION_WATCH] = "a watch reads live, and evaluate judges only what is in the file",
        [INVOCATION_REPORT] = "a report reads live, and evaluate judges only what is in the file",
        [INVOCATION_ELB_CALL] = "a call is judged by a live read, and evaluate makes none",
        [INVOCATION_LOG_OBJECTS] = "an access log is counted, not judged"};
    str ignored_because = invocation->elb_call.ignored_because;
    bool is_ignored = !str_is_empty(ignored_because);
    bool is_call = invocation->kind == INVOCATION_ELB_CALL && !is_ignored;
    if (invocation->kind == INVOCATION_CONFIG && !is_sweep(invocation)) {
        return false;
    }
    evaluation_without_facts(
        evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE),
        is_call ? invocation->elb_call.arns[0] : STR_EMPTY,
        is_ignored || invocation->kind == INVOCATION_LOG_OBJECTS ? NOT_APPLICABLE
                                                                 : COMPLIANCE_UNKNOWN,
        is_ignored ? ignored_because : str_from_cstr(REASONS[invocation->kind]));
    return true;
}

enum status app_evaluate_offline(const struct guard *guard, str event, str file_name,
                                 struct arena *arena, str *line_out,
                                 enum compliance *compliance_out, struct error *error) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    const struct config_invocation *config = &invocation->config;
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct buf line;
    struct json_writer writer;
    TRY(decode_event(event, arena, invocation, error));
    bool needs_call = needs_calls(invocation, evaluation);
    if (needs_call || config_item_is_to_be_judged(config, evaluation)) {
        TRY(effective_policy(guard, config->rule_parameters, arena, policy, error));
        if (!needs_call) {
            policy_evaluate(&config->item.facts, policy, guard_now_ms(guard), arena, evaluation);
        }
    }
    evaluation->ordering_ms =
        config->item.capture_ms != 0 ? config->item.capture_ms : config->notification_ms;
    *compliance_out = evaluation->compliance;
    buf_init(&line, arena, RESPONSE_BYTES_MAX);
    json_writer_init(&writer, &line);
    json_object_begin(&writer);
    json_write_member(&writer, "file", file_name);
    evaluation_write_members(&writer, arena, evaluation);
    json_object_end(&writer);
    *line_out = buf_str(&line);
    return buf_status(&line);
}
