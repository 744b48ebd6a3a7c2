/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call_internal.h"
#include "unit.h"

static void begin(struct service_call *call, struct arena *arena, size_t bytes_max) {
    const struct aws_request like = {.service = AWS_ELBV2, .operation = "DescribeTags"};
    service_call_begin(call, arena, bytes_max, &like);
}

static str form_of(struct arena *arena, const char *key, str value) {
    struct service_call call;
    begin(&call, arena, 4096);
    service_call_add(&call, key, value);
    assert_int_equal(service_call_end(&call, NULL), STATUS_OK);
    str body = call.request.body;
    return str_slice(body, sizeof("Action=DescribeTags&Version=2015-12-01&") - 1, body.len);
}

static void form_begins_with_action_and_version(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    struct service_call call;
    begin(&call, &arena, 4096);
    assert_int_equal(service_call_end(&call, NULL), STATUS_OK);
    assert_str(call.request.body, "Action=DescribeTags&Version=2015-12-01");
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
        str got = form_of(&arena, "k", rows[i].value);
        if (!str_eq(got, str_from_cstr(rows[i].expected))) {
            fail_msg("%s: %" STR_FMT, rows[i].name, STR_ARG(got));
        }
        arena_clean_up(&arena);
    }
}

static void form_keys_are_encoded_too(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    assert_str(form_of(&arena, "A.member.1 &", STR("x")), "A.member.1%20%26=x");
    arena_clean_up(&arena);
}

static void form_beyond_the_limit_is_remembered(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    struct service_call call;
    struct error error = {0};
    begin(&call, &arena, 45);
    service_call_add(&call, "k", STR("longer than that"));
    assert_int_equal(service_call_end(&call, &error), STATUS_TOO_LARGE);
    assert_str(error.message, "elasticloadbalancing DescribeTags: the request is too large");
    arena_clean_up(&arena);
}

static void form_header_is_the_content_type(void **state) {
    (void)state;
    struct arena arena = {.chunks = NULL};
    struct service_call call;
    begin(&call, &arena, 4096);
    assert_int_equal(call.request.header_count, 1);
    assert_str(call.request.headers[0].name, "Content-Type");
    assert_str(call.request.headers[0].value, "application/x-www-form-urlencoded; charset=utf-8");
    arena_clean_up(&arena);
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
