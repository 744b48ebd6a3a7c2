/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered in the DynamoDB table (contract, section 7): the codec of its items and the
 * conditional writes that make duplicates, reordering and concurrent copies harmless. pk is the
 * load balancer's ARN; times are ISO 8601 UTC with milliseconds, which sort as text; expires_at is
 * epoch seconds.
 */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "app_internal.h"
#include "policy/transition.h"

/* Where the table is and who writes. */
struct state_table {
    struct aws_client *client;
    str name;
    str writer; /* of this invocation: the same when Lambda repeats it */
};

struct dynamodb_item;
/* The codec alone; text is borrowed from the item. */
void state_read(const struct dynamodb_item *item, struct lb_state *state);

/* STATE: what is remembered; is_known false when no judgement is. */
MUST_USE enum status state_load(const struct state_table *table, str arn, struct arena *arena,
                                struct lb_state *state_out, struct error *error);
/* Replaces what was loaded as `before`. CONFLICT: another copy was faster; load again. */
MUST_USE enum status state_save(const struct state_table *table, str arn,
                                const struct lb_state *before, const struct lb_state *next,
                                struct arena *arena, struct error *error);

/* Says in STATE that a mode is about to be raised which was weak at intent->at_ms, and reads STATE
 * in the same call: whatever becomes of this invocation, the correction is not forgotten. CONFLICT:
 * another copy has acted on later facts, or has said so, too. */
MUST_USE enum status state_intend(const struct state_table *table, str arn,
                                  const struct correction *intent, struct arena *arena,
                                  struct lb_state *state_out, struct error *error);
/* It certainly was not raised. */
MUST_USE enum status state_forget_intent(const struct state_table *table, str arn,
                                         const struct correction *intent, struct arena *arena,
                                         struct error *error);
/* What came of it is known: removes the mark. */
MUST_USE enum status state_end_telling(const struct state_table *table, str arn,
                                       const struct telling_mark *telling, struct arena *arena,
                                       struct error *error);
/* What Security Hub was told. Not under the version: at worst it is told the same again. */
MUST_USE enum status state_note_import(const struct state_table *table, str arn, str key,
                                       struct arena *arena, struct error *error);

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
    const struct elb_caller *last_writer; /* NULL: not known */
};

/* CHANGE: appended. */
MUST_USE enum status state_append_change(const struct state_table *table, str arn,
                                         const struct change *change, struct arena *arena,
                                         struct error *error);

/* Who is named in the latest CHANGE that names anybody; all empty: none does. */
MUST_USE enum status state_last_writer(const struct state_table *table, str arn,
                                       struct arena *arena, struct elb_caller *writer_out,
                                       struct error *error);

/* At most one copy a minute gets OK; the others CONFLICT. */
MUST_USE enum status state_claim_reevaluation(const struct state_table *table, str rule_name,
                                              int64_t now_ms, struct arena *arena,
                                              struct error *error);
/* AWS Config did not take what was asked for: whoever asks next may do so at once. */
MUST_USE enum status state_release_reevaluation(const struct state_table *table, str rule_name,
                                                struct arena *arena, struct error *error);

#endif
