/* SPDX-License-Identifier: Apache-2.0
 *
 * Alerts, and how often: on transitions only, none twice, those that reached nobody
 * later; AWS Config asked once a minute; findings for Security Hub.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR           INT64_C(3600000)
#define DAY            (24 * HOUR)
/* Nothing is corrected, so that an incident stays open. */
#define WATCH                                                                                      \
    "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC, "CONFIG_RULE_NAME", LOOP_RULE,         \
        "ELB_REQUESTS_PER_SECOND", "off", "REEVALUATE", "verdicts"

static struct loop loop;
static struct region_member *weak;
static int event_number;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[1];
    event_number = 0;
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

/* Some call, each time another one, with the load balancer in this mode. */
static void see(const char *mode, int64_t after_ms) {
    str id = str_format(&loop.fake.arena, "e%d", ++event_number);
    const struct loop_call call = {.id = id.ptr};
    weak->mode = mode;
    loop.fake.now_ms += after_ms;
    loop_handle(&loop.copies[0], loop_event(&loop, &call, weak->arn), id.ptr);
}

static void incident_is_alerted_when_opened_and_when_closed(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    for (int i = 0; i < 3; i++) {
        see("monitor", HOUR);
    }
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 1);
    for (int i = 0; i < 3; i++) {
        see("defensive", HOUR);
    }
    assert_int_equal(loop.message_count, 2);
    assert_int_equal(loop_alert_count(&loop, "Resolved"), 1);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 1);
    assert_int_equal(loop_open_incidents(&loop), 0);
    see("monitor", HOUR);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 2);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 2);
}

static void f4_flapping_load_balancer_is_alerted_once_until_it_is_quiet(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    for (int i = 0; i < 13; i++) {
        see(i % 2 == 0 ? "monitor" : "defensive", 2 * 60000);
        loop_succeeded(&loop.copies[0]);
    }
    assert_int_equal(loop.message_count, 4);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant: "), 2);
    assert_int_equal(loop_alert_count(&loop, "Resolved: "), 1);
    assert_int_equal(loop_alert_count(&loop, "Flapping: "), 1);
    assert_true(str_contains(loop.messages[3].text, STR("Last changed by: " LOOP_WRITER)));
    see("monitor", HOUR); /* it was weak at the end, and is so still */
    assert_int_equal(loop.message_count, 5);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant: "), 3);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 7); /* all are recorded */
}

static void a_compliant_load_balancer_is_not_alerted(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    see("defensive", 0);
    see("strictest", HOUR);
    assert_int_equal(loop.message_count, 0);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 0);
}

static void open_incident_is_escalated_once_a_day_by_a_sweep(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, "MAX_NON_COMPLIANT_DAYS", "2"));
    see("monitor", 0);
    for (int i = 0; i < 4 * 5; i++) {
        loop.fake.now_ms += 6 * HOUR;
        loop_handle(&loop.copies[i % 2], STR("{\"action\":\"sweep\"}"), "sweep");
        loop_succeeded(&loop.copies[i % 2]);
    }
    /* Found at 08:00; days 2 (from 14:00), 3, 4 and 5 (until 08:00). */
    assert_int_equal(loop_alert_count(&loop, "Non-compliant for"), 4);
    assert_int_equal(loop.message_count, 1 + 4);
}

static void an_exception_is_alerted_as_expiring_and_as_expired_once_each(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    weak->tags = "<member><Key>desync-exception-until</Key><Value>2026-11-25</Value></member>"
                 "<member><Key>desync-exception-reason</Key><Value>old</Value></member>"
                 "<member><Key>desync-exception-approver</Key><Value>jane</Value></member>";
    for (int i = 0; i < 6; i++) {
        see("monitor", DAY);
    }
    assert_int_equal(loop_alert_count(&loop, "Exception ends 2026-11-25"), 1);
    assert_int_equal(loop_alert_count(&loop, "Exception ended 2026-11-25"), 1);
    assert_int_equal(loop.message_count, 2); /* that it is non-compliant now goes without saying */
}

/* ---- what SNS does with it ---- */

