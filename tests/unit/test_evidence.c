/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence from TRAFFIC items and from CloudWatch.
 */
#include "control/evidence.h"
#include "control/promotion.h"
#include "promotion_world.h"
#include "table/watch_records.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define NEWEST        INT64_C(1795420200000) /* 2026-11-23T07:50:00Z */
#define NON_COMPLIANT "DesyncMitigationMode_NonCompliant_Request_Count"

static struct promotion_world world;
static struct evidence_query cases[4];
static struct error error;

static const char *const TABLE_ONLY[] = {"STATE_TABLE", "ledger", NULL};

static int begin(void **state) {
    (void)state;
    promotion_world_begin(&world, TABLE_ONLY, COUNT(cases));
    error = (struct error){0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cases[i] = (struct evidence_query){.arn = promotion_member(&world, i)->arn};
    }
    return 0;
}

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

static enum status read_cases(size_t count) {
    struct loop_copy *copy = &world.loop.copies[0];
    copy->guard.aws.deadline_ms = copy->guard.home.deadline_ms = INT64_MAX;
    return evidence_read(&copy->guard, cases, count, &copy->arena, &error);
}

static void plant(size_t i, const char *sk, const char *requests, const char *newest) {
    (void)table_plant(
        world.loop.table, cases[i].arn,
        PAIRS("sk", sk, "+requests", requests, "+compliant", requests, "newest_at", newest));
}

static void days_of_the_window_are_added_up(void **state) {
    (void)state;
    promotion_log(&world, 0, "3000", "7");
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-10", "+requests", "66", "+compliant", "11",
                            "+ambiguous", "22", "+severe", "33", "+unknown", "44", "+unfamiliar",
                            "4", "+unparsed", "55", "+withoutTime", "6", "+damaged", "7",
                            "newest_at", "2026-11-10T23:59:59.999Z"));
    plant(0, "TRAFFIC#2026-11-09", "500", "2026-11-09T10:00:00.000Z"); /* 15 days ago */
    plant(0, "TRAFFIC#2026-11-24", "500", "2026-11-24T10:00:00.000Z"); /* not yet */
    assert_int_equal(read_cases(1), STATUS_OK);
    const struct evidence *evidence = &cases[0].evidence;
    assert_true(cases[0].is_read);
    assert_int_equal(evidence->days, 14);
    assert_int_equal(evidence->log_days, 2);
    assert_int_equal(evidence->compliant, 3011);
    assert_int_equal(evidence->acceptable, 7);
    assert_int_equal(evidence->ambiguous, 22);
    assert_int_equal(evidence->severe, 33);
    assert_int_equal(evidence->unclassified, 40);
    assert_int_equal(evidence->unfamiliar, 4);
    assert_int_equal(evidence->unparsed, 55);
    assert_int_equal(evidence->without_time, 6);
    assert_int_equal(evidence->damaged, 7);
    assert_int_equal(evidence->log_newest_ms, NEWEST);
}

