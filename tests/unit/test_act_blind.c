/* SPDX-License-Identifier: Apache-2.0
 *
 * Never weaker, never blind: what a mode that cannot be read, a read that lags and a race with
 * somebody else must not lead to.
 */
#include "blind_world.h"

/* Absent, and none that this version knows. */
static const char *const UNKNOWN_MODES[] = {NULL, "paranoid"};

/* --- B1 --------------------------------------------------------------------------------------- */

static void b1_unknown_mode_leaves_a_watch_open(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(UNKNOWN_MODES); i++) {
        begin_promoted(0);
        size_t messages = loop->message_count;
        member->mode = UNKNOWN_MODES[i];
        watch("w1");
        assert_true(loop->copies[0].reply.is_error);
        assert_true(is_status("open"));
        assert_int_equal(loop->message_count, messages);
        member->mode = "strictest";
        watch("w2");
        loop_succeeded(&loop->copies[0]);
        assert_true(is_status("closed"));
        loop_end(loop);
    }
    begin_weak();
}

static void forget_mode(struct loop *world_loop) {
    (void)world_loop;
    member->mode = NULL;
}

static void b1_unknown_mode_leaves_a_decided_rollback_to_the_next_run(void **state) {
    (void)state;
    begin_promoted(50);
    loop->meanwhile = forget_mode;
    loop->meanwhile_match = ASKS_ATTRIBUTES;
    loop->meanwhile_nth = 2; /* right before the request */
    watch("w1");
    assert_true(loop->copies[0].reply.is_error);
    assert_true(is_status("rolling-back"));
    watch("w2");
    assert_true(is_status("rolling-back"));
    member->mode = "strictest";
    watch("w3");
    loop_succeeded(&loop->copies[0]);
    assert_true(is_status("rolled-back"));
    assert_string_equal(member->mode, "defensive");
}

static void b1_unknown_mode_leaves_a_begun_promotion_begun(void **state) {
    (void)state;
    promotion_world_begin(&world, PROMOTES, 1);
    member = promotion_member(&world, 0);
    promotion_log(&world, 0, "5000", "0");
    loop->fault = (struct loop_fault){.nth = 1,
                                      .is_lasting = true,
                                      .match = ASKS_MODIFY,
                                      .answer = {.status = STATUS_CONNECTION}};
    promotion_sweep(&world, 0, "r0");
    assert_true(is_status("begun"));
    loop->fake.now_ms += MINUTES(20);
    member->mode = NULL;
    watch("w1");
    assert_true(is_status("begun"));
}

static void b1_unknown_mode_leaves_an_incident_and_fails_the_invocation(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(UNKNOWN_MODES); i++) {
        begin_weak();
        loop->copies[0].guard.settings.control.enforcement.enforcement = ENFORCEMENT_OFF;
        promotion_sweep(&world, 0, "r0");
        assert_int_equal(loop_open_incidents(loop), 1);
        member->mode = UNKNOWN_MODES[i];
        set_mode("e1", "defensive", 0);
        assert_true(loop->copies[0].reply.is_error);
        promotion_sweep(&world, 0, "r1");
        assert_true(loop->copies[0].reply.is_error);
        assert_int_equal(loop_open_incidents(loop), 1);
        assert_true(str_eq(state_text("mode"), STR("monitor")));
        loop_end(loop);
    }
    begin_weak();
}

static void b1_mode_unknown_at_the_last_look_is_not_raised(void **state) {
    (void)state;
    begin_weak();
    loop->fault = (struct loop_fault){
        .nth = 1, .match = ASKS_MODIFY, .answer = {.status = STATUS_CONNECTION}};
    loop->meanwhile = forget_mode;
    loop->meanwhile_match = ASKS_MODIFY;
    loop->meanwhile_nth = 1;
    set_mode("e1", "monitor", 0);
    assert_true(loop->copies[0].reply.is_error);
    assert_null(member->mode);
}

