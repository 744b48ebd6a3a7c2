/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/config.h"

#include "aws_fixture.h"
#include "base/buf.h"
#include "base/json.h"

#define TYPE   "AWS::ElasticLoadBalancingV2::LoadBalancer"
#define TOKEN  "token-of-one-event"
#define ALL_OK "{\"FailedEvaluations\":[]}"
#define MANY   250

static const struct config_evaluation ONE = {
    .resource_type = {TYPE, sizeof(TYPE) - 1},
    .resource_id = {"arn:one", 7},
    .compliance_type = {"NON_COMPLIANT", 13},
    .annotation = {"monitor, required defensive", 27},
    .ordering_ms = INT64_C(1795406400999),
};

static void answer(struct aws_fixture *fixture, int times, const char *match, const char *body) {
    fake_answer(&fixture->fake, (struct fake_answer){.http_status = 200,
                                                     .times = times,
                                                     .match = match,
                                                     .body = str_from_cstr(body)});
}

static void refuse_call(struct aws_fixture *fixture, const char *match, const char *code) {
    str body = str_format(&fixture->arena,
                          "{\"__type\":\"%s\",\"message\":\"The words on " TOKEN "\"}", code);
    fake_answer(&fixture->fake,
                (struct fake_answer){.http_status = 400, .match = match, .body = body});
}

static enum status put(struct aws_fixture *fixture, const struct config_evaluation *evaluations,
                       size_t count, struct config_report *report) {
    return config_put_evaluations(&fixture->client, STR(TOKEN), evaluations, count, &fixture->arena,
                                  report, &fixture->error);
}

/* "arn:0", "arn:1", ... */
static struct config_evaluation *many_evaluations(struct aws_fixture *fixture, size_t count) {
    struct config_evaluation *evaluations =
        ARENA_ARRAY(&fixture->arena, struct config_evaluation, count);
    for (size_t i = 0; i < count; i++) {
        evaluations[i] = ONE;
        evaluations[i].resource_id = str_format(&fixture->arena, "arn:%zu", i);
    }
    return evaluations;
}

static const struct json *sent_body(struct aws_fixture *fixture, size_t n) {
    const struct json *root = NULL;
    str body = fake_request_body(&fixture->fake, n);
    assert_int_equal(json_parse(&fixture->arena, body, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    return root;
}

static size_t sent_count(struct aws_fixture *fixture, size_t n) {
    return json_count(json_get(sent_body(fixture, n), "Evaluations"));
}

static void config_put_request_is_exact(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, 1, NULL, ALL_OK);
    struct config_report report;
    assert_int_equal(put(&fixture, &ONE, 1, &report), STATUS_OK);
    assert_int_equal(report.reported, 1);
    assert_int_equal(report.failed, 0);
    assert_str(report.failed_ids, "");
    assert_str(fixture.fake.requests[0].http.url, "https://config.eu-west-1.amazonaws.com/");
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"),
               "StarlingDoveService.PutEvaluations");
    assert_str(fake_request_header(&fixture.fake, 0, "Content-Type"), "application/x-amz-json-1.1");
    assert_str(fake_request_body(&fixture.fake, 0),
               "{\"Evaluations\":[{\"ComplianceResourceType\":\"" TYPE "\","
               "\"ComplianceResourceId\":\"arn:one\",\"ComplianceType\":\"NON_COMPLIANT\","
               "\"Annotation\":\"monitor, required defensive\",\"OrderingTimestamp\":1795406400}],"
               "\"ResultToken\":\"" TOKEN "\"}");
    fixture_end(&fixture);
}

static void config_put_test_token_sets_test_mode(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, 1, NULL, ALL_OK);
    struct config_report report;
    assert_int_equal(config_put_evaluations(&fixture.client, STR("TESTMODE"), &ONE, 1,
                                            &fixture.arena, &report, NULL),
                     STATUS_OK);
    const struct json *body = sent_body(&fixture, 0);
    assert_true(json_bool(json_get(body, "TestMode"), false));
    assert_str(json_get_string(body, "ResultToken"), "TESTMODE");
    fixture_end(&fixture);
}

