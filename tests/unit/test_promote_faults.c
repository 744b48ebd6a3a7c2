/* SPDX-License-Identifier: Apache-2.0
 *
 * Promotion and watch with a fault at every call in turn, once and for good, before and after it
 * was carried out; with invocations that end at any call; and with two copies that meet at every
 * call. However it ends: no promotion is unwatched, one that hurts is taken back once, and nothing
 * is alerted twice.
 */
#include "promotion_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CALLS_MAX    60 /* more than any run makes */

static const struct {
    const char *name;
    struct fake_answer answer;
    bool is_after;
} FAULTS[] = {
    {"throttled", {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))}, false},
    {"reset", {.status = STATUS_CONNECTION}, false},
    {"500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, false},
    {"garbage", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, false},
    {"denied", {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}, false},
    {"done, then reset", {.status = STATUS_CONNECTION}, true},
    {"done, then 500", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, true},
};

static const char *const EVERYTHING[] = {PROMOTION_ALL, NULL};

static struct promotion_world world;

static void begin(void) {
    promotion_world_begin(&world, EVERYTHING, 1);
    promotion_log(&world, 0, "5000", "0");
}

static void begin_watched(int errors) {
    begin();
    promotion_sweep(&world, 0, "r0");
    loop_succeeded(&world.loop.copies[0]);
    promotion_hour_passes(&world, 0, errors);
}

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

static bool is_mode(const char *mode) {
    return strcmp(promotion_member(&world, 0)->mode, mode) == 0;
}

static bool is_status(const char *status) {
    return str_eq(promotion_status(&world, 0), str_from_cstr(status));
}

static size_t changes(void) {
    return table_count(world.loop.table, promotion_member(&world, 0)->arn, "CHANGE#");
}

/* Deliveries as Lambda makes them, and the leases of what broke off have ended after them. */
static void deliver(const char *event, const char *request_id) {
    loop_deliver(&world.loop.copies[0], str_from_cstr(event), request_id);
    world.loop.fault.nth = 0;
    world.loop.fake.now_ms += MINUTES(20);
}

static void fail_at(size_t fault, size_t nth, const char *what) {
    fail_msg("%s at call %zu: %s; mode %s, watch %.*s, %zu changes, %zu messages\n%.*s",
             FAULTS[fault].name, nth, what, promotion_member(&world, 0)->mode,
             STR_ARG(promotion_status(&world, 0)), changes(), world.loop.message_count,
             STR_ARG(buf_str(&world.loop.log_text)));
}

static void set_fault(size_t fault, size_t nth, bool is_lasting) {
    world.loop.fault = (struct loop_fault){.nth = nth,
                                           .is_lasting = is_lasting,
                                           .is_after = FAULTS[fault].is_after,
                                           .answer = FAULTS[fault].answer};
    world.loop.fault_calls = world.loop.fault_hits = 0;
}

/* false: there is no nth call. */
static bool promote_with(size_t fault, size_t nth, bool is_lasting) {
    begin();
    set_fault(fault, nth, is_lasting);
    deliver("{\"action\":\"sweep\"}", "r1");
    bool is_hit = world.loop.fault_hits > 0;
    bool is_watched = is_status("open") || is_status("begun");
    if (is_mode("strictest") && !is_watched) {
        fail_at(fault, nth, "strictest, and nobody watches");
    }
    deliver("{\"action\":\"watch\"}", "w1");
    world.loop.fake.now_ms += BUDGET_TURN_EVERY_MS; /* the turn may be spent */
    deliver("{\"action\":\"sweep\"}", "r2");
    if (!is_mode("strictest") || !is_status("open") || changes() != 1) {
        fail_at(fault, nth, "it was not made good");
    }
    if (world.loop.lowered_count > 0 || world.loop.modify_count != 1 ||
        loop_alert_count(&world.loop, "Promoted") > 1) {
        fail_at(fault, nth, "something was done twice");
    }
    loop_end(&world.loop);
    return is_hit;
}

static void a_promotion_under_any_fault_is_made_once_and_watched(void **state) {
    (void)state;
    for (size_t fault = 0; fault < COUNT(FAULTS); fault++) {
        for (int is_lasting = 0; is_lasting < 2; is_lasting++) {
            size_t nth = 1;
            while (promote_with(fault, nth, is_lasting == 1)) {
                assert_true(++nth < CALLS_MAX);
            }
            assert_true(nth > 8);
        }
    }
    begin();
}

/* The alert is sent at least once if any call works: a lost answer of SNS, or of the
 * table after it, sends it again. */
