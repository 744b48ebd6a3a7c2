/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "death.h"

#define STATUS_COUNT_ONE(name, text, retryable) +1
#define STATUS_COUNT                            (0 STATUS_MAP(STATUS_COUNT_ONE))

static void status_ok_is_zero(void **state) {
    (void)state;
    assert_int_equal(STATUS_OK, 0);
    assert_string_equal(status_name(STATUS_OK), "OK");
}

static void status_every_one_has_its_own_name_and_text(void **state) {
    (void)state;
    for (int a = 0; a < STATUS_COUNT; a++) {
        assert_true(strlen(status_name((enum status)a)) > 0);
        assert_true(strlen(status_text((enum status)a)) > 0);
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(status_name((enum status)a), status_name((enum status)b));
            assert_string_not_equal(status_text((enum status)a), status_text((enum status)b));
        }
    }
}

static void status_names_belong_to_their_values(void **state) {
    (void)state;
    assert_string_equal(status_name(STATUS_TIMEOUT), "TIMEOUT");
    assert_string_equal(status_text(STATUS_TIMEOUT), "no answer in time");
    assert_string_equal(status_name(STATUS_INVALID_PARAMETER), "INVALID_PARAMETER");
    assert_string_equal(status_name(STATUS_CONFIGURATION), "CONFIGURATION");
}

static void status_only_troubles_of_the_other_side_are_retryable(void **state) {
    (void)state;
    static const enum status retryable[] = {STATUS_TIMEOUT, STATUS_CONNECTION, STATUS_THROTTLED,
                                            STATUS_SERVER, STATUS_INCOMPLETE};
    for (int status = 0; status < STATUS_COUNT; status++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof(retryable) / sizeof(retryable[0]); i++) {
            expected = expected || (int)retryable[i] == status;
        }
        if (status_is_retryable((enum status)status) != expected) {
            fail_msg("%s", status_name((enum status)status));
        }
    }
}

static enum status give(enum status status, int *calls) {
    ++*calls;
    return status;
}

static enum status try_two(enum status first, enum status second, int *calls) {
    TRY(give(first, calls));
    TRY(give(second, calls));
    return STATUS_PARTIAL;
}

static void try_stops_at_the_first_bad_status_and_evaluates_once(void **state) {
    (void)state;
    int calls = 0;
    assert_int_equal(try_two(STATUS_DENIED, STATUS_TLS, &calls), STATUS_DENIED);
    assert_int_equal(calls, 1);
    calls = 0;
    assert_int_equal(try_two(STATUS_OK, STATUS_TLS, &calls), STATUS_TLS);
    assert_int_equal(calls, 2);
    calls = 0;
    assert_int_equal(try_two(STATUS_OK, STATUS_OK, &calls), STATUS_PARTIAL);
    assert_int_equal(calls, 2);
}

static void error_set_fills_and_clears_and_gives_the_status_back(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error error = {STATUS_TLS, 500, STR("Old"), STR("old message"), true, true};
    enum status status = error_set(&error, &arena, STATUS_DENIED, "%s may not %d", "role", 7);
    assert_int_equal(status, STATUS_DENIED);
    assert_int_equal(error.status, STATUS_DENIED);
    assert_int_equal(error.http_status, 0);
    assert_true(str_is_empty(error.aws_code));
    assert_false(error.was_not_sent);
    assert_false(error.is_outcome_unknown);
    assert_true(str_eq(error.message, STR("role may not 7")));
    arena_clean_up(&arena);
}

static void error_set_message_may_quote_the_one_it_replaces(void **state) {
    (void)state;
    struct arena arena = {0};
    struct error error = {0};
    (void)error_set(&error, &arena, STATUS_TIMEOUT, "slow");
    (void)error_set(&error, &arena, STATUS_PARTIAL, "gave up: %" STR_FMT, STR_ARG(error.message));
    assert_true(str_eq(error.message, STR("gave up: slow")));
    arena_clean_up(&arena);
}

static void error_set_without_an_error_only_gives_the_status_back(void **state) {
    (void)state;
    struct arena arena = {0};
    assert_int_equal(error_set(NULL, &arena, STATUS_TIMEOUT, "%d", 1), STATUS_TIMEOUT);
    assert_int_equal(arena_bytes_held(&arena), 0);
    arena_clean_up(&arena);
}

static void assert_wrongly(void) {
    ASSERT(1 + 1 == 3);
}

static void name_no_status(void) {
    status_name((enum status)STATUS_COUNT);
}

static void assert_that_fails_aborts_with_its_condition_and_place(void **state) {
    (void)state;
    assert_true(aborts_saying(assert_wrongly, "1 + 1 == 3"));
    assert_true(aborts_saying(assert_wrongly, "test_status.c:"));
    assert_true(aborts_saying(name_no_status, "status.c:"));
    assert_true(aborts_saying(assert_wrongly, "desync-guard: assertion failed: "));
}

static void die_in_json_quoting(void) {
    die_in_json();
    die("a \"quoted\" \\ word");
}

static void exhaust_in_json(void) {
    die_in_json();
    struct arena arena = {0};
    (void)arena_alloc(&arena, SIZE_MAX);
}

/* In a JSON log Lambda would take plain text for INFO, and drop it at WARN. */
static void abort_line_in_json_is_fatal_and_dated(void **state) {
    (void)state;
    assert_true(aborts_saying(die_in_json_quoting, "Z\",\"level\":\"FATAL\",\"event\":\"died\","));
    assert_true(aborts_saying(die_in_json_quoting, "{\"timestamp\":\"2"));
    assert_true(
        aborts_saying(die_in_json_quoting, "\"errorMessage\":\"a \\\"quoted\\\" \\\\ word\"}"));
    assert_true(aborts_saying(exhaust_in_json, "\"errorMessage\":\"out of memory ("));
}

static void assert_that_holds_does_nothing_and_evaluates_once(void **state) {
    (void)state;
    int calls = 0;
    ASSERT(give(STATUS_OK, &calls) == STATUS_OK);
    assert_int_equal(calls, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abort_line_in_json_is_fatal_and_dated),
        cmocka_unit_test(status_ok_is_zero),
        cmocka_unit_test(status_every_one_has_its_own_name_and_text),
        cmocka_unit_test(status_names_belong_to_their_values),
        cmocka_unit_test(status_only_troubles_of_the_other_side_are_retryable),
        cmocka_unit_test(try_stops_at_the_first_bad_status_and_evaluates_once),
        cmocka_unit_test(error_set_fills_and_clears_and_gives_the_status_back),
        cmocka_unit_test(error_set_message_may_quote_the_one_it_replaces),
        cmocka_unit_test(error_set_without_an_error_only_gives_the_status_back),
        cmocka_unit_test(assert_that_fails_aborts_with_its_condition_and_place),
        cmocka_unit_test(assert_that_holds_does_nothing_and_evaluates_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
