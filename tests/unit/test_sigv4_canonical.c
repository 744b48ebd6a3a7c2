/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/aws/sigv4_internal.h"

#include <string.h>

#include "unit.h"

/* A literal in a static initialiser, where a compound literal may not stand. */
#define STR_INIT(literal)                                                                          \
    { (literal), sizeof(literal) - 1 }

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

static const struct http_header host_header = {STR_INIT("Host"), STR_INIT("example.amazonaws.com")};
static const struct sigv4_request small_request = {
    .method = STR_INIT("GET"),
    .path = STR_INIT("/"),
    .headers = &host_header,
    .header_count = 1,
};

static enum status build(const struct sigv4_request *request, struct canonical_output *output) {
    const struct http_header date = {STR("X-Amz-Date"), STR("20150830T123600Z")};
    const struct canonical_input input = {
        .request = request,
        .added = &date,
        .added_count = 1,
        .payload_hash = STR("UNSIGNED-PAYLOAD"),
    };
    return canonical_request_build(&input, &arena, output);
}

/* Line `index` of the canonical request. */
static str canonical_line(const struct sigv4_request *request, size_t index) {
    struct canonical_output output;
    assert_int_equal(build(request, &output), STATUS_OK);
    str rest = output.text;
    for (size_t i = 0; i < index; i++) {
        (void)str_split(&rest, '\n');
    }
    return str_split(&rest, '\n');
}

struct text_row {
    const char *given;
    const char *canonical;
};

