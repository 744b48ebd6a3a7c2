/* SPDX-License-Identifier: Apache-2.0
 *
 * Access-log objects: what became of each (log_object.c), what is in one (log_object_read.c), the
 * response and the metrics (log_object_reply.c), and the TRAFFIC items (traffic_state.c).
 */
#ifndef LOG_OBJECT_INTERNAL_H
#define LOG_OBJECT_INTERNAL_H

#include "app_internal.h"
#include "table/traffic_days.h"

/* The load balancer that the object is a log of, and when it was delivered, by its key. false: none
 * of ours to count, and *why_out says what it is. */
bool log_object_is_access_log(str key, struct arena *arena, struct log_traffic *traffic_out,
                              str *why_out);

/* Reads and counts the whole object in bounded memory. A damaged or foreign one is OK. NOT_FOUND,
 * CONFLICT (replaced meanwhile) and the other failures of a call; TOO_LARGE: more days than fit. */
MUST_USE enum status log_object_read(struct aws_client *client, const struct log_object *object,
                                     struct arena *arena, struct log_traffic *traffic,
                                     struct error *error);

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
struct log_batch {
    struct guard *guard;
    const struct log_delivery *delivery;
    struct arena *arena;
    struct object_result *results; /* one for each object */
    struct traffic_sum *sums;
    size_t sum_count;
};

/* An error when anything failed, unless SQS repeats what failed by itself. */
void log_objects_reply(const struct log_batch *log_batch, struct app_reply *reply);
void log_objects_write_metrics(const struct log_batch *log_batch);

#endif
