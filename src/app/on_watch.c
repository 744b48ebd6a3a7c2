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

static size_t count_due(struct control *control, struct watch_record *records, size_t count) {
    size_t due = 0;
    for (size_t i = 0; i < count; i++) {
        due += watch_is_due(control, &records[i]) ? 1 : 0;
    }
    return due;
}

/* Where AWS throttles, a reading waits: no watch may take the time of those after it. What one
 * leaves over, the next ones have. Ended ones, which are many, take none. */
static int64_t share_of_time(const struct guard *guard, int64_t deadline_ms, size_t sharers) {
    int64_t now_ms = guard_now_ms(guard);
    return deadline_ms == INT64_MAX ? INT64_MAX
                                    : now_ms + (deadline_ms - now_ms) / (int64_t)sharers;
}

/* In the order of their ARNs, so that those of one Region and account are together. Each Region and
 * account has a rule of its own, which is asked while the clients still reach it. */
static void watch_all(struct control *control) {
    struct closed_account closed = {0};
    struct watch_lists lists;
    struct error error = {0};
    if (str_is_empty(control->table.name)) {
        log_off(control->guard, STR("the watch over promotions"), STR("STATE_TABLE is not set"));
        return;
    }
    if (watch_list_all(&control->table, control->keep, &lists, &error) != STATUS_OK) {
        action_add_failure(control, control->table.name, ACTION_WATCH, &error);
        return;
    }
    struct guard *guard = control->guard;
    struct watch_record *records = lists.promotions;
    size_t count = lists.promotion_count;
    int64_t deadline_ms = guard->home.deadline_ms;
    const struct watch_record *last = NULL; /* that was looked at */
    size_t due = count_due(control, records, count);
    for (size_t i = 0; i < count; i++) {
        if (!watch_is_due(control, &records[i])) {
            continue;
        }
        if (last != NULL && is_elsewhere(&records[i], last)) {
            (void)reevaluate(control);
            control->has_own_change = false;
        }
        guard->home.deadline_ms = share_of_time(guard, deadline_ms, due > 0 ? due : 1);
        due -= due > 0 ? 1 : 0; /* meanwhile another may have become due */
        last = &records[i];
        watch_one(control, &records[i], &closed);
        guard->home.deadline_ms = deadline_ms;
    }
    (void)reevaluate(control);
    watch_raises(control, lists.raises, lists.raise_count);
    metrics_of_actions(control);
}

void on_watch(struct guard *guard, struct arena *arena, struct app_reply *reply) {
    const struct policy *policy = policy_or_reply(guard, NULL, arena, reply);
    struct control control;
    struct response response;
    if (policy == NULL) {
        return;
    }
    reply_begin(&response, arena);
    control_begin(&control, guard, policy, arena);
    watch_all(&control);
    reply_end(&response, &control, NULL, reply);
}
