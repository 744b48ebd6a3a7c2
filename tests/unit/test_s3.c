/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/s3.h"
#include "torture.h"

#define HELLO_SHA256 "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" /* base64, of "hello" */

static const struct s3_object OBJECT = {.bucket = {"reports", 7}, .key = {"a.html", 6}};

static enum status put(struct aws_fixture *fixture, const struct s3_object *object) {
    return s3_put_object(&fixture->client, object, "text/html; charset=utf-8", STR("hello"),
                         &fixture->arena, &fixture->error);
}

static void answer_kept(struct aws_fixture *fixture, int times) {
    fake_answer(&fixture->fake, (struct fake_answer){
                                    .http_status = 200, .headers = "ETag: \"e1\"", .times = times});
}

static void put_sends_type_checksum_and_hash(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer_kept(&fixture, 0);
    assert_int_equal(put(&fixture, &OBJECT), STATUS_OK);
    const struct http_request *sent = &fixture.fake.requests[0].http;
    assert_str(sent->method, "PUT");
    assert_str(sent->body, "hello");
    assert_str(fake_request_header(&fixture.fake, 0, "Content-Type"), "text/html; charset=utf-8");
    assert_str(fake_request_header(&fixture.fake, 0, "x-amz-checksum-sha256"), HELLO_SHA256);
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Content-SHA256"),
               "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    str authorization = fake_request_header(&fixture.fake, 0, "Authorization");
    assert_true(str_contains(authorization, STR("/eu-west-1/s3/aws4_request")));
    assert_true(str_contains(authorization,
                             STR("SignedHeaders=content-type;host;x-amz-checksum-sha256;"
                                 "x-amz-content-sha256;x-amz-date;x-amz-sdk-checksum-algorithm;"
                                 "x-amz-security-token")));
    assert_str(fake_request_header(&fixture.fake, 0, "If-Match"), "");
    assert_str(fake_request_header(&fixture.fake, 0, "x-amz-server-side-encryption"), "");
    fixture_end(&fixture);
}

static void put_names_the_owner_that_the_bucket_must_have(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct s3_object object = OBJECT;
    object.owner = STR("111122223333");
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 403,
                                     .body = STR("<Error><Code>AccessDenied</Code></Error>")});
    assert_int_equal(put(&fixture, &object), STATUS_DENIED);
    assert_str(fake_request_header(&fixture.fake, 0, "x-amz-expected-bucket-owner"),
               "111122223333");
    assert_true(str_contains(fake_request_header(&fixture.fake, 0, "Authorization"),
                             STR(";x-amz-expected-bucket-owner;")));
    assert_true(str_contains(fixture.error.message, STR("not of the account that was expected")));
    answer_kept(&fixture, 0);
    assert_int_equal(put(&fixture, &OBJECT), STATUS_OK);
    assert_str(fake_request_header(&fixture.fake, 1, "x-amz-expected-bucket-owner"), "");
    fixture_end(&fixture);
}

static void put_that_replaces_a_version_is_conditional(void **state) {
    (void)state;
    static const char *const spellings[] = {"0a-2", "\"0a-2\""};
    for (size_t i = 0; i < 2; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct s3_object object = OBJECT;
        object.e_tag = str_from_cstr(spellings[i]);
        fake_answer(
            &fixture.fake,
            (struct fake_answer){.http_status = 412,
                                 .body = STR("<Error><Code>PreconditionFailed</Code></Error>")});
        assert_int_equal(put(&fixture, &object), STATUS_CONFLICT);
        assert_str(fake_request_header(&fixture.fake, 0, "If-Match"), "\"0a-2\"");
        assert_true(fixture.fake.requests[0].http.uses_fresh_connection);
        assert_false(fixture.error.is_outcome_unknown);
        fixture_end(&fixture);
    }
}

/* ---- where an object is ---- */

static void object_urls_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *bucket, *key, *region, *override, *url;
        bool uses_fips;
    } rows[] = {
        {"reports", "k", "", "", "https://reports.s3.eu-west-1.amazonaws.com/k", false},
        {"reports", "k", "us-east-1", "", "https://reports.s3.us-east-1.amazonaws.com/k", false},
        {"a-1", "k", "cn-north-1", "", "https://a-1.s3.cn-north-1.amazonaws.com.cn/k", false},
        {"reports", "k", "", "", "https://reports.s3-fips.eu-west-1.amazonaws.com/k", true},
        {"my.logs", "k", "", "", "https://s3.eu-west-1.amazonaws.com/my.logs/k", false},
        {"Old_Bucket", "k", "", "", "https://s3.eu-west-1.amazonaws.com/Old_Bucket/k", false},
        {"trailing-", "k", "", "", "https://s3.eu-west-1.amazonaws.com/trailing-/k", false},
        {"reports", "k", "", "http://h:1/base", "http://h:1/base/reports/k", false},
        {"reports", "a b+c=d/\xc3\xa9%2F&?#~.*'()", "", "",
         "https://reports.s3.eu-west-1.amazonaws.com/"
         "a%20b%2Bc%3Dd/%C3%A9%252F%26%3F%23~.%2A%27%28%29",
         false},
        {"reports", "/a//b/../c", "", "", "https://reports.s3.eu-west-1.amazonaws.com//a//b/../c",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.endpoints.uses_fips = rows[i].uses_fips;
        fixture.client.endpoints.override_service[AWS_S3] = str_from_cstr(rows[i].override);
        answer_kept(&fixture, 0);
        const struct s3_object object = {.region = str_from_cstr(rows[i].region),
                                         .bucket = str_from_cstr(rows[i].bucket),
                                         .key = str_from_cstr(rows[i].key)};
        assert_int_equal(put(&fixture, &object), STATUS_OK);
        assert_str(fixture.fake.requests[0].http.url, rows[i].url);
        str host = fake_request_header(&fixture.fake, 0, "Host");
        assert_true(str_contains(str_from_cstr(rows[i].url),
                                 str_format(&fixture.arena, "//%" STR_FMT "/", STR_ARG(host))));
        fixture_end(&fixture);
    }
}

