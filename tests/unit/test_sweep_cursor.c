/* SPDX-License-Identifier: Apache-2.0
 *
 * Sweeps that one invocation has too little time for: each goes on where the one before it ended,
 * nobody is passed over, and nobody keeps the others waiting.
 */
#include "../../src/app/sweep_internal.h"
#include "promotion_world.h"

#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR           INT64_C(3600000)
#define SWEEP          STR("{\"action\":\"sweep\"}")
#define TABLE_ONLY     "STATE_TABLE", "ledger", "ALERT_TOPIC_ARN", LOOP_TOPIC
#define CURSOR         STR("SWEEP##eu-west-1#"), STR("CURSOR")
#define DENIED                                                                                     \
    { .http_status = 400, .body = STR("{\"__type\":\"AccessDeniedException\"}") }

static struct loop loop;
static struct promotion_world promotion;
static int64_t table_ms; /* what a call to the table takes */

static struct fake_answer respond(void *context, const struct http_request *request) {
    struct fake_answer answer = loop_respond(context, request);
    answer.took_ms = table_is_asked(request) ? table_ms : answer.took_ms;
    return answer;
}

/* All of one mode; the pace is so many calls a second. */
static void begin(size_t count, const char *mode, const char *pace) {
    static const char *variables[7];
    const char *const all[] = {TABLE_ONLY, "ELB_REQUESTS_PER_SECOND", pace, NULL};
    memcpy(variables, all, sizeof variables);
    loop_begin(&loop, variables, count);
    for (size_t i = 0; i < count; i++) {
        loop.region->members[i].mode = mode;
    }
    table_ms = 20;
    loop.fake.respond = respond;
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

static void sweep(void) {
    loop.fake.now_ms += HOUR;
    loop_handle(&loop.copies[0], SWEEP, "sweep");
}

static bool is_remembered(size_t i) {
    return table_find(loop.table, loop.region->members[i].arn, STR("STATE")) != NULL;
}

static size_t remembered(void) {
    size_t count = 0;
    for (size_t i = 0; i < loop.region->count; i++) {
        count += is_remembered(i) ? 1 : 0;
    }
    return count;
}

static bool says(const char *text) {
    return str_contains(loop.copies[0].reply.error_message, str_from_cstr(text));
}

/* Sweeps until one succeeds; each acts on more than those before it. */
static void sweep_to_the_end(int runs_max) {
    int runs = 0;
    do {
        size_t before = remembered();
        sweep();
        assert_true(remembered() > before || remembered() == loop.region->count);
        assert_true(++runs <= runs_max);
    } while (loop.copies[0].reply.is_error);
    assert_int_equal(remembered(), loop.region->count);
}

/* Reading leaves half of the time, and the table needs more than that. */
static void sweeps_with_a_slow_table_complete(void **state) {
    (void)state;
    begin(200, "defensive", "9");
    table_ms = 500;
    sweep_to_the_end(8);
    assert_true(str_is_empty(table_text(table_find(loop.table, CURSOR), "cursor")));
}

static void a_sweep_with_time_for_all_writes_no_cursor(void **state) {
    (void)state;
    begin(20, "defensive", "9");
    sweep();
    loop_succeeded(&loop.copies[0]);
    assert_null(table_find(loop.table, CURSOR));
}

/* The next sweep alone sends the alert that was late. */
static void an_alert_that_was_not_sent_in_time_is_sent_by_the_next_sweep(void **state) {
    (void)state;
    begin(120, "defensive", "2");
    for (size_t i = 0; i < 120; i += 2) {
        loop.region->members[i].mode = "monitor";
    }
    sweep_to_the_end(6);
    assert_int_equal(loop.message_count, 60);
    assert_int_equal(loop_alert_count(&loop, "Non-compliant"), 60);
    assert_int_equal(loop_open_incidents(&loop), 60);
}

/* The fifth in the order of ARNs: lb-0, lb-1, lb-10, lb-100, lb-101. */
#define FIFTH 101

static void a_load_balancer_that_failed_is_tried_again_by_the_next_sweep(void **state) {
    (void)state;
    begin(350, "defensive", "4");
    loop.fault =
        (struct loop_fault){.nth = 1, .is_lasting = true, .match = "app/lb-101/", .answer = DENIED};
    sweep();
    assert_true(loop.fault_hits > 0);
    assert_false(is_remembered(FIFTH));
    assert_true(remembered() > 4);
    loop.fault.nth = 0;
    sweep();
    assert_true(is_remembered(FIFTH));
    assert_true(says("4 were judged by the invocations before this one"));
}

static void a_load_balancer_that_always_fails_is_tried_twice_and_passed(void **state) {
    (void)state;
    begin(350, "defensive", "4");
    loop.fault =
        (struct loop_fault){.nth = 1, .is_lasting = true, .match = "app/lb-101/", .answer = DENIED};
    size_t warned_count = 0;
    for (int i = 0; i < 8 && remembered() < 349; i++) {
        sweep();
        warned_count += says("not all could be acted on") ? 1 : 0;
    }
    assert_int_equal(remembered(), 349);
    assert_int_equal(warned_count, 2); /* tried again, then passed */
    assert_false(is_remembered(FIFTH));
}

/* The first of those at the same time says where to go on, and what was left unknown. */
static void overwrite_the_cursor(struct loop *world) {
    (void)table_plant(world->table, STR("SWEEP##eu-west-1#"),
                      PAIRS("sk", "CURSOR", "+version", "5", "+expires_at", "1795999999", "cursor",
                            "another", "flaw", "unknown"));
}

/* What no sweep ever wrote is replaced, and nothing is added to it. */
static void a_cursor_of_impossible_numbers_is_replaced(void **state) {
    (void)state;
    static const char *const NUMBERS[] = {"9223372036854775807", "-9223372036854775808",
                                          "9223372036854775", "1E+300"};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        begin(350, "defensive", "4"); /* more than there is time for */
        (void)table_plant(loop.table, STR("SWEEP##eu-west-1#"),
                          PAIRS("sk", "CURSOR", "+version", NUMBERS[i], "+expires_at", NUMBERS[i],
                                "cursor", "arn:nothing"));
        sweep();
        const struct table_item *cursor = table_find(loop.table, CURSOR);
        if (!str_eq(table_text(cursor, "version"), STR("1")) ||
            str_eq(table_text(cursor, "cursor"), STR("arn:nothing"))) {
            fail_msg("%s", NUMBERS[i]);
        }
        loop_end(&loop);
    }
    begin(1, "defensive", "9");
}

