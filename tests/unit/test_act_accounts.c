/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches in a member account that cannot be reached, or is not allowed any more.
 */
#include "blind_world.h"

#define MEMBER     "999999999999"
#define MEMBER_ARN "arn:aws:elasticloadbalancing:eu-west-1:" MEMBER ":loadbalancer/app/shop/"

static const char *const CENTRAL[] = {PROMOTION_ALL,      "CROSS_ACCOUNT_ROLE",   "reader",
                                      "ALLOWED_ACCOUNTS", "111122223333," MEMBER, NULL};
static const char *const WITHOUT_MEMBER[] = {PROMOTION_ALL,      "CROSS_ACCOUNT_ROLE", "reader",
                                             "ALLOWED_ACCOUNTS", "111122223333",       NULL};

/* Two promotions are watched in a member account. */
static void begin_central(const char *const *variables, const char *status) {
    promotion_world_begin(&world, variables, 2);
    member = promotion_member(&world, 0);
    memcpy(loop->copies[0].guard.own_account, "111122223333", 12);
    for (size_t i = 0; i < 2; i++) {
        struct region_member *each = promotion_member(&world, i);
        each->arn = str_format(&loop->fake.arena, MEMBER_ARN "%016zx", i);
        each->mode = "strictest";
        (void)table_plant(loop->table, STR("WATCH"),
                          PAIRS("sk", str_to_cstr(&loop->fake.arena, each->arn), "+version", "3",
                                "status", status, "changedAt", "2026-11-23T06:00:00.000Z", "before",
                                "defensive", "after", "strictest", "+minutes", "60", "note",
                                "errors rose"));
    }
}

static void deny(const char *what) {
    loop->fault = (struct loop_fault){
        .nth = 1,
        .is_lasting = true,
        .match = what,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
}

static void b6_account_out_of_reach_keeps_its_watches_and_is_reported_once_a_day(void **state) {
    (void)state;
    static const char *const DENIED[] = {"Action=AssumeRole&", ASKS_ATTRIBUTES};
    for (size_t i = 0; i < COUNT(DENIED); i++) {
        begin_central(CENTRAL, "open");
        deny(DENIED[i]);
        watch("w1");
        assert_true(loop->copies[0].reply.is_error);
        assert_int_equal(promotion_acted(&world, 0, 0, ACTION_WATCH, ACTION_FAILED), 1);
        assert_int_equal(promotion_acted(&world, 0, 1, ACTION_WATCH, ACTION_SKIPPED), 1);
        assert_int_equal(loop_alert_count(loop, "Watch cannot look"), 1);
        for (int minutes = 0; minutes < 30; minutes += 5) {
            loop->fake.now_ms += MINUTES(5);
            watch("w2");
            loop_succeeded(&loop->copies[0]);
        }
        assert_int_equal(loop->message_count, 1);
        assert_int_equal(loop_logged(loop, "account_unreachable"), 1);
        loop->fake.now_ms += MS_PER_DAY;
        watch("w3");
        assert_int_equal(loop->message_count, 2);
        assert_true(is_status("open"));
        assert_string_equal(member->mode, "strictest");
        loop_end(loop);
    }
    begin_weak();
}

/* With our own credentials nothing of another account is found, which is no deletion. */
static void b6_role_that_was_taken_away_ends_no_watch(void **state) {
    (void)state;
    begin_central(PROMOTES, "open");
    promotion_member(&world, 0)->is_gone = true;
    promotion_member(&world, 1)->is_gone = true;
    watch("w1");
    assert_true(is_status("open"));
    assert_int_equal(loop_alert_count(loop, "Watch cannot look"), 1);
    assert_int_equal(loop_alert_count(loop, "Watch ended"), 0);
}

static void b6_account_that_is_not_allowed_any_more_ends_its_watches_by_name(void **state) {
    (void)state;
    begin_central(WITHOUT_MEMBER, "rolling-back");
    watch("w1");
    loop_succeeded(&loop->copies[0]);
    for (size_t i = 0; i < 2; i++) {
        const struct table_item *watched = promotion_watched(&world, i);
        assert_str(table_text(watched, "status"), "closed");
        assert_str(table_text(watched, "ending"), "inconclusive");
        assert_true(
            str_contains(table_text(watched, "note"),
                         STR("the account " MEMBER " is not in ALLOWED_ACCOUNTS any more")));
        assert_true(str_contains(table_text(watched, "note"),
                                 STR("It was to be rolled back: errors rose")));
    }
    assert_int_equal(loop_alert_count(loop, "inconclusive"), 2);
    assert_int_equal(loop->modify_count, 0);
    assert_int_equal(loop->session_count, 0);
}

static void b6_trouble_that_passes_is_tried_again(void **state) {
    (void)state;
    begin_central(CENTRAL, "open");
    loop->fault = (struct loop_fault){.nth = 1,
                                      .is_lasting = true,
                                      .match = "Action=AssumeRole&",
                                      .answer = {.status = STATUS_CONNECTION}};
    watch("w1");
    assert_true(loop->copies[0].reply.is_error);
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_WATCH, ACTION_FAILED), 1);
    assert_int_equal(promotion_acted(&world, 0, 1, ACTION_WATCH, ACTION_FAILED), 1);
    assert_int_equal(loop->message_count, 0);
    assert_true(is_status("open"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(b6_account_out_of_reach_keeps_its_watches_and_is_reported_once_a_day),
        TEST(b6_role_that_was_taken_away_ends_no_watch),
        TEST(b6_account_that_is_not_allowed_any_more_ends_its_watches_by_name),
        TEST(b6_trouble_that_passes_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
