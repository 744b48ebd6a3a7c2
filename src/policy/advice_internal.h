/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentences that a recommendation begins with. Nothing here is for other layers.
 */
#ifndef POLICY_ADVICE_INTERNAL_H
#define POLICY_ADVICE_INTERNAL_H

#include "base/buf.h"
#include "policy/recommend.h"

/* "in 12 of the last 14 days the access logs hold 48213 ...", from the numbers of the advice. */
void advice_append_logs(const struct advice *advice, const struct evidence *evidence,
                        struct arena *arena, struct buf *out);
/* The same of CloudWatch; with advice from logs: of the days that these do not cover. */
void advice_append_metrics(const struct advice *advice, const struct evidence *evidence,
                           struct arena *arena, struct buf *out);
/* "; 3 lines could not be read", and the like. Each of them may hide a request that strictest would
 * block; a damaged file at least one. Returns how many. */
uint64_t advice_append_not_understood(const struct evidence *evidence, struct buf *out);

#endif
