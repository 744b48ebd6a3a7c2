/* SPDX-License-Identifier: Apache-2.0
 *
 * What promotion, roll back and watch tell people.
 */
#include "control/change_alert.h"
#include "control_internal.h"

#define LEASE_MS (INT64_C(15) * 60 * MS_PER_SECOND) /* Lambda's longest invocation */

int64_t lease_end_ms(const struct guard *guard) {
    int64_t longest_ms = guard->clock->now_ms(guard->clock) + LEASE_MS;
    int64_t deadline_ms = guard->home.deadline_ms;
    return deadline_ms < longest_ms ? deadline_ms : longest_ms;
}

static const char *kind_name(enum alert_kind kind) {
    return kind == ALERT_PROMOTED      ? "promoted"
           : kind == ALERT_ROLLED_BACK ? "rolled back"
                                       : "watch ended";
}

static enum status publish(struct control *control, const struct change_alert *change,
                           struct error *error) {
    const struct alert alert = {
        .kind = change->kind,
        .evaluation = change->evaluation,
        .now_ms = control->guard->clock->now_ms(control->guard->clock),
        .changed_from = change->from,
        .changed_to = change->to,
        .note = change->note,
        .ending = change->ending,
    };
    return alert_publish(control, &alert, error);
}

bool change_alert_publish(struct control *control, const struct change_alert *alert) {
    struct error error = {0};
    if (str_is_empty(control->guard->settings.control.alert_topic_arn)) {
        return true;
    }
    bool is_published = publish(control, alert, &error) == STATUS_OK;
    const struct action action = {.resource_id = alert->evaluation->resource_id,
                                  .action = "alert",
                                  .status = is_published ? "done" : "failed",
                                  .reason = is_published ? str_from_cstr(kind_name(alert->kind))
                                                         : error.message};
    action_add(control, &action, is_published ? NULL : &error);
    /* Two alerts are worse than a late one: what may have been published counts as told. Of a roll
     * back two are better than none. */
    return is_published || (error.is_outcome_unknown && alert->kind != ALERT_ROLLED_BACK);
}