static void config_put_escapes_what_it_is_given(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, 1, NULL, ALL_OK);
    struct config_evaluation evaluation = ONE;
    evaluation.annotation = STR("say \"no\"\n\xc3\xa9");
    struct config_report report;
    assert_int_equal(put(&fixture, &evaluation, 1, &report), STATUS_OK);
    const struct json *first = json_first(json_get(sent_body(&fixture, 0), "Evaluations"));
    assert_str(json_get_string(first, "Annotation"), "say \"no\"\n\xc3\xa9");
    fixture_end(&fixture);
}

static void config_put_of_zero_evaluations_sends_no_request(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct config_report report;
    assert_int_equal(put(&fixture, NULL, 0, &report), STATUS_OK);
    assert_int_equal(fixture.fake.request_count, 0);
    assert_int_equal(report.reported + report.failed, 0);
    fixture_end(&fixture);
}

static void config_put_sends_batches_of_a_hundred(void **state) {
    (void)state;
    static const struct {
        size_t count;
        size_t calls;
        size_t last;
    } rows[] = {{99, 1, 99}, {100, 1, 100}, {101, 2, 1}, {MANY, 3, 50}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer(&fixture, FAKE_FOREVER, NULL, ALL_OK);
        struct config_report report;
        const struct config_evaluation *evaluations = many_evaluations(&fixture, rows[i].count);
        assert_int_equal(put(&fixture, evaluations, rows[i].count, &report), STATUS_OK);
        assert_int_equal(report.reported, rows[i].count);
        assert_int_equal(fixture.fake.request_count, rows[i].calls);
        assert_int_equal(sent_count(&fixture, rows[i].calls - 1), rows[i].last);
        for (size_t call = 0; call + 1 < rows[i].calls; call++) {
            assert_int_equal(sent_count(&fixture, call), 100);
        }
        fixture_end(&fixture);
    }
}

/* ---- guards ---- */

static str repeated(struct arena *arena, const char *unit, size_t count) {
    struct buf text;
    buf_init(&text, arena, 8192);
    for (size_t i = 0; i < count; i++) {
        buf_append(&text, str_from_cstr(unit));
    }
    return buf_str(&text);
}

struct guard {
    const char *name;
    const char *unit; /* repeated `count` times into the field */
    size_t count;
    enum { FIELD_TYPE, FIELD_ID, FIELD_COMPLIANCE, FIELD_ANNOTATION } field;
    bool is_good;
};

static const struct guard GUARDS[] = {
    {"annotation empty", "", 0, FIELD_ANNOTATION, false},
    {"annotation 1", "x", 1, FIELD_ANNOTATION, true},
    {"annotation 256", "x", 256, FIELD_ANNOTATION, true},
    {"annotation 257", "x", 257, FIELD_ANNOTATION, false},
    {"annotation 256 wide characters", "\xf0\x9f\x98\x80", 256, FIELD_ANNOTATION, true},
    {"annotation 257 wide characters", "\xc3\xa9", 257, FIELD_ANNOTATION, false},
    {"annotation no UTF-8", "\xff", 1, FIELD_ANNOTATION, false},
    {"annotation cut UTF-8", "a\xc3", 1, FIELD_ANNOTATION, false},
    {"compliant", "COMPLIANT", 1, FIELD_COMPLIANCE, true},
    {"not applicable", "NOT_APPLICABLE", 1, FIELD_COMPLIANCE, true},
    {"insufficient data", "INSUFFICIENT_DATA", 1, FIELD_COMPLIANCE, false},
    {"unknown", "UNKNOWN", 1, FIELD_COMPLIANCE, false},
    {"lower case", "compliant", 1, FIELD_COMPLIANCE, false},
    {"no compliance", "", 0, FIELD_COMPLIANCE, false},
    {"id empty", "", 0, FIELD_ID, false},
    {"id 768", "i", 768, FIELD_ID, true},
    {"id 769", "i", 769, FIELD_ID, false},
    {"id no UTF-8", "arn\xff", 1, FIELD_ID, false},
    {"type empty", "", 0, FIELD_TYPE, false},
    {"type 256", "t", 256, FIELD_TYPE, true},
    {"type 257", "t", 257, FIELD_TYPE, false},
};