static bool roll_back_with(size_t fault, size_t nth, bool is_lasting) {
    begin_watched(50);
    set_fault(fault, nth, is_lasting);
    deliver("{\"action\":\"watch\"}", "w1");
    bool is_hit = world.loop.fault_hits > 0;
    deliver("{\"action\":\"watch\"}", "w2");
    if (!is_mode("defensive") || !is_status("rolled-back") || changes() != 2) {
        fail_at(fault, nth, "it was not made good");
    }
    size_t told = loop_alert_count(&world.loop, "rolled back");
    if (world.loop.lowered_count != 1 || told > 2) {
        fail_at(fault, nth, "something was done twice");
    }
    if (told == 0) {
        fail_at(fault, nth, "it was not told");
    }
    loop_end(&world.loop);
    return is_hit;
}

static void a_roll_back_under_any_fault_is_made_once(void **state) {
    (void)state;
    for (size_t fault = 0; fault < COUNT(FAULTS); fault++) {
        for (int is_lasting = 0; is_lasting < 2; is_lasting++) {
            size_t nth = 1;
            while (roll_back_with(fault, nth, is_lasting == 1)) {
                assert_true(++nth < CALLS_MAX);
            }
            assert_true(nth > 6);
        }
    }
    begin();
}

/* --- copies that meet --------------------------------------------------------------------------*/

static void sweep_too(struct loop *loop) {
    (void)loop;
    promotion_sweep(&world, 1, "other");
}
static void watch_too(struct loop *loop) {
    (void)loop;
    promotion_watch(&world, 1, "other");
}

static void meet(void (*other)(struct loop *loop), size_t nth) {
    world.loop.meanwhile = other;
    world.loop.meanwhile_match = NULL;
    world.loop.meanwhile_nth = nth;
}

static void two_sweeps_at_once_promote_once(void **state) {
    (void)state;
    for (size_t nth = 1;; nth++) {
        begin();
        meet(sweep_too, nth);
        promotion_sweep(&world, 0, "r1");
        bool have_met = world.loop.meanwhile == NULL;
        if (world.loop.modify_count != 1 || changes() != 1 || !is_status("open") ||
            loop_alert_count(&world.loop, "Promoted") != 1) {
            fail_at(0, nth, "two sweeps");
        }
        loop_end(&world.loop);
        if (!have_met) {
            assert_true(nth > 8);
            break;
        }
    }
    begin();
}

/* The watch leaves alone what a sweep has begun. */
static void a_watch_lets_the_promotion_of_a_sweep_finish(void **state) {
    (void)state;
    for (size_t nth = 1;; nth++) {
        begin();
        meet(watch_too, nth);
        promotion_sweep(&world, 0, "r1");
        bool have_met = world.loop.meanwhile == NULL;
        if (world.loop.modify_count != 1 || changes() != 1 || !is_status("open") ||
            loop_alert_count(&world.loop, "Promoted") != 1) {
            fail_at(0, nth, "a watch in a sweep");
        }
        loop_end(&world.loop);
        if (!have_met) {
            break;
        }
    }
    begin();
}

static void two_watches_at_once_roll_back_once(void **state) {
    (void)state;
    for (size_t nth = 1;; nth++) {
        begin_watched(50);
        meet(watch_too, nth);
        promotion_watch(&world, 0, "w1");
        bool have_met = world.loop.meanwhile == NULL;
        if (world.loop.modify_count != 2 || changes() != 2 || !is_status("rolled-back") ||
            loop_alert_count(&world.loop, "rolled back") != 1) {
            fail_at(0, nth, "two watches");
        }
        loop_end(&world.loop);
        if (!have_met) {
            assert_true(nth > 6);
            break;
        }
    }
    begin();
}

static void two_watches_at_once_end_a_watch_once(void **state) {
    (void)state;
    for (size_t nth = 1;; nth++) {
        begin_watched(0);
        meet(watch_too, nth);
        promotion_watch(&world, 0, "w1");
        bool have_met = world.loop.meanwhile == NULL;
        if (!is_status("closed") || loop_alert_count(&world.loop, "Watch ended") != 1) {
            fail_at(0, nth, "two watches");
        }
        loop_end(&world.loop);
        if (!have_met) {
            break;
        }
    }
    begin();
}

/* --- the life of a watch ----------------------------------------------------------------------*/

static void a_promotion_that_was_never_made_is_closed_after_its_lease(void **state) {
    (void)state;
    begin();
    set_fault(4, 1, true); /* denied */
    world.loop.fault.match = ASKS_MODIFY;
    promotion_sweep(&world, 0, "r1");
    assert_true(is_status("not-made"));
    assert_true(is_mode("defensive"));
    loop_end(&world.loop);

    begin();
    set_fault(1, 1, true); /* reset: nobody knows */
    world.loop.fault.match = ASKS_MODIFY;
    loop_handle(&world.loop.copies[0], STR("{\"action\":\"sweep\"}"), "r1");
    world.loop.fault.nth = 0;
    assert_true(is_mode("defensive"));
    world.loop.fake.now_ms += MINUTES(20);
    promotion_watch(&world, 0, "w1");
    assert_true(is_status("not-made"));
    assert_int_equal(world.loop.message_count, 0);
}

