/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include <ctype.h>

#include "call_fixture.h"

/* ---- what is sent ---- */

static void call_success_sends_one_signed_request(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, GOOD);
    struct parsed parsed = {.times = 0};
    const struct aws_request request = request_of(&parsed);
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    assert_int_equal(fixture.fake.request_count, 1);
    assert_int_equal(fixture.client.calls_sent, 1);
    assert_str(parsed.value, "42");
    const struct http_request *sent = &fixture.fake.requests[0].http;
    assert_str(sent->method, "POST");
    assert_str(sent->url, "https://elasticloadbalancing.eu-west-1.amazonaws.com/");
    assert_str(sent->body, "Action=DescribeTags");
    assert_int_equal(sent->timeout_ms, 5000);
    assert_int_equal(sent->connect_timeout_ms, 2000);
    assert_int_equal(sent->response_bytes_max, 8 * 1024 * 1024);
    assert_false(sent->uses_fresh_connection);
    assert_str(fake_request_header(&fixture.fake, 0, "Host"),
               "elasticloadbalancing.eu-west-1.amazonaws.com");
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Date"), "20261123T080000Z");
    assert_str(fake_request_header(&fixture.fake, 0, "amz-sdk-request"), "attempt=1; max=3");
    fixture_end(&fixture);
}

static void call_sdk_headers_are_not_signed(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    str authorization = fake_request_header(&fixture.fake, 0, "Authorization");
    assert_true(str_contains(
        authorization, STR("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,")));
    assert_true(
        str_contains(authorization, STR("/20261123/eu-west-1/elasticloadbalancing/aws4_request")));
    fixture_end(&fixture);
}

static void call_invocation_id_is_a_uuid4_and_stays_over_attempts(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 500, .times = 2});
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 200, .times = 2, .body = GOOD.body});
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    str id = fake_request_header(&fixture.fake, 0, "amz-sdk-invocation-id");
    assert_int_equal(id.len, 36);
    for (size_t i = 0; i < id.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        assert_true(is_dash ? id.ptr[i] == '-' : isxdigit((unsigned char)id.ptr[i]) != 0);
    }
    assert_int_equal(id.ptr[14], '4');
    assert_true(strchr("89ab", id.ptr[19]) != NULL);
    assert_true(str_eq(id, fake_request_header(&fixture.fake, 1, "amz-sdk-invocation-id")));
    assert_true(str_eq(id, fake_request_header(&fixture.fake, 2, "amz-sdk-invocation-id")));
    assert_false(str_eq(id, fake_request_header(&fixture.fake, 3, "amz-sdk-invocation-id")));
    assert_str(fake_request_header(&fixture.fake, 2, "amz-sdk-request"), "attempt=3; max=3");
    fixture_end(&fixture);
}

static void call_every_attempt_is_signed_anew(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.status = STATUS_CONNECTION, .took_ms = 3000});
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_str(fake_request_header(&fixture.fake, 1, "X-Amz-Date"), "20261123T080003Z");
    assert_false(str_eq(fake_request_header(&fixture.fake, 0, "Authorization"),
                        fake_request_header(&fixture.fake, 1, "Authorization")));
    fixture_end(&fixture);
}

static void call_url_joins_override_path_and_query(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.endpoints.override_all = STR("http://127.0.0.1:5000/base");
    fake_answer(&fixture.fake, GOOD);
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.path = STR("/a/b");
    request.query = STR("x=1&y=");
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url, "http://127.0.0.1:5000/base/a/b?x=1&y=");
    assert_str(fake_request_header(&fixture.fake, 0, "Host"), "127.0.0.1:5000");
    fixture_end(&fixture);
}

static void call_limits_of_the_request_are_kept(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, GOOD);
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.timeout_ms = 1500;
    request.response_bytes_max = 77;
    request.is_not_repeatable = true;
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    const struct http_request *sent = &fixture.fake.requests[0].http;
    assert_int_equal(sent->timeout_ms, 1500);
    assert_int_equal(sent->connect_timeout_ms, 1500);
    assert_int_equal(sent->response_bytes_max, 77);
    assert_true(sent->uses_fresh_connection);
    fixture_end(&fixture);
}

static void call_s3_signs_its_payload_header(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200});
    const struct aws_request request = {
        .service = AWS_S3, .operation = "PutObject", .method = STR("PUT"), .path = STR("/b/k")};
    assert_int_equal(aws_call(&fixture.client, &request, &fixture.arena, NULL), STATUS_OK);
    assert_int_equal(fake_request_header(&fixture.fake, 0, "x-amz-content-sha256").len, 64);
    fixture_end(&fixture);
}

static void call_bad_region_fails_before_sending(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.region = STR("evil.example.com/");
    assert_int_equal(call_once(&fixture), STATUS_INVALID);
    assert_int_equal(fixture.fake.request_count, 0);
    assert_true(str_starts_with(fixture.error.message, STR("elasticloadbalancing DescribeTags: ")));
    fixture_end(&fixture);
}

/* ---- troubles, the 1st, 2nd, 3rd... attempt long ---- */

