/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole control loop in a simulated account: the Region (region_world.h) whose load balancers
 * can now be changed, a state table (table_world.h), a topic that keeps what was published, AWS
 * Config's limit of one evaluation a minute, STS and Security Hub; two copies of the program; a
 * fault at any call, before or after it was carried out; and something that happens meanwhile.
 */
#ifndef LOOP_WORLD_H
#define LOOP_WORLD_H

#include "../../src/app/app_internal.h"
#include "region_world.h"
#include "table_world.h"

#define LOOP_MESSAGES_MAX 1024
#define LOOP_COPIES       3 /* of which two are started */
#define LOOP_TOPIC        "arn:aws:sns:eu-west-1:111122223333:alerts"
#define LOOP_RULE         "the-rule"
#define LOOP_WRITER       "arn:aws:iam::111122223333:role/ops"
#define LOOP_EVENT_MS     (FAKE_NOW_MS - 90000)
#define LOOP_TIME_MS      60000 /* of an invocation */

#define ASKS_MODIFY  "Action=ModifyLoadBalancerAttributes&"
#define ASKS_PUBLISH "Action=Publish&"
#define ASKS_START   "StartConfigRulesEvaluation"

struct loop;

/* One copy of the program: a sandbox of its own. */
struct loop_copy {
    struct loop *loop;
    struct guard guard;
    struct arena process;
    struct arena arena;
    struct log log;
    struct app_reply reply;
};

struct loop_message {
    str subject;
    str text;
};

struct loop_fault {
    size_t nth;        /* from 1; 0: none */
    bool is_lasting;   /* the nth and all after it */
    bool is_after;     /* the call was carried out, but its answer is lost */
    const char *match; /* counts only calls that hold this; NULL: all */
    struct fake_answer answer;
};

struct loop {
    struct fake_transport fake;
    struct region *region;
    struct table *table;
    const char *const *variables; /* name and value in turn, NULL at the end */
    struct env env;
    struct loop_copy copies[LOOP_COPIES];
    struct loop_message messages[LOOP_MESSAGES_MAX];
    size_t message_count;
    size_t modify_count;
    size_t lowered_count;
    size_t start_count;
    int64_t start_ms; /* the last one */
    size_t finding_count;
    size_t import_count; /* calls */
    size_t session_count;
    struct loop_fault fault;
    size_t fault_calls;
    size_t fault_hits;
    size_t publish_hits;                  /* of them on a message */
    void (*meanwhile)(struct loop *loop); /* runs once, before the call below is carried out */
    const char *meanwhile_match;          /* NULL: any call */
    size_t meanwhile_nth;                 /* of the calls that match, from 1 */
    struct buf log_text;
};

/* Everything on. */
#define LOOP_ALL                                                                                   \
    "ENFORCEMENT", "enforce", "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC,              \
        "CONFIG_RULE_NAME", LOOP_RULE, "ELB_REQUESTS_PER_SECOND", "off"

/* ---- services ---- */

static inline str loop_form_value(struct loop *loop, str body, const char *name) {
    return region_decode(loop->region, region_param(loop->region, body, name));
}

static inline struct fake_answer loop_text(const char *body) {
    return (struct fake_answer){.http_status = 200, .body = str_from_cstr(body)};
}

static inline struct fake_answer loop_publish(struct loop *loop, str body) {
    assert_true(loop->message_count < LOOP_MESSAGES_MAX);
    assert_str(loop_form_value(loop, body, "TopicArn"), LOOP_TOPIC);
    loop->messages[loop->message_count++] = (struct loop_message){
        loop_form_value(loop, body, "Subject"), loop_form_value(loop, body, "Message")};
    return loop_text("<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult>"
                     "</PublishResponse>");
}

static inline struct fake_answer loop_modify(struct loop *loop, str body) {
    str form = region_decode(loop->region, body);
    struct region_member *member =
        region_find(loop->region, region_param(loop->region, form, "LoadBalancerArn"));
    str key = region_param(loop->region, form, "Attributes.member.1.Key");
    str value = region_param(loop->region, form, "Attributes.member.1.Value");
    assert_str(key, ATTRIBUTE_DESYNC_MODE);
    assert_true(str_is_empty(region_param(loop->region, form, "Attributes.member.2.Key")));
    if (member == NULL) {
        return region_refuse(GONE);
    }
    enum desync_mode mode = mode_parse(value);
    loop->modify_count++;
    loop->lowered_count += mode < mode_parse(str_from_cstr(member->mode)) ? 1 : 0;
    member->mode = mode_name(mode);
    str text = str_format(&loop->fake.arena,
                          "<ModifyLoadBalancerAttributesResponse>"
                          "<ModifyLoadBalancerAttributesResult><Attributes>" MODE(
                              "%s") "</Attributes></ModifyLoadBalancerAttributesResult>"
                                    "</ModifyLoadBalancerAttributesResponse>",
                          member->mode);
    return (struct fake_answer){.http_status = 200, .body = text};
}

