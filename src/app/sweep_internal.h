/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region, in four parts: the listing, the budget of time, the cursor by which the
 * next sweep resumes, and the result. sweep.c drives them, chunk by chunk.
 */
#ifndef SWEEP_INTERNAL_H
#define SWEEP_INTERNAL_H

#include "app/audit.h"
#include "app_internal.h"
#include "aws/dynamodb.h"
#include "aws/elbv2.h"
#include "control/control.h"
#include "control/judged_chunk.h"
#include "control/metrics.h"
#include "control/promotion.h"

struct sweep_options {
    const struct config_invocation *invocation;
    const struct audit_listener *listener; /* NULL: none */
    bool is_audit; /* nothing is reported to AWS Config, nothing is changed */
    str only_arn;  /* of the listed ones only this one is read and judged; empty: all are */
    struct arena *arena;
};

/* Sweeps the account and Region that guard->aws is set to. */
void sweep_run(struct guard *guard, const struct sweep_options *options, struct app_reply *reply);

/* --- sweep_budget.c --- */

/* Four full calls of PutEvaluations: little enough to hold, and little is lost when time runs out.
 */
#define SWEEP_CHUNK_MAX ((size_t)4 * CONFIG_EVALUATIONS_MAX)

struct sweep_budget {
    struct guard *guard;
    int64_t deadline_ms;      /* of the invocation; INT64_MAX: none */
    int64_t read_deadline_ms; /* reading stops here, so that what was read can be reported */
    size_t left_count;        /* load balancers still to be read */
};
struct sweep_budget budget_begin(struct guard *guard);
/* Reading those left takes more than half of the time: acting on them may not find enough. */
bool budget_is_short(const struct sweep_budget *budget);
/* Load balancers to read next. In an audit somebody is watching: the chunks are small. */
size_t budget_chunk_size(const struct sweep_budget *budget, bool is_audit);
/* When reading the evidence of a chunk of so many stops. */
int64_t budget_evidence_deadline(const struct sweep_budget *budget, size_t count);
/* From when on no new action begins for a chunk. */
int64_t budget_act_deadline(const struct sweep_budget *budget, bool is_resumable);
/* The three set the deadline of the guard's clients: to this; to a little later, for actions begun
 * in time; to that of one question asked before anything was reported. */
void budget_set_deadline(const struct sweep_budget *budget, int64_t deadline_ms);
void budget_let_finish(const struct sweep_budget *budget, int64_t deadline_ms);
void budget_limit_question(const struct sweep_budget *budget);

/* --- sweep_listing.c --- */

struct sweep_listing {
    struct load_balancer *items; /* sorted by ARN, no ARN twice */
    size_t count;
    size_t to_judge_count;     /* all but network and Gateway Load Balancers */
    struct error error;        /* the listing is incomplete */
    struct config_scope scope; /* of the rule; empty: everything is inside, or it is not known */
    bool is_scope_unknown;
};
void listing_read(struct sweep_listing *listing, const struct sweep_budget *budget,
                  struct arena *arena);
/* Forgets all others. */
void listing_keep_only(struct sweep_listing *listing, str arn);
/* Asks for the scope of this rule; empty: none. A scope that is not known is logged, and all load
 * balancers count as inside. */
void listing_read_scope(struct sweep_listing *listing, const struct sweep_budget *budget,
                        str rule_name, struct arena *arena);
/* NULL: it was not listed. */
const struct load_balancer *listing_find(const struct sweep_listing *listing, str arn);
bool listing_is_to_be_judged(const struct load_balancer *load_balancer);
/* false also where a tag decides and the tags could not be read. */
bool listing_is_out_of_scope(const struct sweep_listing *listing,
                             const struct load_balancer *facts);

/* --- sweep_cursor.c --- */

/* How far the sweep came with one load balancer. */
enum cursor_step { CURSOR_NOT_REACHED, CURSOR_REACHED, CURSOR_TRIED, CURSOR_SETTLED };