/* 2026-11-23 is a Monday. */
static void d1_d2_d3_outcomes_of_hours_and_days_are_evidence(void **state) {
    (void)state;
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23T07", "+requests", "100", "+compliant", "90",
                            "+acceptable", "4", "+severe", "6", "+http1", "60", "+http1Lines", "75",
                            "+http2", "20", "+synthetic", "5", "+blockedServed", "3", "+unserved",
                            "1", "+severeServed", "2", "+severeUnserved", "4", "+blockedClients",
                            "1", "newest_at", "2026-11-23T07:50:00.000Z"));
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23T07#1.2", "+requests", "100", "+compliant",
                            "100", "+http2", "100"));
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-20T23", "+requests", "10", "+compliant", "10",
                            "+http1", "10", "+http1Lines", "10"));
    (void)table_plant(world.loop.table, cases[0].arn, /* no HTTP/1.x: it is no day with traffic */
                      PAIRS("sk", "TRAFFIC#2026-11-19T23", "+requests", "10", "+compliant", "10",
                            "+http2", "10"));
    struct table_item *item = table_plant(
        world.loop.table, cases[0].arn,
        PAIRS("sk", "TRAFFIC#2026-11-12", "+requests", "5", "+compliant", "5", "+http1", "5",
              "+http1Lines", "5", "+foldedRequests", "5", "foldedAt", "2026-11-22T07:50:00.000Z"));
    const struct table_attribute networks = {STR("networks"), STR("SS"), STR("q5xj -BDZ")};
    table_set(item, &networks);
    item = table_find(world.loop.table, cases[0].arn, STR("TRAFFIC#2026-11-20T23"));
    const struct table_attribute clients = {STR("clients"), STR("SS"), STR("q5xj AAAB")};
    table_set(item, &clients);
    assert_int_equal(read_cases(1), STATUS_OK);
    const struct evidence *evidence = &cases[0].evidence;
    assert_true(cases[0].is_read && evidence->has_clients && !evidence->has_old_items);
    assert_int_equal(evidence->http1_requests, 75);
    assert_int_equal(evidence->http2_requests, 130);
    assert_int_equal(evidence->synthetic, 5);
    assert_int_equal(evidence->blocked_served, 3);
    assert_int_equal(evidence->unserved, 1);
    assert_int_equal(evidence->severe_served, 2);
    assert_int_equal(evidence->severe_unserved, 4);
    assert_int_equal(evidence->blocked_clients, 1);
    assert_int_equal(evidence->traffic_days, 3);
    assert_int_equal(evidence->weekdays_logged, 1 << 0 | 1 << 4 | 1 << 3);
    assert_int_equal((int)(100 * evidence->clients), 300);
    assert_int_equal((int)(100 * evidence->http1_share + 0.5), 40); /* 90 of 225 */
    assert_int_equal(evidence->compliant, 215);
    assert_int_equal(evidence->log_newest_ms, NEWEST);
}

static void d3_items_of_0_1_0_prove_no_client_and_no_protocol(void **state) {
    (void)state;
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23", "+requests", "3000", "+compliant", "3000",
                            "+acceptable", "7", "newest_at", "2026-11-23T07:50:00.000Z"));
    assert_int_equal(read_cases(2), STATUS_OK);
    assert_true(cases[0].evidence.has_old_items);
    assert_false(cases[0].evidence.has_clients);
    assert_int_equal(cases[0].evidence.http1_requests, 0);
    assert_int_equal(cases[0].evidence.traffic_days, 0);
    assert_int_equal(cases[0].evidence.acceptable, 7);
    assert_int_equal((int)cases[0].evidence.clients, 0);
    assert_false(cases[1].evidence.has_old_items || cases[1].evidence.has_clients);
}

static void d3_weekdays_with_traffic_are_those_of_35_days(void **state) {
    (void)state;
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - 34 * MS_PER_DAY, 3);
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - 35 * MS_PER_DAY, 3);
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - 15 * MS_PER_DAY, 3);
    promotion_count(&world, cases[0].arn, NON_COMPLIANT, FAKE_NOW_MS - 2 * MS_PER_DAY, 3);
    assert_int_equal(read_cases(2), STATUS_OK);
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), 1);
    /* Tuesday and Sunday; Monday is too long ago. */
    assert_int_equal(cases[0].evidence.weekdays_traffic, 1 << 1 | 1 << 6);
    assert_int_equal(cases[1].evidence.weekdays_traffic, 0);
    assert_int_equal(cases[0].evidence.metric_requests, 0); /* the window is of 14 days */
    assert_int_equal(cases[0].evidence.metric_non_compliant, 3);
}

/* Of 2026-11-07 no file is accepted any more. The second has switched its logs off: its hours
 * expire before they are too old to be evidence. */
