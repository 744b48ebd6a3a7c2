/* SPDX-License-Identifier: Apache-2.0
 *
 * One guarded change of a mode.
 */
#ifndef CONTROL_MODE_CHANGE_H
#define CONTROL_MODE_CHANGE_H

#include "control/guard.h"

/* One guarded change of a mode. Each attempt waits for its turn, looks, asks whether the change is
 * still due, sends the one key once, and believes only what the answer says. */
struct mode_change {
    struct guard *guard;
    const struct policy *policy;
    struct arena *arena;
    struct load_balancer *facts; /* in: arn, and type and scheme where known; out: as last seen */
    enum desync_mode to;
    bool (*is_due)(void *context, const struct evaluation *evaluation, str *why_not);
    void *context;
    /* out */
    struct evaluation *evaluation; /* the last one */
    int64_t facts_ms;
    bool is_tried;    /* a change was sent */
    bool is_made;     /* the mode is what was asked for, by us */
    bool may_be_made; /* the last answer was lost, and no look since has told */
    str why_not;      /* not due */
};
/* OK: made, or not due any more (`why_not`). */
MUST_USE enum status mode_change_make(struct mode_change *change, struct error *error);

#endif
