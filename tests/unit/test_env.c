/* SPDX-License-Identifier: Apache-2.0 */
#include "base/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "DESYNC_GUARD_TEST_ENV"

struct row {
    const char *name;
    const char *given; /* NULL: not set at all */
    str expected;
};

static const struct row rows[] = {
    {"unset", NULL, {NULL, 0}},
    {"empty", "", {NULL, 0}},
    {"blanks only", " \t\r\n ", {NULL, 0}},
    {"plain", "strictest", {"strictest", 9}},
    {"blanks around", "  eu-west-1\n", {"eu-west-1", 9}},
    {"blanks inside stay", " a b ", {"a b", 3}},
    {"one letter", "x", {"x", 1}},
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static str table_get(const struct env *env, const char *name) {
    const struct row *row = env->context;
    assert_string_equal(name, NAME);
    return str_from_cstr(row->given);
}

static void check(const struct row *row, str got) {
    if (!str_eq(got, row->expected) || (got.len == 0 && got.ptr != NULL)) {
        fail_msg("%s: got \"%" STR_FMT "\"", row->name, STR_ARG(got));
    }
}

static void env_process_value_is_trimmed_and_blank_is_not_given(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        assert_int_equal(unsetenv(NAME), 0);
        if (rows[i].given != NULL) {
            assert_int_equal(setenv(NAME, rows[i].given, 1), 0);
        }
        check(&rows[i], env_get(env_process(), NAME));
    }
    unsetenv(NAME);
}

static void env_of_a_table_is_trimmed_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct env env = {.get = table_get, .context = &rows[i]};
        check(&rows[i], env_get(&env, NAME));
    }
}

static void env_name_is_case_sensitive(void **state) {
    (void)state;
    assert_int_equal(setenv(NAME, "x", 1), 0);
    assert_true(str_is_empty(env_get(env_process(), "desync_guard_test_env")));
    unsetenv(NAME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(env_process_value_is_trimmed_and_blank_is_not_given),
        cmocka_unit_test(env_of_a_table_is_trimmed_alike),
        cmocka_unit_test(env_name_is_case_sensitive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
