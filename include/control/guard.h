/* SPDX-License-Identifier: Apache-2.0
 *
 * One configured desync-guard: its settings, and the clients, clock and log that it works with. The
 * guard fills it once at INIT; every layer above `table` is handed it.
 */
#ifndef CONTROL_GUARD_H
#define CONTROL_GUARD_H

#include "aws/sts.h"
#include "base/env.h"
#include "base/log.h"
#include "policy/enforce.h"
#include "policy/recommend.h"
#include "policy/watch.h"

#define ALLOWED_ACCOUNTS_MAX 256 /* 4 KB of environment hold some 300 of 12 digits */

struct account_list {
    str ids[ALLOWED_ACCOUNTS_MAX];
    size_t count;
};

enum promotion { PROMOTION_OFF, PROMOTION_RECOMMEND, PROMOTION_ENFORCE };

/* From evidence to `strictest`. */
struct promotion_config {
    enum promotion promotion;           /* PROMOTION */
    struct promotion_settings evidence; /* EVIDENCE_DAYS, PROMOTION_MIN_REQUESTS, ... */
    struct watch_settings watch;        /* WATCH_MINUTES, WATCH_MAX_ERROR_INCREASE_PERCENT */
    int open_watches_max;               /* MAX_OPEN_WATCHES, of one account and Region */
    str ring_tag;                       /* PROMOTION_RING_TAG */
    str evidence_table;                 /* STATE_TABLE: only read, so that a plan may, too */
};

/* When AWS Config is asked to evaluate its rule anew. */
enum reevaluation { REEVALUATE_OFF, REEVALUATE_CHANGES, REEVALUATE_VERDICTS };

/* What is done beside reporting; each text is empty when its part is off. */
struct control_settings {
    struct enforcement_settings enforcement; /* ENFORCEMENT, MAX_CHANGES_PER_RUN, FIGHT_LIMIT */
    struct promotion_config promotion;
    str state_table;                      /* STATE_TABLE */
    str preview_table;                    /* with ENFORCEMENT_PREVIEW: STATE_TABLE, only read */
    str alert_topic_arn;                  /* ALERT_TOPIC_ARN */
    str config_rule_name;                 /* CONFIG_RULE_NAME */
    enum reevaluation reevaluation;       /* REEVALUATE */
    bool imports_findings;                /* SECURITY_HUB */
    str cross_account_role;               /* CROSS_ACCOUNT_ROLE, a role's name, path included */
    str external_id;                      /* EXTERNAL_ID */
    struct account_list allowed_accounts; /* ALLOWED_ACCOUNTS */
};

/* Where reports and metrics go. */
struct report_settings {
    str bucket;            /* REPORT_BUCKET; empty: reports are not kept */
    str bucket_owner;      /* REPORT_BUCKET_OWNER; empty: the function's own account */
    str bucket_region;     /* REPORT_BUCKET_REGION; empty: the function's own Region */
    str prefix;            /* REPORT_PREFIX; may be empty */
    str metrics_namespace; /* METRICS_NAMESPACE; never empty */
};

/* The whole configuration, parsed and checked once at INIT. Lives in the process arena. */
struct guard_settings {
    str region; /* AWS_REGION, else AWS_DEFAULT_REGION; may be empty: only app_connect needs it */
    struct policy_source environment_policy;
    bool warms_up;               /* WARM_UP */
    int elb_requests_per_second; /* ELB_REQUESTS_PER_SECOND; 0: not paced */
    int reserved_concurrency; /* RESERVED_CONCURRENCY: copies that share the pace; 0: not known */
    int concurrency;          /* AWS_LAMBDA_MAX_CONCURRENCY: invocations at once, in threads */
    unsigned checked;         /* of variables that only must have an accepted value */
    struct control_settings control;
    struct report_settings report;
};

/* A role's session in another account, kept while it is good. */
struct account_session {
    struct arena arena;
    str account_id; /* empty: none */
    struct sts_session sts;
    int64_t begun_ms; /* wall clock */
    bool is_renewed;  /* it replaced one that AWS did not take any more */
};

/* Takes one line of metrics with its line end. */
struct metrics_writer {
    void (*write)(void *context, str line); /* NULL: none are written (the command line) */
    void *context;
};

struct guard {
    struct guard_settings settings;
    const struct env *env;
    const struct clock *clock;
    struct log *log;
    struct metrics_writer metrics;
    struct aws_client aws;  /* where the load balancers and their Config rule are */
    struct aws_client home; /* our own account and Region: state table, topic */
    struct account_session session;
    char own_account[13]; /* found out when it is first needed; "" before */
    str function_arn;     /* of the function that is invoked; empty: not known (the command line) */
};

static inline int64_t guard_now_ms(const struct guard *guard) {
    return guard->clock->now_ms(guard->clock);
}

#endif
