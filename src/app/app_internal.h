/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the app layer share: the decoded invocation (all JSON ends here) and the use
 * cases.
 */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "app/app.h"
#include "aws/config.h"
#include "base/json.h"
#include "policy/evaluate.h"

/* Config re-sends old items; one captured longer ago than this is read live (product contract,
 * section 8). */
#define ITEM_AGE_MAX_MS (15 * 60 * MS_PER_SECOND)

/* A response of a synchronous invocation may hold 6 MiB. */
#define RESPONSE_BYTES_MAX ((size_t)6 * 1024 * 1024)

enum item_status {
    ITEM_PRESENT,       /* OK, ResourceDiscovered */
    ITEM_DELETED,       /* ResourceDeleted, ResourceDeletedNotRecorded */
    ITEM_NOT_RECORDED,  /* ResourceNotRecorded */
    ITEM_STATUS_UNKNOWN /* anything else: never guessed */
};

/* A configuration item, or the summary an oversized notification carries instead of one. */
struct config_item {
    str resource_type;
    str resource_id;
    str region; /* empty when absent */
    str status_text;
    enum item_status status;
    int64_t capture_ms;         /* 0 when absent */
    bool has_junk_time;         /* something stands there that is no time */
    struct load_balancer facts; /* what the item says; the rest is marked unknown */
};

enum config_message { MESSAGE_CHANGE, MESSAGE_OVERSIZED, MESSAGE_SCHEDULED };

struct config_invocation {
    enum config_message message;
    str result_token; /* empty when absent */
    str rule_name;    /* empty when absent */
    str account_id;   /* likewise */
    bool is_proactive;
    bool has_left_scope;
    str region; /* where the rule lives: from configRuleArn, else the item, else empty */
    int64_t notification_ms; /* 0 when absent */
    const struct json
        *rule_parameters; /* the raw member; decoded after NOT_APPLICABLE was ruled out */
    struct config_item
        item; /* of a change; a summary without configuration and tags when oversized */
};

enum elb_call_kind { ELB_CREATE, ELB_MODIFY, ELB_TAGS, ELB_DELETE };

/* Who wrote last, for the alert that must name them. */
struct elb_caller {
    str arn;        /* the role behind an assumed one */
    str user_agent; /* "APN/1.0 HashiCorp/1.0 Terraform/1.5" */
    str invoked_by; /* "cloudformation.amazonaws.com"; empty for a call of their own */
};

struct elb_call {
    enum elb_call_kind kind;
    str event_name;
    str event_id; /* the same in every delivery of one call */
    int64_t event_ms;
    str region;          /* empty when absent */
    str account_id;      /* likewise */
    str ignored_because; /* not empty: recognised, and left alone */
    str *arns;           /* of Application Load Balancers, each once */
    size_t arn_count;
    str *others; /* what the call names beside them; left alone */
    size_t other_count;
    enum load_balancer_scheme scheme; /* of the one that is created; else UNKNOWN */
    enum desync_mode mode; /* what it asks for by name; UNKNOWN: it leaves the mode alone */
    struct elb_caller caller;
};

/* An object that S3 tells of. */
struct log_object {
    str region; /* of the bucket; empty when absent */
    str bucket;
    str key;             /* decoded */
    str e_tag;           /* without quotes */
    str ignored_because; /* not empty: recognised, and left alone; what is above may be empty then
                          */
    size_t message;      /* of a queue: which one it came in */
};

struct log_message {
    str id;
    str problem; /* not empty: it cannot be understood, and nothing of it is in the objects */
};

struct log_delivery {
    bool is_queued; /* by SQS, in messages that succeed or fail one by one */
    struct log_message *messages;
    size_t message_count;
    struct log_object *objects;
    size_t object_count;
    size_t object_capacity;
};

enum invocation_kind {
    INVOCATION_CONFIG,     /* an AWS Config rule asks */
    INVOCATION_SWEEP,      /* a schedule asks: the same sweep, with nobody to report to */
    INVOCATION_WATCH,      /* a schedule asks to look after changes that were made */
    INVOCATION_REPORT,     /* a schedule asks for the posture report */
    INVOCATION_ELB_CALL,   /* somebody changed a load balancer */
    INVOCATION_LOG_OBJECTS /* an access log was written */
};

struct invocation {
    enum invocation_kind kind;
    struct config_invocation config;
    struct elb_call elb_call;
    struct log_delivery logs;
};

/* INVALID (or TOO_LARGE, TOO_DEEP) with a message that names the member and what is accepted. */
MUST_USE enum status decode_event(str event, struct arena *arena, struct invocation *invocation_out,
                                  struct error *error);

/* "AWS API Call via CloudTrail" by its detail-type. */
bool is_elb_event(const struct json *event);
/* INVALID when it cannot be understood; a call that is not ours to act on is OK and says why. */
MUST_USE enum status decode_elb_event(const struct json *event, struct arena *arena,
                                      struct elb_call *call, struct error *error);

/* S3 tells of objects: through EventBridge, by itself, or in messages of SQS that hold either. */
bool is_log_event(const struct json *event);
/* INVALID names the member; of a message in a queue it is the message's `problem` instead. */
MUST_USE enum status decode_log_event(const struct json *event, struct arena *arena,
                                      struct log_delivery *delivery, struct error *error);

/* ruleParameters in every form Config sends: absent, null, "", "{}", "null", a JSON string of an
 * object, an object. Numbers and booleans become their text. INVALID_PARAMETER otherwise. */
MUST_USE enum status decode_rule_parameters(const struct json *rule_parameters, struct arena *arena,
                                            struct policy_parameter **parameters_out,
                                            size_t *count_out, struct error *error);