static void f5_a_sweep_adds_up_hours_whether_logs_are_written_any_more_or_not(void **state) {
    (void)state;
    struct promotion_config *config = &world.loop.copies[0].guard.settings.control.promotion;
    config->promotion = PROMOTION_RECOMMEND;
    config->evidence.evidence_days = 30;
    for (size_t i = 0; i < 2; i++) {
        promotion_member(&world, i)->writes_logs = i == 0;
        plant(i, "TRAFFIC#2026-11-07T10", "500", "2026-11-07T10:50:00.000Z");
        plant(i, "TRAFFIC#2026-11-07T11", "50", "2026-11-07T11:50:00.000Z");
        plant(i, "TRAFFIC#2026-11-08T11", "7", "2026-11-08T11:50:00.000Z");
    }
    for (size_t i = 0; i < 4; i++) {
        promotion_sweep(&world, 0, i < 2 ? "r1" : "r2");
        loop_succeeded(&world.loop.copies[0]);
        const struct table_item *day =
            table_find(world.loop.table, cases[i % 2].arn, STR("TRAFFIC#2026-11-07"));
        assert_non_null(day);
        assert_str(table_text(day, "requests"), "550");
        assert_str(table_text(day, "newest_at"), "2026-11-07T11:50:00.000Z");
        assert_null(table_find(world.loop.table, cases[i % 2].arn, STR("TRAFFIC#2026-11-08")));
    }
}

/* Only history is lost: the sweep goes on, and says so once. */
static void hours_that_cannot_be_added_up_fail_no_sweep(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        promotion_member(&world, i)->writes_logs = true;
        plant(i, "TRAFFIC#2026-11-07T10", "500", "2026-11-07T10:50:00.000Z");
    }
    world.loop.fault = (struct loop_fault){
        .nth = 1, .is_lasting = true, .match = "foldedAt)", .answer = {.http_status = 403}};
    promotion_sweep(&world, 0, "r1");
    loop_succeeded(&world.loop.copies[0]);
    assert_int_equal(loop_logged(&world.loop, "traffic_not_folded"), 1);
}

static void malformed_counters_are_ignored(void **state) {
    (void)state;
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-23", "requests", "many", "+compliant", "-5",
                            "newest_at", "yesterday"));
    assert_int_equal(read_cases(1), STATUS_OK);
    assert_false(cases[0].evidence.log_days > 0);
    assert_int_equal(cases[0].evidence.compliant, 0);
    assert_int_equal(cases[0].evidence.log_newest_ms, 0);
}

/* One number that the program never wrote, and of the whole nothing is believed. */
static void counters_beyond_any_count_leave_no_evidence(void **state) {
    (void)state;
    static const char *const NUMBERS[] = {
        "9223372036854775807", "-9223372036854775808", "1E+300", "-1", "7.5", "1125899906842625"};
    static const char *const COUNTERS[] = {"+requests", "+acceptable", "+severe", "+damaged"};
    for (size_t i = 0; i < COUNT(NUMBERS) * COUNT(COUNTERS); i++) {
        const char *number = NUMBERS[i / COUNT(COUNTERS)];
        const char *counter = COUNTERS[i % COUNT(COUNTERS)];
        world.loop.table->count = 0;
        cases[0] = (struct evidence_query){.arn = cases[0].arn};
        cases[1] = (struct evidence_query){.arn = cases[1].arn};
        promotion_log(&world, 0, "3000", "7");
        promotion_log(&world, 1, "3000", "7");
        (void)table_plant(world.loop.table, cases[0].arn,
                          PAIRS("sk", "TRAFFIC#2026-11-22", "+ambiguous", "9000000000000000000",
                                "+compliant", "3000", counter, number));
        assert_int_equal(read_cases(2), STATUS_OK);
        if (cases[0].is_read || !cases[1].is_read) {
            fail_msg("%s %s", counter, number);
        }
    }
    assert_int_equal(loop_logged(&world.loop, "holds a number that cannot be a count"),
                     COUNT(NUMBERS) * COUNT(COUNTERS));
}

/* Logs of each day of the window but those before `first`. */
static void plant_days(size_t i, int first) {
    struct arena *arena = &world.loop.fake.arena;
    for (int day = first; day <= 23; day++) {
        const char *sk = str_to_cstr(arena, str_format(arena, "TRAFFIC#2026-11-%02d", day));
        plant(i, sk, "70", "2026-11-23T07:50:00.000Z");
    }
}

