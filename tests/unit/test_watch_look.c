/* SPDX-License-Identifier: Apache-2.0
 *
 * What a look at a promotion reads, and how it takes its plan from the WATCH item.
 */
#include "control/evidence.h"
#include "control/watch_look.h"
#include "promotion_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const EVERYTHING[] = {PROMOTION_ALL, NULL};

static struct promotion_world world;

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

/* One load balancer, promoted now. */
static void begin(void) {
    promotion_world_begin(&world, EVERYTHING, 1);
    promotion_log(&world, 0, "5000", "0");
    promotion_sweep(&world, 0, "r0");
    loop_succeeded(&world.loop.copies[0]);
    assert_str(promotion_status(&world, 0), "open");
}

static void has_status(const char *status) {
    assert_str(promotion_status(&world, 0), status);
}

static void each_minute(const char *metric, int64_t from_ms, int64_t to_ms, int value) {
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += MINUTES(1)) {
        promotion_count(&world, promotion_member(&world, 0)->arn, metric, at_ms, value);
    }
}

static void bins_hold_their_own_minutes(void **state) {
    (void)state;
    begin();
    struct guard *guard = &world.loop.copies[0].guard;
    struct arena *memory = &world.loop.copies[0].arena;
    struct traffic_window bins[3];
    struct error error = {0};
    int64_t start_ms = FAKE_NOW_MS - MINUTES(14); /* not on a step of the clock */
    const struct bins_query query = {promotion_member(&world, 0)->arn, start_ms, COUNT(bins), 60};
    guard->aws.deadline_ms = INT64_MAX;
    each_minute("RequestCount", start_ms - MINUTES(2), start_ms + MINUTES(5), 10);
    each_minute("HTTPCode_Target_5XX_Count", start_ms + MINUTES(9), start_ms + MINUTES(17), 1);
    assert_int_equal(bins_read(guard, &query, memory, bins, &error), STATUS_OK);
    assert_int_equal(bins[0].requests, 50);
    assert_true(bins[0].has_data);
    assert_int_equal(bins[1].requests, 0);
    assert_false(bins[1].has_data);
    assert_int_equal(bins[1].target_5xx, 1);
    assert_int_equal(bins[2].target_5xx, 5);
    world.is_partial = true;
    assert_int_equal(bins_read(guard, &query, memory, bins, &error), STATUS_INCOMPLETE);
}

static void e3_runs_within_five_minutes_make_one_look(void **state) {
    (void)state;
    begin();
    const struct watch_record record = {.changed_ms = FAKE_NOW_MS - FAKE_NOW_MS % 60000 + 30000};
    int64_t start_ms = record.changed_ms + 30000;
    static const struct {
        int minutes, look;
    } rows[] = {{-5, 0}, {0, 0}, {7, 0}, {8, 1}, {12, 1}, {13, 2}, {63, 12}, {1443, 288}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t now_ms = start_ms + MINUTES(rows[i].minutes);
        assert_int_equal(watch_look_number(&record, now_ms), rows[i].look);
        assert_int_equal(watch_look_number(&record, now_ms + 59999), rows[i].look);
    }
    assert_int_equal(watch_look_number(&record, INT64_MAX), WATCH_LOOKS_MAX);
}

static void e3_the_plan_is_in_the_watch_item(void **state) {
    (void)state;
    begin();
    const struct table_item *item = promotion_watched(&world, 0);
    assert_str(table_text(item, "plannedAlphaPpb"), "5000000");
    assert_str(table_text(item, "plannedLooks"), "2016");
    assert_str(table_text(item, "plannedRiskPpb"), "1000000");
}

