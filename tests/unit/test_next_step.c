/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "report/next_step.h"

static struct arena arena;

static int reset(void **state) {
    (void)state;
    arena_reset(&arena);
    return 0;
}

#define USER "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: "

static void denial_names_what_to_allow(void **state) {
    (void)state;
    static const struct {
        const char *message;
        const char *step;
    } rows[] = {
        {"elasticloadbalancing DescribeTags: AccessDenied (HTTP 403): " USER
         "elasticloadbalancing:DescribeTags because no identity-based policy allows the "
         "elasticloadbalancing:DescribeTags action",
         "allow elasticloadbalancing:DescribeTags"},
        {"sts AssumeRole: AccessDenied (HTTP 403): " USER
         "sts:AssumeRole on resource: arn:aws:iam::2:role/x",
         "allow sts:AssumeRole"},
        {"config X: AccessDeniedException (HTTP 400): " USER
         "config:X with an explicit deny in a service control policy",
         "except this role from the service control policy that denies config:X"},
        {"config X: AccessDeniedException (HTTP 400): " USER
         "config:X with an explicit deny in an identity-based policy.",
         "except this role from the identity-based policy that denies config:X"},
        {"eu-west-1: the listing is incomplete: elasticloadbalancing DescribeTags: AccessDenied "
         "(HTTP 403): " USER "elasticloadbalancing:DescribeTags.",
         "allow elasticloadbalancing:DescribeTags"},
        {"s3 GetObject: AccessDenied (HTTP 403): Access Denied", "allow s3:GetObject"},
        {"AccessDenied (HTTP 403)", "give the role this permission"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_str(next_step(&arena, str_from_cstr(rows[i].message)), rows[i].step);
    }
}

static void usual_troubles_have_a_step(void **state) {
    (void)state;
    static const char *const messages[] = {
        "AWS_ACCESS_KEY_ID is not set",
        "AWS_REGION is not set",
        "elasticloadbalancing DescribeTags: ExpiredToken (HTTP 403): the credentials have expired",
        "sts GetCallerIdentity: InvalidClientTokenId (HTTP 403): the credentials are not valid",
        "x: 127.0.0.1:1: Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect",
        "x: nowhere.invalid: Could not resolve host: nowhere.invalid",
        "x: Timeout was reached",
        "x: Throttling (HTTP 400): Rate exceeded",
        "x: InternalFailure (HTTP 500)",
        "CA bundle /nowhere of AWS_CA_BUNDLE cannot be read or holds no certificate",
        "account 1 is not listed in ALLOWED_ACCOUNTS",
        "/nowhere: No such file or directory",
        "x.json: the event is not valid JSON: control character",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (str_is_empty(next_step(&arena, str_from_cstr(messages[i])))) {
            fail_msg("%s", messages[i]);
        }
    }
    assert_true(str_is_empty(next_step(&arena, STR("WARM_UP is \"x\"; accepted: on, off"))));
    assert_true(str_is_empty(
        next_step(&arena, STR("connect.json: desyncMode: \"x\" is no mode; accepted: monitor"))));
    assert_true(str_is_empty(next_step(&arena, STR_EMPTY)));
}

static void steps_name_what_is_to_be_set(void **state) {
    (void)state;
    static const struct {
        const char *message;
        const char *words;
    } rows[] = {
        {"CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together: the role is assumed only in "
         "accounts that are listed",
         "set both or none: CROSS_ACCOUNT_ROLE to"},
        {"this function is of account 1, and CROSS_ACCOUNT_ROLE is not set. Set it, and list the "
         "account in ALLOWED_ACCOUNTS",
         "set CROSS_ACCOUNT_ROLE to"},
        {"account 1 is not listed in ALLOWED_ACCOUNTS", "add the account to ALLOWED_ACCOUNTS"},
        {"x: Failed to connect to 127.0.0.1", "uses no proxy: it must reach"},
        {"x DescribeTags: HTTP 403 without an AWS error code", "no proxy or firewall answers"},
        {"x DescribeTags: HTTP 503 without an AWS error code", "run it again later"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        str step = next_step(&arena, str_from_cstr(rows[i].message));
        if (!str_contains(step, str_from_cstr(rows[i].words))) {
            fail_msg("%s: %" STR_FMT, rows[i].message, STR_ARG(step));
        }
    }
}

static void code_of_a_message_is_aws_s_own(void **state) {
    (void)state;
    static const struct {
        const char *message;
        const char *code;
    } rows[] = {{"s3 GetObject: NoSuchKey (HTTP 404): gone", "NoSuchKey"},
                {"s3 GetObject: HTTP 404 without an AWS error code", ""},
                {"NoSuchKey (HTTP 404)", "NoSuchKey"},
                {"unreadable answer (HTTP 200): no JSON", ""},
                {" (HTTP 404)", ""},
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_str(message_code(str_from_cstr(rows[i].message)), rows[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(denial_names_what_to_allow, reset),
        cmocka_unit_test_teardown(usual_troubles_have_a_step, reset),
        cmocka_unit_test_teardown(steps_name_what_is_to_be_set, reset),
        cmocka_unit_test_teardown(code_of_a_message_is_aws_s_own, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
