/* SPDX-License-Identifier: Apache-2.0
 *
 * Incidents and the period of a report:
 *
 *   period_start_ms (now - 90 days)            now_ms
 *         |                                      |
 *      ===|=======#                              |      closed within: all of it is repair time,
 *         |             ===========#             |      the part within is exposure
 *   ===#  |                                      |      closed before: counts for nothing
 *         |                         =============|...   open: exposure, and no repair time
 *
 * Repair times are those of incidents that ended within the period, however long ago they began: a
 * period that left out the long ones would look better than it was.
 */
#include "policy/posture.h"

#include <stdlib.h>

#define MS_PER_HOUR            (3600.0 * 1000.0)
#define INTERNET_FACING_WEIGHT 2.0

/* A load balancer that still exists and is an ALB, whatever could be read of it. */
static bool is_judged(const struct evaluation *evaluation) {
    return evaluation->compliance == COMPLIANT || evaluation->compliance == NON_COMPLIANT;
}

/* Of what could not be judged the tags may never have been read, so nobody can say it has none. */
bool posture_lacks_owner(const struct evaluation *evaluation) {
    return is_judged(evaluation) && str_is_empty(evaluation->owner);
}

/* The worst first: the finding whose presence means the state. */
enum exception_state posture_exception_state(const struct evaluation *evaluation) {
    static const struct {
        enum finding_id id;
        enum exception_state state;
    } states[] = {{FINDING_EXCEPTION_EXPIRED, EXCEPTION_STATE_EXPIRED},
                  {FINDING_EXCEPTION_INVALID, EXCEPTION_STATE_REFUSED},
                  {FINDING_EXCEPTION_INCOMPLETE, EXCEPTION_STATE_REFUSED},
                  {FINDING_EXCEPTION_TOO_LONG, EXCEPTION_STATE_REFUSED},
                  {FINDING_EXCEPTION_UNUSED, EXCEPTION_STATE_UNUSED}};
    if (evaluation->has_active_exception) {
        bool is_ending = evaluation_finding(evaluation, FINDING_EXCEPTION_EXPIRING) != NULL;
        return is_ending ? EXCEPTION_STATE_ENDING : EXCEPTION_STATE_ACTIVE;
    }
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (evaluation_finding(evaluation, states[i].id) != NULL) {
            return states[i].state;
        }
    }
    return EXCEPTION_STATE_NONE;
}

const char *exception_state_name(enum exception_state state) {
    static const char *const names[] = {"none", "expired", "ending", "active", "refused", "unused"};
    ASSERT((size_t)state < EXCEPTION_STATE_COUNT);
    return names[state];
}

bool posture_is_candidate(const struct posture_row *row) {
    return row->has_advice && row->advice.recommendation == RECOMMEND_PROMOTE;
}

