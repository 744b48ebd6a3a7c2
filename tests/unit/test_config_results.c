/* SPDX-License-Identifier: Apache-2.0 */
#include "region_world.h"

#define TYPE LOAD_BALANCER_RESOURCE_TYPE
#define RESULT(id)                                                                                 \
    "{\"EvaluationResultIdentifier\":{\"EvaluationResultQualifier\":{\"ConfigRuleName\":\"r\","    \
    "\"ResourceType\":\"" TYPE "\",\"ResourceId\":\"" id "\"},\"OrderingTimestamp\":1795420799.5}" \
    ",\"ComplianceType\":\"NON_COMPLIANT\",\"Annotation\":\"words\"}"
#define RESULTS(list, rest) "{\"EvaluationResults\":[" list "]" rest "}"

struct bench {
    struct aws_fixture aws;
    struct region *region;
    struct config_result *results;
    size_t count;
};

static void bench_begin(struct bench *bench) {
    fixture_begin(&bench->aws);
    bench->region = region_begin(&bench->aws.fake);
}

static enum status list(struct bench *bench) {
    return config_list_results(&bench->aws.client, STR("rule"), &bench->aws.arena, &bench->results,
                               &bench->count, &bench->aws.error);
}

static void answer(struct bench *bench, const char *match, int times, int status,
                   const char *body) {
    fake_answer(&bench->aws.fake, (struct fake_answer){.match = match,
                                                       .http_status = status,
                                                       .times = times,
                                                       .body = str_from_cstr(body)});
}

static void add_results(struct bench *bench, size_t count) {
    for (size_t i = 0; i < count; i++) {
        str id = str_format(&bench->aws.fake.arena, "arn:%zu", i);
        (void)region_add_result(bench->region, TYPE, id, "COMPLIANT");
    }
}

static void config_results_request_is_exact(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    answer(&bench, NULL, 1, 200, RESULTS(RESULT("arn:a"), ",\"NextToken\":\"more \\\"of\\\" it\""));
    answer(&bench, "NextToken", 1, 200, RESULTS("", ""));
    assert_int_equal(list(&bench), STATUS_OK);
    assert_str(bench.aws.fake.requests[0].http.url, "https://config.eu-west-1.amazonaws.com/");
    assert_str(fake_request_header(&bench.aws.fake, 0, "X-Amz-Target"),
               "StarlingDoveService.GetComplianceDetailsByConfigRule");
    assert_str(fake_request_header(&bench.aws.fake, 0, "Content-Type"),
               "application/x-amz-json-1.1");
    assert_str(fake_request_body(&bench.aws.fake, 0),
               "{\"ConfigRuleName\":\"rule\",\"Limit\":100}");
    assert_str(fake_request_body(&bench.aws.fake, 1),
               "{\"ConfigRuleName\":\"rule\",\"Limit\":100,\"NextToken\":\"more \\\"of\\\" it\"}");
    assert_int_equal(bench.count, 1);
    assert_str(bench.results[0].resource_type, TYPE);
    assert_str(bench.results[0].resource_id, "arn:a");
    assert_str(bench.results[0].compliance_type, "NON_COMPLIANT");
    assert_int_equal(bench.results[0].ordering_ms, INT64_C(1795420799500));
    fixture_end(&bench.aws);
}

static void config_results_of_all_pages_are_listed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t results, page_size, calls;
    } rows[] = {
        {"none", 0, 0, 1},
        {"a full page", 100, 0, 1},
        {"one more", 101, 0, 2},
        {"short pages", 20, 3, 7},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct bench bench;
        bench_begin(&bench);
        add_results(&bench, rows[row].results);
        bench.region->page_size = rows[row].page_size;
        assert_int_equal(list(&bench), STATUS_OK);
        assert_int_equal(bench.count, rows[row].results);
        assert_int_equal(bench.aws.fake.request_count, rows[row].calls);
        for (size_t i = 0; i < bench.count; i++) {
            assert_true(str_eq(bench.results[i].resource_id, bench.region->results[i].id));
        }
        fixture_end(&bench.aws);
    }
}

/* A page may be empty and yet have a successor. */
static void config_results_continue_after_an_empty_page(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    answer(&bench, NULL, 1, 200, RESULTS("", ",\"NextToken\":\"t\""));
    answer(&bench, "NextToken", 1, 200, RESULTS(RESULT("arn:a"), ",\"NextToken\":null"));
    assert_int_equal(list(&bench), STATUS_OK);
    assert_int_equal(bench.count, 1);
    fixture_end(&bench.aws);
}

