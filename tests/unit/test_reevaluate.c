/* SPDX-License-Identifier: Apache-2.0
 *
 * When AWS Config is asked to evaluate its rule anew: REEVALUATE, and how often.
 */
#include "loop_world.h"

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define VARIABLES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MINUTE         INT64_C(60000)

static struct loop loop;
static struct region_member *weak;

static void begin(const char *const *variables) {
    loop_begin(&loop, variables, 3);
    weak = &loop.region->members[1];
}

static int end(void **state) {
    (void)state;
    loop_end(&loop);
    return 0;
}

/* A call about it, seen by one of the copies. */
static void see(const char *name, const char *id, size_t copy) {
    const struct loop_call call = {.name = name, .id = id};
    loop_handle(&loop.copies[copy], loop_event(&loop, &call, weak->arn), id);
    loop_succeeded(&loop.copies[copy]);
}

static void weaken(const char *id, size_t copy) {
    weak->mode = "monitor";
    see(NULL, id, copy);
    assert_string_equal(weak->mode, "defensive");
}

static void a6_own_corrections_ask_once_in_15_minutes(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL, "FIGHT_LIMIT", "9"));
    weaken("e1", 0);
    assert_int_equal(loop.start_count, 1);
    loop.fake.now_ms += 14 * MINUTE;
    weaken("e2", 1);
    assert_int_equal(loop.start_count, 1);
    assert_true(loop_says(&loop.copies[1], "asked for less than 15 minutes ago"));
    loop.fake.now_ms += MINUTE;
    weaken("e3", 0);
    assert_int_equal(loop.start_count, 2);
}

/* AWS Config delivers the items of these by itself. */
static void a6_creations_deletions_and_tag_changes_ask_for_none(void **state) {
    (void)state;
    begin(VARIABLES(LOOP_ALL));
    weak->mode = "defensive";
    see("CreateLoadBalancer", "e1", 0);
    weak->is_tags_quiet = false;
    weak->tags = "<member><Key>DesyncProfile</Key><Value>modern</Value></member>";
    see("AddTags", "e2", 0);
    assert_true(loop_says(&loop.copies[0], "NON_COMPLIANT"));
    loop.fake.now_ms += MINUTE;
    weak->is_gone = true;
    see("DeleteLoadBalancer", "e3", 0);
    assert_true(loop_says(&loop.copies[0], "NOT_APPLICABLE"));
    assert_int_equal(fake_requests_with(&loop.fake, ASKS_START), 0);
}

static void a6_each_setting_asks_as_it_says(void **state) {
    (void)state;
    static const struct {
        const char *setting;
        const char *enforcement;
        size_t starts;
    } rows[] = {{"off", "enforce", 0}, {"off", "off", 0},      {"changes", "enforce", 1},
                {"changes", "off", 0}, {"changes", "plan", 0}, {"verdicts", "enforce", 1},
                {"verdicts", "off", 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(VARIABLES("ENFORCEMENT", rows[i].enforcement, "REEVALUATE", rows[i].setting,
                        "STATE_TABLE", "ledger", "CONFIG_RULE_NAME", LOOP_RULE));
        see(NULL, "e1", 0);
        if (loop.start_count != rows[i].starts) {
            fail_msg("%s, %s: %zu", rows[i].setting, rows[i].enforcement, loop.start_count);
        }
        loop_end(&loop);
    }
    begin(VARIABLES(LOOP_ALL));
}

/* Without a table nothing is changed, so that there is nothing to ask for. */
static void a6_without_a_table_only_verdicts_ask(void **state) {
    (void)state;
    begin(VARIABLES("ENFORCEMENT", "enforce", "CONFIG_RULE_NAME", LOOP_RULE));
    see(NULL, "e1", 0);
    assert_int_equal(loop.start_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a6_own_corrections_ask_once_in_15_minutes, end),
        cmocka_unit_test_teardown(a6_creations_deletions_and_tag_changes_ask_for_none, end),
        cmocka_unit_test_teardown(a6_each_setting_asks_as_it_says, end),
        cmocka_unit_test_teardown(a6_without_a_table_only_verdicts_ask, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