static void day_covered_by_logs_uses_no_metrics(void **state) {
    (void)state;
    plant_days(0, 10);
    plant_days(1, 11);
    plant_days(2, 12);
    (void)table_plant(world.loop.table, /* of no class that is known */
                      cases[2].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-10", "+requests", "9", "+unknown", "9"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        promotion_count(&world, cases[i].arn, "RequestCount", FAKE_NOW_MS - 13 * MS_PER_DAY, 100);
    }
    assert_int_equal(read_cases(COUNT(cases)), STATUS_OK);
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(cases[i].is_read);
        assert_int_equal(cases[i].evidence.has_metrics, i != 0);
        assert_int_equal(cases[i].evidence.thin_days, 0);
    }
    assert_int_equal(cases[0].evidence.log_days, 14);
}

/* A few minutes of logs say nothing of the other days; on their own day they win. */
static void metrics_cover_the_days_without_logs(void **state) {
    (void)state;
    plant(0, "TRAFFIC#2026-11-23", "610", "2026-11-23T07:50:00.000Z");
    plant(0, "TRAFFIC#2026-11-20", "620", "2026-11-20T07:50:00.000Z");
    for (int day = 0; day < 6; day++) {
        int64_t at_ms = FAKE_NOW_MS - day * MS_PER_DAY;
        promotion_count(&world, cases[0].arn, "RequestCount", at_ms, 1000 + day);
        promotion_count(&world, cases[0].arn, NON_COMPLIANT, at_ms, 10 + day);
    }
    assert_int_equal(read_cases(1), STATUS_OK);
    assert_int_equal(cases[0].evidence.compliant, 1230);
    assert_int_equal(cases[0].evidence.metric_requests, 4 * 1000 + 1 + 2 + 4 + 5);
    assert_int_equal(cases[0].evidence.metric_non_compliant, 4 * 10 + 1 + 2 + 4 + 5);
}

/* Access logs count the requests they hold, metrics the rest. */
static void logs_of_less_than_half_of_the_requests_do_not_cover_their_day(void **state) {
    (void)state;
    int64_t day_ms = FAKE_NOW_MS - 3 * MS_PER_DAY; /* 2026-11-20 */
    (void)table_plant(world.loop.table, cases[0].arn,
                      PAIRS("sk", "TRAFFIC#2026-11-20", "+requests", "499", "+compliant", "479",
                            "+acceptable", "2", "+ambiguous", "3", "+severe", "5", "+unknown", "10",
                            "newest_at", "2026-11-20T07:50:00.000Z"));
    plant(1, "TRAFFIC#2026-11-20", "500", "2026-11-20T07:50:00.000Z");
    plant(2, "TRAFFIC#2026-11-20", "499", "2026-11-20T07:50:00.000Z");
    for (size_t i = 0; i < 3; i++) {
        promotion_count(&world, cases[i].arn, "RequestCount", day_ms, 1000);
        promotion_count(&world, cases[i].arn, NON_COMPLIANT, day_ms, i == 2 ? 0 : 60);
    }
    assert_int_equal(read_cases(3), STATUS_OK);
    assert_int_equal(cases[0].evidence.thin_days, 1);
    assert_int_equal(cases[0].evidence.metric_requests, 501);
    assert_int_equal(cases[0].evidence.metric_non_compliant, 50);
    assert_int_equal(cases[0].evidence.metric_newest_ms, day_ms - day_ms % MS_PER_DAY);
    assert_int_equal(cases[0].evidence.acceptable, 2);
    assert_false(cases[1].evidence.has_metrics);
    assert_int_equal(cases[1].evidence.thin_days, 0);
    assert_int_equal(cases[2].evidence.thin_days, 1);
    assert_int_equal(cases[2].evidence.metric_non_compliant, 0);
}

