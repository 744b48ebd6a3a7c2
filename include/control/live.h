/* SPDX-License-Identifier: Apache-2.0
 *
 * Live reads and the one write of a mode: only what is missed twice, a second apart, is gone.
 */
#ifndef CONTROL_LIVE_H
#define CONTROL_LIVE_H

#include "aws/elbv2.h"
#include "control/guard.h"

/* elbv2_read_load_balancer, and once more when it is missed. *read_ms is when it was read. */
MUST_USE enum status live_read(struct guard *guard, unsigned parts, struct arena *arena,
                               struct load_balancer *facts, int64_t *read_ms, struct error *error);
/* The pause between the two looks. false: there is no time for another, or AWS_MAX_ATTEMPTS is 1.
 */
bool live_sleep_before_recheck(struct guard *guard);

#define LIVE_ATTEMPTS_MAX 3

/* Sends the one key that changes, once, and believes only what the answer says the mode is now;
 * *facts then has it. REFUSED: it is another than was set. */
MUST_USE enum status live_set_mode(struct guard *guard, struct load_balancer *facts,
                                   enum desync_mode mode, struct arena *arena, struct error *error);
/* Waits for what may be another attempt after this one (1, 2, ...). false: there is none, and
 * nothing was waited for. */
bool live_sleep_before_retry(struct guard *guard, const struct error *error, int attempt);

#endif
