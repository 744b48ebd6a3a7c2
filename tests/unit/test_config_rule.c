/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/app/app_internal.h"
#include "fake_transport.h"
#include "unit.h"

#define ARN_OF(kind)                                                                               \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/" kind                       \
    "/shop/0123456789abcdef"
#define ALB_ARN ARN_OF("app")

#define OWNER_TAG ",\"tags\":{\"Owner\":\"shop\"}"
#define MODE(mode)                                                                                 \
    ",\"supplementaryConfiguration\":{\"LoadBalancerAttributes\":[{\"key\":\"routing.http.desync_" \
    "mitigation_mode\",\"value\":\"" mode "\"}]}"
#define CAPTURED(time) ",\"configurationItemCaptureTime\":\"" time "\""
#define FRESH          CAPTURED("2026-11-23T07:59:50Z")

#define XML_ATTRIBUTES(mode)                                                                       \
    "<DescribeLoadBalancerAttributesResponse><DescribeLoadBalancerAttributesResult><Attributes>"   \
    "<member><Key>routing.http.desync_mitigation_mode</Key><Value>" mode                           \
    "</Value></member></Attributes></DescribeLoadBalancerAttributesResult>"                        \
    "</DescribeLoadBalancerAttributesResponse>"
#define XML_TAGS                                                                                   \
    "<DescribeTagsResponse><DescribeTagsResult><TagDescriptions><member><ResourceArn>" ALB_ARN     \
    "</ResourceArn><Tags><member><Key>Owner</Key><Value>live-owner</Value></member></Tags>"        \
    "</member></TagDescriptions></DescribeTagsResult></DescribeTagsResponse>"
#define XML_GONE                                                                                   \
    "<ErrorResponse><Error><Type>Sender</Type><Code>LoadBalancerNotFound</Code>"                   \
    "<Message>One or more load balancers not found</Message></Error></ErrorResponse>"

struct bench {
    struct fake_transport fake;
    struct arena arena;
    struct log log;
    struct guard guard;
};

static str variable(const struct env *env, const char *name) {
    static const struct {
        const char *name;
        str value;
    } VARIABLES[] = {
        {"AWS_REGION", {"eu-west-1", 9}},
        {"AWS_ACCESS_KEY_ID", {"AKIDEXAMPLE", 11}},
        {"AWS_SECRET_ACCESS_KEY", {"secret", 6}},
    };
    (void)env;
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
        if (strcmp(VARIABLES[i].name, name) == 0) {
            return VARIABLES[i].value;
        }
    }
    return STR_EMPTY;
}
static const struct env ENVIRONMENT = {.get = variable};

static void swallow(void *context, str line) {
    (void)context;
    (void)line;
}

#define FUNCTION_ARN "arn:aws:lambda:eu-west-1:123456789012:function:desync-guard"

static void bench_init(struct bench *bench) {
    fake_init(&bench->fake);
    bench->arena = (struct arena){0};
    bench->log = (struct log){.clock = &bench->fake.clock, .write = swallow};
    bench->guard = (struct guard){.env = &ENVIRONMENT,
                                  .clock = &bench->fake.clock,
                                  .log = &bench->log,
                                  .function_arn = STR(FUNCTION_ARN)};
    struct error error = {0};
    assert_int_equal(
        guard_settings_parse(&ENVIRONMENT, &bench->arena, &bench->guard.settings, &error),
        STATUS_OK);
    assert_int_equal(app_connect(&bench->guard, &bench->fake.transport, &bench->arena, &error),
                     STATUS_OK);
}

static void bench_clean_up(struct bench *bench) {
    arena_clean_up(&bench->arena);
    fake_clean_up(&bench->fake);
}

/* The answers every well-behaved AWS would give; `mode` for a live read. */
static void answer_well(struct bench *bench, str attributes) {
    const struct fake_answer answers[] = {
        {.match = "StarlingDoveService.PutEvaluations",
         .times = FAKE_FOREVER,
         .http_status = 200,
         .body = STR("{\"FailedEvaluations\":[]}")},
        {.match = "Action=DescribeLoadBalancerAttributes",
         .times = FAKE_FOREVER,
         .http_status = 200,
         .body = attributes},
        {.match = "Action=DescribeTags",
         .times = FAKE_FOREVER,
         .http_status = 200,
         .body = STR(XML_TAGS)},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        fake_answer(&bench->fake, answers[i]);
    }
}