static void config_results_times_are_read_or_zero(void **state) {
    (void)state;
    static const struct {
        const char *time;
        int64_t ms;
    } rows[] = {
        {"1795420800", INT64_C(1795420800000)},
        {"1.7954208E9", INT64_C(1795420800000)},
        {"\"2026-11-23T08:00:00Z\"", 0},
        {"null", 0},
        {"-1", 0},
        {"1e300", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bench bench;
        bench_begin(&bench);
        str body =
            str_format(&bench.aws.arena,
                       "{\"EvaluationResults\":[{\"EvaluationResultIdentifier\":{"
                       "\"EvaluationResultQualifier\":{\"ResourceType\":\"t\",\"ResourceId\":\"i\"}"
                       ",\"OrderingTimestamp\":%s}}]}",
                       rows[i].time);
        answer(&bench, NULL, 1, 200, body.ptr);
        assert_int_equal(list(&bench), STATUS_OK);
        if (bench.results[0].ordering_ms != rows[i].ms) {
            fail_msg("%s: %lld", rows[i].time, (long long)bench.results[0].ordering_ms);
        }
        fixture_end(&bench.aws);
    }
}

static void malformed_config_results_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"EvaluationResults\":{}}",
        "{\"EvaluationResults\":null}",
        "{\"EvaluationResults\":[",
        RESULTS("{}", ""),
        RESULTS("\"arn:a\"", ""),
        RESULTS(RESULT("arn:a") "," RESULT(""), ""),
        TROUBLE_HTML,
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct bench bench;
        bench_begin(&bench);
        answer(&bench, NULL, FAKE_FOREVER, 200, bodies[i]);
        enum status status = list(&bench);
        if (status != STATUS_INCOMPLETE || bench.count != 0) {
            fail_msg("%s: %s, %zu results", bodies[i], status_name(status), bench.count);
        }
        assert_true(
            str_contains(bench.aws.error.message, STR("config GetComplianceDetailsByConfigRule")));
        fixture_end(&bench.aws);
    }
}

static void config_results_that_do_not_end_are_incomplete(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *after_x;
        size_t calls;
    } rows[] = {
        {"a page leads to itself", RESULTS(RESULT("arn:b"), ",\"NextToken\":\"x\""), 2},
        {"two lead to each other", RESULTS(RESULT("arn:b"), ",\"NextToken\":\"y\""), 1000},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct bench bench;
        bench_begin(&bench);
        answer(&bench, "\"NextToken\":\"x\"", FAKE_FOREVER, 200, rows[row].after_x);
        answer(&bench, NULL, FAKE_FOREVER, 200, RESULTS("", ",\"NextToken\":\"x\""));
        assert_int_equal(list(&bench), STATUS_INCOMPLETE);
        assert_str(bench.aws.error.message,
                   "config GetComplianceDetailsByConfigRule: the listing does not end");
        assert_int_equal(bench.aws.fake.request_count, rows[row].calls);
        fixture_end(&bench.aws);
    }
}

static void config_results_of_no_rule_are_not_found(void **state) {
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    answer(&bench, NULL, 1, 400,
           "{\"__type\":\"NoSuchConfigRuleException\",\"message\":\"no rule\"}");
    assert_int_equal(list(&bench), STATUS_NOT_FOUND);
    assert_str(bench.aws.error.message,
               "config GetComplianceDetailsByConfigRule: NoSuchConfigRuleException (HTTP 400): no "
               "rule");
    fixture_end(&bench.aws);
}

/* A fault at each page: a permanent one is an error, a single one is retried, no result twice. */
static void config_results_survive_any_fault_at_any_page(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * 3 * TROUBLE_COUNT; i++) {
        const struct trouble *trouble = &TROUBLES[i / 6];
        size_t nth = i % 3 + 1;
        bool is_lasting = i / 3 % 2 == 0;
        struct bench bench;
        bench_begin(&bench);
        add_results(&bench, 9);
        bench.region->page_size = 3;
        bench.region->fault =
            (struct region_fault){.nth = nth, .is_lasting = is_lasting, .answer = trouble->answer};
        enum status expected = is_lasting || !trouble->is_repeated ? trouble->status : STATUS_OK;
        enum status status = list(&bench);
        if (status != expected || (status == STATUS_OK && bench.count != 9) ||
            holds_secret(bench.aws.error.message)) {
            fail_msg("%s at call %zu: %s", trouble->name, nth, status_name(status));
        }
        fixture_end(&bench.aws);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_results_request_is_exact),
        cmocka_unit_test(config_results_of_all_pages_are_listed),
        cmocka_unit_test(config_results_continue_after_an_empty_page),
        cmocka_unit_test(config_results_times_are_read_or_zero),
        cmocka_unit_test(malformed_config_results_are_unreadable),
        cmocka_unit_test(config_results_that_do_not_end_are_incomplete),
        cmocka_unit_test(config_results_of_no_rule_are_not_found),
        cmocka_unit_test(config_results_survive_any_fault_at_any_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
