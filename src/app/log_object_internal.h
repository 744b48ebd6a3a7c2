/* SPDX-License-Identifier: Apache-2.0
 *
 * Access-log objects: what became of each (log_object.c), what is in one (log_object_read.c), the
 * response and the metrics (log_object_reply.c), and the TRAFFIC items (traffic_state.c).
 */
#ifndef LOG_OBJECT_INTERNAL_H
#define LOG_OBJECT_INTERNAL_H

#include "state_internal.h"
#include "traffic/tally.h"

/* Of a transaction of 100 actions, one remembers the object. A file of one day holds two at most.
 */
#define TRAFFIC_DAYS_MAX 99

struct traffic_day {
    int64_t day; /* since 1970-01-01 */
    struct tally_counts counts;
    int64_t newest_ms; /* 0: there is no line of this day */
    /* Of the day of the delivery, as such lines tell none: */
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

/* The load balancer that the object is a log of, and when it was delivered, by its key. false: none
 * of ours to count, and *why_out says what it is. */
bool log_object_is_access_log(str key, struct arena *arena, struct log_traffic *traffic_out,
                              str *why_out);

/* Reads and counts the whole object in bounded memory. A damaged or foreign one is OK. NOT_FOUND,
 * CONFLICT (replaced meanwhile) and the other failures of a call; TOO_LARGE: more days than fit. */
MUST_USE enum status log_object_read(struct aws_client *client, const struct log_object *object,
                                     struct arena *arena, struct log_traffic *traffic,
                                     struct error *error);

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

enum object_status {
    OBJECT_COUNTED,
    OBJECT_DUPLICATE, /* counted before */
    OBJECT_SKIPPED,   /* nothing to count */
    OBJECT_DAMAGED,   /* what could be read is counted, and there is nothing to be had from a repeat
                       */
    OBJECT_FAILED     /* nothing is counted; to be repeated */
};
/* "counted" */
const char *object_status_name(enum object_status status);

struct object_result {
    enum object_status status;
    uint64_t requests;
    str why; /* empty when it was counted */
};

/* Counted in this invocation, of the load balancers of one account and Region. */
struct traffic_sum {
    str account_id;
    str region;
    struct tally_counts counts;
    uint64_t unparsed;
};

/* One invocation. */
struct log_case {
    struct app *app;
    const struct log_delivery *delivery;
    struct arena *arena;
    struct object_result *results; /* one for each object */
    struct traffic_sum *sums;
    size_t sum_count;
};

/* An error when anything failed, unless SQS repeats what failed by itself. */
void log_objects_reply(const struct log_case *log_case, struct app_reply *reply);
void log_objects_write_metrics(const struct log_case *log_case);

#endif
