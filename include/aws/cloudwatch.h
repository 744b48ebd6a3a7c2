/* SPDX-License-Identifier: Apache-2.0
 *
 * Amazon CloudWatch, API 2010-08-01: GetMetricData over as many metrics as there are, 500 queries a
 * call, over all pages. Source: "Amazon CloudWatch API Reference". Metrics of Application Load
 * Balancers: namespace AWS/ApplicationELB, statistic Sum.
 */
#ifndef AWS_CLOUDWATCH_H
#define AWS_CLOUDWATCH_H

#include "aws/call.h"

#define CLOUDWATCH_QUERIES_MAX 500 /* a call */

/* In and out. */
struct cloudwatch_series {
    const char *metric; /* "RequestCount" */
    str load_balancer;  /* the dimension's value: "app/my-alb/50dc6c495c0c9188" */
    int64_t start_ms;   /* a multiple of period_s */
    int64_t end_ms;     /* exclusive */
    int period_s;       /* 60 for the last 15 days, 300 for 63, 3600 for 455 */
    double *values;     /* zeros, one for each period since the start; NULL: not wanted */
    /* out: the values of those that have one, and */
    double sum;        /* a gap counts as 0: these metrics are reported when they are not 0 */
    size_t points;     /* how many values there were */
    int64_t newest_ms; /* start of the newest period with a value; 0: none */
    bool is_complete;  /* false: not read to its end, or CloudWatch said PartialData, InternalError
                          or Forbidden */
};

/* All of them, a few calls at a time. The series of one call (500 neighbours) share the widest of
 * their time ranges, and each counts what lies in its own: neighbours should be of like ranges.
 * INVALID: a period that is no multiple of 60, an empty range or no name; nothing was sent. Any
 * other bad status: the series that are complete can be relied on, the others not. */
MUST_USE enum status cloudwatch_get_sums(struct aws_client *client,
                                         struct cloudwatch_series *series, size_t count,
                                         struct arena *arena, struct error *error);

#endif
