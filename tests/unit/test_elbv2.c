/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/elbv2.h"

#include <stdio.h>
#include <stdlib.h>

#include "elbv2_fixture.h"

static void elbv2_read_fills_mode_headers_and_tags(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200,
                ATTRIBUTES(PAIR("x", "") MODE("monitor") DROPS("false") PAIR(
                    "access_logs.s3.enabled", "true") PAIR("access_logs.s3.bucket", "logs-1")));
    answer_with(&fixture, ASKS_TAGS, 200,
                TAGS(PAIR("env", "prod") PAIR("a&amp;b", "&lt;\xc3\xa9&gt;")));
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_OK);
    assert_int_equal(facts.mode, MODE_MONITOR);
    assert_str(facts.mode_text, "");
    assert_int_equal(facts.drops_invalid_headers, NO);
    assert_int_equal(facts.writes_logs, YES);
    assert_str(facts.logs_bucket, "logs-1");
    assert_true(facts.has_tags);
    assert_int_equal(facts.tag_count, 2);
    assert_str(facts.tags[0].key, "env");
    assert_str(facts.tags[0].value, "prod");
    assert_str(facts.tags[1].key, "a&b");
    assert_str(facts.tags[1].value, "<\xc3\xa9>");
    assert_int_equal(facts.source, SOURCE_LIVE);
    /* not asked for: as it stood */
    assert_str(facts.name, "stale-name");
    assert_int_equal(facts.type, TYPE_APPLICATION);
    assert_int_equal(facts.scheme, SCHEME_INTERNAL);
    fixture_end(&fixture);
}

static void elbv2_read_asks_the_query_protocol_all_at_once(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("strictest")));
    answer_with(&fixture, ASKS_TAGS, 200, TAGS(""));
    answer_with(&fixture, ASKS_DESCRIPTION, 200, SHOP_DESCRIPTION);
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, true, &facts), STATUS_OK);
    struct fake_transport *fake = &fixture.fake;
    assert_int_equal(fake->request_count, 3);
    assert_int_equal(fake->in_flight_peak, 3);
    assert_true(fake->now_ms == FAKE_NOW_MS + 30);
#define ENCODED_ARN                                                                                \
    "arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333%3Aloadbalancer%2Fapp%2Fshop%2F"   \
    "50dc6c495c0c9188"
    assert_str(fake_request_body(fake, 0),
               ASKS_ATTRIBUTES "Version=2015-12-01&LoadBalancerArn=" ENCODED_ARN);
    assert_str(fake_request_body(fake, 1),
               ASKS_TAGS "Version=2015-12-01&ResourceArns.member.1=" ENCODED_ARN);
    assert_str(fake_request_body(fake, 2),
               ASKS_DESCRIPTION "Version=2015-12-01&LoadBalancerArns.member.1=" ENCODED_ARN);
    for (size_t i = 0; i < 3; i++) {
        assert_str(fake->requests[i].http.method, "POST");
        assert_str(fake_request_header(fake, i, "content-type"),
                   "application/x-www-form-urlencoded; charset=utf-8");
    }
    assert_str(facts.name, "shop");
    assert_int_equal(facts.type, TYPE_APPLICATION);
    assert_int_equal(facts.scheme, SCHEME_INTERNET_FACING);
    fixture_end(&fixture);
}

