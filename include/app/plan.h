/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep of the own account and Region would do, and what holds it up.
 */
#ifndef APP_PLAN_H
#define APP_PLAN_H

#include "app/app.h"
#include "report/plan.h"

/* Changes, records and alerts nothing, and leaves the settings of the guard so. With an error reply
 * the plan holds what was found out before. All text lives in `arena`. */
void app_plan(struct guard *guard, struct arena *arena, struct plan *plan_out,
              struct app_reply *reply);

#endif
