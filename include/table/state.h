/* SPDX-License-Identifier: Apache-2.0
 *
 * The STATE item of a load balancer (contract, section 7): its codec, and the conditional writes
 * that make duplicates, reordering and concurrent copies harmless. pk is the load balancer's ARN;
 * times are ISO 8601 UTC with milliseconds, which sort as text; expires_at is epoch seconds.
 */
#ifndef TABLE_STATE_H
#define TABLE_STATE_H

#include "aws/call.h"
#include "policy/transition.h"

#define STATE_WATCH_PK     "WATCH" /* see watch_records.h */
#define STATE_RAISE_SUFFIX "#raise"

/* Where the table is and who writes. */
struct state_table {
    struct aws_client *client;
    str name;
    str writer; /* of this invocation: the same when Lambda repeats it */
};

struct dynamodb_item;
/* The codec alone; text is borrowed from the item. */
void state_read(const struct dynamodb_item *item, struct lb_state *state);

/* STATE: what is remembered; has_verdict false when no judgement is. */
MUST_USE enum status state_load(const struct state_table *table, str arn, struct arena *arena,
                                struct lb_state *state_out, struct error *error);
/* Replaces what was loaded as `before` by transition->next, and writes the INCIDENT and CHANGE of
 * its records: all or nothing. CONFLICT: another copy was faster; load again. One put where STATE
 * changes alone and claims no alert, else a transaction, whose lost answer is not taken for another
 * copy's write. */
MUST_USE enum status state_save(const struct state_table *table, str arn,
                                const struct lb_state *before, const struct transition *transition,
                                struct arena *arena, struct error *error);

/* Says in STATE that a mode is about to be raised which was weak at intent->at_ms, and reads STATE
 * in the same call: however this invocation ends, the correction is not lost. CONFLICT:
 * another copy has acted on later facts, or has said so, too. */
MUST_USE enum status state_intend(const struct state_table *table, str arn,
                                  const struct correction *intent, struct arena *arena,
                                  struct lb_state *state_out, struct error *error);
/* It certainly was not raised. */
MUST_USE enum status state_forget_intent(const struct state_table *table, str arn,
                                         const struct correction *intent, struct arena *arena,
                                         struct error *error);
/* The alerts were published, or may have been: removes the claim. */
MUST_USE enum status state_end_alert_claim(const struct state_table *table, str arn,
                                           const struct alert_claim *alert_claim,
                                           struct arena *arena, struct error *error);
/* Remembers what Security Hub has. Not under the version: at worst it gets the same again. */
MUST_USE enum status state_note_import(const struct state_table *table, str arn, str key,
                                       struct arena *arena, struct error *error);

#endif
