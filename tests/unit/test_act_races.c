/* SPDX-License-Identifier: Apache-2.0
 *
 * What others do to a load balancer between our look at it and our change, and what becomes of a
 * change that has to be tried again.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct loop loop;
static struct region_member *weak;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[1]; /* in monitor */
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static str weakened(const char *id) {
    const struct loop_call call = {.id = id};
    return loop_event(&loop, &call, weak->arn);
}

static void handle(str event, const char *request_id) {
    loop_handle(&loop.copies[0], event, request_id);
}

static void make_strictest(struct loop *world) {
    (void)world;
    weak->mode = "strictest";
}

static const struct {
    const char *name;
    struct fake_answer answer;
} REFUSALS[] = {
    {"throttled", {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))}},
    {"reset", {.status = STATUS_CONNECTION}},
    {"500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}},
};

static void a_mode_raised_between_two_attempts_is_not_lowered(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(REFUSALS); i++) {
        for (size_t raised_at = 1; raised_at <= 3; raised_at++) {
            begin(VARIABLES(LOOP_ALL));
            loop.fault = (struct loop_fault){
                .nth = 1, .is_lasting = true, .match = ASKS_MODIFY, .answer = REFUSALS[i].answer};
            loop.meanwhile = make_strictest;
            loop.meanwhile_match = ASKS_MODIFY;
            loop.meanwhile_nth = raised_at;
            handle(weakened("e1"), "r1");
            size_t asked = fake_requests_with(&loop.fake, ASKS_MODIFY);
            if (asked != raised_at || strcmp(weak->mode, "strictest") != 0) {
                fail_msg("%s, raised during attempt %zu: %zu attempts, now %s", REFUSALS[i].name,
                         raised_at, asked, weak->mode);
            }
            loop_end(&loop);
        }
    }
    begin(VARIABLES(LOOP_ALL));
}

static void change_refused_once_is_made_after_another_read(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(REFUSALS); i++) {
        begin(VARIABLES(LOOP_ALL));
        loop.fault =
            (struct loop_fault){.nth = 1, .match = ASKS_MODIFY, .answer = REFUSALS[i].answer};
        handle(weakened("e1"), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_string_equal(weak->mode, "defensive");
        assert_int_equal(fake_requests_with(&loop.fake, ASKS_MODIFY), 2);
        assert_int_equal(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), 2);
        assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void facts_read_before_a_long_wait_are_read_again(void **state) {
    (void)state;
    begin(VARIABLES("ENFORCEMENT", "enforce", "STATE_TABLE", "ledger"));
    struct pace *pace = loop.copies[0].guard.aws.pace;
    assert_non_null(pace);
    pace->categories[PACE_ELB_WRITE].tokens = 0;
    pace->categories[PACE_ELB_WRITE].rate = 0.1;
    pace->categories[PACE_ELB_WRITE].slowed_at_ms = FAKE_NOW_MS;
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_in_range(loop.fake.slept_ms, 3001, LOOP_TIME_MS);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), 2);
    assert_string_equal(weak->mode, "defensive");
}

static void failed_reevaluation_is_started_by_the_retry(void **state) {
    (void)state;
    static const char *const SETTINGS[] = {"off", "enforce"};
    for (size_t i = 0; i < COUNT(SETTINGS); i++) {
        begin(VARIABLES("ENFORCEMENT", SETTINGS[i], "STATE_TABLE", "ledger", "CONFIG_RULE_NAME",
                        LOOP_RULE, "REEVALUATE", i == 0 ? "verdicts" : "changes"));
        loop.fault = (struct loop_fault){
            .nth = 1,
            .match = ASKS_START,
            .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
        handle(weakened("e1"), "r1");
        assert_true(loop.copies[0].reply.is_error);
        assert_int_equal(loop.start_count, 0);
        handle(weakened("e1"), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.start_count, 1);
        handle(weakened("e1"), "r2");
        assert_int_equal(loop.start_count, 1);
        assert_int_equal(loop_logged(&loop, "duplicate"), 1);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* The next invocation may start the reevaluation that failed. */
static void failed_reevaluation_does_not_block_other_invocations(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger", "CONFIG_RULE_NAME", LOOP_RULE, "REEVALUATE",
                    "verdicts"));
    loop.fault = (struct loop_fault){
        .nth = 1,
        .match = ASKS_START,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    handle(weakened("e1"), "r1");
    assert_true(loop.copies[0].reply.is_error);
    loop_handle(&loop.copies[1], weakened("e1"), "redrive");
    loop_succeeded(&loop.copies[1]);
    assert_int_equal(loop.start_count, 1);
}

static void run_by_hand(struct loop *world) {
    loop_handle(&world->copies[1], weakened("e1"), "");
}

/* Lambda gives each invocation an id, the command line none. */
static void two_manual_invocations_handle_one_event_once(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.copies[1].guard.home.random_state ^= 1;
    loop.meanwhile = run_by_hand;
    loop.meanwhile_match = ASKS_ATTRIBUTES;
    loop.meanwhile_nth = 1;
    loop_handle(&loop.copies[0], weakened("e1"), "");
    loop_succeeded(&loop.copies[0]);
    loop_succeeded(&loop.copies[1]);
    assert_null(loop.meanwhile);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), 1);
    assert_int_equal(loop_logged(&loop, "duplicate"), 1);
}

