/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/plain_text.h"

#include "judging.h"

static void plain_text_is_one_valid_line_of_bounded_length(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *raw;
        size_t max;
        const char *expected;
    } rows[] = {
        {"empty", "", 5, ""},
        {"plain", "team-a", 64, "team-a"},
        {"exact length", "abcde", 5, "abcde"},
        {"one more", "abcdef", 5, "abcd\xE2\x80\xA6"},
        {"length of one", "abcdef", 1, "\xE2\x80\xA6"},
        {"line breaks", " a\r\n\tb\n", 64, "a b"},
        {"only blanks", " \n\t ", 64, ""},
        {"control and DEL", "a\x1b[0m\x7F!", 64, "a [0m !"},
        {"C1 control", "a\xC2\x85z", 64, "a z"},
        {"right-to-left override", "a\xE2\x80\xAEz", 64, "a z"},
        {"line separator", "a\xE2\x80\xA8z", 64, "a z"},
        {"isolate", "a\xE2\x81\xA6z", 64, "a z"},
        {"no UTF-8", "a\xFFz", 64, "a\xEF\xBF\xBDz"},
        {"continuation of nothing", "a\x80z", 64, "a\xEF\xBF\xBDz"},
        {"cut UTF-8", "a\xF0\x9F\x98", 64, "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"emoji counted as one", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 2,
         "\xF0\x9F\x98\x80\xF0\x9F\x98\x80"},
        {"cut between emoji", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 2,
         "\xF0\x9F\x98\x80\xE2\x80\xA6"},
        {"blank before the cut", "abc def", 5, "abc\xE2\x80\xA6"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        str text = plain_text(&arena, str_from_cstr(rows[i].raw), rows[i].max);
        if (!str_eq(text, str_from_cstr(rows[i].expected))) {
            fail_msg("%s: '%s'", rows[i].name, str_to_cstr(&arena, text));
        }
    }
    assert_str(plain_text(&arena, (str){"a\0b", 3}, 64), "a b");
    assert_str(plain_text(&arena, STR_EMPTY, 64), "");
}

/* The first and the last of each range of what shows nothing, and their neighbours that do show. */
static void plain_text_distinguishes_visible_from_invisible_characters(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool shows;
    } rows[] = {
        {"C0", "\x01", false},
        {"space", " ", false},
        {"exclamation mark", "!", true},
        {"tilde", "~", true},
        {"DEL", "\x7F", false},
        {"U+0080", "\xC2\x80", false},
        {"U+00A0", "\xC2\xA0", false},
        {"U+00A1", "\xC2\xA1", true},
        {"U+00AD", "\xC2\xAD", false},
        {"U+00AE", "\xC2\xAE", true},
        {"U+061C", "\xD8\x9C", false},
        {"U+061D", "\xD8\x9D", true},
        {"U+180A", "\xE1\xA0\x8A", true},
        {"U+180E", "\xE1\xA0\x8E", false},
        {"U+1FFE", "\xE1\xBF\xBE", true},
        {"U+2000", "\xE2\x80\x80", false},
        {"U+200B", "\xE2\x80\x8B", false},
        {"U+200F", "\xE2\x80\x8F", false},
        {"U+2010", "\xE2\x80\x90", true},
        {"U+2026", "\xE2\x80\xA6", true},
        {"U+2028", "\xE2\x80\xA8", false},
        {"U+202F", "\xE2\x80\xAF", false},
        {"U+2030", "\xE2\x80\xB0", true},
        {"U+205F", "\xE2\x81\x9F", false},
        {"U+206F", "\xE2\x81\xAF", false},
        {"U+2070", "\xE2\x81\xB0", true},
        {"U+3000", "\xE3\x80\x80", false},
        {"U+3001", "\xE3\x80\x81", true},
        {"U+FEFF", "\xEF\xBB\xBF", false},
        {"U+FF01", "\xEF\xBC\x81", true},
        {"U+FFFD", "\xEF\xBF\xBD", true},
        {"U+1F600", "\xF0\x9F\x98\x80", true},
        {"U+E0001", "\xF3\xA0\x80\x81", false},
        {"no UTF-8", "\xFF", true},
        {"cut UTF-8", "\xE2\x80", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        str raw = str_format(&arena, "%sa%sb%s", rows[i].text, rows[i].text, rows[i].text);
        str alone = plain_text_trim(str_from_cstr(rows[i].text));
        str trimmed = plain_text_trim(raw);
        str inner = str_format(&arena, "a%sb", rows[i].text);
        str shown = plain_text(&arena, raw, 64);
        if (str_is_empty(alone) == rows[i].shows || !str_eq(trimmed, rows[i].shows ? raw : inner) ||
            str_eq(shown, STR("a b")) == rows[i].shows) {
            fail_msg("%s: '%s'", rows[i].name, str_to_cstr(&arena, shown));
        }
    }
    assert_true(str_is_empty(plain_text_trim(STR_EMPTY)));
    assert_true(str_is_empty(plain_text_trim((str){"\0", 1})));
}

static void plain_text_words_is_cut_only_at_a_blank(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *raw;
        size_t max;
        const char *expected;
    } rows[] = {
        {"empty", "", 5, ""},
        {"fits", "ab cd", 5, "ab cd"},
        {"one more", "ab cde", 5, "ab \xE2\x80\xA6"},
        {"blank at the end of what fits", "abc def", 5, "abc \xE2\x80\xA6"},
        {"no room for the mark", "abcd ef", 5, ""},
        {"one long word", "abcdef", 5, ""},
        {"blanks run together", "a \n\xC2\xA0 bcdef", 5, "a \xE2\x80\xA6"},
        {"cut by characters", "\xC3\xA9\xC3\xA9 \xC3\xA9\xC3\xA9\xC3\xA9", 5,
         "\xC3\xA9\xC3\xA9 \xE2\x80\xA6"},
        {"room of one", "ab", 1, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        str text = plain_text_words(&arena, str_from_cstr(rows[i].raw), rows[i].max);
        if (!str_eq(text, str_from_cstr(rows[i].expected))) {
            fail_msg("%s: '%s'", rows[i].name, str_to_cstr(&arena, text));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_is_one_valid_line_of_bounded_length),
        cmocka_unit_test(plain_text_distinguishes_visible_from_invisible_characters),
        cmocka_unit_test(plain_text_words_is_cut_only_at_a_blank),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
