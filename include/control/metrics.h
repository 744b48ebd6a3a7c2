/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics for CloudWatch, by way of the log (report/emf.h): nothing waits for them and nothing
 * fails by them. On the command line none are written.
 */
#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include "control/control.h"
#include "policy/posture.h"
#include "report/emf.h"

/* One line of metrics, with the level that passes Lambda's filter where the log is JSON. */
struct metrics_place {
    str account_id;
    str region;
};
void metrics_write(const struct guard *guard, const struct metrics_place *place,
                   const struct emf_metric *metrics, size_t count, struct arena *arena);

/* What a sweep found, counted as it goes. */
struct fleet_count {
    char account_id[13]; /* of the first load balancer; "" when there is none */
    size_t modes[4];     /* by enum desync_mode */
    size_t compliances[4];
    size_t exceptions_active;
};
/* Of this account; empty: that of the first load balancer. */
struct fleet_count fleet_count_of(str account_id);
void fleet_count_add(struct fleet_count *count, const struct evaluation *evaluation);

/* What is kept of it for the trend. */
struct posture_point fleet_count_point(const struct fleet_count *count, int64_t day);

/* ProtectedPercent, Monitor, Defensive, Strictest, NonCompliant, Unknown, ExceptionsActive,
 * SweepDuration: for a fleet that was read in full. */
void metrics_of_fleet(const struct guard *guard, const struct fleet_count *count,
                      int64_t duration_ms, struct arena *arena);

/* Enforced, Promoted, RolledBack, when there was any; with an event that led to a correction,
 * EventToEnforcedSeconds. */
void metrics_of_actions(const struct control *control);

/* MTTRHours of one incident that has ended. */
void metrics_of_repair(const struct control *control, str arn, int64_t opened_ms,
                       int64_t closed_ms);

#endif
