/* SPDX-License-Identifier: Apache-2.0
 *
 * The one guarded change of a mode: enforcement, promotion and roll back all make theirs here.
 */
#ifndef CONTROL_MODE_CHANGE_H
#define CONTROL_MODE_CHANGE_H

#include "control/control.h"

struct mode_change {
    struct control *control;       /* results live in its `arena` */
    struct load_balancer *facts;   /* in: arn, and type and scheme where known; out: as last seen */
    struct evaluation *evaluation; /* of these facts; its ordering_ms is kept */
    int64_t facts_ms;              /* when the facts were true */
    bool is_live;                  /* mode and tags were both read live, at facts_ms */
    enum desync_mode to;
    bool is_rollback; /* our own promotion: the one change that may lower a mode */
    /* Called after each look and right before a request: does `evaluation` still call for it? It
     * may write first that the mode will be changed; where it could not, *error says why. It is
     * called again for the same request where that took so long that another look is needed. */
    bool (*confirm)(struct mode_change *change, struct error *error);
    void *context;
    /* out */
    struct evaluation *found; /* what the last request rested on; NULL: none was sent */
    int64_t found_ms;         /* when that was read */
    bool is_made;             /* the mode is `to`, set by us */
    bool may_be_made;         /* an answer was lost, so that the mode may have been set */
    bool is_gone;             /* the load balancer does not exist any more */
    bool is_required;         /* with is_rollback: not lowered, as the policy requires the mode */
};

/* OK: made (is_made), gone (is_gone), or not due any more: also where the mode is `to` or stricter
 * by now. Else *error (never NULL) has the first look's failure, that of `confirm`, or that of the
 * last request. */
MUST_USE enum status mode_change_make(struct mode_change *change, struct error *error);

/* Reads the load balancer and judges it anew, unless it was read live just now. Reads lag: one that
 * shows a weaker mode than `facts` did before is repeated. INCOMPLETE: the mode is absent or none
 * that we know, so that nothing may be concluded. DENIED, of what is not found: it is in an account
 * that cannot be reached. */
MUST_USE enum status mode_change_read(struct mode_change *change, struct error *error);

/* Judges the facts as they are known. */
void mode_change_judge(struct mode_change *change);

#endif
