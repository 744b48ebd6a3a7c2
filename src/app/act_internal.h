/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done about a judgement after it was reported: enforce, remember, alert. Nothing here can
 * undo a report; what fails is named in the actions and fails the invocation in the end, so that
 * Lambda repeats it.
 */
#ifndef ACT_INTERNAL_H
#define ACT_INTERNAL_H

#include "report/render.h"
#include "state_internal.h"

struct act {
    struct app *app;
    const struct policy *policy;
    struct arena *keep;       /* of the invocation: actions and the first failure */
    struct arena *arena;      /* of the judgement at hand: may be another one for each act_on */
    struct state_table table; /* name empty: there is none */
    const struct elb_caller *caller; /* of the call that is handled; NULL: none */
    int64_t event_ms;                /* when that call was made; 0: none */
    int changes;                     /* made in this invocation */
    struct action *actions;
    size_t action_count;
    size_t action_capacity;
    bool has_new_verdict; /* there is something that AWS Config was not told of: see act_ask_... */
    struct error first_failure;
};

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep);

/* Is there anything to do at all? */
bool act_is_on(const struct app *app);

/* One judgement. `facts` are what it was made from; `read_ms` is when mode and tags were read live,
 * both of them, and 0 when one came from an event. They are read anew where enforcement needs it.
 * *evaluation becomes the judgement after enforcement. UNKNOWN is never acted on. */
void act_on(struct act *act,
            struct load_balancer *facts,
            int64_t read_ms,
            struct evaluation *evaluation);

/* Asks Config to evaluate its rule anew when a mode was raised, or when a call led to another
 * verdict or mode than was remembered; without a table, when there was a call. false: it should
 * have been asked, and was told as a failure. */
bool act_ask_for_reevaluation(struct act *act);

/* Appends a copy to the actions, and remembers the first failure (`cause` NULL: none). */
void act_add(struct act *act, const struct action *action, const struct error *cause);

/* What one judgement led to so far. */
struct case_file {
    struct load_balancer *facts;
    struct evaluation *evaluation;
    const struct evaluation *found; /* before it was corrected; NULL: it was not */
    int64_t facts_ms;               /* when the facts were true */
    int64_t weak_read_ms;           /* when the mode was read that was then raised */
    bool is_live;                   /* mode and tags were both read live, at facts_ms */
    bool is_corrected;
    bool is_fight;
    struct enforcement_decision decision;
};

/* Remembers it in the table, and tells whom it concerns. `before` is what was loaded. */
void act_remember(struct act *act, const struct case_file *file, struct lb_state *before);

/* Appends a failed action of this name. */
void act_fail(struct act *act, str arn, const char *name, const struct error *cause);

/* Tells whom `tells` (of enum tell) is due to. Returns those that certainly were not told, to be
 * told later. */
struct telling {
    const struct evaluation *evaluation;
    const struct evaluation *found; /* what it was before it was corrected; NULL: it was not */
    const struct lb_state *state;   /* after the transition */
    unsigned tells;
    int64_t since_ms; /* of the incident that is told of */
    enum desync_mode changed_from;
    enum desync_mode changed_to;
};
unsigned act_tell(struct act *act, const struct telling *telling);

/* Imports the judgement as a finding, where SECURITY_HUB is on. false: it should have been. */
bool act_import_finding(struct act *act,
                        const struct evaluation *evaluation,
                        const struct lb_state *state);

#endif
