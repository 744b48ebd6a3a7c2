/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fleet.h"

#include <stdlib.h>

#include "base/assert.h"

static const char grade_letters[] = "ABCDF";

static void count_grade(struct fleet_summary *summary, char grade) {
    size_t index = str_find_char(STR(grade_letters), grade);
    if (index < sizeof(summary->grades) / sizeof(summary->grades[0])) {
        summary->grades[index]++;
    }
}

static void count_verdict(struct fleet_summary *summary, enum compliance compliance) {
    switch (compliance) {
    case COMPLIANT:
        summary->compliant++;
        break;
    case NON_COMPLIANT:
        summary->non_compliant++;
        break;
    case NOT_APPLICABLE:
        summary->not_applicable++;
        break;
    case COMPLIANCE_UNKNOWN:
        summary->unknown++;
        break;
    }
}

void fleet_summarize(const struct fleet *fleet, struct fleet_summary *summary_out) {
    ASSERT(fleet != NULL && summary_out != NULL);
    *summary_out = (struct fleet_summary){.listed = fleet->listed};
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct evaluation *evaluation = &fleet->rows[i].evaluation;
        count_verdict(summary_out, evaluation->compliance);
        if (evaluation->compliance != NOT_APPLICABLE) {
            summary_out->modes[evaluation->mode]++;
            count_grade(summary_out, evaluation->grade);
        }
    }
    summary_out->judged = fleet->row_count - summary_out->unknown;
    bool is_any_known = protected_percent(summary_out->modes, &summary_out->protected_percent);
    bool is_all_seen = summary_out->unknown == 0 && fleet_is_complete(fleet);
    summary_out->is_share_known = is_any_known || is_all_seen;
}

/* A weakness that is known is worse than one that may be. */
int fleet_rank(const struct evaluation *evaluation) {
    switch (evaluation->compliance) {
    case NON_COMPLIANT:
        return 0;
    case COMPLIANCE_UNKNOWN:
        return 1;
    case COMPLIANT:
        return evaluation->has_active_exception ? 2 : 3;
    case NOT_APPLICABLE:
        break;
    }
    return 4;
}

static int severity_rank_of(const struct evaluation *evaluation) {
    const struct finding *most_severe = finding_most_severe(evaluation);
    return most_severe == NULL ? -1 : (int)most_severe->severity;
}

static int first_difference(const int *differences, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (differences[i] != 0) {
            return differences[i];
        }
    }
    return 0;
}

/* The ARN comes last, so that no two rows are equal and the order never depends on that of before.
 */
static int compare_rows(const void *left, const void *right) {
    const struct fleet_row *a = left;
    const struct fleet_row *b = right;
    const int differences[] = {
        fleet_rank(&a->evaluation) - fleet_rank(&b->evaluation),
        severity_rank_of(&b->evaluation) - severity_rank_of(&a->evaluation),
        str_compare(a->account_id, b->account_id),
        str_compare(a->region, b->region),
        str_compare(a->name, b->name),
        str_compare(a->evaluation.resource_id, b->evaluation.resource_id),
    };
    return first_difference(differences, sizeof(differences) / sizeof(differences[0]));
}

void fleet_sort(struct fleet *fleet) {
    ASSERT(fleet != NULL);
    if (fleet->row_count > 1) {
        qsort(fleet->rows, fleet->row_count, sizeof(fleet->rows[0]), compare_rows);
    }
}

bool fleet_is_complete(const struct fleet *fleet) {
    return fleet->gap_count == 0 && !fleet->is_interrupted;
}
