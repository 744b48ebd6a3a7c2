/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/event/event_internal.h"
#include "unit.h"

#define ALB_ARN                                                                                    \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
#define RULE_ARN "arn:aws:config:eu-west-1:123456789012:config-rule/config-rule-abc123"

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

/* An event around an invoking event given as JSON text; `rest` are more members, each with a
 * leading comma. */
static str event_around(const char *invoking, const char *rest) {
    struct buf buf;
    buf_init(&buf, &arena, 1 << 20);
    buf_append(&buf, STR("{\"invokingEvent\":"));
    json_append_quoted(&buf, str_from_cstr(invoking));
    buf_printf(&buf, "%s}", rest);
    return buf_str(&buf);
}

#define ITEM(members)                                                                              \
    "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"             \
    "\"resourceType\":\"AWS::ElasticLoadBalancingV2::LoadBalancer\",\"resourceId\":\"" ALB_ARN     \
    "\",\"configurationItemStatus\":\"OK\"" members "}}"
#define TOKEN ",\"resultToken\":\"token\""

static struct config_invocation decode_ok(str event) {
    struct invocation invocation;
    struct error error = {0};
    if (decode_event(event, &arena, &invocation, &error) != STATUS_OK) {
        fail_msg("not decoded: %" STR_FMT, STR_ARG(error.message));
    }
    return invocation.config;
}

static void an_item_of_the_rule_event_dialect_is_read(void **state) {
    (void)state;
    struct config_invocation config = decode_ok(event_around(
        ITEM(",\"configurationItemCaptureTime\":\"2026-11-23T08:00:00.500Z\",\"awsRegion\":\"eu-"
             "west-1\",\"configuration\":{\"type\":\"application\",\"scheme\":\"internal\"},"
             "\"supplementaryConfiguration\":{\"LoadBalancerAttributes\":[{\"key\":\"routing.http."
             "desync_mitigation_mode\",\"value\":\"strictest\"},{\"key\":\"routing.http.drop_"
             "invalid_header_fields.enabled\",\"value\":\"true\"}],\"Tags\":[{\"key\":\"Owner\","
             "\"value\":\"shop\"}]},\"tags\":{}"),
        TOKEN ",\"configRuleArn\":\"" RULE_ARN "\",\"eventLeftScope\":false"));
    const struct load_balancer *facts = &config.item.facts;
    assert_int_equal(facts->mode, MODE_STRICTEST);
    assert_int_equal(facts->drops_invalid_headers, YES);
    assert_int_equal(facts->type, TYPE_APPLICATION);
    assert_int_equal(facts->scheme, SCHEME_INTERNAL);
    assert_true(facts->has_tags);
    assert_int_equal(facts->tag_count, 1);
    assert_str(facts->tags[0].value, "shop");
    assert_str(facts->name, "shop");
    assert_str(config.region, "eu-west-1");
    assert_int_equal(config.item.capture_ms, INT64_C(1795420800500));
}

static void an_item_of_the_history_dialect_is_read_at_every_level(void **state) {
    (void)state;
    struct config_invocation config = decode_ok(event_around(
        ITEM(",\"configurationItemCaptureTime\":1795420800.5,"
             "\"configuration\":\"{\\\"type\\\":\\\"application\\\",\\\"scheme\\\":\\\"internet-"
             "facing\\\"}\",\"supplementaryConfiguration\":{\"LoadBalancerAttributes\":\"[{\\\"key"
             "\\\":\\\"routing.http.desync_mitigation_mode\\\",\\\"value\\\":\\\"monitor\\\"}]\","
             "\"Tags\":\"[{\\\"key\\\":\\\"Team\\\",\\\"value\\\":\\\"pay\\\"}]\"}"),
        TOKEN));
    assert_int_equal(config.item.facts.mode, MODE_MONITOR);
    assert_int_equal(config.item.facts.scheme, SCHEME_INTERNET_FACING);
    assert_str(config.item.facts.tags[0].key, "Team");
    assert_int_equal(config.item.capture_ms, INT64_C(1795420800500));
}

struct facts_case {
    const char *name;
    const char *members;
    enum desync_mode mode;
    const char *mode_text;
    bool has_tags;
    size_t tag_count;
};

