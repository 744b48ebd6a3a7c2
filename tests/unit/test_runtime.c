/* SPDX-License-Identifier: Apache-2.0
 *
 * The Runtime API loop: what it takes, and what it does with each status of the platform.
 */
#include "runtime_world.h"

#define ANSWERS_MAX 10
#define ENDS        NEXT(403)

/* Every row of the platform's status table, and failures of the way to it. */
struct status_row {
    const char *name;
    struct fake_answer answers[ANSWERS_MAX]; /* up to the first without a match */
    size_t calls;                            /* of the handler */
    size_t requests;
    int64_t slept_ms;
    const char *logged;     /* NULL: not looked at */
    const char *not_logged; /* NULL: not looked at */
};

static const struct status_row status_rows[] = {
    {"/next 200, /response 202", {EVENT, POST(202), ENDS}, 1, 3, 0, "invocation_end", NULL},
    {"two events", {EVENT, POST(202), EVENT, POST(202), ENDS}, 2, 5, 0, NULL, NULL},
    {"/next 403: stuck for good", {ENDS}, 0, 1, 0, "\"httpStatus\":403", NULL},
    {"/next 500: exit promptly", {NEXT(500)}, 0, 1, 0, "\"httpStatus\":500", NULL},
    {"/next 410 for ever",
     {NEXT(410), NEXT(410), NEXT(410), NEXT(410), NEXT(410)},
     0,
     5,
     1000,
     "\"httpStatus\":410",
     NULL},
    {"/next 503 for ever",
     {NEXT(503), NEXT(503), NEXT(503), NEXT(503), NEXT(503)},
     0,
     5,
     1000,
     "FATAL",
     NULL},
    {"/next 404 for ever",
     {NEXT(404), NEXT(404), NEXT(404), NEXT(404), NEXT(404)},
     0,
     5,
     1000,
     "FATAL",
     NULL},
    {"/next refused once",
     {NEXT_FAILS(STATUS_CONNECTION), EVENT, POST(202), ENDS},
     1,
     4,
     0,
     "WARN",
     NULL},
    {"/next cut short once, partial event not handled",
     {NEXT_FAILS(STATUS_INCOMPLETE), EVENT, POST(202), ENDS},
     1,
     4,
     0,
     "INCOMPLETE",
     NULL},
    {"/next refused twice",
     {NEXT_FAILS(STATUS_CONNECTION), NEXT_FAILS(STATUS_CONNECTION), EVENT, POST(202), ENDS},
     1,
     5,
     100,
     NULL,
     NULL},
    {"/next refused for ever",
     {NEXT_FAILS(STATUS_CONNECTION), NEXT_FAILS(STATUS_CONNECTION), NEXT_FAILS(STATUS_CONNECTION),
      NEXT_FAILS(STATUS_CONNECTION), NEXT_FAILS(STATUS_CONNECTION)},
     0,
     5,
     1000,
     "CONNECTION",
     NULL},
    {"attempts start anew after an event",
     {NEXT(503), NEXT(503), EVENT, POST(202), NEXT(503), NEXT(503), EVENT, POST(202), ENDS},
     2,
     9,
     200,
     NULL,
     NULL},
    {"/next 503, then stuck", {NEXT(503), ENDS}, 0, 2, 0, "\"httpStatus\":403", NULL},
    {"/response 400", {EVENT, POST(400), EVENT, POST(202), ENDS}, 2, 5, 0, "post_refused", NULL},
    {"/response 403", {EVENT, POST(403), EVENT, POST(202), ENDS}, 2, 5, 0, "post_refused", NULL},
    {"/response 410", {EVENT, POST(410), EVENT, POST(202), ENDS}, 2, 5, 0, "post_refused", NULL},
    {"/response 413, no /error",
     {EVENT, POST(413), EVENT, POST(202), ENDS},
     2,
     5,
     0,
     "post_too_",
     NULL},
    {"/response 500: exit", {EVENT, POST(500)}, 1, 2, 0, "post_failed", NULL},
    {"/response lost, taken again",
     {EVENT, POST_FAILS(STATUS_CONNECTION), POST(202), ENDS},
     1,
     4,
     0,
     "post_not_delivered",
     NULL},
    {"/response taken, its answer lost",
     {EVENT, POST_FAILS(STATUS_INCOMPLETE), POST(403), EVENT, POST(202), ENDS},
     2,
     6,
     0,
     NULL,
     "post_refused"},
    {"answer lost, 400 to the repetition",
     {EVENT, POST_FAILS(STATUS_TIMEOUT), POST(400), ENDS},
     1,
     4,
     0,
     NULL,
     "post_refused"},
    {"answer lost, 410 to the repetition",
     {EVENT, POST_FAILS(STATUS_CONNECTION), POST(410), ENDS},
     1,
     4,
     0,
     NULL,
     "post_refused"},
    {"answer lost, 500 to the repetition",
     {EVENT, POST_FAILS(STATUS_CONNECTION), POST(500)},
     1,
     3,
     0,
     "post_failed",
     NULL},
    {"/response lost twice: exit",
     {EVENT, POST_FAILS(STATUS_CONNECTION), POST_FAILS(STATUS_CONNECTION)},
     1,
     3,
     0,
     "FATAL",
     NULL},
};

