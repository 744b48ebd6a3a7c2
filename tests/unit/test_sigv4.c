/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sigv4.h"

#include "unit.h"

#define HEADERS_MAX 8

#define AUGUST_2015   INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define MAY_2013      INT64_C(1369353600000) /* 2013-05-24T00:00:00Z */
#define NOVEMBER_2026 INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */

/* AWS's documentation uses these two pairs; the token is made up. */
#define CREDENTIALS                                                                                \
    {                                                                                              \
        STR_INIT("AKIDEXAMPLE"), STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), {           \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define CREDENTIALS_S3                                                                             \
    {                                                                                              \
        STR_INIT("AKIAIOSFODNN7EXAMPLE"), STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {  \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define TOKEN "IQoJb3JpZ2luX2VjEXAMPLE//+token=="
#define CREDENTIALS_TOKEN                                                                          \
    {                                                                                              \
        STR_INIT("AKIDEXAMPLE"), STR_INIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),             \
            STR_INIT(TOKEN)                                                                        \
    }
/* A literal in a static initialiser, where a compound literal may not stand. */
#define STR_INIT(literal)                                                                          \
    { (literal), sizeof(literal) - 1 }

#define SCOPE(region_, service_, time_ms_)                                                         \
    .region = (region_), .service = (service_), .time_ms = (time_ms_)

struct vector {
    const char *name;
    const char *method;
    const char *path;
    const char *query;
    const char *headers[HEADERS_MAX][2];
    str body;
    struct aws_credentials credentials;
    const char *region;
    const char *service;
    int64_t time_ms;
    bool is_s3;
    bool is_unsigned_payload;
    const char *signed_headers;
    const char *signature;
};

/* Expected values: botocore 1.43.11. The first two also stand in AWS's documentation. */
static const struct vector vectors[] = {
    {
        .name = "ListUsers, the IAM User Guide's example",
        .method = "GET",
        .path = "/",
        .query = "Action=ListUsers&Version=2010-05-08",
        .headers = {{"Host", "iam.amazonaws.com"},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
        .credentials = CREDENTIALS,
        SCOPE("us-east-1", "iam", AUGUST_2015),
        .signed_headers = "content-type;host;x-amz-date",
        .signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
    },
    {
        .name = "GetObject with a range, the S3 API reference's example",
        .method = "GET",
        .path = "/test.txt",
        .headers = {{"Host", "examplebucket.s3.amazonaws.com"}, {"Range", "bytes=0-9"}},
        .credentials = CREDENTIALS_S3,
        SCOPE("us-east-1", "s3", MAY_2013),
        .is_s3 = true,
        .signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
        .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    },
    {
        .name = "DescribeTags with a token, and headers that are never signed",
        .method = "POST",
        .path = "/",
        .headers = {{"Host", "elasticloadbalancing.eu-west-1.amazonaws.com"},
                    {"amz-sdk-request", "attempt=1; max=3"},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
                    {"User-Agent", "desync-guard"},
                    {"Expect", "100-continue"}},
        .body = STR_INIT("Action=DescribeTags&Version=2015-12-01&ResourceArns.member.1=arn%3Aaws"),
        .credentials = CREDENTIALS_TOKEN,
        SCOPE("eu-west-1", "elasticloadbalancing", NOVEMBER_2026),
        .signed_headers = "content-type;host;x-amz-date;x-amz-security-token",
        .signature = "588bcb44f91d51cb088ee0e86ca161d0daa10b522fe9bd6df3940e6b7a68712f",
    },
    {
        .name = "PutEvaluations, a header that sorts behind the token's",
        .method = "POST",
        .path = "/",
        .headers = {{"X-Amz-Target", "StarlingDoveService.PutEvaluations"},
                    {"Content-Type", "application/x-amz-json-1.1"},
                    {"Host", "config.eu-west-1.amazonaws.com"}},
        .body = STR_INIT("{\"Evaluations\":[],\"ResultToken\":\"TESTMODE\",\"TestMode\":true}"),
        .credentials = CREDENTIALS_TOKEN,
        SCOPE("eu-west-1", "config", NOVEMBER_2026),
        .signed_headers = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        .signature = "80cd835c7b46cd37cd150464138f77c649aaf28b11d18bc1a368d1dd44be0dbe",
    },
    {
        .name = "a path is normalised and encoded a second time",
        .method = "GET",
        .path = "//a/./b%20c/../d%2Fe/arn:aws:x(1)/\xc3\xa9/",
        .headers = {{"Host", "example.amazonaws.com"}},
        .credentials = CREDENTIALS,
        SCOPE("us-east-1", "service", AUGUST_2015),
        .signed_headers = "host;x-amz-date",
        .signature = "b3d795da8d8e7c74690461713b597b5ce9f80c9c73fa00f7902e0354626ee707",
    },
    {
        .name = "an S3 key stays as it is, with a binary body",
        .method = "PUT",
        .path = "/a//b/../c%20d%2Be.json",
        .headers = {{"Host", "b.s3.eu-west-1.amazonaws.com"}, {"If-None-Match", "*"}},
        .body = STR_INIT("\x00\xff\n"),
        .credentials = CREDENTIALS_TOKEN,
        SCOPE("eu-west-1", "s3", NOVEMBER_2026),
        .is_s3 = true,
        .signed_headers = "host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        .signature = "ee9eedfecba177490702b2da5508b4067c1b7befa6c56ecb4675404d1e3d1d0c",
    },
    {
        .name = "an unsorted query, partly encoded, in lower case, without a value",
        .method = "GET",
        .path = "/",
        .query = "prefix=%c3%a9vidence/a%2bb%20c%7E&list%2Dtype=2&a-b=1&a=2&a=1&acl",
        .headers = {{"Host", "b.s3.eu-west-1.amazonaws.com"}},
        .credentials = CREDENTIALS,
        SCOPE("eu-west-1", "s3", NOVEMBER_2026),
        .is_s3 = true,
        .signed_headers = "host;x-amz-content-sha256;x-amz-date",
        .signature = "f290b14905d079cc62a1ef74b70da6a23f608fc2f10e95ad944d09402d5899be",
    },
    {
        .name = "headers with one prefix, repeats, an empty value and odd white space",
        .method = "POST",
        .path = "",
        .headers = {{"x-amz-meta-a-b", "2"},
                    {"X-Amz-Meta-A", "  1 \t 2  "},
                    {"Host", "example.amazonaws.com"},
                    {"x-amz-meta-a_b", "3"},
                    {"X-AMZ-META-A", ""},
                    {"x-amz-meta-a1", "4"},
                    {"Connection", "close"},
                    {"X-Amzn-Trace-Id", "Root=1-2-3"}},
        .credentials = CREDENTIALS,
        SCOPE("us-east-1", "service", AUGUST_2015),
        .signed_headers =
            "host;x-amz-date;x-amz-meta-a;x-amz-meta-a-b;x-amz-meta-a1;x-amz-meta-a_b",
        .signature = "33d48426cced5b21045af097f72b2bd100f455f48c69c310cdd968ef40403968",
    },
    {
        .name = "a body that is not signed",
        .method = "PUT",
        .path = "/x",
        .headers = {{"Host", "example.amazonaws.com"}},
        .body = STR_INIT("body"),
        .credentials = CREDENTIALS,
        SCOPE("us-east-1", "service", AUGUST_2015),
        .is_unsigned_payload = true,
        .signed_headers = "host;x-amz-content-sha256;x-amz-date",
        .signature = "a2fe4973bfcdcb318498de77a43fcf236a1758cec1d8cb8f370b57f8084c6f66",
    },
};

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

/* ---- vectors ---- */

static enum status vector_sign(const struct vector *vector, struct sigv4_key_cache *cache,
                               struct sigv4_result *result) {
    struct http_header headers[HEADERS_MAX];
    size_t count = 0;
    for (; count < HEADERS_MAX && vector->headers[count][0] != NULL; count++) {
        headers[count].name = str_from_cstr(vector->headers[count][0]);
        headers[count].value = str_from_cstr(vector->headers[count][1]);
    }
    struct sigv4_request request = {
        .method = str_from_cstr(vector->method),
        .path = str_from_cstr(vector->path),
        .query = str_from_cstr(vector->query),
        .headers = headers,
        .header_count = count,
        .body = vector->body,
        .is_unsigned_payload = vector->is_unsigned_payload,
        .signs_payload_header = vector->is_s3,
        .keeps_path_as_is = vector->is_s3,
    };
    struct sigv4_scope scope = {str_from_cstr(vector->region), str_from_cstr(vector->service)};
    return sigv4_sign(&request, &vector->credentials, &scope, vector->time_ms, cache, &arena,
                      result);
}

static void vector_check(const struct vector *vector, struct sigv4_key_cache *cache) {
    struct sigv4_result result;
    assert_int_equal(vector_sign(vector, cache, &result), STATUS_OK);
    str end = str_format(&arena, ", SignedHeaders=%s, Signature=%s", vector->signed_headers,
                         vector->signature);
    str authorization = result.headers[result.header_count - 1].value;
    if (!str_ends_with(authorization, end) ||
        !str_eq(result.signature, str_from_cstr(vector->signature))) {
        fail_msg("%s: signed %" STR_FMT "\nas %" STR_FMT, vector->name,
                 STR_ARG(result.canonical_request), STR_ARG(authorization));
    }
}

static void vectors_without_a_cache_match(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        vector_check(&vectors[i], NULL);
    }
}

/* Forwards and back again: each row finds the key of another day, region, service or secret, or its
 * own. */
static void vectors_with_one_shared_cache_match(void **state) {
    (void)state;
    struct sigv4_key_cache cache = {0};
    size_t count = sizeof vectors / sizeof *vectors;
    for (size_t i = 0; i < 2 * count; i++) {
        size_t row = i < count ? i : 2 * count - 1 - i;
        vector_check(&vectors[row], &cache);
        vector_check(&vectors[row], &cache);
    }
}

static void each_stage_is_shown(void **state) {
    (void)state;
    struct sigv4_result result;
    assert_int_equal(vector_sign(&vectors[0], NULL, &result), STATUS_OK);
    assert_str(result.canonical_request,
               "GET\n"
               "/\n"
               "Action=ListUsers&Version=2010-05-08\n"
               "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
               "host:iam.amazonaws.com\n"
               "x-amz-date:20150830T123600Z\n"
               "\n"
               "content-type;host;x-amz-date\n"
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_str(result.string_to_sign,
               "AWS4-HMAC-SHA256\n"
               "20150830T123600Z\n"
               "20150830/us-east-1/iam/aws4_request\n"
               "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
}

/* ---- added headers ---- */

static void added_headers_end_with_authorization(void **state) {
    (void)state;
    struct sigv4_result result;
    assert_int_equal(vector_sign(&vectors[5], NULL, &result), STATUS_OK);
    assert_int_equal(result.header_count, 4);
    assert_str(result.headers[0].name, "X-Amz-Date");
    assert_str(result.headers[0].value, "20261123T080000Z");
    assert_str(result.headers[1].name, "X-Amz-Content-SHA256");
    assert_str(result.headers[1].value,
               "712450d3c4a79eea9509e75dc1dacdeff58034df538536cfae2da882bd8a0c50");
    assert_str(result.headers[2].name, "X-Amz-Security-Token");
    assert_str(result.headers[2].value, TOKEN);
    assert_str(result.headers[3].name, "Authorization");
    assert_true(str_starts_with(
        result.headers[3].value,
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-1/s3/aws4_request, ")));
}

static void long_lived_keys_add_no_token(void **state) {
    (void)state;
    struct sigv4_result result;
    assert_int_equal(vector_sign(&vectors[0], NULL, &result), STATUS_OK);
    assert_int_equal(result.header_count, 2);
    assert_str(result.headers[0].name, "X-Amz-Date");
    assert_str(result.headers[1].name, "Authorization");
}

static void an_unsigned_payload_is_declared(void **state) {
    (void)state;
    struct sigv4_result result;
    assert_int_equal(vector_sign(&vectors[8], NULL, &result), STATUS_OK);
    assert_str(result.headers[1].name, "X-Amz-Content-SHA256");
    assert_str(result.headers[1].value, "UNSIGNED-PAYLOAD");
}

/* ---- one small request, changed in one place ---- */

static const struct http_header host_header = {STR_INIT("Host"), STR_INIT("example.amazonaws.com")};
static const struct sigv4_request small_request = {
    .method = STR_INIT("GET"),
    .path = STR_INIT("/"),
    .headers = &host_header,
    .header_count = 1,
};
static const struct aws_credentials small_credentials = CREDENTIALS;
static const struct sigv4_scope small_scope = {STR_INIT("us-east-1"), STR_INIT("service")};

static enum status small_sign(const struct sigv4_request *request, struct sigv4_result *result) {
    return sigv4_sign(request, &small_credentials, &small_scope, AUGUST_2015, NULL, &arena, result);
}

static void a_token_left_out_of_the_signature_is_still_sent(void **state) {
    (void)state;
    struct sigv4_request request = small_request;
    request.omits_session_token = true;
    struct aws_credentials credentials = CREDENTIALS_TOKEN;
    struct sigv4_result with_token;
    struct sigv4_result without;
    assert_int_equal(
        sigv4_sign(&request, &credentials, &small_scope, AUGUST_2015, NULL, &arena, &with_token),
        STATUS_OK);
    assert_int_equal(small_sign(&small_request, &without), STATUS_OK);
    assert_true(str_eq(with_token.signature, without.signature));
    assert_int_equal(with_token.header_count, 3);
    assert_str(with_token.headers[1].name, "X-Amz-Security-Token");
}

/* ---- the key cache ---- */

static str signature_of(const char *secret, struct sigv4_scope scope, int64_t time_ms,
                        struct sigv4_key_cache *cache) {
    struct aws_credentials credentials = small_credentials;
    credentials.secret_access_key = str_from_cstr(secret);
    struct sigv4_result result;
    assert_int_equal(
        sigv4_sign(&small_request, &credentials, &scope, time_ms, cache, &arena, &result),
        STATUS_OK);
    return result.signature;
}

static void a_cached_key_is_dropped_when_what_it_came_from_changes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *secret;
        struct sigv4_scope scope;
        int64_t time_ms;
    } rows[] = {
        {"secret", "two", {STR_INIT("us-east-1"), STR_INIT("config")}, AUGUST_2015},
        {"longer secret", "one1", {STR_INIT("us-east-1"), STR_INIT("config")}, AUGUST_2015},
        {"day", "one", {STR_INIT("us-east-1"), STR_INIT("config")}, AUGUST_2015 + 86400000},
        {"region", "one", {STR_INIT("us-east-2"), STR_INIT("config")}, AUGUST_2015},
        {"service", "one", {STR_INIT("us-east-1"), STR_INIT("sns")}, AUGUST_2015},
    };
    const struct sigv4_scope scope = {STR("us-east-1"), STR("config")};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_key_cache cache = {0};
        str first = signature_of("one", scope, AUGUST_2015, &cache);
        str cached = signature_of(rows[i].secret, rows[i].scope, rows[i].time_ms, &cache);
        str fresh = signature_of(rows[i].secret, rows[i].scope, rows[i].time_ms, NULL);
        if (!str_eq(cached, fresh) || str_eq(cached, first)) {
            fail_msg("a key outlived a change of %s", rows[i].name);
        }
    }
}

/* A key that was tampered with must show in the signature, else it was derived anew. */
static void a_cached_key_is_used_for_the_rest_of_the_day(void **state) {
    (void)state;
    struct sigv4_key_cache cache = {0};
    str first = signature_of("one", small_scope, AUGUST_2015, &cache);
    assert_true(cache.is_set);
    assert_true(str_eq(first, signature_of("one", small_scope, AUGUST_2015, &cache)));
    str later = signature_of("one", small_scope, AUGUST_2015 + 3600000, NULL);
    assert_true(str_eq(later, signature_of("one", small_scope, AUGUST_2015 + 3600000, &cache)));
    cache.key[0] ^= 1;
    assert_false(str_eq(first, signature_of("one", small_scope, AUGUST_2015, &cache)));
}

static void a_wiped_cache_holds_no_key(void **state) {
    (void)state;
    static const struct sigv4_key_cache empty;
    struct sigv4_key_cache cache = {0};
    (void)signature_of("one", small_scope, AUGUST_2015, &cache);
    assert_memory_not_equal(cache.key, empty.key, SHA256_BYTES);
    sigv4_key_cache_wipe(&cache);
    assert_false(cache.is_set);
    assert_memory_equal(cache.key, empty.key, SHA256_BYTES);
    assert_memory_equal(cache.fingerprint, empty.fingerprint, SHA256_BYTES);
}

/* ---- refusals ---- */

static void signers_that_fit_in_no_header_are_refused(void **state) {
    (void)state;
    static const char long_secret[257] = {'x'};
    const struct {
        const char *name;
        struct aws_credentials credentials;
        struct sigv4_scope scope;
        int64_t time_ms;
    } rows[] = {
        {"no key id", {STR(""), STR("s"), STR("")}, small_scope, 0},
        {"no secret", {STR("k"), STR(""), STR("")}, small_scope, 0},
        {"secret too long", {STR("k"), {long_secret, 257}, STR("")}, small_scope, 0},
        {"key id with a slash", {STR("k/k"), STR("s"), STR("")}, small_scope, 0},
        {"key id with a comma", {STR("k,k"), STR("s"), STR("")}, small_scope, 0},
        {"key id with a line end", {STR("k\n"), STR("s"), STR("")}, small_scope, 0},
        {"token with a line end", {STR("k"), STR("s"), STR("t\r\nX: y")}, small_scope, 0},
        {"token beyond ASCII", {STR("k"), STR("s"), STR("\xc3\xa9")}, small_scope, 0},
        {"no region", small_credentials, {STR(""), STR("s3")}, 0},
        {"region with a slash", small_credentials, {STR("a/b"), STR("s3")}, 0},
        {"no service", small_credentials, {STR("us-east-1"), STR("")}, 0},
        {"before 1970", small_credentials, small_scope, -1},
        {"after 9999", small_credentials, small_scope, INT64_C(253402300800000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_result result = {.header_count = 99};
        enum status status = sigv4_sign(&small_request, &rows[i].credentials, &rows[i].scope,
                                        rows[i].time_ms, NULL, &arena, &result);
        if (status != STATUS_INVALID || result.header_count != 99) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
    }
}

static void a_refused_request_leaves_the_result_alone(void **state) {
    (void)state;
    struct sigv4_request request = small_request;
    request.path = STR("no-slash");
    struct sigv4_result result = {.header_count = 99};
    assert_int_equal(small_sign(&request, &result), STATUS_INVALID);
    assert_int_equal(result.header_count, 99);
}

static void first_and_last_moment_are_signed(void **state) {
    (void)state;
    struct sigv4_result result;
    const int64_t last_ms = INT64_C(253402300799999);
    assert_int_equal(sigv4_sign(&small_request, &small_credentials, &small_scope, last_ms, NULL,
                                &arena, &result),
                     STATUS_OK);
    assert_str(result.headers[0].value, "99991231T235959Z");
    assert_int_equal(
        sigv4_sign(&small_request, &small_credentials, &small_scope, 0, NULL, &arena, &result),
        STATUS_OK);
    assert_str(result.headers[0].value, "19700101T000000Z");
}

static void sha256_matches_the_standards_examples(void **state) {
    (void)state;
    assert_str(sha256_hex(&arena, STR_EMPTY),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_str(sha256_hex(&arena, STR("abc")),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(vectors_without_a_cache_match),
        TEST(vectors_with_one_shared_cache_match),
        TEST(each_stage_is_shown),
        TEST(added_headers_end_with_authorization),
        TEST(long_lived_keys_add_no_token),
        TEST(an_unsigned_payload_is_declared),
        TEST(a_token_left_out_of_the_signature_is_still_sent),
        TEST(a_cached_key_is_dropped_when_what_it_came_from_changes),
        TEST(a_cached_key_is_used_for_the_rest_of_the_day),
        TEST(a_wiped_cache_holds_no_key),
        TEST(signers_that_fit_in_no_header_are_refused),
        TEST(a_refused_request_leaves_the_result_alone),
        TEST(first_and_last_moment_are_signed),
        TEST(sha256_matches_the_standards_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
