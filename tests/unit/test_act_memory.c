/* SPDX-License-Identifier: Apache-2.0
 *
 * What STATE remembers across invocations: that a mode was going to be raised, the scheme, what
 * Security Hub got, and the alerts that could not be sent yet.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR           INT64_C(3600000)
#define ASKS_INTENT    "DynamoDB_20120810.UpdateItem"
#define ASKS_LISTING   "Action=DescribeLoadBalancers&"

static struct loop loop;
static struct region_member *weak;

static void begin(const char *const *variables, size_t count) {
    loop_begin(&loop, variables, count);
    weak = &loop.region->members[1]; /* in monitor */
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void see(const char *id) {
    const struct loop_call call = {.id = id};
    loop_handle(&loop.copies[0], loop_event(&loop, &call, weak->arn), id);
}

/* Another set of variables, as when the stack is updated. */
static void restart(const char *const *variables) {
    arena_clean_up(&loop.copies[0].process);
    arena_clean_up(&loop.copies[0].arena);
    loop.variables = variables;
    loop_start_copy(&loop, &loop.copies[0]);
}

/* ---- the intent ---- */

static void crash_after(const char *match, size_t nth) {
    loop.fault = (struct loop_fault){
        .nth = nth, .match = match, .is_lasting = true, .answer = {.status = STATUS_CONNECTION}};
    loop.fault_calls = 0;
}

/* The invocation crashes after the mode was raised. */
static void crash_after_raising(void) {
    crash_after("DynamoDB_20120810.TransactWriteItems", 1); /* all goes well before STATE */
    see("e1");
    assert_true(loop.copies[0].reply.is_error);
    assert_string_equal(weak->mode, "defensive");
    loop.fault = (struct loop_fault){.nth = 0};
    loop.fake.now_ms += 10 * 60000;
}

static void a_mode_raised_before_a_crash_is_counted_recorded_and_alerted(void **state) {
    (void)state;
    static const char *const NEXT[] = {"e1", "e2"}; /* the repeat, or any other call */
    for (size_t i = 0; i < COUNT(NEXT); i++) {
        begin(VARIABLES(LOOP_ALL), 3);
        crash_after_raising();
        assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 0);
        see(NEXT[i]);
        see("e3");
        loop_succeeded(&loop.copies[0]);
        const struct table_item *change = table_first(loop.table, weak->arn, "CHANGE#");
        assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 1);
        assert_str(table_text(change, "before"), "monitor");
        assert_str(table_text(change, "lastWriter"), LOOP_WRITER);
        assert_int_equal(loop.message_count, 1);
        assert_int_equal(loop_alert_count(&loop, "Mode raised"), 1);
        const struct table_item *item = table_first(loop.table, weak->arn, "STATE");
        assert_int_equal(table_text(item, "corrections").len, 24);
        assert_str(table_text(item, "intent"), "");
        assert_int_equal(loop_open_incidents(&loop), 0);
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL), 3);
}

static void a_mode_that_somebody_else_raises_is_not_ours(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL), 3);
    loop.fault = (struct loop_fault){
        .nth = 1,
        .is_lasting = true,
        .match = ASKS_MODIFY,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    see("e1");
    assert_true(loop.copies[0].reply.is_error);
    loop.fault = (struct loop_fault){.nth = 0};
    weak->mode = "defensive"; /* by hand */
    loop.fake.now_ms += HOUR;
    see("e2");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 0);
    assert_int_equal(loop_alert_count(&loop, "Mode raised"), 0);
}

static void without_the_table_no_mode_is_raised(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL), 3);
    crash_after(ASKS_INTENT, 1);
    see("e1");
    assert_true(loop.copies[0].reply.is_error);
    assert_int_equal(loop.modify_count, 0);
}

/* ---- the scheme ---- */

#define BY_SCHEME LOOP_ALL, "INTERNET_FACING_MODE", "strictest"

static size_t calls_before_modify(void) {
    size_t count = 0;
    while (!fake_matches(&loop.fake, &loop.fake.requests[count].http, ASKS_MODIFY)) {
        count++;
        assert_true(count < loop.fake.request_count);
    }
    return count;
}

static void change_follows_seven_calls_for_any_scheme(void **state) {
    (void)state;
    begin(VARIABLES(BY_SCHEME), 3);
    weak->is_exposed = true;
    see("e1"); /* never seen before: what is required is found out after the change */
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(calls_before_modify(), 7);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_LISTING), 1);
    const struct table_item *item = table_first(loop.table, weak->arn, "STATE");
    assert_str(table_text(item, "scheme"), "internet-facing");
    assert_str(table_text(item, "requiredMode"), "strictest");
    assert_str(table_text(item, "compliance"), "NON_COMPLIANT");
    assert_true(str_contains(loop.messages[0].text, STR("strictest")));
    weak->mode = "monitor";
    loop.fake.now_ms += HOUR;
    see("e2"); /* remembered */
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 2);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_LISTING), 1);
}

static void scheme_of_a_new_load_balancer_is_read_from_the_create_call(void **state) {
    (void)state;
    begin(VARIABLES(BY_SCHEME), 3);
    const struct loop_call call = {.name = "CreateLoadBalancer", .id = "e1"};
    str members = str_format(&loop.fake.arena,
                             "\"responseElements\":{\"loadBalancers\":[{\"loadBalancerArn\":\""
                             "%" STR_FMT "\",\"scheme\":\"internal\"}]}",
                             STR_ARG(weak->arn));
    loop_handle(&loop.copies[0], loop_event_of(&loop, &call, members), "r1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(calls_before_modify(), 7);
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_LISTING), 0);
    const struct table_item *item = table_first(loop.table, weak->arn, "STATE");
    assert_str(table_text(item, "scheme"), "internal");
    assert_str(table_text(item, "requiredMode"), "defensive");
    assert_str(table_text(item, "compliance"), "COMPLIANT");
}

