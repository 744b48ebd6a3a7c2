/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture of a fleet: facts about it and its history in, KPIs out, and what every form of the
 * report says of a load balancer, an incident or a change in the same way. Pure.
 */
#ifndef POLICY_POSTURE_H
#define POLICY_POSTURE_H

#include "policy/action.h"
#include "policy/fleet.h"
#include "policy/prospect.h"
#include "policy/recommend.h"
#include "policy/watch.h"

/* A time in which a load balancer was not compliant, from the INCIDENT item. */
struct posture_incident {
    str arn;
    str owner;
    str findings;
    bool is_internet_facing; /* weighs double in the exposure hours */
    int64_t opened_ms;
    int64_t closed_ms; /* 0: open */
};

/* A mode that desync-guard changed, from the CHANGE item and the WATCH item beside it. */
struct posture_change {
    str arn;
    enum action_kind action; /* ENFORCE, PROMOTE, ROLLBACK; NONE: of another version */
    enum desync_mode from;
    enum desync_mode to;
    int64_t at_ms;
    str why;
    str by; /* who had written last; empty: not known */
    enum watch_state watch;
    enum watch_ending ending;
    str ending_reason; /* why it ended so; empty: it has not */
    bool has_before;   /* the windows before and after saw traffic */
    bool has_after;
    struct traffic_window before;
    struct traffic_window after;
};

/* One earlier report, for the trend. */
struct posture_point {
    int64_t day;
    double protected_percent;
    size_t listed;
    size_t non_compliant;
    size_t modes[4];
};

/* Beside the row of the same index in the fleet. */
struct posture_row {
    bool has_advice;
    struct advice advice;
    struct prospect prospect; /* of the advice; nothing of one in strictest */
    str exception_reason;
    str exception_approver;
    int64_t non_compliant_since_ms; /* 0: is not, or not known */
    bool is_escalated;              /* for longer than maxNonCompliantDays */
    bool is_fight;                  /* enforcement has stopped */
};

/* Counts are of load balancers unless the name says otherwise; times are hours. "Within the period"
 * is from period_start_ms to now_ms. Those without a state table are 0, and no format shows
 * them. */
struct posture_kpis {
    struct fleet_summary fleet;
    size_t strictest;
    size_t without_owner;     /* of the judged ones */
    size_t escalated;         /* non-compliant for longer than allowed */
    size_t fights;            /* enforcement has stopped for them */
    size_t exceptions_active; /* those that end soon included */
    size_t exceptions_ending; /* within the warning time */
    size_t exceptions_expired;
    size_t candidates;              /* RECOMMEND_PROMOTE */
    size_t incidents_closed;        /* the number behind the next two */
    double mttr_p50_hours;          /* nearest rank: a repair time that did occur */
    double mttr_p90_hours;          /* likewise */
    size_t incidents_open;          /* whenever they began */
    double exposure_hours;          /* within the period */
    double weighted_exposure_hours; /* internet-facing ones count double */
    size_t enforced;
    size_t promoted;
    size_t rolled_back;
};

struct posture {
    int64_t period_start_ms; /* 90 days before now */
    int64_t now_ms;
    bool has_state;                 /* false: no table, so no history; said in every format */
    const struct posture_row *rows; /* as many as the fleet has */
    const struct prospect_freeze *freezes;
    size_t freeze_count;
    const struct posture_incident *incidents;
    size_t incident_count;
    const struct posture_change *changes; /* newest first */
    size_t change_count;
    const struct posture_point *trend; /* oldest first; today is the last */
    size_t trend_count;
    struct posture_kpis kpis; /* filled by posture_compute */
};

/* Fills posture->kpis from everything else in *posture. `arena` is for scratch. */
void posture_compute(struct posture *posture, const struct fleet *fleet, struct arena *arena);

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
/* "expired" As in the CSV and JSON of `report`. */
const char *exception_state_name(enum exception_state state);
enum exception_state posture_exception_state(const struct evaluation *evaluation);

/* Only of what was judged: the tags of the rest may never have been read. */
bool posture_lacks_owner(const struct evaluation *evaluation);
bool posture_is_candidate(const struct posture_row *row);
/* There is advice, and the mode is known to be below strictest. */
bool posture_is_on_its_way(const struct posture_row *row, const struct evaluation *evaluation);

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
