/* SPDX-License-Identifier: Apache-2.0
 *
 * The items beside STATE: events that were seen, the last request to re-evaluate, and the writer
 * that the changes name.
 */
#ifndef TABLE_RECORDS_H
#define TABLE_RECORDS_H

#include "event/event.h"
#include "table/state.h"

/* SEEN: the event is ours to handle. CONFLICT: it was handled, or another copy is at it. Until
 * `lease_ms` nobody else may take the event. */
struct event_claim {
    str event_id;
    int64_t lease_ms;
    int64_t now_ms;
    bool was_begun; /* out, with OK: it was begun before, and not finished */
};
MUST_USE enum status state_claim_event(const struct state_table *table, str arn,
                                       struct event_claim *claim, struct arena *arena,
                                       struct error *error);
/* The event is handled for good. Nothing is changed when another copy has taken it over. */
MUST_USE enum status state_finish_event(const struct state_table *table, str arn, str event_id,
                                        struct arena *arena, struct error *error);
/* It could not be handled: the next delivery may take it at once. Likewise. */
MUST_USE enum status state_release_event(const struct state_table *table, str arn, str event_id,
                                         struct arena *arena, struct error *error);

/* The writer in the latest CHANGE that names one; all empty: none does. */
MUST_USE enum status state_last_writer(const struct state_table *table, str arn,
                                       struct arena *arena, struct writer *writer_out,
                                       struct error *error);

/* At most one copy a minute gets OK; the others CONFLICT. */
MUST_USE enum status state_claim_reevaluation(const struct state_table *table, str rule_name,
                                              int64_t now_ms, struct arena *arena,
                                              struct error *error);
/* AWS Config refused the evaluation: the next invocation may ask at once. */
MUST_USE enum status state_release_reevaluation(const struct state_table *table, str rule_name,
                                                struct arena *arena, struct error *error);

#endif