/* Rolled back on the numbers of the first ten minutes; 100 requests a minute. */
static void e1_blocked_clients_are_rolled_back_within_minutes(void **state) {
    (void)state;
    begin();
    int64_t changed_ms = world.loop.fake.now_ms;
    str arn = promotion_member(&world, 0)->arn;
    for (int day = 1; day <= 7; day++) {
        promotion_count(&world, arn, "RequestCount", changed_ms - day * MS_PER_DAY, 6000);
    }
    each_minute("RequestCount", changed_ms, changed_ms + MINUTES(10), 95);
    each_minute("HTTPCode_ELB_4XX_Count", changed_ms, changed_ms + MINUTES(10), 5);
    each_minute("DesyncMitigationMode_NonCompliant_Request_Count", changed_ms,
                changed_ms + MINUTES(10), 5);
    world.loop.fake.now_ms = changed_ms + MINUTES(5);
    promotion_watch(&world, 0, "w1");
    has_status("open"); /* no five minutes are complete */
    world.loop.fake.now_ms = changed_ms + MINUTES(14);
    promotion_watch(&world, 0, "w2");
    has_status("rolled-back");
    assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
    assert_true(loop_says(&world.loop.copies[0], "strictest blocks clients: "));
}

/* As 0.1.0 wrote it: without a plan, and perhaps extended. */
static void e5_a_watch_of_an_older_version_is_finished(void **state) {
    (void)state;
    begin();
    struct table_item *item =
        table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn);
    const struct table_attribute old[] = {
        {STR("plannedAlphaPpb"), STR("N"), STR("0")},
        {STR("plannedLooks"), STR("N"), STR("0")},
        {STR("extended"), STR("N"), STR("1")},
    };
    for (size_t i = 0; i < COUNT(old); i++) {
        table_set(item, &old[i]);
    }
    promotion_hour_passes(&world, 0, 0);
    promotion_watch(&world, 0, "w1");
    has_status("closed");
    assert_str(table_text(promotion_watched(&world, 0), "ending"), "held");
}

static void e5_a_plan_that_cannot_be_right_is_not_followed(void **state) {
    (void)state;
    static const struct {
        const char *name, *number;
    } rows[] = {{"plannedLooks", "1"},
                {"plannedLooks", "9223372036854775807"},
                {"plannedLooks", "-2016"},
                {"plannedAlphaPpb", "1000000000"},
                {"plannedAlphaPpb", "1E+300"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin();
        struct table_item *item =
            table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn);
        const struct table_attribute bad = {str_from_cstr(rows[i].name), STR("N"),
                                            str_from_cstr(rows[i].number)};
        table_set(item, &bad);
        world.loop.fake.now_ms += MINUTES(70);
        promotion_watch(&world, 0, "w1");
        has_status("open"); /* no request was seen, and its days are not over */
        loop_end(&world.loop);
    }
    begin();
}

/* Its watch has ended well; 2 days after the change so many of 1,000 requests were not compliant.
 */
static void begin_held(int blocked) {
    begin();
    str arn = promotion_member(&world, 0)->arn;
    int64_t changed_ms = world.loop.fake.now_ms;
    promotion_hour_passes(&world, 0, 0);
    promotion_watch(&world, 0, "w0");
    has_status("closed");
    promotion_count(&world, arn, "RequestCount", changed_ms + MS_PER_DAY + MINUTES(90), 1000);
    promotion_count(&world, arn, "DesyncMitigationMode_NonCompliant_Request_Count",
                    changed_ms + MS_PER_DAY + MINUTES(90), blocked);
    world.loop.fake.now_ms = changed_ms + 2 * MS_PER_DAY + MINUTES(190);
}

static void e6_blocked_clients_are_rolled_back_after_the_watch(void **state) {
    (void)state;
    for (int is_sweep = 0; is_sweep < 2; is_sweep++) {
        begin_held(100);
        if (is_sweep == 1) {
            promotion_sweep(&world, 0, "r1");
        } else {
            promotion_watch(&world, 0, "w1");
        }
        has_status("rolled-back");
        assert_string_equal(promotion_member(&world, 0)->mode, "defensive");
        assert_int_equal(promotion_acted(&world, 0, 0, ACTION_ROLLBACK, ACTION_DONE), 1);
        assert_int_equal(
            loop_alert_count(&world.loop,
                             "Promotion rolled back: lb-0, mode defensive (was strictest)"),
            1);
        loop_end(&world.loop);
    }
    begin();
}

