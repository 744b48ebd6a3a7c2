/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers of one look at a promotion, from CloudWatch and the access logs. Metrics come up to
 * three minutes late, so that a look takes what was complete at the last whole five minutes after
 * the change: each run of the watch within the same five minutes sees the same numbers, and spends
 * no further part of alpha.
 */
#ifndef CONTROL_WATCH_LOOK_H
#define CONTROL_WATCH_LOOK_H

#include "control/guard.h"
#include "table/watch_records.h"

/* Of the change, from 1; 0: there is nothing to look at yet. */
int watch_look_number(const struct watch_record *record, int64_t now_ms);
int watch_look_day(const struct watch_record *record, int64_t now_ms);

/* The numbers since the change at a look, or those of one day of it. */
MUST_USE enum status watch_look_read(struct guard *guard, const struct watch_record *record,
                                     int look, struct arena *arena,
                                     struct watch_numbers *numbers_out, struct error *error);
MUST_USE enum status watch_look_read_day(struct guard *guard, const struct watch_record *record,
                                         int day, struct arena *arena,
                                         struct watch_numbers *numbers_out, struct error *error);

#endif
