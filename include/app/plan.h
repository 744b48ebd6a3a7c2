/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep of the own account and Region would do, and what holds it up.
 */
#ifndef APP_PLAN_H
#define APP_PLAN_H

#include "app/app.h"
#include "policy/fleet.h"
#include "report/plan.h"

/* Changes, records and alerts nothing, and leaves the settings of the guard so. With an error reply
 * the plan holds what was found out before. All text lives in `arena`. */
void app_plan(struct guard *guard, struct arena *arena, struct plan *plan_out,
              struct app_reply *reply);

/* One load balancer of the account and Region that guard->aws reaches. */
struct plan_subject {
    struct load_balancer facts; /* in: the ARN; out: all that was read */
    struct fleet_row row;       /* its judgement */
    bool is_judged;             /* false: it was not listed, or is of a type that is not judged */
    str evidence_problem; /* why the evidence or the bounds are not known; empty: they are, or were
                             not asked for */
};

/* app_plan of this one: the plan holds its entries alone. Others are read only where they decide
 * when it may be promoted. */
void app_plan_one(struct guard *guard, struct plan_subject *subject, struct arena *arena,
                  struct plan *plan_out, struct app_reply *reply);

#endif
