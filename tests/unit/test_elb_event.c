/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/event/event_internal.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PLACE "arn:aws:elasticloadbalancing:eu-west-1:111122223333:"
#define APP   PLACE "loadbalancer/app/shop/50dc6c495c0c9188"
#define APP_2 PLACE "loadbalancer/app/till/60dc6c495c0c9188"
#define NET   PLACE "loadbalancer/net/shop/50dc6c495c0c9188"
#define GWY   PLACE "loadbalancer/gwy/shop/50dc6c495c0c9188"
#define GROUP PLACE "targetgroup/shop/50dc6c495c0c9188"

#define ENVELOPE(detail)                                                                           \
    "{\"detail-type\":\"AWS API Call via CloudTrail\",\"account\":\"111122223333\","               \
    "\"region\":\"eu-west-1\",\"detail\":{" detail "}}"
#define SOURCE "\"eventSource\":\"elasticloadbalancing.amazonaws.com\""
#define V2     ",\"apiVersion\":\"2015-12-01\""
#define CALL(name, rest)                                                                           \
    ENVELOPE(SOURCE ",\"eventName\":\"" name                                                       \
                    "\",\"eventID\":\"e-1\",\"eventTime\":\"2026-11-23T07:59:00Z\","               \
                    "\"awsRegion\":\"eu-west-1\",\"recipientAccountId\":\"111122223333\"" rest)
#define REQUEST(members)  ",\"requestParameters\":{" members "}"
#define RESPONSE(members) ",\"responseElements\":{" members "}"
#define OF(arn)           REQUEST("\"loadBalancerArn\":\"" arn "\"")
#define CREATED(arns)     RESPONSE("\"loadBalancers\":[" arns "]")
#define ONE(arn)          "{\"loadBalancerArn\":\"" arn "\"}"
/* What the console sends on any edit. */
#define ALL_ATTRIBUTES                                                                             \
    ",\"attributes\":[{\"key\":\"idle_timeout.timeout_seconds\",\"value\":\"61\"},"                \
    "{\"key\":\"routing.http.desync_mitigation_mode\",\"value\":\"defensive\"},"                   \
    "{\"key\":\"routing.http2.enabled\",\"value\":\"true\"}]"

static struct arena arena;

static int clean_up(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

static enum status decode(const char *text, struct elb_call *call, struct error *error) {
    const struct json *event = NULL;
    *call = (struct elb_call){.kind = ELB_CREATE};
    *error = (struct error){0};
    assert_int_equal(json_parse(&arena, str_from_cstr(text), &JSON_LIMITS_DEFAULT, &event, NULL),
                     STATUS_OK);
    assert_true(is_cloudtrail_call(event));
    return read_cloudtrail_call(&(struct reader){&arena, error}, event, call);
}

static const struct {
    const char *name;
    const char *event;
    enum elb_call_kind kind;
    const char *arns[3];
} TAKEN[] = {
    {"created", CALL("CreateLoadBalancer", V2 CREATED(ONE(APP))), ELB_CREATE, {APP}},
    {"created, the request names another thing",
     CALL("CreateLoadBalancer", V2 OF(APP_2) CREATED(ONE(APP))),
     ELB_CREATE,
     {APP}},
    {"created without a version",
     CALL("CreateLoadBalancer", REQUEST("\"name\":\"shop\"") CREATED(ONE(APP))),
     ELB_CREATE,
     {APP}},
    {"modified", CALL("ModifyLoadBalancerAttributes", V2 OF(APP)), ELB_MODIFY, {APP}},
    {"modified without a version",
     CALL("ModifyLoadBalancerAttributes", OF(APP)),
     ELB_MODIFY,
     {APP}},
    {"edited in the console, all attributes",
     CALL("ModifyLoadBalancerAttributes",
          V2 REQUEST("\"loadBalancerArn\":\"" APP "\"" ALL_ATTRIBUTES)),
     ELB_MODIFY,
     {APP}},
    {"tagged, several with doubles and others among them",
     CALL("AddTags", V2 REQUEST("\"resourceArns\":[\"" GROUP "\",\"" APP "\",\"" NET "\",\"" APP_2
                                "\",\"" APP "\",\"" GWY "\",7,null]")),
     ELB_TAGS,
     {APP, APP_2}},
    {"untagged, null in the answer",
     CALL("RemoveTags", V2 REQUEST("\"resourceArns\":[\"" APP "\"]") ",\"responseElements\":null"),
     ELB_TAGS,
     {APP}},
    {"deleted", CALL("DeleteLoadBalancer", V2 OF(APP)), ELB_DELETE, {APP}},
    {"null as the error code",
     CALL("DeleteLoadBalancer", V2 OF(APP) ",\"errorCode\":null"),
     ELB_DELETE,
     {APP}},
};

static void calls_about_application_load_balancers_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(TAKEN); i++) {
        struct elb_call call;
        struct error error;
        bool is_good = decode(TAKEN[i].event, &call, &error) == STATUS_OK &&
                       str_is_empty(call.ignored_because) && call.kind == TAKEN[i].kind;
        size_t count = 0;
        for (; is_good && count < 3 && TAKEN[i].arns[count] != NULL; count++) {
            is_good = count < call.arn_count &&
                      str_eq(call.arns[count], str_from_cstr(TAKEN[i].arns[count]));
        }
        if (!is_good || call.arn_count != count) {
            fail_msg("%s: %zu ARNs, ignored because \"%.*s\", %.*s", TAKEN[i].name, call.arn_count,
                     STR_ARG(call.ignored_because), STR_ARG(error.message));
        }
        assert_str(call.event_id, "e-1");
        assert_str(call.account_id, "111122223333");
        assert_str(call.region, "eu-west-1");
        assert_int_equal(call.event_ms, INT64_C(1795420740000));
    }
}