/* Logs of the last minutes are on their way, at midnight those of the whole day. */
static void logs_of_today_may_be_incomplete(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        plant(i, "TRAFFIC#2026-11-23", "1", "2026-11-23T00:00:01.000Z");
        promotion_count(&world, cases[i].arn, "RequestCount", FAKE_NOW_MS, 300);
        promotion_count(&world, cases[i].arn, NON_COMPLIANT, FAKE_NOW_MS, 7);
        promotion_count(&world, cases[i].arn, "RequestCount", FAKE_NOW_MS - MS_PER_DAY, 9000);
    }
    plant(0, "TRAFFIC#2026-11-22", "9000", "2026-11-22T23:59:00.000Z");
    plant(1, "TRAFFIC#2026-11-22", "4500", "2026-11-22T23:59:00.000Z"); /* half, with today less */
    plant(2, "TRAFFIC#2026-11-21", "9000", "2026-11-21T23:59:00.000Z"); /* not yesterday */
    assert_int_equal(read_cases(3), STATUS_OK);
    assert_false(cases[0].evidence.has_metrics);
    assert_int_equal(cases[1].evidence.thin_days, 1);
    assert_int_equal(cases[1].evidence.metric_requests, 299);
    assert_int_equal(cases[1].evidence.metric_non_compliant, 7);
    assert_int_equal(cases[2].evidence.thin_days, 1);
    assert_int_equal(cases[2].evidence.metric_requests, 9299);
}

static void metrics_are_summed_over_the_window(void **state) {
    (void)state;
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - MS_PER_DAY, 4000);
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - 13 * MS_PER_DAY, 500);
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - 14 * MS_PER_DAY, 70);
    promotion_count(&world, cases[0].arn, NON_COMPLIANT, FAKE_NOW_MS - MS_PER_DAY, 3);
    promotion_count(&world, cases[1].arn, "RequestCount", FAKE_NOW_MS, 9);
    assert_int_equal(read_cases(3), STATUS_OK);
    assert_int_equal(cases[0].evidence.metric_requests, 4500);
    assert_int_equal(cases[0].evidence.metric_non_compliant, 3);
    /* When within its day is not known. */
    int64_t today_ms = FAKE_NOW_MS - FAKE_NOW_MS % MS_PER_DAY;
    assert_int_equal(cases[0].evidence.metric_newest_ms, today_ms - MS_PER_DAY);
    assert_int_equal(cases[0].evidence.metric_days, 2);
    assert_int_equal(cases[0].evidence.weekdays_counted, 1U << 6 | 1U << 1); /* Sunday, Tuesday */
    assert_int_equal(cases[1].evidence.metric_requests, 9);
    assert_int_equal(cases[1].evidence.metric_newest_ms, today_ms);
    assert_false(cases[2].evidence.has_metrics);
    assert_true(cases[2].is_read);
}

static void d5_logs_of_which_nothing_is_counted_go_elsewhere(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        cases[i].evidence.writes_logs = i == 2 ? NO : YES;
        cases[i].evidence.logs_bucket = STR("logs-1");
    }
    plant(1, "TRAFFIC#2026-11-23", "610", "2026-11-23T07:50:00.000Z");
    assert_int_equal(read_cases(3), STATUS_OK);
    assert_true(cases[0].evidence.logs_elsewhere);
    assert_false(cases[1].evidence.logs_elsewhere);
    assert_false(cases[2].evidence.logs_elsewhere);
}

static void incomplete_metrics_are_not_used(void **state) {
    (void)state;
    promotion_count(&world, cases[0].arn, "RequestCount", FAKE_NOW_MS - MS_PER_DAY, 4000);
    world.is_partial = true;
    assert_int_equal(read_cases(1), STATUS_OK);
    assert_false(cases[0].is_read);
    assert_false(cases[0].evidence.has_metrics);
    assert_int_equal(loop_logged(&world.loop, "CloudWatch did not return all of its metrics"), 1);
}

