/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/fleet.h"

#include <stdlib.h>

#include "base/assert.h"
#include "policy/recommend.h"

void fleet_row_copy(struct arena *arena, const struct load_balancer *facts,
                    const struct evaluation *evaluation, struct fleet_row *row_out) {
    struct evaluation *copy = &row_out->evaluation;
    *copy = *evaluation;
    str *const texts[] = {
        &copy->resource_type,   &copy->resource_id,     &copy->reason,      &copy->required_because,
        &copy->owner,           &copy->exception_until, &copy->source_note, &copy->management.owner,
        &copy->management.part, &copy->opt_out.why};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = str_copy(arena, *texts[i]);
    }
    for (size_t i = 0; i < copy->finding_count; i++) {
        copy->findings[i].subject = str_copy(arena, copy->findings[i].subject);
        copy->findings[i].message = str_copy(arena, copy->findings[i].message);
    }
    if (copy->advice != NULL) {
        struct advice *advice = ARENA_NEW(arena, struct advice);
        *advice = *copy->advice;
        advice->reason = str_copy(arena, advice->reason);
        copy->advice = advice;
    }
    struct load_balancer_arn parts;
    if (load_balancer_arn_parse(copy->resource_id, &parts) != STATUS_OK) {
        parts = (struct load_balancer_arn){.name = copy->resource_id};
    }
    row_out->account_id = parts.account_id;
    row_out->region = parts.region;
    row_out->name = parts.name;
    row_out->scheme = facts->scheme;
}

/* `judged` are all but the unknown ones, not applicable ones included. The share of protected ones
 * of an empty fleet is known (and 100) only where it is certain that the fleet is empty. */
void fleet_summarize(const struct fleet *fleet, struct fleet_summary *summary_out) {
    ASSERT(fleet != NULL && summary_out != NULL);
    *summary_out = (struct fleet_summary){.listed = fleet->listed};
    size_t *const verdicts[] = {[COMPLIANT] = &summary_out->compliant,
                                [NON_COMPLIANT] = &summary_out->non_compliant,
                                [NOT_APPLICABLE] = &summary_out->not_applicable,
                                [COMPLIANCE_UNKNOWN] = &summary_out->unknown};
    for (size_t i = 0; i < fleet->row_count; i++) {
        const struct evaluation *evaluation = &fleet->rows[i].evaluation;
        (*verdicts[evaluation->compliance])++;
        if (evaluation->compliance != NOT_APPLICABLE) {
            summary_out->modes[evaluation->mode]++;
            size_t grade = str_find_char(STR("ABCDF"), evaluation->grade);
            if (grade < sizeof(summary_out->grades) / sizeof(summary_out->grades[0])) {
                summary_out->grades[grade]++;
            }
        }
    }
    summary_out->judged = fleet->row_count - summary_out->unknown;
    bool is_any_known = protected_percent(summary_out->modes, &summary_out->protected_percent);
    bool is_all_seen = summary_out->unknown == 0 && fleet_is_complete(fleet);
    summary_out->is_share_known = is_any_known || is_all_seen;
}

/* A weakness that is known is worse than one that may be. Excused ones stand between the unknown
 * and the compliant: their weakness is real, but somebody has answered for it. */
int fleet_rank(const struct evaluation *evaluation) {
    static const int ranks[] = {
        [NON_COMPLIANT] = 0, [COMPLIANCE_UNKNOWN] = 1, [COMPLIANT] = 3, [NOT_APPLICABLE] = 4};
    bool is_excused = evaluation->compliance == COMPLIANT && evaluation->has_active_exception;
    return is_excused ? 2 : ranks[evaluation->compliance];
}

static int severity_rank_of(const struct evaluation *evaluation) {
    const struct finding *most_severe = finding_most_severe(evaluation);
    return most_severe == NULL ? -1 : (int)most_severe->severity;
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
    size_t first = 0;
    while (first + 1 < sizeof(differences) / sizeof(differences[0]) && differences[first] == 0) {
        first++;
    }
    return differences[first];
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
