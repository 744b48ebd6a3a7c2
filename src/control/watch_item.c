/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: of many copies one writes the next version of a WATCH item, and only that one alerts.
 * An alert that certainly was not published stays due, for the next run of the watch.
 */
#include "control/watch_item.h"
#include "control_internal.h"
#include "report/alert.h"

#define LEASE_MS (INT64_C(15) * 60 * MS_PER_SECOND) /* Lambda's longest invocation */

static int64_t now_of(const struct watch_item *item) {
    return guard_now_ms(item->control->guard);
}

bool watch_item_save(struct watch_item *item, enum action_kind change) {
    struct control *control = item->control;
    struct error error = {0};
    enum status status = watch_save(&control->table, item->record, change, control->keep, &error);
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        action_add_failure(control, item->record->arn, item->failure, &error);
    }
    return status == STATUS_OK;
}

void watch_item_set_lease(struct watch_item *item) {
    int64_t longest_ms = now_of(item) + LEASE_MS;
    int64_t deadline_ms = item->control->guard->home.deadline_ms;
    item->record->writer = item->control->table.writer;
    item->record->lease_ms = deadline_ms < longest_ms ? deadline_ms : longest_ms;
}

bool watch_item_save_lease(struct watch_item *item, enum action_kind change) {
    watch_item_set_lease(item);
    return watch_item_save(item, change);
}

bool watch_item_release(struct watch_item *item) {
    item->record->writer = STR_EMPTY;
    item->record->lease_ms = 0;
    return watch_item_save(item, ACTION_NONE);
}

static bool send_alert(struct control *control, const struct alert *alert, const char *name,
                       struct error *error) {
    if (!has_alert_topic(control)) {
        return true;
    }
    bool is_published = alert_publish(control, alert, error) == STATUS_OK;
    const struct action action = {.resource_id = alert->evaluation->resource_id,
                                  .action = ACTION_ALERT,
                                  .status = is_published ? ACTION_DONE : ACTION_FAILED,
                                  .reason = is_published ? str_from_cstr(name) : error->message};
    action_add(control, &action, is_published ? NULL : error);
    return is_published;
}

bool watch_item_alert_blocked(struct watch_item *item, str note) {
    struct error error = {0};
    const struct alert alert = {
        .kind = ALERT_CLIENTS_BLOCKED,
        .evaluation = item->evaluation,
        .now_ms = now_of(item),
        .note = note,
    };
    /* After a lost answer it counts as published: a missing one is better than two. */
    return send_alert(item->control, &alert, "clients blocked", &error) || error.is_outcome_unknown;
}

/* false: it is still to be published. */
static bool publish_alert(struct watch_item *item) {
    struct control *control = item->control;
    const struct watch_record *record = item->record;
    /* For an alert that could not be sent when it was due: what the record knows. */
    const struct evaluation remembered = {
        .resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
        .resource_id = record->arn,
        .mode = record->status == WATCH_ROLLED_BACK ? record->from : record->to,
        .grade = '-',
        .owner = record->owner,
    };
    const char *name = "watch ended";
    struct error error = {0};
    struct alert alert = {
        .kind = ALERT_WATCH_ENDED,
        .evaluation = item->evaluation != NULL ? item->evaluation : &remembered,
        .now_ms = now_of(item),
        .note = record->note,
        .ending = watch_ending_of(record),
    };
    if (record->status == WATCH_ROLLED_BACK) {
        name = "rolled back";
        alert.kind = ALERT_ROLLED_BACK;
        alert.changed_from = record->to;
        alert.changed_to = record->from;
    } else if (record->status == WATCH_OPEN) {
        name = "promoted";
        alert.kind = ALERT_PROMOTED;
        alert.changed_from = record->from;
        alert.changed_to = record->to;
    }
    if (watch_is_of_raise(record)) {
        name = "clients blocked";
        alert.kind = ALERT_CLIENTS_BLOCKED;
        alert.changed_from = record->from;
        alert.changed_to = record->to;
    }
    bool is_published = send_alert(control, &alert, name, &error);
    /* After a lost answer an alert counts as published: a missing one is better than two. Two of a
     * roll back are better than none. */
    return is_published || (error.is_outcome_unknown && alert.kind != ALERT_ROLLED_BACK);
}

/* A roll back is published before it is saved that it was: two alerts are better than none, and the
 * lease keeps other copies away. All else is saved first, so that only one copy publishes it. */
void watch_item_publish_alert(struct watch_item *item) {
    struct watch_record *record = item->record;
    bool is_first = record->status == WATCH_ROLLED_BACK;
    record->is_alert_due = is_first && !publish_alert(item);
    if (watch_item_release(item) && !is_first && !publish_alert(item)) {
        record->is_alert_due = true;
        (void)watch_item_save(item, ACTION_NONE);
    }
}

bool watch_item_open(struct watch_item *item) {
    item->record->status = WATCH_OPEN;
    item->record->owner = item->evaluation->owner;
    item->record->is_alert_due = true;
    if (!watch_item_save_lease(item, ACTION_PROMOTE)) {
        return false;
    }
    watch_item_publish_alert(item);
    return true;
}

bool watch_item_end_unmade(struct watch_item *item, str note) {
    item->record->status = WATCH_NOT_MADE;
    item->record->ended_ms = now_of(item);
    item->record->expires_ms = item->record->ended_ms + WATCH_ENDED_KEPT_MS;
    item->record->note = note;
    return watch_item_release(item);
}