static bool torture_one(const struct trouble *trouble, int failures) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 120000;
    if (failures > 0) {
        struct fake_answer answer = trouble->answer;
        answer.times = failures;
        fake_answer(&fixture.fake, answer);
    }
    fake_answer(&fixture.fake, GOOD);
    bool recovers = failures == 0 || (trouble->is_repeated && failures < 3);
    int attempts = failures == 0 ? 1 : !trouble->is_repeated ? 1 : failures < 3 ? failures + 1 : 3;
    enum status status = call_once(&fixture);
    bool is_good = status == (recovers ? STATUS_OK : trouble->status) &&
                   fixture.fake.request_count == (size_t)attempts &&
                   fixture.fake.sleep_count == (size_t)attempts - 1 &&
                   fixture.error.status == status && !holds_secret(fixture.error.message) &&
                   (recovers || str_starts_with(fixture.error.message,
                                                STR("elasticloadbalancing DescribeTags: ")));
    if (!is_good) {
        print_error("%s, %d times: %s after %zu attempts: %" STR_FMT "\n", trouble->name, failures,
                    status_name(status), fixture.fake.request_count,
                    STR_ARG(fixture.error.message));
    }
    fixture_end(&fixture);
    return is_good;
}

static void call_any_fault_of_any_length_ends_in_the_right_status(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int failures = 0; failures <= 4; failures++) {
            is_good &= torture_one(&TROUBLES[i], failures);
        }
    }
    assert_true(is_good);
}

/* Whatever happens and whenever the time ends: nothing is sent or waited for past the deadline. */
static bool torture_deadline(const struct trouble *trouble, int64_t time_ms) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + time_ms;
    fixture.client.attempts_max = 10;
    struct fake_answer answer = trouble->answer;
    answer.times = FAKE_FOREVER;
    answer.took_ms = 40;
    fake_answer(&fixture.fake, answer);
    enum status status = call_once(&fixture);
    bool is_good =
        fixture.fake.now_ms <= fixture.client.deadline_ms &&
        (status == STATUS_DEADLINE || status == trouble->status || status == STATUS_TIMEOUT);
    for (size_t i = 0; i < fixture.fake.request_count; i++) {
        const struct fake_request *sent = &fixture.fake.requests[i];
        is_good &= sent->at_ms + sent->http.timeout_ms <= fixture.client.deadline_ms;
    }
    if (!is_good) {
        print_error("%s within %d ms: %s, %d ms late\n", trouble->name, (int)time_ms,
                    status_name(status), (int)(fixture.fake.now_ms - fixture.client.deadline_ms));
    }
    fixture_end(&fixture);
    return is_good;
}

static void call_never_sends_or_sleeps_past_the_deadline(void **state) {
    (void)state;
    bool is_good = true;
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        for (int64_t time_ms = 1; time_ms < 30000; time_ms = time_ms * 3 / 2 + 7) {
            is_good &= torture_deadline(&TROUBLES[i], time_ms);
        }
    }
    assert_true(is_good);
}

static void call_without_time_left_sends_nothing(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS;
    assert_int_equal(call_once(&fixture), STATUS_DEADLINE);
    assert_int_equal(fixture.fake.request_count, 0);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: the invocation's time is used up");
    fixture_end(&fixture);
}

static void call_deadline_before_a_retry_keeps_the_last_failure(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 1000;
    struct fake_answer answer = refusal(&fixture, 400, "Throttling", "Rate exceeded");
    answer.took_ms = 995;
    answer.headers = "x-amz-retry-after: 1500";
    fake_answer(&fixture.fake, answer);
    assert_int_equal(call_once(&fixture), STATUS_DEADLINE);
    assert_int_equal(fixture.fake.sleep_count, 0);
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: the invocation's time is used up; last failure: "
               "Throttling (HTTP 400): Rate exceeded");
    assert_str(fixture.error.aws_code, "Throttling");
    assert_int_equal(fixture.error.http_status, 400);
    fixture_end(&fixture);
}

static void call_timeout_is_what_is_left_of_the_time(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.deadline_ms = FAKE_NOW_MS + 1234;
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_int_equal(fixture.fake.requests[0].http.timeout_ms, 1234);
    assert_int_equal(fixture.fake.requests[0].http.connect_timeout_ms, 1234);
    fixture_end(&fixture);
}

static void call_waits_as_long_as_the_server_asks(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct fake_answer answer = refusal(&fixture, 400, "Throttling", "Rate exceeded");
    answer.headers = "X-Amz-Retry-After: 1500";
    fake_answer(&fixture.fake, answer);
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_true(fixture.fake.slept_ms >= 1500);
    fixture_end(&fixture);
}

static void call_attempts_follow_the_setting_or_the_service(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int attempts_max;
        enum aws_service service;
        size_t expected;
    } rows[] = {
        {"default", 0, AWS_ELBV2, 3},
        {"default of DynamoDB", 0, AWS_DYNAMODB, 4},
        {"one", 1, AWS_ELBV2, 1},
        {"six", 6, AWS_DYNAMODB, 6},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.attempts_max = rows[i].attempts_max;
        fake_answer(&fixture.fake, (struct fake_answer){.http_status = 500, .times = FAKE_FOREVER});
        struct parsed parsed = {.times = 0};
        struct aws_request request = request_of(&parsed);
        request.service = rows[i].service;
        (void)!aws_call(&fixture.client, &request, &fixture.arena, NULL);
        if (fixture.fake.request_count != rows[i].expected) {
            fail_msg("%s: %zu attempts", rows[i].name, fixture.fake.request_count);
        }
        fixture_end(&fixture);
    }
}