static void invalid_objects_are_not_requested(void **state) {
    (void)state;
    static char long_key[S3_KEY_BYTES_MAX + 1];
    memset(long_key, 'k', sizeof long_key);
    const struct {
        const char *name;
        struct s3_object object;
    } rows[] = {
        {"no bucket", {.key = STR("k")}},
        {"short bucket", {.bucket = STR("ab"), .key = STR("k")}},
        {"a path", {.bucket = STR("a/b"), .key = STR("k")}},
        {"two dots", {.bucket = STR("..."), .key = STR("k")}},
        {"a host", {.bucket = STR("x@evil"), .key = STR("k")}},
        {"an ARN", {.bucket = STR("arn:aws:s3:::reports"), .key = STR("k")}},
        {"no key", {.bucket = STR("reports")}},
        {"no UTF-8", {.bucket = STR("reports"), .key = STR("\xff")}},
        {"long key", {.bucket = STR("reports"), .key = {long_key, sizeof long_key}}},
        {"line end", {.bucket = STR("reports"), .key = STR("k"), .e_tag = STR("a\r\nb")}},
        {"quote", {.bucket = STR("reports"), .key = STR("k"), .e_tag = STR("a\"b")}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        enum status status = put(&fixture, &rows[i].object);
        if (status != STATUS_INVALID || fixture.fake.request_count != 0 ||
            !str_starts_with(fixture.error.message, STR("s3 PutObject: "))) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        fixture_end(&fixture);
    }
}

/* ---- refusals ---- */

#define REFUSAL(code) "<Error><Code>" code "</Code><Message>AWS's words</Message></Error>"

static void refusals_say_what_to_do(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int http_status;
        const char *headers, *body;
        enum status status;
        const char *says;
    } rows[] = {
        {"no bucket", 404, NULL, REFUSAL("NoSuchBucket"), STATUS_NOT_FOUND, "no such bucket"},
        {"no key", 404, NULL, REFUSAL("NoSuchKey"), STATUS_NOT_FOUND, "no such object"},
        {"denied", 403, NULL, REFUSAL("AccessDenied"), STATUS_DENIED, "s3:ListBucket"},
        {"archived", 403, NULL, REFUSAL("InvalidObjectState"), STATUS_REFUSED, "restored"},
        {"301", 301, "x-amz-bucket-region: eu-central-1", REFUSAL("PermanentRedirect"),
         STATUS_REFUSED, "PermanentRedirect (HTTP 301): the bucket is in Region eu-central-1"},
        {"301 without a body", 301, "x-amz-bucket-region: us-gov-west-1", "", STATUS_REFUSED,
         "HTTP 301 without an AWS error code: the bucket is in Region us-gov-west-1"},
        {"307", 307, "x-amz-bucket-region: us-west-2", REFUSAL("TemporaryRedirect"), STATUS_REFUSED,
         "the bucket is in Region us-west-2"},
        {"wrong scope", 400, "x-amz-bucket-region: us-west-2",
         REFUSAL("AuthorizationHeaderMalformed"), STATUS_REFUSED,
         "the bucket is in Region us-west-2"},
        {"a region that is none", 301, "x-amz-bucket-region: evil host",
         REFUSAL("PermanentRedirect"), STATUS_REFUSED, "AWS's words"},
        {"another refusal", 400, "x-amz-bucket-region: us-west-2", REFUSAL("InvalidRequest"),
         STATUS_REFUSED, "AWS's words"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, (struct fake_answer){.http_status = rows[i].http_status,
                                                        .headers = rows[i].headers,
                                                        .body = str_from_cstr(rows[i].body)});
        enum status status = put(&fixture, &OBJECT);
        if (status != rows[i].status ||
            !str_contains(fixture.error.message, str_from_cstr(rows[i].says))) {
            fail_msg("%s: %s: %.*s", rows[i].name, status_name(status),
                     (int)fixture.error.message.len, fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

static void put_that_s3_does_not_confirm_is_sent_again(void **state) {
    (void)state;
    static const struct fake_answer unconfirmed[] = {
        {.http_status = 200}, /* cut within its headers */
        {.http_status = 200, .headers = "ETag: \"e\"\nx-amz-checksum-sha256: AAAA"},
        {.http_status = 503, .body = BODY(REFUSAL("SlowDown"))},
        {.http_status = 500, .body = BODY(REFUSAL("InternalError"))},
        {.status = STATUS_CONNECTION},
        {.status = STATUS_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof unconfirmed / sizeof *unconfirmed; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, unconfirmed[i]);
        fake_answer(
            &fixture.fake,
            (struct fake_answer){.http_status = 200,
                                 .headers = "ETag: \"e\"\nx-amz-checksum-sha256: " HELLO_SHA256});
        assert_int_equal(put(&fixture, &OBJECT), STATUS_OK);
        assert_int_equal(fixture.fake.request_count, 2);
        assert_str(fake_request_body(&fixture.fake, 1), "hello");
        fixture_end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_sends_type_checksum_and_hash),
        cmocka_unit_test(put_names_the_owner_that_the_bucket_must_have),
        cmocka_unit_test(put_that_replaces_a_version_is_conditional),
        cmocka_unit_test(object_urls_are_exact),
        cmocka_unit_test(invalid_objects_are_not_requested),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(put_that_s3_does_not_confirm_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
