/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether and how far a load balancer's mode is raised. Pure: settings, judgement and counts in,
 * decision out. Never lowers a mode, never raises to `strictest` (that is what promotion is for),
 * never decides on facts that are unknown, excused or not live.
 */
#ifndef POLICY_ENFORCE_H
#define POLICY_ENFORCE_H

#include "policy/evaluate.h"

/* PREVIEW is no setting: the command `plan` asks what ENFORCE would do, and changes nothing. The
 * bounds of a run and of the hour are not its matter, since it says itself when they are free. */
enum enforcement { ENFORCEMENT_OFF, ENFORCEMENT_PLAN, ENFORCEMENT_ENFORCE, ENFORCEMENT_PREVIEW };

/* Load balancers whose mode ECS or Kubernetes writes. */
enum managed { MANAGED_REPORT, MANAGED_ENFORCE };

struct enforcement_settings {
    enum enforcement enforcement;
    int max_changes_per_run;
    int fight_limit; /* own corrections of one load balancer in 24 h that are made; the next is not
                      */
    int max_changes_per_hour;   /* of one account and Region, promotions included */
    double blocked_percent_max; /* ENFORCEMENT_MAX_BLOCKED_PERCENT */
    enum managed managed;       /* MANAGED_LOAD_BALANCERS */
};

/* The share of served HTTP/1.x requests that are Severe, in the access logs of EVIDENCE_DAYS days:
 * monitor lets them through, and defensive blocks them. */
struct severe_share {
    bool is_known; /* the logs hold such requests; false: all else is zero */
    int days;
    uint64_t requests;
    uint64_t severe;
    double percent;
    double lower_percent; /* its exact one-sided lower bound, at 95 % confidence */
};

struct evidence;
struct severe_share severe_share_of(const struct evidence *evidence);
/* "in the last 14 days 120 of 10000 served HTTP/1.x requests (1.2 %, at least ...) were Severe,
 * which defensive blocks"; of what is not known: that, and why. Lives in `arena`. */
str severe_share_text(const struct severe_share *share, struct arena *arena);

struct enforcement_counts {
    int changes_in_run;       /* made so far in this invocation */
    int corrections_in_a_day; /* of this load balancer, by us, in the last 24 h; negative: not known
                                 yet, which stops nothing */
    bool lacks_table;         /* without one nothing is changed */
    bool is_hour_spent;       /* MAX_CHANGES_PER_HOUR is known to be reached */
    const struct severe_share *severe; /* NULL: not looked up yet, which stops nothing */
};

enum enforcement_verdict {
    ENFORCE_NOTHING, /* there is nothing to do, or enforcement is off */
    ENFORCE_PLANNED, /* would be changed, but not now */
    ENFORCE_SKIPPED, /* must not be changed, for a reason the owner should read */
    ENFORCE_HELD,    /* defensive would block too many clients: skipped, and to be alerted */
    ENFORCE_FIGHT,   /* somebody keeps changing it back: skipped, and to be alerted */
    ENFORCE_CHANGE   /* change it now */
};

struct enforcement_decision {
    enum enforcement_verdict verdict;
    enum desync_mode from;
    enum desync_mode to; /* MODE_UNKNOWN with ENFORCE_NOTHING */
    const char *reason;  /* one clause; static text */
    bool waits_for_hour; /* planned, since MAX_CHANGES_PER_HOUR is reached */
};

/* Why neither enforcement nor promotion changes it: MANAGED_LOAD_BALANCERS is `report`, and ECS or
 * Kubernetes writes the mode. NULL: they may. Static text. */
const char *enforcement_reason_to_leave(const struct evaluation *evaluation,
                                        const struct enforcement_settings *settings);

struct enforcement_decision enforcement_decide(const struct evaluation *evaluation,
                                               const struct enforcement_settings *settings,
                                               const struct enforcement_counts *counts);

#endif