/* Sends a call that waits out throttling, to an AWS that throttles the first `times` attempts. */
static enum status call_patiently(struct aws_fixture *fixture, int times, int64_t time_ms) {
    struct parsed parsed = {.times = 0};
    struct aws_request request = request_of(&parsed);
    request.waits_out_throttling = true;
    fixture->client.deadline_ms = time_ms == INT64_MAX ? INT64_MAX : FAKE_NOW_MS + time_ms;
    struct fake_answer answer = refusal(fixture, 400, "Throttling", "Rate exceeded");
    answer.times = times;
    fake_answer(&fixture->fake, answer);
    fake_answer(&fixture->fake, GOOD);
    return aws_call(&fixture->client, &request, &fixture->arena, &fixture->error);
}

static void f1_throttled_call_waits_towards_the_deadline(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    assert_int_equal(call_patiently(&fixture, 30, 900000), STATUS_OK);
    assert_int_equal(fixture.fake.request_count, 31);
    assert_str(fake_request_header(&fixture.fake, 30, "amz-sdk-request"), "attempt=31");
    fixture_end(&fixture);
}

static void f1_call_throttled_to_the_end_uses_its_time_and_says_why(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    assert_int_equal(call_patiently(&fixture, FAKE_FOREVER, 60000), STATUS_DEADLINE);
    assert_in_range(fixture.fake.now_ms - FAKE_NOW_MS, 58000, 60000);
    assert_in_range(fixture.fake.request_count, 6, 20); /* no busy loop at the end */
    assert_str(fixture.error.message,
               "elasticloadbalancing DescribeTags: the invocation's time is used up; last failure: "
               "Throttling (HTTP 400): Rate exceeded");
    fixture_end(&fixture);
}

static void f1_throttled_call_without_a_deadline_has_the_usual_attempts(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    assert_int_equal(call_patiently(&fixture, FAKE_FOREVER, INT64_MAX), STATUS_THROTTLED);
    assert_int_equal(fixture.fake.request_count, 3);
    fixture_end(&fixture);
}

static void f2_aws_max_attempts_caps_a_call_that_waits_out_throttling(void **state) {
    (void)state;
    for (int attempts = 1; attempts <= 10; attempts += 3) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.attempts_max = attempts;
        assert_int_equal(call_patiently(&fixture, FAKE_FOREVER, 900000), STATUS_THROTTLED);
        assert_int_equal(fixture.fake.request_count, attempts);
        fixture_end(&fixture);
    }
}

static void call_spent_retry_quota_stops_retries_and_says_so(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.quota.tokens = 3;
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 500});
    assert_int_equal(call_once(&fixture), STATUS_SERVER);
    assert_int_equal(fixture.fake.request_count, 1);
    assert_true(str_contains(fixture.error.message, STR("retry quota used up")));
    fixture_end(&fixture);
}

static void call_success_gives_quota_back(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 500});
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_int_equal(fixture.client.quota.tokens, RETRY_QUOTA_CAPACITY);
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_success_sends_one_signed_request),
        cmocka_unit_test(call_sdk_headers_are_not_signed),
        cmocka_unit_test(call_invocation_id_is_a_uuid4_and_stays_over_attempts),
        cmocka_unit_test(call_every_attempt_is_signed_anew),
        cmocka_unit_test(call_url_joins_override_path_and_query),
        cmocka_unit_test(call_limits_of_the_request_are_kept),
        cmocka_unit_test(call_s3_signs_its_payload_header),
        cmocka_unit_test(call_bad_region_fails_before_sending),
        cmocka_unit_test(call_any_fault_of_any_length_ends_in_the_right_status),
        cmocka_unit_test(call_never_sends_or_sleeps_past_the_deadline),
        cmocka_unit_test(call_without_time_left_sends_nothing),
        cmocka_unit_test(call_deadline_before_a_retry_keeps_the_last_failure),
        cmocka_unit_test(call_timeout_is_what_is_left_of_the_time),
        cmocka_unit_test(call_waits_as_long_as_the_server_asks),
        cmocka_unit_test(call_attempts_follow_the_setting_or_the_service),
        cmocka_unit_test(f1_throttled_call_waits_towards_the_deadline),
        cmocka_unit_test(f1_call_throttled_to_the_end_uses_its_time_and_says_why),
        cmocka_unit_test(f1_throttled_call_without_a_deadline_has_the_usual_attempts),
        cmocka_unit_test(f2_aws_max_attempts_caps_a_call_that_waits_out_throttling),
        cmocka_unit_test(call_spent_retry_quota_stops_retries_and_says_so),
        cmocka_unit_test(call_success_gives_quota_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
