/* SPDX-License-Identifier: Apache-2.0
 *
 * The state table read as a whole, for the posture report: what is open, what was repaired and
 * changed, and the fleet of each day. Read-only but for the day's point.
 */
#ifndef TABLE_HISTORY_H
#define TABLE_HISTORY_H

#include "policy/posture.h"
#include "table/records.h"

struct history_state {
    str arn;
    int64_t non_compliant_since_ms; /* 0: it is not */
    bool is_fight;
};

/* All text in the arena; the arrays in no order. */
struct history {
    struct history_state *states;
    size_t state_count;
    struct posture_incident *incidents; /* that were open at `from_ms` or later */
    size_t incident_count;
    struct posture_change *changes; /* since from_ms */
    size_t change_count;
    struct posture_point *points; /* since from_ms; those of a day summed up, oldest first */
    size_t point_count;
};

MUST_USE enum status history_read(const struct state_table *table, str region, int64_t from_ms,
                                  int64_t now_ms, struct arena *arena, struct history *history_out,
                                  struct error *error);

/* The newest INCIDENT and CHANGE items of one load balancer, newest first, at most `limit` of each;
 * nothing else. */
MUST_USE enum status history_read_one(const struct state_table *table, str arn, size_t limit,
                                      struct arena *arena, struct history *history_out,
                                      struct error *error);

/* The fleet of an account and Region today; a later one of the day replaces it. */
MUST_USE enum status history_put_point(const struct state_table *table, str account_id, str region,
                                       const struct posture_point *point, struct arena *arena,
                                       struct error *error);

#endif
