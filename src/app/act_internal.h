/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done about a judgement after it was reported: enforce, remember, alert. Nothing here can
 * undo a report; what fails is named in the actions and fails the invocation in the end, so that
 * Lambda repeats it.
 */
#ifndef ACT_INTERNAL_H
#define ACT_INTERNAL_H

#include "aws/elbv2.h"
#include "report/render.h"
#include "state_internal.h"

/* Clocks may differ by this much. What claims to be later than that is wrong. */
#define CLOCK_SKEW_MS_MAX (5 * 60 * MS_PER_SECOND)

/* What is remembered of one load balancer, and whether it was said there that its mode will be
 * raised. */
struct act_recall {
    str arn; /* empty: none */
    struct lb_state state;
    struct correction intent; /* at_ms 0: not said */
    bool is_outdated;         /* another copy has acted on later facts */
};

/* A finding that waits to be imported with others. */
struct act_import {
    str arn;
    str finding;
    str key; /* transition_import_key */
};

struct act {
    struct app *app;
    const struct policy *policy;
    struct arena *keep;       /* of the invocation: actions and the first failure */
    struct arena *arena;      /* of the judgement at hand: may be another one for each act_on */
    struct state_table table; /* name empty: there is none */
    const struct elb_caller *caller; /* of the call that is handled; NULL: none */
    enum desync_mode caller_mode;    /* what they set; UNKNOWN: nothing */
    int64_t event_ms;                /* when that call was made; 0: none */
    int changes;                     /* made in this invocation */
    struct action *actions;
    size_t action_count;
    size_t action_capacity;
    struct act_recall recall; /* made already for the next act_on */
    struct act_import *imports;
    size_t import_count;
    size_t import_capacity;
    bool has_new_verdict; /* there is something that AWS Config was not told of: see act_ask_... */
    struct error first_failure;
    size_t failure_count; /* failed actions: none more after an act_on, and it has settled all */
    enum status last_failure; /* DEADLINE: there was no time for it */
};

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep);

/* Is there anything to do at all? */
bool act_is_on(const struct app *app);

/* One judgement. `facts` are what it was made from; `read_ms` is when mode and tags were read live,
 * both of them, and 0 when one came from an event. They are read anew where enforcement needs it.
 * *evaluation becomes the judgement after enforcement, with NON_COMPLIANT_TOO_LONG where what is
 * remembered says so. UNKNOWN is never acted on. */
void act_on(struct act *act, struct load_balancer *facts, int64_t read_ms,
            struct evaluation *evaluation);

/* Gives what was reported before act_on the NON_COMPLIANT_TOO_LONG that act_on has added to `now`.
 */
void act_take_age(struct evaluation *reported, const struct evaluation *now);

/* Reads what is remembered, for the load balancer that act_on is called with next when it goes to
 * act->recall. weak_read_ms not 0: its mode was weak then and will be raised, which is written down
 * by the same call. Without a table nothing is known. */
MUST_USE enum status act_recall(struct act *act, str arn, int64_t weak_read_ms,
                                struct act_recall *recall_out, struct error *error);

/* Would enforcement raise this mode, as far as can be told without the table? */
bool act_would_change(const struct act *act, const struct evaluation *evaluation);

/* Imports the findings of what was acted on, in batches, before the arena of those judgements ends.
 * false: some could not be, which was told as a failure. */
bool act_import_findings(struct act *act);

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

/* Appends a failed action of this name. */
void act_fail(struct act *act, str arn, const char *name, const struct error *cause);

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

/* ---- live_read.c: only what is missed twice, a second apart, is gone ---- */

/* elbv2_read_load_balancer, and once more when it is missed. *read_ms is when it was read. */
MUST_USE enum status live_read(struct app *app, unsigned parts, struct arena *arena,
                               struct load_balancer *facts, int64_t *read_ms, struct error *error);
/* The pause between the two looks. false: there is no time for another, or AWS_MAX_ATTEMPTS is 1.
 */
bool live_wait_for_missing(struct app *app);

#define LIVE_ATTEMPTS_MAX 3

/* Sends the one key that changes, once, and believes only what the answer says the mode is now;
 * *facts then has it. REFUSED: it is another than was set. */
MUST_USE enum status live_set_mode(struct app *app, struct load_balancer *facts,
                                   enum desync_mode mode, struct arena *arena, struct error *error);
/* Waits for what may be another attempt after this one (1, 2, ...). false: there is none, and
 * nothing was waited for. */
bool live_may_try_again(struct app *app, const struct error *error, int attempt);

#endif
