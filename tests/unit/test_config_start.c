/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/config.h"
#include "torture.h"

static enum status start(struct aws_fixture *fixture) {
    return config_start_evaluation(&fixture->client, STR("desync \"rule\""), &fixture->arena,
                                   &fixture->error);
}

static void start_request_is_exact(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .body = STR("{}")});
    assert_int_equal(start(&fixture), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url, "https://config.eu-west-1.amazonaws.com/");
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"),
               "StarlingDoveService.StartConfigRulesEvaluation");
    assert_str(fake_request_header(&fixture.fake, 0, "Content-Type"), "application/x-amz-json-1.1");
    assert_str(fake_request_body(&fixture.fake, 0),
               "{\"ConfigRuleNames\":[\"desync \\\"rule\\\"\"]}");
    fixture_end(&fixture);
}

static void start_accepts_an_empty_answer_with_content_length_zero(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 200, .headers = "Content-Length: 0"});
    assert_int_equal(start(&fixture), STATUS_OK);
    fixture_end(&fixture);
}

static void start_errors_have_their_status_and_are_final(void **state) {
    (void)state;
    static const struct {
        const char *code;
        enum status status;
        const char *says;
    } rows[] = {
        {"LimitExceededException", STATUS_CONFLICT, "less than a minute ago: words"},
        {"ResourceInUseException", STATUS_CONFLICT, "being changed"},
        {"NoSuchConfigRuleException", STATUS_NOT_FOUND, "no such rule"},
        {"InvalidParameterValueException", STATUS_REFUSED, "words"},
        {"AccessDeniedException", STATUS_DENIED, "words"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        str body =
            str_format(&fixture.arena, "{\"__type\":\"%s\",\"message\":\"words\"}", rows[i].code);
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 400, .body = body, .times = FAKE_FOREVER});
        enum status status = start(&fixture);
        if (status != rows[i].status || fixture.fake.request_count != 1 ||
            !str_contains(fixture.error.message, str_from_cstr(rows[i].says)) ||
            fixture.error.is_outcome_unknown ||
            !str_eq(fixture.error.aws_code, str_from_cstr(rows[i].code))) {
            fail_msg("%s: %s: %s", rows[i].code, status_name(status), fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

static void start_of_an_invalid_rule_name_sends_no_request(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    char long_name[129];
    memset(long_name, 'r', sizeof long_name);
    const str names[] = {STR_EMPTY, {long_name, sizeof long_name}, STR("\xff")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(
            config_start_evaluation(&fixture.client, names[i], &fixture.arena, &fixture.error),
            STATUS_INVALID);
    }
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

static void start_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {start, STR("{}"),
                                    "config StartConfigRulesEvaluation: ", RETRY_ATTEMPTS_DEFAULT};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_request_is_exact),
        cmocka_unit_test(start_accepts_an_empty_answer_with_content_length_zero),
        cmocka_unit_test(start_errors_have_their_status_and_are_final),
        cmocka_unit_test(start_of_an_invalid_rule_name_sends_no_request),
        cmocka_unit_test(start_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
