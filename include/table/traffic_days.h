/* SPDX-License-Identifier: Apache-2.0
 *
 * The TRAFFIC items: what the access logs of a load balancer held on each day.
 */
#ifndef TABLE_TRAFFIC_DAYS_H
#define TABLE_TRAFFIC_DAYS_H

#include "event/event.h"
#include "table/state.h"
#include "traffic/tally.h"

/* Of a transaction of 100 actions, one remembers the object. A file of one day holds two at most.
 */
#define TRAFFIC_DAYS_MAX 99

struct traffic_day {
    int64_t day; /* since 1970-01-01 */
    struct tally_counts counts;
    int64_t newest_ms; /* 0: there is no line of this day */
    /* Counted on the day of the delivery, as such lines have no time: */
    uint64_t unparsed;
    uint64_t without_time;
    uint64_t damaged; /* objects */
};

/* What is in one object. */
struct log_traffic {
    str arn;
    str account_id;       /* of the load balancer */
    str region;           /* likewise */
    int64_t delivered_ms; /* by the object's key: the end of its five minutes */
    struct tally_counts totals;
    uint64_t unparsed;  /* lines */
    uint64_t untallied; /* requests that belong to no day: without a time */
    struct traffic_day days[TRAFFIC_DAYS_MAX];
    size_t day_count;
    str foreign; /* not empty: why there is nothing to count in it, and the rest is empty */
    str damage;  /* not empty: how it is damaged; the rest is what could be read before */
};

/* EventBridge repeats a delivery for a day and Lambda for hours; a queue for 14 days at most.
 * Delivered longer ago, by whatever way, an object may have been counted and forgotten, and is not
 * counted any more. */
#define TRAFFIC_ACCEPTED_MS (14 * MS_PER_DAY)
/* An object is remembered (SEEN) for so long after it was counted, by whatever way: the next may be
 * the slowest. The day more is for clocks that differ. */
#define TRAFFIC_SEEN_KEPT_MS (TRAFFIC_ACCEPTED_MS + MS_PER_DAY)

/* Adds the object to the TRAFFIC items of its days and remembers it (SEEN), all or nothing.
 * CONFLICT: it was counted before. */
MUST_USE enum status traffic_count_object(const struct state_table *table,
                                          const struct log_object *object,
                                          const struct log_traffic *traffic, int64_t now_ms,
                                          struct arena *arena, struct error *error);

#endif