static bool ends_as_said(const struct status_row *row, const struct runtime_world *world) {
    return world->calls == row->calls && world->fake.request_count == row->requests &&
           world->fake.slept_ms == row->slept_ms &&
           (row->logged == NULL || has_logged(world, row->logged)) &&
           (row->not_logged == NULL || !has_logged(world, row->not_logged)) &&
           str_is_empty(world->log.request_id);
}

static void check_status_row(const struct status_row *row, bool is_error) {
    struct runtime_world world;
    runtime_open(&world);
    world.reply.is_error = is_error;
    world.reply.error_type = is_error ? STR("Function.Wrong") : STR_EMPTY;
    for (size_t i = 0; i < ANSWERS_MAX && row->answers[i].match != NULL; i++) {
        fake_answer(&world.fake, row->answers[i]);
    }
    int exit_code = runtime_run(&world.runtime, &world.handler);
    if (exit_code != 1 || !ends_as_said(row, &world)) {
        fail_msg("%s%s: exit %d, %zu calls, %zu requests, slept %lld ms, logged %" STR_FMT,
                 row->name, is_error ? " (error)" : "", exit_code, world.calls,
                 world.fake.request_count, (long long)world.fake.slept_ms,
                 STR_ARG(buf_str(&world.lines)));
    }
    runtime_close(&world);
}

static void each_status_of_the_platform_is_obeyed(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(status_rows); i++) {
        check_status_row(&status_rows[i], false);
        check_status_row(&status_rows[i], true);
    }
}

/* The nth call fails once, for each n: the event is handled and its outcome delivered always. */
static void any_single_failure_on_the_way_is_survived(void **state) {
    (void)state;
    static const enum status failures[] = {STATUS_CONNECTION, STATUS_TIMEOUT, STATUS_INCOMPLETE,
                                           STATUS_TOO_LARGE, STATUS_TLS};
    for (size_t n = 0; n < 4 * COUNT(failures); n++) {
        const struct fake_answer usual[] = {EVENT, POST(202), EVENT, POST(202)};
        struct runtime_world world;
        runtime_open(&world);
        for (size_t i = 0; i < COUNT(usual); i++) {
            if (i == n % COUNT(usual)) {
                fake_answer(&world.fake,
                            (struct fake_answer){.match = usual[i].match,
                                                 .status = failures[n / COUNT(usual)]});
            }
            fake_answer(&world.fake, usual[i]);
        }
        fake_answer(&world.fake, (struct fake_answer)ENDS);
        assert_int_equal(runtime_run(&world.runtime, &world.handler), 1);
        assert_int_equal(world.calls, 2);
        assert_int_equal(world.fake.request_count, 6);
        assert_int_equal(fake_requests_with(&world.fake, "{\"answer\":1}"),
                         n % 2 == 0 ? 2 : 3); /* the body again, from its first byte */
        runtime_close(&world);
    }
}

/* What is taken from an event */

static void next_request_is_exact(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    serve_one_event(&world, EVENT_HEAD);
    const struct http_request *next = &world.fake.requests[0].http;
    assert_str(next->method, "GET");
    assert_str(next->url, "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next");
    assert_int_equal(next->timeout_ms, 0);
    assert_int_equal(next->body.len, 0);
    assert_true(next->response_bytes_max >= 6291556);
    assert_int_equal(header_count_of(&world.fake, 0), 1);
    assert_str(fake_request_header(&world.fake, 0, "User-Agent"),
               "desync-guard/" DESYNC_GUARD_VERSION);
    runtime_close(&world);
}

/* The sandbox may be frozen in it for hours; a limit would show in the fake's clock, too. */
static void next_is_waited_for_without_end_at_every_attempt(void **state) {
    (void)state;
    const int64_t day_ms = INT64_C(24) * 3600 * 1000;
    struct runtime_world world;
    runtime_open(&world);
    const struct fake_answer answers[] = {
        {.match = "/next", .status = STATUS_CONNECTION, .took_ms = day_ms},
        NEXT(503),
        {.match = "/next", .http_status = 200, .headers = EVENT_HEAD, .took_ms = day_ms},
        POST(202),
        ENDS,
    };
    answer_all(&world, answers, COUNT(answers));
    assert_int_equal(runtime_run(&world.runtime, &world.handler), 1);
    assert_int_equal(world.calls, 1);
    for (size_t i = 0; i < world.fake.request_count; i++) {
        const struct http_request *request = &world.fake.requests[i].http;
        assert_true((request->timeout_ms == 0) == str_ends_with(request->url, STR("/next")));
    }
    assert_true(world.fake.now_ms - FAKE_NOW_MS >= 2 * day_ms);
    runtime_close(&world);
}

