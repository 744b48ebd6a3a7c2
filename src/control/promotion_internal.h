/* SPDX-License-Identifier: Apache-2.0
 *
 * Promotion in one sweep: promotion_advice.c collects the candidates, promotion.c finds whose turn
 * it is, promote.c promotes these.
 */
#ifndef CONTROL_PROMOTION_INTERNAL_H
#define CONTROL_PROMOTION_INTERNAL_H

#include "control/promotion.h"
#include "table/watch_records.h"

/* One that is to be promoted, or keeps its ring open: it is watched, was rolled back or reverted
 * not long ago, or its evidence could not be read. */
struct candidate {
    struct load_balancer facts; /* arn, name, type, scheme and mode; the rest is read anew */
    str ring;                   /* empty: none */
    str holds_because;          /* why it keeps its ring open; empty: it is to be promoted */
    const char *left_because;   /* something else writes its mode: it holds no ring; NULL: no */
    struct evidence evidence;
    str reason; /* of the advice */
};

struct promotion_run {
    struct control *control; /* what is kept lives in its `keep` */
    int64_t ordering_ms;
    const struct promotion_config *config;
    struct candidate *candidates;
    size_t count;
    size_t capacity;
    struct watch_record *records;
    size_t record_count;
    bool has_records;       /* were read, or there is no table */
    bool has_lost_evidence; /* evidence failed, which was logged: it is not read any more */
    size_t seen_count;
};

static inline int64_t promotion_now_ms(const struct promotion_run *run) {
    return run->control->guard->clock->now_ms(run->control->guard->clock);
}

/* Numbers in their order, then other text, then no tag. 0: one ring. */
int ring_compare(str a, str b);

/* `cause` NULL: not failed. */
void promotion_add_action(const struct promotion_run *run, const struct candidate *candidate,
                          enum action_status status, str reason, const struct error *cause);

/* Promotes these one by one: a baseline, a WATCH item, the guarded change. */
void promote(const struct promotion_run *run, struct candidate *const *turn, size_t count);

#endif
