/* SPDX-License-Identifier: Apache-2.0
 *
 * How one judgement goes through the files of the control loop.
 */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include "control/control.h"
#include "control/live.h"

/* What one judgement led to so far. */
struct enforcement_case {
    struct load_balancer *facts;
    struct evaluation *evaluation;
    const struct evaluation *found; /* before it was corrected; NULL: it was not */
    int64_t facts_ms;               /* when the facts were true */
    int64_t weak_read_ms;           /* when the mode was read that was then raised */
    bool is_live;                   /* mode and tags were both read live, at facts_ms */
    bool is_corrected;
    bool may_be_made; /* an answer was lost, and the mode may have been raised */
    bool is_fight;
    struct correction intent; /* what STATE says we are about to do; at_ms 0: nothing */
    struct enforcement_decision decision;
};

/* Reads it anew unless it was read live just now; what is gone is NOT_APPLICABLE. */
MUST_USE enum status enforce_read_fresh(struct control *control, struct enforcement_case *file,
                                        struct error *error);

/* Raises the mode where it is due. false: it could not be found out or done, and was told as a
 * failure; what it was is not to be remembered. *before is read anew where that was needed. */
bool enforce_minimum(struct control *control, struct lb_state *before,
                     struct enforcement_case *file);

/* A mode was raised whatever the scheme; the verdict that is remembered may hang on it. */
MUST_USE enum status enforce_learn_scheme(struct control *control, struct enforcement_case *file,
                                          struct error *error);

/* Whose call set this mode, as far as the call that is handled alerts; NULL: not known. */
const struct writer *control_writer(const struct control *control, enum desync_mode mode);

/* What enforcement does to a mode that was weak at this time, and who is to be named. */
struct correction control_correction(const struct control *control, int64_t at_ms);

/* state_load. Times that cannot be right are told of in the log, and not believed. */
MUST_USE enum status ledger_load(struct control *control, str arn, struct lb_state *state_out,
                                 struct error *error);

/* state_intend, also where an earlier invocation said so and was not heard of again: its correction
 * counts when the call that is handled undid it. CONFLICT: another copy has acted on later facts.
 */
MUST_USE enum status ledger_intend(struct control *control, str arn,
                                   const struct correction *intent, struct lb_state *state_out,
                                   struct error *error);

/* Remembers it in the table, and alerts whom it concerns. `before` is what was loaded. Returns
 * since when the load balancer is non-compliant, as far as is remembered now; 0: it is not. */
int64_t ledger_commit(struct control *control, const struct enforcement_case *file,
                      struct lb_state *before);

/* What is told, and what it is told of. */
struct alert_batch {
    const struct evaluation *evaluation;
    const struct evaluation *found; /* what it was before it was corrected; NULL: it was not */
    const struct lb_state *state;   /* after the transition */
    unsigned alerts;                /* of enum tell */
    int64_t since_ms;               /* of the incident that is told of */
    enum desync_mode changed_from;
    enum desync_mode changed_to;
};
/* "enforced, opened" */
str alert_names(struct arena *arena, unsigned alerts);
/* Publishes it. Returns those that certainly were not published, to be told later. */
unsigned alerts_publish(struct control *control, const struct alert_batch *batch);

/* One alert to the topic; there must be one. */
struct alert;
MUST_USE enum status alert_publish(struct control *control, const struct alert *alert,
                                   struct error *error);
/* Is there a topic? */
bool has_alert_topic(const struct control *control);

/* Keeps the finding for security_hub_import, where SECURITY_HUB is on and was not told it. */
void security_hub_add(struct control *control, const struct evaluation *evaluation,
                      const struct lb_state *state);

#endif
