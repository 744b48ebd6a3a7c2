/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"
#include "base/buf.h"
#include "unit.h"

static str form_of(struct arena *arena, str key, str value) {
    struct buf out;
    struct aws_form form;
    buf_init(&out, arena, 4096);
    aws_form_begin(&form, &out, "DescribeTags", "2015-12-01");
    aws_form_add(&form, key, value);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return str_slice(buf_str(&out), sizeof("Action=DescribeTags&Version=2015-12-01&") - 1, out.len);
}

static void form_begins_with_action_and_version(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    struct buf out;
    struct aws_form form;
    buf_init(&out, &arena, 4096);
    aws_form_begin(&form, &out, "DescribeTags", "2015-12-01");
    assert_str(buf_str(&out), "Action=DescribeTags&Version=2015-12-01");
    arena_clean_up(&arena);
}

static void form_values_are_percent_encoded(void **state) {
    (void)state;
    static const struct {
        const char *name;
        str value;
        const char *expected;
    } rows[] = {
        {"unreserved stays", {"AZaz09-._~", sizeof("AZaz09-._~") - 1}, "k=AZaz09-._~"},
        {"ARN",
         {"arn:aws:elb:x:1:a/b", sizeof("arn:aws:elb:x:1:a/b") - 1},
         "k=arn%3Aaws%3Aelb%3Ax%3A1%3Aa%2Fb"},
        {"blank is %20, plus is %2B", {"a b+c", sizeof("a b+c") - 1}, "k=a%20b%2Bc"},
        {"what would break the form", {"&=%?#;", sizeof("&=%?#;") - 1}, "k=%26%3D%25%3F%23%3B"},
        {"UTF-8", {"\xc3\xa9", sizeof("\xc3\xa9") - 1}, "k=%C3%A9"},
        {"controls and NUL", {"\r\n\0", sizeof("\r\n\0") - 1}, "k=%0D%0A%00"},
        {"empty", {"", sizeof("") - 1}, "k="},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {.chunks = NULL};
        str got = form_of(&arena, STR("k"), rows[i].value);
        if (!str_eq(got, str_from_cstr(rows[i].expected))) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(got));
        }
        arena_clean_up(&arena);
    }
}

static void form_keys_are_encoded_too(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    assert_str(form_of(&arena, STR("A.member.1 &"), STR("x")), "A.member.1%20%26=x");
    arena_clean_up(&arena);
}

static void form_beyond_the_limit_is_remembered(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    struct buf out;
    struct aws_form form;
    buf_init(&out, &arena, 45);
    aws_form_begin(&form, &out, "DescribeTags", "2015-12-01");
    aws_form_add(&form, STR("k"), STR("longer than that"));
    assert_int_equal(buf_status(&out), STATUS_TOO_LARGE);
    arena_clean_up(&arena);
}

static void form_header_is_the_content_type(void **state) {
    (void)state;
    assert_str(AWS_FORM_HEADER.name, "Content-Type");
    assert_str(AWS_FORM_HEADER.value, "application/x-www-form-urlencoded; charset=utf-8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form_begins_with_action_and_version),
        cmocka_unit_test(form_values_are_percent_encoded),
        cmocka_unit_test(form_keys_are_encoded_too),
        cmocka_unit_test(form_beyond_the_limit_is_remembered),
        cmocka_unit_test(form_header_is_the_content_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
