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
    int64_t read_ms;                 /* when the reading of live facts began; 0: just now */
    int changes;                     /* made in this invocation */
    struct action *actions;
    size_t action_count;
    size_t action_capacity;
    bool has_new_verdict; /* some verdict or mode differs from what was remembered */
    struct error first_failure;
};

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep);

/* Is there anything to do at all? */
bool act_is_on(const struct app *app);

/* One judgement. `facts` are what it was made from; read live anew where enforcement needs it.
 * *evaluation becomes the judgement after enforcement. UNKNOWN is never acted on. */
void act_on(struct act *act, struct load_balancer *facts, struct evaluation *evaluation);

/* Asks Config to evaluate its rule anew when a verdict or mode changed. */
void act_ask_for_reevaluation(struct act *act);

/* Appends a copy to the actions, and remembers the first failure (`cause` NULL: none). */
void act_add(struct act *act, const struct action *action, const struct error *cause);

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

/* Imports the judgement as a finding, where SECURITY_HUB is on. */
void act_import_finding(struct act *act,
                        const struct evaluation *evaluation,
                        const struct lb_state *state);

#endif
