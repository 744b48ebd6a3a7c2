/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch over a promotion: one look at it.
 */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include "control/accounts.h"
#include "control/control.h"
#include "table/watch_records.h"

/* One run over all that is being watched. */
struct watching {
    struct guard *guard;
    struct control control;
    const struct policy *policy;
    struct arena *arena;
    struct watch_record *record; /* the one at hand */
    struct load_balancer facts;
    struct evaluation *evaluation;
    bool is_reverted; /* somebody else has lowered the mode */
    struct closed_account closed;
};

/* Looks at one of them: see watch.c. What was done and what failed goes to watching->control. */
void watch_one(struct watching *watching, struct watch_record *record);

#endif
