/* SPDX-License-Identifier: Apache-2.0
 *
 * What the traffic after a promotion says about the promotion. Pure: numbers, the plan of the watch
 * and settings in; a verdict with its reason out. All looks of one watch together roll a healthy
 * load balancer back with a probability of `alpha` at most: each look spends a part of it, and each
 * test of a look a part of that.
 */
#ifndef POLICY_WATCH_H
#define POLICY_WATCH_H

#include "base/arena.h"
#include "base/str.h"

/* Sums over one window. */
struct traffic_window {
    int64_t start_ms;
    int64_t end_ms;
    bool has_data; /* RequestCount had any value */
    uint64_t requests;
    uint64_t non_compliant;
    uint64_t elb_4xx;
    uint64_t elb_5xx;
    uint64_t target_5xx;
};

#define WATCH_MINUTES_MAX  (14 * 24 * 60)
#define WATCH_BIN_MS       (INT64_C(5) * 60 * 1000) /* a bin, and the time between two looks */
#define WATCH_BINS_A_DAY   288
#define WATCH_DAYS_BEFORE  7
#define WATCH_BINS_BEFORE  (WATCH_DAYS_BEFORE * WATCH_BINS_A_DAY)
#define WATCH_DAYS_MAX     30
#define WATCH_LOOKS_MAX    (WATCH_DAYS_MAX * WATCH_BINS_A_DAY)
#define WATCH_ALPHA_PPB    INT64_C(5000000) /* 0.5 %: half of the 1 % that is promised */
#define WATCH_LOOK_ON_DAYS 35 /* after a promotion it is still looked at, once a day */

struct watch_settings {
    int minutes;               /* WATCH_MINUTES */
    double error_increase_max; /* WATCH_MAX_ERROR_INCREASE_PERCENT, relative */
    int requests_min;          /* WATCH_MIN_REQUESTS */
    int days_max;              /* WATCH_MAX_DAYS */
};

/* How likely a healthy load balancer may be rolled back, and in how many looks. */
struct watch_plan {
    double alpha;            /* of all looks together; 0.005 is half a percent */
    int looks;               /* the most that there can be */
    double risk_percent_max; /* PROMOTION_MAX_RISK_PERCENT at the time of the promotion */
};

/* Of the access logs. */
struct blocked_count {
    uint64_t requests; /* HTTP/1.x */
    uint64_t blocked;  /* of them of the classes that the mode blocks: before the change those not
                         served */
};

struct watch_numbers {
    bool is_raise; /* to defensive, which blocks Severe requests; else a promotion */
    int look;      /* so many times five minutes after the change */
    /* Bins of five minutes: of the seven days before the change, and of the time since, which may
     * begin a few minutes late. */
    const struct traffic_window *before; /* WATCH_BINS_BEFORE */
    const struct traffic_window *after;
    size_t after_count; /* above 0 */
    double http1_share; /* of the requests, by the logs of before; 1 without logs */
    const struct blocked_count *logged_before; /* of a day each; none: no logs */
    size_t logged_before_count;
    struct blocked_count logged_after; /* in so many minutes */
    double logged_minutes;
};

enum watch_verdict {
    WATCH_GO_ON,           /* nothing is wrong so far */
    WATCH_ROLL_BACK,       /* clients are blocked, or errors rose, beyond chance */
    WATCH_END_HELD,        /* enough traffic came, and nothing rose */
    WATCH_END_INCONCLUSIVE /* too little traffic, or nothing to compare with */
};

struct watch_judgement {
    enum watch_verdict verdict;
    str reason; /* what decided, then all numbers; lives in `arena` */
};

/* The plan of a watch that begins now. */
struct watch_plan watch_plan_of(const struct watch_settings *settings, double risk_percent_max);
/* What one test of one look may spend of it. */
double watch_alpha_of(const struct watch_plan *plan, int look);
void watch_judge(const struct watch_numbers *numbers, const struct watch_plan *plan,
                 const struct watch_settings *settings, struct arena *arena,
                 struct watch_judgement *judgement_out);

/* After the watch: one of the WATCH_LOOK_ON_DAYS days since the change (`look` is its number, from
 * 1), whose bins `after` are. Only the tests for blocked clients; GO_ON or ROLL_BACK. */
void watch_judge_day(const struct watch_numbers *numbers, double risk_percent_max,
                     struct arena *arena, struct watch_judgement *judgement_out);

#endif
