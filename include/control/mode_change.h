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
    /* Called after each look and right before a request: does `evaluation` still call for it? It
     * may write first that the mode will be changed; where it could not, *error says why. */
    bool (*confirm)(struct mode_change *change, struct error *error);
    void *context;
    /* out */
    struct evaluation *found; /* what the last request rested on; NULL: none was sent */
    int64_t found_ms;         /* when that was read */
    bool is_made;             /* the mode is `to`, set by us */
    bool may_be_made;         /* an answer was lost, so that the mode may have been set */
    bool is_gone;             /* the load balancer does not exist any more */
};

/* OK: made (is_made), gone (is_gone), or not due any more. Else *error (never NULL) has the first
 * look's failure, that of `confirm`, or that of the last request. */
MUST_USE enum status mode_change_make(struct mode_change *change, struct error *error);

/* Reads the load balancer and judges it anew, unless it was read live just now. */
MUST_USE enum status mode_change_read(struct mode_change *change, struct error *error);

/* Judges the facts as they are known. */
void mode_change_judge(struct mode_change *change);

#endif
