/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "death.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
/* as STR, but allowed in a static table */
#define LITERAL(text)                                                                              \
    { (text), sizeof(text) - 1 }
#define assert_str(a, lit) assert_true(str_eq((a), STR(lit)))

static void str_from_cstr_borrows_and_takes_null_as_empty(void **state) {
    (void)state;
    const char *text = "abc";
    assert_ptr_equal(str_from_cstr(text).ptr, text);
    assert_int_equal(str_from_cstr(text).len, 3);
    assert_int_equal(str_from_cstr(NULL).len, 0);
    assert_null(str_from_cstr(NULL).ptr);
}

static void str_copy_is_separate_and_ends_in_nul(void **state) {
    (void)state;
    struct arena arena = {0};
    char original[] = {'a', 'b', 'c', 'd'};
    str copy = str_copy(&arena, (str){original, 3});
    original[0] = 'x';
    assert_str(copy, "abc");
    assert_string_equal(copy.ptr, "abc");
    assert_string_equal(str_copy(&arena, STR_EMPTY).ptr, "");
    assert_string_equal(str_to_cstr(&arena, STR("abc")), "abc");
    assert_string_equal(str_to_cstr(&arena, STR_EMPTY), "");
    arena_clean_up(&arena);
}

static void c_string_with_nul_inside(void) {
    struct arena arena = {0};
    str_to_cstr(&arena, STR("a\0b"));
}

static void str_to_cstr_of_text_with_nul_aborts(void **state) {
    (void)state;
    assert_true(aborts_saying(c_string_with_nul_inside, "assertion failed"));
}

static void str_format_prints_into_the_arena(void **state) {
    (void)state;
    struct arena arena = {0};
    str text = str_format(&arena, "%" STR_FMT "-%05d", STR_ARG(STR("abc")), 42);
    assert_str(text, "abc-00042");
    assert_string_equal(text.ptr, "abc-00042");
    assert_int_equal(str_format(&arena, "%s", "").len, 0);
    assert_int_equal(str_format(&arena, "%30000d", 1).len, 30000);
    arena_clean_up(&arena);
}

struct pair_row {
    const char *name;
    str a;
    str b;
    bool equal;
    bool equal_ignoring_case;
    int order; /* sign only */
};

static const struct pair_row pairs[] = {
    {"both empty", {NULL, 0}, LITERAL(""), true, true, 0},
    {"empty before any", {NULL, 0}, LITERAL("a"), false, false, -1},
    {"same", LITERAL("abc"), LITERAL("abc"), true, true, 0},
    {"other case", LITERAL("aBc"), LITERAL("AbC"), false, true, 1},
    {"prefix first", LITERAL("ab"), LITERAL("abc"), false, false, -1},
    {"last byte differs", LITERAL("abd"), LITERAL("abc"), false, false, 1},
    {"high bytes are unsigned", LITERAL("\xC3\xA4"), LITERAL("z"), false, false, 1},
    {"no case beyond ASCII", LITERAL("\xC3\xA4"), LITERAL("\xC3\x84"), false, false, 1},
    {"@ and ` are no letters", LITERAL("@"), LITERAL("`"), false, false, -1},
    {"[ and { are no letters", LITERAL("["), LITERAL("{"), false, false, -1},
    {"NUL counts", LITERAL("a\0b"), LITERAL("a\0c"), false, false, -1},
};

static void str_comparisons_are_by_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const struct pair_row *row = &pairs[i];
        int order = str_compare(row->a, row->b);
        int sign = (order > 0) - (order < 0);
        int back = str_compare(row->b, row->a);
        if (str_eq(row->a, row->b) != row->equal || sign != row->order ||
            (back > 0) - (back < 0) != -row->order ||
            str_eq_ignore_case(row->a, row->b) != row->equal_ignoring_case) {
            fail_msg("%s", row->name);
        }
    }
}

struct part_row {
    const char *name;
    str s;
    str part;
    bool starts;
    bool ends;
    bool contains;
};

