/* SPDX-License-Identifier: Apache-2.0
 *
 * What promotion, roll back and watch say to people.
 */
#ifndef CONTROL_CHANGE_ALERT_H
#define CONTROL_CHANGE_ALERT_H

#include "control/control.h"
#include "report/alert.h"

struct change_alert {
    enum alert_kind kind;
    const struct evaluation *evaluation;
    enum desync_mode from;
    enum desync_mode to;
    str note;
    str ending; /* of a watch: watch_ending; empty: none */
};
/* Publishes it and adds the action. false: it certainly was not published; of a roll back, it may
 * not have been. */
bool change_alert_publish(struct control *control, const struct change_alert *alert);

/* The end of what this invocation may take. */
int64_t lease_end_ms(const struct guard *guard);

#endif
