/* SPDX-License-Identifier: Apache-2.0
 *
 * Promotion at the end of a sweep: whose turn it is, and what is left behind.
 */
#include "../../src/control/promotion_internal.h"
#include "promotion_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RING(n)        "<member><Key>DesyncRing</Key><Value>" n "</Value></member>"
#define PROFILE(n)     "<member><Key>DesyncProfile</Key><Value>" n "</Value></member>"

static struct promotion_world world;

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

/* All with clean logs. */
static void begin(const char *const *variables, size_t count) {
    promotion_world_begin(&world, variables, count);
    for (size_t i = 0; i < count; i++) {
        promotion_log(&world, i, "5000", "0");
    }
}

static void sweep(const char *request_id) {
    promotion_sweep(&world, 0, request_id);
    loop_succeeded(&world.loop.copies[0]);
}

static void is_now(size_t i, const char *mode) {
    assert_string_equal(promotion_member(&world, i)->mode, mode);
}

static void rings_are_in_the_order_of_numbers_then_text_then_none(void **state) {
    (void)state;
    static const char *const ORDER[] = {"-1", "0", "2", "10", "beta", "prod", ""};
    for (size_t i = 0; i < COUNT(ORDER); i++) {
        for (size_t j = 0; j < COUNT(ORDER); j++) {
            int order = ring_compare(str_from_cstr(ORDER[i]), str_from_cstr(ORDER[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(ring_compare(STR("2"), STR("02")), 0);
    begin(VARIABLES(PROMOTION_ALL), 0);
}

static void a_promotion_is_made_saved_and_alerted(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    sweep("r1");
    str arn = promotion_member(&world, 0)->arn;
    is_now(0, "strictest");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_DONE), 1);
    assert_str(promotion_status(&world, 0), "open");
    assert_int_equal(
        loop_alert_count(&world.loop, "Promoted: lb-0, mode strictest (was defensive)"), 1);
    const struct table_item *change = table_first(world.loop.table, arn, "CHANGE#");
    assert_str(table_text(change, "action"), "promote");
    assert_str(table_text(change, "before"), "defensive");
    assert_str(table_text(change, "after"), "strictest");
    assert_str(table_text(change, "baselineRequests"), "0");
    const struct table_item *remembered = table_first(world.loop.table, arn, "STATE");
    assert_str(table_text(remembered, "mode"), "strictest");
    assert_int_equal(world.loop.start_count, 1); /* AWS Config is asked to look again */
}

static void one_ring_is_promoted_at_a_time(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 4);
    promotion_member(&world, 1)->tags = RING("10");
    promotion_member(&world, 2)->tags = RING("2");
    promotion_member(&world, 3)->tags = RING("2");
    sweep("r1");
    is_now(0, "defensive");
    is_now(1, "defensive");
    is_now(2, "strictest");
    is_now(3, "strictest");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_PLANNED), 1);
    assert_int_equal(promotion_acted(&world, 0, 1, ACTION_PROMOTE, ACTION_PLANNED), 1);
    sweep("r2"); /* they are being watched */
    is_now(1, "defensive");
    int64_t changed_ms = world.loop.fake.now_ms;
    promotion_hour_passes(&world, 2, 0);
    world.loop.fake.now_ms = changed_ms;
    promotion_hour_passes(&world, 3, 0);
    promotion_watch(&world, 0, "w1");
    promotion_turn_passes(&world);
    sweep("r3");
    is_now(1, "strictest");
    is_now(0, "defensive");
}

static void no_more_than_a_run_may_change_are_promoted(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "2"), 3);
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 2);
    assert_int_equal(promotion_acted(&world, 0, 2, ACTION_PROMOTE, ACTION_PLANNED), 1);
    promotion_turn_passes(&world);
    sweep("r2");
    assert_int_equal(world.loop.modify_count, 3);
    is_now(2, "strictest");
}

static void enforcement_counts_against_the_same_limit(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1", "ENFORCEMENT", "enforce"), 2);
    promotion_member(&world, 1)->mode = "monitor";
    sweep("r1");
    is_now(0, "defensive");
    is_now(1, "defensive");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_PLANNED), 1);
}

static void load_balancers_without_good_evidence_are_not_promoted(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 4);
    promotion_log(&world, 0, "5000", "3");
    promotion_log(&world, 1, "5", "0");
    promotion_member(&world, 2)->tags = PROFILE("legacy");
    promotion_member(&world, 3)->mode = "monitor";
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 0);
    assert_int_equal(loop_logged(&world.loop, "recommendation=FIX_CLIENTS "), 1);
    assert_int_equal(loop_logged(&world.loop, "recommendation=NO_EVIDENCE "), 1);
    assert_int_equal(loop_logged(&world.loop, "recommendation=HOLD "), 2);
}

static void a_profile_of_strictest_becomes_compliant(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce"), 1);
    promotion_member(&world, 0)->tags = PROFILE("modern");
    sweep("r1");
    is_now(0, "strictest");
    str arn = promotion_member(&world, 0)->arn;
    assert_str(table_text(table_first(world.loop.table, arn, "STATE"), "compliance"), "COMPLIANT");
    assert_int_equal(loop_open_incidents(&world.loop), 0);
}