#define ASKS(mode)                                                                                 \
    CALL("ModifyLoadBalancerAttributes",                                                           \
         V2 REQUEST("\"loadBalancerArn\":\"" APP "\",\"attributes\":[" mode "]"))
#define SETS(mode) "{\"key\":\"routing.http.desync_mitigation_mode\",\"value\":\"" mode "\"}"
#define IDLE       "{\"key\":\"idle_timeout.timeout_seconds\",\"value\":\"30\"}"

static const struct {
    const char *name;
    const char *event;
    enum desync_mode mode;
} ASKED[] = {
    {"the mode among others", ASKS(IDLE "," SETS("monitor")), MODE_MONITOR},
    {"a stronger mode", ASKS(SETS("strictest")), MODE_STRICTEST},
    {"another attribute", ASKS(IDLE), MODE_UNKNOWN},
    {"no attributes", ASKS(""), MODE_UNKNOWN},
    {"no mode we know", ASKS(SETS("relaxed")), MODE_UNKNOWN},
    {"no list", CALL("ModifyLoadBalancerAttributes", V2 OF(APP)), MODE_UNKNOWN},
    {"in the answer only",
     CALL("ModifyLoadBalancerAttributes",
          V2 OF(APP) ",\"responseElements\":{\"attributes\":[" SETS("monitor") "]}"),
     MODE_UNKNOWN},
    {"created", CALL("CreateLoadBalancer", V2 OF(APP) CREATED(ONE(APP))), MODE_UNKNOWN},
};

static void modify_reads_the_mode_that_the_call_names(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ASKED); i++) {
        struct elb_call call;
        struct error error;
        assert_int_equal(decode(ASKED[i].event, &call, &error), STATUS_OK);
        if (call.mode != ASKED[i].mode) {
            fail_msg("%s: %d", ASKED[i].name, (int)call.mode);
        }
    }
}

#define CLASSIC "it is about a Classic Load Balancer"
#define NO_ALB  "it names no Application Load Balancer of its account and Region"

