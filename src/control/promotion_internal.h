/* SPDX-License-Identifier: Apache-2.0
 *
 * Those that keep a ring open in one sweep: still to be promoted, being watched, rolled back not
 * long ago, or with evidence that could not be read.
 */
#ifndef CONTROL_PROMOTION_INTERNAL_H
#define CONTROL_PROMOTION_INTERNAL_H

#include "control/promotion.h"
#include "table/watch_records.h"

struct candidate {
    struct load_balancer facts; /* arn, name, type and scheme; the rest is read anew */
    str ring;                   /* empty: none */
    bool is_to_be_promoted;
    str holds_because; /* of the others: why it keeps its ring open */
    struct evidence evidence;
    str reason; /* of the advice */
};

/* <0: `a` comes before `b`. Rings that compare as 0 are one ring. */
int ring_compare(str a, str b);

/* In the order of rings, then ARNs. */
void candidates_sort(struct candidate *candidates, size_t count);

/* Those whose turn it is, no more than the run may change. */
struct promotion_turn {
    const struct promotion_sweep *sweep;
    const struct candidate **candidates;
    size_t count;
    const struct watch_record *records;
    size_t record_count;
};
/* Promotes them one by one: a baseline, a WATCH item, the guarded change. */
void promote_turn(const struct promotion_turn *turn);

#endif
