/* SPDX-License-Identifier: Apache-2.0
 *
 * A fleet that no account has: some thirty load balancers with a history, of every kind that a
 * report names, and tags by people who would like the report to say something else. Judged by
 * the real rules; everything lives in the arena.
 */
#ifndef TESTS_SUPPORT_POSTURE_SAMPLE_H
#define TESTS_SUPPORT_POSTURE_SAMPLE_H

#include "report/posture.h"

/* 2026-11-23T08:00:00Z */
#define SAMPLE_NOW_MS INT64_C(1795420800000)

struct posture_sample {
    struct fleet fleet;
    struct posture posture; /* computed */
};

enum sample_kind {
    SAMPLE_RICH,     /* everything */
    SAMPLE_EMPTY,    /* no load balancer, no table */
    SAMPLE_STATELESS /* the fleet, without a history */
};

void posture_sample_make(struct arena *arena, enum sample_kind kind,
                         struct posture_sample *sample_out);
/* A fleet of `count` load balancers like those, for sizes. */
void posture_sample_make_large(struct arena *arena, size_t count,
                               struct posture_sample *sample_out);

#endif