static inline struct fake_answer loop_start(struct loop *loop) {
    if (loop->start_count > 0 && loop->fake.now_ms - loop->start_ms < 60000) {
        return (struct fake_answer){
            .http_status = 400,
            .body = STR("{\"__type\":\"LimitExceededException\",\"message\":\"wait\"}")};
    }
    loop->start_count++;
    loop->start_ms = loop->fake.now_ms;
    return loop_text("{}");
}

static inline struct fake_answer loop_sts(struct loop *loop, str body) {
    if (str_contains(body, STR("Action=GetCallerIdentity"))) {
        return loop_text("<GetCallerIdentityResponse><GetCallerIdentityResult><Account>"
                         "111122223333</Account></GetCallerIdentityResult>"
                         "</GetCallerIdentityResponse>");
    }
    str expires = time_format_iso8601(&loop->fake.arena, loop->fake.now_ms + 900000);
    str text = str_format(&loop->fake.arena,
                          "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>"
                          "ASIAMEMBER%010zu</AccessKeyId><SecretAccessKey>other</SecretAccessKey>"
                          "<SessionToken>token</SessionToken><Expiration>%" STR_FMT
                          "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
                          ++loop->session_count, STR_ARG(expires));
    return (struct fake_answer){.http_status = 200, .body = text};
}

