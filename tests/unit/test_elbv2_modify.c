/* SPDX-License-Identifier: Apache-2.0 */
#include "elbv2_fixture.h"
#include "torture.h"

#define MODIFIED(list) ANSWER("ModifyLoadBalancerAttributes", "<Attributes>" list "</Attributes>")
#define GOOD_BODY      MODIFIED(MODE("defensive") DROPS("true"))

static const struct elbv2_attribute CHANGE[] = {
    {{ATTRIBUTE_DESYNC_MODE, sizeof(ATTRIBUTE_DESYNC_MODE) - 1}, {"defensive", 9}},
};

static enum status modify_into(struct aws_fixture *fixture, struct load_balancer *facts) {
    return elbv2_modify_attributes(&fixture->client, STR(ARN), CHANGE, 1, &fixture->arena, facts,
                                   &fixture->error);
}

static enum status modify(struct aws_fixture *fixture) {
    struct load_balancer facts = stale_facts();
    return modify_into(fixture, &facts);
}

static void modify_sends_the_keys_given_and_no_other(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, NULL, 200, GOOD_BODY);
    const struct elbv2_attribute attributes[] = {CHANGE[0], {STR("a.b_c"), STR("x &=é")}};
    struct load_balancer facts = stale_facts();
    assert_int_equal(elbv2_modify_attributes(&fixture.client, STR(ARN), attributes, 2,
                                             &fixture.arena, &facts, &fixture.error),
                     STATUS_OK);
    assert_str(fake_request_body(&fixture.fake, 0),
               "Action=ModifyLoadBalancerAttributes&Version=2015-12-01"
               "&LoadBalancerArn=arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A111122223333"
               "%3Aloadbalancer%2Fapp%2Fshop%2F50dc6c495c0c9188"
               "&Attributes.member.1.Key=routing.http.desync_mitigation_mode"
               "&Attributes.member.1.Value=defensive"
               "&Attributes.member.2.Key=a.b_c&Attributes.member.2.Value=x%20%26%3D%C3%A9");
    fixture_end(&fixture);
}

static void modify_returns_the_attributes_of_the_answer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *body;
        enum desync_mode mode;
        const char *mode_text;
        enum tristate drops;
    } rows[] = {
        {"as asked", GOOD_BODY, MODE_DEFENSIVE, "", YES},
        {"another mode", MODIFIED(MODE("monitor") DROPS("false")), MODE_MONITOR, "", NO},
        {"no mode we know", MODIFIED(MODE("bogus")), MODE_UNKNOWN, "bogus", UNKNOWN},
        {"no mode", MODIFIED(PAIR("other", "x")), MODE_UNKNOWN, "", UNKNOWN},
        {"empty list", MODIFIED(""), MODE_UNKNOWN, "", UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, NULL, 200, rows[i].body);
        struct load_balancer facts = stale_facts();
        assert_int_equal(modify_into(&fixture, &facts), STATUS_OK);
        assert_int_equal(facts.mode, rows[i].mode);
        assert_str(facts.mode_text, rows[i].mode_text);
        assert_int_equal(facts.drops_invalid_headers, rows[i].drops);
        assert_int_equal(facts.source, SOURCE_LIVE);
        assert_str(facts.name, "stale-name");
        assert_int_equal(facts.tag_count, 1);
        fixture_end(&fixture);
    }
}

static void malformed_modify_answers_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        ATTRIBUTES(MODE("defensive")),
        ANSWER("ModifyLoadBalancerAttributes", ""),
        MODIFIED("<member><Value>defensive</Value></member>"),
        MODIFIED("<Key>a</Key>"),
        "<ModifyLoadBalancerAttributesResponse/>",
        "{}",
    };
    refuse_bodies(modify, bodies, sizeof bodies / sizeof *bodies);
}

static void modify_that_fails_leaves_the_facts_alone(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int http_status;
        const char *body;
        enum status status;
        bool is_unknown;
    } rows[] = {
        {"gone", 400, GONE, STATUS_NOT_FOUND, false},
        {"another not found", 400, TROUBLE_XML("CertificateNotFound"), STATUS_REFUSED, false},
        {"refused", 400, TROUBLE_XML("InvalidConfigurationRequest"), STATUS_REFUSED, false},
        {"denied", 403, TROUBLE_XML("AccessDenied"), STATUS_DENIED, false},
        {"throttled", 400, TROUBLE_XML("Throttling"), STATUS_THROTTLED, false},
        {"failed", 500, TROUBLE_HTML, STATUS_SERVER, true},
        {"cut", 200, "<ModifyLoadBalancerAttributesResponse>", STATUS_INCOMPLETE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer_with(&fixture, NULL, rows[i].http_status, rows[i].body);
        struct load_balancer facts = stale_facts();
        assert_int_equal(modify_into(&fixture, &facts), rows[i].status);
        assert_int_equal(fixture.error.status, rows[i].status);
        assert_int_equal(fixture.error.is_outcome_unknown, rows[i].is_unknown);
        assert_int_equal(facts.mode, MODE_STRICTEST);
        assert_int_equal(facts.source, SOURCE_EVENT);
        fixture_end(&fixture);
    }
}

