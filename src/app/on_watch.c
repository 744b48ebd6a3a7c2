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

/* In the order of their ARNs, so that those of one Region and account are together. Each Region and
 * account has a rule of its own, which is asked while the clients still reach it. */
static void watch_all(struct watching *watching) {
    struct control *control = &watching->control;
    struct watch_record *records = NULL;
    size_t count = 0;
    struct error error = {0};
    if (str_is_empty(control->table.name)) {
        log_off(watching->guard, STR("the watch over promotions"), STR("STATE_TABLE is not set"));
        return;
    }
    if (watch_list(&control->table, watching->arena, &records, &count, &error) != STATUS_OK) {
        action_add_failure(control, control->table.name, "watch", &error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && is_elsewhere(&records[i], &records[i - 1])) {
            (void)reevaluate(control);
            control->has_new_verdict = false;
        }
        watch_one(watching, &records[i]);
    }
    (void)reevaluate(control);
    metrics_of_actions(control);
}

void on_watch(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    struct watching watching = {
        .guard = guard, .policy = policy_or_reply(guard, NULL, arena, reply), .arena = arena};
    struct response response;
    if (watching.policy == NULL) {
        return;
    }
    reply_begin(&response, arena);
    control_begin(&watching.control, guard, watching.policy, arena);
    watch_all(&watching);
    reply_end(&response, &watching.control, NULL, reply);
}
