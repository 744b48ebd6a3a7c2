/* SPDX-License-Identifier: Apache-2.0 */
#include "app_internal.h"
#include "report/render.h"

/* Posting takes a millisecond; a slow processor and a response of megabytes take more. */
#define POST_RESERVE_MS_MAX 500
#define POST_SHARE          10

static bool is_sweep(const struct invocation *invocation) {
    return invocation->kind == INVOCATION_SWEEP ||
           (invocation->kind == INVOCATION_CONFIG &&
            invocation->config.message == MESSAGE_SCHEDULED);
}

static bool lacks_token(const struct invocation *invocation) {
    return invocation->kind == INVOCATION_CONFIG && str_is_empty(invocation->config.result_token) &&
           !invocation->config.is_proactive;
}

static void handle(struct guard *guard, const struct invocation *invocation, struct arena *arena,
                   struct app_reply *reply) {
    if (invocation->kind == INVOCATION_LOG_OBJECTS) {
        log_objects_handle(guard, &invocation->logs, arena, reply);
    } else if (invocation->kind == INVOCATION_ELB_CALL) {
        elb_call_handle(guard, &invocation->elb_call, arena, reply);
    } else if (invocation->kind == INVOCATION_WATCH) {
        watch_handle(guard, arena, reply);
    } else if (invocation->kind == INVOCATION_REPORT) {
        report_handle(guard, arena, reply);
    } else if (is_sweep(invocation)) {
        sweep_handle(guard, &invocation->config, arena, reply);
    } else {
        config_rule_handle(guard, &invocation->config, arena, reply);
    }
}

/* Points the clients at the account and Region that the event is of. Logs are read and counted with
 * our own credentials, whoever's load balancers wrote them. */
static enum status take_aim(struct guard *guard, const struct invocation *invocation,
                            struct arena *arena, struct error *error) {
    const struct elb_call *call = &invocation->elb_call;
    const struct config_invocation *config = &invocation->config;
    switch (invocation->kind) {
    case INVOCATION_LOG_OBJECTS:
        return STATUS_OK;
    case INVOCATION_ELB_CALL:
        return str_is_empty(call->ignored_because)
                   ? accounts_select(guard, call->account_id, call->region, arena, error)
                   : STATUS_OK;
    case INVOCATION_CONFIG:
    case INVOCATION_SWEEP:
    case INVOCATION_WATCH:
    case INVOCATION_REPORT:
        return accounts_select(guard, config->account_id, config->region, arena, error);
    }
    return STATUS_OK;
}

static void decode_and_handle(struct guard *guard, str event, struct arena *arena,
                              struct app_reply *reply) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    struct error error = {0};
    if (decode_event(event, arena, invocation, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_EVENT, error.message);
        return;
    }
    if (lacks_token(invocation)) {
        str message = STR("resultToken is missing: without it AWS Config takes no evaluation");
        reply_error(reply, ERROR_INVALID_EVENT, message);
        return;
    }
    if (take_aim(guard, invocation, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    handle(guard, invocation, arena, reply);
}

/* What the platform ends, it ends without our answer: a share of the time is kept back for posting
 * it. */
static int64_t own_deadline_ms(const struct guard *guard, int64_t deadline_ms) {
    int64_t left_ms = deadline_ms - guard->clock->now_ms(guard->clock);
    if (deadline_ms == INT64_MAX || left_ms <= 0) {
        return deadline_ms;
    }
    int64_t share_ms = left_ms / POST_SHARE;
    return deadline_ms - (share_ms < POST_RESERVE_MS_MAX ? share_ms : POST_RESERVE_MS_MAX);
}

void app_handle(struct guard *guard, str event, int64_t deadline_ms, struct arena *arena,
                struct app_reply *reply) {
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

/* What only a call could tell. */
static bool needs_calls(const struct invocation *invocation, struct evaluation *evaluation) {
    const struct elb_call *call = &invocation->elb_call;
    str id = STR_EMPTY;
    str reason = STR("a sweep reads live, and evaluate judges only what is in the file");
    enum compliance compliance = COMPLIANCE_UNKNOWN;
    if (invocation->kind == INVOCATION_ELB_CALL) {
        bool is_ignored = !str_is_empty(call->ignored_because);
        compliance = is_ignored ? NOT_APPLICABLE : COMPLIANCE_UNKNOWN;
        id = is_ignored ? STR_EMPTY : call->arns[0];
        reason = is_ignored ? call->ignored_because
                            : STR("a call is judged by a live read, and evaluate makes none");
    } else if (invocation->kind == INVOCATION_LOG_OBJECTS) {
        compliance = NOT_APPLICABLE;
        reason = STR("an access log is counted, not judged");
    } else if (invocation->kind == INVOCATION_WATCH) {
        reason = STR("a watch reads live, and evaluate judges only what is in the file");
    } else if (invocation->kind == INVOCATION_REPORT) {
        reason = STR("a report reads live, and evaluate judges only what is in the file");
    } else if (!is_sweep(invocation)) {
        return false;
    }
    evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), id, compliance, reason);
    return true;
}

/* The verdict without any call. */
static enum status judge_offline(const struct guard *guard, const struct invocation *invocation,
                                 struct arena *arena, struct evaluation *evaluation,
                                 struct error *error) {
    const struct config_invocation *config = &invocation->config;
    bool is_open = needs_calls(invocation, evaluation);
    if (!is_open && !config_item_is_to_be_judged(config, evaluation)) {
        return STATUS_OK;
    }
    struct policy *policy = ARENA_NEW(arena, struct policy);
    TRY(effective_policy(guard, config->rule_parameters, arena, policy, error));
    if (!is_open) {
        int64_t now_ms = guard->clock->now_ms(guard->clock);
        policy_evaluate(&config->item.facts, policy, now_ms, arena, evaluation);
    }
    return STATUS_OK;
}

enum status app_evaluate_offline(const struct guard *guard, str event, str file_name,
                                 struct arena *arena, str *line_out,
                                 enum compliance *compliance_out, struct error *error) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    TRY(decode_event(event, arena, invocation, error));
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    TRY(judge_offline(guard, invocation, arena, evaluation, error));
    const struct config_invocation *config = &invocation->config;
    evaluation->ordering_ms =
        config->item.capture_ms != 0 ? config->item.capture_ms : config->notification_ms;
    *compliance_out = evaluation->compliance;
    struct buf line;
    buf_init(&line, arena, RESPONSE_BYTES_MAX);
    struct json_writer writer;
    json_writer_init(&writer, &line);
    json_object_begin(&writer);
    json_write_member(&writer, "file", file_name);
    evaluation_write_members(&writer, arena, evaluation);
    json_object_end(&writer);
    *line_out = buf_str(&line);
    return buf_status(&line);
}