static void elbv2_attributes_are_never_guessed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *body;
        enum desync_mode mode;
        const char *mode_text;
        enum tristate drops;
    } rows[] = {
        {"monitor", ATTRIBUTES(MODE("monitor")), MODE_MONITOR, "", UNKNOWN},
        {"defensive, drops", ATTRIBUTES(DROPS("true") MODE("defensive")), MODE_DEFENSIVE, "", YES},
        {"strictest", ATTRIBUTES(MODE("strictest") DROPS("false")), MODE_STRICTEST, "", NO},
        {"absent", ATTRIBUTES(PAIR("idle_timeout.timeout_seconds", "60")), MODE_UNKNOWN, "",
         UNKNOWN},
        {"empty list", ANSWER("DescribeLoadBalancerAttributes", "<Attributes/>"), MODE_UNKNOWN, "",
         UNKNOWN},
        {"new mode", ATTRIBUTES(MODE("paranoid")), MODE_UNKNOWN, "paranoid", UNKNOWN},
        {"other case", ATTRIBUTES(MODE("Strictest")), MODE_UNKNOWN, "Strictest", UNKNOWN},
        {"blank around", ATTRIBUTES(MODE(" strictest")), MODE_UNKNOWN, " strictest", UNKNOWN},
        {"empty value", ATTRIBUTES(MODE("")), MODE_UNKNOWN, "", UNKNOWN},
        {"other boolean", ATTRIBUTES(DROPS("TRUE") MODE("monitor")), MODE_MONITOR, "", UNKNOWN},
        {"longer key", ATTRIBUTES(PAIR("x.routing.http.desync_mitigation_mode", "strictest")),
         MODE_UNKNOWN, "", UNKNOWN},
        {"namespace prefix",
         "<e:DescribeLoadBalancerAttributesResponse "
         "xmlns:e=\"u\"><e:DescribeLoadBalancerAttributesResult>"
         "<e:Attributes><e:member><e:Key>routing.http.desync_mitigation_mode</e:Key>"
         "<e:Value>monitor</e:Value></e:member></e:Attributes>"
         "</e:DescribeLoadBalancerAttributesResult></e:DescribeLoadBalancerAttributesResponse>",
         MODE_MONITOR, "", UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, ASKS_ATTRIBUTES, 200, rows[i].body);
        answer_with(&fixture, ASKS_TAGS, 200, TAGS(""));
        struct load_balancer facts = stale_facts();
        enum status status = read_live(&fixture, false, &facts);
        if (status != STATUS_OK || facts.mode != rows[i].mode ||
            !str_eq(facts.mode_text, str_from_cstr(rows[i].mode_text)) ||
            facts.drops_invalid_headers != rows[i].drops) {
            fail_msg("%s: %s, %s", rows[i].name, status_name(status), mode_name(facts.mode));
        }
        fixture_end(&fixture);
    }
}

static void elbv2_unexpected_success_is_incomplete_after_retries(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *match;
        const char *body;
    } rows[] = {
        {"attributes: empty", ASKS_ATTRIBUTES, ""},
        {"attributes: HTML", ASKS_ATTRIBUTES, TROUBLE_HTML},
        {"attributes: JSON", ASKS_ATTRIBUTES, "{}"},
        {"attributes: cut", ASKS_ATTRIBUTES,
         "<DescribeLoadBalancerAttributesResponse><DescribeLoadBalancerAttributesResult><"
         "Attributes>" MODE("strictest")},
        {"attributes: other answer", ASKS_ATTRIBUTES, TAGS("")},
        {"attributes: no result", ASKS_ATTRIBUTES,
         "<DescribeLoadBalancerAttributesResponse>" META
         "</DescribeLoadBalancerAttributesResponse>"},
        {"attributes: other root", ASKS_ATTRIBUTES,
         "<Response><DescribeLoadBalancerAttributesResult><Attributes/>"
         "</DescribeLoadBalancerAttributesResult></Response>"},
        {"attributes: no list", ASKS_ATTRIBUTES, ANSWER("DescribeLoadBalancerAttributes", "")},
        {"attributes: no key", ASKS_ATTRIBUTES,
         ATTRIBUTES("<member><Value>strictest</Value></member>")},
        {"attributes: other members", ASKS_ATTRIBUTES, ATTRIBUTES("<entry><Key>a</Key></entry>")},
        {"attributes: mode twice", ASKS_ATTRIBUTES, ATTRIBUTES(MODE("monitor") MODE("strictest"))},
        {"attributes: mode twice, the first empty", ASKS_ATTRIBUTES,
         ATTRIBUTES(MODE("") MODE("strictest"))},
        {"attributes: trailing bytes", ASKS_ATTRIBUTES, ATTRIBUTES(MODE("strictest")) "<x/>"},
        {"tags: none of ours", ASKS_TAGS, TAGS_OF("arn:other", "<Tags/>")},
        {"tags: no list", ASKS_TAGS, TAGS_OF(ARN, "")},
        {"tags: no descriptions", ASKS_TAGS, ANSWER("DescribeTags", "<TagDescriptions/>")},
        {"tags: no key", ASKS_TAGS, TAGS("<member><Value>x</Value></member>")},
        {"description: none of ours", ASKS_DESCRIPTION,
         ANSWER("DescribeLoadBalancers", "<LoadBalancers/>")},
        {"description: no type", ASKS_DESCRIPTION,
         DESCRIPTION("<LoadBalancerName>shop</LoadBalancerName>")},
        {"description: no name", ASKS_DESCRIPTION, DESCRIPTION("<Type>application</Type>")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, rows[i].match, 200, rows[i].body);
        answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("defensive")));
        answer_with(&fixture, ASKS_TAGS, 200, TAGS(PAIR("a", "b")));
        answer_with(&fixture, ASKS_DESCRIPTION, 200, SHOP_DESCRIPTION);
        struct load_balancer facts = stale_facts();
        enum status status = read_live(&fixture, true, &facts);
        if (status != STATUS_INCOMPLETE || fake_requests_with(&fixture.fake, rows[i].match) != 3) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        bool spoils_attributes = strcmp(rows[i].match, ASKS_ATTRIBUTES) == 0;
        bool spoils_tags = strcmp(rows[i].match, ASKS_TAGS) == 0;
        assert_int_equal(facts.mode, spoils_attributes ? MODE_UNKNOWN : MODE_DEFENSIVE);
        assert_int_equal(facts.has_tags, !spoils_tags);
        assert_int_equal(facts.tag_count, spoils_tags ? 0 : 1);
        fixture_end(&fixture);
    }
}