static void refuse_messages(struct fake_answer answer) {
    loop.fault =
        (struct loop_fault){.nth = 1, .is_lasting = true, .match = ASKS_PUBLISH, .answer = answer};
    loop.fault_calls = 0;
}

static void accept_messages(void) {
    loop.fault = (struct loop_fault){.nth = 0};
}

#define NOT_ALLOWED                                                                                \
    { .http_status = 403, .body = BODY(TROUBLE_XML("AuthorizationError")) }

static void alert_refused_by_sns_is_published_by_the_next_invocation(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    refuse_messages((struct fake_answer)NOT_ALLOWED);
    see("monitor", 0);
    assert_str(loop.copies[0].reply.error_type, "Function.ActionFailed");
    see("monitor", HOUR);
    accept_messages();
    see("monitor", HOUR);
    loop_succeeded(&loop.copies[0]);
    see("monitor", HOUR);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 1);
    refuse_messages((struct fake_answer)NOT_ALLOWED);
    see("defensive", HOUR);
    accept_messages();
    see("defensive", HOUR);
    see("defensive", HOUR);
    assert_int_equal(loop_alert_count(&loop, "Resolved"), 1);
    assert_int_equal(loop.message_count, 2);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 1);
    assert_int_equal(loop_open_incidents(&loop), 0);
}

static void correction_alert_refused_by_sns_is_published_by_the_lambda_retry(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    const struct loop_call call = {.id = "e1"};
    loop.fault = (struct loop_fault){
        .nth = 1, .match = ASKS_PUBLISH, .answer = (struct fake_answer)NOT_ALLOWED};
    loop_deliver(&loop.copies[0], loop_event(&loop, &call, weak->arn), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
    assert_true(str_contains(loop.messages[0].text, STR("from monitor to defensive")));
    assert_int_equal(loop.modify_count, 1);
    assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 1);
}

static void an_incident_that_ended_before_it_was_alerted_is_not_alerted(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    refuse_messages((struct fake_answer)NOT_ALLOWED);
    see("monitor", 0);
    accept_messages();
    see("defensive", HOUR);
    see("defensive", HOUR);
    assert_int_equal(loop.message_count, 0);
}

static void an_alert_that_may_have_been_published_is_not_published_again(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct fake_answer answer;
        bool is_after;
    } rows[] = {
        {"published, answer lost", {.status = STATUS_CONNECTION}, true},
        {"published, answer late", {.status = STATUS_TIMEOUT}, true},
        {"published, then 500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, true},
        {"published, garbage", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, true},
        {"not published, but who knows", {.status = STATUS_CONNECTION}, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(WATCH));
        refuse_messages(rows[i].answer);
        loop.fault.is_after = rows[i].is_after;
        see("monitor", 0);
        accept_messages();
        see("monitor", HOUR);
        if (loop.message_count != (rows[i].is_after ? 1 : 0)) {
            fail_msg("%s: %zu messages", rows[i].name, loop.message_count);
        }
        loop_end(&loop);
    }
    begin(VARIABLES(WATCH));
}

static void refused_alert_stays_due_when_records_cannot_be_written(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    /* One fault for both: the message, and the first write of the incident. */
    loop.fault = (struct loop_fault){.nth = 1,
                                     .is_lasting = true,
                                     .match = ASKS_PUBLISH,
                                     .answer = (struct fake_answer)NOT_ALLOWED};
    fake_answer(&loop.fake,
                (struct fake_answer){
                    .match = "INCIDENT#",
                    .http_status = 400,
                    .body = STR("{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")});
    see("monitor", 0);
    accept_messages();
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 0);
    see("monitor", HOUR);
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_open_incidents(&loop), 1);
}

/* ---- AWS Config and Security Hub ---- */

static void all_sandboxes_start_one_reevaluation_a_minute(void **state) {
    (void)state;
    begin(VARIABLES(WATCH));
    see("monitor", 0);
    assert_true(loop_says(&loop.copies[0], "\"reevaluate\",\"status\":\"done\""));
    see("defensive", 1000);
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"reevaluate\",\"status\":\"skipped\""));
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_START), 1);
    see("monitor", 60000);
    assert_int_equal(loop.start_count, 2);
    see("monitor", DAY);
    assert_int_equal(loop.start_count, 2); /* nothing new */
}

