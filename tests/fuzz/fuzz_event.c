/* SPDX-License-Identifier: Apache-2.0
 *
 * An event of any shape, decoded and, where it is a Config rule's, judged. What cannot be
 * understood is an error in words; what is understood is whole.
 */
#include "fuzz/judge.h"

#include "app/app_internal.h"

static void hold_item(struct arena *arena, const struct config_invocation *config) {
    const struct config_item *item = &config->item;
    HOLD(item->resource_type.len > 0 && item->resource_id.len > 0);
    HOLD((unsigned)item->status <= ITEM_STATUS_UNKNOWN);
    HOLD(item->capture_ms >= 0 || item->capture_ms > INT64_MIN / 2);
    for (size_t i = 0; i < item->facts.tag_count; i++) {
        HOLD(fuzz_is_utf8(item->facts.tags[i].key) && fuzz_is_utf8(item->facts.tags[i].value));
    }
    struct evaluation *evaluation = ARENA_NEW(arena, struct evaluation);
    if (!config_item_is_to_be_judged(config, evaluation)) {
        HOLD(evaluation->compliance == NOT_APPLICABLE ||
             evaluation->compliance == COMPLIANCE_UNKNOWN);
        HOLD(evaluation->reason.len > 0);
        hold_annotation(arena, evaluation);
        return;
    }
    HOLD(item->status == ITEM_PRESENT);
    struct policy_parameter *parameters = NULL;
    struct policy_source source = {0};
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    enum status status = decode_rule_parameters(config->rule_parameters, arena, &parameters,
                                                &source.parameter_count, &error);
    source.parameters = parameters;
    if (status == STATUS_OK) {
        status = policy_parse(&source, arena, policy, &error);
    }
    if (status == STATUS_OK) {
        judge(arena, &item->facts, policy, evaluation);
    } else {
        HOLD(status == STATUS_INVALID_PARAMETER);
        fuzz_hold_error(status, &error);
    }
}

static void hold_config(struct arena *arena, const struct config_invocation *config) {
    HOLD((unsigned)config->message <= MESSAGE_SCHEDULED);
    HOLD(config->message != MESSAGE_SCHEDULED || !config->is_proactive);
    if (config->message != MESSAGE_SCHEDULED) {
        hold_item(arena, config);
    }
}

static void hold_call(const struct elb_call *call) {
    HOLD((unsigned)call->kind <= ELB_DELETE);
    if (call->ignored_because.len > 0) {
        return;
    }
    HOLD(call->arn_count > 0 && call->event_ms != 0);
    for (size_t i = 0; i < call->arn_count; i++) {
        struct load_balancer_arn parts;
        HOLD(load_balancer_arn_parse(call->arns[i], &parts) == STATUS_OK);
        HOLD(parts.type == TYPE_APPLICATION);
        for (size_t k = 0; k < i; k++) {
            HOLD(!str_eq(call->arns[i], call->arns[k]));
        }
    }
}

static void hold_logs(const struct log_delivery *logs) {
    HOLD(logs->object_count <= logs->object_capacity);
    for (size_t i = 0; i < logs->object_count; i++) {
        const struct log_object *object = &logs->objects[i];
        HOLD(!logs->is_queued || object->message < logs->message_count);
        if (object->ignored_because.len == 0) {
            HOLD(object->bucket.len > 0 && object->key.len > 0 && object->e_tag.len > 0);
            (void)fuzz_touch(object->key);
        }
        HOLD(!logs->is_queued || logs->messages[object->message].problem.len == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    str event = fuzz_input(&arena, data, size);
    struct invocation *invocation = ARENA_NEW(&arena, struct invocation);
    struct error error = {0};
    enum status status = decode_event(event, &arena, invocation, &error);
    if (status != STATUS_OK) {
        HOLD(status == STATUS_INVALID || status == STATUS_TOO_LARGE || status == STATUS_TOO_DEEP);
        fuzz_hold_error(status, &error);
        return 0;
    }
    HOLD((unsigned)invocation->kind <= INVOCATION_LOG_OBJECTS);
    if (invocation->kind == INVOCATION_CONFIG) {
        hold_config(&arena, &invocation->config);
    } else if (invocation->kind == INVOCATION_ELB_CALL) {
        hold_call(&invocation->elb_call);
    } else if (invocation->kind == INVOCATION_LOG_OBJECTS) {
        hold_logs(&invocation->logs);
    }
    return 0;
}
