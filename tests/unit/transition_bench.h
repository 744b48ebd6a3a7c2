/* SPDX-License-Identifier: Apache-2.0
 *
 * One load balancer whose state is carried from judgement to judgement.
 */
#ifndef TRANSITION_BENCH_H
#define TRANSITION_BENCH_H

#include "base/clock.h"
#include "policy/transition.h"
#include "unit.h"

#define NOW  INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */
#define HOUR INT64_C(3600000)

static const struct correction RAISED = {
    .at_ms = NOW - 1000, .from = MODE_MONITOR, .to = MODE_DEFENSIVE};

static struct arena arena;

static inline int reset(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

static inline struct evaluation judged(enum compliance compliance, enum desync_mode mode) {
    struct evaluation evaluation = {.compliance = compliance,
                                    .mode = mode,
                                    .required_mode = MODE_DEFENSIVE,
                                    .grade = 'D',
                                    .owner = STR("shop")};
    if (compliance == NON_COMPLIANT) {
        evaluation.findings[0] = (struct finding){.id = FINDING_MODE_TOO_WEAK, .is_failing = true};
        evaluation.findings[1] = (struct finding){.id = FINDING_TAG_MISSING, .is_failing = true};
        evaluation.findings[2] = (struct finding){.id = FINDING_TAG_MISSING, .is_failing = true};
        evaluation.findings[3] = (struct finding){.id = FINDING_EXCEPTION_UNUSED};
        evaluation.finding_count = 4;
    }
    return evaluation;
}

static inline struct transition step(struct lb_state *state, const struct evaluation *evaluation,
                                     int64_t now_ms, bool is_corrected) {
    struct transition transition;
    if (is_corrected) {
        state->intent = RAISED; /* as it is written down before the mode is raised */
    }
    const struct transition_facts facts = {.evaluation = evaluation,
                                           .facts_ms = now_ms,
                                           .now_ms = now_ms,
                                           .has_alert_topic = true,
                                           .is_corrected = is_corrected,
                                           .correction = RAISED,
                                           .weak_since_ms = now_ms - 5000};
    transition_make(state, &facts, &arena, &transition);
    if (transition.is_changed) {
        *state = transition.next;
        state->due_alerts = 0; /* published */
    }
    return transition;
}

#endif
