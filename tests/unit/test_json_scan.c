/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_up(void **state) {
    static struct arena arena = {0};
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

static const struct json *parse_ok(struct arena *arena, str text) {
    const struct json *root = NULL;
    struct json_problem problem = {"nothing", 0};
    enum status status = json_parse(arena, text, &JSON_LIMITS_DEFAULT, &root, &problem);
    if (status != STATUS_OK) {
        print_error("%.60s: %s at %zu\n", text.ptr, problem.what, problem.position);
    }
    assert_int_equal(status, STATUS_OK);
    assert_non_null(root);
    return root;
}

/* A text made of `count` copies of `unit` between `before` and `after`. */
static str repeated(struct arena *arena, const char *before, const char *unit, size_t count,
                    const char *end) {
    struct buf buf;
    buf_init(&buf, arena, SIZE_MAX / 2);
    buf_append(&buf, str_from_cstr(before));
    for (size_t i = 0; i < count; i++) {
        buf_append(&buf, str_from_cstr(unit));
    }
    buf_append(&buf, str_from_cstr(end));
    return buf_str(&buf);
}

struct bad_row {
    const char *name;
    str text;
    const char *what;
    size_t position;
};

#define BAD(name, literal, what, position)                                                         \
    { name, {literal, sizeof(literal) - 1}, what, position }

static const struct bad_row bad_rows[] = {
    BAD("nothing", "", "empty", 0),
    BAD("white space", " \t\r\n", "empty", 4),
    BAD("byte order mark", "\xEF\xBB\xBF{}", "byte order mark", 0),
    /* after the value */
    BAD("trailing word", "{\"a\":1} trailing", "trailing bytes", 8),
    BAD("trailing value", "1 2", "trailing bytes", 2),
    BAD("trailing NUL", "{}\0", "trailing bytes", 2),
    BAD("trailing vertical tab", "{}\v", "trailing bytes", 2),
    BAD("trailing control byte", "{} \x01", "trailing bytes", 3),
    BAD("trailing bracket", "[]]", "trailing bytes", 2),
    BAD("literal with a tail", "truex", "trailing bytes", 4),
    /* before the value */
    BAD("leading vertical tab", "\v{}", "unexpected character", 0),
    BAD("leading control byte", "\x01 1", "unexpected character", 0),
    BAD("leading NUL", "\0 1", "NUL byte", 0),
    BAD("NUL between values", "[1,\0 2]", "NUL byte", 3),
    BAD("comment", "/* */ 1", "unexpected character", 0),
    /* structure */
    BAD("open object", "{", "ends too early", 1),
    BAD("open array", "[1", "ends too early", 2),
    BAD("array ends in comma", "[1,", "ends too early", 3),
    BAD("open after key", "{\"a\"", "ends too early", 4),
    BAD("open after colon", "{\"a\":", "ends too early", 5),
    BAD("open after member", "{\"a\":1", "ends too early", 6),
    BAD("comma before bracket", "[1,]", "unexpected character", 3),
    BAD("comma only", "[,1]", "unexpected character", 1),
    BAD("comma before brace", "{\"a\":1,}", "expected a key", 7),
    BAD("number as key", "{1:1}", "expected a key", 1),
    BAD("bare key", "{a:1}", "expected a key", 1),
    BAD("no colon", "{\"a\" 1}", "expected a colon", 5),
    BAD("no comma", "[1 2]", "expected a comma or a closing bracket", 3),
    BAD("wrong bracket", "[1}", "expected a comma or a closing bracket", 2),
    BAD("wrong brace", "{\"a\":1]", "expected a comma or a closing bracket", 6),
    BAD("single quotes", "'a'", "unexpected character", 0),
    /* words */
    BAD("word cut short", "tru", "unknown word", 0),
    BAD("capital word", "True", "unexpected character", 0),
    BAD("wrong word", "[nulL]", "unknown word", 1),
    BAD("not a number", "NaN", "unexpected character", 0),
    BAD("infinity", "-Infinity", "number without a digit", 1),
    /* numbers */
    BAD("leading zero", "01", "number with a leading zero", 0),
    BAD("leading zeros", "[-001]", "number with a leading zero", 2),
    BAD("plus", "+1", "unexpected character", 0),
    BAD("minus", "-", "ends too early", 1),
    BAD("two minus", "--1", "number without a digit", 1),
    BAD("no whole part", ".5", "unexpected character", 0),
    BAD("no fraction", "[1.]", "number without a digit", 3),
    BAD("no exponent", "[1e]", "number without a digit", 3),
    BAD("sign as exponent", "1e+", "ends too early", 3),
    BAD("two points", "1.2.3", "trailing bytes", 3),
    BAD("hexadecimal", "0x10", "trailing bytes", 1),
    BAD("sum", "[1-2]", "expected a comma or a closing bracket", 2),
    BAD("beyond a double", "[1e999]", "number out of range", 1),
    BAD("64 bytes", " 1234567890123456789012345678901234567890123456789012345678901234",
        "number too long", 1),
    /* strings */
    BAD("open string", "\"a", "ends too early", 2),
    BAD("open after backslash", "\"a\\", "ends too early", 3),
    BAD("raw tab", "\"a\tb\"", "control character in a string", 2),
    BAD("raw line feed", "\"a\nb\"", "control character in a string", 2),
    BAD("raw line feed in a key", "{\"a\n\":1}", "control character in a string", 3),
    BAD("raw NUL in a string", "\"a\0b\"", "NUL byte", 2),
    BAD("escaped NUL", "\"ab\\u0000cd\"", "escaped NUL", 3),
    BAD("escaped NUL in a key", "{\"a\\u0000\":1}", "escaped NUL", 3),
    BAD("unknown escape", "\"\\x41\"", "unknown escape", 2),
    BAD("capital escape", "\"\\N\"", "unknown escape", 2),
    BAD("NUL as escape", "\"\\\0\"", "NUL byte", 2),
    BAD("bad digit", "\"\\u12g4\"", "escape without four hexadecimal digits", 5),
    BAD("escape cut short", "\"\\u12", "ends too early", 5),
    BAD("high surrogate alone", "\"\\ud800\"", "lone surrogate", 1),
    BAD("high surrogate at the end", "\"\\ud800", "lone surrogate", 1),
    BAD("high surrogate before text", "\"\\ud800abcdef\"", "lone surrogate", 1),
    BAD("two high surrogates", "\"\\ud800\\ud800\"", "lone surrogate", 1),
    BAD("low surrogate alone", "\"x\\uDC00\"", "lone surrogate", 2),
    BAD("surrogates in the wrong order", "\"\\udc00\\ud800\"", "lone surrogate", 1),
    /* UTF-8 */
    BAD("stray continuation", "\"a\x80\"", "invalid UTF-8", 2),
    BAD("overlong slash", "\"\xC0\xAF\"", "invalid UTF-8", 1),
    BAD("surrogate in UTF-8", "\"\xED\xA0\x80\"", "invalid UTF-8", 1),
    BAD("beyond Unicode", "\"\xF4\x90\x80\x80\"", "invalid UTF-8", 1),
    BAD("cut in a character", "\"\xE2\x82", "invalid UTF-8", 1),
    BAD("UTF-16", "\xFF\xFE{\0}\0", "invalid UTF-8", 0),
    /* the same key twice */
    BAD("same key twice", "{\"a\":1,\"b\":2,\"a\":3}", "same key twice", 13),
    BAD("same key, written differently", "{\"a\":1, \"\\u0061\":3}", "same key twice", 8),
    BAD("same key deep inside",
        "[{\"x\":{\"k\":{\"k\":1}}},{\"y\":[{\"k\":1,\"l\":{\"k\":1},\"k\":[]}]}]",
        "same key twice", 46),
    BAD("empty key twice", "{\"\":1,\"\":1}", "same key twice", 6),
    BAD("three times, the second is named", "{\"a\":1,\"a\":2,\"a\":3}", "same key twice", 7),
};

static void assert_refused(struct arena *arena, const struct bad_row *row) {
    const struct json *root = (const struct json *)(const void *)row;
    struct json_problem problem = {"nothing", SIZE_MAX};
    enum status status = json_parse(arena, row->text, &JSON_LIMITS_DEFAULT, &root, &problem);
    if (status != STATUS_INVALID || strcmp(problem.what, row->what) != 0 ||
        problem.position != row->position || root != NULL) {
        fail_msg("%s: %s, %s at %zu", row->name, status_name(status), problem.what,
                 problem.position);
    }
}

static void json_bad_text_is_refused_with_reason_and_position(void **state) {
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        assert_refused(*state, &bad_rows[i]);
    }
}