/* Half an answer: the mode was set, and the answer does not name it. */
static void b1_answer_without_a_mode_is_looked_after(void **state) {
    (void)state;
    begin_weak();
    loop->fault = (struct loop_fault){
        .nth = 1,
        .is_after = true,
        .match = ASKS_MODIFY,
        .answer = {.http_status = 200,
                   .body = STR("<ModifyLoadBalancerAttributesResponse>"
                               "<ModifyLoadBalancerAttributesResult><Attributes/>"
                               "</ModifyLoadBalancerAttributesResult>"
                               "</ModifyLoadBalancerAttributesResponse>")}};
    set_mode("e1", "monitor", 0);
    loop_succeeded(&loop->copies[0]);
    assert_int_equal(loop->modify_count, 1);
    assert_int_equal(loop_alert_count(loop, "Mode raised"), 1);
}

/* --- B2 --------------------------------------------------------------------------------------- */

static void raise_slowly(struct loop *world_loop) {
    world_loop->fake.now_ms += 2500;
    member->mode = "strictest";
}

static void b2_a_mode_raised_while_the_intent_is_written_is_not_lowered(void **state) {
    (void)state;
    begin_weak();
    loop->meanwhile = raise_slowly;
    loop->meanwhile_match = "DynamoDB_20120810.UpdateItem"; /* the intent */
    loop->meanwhile_nth = 1;
    set_mode("e1", "monitor", 0);
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "strictest");
    assert_int_equal(loop->modify_count, 0);
}

static void b2_facts_older_than_two_seconds_are_read_again(void **state) {
    (void)state;
    begin_weak();
    loop->meanwhile = raise_slowly;
    loop->meanwhile_match = ASKS_TAGS; /* the mode was read before */
    loop->meanwhile_nth = 1;
    set_mode("e1", "monitor", 0);
    loop_succeeded(&loop->copies[0]);
    assert_int_equal(loop->modify_count, 0);
    assert_string_equal(member->mode, "strictest");
}

static void b2_a_read_weaker_than_its_event_is_repeated(void **state) {
    (void)state;
    begin_weak();
    member->mode = "strictest";
    member->stale_mode = "monitor";
    member->stale_reads = 2;
    set_mode("e1", "strictest", loop->fake.now_ms - 2000);
    loop_succeeded(&loop->copies[0]);
    assert_int_equal(loop->modify_count, 0);
    assert_int_equal(loop->message_count, 0);
    assert_true(loop_says(&loop->copies[0], "\"mode\":\"strictest\""));
    /* it was lowered since: that is found out within seconds */
    member->mode = "monitor";
    set_mode("e2", "defensive", loop->fake.now_ms - 2000);
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "defensive");
    assert_in_range(loop->fake.slept_ms, 1, 10000);
    /* a call of long ago is looked at once more */
    int64_t slept_ms = loop->fake.slept_ms;
    size_t reads = fake_requests_with(&loop->fake, ASKS_ATTRIBUTES);
    set_mode("e3", "strictest", loop->fake.now_ms - MINUTES(5));
    assert_int_equal(fake_requests_with(&loop->fake, ASKS_ATTRIBUTES), reads + 2);
    assert_in_range(loop->fake.slept_ms - slept_ms, 1, 1000);
}

static void b2_a_rollback_stops_at_the_required_mode(void **state) {
    (void)state;
    begin_promoted(50);
    member->tags = "<member><Key>DesyncProfile</Key><Value>modern</Value></member>";
    watch("w1");
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "strictest");
    assert_int_equal(loop->lowered_count, 0);
    assert_true(is_status("closed"));
    assert_str(table_text(promotion_watched(&world, 0), "ending"), "inconclusive");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_ROLLBACK, ACTION_SKIPPED), 1);
    assert_true(loop_says(&loop->copies[0], "strictest is required now (profile modern)"));
    assert_int_equal(loop_alert_count(loop, "inconclusive"), 1);
}

/* Where the schemes require different modes, an unknown one might forbid the rollback: it is tried
 * again, and is no change by somebody else. */