static void elbv2_load_balancer_without_tags_has_none(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("monitor")));
    answer_with(&fixture, ASKS_TAGS, 200, TAGS_OF(ARN, "<Tags/>"));
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_OK);
    assert_true(facts.has_tags);
    assert_int_equal(facts.tag_count, 0);
    fixture_end(&fixture);
}

static void elbv2_tag_without_a_value_is_kept(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("monitor")));
    answer_with(&fixture, ASKS_TAGS, 200,
                TAGS("<member><Key>a</Key></member><member><Key>b</Key><Value/></member>"));
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_OK);
    assert_int_equal(facts.tag_count, 2);
    assert_str(facts.tags[0].key, "a");
    assert_str(facts.tags[1].value, "");
    fixture_end(&fixture);
}

static void elbv2_ours_is_found_among_others(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("monitor")));
    answer_with(
        &fixture, ASKS_TAGS, 200,
        ANSWER("DescribeTags",
               "<TagDescriptions><member><ResourceArn>" ARN "0</ResourceArn><Tags>" PAIR(
                   "whose", "other") "</Tags></member><member><ResourceArn>" ARN
                                     "</ResourceArn><Tags>" PAIR(
                                         "whose", "ours") "</Tags></member></TagDescriptions>"));
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_OK);
    assert_int_equal(facts.tag_count, 1);
    assert_str(facts.tags[0].value, "ours");
    fixture_end(&fixture);
}

static void elbv2_description_decides_type_and_scheme(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *body;
        enum load_balancer_type type;
        enum load_balancer_scheme scheme;
    } rows[] = {
        {"network",
         DESCRIPTION("<LoadBalancerName>n</LoadBalancerName><Scheme>internet-facing</"
                     "Scheme><Type>network</Type>"),
         TYPE_NETWORK, SCHEME_INTERNET_FACING},
        {"gateway has no scheme",
         DESCRIPTION("<LoadBalancerName>n</LoadBalancerName><Type>gateway</Type>"), TYPE_GATEWAY,
         SCHEME_INTERNAL},
        {"new type", DESCRIPTION("<LoadBalancerName>n</LoadBalancerName><Type>quantum</Type>"),
         TYPE_UNKNOWN, SCHEME_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(""));
        answer_with(&fixture, ASKS_TAGS, 200, TAGS(""));
        answer_with(&fixture, ASKS_DESCRIPTION, 200, rows[i].body);
        struct load_balancer facts = stale_facts();
        assert_int_equal(read_live(&fixture, true, &facts), STATUS_OK);
        if (facts.type != rows[i].type || facts.scheme != rows[i].scheme) {
            fail_msg("%s: %s, %s", rows[i].name, load_balancer_type_name(facts.type),
                     scheme_name(facts.scheme));
        }
        fixture_end(&fixture);
    }
}