/* An organization rule has a name of its own in each member account. */
static void a_rule_that_a_member_account_lacks_is_no_failure_but_our_own_is(void **state) {
    (void)state;
    static const struct {
        const char *own_account;
        bool is_failure;
    } rows[] = {{"999999999999", false}, {"111122223333", true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(WATCH, "CROSS_ACCOUNT_ROLE", "reader", "ALLOWED_ACCOUNTS", "111122223333"));
        for (size_t n = 0; n < 12; n++) {
            loop.copies[0].guard.own_account[n] = rows[i].own_account[n];
        }
        loop.fault = (struct loop_fault){
            .nth = 1,
            .is_lasting = true,
            .match = ASKS_START,
            .answer = {.http_status = 400,
                       .body =
                           BODY("{\"__type\":\"NoSuchConfigRuleException\",\"message\":\"\"}")}};
        see("monitor", 0);
        assert_int_equal(loop.fault_hits, 1);
        assert_int_equal(loop.copies[0].reply.is_error, rows[i].is_failure);
        assert_int_equal(loop_says(&loop.copies[0], "an organization rule has another one there"),
                         !rows[i].is_failure);
        loop_end(&loop);
    }
    begin(VARIABLES(WATCH));
}

static void without_a_table_limit_errors_of_config_are_ignored(void **state) {
    (void)state;
    begin(VARIABLES("CONFIG_RULE_NAME", LOOP_RULE, "REEVALUATE", "verdicts"));
    see("monitor", 0);
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.start_count, 1);
    see("defensive", 1000);
    loop_succeeded(&loop.copies[0]);
    assert_true(loop_says(&loop.copies[0], "\"reevaluate\",\"status\":\"skipped\""));
    assert_int_equal(loop.start_count, 1);
    see("defensive", 60000);
    assert_int_equal(loop.start_count, 2);
}

static void a_finding_is_imported_with_each_transition(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, "SECURITY_HUB", "on"));
    see("monitor", 0);
    see("monitor", HOUR);
    assert_int_equal(loop.finding_count, 1);
    see("defensive", HOUR);
    assert_int_equal(loop.finding_count, 2);
}

static void a_finding_that_was_refused_is_imported_the_next_time(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, "SECURITY_HUB", "on"));
    loop.fault = (struct loop_fault){
        .nth = 1,
        .match = "//securityhub.",
        .answer = {.http_status = 403,
                   .body = BODY("{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}")}};
    see("monitor", 0);
    assert_true(loop.copies[0].reply.is_error);
    assert_int_equal(loop.finding_count, 0);
    see("monitor", HOUR);
    loop_succeeded(&loop.copies[0]);
    see("monitor", HOUR);
    assert_int_equal(loop.finding_count, 1);
    assert_int_equal(loop.message_count, 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(incident_is_alerted_when_opened_and_when_closed),
        TEST(f4_flapping_load_balancer_is_alerted_once_until_it_is_quiet),
        TEST(a_compliant_load_balancer_is_not_alerted),
        TEST(open_incident_is_escalated_once_a_day_by_a_sweep),
        TEST(an_exception_is_alerted_as_expiring_and_as_expired_once_each),
        TEST(alert_refused_by_sns_is_published_by_the_next_invocation),
        TEST(correction_alert_refused_by_sns_is_published_by_the_lambda_retry),
        TEST(an_incident_that_ended_before_it_was_alerted_is_not_alerted),
        TEST(an_alert_that_may_have_been_published_is_not_published_again),
        TEST(refused_alert_stays_due_when_records_cannot_be_written),
        TEST(all_sandboxes_start_one_reevaluation_a_minute),
        TEST(a_rule_that_a_member_account_lacks_is_no_failure_but_our_own_is),
        TEST(without_a_table_limit_errors_of_config_are_ignored),
        TEST(a_finding_is_imported_with_each_transition),
        TEST(a_finding_that_was_refused_is_imported_the_next_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
