/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture report: what leadership, the owner and the auditor read. Facts about the fleet and
 * its history in, KPIs out (posture_compute); then HTML (report/fleet.h), JSON, CSV and a summary
 * text. Pure.
 */
#ifndef REPORT_POSTURE_H
#define REPORT_POSTURE_H

#include "policy/recommend.h"
#include "report/fleet.h"

struct posture_incident {
    str arn;
    str owner;
    str findings;
    bool is_internet_facing; /* weighs double in the exposure hours */
    int64_t opened_ms;
    int64_t closed_ms; /* 0: open */
};

struct posture_change {
    str arn;
    str action; /* enforce, promote, rollback */
    enum desync_mode from;
    enum desync_mode to;
    int64_t at_ms;
    str why;
    str by;            /* who had written last; empty: not known */
    str watch;         /* open, closed, rolled_back; empty: no watch is known */
    str ending;        /* of the watch: held, rolled_back, reverted, inconclusive; empty: none */
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
    str exception_reason;
    str exception_approver;
    int64_t non_compliant_since_ms; /* 0: is not, or not known */
    bool is_escalated;              /* for longer than maxNonCompliantDays */
    bool is_fight;                  /* enforcement has stopped */
};

struct posture_kpis {
    struct fleet_summary fleet;
    size_t strictest;
    size_t without_owner;
    size_t escalated;
    size_t fights;
    size_t exceptions_active;
    size_t exceptions_ending; /* within the warning time */
    size_t exceptions_expired;
    size_t candidates;       /* RECOMMEND_PROMOTE */
    size_t incidents_closed; /* the number behind the next two */
    double mttr_p50_hours;
    double mttr_p90_hours;
    size_t incidents_open;
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
    const struct posture_incident *incidents;
    size_t incident_count;
    const struct posture_change *changes; /* newest first */
    size_t change_count;
    const struct posture_point *trend; /* oldest first; today is the last */
    size_t trend_count;
    struct posture_kpis kpis; /* filled by posture_compute */
};

void posture_compute(struct posture *posture, const struct fleet *fleet, struct arena *arena);

/* {"generatedAt",...,"kpis":{},"evaluations":[],...}: audit's members and more. */
void posture_write_json(struct buf *out, struct arena *arena, const struct fleet *fleet,
                        const struct posture *posture);
void posture_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct posture *posture);
/* Plain text of some ten lines, for SNS and the terminal. */
void posture_write_summary(struct buf *out, struct arena *arena, const struct fleet *fleet,
                           const struct posture *posture);

#endif