/* What a sweep learns of blocked clients stops what it would promote next. */
static void a4_a_roll_back_by_a_sweep_comes_before_its_promotions(void **state) {
    (void)state;
    begin_held(100);
    region_add(world.loop.region, "application", "defensive");
    promotion_log_now(&world, 1);
    promotion_sweep(&world, 0, "r1");
    has_status("rolled-back");
    assert_string_equal(promotion_member(&world, 1)->mode, "defensive");
    assert_true(loop_says(&world.loop.copies[0], "frozen until"));
}

static void looks_again(const char *request_id, size_t looks, const char *looked_on_day) {
    size_t before = fake_requests_with(&world.loop.fake, ASKS_METRICS);
    promotion_watch(&world, 0, request_id);
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), before + 2 * looks);
    assert_str(table_text(promotion_watched(&world, 0), "lookedOnDay"), looked_on_day);
    has_status("closed");
}

/* Seven days a run at most. */
static void e6_each_day_is_looked_at_once_for_35_days(void **state) {
    (void)state;
    begin_held(0);
    looks_again("w1", 2, "2");
    looks_again("w2", 0, "2");
    world.loop.fake.now_ms += MS_PER_DAY;
    looks_again("w3", 1, "3");
    world.loop.fake.now_ms += 39 * MS_PER_DAY;
    looks_again("w4", 7, "10");
    looks_again("w5", 7, "17");
    looks_again("w6", 7, "24");
    looks_again("w7", 7, "31");
    looks_again("w8", 4, "35");
    looks_again("w9", 0, "35");
}

static void e6_days_of_long_ago_are_not_made_up_for(void **state) {
    (void)state;
    begin_held(100);
    world.loop.fake.now_ms += 41 * MS_PER_DAY;
    looks_again("w1", 0, "0");
}

static void e6_a_day_that_was_missed_is_made_up_for(void **state) {
    (void)state;
    begin_held(100);
    world.loop.fake.now_ms += 3 * MS_PER_DAY; /* nobody has looked at days 1 to 4 */
    promotion_watch(&world, 0, "w1");
    has_status("rolled-back");
    assert_true(loop_says(&world.loop.copies[0], "100 of 1000 (10 %) HTTP/1.x requests"));
}

/* Half of the requests, in the five minutes between two days: the promotion was 24 hours ago. */
static void e6_days_meet_without_a_hole(void **state) {
    (void)state;
    begin_held(0);
    each_minute("RequestCount", FAKE_NOW_MS + MS_PER_DAY, FAKE_NOW_MS + MS_PER_DAY + MINUTES(5),
                100);
    each_minute("DesyncMitigationMode_NonCompliant_Request_Count", FAKE_NOW_MS + MS_PER_DAY,
                FAKE_NOW_MS + MS_PER_DAY + MINUTES(5), 50);
    promotion_watch(&world, 0, "w1");
    has_status("rolled-back");
}

static void e6_what_is_gone_or_changed_is_not_looked_at(void **state) {
    (void)state;
    begin_held(100);
    size_t before = fake_requests_with(&world.loop.fake, ASKS_METRICS);
    promotion_member(&world, 0)->mode = "defensive";
    promotion_watch(&world, 0, "w1");
    promotion_member(&world, 0)->is_gone = true;
    world.loop.fake.now_ms += MS_PER_DAY;
    promotion_watch(&world, 0, "w2");
    loop_succeeded(&world.loop.copies[0]);
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), before);
    has_status("closed");
}

static void e6_numbers_that_cannot_be_read_are_read_by_the_next_run(void **state) {
    (void)state;
    begin_held(100);
    world.is_partial = true;
    promotion_watch(&world, 0, "w1");
    assert_true(world.loop.copies[0].reply.is_error);
    has_status("closed");
    world.is_partial = false;
    promotion_watch(&world, 0, "w2");
    has_status("rolled-back");
}

/* --- the access logs ---------------------------------------------------------------------------
 */

static struct table_item *log_hour(const char *const *pairs) {
    return table_plant(world.loop.table, promotion_member(&world, 0)->arn, pairs);
}