static const char *const good_rows[] = {
    "0",
    "-0",
    "-0.0e-0",
    "1E+2",
    "1e-999",
    "0.5",
    "123456789012345678901234567890123456789012345678901234567890123",
    "true",
    " \t\r\n null \r\n\t ",
    "\"\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
    "\"\x7F \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF\"",
    "[]",
    "{}",
    " [ ] ",
    " { \"a\" : [ { } , [ ] ] , \"\" : null } ",
    "{\"a\":{\"a\":{\"a\":1}},\"A\":1}",
    "[{\"a\":1},{\"a\":1}]",
};

static void json_every_form_of_the_grammar_is_read(void **state) {
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        (void)parse_ok(*state, str_from_cstr(good_rows[i]));
    }
}

/* The bytes behind the text belong to nobody: any look at them ends the test. */
static void parse_at_page_edge(struct arena *arena, char *edge, str text) {
    const struct json *root = NULL;
    str placed = {edge - text.len, text.len};
    memcpy(edge - text.len, text.ptr, text.len);
    for (; placed.len > 0; placed.ptr++, placed.len--) {
        enum status status = json_parse(arena, placed, &JSON_LIMITS_DEFAULT, &root, NULL);
        assert_true((status == STATUS_OK) == (root != NULL));
    }
}

