/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic/tally_internal.h"
#include "unit.h"

static const struct tally_hash_key hash_key = {{5, 7}};

#define DAYS    600
#define REASONS 256

static struct tally_reason reason(const char *code, enum traffic_class class, uint64_t count) {
    return (struct tally_reason){str_from_cstr(code), class, count};
}

static uint64_t count_of(const struct tally_day *day, const char *code, enum traffic_class class) {
    uint64_t count = 0;
    for (size_t i = 0; i < day->reason_count; i++) {
        if (day->reasons[i].class == class && str_eq(day->reasons[i].code, str_from_cstr(code))) {
            assert_int_equal(count, 0); /* no row twice */
            count = day->reasons[i].count;
        }
    }
    return count;
}

static void code_is_counted_by_its_class(void **state) {
    struct day_table table;
    day_table_init(&table, *state, &hash_key);
    struct tally_day *day = day_table_find(&table, STR("app/a/1"), 1);
    const struct tally_reason added[] = {
        reason("A", CLASS_SEVERE, 2), reason("A", CLASS_AMBIGUOUS, 1), reason("B", CLASS_SEVERE, 4),
        reason("A", CLASS_SEVERE, 3)};
    for (size_t i = 0; i < sizeof(added) / sizeof(added[0]); i++) {
        day_table_add_reason(&table, day, &added[i]);
    }
    assert_int_equal(day->reason_count, 3);
    assert_int_equal(count_of(day, "A", CLASS_SEVERE), 5);
    assert_int_equal(count_of(day, "A", CLASS_AMBIGUOUS), 1);
    reasons_sort(day->reasons, day->reason_count);
    assert_str(day->reasons[0].code, "A");
    assert_str(day->reasons[1].code, "B");
    assert_int_equal(day->reasons[2].class, CLASS_AMBIGUOUS);
}

static void table_names_the_code_it_counted_under(void **state) {
    struct reason_table *table = ARENA_NEW(*state, struct reason_table);
    for (size_t i = 0; i < TALLY_REASONS_MAX; i++) {
        str own = str_format(*state, "Code%zu", i);
        assert_true(str_eq(
            reason_table_add(table, *state, &(struct tally_reason){own, CLASS_SEVERE, 1}), own));
    }
    const struct tally_reason late = reason("A0", CLASS_SEVERE, 7);
    assert_str(reason_table_add(table, *state, &late), "other");
    assert_str(reason_table_code(table, STR("A0"), CLASS_SEVERE), "other");
    assert_str(reason_table_code(table, STR("Code255"), CLASS_SEVERE), "Code255");
    assert_str(reason_table_code(table, STR("Code255"), CLASS_AMBIGUOUS), "other");
}

/* All reasons on each of many days: more than is kept apart. */
static void reasons_of_too_many_days_are_counted_as_other_and_none_is_lost(void **state) {
    struct arena arena = {0};
    struct day_table table;
    uint64_t others = 0;
    day_table_init(&table, &arena, &hash_key);
    for (int64_t number = 0; number < DAYS; number++) {
        struct tally_day *day = day_table_find(&table, STR("app/a/1"), number);
        for (size_t i = 0; i < REASONS; i++) {
            const struct tally_reason one = {str_format(*state, "Code%zu", i),
                                             i % 2 ? CLASS_SEVERE : CLASS_AMBIGUOUS, 1};
            day_table_add_reason(&table, day, &one);
        }
        uint64_t sum = 0;
        for (size_t i = 0; i < day->reason_count; i++) {
            sum += day->reasons[i].count;
        }
        assert_int_equal(sum, REASONS);
        others += count_of(day, "other", CLASS_SEVERE) + count_of(day, "other", CLASS_AMBIGUOUS);
    }
    assert_int_equal(others, DAYS * REASONS - TALLY_DAY_REASONS_MAX);
    assert_true(arena_bytes_held(&arena) < (size_t)16 << 20);
    arena_clean_up(&arena);
}

static int set_up(void **state) {
    static struct arena arena;
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(code_is_counted_by_its_class),
        TEST(table_names_the_code_it_counted_under),
        TEST(reasons_of_too_many_days_are_counted_as_other_and_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
