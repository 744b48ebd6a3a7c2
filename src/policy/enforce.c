/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/enforce.h"

#include "policy/recommend.h"
#include "policy/statistics.h"

#define CONFIDENCE 0.95

struct severe_share severe_share_of(const struct evidence *evidence) {
    struct severe_share share = {.is_known = true,
                                 .days = evidence->days,
                                 .requests = evidence->http1_requests,
                                 .severe = evidence->severe_served};
    if (share.requests == 0 || share.severe > share.requests) {
        return (struct severe_share){.is_known = false};
    }
    share.percent = 100 * (double)share.severe / (double)share.requests;
    share.lower_percent = 100 * binomial_lower_bound(share.severe, share.requests, CONFIDENCE);
    return share;
}

str severe_share_text(const struct severe_share *share, struct arena *arena) {
    if (!share->is_known) {
        return STR("the access logs hold no served HTTP/1.x request, so that nobody knows how many "
                   "of them defensive blocks");
    }
    return str_format(
        arena,
        "in the last %d days %llu of %llu served HTTP/1.x requests (%.3g %%, at least "
        "%.3g %% at 95 %% confidence) were Severe, which defensive blocks",
        share->days, (unsigned long long)share->severe, (unsigned long long)share->requests,
        share->percent, share->lower_percent);
}

/* The mode is too weak and nothing excuses it. */
static bool is_too_weak(const struct evaluation *evaluation) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == FINDING_MODE_TOO_WEAK) {
            return evaluation->compliance == NON_COMPLIANT && !evaluation->has_active_exception &&
                   evaluation->source == SOURCE_LIVE && evaluation->mode != MODE_UNKNOWN &&
                   evaluation->mode < evaluation->required_mode;
        }
    }
    return false;
}

const char *enforcement_reason_to_leave(const struct evaluation *evaluation,
                                        const struct enforcement_settings *settings) {
    if (settings->managed == MANAGED_ENFORCE ||
        !management_undoes_changes(&evaluation->management)) {
        return NULL;
    }
    return evaluation->management.manager == MANAGER_ECS
               ? "Amazon ECS writes this mode and would undo a change: set httpDesync of its "
                 "gateway, or MANAGED_LOAD_BALANCERS=enforce"
               : "Kubernetes writes this mode and would undo a change: set it where "
                 "MANAGED_BY_OTHER says, or MANAGED_LOAD_BALANCERS=enforce";
}

struct enforcement_decision enforcement_decide(const struct evaluation *evaluation,
                                               const struct enforcement_settings *settings,
                                               const struct enforcement_counts *counts) {
    struct enforcement_decision decision = {
        .verdict = ENFORCE_NOTHING, .from = evaluation->mode, .to = MODE_UNKNOWN, .reason = ""};
    if (settings->enforcement == ENFORCEMENT_OFF || !is_too_weak(evaluation)) {
        return decision;
    }
    const char *left_because = enforcement_reason_to_leave(evaluation, settings);
    /* strictest blocks requests that defensive lets through: only evidence may ask for it. */
    decision.to = MODE_DEFENSIVE;
    if (left_because != NULL) {
        decision.to = evaluation->required_mode;
        decision.verdict = ENFORCE_SKIPPED;
        decision.reason = left_because;
    } else if (evaluation->mode >= decision.to) {
        decision.to = evaluation->required_mode;
        decision.verdict = ENFORCE_SKIPPED;
        decision.reason = "strictest is set by promotion only, when the evidence allows it";
    } else if (counts->severe != NULL && counts->severe->is_known &&
               counts->severe->lower_percent > settings->blocked_percent_max) {
        decision.verdict = ENFORCE_HELD;
        decision.reason =
            "defensive would block more than ENFORCEMENT_MAX_BLOCKED_PERCENT of its clients' "
            "requests: repair those that `desync-guard logs` names first";
    } else if (settings->enforcement == ENFORCEMENT_PLAN) {
        decision.verdict = ENFORCE_PLANNED;
        decision.reason = "the mode is weaker than required, and ENFORCEMENT is plan";
    } else if (counts->lacks_table && settings->enforcement != ENFORCEMENT_PREVIEW) {
        decision.verdict = ENFORCE_PLANNED;
        decision.reason = "the mode is weaker than required, but STATE_TABLE is not set, and "
                          "without a table nothing is changed";
    } else if (counts->corrections_in_a_day >= settings->fight_limit) {
        decision.verdict = ENFORCE_FIGHT;
        decision.reason = "FIGHT_LIMIT is reached";
    } else if (settings->enforcement == ENFORCEMENT_PREVIEW) {
        decision.verdict = ENFORCE_PLANNED;
        decision.reason = "the mode is weaker than required";
    } else if (counts->changes_in_run >= settings->max_changes_per_run) {
        decision.verdict = ENFORCE_PLANNED;
        decision.reason = "the mode is weaker than required, but MAX_CHANGES_PER_RUN is reached";
    } else if (counts->is_hour_spent) {
        decision.verdict = ENFORCE_PLANNED;
        decision.waits_for_hour = true;
        decision.reason = "the mode is weaker than required, but MAX_CHANGES_PER_HOUR is reached";
    } else {
        decision.verdict = ENFORCE_CHANGE;
        decision.reason = "the mode is weaker than required";
    }
    return decision;
}