static void carry_out_the_first_and_deny_the_second(struct loop *loop) {
    promotion_member(&world, 0)->mode = "strictest";
    loop->fault.answer = FAULTS[4].answer;
}

/* The look after the lost answer does not show it yet. */
static void a_request_that_is_carried_out_late_is_watched(void **state) {
    (void)state;
    begin();
    set_fault(1, 1, true); /* reset */
    world.loop.fault.match = ASKS_MODIFY;
    world.loop.meanwhile = carry_out_the_first_and_deny_the_second;
    world.loop.meanwhile_match = ASKS_MODIFY;
    world.loop.meanwhile_nth = 2;
    promotion_sweep(&world, 0, "r1");
    assert_int_equal(world.loop.fault_hits, 2);
    assert_true(is_status("open"));
    assert_int_equal(changes(), 1);
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_DONE), 1);
}

/* During the watch, and after it has ended well. */
static void c3_a_reverted_promotion_is_not_repeated_until_retry(void **state) {
    (void)state;
    for (int is_after = 0; is_after < 2; is_after++) {
        begin_watched(0);
        if (is_after == 1) {
            promotion_watch(&world, 0, "w0");
            assert_true(is_status("closed"));
        }
        promotion_member(&world, 0)->mode = "defensive";
        deliver(is_after == 1 ? "{\"action\":\"sweep\"}" : "{\"action\":\"watch\"}", "r1");
        assert_true(is_status("taken-back"));
        deliver("{\"action\":\"sweep\"}", "r2");
        assert_true(is_mode("defensive"));
        assert_true(loop_says(&world.loop.copies[0],
                              "somebody else reverted that, seen on 2026-11-23 (the mode is "
                              "defensive now: somebody has changed it): it is not tried again"));
        world.loop.fake.now_ms += 400 * MS_PER_DAY;
        promotion_log_now(&world, 0);
        deliver("{\"action\":\"sweep\"}", "r3");
        assert_true(is_mode("defensive"));
        assert_str(table_text(promotion_watched(&world, 0), "expires_at"), "");
        promotion_member(&world, 0)->tags = RETRY;
        deliver("{\"action\":\"sweep\"}", "r4");
        assert_true(is_mode("strictest"));
        loop_end(&world.loop);
    }
    begin();
}

/* Enforcement has named whom CloudTrail named. */
static void the_writer_who_reverted_a_promotion_is_named(void **state) {
    (void)state;
    begin_watched(0);
    (void)table_plant(world.loop.table, promotion_member(&world, 0)->arn,
                      PAIRS("sk", "CHANGE#2026-11-23T08:30:00.000Z", "lastWriter",
                            "arn:aws:iam::111122223333:role/ann"));
    promotion_member(&world, 0)->mode = "defensive";
    promotion_watch(&world, 0, "w1");
    assert_true(loop_says(&world.loop.copies[0],
                          "the mode is defensive now: arn:aws:iam::111122223333:role/ann has "
                          "changed it"));
}

static void watch_is_judged_after_its_last_metrics_arrived(void **state) {
    (void)state;
    begin();
    promotion_sweep(&world, 0, "r0");
    int64_t changed_ms = world.loop.fake.now_ms;
    promotion_hour_passes(&world, 0, 0);
    world.loop.fake.now_ms = changed_ms - changed_ms % 60000 + MINUTES(64) - 1000;
    promotion_watch(&world, 0, "w1");
    assert_true(is_status("open"));
    world.loop.fake.now_ms += 1000;
    promotion_watch(&world, 0, "w2");
    assert_true(is_status("closed"));
}

static void incomplete_numbers_decide_nothing(void **state) {
    (void)state;
    begin_watched(50);
    world.is_partial = true;
    promotion_watch(&world, 0, "w1");
    assert_true(world.loop.copies[0].reply.is_error);
    assert_true(is_status("open"));
    assert_true(is_mode("strictest"));
    world.is_partial = false;
    promotion_watch(&world, 0, "w1");
    assert_true(is_mode("defensive"));
}