static void a5_recommend_and_a_missing_table_only_plan(void **state) {
    (void)state;
    begin(VARIABLES("PROMOTION", "recommend", "STATE_TABLE", "ledger", PROMOTION_ONE_DAY), 1);
    sweep("r1");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_PLANNED), 1);
    assert_int_equal(world.loop.modify_count, 0);
    assert_null(promotion_watched(&world, 0));
    loop_end(&world.loop);
    begin(VARIABLES("PROMOTION", "enforce", "PROMOTION_EVIDENCE", "any", PROMOTION_ONE_DAY), 1);
    str arn = promotion_member(&world, 0)->arn;
    promotion_count(&world, arn, "RequestCount", FAKE_NOW_MS - MS_PER_DAY, 5000);
    sweep("r1");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_PLANNED), 1);
    assert_true(loop_says(&world.loop.copies[0],
                          "STATE_TABLE is not set, and without a table nothing is promoted"));
    assert_int_equal(world.loop.modify_count, 0);
}

static void d4_metrics_alone_promote_only_when_any_evidence_may(void **state) {
    (void)state;
    static const char *const SOURCES[] = {"logs", "any"};
    for (size_t i = 0; i < COUNT(SOURCES); i++) {
        promotion_world_begin(&world, VARIABLES(PROMOTION_ALL, "PROMOTION_EVIDENCE", SOURCES[i]),
                              1);
        promotion_count(&world, promotion_member(&world, 0)->arn, "RequestCount",
                        FAKE_NOW_MS - MS_PER_DAY, 5000);
        sweep("r1");
        is_now(0, i == 0 ? "defensive" : "strictest");
        assert_int_equal(loop_logged(&world.loop, "recommendation=PROMOTE "), 1);
        assert_int_equal(loop_says(&world.loop.copies[0], "\"mayPromote\":false"), i == 0);
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

/* The sweep promotes nothing whose owner says no, in whatever spelling. */
static void c1_c2_a_tag_that_says_no_prevents_the_promotion(void **state) {
    (void)state;
    static const char *const TAGS[] = {
        "<member><Key>desync-exeption-until</Key><Value>2026-12-31</Value></member>",
        "<member><Key>desync-exception-until</Key><Value>2026-31-12</Value></member>",
        "<member><Key>desync-promotion</Key><Value>hold</Value></member>",
        "<member><Key>Desync-Promotion</Key><Value>hold</Value></member>",
        "<member><Key>desync-promotion</Key><Value>no</Value></member>"};
    begin(VARIABLES(PROMOTION_ALL), COUNT(TAGS));
    for (size_t i = 0; i < COUNT(TAGS); i++) {
        promotion_member(&world, i)->tags = TAGS[i];
    }
    sweep("r1");
    assert_int_equal(world.loop.modify_count, 0);
    assert_true(loop_says(&world.loop.copies[0], "looks like `desync-exception-until`"));
    assert_int_equal(loop_logged(&world.loop, "recommendation=HOLD "), COUNT(TAGS));
}

static void promotion_off_reads_no_evidence(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    world.loop.copies[0].guard.settings.control.promotion.promotion = PROMOTION_OFF;
    sweep("r1");
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_METRICS), 0);
    assert_int_equal(fake_requests_with(&world.loop.fake, ASKS_QUERY), 0);
    assert_false(loop_says(&world.loop.copies[0], "recommendation"));
    is_now(0, "defensive");
}

static void make_monitor(struct loop *loop) {
    loop->region->members[0].mode = "monitor";
}
static void make_strictest(struct loop *loop) {
    loop->region->members[0].mode = "strictest";
}
static void give_profile(struct loop *loop) {
    loop->region->members[0].tags = PROFILE("legacy");
}
static void delete_it(struct loop *loop) {
    loop->region->members[0].is_gone = true;
}

/* The last look is after the WATCH item was written. */
static void a_change_by_others_before_the_promotion_stops_it(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*meanwhile)(struct loop *loop);
    } rows[] = {{"another mode", make_monitor},
                {"the same mode", make_strictest},
                {"a profile", give_profile},
                {"deleted", delete_it}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(PROMOTION_ALL), 1);
        world.loop.meanwhile = rows[i].meanwhile;
        world.loop.meanwhile_match = "\"begun\"";
        world.loop.meanwhile_nth = 1;
        sweep("r1");
        bool is_left = world.loop.modify_count == 0 && world.loop.meanwhile == NULL &&
                       promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_SKIPPED) == 1 &&
                       str_eq(promotion_status(&world, 0), STR("not-made"));
        if (!is_left) {
            fail_msg("%s: %.*s", rows[i].name, STR_ARG(world.loop.copies[0].reply.body));
        }
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

static void without_numbers_before_nothing_is_promoted(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    world.loop.fault = (struct loop_fault){
        .nth = 2, /* the first is of the evidence */
        .match = ASKS_METRICS,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    sweep("r1");
    is_now(0, "defensive");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_SKIPPED), 1);
    assert_null(promotion_watched(&world, 0));
}

