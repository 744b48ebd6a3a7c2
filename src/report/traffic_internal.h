/* SPDX-License-Identifier: Apache-2.0
 *
 * What the formats of a traffic report share.
 */
#ifndef TRAFFIC_REPORT_INTERNAL_H
#define TRAFFIC_REPORT_INTERNAL_H

#include "report/traffic.h"

/* The member of the group for that key; empty where it has none. */
str traffic_group_text(const struct tally_group *group, enum group_key key);

/* The days of one load balancer, together. Reasons are not among them. */
struct traffic_sum {
    str load_balancer;
    struct tally_counts counts;
};
/* In the order of the days; *count_out of them, in `arena`. */
struct traffic_sum *traffic_sum_days(struct arena *arena, const struct tally_result *result,
                                     size_t *count_out);

#endif
