/* SPDX-License-Identifier: Apache-2.0
 *
 * The items beside STATE: events that were seen, incidents, changes, and the last request to
 * re-evaluate.
 */
#ifndef TABLE_RECORDS_H
#define TABLE_RECORDS_H

#include "event/event.h"
#include "table/state.h"

/* SEEN: the event is ours to handle. CONFLICT: it was handled, or another copy is at it. `lease_ms`
 * is when this invocation is over whatever happens; until then nobody else may take the event. */
struct event_claim {
    str event_id;
    int64_t lease_ms;
    int64_t now_ms;
    bool was_begun; /* out, with OK: it was begun before, and not finished */
};
MUST_USE enum status state_claim_event(const struct state_table *table, str arn,
                                       struct event_claim *claim, struct arena *arena,
                                       struct error *error);
/* It is handled for good. Nothing is changed when another copy has taken it over. */
MUST_USE enum status state_finish_event(const struct state_table *table, str arn, str event_id,
                                        struct arena *arena, struct error *error);
/* It could not be handled: the next delivery may take it at once. Likewise. */
MUST_USE enum status state_release_event(const struct state_table *table, str arn, str event_id,
                                         struct arena *arena, struct error *error);

/* INCIDENT: both may be repeated at will. */
MUST_USE enum status state_open_incident(const struct state_table *table, str arn,
                                         int64_t opened_ms, const struct lb_state *state,
                                         struct arena *arena, struct error *error);
MUST_USE enum status state_close_incident(const struct state_table *table, str arn,
                                          int64_t opened_ms, int64_t closed_ms, struct arena *arena,
                                          struct error *error);

struct change {
    int64_t at_ms;
    enum desync_mode from;
    enum desync_mode to;
    str why;
    const struct writer *last_writer; /* NULL: not known */
};

/* CHANGE: appended. */
MUST_USE enum status state_append_change(const struct state_table *table, str arn,
                                         const struct change *change, struct arena *arena,
                                         struct error *error);

/* Who is named in the latest CHANGE that names anybody; all empty: none does. */
MUST_USE enum status state_last_writer(const struct state_table *table, str arn,
                                       struct arena *arena, struct writer *writer_out,
                                       struct error *error);

/* At most one copy a minute gets OK; the others CONFLICT. */
MUST_USE enum status state_claim_reevaluation(const struct state_table *table, str rule_name,
                                              int64_t now_ms, struct arena *arena,
                                              struct error *error);
/* AWS Config did not take what was asked for: whoever asks next may do so at once. */
MUST_USE enum status state_release_reevaluation(const struct state_table *table, str rule_name,
                                                struct arena *arena, struct error *error);

#endif
