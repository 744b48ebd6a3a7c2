/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state) {
    static struct arena arena = {0};
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

#define assert_buf(buf, expected) assert_true(str_eq(buf_str(&(buf)), STR(expected)))

static void buf_new_is_empty_and_holds_no_memory(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 100);
    assert_int_equal(buf_str(&buf).len, 0);
    assert_int_equal(buf_status(&buf), STATUS_OK);
    assert_int_equal(arena_bytes_held(*state), 0);
}

static void buf_appends_follow_each_other(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 100);
    buf_append(&buf, STR("mode="));
    buf_append_char(&buf, '"');
    buf_printf(&buf, "%s-%d", "strictest", 7);
    buf_append(&buf, STR_EMPTY);
    buf_append_char(&buf, '"');
    assert_buf(buf, "mode=\"strictest-7\"");
    assert_int_equal(buf_status(&buf), STATUS_OK);
}

static void buf_append_keeps_nul_bytes(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 100);
    buf_append(&buf, STR("a\0b"));
    buf_append_char(&buf, '\0');
    assert_buf(buf, "a\0b\0");
}

static void buf_filled_to_its_maximum_is_ok(void **state) {
    static const size_t maxima[] = {1, 2, 10, 255, 256, 257, 1000, 70000};
    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        struct buf buf;
        buf_init(&buf, *state, maxima[i]);
        for (size_t n = 0; n < maxima[i]; n++) {
            buf_append_char(&buf, 'x');
        }
        assert_int_equal(buf_status(&buf), STATUS_OK);
        assert_int_equal(buf_str(&buf).len, maxima[i]);
        buf_append_char(&buf, 'y');
        assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
        assert_int_equal(buf_str(&buf).len, maxima[i]);
        assert_int_equal(str_find_char(buf_str(&buf), 'y'), maxima[i]);
    }
}

static void buf_printf_up_to_its_maximum_is_ok_and_past_it_refused(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 5);
    buf_printf(&buf, "%05d", 42);
    assert_buf(buf, "00042");
    assert_int_equal(buf_status(&buf), STATUS_OK);
    buf_clear(&buf);
    buf_printf(&buf, "%06d", 42);
    assert_buf(buf, "");
    assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
}

static void buf_after_a_failure_appends_nothing(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 5);
    buf_append(&buf, STR("abc"));
    buf_append(&buf, STR("def")); /* would be cut: refused whole */
    buf_append(&buf, STR("g"));   /* would fit, but would leave a hole */
    buf_append_char(&buf, 'h');
    buf_printf(&buf, "%d", 1);
    assert_buf(buf, "abc");
    assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
}

static void buf_of_maximum_zero_refuses_the_first_byte(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 0);
    buf_append(&buf, STR_EMPTY);
    assert_int_equal(buf_status(&buf), STATUS_OK);
    buf_append_char(&buf, 'x');
    assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
    assert_int_equal(buf_str(&buf).len, 0);
}

static void buf_with_the_largest_maximum_grows_as_needed(void **state) {
    struct buf buf;
    buf_init(&buf, *state, SIZE_MAX);
    buf_append(&buf, STR("abc"));
    buf_append(&buf, (str){"x", SIZE_MAX}); /* len + SIZE_MAX wraps round: must be refused */
    assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
    assert_buf(buf, "abc");
}

static void buf_growing_beside_other_allocations_keeps_its_bytes(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        buf_printf(&buf, "%05d,", i);
        if (i % 100 == 0) {
            arena_alloc(*state, 8);
        }
    }
    assert_int_equal(buf_str(&buf).len, 6 * 20000);
    for (size_t i = 0; i < 20000; i++) {
        int64_t number = -1;
        assert_true(str_parse_i64(str_slice(buf_str(&buf), 6 * i, 6 * i + 5), &number));
        assert_int_equal(number, i);
    }
}

static void buf_clear_resets_length_and_failure_and_keeps_the_memory(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 5);
    buf_append(&buf, STR("abc"));
    const char *memory = buf.ptr;
    buf_append(&buf, STR("defg"));
    buf_clear(&buf);
    assert_int_equal(buf_status(&buf), STATUS_OK);
    assert_buf(buf, "");
    buf_append(&buf, STR("xyz"));
    assert_buf(buf, "xyz");
    assert_ptr_equal(buf.ptr, memory);
}

static void buf_rewind_undoes_appends_and_failures(void **state) {
    struct buf buf;
    buf_init(&buf, *state, 5);
    buf_append(&buf, STR("abc"));
    buf_append_char(&buf, 'd');
    buf_append(&buf, STR("long"));
    buf_rewind(&buf, 3);
    assert_buf(buf, "abc");
    assert_int_equal(buf_status(&buf), STATUS_OK);
    buf_append(&buf, STR("xy"));
    assert_buf(buf, "abcxy");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(buf_new_is_empty_and_holds_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_appends_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_append_keeps_nul_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_filled_to_its_maximum_is_ok, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_printf_up_to_its_maximum_is_ok_and_past_it_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_after_a_failure_appends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_of_maximum_zero_refuses_the_first_byte, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(buf_with_the_largest_maximum_grows_as_needed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(buf_growing_beside_other_allocations_keeps_its_bytes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_clear_resets_length_and_failure_and_keeps_the_memory,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(buf_rewind_undoes_appends_and_failures, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
