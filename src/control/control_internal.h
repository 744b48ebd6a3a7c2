/* SPDX-License-Identifier: Apache-2.0
 *
 * How one judgement goes through the files of the control loop.
 */
#ifndef CONTROL_CONTROL_INTERNAL_H
#define CONTROL_CONTROL_INTERNAL_H

#include "control/control.h"
#include "control/live.h"

/* What one judgement led to so far. */
struct case_file {
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
MUST_USE enum status act_make_fresh(struct act *act, struct case_file *file, struct error *error);

/* Raises the mode where it is due. false: it could not be found out or done, and was told as a
 * failure; what it was is not to be remembered. *before is read anew where that was needed. */
bool act_enforce(struct act *act, struct lb_state *before, struct case_file *file);

/* A mode was raised whatever the scheme; the verdict that is remembered may hang on it. */
MUST_USE enum status act_learn_scheme(struct act *act, struct case_file *file, struct error *error);

/* Whose call set this mode, as far as the call that is handled tells; NULL: not known. */
const struct elb_caller *act_writer(const struct act *act, enum desync_mode mode);

/* What enforcement does to a mode that was weak at this time, and who is to be named. */
struct correction act_correction(const struct act *act, int64_t at_ms);

/* state_load. Times that cannot be right are told of in the log, and not believed. */
MUST_USE enum status act_load_state(struct act *act, str arn, struct lb_state *state_out,
                                    struct error *error);

/* state_intend, also where an earlier invocation said so and was not heard of again: its correction
 * counts when the call that is handled undid it. CONFLICT: another copy has acted on later facts.
 */
MUST_USE enum status act_intend(struct act *act, str arn, const struct correction *intent,
                                struct lb_state *state_out, struct error *error);

/* Remembers it in the table, and tells whom it concerns. `before` is what was loaded. Returns since
 * when the load balancer is non-compliant, as far as is remembered now; 0: it is not. */
int64_t act_remember(struct act *act, const struct case_file *file, struct lb_state *before);

/* What is told, and what it is told of. */
struct telling {
    const struct evaluation *evaluation;
    const struct evaluation *found; /* what it was before it was corrected; NULL: it was not */
    const struct lb_state *state;   /* after the transition */
    unsigned tells;                 /* of enum tell */
    int64_t since_ms;               /* of the incident that is told of */
    enum desync_mode changed_from;
    enum desync_mode changed_to;
};
/* "enforced, opened" */
str act_tell_names(struct arena *arena, unsigned tells);
/* Publishes it. Returns those that certainly were not published, to be told later. */
unsigned act_tell(struct act *act, const struct telling *telling);

/* One alert to the topic; there must be one. */
struct alert;
MUST_USE enum status act_publish(struct act *act, const struct alert *alert, struct error *error);
/* Is there a topic? */
bool act_is_heard(const struct act *act);

/* Keeps the finding for act_import_findings, where SECURITY_HUB is on and was not told it. */
void act_keep_finding(struct act *act, const struct evaluation *evaluation,
                      const struct lb_state *state);

#endif
