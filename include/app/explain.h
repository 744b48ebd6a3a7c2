/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that is known about one load balancer.
 */
#ifndef APP_EXPLAIN_H
#define APP_EXPLAIN_H

#include "app/app.h"
#include "report/explain.h"

struct explain_request {
    str name; /* or the ARN, which also says where to look */
    const str *regions;
    size_t region_count; /* 0: the Region of the settings */
};

/* Reads and judges it, and changes, records and alerts nothing. What cannot be read is a gap of
 * *explanation_out, and the rest is there. NOT_FOUND: no such load balancer, and *error names close
 * ones; CONFLICT: one in each of several Regions; DENIED, CONFIGURATION and those of a listing. All
 * lives in `arena` or in the settings of the guard, whose own settings are then those of a plan. */
MUST_USE enum status app_explain(struct guard *guard, const struct explain_request *request,
                                 struct arena *arena, struct explanation *explanation_out,
                                 struct error *error);

#endif
