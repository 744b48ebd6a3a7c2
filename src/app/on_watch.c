/* SPDX-License-Identifier: Apache-2.0
 *
 * {"action":"watch"}: looks at each promotion that is being watched.
 */
#include "app_internal.h"
#include "control/metrics.h"
#include "control/watch.h"
#include "table/watch_records.h"

static bool is_elsewhere(const struct watch_record *record, const struct watch_record *other) {
    struct load_balancer_arn here;
    struct load_balancer_arn there;
    return load_balancer_arn_parse(record->arn, &here) == STATUS_OK &&
           load_balancer_arn_parse(other->arn, &there) == STATUS_OK &&
           !(str_eq(here.account_id, there.account_id) && str_eq(here.region, there.region));
}

/* In the order of their ARNs, so that those of one Region and account are together. Each has a rule
 * of its own, which is asked while the clients are still aimed there. */
static void watch_each(struct control *control, struct watch_record *records, size_t count) {
    struct closed_account closed = {0};
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && is_elsewhere(&records[i], &records[i - 1])) {
            (void)reevaluate(control);
            control->has_new_verdict = false;
        }
        watch_one(control, &records[i], &closed);
    }
    (void)reevaluate(control);
}

static void watch_all(struct control *control) {
    struct watch_record *records = NULL;
    size_t count = 0;
    struct error error = {0};
    if (str_is_empty(control->table.name)) {
        LOG(control->guard->log, LOG_WARN, "off", LOG_STR("part", STR("the watch over promotions")),
            LOG_STR("reason", STR("STATE_TABLE is not set")));
        return;
    }
    if (watch_list(&control->table, control->keep, &records, &count, &error) != STATUS_OK) {
        action_add_failure(control, control->table.name, "watch", &error);
        return;
    }
    watch_each(control, records, count);
    metrics_of_actions(control);
}

void watch_handle(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (effective_policy(guard, NULL, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    struct control control;
    struct response response;
    struct buf body;
    buf_init(&body, arena, RESPONSE_BYTES_MAX);
    response_begin(&response, &body);
    control_begin(&control, guard, policy, arena);
    watch_all(&control);
    if (control.first_failure.status != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, control.first_failure.message);
    } else {
        const struct response_totals totals = {.actions = control.actions,
                                               .action_count = control.action_count};
        response_end(&response, &totals);
        *reply = (struct app_reply){.body = buf_str(&body)};
    }
    reply->actions = control.actions;
    reply->action_count = control.action_count;
}
