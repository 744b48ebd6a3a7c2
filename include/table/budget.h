/* SPDX-License-Identifier: Apache-2.0
 *
 * What one account and Region may have changed: the changes of the last hour (CHANGES), and the
 * promotion turn (TURN). Both count over all copies, triggers and repeats, as each write is
 * conditional on the item that was read.
 *
 * BUDGET items: pk = "BUDGET#<account>#<Region>", those of the load balancer that is changed.
 *     sk = "CHANGES": `times` (unix ms, comma-separated, oldest first), `mark`, `writer`
 *     sk = "TURN": `takenAt`, `mark`, `writer`
 * `mark` is new with each write. It is what the next write is conditional on, and by it a write
 * whose answer was lost is recognised.
 */
#ifndef TABLE_BUDGET_H
#define TABLE_BUDGET_H

#include "table/state.h"

/* A change is sent at most so long after it was taken: one taken longer ago is taken anew. */
#define BUDGET_SENT_WITHIN_MS (60 * MS_PER_SECOND)
/* So the requests of two changes lie an hour apart when their takings lie so far apart. */
#define BUDGET_WINDOW_MS (60 * 60 * MS_PER_SECOND + BUDGET_SENT_WITHIN_MS)

struct budget_change {
    str arn;         /* of the load balancer that is to be changed */
    int max;         /* MAX_CHANGES_PER_HOUR */
    int64_t at_ms;   /* now; 0: none is taken */
    int64_t free_ms; /* out, with CONFLICT: when the next is free; INT64_MAX: never */
};

/* Before the guarded change: takes one of the `max` of the last hour. CONFLICT: they are spent. Any
 * other failure: it may be taken, and must not be made. THROTTLED: other copies were faster each
 * time. */
MUST_USE enum status budget_take_change(const struct state_table *table,
                                        struct budget_change *change, struct arena *arena,
                                        struct error *error);
/* The change was certainly not made. If this fails, nothing worse happens than that it counts. */
MUST_USE enum status budget_return_change(const struct state_table *table,
                                          const struct budget_change *change, struct arena *arena,
                                          struct error *error);

/* From one promotion turn to the next. */
#define BUDGET_TURN_EVERY_MS (20 * 60 * 60 * MS_PER_SECOND)
/* Nothing is promoted later than that in a turn, whatever holds its invocation up: Lambda's longest
 * one. */
#define BUDGET_TURN_MS (15 * 60 * MS_PER_SECOND)

struct budget_turn {
    str arn;          /* of a load balancer of the account and Region */
    int64_t taken_ms; /* out: the last one before this; 0: there was none */
    int64_t next_ms;  /* out: when the next may be taken; 0: at once */
    str mark;         /* out: of the item as it was read or written last; empty: there is none */
};

/* Fills in what is known of the turn at `now_ms`. */
MUST_USE enum status budget_read_turn(const struct state_table *table, struct budget_turn *turn,
                                      int64_t now_ms, struct arena *arena, struct error *error);
/* Takes the turn that was read as free. CONFLICT: another copy was faster. */
MUST_USE enum status budget_take_turn(const struct state_table *table, struct budget_turn *turn,
                                      int64_t now_ms, struct arena *arena, struct error *error);
/* Nothing was promoted in it, nor may have been: the next complete sweep may take it. */
MUST_USE enum status budget_return_turn(const struct state_table *table, struct budget_turn *turn,
                                        struct arena *arena, struct error *error);

/* What is left, for those that only say what would be done. */
struct budget_view {
    const int64_t *times_ms; /* the changes of the last hour, oldest first; in `arena` */
    size_t count;
    int64_t next_change_ms;  /* 0: one is free; INT64_MAX: never, as `max` is 0 */
    struct budget_turn turn; /* its next_ms is 0 when it may be taken */
};
MUST_USE enum status budget_view_read(const struct state_table *table,
                                      const struct budget_change *change, struct arena *arena,
                                      struct budget_view *view_out, struct error *error);

#endif
