/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a Region: when each load balancer would be changed at the earliest, what holds it up,
 * and how its owner says no. The second copy is asked, and the first one acts.
 */
#include "app/plan.h"
#include "promotion_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TAG(key, text) "<member><Key>" key "</Key><Value>" text "</Value></member>"
#define RING(n)        TAG("DesyncRing", n)
#define NOW            "2026-11-23 08:"

static struct promotion_world world;
static struct plan plan;

static int end(void **state) {
    (void)state;
    loop_end(&world.loop);
    return 0;
}

static void begin(const char *const *variables, size_t count) {
    promotion_world_begin(&world, variables, count);
    for (size_t i = 0; i < count; i++) {
        promotion_log(&world, i, "5000", "0");
    }
}

static void ask(void) {
    struct loop_copy *copy = &world.loop.copies[1];
    size_t changes = world.loop.modify_count;
    size_t messages = world.loop.message_count;
    size_t items = world.loop.table->count;
    const struct control_settings asked = copy->guard.settings.control;
    app_plan(&copy->guard, &copy->arena, &plan, &copy->reply);
    copy->guard.settings.control = asked;
    assert_false(copy->reply.is_error);
    assert_int_equal(world.loop.modify_count, changes);
    assert_int_equal(world.loop.message_count, messages);
    assert_int_equal(world.loop.table->count, items);
}

static const struct plan_entry *entry_of(size_t i) {
    for (size_t e = 0; e < plan.count; e++) {
        if (str_eq(plan.entries[e].action.resource_id, promotion_member(&world, i)->arn)) {
            return &plan.entries[e];
        }
    }
    fail_msg("the plan has no entry of %zu", i);
    return NULL;
}

static int64_t after_now_ms(size_t i) {
    return entry_of(i)->prospect.earliest_ms - plan.now_ms;
}

static void waits_for(size_t i, const char *text) {
    str waits = entry_of(i)->prospect.waits_for;
    if (!str_contains(waits, str_from_cstr(text))) {
        fail_msg("%zu waits for \"%" STR_FMT "\", not \"%s\"", i, STR_ARG(waits), text);
    }
}

static const char *in_format(void (*write)(struct buf *, struct arena *, const struct plan *)) {
    struct arena *arena = &world.loop.fake.arena;
    struct buf out;
    buf_init(&out, arena, 1 << 16);
    write(&out, arena, &plan);
    return str_to_cstr(arena, buf_str(&out));
}

static void has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("not \"%s\" in:\n%s", part, text);
    }
}

static void rings_and_turns_make_the_earliest_time(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_OPEN_WATCHES", "2"), 5);
    for (size_t i = 0; i < 3; i++) {
        promotion_member(&world, i)->tags = RING("1");
    }
    promotion_member(&world, 3)->tags = RING("2");
    promotion_member(&world, 4)->tags = RING("3");
    ask();
    assert_true(after_now_ms(0) <= 0 && after_now_ms(1) <= 0);
    assert_str(entry_of(0)->prospect.waits_for, "");
    assert_true(after_now_ms(2) > 19 * 60 * MINUTES(1) && after_now_ms(2) <= 20 * 60 * MINUTES(1));
    waits_for(2, "2 of its ring come before it, and a turn promotes 2");
    assert_int_equal(after_now_ms(3) - after_now_ms(2), BUDGET_TURN_EVERY_MS);
    assert_int_equal(after_now_ms(4) - after_now_ms(3), BUDGET_TURN_EVERY_MS);
    waits_for(3, "waits for ring 1");
}

static void a_turn_and_watches_that_are_taken_are_named(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_OPEN_WATCHES", "1", "MAX_CHANGES_PER_HOUR", "1"), 2);
    promotion_sweep(&world, 0, "r1");
    ask();
    assert_int_equal(plan.strictest_count, 1);
    assert_true(after_now_ms(1) > 19 * 60 * MINUTES(1) && after_now_ms(1) <= 20 * 60 * MINUTES(1));
    waits_for(1, "MAX_OPEN_WATCHES (1) is reached: no more promotions are watched at once");
    waits_for(1, "the promotion turn was taken at " NOW);
    waits_for(1, "and the next is at 2026-11-24 04:");
    waits_for(1,
              "MAX_CHANGES_PER_HOUR (1) is reached, and the next change is free at 2026-11-23 09:");
}

