/* SPDX-License-Identifier: Apache-2.0
 *
 * An account that cannot be reached while promotions are watched there.
 * Guarantees: it is reported once a day, over all copies and all of its watches: the action fails,
 * so that the invocation does, and an alert is published. Between that, looks are skipped.
 */
#include "control/watch_item.h"
#include "control_internal.h"
#include "report/alert.h"
#include "table/account_records.h"

static void publish(struct control *control, const struct watch_record *record, str note) {
    const struct evaluation remembered = {.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                                          .resource_id = record->arn,
                                          .mode = record->to,
                                          .grade = '-',
                                          .owner = record->owner};
    const struct alert alert = {.kind = ALERT_WATCH_BLIND,
                                .evaluation = &remembered,
                                .now_ms = guard_now_ms(control->guard),
                                .note = note};
    struct error error = {0};
    if (!has_alert_topic(control)) {
        return;
    }
    bool is_published = alert_publish(control, &alert, &error) == STATUS_OK;
    const struct action action = {.resource_id = record->arn,
                                  .action = ACTION_ALERT,
                                  .status = is_published ? ACTION_DONE : ACTION_FAILED,
                                  .reason =
                                      is_published ? STR("watch cannot look") : error.message};
    action_add(control, &action, is_published ? NULL : &error);
}

void watch_item_report_unreachable(struct watch_item *item, const struct error *cause) {
    struct control *control = item->control;
    str arn = item->record->arn;
    str account_id = load_balancer_arn_parts(arn).account_id;
    struct error error = {0};
    enum status status = account_claim_report(&control->table, account_id,
                                              guard_now_ms(control->guard), control->keep, &error);
    if (status == STATUS_CONFLICT) {
        const struct action action = {.resource_id = arn,
                                      .action = ACTION_WATCH,
                                      .status = ACTION_SKIPPED,
                                      .reason = cause->message};
        action_add(control, &action, NULL);
        return;
    }
    action_add_failure(control, arn, ACTION_WATCH, status == STATUS_OK ? cause : &error);
    if (status == STATUS_OK) {
        LOG(control->guard->log, LOG_WARN, "account_unreachable", LOG_STR("account", account_id),
            LOG_STR("errorMessage", cause->message));
        publish(control, item->record, cause->message);
    }
}