#define ATTRIBUTES(list) ",\"supplementaryConfiguration\":{\"LoadBalancerAttributes\":" list "}"
#define MODE_PAIR(value) "{\"key\":\"routing.http.desync_mitigation_mode\",\"value\":" value "}"

static const struct facts_case FACTS_CASES[] = {
    {"nothing said", "", MODE_UNKNOWN, "", false, 0},
    {"null parts", ",\"configuration\":null,\"supplementaryConfiguration\":null", MODE_UNKNOWN, "",
     false, 0},
    {"a mode we do not know", ATTRIBUTES("[" MODE_PAIR("\"paranoid\"") "]"), MODE_UNKNOWN,
     "paranoid", false, 0},
    {"a mode in capitals is none", ATTRIBUTES("[" MODE_PAIR("\"Defensive\"") "]"), MODE_UNKNOWN,
     "Defensive", false, 0},
    {"a number as the mode", ATTRIBUTES("[" MODE_PAIR("7") "]"), MODE_UNKNOWN, "", false, 0},
    {"the attribute twice",
     ATTRIBUTES("[" MODE_PAIR("\"monitor\"") "," MODE_PAIR("\"strictest\"") "]"), MODE_UNKNOWN, "",
     false, 0},
    {"junk beside the attribute", ATTRIBUTES("[" MODE_PAIR("\"strictest\"") ",17]"), MODE_UNKNOWN,
     "", false, 0},
    {"attributes are text", ATTRIBUTES("\"none\""), MODE_UNKNOWN, "", false, 0},
    {"attributes are an object", ATTRIBUTES("{\"key\":1}"), MODE_UNKNOWN, "", false, 0},
    {"capital pair keys",
     ATTRIBUTES("[{\"Key\":\"routing.http.desync_mitigation_mode\",\"Value\":\"monitor\"}]"),
     MODE_MONITOR, "", false, 0},
    {"tags as a map", ",\"tags\":{\"Owner\":\"a\",\"owner\":null}", MODE_UNKNOWN, "", true, 2},
    {"an empty map is no tags", ",\"tags\":{}", MODE_UNKNOWN, "", true, 0},
    {"an empty list is no tags", ",\"supplementaryConfiguration\":{\"Tags\":[]}", MODE_UNKNOWN, "",
     true, 0},
    {"an empty list beside a map",
     ",\"supplementaryConfiguration\":{\"Tags\":[]},\"tags\":{\"a\":\"b\"}", MODE_UNKNOWN, "", true,
     1},
    {"junk in the list",
     ",\"supplementaryConfiguration\":{\"Tags\":[\"a\"]},\"tags\":{\"a\":\"b\"}", MODE_UNKNOWN, "",
     false, 0},
    {"junk in the map", ",\"tags\":{\"a\":1}", MODE_UNKNOWN, "", false, 0},
};

static void facts_are_read_or_left_unknown(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof FACTS_CASES / sizeof *FACTS_CASES; i++) {
        const struct facts_case *row = &FACTS_CASES[i];
        print_message("%s\n", row->name);
        str invoking =
            str_format(&arena,
                       "{\"messageType\":\"ConfigurationItemChangeNotification\","
                       "\"configurationItem\":{\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
                       "\",\"resourceId\":\"" ALB_ARN "\"%s}}",
                       row->members);
        struct config_invocation config = decode_ok(event_around(invoking.ptr, TOKEN));
        const struct load_balancer *facts = &config.item.facts;
        assert_int_equal(facts->mode, row->mode);
        assert_str(facts->mode_text, row->mode_text);
        assert_int_equal(facts->has_tags, row->has_tags);
        assert_int_equal(facts->tag_count, row->tag_count);
    }
}

struct status_case {
    const char *text;
    enum item_status status;
};