static void invalid_modify_is_not_sent(void **state) {
    (void)state;
    static char long_value[1025];
    memset(long_value, 'v', sizeof long_value);
    struct elbv2_attribute many[21];
    for (int i = 0; i < 21; i++) {
        many[i] = (struct elbv2_attribute){STR("k"), STR("v")};
    }
    const struct elbv2_attribute rows[][2] = {
        {{STR_EMPTY, STR("v")}},   {{STR("a b"), STR("v")}},
        {{STR("a&b"), STR("v")}},  {{STR("k"), {long_value, sizeof long_value}}},
        {{STR("k"), STR("\xff")}},
    };
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct load_balancer facts = stale_facts();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(elbv2_modify_attributes(&fixture.client, STR(ARN), rows[i], 1,
                                                 &fixture.arena, &facts, &fixture.error),
                         STATUS_INVALID);
    }
    static const size_t counts[] = {0, 2, 21}; /* 2: the same twice */
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_int_equal(elbv2_modify_attributes(&fixture.client, STR(ARN), many, counts[i],
                                                 &fixture.arena, &facts, NULL),
                         STATUS_INVALID);
    }
    assert_int_equal(elbv2_modify_attributes(&fixture.client, STR_EMPTY, many, 1, &fixture.arena,
                                             &facts, &fixture.error),
                     STATUS_INVALID);
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

static void modify_takes_twenty_attributes_at_their_longest(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_with(&fixture, NULL, 200, GOOD_BODY);
    struct elbv2_attribute most[ELBV2_MODIFY_MAX];
    char *value = arena_alloc(&fixture.arena, 4096);
    for (size_t i = 0; i < 4096; i += 4) {
        memcpy(value + i, "\xf0\x9f\x98\x80", 4);
    }
    for (int i = 0; i < ELBV2_MODIFY_MAX; i++) {
        most[i].key = str_format(&fixture.arena, "%0256d", i);
        most[i].value = (str){value, 4096};
    }
    struct load_balancer facts = stale_facts();
    assert_int_equal(elbv2_modify_attributes(&fixture.client, STR(ARN), most, ELBV2_MODIFY_MAX,
                                             &fixture.arena, &facts, &fixture.error),
                     STATUS_OK);
    assert_true(str_ends_with(fake_request_body(&fixture.fake, 0), STR("%F0%9F%98%80")));
    fixture_end(&fixture);
}

static void the_caller_waits_for_the_turn_of_a_modify(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct pace pace;
    fixture_begin(&fixture);
    pace_init(&pace, PACE_RATE_DEFAULT, 0, FAKE_NOW_MS);
    fixture.client.pace = &pace;
    answer_with(&fixture, NULL, 200, GOOD_BODY);
    pace.categories[PACE_ELB_WRITE].tokens = 0;
    assert_int_equal(modify(&fixture), STATUS_OK);
    assert_int_equal(fixture.fake.slept_ms, 0);
    aws_wait_for_turn(&fixture.client, PACE_ELB_WRITE);
    assert_in_range(fixture.fake.slept_ms, 1, 5000);
    assert_true(pace.categories[PACE_ELB_READ].tokens == pace.categories[PACE_ELB_READ].capacity);
    fixture_end(&fixture);
}

static void modify_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {modify, STR(GOOD_BODY),
                                    "elasticloadbalancing ModifyLoadBalancerAttributes: ", 1};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modify_sends_the_keys_given_and_no_other),
        cmocka_unit_test(modify_returns_the_attributes_of_the_answer),
        cmocka_unit_test(malformed_modify_answers_are_unreadable),
        cmocka_unit_test(modify_that_fails_leaves_the_facts_alone),
        cmocka_unit_test(invalid_modify_is_not_sent),
        cmocka_unit_test(modify_takes_twenty_attributes_at_their_longest),
        cmocka_unit_test(the_caller_waits_for_the_turn_of_a_modify),
        cmocka_unit_test(modify_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