static void a_query_that_could_not_be_read_is_marked(void **state) {
    (void)state;
    plant_days(0, 10);
    world.loop.fault = (struct loop_fault){
        .nth = 2,
        .is_lasting = true,
        .match = ASKS_QUERY,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    assert_int_equal(read_cases(3), STATUS_DENIED);
    for (size_t i = 0; i < 3; i++) {
        assert_false(cases[i].is_read);
    }
    world.loop.fault.match = ASKS_METRICS;
    world.loop.fault_calls = 0;
    world.loop.fault.nth = 1;
    assert_int_equal(read_cases(2), STATUS_DENIED);
    assert_false(cases[0].is_read); /* how much its logs cover is not known */
    assert_false(cases[1].is_read);
}

static void a_window_is_of_whole_minutes(void **state) {
    (void)state;
    struct traffic_window window = window_before(FAKE_NOW_MS + 59999, 60);
    assert_int_equal(window.end_ms, FAKE_NOW_MS);
    assert_int_equal(window.start_ms, FAKE_NOW_MS - MINUTES(60));
}

static void windows_hold_their_own_minutes(void **state) {
    (void)state;
    static const char *const NAMES[] = {"RequestCount", NON_COMPLIANT, "HTTPCode_ELB_4XX_Count",
                                        "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count"};
    struct window_query windows[] = {
        {.arn = cases[0].arn, .window = window_before(FAKE_NOW_MS, 60)},
        {.arn = cases[0].arn, .window = window_before(FAKE_NOW_MS - MINUTES(60), 60)},
        {.arn = cases[1].arn, .window = window_before(FAKE_NOW_MS, 60)},
    };
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        promotion_count(&world, cases[0].arn, NAMES[i], FAKE_NOW_MS - MINUTES(1), 10 + (int)i);
        promotion_count(&world, cases[0].arn, NAMES[i], FAKE_NOW_MS - MINUTES(61), 20 + (int)i);
        promotion_count(&world, cases[0].arn, NAMES[i], FAKE_NOW_MS, 1000);
    }
    struct guard *guard = &world.loop.copies[0].guard;
    guard->aws.deadline_ms = INT64_MAX;
    assert_int_equal(
        windows_read(guard, windows, COUNT(windows), &world.loop.copies[0].arena, &error),
        STATUS_OK);
    const struct traffic_window *one = &windows[0].window;
    assert_int_equal(one->requests, 10);
    assert_int_equal(one->non_compliant, 11);
    assert_int_equal(one->elb_4xx, 12);
    assert_int_equal(one->elb_5xx, 13);
    assert_int_equal(one->target_5xx, 14);
    assert_int_equal(windows[1].window.target_5xx, 24);
    assert_true(windows[1].window.has_data);
    assert_false(windows[2].window.has_data);
    world.is_partial = true;
    assert_int_equal(
        windows_read(guard, windows, COUNT(windows), &world.loop.copies[0].arena, &error),
        STATUS_INCOMPLETE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(days_of_the_window_are_added_up, begin, end),
        cmocka_unit_test_setup_teardown(d1_d2_d3_outcomes_of_hours_and_days_are_evidence, begin,
                                        end),
        cmocka_unit_test_setup_teardown(d3_items_of_0_1_0_prove_no_client_and_no_protocol, begin,
                                        end),
        cmocka_unit_test_setup_teardown(d3_weekdays_with_traffic_are_those_of_35_days, begin, end),
        cmocka_unit_test_setup_teardown(
            f5_a_sweep_adds_up_hours_whether_logs_are_written_any_more_or_not, begin, end),
        cmocka_unit_test_setup_teardown(hours_that_cannot_be_added_up_fail_no_sweep, begin, end),
        cmocka_unit_test_setup_teardown(malformed_counters_are_ignored, begin, end),
        cmocka_unit_test_setup_teardown(counters_beyond_any_count_leave_no_evidence, begin, end),
        cmocka_unit_test_setup_teardown(day_covered_by_logs_uses_no_metrics, begin, end),
        cmocka_unit_test_setup_teardown(
            logs_of_less_than_half_of_the_requests_do_not_cover_their_day, begin, end),
        cmocka_unit_test_setup_teardown(logs_of_today_may_be_incomplete, begin, end),
        cmocka_unit_test_setup_teardown(metrics_cover_the_days_without_logs, begin, end),
        cmocka_unit_test_setup_teardown(metrics_are_summed_over_the_window, begin, end),
        cmocka_unit_test_setup_teardown(d5_logs_of_which_nothing_is_counted_go_elsewhere, begin,
                                        end),
        cmocka_unit_test_setup_teardown(incomplete_metrics_are_not_used, begin, end),
        cmocka_unit_test_setup_teardown(a_query_that_could_not_be_read_is_marked, begin, end),
        cmocka_unit_test_setup_teardown(a_window_is_of_whole_minutes, begin, end),
        cmocka_unit_test_setup_teardown(windows_hold_their_own_minutes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