/* Whatever the first delivery fails of, the redrive comes while its lease is not over. */
static void f3_failed_event_is_handled_by_an_immediate_redrive(void **state) {
    (void)state;
    static const char *const FAILING[] = {ASKS_ATTRIBUTES, ASKS_MODIFY, ASKS_PUBLISH};
    for (size_t i = 0; i < COUNT(FAILING); i++) {
        begin(VARIABLES(LOOP_ALL));
        loop.fault = (struct loop_fault){
            .nth = 1,
            .is_lasting = true,
            .match = FAILING[i],
            .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
        handle(weakened("e1"), "r1");
        assert_true(loop.copies[0].reply.is_error);
        loop.fault = (struct loop_fault){.nth = 0};
        loop_handle(&loop.copies[1], weakened("e1"), "redrive");
        loop_succeeded(&loop.copies[1]);
        if (strcmp(weak->mode, "defensive") != 0 || loop_alert_count(&loop, "Mode raised") != 1 ||
            loop_logged(&loop, "duplicate") != 0) {
            fail_msg("%s", FAILING[i]);
        }
        loop_handle(&loop.copies[0], weakened("e1"), "again"); /* handled for good now */
        assert_int_equal(loop_logged(&loop, "duplicate"), 1);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* The claim may have been written though no answer came. */
static void f3_a_claim_whose_answer_is_lost_is_released(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.fault = (struct loop_fault){
        .nth = 1, .is_after = true, .match = "SEEN#e1", .answer = {.status = STATUS_CONNECTION}};
    loop.copies[0].guard.home.attempts_max = 1;
    handle(weakened("e1"), "r1");
    assert_true(loop.copies[0].reply.is_error);
    loop_handle(&loop.copies[1], weakened("e1"), "redrive");
    loop_succeeded(&loop.copies[1]);
    assert_string_equal(weak->mode, "defensive");
}

/* The reading waits for as long as AWS throttles it, and leaves time to release the claim. */
static void f3_event_throttled_to_the_end_of_its_time_is_released(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.fault = (struct loop_fault){
        .nth = 1,
        .is_lasting = true,
        .match = ASKS_ATTRIBUTES,
        .answer = {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))}};
    handle(weakened("e1"), "r1");
    assert_true(loop.copies[0].reply.is_error);
    assert_true(loop.fault_hits > 3);
    assert_true(loop.fake.now_ms < FAKE_NOW_MS + LOOP_TIME_MS);
    loop.fault = (struct loop_fault){.nth = 0};
    loop_handle(&loop.copies[1], weakened("e1"), "redrive");
    loop_succeeded(&loop.copies[1]);
    assert_string_equal(weak->mode, "defensive");
}

/* The function's timeout is 15 minutes; a claim that nobody could release does not last as long. */
static void f3_claim_that_could_not_be_released_ends_after_a_minute(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.fault = (struct loop_fault){.nth = 3, /* after the claim and one reading */
                                     .is_lasting = true,
                                     .answer = {.status = STATUS_CONNECTION}};
    app_handle(&loop.copies[0].guard, weakened("e1"), loop.fake.now_ms + 900000,
               &loop.copies[0].arena, &loop.copies[0].reply);
    assert_true(loop.copies[0].reply.is_error);
    assert_int_equal(loop_logged(&loop, "not_released"), 1);
    loop.fault = (struct loop_fault){.nth = 0};
    loop.fake.now_ms += 60000;
    loop_handle(&loop.copies[1], weakened("e1"), "redrive");
    loop_succeeded(&loop.copies[1]);
    assert_string_equal(weak->mode, "defensive");
}

/* One call may change tags of several load balancers: what failed of one is done by the redrive. */
static void f3_event_that_failed_for_one_load_balancer_is_released_for_that_one(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.id = "e1", .name = "AddTags"};
    str members =
        str_format(&loop.fake.arena,
                   "\"requestParameters\":{\"resourceArns\":[\"%" STR_FMT "\",\"%" STR_FMT "\"]}",
                   STR_ARG(loop.region->members[0].arn), STR_ARG(weak->arn));
    str event = loop_event_of(&loop, &call, members);
    loop.fault = (struct loop_fault){
        .nth = 2, /* that of the second one */
        .is_lasting = true,
        .match = ASKS_ATTRIBUTES,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    handle(event, "r1");
    assert_true(loop.copies[0].reply.is_error);
    loop.fault = (struct loop_fault){.nth = 0};
    loop_handle(&loop.copies[1], event, "redrive");
    loop_succeeded(&loop.copies[1]);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(loop_logged(&loop, "duplicate"), 1); /* the other one was done */
}

static void load_balancer_not_found_once_is_not_treated_as_deleted(void **state) {
    (void)state;
    static const char *const CALLS[] = {"AddTags", "ModifyLoadBalancerAttributes"};
    static const char *const MISSED[] = {ASKS_ATTRIBUTES, ASKS_TAGS, ASKS_MODIFY};
    for (size_t i = 0; i < COUNT(CALLS) * COUNT(MISSED); i++) {
        begin(VARIABLES(LOOP_ALL));
        loop.fault = (struct loop_fault){.nth = 1,
                                         .match = MISSED[i % COUNT(MISSED)],
                                         .answer = {.http_status = 400, .body = BODY(GONE)}};
        const struct loop_call call = {.name = CALLS[i / COUNT(MISSED)], .id = "e1"};
        handle(loop_event(&loop, &call, weak->arn), "r1");
        loop_succeeded(&loop.copies[0]);
        if (strcmp(weak->mode, "defensive") != 0 || loop_alert_count(&loop, "Mode raised") != 1) {
            fail_msg("%s, missed by %s: %s", call.name, MISSED[i % COUNT(MISSED)], weak->mode);
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static void load_balancer_that_stays_not_found_is_treated_as_deleted(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    weak->is_gone = true;
    handle(weakened("e1"), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"compliance\":\"NOT_APPLICABLE\""));
    assert_in_range(loop.fake.slept_ms, 1000, 5000);
}

static void come_into_being(struct loop *world) {
    (void)world;
    weak->is_gone = false;
}

static void late_load_balancer_is_waited_for_until_the_deadline(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.name = "CreateLoadBalancer", .id = "e1"};
    weak->is_gone = true;
    loop.meanwhile = come_into_being;
    loop.meanwhile_match = ASKS_ATTRIBUTES;
    loop.meanwhile_nth = 8; /* 31.5 s after the first */
    handle(loop_event(&loop, &call, weak->arn), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
}

/* What is in another account is not found with our own credentials, and says nothing. */
static void load_balancer_of_another_account_is_not_treated_as_deleted(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    str arn = STR("arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/shop/"
                  "0123456789abcdef");
    str event = STR("{\"detail-type\":\"AWS API Call via CloudTrail\",\"account\":"
                    "\"999999999999\",\"region\":\"eu-west-1\",\"detail\":{\"eventSource\":"
                    "\"elasticloadbalancing.amazonaws.com\",\"apiVersion\":\"2015-12-01\","
                    "\"eventName\":\"ModifyLoadBalancerAttributes\",\"eventID\":\"e1\","
                    "\"eventTime\":\"2026-11-23T07:59:00Z\",\"requestParameters\":{"
                    "\"loadBalancerArn\":\"arn:aws:elasticloadbalancing:eu-west-1:999999999999:"
                    "loadbalancer/app/shop/0123456789abcdef\"}}}");
    handle(event, "r1");
    assert_true(loop.copies[0].reply.is_error);
    assert_true(str_contains(loop.copies[0].reply.error_message, STR("CROSS_ACCOUNT_ROLE")));
    assert_int_equal(table_count(loop.table, arn, "STATE"), 0);
}

static void other_resources_of_an_api_call_get_one_log_line_each(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.name = "AddTags", .id = "e1"};
    str arn = weak->arn;
    str members =
        str_format(&loop.fake.arena,
                   "\"requestParameters\":{\"resourceArns\":[\"arn:aws:"
                   "elasticloadbalancing:eu-west-1:111122223333:targetgroup/t/1\",\"%" STR_FMT
                   "\",\"arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/"
                   "shop/1/2\"]}",
                   STR_ARG(arn));
    handle(loop_event_of(&loop, &call, members), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_logged(&loop, "ignored"), 2);
    assert_int_equal(loop_logged(&loop, "targetgroup/t/1"), 1);
    assert_int_equal(loop_logged(&loop, "listener/app/shop/1/2"), 1);
    assert_string_equal(weak->mode, "defensive");
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(a_mode_raised_between_two_attempts_is_not_lowered),
        TEST(change_refused_once_is_made_after_another_read),
        TEST(failed_reevaluation_is_started_by_the_retry),
        TEST(failed_reevaluation_does_not_block_other_invocations),
        TEST(two_manual_invocations_handle_one_event_once),
        TEST(f3_failed_event_is_handled_by_an_immediate_redrive),
        TEST(f3_a_claim_whose_answer_is_lost_is_released),
        TEST(f3_event_throttled_to_the_end_of_its_time_is_released),
        TEST(f3_claim_that_could_not_be_released_ends_after_a_minute),
        TEST(f3_event_that_failed_for_one_load_balancer_is_released_for_that_one),
        TEST(load_balancer_not_found_once_is_not_treated_as_deleted),
        TEST(load_balancer_that_stays_not_found_is_treated_as_deleted),
        TEST(late_load_balancer_is_waited_for_until_the_deadline),
        TEST(load_balancer_of_another_account_is_not_treated_as_deleted),
        TEST(other_resources_of_an_api_call_get_one_log_line_each),
        TEST(facts_read_before_a_long_wait_are_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