static void queries_are_decoded_sorted_and_encoded(void **state) {
    (void)state;
    static const struct text_row rows[] = {
        {"", ""},
        {"acl", "acl="},
        {"a=", "a="},
        {"=", "="},
        {"=x", "=x"},
        {"&", ""},
        {"a&&b", "a=&b="},
        {"b=1&a=2", "a=2&b=1"},
        {"a=2&a=10&a=1", "a=1&a=10&a=2"},
        {"a-b=1&a=2", "a=2&a-b=1"},
        {"B=1&a=2&A=3", "A=3&B=1&a=2"},
        {"a=b=c", "a=b%3Dc"},
        {"a=1+2", "a=1%2B2"},
        {"a=%2b", "a=%2B"},
        {"a=%7e%41", "a=~A"},
        {"a=/?:@", "a=%2F%3F%3A%40"},
        {"a=%", "a=%25"},
        {"a=%4", "a=%254"},
        {"a=%zz", "a=%25zz"},
        {"a=%25zz", "a=%25zz"},
        {"\xe1\x88\xb4=bar", "%E1%88%B4=bar"},
        {"a=%00", "a=%00"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_request request = small_request;
        request.query = str_from_cstr(rows[i].given);
        str line = canonical_line(&request, 2);
        if (!str_eq(line, str_from_cstr(rows[i].canonical))) {
            fail_msg("query \"%s\" became \"%" STR_FMT "\"", rows[i].given, STR_ARG(line));
        }
    }
}

static void paths_are_normalised_and_encoded(void **state) {
    (void)state;
    static const struct text_row rows[] = {
        {"", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/.", "/"},
        {"/..", "/"},
        {"/../..", "/"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/../a", "/a"},
        {"/a/b/..", "/a"},
        {"/a/b/../", "/a/"},
        {"/a/.", "/a"},
        {"/a//b/", "/a/b/"},
        {"/...", "/..."},
        {"/a..", "/a.."},
        {"/a b", "/a%20b"},
        {"/a%20b", "/a%2520b"},
        {"/a+b=c&d", "/a%2Bb%3Dc%26d"},
        {"/-._~", "/-._~"},
        {"/\xff", "/%FF"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_request request = small_request;
        request.path = str_from_cstr(rows[i].given);
        str line = canonical_line(&request, 1);
        if (!str_eq(line, str_from_cstr(rows[i].canonical))) {
            fail_msg("path \"%s\" became \"%" STR_FMT "\"", rows[i].given, STR_ARG(line));
        }
    }
}

static void a_path_kept_as_it_is_is_not_touched(void **state) {
    (void)state;
    struct sigv4_request request = small_request;
    request.keeps_path_as_is = true;
    request.path = STR("//a/../%2f(b)/./");
    assert_str(canonical_line(&request, 1), "//a/../%2f(b)/./");
    request.path = STR_EMPTY;
    assert_str(canonical_line(&request, 1), "/");
}

static void headers_are_sorted_joined_and_trimmed(void **state) {
    (void)state;
    static const struct http_header headers[] = {
        {STR_INIT("b-a"), STR_INIT("1")},
        {STR_INIT("B"), STR_INIT(" x\t\t y ")},
        {STR_INIT("Host"), STR_INIT("h")},
        {STR_INIT("b"), STR_INIT("")},
        {STR_INIT("EXPECT"), STR_INIT("100-continue")},
        {STR_INIT("Transfer-Encoding"), STR_INIT("chunked")},
        {STR_INIT("AMZ-SDK-Invocation-Id"), STR_INIT("1")},
        {STR_INIT("b"), STR_INIT(", z")},
        {STR_INIT("a1"), STR_INIT("\r\n folded\v\f")},
        {STR_INIT("user-agent2"), STR_INIT("signed")},
    };
    struct sigv4_request request = small_request;
    request.headers = headers;
    request.header_count = sizeof headers / sizeof *headers;
    struct canonical_output output;
    assert_int_equal(build(&request, &output), STATUS_OK);
    assert_str(output.signed_headers, "a1;b;b-a;host;user-agent2;x-amz-date");
    assert_str(output.text, "GET\n/\n\n"
                            "a1:folded\n"
                            "b:x y,,, z\n"
                            "b-a:1\n"
                            "host:h\n"
                            "user-agent2:signed\n"
                            "x-amz-date:20150830T123600Z\n"
                            "\n"
                            "a1;b;b-a;host;user-agent2;x-amz-date\n"
                            "UNSIGNED-PAYLOAD");
}

/* ---- refusals ---- */

static void check_refused(const char *name, const struct sigv4_request *request) {
    struct canonical_output output;
    enum status status = build(request, &output);
    if (status != STATUS_INVALID) {
        fail_msg("%s: %s", name, status_name(status));
    }
}

static void requests_that_no_server_reads_as_signed_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        str method, path, query;
    } rows[] = {
        {"no method", STR_INIT(""), STR_INIT("/"), STR_INIT("")},
        {"method of two words", STR_INIT("GET /x"), STR_INIT("/"), STR_INIT("")},
        {"method and line end", STR_INIT("GET\n"), STR_INIT("/"), STR_INIT("")},
        {"relative path", STR_INIT("GET"), STR_INIT("a"), STR_INIT("")},
        {"query in the path", STR_INIT("GET"), STR_INIT("/a?b"), STR_INIT("")},
        {"fragment in the path", STR_INIT("GET"), STR_INIT("/a#b"), STR_INIT("")},
        {"NUL in the path", STR_INIT("GET"), STR_INIT("/a\0b"), STR_INIT("")},
        {"fragment in the query", STR_INIT("GET"), STR_INIT("/"), STR_INIT("a#b")},
        {"NUL in the query", STR_INIT("GET"), STR_INIT("/"), STR_INIT("a\0b")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_request request = small_request;
        request.method = rows[i].method;
        request.path = rows[i].path;
        request.query = rows[i].query;
        check_refused(rows[i].name, &request);
    }
}

static void a_line_end_in_a_path_is_encoded_or_refused(void **state) {
    (void)state;
    struct sigv4_request request = small_request;
    request.path = STR("/a\nb");
    assert_str(canonical_line(&request, 1), "/a%0Ab");
    request.keeps_path_as_is = true;
    check_refused("line end in a kept path", &request);
}

static void headers_that_break_the_signature_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct http_header header;
    } rows[] = {
        {"own Authorization", {STR_INIT("authorization"), STR_INIT("x")}},
        {"own date", {STR_INIT("X-AMZ-DATE"), STR_INIT("20150830T123600Z")}},
        {"own token", {STR_INIT("x-amz-security-token"), STR_INIT("x")}},
        {"own hash", {STR_INIT("X-Amz-Content-Sha256"), STR_INIT("UNSIGNED-PAYLOAD")}},
        {"no name", {STR_INIT(""), STR_INIT("x")}},
        {"name with a colon", {STR_INIT("a:b"), STR_INIT("x")}},
        {"name with a line end", {STR_INIT("a\nb"), STR_INIT("x")}},
        {"name with a semicolon", {STR_INIT("a;b"), STR_INIT("x")}},
        {"name beyond ASCII", {STR_INIT("\xc3\xa9"), STR_INIT("x")}},
        {"NUL in the value", {STR_INIT("a"), STR_INIT("x\0y")}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct http_header headers[] = {host_header, rows[i].header};
        struct sigv4_request request = small_request;
        request.headers = headers;
        request.header_count = 2;
        check_refused(rows[i].name, &request);
    }
}

static void a_request_without_a_host_is_refused(void **state) {
    (void)state;
    struct sigv4_request request = small_request;
    request.header_count = 0;
    check_refused("no header at all", &request);
    const struct http_header other = {STR("Accept"), STR("*/*")};
    request.headers = &other;
    request.header_count = 1;
    check_refused("no Host among them", &request);
}

static void requests_beyond_the_limit_are_too_large(void **state) {
    (void)state;
    enum { LIMIT = 256 * 1024 };
    char *bytes = arena_alloc(&arena, LIMIT);
    memset(bytes, '/', LIMIT);
    const str large = {bytes, LIMIT};
    struct canonical_output output;
    struct sigv4_request request = small_request;
    request.path = large;
    assert_int_equal(build(&request, &output), STATUS_TOO_LARGE);
    request = small_request;
    request.query = large;
    assert_int_equal(build(&request, &output), STATUS_TOO_LARGE);
    const struct http_header headers[] = {host_header, {STR("a"), large}};
    request = small_request;
    request.headers = headers;
    request.header_count = 2;
    assert_int_equal(build(&request, &output), STATUS_TOO_LARGE);
}

/* Three times its size when encoded. */
static void the_largest_request_within_the_limit_is_built(void **state) {
    (void)state;
    enum { NEAR_LIMIT = 256 * 1024 - 16 };
    char *bytes = arena_alloc(&arena, NEAR_LIMIT);
    memset(bytes, ' ', NEAR_LIMIT);
    struct sigv4_request request = small_request;
    request.query = (str){bytes, NEAR_LIMIT};
    assert_int_equal(canonical_line(&request, 2).len, (size_t)3 * NEAR_LIMIT + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(queries_are_decoded_sorted_and_encoded),
        TEST(paths_are_normalised_and_encoded),
        TEST(a_path_kept_as_it_is_is_not_touched),
        TEST(headers_are_sorted_joined_and_trimmed),
        TEST(requests_that_no_server_reads_as_signed_are_refused),
        TEST(a_line_end_in_a_path_is_encoded_or_refused),
        TEST(headers_that_break_the_signature_are_refused),
        TEST(a_request_without_a_host_is_refused),
        TEST(requests_beyond_the_limit_are_too_large),
        TEST(the_largest_request_within_the_limit_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
