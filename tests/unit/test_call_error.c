/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include "call_fixture.h"

/* ---- what answers mean ---- */

static void call_error_codes_have_their_status(void **state) {
    (void)state;
    static const struct {
        int http_status;
        const char *code;
        enum status status;
    } rows[] = {
        {403, "AccessDenied", STATUS_DENIED},
        {400, "AccessDeniedException", STATUS_DENIED},
        {403, "UnauthorizedOperation", STATUS_DENIED},
        {403, "AuthorizationError", STATUS_DENIED},
        {403, "OptInRequired", STATUS_DENIED},
        {403, "ExpiredToken", STATUS_DENIED},
        {400, "ExpiredTokenException", STATUS_DENIED},
        {403, "InvalidClientTokenId", STATUS_DENIED},
        {400, "UnrecognizedClientException", STATUS_DENIED},
        {403, "SignatureDoesNotMatch", STATUS_DENIED},
        {403, "RequestTimeTooSkewed", STATUS_DENIED},
        {400, "LoadBalancerNotFound", STATUS_NOT_FOUND},
        {400, "ResourceNotFoundException", STATUS_NOT_FOUND},
        {404, "NoSuchKey", STATUS_NOT_FOUND},
        {400, "NoSuchConfigRuleException", STATUS_NOT_FOUND},
        {400, "ResourceNotDiscoveredException", STATUS_NOT_FOUND},
        {400, "ConditionalCheckFailedException", STATUS_CONFLICT},
        {412, "PreconditionFailed", STATUS_CONFLICT},
        {409, "ConditionalRequestConflict", STATUS_CONFLICT},
        {400, "ValidationError", STATUS_REFUSED},
        {400, "InvalidConfigurationRequest", STATUS_REFUSED},
        {301, "PermanentRedirect", STATUS_REFUSED},
        {501, "NotImplemented", STATUS_SERVER},
        {401, "", STATUS_DENIED},
        {403, "", STATUS_DENIED},
        {404, "", STATUS_REFUSED},
        {412, "", STATUS_CONFLICT},
        {400, "", STATUS_REFUSED},
        {302, "", STATUS_REFUSED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, refusal(&fixture, rows[i].http_status, rows[i].code, "words"));
        enum status status = call_once(&fixture);
        if (status != rows[i].status || fixture.fake.request_count != 1) {
            fail_msg("%d %s: %s", rows[i].http_status, rows[i].code, status_name(status));
        }
        assert_int_equal(fixture.error.http_status, rows[i].http_status);
        assert_str(fixture.error.aws_code, rows[i].code);
        fixture_end(&fixture);
    }
}

static void call_throttling_codes_are_throttled_after_all_attempts(void **state) {
    (void)state;
    static const char *const codes[] = {"Throttling",
                                        "ThrottlingException",
                                        "TooManyRequestsException",
                                        "SlowDown",
                                        "RequestLimitExceeded",
                                        "ProvisionedThroughputExceededException",
                                        "PriorRequestNotComplete"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct fake_answer answer = refusal(&fixture, 503, codes[i], "words");
        answer.times = FAKE_FOREVER;
        fake_answer(&fixture.fake, answer);
        enum status status = call_once(&fixture);
        if (status != STATUS_THROTTLED || fixture.fake.request_count != 3) {
            fail_msg("%s: %s", codes[i], status_name(status));
        }
        fixture_end(&fixture);
    }
}

static void call_bare_404_is_not_found_for_s3_only(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 404, .times = 2});
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_REFUSED);
    request.service = AWS_S3;
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_NOT_FOUND);
    fixture_end(&fixture);
}

static enum status parse_never(void *context, struct arena *arena,
                               const struct http_response *response, struct error *error) {
    (void)response;
    return error_set(error, arena, *(enum status *)context, "because");
}

static void call_parser_decides_whether_an_answer_is_repeated(void **state) {
    (void)state;
    static const struct {
        enum status given;
        enum status expected;
        size_t attempts;
    } rows[] = {
        {STATUS_INCOMPLETE, STATUS_INCOMPLETE, 3}, {STATUS_INVALID, STATUS_INCOMPLETE, 3},
        {STATUS_SERVER, STATUS_SERVER, 3},         {STATUS_THROTTLED, STATUS_THROTTLED, 3},
        {STATUS_TOO_LARGE, STATUS_TOO_LARGE, 1},   {STATUS_UNSUPPORTED, STATUS_UNSUPPORTED, 1},
        {STATUS_NOT_FOUND, STATUS_NOT_FOUND, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .times = FAKE_FOREVER});
        enum status given = rows[i].given;
        struct aws_request request = request_of(NULL);
        request.parse = parse_never;
        request.context = &given;
        enum status status = aws_call(&fixture.client, &request, &fixture.arena, &fixture.error);
        if (status != rows[i].expected || fixture.fake.request_count != rows[i].attempts) {
            fail_msg("%s: %s, %zu", status_name(given), status_name(status),
                     fixture.fake.request_count);
        }
        assert_true(
            str_contains(fixture.error.message, STR("unreadable answer (HTTP 200): because")));
        fixture_end(&fixture);
    }
}

