/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes in, one struct out: an event of any of the accepted shapes becomes a struct invocation. All
 * JSON of events ends here. Pure: nothing is read, nothing is decided.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "base/json.h"
#include "policy/evaluate.h"
#include "policy/policy.h"
#include "policy/writer.h"

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
    enum item_status status;
    int64_t capture_ms;            /* 0 when absent */
    bool has_invalid_capture_time; /* something stands there that is no time */
    struct load_balancer facts;    /* what the item says; the rest is marked unknown */
};

enum config_message { MESSAGE_CHANGE, MESSAGE_OVERSIZED, MESSAGE_SCHEDULED };

struct config_invocation {
    enum config_message message;
    str result_token; /* empty when absent */
    str rule_name;    /* empty when absent */
    str account_id;   /* likewise */
    bool is_proactive;
    bool is_test; /* of the rule, by resultToken TESTMODE: reported, and nothing else is done */
    bool has_left_scope;
    str region; /* where the rule lives: from configRuleArn, else the item, else empty */
    int64_t notification_ms; /* 0 when absent */
    const struct json
        *rule_parameters; /* the raw member; decoded after NOT_APPLICABLE was ruled out */
    struct config_item
        item; /* of a change; a summary without configuration and tags when oversized */
};

enum elb_call_kind { ELB_CREATE, ELB_MODIFY, ELB_TAGS, ELB_DELETE };

/* A call of the Elastic Load Balancing API by somebody, perhaps by us. */
struct elb_call {
    enum elb_call_kind kind;
    str event_name;
    str event_id; /* the same in every delivery of one call */
    int64_t event_ms;
    str region;          /* empty when absent */
    str account_id;      /* likewise */
    str ignored_because; /* not empty: recognised, and left alone */
    str *arns;           /* of Application Load Balancers, sorted, each once */
    size_t arn_count;
    str *others; /* what the call names beside them; left alone */
    size_t other_count;
    enum load_balancer_scheme scheme; /* of the one that is created; else UNKNOWN */
    enum desync_mode mode; /* what it asks for by name; UNKNOWN: it leaves the mode alone */
    struct writer caller;
};

/* An object in an event of S3. */
struct log_object {
    str region; /* of the bucket; empty when absent */
    str bucket;
    str key;             /* decoded */
    str e_tag;           /* without quotes */
    str ignored_because; /* not empty: recognised, and left alone; what is above may be empty then
                          */
    size_t message;      /* of a queue: which one it came in */
};

/* Of SQS: each succeeds or fails by itself ("batchItemFailures", AWS Lambda Developer Guide). */
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

/* `kind` says which of the members is filled; INVOCATION_SWEEP has its Region in `config`.
 *
 *   kind                      filled
 *   INVOCATION_CONFIG         config
 *   INVOCATION_SWEEP          config.region, where the event names one
 *   INVOCATION_WATCH, REPORT  nothing
 *   INVOCATION_ELB_CALL       elb_call
 *   INVOCATION_LOG_OBJECTS    logs
 */
struct invocation {
    enum invocation_kind kind;
    struct config_invocation config;
    struct elb_call elb_call;
    struct log_delivery logs;
};

/* INVALID (or TOO_LARGE, TOO_DEEP) with a message that names the member and what is accepted. */
MUST_USE enum status decode_event(str event, struct arena *arena, struct invocation *invocation_out,
                                  struct error *error);

/* ruleParameters in every form Config sends: absent, null, "", "{}", "null", a JSON string of an
 * object, an object. Numbers and booleans become their text. INVALID_PARAMETER otherwise. */
MUST_USE enum status decode_rule_parameters(const struct json *rule_parameters, struct arena *arena,
                                            struct policy_parameter **parameters_out,
                                            size_t *count_out, struct error *error);

/* Judges the item from what is in it. false: `*evaluation_out` is final (NOT_APPLICABLE or UNKNOWN
 * by status, scope or type); true: it is a present load balancer of ours, to be judged by policy.
 */
bool config_item_is_to_be_judged(const struct config_invocation *invocation,
                                 struct evaluation *evaluation_out);

#endif