static void a4_a_plan_shows_since_when_and_why_a_ring_is_frozen(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->tags = RING("1");
    promotion_member(&world, 1)->tags = RING("2");
    promotion_sweep(&world, 0, "r1");
    promotion_hour_passes(&world, 0, 50);
    promotion_watch(&world, 0, "w1");
    ask();
    waits_for(1, "ring 1 and all later ones are frozen until 2026-12-07: " REGION_ARN
                 "app/lb-0/0000000000000000 was rolled back on 2026-11-23");
    assert_true(after_now_ms(1) > 13 * MS_PER_DAY);
    const struct plan_entry *rolled_back = entry_of(0);
    assert_int_equal(rolled_back->action.status, ACTION_SKIPPED);
    assert_int_equal(rolled_back->prospect.earliest_ms, 0);
    assert_int_equal(rolled_back->advice->decided_by, CRITERION_ROLLED_BACK);
}

static void settings_that_change_nothing_are_named(void **state) {
    (void)state;
    begin(VARIABLES("PROMOTION", "recommend", "STATE_TABLE", "ledger", "PROMOTION_MIN_DAYS", "1",
                    "ELB_REQUESTS_PER_SECOND", "off"),
          2);
    promotion_member(&world, 1)->mode = "monitor";
    ask();
    waits_for(0, "PROMOTION is not `enforce`");
    waits_for(1, "ENFORCEMENT is not `enforce`");
    assert_true(entry_of(1)->prospect.earliest_ms != 0);
    assert_int_equal(entry_of(1)->action.action, ACTION_ENFORCE);
}

static void c2_an_owner_who_has_said_no_is_shown_and_not_asked_again(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL), 2);
    promotion_member(&world, 1)->tags = TAG("desync-promotion", "hold");
    ask();
    assert_str(entry_of(0)->prospect.say_no, "tag it desync-promotion=hold");
    assert_int_equal(entry_of(1)->action.status, ACTION_SKIPPED);
    assert_str(entry_of(1)->prospect.say_no, "");
    waits_for(1, "its tag `desync-promotion` is hold");
}

static void the_table_has_a_block_for_each_change_and_a_line_for_the_rest(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce"), 4);
    promotion_member(&world, 0)->tags = RING("2");
    promotion_member(&world, 1)->mode = "monitor";
    promotion_member(&world, 2)->mode = "strictest";
    promotion_log(&world, 3, "5", "0");
    ask();
    const char *table = in_format(plan_write_table);
    has(table,
        "planned  app/lb-0/0000000000000000  defensive -> strictest  at the earliest with the "
        "next sweep; ring 2\n"
        "         evidence  in 1 of the last 14 days the access logs hold 5000 served "
        "HTTP/1.x requests of about 12 client networks (the newest of 2026-11-23T07:50Z): "
        "strictest would block 0 of them (0 %, at most 0.0599 % at 95 % confidence)");
    has(table, "\n         say no    tag it desync-promotion=hold\n");
    has(table,
        "planned  app/lb-1/0000000000000001    monitor -> defensive  the mode is weaker than "
        "required; in the last 14 days 0 of 5000 served HTTP/1.x requests");
    assert_null(strstr(table, "ENFORCEMENT"));
    has(table, "; at the earliest with the next sweep\n         say no    tag it "
               "desync-exception-until=YYYY-MM-DD, desync-exception-reason and "
               "desync-exception-approver\n");
    has(table, "skipped  app/lb-3/0000000000000003  defensive -> strictest  NO_EVIDENCE: ");
    has(table, "\n1 load balancer already in strictest\n"
               "4 load balancers judged, 2 would be changed\n");
    const char *json = in_format(plan_write_json);
    has(json, "\"action\":\"promote\",\"status\":\"planned\",\"from\":\"defensive\",\"to\":"
              "\"strictest\"");
    has(json, "\"earliest\":\"2026-11-23T08:");
    has(json, "\"ring\":\"2\",\"waitsFor\":\"\",\"sayNo\":\"tag it desync-promotion=hold\","
              "\"evidence\":{\"recommendation\":\"PROMOTE\",\"requests\":5000,");
    has(json, "\"earliest\":null");
    has(json, "\"evidence\":{\"evidenceFrom\":\"logs\",\"requests\":5000,\"severe\":0,"
              "\"severePercent\":0,\"lowerBoundPercent\":0,\"reason\":\"in the last 14 days 0 of "
              "5000 served HTTP/1.x requests");
    assert_null(strstr(json, "\"freeze\""));
}

