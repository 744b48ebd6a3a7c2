/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program does with one event, independent of how the event came (Lambda or the command
 * line). decode -> gather -> evaluate -> report -> act.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "aws/sts.h"
#include "base/env.h"
#include "base/log.h"
#include "policy/enforce.h"
#include "policy/recommend.h"
#include "report/render.h"

#define ALLOWED_ACCOUNTS_MAX 256 /* 4 KB of environment hold some 300 of 12 digits */

enum promotion { PROMOTION_OFF, PROMOTION_RECOMMEND, PROMOTION_ENFORCE };

/* From evidence to `strictest`. */
struct promotion_config {
    enum promotion promotion;           /* PROMOTION */
    struct promotion_settings evidence; /* EVIDENCE_DAYS, PROMOTION_MIN_REQUESTS, ... */
    struct watch_settings watch;        /* WATCH_MINUTES, WATCH_MAX_ERROR_INCREASE_PERCENT */
    str ring_tag;                       /* PROMOTION_RING_TAG */
    str evidence_table;                 /* STATE_TABLE: only read, so that a plan may, too */
};

/* What is done beside reporting; each text is empty when its part is off. */
struct act_settings {
    struct enforcement_settings enforcement; /* ENFORCEMENT, MAX_CHANGES_PER_RUN, FIGHT_LIMIT */
    struct promotion_config promotion;
    str state_table;        /* STATE_TABLE */
    str alert_topic_arn;    /* ALERT_TOPIC_ARN */
    str config_rule_name;   /* CONFIG_RULE_NAME */
    bool imports_findings;  /* SECURITY_HUB */
    str cross_account_role; /* CROSS_ACCOUNT_ROLE, a role's name, path included */
    str external_id;        /* EXTERNAL_ID */
    str allowed_accounts[ALLOWED_ACCOUNTS_MAX]; /* ALLOWED_ACCOUNTS */
    size_t allowed_account_count;
};

/* Where reports and metrics go. */
struct report_settings {
    str bucket;            /* REPORT_BUCKET; empty: reports are not kept */
    str prefix;            /* REPORT_PREFIX; may be empty */
    str metrics_namespace; /* METRICS_NAMESPACE; never empty */
};

/* The whole configuration, parsed and checked once at INIT. Lives in the process arena. */
struct app_settings {
    str region; /* AWS_REGION, else AWS_DEFAULT_REGION; may be empty: only app_connect needs it */
    struct policy_source environment_policy;
    bool warms_up;               /* WARM_UP */
    int elb_requests_per_second; /* ELB_REQUESTS_PER_SECOND; 0: not paced */
    int concurrency;             /* AWS_LAMBDA_MAX_CONCURRENCY: invocations at once, in threads */
    bool logs_shutdown; /* SHUTDOWN_LOG: an extension is registered to be told of the end */
    struct act_settings act;
    struct report_settings report;
};

struct sweep_listener;

/* A role's session in another account, kept while it is good. */
struct app_session {
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

struct app {
    struct app_settings settings;
    const struct env *env;
    const struct clock *clock;
    struct log *log;
    struct metrics_writer metrics;
    struct aws_client aws;  /* where the load balancers and their Config rule are */
    struct aws_client home; /* our own account and Region: state table, topic */
    struct app_session session;
    char own_account[13]; /* found out when it is first needed; "" before */
    str function_arn;     /* of the function that is invoked; empty: not known (the command line) */
    const struct sweep_listener *sweep_listener; /* src/app/sweep_internal.h; NULL: none */
};

/* CONFIGURATION: *error names the variable and what is accepted. Checks the policy variables too.
 */
MUST_USE enum status app_settings_parse(const struct env *env, struct arena *arena,
                                        struct app_settings *settings_out, struct error *error);

/* Gives the app its AWS client: credentials, endpoints and retries from the environment.
 * CONFIGURATION names the variable. `settings` must be parsed. */
MUST_USE enum status app_connect(struct app *app, struct transport *transport, struct arena *arena,
                                 struct error *error);

/* Our own account's id for a central function, which may be listed among those it may enter; empty
 * without CROSS_ACCOUNT_ROLE, where it has no others to enter. */
MUST_USE enum status app_own_account(struct app *app, struct arena *arena, str *account_id_out,
                                     struct error *error);

/* Endpoints that INIT should connect to, for http_curl_warm_up: those every invocation needs. */
size_t app_warm_up_urls(const struct app *app, struct arena *arena, str urls[static 4]);

struct app_reply {
    bool is_error;
    str body;       /* response JSON, or empty on an error */
    str error_type; /* "Function.InvalidEvent" */
    str error_message;
    /* of a sweep, for the command line; with is_error: as far as it came */
    const struct action *actions;
    size_t action_count;
    size_t judged_count;
};

/* Handles one event; never fails otherwise than by an error reply. `deadline_ms` wall clock,
 * INT64_MAX: none. */
void app_handle(struct app *app, str event, int64_t deadline_ms, struct arena *arena,
                struct app_reply *reply);

/* AWS says that our own credentials have expired. Those of a Lambda execution environment never
 * change, so that every further invocation would fail: the process should end and be replaced. */
bool app_has_expired(const struct app *app);

/* Judges from what is in the event, no network and no age limit on the item: the line `evaluate`
 * prints. A bad status (INVALID, INVALID_PARAMETER, ...) fills *error. */
MUST_USE enum status app_evaluate_offline(const struct app *app, str event, str file_name,
                                          struct arena *arena, str *line_out,
                                          enum compliance *compliance_out, struct error *error);

#endif
