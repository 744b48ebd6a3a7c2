/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch over a promotion.
 */
#ifndef CONTROL_WATCH_H
#define CONTROL_WATCH_H

#include "control/accounts.h"
#include "control/control.h"
#include "table/watch_records.h"

/* There is an alert to publish, or something to look at. */
bool watch_is_due(struct control *control, struct watch_record *record);
/* Looks once at the promotion of *record and takes the next step. The actions of `control` say what
 * was done and what failed. `closed` is shared by all records of a run. */
void watch_one(struct control *control, struct watch_record *record, struct closed_account *closed);
/* While the time allows it: looks at those that enforcement raised to defensive. */
void watch_raises(struct control *control, struct watch_record *records, size_t count);
/* After its watch, while the time allows it: looks at the days that are over and were not looked
 * at. The clients reach its account and Region. The next run does the rest. */
void watch_look_on(struct control *control, struct watch_record *record,
                   struct closed_account *closed);

#endif