static void call_parser_is_called_again_for_a_new_attempt(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .times = 2});
    fake_answer(&fixture.fake, GOOD);
    struct parsed parsed = {.times = 0};
    const struct aws_request request = request_of(&parsed);
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    assert_int_equal(parsed.times, 3);
    fixture_end(&fixture);
}

/* ---- messages ---- */

static void call_message_names_operation_code_and_words(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                refusal(&fixture, 403, "AccessDenied", "User: u is not\n\t authorized"));
    assert_int_equal(call_once(&fixture), STATUS_DENIED);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: AccessDenied (HTTP 403): User: u is not "
               "authorized");
    fixture_end(&fixture);
}

static void call_message_after_retries_counts_them(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 500, .times = 3, .body = BODY(TROUBLE_HTML)});
    assert_int_equal(call_once(&fixture), STATUS_SERVER);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: HTTP 500 without an AWS error code (after 3 "
               "attempts)");
    fixture_end(&fixture);
}

static void call_message_of_expired_credentials_is_clear(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, refusal(&fixture, 403, "ExpiredToken", "The security token"));
    assert_int_equal(call_once(&fixture), STATUS_DENIED);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: ExpiredToken (HTTP 403): the function's "
               "temporary credentials have expired: The security token");
    fixture_end(&fixture);
}

/* ---- clock skew ---- */

static struct fake_answer skewed(struct aws_fixture *fixture, const char *code, const char *date) {
    struct fake_answer answer = refusal(fixture, 403, code, "Signature expired");
    answer.headers = date;
    return answer;
}

static void call_skewed_clock_is_corrected_by_one_more_try(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                skewed(&fixture, "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT"));
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 200, .times = 2, .body = GOOD.body});
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_int_equal(fixture.client.skew_ms, 600000);
    str date = fake_request_header(&fixture.fake, 1, "X-Amz-Date");
    assert_true(str_starts_with(date, STR("20261123T0810")));
    assert_int_equal(call_once(&fixture), STATUS_OK);
    date = fake_request_header(&fixture.fake, 2, "X-Amz-Date");
    assert_true(str_starts_with(date, STR("20261123T0810")));
    fixture_end(&fixture);
}

/* Refused for its time, it was not looked at: what the caller has just read is as good as before.
 */
static void call_sent_once_is_sent_again_with_the_right_time(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.is_sent_once = true;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                skewed(&fixture, "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT"));
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 503});
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200});
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, &fixture.error),
                     STATUS_SERVER);
    assert_int_equal(fixture.client.calls_sent, 2);
    fixture_end(&fixture);
}

static void call_skew_that_explains_nothing_is_tried_once_only(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *code;
        const char *date;
        size_t attempts;
    } rows[] = {
        {"always refused", "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT", 2},
        {"denied with a far clock", "AccessDeniedException", "Date: Mon, 23 Nov 2026 07:50:00 GMT",
         2},
        {"clock is right", "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:00:00 GMT", 1},
        {"no date", "SignatureDoesNotMatch", "Server: x", 1},
        {"from a cache", "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT\nAge: 600",
         1},
        {"another code", "ExpiredToken", "Date: Mon, 23 Nov 2026 08:10:00 GMT", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct fake_answer answer = skewed(&fixture, rows[i].code, rows[i].date);
        answer.times = FAKE_FOREVER;
        fake_answer(&fixture.fake, answer);
        assert_int_equal(call_once(&fixture), STATUS_DENIED);
        if (fixture.fake.request_count != rows[i].attempts) {
            fail_msg("%s: %zu attempts", rows[i].name, fixture.fake.request_count);
        }
        fixture_end(&fixture);
    }
}

static void call_known_skew_is_not_corrected_again(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.skew_ms = 600000;
    fake_answer(&fixture.fake,
                skewed(&fixture, "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT"));
    assert_int_equal(call_once(&fixture), STATUS_DENIED);
    assert_int_equal(fixture.fake.request_count, 1);
    fixture_end(&fixture);
}

static void call_skew_try_counts_as_an_attempt(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.attempts_max = 1;
    fake_answer(&fixture.fake,
                skewed(&fixture, "SignatureDoesNotMatch", "Date: Mon, 23 Nov 2026 08:10:00 GMT"));
    assert_int_equal(call_once(&fixture), STATUS_DENIED);
    assert_int_equal(fixture.fake.request_count, 1);
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_error_codes_have_their_status),
        cmocka_unit_test(call_throttling_codes_are_throttled_after_all_attempts),
        cmocka_unit_test(call_bare_404_is_not_found_for_s3_only),
        cmocka_unit_test(call_parser_decides_whether_an_answer_is_repeated),
        cmocka_unit_test(call_parser_is_called_again_for_a_new_attempt),
        cmocka_unit_test(call_message_names_operation_code_and_words),
        cmocka_unit_test(call_message_after_retries_counts_them),
        cmocka_unit_test(call_message_of_expired_credentials_is_clear),
        cmocka_unit_test(call_skewed_clock_is_corrected_by_one_more_try),
        cmocka_unit_test(call_sent_once_is_sent_again_with_the_right_time),
        cmocka_unit_test(call_skew_that_explains_nothing_is_tried_once_only),
        cmocka_unit_test(call_known_skew_is_not_corrected_again),
        cmocka_unit_test(call_skew_try_counts_as_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
