/* SPDX-License-Identifier: Apache-2.0
 *
 * Live reads: a load balancer is gone only when it is missed twice, a second apart.
 */
#ifndef CONTROL_LIVE_H
#define CONTROL_LIVE_H

#include "aws/elbv2.h"
#include "control/guard.h"

/* When reading stops, so that what was read can be reported and acted on: the invocation's deadline
 * less 10 seconds, or less a quarter of the time. */
int64_t live_read_deadline_ms(const struct guard *guard);

/* elbv2_read_load_balancer until live_read_deadline_ms, and once more when it is missed. *read_ms
 * is when it was read. */
MUST_USE enum status live_read(struct guard *guard, unsigned parts, struct arena *arena,
                               struct load_balancer *facts, int64_t *read_ms, struct error *error);
/* The pause between the two looks. false: there is no time for another, or AWS_MAX_ATTEMPTS is 1.
 */
bool live_sleep_before_recheck(struct guard *guard);

#endif
