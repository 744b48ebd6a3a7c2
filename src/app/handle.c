/* SPDX-License-Identifier: Apache-2.0 */
#include "app_internal.h"
#include "report/render.h"

static void decode_and_handle(struct app *app,
                              str event,
                              struct arena *arena,
                              struct app_reply *reply) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    struct error error = {0};
    if (decode_event(event, arena, invocation, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_EVENT, error.message);
        return;
    }
    const struct config_invocation *config = &invocation->config;
    app->aws.region = str_is_empty(config->region) ? app->settings.region : config->region;
    if (invocation->kind == INVOCATION_SWEEP || config->message == MESSAGE_SCHEDULED) {
        sweep_handle(app, config, arena, reply);
    } else {
        config_rule_handle(app, config, arena, reply);
    }
}

void app_handle(
    struct app *app, str event, int64_t deadline_ms, struct arena *arena, struct app_reply *reply) {
    app->aws.deadline_ms = deadline_ms;
    decode_and_handle(app, event, arena, reply);
    if (reply->is_error) {
        LOG(app->log,
            LOG_ERROR,
            "invocation_failed",
            LOG_STR("errorType", reply->error_type),
            LOG_STR("errorMessage", reply->error_message));
    }
}

enum status app_evaluate_offline(const struct app *app,
                                 str event,
                                 str file_name,
                                 struct arena *arena,
                                 str *line_out,
                                 enum compliance *compliance_out,
                                 struct error *error) {
    struct invocation *invocation = ARENA_NEW(arena, struct invocation);
    TRY(decode_event(event, arena, invocation, error));
    const struct config_invocation *config = &invocation->config;
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    if (invocation->kind == INVOCATION_SWEEP || config->message == MESSAGE_SCHEDULED) {
        str reason = STR("a sweep reads live, and evaluate judges only what is in the file");
        evaluation_without_facts(
            evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), STR_EMPTY, COMPLIANCE_UNKNOWN, reason);
    } else if (config_item_is_to_be_judged(config, evaluation)) {
        struct policy *policy = ARENA_NEW(arena, struct policy);
        TRY(app_policy(app, config->rule_parameters, arena, policy, error));
        int64_t now_ms = app->clock->now_ms(app->clock);
        policy_evaluate(&config->item.facts, policy, now_ms, arena, evaluation);
    }
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
