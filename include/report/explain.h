/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything about one load balancer, on one screen or as JSON: facts, verdict, exception,
 * evidence, what would be done and when, history, and how to fix it where it is described. Pure.
 */
#ifndef REPORT_EXPLAIN_H
#define REPORT_EXPLAIN_H

#include "policy/posture.h"
#include "policy/transition.h"
#include "report/plan.h"

/* Something that could not be read. */
struct explain_gap {
    const char *part; /* "history" */
    str why;
};

#define EXPLAIN_GAPS_MAX 8

/* Borrows everything. */
struct explanation {
    const struct load_balancer *facts; /* as they were read */
    const struct evaluation *evaluation;
    const struct policy *policy;
    str ring_tag;
    bool is_advised;         /* false: PROMOTION is `off`, and no evidence was asked for */
    const struct plan *plan; /* the entries of this load balancer alone */
    int64_t now_ms;

    bool has_table;   /* false: there is no history without one */
    bool has_history; /* it was read; false: all of the following is empty */
    struct lb_state state;
    struct writer writer;                     /* who made the last change that was not ours */
    const struct posture_incident *incidents; /* newest first; likewise the changes */
    size_t incident_count;
    const struct posture_change *changes;
    size_t change_count;

    struct explain_gap gaps[EXPLAIN_GAPS_MAX];
    size_t gap_count;
};

/* Lines of at most `width` columns (40 at least); only lines of code that must not be broken are
 * longer. */
void explain_write_text(struct buf *out, struct arena *arena, const struct explanation *explanation,
                        size_t width);
/* One object: the members of an evaluation, and those of docs/operate.md. */
void explain_write_json(struct buf *out, struct arena *arena,
                        const struct explanation *explanation);

#endif
