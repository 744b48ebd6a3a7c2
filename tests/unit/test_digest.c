/* SPDX-License-Identifier: Apache-2.0
 *
 * Escalations: one message for an owner and day, whatever sweeps, copies and failures there are.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR           INT64_C(3600000)
#define DAY            (24 * HOUR)
#define SWEEP          STR("{\"action\":\"sweep\"}")
#define TEAM(name)     "<member><Key>Team</Key><Value>" name "</Value></member>"
#define WATCH          "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC, "OWNER_TAGS", "Team"
#define FAST           "ELB_REQUESTS_PER_SECOND", "off"
#define TOO_LONG       "Non-compliant for too long"
#define REFUSED                                                                                    \
    { .http_status = 403, .body = BODY(TROUBLE_XML("AuthorizationError")) }

static struct loop loop;

/* All in monitor for ten days, which their owners were told then; the last one is team-b's. */
static void begin(const char *const *variables, size_t count) {
    loop_begin(&loop, variables, count);
    for (size_t i = 0; i < count; i++) {
        struct region_member *member = &loop.region->members[i];
        bool is_last = i + 1 == count;
        member->mode = "monitor";
        member->tags = is_last ? TEAM("team-b") : TEAM("team-a");
        (void)table_plant(loop.table, member->arn,
                          PAIRS("sk", "STATE", "+version", "1", "compliance", "NON_COMPLIANT",
                                "mode", "monitor", "requiredMode", "defensive", "grade", "F",
                                "owner", is_last ? "team-b" : "team-a", "findings", "MODE_TOO_WEAK",
                                "factsTime", "2026-11-13T08:00:00.000Z", "nonCompliantSince",
                                "2026-11-13T08:00:00.000Z", "toldSince", "2026-11-13T08:00:00.000Z",
                                "+escalatedDay", "20779", "+untold",
                                "8" /* 0.1.0: an escalation that reached nobody */));
    }
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void sweep(size_t copy) {
    static int number;
    str id = str_format(&loop.fake.arena, "sweep-%d", ++number);
    loop_handle(&loop.copies[copy], SWEEP, id.ptr);
}

static void f4_escalations_of_an_owner_are_one_message_a_day(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, FAST), 40);
    for (int i = 0; i < 12; i++) {
        sweep((size_t)i % 2);
        loop_succeeded(&loop.copies[i % 2]);
        loop.fake.now_ms += 6 * HOUR;
    }
    /* From 08:00 to 02:00 three days later: four days, two owners. */
    assert_int_equal(loop.message_count, 4 * 2);
    assert_int_equal(loop_alert_count(&loop, TOO_LONG ": 39 load balancers"), 4);
    assert_int_equal(loop_alert_count(&loop, "days: lb-39, mode monitor (requires defensive)"), 4);
    str text = loop.messages[0].text;
    for (size_t i = 0; i < 39; i++) {
        str line = str_format(&loop.fake.arena, "- lb-%zu: mode monitor, requires defensive", i);
        assert_true(str_contains(text, line));
    }
    assert_false(str_contains(text, STR("lb-39")));
    assert_true(str_contains(text, STR("Owner: team-a\n")));
    /* One alone: everything that its judgement found. */
    assert_true(str_contains(loop.messages[1].text, STR("- HIGH MODE_TOO_WEAK: ")));
    assert_true(str_contains(loop.messages[1].text, STR("Fix it with:\naws elbv2 modify")));
}

static void f4_events_do_not_escalate(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, FAST), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct loop_call call = {.id = "e1"};
        loop_handle(&loop.copies[0], loop_event(&loop, &call, loop.region->members[i].arn), "r1");
        loop_succeeded(&loop.copies[0]);
        assert_true(loop_says(&loop.copies[0], "NON_COMPLIANT_TOO_LONG"));
    }
    assert_int_equal(loop.message_count, 0);
}

static void sweep_elsewhere(struct loop *world) {
    loop_handle(&world->copies[1], SWEEP, "elsewhere");
}

/* Whatever the one sweep is doing, another one runs from its beginning to its end. */
static void f4_two_sweeps_at_once_send_one_message(void **state) {
    (void)state;
    bool is_over = false;
    for (size_t nth = 1; !is_over; nth++) {
        begin(VARIABLES(WATCH, FAST), 4);
        loop.meanwhile = sweep_elsewhere;
        loop.meanwhile_nth = nth;
        sweep(0);
        is_over = loop.meanwhile != NULL;
        if (loop.message_count != 2 || loop_alert_count(&loop, TOO_LONG ": 3 load") != 1) {
            fail_msg("another sweep before call %zu: %zu messages", nth, loop.message_count);
        }
        loop_end(&loop);
    }
    begin(VARIABLES(WATCH, FAST), 1);
}