static void incomplete_metrics_promote_nothing(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 1);
    world.is_partial = true;
    sweep("r1");
    is_now(0, "defensive");
    assert_false(loop_says(&world.loop.copies[0], "recommendation"));
    assert_int_equal(loop_logged(&world.loop, "evidence_failed"), 1);
}

/* Somebody else has written into the table. */
static void spoil_watch(const char *name, const char *number) {
    struct table_item *item =
        table_find(world.loop.table, STR("WATCH"), promotion_member(&world, 0)->arn);
    const struct table_attribute attribute = {str_from_cstr(name), STR("N"), str_from_cstr(number)};
    assert_non_null(item);
    table_set(item, &attribute);
}

static void a_watch_of_impossible_numbers_is_not_ended_by_them(void **state) {
    (void)state;
    static const struct {
        const char *name, *number;
    } rows[] = {
        {"minutes", "4294967356"}, /* 60 in 32 bits */
        {"minutes", "9223372036854775807"},
        {"minutes", "-60"},
        {"minutes", "0"},
        {"minutes", "1E+300"},
        {"version", "9223372036854775807"},
        {"version", "1E+300"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(PROMOTION_ALL), 1);
        sweep("r1");
        is_now(0, "strictest");
        promotion_hour_passes(&world, 0, 0);
        spoil_watch(rows[i].name, rows[i].number);
        promotion_watch(&world, 0, "w1");
        if (!str_eq(promotion_status(&world, 0), STR("open"))) {
            fail_msg("%s %s", rows[i].name, rows[i].number);
        }
        is_now(0, "strictest");
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

static void an_incomplete_sweep_promotes_nothing(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 2);
    promotion_member(&world, 1)->is_tags_quiet = true;
    promotion_sweep(&world, 0, "r1");
    assert_true(world.loop.copies[0].reply.is_error);
    assert_int_equal(world.loop.modify_count, 0);
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_SKIPPED), 1);
    assert_int_equal(loop_logged(&world.loop, "promotion_skipped"), 1);
}

/* Neither the table nor CloudWatch may take the time in which verdicts are found and reported. */
static void reports_are_sent_when_evidence_never_answers(void **state) {
    (void)state;
    static const char *const HANGING[] = {ASKS_QUERY, ASKS_METRICS};
    for (size_t i = 0; i < COUNT(HANGING); i++) {
        promotion_world_begin(&world, VARIABLES(PROMOTION_ALL), 3);
        world.loop.fault =
            (struct loop_fault){.nth = 1,
                                .is_lasting = true,
                                .match = HANGING[i],
                                .answer = {.status = STATUS_TIMEOUT, .took_ms = 5000}};
        int64_t began_ms = world.loop.fake.now_ms;
        loop_handle(&world.loop.copies[0],
                    STR("{\"invokingEvent\":\"{\\\"messageType\\\":"
                        "\\\"ScheduledNotification\\\",\\\"notificationCreationTime\\\":"
                        "\\\"2026-11-23T07:59:57.400Z\\\"}\",\"resultToken\":\"token\","
                        "\"configRuleName\":\"rule\"}"),
                    "r1");
        loop_succeeded(&world.loop.copies[0]);
        assert_int_equal(world.loop.region->reported_count, 3);
        assert_int_equal(loop_logged(&world.loop, "evidence_failed"), 1);
        assert_true(world.loop.fake.now_ms - began_ms < LOOP_TIME_MS / 2);
        assert_int_equal(world.loop.modify_count, 0);
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rings_are_in_the_order_of_numbers_then_text_then_none, end),
        cmocka_unit_test_teardown(a_promotion_is_made_saved_and_alerted, end),
        cmocka_unit_test_teardown(one_ring_is_promoted_at_a_time, end),
        cmocka_unit_test_teardown(no_more_than_a_run_may_change_are_promoted, end),
        cmocka_unit_test_teardown(enforcement_counts_against_the_same_limit, end),
        cmocka_unit_test_teardown(load_balancers_without_good_evidence_are_not_promoted, end),
        cmocka_unit_test_teardown(a_profile_of_strictest_becomes_compliant, end),
        cmocka_unit_test_teardown(a5_recommend_and_a_missing_table_only_plan, end),
        cmocka_unit_test_teardown(d4_metrics_alone_promote_only_when_any_evidence_may, end),
        cmocka_unit_test_teardown(c1_c2_a_tag_that_says_no_prevents_the_promotion, end),
        cmocka_unit_test_teardown(promotion_off_reads_no_evidence, end),
        cmocka_unit_test_teardown(a_change_by_others_before_the_promotion_stops_it, end),
        cmocka_unit_test_teardown(without_numbers_before_nothing_is_promoted, end),
        cmocka_unit_test_teardown(incomplete_metrics_promote_nothing, end),
        cmocka_unit_test_teardown(a_watch_of_impossible_numbers_is_not_ended_by_them, end),
        cmocka_unit_test_teardown(an_incomplete_sweep_promotes_nothing, end),
        cmocka_unit_test_teardown(reports_are_sent_when_evidence_never_answers, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
