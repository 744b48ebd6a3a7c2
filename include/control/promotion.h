/* SPDX-License-Identifier: Apache-2.0
 *
 * From evidence to `strictest`: what one sweep asks and does for promotion. Each chunk is advised
 * before it is reported; after a complete sweep the load balancers whose turn it is are promoted.
 */
#ifndef CONTROL_PROMOTION_H
#define CONTROL_PROMOTION_H

#include "control/control.h"
#include "control/judged_chunk.h"
#include "policy/prospect.h"
#include "table/watch_records.h"

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

/* When the load balancers that may be promoted are so at the earliest, and what they wait for,
 * after all of them were advised. Reads the BUDGET items and changes nothing. Empty when the
 * evidence or the bounds could not be read, which was logged. Lives in control->keep. */
struct prospects promotion_look_ahead(struct promotion_run *run);
/* The setting that keeps desync-guard from promoting itself; NULL: none does. Static text. */
const char *promotion_setting_against(const struct control_settings *settings);

/* Looks at earlier promotions in the account and Region of the sweep, as of watch_look_on: before
 * promotion_complete, which their rollbacks stop. */
void promotion_look_on(struct promotion_run *run);

/* Notes when the tag desync-promotion=retry was first seen, and when it is there no more, after it
 * has served its purpose or before. true: *record has changed and is to be saved. */
bool promotion_note_retry(struct watch_record *record, const struct load_balancer *facts,
                          int64_t now_ms);

/* Numbers in their order, then other text, then no tag. 0: one ring. */
int ring_compare(str a, str b);

#endif