/* A throttled reading waits, but not until the time of all is over. */
static void f1_watch_that_aws_throttles_leaves_time_for_the_next(void **state) {
    (void)state;
    promotion_world_begin(&world, EVERYTHING, 2);
    promotion_log(&world, 0, "5000", "0");
    promotion_log(&world, 1, "5000", "0");
    promotion_sweep(&world, 0, "r0");
    promotion_hour_passes(&world, 0, 50);
    world.loop.fake.now_ms -= MINUTES(70); /* the same hour */
    promotion_hour_passes(&world, 1, 50);
    world.loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = "app%2Flb-0%2F", .answer = FAULTS[0].answer};
    promotion_watch(&world, 0, "w1");
    assert_true(world.loop.fault_hits > 3);
    assert_true(world.loop.copies[0].reply.is_error);
    assert_string_equal(promotion_member(&world, 0)->mode, "strictest");
    assert_string_equal(promotion_member(&world, 1)->mode, "defensive"); /* rolled back */
}

static void a_deleted_load_balancer_ends_its_watch(void **state) {
    (void)state;
    begin_watched(50);
    promotion_member(&world, 0)->is_gone = true;
    promotion_watch(&world, 0, "w1");
    loop_succeeded(&world.loop.copies[0]);
    assert_true(is_status("closed"));
    assert_int_equal(world.loop.modify_count, 1);
}

static void without_a_table_there_is_nothing_to_watch(void **state) {
    (void)state;
    static const char *const NOTHING[] = {"PROMOTION", "enforce", NULL};
    promotion_world_begin(&world, NOTHING, 1);
    promotion_watch(&world, 0, "w1");
    loop_succeeded(&world.loop.copies[0]);
    assert_int_equal(world.loop.fake.request_count, 0);
    assert_int_equal(loop_logged(&world.loop, "the watch over promotions"), 1);
}

static void plant_roll_back(size_t i) {
    promotion_member(&world, i)->mode = "strictest";
    (void)table_plant(
        world.loop.table, STR("WATCH"),
        PAIRS("sk", str_to_cstr(&world.loop.fake.arena, promotion_member(&world, i)->arn),
              "+version", "3", "status", "rolling-back", "changedAt", "2026-11-23T06:00:00.000Z",
              "before", "defensive", "after", "strictest", "+minutes", "60"));
}

/* So many askings for an evaluation were signed with a key that begins so. */
static size_t asked_as(const char *key) {
    struct fake_transport *fake = &world.loop.fake;
    size_t count = 0;
    for (size_t i = 0; i < fake->request_count; i++) {
        const struct http_request *request = &fake->requests[i].http;
        count += fake_matches(fake, request, ASKS_START) && fake_matches(fake, request, key);
    }
    return count;
}

static void after_roll_backs_the_rule_of_each_account_is_evaluated(void **state) {
    (void)state;
    static const char *const CENTRAL[] = {PROMOTION_ALL,      "CROSS_ACCOUNT_ROLE", "reader",
                                          "ALLOWED_ACCOUNTS", "999999999999",       NULL};
    promotion_world_begin(&world, CENTRAL, 2);
    memcpy(world.loop.copies[0].guard.own_account, "111122223333", 12);
    promotion_member(&world, 1)->arn =
        STR("arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/shop/"
            "0000000000000001");
    plant_roll_back(0);
    plant_roll_back(1);
    promotion_watch(&world, 0, "w1");
    loop_succeeded(&world.loop.copies[0]);
    assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
    assert_string_equal(promotion_member(&world, 1)->mode, "defensive");
    assert_int_equal(asked_as(FIXTURE_KEY_ID), 1);
    assert_int_equal(asked_as("ASIAMEMBER"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_promotion_under_any_fault_is_made_once_and_watched, end),
        cmocka_unit_test_teardown(a_roll_back_under_any_fault_is_made_once, end),
        cmocka_unit_test_teardown(two_sweeps_at_once_promote_once, end),
        cmocka_unit_test_teardown(a_watch_lets_the_promotion_of_a_sweep_finish, end),
        cmocka_unit_test_teardown(two_watches_at_once_roll_back_once, end),
        cmocka_unit_test_teardown(two_watches_at_once_end_a_watch_once, end),
        cmocka_unit_test_teardown(a_promotion_that_was_never_made_is_closed_after_its_lease, end),
        cmocka_unit_test_teardown(a_request_that_is_carried_out_late_is_watched, end),
        cmocka_unit_test_teardown(c3_a_reverted_promotion_is_not_repeated_until_retry, end),
        cmocka_unit_test_teardown(the_writer_who_reverted_a_promotion_is_named, end),
        cmocka_unit_test_teardown(watch_is_judged_after_its_last_metrics_arrived, end),
        cmocka_unit_test_teardown(incomplete_numbers_decide_nothing, end),
        cmocka_unit_test_teardown(f1_watch_that_aws_throttles_leaves_time_for_the_next, end),
        cmocka_unit_test_teardown(a_deleted_load_balancer_ends_its_watch, end),
        cmocka_unit_test_teardown(without_a_table_there_is_nothing_to_watch, end),
        cmocka_unit_test_teardown(after_roll_backs_the_rule_of_each_account_is_evaluated, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