bool posture_is_on_its_way(const struct posture_row *row, const struct evaluation *evaluation) {
    return row->has_advice && evaluation->compliance != NOT_APPLICABLE &&
           (evaluation->mode == MODE_MONITOR || evaluation->mode == MODE_DEFENSIVE);
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Clocks of two machines may put an end before its beginning: that took no time. */
double posture_incident_hours(const struct posture_incident *incident) {
    ASSERT(incident->closed_ms != 0);
    return (double)later(incident->closed_ms - incident->opened_ms, 0) / MS_PER_HOUR;
}

bool posture_is_closed_in_period(const struct posture *posture,
                                 const struct posture_incident *incident) {
    return incident->closed_ms != 0 && incident->closed_ms >= posture->period_start_ms &&
           incident->closed_ms <= posture->now_ms;
}

/* What of an incident lies within the period. */
static double exposed_hours(const struct posture *posture,
                            const struct posture_incident *incident) {
    int64_t end_ms = incident->closed_ms == 0 ? posture->now_ms : incident->closed_ms;
    int64_t from_ms = later(incident->opened_ms, posture->period_start_ms);
    return (double)later(earlier(end_ms, posture->now_ms) - from_ms, 0) / MS_PER_HOUR;
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Nearest rank: the smallest value that at least `percent` % of all do not exceed. Unlike an
 * interpolated one it is a repair time that did occur. */
static double percentile(const double *sorted, size_t count, unsigned percent) {
    if (count == 0) {
        return 0;
    }
    size_t rank = (count * percent + 99) / 100;
    return sorted[rank - 1];
}

double *posture_repair_hours(const struct posture *posture, struct arena *arena, size_t *count) {
    double *hours = ARENA_ARRAY(arena, double, posture->incident_count);
    *count = 0;
    for (size_t i = 0; i < posture->incident_count; i++) {
        if (posture_is_closed_in_period(posture, &posture->incidents[i])) {
            hours[(*count)++] = posture_incident_hours(&posture->incidents[i]);
        }
    }
    qsort(hours, *count, sizeof(*hours), compare_doubles);
    return hours;
}

static void count_incidents(struct posture *posture, struct arena *arena) {
    struct posture_kpis *kpis = &posture->kpis;
    for (size_t i = 0; i < posture->incident_count; i++) {
        const struct posture_incident *incident = &posture->incidents[i];
        double hours = exposed_hours(posture, incident);
        kpis->exposure_hours += hours;
        kpis->weighted_exposure_hours +=
            incident->is_internet_facing ? INTERNET_FACING_WEIGHT * hours : hours;
        kpis->incidents_open += incident->closed_ms == 0;
    }
    const double *hours = posture_repair_hours(posture, arena, &kpis->incidents_closed);
    kpis->mttr_p50_hours = percentile(hours, kpis->incidents_closed, 50);
    kpis->mttr_p90_hours = percentile(hours, kpis->incidents_closed, 90);
}

static void count_changes(struct posture *posture) {
    struct posture_kpis *kpis = &posture->kpis;
    for (size_t i = 0; i < posture->change_count; i++) {
        const struct posture_change *change = &posture->changes[i];
        if (change->at_ms < posture->period_start_ms || change->at_ms > posture->now_ms) {
            continue;
        }
        kpis->enforced += change->action == ACTION_ENFORCE;
        kpis->promoted += change->action == ACTION_PROMOTE;
        kpis->rolled_back += change->action == ACTION_ROLLBACK;
    }
}

static void count_row(struct posture_kpis *kpis, const struct evaluation *evaluation,
                      const struct posture_row *row) {
    enum exception_state state = posture_exception_state(evaluation);
    kpis->without_owner += posture_lacks_owner(evaluation);
    kpis->exceptions_active += evaluation->has_active_exception;
    kpis->exceptions_ending += state == EXCEPTION_STATE_ENDING;
    kpis->exceptions_expired += state == EXCEPTION_STATE_EXPIRED;
    kpis->escalated += row->is_escalated;
    kpis->fights += row->is_fight;
    kpis->candidates += posture_is_candidate(row);
}

void posture_compute(struct posture *posture, const struct fleet *fleet, struct arena *arena) {
    ASSERT(posture != NULL && fleet != NULL && arena != NULL);
    posture->kpis = (struct posture_kpis){0};
    fleet_summarize(fleet, &posture->kpis.fleet);
    posture->kpis.strictest = posture->kpis.fleet.modes[MODE_STRICTEST];
    for (size_t i = 0; i < fleet->row_count; i++) {
        count_row(&posture->kpis, &fleet->rows[i].evaluation, &posture->rows[i]);
    }
    count_incidents(posture, arena);
    count_changes(posture);
}

/* A share of requests as it is compared before and after a change. */
double posture_per_request(uint64_t count, uint64_t requests) {
    return requests == 0 ? 0 : (double)count / (double)requests;
}

/* Changes are sorted, newest first, so the first that fits is the newest. */
const struct posture_change *posture_last_watch(const struct posture *posture, str arn) {
    for (size_t i = 0; i < posture->change_count; i++) {
        const struct posture_change *change = &posture->changes[i];
        if (str_eq(change->arn, arn) && change->watch != WATCH_STATE_NONE) {
            return change;
        }
    }
    return NULL;
}

str posture_last_writer(const struct posture *posture, str arn) {
    for (size_t i = 0; i < posture->change_count; i++) {
        const struct posture_change *change = &posture->changes[i];
        if (str_eq(change->arn, arn) && !str_is_empty(change->by)) {
            return change->by;
        }
    }
    return STR_EMPTY;
}