static void b1_unknown_scheme_leaves_a_decided_rollback_to_the_next_run(void **state) {
    (void)state;
    static const char *const variables[] = {
        PROMOTION_ALL,          "DESYNC_MODE", "monitor,defensive,strictest",
        "INTERNET_FACING_MODE", "defensive",   NULL};
    begin_promoted_with(variables, 50);
    member->scheme = "of tomorrow";
    watch("w1");
    assert_true(loop->copies[0].reply.is_error);
    assert_true(is_status("rolling-back"));
    assert_string_equal(member->mode, "strictest");
    member->scheme = NULL;
    watch("w2");
    loop_succeeded(&loop->copies[0]);
    assert_true(is_status("rolled-back"));
    assert_string_equal(member->mode, "defensive");
}

/* The requirement came between the decision and the request. */
static void require_strictest(struct loop *world_loop) {
    (void)world_loop;
    member->tags = "<member><Key>DesyncProfile</Key><Value>modern</Value></member>";
}

static void b2_the_required_mode_is_that_of_the_last_look(void **state) {
    (void)state;
    begin_promoted(50);
    loop->meanwhile = require_strictest;
    loop->meanwhile_match = ASKS_TAGS;
    loop->meanwhile_nth = 2;
    watch("w1");
    assert_string_equal(member->mode, "strictest");
    assert_int_equal(loop->modify_count, 1); /* the promotion */
}

static void make_strictest(struct loop *world_loop) {
    (void)world_loop;
    member->mode = "strictest";
}

/* Theirs came between our look and our request, which nobody can see from here: their event tells.
 */
static void b2_a_mode_that_our_write_lowered_is_set_again(void **state) {
    (void)state;
    begin_weak();
    loop->meanwhile = make_strictest;
    loop->meanwhile_match = ASKS_MODIFY;
    loop->meanwhile_nth = 1;
    int64_t raced_ms = loop->fake.now_ms;
    set_mode("e1", "monitor", raced_ms - MINUTES(2));
    assert_string_equal(member->mode, "defensive");
    assert_int_equal(loop->lowered_count, 1);
    loop->fake.now_ms += MINUTES(3);
    set_mode("e2", "strictest", raced_ms);
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "strictest");
    assert_true(loop_says(&loop->copies[0], "their mode is set again"));
    /* once, and never for a call that was over long before our look */
    member->mode = "defensive";
    set_mode("e3", "strictest", raced_ms - MINUTES(1));
    assert_string_equal(member->mode, "defensive");
    assert_int_equal(loop->lowered_count, 1);
}

/* Two calls within seconds, of which the second takes the first back. Their events may come in any
 * order, and a sweep may be first. */
static void b2_a_mode_that_was_undone_before_our_look_is_not_set_again(void **state) {
    (void)state;
    for (int is_swept = 0; is_swept < 2; is_swept++) {
        begin_weak();
        int64_t now_ms = loop->fake.now_ms;
        if (is_swept) {
            promotion_sweep(&world, 0, "r0");
        } else {
            set_mode("e2", "monitor", now_ms - 3000);
        }
        assert_string_equal(member->mode, "defensive");
        loop->fake.now_ms += MINUTES(2);
        set_mode("e1", "strictest", now_ms - 6000);
        loop_succeeded(&loop->copies[0]);
        assert_string_equal(member->mode, "defensive");
        assert_int_equal(loop->modify_count, 1);
        loop_end(loop);
    }
    begin_weak();
}

/* --- B3 --------------------------------------------------------------------------------------- */

static void b3_a_read_that_misses_our_own_change_is_read_again(void **state) {
    (void)state;
    begin_weak();
    set_mode("e1", "monitor", 0);
    assert_int_equal(loop->modify_count, 1);
    member->stale_mode = "monitor";
    member->stale_reads = 1;
    loop->fake.now_ms += 10000;
    set_mode("e2", "", 0);
    loop_succeeded(&loop->copies[0]);
    assert_true(loop_says(&loop->copies[0], "\"actions\":[]"));
    assert_int_equal(loop->modify_count, 1);
    assert_int_equal(loop->message_count, 1);
    assert_true(str_is_empty(state_text("intent")));
}