static void f4_message_that_sns_refused_is_sent_by_the_next_sweep_of_the_day(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, FAST), 4);
    loop.fault =
        (struct loop_fault){.nth = 1, .is_lasting = true, .match = ASKS_PUBLISH, .answer = REFUSED};
    sweep(0);
    assert_str(loop.copies[0].reply.error_type, "Function.ActionFailed");
    loop.fault = (struct loop_fault){.nth = 0};
    for (int i = 0; i < 3; i++) {
        loop.fake.now_ms += HOUR;
        sweep(1);
        loop_succeeded(&loop.copies[1]);
        assert_int_equal(loop.message_count, 2);
    }
}

static void f4_message_that_may_have_been_sent_is_not_sent_again(void **state) {
    (void)state;
    for (int is_after = 0; is_after < 2; is_after++) {
        begin(VARIABLES(WATCH, FAST), 4);
        loop.fault = (struct loop_fault){.nth = 1, /* to the first owner */
                                         .is_after = is_after == 1,
                                         .match = ASKS_PUBLISH,
                                         .answer = {.status = STATUS_CONNECTION}};
        sweep(0);
        assert_true(loop.copies[0].reply.is_error);
        loop.fake.now_ms += HOUR;
        sweep(1);
        loop_succeeded(&loop.copies[1]);
        assert_int_equal(loop_alert_count(&loop, TOO_LONG), is_after);
        loop.fake.now_ms += DAY;
        sweep(1);
        assert_int_equal(loop_alert_count(&loop, TOO_LONG), is_after + 1);
        loop_end(&loop);
    }
    begin(VARIABLES(WATCH, FAST), 1);
}

/* Ends at any call and is repeated by Lambda: no owner gets the message twice, and where nobody
 * knows whether it was sent, the log says so. */
static void f4_crash_at_any_call_sends_no_message_twice(void **state) {
    (void)state;
    bool is_over = false;
    for (size_t nth = 1; !is_over; nth++) {
        begin(VARIABLES(WATCH, FAST), 4);
        loop.fault = (struct loop_fault){
            .nth = nth, .is_lasting = true, .answer = {.status = STATUS_CONNECTION}};
        loop_handle(&loop.copies[0], SWEEP, "r1");
        is_over = loop.fault_hits == 0;
        loop.fault = (struct loop_fault){.nth = 0};
        loop.fake.now_ms += 60000;
        loop_handle(&loop.copies[0], SWEEP, "r1");
        size_t many = loop_alert_count(&loop, TOO_LONG ": 3 load");
        size_t one = loop_alert_count(&loop, "Non-compliant for 10 days");
        if (many > 1 || one > 1 || many + one + loop_logged(&loop, "alert_in_doubt") < 2) {
            fail_msg("crash at call %zu: %zu and %zu messages", nth, many, one);
        }
        loop_end(&loop);
    }
    begin(VARIABLES(WATCH, FAST), 1);
}

/* The first part escalates nothing; the last one does it for all. */
static void f4_sweep_in_parts_sends_one_message_at_its_end(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, "ELB_REQUESTS_PER_SECOND", "1"), 120);
    int parts = 0;
    do {
        sweep(0);
        assert_true(loop.message_count == 0 || !loop.copies[0].reply.is_error);
        loop.fake.now_ms += 60000;
        assert_true(++parts < 10);
    } while (loop.copies[0].reply.is_error);
    assert_true(parts > 1);
    assert_int_equal(loop.message_count, 2);
    assert_int_equal(loop_alert_count(&loop, TOO_LONG ": 119 load balancers"), 1);
    assert_true(str_contains(loop.messages[0].text, STR("- and 69 more\n")));
}

static void f4_unknown_verdict_holds_no_message_up(void **state) {
    (void)state;
    begin(VARIABLES(WATCH, FAST), 4);
    loop.region->members[0].mode = NULL;
    sweep(0);
    assert_str(loop.copies[0].reply.error_type, "Function.VerdictUnknown");
    assert_int_equal(loop.message_count, 2);
    sweep(1);
    assert_int_equal(loop.message_count, 2);
}

static void f4_without_a_topic_nothing_is_claimed(void **state) {
    (void)state;
    begin(VARIABLES("STATE_TABLE", "ledger", "OWNER_TAGS", "Team", FAST), 4);
    sweep(0);
    loop_succeeded(&loop.copies[0]);
    assert_int_equal(fake_requests_with(&loop.fake, "DIGEST#"), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(f4_escalations_of_an_owner_are_one_message_a_day),
        TEST(f4_events_do_not_escalate),
        TEST(f4_two_sweeps_at_once_send_one_message),
        TEST(f4_message_that_sns_refused_is_sent_by_the_next_sweep_of_the_day),
        TEST(f4_message_that_may_have_been_sent_is_not_sent_again),
        TEST(f4_crash_at_any_call_sends_no_message_twice),
        TEST(f4_sweep_in_parts_sends_one_message_at_its_end),
        TEST(f4_unknown_verdict_holds_no_message_up),
        TEST(f4_without_a_topic_nothing_is_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