static str rule_event(struct bench *bench, const char *arn, const char *item, const char *rest) {
    str invoking = str_format(&bench->arena,
                              "{\"messageType\":\"ConfigurationItemChangeNotification\","
                              "\"configurationItem\":{\"resourceType\":\"%s\",\"resourceId\":\"%s\""
                              "%s}}",
                              LOAD_BALANCER_RESOURCE_TYPE, arn, item);
    struct buf event;
    buf_init(&event, &bench->arena, 1 << 16);
    buf_append(&event, STR("{\"invokingEvent\":"));
    json_append_quoted(&event, invoking);
    buf_printf(&event, ",\"resultToken\":\"token\"%s}", rest);
    return buf_str(&event);
}

static struct app_reply handle(struct bench *bench, str event) {
    struct app_reply reply;
    app_handle(&bench->guard, event, INT64_MAX, &bench->arena, &reply);
    return reply;
}

struct verdict_case {
    const char *name;
    const char *arn;
    const char *item;
    const char *rest;
    size_t calls;         /* AWS calls in all */
    const char *reported; /* ComplianceType sent to Config; NULL: nothing was sent */
    const char *reply;    /* part of the response body or of the error type */
};

static const struct verdict_case VERDICTS[] = {
    {"compliant from the item", ALB_ARN,
     OWNER_TAG FRESH MODE("defensive") ",\"configurationItemStatus\":\"OK\"", "", 1, "COMPLIANT",
     "\"source\":\"event\""},
    {"non-compliant from the item", ALB_ARN,
     OWNER_TAG FRESH MODE("monitor") ",\"configurationItemStatus\":\"OK\"", "", 1, "NON_COMPLIANT",
     "MODE_TOO_WEAK"},
    {"mode missing is read live", ALB_ARN, OWNER_TAG FRESH ",\"configurationItemStatus\":\"OK\"",
     "", 2, "COMPLIANT", "\"owner\":\"shop\""},
    {"tags missing are read live", ALB_ARN,
     FRESH MODE("defensive") ",\"configurationItemStatus\":\"OK\"", "", 2, "COMPLIANT",
     "\"owner\":\"live-owner\""},
    {"an old item is read live", ALB_ARN,
     OWNER_TAG CAPTURED("2026-11-23T07:44:00Z")
         MODE("monitor") ",\"configurationItemStatus\":\"OK\"",
     "", 3, "COMPLIANT", "\"source\":\"live\""},
    {"15 minutes are not yet old", ALB_ARN,
     OWNER_TAG CAPTURED("2026-11-23T07:45:00Z")
         MODE("monitor") ",\"configurationItemStatus\":\"OK\"",
     "", 1, "NON_COMPLIANT", "\"source\":\"event\""},
    {"deleted, in spite of bad parameters", ALB_ARN,
     ",\"configurationItemStatus\":\"ResourceDeleted\"",
     ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"lax\\\"}\"", 1, "NOT_APPLICABLE",
     "NOT_APPLICABLE"},
    {"left scope", ALB_ARN, FRESH ",\"configurationItemStatus\":\"OK\"", ",\"eventLeftScope\":true",
     1, "NOT_APPLICABLE", "scope"},
    {"a network load balancer", ARN_OF("net"), FRESH ",\"configurationItemStatus\":\"OK\"", "", 1,
     "NOT_APPLICABLE", "network"},
    {"a status we do not know", ALB_ARN,
     OWNER_TAG FRESH MODE("strictest") ",\"configurationItemStatus\":\"Odd\"", "", 0, NULL,
     "Function.VerdictUnknown"},
    {"a bad parameter, before any call", ALB_ARN, FRESH ",\"configurationItemStatus\":\"OK\"",
     ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"lax\\\"}\"", 0, NULL,
     "Function.InvalidParameter"},
    {"proactive reads nothing live", ALB_ARN,
     OWNER_TAG FRESH MODE("defensive") ",\"configurationItemStatus\":\"OK\"",
     ",\"evaluationMode\":\"PROACTIVE\"", 1, "COMPLIANT", "\"source\":\"event\""},
    {"proactive without the mode is unknown", ALB_ARN,
     OWNER_TAG FRESH ",\"configurationItemStatus\":\"OK\"", ",\"evaluationMode\":\"PROACTIVE\"", 0,
     NULL, "Function.VerdictUnknown"},
};

