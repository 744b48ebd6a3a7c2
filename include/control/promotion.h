/* SPDX-License-Identifier: Apache-2.0
 *
 * From evidence to `strictest`: what one sweep asks and does for promotion. Each chunk is advised
 * before it is reported; after a complete sweep the load balancers whose turn it is are promoted.
 */
#ifndef CONTROL_PROMOTION_H
#define CONTROL_PROMOTION_H

#include "control/control.h"
#include "control/judged_chunk.h"

struct promotion_run;

/* Lives in control->keep, and takes its policy, clients and actions from `control`. `ordering_ms`
 * orders what is reported to AWS Config. */
struct promotion_run *promotion_begin(struct control *control, int64_t ordering_ms);

/* Judged, and not reported yet: findings and advice may be added to the evaluations. Calls to AWS
 * end at `deadline_ms`; the deadline of the guard's clients is left there. */
void promotion_advise(struct promotion_run *run, const struct judged_chunk *chunk,
                      int64_t deadline_ms);

/* A complete sweep of so many load balancers has been reported and acted on: promotes those whose
 * turn it is. */
void promotion_complete(struct promotion_run *run, size_t to_judge_count);

/* The sweep was not complete: a load balancer that it did not judge may be of an earlier ring, so
 * that nothing is promoted. */
void promotion_abandon(struct promotion_run *run, size_t unknown_count, size_t not_reached_count);

#endif