static void every_item_status_is_known_or_unknown(void **state) {
    (void)state;
    static const struct status_case CASES[] = {
        {"\"OK\"", ITEM_PRESENT},
        {"\"ResourceDiscovered\"", ITEM_PRESENT},
        {"\"ResourceDeleted\"", ITEM_DELETED},
        {"\"ResourceDeletedNotRecorded\"", ITEM_DELETED},
        {"\"ResourceNotRecorded\"", ITEM_NOT_RECORDED},
        {"\"ok\"", ITEM_STATUS_UNKNOWN},
        {"\"ResourceMoved\"", ITEM_STATUS_UNKNOWN},
        {"null", ITEM_STATUS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        str invoking =
            str_format(&arena,
                       "{\"messageType\":\"ConfigurationItemChangeNotification\","
                       "\"configurationItem\":{\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
                       "\",\"resourceId\":\"" ALB_ARN "\",\"configurationItemStatus\":%s}}",
                       CASES[i].text);
        print_message("%s\n", CASES[i].text);
        struct config_invocation config = decode_ok(event_around(invoking.ptr, TOKEN));
        assert_int_equal(config.item.status, CASES[i].status);
    }
}

struct bad_event {
    const char *name;
    const char *event;    /* whole event, or NULL */
    const char *invoking; /* else this invoking event ... */
    const char *rest;     /* ... with these members beside it */
    const char *message;  /* part of the message */
};

static const struct bad_event BAD_EVENTS[] = {
    {"empty", "", NULL, NULL, "is empty"},
    {"blank", " \n", NULL, NULL, "is empty"},
    {"not JSON", "hello", NULL, NULL, "not valid JSON"},
    {"trailing bytes", "{} x", NULL, NULL, "at byte 3"},
    {"a scalar", "42", NULL, NULL, "a JSON number, not an object"},
    {"an array", "[]", NULL, NULL, "a JSON array, not an object"},
    {"no known shape", "{\"hello\":1}", NULL, NULL, "no invokingEvent"},
    {"the key twice", "{\"invokingEvent\":\"{}\",\"invokingEvent\":\"{}\"}", NULL, NULL,
     "not valid JSON"},
    {"other letter case", "{\"InvokingEvent\":\"{}\"}", NULL, NULL, "is spelt \"invokingEvent\""},
    {"both letter cases", "{\"invokingEvent\":\"{}\",\"InvokingEvent\":\"{}\"}", NULL, NULL,
     "is spelt"},
    {"invokingEvent a number", "{\"invokingEvent\":1}", NULL, NULL, "found number"},
    {"invokingEvent empty", "{\"invokingEvent\":\"\"}", NULL, NULL, "invokingEvent is empty"},
    {"invokingEvent no JSON", "{\"invokingEvent\":\"x\"}", NULL, NULL,
     "invokingEvent is not valid JSON"},
    {"token a number", NULL, ITEM(""), ",\"resultToken\":1", "resultToken\" must be a string"},
    {"account a number", NULL, ITEM(""), TOKEN ",\"accountId\":123456789012",
     "accountId\" must be a string"},
    {"account too short", NULL, ITEM(""), TOKEN ",\"accountId\":\"123\"", "12 digits"},
    {"rule ARN of another service", NULL, ITEM(""),
     TOKEN ",\"configRuleArn\":\"arn:aws:s3:::bucket\"", "no ARN of AWS Config"},
    {"rule ARN is no ARN", NULL, ITEM(""), TOKEN ",\"configRuleArn\":\"rule\"",
     "no ARN of AWS Config"},
    {"rule region is none", NULL, ITEM(""),
     TOKEN ",\"configRuleArn\":\"arn:aws:config:evil.example/x:1:r\"", "no AWS Region"},
    {"item region is none", NULL, ITEM(",\"awsRegion\":\"mars\""), TOKEN, "no AWS Region"},
    {"scope a string", NULL, ITEM(""), TOKEN ",\"eventLeftScope\":\"yes\"",
     "eventLeftScope must be"},
    {"message type unknown", NULL, "{\"messageType\":\"Hello\"}", TOKEN, "\"Hello\" is not known"},
    {"no item", NULL, "{\"messageType\":\"ConfigurationItemChangeNotification\"}", TOKEN,
     "found nothing"},
    {"item a list", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":[]}", TOKEN,
     "found array"},
    {"item in other letters", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"ConfigurationItem\":{}}", TOKEN,
     "is spelt"},
    {"no resourceId", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
     "\"resourceType\":\"x\"}}",
     TOKEN, "has no resourceId"},
    {"no resourceType", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
     "\"resourceId\":\"x\"}}",
     TOKEN, "has no resourceType"},
    {"configuration a number", NULL, ITEM(",\"configuration\":7"), TOKEN, "configuration must be"},
    {"supplementary in capitals", NULL, ITEM(",\"SupplementaryConfiguration\":{}"), TOKEN,
     "is spelt"},
    {"tags a number", NULL, ITEM(",\"tags\":1"), TOKEN, "tags must be"},
    {"item account a number", NULL, ITEM(",\"awsAccountId\":1"), TOKEN, "awsAccountId"},
    {"ARN of no Region", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
     "\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
     "\",\"resourceId\":\"arn:aws:elasticloadbalancing:nowhere:123456789012:loadbalancer/app/a/"
     "0123456789abcdef\"}}",
     TOKEN, "is no ARN"},
    {"ARN of no partition", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
     "\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
     "\",\"resourceId\":\"arn:evil:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/"
     "0123456789abcdef\"}}",
     TOKEN, "is no ARN"},
    {"ARN of another service", NULL,
     "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
     "\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE "\",\"resourceId\":\"arn:aws:s3:::b\"}}",
     TOKEN, "is no ARN of an Elastic"},
    {"NUL in the id", NULL, "{\"messageType\":\"a\\u0000b\"}", TOKEN, "not valid JSON"},
};

static void bad_events_are_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof BAD_EVENTS / sizeof *BAD_EVENTS; i++) {
        const struct bad_event *row = &BAD_EVENTS[i];
        print_message("%s\n", row->name);
        str event =
            row->event != NULL ? str_from_cstr(row->event) : event_around(row->invoking, row->rest);
        struct invocation invocation;
        struct error error = {0};
        assert_int_not_equal(decode_event(event, &arena, &invocation, &error), STATUS_OK);
        if (!str_contains(error.message, str_from_cstr(row->message))) {
            fail_msg("said: %" STR_FMT, STR_ARG(error.message));
        }
    }
}