static void each_item_costs_its_calls_and_gets_its_verdict(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof VERDICTS / sizeof *VERDICTS; i++) {
        const struct verdict_case *row = &VERDICTS[i];
        print_message("%s\n", row->name);
        struct bench bench;
        bench_init(&bench);
        answer_well(&bench, STR(XML_ATTRIBUTES("defensive")));
        struct app_reply reply = handle(&bench, rule_event(&bench, row->arn, row->item, row->rest));
        assert_int_equal(bench.fake.request_count, row->calls);
        assert_int_equal(fake_requests_with(&bench.fake, "PutEvaluations"), row->reported != NULL);
        if (row->reported != NULL) {
            str sent = str_format(&bench.arena, "\"ComplianceType\":\"%s\"", row->reported);
            assert_int_equal(fake_requests_with(&bench.fake, sent.ptr), 1);
        }
        str said = reply.is_error ? reply.error_type : reply.body;
        if (!str_contains(said, str_from_cstr(row->reply))) {
            fail_msg("%s: %" STR_FMT, row->name, STR_ARG(said));
        }
        assert_int_equal(reply.is_error, row->reported == NULL);
        bench_clean_up(&bench);
    }
}

static void load_balancer_deleted_before_the_read_is_not_applicable(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench);
    fake_answer(&bench.fake, (struct fake_answer){.match = "Action=Describe",
                                                  .times = FAKE_FOREVER,
                                                  .http_status = 400,
                                                  .body = STR(XML_GONE)});
    answer_well(&bench, STR(""));
    const char *item = FRESH ",\"configurationItemStatus\":\"OK\"";
    struct app_reply reply = handle(&bench, rule_event(&bench, ALB_ARN, item, ""));
    assert_false(reply.is_error);
    assert_int_equal(fake_requests_with(&bench.fake, "\"ComplianceType\":\"NOT_APPLICABLE\""), 1);
    bench_clean_up(&bench);
}

struct fault {
    const char *name;
    struct fake_answer answer;
};

static const struct fault FAULTS[] = {
    {"refused", {.status = STATUS_CONNECTION}},
    {"timeout", {.status = STATUS_TIMEOUT, .took_ms = 5000}},
    {"500", {.http_status = 500, .body = {"<html>", 6}}},
    {"throttled", {.http_status = 400, .body = {"{\"__type\":\"ThrottlingException\"}", 32}}},
    {"empty 200", {.http_status = 200}},
    {"garbage 200", {.http_status = 200, .body = {"\x01\x02{", 3}}},
    {"denied", {.http_status = 403, .body = {"{\"__type\":\"AccessDeniedException\"}", 34}}},
};

/* A fault that never ends: nothing is reported that was not found out, and no fault passes as
 * success. */
static void permanent_fault_fails_the_invocation(void **state) {
    (void)state;
    static const char *const CALLS[] = {"Action=DescribeLoadBalancerAttributes", "PutEvaluations"};
    for (size_t call = 0; call < 2; call++) {
        for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
            print_message("%s: %s\n", CALLS[call], FAULTS[i].name);
            struct bench bench;
            bench_init(&bench);
            struct fake_answer answer = FAULTS[i].answer;
            answer.match = CALLS[call];
            answer.times = FAKE_FOREVER;
            fake_answer(&bench.fake, answer);
            answer_well(&bench, STR(XML_ATTRIBUTES("monitor")));
            const char *item = OWNER_TAG FRESH ",\"configurationItemStatus\":\"OK\"";
            struct app_reply reply = handle(&bench, rule_event(&bench, ALB_ARN, item, ""));
            assert_true(reply.is_error);
            assert_str(reply.error_type,
                       call == 0 ? "Function.VerdictUnknown" : "Function.ReportFailed");
            assert_int_equal(fake_requests_with(&bench.fake, "PutEvaluations") > 0, call == 1);
            assert_false(str_contains(reply.error_message, STR("secret")));
            bench_clean_up(&bench);
        }
    }
}

