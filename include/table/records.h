/* SPDX-License-Identifier: Apache-2.0
 *
 * The items beside STATE: events that were seen, messages about many load balancers, the last
 * request to re-evaluate, and the writer that the changes name.
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

/* DIGEST: the message about one owner's escalations of one day, in one account and Region. */
struct digest_key {
    str account_id;
    str region;
    int64_t day; /* UTC */
    str owner;   /* at most DIGEST_OWNER_CHARACTERS_MAX; empty: those without an owner */
};
#define DIGEST_OWNER_CHARACTERS_MAX 200 /* of four bytes at most: a sort key holds 1,024 */
/* It is ours to publish until `until_ms`. CONFLICT: it was published, or another copy is at it;
 * *is_in_doubt_out: that copy has ended, and left no word of it. */
MUST_USE enum status state_claim_digest(const struct state_table *table,
                                        const struct digest_key *key, int64_t now_ms,
                                        int64_t until_ms, struct arena *arena,
                                        bool *is_in_doubt_out, struct error *error);
/* It was published, or may have been; or it certainly was not, and the next sweep may try again.
 */
MUST_USE enum status state_end_digest(const struct state_table *table, const struct digest_key *key,
                                      bool is_published, struct arena *arena, struct error *error);

/* The writer in the latest CHANGE that names one; all empty: none does. */
MUST_USE enum status state_last_writer(const struct state_table *table, str arn,
                                       struct arena *arena, struct writer *writer_out,
                                       struct error *error);

struct reevaluation_claim {
    str rule_name;
    int64_t now_ms;
    int64_t pause_ms;
};
/* One copy in that pause gets OK; the others CONFLICT. */
MUST_USE enum status state_claim_reevaluation(const struct state_table *table,
                                              const struct reevaluation_claim *claim,
                                              struct arena *arena, struct error *error);
/* AWS Config refused the evaluation: the next invocation may ask at once. */
MUST_USE enum status state_release_reevaluation(const struct state_table *table, str rule_name,
                                                struct arena *arena, struct error *error);

#endif
