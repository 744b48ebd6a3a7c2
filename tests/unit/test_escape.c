/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct arena arena;

static int reset(void **state) {
    (void)state;
    arena_reset(&arena);
    return 0;
}

/* UTF-8 of a code point that is no surrogate. */
static str character_of(uint32_t code) {
    char *bytes = arena_alloc(&arena, 4);
    if (code < 0x80) {
        bytes[0] = (char)code;
        return (str){bytes, 1};
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6) {
        bytes[i] = (char)(0x80 | (code & 0x3F));
    }
    bytes[0] = (char)((0xF00U >> length & 0xF0U) | code);
    return (str){bytes, length};
}

#define ROW(name, literal, expected)                                                               \
    { name, {literal, sizeof(literal) - 1}, expected }

static const struct {
    const char *name;
    str text;
    const char *expected;
} rows[] = {
    ROW("empty", "", ""),
    ROW("plain", "app/shop (a_b-c:d.e+f=g@h) \"'<&>\\", "app/shop (a_b-c:d.e+f=g@h) \"'<&>\\"),
    ROW("letters of two to four bytes", "\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80",
        "\xC3\xA9 \xE6\x97\xA5 \xF0\x9F\x98\x80"),
    ROW("blanks of scripts", "a\xC2\xA0\xE3\x80\x80z", "a\xC2\xA0\xE3\x80\x80z"),
    ROW("a picture and its variation", "\xE2\x9D\xA4\xEF\xB8\x8F", "\xE2\x9D\xA4\xEF\xB8\x8F"),
    ROW("line ends and tab", "a\nb\r\n\tc", "a\\nb\\r\\n\\tc"),
    ROW("C0", "\x01\x07\x08\x0B\x1F", "\\x01\\x07\\x08\\x0b\\x1f"),
    ROW("NUL", "a\0b", "a\\x00b"),
    ROW("a colour", "\x1B[31mred", "\\x1b[31mred"),
    ROW("a window's title", "\x1B]0;x\x07", "\\x1b]0;x\\x07"),
    ROW("DEL", "\x7F", "\\x7f"),
    ROW("C1",
        "\xC2\x80\xC2\x85\xC2\x9B"
        "31m\xC2\x9F",
        "\\u0080\\u0085\\u009b31m\\u009f"),
    ROW("line separators", "\xE2\x80\xA8\xE2\x80\xA9", "\\u2028\\u2029"),
    ROW("bidirectional controls",
        "\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9",
        "\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069"),
    ROW("zero width", "\xE2\x80\x8B\xE2\x80\x8D\xE2\x81\xA0\xEF\xBB\xBF",
        "\\u200b\\u200d\\u2060\\ufeff"),
    ROW("beyond the first plane", "\xF3\xA0\x80\x81", "\\U000e0001"),
    ROW("noncharacters of several planes",
        "\xEF\xBF\xBE\xF0\x9F\xBF\xBE\xF0\xAF\xBF\xBF\xF4\x8F\xBF\xBF",
        "\\ufffe\\U0001fffe\\U0002ffff\\U0010ffff"),
    ROW("no UTF-8", "a\xFF\xC3(\x9B", "a\\xff\\xc3(\\x9b"),
    ROW("overlong line feed", "\xC0\x8A", "\\xc0\\x8a"),
    ROW("cut short", "\xE2\x80", "\\xe2\\x80"),
    ROW("surrogate", "\xED\xA0\x80", "\\xed\\xa0\\x80"),
};

static void escape_text_shows_each_kind_by_its_escape(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        /* copied without its NUL, so that a read past the end is seen by the sanitizer */
        char *exact = arena_alloc(&arena, rows[i].text.len);
        for (size_t n = 0; n < rows[i].text.len; n++) {
            exact[n] = rows[i].text.ptr[n];
        }
        str shown = escape_text(&arena, (str){exact, rows[i].text.len});
        if (!str_eq(shown, str_from_cstr(rows[i].expected))) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(shown));
        }
    }
}

static void escape_text_without_anything_to_escape_is_borrowed(void **state) {
    (void)state;
    str text = STR("app/shop \xC3\xA9");
    assert_ptr_equal(escape_text(&arena, text).ptr, text.ptr);
}

static void escape_append_fits_at_the_worst_growth_and_ends_the_text(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, &arena, 4 + 12);
    buf_append(&out, STR("four"));
    escape_append(&out, STR("\xFF\xFE\x01"));
    assert_int_equal(buf_status(&out), STATUS_OK);
    assert_true(str_eq(buf_str(&out), STR("four\\xff\\xfe\\x01")));
}

/* Every code point: what is shown as it is, and what the escape of the others says. */
static void escape_names_the_code_point_of_all_that_is_not_shown(void **state) {
    (void)state;
    size_t escaped = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code <= 0xDFFF) {
            continue;
        }
        str character = character_of(code);
        str rest = character;
        assert_int_equal(str_utf8_code_point(character), code);
        bool is_shown = escape_take_shown(&rest).len == character.len;
        assert_int_equal(is_shown, !escape_is_due(code));
        if (!is_shown && code != '\n' && code != '\r' && code != '\t') {
            const char *const escape = escape_take(&rest).text;
            unsigned named = 0;
            assert_int_equal(escape[0], '\\');
            assert_int_equal(sscanf(escape + 2, "%x", &named), 1);
            assert_int_equal(named, code);
            assert_int_equal(rest.len, 0);
        }
        escaped += is_shown ? 0 : 1;
        if (code % 1000 == 0) {
            arena_reset(&arena);
        }
    }
    assert_true(escaped > 4000 && escaped < 5000);
}

static void escape_covers_cursor_movement_and_bidirectional_text(void **state) {
    (void)state;
    static const struct {
        uint32_t first;
        uint32_t last;
    } ranges[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200B, 0x200F},
                  {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}};
    for (size_t i = 0; i < COUNT(ranges); i++) {
        for (uint32_t code = ranges[i].first; code <= ranges[i].last; code++) {
            assert_true(escape_is_due(code));
        }
        assert_true(ranges[i].first == 0 || !escape_is_due(ranges[i].first - 1));
        assert_false(escape_is_due(ranges[i].last + 1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(escape_text_shows_each_kind_by_its_escape, reset),
        cmocka_unit_test_teardown(escape_text_without_anything_to_escape_is_borrowed, reset),
        cmocka_unit_test_teardown(escape_append_fits_at_the_worst_growth_and_ends_the_text, reset),
        cmocka_unit_test_teardown(escape_names_the_code_point_of_all_that_is_not_shown, reset),
        cmocka_unit_test_teardown(escape_covers_cursor_movement_and_bidirectional_text, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clean_up(&arena);
    return failed;
}
