/* SPDX-License-Identifier: Apache-2.0
 *
 * What the TRAFFIC items and CloudWatch know of the requests of many load balancers.
 */
#ifndef CONTROL_EVIDENCE_H
#define CONTROL_EVIDENCE_H

#include "control/guard.h"
#include "policy/recommend.h"
#include "policy/watch.h"

struct evidence_query {
    str arn;
    struct evidence evidence; /* in: what is known without asking; out: with the numbers */
    bool is_read;             /* false: it could not be read, and nothing may be concluded */
    bool has_unfolded;        /* out: days that traffic_fold should have added up are in hours */
};

/* The TRAFFIC items of each, and CloudWatch's sums of the days that its logs do not cover. The
 * first failure ends it, and all are left unread. One whose sums CloudWatch did not return in full
 * is left unread and logged. */
MUST_USE enum status evidence_read(struct guard *guard, struct evidence_query *queries,
                                   size_t count, struct arena *arena, struct error *error);

/* Of one load balancer, and its TRAFFIC items alone: a single query. */
MUST_USE enum status evidence_read_logs(struct guard *guard, struct evidence_query *query,
                                        struct arena *arena, struct error *error);

/* Sums of these windows, whose start and end are whole minutes; of several load balancers, a window
 * each. INCOMPLETE: CloudWatch did not return all, and no window is to be believed. */
struct window_query {
    str arn;
    struct traffic_window window;
};
MUST_USE enum status windows_read(struct guard *guard, struct window_query *queries, size_t count,
                                  struct arena *arena, struct error *error);
/* Sums of five minutes each, from start_ms on. INCOMPLETE: as of windows_read. */
struct bins_query {
    str arn;
    int64_t start_ms; /* a multiple of period_s */
    size_t count;
    int period_s; /* 60 for minutes of the last 15 days; 300 for five minutes of the last 63 */
};
MUST_USE enum status bins_read(struct guard *guard, const struct bins_query *query,
                               struct arena *arena, struct traffic_window *bins_out,
                               struct error *error);
/* The window of so many minutes that ends with the last whole minute before this moment. */
struct traffic_window window_before(int64_t moment_ms, int minutes);

#endif