static const struct part_row parts[] = {
    {"nothing in nothing", {NULL, 0}, {NULL, 0}, true, true, true},
    {"nothing in something", LITERAL("abc"), LITERAL(""), true, true, true},
    {"something in nothing", {NULL, 0}, LITERAL("a"), false, false, false},
    {"itself", LITERAL("abc"), LITERAL("abc"), true, true, true},
    {"longer", LITERAL("abc"), LITERAL("abcd"), false, false, false},
    {"at the start", LITERAL("abc"), LITERAL("ab"), true, false, true},
    {"at the end", LITERAL("abc"), LITERAL("bc"), false, true, true},
    {"in the middle", LITERAL("abcd"), LITERAL("bc"), false, false, true},
    {"after a false start", LITERAL("aaab"), LITERAL("aab"), false, true, true},
    {"twice", LITERAL("abcab"), LITERAL("ab"), true, true, true},
    {"not at all", LITERAL("abcd"), LITERAL("bd"), false, false, false},
    {"other case", LITERAL("abcd"), LITERAL("BC"), false, false, false},
    {"past a NUL", LITERAL("a\0bc"), LITERAL("bc"), false, true, true},
};

static void str_part_is_found_where_it_is(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        const struct part_row *row = &parts[i];
        if (str_starts_with(row->s, row->part) != row->starts ||
            str_ends_with(row->s, row->part) != row->ends ||
            str_contains(row->s, row->part) != row->contains) {
            fail_msg("%s", row->name);
        }
    }
}

static void str_find_char_gives_first_or_length(void **state) {
    (void)state;
    assert_int_equal(str_find_char(STR("abcb"), 'b'), 1);
    assert_int_equal(str_find_char(STR("abc"), 'x'), 3);
    assert_int_equal(str_find_char(STR_EMPTY, 'x'), 0);
    assert_int_equal(str_find_char(STR("a\0"), '\0'), 1);
}

static void str_slice_is_clamped(void **state) {
    (void)state;
    assert_str(str_slice(STR("abcd"), 1, 3), "bc");
    assert_str(str_slice(STR("abcd"), 0, 99), "abcd");
    assert_str(str_slice(STR("abcd"), 2, SIZE_MAX), "cd");
    assert_str(str_slice(STR("abcd"), 3, 1), "");
    assert_str(str_slice(STR("abcd"), 99, 100), "");
    assert_null(str_slice(STR_EMPTY, 0, 5).ptr);
}

static void str_trim_takes_white_space_off_both_ends_only(void **state) {
    (void)state;
    assert_str(str_trim(STR(" \t\r\n\v\fa b\f\v\n\r\t ")), "a b");
    assert_str(str_trim(STR("ab")), "ab");
    assert_str(str_trim(STR("  \n")), "");
    assert_str(str_trim(STR_EMPTY), "");
    assert_str(str_trim(STR("\x08"
                            "a\x0E")),
               "\x08"
               "a\x0E");
    assert_str(str_trim(STR("\xC2\xA0"
                            "a")),
               "\xC2\xA0"
               "a"); /* a no-break space is no ASCII */
}

struct split_row {
    const char *name;
    str s;
    size_t count;
    const char *parts[4];
};

static const struct split_row splits[] = {
    {"nothing", {NULL, 0}, 0, {0}},
    {"empty text", LITERAL(""), 1, {""}},
    {"no separator", LITERAL("abc"), 1, {"abc"}},
    {"two", LITERAL("a,b"), 2, {"a", "b"}},
    {"empty at every place", LITERAL(",,a,"), 4, {"", "", "a", ""}},
    {"only a separator", LITERAL(","), 2, {"", ""}},
};

static void str_split_gives_every_part_once(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(splits); i++) {
        const struct split_row *row = &splits[i];
        size_t count = 0;
        for (str rest = row->s; rest.ptr != NULL; count++) {
            str part = str_split(&rest, ',');
            if (count >= row->count || !str_eq(part, str_from_cstr(row->parts[count]))) {
                fail_msg("%s: part %zu is \"%" STR_FMT "\"", row->name, count, STR_ARG(part));
            }
        }
        if (count != row->count) {
            fail_msg("%s: %zu parts", row->name, count);
        }
    }
}

static void str_lower_copies_ascii_letters_only(void **state) {
    (void)state;
    struct arena arena = {0};
    assert_str(str_lower(&arena, STR("AZaz[@0-9]\xC3\x84")), "azaz[@0-9]\xC3\x84");
    assert_int_equal(str_lower(&arena, STR_EMPTY).len, 0);
    arena_clean_up(&arena);
}