/* Each says the one that decides, and nothing against it is hidden. */
static void each_setting_of_enforcement_is_planned_as_enforce_would(void **state) {
    (void)state;
    static const struct {
        const char *enforcement;
        const char *stops;
    } rows[] = {{"enforce", ""},
                {"plan", "ENFORCEMENT is not `enforce`: desync-guard changes nothing itself"},
                {"off", "ENFORCEMENT is not `enforce`: desync-guard changes nothing itself"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", rows[i].enforcement), 1);
        promotion_member(&world, 0)->mode = "monitor";
        ask();
        assert_int_equal(entry_of(0)->action.status, ACTION_PLANNED);
        assert_str(entry_of(0)->prospect.waits_for, rows[i].stops);
        assert_false(str_contains(entry_of(0)->action.reason, STR("ENFORCEMENT")));
        loop_end(&world.loop);
    }
    begin(VARIABLES(PROMOTION_ALL), 0);
}

static void a1_corrections_beyond_the_hour_are_planned_for_later(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce", "MAX_CHANGES_PER_HOUR", "2"), 6);
    for (size_t i = 0; i < 5; i++) {
        promotion_member(&world, i)->mode = "monitor";
    }
    ask();
    assert_true(after_now_ms(0) == 0 && after_now_ms(1) == 0);
    assert_str(entry_of(1)->prospect.waits_for, "");
    assert_int_equal(after_now_ms(2), BUDGET_WINDOW_MS);
    assert_int_equal(after_now_ms(4), 2 * BUDGET_WINDOW_MS);
    waits_for(2, "MAX_CHANGES_PER_HOUR (2) is used up by 2 corrections before it");
    has(in_format(plan_write_table), "; at the earliest with the first sweep after 2026-11-23 09:");
    assert_int_equal(after_now_ms(5), 2 * BUDGET_WINDOW_MS); /* a promotion */
    waits_for(5, "MAX_CHANGES_PER_HOUR (2) is used up by 5 corrections before it");
    promotion_sweep(&world, 0, "r1");
    ask();
    waits_for(3, "is used up by 2 changes of the last hour and 1 correction before it");
    assert_true(after_now_ms(2) > MINUTES(59) && after_now_ms(2) <= BUDGET_WINDOW_MS);
    assert_true(after_now_ms(4) > MINUTES(119) && after_now_ms(4) <= 2 * BUDGET_WINDOW_MS);
}

static void a1_limits_of_a_run_and_limits_of_nothing_are_named(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce", "MAX_CHANGES_PER_RUN", "0"), 2);
    promotion_member(&world, 0)->mode = "monitor";
    ask();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(entry_of(i)->prospect.earliest_ms, 0);
        waits_for(i, "MAX_CHANGES_PER_RUN is 0");
    }
    loop_end(&world.loop);
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce", "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->mode = promotion_member(&world, 1)->mode = "monitor";
    ask();
    assert_int_equal(entry_of(1)->prospect.earliest_ms, 0);
    waits_for(1, "MAX_CHANGES_PER_RUN (1) is used up by 1 correction before it");
    loop_end(&world.loop);
    begin(VARIABLES("PROMOTION", "recommend", "STATE_TABLE", "ledger", "ELB_REQUESTS_PER_SECOND",
                    "off", "MAX_OPEN_WATCHES", "0", "MAX_CHANGES_PER_HOUR", "0", PROMOTION_ONE_DAY),
          1);
    ask();
    waits_for(0, "MAX_OPEN_WATCHES is 0, so that nothing is promoted");
    waits_for(0, "MAX_CHANGES_PER_HOUR is 0");
}