static void set_field(struct config_evaluation *evaluation, const struct guard *guard, str value) {
    str *const fields[] = {&evaluation->resource_type, &evaluation->resource_id,
                           &evaluation->compliance_type, &evaluation->annotation};
    *fields[guard->field] = value;
}

static void config_put_refuses_invalid_evaluations_before_any_call(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(GUARDS) / sizeof(GUARDS[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer(&fixture, FAKE_FOREVER, NULL, ALL_OK);
        struct config_evaluation pair[] = {ONE, ONE};
        set_field(&pair[1], &GUARDS[i], repeated(&fixture.arena, GUARDS[i].unit, GUARDS[i].count));
        struct config_report report;
        enum status status = put(&fixture, pair, 2, &report);
        size_t calls = GUARDS[i].is_good ? 1 : 0;
        if (status != (GUARDS[i].is_good ? STATUS_OK : STATUS_INVALID) ||
            fixture.fake.request_count != calls) {
            fail_msg("%s: %s", GUARDS[i].name, status_name(status));
        }
        bool names_item = str_contains(fixture.error.message, STR("evaluation 2 (\""));
        assert_int_equal(names_item, !GUARDS[i].is_good);
        assert_int_equal(str_utf8_valid_prefix(fixture.error.message), fixture.error.message.len);
        fixture_end(&fixture);
    }
}

static void config_put_needs_a_token_and_a_time(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct config_report report;
    struct config_evaluation evaluation = ONE;
    evaluation.ordering_ms = 0;
    assert_int_equal(put(&fixture, &evaluation, 1, &report), STATUS_INVALID);
    assert_true(str_contains(fixture.error.message, STR("arn:one")));
    assert_int_equal(
        config_put_evaluations(&fixture.client, STR(""), &ONE, 1, &fixture.arena, &report, NULL),
        STATUS_INVALID);
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

/* ---- FailedEvaluations ---- */

#define FAILED(id)                                                                                 \
    "{\"ComplianceResourceType\":\"" TYPE "\",\"ComplianceResourceId\":\"" id                      \
    "\",\"ComplianceType\":\"COMPLIANT\",\"OrderingTimestamp\":1795406400}"

static void config_put_resends_only_failed_evaluations(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, 1, NULL, "{\"FailedEvaluations\":[" FAILED("arn:1") "," FAILED("arn:3") "]}");
    answer(&fixture, 1, NULL, "{\"FailedEvaluations\":[" FAILED("arn:3") "]}");
    answer(&fixture, 1, NULL, ALL_OK);
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, 5), 5, &report), STATUS_OK);
    assert_int_equal(report.reported, 5);
    assert_int_equal(report.failed, 0);
    assert_int_equal(sent_count(&fixture, 1), 2);
    assert_int_equal(sent_count(&fixture, 2), 1);
    assert_int_equal(fixture.fake.sleep_count, 2);
    assert_true(fixture.fake.slept_ms >= 600 && fixture.fake.slept_ms <= 1200);
    fixture_end(&fixture);
}

static void config_put_never_accepted_is_partial_after_three_rounds(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, FAKE_FOREVER, NULL, "{\"FailedEvaluations\":[" FAILED("arn:1") "]}");
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, 3), 3, &report), STATUS_PARTIAL);
    assert_int_equal(fixture.fake.request_count, 4);
    assert_int_equal(report.reported, 2);
    assert_int_equal(report.failed, 1);
    assert_str(report.failed_ids, "arn:1");
    assert_str(fixture.error.message,
               "config PutEvaluations: 1 of 3 evaluations were not accepted: arn:1");
    fixture_end(&fixture);
}

static void config_put_collects_failed_evaluations_of_all_batches(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, 1, "\"arn:7\"", "{\"FailedEvaluations\":[" FAILED("arn:7") "]}");
    answer(&fixture, 1, "\"arn:207\"", "{\"FailedEvaluations\":[" FAILED("arn:207") "]}");
    answer(&fixture, FAKE_FOREVER, NULL, ALL_OK);
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, MANY), MANY, &report), STATUS_OK);
    assert_int_equal(fixture.fake.request_count, 4);
    assert_int_equal(sent_count(&fixture, 3), 2);
    assert_int_equal(report.reported, MANY);
    fixture_end(&fixture);
}

