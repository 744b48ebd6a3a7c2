/* SPDX-License-Identifier: Apache-2.0
 *
 * The control loop: what is done about one judgement after it was reported: enforce, remember,
 * alert. Nothing here can undo a report; what fails is named in the actions and fails the
 * invocation in the end, so that Lambda repeats it.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "aws/elbv2.h"
#include "control/guard.h"
#include "event/event.h"
#include "report/render.h"
#include "table/state.h"

/* Clocks may differ by this much. What claims to be later than that is wrong. */
#define CLOCK_SKEW_MS_MAX (5 * 60 * MS_PER_SECOND)

/* What is remembered of one load balancer, and whether it was said there that its mode will be
 * raised. */
struct remembered_state {
    str arn; /* empty: none */
    struct lb_state state;
    struct correction intent; /* at_ms 0: not said */
    bool is_outdated;         /* another copy has acted on later facts */
};

/* The last change of a mode that this invocation made. */
struct made_change {
    str arn; /* empty: none */
    struct own_change change;
};

/* A finding that waits to be imported with others. */
struct security_hub_finding {
    str arn;
    str finding;
    str key; /* transition_import_key */
};

struct control {
    struct guard *guard;
    const struct policy *policy;
    struct arena *keep;           /* of the invocation: actions and the first failure */
    struct arena *arena;          /* of the judgement at hand; may be another for each one */
    struct state_table table;     /* name empty: there is none */
    const struct writer *caller;  /* of the call that is handled; NULL: none */
    enum desync_mode caller_mode; /* what they set; UNKNOWN: nothing */
    int64_t event_ms;             /* when that call was made; 0: none */
    int changes;                  /* made in this invocation */
    int64_t changes_free_ms;      /* until then MAX_CHANGES_PER_HOUR is reached; 0: not known */
    struct action *actions;
    size_t action_count;
    size_t action_capacity;
    struct made_change made;        /* goes into the STATE item that is written next of it */
    struct remembered_state recall; /* made already for the next control_handle_judgement */
    struct security_hub_finding *imports;
    size_t import_count;
    size_t import_capacity;
    bool has_new_verdict;  /* AWS Config does not know it yet: see reevaluate */
    bool has_own_change;   /* likewise, and desync-guard has changed the mode itself */
    bool repeats_an_event; /* an earlier invocation may have begun with it, and not finished */
    struct error first_failure;
    size_t failure_count;     /* failed actions; a judgement that adds none was handled in full */
    enum status last_failure; /* DEADLINE: there was no time for it */
};

void control_begin(struct control *control, struct guard *guard, const struct policy *policy,
                   struct arena *keep);

/* false: ENFORCEMENT is off and there is no STATE_TABLE, so that there is nothing to do. */
bool control_is_on(const struct guard *guard);

/* One judgement. `facts` are what it was made from; `read_ms` is when mode and tags were read live,
 * both of them, and 0 when one came from an event. They are read anew where enforcement needs it.
 * *evaluation becomes the judgement after enforcement, with NON_COMPLIANT_TOO_LONG where what is
 * remembered says so. UNKNOWN is never acted on. */
void control_handle_judgement(struct control *control, struct load_balancer *facts, int64_t read_ms,
                              struct evaluation *evaluation);

/* Gives what was reported before control_handle_judgement the NON_COMPLIANT_TOO_LONG that
 * control_handle_judgement has added to `now`.
 */
void control_copy_age(struct evaluation *reported, const struct evaluation *now);

/* Reads what is remembered, for the load balancer that control_handle_judgement is called with next
 * when it goes to control->recall. weak_read_ms not 0: its mode was weak then and will be raised,
 * which is written down by the same call. Without a table nothing is known. */
MUST_USE enum status control_load_remembered(struct control *control, str arn, int64_t weak_read_ms,
                                             struct remembered_state *recall_out,
                                             struct error *error);

/* Whether enforcement would raise this mode, as far as is known without the table. */
bool enforce_would_change(const struct control *control, const struct evaluation *evaluation);

/* Imports the findings of what was acted on, in batches, before the arena of those judgements ends.
 * false: some could not be; the actions name them. */
bool security_hub_import(struct control *control);

/* Asks Config to evaluate its rule anew, as REEVALUATE says: after own changes, or also when a call
 * led to another verdict or mode than was remembered; without a table, when there was a call.
 * false: it should have been asked; the actions say why it was not. */
bool reevaluate(struct control *control);

/* Appends a copy to the actions, and remembers the first failure (`cause` NULL: none). */
void action_add(struct control *control, const struct action *action, const struct error *cause);

/* Appends a failed action of this kind. */
void action_add_failure(struct control *control, str arn, enum action_kind kind,
                        const struct error *cause);

#endif