struct sweep_cursor {
    const struct state_table *table;
    struct arena *arena;
    struct dynamodb_key key;
    int64_t begun_ms;
    bool is_on;           /* the next sweep resumes where this one ends */
    bool was_set;         /* an earlier sweep did not come to its end */
    int64_t version;      /* of what was read; 0: there was nothing */
    bool is_flawed;       /* an earlier part of this sweep left some unknown */
    size_t resumed_count; /* judged by the invocations that this one resumes */
    /* For each step the last load balancer before the first that did not come so far. */
    struct {
        str arn;
        bool is_final;
    } marks[CURSOR_SETTLED + 1];
    str first_unknown; /* its ARN */
};
/* The index of the first to be judged: 0 where no earlier sweep is resumed. */
MUST_USE enum status cursor_load(struct sweep_cursor *cursor, const struct sweep_listing *listing,
                                 size_t *first_out, struct error *error);
/* Load balancers in the order of the listing, each once. */
void cursor_advance(struct sweep_cursor *cursor, str arn, enum cursor_step step);
/* Every load balancer was reached, and acted on if they are at all. */
bool cursor_is_at_end(const struct sweep_cursor *cursor);
/* Writes how far the sweep came; at the end, that there is nothing to resume. */
MUST_USE enum status cursor_save(const struct sweep_cursor *cursor, bool is_flawed,
                                 struct error *error);

/* --- the sweep --- */

struct sweep_result {
    size_t judged_count;
    size_t unknown_count;
    size_t not_reached_count;
    size_t unacted_count; /* judged, with no time left to act on them, or not on all of it */
    size_t vanished_count;
    str not_reached_because; /* of the first of them */
    struct buf unknown_names;
    struct config_report report;
    struct error report_error;
    struct error vanished_error;
    struct fleet_count found;
    struct response response;
};

struct sweep {
    struct guard *guard;
    const struct sweep_options *options;
    const struct config_invocation *invocation;
    const struct policy *policy;
    struct arena *arena;
    int64_t begun_ms;
    int64_t began_us; /* monotonic */
    int64_t ordering_ms;
    bool reports;       /* there is a token, and this is no audit */
    bool acts;          /* enforcement, state or alerts are on, and this is no test */
    bool is_own_policy; /* another one leads to no actions and no metrics */
    bool has_no_ages;   /* the table could not be read, which was logged */
    bool has_no_fold;   /* the TRAFFIC items could not be added up */
    struct control control;
    struct promotion_run *promotion; /* NULL: off */
    struct sweep_listing listing;
    struct sweep_budget budget;
    struct sweep_cursor cursor;
    struct sweep_result result;
    struct fleet_row *escalated; /* judgements of NON_COMPLIANT_TOO_LONG, as many as are kept */
    size_t escalated_count;
};

/* --- sweep_report.c --- */

/* Load balancers that could not be read are named in the message: some 130 of them. */
#define SWEEP_NAMES_BYTES_MAX 16384

/* Everything was listed, judged and reported: only then absence proves anything. */
bool sweep_is_complete(const struct sweep *sweep);
/* Logs each judgement of the chunk, and reports it to AWS Config unless it is unknown. */
void sweep_report_chunk(struct sweep *sweep, const struct judged_chunk *chunk);
/* After a complete sweep: sets NOT_APPLICABLE what AWS Config holds results of and was not listed.
 */
void sweep_report_vanished(struct sweep *sweep);
/* The log line and the reply of the invocation. */
void sweep_reply(struct sweep *sweep, struct app_reply *reply);

/* --- sweep_remembered.c --- */

/* So many judgements are kept whole for the escalations; of others, less is said. */
#define SWEEP_ESCALATED_KEPT_MAX ((size_t)100)
/* Keeps a copy of a judgement of NON_COMPLIANT_TOO_LONG. */
void sweep_keep_escalated(struct sweep *sweep, const struct load_balancer *facts,
                          const struct evaluation *evaluation);
/* After a sweep that reached every load balancer, in one invocation or in several: escalates those
 * that are non-compliant for too long. After a complete one: closes the incidents of remembered
 * load balancers that were not listed. */
void sweep_remembered(struct sweep *sweep);

#endif
