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

struct watch_look {
    int number;     /* of the look, from 1, or of the day since the change */
    bool is_of_day; /* a look after the watch */
    struct watch_numbers numbers;
    /* On that day, by the access logs: requests that were blocked, of networks that were served
     * others; and the reason of most. */
    uint64_t blocked_clients;
    str blocked_reason;
};

/* The look that is due now: the last that is complete; 0: there is none yet. */
int watch_look_number(const struct watch_record *record, int64_t now_ms);
/* Days after the change begin with its first whole hour, and are of whole hours, as the counts of
 * access logs are. The last that is over, and whose logs have come; 0: there is none yet, or it is
 * too long ago to make up for any. */
int watch_look_day(const struct watch_record *record, int64_t now_ms);
/* When that day begins, and the day before it ends. */
int64_t watch_look_day_ms(const struct watch_record *record, int day);

/* Reads the numbers of *look, whose number and kind are given. They live in `arena`. */
MUST_USE enum status watch_look_read(struct guard *guard, const struct watch_record *record,
                                     struct arena *arena, struct watch_look *look,
                                     struct error *error);

#endif
