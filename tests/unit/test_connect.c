/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_bench.h"

static void connect_needs_a_region(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, "AWS_REGION", ""), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_CONFIGURATION);
    assert_str(bench.error.message, "AWS_REGION is not set");
    end(&bench);
}

static void connect_refuses_bad_aws_variables_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"AWS_ACCESS_KEY_ID", ""},       {"AWS_SECRET_ACCESS_KEY", ""},
        {"AWS_MAX_ATTEMPTS", "0"},       {"AWS_MAX_ATTEMPTS", "many"},
        {"AWS_ENDPOINT_URL", "nowhere"}, {"AWS_USE_FIPS_ENDPOINT", "perhaps"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        assert_int_equal(parse(&bench, rows[i].name, rows[i].value), STATUS_OK);
        enum status status = connect_app(&bench);
        if (status != STATUS_CONFIGURATION ||
            !str_contains(bench.error.message, str_from_cstr(rows[i].name)) ||
            str_contains(bench.error.message, STR("do-not-tell"))) {
            fail_msg("%s=%s: %s: %.*s", rows[i].name, rows[i].value, status_name(status),
                     STR_ARG(bench.error.message));
        }
        end(&bench);
    }
}

static void connect_paces_calls_unless_the_setting_is_off(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, "ELB_REQUESTS_PER_SECOND", "4"), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_non_null(bench.guard.aws.pace);
    assert_true(bench.guard.aws.pace->account.rate_max > 3.9);
    assert_true(bench.guard.aws.pace->account.rate_max < 4.1);
    assert_str(bench.guard.aws.region, "eu-west-1");
    end(&bench);
    assert_int_equal(parse(&bench, "ELB_REQUESTS_PER_SECOND", "off"), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_null(bench.guard.aws.pace);
    end(&bench);
}

static void f1_reserved_concurrency_divides_the_pace(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, "RESERVED_CONCURRENCY", ""), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_true(bench.guard.aws.pace->account.rate_max > 8.9);
    end(&bench);
    assert_int_equal(parse(&bench, "RESERVED_CONCURRENCY", "5"), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_true(bench.guard.aws.pace->account.rate_max > 1.59);
    assert_true(bench.guard.aws.pace->account.rate_max < 1.61);
    end(&bench);
}

static void warm_up_connects_to_where_verdicts_are_reported(void **state) {
    (void)state;
    struct bench bench;
    str urls[4];
    assert_int_equal(parse(&bench, "AWS_REGION", "cn-north-1"), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_in_range(app_warm_up_urls(&bench.guard, &bench.arena, urls), 1, 4);
    assert_str(urls[0], "https://config.cn-north-1.amazonaws.com.cn");
    end(&bench);
    assert_int_equal(parse(&bench, "AWS_ENDPOINT_URL", "http://127.0.0.1:5000"), STATUS_OK);
    assert_int_equal(connect_app(&bench), STATUS_OK);
    assert_in_range(app_warm_up_urls(&bench.guard, &bench.arena, urls), 1, 4);
    assert_str(urls[0], "http://127.0.0.1:5000");
    end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_needs_a_region),
        cmocka_unit_test(connect_refuses_bad_aws_variables_by_name),
        cmocka_unit_test(connect_paces_calls_unless_the_setting_is_off),
        cmocka_unit_test(f1_reserved_concurrency_divides_the_pace),
        cmocka_unit_test(warm_up_connects_to_where_verdicts_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
