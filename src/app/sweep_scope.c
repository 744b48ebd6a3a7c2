/* SPDX-License-Identifier: Apache-2.0
 *
 * The scope of the rule that a sweep reports to, by tag or by id. AWS Config tells of the changes
 * of what is inside it only; a sweep lists everything, and would give what has left the scope a
 * verdict again.
 */
#include "sweep_internal.h"

/* Of the time for reading, at most this, or this share, goes into the question. */
#define SCOPE_MS_MAX 5000
#define SCOPE_SHARE  4

/* A sweep that no rule asked for acts by the same verdicts as the function's own rule. */
static str rule_of(const struct sweep *sweep) {
    return sweep->reports ? sweep->invocation->rule_name
           : sweep->acts  ? sweep->guard->settings.control.config_rule_name
                          : STR_EMPTY;
}

static void limit_reading(struct sweep *sweep) {
    int64_t now_ms = sweep->guard->clock->now_ms(sweep->guard->clock);
    int64_t left_ms = (sweep->read_deadline_ms - now_ms) / SCOPE_SHARE;
    sweep->guard->aws.deadline_ms = now_ms + (left_ms < SCOPE_MS_MAX ? left_ms : SCOPE_MS_MAX);
}

void sweep_read_scope(struct sweep *sweep) {
    str rule_name = rule_of(sweep);
    struct error error = {0};
    if (str_is_empty(rule_name)) {
        return;
    }
    limit_reading(sweep);
    enum status status =
        config_read_scope(&sweep->guard->aws, rule_name, sweep->arena, &sweep->rule_scope, &error);
    sweep->guard->aws.deadline_ms = sweep->deadline_ms;
    if (status != STATUS_OK) {
        sweep->rule_scope = (struct config_scope){.tag_key = STR_EMPTY};
        LOG(sweep->guard->log, LOG_WARN, "scope_unknown", LOG_STR("ruleName", rule_name),
            LOG_STR("reason", STR("all load balancers are judged, as if the rule had no scope")),
            LOG_STR("errorMessage", error.message));
    }
}

static bool has_type(const struct config_scope *scope) {
    for (size_t i = 0; i < scope->resource_type_count; i++) {
        if (str_eq(scope->resource_types[i], STR(LOAD_BALANCER_RESOURCE_TYPE))) {
            return true;
        }
    }
    return scope->resource_type_count == 0;
}

bool sweep_is_out_of_scope(const struct sweep *sweep, const struct load_balancer *facts) {
    const struct config_scope *scope = &sweep->rule_scope;
    str value;
    if (!has_type(scope) ||
        (!str_is_empty(scope->resource_id) && !str_eq(scope->resource_id, facts->arn))) {
        return true;
    }
    if (str_is_empty(scope->tag_key) || !facts->has_tags) {
        return false;
    }
    return !tag_get(facts, scope->tag_key, &value) ||
           (!str_is_empty(scope->tag_value) && !str_eq(scope->tag_value, value));
}