static void elbv2_deleted_load_balancer_is_not_found_whatever_else_failed(void **state) {
    (void)state;
    static const char *const asks[] = {ASKS_ATTRIBUTES, ASKS_TAGS, ASKS_DESCRIPTION};
    for (size_t i = 0; i < 3; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, asks[i], 400, GONE);
        answer_with(&fixture, "Action=", 403, TROUBLE_XML("AccessDenied"));
        struct load_balancer facts = stale_facts();
        enum status status = read_live(&fixture, true, &facts);
        if (status != STATUS_NOT_FOUND || fixture.error.status != STATUS_NOT_FOUND) {
            fail_msg("%s: %s", asks[i], status_name(status));
        }
        assert_true(str_contains(fixture.error.message, STR("LoadBalancerNotFound (HTTP 400)")));
        assert_int_equal(facts.mode, MODE_UNKNOWN);
        fixture_end(&fixture);
    }
}

static void elbv2_gone_while_tags_look_empty_is_not_found(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 400, GONE);
    answer_with(&fixture, ASKS_TAGS, 200, TAGS_OF(ARN, "<Tags/>")); /* an emulator's habit */
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_NOT_FOUND);
    fixture_end(&fixture);
}

static void elbv2_other_not_found_errors_are_not_a_deletion(void **state) {
    (void)state;
    static const struct {
        int http_status;
        const char *body;
    } rows[] = {{404, TROUBLE_HTML}, {404, ""}, {400, TROUBLE_XML("TargetGroupNotFound")}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, "Action=", rows[i].http_status, rows[i].body);
        struct load_balancer facts = stale_facts();
        assert_int_equal(read_live(&fixture, false, &facts), STATUS_REFUSED);
        assert_int_equal(fixture.error.status, STATUS_REFUSED);
        fixture_end(&fixture);
    }
}

static void elbv2_first_failure_is_returned_and_the_other_facts_are_kept(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("defensive")));
    answer_with(&fixture, ASKS_TAGS, 403, TROUBLE_XML("AccessDenied"));
    answer_with(&fixture, ASKS_DESCRIPTION, 500, "");
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, true, &facts), STATUS_DENIED);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: AccessDenied (HTTP 403): words");
    assert_int_equal(facts.mode, MODE_DEFENSIVE);
    assert_false(facts.has_tags);
    assert_int_equal(facts.tag_count, 0);
    assert_int_equal(facts.type, TYPE_APPLICATION);
    assert_str(facts.name, "stale-name");
    fixture_end(&fixture);
}

static void elbv2_without_an_arn_asks_nothing(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct load_balancer facts = {.mode = MODE_UNKNOWN};
    assert_int_equal(read_live(&fixture, true, &facts), STATUS_INVALID);
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

static bool torture_one(const struct trouble *trouble, const char *match, int failures) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 60000;
    struct fake_answer answer = trouble->answer;
    answer.match = match;
    answer.times = failures;
    fake_answer(&fixture.fake, answer);
    answer_with(&fixture, ASKS_ATTRIBUTES, 200, ATTRIBUTES(MODE("strictest")));
    answer_with(&fixture, ASKS_TAGS, 200, TAGS(""));
    answer_with(&fixture, ASKS_DESCRIPTION, 200, SHOP_DESCRIPTION);
    struct load_balancer facts = stale_facts();
    bool is_throttled = trouble->status == STATUS_THROTTLED;
    bool recovers = trouble->is_repeated && (failures < 3 || is_throttled);
    enum status status = read_live(&fixture, true, &facts);
    bool is_good = status == (recovers ? STATUS_OK : trouble->status) &&
                   fixture.fake.now_ms <= fixture.client.deadline_ms &&
                   !holds_secret(fixture.error.message);
    if (!is_good) {
        print_error("%s, %d times, %s: %s\n", trouble->name, failures, match, status_name(status));
    }
    fixture_end(&fixture);
    return is_good;
}