static void config_put_error_names_at_most_five_failed_ids(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    for (int i = 0; i < 10; i++) {
        refuse_call(&fixture, NULL, "ValidationException");
    }
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, 8), 8, &report), STATUS_REFUSED);
    assert_int_equal(report.failed, 8);
    assert_str(report.failed_ids, "arn:0, arn:1, arn:2, arn:3, arn:4");
    fixture_end(&fixture);
}

static void config_put_does_not_wait_past_the_deadline(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 900;
    answer(&fixture, FAKE_FOREVER, NULL, "{\"FailedEvaluations\":[" FAILED("arn:one") "]}");
    struct config_report report;
    assert_int_equal(put(&fixture, &ONE, 1, &report), STATUS_PARTIAL);
    assert_true(fixture.fake.now_ms < fixture.client.deadline_ms);
    assert_in_range(fixture.fake.request_count, 2, 3);
    assert_int_equal(report.failed, 1);
    fixture_end(&fixture);
}

static void config_put_answers_that_count_or_do_not(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *body;
        enum status status;
    } rows[] = {
        {"empty list", ALL_OK, STATUS_OK},
        {"list left out", "{}", STATUS_OK},
        {"list null", "{\"FailedEvaluations\":null}", STATUS_OK},
        {"new member", "{\"New\":1,\"FailedEvaluations\":[]}", STATUS_OK},
        {"nothing", "", STATUS_INCOMPLETE},
        {"cut", "{\"FailedEvaluations\":[", STATUS_INCOMPLETE},
        {"HTML", TROUBLE_HTML, STATUS_INCOMPLETE},
        {"array", "[]", STATUS_INCOMPLETE},
        {"null", "null", STATUS_INCOMPLETE},
        {"list is an object", "{\"FailedEvaluations\":{}}", STATUS_INCOMPLETE},
        {"entry is null", "{\"FailedEvaluations\":[null]}", STATUS_INCOMPLETE},
        {"entry without an id", "{\"FailedEvaluations\":[{}]}", STATUS_INCOMPLETE},
        {"entry of another", "{\"FailedEvaluations\":[" FAILED("arn:x") "]}", STATUS_INCOMPLETE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer(&fixture, FAKE_FOREVER, NULL, rows[i].body);
        struct config_report report;
        enum status status = put(&fixture, &ONE, 1, &report);
        bool is_ok = rows[i].status == STATUS_OK;
        if (status != rows[i].status || fixture.fake.request_count != (is_ok ? 1u : 3u) ||
            report.reported != (is_ok ? 1u : 0u) || report.failed != (is_ok ? 0u : 1u)) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        fixture_end(&fixture);
    }
}

static void config_put_one_failing_batch_does_not_lose_the_others(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    refuse_call(&fixture, "\"arn:150\"", "ValidationException");
    answer(&fixture, FAKE_FOREVER, NULL, ALL_OK);
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, MANY), MANY, &report),
                     STATUS_REFUSED);
    assert_int_equal(fixture.fake.request_count, 3);
    assert_int_equal(report.reported, 150);
    assert_int_equal(report.failed, 100);
    assert_str(report.failed_ids, "arn:100, arn:101, arn:102, arn:103, arn:104");
    assert_str(fixture.error.message,
               "config PutEvaluations: ValidationException (HTTP 400): The words on [hidden]");
    fixture_end(&fixture);
}

static void config_put_returns_the_first_of_two_errors(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    refuse_call(&fixture, "\"arn:0\"", "AccessDeniedException");
    refuse_call(&fixture, "\"arn:100\"", "ValidationException");
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, 101), 101, &report), STATUS_DENIED);
    assert_int_equal(fixture.error.status, STATUS_DENIED);
    assert_int_equal(report.failed, 101);
    fixture_end(&fixture);
}

