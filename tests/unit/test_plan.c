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
    app_plan(&copy->guard, &copy->arena, &plan, &copy->reply);
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
    waits_for(1, "MAX_OPEN_WATCHES (1) promotions are being watched");
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
        "required, and ENFORCEMENT is plan");
    has(table, "; at the earliest with the next sweep\n         say no    tag it "
               "desync-exception-until=YYYY-MM-DD, desync-exception-reason and "
               "desync-exception-approver\n");
    has(table, "skipped  app/lb-3/0000000000000003  defensive -> strictest  NO_EVIDENCE: ");
    has(table, "\n1 is strictest already\n4 load balancers judged, 2 would be changed\n");
    const char *json = in_format(plan_write_json);
    has(json, "\"action\":\"promote\",\"status\":\"planned\",\"from\":\"defensive\",\"to\":"
              "\"strictest\"");
    has(json, "\"earliest\":\"2026-11-23T08:");
    has(json, "\"ring\":\"2\",\"waitsFor\":\"\",\"sayNo\":\"tag it desync-promotion=hold\","
              "\"evidence\":{\"recommendation\":\"PROMOTE\",\"requests\":5000,");
    has(json, "\"earliest\":null");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