static void elbv2_any_fault_in_any_call_ends_in_the_right_status(void **state) {
    (void)state;
    static const char *const asks[] = {ASKS_ATTRIBUTES, ASKS_TAGS, ASKS_DESCRIPTION};
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (size_t call = 0; call < 3; call++) {
            for (int failures = 1; failures <= 3; failures++) {
                is_good &= torture_one(&TROUBLES[i], asks[call], failures);
            }
        }
    }
    assert_true(is_good);
}

static void elbv2_out_of_time_is_a_deadline_that_names_the_call(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS;
    struct load_balancer facts = stale_facts();
    assert_int_equal(read_live(&fixture, false, &facts), STATUS_DEADLINE);
    assert_true(str_contains(fixture.error.message, STR("DescribeLoadBalancerAttributes")));
    assert_int_equal(facts.mode, MODE_UNKNOWN);
    assert_false(facts.has_tags);
    fixture_end(&fixture);
}

/* Answers recorded elsewhere, when they are at hand: the body behind the header block. */
static const char *recorded_body(struct arena *arena, const char *file) {
    const char *shared = getenv("DESYNC_GUARD_SHARED");
    if (shared == NULL) {
        return NULL;
    }
    char path[512];
    assert_true(snprintf(path, sizeof(path), "%s/data/wire/%s", shared, file) < (int)sizeof(path));
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return NULL;
    }
    char *text = arena_alloc(arena, 65536);
    size_t length = fread(text, 1, 65535, stream);
    assert_int_equal(fclose(stream), 0);
    const char *body = strstr(text, "\r\n\r\n");
    assert_true(length > 0 && body != NULL);
    return body + 4;
}

static void elbv2_recorded_answers_are_read(void **state) {
    (void)state;
    static const struct {
        const char *file;
        enum desync_mode mode;
    } rows[] = {
        {"elbv2-DescribeLoadBalancerAttributes-default.resp", MODE_UNKNOWN},
        {"elbv2-DescribeLoadBalancerAttributes-monitor.resp", MODE_MONITOR},
        {"elbv2-DescribeLoadBalancerAttributes-full.resp", MODE_DEFENSIVE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        const char *body = recorded_body(&fixture.arena, rows[i].file);
        if (body == NULL) {
            fixture_end(&fixture);
            skip();
        }
        answer_with(&fixture, ASKS_ATTRIBUTES, 200, body);
        answer_with(&fixture, ASKS_TAGS, 200, TAGS(""));
        struct load_balancer facts = stale_facts();
        assert_int_equal(read_live(&fixture, false, &facts), STATUS_OK);
        assert_int_equal(facts.mode, rows[i].mode);
        fixture_end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elbv2_read_fills_mode_headers_and_tags),
        cmocka_unit_test(elbv2_read_asks_the_query_protocol_all_at_once),
        cmocka_unit_test(elbv2_attributes_are_never_guessed),
        cmocka_unit_test(elbv2_unexpected_success_is_incomplete_after_retries),
        cmocka_unit_test(elbv2_load_balancer_without_tags_has_none),
        cmocka_unit_test(elbv2_tag_without_a_value_is_kept),
        cmocka_unit_test(elbv2_ours_is_found_among_others),
        cmocka_unit_test(elbv2_description_decides_type_and_scheme),
        cmocka_unit_test(elbv2_deleted_load_balancer_is_not_found_whatever_else_failed),
        cmocka_unit_test(elbv2_gone_while_tags_look_empty_is_not_found),
        cmocka_unit_test(elbv2_other_not_found_errors_are_not_a_deletion),
        cmocka_unit_test(elbv2_first_failure_is_returned_and_the_other_facts_are_kept),
        cmocka_unit_test(elbv2_without_an_arn_asks_nothing),
        cmocka_unit_test(elbv2_any_fault_in_any_call_ends_in_the_right_status),
        cmocka_unit_test(elbv2_out_of_time_is_a_deadline_that_names_the_call),
        cmocka_unit_test(elbv2_recorded_answers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