/* Changed at 08:00 and looked at at 08:14: the lines of 08:05 to 08:10. */
static void e1_blocked_lines_of_the_logs_are_rolled_back(void **state) {
    (void)state;
    for (int is_usual = 0; is_usual < 2; is_usual++) {
        begin();
        (void)log_hour(PAIRS("sk", "TRAFFIC#2026-11-22T08", "+requests", "60000", "+http1Lines",
                             "30000", "+unserved", is_usual ? "3000" : "30"));
        (void)log_hour(PAIRS("sk", "TRAFFIC#2026-11-23T08", "+h0", "1000", "+h1", "1000", "+u1",
                             "90", "+b1", "10", "+h3", "1000", "+u3", "1000"));
        world.loop.fake.now_ms += MINUTES(14);
        promotion_watch(&world, 0, "w1");
        has_status(is_usual ? "open" : "rolled-back");
        assert_true(loop_says(&world.loop.copies[0],
                              is_usual ? "blocked by the access logs 100 of 1000 (10 %)"
                                       : "the access logs say: Acceptable and Ambiguous"));
        loop_end(&world.loop);
    }
    begin();
}

static void plant_blocked(const char *hour, const char *requests) {
    struct table_item *item = log_hour(
        PAIRS("sk", hour, "+requests", "1000", "+http1Lines", "1000", "+blockedClients", requests));
    const struct table_attribute reasons = {STR("blockedReasons"), STR("SS"), STR("EmptyHeader")};
    table_set(item, &reasons);
}

/* Promoted at 08:00: days begin at 09:00, and are looked at when their last files have come. Those
 * that are looked at by one run have one alert. */