static void json_text_at_the_edge_of_a_page_is_not_read_over(void **state) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        parse_at_page_edge(*state, pages + page, bad_rows[i].text);
    }
    for (size_t i = 0; i < COUNT(good_rows); i++) {
        str text = str_from_cstr(good_rows[i]);
        for (size_t len = 1; len <= text.len; len++) { /* every suffix of every prefix */
            parse_at_page_edge(*state, pages + page, str_slice(text, 0, len));
        }
    }
    assert_int_equal(munmap(pages, 2 * page), 0);
}

static void json_null_problem_is_allowed(void **state) {
    const struct json *root = NULL;
    assert_int_equal(json_parse(*state, STR("{"), &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_INVALID);
    assert_int_equal(json_parse(*state, STR_EMPTY, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_INVALID);
}

static void json_bytes_limit_is_exact(void **state) {
    const struct json *root = NULL;
    struct json_problem problem;
    struct json_limits limits = {.bytes_max = 5, .depth_max = 2};
    assert_int_equal(json_parse(*state, STR("[123]"), &limits, &root, &problem), STATUS_OK);
    assert_int_equal(json_parse(*state, STR("[1234]"), &limits, &root, &problem), STATUS_TOO_LARGE);
    assert_string_equal(problem.what, "too many bytes");
    assert_int_equal(problem.position, 5);
    assert_null(root);
}

static enum status parse_to_depth(struct arena *arena, const char *text, unsigned depth_max) {
    const struct json *root = NULL;
    struct json_limits limits = {.bytes_max = 100, .depth_max = depth_max};
    return json_parse(arena, str_from_cstr(text), &limits, &root, NULL);
}

static void json_depth_limit_is_exact(void **state) {
    static const struct {
        const char *text;
        unsigned depth;
    } rows[] = {
        {"1", 1},
        {"[]", 1},
        {"{ }", 1},
        {"[1]", 2},
        {"[[]]", 2},
        {"{\"a\":1}", 2},
        {"[1,{\"a\":[]},2]", 3},
        {"[[[[1]]],1]", 5},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (parse_to_depth(*state, rows[i].text, rows[i].depth) != STATUS_OK) {
            fail_msg("%s is not read with depth %u", rows[i].text, rows[i].depth);
        }
        if (rows[i].depth > 1 &&
            parse_to_depth(*state, rows[i].text, rows[i].depth - 1) != STATUS_TOO_DEEP) {
            fail_msg("%s is not too deep for %u", rows[i].text, rows[i].depth - 1);
        }
    }
}

static void json_default_depth_is_64(void **state) {
    const struct json *root = NULL;
    str fits =
        str_format(*state, "%" STR_FMT "%" STR_FMT, STR_ARG(repeated(*state, "", "[", 64, "")),
                   STR_ARG(repeated(*state, "", "]", 64, "")));
    (void)parse_ok(*state, fits);
    str deeper = str_format(*state, "[%" STR_FMT "]", STR_ARG(fits));
    assert_int_equal(json_parse(*state, deeper, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_TOO_DEEP);
}

static void json_ten_thousand_levels_are_too_deep(void **state) {
    static const char *const units[] = {"[", "{\"a\":", "[{\"a\":"};
    struct json_limits limits = {.bytes_max = 1000000, .depth_max = 1000};
    struct json_problem problem;
    for (size_t i = 0; i < COUNT(units); i++) {
        const struct json *root = NULL;
        str text = repeated(*state, "", units[i], 10000, "1");
        assert_int_equal(json_parse(*state, text, &JSON_LIMITS_DEFAULT, &root, NULL),
                         STATUS_TOO_DEEP);
        assert_int_equal(json_parse(*state, text, &limits, &root, &problem), STATUS_TOO_DEEP);
        assert_string_equal(problem.what, "nested too deep");
        assert_null(root);
    }
}

static void json_deepest_allowed_limit_is_read(void **state) {
    const struct json *root = NULL;
    struct json_limits limits = {.bytes_max = 1000000, .depth_max = 1000};
    str text =
        str_format(*state, "%" STR_FMT "%" STR_FMT, STR_ARG(repeated(*state, "", "[", 1000, "")),
                   STR_ARG(repeated(*state, "", "]", 1000, "")));
    assert_int_equal(json_parse(*state, text, &limits, &root, NULL), STATUS_OK);
    for (int i = 0; i < 999; i++) {
        root = json_first(root);
    }
    assert_true(json_is_array(root));
    assert_null(json_first(root));
}

/* As long as the tag values of a load balancer may be. */
#define FILLER                                                                                     \
    "................................................................................"             \
    "................................................................................"

static void json_six_megabytes_are_read(void **state) {
    str text = repeated(*state, "[\"x\"", ",{\"Key\":\"0123456789-" FILLER "\",\"number\":17}",
                        32000, "]");
    assert_true(text.len > 6000000);
    const struct json *root = parse_ok(*state, text);
    size_t good = 0;
    for (const struct json *v = json_next(json_first(root)); v != NULL; v = json_next(v)) {
        good += str_eq(json_get_string(v, "Key"), STR("0123456789-" FILLER)) ? 1 : 0;
    }
    assert_int_equal(good, 32000);
    assert_int_equal(json_count(root), 32001);
}

static void json_six_megabyte_string_is_read(void **state) {
    str text = repeated(*state, "\"", "0123456789\\n", 500000, "\"");
    assert_int_equal(json_string(parse_ok(*state, text)).len, 11 * 500000);
}

static void json_more_than_a_hundred_thousand_values_are_too_large(void **state) {
    const struct json *root = NULL;
    struct json_problem problem;
    str text = repeated(*state, "[0", ",0", 99999, "]");
    assert_int_equal(json_parse(*state, text, &JSON_LIMITS_DEFAULT, &root, &problem),
                     STATUS_TOO_LARGE);
    assert_string_equal(problem.what, "too many values");
    assert_int_equal(problem.position, text.len - 2);
}

/* Comparing each with each would be 4,000,000,000 comparisons. */
static str object_of_keys(struct arena *arena, size_t count, const char *end) {
    struct buf buf;
    buf_init(&buf, arena, 16 * 1024 * 1024);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&buf, "%s\"key-%zu\":%zu", i == 0 ? "{" : ",", i, i);
    }
    buf_append(&buf, str_from_cstr(end));
    return buf_str(&buf);
}

static void json_object_with_very_many_keys_is_read(void **state) {
    const struct json *root = parse_ok(*state, object_of_keys(*state, 90000, "}"));
    assert_int_equal(json_count(root), 90000);
    assert_non_null(json_get(root, "key-89999"));
}

static void json_duplicate_among_very_many_keys_is_found(void **state) {
    const struct json *root = NULL;
    struct json_problem problem;
    str text = object_of_keys(*state, 90000, ",\"key-77\":0}");
    assert_int_equal(json_parse(*state, text, &JSON_LIMITS_DEFAULT, &root, &problem),
                     STATUS_INVALID);
    assert_string_equal(problem.what, "same key twice");
    assert_int_equal(problem.position, text.len - strlen("\"key-77\":0}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_bad_text_is_refused_with_reason_and_position),
        cmocka_unit_test(json_every_form_of_the_grammar_is_read),
        cmocka_unit_test(json_text_at_the_edge_of_a_page_is_not_read_over),
        cmocka_unit_test(json_null_problem_is_allowed),
        cmocka_unit_test(json_bytes_limit_is_exact),
        cmocka_unit_test(json_depth_limit_is_exact),
        cmocka_unit_test(json_default_depth_is_64),
        cmocka_unit_test(json_ten_thousand_levels_are_too_deep),
        cmocka_unit_test(json_deepest_allowed_limit_is_read),
        cmocka_unit_test(json_six_megabytes_are_read),
        cmocka_unit_test(json_six_megabyte_string_is_read),
        cmocka_unit_test(json_more_than_a_hundred_thousand_values_are_too_large),
        cmocka_unit_test(json_object_with_very_many_keys_is_read),
        cmocka_unit_test(json_duplicate_among_very_many_keys_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