static void b3_a_read_that_stays_behind_our_own_change_is_planned_for_the_next(void **state) {
    (void)state;
    begin_weak();
    set_mode("e1", "monitor", 0);
    str corrections = str_copy(&loop->fake.arena, state_text("corrections"));
    member->stale_mode = "monitor";
    member->stale_reads = 99;
    loop->fake.now_ms += 10000;
    promotion_sweep(&world, 0, "r1");
    loop_succeeded(&loop->copies[0]);
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_ENFORCE, ACTION_PLANNED), 1);
    assert_int_equal(loop->modify_count, 1);
    assert_int_equal(loop->message_count, 1);
    assert_true(str_eq(state_text("corrections"), corrections));
    assert_true(str_is_empty(state_text("intent")));
    assert_int_equal(loop_open_incidents(loop), 0);
    /* a minute later it is believed */
    loop->fake.now_ms += MINUTES(1);
    promotion_sweep(&world, 0, "r2");
    assert_int_equal(loop->modify_count, 2);
}

static void b3_a_change_back_that_its_event_proves_is_corrected_at_once(void **state) {
    (void)state;
    begin_weak();
    set_mode("e1", "monitor", 0);
    loop->fake.now_ms += 10000;
    member->mode = "monitor";
    set_mode("e2", "monitor", loop->fake.now_ms - 3000);
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "defensive");
    assert_int_equal(loop->modify_count, 2);
    assert_int_equal(loop_alert_count(loop, "Mode raised"), 2);
}

static void b3_a_watch_is_not_ended_by_a_read_that_lags(void **state) {
    (void)state;
    begin_promoted(-1);
    member->stale_mode = "defensive";
    member->stale_reads = 99;
    loop->fake.now_ms += 5000;
    watch("w1");
    loop_succeeded(&loop->copies[0]);
    assert_true(is_status("open"));
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_WATCH, ACTION_PLANNED), 1);
    /* a minute later the same read means that somebody lowered it */
    loop->fake.now_ms += MINUTES(1);
    watch("w2");
    assert_true(is_status("taken-back"));
}

static void b3_a_promotion_that_became_required_is_not_found_weak_by_a_read_that_lags(
    void **state) {
    (void)state;
    promotion_world_begin(&world, PROMOTES, 1);
    member = promotion_member(&world, 0);
    member->tags = "<member><Key>DesyncProfile</Key><Value>modern</Value></member>";
    promotion_log(&world, 0, "5000", "0");
    promotion_sweep(&world, 0, "r0");
    assert_string_equal(member->mode, "strictest");
    size_t messages = loop->message_count;
    member->stale_mode = "defensive";
    member->stale_reads = 99;
    loop->fake.now_ms += 5000;
    set_mode("e1", "", loop->fake.now_ms - 1000);
    assert_int_equal(loop->message_count, messages);
    assert_int_equal(loop_open_incidents(loop), 0);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(b1_unknown_mode_leaves_a_watch_open),
        TEST(b1_unknown_mode_leaves_a_decided_rollback_to_the_next_run),
        TEST(b1_unknown_mode_leaves_a_begun_promotion_begun),
        TEST(b1_unknown_mode_leaves_an_incident_and_fails_the_invocation),
        TEST(b1_mode_unknown_at_the_last_look_is_not_raised),
        TEST(b1_answer_without_a_mode_is_looked_after),
        TEST(b2_a_mode_raised_while_the_intent_is_written_is_not_lowered),
        TEST(b2_facts_older_than_two_seconds_are_read_again),
        TEST(b2_a_read_weaker_than_its_event_is_repeated),
        TEST(b1_unknown_scheme_leaves_a_decided_rollback_to_the_next_run),
        TEST(b2_a_rollback_stops_at_the_required_mode),
        TEST(b2_the_required_mode_is_that_of_the_last_look),
        TEST(b2_a_mode_that_our_write_lowered_is_set_again),
        TEST(b2_a_mode_that_was_undone_before_our_look_is_not_set_again),
        TEST(b3_a_read_that_misses_our_own_change_is_read_again),
        TEST(b3_a_read_that_stays_behind_our_own_change_is_planned_for_the_next),
        TEST(b3_a_change_back_that_its_event_proves_is_corrected_at_once),
        TEST(b3_a_watch_is_not_ended_by_a_read_that_lags),
        TEST(b3_a_promotion_that_became_required_is_not_found_weak_by_a_read_that_lags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
