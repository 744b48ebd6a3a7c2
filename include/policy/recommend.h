/* SPDX-License-Identifier: Apache-2.0
 *
 * What the evidence says about `strictest`. Pure: numbers, settings and the moment in; a
 * recommendation with its reasons out.
 */
#ifndef POLICY_RECOMMEND_H
#define POLICY_RECOMMEND_H

#include "policy/advice.h"
#include "policy/evaluate.h"

/* Of one load balancer, over the last EVIDENCE_DAYS days, today included. Logs win over metrics on
 * the days they cover: metrics cannot tell Acceptable from Severe. The metrics are of the other
 * days; where these have some logs, of the requests that are not in them. */
struct evidence {
    int days;     /* the window */
    bool is_read; /* false: nothing was looked at yet, so that no count means anything */
    int log_days; /* days of the window with any line */
    uint64_t compliant;
    uint64_t acceptable;
    uint64_t ambiguous;
    uint64_t severe;
    uint64_t unclassified; /* lines too old to tell: of fewer than 28 fields */
    uint64_t unfamiliar;   /* requests of a class that we do not know */
    uint64_t unparsed;     /* lines that could not be read */
    uint64_t without_time; /* requests whose time could not be read */
    uint64_t damaged;      /* objects that could be read in part */
    int64_t log_newest_ms; /* time of the newest line; 0: none */
    int thin_days;         /* whose logs hold less than half of RequestCount: not covered */
    bool has_metrics;      /* CloudWatch saw any request on the days that logs do not cover */
    uint64_t metric_requests;
    uint64_t metric_non_compliant;
    int metric_days;           /* days of the window with any RequestCount, logged or not */
    uint32_t weekdays_counted; /* those of these days (UTC); bit 0 is Monday */
    int64_t metric_newest_ms;  /* begin of the newest day (UTC) that had any: no more is known */
    enum tristate writes_logs; /* access_logs.s3.enabled */
    int64_t rolled_back_ms;    /* when `strictest` was rolled back last; 0: never */
    int64_t reverted_ms;       /* when somebody else was found to have reverted it; 0: never */
    str reverted_note;         /* who and how, as far as it is known */
    bool is_watched;           /* a change is being watched */

    /* Of the logs. Served requests over HTTP/1.x, in which alone desync is possible: no health
     * checks or monitors, and of a class that is known. */
    uint64_t http1_requests;
    uint64_t http2_requests;   /* HTTP/2, gRPC and WebSocket */
    uint64_t synthetic;        /* health checks and monitors, by their user agent */
    uint64_t blocked_served;   /* Acceptable or Ambiguous, and served, or nobody can tell */
    uint64_t unserved;         /* Acceptable or Ambiguous, and certainly not served */
    uint64_t severe_served;    /* Severe, likewise */
    uint64_t severe_unserved;  /* Severe, likewise */
    int traffic_days;          /* days of the window with any of http1_requests */
    uint32_t weekdays_logged;  /* those of these days (UTC); bit 0 is Monday */
    uint32_t weekdays_traffic; /* with RequestCount in the last 35 days; likewise */
    double clients;            /* distinct networks of clients over the window, +-20 % */
    bool has_clients;          /* false: the items are of 0.1.0, which counted none of these */
    bool has_old_items;        /* some are of 0.1.0: their requests are in the classes alone */
    double http1_share; /* of all lines, those over HTTP/1.x that no monitor sent; 1: no logs */
    uint64_t blocked_clients; /* requests that were blocked, of networks that were served others */
    str blocked_reason;       /* a reason of theirs; "UndefinedContentLengthSemantics" */
    bool logs_elsewhere;      /* access logs are delivered to where they are not read */
    str logs_bucket;          /* that place */
};

/* Whether metrics alone may promote. */
enum evidence_source { EVIDENCE_LOGS, EVIDENCE_ANY };

/* Distinct networks of clients, by the scheme of the load balancer. */
struct clients_min {
    int internet_facing;
    int internal;
};

struct promotion_settings {
    int evidence_days;              /* EVIDENCE_DAYS */
    int requests_min;               /* PROMOTION_MIN_REQUESTS */
    double blocked_percent_max;     /* PROMOTION_MAX_BLOCKED_PERCENT */
    double risk_percent_max;        /* PROMOTION_MAX_RISK_PERCENT: of the upper 95 % bound */
    int days_min;                   /* PROMOTION_MIN_DAYS */
    struct clients_min clients_min; /* PROMOTION_MIN_CLIENTS */
    enum evidence_source source;    /* PROMOTION_EVIDENCE */
};

/* `evaluation` is the judgement without UNDERUTILIZED, of an Application Load Balancer. */
void recommend(const struct evaluation *evaluation, const struct evidence *evidence,
               const struct promotion_settings *settings, int64_t now_ms, struct arena *arena,
               struct advice *advice_out);

/* Appends UNDERUTILIZED to the findings; with RECOMMEND_PROMOTE and mode defensive only. */
void advice_add_finding(const struct advice *advice, struct arena *arena,
                        struct evaluation *evaluation);

#endif
