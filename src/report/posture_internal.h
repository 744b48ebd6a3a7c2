/* SPDX-License-Identifier: Apache-2.0
 *
 * What every form of the posture report says of a load balancer, an incident or a change in the
 * same way.
 */
#ifndef REPORT_POSTURE_INTERNAL_H
#define REPORT_POSTURE_INTERNAL_H

#include "report/posture.h"

/* In the order in which somebody has to see to them. */
enum exception_state {
    EXCEPTION_STATE_NONE,
    EXCEPTION_STATE_EXPIRED,
    EXCEPTION_STATE_ENDING, /* active, but not for long */
    EXCEPTION_STATE_ACTIVE,
    EXCEPTION_STATE_REFUSED, /* malformed, incomplete or too long: does not count */
    EXCEPTION_STATE_UNUSED,  /* the mode is strict enough without it */
    EXCEPTION_STATE_COUNT
};
/* "expired" */
const char *exception_state_name(enum exception_state state);
enum exception_state posture_exception_state(const struct evaluation *evaluation);

bool posture_has_finding(const struct evaluation *evaluation, enum finding_id id);
bool posture_lacks_owner(const struct evaluation *evaluation);
bool posture_is_candidate(const struct posture_row *row);

/* Who wrote last, from the newest change that names anybody; empty: not known. */
str posture_last_writer(const struct posture *posture, str arn);

/* The newest watched change of this load balancer; NULL: there is none. */
const struct posture_change *posture_last_watch(const struct posture *posture, str arn);

/* Of an incident that is closed. */
double posture_incident_hours(const struct posture_incident *incident);
bool posture_is_closed_in_period(const struct posture *posture,
                                 const struct posture_incident *incident);
/* Hours to repair of the incidents closed within the period, ascending; in `arena`. */
double *posture_repair_hours(const struct posture *posture, struct arena *arena, size_t *count);

/* 0 without requests. */
double posture_per_request(uint64_t count, uint64_t requests);

#endif
