/* SPDX-License-Identifier: Apache-2.0
 *
 * How one judgement goes through the files of the control loop.
 */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include "control/control.h"
#include "control/live.h"
#include "table/budget.h"

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
    bool is_held;               /* defensive would block too many clients */
    bool has_severe;            /* `severe` was looked up */
    struct severe_share severe; /* what evidence says of raising monitor */
    struct correction intent;   /* what STATE says we are about to do; at_ms 0: nothing */
    struct enforcement_decision decision;
};

/* The change of this load balancer as it is known; `to` and `confirm` are still to be set. */
struct mode_change;
struct mode_change enforce_change_of(struct control *control, const struct enforcement_case *file);

/* Reads it anew unless it was read live just now; what is gone is NOT_APPLICABLE. */
MUST_USE enum status enforce_read_fresh(struct control *control, struct enforcement_case *file,
                                        struct error *error);

/* Raises the mode where that is due. false: it failed, which is in the actions, and the judgement
 * is not to be remembered. *before is read anew where that was needed. */
bool enforce_minimum(struct control *control, struct lb_state *before,
                     struct enforcement_case *file);

/* The mode that was read may be the one before our own last change, as reads lag: it is read again.
 * *is_hidden: it still shows that one, which is an action then; nothing is to be concluded. */
MUST_USE enum status own_change_find(struct control *control, struct lb_state *before,
                                     struct enforcement_case *file, bool *is_hidden,
                                     struct error *error);
/* The call that is handled set a stricter mode while we were raising it less, and our request came
 * last: sets theirs again. */
MUST_USE enum status own_change_undo(struct control *control, const struct lb_state *before,
                                     struct enforcement_case *file, struct error *error);
/* The intent of a correction that was certainly not made is removed: a later change by somebody
 * else would be taken for this one. When the removal fails, nothing worse happens than that. */
void enforce_withdraw_intent(struct control *control, struct enforcement_case *file);

/* A mode was raised whatever the scheme; the verdict that is remembered may depend on it. */
MUST_USE enum status enforce_learn_scheme(struct control *control, struct enforcement_case *file,
                                          struct error *error);

/* Right before a guarded change: takes one of MAX_CHANGES_PER_HOUR, unless *taken still holds.
 * CONFLICT: none is left, and enforcement plans from now on. */
MUST_USE enum status change_take(struct control *control, str arn, struct budget_change *taken,
                                 struct error *error);
/* The change was certainly not made. */
void change_return(struct control *control, struct budget_change *taken);
/* MAX_CHANGES_PER_HOUR is known to be reached. */
bool change_is_spent(const struct control *control);
/* "MAX_CHANGES_PER_HOUR (25) is reached; the next is free at 14:05Z" */
str change_spent_reason(const struct control *control);

/* The caller that set this mode, if the call that is handled did; NULL: not known. */
const struct writer *control_writer(const struct control *control, enum desync_mode mode);

/* When somebody else set this mode, if the call that is handled did; 0: not known. */
int64_t control_set_by_other_ms(const struct control *control, enum desync_mode mode);

/* The correction that enforcement makes of a mode that was weak at this time. */
struct correction control_correction(const struct control *control, int64_t at_ms);

/* state_load. Times in the future are logged, and not believed. */
MUST_USE enum status ledger_load(struct control *control, str arn, struct lb_state *state_out,
                                 struct error *error);

/* state_intend, also where an earlier invocation ended with its intent in place: its correction
 * counts when the call that is handled undid it. CONFLICT: another copy has acted on later facts.
 */
MUST_USE enum status ledger_intend(struct control *control, str arn,
                                   const struct correction *intent, struct lb_state *state_out,
                                   struct error *error);

/* Writes the judgement into the table. `before` is what was loaded. The alerts of *transition_out
 * are due; those that it claims are ours to publish, and then to be given back by one of the two
 * functions below. */
MUST_USE enum status ledger_commit(struct control *control, const struct enforcement_case *file,
                                   struct lb_state *before, struct transition *transition_out,
                                   struct error *error);
/* These were not published: they are due again. */
MUST_USE enum status ledger_requeue_alerts(struct control *control, str arn, unsigned alerts,
                                           struct error *error);
/* All were published, or may have been. */
void ledger_end_alert_claim(struct control *control, str arn, const struct alert_claim *claim);

/* When an alert that is claimed now is published or lost for certain; 0: no time to publish one. */
int64_t alert_claim_until_ms(const struct control *control);
/* "enforced, opened" */
str alert_names(struct arena *arena, unsigned alerts);
/* Publishes the alerts of the transition. Returns those that certainly were not published. */
unsigned alerts_publish(struct control *control, const struct enforcement_case *file,
                        const struct transition *transition);

/* One alert to the topic; there must be one. */
struct alert;
struct alert_text;
MUST_USE enum status alert_publish_text(struct control *control, const struct alert_text *text,
                                        struct error *error);
MUST_USE enum status alert_publish(struct control *control, const struct alert *alert,
                                   struct error *error);

bool has_alert_topic(const struct control *control);

/* Keeps the finding for security_hub_import, where SECURITY_HUB is on and does not have it yet. */
void security_hub_add(struct control *control, const struct evaluation *evaluation,
                      const struct lb_state *state);

#endif