static const struct {
    const char *name;
    const char *event;
    const char *because;
} LEFT[] = {
    {"subnets", CALL("SetSubnets", V2 OF(APP)), "SetSubnets changes neither mode nor tags"},
    {"a listener", CALL("CreateListener", V2 OF(APP)), "CreateListener changes neither"},
    {"no name at all", ENVELOPE(SOURCE ",\"eventName\":5"), " changes neither mode nor tags"},
    {"Classic by version",
     CALL("CreateLoadBalancer",
          ",\"apiVersion\":\"2012-06-01\"" REQUEST("\"loadBalancerName\":\"old\"")),
     CLASSIC},
    {"Classic by version, though it has an ARN",
     CALL("DeleteLoadBalancer", ",\"apiVersion\":\"2012-06-01\"" OF(APP)), CLASSIC},
    {"Classic by shape",
     CALL("ModifyLoadBalancerAttributes", REQUEST("\"loadBalancerName\":\"old\"")), CLASSIC},
    {"Classic tags by shape", CALL("AddTags", REQUEST("\"loadBalancerNames\":[\"old\"]")), CLASSIC},
    {"failed", CALL("ModifyLoadBalancerAttributes", V2 OF(APP) ",\"errorCode\":\"AccessDenied\""),
     "the call failed (AccessDenied)"},
    {"failed creation",
     CALL("CreateLoadBalancer", V2 ",\"responseElements\":null,\"errorCode\":\"Throttling\""),
     "the call failed (Throttling)"},
    {"created without an answer", CALL("CreateLoadBalancer", V2 OF(APP)), NO_ALB},
    {"created a network one", CALL("CreateLoadBalancer", V2 CREATED(ONE(NET))), NO_ALB},
    {"tagged a target group", CALL("AddTags", V2 REQUEST("\"resourceArns\":[\"" GROUP "\"]")),
     NO_ALB},
    {"tagged listener and rule",
     CALL("AddTags",
          V2 REQUEST("\"resourceArns\":[\"" PLACE "listener/app/shop/50dc6c495c0c9188/a1\",\"" PLACE
                     "listener-rule/app/shop/50dc6c495c0c9188/a1/b2\"]")),
     NO_ALB},
    {"tagged nothing", CALL("RemoveTags", V2 REQUEST("\"resourceArns\":[]")), NO_ALB},
    {"ARNs that are no list", CALL("AddTags", V2 REQUEST("\"resourceArns\":\"" APP "\"")), NO_ALB},
    {"a gateway one", CALL("DeleteLoadBalancer", V2 OF(GWY)), NO_ALB},
    {"an ARN that is none", CALL("DeleteLoadBalancer", V2 OF("shop")), NO_ALB},
    {"no request", CALL("DeleteLoadBalancer", V2), NO_ALB},
    {"a request that is no object", CALL("DeleteLoadBalancer", V2 ",\"requestParameters\":[1]"),
     NO_ALB},
    {"one of another account",
     CALL("DeleteLoadBalancer",
          V2 OF("arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/a/b1")),
     NO_ALB},
    {"one of another Region",
     CALL("DeleteLoadBalancer",
          V2 OF("arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/b1")),
     NO_ALB},
};

static void other_api_calls_are_ignored_with_a_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(LEFT); i++) {
        struct elb_call call;
        struct error error;
        enum status status = decode(LEFT[i].event, &call, &error);
        if (status != STATUS_OK || call.arn_count != 0 ||
            !str_contains(call.ignored_because, str_from_cstr(LEFT[i].because))) {
            fail_msg("%s: %s, %zu ARNs, because \"%.*s\"", LEFT[i].name, status_name(status),
                     call.arn_count, STR_ARG(call.ignored_because));
        }
    }
}

static const struct {
    const char *name;
    const char *event;
    const char *says;
} REFUSED_EVENTS[] = {
    {"another service", ENVELOPE("\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"AddTags\""),
     "a CloudTrail event of \"s3.amazonaws.com\"; accepted: elasticloadbalancing.amazonaws.com"},
    {"no detail", "{\"detail-type\":\"AWS API Call via CloudTrail\"}",
     "a CloudTrail event of \"\""},
    {"no time", ENVELOPE(SOURCE ",\"eventName\":\"DeleteLoadBalancer\"" V2 OF(APP)),
     "detail.eventTime \"\" is no ISO 8601 time"},
    {"a Region that is none",
     ENVELOPE(SOURCE ",\"eventName\":\"DeleteLoadBalancer\",\"awsRegion\":\"moon\"" V2 OF(APP)),
     "the region \"moon\", which is no AWS Region"},
};

static void malformed_event_is_an_error(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(REFUSED_EVENTS); i++) {
        struct elb_call call;
        struct error error;
        enum status status = decode(REFUSED_EVENTS[i].event, &call, &error);
        if (status != STATUS_INVALID ||
            !str_contains(error.message, str_from_cstr(REFUSED_EVENTS[i].says))) {
            fail_msg("%s: %s: %.*s", REFUSED_EVENTS[i].name, status_name(status),
                     STR_ARG(error.message));
        }
    }
}