struct number_row {
    str text;
    bool is_valid;
    int64_t value;
};

static const struct number_row numbers[] = {
    {LITERAL("0"), true, 0},
    {LITERAL("-0"), true, 0},
    {LITERAL("007"), true, 7},
    {LITERAL("42"), true, 42},
    {LITERAL("-42"), true, -42},
    {LITERAL("9223372036854775807"), true, INT64_MAX},
    {LITERAL("-9223372036854775808"), true, INT64_MIN},
    {LITERAL("9223372036854775808"), false, 0},
    {LITERAL("-9223372036854775809"), false, 0},
    {LITERAL("99999999999999999999"), false, 0},
    {LITERAL("18446744073709551617"), false, 0},
    {LITERAL(""), false, 0},
    {LITERAL("-"), false, 0},
    {LITERAL("--1"), false, 0},
    {LITERAL("+1"), false, 0},
    {LITERAL(" 1"), false, 0},
    {LITERAL("1 "), false, 0},
    {LITERAL("1.5"), false, 0},
    {LITERAL("1e3"), false, 0},
    {LITERAL("0x10"), false, 0},
    {LITERAL("1-"), false, 0},
    {LITERAL("1\0"), false, 0},
};

static void str_parse_i64_takes_whole_decimals_in_range_only(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const struct number_row *row = &numbers[i];
        int64_t value = 77;
        bool is_valid = str_parse_i64(row->text, &value);
        if (is_valid != row->is_valid || value != (row->is_valid ? row->value : 77)) {
            fail_msg("\"%" STR_FMT "\"", STR_ARG(row->text));
        }
    }
}

struct utf8_row {
    const char *name;
    str text;
    size_t valid;
};

static const struct utf8_row utf8_rows[] = {
    {"empty", {NULL, 0}, 0},
    {"ASCII with NUL and DEL", LITERAL("a\0\x7F"), 3},
    {"2 bytes, first", LITERAL("\xC2\x80"), 2},
    {"2 bytes, last", LITERAL("\xDF\xBF"), 2},
    {"3 bytes, first", LITERAL("\xE0\xA0\x80"), 3},
    {"3 bytes, before the surrogates", LITERAL("\xED\x9F\xBF"), 3},
    {"3 bytes, after the surrogates", LITERAL("\xEE\x80\x80"), 3},
    {"3 bytes, last", LITERAL("\xEF\xBF\xBF"), 3},
    {"4 bytes, first", LITERAL("\xF0\x90\x80\x80"), 4},
    {"4 bytes, last", LITERAL("\xF4\x8F\xBF\xBF"), 4},
    {"lone continuation", LITERAL("a\x80"), 1},
    {"overlong NUL", LITERAL("\xC0\x80"), 0},
    {"overlong 2", LITERAL("\xC1\xBF"), 0},
    {"overlong 3", LITERAL("\xE0\x9F\xBF"), 0},
    {"overlong 4", LITERAL("\xF0\x8F\xBF\xBF"), 0},
    {"first surrogate", LITERAL("ab\xED\xA0\x80"), 2},
    {"last surrogate", LITERAL("\xED\xBF\xBF"), 0},
    {"beyond U+10FFFF", LITERAL("\xF4\x90\x80\x80"), 0},
    {"F5", LITERAL("\xF5\x80\x80\x80"), 0},
    {"FF", LITERAL("\xFF"), 0},
    {"2 bytes cut", LITERAL("a\xC3"), 1},
    {"3 bytes cut after 1", LITERAL("a\xE2"), 1},
    {"3 bytes cut after 2", LITERAL("a\xE2\x82"), 1},
    {"4 bytes cut after 3", LITERAL("a\xF0\x9F\x98"), 1},
    {"third byte no continuation", LITERAL("\xE2\x82z"), 0},
    {"fourth byte no continuation", LITERAL("\xF0\x9F\x98z"), 0},
    {"bad after good ones", LITERAL("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFFz"), 9},
};

