/* SPDX-License-Identifier: Apache-2.0
 *
 * The curl transport's connections: reused, replaced, renewed after a freeze, shared by single
 * requests, batches and the warm-up.
 */
#include "http_world.h"

static const struct script_answer always_ok[] = {{.bytes = OK_BYTES, .is_repeated = true}};
static const struct script_connection always[] = {{always_ok, COUNT(always_ok)}};

static int64_t opened(const struct world *world) {
    return http_curl_counts(world->transport).connections_opened;
}

static void connection_is_reused_while_it_is_alive(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(&world, "/"), STATUS_OK);
    }
    assert_int_equal(script_server_connections(&world.server), 1);
    assert_int_equal(opened(&world), 1);
    assert_int_equal(http_curl_counts(world.transport).requests, 5);
    world_close(&world);
}

static void connection_closed_while_idle_is_replaced_without_an_error(void **state) {
    (void)state;
    static const struct script_answer once[] = {{.bytes = OK_BYTES, .end = SCRIPT_CLOSE}};
    static const struct script_connection script[] = {{once, 1}, {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    assert_int_equal(get(&world, "/1"), STATUS_OK);
    script_server_wait_ended(&world.server, 1);
    assert_int_equal(get(&world, "/2"), STATUS_OK);
    assert_int_equal(opened(&world), 2);
    assert_int_equal(script_server_requests(&world.server), 2); /* none was sent twice */
    world_close(&world);
}

/* The trap that uses_fresh_connection is for. If curl stops doing it, this test fails. */
static void request_on_a_pooled_connection_that_dies_is_sent_again_by_curl(void **state) {
    (void)state;
    static const struct script_answer dies[] = {{.bytes = OK_BYTES}, {.end = SCRIPT_CLOSE}};
    static const struct script_connection script[] = {{dies, COUNT(dies)},
                                                      {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    assert_int_equal(get(&world, "/1"), STATUS_OK);
    struct http_request post = to(&world, "POST", "/2");
    post.body = STR("body");
    assert_int_equal(send_it(&world, &post), STATUS_OK);
    assert_int_equal(script_server_requests(&world.server), 3);
    assert_int_equal(world.server.requests[2].body_sum, script_sum("body", 4));
    world_close(&world);
}

static void request_on_a_fresh_connection_that_dies_is_delivered_once(void **state) {
    (void)state;
    static const struct script_answer dies[] = {{.end = SCRIPT_CLOSE}};
    static const struct script_connection script[] = {
        {always_ok, COUNT(always_ok)}, {dies, COUNT(dies)}, {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    assert_int_equal(get(&world, "/1"), STATUS_OK);
    struct http_request post = to(&world, "POST", "/2");
    post.body = STR("body");
    post.uses_fresh_connection = true;
    assert_int_equal(send_it(&world, &post), STATUS_CONNECTION);
    assert_int_equal(script_server_requests(&world.server), 2);
    world_close(&world);
}

static void fresh_connection_serves_later_requests_too(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct http_request request = to(&world, "GET", "/");
    request.uses_fresh_connection = true;
    assert_int_equal(send_it(&world, &request), STATUS_OK);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    assert_int_equal(opened(&world), 1);
    world_close(&world);
}

struct idle_row {
    const char *name;
    enum http_trust trust;
    int64_t idle_ms;
    int64_t opened;
};

static const struct idle_row idle_rows[] = {
    {"at once", HTTP_TRUST_AMAZON, 0, 1},
    {"15 s", HTTP_TRUST_AMAZON, 15000, 1},
    {"15.001 s", HTTP_TRUST_AMAZON, 15001, 2},
    {"an hour", HTTP_TRUST_AMAZON, 3600000, 2},
    {"clock set back", HTTP_TRUST_AMAZON, -1, 2},
    {"the Runtime API's survives a freeze", HTTP_TRUST_NONE, 3600000, 1},
};

static void connection_idle_by_the_wall_clock_is_not_used_again(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(idle_rows); i++) {
        const struct idle_row *row = &idle_rows[i];
        struct world world;
        world_open(&world, always, COUNT(always));
        world.transport = new_transport(&world, row->trust);
        assert_int_equal(get(&world, "/"), STATUS_OK);
        world.now_ms += row->idle_ms;
        assert_int_equal(get(&world, "/"), STATUS_OK);
        if (opened(&world) != row->opened) {
            fail_msg("%s: %lld connections", row->name, (long long)opened(&world));
        }
        world_close(&world);
    }
}

static void get_from(struct world *world, const struct script_server *server) {
    struct http_request request = to(world, "GET", "/");
    request.url = str_format(&world->arena, "http://127.0.0.1:%d/", server->port);
    assert_int_equal(send_it(world, &request), STATUS_OK);
}

static void requests_to_one_host_do_not_keep_another_hosts_connection_alive(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct script_server other;
    script_server_start(&other, always, COUNT(always), NULL);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    for (int i = 0; i < 240; i++) {
        world.now_ms += 15000;
        get_from(&world, &other);
    }
    assert_int_equal(opened(&world), 2);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    assert_int_equal(opened(&world), 3);
    script_server_stop(&other);
    world_close(&world);
}

/* The server keeps the socket of the first request open and never answers a second one on it, as
 * when it is gone without a word: only the clock shows it. */
static void connection_with_a_silently_dead_peer_is_not_waited_for(void **state) {
    (void)state;
    static const struct script_answer gone[] = {{.bytes = OK_BYTES}, {.bytes = NULL}};
    static const struct script_connection script[] = {{gone, COUNT(gone)},
                                                      {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    assert_int_equal(get(&world, "/"), STATUS_OK);
    world.now_ms += 3600000;
    assert_int_equal(get(&world, "/"), STATUS_OK);
    assert_int_equal(script_server_connections(&world.server), 2);
    assert_int_equal(script_server_requests(&world.server), 2);
    world_close(&world);
}

/* Nothing listens there: each is a host that was asked, without a connection. */
static void ask_other_hosts(struct world *world, int count) {
    for (int i = 0; i < count; i++) {
        struct http_request request = to(world, "GET", "/");
        request.url = str_format(&world->arena, "http://127.0.1.%d:1/", i + 1);
        assert_int_equal(send_it(world, &request), STATUS_CONNECTION);
    }
}

static void host_evicted_from_the_full_table_counts_as_stale(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int other_hosts;
        size_t connections;
    } rows[] = {{"the table is full", 127, 1}, {"one too many", 128, 2}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world world;
        world_open(&world, always, COUNT(always));
        assert_int_equal(get(&world, "/"), STATUS_OK);
        ask_other_hosts(&world, rows[i].other_hosts);
        assert_int_equal(get(&world, "/"), STATUS_OK);
        if (script_server_connections(&world.server) != rows[i].connections) {
            fail_msg("%s: %zu connections", rows[i].name, script_server_connections(&world.server));
        }
        assert_int_equal(get(&world, "/"), STATUS_OK); /* with a table that is empty again */
        assert_int_equal(script_server_connections(&world.server), rows[i].connections);
        world_close(&world);
    }
}

static void early_answer_and_reset_end_a_large_post_without_a_signal(void **state) {
    (void)state;
    static const struct script_answer early[] = {
        {.bytes = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         .is_early = true,
         .end = SCRIPT_RESET}};
    static const struct script_connection script[] = {{early, 1}, {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request post = to(&world, "POST", "/");
    char *body = arena_alloc(&world.arena, 4 * 1024 * 1024);
    post.body = (str){body, 4 * 1024 * 1024};
    enum status status = send_it(&world, &post);
    /* Which of the two the kernel shows first is not ours to say. */
    assert_true((status == STATUS_OK && world.response.status == 413) ||
                status == STATUS_CONNECTION);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    world_close(&world);
}

static void server_that_never_answers_times_out(void **state) {
    (void)state;
    static const struct script_answer silent[] = {{.bytes = NULL}};
    static const struct script_connection script[] = {{silent, 1}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct http_request request = to(&world, "GET", "/");
    request.timeout_ms = 30;
    assert_int_equal(send_it(&world, &request), STATUS_TIMEOUT);
    assert_true(str_contains(world.error.message, STR("127.0.0.1")));
    world_close(&world);
}

static void closed_port_is_a_connection_error_that_names_it(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct script_server gone;
    script_server_start(&gone, always, COUNT(always), NULL);
    int port = gone.port;
    script_server_stop(&gone);
    struct http_request request = to(&world, "GET", "/");
    request.url = str_format(&world.arena, "http://127.0.0.1:%d/?secret", port);
    assert_int_equal(send_it(&world, &request), STATUS_CONNECTION);
    str named = str_format(&world.arena, "127.0.0.1:%d", port);
    assert_true(str_contains(world.error.message, named));
    assert_false(str_contains(world.error.message, STR("secret")));
    world_close(&world);
}

/* Batches */

struct batch_test {
    struct world *world;
    unsigned to_start;
    unsigned started;
    unsigned in_flight;
    unsigned in_flight_peak;
    unsigned waits; /* how often to say "wait" before each start */
    unsigned waits_left;
    unsigned bad_at; /* this one (from 1) is not a valid request; 0: none */
    unsigned completed;
    unsigned ok;
    unsigned invalid;
    bool seen[SCRIPT_REQUESTS_MAX];
};

static enum http_batch_step batch_next(void *context, struct http_request *request, void **tag,
                                       int64_t *wait_ms) {
    struct batch_test *test = context;
    if (test->started == test->to_start) {
        return HTTP_BATCH_DONE;
    }
    if (test->waits_left > 0) {
        test->waits_left--;
        *wait_ms = 1;
        return HTTP_BATCH_WAIT;
    }
    test->waits_left = test->waits;
    *request = to(test->world, "GET", "/");
    *tag = &test->seen[test->started++];
    if (test->started == test->bad_at) {
        request->method = STR("");
    }
    test->in_flight++;
    test->in_flight_peak =
        test->in_flight > test->in_flight_peak ? test->in_flight : test->in_flight_peak;
    return HTTP_BATCH_SEND;
}

static void batch_completed(void *context, void *tag, enum status status,
                            const struct http_response *response, const struct error *error) {
    struct batch_test *test = context;
    assert_false(*(bool *)tag); /* each ends once */
    *(bool *)tag = true;
    test->in_flight--;
    test->completed++;
    test->ok += status == STATUS_OK && response->status == 200 && str_eq(response->body, STR("ok"));
    test->invalid += status == STATUS_INVALID && error->status == STATUS_INVALID;
}

static void run_batch(struct world *world, struct batch_test *test, unsigned in_flight_max) {
    test->world = world;
    test->waits_left = test->waits;
    const struct http_batch batch = {test, in_flight_max, batch_next, batch_completed};
    assert_int_equal(
        world->transport->send_all(world->transport, &batch, &world->arena, &world->error),
        STATUS_OK);
    assert_int_equal(test->completed, test->started);
    assert_int_equal(test->started, test->to_start);
}

static void batch_stays_within_its_room_and_reuses_connections(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct batch_test test = {.to_start = 100};
    run_batch(&world, &test, 4);
    assert_int_equal(test.ok, 100);
    assert_int_equal(test.in_flight_peak, 4);
    assert_true(opened(&world) <= 4);
    assert_int_equal(opened(&world), script_server_connections(&world.server));
    world_close(&world);
}

static void batch_and_single_requests_share_one_pool(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    assert_int_equal(get(&world, "/"), STATUS_OK);
    struct batch_test test = {.to_start = 3};
    run_batch(&world, &test, 1);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    assert_int_equal(opened(&world), 1);
    world_close(&world);
}

static void batch_that_waits_is_asked_again(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct batch_test test = {.to_start = 5, .waits = 2};
    run_batch(&world, &test, 3);
    assert_int_equal(test.ok, 5);
    world_close(&world);
}

static void batch_without_work_ends_at_once(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct batch_test test = {.to_start = 0};
    run_batch(&world, &test, 3);
    assert_int_equal(test.completed, 0);
    world_close(&world);
}

static void batch_reports_a_malformed_request_and_goes_on(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct batch_test test = {.to_start = 3, .bad_at = 2};
    run_batch(&world, &test, 1);
    assert_int_equal(test.ok, 2);
    assert_int_equal(test.invalid, 1);
    world_close(&world);
}

static void batch_begins_without_connections_that_were_idle_for_long(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct script_server other;
    script_server_start(&other, always, COUNT(always), NULL);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    world.now_ms += 10000;
    get_from(&world, &other);
    struct batch_test in_time = {.to_start = 3};
    run_batch(&world, &in_time, 1);
    assert_int_equal(opened(&world), 2);
    world.now_ms += 10000;
    get_from(&world, &other);
    world.now_ms += 10000;
    struct batch_test too_late = {.to_start = 3};
    run_batch(&world, &too_late, 1);
    assert_int_equal(too_late.ok, 3);
    assert_int_equal(opened(&world), 3);
    script_server_stop(&other);
    world_close(&world);
}

static void batch_outlives_connections_that_die(void **state) {
    (void)state;
    static const struct script_answer dies[] = {{.bytes = "HTTP/1.1 200", .end = SCRIPT_RESET}};
    static const struct script_connection script[] = {
        {dies, 1}, {NULL, 0}, {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    struct batch_test test = {.to_start = 10};
    run_batch(&world, &test, 1);
    assert_int_equal(test.ok, 8);
    world_close(&world);
}

/* Warm-up */

static void warm_up_leaves_connections_for_single_requests_and_batches(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    struct script_server other;
    script_server_start(&other, always, COUNT(always), NULL);
    const str urls[] = {to(&world, "GET", "/some/path?x").url,
                        str_format(&world.arena, "http://127.0.0.1:%d", other.port)};
    http_curl_warm_up(world.transport, urls, COUNT(urls), 5000);
    assert_int_equal(opened(&world), 2);
    assert_true(strstr(head(&world, 0), "GET /ping HTTP/1.1\r\n") == head(&world, 0));
    assert_null(strstr(head(&world, 0), "Authorization"));
    assert_int_equal(get(&world, "/"), STATUS_OK);
    struct batch_test test = {.to_start = 2};
    run_batch(&world, &test, 1);
    assert_int_equal(opened(&world), 2);
    assert_int_equal(script_server_connections(&world.server), 1);
    assert_int_equal(script_server_connections(&other), 1);
    script_server_stop(&other);
    world_close(&world);
}

static void warm_up_gives_up_on_a_silent_endpoint(void **state) {
    (void)state;
    static const struct script_answer silent[] = {{.bytes = NULL}};
    static const struct script_connection script[] = {{silent, 1}, {always_ok, COUNT(always_ok)}};
    struct world world;
    world_open(&world, script, COUNT(script));
    const str urls[] = {to(&world, "GET", "/").url, STR("nonsense")};
    http_curl_warm_up(world.transport, urls, COUNT(urls), 30);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    world_close(&world);
}

static void warm_up_without_endpoints_does_no_harm(void **state) {
    (void)state;
    struct world world;
    world_open(&world, always, COUNT(always));
    http_curl_warm_up(world.transport, NULL, 0, 100);
    assert_int_equal(http_curl_counts(world.transport).requests, 0);
    assert_int_equal(get(&world, "/"), STATUS_OK);
    world_close(&world);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connection_is_reused_while_it_is_alive),
    cmocka_unit_test(connection_closed_while_idle_is_replaced_without_an_error),
    cmocka_unit_test(request_on_a_pooled_connection_that_dies_is_sent_again_by_curl),
    cmocka_unit_test(request_on_a_fresh_connection_that_dies_is_delivered_once),
    cmocka_unit_test(fresh_connection_serves_later_requests_too),
    cmocka_unit_test(connection_idle_by_the_wall_clock_is_not_used_again),
    cmocka_unit_test(requests_to_one_host_do_not_keep_another_hosts_connection_alive),
    cmocka_unit_test(connection_with_a_silently_dead_peer_is_not_waited_for),
    cmocka_unit_test(host_evicted_from_the_full_table_counts_as_stale),
    cmocka_unit_test(early_answer_and_reset_end_a_large_post_without_a_signal),
    cmocka_unit_test(server_that_never_answers_times_out),
    cmocka_unit_test(closed_port_is_a_connection_error_that_names_it),
    cmocka_unit_test(batch_stays_within_its_room_and_reuses_connections),
    cmocka_unit_test(batch_and_single_requests_share_one_pool),
    cmocka_unit_test(batch_that_waits_is_asked_again),
    cmocka_unit_test(batch_without_work_ends_at_once),
    cmocka_unit_test(batch_reports_a_malformed_request_and_goes_on),
    cmocka_unit_test(batch_begins_without_connections_that_were_idle_for_long),
    cmocka_unit_test(batch_outlives_connections_that_die),
    cmocka_unit_test(warm_up_leaves_connections_for_single_requests_and_batches),
    cmocka_unit_test(warm_up_gives_up_on_a_silent_endpoint),
    cmocka_unit_test(warm_up_without_endpoints_does_no_harm),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