static void invocation_carries_every_header(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    serve_one_event(&world, "lambda-runtime-aws-request-id: id-1\n"
                            "LAMBDA-RUNTIME-INVOCATION-ID: nonce\n"
                            "Lambda-Runtime-Invoked-Function-Arn: arn:f\n"
                            "Lambda-Runtime-Trace-Id: Root=1\n"
                            "Lambda-Runtime-Aws-Tenant-Id: tenant\n"
                            "Lambda-Runtime-Deadline-Ms: 1795420860000");
    assert_int_equal(world.calls, 1);
    const struct runtime_invocation *invocation = &world.invocations[0];
    assert_str(invocation->event, "{\"event\":1}");
    assert_str(invocation->request_id, "id-1");
    assert_str(invocation->invocation_id, "nonce");
    assert_str(invocation->function_arn, "arn:f");
    assert_str(invocation->trace_id, "Root=1");
    assert_str(invocation->tenant_id, "tenant");
    assert_int_equal(invocation->deadline_ms, INT64_C(1795420860000));
    assert_str(world.logged_ids[0], "id-1");
    assert_str(world.logged_tenants[0], "tenant");
    assert_true(has_logged(&world, "\"took_ms\":"));
    assert_false(has_logged(&world, "answer")); /* never payloads */
    assert_false(has_logged(&world, "event\\\""));
    runtime_close(&world);
}

static void invocation_without_optional_headers_is_handled(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    serve_one_event(&world, EVENT_HEAD);
    const struct runtime_invocation *invocation = &world.invocations[0];
    assert_int_equal(world.calls, 1);
    assert_int_equal(invocation->invocation_id.len, 0);
    assert_int_equal(invocation->tenant_id.len, 0);
    assert_int_equal(invocation->function_arn.len, 0);
    assert_int_equal(invocation->deadline_ms, INT64_MAX);
    runtime_close(&world);
}

static void trace_id_is_set_and_unset_again(void **state) {
    (void)state;
    struct runtime_world world;
    runtime_open(&world);
    const struct fake_answer answers[] = {
        {.match = "/next",
         .http_status = 200,
         .headers = EVENT_HEAD "\nLambda-Runtime-Trace-Id: Root=1"},
        POST(202),
        EVENT,
        POST(202),
        ENDS,
    };
    answer_all(&world, answers, COUNT(answers));
    assert_int_equal(runtime_run(&world.runtime, &world.handler), 1);
    assert_int_equal(world.trace_count, 2);
    assert_str(world.traces[0], "Root=1");
    assert_str(world.traces[1], "");
    runtime_close(&world);
}

struct deadline_row {
    const char *name;
    const char *headers;
    int64_t deadline_ms;
};

static const struct deadline_row deadline_rows[] = {
    {"future", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: 1795420800001", INT64_C(1795420800001)},
    {"past, as an emulator sends it", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: 5000", INT64_MAX},
    {"now", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: 1795420800000", INT64_MAX},
    {"negative", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: -1", INT64_MAX},
    {"no number", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: soon", INT64_MAX},
    {"empty", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms:", INT64_MAX},
    {"2^63", EVENT_HEAD "\nLambda-Runtime-Deadline-Ms: 9223372036854775808", INT64_MAX},
};

static void nonsense_deadline_counts_as_none(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(deadline_rows); i++) {
        struct runtime_world world;
        runtime_open(&world);
        serve_one_event(&world, deadline_rows[i].headers);
        if (world.calls != 1 || world.invocations[0].deadline_ms != deadline_rows[i].deadline_ms) {
            fail_msg("%s: %lld", deadline_rows[i].name,
                     (long long)world.invocations[0].deadline_ms);
        }
        runtime_close(&world);
    }
}

struct id_row {
    const char *name;
    const char *headers;
};

static const struct id_row id_rows[] = {
    {"absent", "Content-Type: application/json"},
    {"empty", "Lambda-Runtime-Aws-Request-Id:"},
    {"goes elsewhere", "Lambda-Runtime-Aws-Request-Id: ../../init"},
    {"query", "Lambda-Runtime-Aws-Request-Id: a?b"},
    {"blank", "Lambda-Runtime-Aws-Request-Id: a b"},
};

static void event_without_usable_request_id_ends_the_process_unhandled(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(id_rows); i++) {
        struct runtime_world world;
        runtime_open(&world);
        fake_answer(&world.fake, (struct fake_answer){.match = "/next",
                                                      .http_status = 200,
                                                      .headers = id_rows[i].headers});
        if (runtime_run(&world.runtime, &world.handler) != 1 || world.calls != 0 ||
            world.fake.request_count != 1 || !has_logged(&world, "next_unusable")) {
            fail_msg("%s", id_rows[i].name);
        }
        runtime_close(&world);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_status_of_the_platform_is_obeyed),
    cmocka_unit_test(any_single_failure_on_the_way_is_survived),
    cmocka_unit_test(next_request_is_exact),
    cmocka_unit_test(next_is_waited_for_without_end_at_every_attempt),
    cmocka_unit_test(invocation_carries_every_header),
    cmocka_unit_test(invocation_without_optional_headers_is_handled),
    cmocka_unit_test(trace_id_is_set_and_unset_again),
    cmocka_unit_test(nonsense_deadline_counts_as_none),
    cmocka_unit_test(event_without_usable_request_id_ends_the_process_unhandled),
};

int main(void) {
    return cmocka_run_group_tests(tests, NULL, NULL);
}
