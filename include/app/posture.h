/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture report's facts: the fleet as it is now, read live, beside what the state table and
 * CloudWatch remember of it.
 */
#ifndef APP_POSTURE_H
#define APP_POSTURE_H

#include "app/app.h"
#include "report/posture.h"

/* Every account that the function may enter, in its own Region. What cannot be read is a gap of the
 * fleet, and no error; both live in `arena`. CONFIGURATION: the policy. Writes nothing, anywhere.
 * Without STATE_TABLE posture_out->has_state is false. */
MUST_USE enum status app_posture(struct guard *guard, struct arena *arena, struct fleet *fleet_out,
                                 struct posture *posture_out, struct error *error);

#endif
