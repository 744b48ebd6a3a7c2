/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region, as its own files and those that plug into it see it.
 *
 * An audit hands sweep_run a listener.
 */
#ifndef SWEEP_INTERNAL_H
#define SWEEP_INTERNAL_H

#include "app_internal.h"
#include "aws/elbv2.h"
#include "control/control.h"
#include "control/judged_chunk.h"
#include "control/metrics.h"
#include "control/promotion.h"

/* Load balancers that could not be read are named in the message: some 130 of them. */
#define SWEEP_NAMES_BYTES_MAX 16384

struct sweep_listener {
    void *context;
    bool is_audit;     /* nothing is reported to AWS Config, nothing is acted on */
    bool wants_advice; /* with is_audit: evidence is read all the same */
    bool wants_age;    /* with is_audit: what is remembered is read, for NON_COMPLIANT_TOO_LONG */
    /* The listing has ended, if it came to its end: so many are to be judged. */
    void (*listed)(void *context, size_t to_judge);
    /* Each judgement, unknown ones too, as it stands after enforcement and promotion's advice; not
     * those that were not reached, nor those that vanished. Both are valid during the call only. */
    void (*judged)(void *context, const struct load_balancer *facts,
                   const struct evaluation *evaluation);
};

/* sweep_handle with a listener; NULL: none. */
void sweep_run(struct guard *guard, const struct config_invocation *invocation,
               const struct sweep_listener *listener, struct arena *arena, struct app_reply *reply);

struct sweep {
    struct guard *guard;
    const struct config_invocation *invocation;
    const struct policy *policy;
    struct arena *arena;
    struct config_scope rule_scope; /* empty: everything is inside, or it is not known */
    int64_t ordering_ms;
    int64_t begun_ms;
    int64_t deadline_ms;          /* of the invocation */
    int64_t read_deadline_ms;     /* earlier: reading stops here */
    struct load_balancer *listed; /* sorted by ARN, no ARN twice */
    size_t listed_count;
    size_t seen_count;     /* of those to judge: read, or not reached in time */
    size_t unacted_count;  /* judged, with no time left to control on them, or not on all of it */
    size_t to_judge_count; /* of them, all but network and gateway load balancers */
    size_t judged_count;
    size_t unknown_count;
    str first_unknown;
    size_t not_reached_count;
    str not_reached_because; /* of the first of them */
    size_t
        resumed_count; /* of those to judge: judged by the invocations that this one goes on from */
    bool is_resumable; /* the next one goes on where this one ends */
    bool has_cursor;   /* an earlier one did not come to its end */
    int64_t cursor_version; /* of what was read; 0: there was nothing */
    bool is_flawed;         /* an earlier part of it left some unknown */
    str reached;            /* the last before the first that was not reached */
    str tried;              /* the last before the first that there was no time to control on */
    str settled;            /* the last before the first on which something is left to do */
    bool is_cut_off;        /* there was one that there was no time to control on */
    bool is_broken_off;     /* there was one on which something is left to do */
    struct buf unknown_names;
    struct config_report report;
    struct error list_error;
    struct error report_error;
    struct error vanished_error;
    size_t vanished_count;
    struct response response;
    struct buf body;
    struct control control;
    struct fleet_count found;
    int64_t began_us;                /* monotonic */
    bool reports;                    /* there is a token, and this is no audit */
    bool has_no_ages;                /* the table could not be read, which was logged */
    bool acts;                       /* enforcement, state or alerts are on, and this is no test */
    struct promotion_run *promotion; /* NULL: off */
    const struct sweep_listener *listener; /* NULL: none */
};

/* Four full calls of PutEvaluations: little enough to hold, and little is lost when time runs out.
 */
#define SWEEP_CHUNK_MAX ((size_t)4 * CONFIG_EVALUATIONS_MAX)

/* --- sweep_listing.c --- */
/* Sorts by ARN and counts what is to be judged. One that is created while the pages are read can be
 * listed twice: one of them is kept. */