/* The same fault once: the call is repeated and the verdict arrives. */
static void transient_fault_costs_a_retry_and_no_verdict(void **state) {
    (void)state;
    for (size_t i = 0; i + 1 < sizeof FAULTS / sizeof *FAULTS; i++) {
        print_message("%s\n", FAULTS[i].name);
        struct bench bench;
        bench_init(&bench);
        fake_answer(&bench.fake, FAULTS[i].answer);
        answer_well(&bench, STR(XML_ATTRIBUTES("monitor")));
        const char *item = OWNER_TAG FRESH MODE("monitor") ",\"configurationItemStatus\":\"OK\"";
        struct app_reply reply = handle(&bench, rule_event(&bench, ALB_ARN, item, ""));
        assert_false(reply.is_error);
        assert_int_equal(bench.fake.request_count, 2);
        bench_clean_up(&bench);
    }
}

static void an_event_without_a_token_is_refused_before_any_call(void **state) {
    (void)state;
    struct bench bench;
    bench_init(&bench);
    str event = rule_event(&bench, ALB_ARN, OWNER_TAG FRESH MODE("defensive"), "");
    size_t token = event.len - strlen(",\"resultToken\":\"token\"}");
    struct app_reply reply =
        handle(&bench, str_format(&bench.arena, "%.*s}", (int)token, event.ptr));
    assert_str(reply.error_type, "Function.InvalidEvent");
    assert_true(str_contains(reply.error_message, STR("resultToken is missing")));
    assert_int_equal(bench.fake.request_count, 0);
    bench_clean_up(&bench);
}

struct time_case {
    const char *name;
    const char *captured;
    const char *sent; /* OrderingTimestamp */
};

/* 1795420800 is now. */
static void an_impossible_time_is_read_live_and_never_outranks_now(void **state) {
    (void)state;
    static const struct time_case CASES[] = {
        {"years ahead", CAPTURED("9999-12-31T00:00:00Z"), "\"OrderingTimestamp\":1795420800"},
        {"no time at all", CAPTURED("yesterday"), "\"OrderingTimestamp\":1795420800"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        print_message("%s\n", CASES[i].name);
        struct bench bench;
        bench_init(&bench);
        answer_well(&bench, STR(XML_ATTRIBUTES("defensive")));
        str item = str_format(&bench.arena, "%s%s,\"configurationItemStatus\":\"OK\"",
                              CASES[i].captured, OWNER_TAG MODE("monitor"));
        struct app_reply reply = handle(&bench, rule_event(&bench, ALB_ARN, item.ptr, ""));
        assert_false(reply.is_error);
        assert_true(str_contains(reply.body, STR("\"source\":\"live\"")));
        assert_int_equal(fake_requests_with(&bench.fake, CASES[i].sent), 1);
        bench_clean_up(&bench);
    }
}

/* "Not found" of the wrong Region would be reported as "deleted". */
static void a_load_balancer_out_of_reach_is_unknown_without_a_call(void **state) {
    (void)state;
    static const char *const ARNS[] = {
        "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/"
        "0123456789abcdef",
        "arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/shop/"
        "0123456789abcdef",
    };
    for (size_t i = 0; i < sizeof ARNS / sizeof *ARNS; i++) {
        struct bench bench;
        bench_init(&bench);
        const char *item = FRESH ",\"configurationItemStatus\":\"OK\"";
        const char *rest = ",\"accountId\":\"123456789012\",\"configRuleArn\":\"arn:aws:config:eu-"
                           "west-1:123456789012:config-rule/config-rule-a\"";
        struct app_reply reply = handle(&bench, rule_event(&bench, ARNS[i], item, rest));
        assert_str(reply.error_type, "Function.VerdictUnknown");
        assert_int_equal(bench.fake.request_count, 0);
        bench_clean_up(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_costs_its_calls_and_gets_its_verdict),
        cmocka_unit_test(load_balancer_deleted_before_the_read_is_not_applicable),
        cmocka_unit_test(permanent_fault_fails_the_invocation),
        cmocka_unit_test(an_event_without_a_token_is_refused_before_any_call),
        cmocka_unit_test(an_impossible_time_is_read_live_and_never_outranks_now),
        cmocka_unit_test(a_load_balancer_out_of_reach_is_unknown_without_a_call),
        cmocka_unit_test(transient_fault_costs_a_retry_and_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
