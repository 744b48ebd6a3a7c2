/* SPDX-License-Identifier: Apache-2.0
 *
 * Acting on what AWS Config and schedules ask for: after the report, on facts read just now.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct loop loop;
static struct region_member *weak;
static str weak_arn;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[1];
    weak_arn = weak->arn;
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void handle(str event, const char *request_id) {
    loop_handle(&loop.copies[0], event, request_id);
}

static const char CONFIG_ITEM[] =
    "{\"invokingEvent\":\"{\\\"messageType\\\":\\\"ConfigurationItemChangeNotification\\\","
    "\\\"notificationCreationTime\\\":\\\"2026-11-23T07:59:57.400Z\\\",\\\"configurationItem\\\":{"
    "\\\"resourceType\\\":\\\"AWS::ElasticLoadBalancingV2::LoadBalancer\\\","
    "\\\"resourceId\\\":\\\"%" STR_FMT "\\\",\\\"ARN\\\":\\\"%" STR_FMT
    "\\\",\\\"configurationItemStatus\\\":\\\"OK\\\","
    "\\\"configurationItemCaptureTime\\\":\\\"2026-11-23T07:59:59.500Z\\\","
    "\\\"configuration\\\":{\\\"type\\\":\\\"application\\\",\\\"scheme\\\":\\\"internal\\\"},"
    "\\\"supplementaryConfiguration\\\":{\\\"LoadBalancerAttributes\\\":[{\\\"key\\\":"
    "\\\"routing.http.desync_mitigation_mode\\\",\\\"value\\\":\\\"monitor\\\"}],"
    "\\\"Tags\\\":[{\\\"key\\\":\\\"Owner\\\",\\\"value\\\":\\\"shop\\\"}]}}}\","
    "\"resultToken\":\"%s\"%s}";

static str config_change(const char *token, const char *rest) {
    str arn = weak_arn;
    return str_format(&loop.fake.arena, CONFIG_ITEM, STR_ARG(arn), STR_ARG(arn), token, rest);
}

static size_t request_with(const char *text) {
    for (size_t i = 0; i < loop.fake.request_count; i++) {
        if (fake_matches(&loop.fake, &loop.fake.requests[i].http, text)) {
            return i;
        }
    }
    fail_msg("no request with %s", text);
    return 0;
}

static void config_item_is_read_live_corrected_and_reevaluated(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    handle(config_change("token", ""), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
    assert_true(request_with("PutEvaluations") < request_with(ASKS_ATTRIBUTES));
    assert_true(request_with(ASKS_ATTRIBUTES) < request_with(ASKS_MODIFY));
    assert_int_equal(loop.start_count, 1);
    assert_str(region_report_of(loop.region, weak_arn)->compliance, "NON_COMPLIANT");
}

/* Lambda delivers the same item again, which the mode has outrun meanwhile. */
static void a6_failed_reevaluation_after_a_config_item_is_started_by_the_retry(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.fault = (struct loop_fault){
        .nth = 1,
        .match = ASKS_START,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    str event = config_change("token", "");
    handle(event, "r1");
    assert_true(loop.copies[0].reply.is_error);
    assert_string_equal(weak->mode, "defensive");
    loop.fake.now_ms += 60000;
    handle(event, "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.start_count, 1);
    loop.fake.now_ms += 60000;
    handle(event, "r2");
    assert_int_equal(loop.start_count, 1);
}

static void outdated_config_item_changes_nothing(void **state) {
    (void)state;
    static const char *const MODES[] = {"strictest", "defensive"};
    for (size_t i = 0; i < COUNT(MODES); i++) {
        begin(VARIABLES(LOOP_ALL));
        weak->mode = MODES[i];
        handle(config_change("token", ""), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.modify_count, 0);
        assert_int_equal(loop.message_count, 0);
        assert_string_equal(weak->mode, MODES[i]);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
    weak->is_gone = true;
    handle(config_change("token", ""), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_open_incidents(&loop), 0);
}

static void what_is_only_a_test_leads_to_nothing(void **state) {
    (void)state;
    static const char *const EVENTS[][2] = {{"TESTMODE", ""},
                                            {"token", ",\"evaluationMode\":\"PROACTIVE\""}};
    for (size_t i = 0; i < COUNT(EVENTS); i++) {
        begin(VARIABLES(LOOP_ALL));
        handle(config_change(EVENTS[i][0], EVENTS[i][1]), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.fake.request_count, 1); /* the report */
        assert_int_equal(loop.table->count, 0);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

static const char SWEEP[] = "{\"action\":\"sweep\"}";

static void a_sweep_corrects_what_it_finds(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    handle(STR(SWEEP), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 1);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(table_count(loop.table, weak_arn, "STATE"), 1);
    handle(STR(SWEEP), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 1);
    assert_int_equal(loop.message_count, 1);
}

/* Somebody makes it strictest while the sweep is busy with others. */
static void make_strictest(struct loop *world) {
    weak->mode = "strictest";
    world->fake.now_ms += 20000;
}

static void a_mode_raised_since_it_was_read_is_not_lowered(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    loop.meanwhile = make_strictest;
    loop.meanwhile_match = "DynamoDB_20120810.GetItem";
    loop.meanwhile_nth = 1;
    handle(STR(SWEEP), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "strictest");
    assert_int_equal(loop.modify_count, 0);
}

/* A late item alerts of a weakness that was over before the last one was seen. */
static void a_late_item_opens_no_incident_on_a_mode_that_is_fine(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC));
    weak->mode = "defensive";
    handle(config_change("token", ""), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(table_count(loop.table, weak_arn, "INCIDENT#"), 0);
    assert_int_equal(loop.message_count, 0);
    weak->mode = "monitor";
    loop.fake.now_ms += 1000;
    handle(config_change("token", ""), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop_open_incidents(&loop), 1);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 1);
}

static void come_back(struct loop *world) {
    (void)world;
    weak->is_gone = false;
}

/* One answer of "not found" is no reason to report it to AWS Config as deleted. */
static void load_balancer_not_found_twice_is_reported_as_deleted(void **state) {
    (void)state;
    for (int comes_back = 0; comes_back <= 1; comes_back++) {
        begin(VARIABLES("ENFORCEMENT", "off"));
        weak->is_gone = true;
        loop.fake.now_ms += 20 * 60000; /* too old to be believed: it is read */
        loop.meanwhile = comes_back ? come_back : NULL;
        loop.meanwhile_match = ASKS_ATTRIBUTES;
        loop.meanwhile_nth = 2;
        handle(config_change("token", ""), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(fake_requests_with(&loop.fake, ASKS_ATTRIBUTES), 2);
        assert_str(region_report_of(loop.region, weak_arn)->compliance,
                   comes_back ? "NON_COMPLIANT" : "NOT_APPLICABLE");
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

#define OTHER_RULE                                                                                 \
    ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"strictest\\\"}\",\"configRuleName\":\"strict\""
#define SAME_RULE                                                                                  \
    ",\"ruleParameters\":\"{\\\"desyncMode\\\":\\\"Strictest, 'defensive'\\\","                    \
    "\\\"internalMode\\\":\\\"defensive\\\",\\\"maxExceptionDays\\\":\\\"\\\"}\""

static void b5_rule_of_another_policy_reports_and_does_nothing_else(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    size_t writes = loop.table->writes;
    handle(config_change("token", OTHER_RULE), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_str(region_report_of(loop.region, weak_arn)->compliance, "NON_COMPLIANT");
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop.message_count, 0);
    assert_int_equal(loop.start_count, 0);
    assert_int_equal(loop.table->writes, writes);
    assert_true(loop_says(&loop.copies[0], "{\"resourceId\":\"strict\",\"action\":\"remember\","
                                           "\"status\":\"skipped\""));
    assert_int_equal(loop_logged(&loop, "other_policy"), 1);
    /* the same policy, written another way, acts */
    handle(config_change("token", SAME_RULE), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(loop_logged(&loop, "other_policy"), 1);
}

static void b5_sweep_of_another_policy_reports_and_does_nothing_else(void **state) {
    (void)state;
    static const char SCHEDULED[] =
        "{\"invokingEvent\":\"{\\\"messageType\\\":\\\"ScheduledNotification\\\","
        "\\\"notificationCreationTime\\\":\\\"2026-11-23T07:59:57.400Z\\\"}\","
        "\"resultToken\":\"token\"" OTHER_RULE "}";
    begin(VARIABLES(LOOP_ALL));
    handle(STR(SCHEDULED), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.region->reported_count, 3);
    assert_string_equal(weak->mode, "monitor");
    assert_int_equal(loop.message_count, 0);
    assert_int_equal(loop.table->count, 0);
    assert_int_equal(loop_logged(&loop, "other_policy"), 1);
}

/* What left the scope of another rule is still in ours. */
static void b5_rule_of_another_policy_ends_no_incident(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger"));
    handle(config_change("token", ""), "r1");
    assert_int_equal(loop_open_incidents(&loop), 1);
    handle(config_change("token", ",\"eventLeftScope\":true" OTHER_RULE), "r2");
    loop_succeeded(&loop.copies[0]);
    assert_str(region_report_of(loop.region, weak_arn)->compliance, "NOT_APPLICABLE");
    assert_int_equal(loop_open_incidents(&loop), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(a_late_item_opens_no_incident_on_a_mode_that_is_fine),
        TEST(config_item_is_read_live_corrected_and_reevaluated),
        TEST(a6_failed_reevaluation_after_a_config_item_is_started_by_the_retry),
        TEST(outdated_config_item_changes_nothing),
        TEST(what_is_only_a_test_leads_to_nothing),
        TEST(a_sweep_corrects_what_it_finds),
        TEST(a_mode_raised_since_it_was_read_is_not_lowered),
        TEST(load_balancer_not_found_twice_is_reported_as_deleted),
        TEST(b5_rule_of_another_policy_reports_and_does_nothing_else),
        TEST(b5_sweep_of_another_policy_reports_and_does_nothing_else),
        TEST(b5_rule_of_another_policy_ends_no_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
