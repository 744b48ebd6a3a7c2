/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch over a mode that enforcement raised from monitor to defensive.
 */
#include "promotion_world.h"

static const char *const EVERYTHING[] = {LOOP_ALL, "PROMOTION", "enforce", PROMOTION_ONE_DAY, NULL};

static struct promotion_world world;
static int64_t raised_ms;

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

/* One load balancer, raised now, with 6000 requests a day before. */
static int begin(void **state) {
    (void)state;
    promotion_world_begin(&world, EVERYTHING, 2);
    struct region_member *weak = promotion_member(&world, 0);
    weak->mode = "monitor";
    const struct loop_call call = {.id = "e1"};
    raised_ms = world.loop.fake.now_ms;
    for (int day = 1; day <= 7; day++) {
        promotion_count(&world, weak->arn, "RequestCount", raised_ms - day * MS_PER_DAY, 6000);
    }
    loop_handle(&world.loop.copies[0], loop_event(&world.loop, &call, weak->arn), "e1");
    loop_succeeded(&world.loop.copies[0]);
    assert_string_equal(weak->mode, "defensive");
    assert_int_equal(loop_alert_count(&world.loop, "Mode raised"), 1);
    return 0;
}

static struct table_item *raise_item(void) {
    str sk = str_format(&world.loop.fake.arena, "%" STR_FMT "#raise",
                        STR_ARG(promotion_member(&world, 0)->arn));
    return table_find(world.loop.table, STR("WATCH"), sk);
}

static void has(const char *status, const char *ending) {
    assert_str(table_text(raise_item(), "status"), status);
    assert_str(table_text(raise_item(), "ending"), ending);
}

static void minutes_pass(int minutes, int requests, int blocked) {
    str arn = promotion_member(&world, 0)->arn;
    for (int i = 0; i < minutes; i++) {
        int64_t at_ms = raised_ms + MINUTES(i);
        promotion_count(&world, arn, "RequestCount", at_ms, requests - blocked);
        if (blocked > 0) {
            promotion_count(&world, arn, "HTTPCode_ELB_4XX_Count", at_ms, blocked);
            promotion_count(&world, arn, "DesyncMitigationMode_NonCompliant_Request_Count", at_ms,
                            blocked);
        }
    }
    world.loop.fake.now_ms = raised_ms + MINUTES(minutes + 5);
}

static void watch(const char *request_id) {
    promotion_watch(&world, 0, request_id);
}

static void e7_a_raised_mode_is_watched(void **state) {
    (void)state;
    has("open", "");
    assert_str(table_text(raise_item(), "before"), "monitor");
    assert_str(table_text(raise_item(), "after"), "defensive");
    assert_null(promotion_watched(&world, 0)); /* no promotion */
    minutes_pass(60, 100, 0);
    watch("w1");
    loop_succeeded(&world.loop.copies[0]);
    has("closed", "held");
    assert_int_equal(world.loop.message_count, 1);
    size_t before = fake_requests_with(&world.loop.fake, ASKS_METRICS);
    watch("w2");
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), before);
}

static void e7_blocked_clients_of_a_raised_mode_are_alerted_once(void **state) {
    (void)state;
    minutes_pass(10, 100, 10);
    for (int i = 0; i < 2; i++) {
        watch(i == 0 ? "w1" : "w2");
        loop_succeeded(&world.loop.copies[0]);
        has("closed", "inconclusive"); /* never held */
        assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
        assert_int_equal(
            loop_alert_count(&world.loop, "Clients blocked or errors: lb-0, mode defensive"), 1);
    }
    assert_int_equal(world.loop.modify_count, 1);
    assert_int_equal(world.loop.lowered_count, 0);
    str text = world.loop.messages[1].text;
    assert_true(str_contains(text, STR("does not lower the mode again")));
    assert_true(str_contains(text, STR("defensive blocks clients: ")));
    assert_true(str_contains(text, STR("ENFORCEMENT_MAX_BLOCKED_PERCENT (1 %)")));
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_ROLLBACK, ACTION_DONE), 0);
}

static void e7_an_alert_of_blocked_clients_that_fails_is_sent_by_the_next_run(void **state) {
    (void)state;
    minutes_pass(10, 100, 10);
    world.loop.fault = (struct loop_fault){
        .nth = 1,
        .is_lasting = true,
        .match = "Action=Publish",
        .answer = {.http_status = 400,
                   .body =
                       STR("<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>")}};
    watch("w1");
    assert_int_equal(loop_alert_count(&world.loop, "Clients blocked"), 0);
    world.loop.fault.nth = 0;
    watch("w2");
    assert_int_equal(
        loop_alert_count(&world.loop, "Clients blocked or errors: lb-0, mode defensive"), 1);
}

