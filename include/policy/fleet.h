/* SPDX-License-Identifier: Apache-2.0
 *
 * A fleet that was judged, its counts, and the order in which people read it: worst first. Pure.
 */
#ifndef POLICY_FLEET_H
#define POLICY_FLEET_H

#include "policy/evaluate.h"

/* Text is borrowed; fleet_row_copy (app/audit.h) makes a row that owns it. */
struct fleet_row {
    struct evaluation evaluation;
    str account_id;
    str region;
    str name;
    enum load_balancer_scheme scheme;
};

/* A row with all text of its own in `arena`. */
void fleet_row_copy(struct arena *arena, const struct load_balancer *facts,
                    const struct evaluation *evaluation, struct fleet_row *row_out);

/* A Region of an account that could not be read, wholly or in part. */
struct fleet_gap {
    str account_id;
    str region;
    str reason;
};

/* Filled by the command `audit` and by app_posture. All text is borrowed. */
struct fleet {
    int64_t generated_ms;
    const str *accounts; /* sorted */
    size_t account_count;
    const str *regions; /* sorted */
    size_t region_count;
    size_t listed; /* Application Load Balancers found */
    struct fleet_row *rows;
    size_t row_count;
    const struct fleet_gap *gaps;
    size_t gap_count;
    bool is_unlisted;    /* no account and Region could be listed: nothing is known at all */
    bool is_interrupted; /* Ctrl-C: this is what was known then */
    str version;         /* of desync-guard */
};

/* Modes and grades are of the rows that are applicable. */
struct fleet_summary {
    size_t listed;
    size_t judged;    /* a verdict other than unknown */
    size_t compliant; /* excused ones included */
    size_t non_compliant;
    size_t not_applicable;
    size_t unknown;   /* found, and too little could be read for a verdict */
    size_t modes[4];  /* by enum desync_mode */
    size_t grades[5]; /* 'A', 'B', 'C', 'D', 'F' */
    double
        protected_percent; /* of those with a known mode: defensive or strictest; 100 when none */
    bool is_share_known;   /* false: no mode is known, but there is or may be a load balancer */
};

/* One pass over the rows. Gaps are not among the counts, for nobody knows how much they hold. */
void fleet_summarize(const struct fleet *fleet, struct fleet_summary *summary_out);
/* Non-compliant, unknown, excused, compliant, not applicable; graver findings before lesser, then
 * by account, Region, name, id: the same rows are always in the same order. */
void fleet_sort(struct fleet *fleet);

/* Nothing is missing: no gap, not interrupted. Unknown verdicts are no gap: they are listed. */
bool fleet_is_complete(const struct fleet *fleet);

/* The place of a verdict in the order of fleet_sort: 0 is the worst. */
int fleet_rank(const struct evaluation *evaluation);

#endif
