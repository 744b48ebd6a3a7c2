/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

static void assert_str(str actual, const char *expected) {
    if (!str_eq(actual, str_from_cstr(expected))) {
        fail_msg("expected \"%s\", got \"%" STR_FMT "\"", expected, STR_ARG(actual));
    }
}

static void json_types_are_distinguished(void **state) {
    static const char *const names[] = {"object",  "array",   "string", "number",
                                        "boolean", "boolean", "null"};
    const struct json *root = parse_ok(*state, STR("[{},[],\"\",0,true,false,null]"));
    size_t i = 0;
    for (const struct json *v = json_first(root); v != NULL; v = json_next(v), i++) {
        assert_string_equal(json_type_name(v), names[i]);
        assert_int_equal(json_is_object(v), i == 0);
        assert_int_equal(json_is_array(v), i == 1);
        assert_int_equal(json_is_string(v), i == 2);
        assert_int_equal(json_is_number(v), i == 3);
        assert_int_equal(json_is_bool(v), i == 4 || i == 5);
        assert_int_equal(json_is_null(v), i == 6);
    }
    assert_int_equal(i, COUNT(names));
}

static void json_missing_value_is_null_and_empty(void **state) {
    (void)state;
    double number = 7;
    assert_string_equal(json_type_name(NULL), "nothing");
    assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL));
    assert_false(json_is_number(NULL) || json_is_bool(NULL) || json_is_null(NULL));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get_other_case(NULL, "a"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_int_equal(json_count(NULL), 0);
    assert_true(str_is_empty(json_key(NULL)));
    assert_true(str_is_empty(json_string(NULL)));
    assert_true(str_is_empty(json_get_string(NULL, "a")));
    assert_true(json_bool(NULL, true));
    assert_false(json_bool(NULL, false));
    assert_false(json_number(NULL, &number));
    assert_true(number == 7);
}

static void json_wrong_type_gives_the_empty_value(void **state) {
    const struct json *root = parse_ok(*state, STR("{\"s\":\"x\",\"n\":1,\"a\":[\"k\"]}"));
    double number = 7;
    assert_true(str_is_empty(json_get_string(root, "n")));
    assert_true(str_is_empty(json_string(root)));
    assert_true(json_bool(json_get(root, "s"), true));
    assert_false(json_number(json_get(root, "s"), &number));
    assert_true(number == 7);
    assert_null(json_get(json_get(root, "a"), "k"));
    assert_null(json_get(json_get(root, "s"), "k"));
    assert_null(json_get_other_case(json_get(root, "a"), "K"));
    assert_int_equal(json_count(json_get(root, "n")), 0);
}

static void json_keys_that_differ_in_case_are_different(void **state) {
    const struct json *root = parse_ok(*state, STR("{\"port\":1,\"Port\":2,\"type\":\"x\"}"));
    double number = 0;
    assert_true(json_number(json_get(root, "Port"), &number));
    assert_true(number == 2);
    assert_true(json_number(json_get(root, "port"), &number));
    assert_true(number == 1);
    assert_null(json_get(root, "PORT"));
    assert_null(json_get(root, "Type"));
    assert_true(str_is_empty(json_get_string(root, "Type")));
}

static void json_get_other_case_names_only_the_other_spelling(void **state) {
    const struct json *root = parse_ok(*state, STR("{\"Mode\":1,\"mode\":2,\"type\":3}"));
    assert_str(json_key(json_get_other_case(root, "mode")), "Mode");
    assert_str(json_key(json_get_other_case(root, "TYPE")), "type");
    assert_null(json_get_other_case(root, "type"));
    assert_null(json_get_other_case(root, "typ"));
}

static void json_members_come_in_document_order_with_keys(void **state) {
    static const char *const keys[] = {"z", "a", "m", ""};
    const struct json *root = parse_ok(*state, STR("{\"z\":[1,2],\"a\":1,\"m\":{},\"\":0}"));
    size_t i = 0;
    for (const struct json *v = json_first(root); v != NULL; v = json_next(v), i++) {
        assert_str(json_key(v), keys[i]);
    }
    assert_int_equal(i, COUNT(keys));
    assert_true(str_is_empty(json_key(root)));
    assert_true(str_is_empty(json_key(json_first(json_first(root)))));
}

static void json_strings_are_decoded(void **state) {
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0001\\u001F\\u007f\"", "\x01\x1F\x7F"},
        {"\"\\u00e9\\u20AC\\uD83D\\uDE00\"", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"\"\xC3\xA9\xF0\x9F\x98\x80\"", "\xC3\xA9\xF0\x9F\x98\x80"},
        {"\"\\uDBFF\\uDFFF\\uFFFF\"", "\xF4\x8F\xBF\xBF\xEF\xBF\xBF"},
        {"\"\\\\u0000\"", "\\u0000"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(json_string(parse_ok(*state, str_from_cstr(rows[i].text))), rows[i].value);
    }
}

static void json_keys_are_decoded(void **state) {
    const struct json *root = parse_ok(*state, STR("{\"\\u0041\\t\":\"v\"}"));
    assert_str(json_get_string(root, "A\t"), "v");
}

static void json_numbers_are_exact_to_53_bits(void **state) {
    static const struct {
        const char *text;
        double value;
    } rows[] = {
        {"0", 0},
        {"-17", -17},
        {"123456789012", 123456789012.0}, /* an account id */
        {"999999999999", 999999999999.0},
        {"9007199254740991", 9007199254740991.0},
        {"0.1", 0.1},
        {"-2.5E-3", -0.0025},
        {"1e308", 1e308},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double number = -1;
        assert_true(json_number(parse_ok(*state, str_from_cstr(rows[i].text)), &number));
        if (number != rows[i].value) {
            fail_msg("%s was read as %.17g", rows[i].text, number);
        }
    }
}

static void json_booleans_are_read(void **state) {
    const struct json *root = parse_ok(*state, STR("[true,false]"));
    assert_true(json_bool(json_first(root), false));
    assert_false(json_bool(json_next(json_first(root)), true));
}

static void json_tree_does_not_borrow_the_text(void **state) {
    char text[] = "{\"key\":\"value\"}";
    const struct json *root = parse_ok(*state, str_from_cstr(text));
    memset(text, 'x', sizeof(text) - 1);
    assert_str(json_get_string(root, "key"), "value");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_types_are_distinguished),
        cmocka_unit_test(json_missing_value_is_null_and_empty),
        cmocka_unit_test(json_wrong_type_gives_the_empty_value),
        cmocka_unit_test(json_keys_that_differ_in_case_are_different),
        cmocka_unit_test(json_get_other_case_names_only_the_other_spelling),
        cmocka_unit_test(json_members_come_in_document_order_with_keys),
        cmocka_unit_test(json_strings_are_decoded),
        cmocka_unit_test(json_keys_are_decoded),
        cmocka_unit_test(json_numbers_are_exact_to_53_bits),
        cmocka_unit_test(json_booleans_are_read),
        cmocka_unit_test(json_tree_does_not_borrow_the_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