#define OTHER_ITEM(members)                                                                        \
    "{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"             \
    "\"resourceType\":\"AWS::IAM::Role\",\"resourceId\":\"AROAEXAMPLE\"" members "}}"

/* AWS Config records resources in shapes that no load balancer has. */
static void an_item_of_another_type_is_not_applicable_whatever_its_shape(void **state) {
    (void)state;
    static const char *const ITEMS[] = {
        OTHER_ITEM(""),
        OTHER_ITEM(",\"awsRegion\":\"global\""),
        OTHER_ITEM(",\"awsRegion\":\"\""),
        OTHER_ITEM(",\"awsRegion\":7"),
        OTHER_ITEM(",\"configuration\":[]"),
        OTHER_ITEM(",\"configuration\":true,\"tags\":1,\"supplementaryConfiguration\":[]"),
        OTHER_ITEM(",\"Configuration\":{},\"awsAccountId\":7,\"accountId\":[]"),
        OTHER_ITEM(",\"configurationItemStatus\":7,\"configurationItemCaptureTime\":{}"),
    };
    for (size_t i = 0; i < sizeof ITEMS / sizeof *ITEMS; i++) {
        struct evaluation evaluation;
        print_message("%s\n", ITEMS[i]);
        struct config_invocation config =
            decode_ok(event_around(ITEMS[i], TOKEN ",\"configRuleArn\":\"" RULE_ARN "\""));
        assert_str(config.region, "eu-west-1");
        assert_false(config_item_is_to_be_judged(&config, &evaluation));
        assert_int_equal(evaluation.compliance, NOT_APPLICABLE);
        config = decode_ok(event_around(ITEMS[i], TOKEN));
        assert_str(config.region, "");
    }
}