static void a_scheme_that_decides_is_read_before_the_verdict(void **state) {
    (void)state;
    begin(VARIABLES(BY_SCHEME), 3);
    weak->mode = "defensive";
    weak->is_exposed = true;
    see("e1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.modify_count, 0);
    assert_true(loop_says(&loop.copies[0], "\"requiredMode\":\"strictest\""));
    loop.fake.now_ms += HOUR;
    see("e2");
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_LISTING), 1);
}

static void a_scheme_that_cannot_be_read_after_the_change_loses_nothing(void **state) {
    (void)state;
    begin(VARIABLES(BY_SCHEME), 3);
    crash_after(ASKS_LISTING, 1);
    see("e1");
    assert_true(loop.copies[0].reply.is_error);
    assert_string_equal(weak->mode, "defensive");
    loop.fault = (struct loop_fault){.nth = 0};
    see("e1");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(table_count(loop.table, weak->arn, "CHANGE#"), 1);
    assert_int_equal(loop.message_count, 1);
}

/* ---- alerts that could not be sent yet ---- */

#define SILENT "STATE_TABLE", "ledger", "ELB_REQUESTS_PER_SECOND", "off"
#define SWEEP  STR("{\"action\":\"sweep\"}")

static void open_incident_is_alerted_once_a_topic_is_set(void **state) {
    (void)state;
    begin(VARIABLES(SILENT), 3);
    see("e1");
    loop.fake.now_ms += HOUR;
    restart(VARIABLES(SILENT, "ALERT_TOPIC_ARN", LOOP_TOPIC));
    for (int i = 0; i < 3; i++) {
        loop_handle(&loop.copies[0], SWEEP, "sweep");
        loop_succeeded(&loop.copies[0]);
    }
    assert_int_equal(loop.message_count, 1);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 1);
    assert_int_equal(table_count(loop.table, weak->arn, "INCIDENT#"), 1);
}

static void incident_closed_before_a_topic_was_set_is_not_alerted(void **state) {
    (void)state;
    begin(VARIABLES(SILENT, "ENFORCEMENT", "enforce"), 3);
    see("e1");
    assert_string_equal(weak->mode, "defensive");
    restart(VARIABLES(LOOP_ALL));
    loop.fake.now_ms += HOUR;
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.message_count, 0);
}

static void findings_are_imported_by_the_hundred(void **state) {
    (void)state;
    begin(VARIABLES(SILENT, "SECURITY_HUB", "on"), 150);
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.finding_count, 150);
    assert_int_equal(loop.import_count, 2);
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    assert_int_equal(loop.import_count, 2);
}

static void a_batch_that_is_refused_is_imported_the_next_time(void **state) {
    (void)state;
    begin(VARIABLES(SILENT, "SECURITY_HUB", "on"), 150);
    loop.fault = (struct loop_fault){
        .nth = 2,
        .match = "//securityhub.",
        .answer = {.http_status = 400,
                   .body = BODY("{\"__type\":\"InvalidInputException\",\"message\":\"no\"}")}};
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    assert_str(loop.copies[0].reply.error_type, "Function.ActionFailed");
    assert_int_equal(loop.finding_count, 100);
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(loop.finding_count, 150);
}

static void incident_older_than_security_hub_is_imported_once(void **state) {
    (void)state;
    begin(VARIABLES(SILENT), 3);
    see("e1");
    restart(VARIABLES(SILENT, "SECURITY_HUB", "on"));
    for (int i = 0; i < 2; i++) {
        loop_handle(&loop.copies[0], SWEEP, "sweep");
        loop_succeeded(&loop.copies[0]);
        assert_int_equal(loop.finding_count, 3);
    }
    weak->mode = "defensive";
    loop_handle(&loop.copies[0], SWEEP, "sweep");
    assert_int_equal(loop.finding_count, 4);
}

static void incident_age_is_a_finding_in_the_response(void **state) {
    (void)state;
    begin(VARIABLES(SILENT, "MAX_NON_COMPLIANT_DAYS", "2"), 3);
    see("e1");
    assert_false(loop_says(&loop.copies[0], "NON_COMPLIANT_TOO_LONG"));
    loop.fake.now_ms += 49 * HOUR;
    see("e2");
    assert_true(loop_says(&loop.copies[0], "NON_COMPLIANT_TOO_LONG"));
    assert_true(loop_says(&loop.copies[0], "since 2026-11-23"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(a_mode_raised_before_a_crash_is_counted_recorded_and_alerted),
        TEST(a_mode_that_somebody_else_raises_is_not_ours),
        TEST(without_the_table_no_mode_is_raised),
        TEST(change_follows_seven_calls_for_any_scheme),
        TEST(scheme_of_a_new_load_balancer_is_read_from_the_create_call),
        TEST(a_scheme_that_decides_is_read_before_the_verdict),
        TEST(a_scheme_that_cannot_be_read_after_the_change_loses_nothing),
        TEST(open_incident_is_alerted_once_a_topic_is_set),
        TEST(incident_closed_before_a_topic_was_set_is_not_alerted),
        TEST(findings_are_imported_by_the_hundred),
        TEST(a_batch_that_is_refused_is_imported_the_next_time),
        TEST(incident_older_than_security_hub_is_imported_once),
        TEST(incident_age_is_a_finding_in_the_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