static void b3_a_fight_and_an_own_change_that_lags_are_shown(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "ENFORCEMENT", "enforce", "FIGHT_LIMIT", "1"), 1);
    struct region_member *weak = promotion_member(&world, 0);
    weak->mode = "monitor";
    promotion_sweep(&world, 0, "r1");
    assert_string_equal(weak->mode, "defensive");
    weak->mode = "monitor"; /* or a read that lags */
    ask();
    assert_int_equal(entry_of(0)->action.status, ACTION_PLANNED);
    has(str_to_cstr(&world.loop.fake.arena, entry_of(0)->action.reason),
        "s ago and reads still show monitor");
    world.loop.fake.now_ms += MINUTES(10);
    ask();
    assert_int_equal(entry_of(0)->action.status, ACTION_SKIPPED);
    assert_str(
        entry_of(0)->action.reason,
        "FIGHT_LIMIT (1) is reached: desync-guard corrected the mode 1 time within 24 h, and "
        "each time it was made weaker again. Stop what sets it: CloudTrail names the caller "
        "of ModifyLoadBalancerAttributes. Or have an exception approved");
    has(in_format(plan_write_table), "\n1 load balancer judged, 0 would be changed\n");
}

/* Also where nobody waits for it, and the load balancer that was rolled back is no more. */
static void a4_each_freeze_is_listed_once(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 0)->tags = promotion_member(&world, 1)->tags = RING("1");
    promotion_log(&world, 1, "5", "0");
    promotion_sweep(&world, 0, "r1");
    promotion_hour_passes(&world, 0, 50);
    promotion_watch(&world, 0, "w1");
    ask();
    assert_int_equal(plan.freeze_count, 1);
    assert_int_equal(plan.freezes[0].until_ms - plan.freezes[0].since_ms, 14 * MS_PER_DAY);
    has(in_format(plan_write_table),
        "\nfrozen   ring 1 and all later ones are frozen until 2026-12-07: " REGION_ARN
        "app/lb-0/0000000000000000 was rolled back on 2026-11-23; to end that, its owner tags it "
        "desync-promotion=retry\n");
    const char *json = in_format(plan_write_json);
    has(json, "\"action\":\"promote\",\"status\":\"skipped\",\"from\":\"\",\"to\":\"strictest\","
              "\"reason\":\"ring 1 and all later ones are frozen until 2026-12-07");
    has(json, "\"freeze\":{\"ring\":\"1\",\"since\":\"2026-11-23T");
    has(json, "\"ends\":\"to end that, its owner tags it desync-promotion=retry\"}}");
    promotion_member(&world, 0)->is_gone = true;
    promotion_sweep(&world, 0, "r2");
    ask();
    assert_int_equal(plan.freeze_count, 1);
    has(in_format(plan_write_table),
        "rolled back on 2026-11-23; it does not exist any more, so that only time ends that\n");
}

/* Nothing is shown as 0 that was not looked at, and the owner who decides on `retry` sees all. */
static void numbers_that_were_not_looked_at_are_null(void **state) {
    (void)state;
    begin(VARIABLES(PROMOTION_ALL, "MAX_CHANGES_PER_RUN", "1"), 2);
    promotion_member(&world, 1)->tags = TAG("desync-promotion", "hold");
    promotion_sweep(&world, 0, "r1");
    promotion_hour_passes(&world, 0, 50);
    promotion_watch(&world, 0, "w1");
    ask();
    const struct advice *rolled_back = entry_of(0)->advice;
    assert_int_equal(rolled_back->decided_by, CRITERION_ROLLED_BACK);
    assert_int_equal(rolled_back->requests, 5000);
    has(str_to_cstr(&world.loop.fake.arena, rolled_back->reason),
        "desync-promotion=retry. By now: in 1 of the last 14 days "
        "the access logs hold 5000 served HTTP/1.x requests");
    waits_for(0, "strictest was rolled back on 2026-11-23");
    assert_false(entry_of(1)->advice->has_numbers);
    has(in_format(plan_write_json),
        "\"evidence\":{\"recommendation\":\"HOLD\",\"requests\":null,\"newest\":null");
    world.loop.fault = (struct loop_fault){
        .nth = 1,
        .match = ASKS_METRICS,
        .answer = {.http_status = 403, .body = BODY(TROUBLE_XML("AccessDenied"))}};
    ask();
    assert_int_equal(entry_of(0)->advice->decided_by, CRITERION_ROLLED_BACK);
    assert_false(entry_of(0)->advice->has_numbers);
}