static inline struct fake_answer loop_import(struct loop *loop, str body) {
    const struct json *root = NULL;
    assert_int_equal(json_parse(&loop->fake.arena, body, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    size_t count = json_count(json_get(root, "Findings"));
    loop->finding_count += count;
    loop->import_count++;
    str text = str_format(&loop->fake.arena,
                          "{\"FailedCount\":0,\"SuccessCount\":%zu,\"FailedFindings\":[]}", count);
    return (struct fake_answer){.http_status = 200, .body = text};
}

/* One by its ARN. */
static inline struct fake_answer loop_describe(struct loop *loop, str body) {
    str form = region_decode(loop->region, body);
    const struct region_member *member =
        region_find(loop->region, region_param(loop->region, form, "LoadBalancerArns.member.1"));
    if (member == NULL) {
        return region_refuse(GONE);
    }
    str text = str_format(&loop->fake.arena,
                          "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult>"
                          "<LoadBalancers><member><LoadBalancerArn>%" STR_FMT
                          "</LoadBalancerArn><LoadBalancerName>one</LoadBalancerName><Scheme>%s"
                          "</Scheme><Type>%s</Type></member></LoadBalancers>"
                          "</DescribeLoadBalancersResult></DescribeLoadBalancersResponse>",
                          STR_ARG(member->arn),
                          member->scheme != NULL ? member->scheme
                          : member->is_exposed   ? "internet-facing"
                                                 : "internal",
                          member->type);
    return (struct fake_answer){.http_status = 200, .body = text};
}

static inline struct fake_answer loop_serve(struct loop *loop, const struct http_request *request) {
    if (table_is_asked(request)) {
        return table_respond(loop->table, request);
    }
    if (str_contains(request->body, STR(ASKS_PUBLISH))) {
        return loop_publish(loop, request->body);
    }
    if (str_contains(request->body, STR(ASKS_MODIFY))) {
        return loop_modify(loop, request->body);
    }
    if (str_contains(request->url, STR("//sts."))) {
        return loop_sts(loop, request->body);
    }
    if (str_contains(request->url, STR("//securityhub."))) {
        return loop_import(loop, request->body);
    }
    if (str_contains(request->body, STR("Action=DescribeLoadBalancers&")) &&
        str_contains(request->body, STR("LoadBalancerArns"))) {
        return loop_describe(loop, request->body);
    }
    if (fake_matches(&loop->fake, request, ASKS_START)) {
        return loop_start(loop);
    }
    return region_respond(loop->region, request);
}

static inline bool loop_is_at_fault(struct loop *loop, const struct http_request *request) {
    const struct loop_fault *fault = &loop->fault;
    if (fault->nth == 0 || !fake_matches(&loop->fake, request, fault->match)) {
        return false;
    }
    loop->fault_calls++;
    bool is_hit =
        fault->is_lasting ? loop->fault_calls >= fault->nth : loop->fault_calls == fault->nth;
    loop->fault_hits += is_hit ? 1 : 0;
    loop->publish_hits += is_hit && str_contains(request->body, STR(ASKS_PUBLISH)) ? 1 : 0;
    return is_hit;
}

static inline void loop_meanwhile(struct loop *loop, const struct http_request *request) {
    void (*meanwhile)(struct loop *) = loop->meanwhile;
    if (meanwhile != NULL && fake_matches(&loop->fake, request, loop->meanwhile_match) &&
        --loop->meanwhile_nth == 0) {
        loop->meanwhile = NULL;
        meanwhile(loop);
    }
}

static inline struct fake_answer loop_respond(void *context, const struct http_request *request) {
    struct loop *loop = context;
    loop_meanwhile(loop, request);
    struct fake_answer answer = {.http_status = 0};
    bool is_at_fault = loop_is_at_fault(loop, request);
    if (!is_at_fault || loop->fault.is_after) {
        answer = loop_serve(loop, request);
    }
    answer = is_at_fault ? loop->fault.answer : answer;
    answer.took_ms = answer.took_ms == 0 ? 20 : answer.took_ms;
    return answer;
}

/* ---- the program ---- */

static inline str loop_variable(const struct env *env, const char *name) {
    const struct loop *loop = env->context;
    static const char *const USUAL[] = {"AWS_REGION",
                                        "eu-west-1",
                                        "AWS_ACCESS_KEY_ID",
                                        FIXTURE_KEY_ID,
                                        "AWS_SECRET_ACCESS_KEY",
                                        FIXTURE_SECRET,
                                        "PROMOTION",
                                        "off",
                                        NULL};
    const char *const *const lists[] = {loop->variables, USUAL};
    for (size_t i = 0; i < 2; i++) {
        for (const char *const *pair = lists[i]; *pair != NULL; pair += 2) {
            if (strcmp(pair[0], name) == 0) {
                return str_from_cstr(pair[1]);
            }
        }
    }
    return STR_EMPTY;
}

static inline void loop_log(void *context, str line) {
    buf_append(&((struct loop *)context)->log_text, line);
}

static inline void loop_start_copy(struct loop *loop, struct loop_copy *copy) {
    *copy = (struct loop_copy){.loop = loop};
    copy->log = (struct log){
        .clock = &loop->fake.clock, .level_min = LOG_INFO, .write = loop_log, .context = loop};
    copy->guard = (struct guard){.env = &loop->env, .clock = &loop->fake.clock, .log = &copy->log};
    struct error error = {0};
    if (guard_settings_parse(&loop->env, &copy->process, &copy->guard.settings, &error) !=
            STATUS_OK ||
        app_connect(&copy->guard, &loop->fake.transport, &copy->process, &error) != STATUS_OK) {
        fail_msg("%.*s", STR_ARG(error.message));
    }
    copy->guard.home.random_state ^= (uint64_t)(copy - loop->copies) << 8; /* tokens of their own */
}

/* `count` load balancers of the three modes in turn: defensive, monitor, strictest. */
static inline void loop_begin(struct loop *loop, const char *const *variables, size_t count) {
    *loop = (struct loop){.variables = variables};
    loop->env = (struct env){.get = loop_variable, .context = loop};
    fake_init(&loop->fake);
    loop->region = region_begin(&loop->fake);
    region_add_many(loop->region, count);
    loop->table = table_begin(&loop->fake);
    loop->fake.respond = loop_respond;
    loop->fake.respond_context = loop;
    buf_init(&loop->log_text, &loop->fake.arena, 1 << 24);
    loop_start_copy(loop, &loop->copies[0]);
    loop_start_copy(loop, &loop->copies[1]);
}

static inline void loop_end(struct loop *loop) {
    for (size_t i = 0; i < LOOP_COPIES; i++) {
        arena_clean_up(&loop->copies[i].guard.session.arena);
        arena_clean_up(&loop->copies[i].process);
        arena_clean_up(&loop->copies[i].arena);
    }
    fake_clean_up(&loop->fake);
}

static inline void loop_handle(struct loop_copy *copy, str event, const char *request_id) {
    copy->log.request_id = str_from_cstr(request_id);
    app_handle(&copy->guard, event, copy->loop->fake.now_ms + LOOP_TIME_MS, &copy->arena,
               &copy->reply);
}

/* As Lambda does: up to three times, a minute between them, under the same id. */
static inline void loop_deliver(struct loop_copy *copy, str event, const char *request_id) {
    for (int attempt = 0; attempt < 3; attempt++) {
        loop_handle(copy, event, request_id);
        if (!copy->reply.is_error) {
            return;
        }
        copy->loop->fake.now_ms += 60000;
    }
}

/* ---- events ---- */

struct loop_call {
    const char *name; /* NULL: ModifyLoadBalancerAttributes */
    const char *id;
    const char *user_agent; /* NULL: "Terraform/1.9" */
    const char *writer;     /* NULL: LOOP_WRITER */
    const char *mode;       /* what Modify sets; NULL: "monitor"; "": another attribute */
    int64_t event_ms;       /* 0: a minute and a half ago */
};

static inline str loop_event_of(struct loop *loop, const struct loop_call *call, str members) {
    struct arena *arena = &loop->fake.arena;
    int64_t event_ms = call->event_ms == 0 ? loop->fake.now_ms - 90000 : call->event_ms;
    str time = time_format_iso8601(arena, event_ms);
    return str_format(
        arena,
        "{\"detail-type\":\"AWS API Call via CloudTrail\",\"account\":\"111122223333\","
        "\"region\":\"eu-west-1\",\"detail\":{\"eventSource\":"
        "\"elasticloadbalancing.amazonaws.com\",\"apiVersion\":\"2015-12-01\",\"eventName\":\"%s\","
        "\"eventID\":\"%s\",\"eventTime\":\"%" STR_FMT
        "\",\"userAgent\":\"%s\",\"userIdentity\":{\"arn\":\"%s\"},%" STR_FMT "}}",
        call->name == NULL ? "ModifyLoadBalancerAttributes" : call->name, call->id, STR_ARG(time),
        call->user_agent == NULL ? "Terraform/1.9" : call->user_agent,
        call->writer == NULL ? LOOP_WRITER : call->writer, STR_ARG(members));
}

static inline str loop_attributes(struct loop *loop, const struct loop_call *call) {
    if (call->mode != NULL && call->mode[0] == '\0') {
        return STR("{\"key\":\"idle_timeout.timeout_seconds\",\"value\":\"30\"}");
    }
    return str_format(&loop->fake.arena, "{\"key\":\"" ATTRIBUTE_DESYNC_MODE "\",\"value\":\"%s\"}",
                      call->mode == NULL ? "monitor" : call->mode);
}

/* Of one load balancer, named where each call has it. */
static inline str loop_event(struct loop *loop, const struct loop_call *call, str arn) {
    str attributes = loop_attributes(loop, call);
    return loop_event_of(loop, call,
                         str_format(&loop->fake.arena,
                                    "\"requestParameters\":{\"loadBalancerArn\":\"%" STR_FMT
                                    "\",\"attributes\":[%" STR_FMT "],\"resourceArns\":[\"%" STR_FMT
                                    "\"]},\"responseElements\":{"
                                    "\"loadBalancers\":[{\"loadBalancerArn\":\"%" STR_FMT "\"}]}",
                                    STR_ARG(arn), STR_ARG(attributes), STR_ARG(arn), STR_ARG(arn)));
}

/* ---- what came of it ---- */

static inline void loop_succeeded(const struct loop_copy *copy) {
    if (copy->reply.is_error) {
        fail_msg("%.*s: %.*s", STR_ARG(copy->reply.error_type), STR_ARG(copy->reply.error_message));
    }
}

static inline bool loop_says(const struct loop_copy *copy, const char *text) {
    return str_contains(copy->reply.body, str_from_cstr(text));
}

static inline size_t loop_logged(const struct loop *loop, const char *text) {
    size_t count = 0;
    for (str rest = buf_str(&loop->log_text); rest.ptr != NULL;) {
        count += str_contains(str_split(&rest, '\n'), str_from_cstr(text)) ? 1 : 0;
    }
    return count;
}

/* How many messages have this in their subject. */
static inline size_t loop_alert_count(const struct loop *loop, const char *text) {
    size_t count = 0;
    for (size_t i = 0; i < loop->message_count; i++) {
        count += str_contains(loop->messages[i].subject, str_from_cstr(text)) ? 1 : 0;
    }
    return count;
}

static inline size_t loop_open_incidents(const struct loop *loop) {
    size_t count = 0;
    for (size_t i = 0; i < loop->table->count; i++) {
        const struct table_item *item = &loop->table->items[i];
        count += str_starts_with(table_text(item, "sk"), STR("INCIDENT#")) &&
                         str_is_empty(table_text(item, "closedAt"))
                     ? 1
                     : 0;
    }
    return count;
}

#endif
