/* SPDX-License-Identifier: Apache-2.0
 *
 * An advice on the promotion of one load balancer: the recommendation, the numbers it rests on,
 * what decided and what is still lacking.
 */
#ifndef POLICY_ADVICE_H
#define POLICY_ADVICE_H

#include "base/arena.h"
#include "base/str.h"

struct promotion_settings;

enum recommendation {
    RECOMMEND_NOTHING, /* strictest already, excused, or not judged */
    RECOMMEND_PROMOTE, /* the evidence supports strictest */
    RECOMMEND_HOLD, /* it does not, or not yet: a legacy profile, a roll back, stale numbers, lines
                       that were not understood */
    RECOMMEND_FIX_CLIENTS, /* strictest would block requests that somebody can repair */
    RECOMMEND_NO_EVIDENCE  /* too little is known; the reason names the switch to turn on */
};
/* "NOTHING", "PROMOTE", "HOLD", "FIX_CLIENTS", "NO_EVIDENCE" */
const char *recommendation_name(enum recommendation recommendation);

/* What a recommendation is decided by: its id in JSON, and in the order in which they decide. The
 * last ones, from `requests` on, are amounts of evidence: all that are too small are named. */
#define CRITERION_MAP(X)                                                                           \
    X(ALL, "all") /* nothing is against it */                                                      \
    X(VERDICT, "verdict")                                                                          \
    X(MODE, "mode")                                                                                \
    X(EXCEPTION, "exception")                                                                      \
    X(OPT_OUT, "optOut")                                                                           \
    X(PROFILE, "profile")                                                                          \
    X(COMPLIANCE, "compliance")                                                                    \
    X(WATCH, "watch")                                                                              \
    X(ROLLED_BACK, "rolledBack")                                                                   \
    X(REVERTED, "reverted")                                                                        \
    X(TRAFFIC, "traffic")              /* no request that could be evidence was seen */            \
    X(BLOCKED, "blocked")              /* PROMOTION_MAX_BLOCKED_PERCENT */                         \
    X(NOT_UNDERSTOOD, "notUnderstood") /* lines that may hide more of these */                     \
    X(METRICS, "metrics")              /* CloudWatch counted some that the logs do not hold */     \
    X(FRESHNESS, "freshness")                                                                      \
    X(REQUESTS, "requests") /* PROMOTION_MIN_REQUESTS */                                           \
    X(RISK, "risk")         /* PROMOTION_MAX_RISK_PERCENT */                                       \
    X(DAYS, "days")         /* PROMOTION_MIN_DAYS */                                               \
    X(WEEKDAYS, "weekdays")                                                                        \
    X(CLIENTS, "clients") /* PROMOTION_MIN_CLIENTS */                                              \
    X(SOURCE, "source")   /* PROMOTION_EVIDENCE */

enum criterion {
#define CRITERION_ENUM(name, id) CRITERION_##name,
    CRITERION_MAP(CRITERION_ENUM)
#undef CRITERION_ENUM
        CRITERION_COUNT
};
/* "requests" and the like */
const char *criterion_name(enum criterion criterion);

struct advice {
    enum recommendation recommendation;
    bool may_promote;          /* PROMOTE, and desync-guard itself may act on it */
    enum criterion decided_by; /* the first of those that are against it */
    unsigned lacks;   /* 1 << CRITERION_BLOCKED and later: each that is against it, by numbers */
    bool has_numbers; /* the requests were looked at; false: the numbers mean nothing */
    bool is_from_logs;
    uint64_t requests;         /* served HTTP/1.x requests; of metrics all requests */
    uint64_t blocked;          /* of them strictest would block, and the mode it has does not */
    uint64_t unserved;         /* more that it would block, and that nobody served */
    double blocked_percent;    /* of `requests` */
    double bound_percent;      /* its exact one-sided upper bound, at 95 % confidence */
    int days;                  /* with such requests */
    uint32_t weekdays_missing; /* without them, although there is traffic; bit 0 is Monday (UTC) */
    double clients;            /* distinct networks, about; negative: not known */
    int clients_min;
    int64_t newest_ms; /* of the newest line; of metrics the begin of the newest day with any */
    const struct promotion_settings *settings; /* the limits; NULL: nothing was asked of numbers */
    str reason; /* a few sentences with the numbers; lives in `arena` */
};

#define WEEKDAYS 7
/* "Monday" for 0 */
const char *weekday_name(size_t weekday);

/* What is lacking by one criterion of `lacks`, with the numbers: "999 of 1000 requests
 * (PROMOTION_MIN_REQUESTS)". */
str advice_lack(const struct advice *advice, enum criterion criterion, struct arena *arena);

#endif