static const struct {
    const char *name;
    const char *detail;
    const char *arn, *agent, *invoked_by;
} CALLERS[] = {
    {"a role",
     ",\"userAgent\":\"Terraform/1.9\",\"userIdentity\":{\"type\":\"AssumedRole\",\"arn\":"
     "\"arn:aws:sts::111122223333:assumed-role/ops/jane\",\"sessionContext\":{\"sessionIssuer\":{"
     "\"arn\":\"arn:aws:iam::111122223333:role/ops\"}}}",
     "arn:aws:iam::111122223333:role/ops", "Terraform/1.9", ""},
    {"a user",
     ",\"userAgent\":\"aws-cli/2\",\"userIdentity\":{\"type\":\"IAMUser\",\"arn\":"
     "\"arn:aws:iam::111122223333:user/jane\"}",
     "arn:aws:iam::111122223333:user/jane", "aws-cli/2", ""},
    {"a service on behalf of a role",
     ",\"userAgent\":\"cloudformation.amazonaws.com\",\"userIdentity\":{\"type\":\"AssumedRole\","
     "\"arn\":\"arn:aws:sts::111122223333:assumed-role/cfn/x\","
     "\"invokedBy\":\"cloudformation.amazonaws.com\"}",
     "arn:aws:sts::111122223333:assumed-role/cfn/x", "cloudformation.amazonaws.com",
     "cloudformation.amazonaws.com"},
    {"a service by itself",
     ",\"userIdentity\":{\"type\":\"AWSService\",\"invokedBy\":\"eks.amazonaws.com\"}", "", "",
     "eks.amazonaws.com"},
    {"nobody", ",\"userIdentity\":null", "", "", ""},
    {"junk", ",\"userIdentity\":{\"sessionContext\":7,\"arn\":[1]},\"userAgent\":{}", "", "", ""},
};

static void caller_is_the_role_or_user_behind_the_session(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(CALLERS); i++) {
        struct elb_call call;
        struct error error;
        str start = STR("{\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{" SOURCE
                        ",\"eventName\":\"DeleteLoadBalancer\",\"eventTime\":"
                        "\"2026-11-23T07:59:00Z\"" OF(APP));
        str event = str_format(&arena, "%" STR_FMT "%s}}", STR_ARG(start), CALLERS[i].detail);
        assert_int_equal(decode(str_to_cstr(&arena, event), &call, &error), STATUS_OK);
        if (!str_eq(call.caller.arn, str_from_cstr(CALLERS[i].arn)) ||
            !str_eq(call.caller.user_agent, str_from_cstr(CALLERS[i].agent)) ||
            !str_eq(call.caller.invoked_by, str_from_cstr(CALLERS[i].invoked_by))) {
            fail_msg("%s: %.*s", CALLERS[i].name, STR_ARG(call.caller.arn));
        }
    }
}

static void account_and_region_missing_from_the_record_come_from_the_envelope(void **state) {
    (void)state;
    struct elb_call call;
    struct error error;
    assert_int_equal(decode(ENVELOPE(SOURCE ",\"eventName\":\"DeleteLoadBalancer\",\"eventTime\":"
                                            "\"2026-11-23T07:59:00Z\"" OF(APP)),
                            &call, &error),
                     STATUS_OK);
    assert_str(call.region, "eu-west-1");
    assert_str(call.account_id, "111122223333");
    assert_str(call.event_id, "");
}

#define MANY 20000

static void duplicate_arns_are_kept_once(void **state) {
    (void)state;
    struct elb_call call;
    struct error error;
    struct buf event;
    buf_init(&event, &arena, (size_t)16 << 20);
    buf_append(&event, STR("{\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{" SOURCE
                           ",\"eventName\":\"AddTags\",\"eventTime\":\"2026-11-23T07:59:00Z\","
                           "\"requestParameters\":{\"resourceArns\":["));
    for (int i = 0; i < 2 * MANY; i++) { /* each twice: 7919 and MANY share no factor */
        buf_printf(&event, "%s\"" PLACE "loadbalancer/app/%d/50dc6c495c0c9188\"", i == 0 ? "" : ",",
                   (int)((int64_t)i * 7919 % MANY));
    }
    buf_append(&event, STR("]}}}"));
    assert_int_equal(decode(str_to_cstr(&arena, buf_str(&event)), &call, &error), STATUS_OK);
    assert_int_equal(call.arn_count, MANY);
    for (size_t i = 1; i < MANY; i++) {
        assert_true(str_compare(call.arns[i - 1], call.arns[i]) < 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modify_reads_the_mode_that_the_call_names),
        cmocka_unit_test(calls_about_application_load_balancers_are_taken),
        cmocka_unit_test(other_api_calls_are_ignored_with_a_reason),
        cmocka_unit_test(malformed_event_is_an_error),
        cmocka_unit_test(caller_is_the_role_or_user_behind_the_session),
        cmocka_unit_test(account_and_region_missing_from_the_record_come_from_the_envelope),
        cmocka_unit_test(duplicate_arns_are_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