/* Decided by status, scope or type of load balancer before anything else of the item counts. */
static void an_item_that_is_not_judged_may_be_in_any_region_and_shape(void **state) {
    (void)state;
    static const struct {
        const char *item;
        const char *rest;
    } ITEMS[] = {
        {ITEM(",\"awsRegion\":\"global\""), TOKEN ",\"eventLeftScope\":true"},
        {"{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
         "\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE "\",\"resourceId\":\"" ALB_ARN
         "\",\"configurationItemStatus\":\"ResourceDeleted\",\"awsRegion\":\"global\","
         "\"configuration\":[]}}",
         TOKEN},
        {"{\"messageType\":\"ConfigurationItemChangeNotification\",\"configurationItem\":{"
         "\"resourceType\":\"" LOAD_BALANCER_RESOURCE_TYPE
         "\",\"resourceId\":\"arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/"
         "n/0123456789abcdef\",\"configurationItemStatus\":\"OK\",\"awsRegion\":\"global\","
         "\"configuration\":[]}}",
         TOKEN},
    };
    for (size_t i = 0; i < sizeof ITEMS / sizeof *ITEMS; i++) {
        struct evaluation evaluation;
        print_message("%s\n", ITEMS[i].item);
        struct config_invocation config = decode_ok(event_around(ITEMS[i].item, ITEMS[i].rest));
        assert_false(config_item_is_to_be_judged(&config, &evaluation));
        assert_int_equal(evaluation.compliance, NOT_APPLICABLE);
    }
}

static void a_proactive_event_needs_no_token(void **state) {
    (void)state;
    struct config_invocation config =
        decode_ok(event_around(ITEM(""), ",\"evaluationMode\":\"PROACTIVE\""));
    assert_true(config.is_proactive);
    assert_true(str_is_empty(config.result_token));
}

struct parameters_case {
    const char *name;
    const char *value; /* JSON of ruleParameters; NULL: absent */
    enum status status;
    size_t count;
};

static void rule_parameters_are_read_in_every_form(void **state) {
    (void)state;
    static const struct parameters_case CASES[] = {
        {"absent", NULL, STATUS_OK, 0},
        {"null", "null", STATUS_OK, 0},
        {"empty string", "\"\"", STATUS_OK, 0},
        {"blank string", "\"  \"", STATUS_OK, 0},
        {"empty object in a string", "\"{}\"", STATUS_OK, 0},
        {"null in a string", "\"null\"", STATUS_OK, 0},
        {"object in a string", "\"{\\\"desyncMode\\\":\\\"strictest\\\"}\"", STATUS_OK, 1},
        {"object", "{\"desyncMode\":\"strictest\",\"maxExceptionDays\":30}", STATUS_OK, 2},
        {"no JSON in the string", "\"desyncMode=strictest\"", STATUS_INVALID_PARAMETER, 0},
        {"a list", "[]", STATUS_INVALID_PARAMETER, 0},
        {"a list as a value", "{\"desyncMode\":[\"strictest\"]}", STATUS_INVALID_PARAMETER, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        print_message("%s\n", CASES[i].name);
        const struct json *value = NULL;
        if (CASES[i].value != NULL) {
            assert_int_equal(json_parse(&arena, str_from_cstr(CASES[i].value), &JSON_LIMITS_DEFAULT,
                                        &value, NULL),
                             STATUS_OK);
        }
        struct policy_parameter *parameters;
        size_t count;
        struct error error = {0};
        assert_int_equal(decode_rule_parameters(value, &arena, &parameters, &count, &error),
                         CASES[i].status);
        assert_int_equal(count, CASES[i].count);
    }
}

static void numbers_in_rule_parameters_become_text(void **state) {
    (void)state;
    const struct json *value;
    assert_int_equal(
        json_parse(&arena, STR("{\"maxExceptionDays\":30}"), &JSON_LIMITS_DEFAULT, &value, NULL),
        STATUS_OK);
    struct policy_parameter *parameters;
    size_t count;
    struct error error = {0};
    assert_int_equal(decode_rule_parameters(value, &arena, &parameters, &count, &error), STATUS_OK);
    assert_str(parameters[0].name, "maxExceptionDays");
    assert_str(parameters[0].value, "30");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_of_the_rule_event_dialect_is_read),
        cmocka_unit_test(an_item_of_the_history_dialect_is_read_at_every_level),
        cmocka_unit_test(facts_are_read_or_left_unknown),
        cmocka_unit_test(every_item_status_is_known_or_unknown),
        cmocka_unit_test(bad_events_are_refused_by_name),
        cmocka_unit_test(an_item_of_another_type_is_not_applicable_whatever_its_shape),
        cmocka_unit_test(an_item_that_is_not_judged_may_be_in_any_region_and_shape),
        cmocka_unit_test(a_proactive_event_needs_no_token),
        cmocka_unit_test(rule_parameters_are_read_in_every_form),
        cmocka_unit_test(numbers_in_rule_parameters_become_text),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
