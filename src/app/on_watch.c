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
static void watch_each(struct watching *watching, struct watch_record *records, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && is_elsewhere(&records[i], &records[i - 1])) {
            (void)reevaluate(&watching->control);
            watching->control.has_new_verdict = false;
        }
        watch_one(watching, &records[i]);
    }
    (void)reevaluate(&watching->control);
}

static void watch_all(struct watching *watching) {
    struct watch_record *records = NULL;
    size_t count = 0;
    struct error error = {0};
    if (str_is_empty(watching->control.table.name)) {
        LOG(watching->guard->log, LOG_WARN, "off",
            LOG_STR("part", STR("the watch over promotions")),
            LOG_STR("reason", STR("STATE_TABLE is not set")));
        return;
    }
    if (watch_list(&watching->control.table, watching->arena, &records, &count, &error) !=
        STATUS_OK) {
        action_add_failure(&watching->control, watching->control.table.name, "watch", &error);
        return;
    }
    watch_each(watching, records, count);
    metrics_of_actions(&watching->control);
}

void watch_handle(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (effective_policy(guard, NULL, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    struct watching watching = {.guard = guard, .policy = policy, .arena = arena};
    struct response response;
    struct buf body;
    buf_init(&body, arena, RESPONSE_BYTES_MAX);
    response_begin(&response, &body);
    control_begin(&watching.control, guard, policy, arena);
    watch_all(&watching);
    if (watching.control.first_failure.status != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, watching.control.first_failure.message);
    } else {
        const struct response_totals totals = {.actions = watching.control.actions,
                                               .action_count = watching.control.action_count};
        response_end(&response, &totals);
        *reply = (struct app_reply){.body = buf_str(&body)};
    }
    reply->actions = watching.control.actions;
    reply->action_count = watching.control.action_count;
}