static void str_utf8_valid_prefix_ends_at_the_first_bad_byte(void **state) {
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT(utf8_rows); i++) {
        const struct utf8_row *row = &utf8_rows[i];
        /* copied without its NUL, so that a read past the end is seen by the sanitizer */
        char *exact = arena_alloc(&arena, row->text.len);
        for (size_t n = 0; n < row->text.len; n++) {
            exact[n] = row->text.ptr[n];
        }
        size_t valid = str_utf8_valid_prefix((str){exact, row->text.len});
        if (valid != row->valid) {
            fail_msg("%s: %zu", row->name, valid);
        }
    }
    arena_clean_up(&arena);
}

static void str_utf8_take_gives_a_character_or_a_bad_byte(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 1, 2, 1, 1, 4, 1, 1};
    str rest = STR("z\xE2\xC3\xA4\xC0\x8A\xF0\x9F\x98\x80\0\xED");
    const char *at = rest.ptr;
    for (size_t n = 0; n < COUNT(lengths); n++) {
        str character = str_utf8_take(&rest);
        assert_ptr_equal(character.ptr, at);
        assert_int_equal(character.len, lengths[n]);
        at += lengths[n];
    }
    assert_int_equal(rest.len, 0);
}

static void str_utf8_count_counts_characters(void **state) {
    (void)state;
    assert_int_equal(str_utf8_count(STR_EMPTY), 0);
    assert_int_equal(str_utf8_count(STR("abc")), 3);
    assert_int_equal(str_utf8_count(STR("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z")), 4);
}

static void str_utf8_prefix_never_ends_inside_a_character(void **state) {
    (void)state;
    str text = STR("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z");
    static const size_t lengths[] = {0, 2, 5, 9, 10, 10};
    for (size_t n = 0; n < COUNT(lengths); n++) {
        assert_int_equal(str_utf8_prefix(text, n).len, lengths[n]);
        assert_ptr_equal(str_utf8_prefix(text, n).ptr, text.ptr);
    }
    assert_int_equal(str_utf8_prefix(text, SIZE_MAX).len, 10);
    assert_int_equal(str_utf8_prefix(STR_EMPTY, 3).len, 0);
}

static void str_utf8_code_point_reads_each_length(void **state) {
    (void)state;
    assert_int_equal(str_utf8_code_point(STR("z")), 'z');
    assert_int_equal(str_utf8_code_point(STR("\xC3\xA4")), 0xE4);
    assert_int_equal(str_utf8_code_point(STR("\xE2\x82\xAC")), 0x20AC);
    assert_int_equal(str_utf8_code_point(STR("\xF0\x9F\x98\x80")), 0x1F600);
}

static void str_sort_distinct_keeps_one_of_each_that_is_not_empty(void **state) {
    (void)state;
    str texts[] = {STR("b"), STR_EMPTY, STR("a"), STR("b"), STR("ab"), STR_EMPTY};
    assert_int_equal(str_sort_distinct(texts, COUNT(texts)), 3);
    assert_true(str_eq(texts[0], STR("a")));
    assert_true(str_eq(texts[1], STR("ab")));
    assert_true(str_eq(texts[2], STR("b")));
    assert_int_equal(str_sort_distinct(NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str_from_cstr_borrows_and_takes_null_as_empty),
        cmocka_unit_test(str_copy_is_separate_and_ends_in_nul),
        cmocka_unit_test(str_to_cstr_of_text_with_nul_aborts),
        cmocka_unit_test(str_format_prints_into_the_arena),
        cmocka_unit_test(str_comparisons_are_by_bytes),
        cmocka_unit_test(str_part_is_found_where_it_is),
        cmocka_unit_test(str_find_char_gives_first_or_length),
        cmocka_unit_test(str_slice_is_clamped),
        cmocka_unit_test(str_trim_takes_white_space_off_both_ends_only),
        cmocka_unit_test(str_split_gives_every_part_once),
        cmocka_unit_test(str_lower_copies_ascii_letters_only),
        cmocka_unit_test(str_parse_i64_takes_whole_decimals_in_range_only),
        cmocka_unit_test(str_utf8_valid_prefix_ends_at_the_first_bad_byte),
        cmocka_unit_test(str_utf8_take_gives_a_character_or_a_bad_byte),
        cmocka_unit_test(str_utf8_count_counts_characters),
        cmocka_unit_test(str_utf8_prefix_never_ends_inside_a_character),
        cmocka_unit_test(str_utf8_code_point_reads_each_length),
        cmocka_unit_test(str_sort_distinct_keeps_one_of_each_that_is_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