static void config_put_bad_token_or_lost_rule_ends_it_with_a_hint(void **state) {
    (void)state;
    static const struct {
        const char *code;
        enum status status;
        const char *hint;
    } rows[] = {
        {"InvalidResultTokenException", STATUS_REFUSED, "account and region of its rule"},
        {"NoSuchConfigRuleException", STATUS_NOT_FOUND, "the rule was deleted"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        for (int batch = 0; batch < 4; batch++) {
            refuse_call(&fixture, NULL, rows[i].code);
        }
        struct config_report report;
        enum status status = put(&fixture, many_evaluations(&fixture, 500), 500, &report);
        assert_int_equal(status, rows[i].status);
        assert_int_equal(fixture.fake.request_count, 4); /* those sent at once, no more */
        assert_int_equal(fixture.fake.sleep_count, 0);
        assert_int_equal(report.failed, 500);
        assert_true(str_contains(fixture.error.message, str_from_cstr(rows[i].code)));
        assert_true(str_contains(fixture.error.message, str_from_cstr(rows[i].hint)));
        assert_true(str_contains(fixture.error.message, STR("The words on [hidden]")));
        fixture_end(&fixture);
    }
}

static bool torture_one(const struct trouble *trouble, int failures) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 60000;
    struct fake_answer bad = trouble->answer;
    bad.match = "\"arn:100\"";
    bad.times = failures;
    fake_answer(&fixture.fake, bad);
    answer(&fixture, FAKE_FOREVER, NULL, ALL_OK);
    struct config_report report;
    bool is_throttled = trouble->status == STATUS_THROTTLED;
    bool recovers = trouble->is_repeated && (failures < 3 || is_throttled);
    enum status status = put(&fixture, many_evaluations(&fixture, MANY), MANY, &report);
    bool is_good =
        status == (recovers ? STATUS_OK : trouble->status) &&
        report.reported == (recovers ? 250u : 150u) && report.reported + report.failed == MANY &&
        fixture.fake.now_ms <= fixture.client.deadline_ms && !holds_secret(fixture.error.message);
    if (!is_good) {
        print_error("%s, %d times: %s, %zu reported\n", trouble->name, failures,
                    status_name(status), report.reported);
    }
    fixture_end(&fixture);
    return is_good;
}

static void config_put_any_fault_of_one_batch_ends_in_the_right_status(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int failures = 1; failures <= 3; failures++) {
            is_good &= torture_one(&TROUBLES[i], failures);
        }
    }
    assert_true(is_good);
}

static void config_put_out_of_time_reports_its_progress(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 150;
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200,
                                                    .times = FAKE_FOREVER,
                                                    .body = BODY(ALL_OK),
                                                    .took_ms = 100});
    struct config_report report;
    assert_int_equal(put(&fixture, many_evaluations(&fixture, 500), 500, &report), STATUS_DEADLINE);
    assert_int_equal(report.reported, 400);
    assert_int_equal(report.failed, 100);
    assert_int_equal(fixture.fake.request_count, 5);
    assert_true(fixture.fake.now_ms <= fixture.client.deadline_ms);
    assert_true(str_contains(fixture.error.message, STR("PutEvaluations")));
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_put_request_is_exact),
        cmocka_unit_test(config_put_test_token_sets_test_mode),
        cmocka_unit_test(config_put_escapes_what_it_is_given),
        cmocka_unit_test(config_put_of_zero_evaluations_sends_no_request),
        cmocka_unit_test(config_put_sends_batches_of_a_hundred),
        cmocka_unit_test(config_put_refuses_invalid_evaluations_before_any_call),
        cmocka_unit_test(config_put_needs_a_token_and_a_time),
        cmocka_unit_test(config_put_resends_only_failed_evaluations),
        cmocka_unit_test(config_put_never_accepted_is_partial_after_three_rounds),
        cmocka_unit_test(config_put_collects_failed_evaluations_of_all_batches),
        cmocka_unit_test(config_put_error_names_at_most_five_failed_ids),
        cmocka_unit_test(config_put_does_not_wait_past_the_deadline),
        cmocka_unit_test(config_put_answers_that_count_or_do_not),
        cmocka_unit_test(config_put_one_failing_batch_does_not_lose_the_others),
        cmocka_unit_test(config_put_returns_the_first_of_two_errors),
        cmocka_unit_test(config_put_bad_token_or_lost_rule_ends_it_with_a_hint),
        cmocka_unit_test(config_put_any_fault_of_one_batch_ends_in_the_right_status),
        cmocka_unit_test(config_put_out_of_time_reports_its_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
