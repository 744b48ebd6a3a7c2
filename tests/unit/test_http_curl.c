/* SPDX-License-Identifier: Apache-2.0
 *
 * The curl transport against exact bytes on a socket: what is sent.
 */
#include "http_world.h"

static void request_carries_exactly_what_the_caller_gave(void **state) {
    (void)state;
    static const struct script_answer answers[] = {{.bytes = OK_BYTES, .is_repeated = true}};
    static const struct script_connection script[] = {{answers, COUNT(answers)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    const struct http_header headers[] = {
        {STR("Host"), STR("elsewhere.example")},
        {STR("X-Empty"), STR("")},
        {STR("X-Amz-Date"), STR("20261123T080000Z")},
    };
    struct http_request request = to(&world, "POST", "/a/../b//c?x=%2F&y");
    request.headers = headers;
    request.header_count = COUNT(headers);
    request.body = STR("a\0b");
    assert_int_equal(send_it(&world, &request), STATUS_OK);
    assert_string_equal(head(&world, 0), "POST /a/../b//c?x=%2F&y HTTP/1.1\r\n"
                                         "Host: elsewhere.example\r\n"
                                         "User-Agent: test/1\r\n"
                                         "X-Empty:\r\n"
                                         "X-Amz-Date: 20261123T080000Z\r\n"
                                         "Content-Length: 3\r\n"
                                         "\r\n");
    assert_int_equal(world.server.requests[0].body_bytes, 3);
    assert_int_equal(world.server.requests[0].body_sum, script_sum("a\0b", 3));
    /* and none of it is left in the next one on the same handle */
    assert_int_equal(get(&world, "/plain"), STATUS_OK);
    char expected[128];
    snprintf(expected, sizeof(expected),
             "GET /plain HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: test/1\r\n\r\n",
             world.server.port);
    assert_string_equal(head(&world, 1), expected);
    world_close(&world);
}

struct method_row {
    const char *name;
    const char *method;
    const char *body;
    const char *start;
    const char *length; /* NULL: no Content-Length at all */
};

static const struct method_row method_rows[] = {
    {"get", "GET", "", "GET /m HTTP/1.1\r\n", NULL},
    {"get with a body", "GET", "x", "GET /m HTTP/1.1\r\n", "Content-Length: 1\r\n"},
    {"empty post", "POST", "", "POST /m HTTP/1.1\r\n", "Content-Length: 0\r\n"},
    {"empty put", "PUT", "", "PUT /m HTTP/1.1\r\n", "Content-Length: 0\r\n"},
    {"put", "PUT", "abc", "PUT /m HTTP/1.1\r\n", "Content-Length: 3\r\n"},
    {"delete", "DELETE", "", "DELETE /m HTTP/1.1\r\n", NULL},
    {"get again", "GET", "", "GET /m HTTP/1.1\r\n", NULL},
};

static void request_method_and_length_are_exact(void **state) {
    (void)state;
    static const struct script_answer answers[] = {{.bytes = OK_BYTES, .is_repeated = true}};
    static const struct script_connection script[] = {{answers, COUNT(answers)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    for (size_t i = 0; i < COUNT(method_rows); i++) {
        const struct method_row *row = &method_rows[i];
        struct http_request request = to(&world, row->method, "/m");
        request.body = str_from_cstr(row->body);
        bool is_sent = send_it(&world, &request) == STATUS_OK;
        const char *sent = head(&world, i);
        bool is_length_right = row->length == NULL ? strstr(sent, "Content-Length") == NULL
                                                   : strstr(sent, row->length) != NULL;
        if (!is_sent || strstr(sent, row->start) != sent || !is_length_right ||
            strstr(sent, "Expect") != NULL || strstr(sent, "Transfer-Encoding") != NULL) {
            fail_msg("%s: %s", row->name, sent);
        }
    }
    assert_int_equal(script_server_connections(&world.server), 1);
    world_close(&world);
}

static void head_request_ends_without_a_body(void **state) {
    (void)state;
    static const struct script_answer answers[] = {
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, {.bytes = OK_BYTES}};
    static const struct script_connection script[] = {{answers, COUNT(answers)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request request = to(&world, "HEAD", "/");
    assert_int_equal(send_it(&world, &request), STATUS_OK);
    assert_int_equal(world.response.body.len, 0);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    assert_str(world.response.body, "ok");
    world_close(&world);
}

static void large_body_is_sent_whole_without_expect(void **state) {
    (void)state;
    static const struct script_answer answers[] = {{.bytes = OK_BYTES}};
    static const struct script_connection script[] = {{answers, COUNT(answers)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request request = to(&world, "POST", "/");
    char *body = arena_alloc(&world.arena, 6291556);
    for (size_t i = 0; i < 6291556; i++) {
        body[i] = (char)(i * 31 >> 3);
    }
    request.body = (str){body, 6291556};
    assert_int_equal(send_it(&world, &request), STATUS_OK);
    assert_null(strstr(head(&world, 0), "Expect"));
    assert_int_equal(world.server.requests[0].body_bytes, 6291556);
    assert_int_equal(world.server.requests[0].body_sum, script_sum(body, 6291556));
    world_close(&world);
}

struct refused_row {
    const char *name;
    str url;
    str method;
    struct http_header header;
    str body;
};

/* STR is no constant expression, as a static table needs. */
#define LIT(text)                                                                                  \
    { (text), sizeof(text) - 1 }
#define HERE LIT("http://127.0.0.1:1/")
static const struct refused_row refused_rows[] = {
    {"no scheme", LIT("127.0.0.1/"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"other scheme", LIT("ftp://127.0.0.1/"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"no host", LIT("http:///x"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"user", LIT("http://u@127.0.0.1/"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"space in URL", LIT("http://127.0.0.1/a b"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"CR in URL", LIT("http://127.0.0.1/a\rb"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"NUL in URL", LIT("http://127.0.0.1/a\0b"), LIT("GET"), {LIT("A"), LIT("b")}, LIT("")},
    {"method", HERE, LIT("GET /x"), {LIT("A"), LIT("b")}, LIT("")},
    {"no method", HERE, LIT(""), {LIT("A"), LIT("b")}, LIT("")},
    {"LF in value", HERE, LIT("GET"), {LIT("A"), LIT("b\nC: d")}, LIT("")},
    {"CR in value", HERE, LIT("GET"), {LIT("A"), LIT("b\rC: d")}, LIT("")},
    {"NUL in value", HERE, LIT("GET"), {LIT("A"), LIT("b\0")}, LIT("")},
    {"LF in name", HERE, LIT("GET"), {LIT("A\nB"), LIT("b")}, LIT("")},
    {"colon in name", HERE, LIT("GET"), {LIT("A:"), LIT("b")}, LIT("")},
    {"no name", HERE, LIT("GET"), {LIT(""), LIT("b")}, LIT("")},
    {"wrong length", HERE, LIT("POST"), {LIT("content-length"), LIT("4")}, LIT("abc")},
    {"chunked", HERE, LIT("POST"), {LIT("Transfer-Encoding"), LIT("chunked")}, LIT("abc")},
    {"expect", HERE, LIT("POST"), {LIT("Expect"), LIT("100-continue")}, LIT("abc")},
};

static void request_that_is_malformed_is_refused_unsent(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, COUNT(script));
    for (size_t i = 0; i < COUNT(refused_rows); i++) {
        const struct refused_row *row = &refused_rows[i];
        const struct http_request request = {.method = row->method,
                                             .url = row->url,
                                             .headers = &row->header,
                                             .header_count = 1,
                                             .body = row->body,
                                             .response_bytes_max = 1};
        enum status status = send_it(&world, &request);
        if (status != STATUS_INVALID || world.error.status != STATUS_INVALID) {
            fail_msg("%s: %s", row->name, status_name(status));
        }
    }
    assert_int_equal(http_curl_counts(world.transport).requests, 0);
    world_close(&world);
}

static void request_without_time_left_times_out_unsent(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request request = to(&world, "GET", "/");
    request.timeout_ms = -1;
    assert_int_equal(send_it(&world, &request), STATUS_TIMEOUT);
    assert_int_equal(script_server_connections(&world.server), 0);
    world_close(&world);
}

static void transport_without_trust_refuses_https(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request request = to(&world, "GET", "/");
    request.url = STR("https://127.0.0.1:1/");
    world.transport = new_transport(&world, HTTP_TRUST_NONE);
    assert_int_equal(send_it(&world, &request), STATUS_INVALID);
    world_close(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(request_carries_exactly_what_the_caller_gave),
    cmocka_unit_test(request_method_and_length_are_exact),
    cmocka_unit_test(head_request_ends_without_a_body),
    cmocka_unit_test(large_body_is_sent_whole_without_expect),
    cmocka_unit_test(request_that_is_malformed_is_refused_unsent),
    cmocka_unit_test(request_without_time_left_times_out_unsent),
    cmocka_unit_test(transport_without_trust_refuses_https),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