/* Of a budget of two in 100 ms. */
static void a1_the_earliest_change_leaves_no_window_too_full(void **state) {
    (void)state;
    static const int64_t times[] = {930, 950};
    static const struct {
        size_t made, before;
        int max;
        int64_t expected;
    } rows[] = {{0, 0, 2, 1000}, {0, 1, 2, 1000}, {0, 2, 2, 1100}, {0, 5, 2, 1200},
                {1, 0, 2, 1000}, {1, 1, 2, 1030}, {1, 2, 2, 1100}, {2, 0, 2, 1030},
                {2, 1, 2, 1050}, {2, 2, 2, 1130}, {2, 0, 1, 1050}, {2, 1, 1, 1150},
                {2, 0, 3, 1000}, {2, 1, 3, 1030}, {0, 0, 0, 0},    {2, 9, 0, 0}};
    begin(VARIABLES(PROMOTION_ALL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct prospect_hour hour = {
            .max = rows[i].max, .window_ms = 100, .times_ms = times, .count = rows[i].made};
        assert_int_equal(prospect_change_ms(&hour, 1000, rows[i].before), rows[i].expected);
    }
}

/* Those before it in its ring fill turns of two. */
static void the_earliest_time_is_a_turn_and_a_change_that_are_free(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t turn_next, change_next, not_before;
        int size, turns_before, before_in_ring;
        int64_t expected;
    } rows[] = {
        {"all free", 0, 0, 0, 2, 0, 1, 1000},
        {"third in its ring", 0, 0, 0, 2, 0, 2, 1100},
        {"second ring", 0, 0, 0, 2, 1, 0, 1100},
        {"turn taken", 1050, 0, 0, 2, 0, 0, 1050},
        {"turn taken, and others first", 1050, 0, 0, 2, 1, 3, 1250},
        {"change taken", 0, 1007, 0, 2, 0, 0, 1007},
        {"frozen", 1050, 0, 5000, 2, 0, 0, 5000},
        {"no change allowed", 0, INT64_MAX, 0, 2, 0, 0, 0},
        {"no promotion allowed", 0, 0, 0, 0, 0, 0, 0},
    };
    begin(VARIABLES(PROMOTION_ALL), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct prospect_bounds bounds = {.now_ms = 1000,
                                               .turn_next_ms = rows[i].turn_next,
                                               .turn_every_ms = 100,
                                               .turn_size = rows[i].size,
                                               .change_next_ms = rows[i].change_next};
        int64_t earliest = prospect_earliest_ms(&bounds, rows[i].turns_before,
                                                rows[i].before_in_ring, rows[i].not_before);
        if (earliest != rows[i].expected) {
            fail_msg("%s: %lld", rows[i].name, (long long)earliest);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rings_and_turns_make_the_earliest_time, end),
        cmocka_unit_test_teardown(a_turn_and_watches_that_are_taken_are_named, end),
        cmocka_unit_test_teardown(a4_a_plan_shows_since_when_and_why_a_ring_is_frozen, end),
        cmocka_unit_test_teardown(settings_that_change_nothing_are_named, end),
        cmocka_unit_test_teardown(c2_an_owner_who_has_said_no_is_shown_and_not_asked_again, end),
        cmocka_unit_test_teardown(the_table_has_a_block_for_each_change_and_a_line_for_the_rest,
                                  end),
        cmocka_unit_test_teardown(the_earliest_time_is_a_turn_and_a_change_that_are_free, end),
        cmocka_unit_test_teardown(each_setting_of_enforcement_is_planned_as_enforce_would, end),
        cmocka_unit_test_teardown(a1_corrections_beyond_the_hour_are_planned_for_later, end),
        cmocka_unit_test_teardown(a1_limits_of_a_run_and_limits_of_nothing_are_named, end),
        cmocka_unit_test_teardown(b3_a_fight_and_an_own_change_that_lags_are_shown, end),
        cmocka_unit_test_teardown(a4_each_freeze_is_listed_once, end),
        cmocka_unit_test_teardown(numbers_that_were_not_looked_at_are_null, end),
        cmocka_unit_test_teardown(a1_the_earliest_change_leaves_no_window_too_full, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
