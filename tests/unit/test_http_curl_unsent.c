/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the curl transport know a request that never left from one whose answer was lost? On it
 * depends whether a call that must not be doubled may be tried again.
 */
#include "http_world.h"

static const struct script_answer silent[] = {{.bytes = NULL}};
static const struct script_answer hangs_up[] = {{.end = SCRIPT_CLOSE}};
static const struct script_answer resets[] = {{.end = SCRIPT_RESET}};
static const struct script_answer cuts_head[] = {
    {.bytes = "HTTP/1.1 200 OK\r\nX-Ma", .end = SCRIPT_CLOSE}};
static const struct script_answer cuts_body[] = {
    {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", .end = SCRIPT_CLOSE}};
static const struct script_answer answers[] = {{.bytes = OK_BYTES, .is_repeated = true}};

struct unsent_row {
    const char *name;
    const char *scheme;
    struct script_connection connection;
    int64_t timeout_ms;
    enum status status;
    bool was_not_sent;
};

static const struct unsent_row unsent_rows[] = {
    {"hangs up after the request", "http", {hangs_up, 1}, 20000, STATUS_CONNECTION, false},
    {"resets after the request", "http", {resets, 1}, 20000, STATUS_CONNECTION, false},
    {"never answers", "http", {silent, 1}, 50, STATUS_TIMEOUT, false},
    {"cut in the headers", "http", {cuts_head, 1}, 20000, STATUS_INCOMPLETE, false},
    {"cut in the body", "http", {cuts_body, 1}, 20000, STATUS_INCOMPLETE, false},
    {"no TLS on the other side", "https", {answers, 1}, 50, STATUS_TIMEOUT, true},
    {"hangs up in the handshake", "https", {NULL, 0}, 20000, STATUS_CONNECTION, true},
    {"no time left", "http", {answers, 1}, -1, STATUS_TIMEOUT, true},
};

static enum status post(struct world *world, const struct unsent_row *row, int port) {
    struct http_request request = to(world, "POST", "/");
    request.url = str_format(&world->arena, "%s://127.0.0.1:%d/", row->scheme, port);
    request.body = STR("body");
    request.timeout_ms = row->timeout_ms;
    request.uses_fresh_connection = true;
    return send_it(world, &request);
}

static void transport_distinguishes_unsent_requests_from_lost_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(unsent_rows); i++) {
        const struct unsent_row *row = &unsent_rows[i];
        struct world world;
        world_open(&world, &row->connection, 1);
        enum status status = post(&world, row, world.server.port);
        if (status != row->status || world.error.was_not_sent != row->was_not_sent) {
            fail_msg("%s: %s, %ssent: %s", row->name, status_name(status),
                     world.error.was_not_sent ? "not " : "",
                     str_to_cstr(&world.arena, world.error.message));
        }
        world_close(&world);
    }
}

static void request_to_a_closed_port_was_not_sent(void **state) {
    (void)state;
    static const struct script_connection script[] = {{answers, 1}};
    struct world world;
    struct script_server gone;
    world_open(&world, script, 1);
    script_server_start(&gone, script, 1, NULL);
    int port = gone.port;
    script_server_stop(&gone);
    assert_int_equal(post(&world, &unsent_rows[0], port), STATUS_CONNECTION);
    assert_true(world.error.was_not_sent);
    world_close(&world);
}

/* The handle that carried a good request before must not lend its numbers to one that went out
 * nowhere, nor the other way round. */
static void numbers_of_an_earlier_request_do_not_count(void **state) {
    (void)state;
    static const struct script_connection script[] = {{answers, 1}, {hangs_up, 1}};
    struct world world;
    struct script_server gone;
    world_open(&world, script, COUNT(script));
    script_server_start(&gone, script, 1, NULL);
    int closed_port = gone.port;
    script_server_stop(&gone);
    assert_int_equal(post(&world, &unsent_rows[0], world.server.port), STATUS_OK);
    assert_int_equal(post(&world, &unsent_rows[0], closed_port), STATUS_CONNECTION);
    assert_true(world.error.was_not_sent);
    assert_int_equal(post(&world, &unsent_rows[0], world.server.port), STATUS_CONNECTION);
    assert_false(world.error.was_not_sent);
    world_close(&world);
}

/* curl sends again by itself on a pooled connection; then a second refusal to connect is no proof
 * that nothing was sent. */
static void request_sent_on_a_pooled_connection_and_then_refused_counts_as_sent(void **state) {
    (void)state;
    static const struct script_answer dies[] = {{.bytes = OK_BYTES}, {.end = SCRIPT_CLOSE}};
    static const struct script_connection script[] = {{dies, COUNT(dies)}, {NULL, 0}};
    struct world world;
    world_open(&world, script, COUNT(script));
    assert_int_equal(get(&world, "/1"), STATUS_OK);
    struct http_request request = to(&world, "POST", "/2");
    request.body = STR("body");
    assert_int_not_equal(send_it(&world, &request), STATUS_OK);
    assert_int_equal(script_server_requests(&world.server), 2);
    assert_false(world.error.was_not_sent);
    world_close(&world);
}

static void request_that_is_malformed_was_not_sent(void **state) {
    (void)state;
    static const struct script_connection script[] = {{answers, 1}};
    struct world world;
    world_open(&world, script, 1);
    struct http_request request = to(&world, "", "/");
    assert_int_equal(send_it(&world, &request), STATUS_INVALID);
    assert_true(world.error.was_not_sent);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transport_distinguishes_unsent_requests_from_lost_answers),
        cmocka_unit_test(request_to_a_closed_port_was_not_sent),
        cmocka_unit_test(numbers_of_an_earlier_request_do_not_count),
        cmocka_unit_test(request_sent_on_a_pooled_connection_and_then_refused_counts_as_sent),
        cmocka_unit_test(request_that_is_malformed_was_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