static void e6_each_hour_is_of_one_day(void **state) {
    (void)state;
    static const struct {
        int64_t looks[2]; /* since the promotion; 0: none */
        const char *says[2];
    } rows[] = {
        {{MS_PER_DAY + MINUTES(180), 2 * MS_PER_DAY + MINUTES(180)},
         {"from 2026-11-23T09:00Z to 2026-11-24T09:00Z 3 requests were blocked that came from "
          "networks of clients that were served otherwise, most of them for EmptyHeader",
          "from 2026-11-24T09:00Z to 2026-11-25T09:00Z 12 requests"}},
        {{MS_PER_DAY + MINUTES(179), 2 * MS_PER_DAY + MINUTES(180)},
         {NULL, "from 2026-11-23T09:00Z to 2026-11-25T09:00Z 15 requests"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin_held(0);
        plant_blocked("TRAFFIC#2026-11-23T09", "1");
        plant_blocked("TRAFFIC#2026-11-24T08", "2");
        plant_blocked("TRAFFIC#2026-11-24T09", "4");
        plant_blocked("TRAFFIC#2026-11-25T08", "8");
        plant_blocked("TRAFFIC#2026-11-25T09", "16");
        for (size_t look = 0; look < 2; look++) {
            size_t before = world.loop.message_count;
            world.loop.fake.now_ms = FAKE_NOW_MS + rows[i].looks[look];
            promotion_watch(&world, 0, look == 0 ? "w1" : "w2");
            loop_succeeded(&world.loop.copies[0]);
            bool is_alerted = rows[i].says[look] != NULL;
            assert_int_equal(world.loop.message_count, before + (is_alerted ? 1 : 0));
            assert_true(!is_alerted || str_contains(world.loop.messages[before].text,
                                                    str_from_cstr(rows[i].says[look])));
        }
        loop_end(&world.loop);
    }
    begin();
}

static void e6_blocked_clients_are_named_once_a_day(void **state) {
    (void)state;
    begin_held(0);
    plant_blocked("TRAFFIC#2026-11-24T10", "7");
    for (int i = 0; i < 2; i++) {
        promotion_watch(&world, 0, i == 0 ? "w1" : "w2");
        loop_succeeded(&world.loop.copies[0]);
        has_status("closed");
        assert_int_equal(loop_alert_count(&world.loop, "Clients blocked: lb-0, mode strictest"), 1);
    }
    promotion_sweep(&world, 0, "r1");
    assert_true(loop_says(&world.loop.copies[0], "CLIENTS_BLOCKED"));
    assert_true(loop_says(&world.loop.copies[0],
                          "In the last 14 days 7 requests were blocked that came from networks of "
                          "clients that were served otherwise, most of them for EmptyHeader"));
    assert_int_equal(loop_alert_count(&world.loop, "Clients blocked: lb-0, mode strictest"), 1);
}

static void e6_an_alert_that_sns_refuses_is_sent_by_the_next_run(void **state) {
    (void)state;
    begin_held(0);
    plant_blocked("TRAFFIC#2026-11-24T10", "7");
    world.loop.fault =
        (struct loop_fault){.nth = 1,
                            .match = ASKS_PUBLISH,
                            .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AuthError"))}};
    promotion_watch(&world, 0, "w1");
    assert_true(world.loop.copies[0].reply.is_error);
    assert_int_equal(loop_alert_count(&world.loop, "Clients blocked: lb-0, mode strictest"), 0);
    promotion_watch(&world, 0, "w2");
    promotion_watch(&world, 0, "w3");
    assert_int_equal(loop_alert_count(&world.loop, "Clients blocked: lb-0, mode strictest"), 1);
}

#define ENDED ((size_t)TABLE_ITEMS_MAX / 2)

/* Held watches stay in the table for as long as their load balancers exist. */
static void e4_ended_watches_take_no_time_from_those_that_are_open(void **state) {
    (void)state;
    begin();
    promotion_hour_passes(&world, 0, 50);
    const struct table_item open = *promotion_watched(&world, 0);
    for (size_t i = 0; i < ENDED; i++) {
        struct table_item item = open;
        str arn = str_format(&world.loop.fake.arena, "%" STR_FMT "%zu",
                             STR_ARG(promotion_member(&world, 0)->arn), i);
        const struct table_attribute sk = {STR("sk"), STR("S"), arn};
        const struct table_attribute ended = {STR("status"), STR("S"), STR("rolled-back")};
        table_set(&item, &sk);
        table_set(&item, &ended);
        (void)table_put(world.loop.table, &item);
    }
    promotion_watch(&world, 0, "w1");
    has_status("rolled-back");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bins_hold_their_own_minutes, end),
        cmocka_unit_test_teardown(e3_runs_within_five_minutes_make_one_look, end),
        cmocka_unit_test_teardown(e3_the_plan_is_in_the_watch_item, end),
        cmocka_unit_test_teardown(e1_blocked_clients_are_rolled_back_within_minutes, end),
        cmocka_unit_test_teardown(e5_a_watch_of_an_older_version_is_finished, end),
        cmocka_unit_test_teardown(e5_a_plan_that_cannot_be_right_is_not_followed, end),
        cmocka_unit_test_teardown(e6_blocked_clients_are_rolled_back_after_the_watch, end),
        cmocka_unit_test_teardown(a4_a_roll_back_by_a_sweep_comes_before_its_promotions, end),
        cmocka_unit_test_teardown(e6_each_day_is_looked_at_once_for_35_days, end),
        cmocka_unit_test_teardown(e6_days_of_long_ago_are_not_made_up_for, end),
        cmocka_unit_test_teardown(e6_a_day_that_was_missed_is_made_up_for, end),
        cmocka_unit_test_teardown(e6_days_meet_without_a_hole, end),
        cmocka_unit_test_teardown(e6_each_hour_is_of_one_day, end),
        cmocka_unit_test_teardown(e6_what_is_gone_or_changed_is_not_looked_at, end),
        cmocka_unit_test_teardown(e6_numbers_that_cannot_be_read_are_read_by_the_next_run, end),
        cmocka_unit_test_teardown(e1_blocked_lines_of_the_logs_are_rolled_back, end),
        cmocka_unit_test_teardown(e6_blocked_clients_are_named_once_a_day, end),
        cmocka_unit_test_teardown(e6_an_alert_that_sns_refuses_is_sent_by_the_next_run, end),
        cmocka_unit_test_teardown(e4_ended_watches_take_no_time_from_those_that_are_open, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