void sweep_sort_listing(struct sweep *sweep);
/* NULL: it was not listed. */
const struct load_balancer *sweep_find_listed(const struct sweep *sweep, str arn);
/* All but network and gateway load balancers. */
bool sweep_is_to_be_judged(const struct load_balancer *load_balancer);

/* --- sweep_budget.c --- */
/* What the pace of calls to Elastic Load Balancing allows for: so many of them. */
int64_t sweep_needed_ms(const struct sweep *sweep, size_t count);
/* Reading so many takes more than half of the time: what is done about them may not find enough. */
bool sweep_is_time_short(const struct sweep *sweep, size_t count);
/* Load balancers to read next. */
size_t sweep_chunk_size(const struct sweep *sweep);
/* When reading stops, so that what was read can be reported. */
int64_t sweep_read_deadline(const struct guard *guard, int64_t deadline_ms);
/* When reading the evidence of a chunk stops. */
int64_t sweep_evidence_deadline(const struct sweep *sweep, size_t count);
/* From when on nothing new is begun about a chunk. */
int64_t sweep_act_deadline(const struct sweep *sweep);
/* --- sweep_scope.c --- */
/* Asks for the scope of the rule that the sweep is for. That it is not known is logged, and all
 * load balancers count as inside. */
void sweep_read_scope(struct sweep *sweep);
/* It certainly is: without tags that were read, one that a tag decides is not. */
bool sweep_is_out_of_scope(const struct sweep *sweep, const struct load_balancer *facts);

/* Of the guard's clients. */
void sweep_set_deadline(struct sweep *sweep, int64_t deadline_ms);
/* The same, and a little more for what was begun in time. */
void sweep_let_finish(struct sweep *sweep, int64_t deadline_ms);

/* --- sweep_act.c --- */
/* After the report: enforcement, state, alerts. */
void sweep_act_on(struct sweep *sweep, const struct judged_chunk *chunk);

/* --- sweep_report.c --- */
/* Everything was listed, judged and reported: only then may be concluded from absence. */
bool sweep_is_complete(const struct sweep *sweep);
/* Logs, keeps for the response, and adds it to what Config is told unless it is unknown. */
/* After the report: enforcement, state, alerts. What is answered is what was reported, and how long
 * it has been so. */
void sweep_act_on(struct sweep *sweep, const struct judged_chunk *chunk);
/* In an audit that wants it. */
void sweep_add_ages(struct sweep *sweep, const struct judged_chunk *chunk);

/* --- sweep_report.c --- */
/* Logs it, and adds it to what Config is told unless it is unknown. */
void sweep_conclude(struct sweep *sweep, struct evaluation *evaluation,
                    struct config_evaluation *evaluations, size_t *count, struct arena *arena);
void sweep_report(struct sweep *sweep, const struct config_evaluation *evaluations, size_t count,
                  struct arena *arena);
/* After a complete sweep: sets what Config holds results of and was not listed NOT_APPLICABLE. */
void sweep_clean_up(struct sweep *sweep);

/* --- sweep_forgotten.c --- */
/* After a complete sweep: ends the incidents of those that are remembered and no longer there. */
void sweep_stale_state(struct sweep *sweep);

/* --- sweep_resume.c: what there is no time for is gone on with --- */
/* The index of the first to be judged. Of one that is not resumable all are judged, from there on
 * around. */
size_t sweep_resume(struct sweep *sweep, bool is_short);
/* All were reached, and acted on if they are at all. */
bool sweep_is_at_end(const struct sweep *sweep);
/* Remembers how far it came; at the end, that there is nothing to go on with. */
void sweep_remember_end(struct sweep *sweep);

/* --- sweep_reply.c --- */
void sweep_log(const struct sweep *sweep);
/* The reply of the invocation. */
void sweep_reply(struct sweep *sweep, struct app_reply *reply);

#endif