/* Reads a configuration item of either dialect: the rule event's (objects and lists) and that of
 * GetResourceConfigHistory (JSON strings at every level, other key casing). Junk in the facts
 * leaves them unknown; INVALID only where the item cannot even be named (resourceType, resourceId,
 * its ARN). */
MUST_USE enum status decode_config_item(const struct json *item, bool is_proactive,
                                        struct arena *arena, struct config_item *item_out,
                                        struct error *error);

/* Member `key` of `object`. A member that differs in letter case only is refused as INVALID: the
 * sender meant something we would not read. NULL with OK when there is none. */
MUST_USE enum status decode_member(const struct json *object, const char *key, struct arena *arena,
                                   const struct json **value_out, struct error *error);
/* The same for a string; absent and null give the empty str, another type is INVALID. */
MUST_USE enum status decode_string_member(const struct json *object, const char *key,
                                          struct arena *arena, str *value_out, struct error *error);
/* The same for the name of a Region. */
MUST_USE enum status decode_region_member(const struct json *object, const char *key,
                                          struct arena *arena, str *region_out,
                                          struct error *error);
/* The value itself, or the parsed text when it is a string that holds JSON. NULL when that cannot
 * be parsed. */
const struct json *decode_embedded(const struct json *value, struct arena *arena);

/* A sweep: judges every load balancer of the Region, reports, and sets those that vanished
 * NOT_APPLICABLE. */
void sweep_handle(struct app *app, const struct config_invocation *invocation, struct arena *arena,
                  struct app_reply *reply);

/* Looks after the promotions that are being watched: see watch_run.c. */
void watch_handle(struct app *app, struct arena *arena, struct app_reply *reply);

/* The posture report: see posture_publish.c. */
void report_handle(struct app *app, struct arena *arena, struct app_reply *reply);

/* A call to Elastic Load Balancing: see elb_call.c. */
void elb_call_handle(struct app *app, const struct elb_call *call, struct arena *arena,
                     struct app_reply *reply);

/* Counts what is in access logs: see log_object.c. */
void log_objects_handle(struct app *app, const struct log_delivery *delivery, struct arena *arena,
                        struct app_reply *reply);

/* The Config rule: judges the item, reading live what it does not say, and reports. */
void config_rule_handle(struct app *app, const struct config_invocation *invocation,
                        struct arena *arena, struct app_reply *reply);

/* Judges the item from what is in it. false: `*evaluation_out` is final (NOT_APPLICABLE or UNKNOWN
 * by status, scope or type); true: it is a present load balancer of ours, to be judged by policy.
 */
bool config_item_is_to_be_judged(const struct config_invocation *invocation,
                                 struct evaluation *evaluation_out);

/* Points app->aws at the account and Region (empty: our own). DENIED: not an allowed account, or
 * its role does not let us in. */
MUST_USE enum status app_aim(struct app *app, str account_id, str region, struct arena *arena,
                             struct error *error);

/* The last account of a run that could not be entered: it is not asked for again for each of its
 * load balancers. Text in the arena of the run. */
struct closed_account {
    str account_id; /* empty: none */
    struct error error;
};
/* app_aim for the account and Region of a load balancer. INVALID: no ARN of one. */
MUST_USE enum status app_aim_by_arn(struct app *app, str arn, struct closed_account *closed,
                                    struct arena *arena, struct error *error);

/* Whether app->aws, after app_aim for it, really reaches that account: without CROSS_ACCOUNT_ROLE
 * it reaches our own only. */
MUST_USE enum status app_aims_at(struct app *app, str account_id, struct arena *arena,
                                 bool *aims_out, struct error *error);
/* The same for an event of AWS Config, where most of them are known to be ours without a call. An
 * empty account is ours. */
MUST_USE enum status app_reaches(struct app *app, str account_id, struct arena *arena,
                                 bool *reaches_out, struct error *error);
/* Our own account's id: as STS says, or as the ARN of the function does where STS cannot be
 * reached.
 */
MUST_USE enum status app_name_own_account(struct app *app, struct arena *arena, str *account_id_out,
                                          struct error *error);
/* Our own load balancers must not be reported under the token of another account's rule. DENIED: it
 * is another account's, and no role is set to enter it. */
MUST_USE enum status app_require_account(struct app *app, str account_id, struct arena *arena,
                                         struct error *error);
/* "the event is of account ...", and the way to handle it. DENIED. */
enum status app_refuse_account(struct app *app, str account_id, struct arena *arena,
                               struct error *error);

/* Environment and rule parameters together. */
MUST_USE enum status app_policy(const struct app *app, const struct json *rule_parameters,
                                struct arena *arena, struct policy *policy_out,
                                struct error *error);

/* The error types of a reply, in the form the Runtime API accepts. */
#define ERROR_INVALID_EVENT     "Function.InvalidEvent"
#define ERROR_INVALID_PARAMETER "Function.InvalidParameter"
#define ERROR_VERDICT_UNKNOWN   "Function.VerdictUnknown"
#define ERROR_REPORT_FAILED     "Function.ReportFailed"
#define ERROR_SWEEP_INCOMPLETE  "Function.SweepIncomplete"
#define ERROR_ACTION_FAILED     "Function.ActionFailed"
#define ERROR_ACCESS_DENIED     "Function.AccessDenied"
#define ERROR_NOT_COUNTED       "Function.NotCounted"

/* What AWS Config is told; the annotation lives in `arena`. Not for COMPLIANCE_UNKNOWN. */
struct config_evaluation evaluation_to_config(const struct evaluation *evaluation,
                                              struct arena *arena);
/* One line per judgement. */
void evaluation_log(const struct app *app, const struct evaluation *evaluation);

void reply_error(struct app_reply *reply, const char *error_type, str message);

#endif