/* Changed at 08:00 and looked at at 10:05: the lines of 09:00 to 10:00. */
static void e7_severe_requests_in_the_logs_are_alerted(void **state) {
    (void)state;
    str arn = promotion_member(&world, 0)->arn;
    (void)table_plant(world.loop.table, arn,
                      PAIRS("sk", "TRAFFIC#2026-11-22T08", "+requests", "60000", "+http1Lines",
                            "30000", "+severeUnserved", "30"));
    (void)table_plant(world.loop.table, arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23T09", "+requests", "3000", "+h0", "3000",
                            "+severeServed", "0", "+severeUnserved", "300"));
    minutes_pass(120, 100, 0);
    watch("w1");
    has("closed", "inconclusive");
    assert_true(loop_says(&world.loop.copies[0],
                          "the access logs say: Severe requests are more than those before"));
    assert_int_equal(
        loop_alert_count(&world.loop, "Clients blocked or errors: lb-0, mode defensive"), 1);
}

static void e7_the_watch_of_a_raise_holds_no_promotion(void **state) {
    (void)state;
    world.metric_count = 0; /* days without logs would hold it */
    promotion_log(&world, 0, "5000", "0");
    promotion_log(&world, 1, "5000", "0");
    world.loop.fake.now_ms += MINUTES(30);
    promotion_sweep(&world, 0, "r1");
    has("open", "");
    assert_str(promotion_status(&world, 1), "open");
    assert_str(promotion_status(&world, 0), "open");
    watch("w1");
    loop_succeeded(&world.loop.copies[0]);
    has("closed", "inconclusive"); /* the promotion has a watch of its own */
    assert_str(promotion_status(&world, 0), "open");
    assert_string_equal(promotion_member(&world, 0)->mode, "strictest");
}

static void e7_a_raise_that_somebody_undid_ends_and_the_next_is_watched(void **state) {
    (void)state;
    promotion_member(&world, 0)->mode = "monitor";
    world.loop.fake.now_ms += MINUTES(10);
    watch("w1");
    has("taken-back", "reverted");
    assert_int_equal(world.loop.message_count, 1);
    const struct loop_call call = {.id = "e2"};
    loop_handle(&world.loop.copies[0],
                loop_event(&world.loop, &call, promotion_member(&world, 0)->arn), "e2");
    assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
    has("open", "");
    assert_str(table_text(raise_item(), "endedAt"), "");
    promotion_member(&world, 0)->is_gone = true;
    world.loop.fake.now_ms += MINUTES(10);
    watch("w2");
    loop_succeeded(&world.loop.copies[0]);
    has("closed", "inconclusive");
}

static void e7_after_an_hour_a_raise_is_looked_at_once_an_hour(void **state) {
    (void)state;
    minutes_pass(65, 1, 0); /* too few requests */
    size_t calls[2];
    for (int i = 0; i < 2; i++) {
        world.loop.fake.now_ms = raised_ms + MINUTES(i == 0 ? 70 : 125);
        size_t before = fake_requests_with(&world.loop.fake, ASKS_METRICS);
        watch(i == 0 ? "w1" : "w2");
        has("open", "");
        calls[i] = fake_requests_with(&world.loop.fake, ASKS_METRICS) - before;
    }
    assert_int_equal(calls[0], 0);
    assert_true(calls[1] > 0);
}

/* No status of an item makes it a reason to lower a mode. */
/* The reason says what rose, so that nobody is told to repair clients that are served. */
static void e7_errors_of_targets_alone_are_told_as_such(void **state) {
    (void)state;
    str arn = promotion_member(&world, 0)->arn;
    minutes_pass(60, 100, 0);
    for (int i = 0; i < 60; i++) {
        promotion_count(&world, arn, "HTTPCode_Target_5XX_Count", raised_ms + MINUTES(i), 20);
    }
    watch("w1");
    assert_int_equal(loop_alert_count(&world.loop, "Clients blocked or errors: lb-0"), 1);
    str body = world.loop.messages[world.loop.message_count - 1].text;
    assert_true(str_contains(body, STR("or errors rose: HTTPCode_Target_5XX per request rose")));
    assert_true(str_contains(body, STR("\nIf 5XX errors alone rose, look at the targets")));
}

static void e7_a_raise_is_never_rolled_back(void **state) {
    (void)state;
    const struct table_attribute status = {STR("status"), STR("S"), STR("rolling-back")};
    table_set(raise_item(), &status);
    minutes_pass(10, 100, 10);
    watch("w1");
    assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
    assert_int_equal(world.loop.lowered_count, 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(e7_a_raised_mode_is_watched),
        TEST(e7_blocked_clients_of_a_raised_mode_are_alerted_once),
        TEST(e7_an_alert_of_blocked_clients_that_fails_is_sent_by_the_next_run),
        TEST(e7_severe_requests_in_the_logs_are_alerted),
        TEST(e7_the_watch_of_a_raise_holds_no_promotion),
        TEST(e7_a_raise_that_somebody_undid_ends_and_the_next_is_watched),
        TEST(e7_errors_of_targets_alone_are_told_as_such),
        TEST(e7_after_an_hour_a_raise_is_looked_at_once_an_hour),
        TEST(e7_a_raise_is_never_rolled_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