static void another_sweep_s_cursor_is_not_overwritten(void **state) {
    (void)state;
    for (int is_there = 0; is_there <= 1; is_there++) {
        begin(350, "defensive", "4");
        if (is_there == 1) {
            (void)table_plant(loop.table, STR("SWEEP##eu-west-1#"),
                              PAIRS("sk", "CURSOR", "+version", "4", "+expires_at", "1795999999"));
        }
        loop.meanwhile = overwrite_the_cursor;
        loop.meanwhile_match = ASKS_ATTRIBUTES;
        loop.meanwhile_nth = 1;
        sweep();
        const struct table_item *cursor = table_find(loop.table, CURSOR);
        assert_str(table_text(cursor, "version"), "5");
        assert_str(table_text(cursor, "cursor"), "another");
        assert_str(table_text(cursor, "flaw"), "unknown");
        assert_true(says("not reached in time"));
        assert_false(says("not all could be acted on"));
        loop_end(&loop);
    }
    begin(0, "defensive", "4");
}

/* One that is unknown behind the cursor will be read again. */
static void only_an_unknown_verdict_before_the_cursor_is_a_flaw(void **state) {
    (void)state;
    static const size_t unknown[] = {2, 40};
    for (size_t i = 0; i < 2; i++) {
        begin(100, "defensive", "9");
        table_ms = 1000;
        loop.region->members[unknown[i]].mode = NULL;
        sweep();
        const struct table_item *cursor = table_find(loop.table, CURSOR);
        bool is_behind =
            str_compare(table_text(cursor, "cursor"), loop.region->members[unknown[i]].arn) < 0;
        assert_int_equal(is_behind, i == 1);
        assert_int_equal(str_is_empty(table_text(cursor, "flaw")), is_behind);
        loop_end(&loop);
    }
    begin(0, "defensive", "4");
}

static void table_that_never_answers_costs_no_verdict(void **state) {
    (void)state;
    begin(150, "defensive", "9");
    loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = "DynamoDB", .answer = {.status = STATUS_TIMEOUT}};
    sweep();
    assert_true(says("150 were judged"));
    assert_true(says("0 were not reached in time"));
}

static void a_resumed_sweep_promotes_nothing_and_says_why(void **state) {
    (void)state;
    promotion_world_begin(&promotion, VARIABLES(PROMOTION_ALL), 3);
    for (size_t i = 0; i < 3; i++) {
        promotion_log(&promotion, i, "5000", "0");
    }
    str first = promotion_member(&promotion, 0)->arn;
    (void)table_plant(promotion.loop.table, STR("SWEEP##eu-west-1#"),
                      PAIRS("sk", "CURSOR", "+version", "1", "+expires_at", "1795999999", "cursor",
                            str_to_cstr(&promotion.loop.fake.arena, first)));
    promotion_sweep(&promotion, 0, "r1");
    loop_succeeded(&promotion.loop.copies[0]);
    assert_true(loop_says(&promotion.loop.copies[0], "did not see all of them in one run"));
    assert_int_equal(promotion.loop.modify_count, 0);
    promotion_sweep(&promotion, 0, "r2");
    assert_int_equal(promotion.loop.modify_count, 3);
    loop_end(&promotion.loop);
    begin(0, "defensive", "4");
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(sweeps_with_a_slow_table_complete),
        TEST(a_sweep_with_time_for_all_writes_no_cursor),
        TEST(an_alert_that_was_not_sent_in_time_is_sent_by_the_next_sweep),
        TEST(a_load_balancer_that_failed_is_tried_again_by_the_next_sweep),
        TEST(a_load_balancer_that_always_fails_is_tried_twice_and_passed),
        TEST(a_cursor_of_impossible_numbers_is_replaced),
        TEST(another_sweep_s_cursor_is_not_overwritten),
        TEST(only_an_unknown_verdict_before_the_cursor_is_a_flaw),
        TEST(table_that_never_answers_costs_no_verdict),
        TEST(a_resumed_sweep_promotes_nothing_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
