/* SPDX-License-Identifier: Apache-2.0
 *
 * The curl transport against exact bytes on a socket: what comes back.
 */
#include "http_world.h"

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

struct answer_row {
    const char *name;
    struct script_answer answer;
    enum status status;
    int http_status;
    const char *body;   /* NULL: not looked at */
    const char *header; /* value of X-Mark; NULL: not looked at */
};

static const struct answer_row answer_rows[] = {
    {"length", {.bytes = OK_BYTES}, STATUS_OK, 200, "ok", ""},
    {"every byte alone",
     {.bytes = "HTTP/1.1 200 OK\r\nX-Mark: \t a b \r\nContent-Length: 2\r\n\r\nok",
      .is_bytewise = true},
     STATUS_OK,
     200,
     "ok",
     "a b"},
    {"header in another case, no blank",
     {.bytes = "HTTP/1.1 404 Nope\r\nx-mARK:v\r\ncontent-length:0\r\n\r\n"},
     STATUS_OK,
     404,
     "",
     "v"},
    {"until the end",
     {.bytes = "HTTP/1.0 503 Busy\r\n\r\nlater", .end = SCRIPT_CLOSE},
     STATUS_OK,
     503,
     "later",
     ""},
    {"no content", {.bytes = "HTTP/1.1 204 None\r\n\r\n"}, STATUS_OK, 204, "", ""},
    {"chunks of one byte, extension, upper case, trailer",
     {.bytes = CHUNKED "1;x=y\r\n{\r\n1\r\n\r\r\n1\r\n\n\r\nA\r\n0123456789\r\n0\r\n"
                       "X-Mark: trailer\r\n\r\n",
      .is_bytewise = true},
     STATUS_OK,
     200,
     "{\r\n0123456789",
     ""},
    {"interim answers",
     {.bytes = "HTTP/1.1 100 Continue\r\nX-Mark: interim\r\n\r\n"
               "HTTP/1.1 103 Hints\r\nX-Mark: interim\r\n\r\n" OK_BYTES},
     STATUS_OK,
     200,
     "ok",
     ""},
    {"headers without a name are dropped",
     {.bytes = "HTTP/1.1 200 OK\r\n: v\r\nX-Mark: 1\r\nContent-Length: 0\r\n\r\n"},
     STATUS_OK,
     200,
     "",
     "1"},
    {"carriage return inside of a value",
     {.bytes = "HTTP/1.1 200 OK\r\nX-Mark: a\rb\r\nContent-Length: 0\r\n\r\n"},
     STATUS_OK,
     200,
     "",
     "a b"},
    {"redirect is not followed",
     {.bytes = "HTTP/1.1 302 Go\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"},
     STATUS_OK,
     302,
     "",
     NULL},
    {"cut in the status line: nothing, as curl sees it",
     {.bytes = "HTTP/1.1 20", .end = SCRIPT_CLOSE},
     STATUS_CONNECTION,
     0,
     NULL,
     NULL},
    {"cut in the headers",
     {.bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Ma", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"cut before the blank line",
     {.bytes = "HTTP/1.1 200 OK\r\nX-Mark: 1\r\n", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"cut after an interim answer",
     {.bytes = "HTTP/1.1 100 Continue\r\n\r\n", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"switches protocols unasked",
     {.bytes = "HTTP/1.1 101 Switch\r\n\r\nwhatever", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"shorter than its length",
     {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"chunks without the last one",
     {.bytes = CHUNKED "2\r\nok\r\n", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"cut inside a chunk",
     {.bytes = CHUNKED "5\r\nok", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"malformed chunk",
     {.bytes = CHUNKED "zz\r\nok\r\n0\r\n\r\n", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"reset in the body",
     {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", .end = SCRIPT_RESET},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"no HTTP",
     {.bytes = "<html>hello</html>\r\n\r\n", .end = SCRIPT_CLOSE},
     STATUS_INCOMPLETE,
     0,
     NULL,
     NULL},
    {"nothing", {.end = SCRIPT_CLOSE}, STATUS_CONNECTION, 0, NULL, NULL},
    {"reset", {.end = SCRIPT_RESET}, STATUS_CONNECTION, 0, NULL, NULL},
};

static void check_answer(const struct answer_row *row) {
    const struct script_connection script[] = {{&row->answer, 1}};
    struct world world;
    world_open(&world, script, 1);
    enum status status = get(&world, "/secret?signature=SIGNATURE");
    bool is_right = status == row->status && world.response.status == row->http_status;
    if (row->body != NULL) {
        is_right = is_right && str_eq(world.response.body, str_from_cstr(row->body));
    }
    if (row->header != NULL) {
        str mark = http_header_get(&world.response, "X-Mark");
        is_right = is_right && str_eq(mark, str_from_cstr(row->header));
    }
    if (status != STATUS_OK) {
        is_right = is_right && world.error.status == status &&
                   str_contains(world.error.message, STR("127.0.0.1")) &&
                   !str_contains(world.error.message, STR("SIGNATURE"));
    }
    if (!is_right) {
        fail_msg("%s: %s, HTTP %d, body \"%" STR_FMT "\", error \"%" STR_FMT "\"", row->name,
                 status_name(status), world.response.status, STR_ARG(world.response.body),
                 STR_ARG(world.error.message));
    }
    world_close(&world);
}

static void answers_are_read_exactly_or_fail_with_the_right_status(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(answer_rows); i++) {
        check_answer(&answer_rows[i]);
    }
}

static char *repeat(struct world *world, const char *start, char fill, size_t fill_count) {
    size_t len = strlen(start);
    char *text = arena_alloc(&world->arena, len + fill_count + 64);
    memcpy(text, start, len);
    memset(text + len, fill, fill_count);
    return text;
}

/* Serves one answer that is made at run time. */
static enum status get_answer(struct world *world, const char *bytes, size_t body_max) {
    const struct script_answer answer = {.bytes = bytes};
    const struct script_connection script = {&answer, 1};
    struct script_server server;
    script_server_start(&server, &script, 1, NULL);
    struct http_request request = to(world, "GET", "/");
    request.url = str_format(&world->arena, "http://127.0.0.1:%d/", server.port);
    request.response_bytes_max = body_max;
    enum status status = send_it(world, &request);
    script_server_stop(&server);
    return status;
}

static void body_up_to_the_cap_is_taken_and_beyond_is_too_large(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, 1);
    const char *start = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    const char *answer = repeat(&world, start, 'x', 100000);
    assert_int_equal(get_answer(&world, answer, 100000), STATUS_OK);
    assert_int_equal(world.response.body.len, 100000);
    assert_int_equal(get_answer(&world, answer, 99999), STATUS_TOO_LARGE);
    assert_int_equal(world.response.status, 0);
    assert_true(str_contains(world.error.message, STR("99999 bytes")));
    world_close(&world);
}

static void header_of_64_kb_arrives_and_an_endless_head_is_too_large(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, 1);
    char *answer = repeat(&world, "HTTP/1.1 200 OK\r\nX-Mark: ", 'c', 65536);
    strcat(answer, "\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(get_answer(&world, answer, 1), STATUS_OK);
    assert_int_equal(http_header_get(&world.response, "x-mark").len, 65536);
    answer = repeat(&world, "HTTP/1.1 200 OK\r\nX-Mark: ", 'c', 300000);
    strcat(answer, "\r\n\r\n");
    assert_int_equal(get_answer(&world, answer, 1), STATUS_TOO_LARGE);
    answer = repeat(&world, "HTTP/1.1 200 OK\r\n", 'h', 300000);
    for (size_t at = 17; at + 10 < 300000; at += 10) {
        memcpy(answer + at, "Header: v\n", 10);
    }
    strcat(answer, "\r\n\r\n");
    assert_int_equal(get_answer(&world, answer, 1), STATUS_TOO_LARGE);
    world_close(&world);
}

static void chunked_body_of_6_mib_costs_less_than_three_times_its_size(void **state) {
    (void)state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    world_open(&world, script, 1);
    char start[128];
    snprintf(start, sizeof(start), CHUNKED "%x\r\n", 6291556);
    char *answer = repeat(&world, start, 'x', 6291556);
    strcat(answer, "\r\n0\r\n\r\n");
    struct arena arena = {0};
    const struct script_answer answers = {.bytes = answer};
    const struct script_connection one = {&answers, 1};
    struct script_server server;
    script_server_start(&server, &one, 1, NULL);
    struct http_request request = to(&world, "GET", "/");
    request.url = str_format(&world.arena, "http://127.0.0.1:%d/", server.port);
    request.response_bytes_max = (size_t)8 * 1024 * 1024;
    assert_int_equal(
        world.transport->send(world.transport, &request, &arena, &world.response, &world.error),
        STATUS_OK);
    assert_int_equal(world.response.body.len, 6291556);
    assert_true(arena_bytes_held(&arena) < (size_t)2 * 6291556);
    arena_clean_up(&arena);
    script_server_stop(&server);
    world_close(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(answers_are_read_exactly_or_fail_with_the_right_status),
    cmocka_unit_test(body_up_to_the_cap_is_taken_and_beyond_is_too_large),
    cmocka_unit_test(header_of_64_kb_arrives_and_an_endless_head_is_too_large),
    cmocka_unit_test(chunked_body_of_6_mib_costs_less_than_three_times_its_size),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
