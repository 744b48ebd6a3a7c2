/* SPDX-License-Identifier: Apache-2.0
 *
 * The WATCH item of one promotion while this invocation works on it: its lease, its writes and its
 * alerts. Promotion writes the first of them, the watch all others.
 */
#ifndef CONTROL_WATCH_ITEM_H
#define CONTROL_WATCH_ITEM_H

#include "control/control.h"
#include "table/watch_records.h"

struct watch_item {
    struct control *control; /* texts live in its `keep` */
    struct watch_record *record;
    struct evaluation *evaluation; /* the last judgement; NULL: it was not judged */
    enum action_kind failure;      /* the action that fails when the item cannot be saved */
};

/* `change` not ACTION_NONE: together with the CHANGE item of this promotion or rollback. false:
 * nothing was written, as another copy was faster and has the item, or as the write
 * failed, which the actions name then. Likewise below. */
bool watch_item_save(struct watch_item *item, enum action_kind change);
/* Until the lease ends, other copies leave the item alone. */
bool watch_item_save_lease(struct watch_item *item, enum action_kind change);
bool watch_item_release(struct watch_item *item);

/* The lease of this invocation, for an item that is saved next. */
void watch_item_set_lease(struct watch_item *item);

/* The mode was set, by this invocation or by one that ended before it could say so: the watch
 * begins, and the promotion is alerted. */
bool watch_item_open(struct watch_item *item);
/* The mode was not set: ends without an alert. */
bool watch_item_end_unmade(struct watch_item *item, str note);

/* Its account cannot be reached: the watch stays open, which is reported once a day for all watches
 * of the account. */
void watch_item_report_unreachable(struct watch_item *item, const struct error *cause);

/* Alerts that clients are blocked, after the watch. false: SNS certainly did not take it. */
bool watch_item_alert_blocked(struct watch_item *item, str note);

/* Publishes the alert that the status of the record calls for. */
void watch_item_publish_alert(struct watch_item *item);

#endif
