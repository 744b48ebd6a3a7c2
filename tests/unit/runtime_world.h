/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime against a scripted platform, with a handler that replies what the test says. A run
 * ends at a 403 to /next, as on Lambda.
 */
#ifndef TESTS_RUNTIME_WORLD_H
#define TESTS_RUNTIME_WORLD_H

#include "unit.h"

#include "base/json.h"
#include "fake_transport.h"
#include "runtime/runtime.h"

#define COUNT(of)  (sizeof(of) / sizeof((of)[0]))
#define CALLS_MAX  16
#define EVENT_HEAD "Lambda-Runtime-Aws-Request-Id: id-1"

#define EVENT                                                                                      \
    {                                                                                              \
        .match = "/next", .http_status = 200, .headers = EVENT_HEAD, .body = { "{}", 2 }           \
    }
#define NEXT(http)                                                                                 \
    { .match = "/next", .http_status = (http) }
#define NEXT_FAILS(why)                                                                            \
    { .match = "/next", .status = (why) }
#define POST(http)                                                                                 \
    { .match = "/invocation/id-1/", .http_status = (http) }
#define POST_FAILS(why)                                                                            \
    { .match = "/invocation/id-1/", .status = (why) }

struct runtime_world {
    struct fake_transport fake;
    struct arena arena;
    struct log log;
    struct buf lines;
    struct runtime runtime;
    struct runtime_handler handler;
    struct runtime_reply reply;
    size_t calls;
    struct runtime_invocation invocations[CALLS_MAX]; /* copies */
    str logged_ids[CALLS_MAX];                        /* log's request and tenant id in the call */
    str logged_tenants[CALLS_MAX];
    size_t trace_count;
    str traces[CALLS_MAX];
};

/* The callback has no context; one test runs at a time. */
static struct runtime_world *trace_world;

static inline void keep_trace(str trace_id) {
    struct runtime_world *world = trace_world;
    assert_true(world->trace_count < CALLS_MAX);
    if (!str_is_empty(trace_id)) {
        assert_int_equal(trace_id.ptr[trace_id.len], '\0'); /* setenv takes a C string */
    }
    world->traces[world->trace_count++] = str_copy(&world->arena, trace_id);
}

static inline void keep_line(void *context, str line) {
    buf_append(context, line);
}

static inline void handle(void *context, const struct runtime_invocation *invocation,
                          struct arena *arena, struct runtime_reply *reply) {
    struct runtime_world *world = context;
    assert_true(world->calls < CALLS_MAX);
    struct runtime_invocation *copy = &world->invocations[world->calls];
    copy->event = str_copy(&world->arena, invocation->event);
    copy->request_id = str_copy(&world->arena, invocation->request_id);
    copy->invocation_id = str_copy(&world->arena, invocation->invocation_id);
    copy->function_arn = str_copy(&world->arena, invocation->function_arn);
    copy->tenant_id = str_copy(&world->arena, invocation->tenant_id);
    copy->trace_id = str_copy(&world->arena, invocation->trace_id);
    copy->deadline_ms = invocation->deadline_ms;
    world->logged_ids[world->calls] = str_copy(&world->arena, world->log.request_id);
    world->logged_tenants[world->calls] = str_copy(&world->arena, world->log.tenant_id);
    world->calls++;
    *reply = world->reply; /* a copy in the invocation's arena, as a real handler's would be */
    reply->body = str_copy(arena, world->reply.body);
}

static inline void runtime_open(struct runtime_world *world) {
    memset(world, 0, sizeof(*world));
    fake_init(&world->fake);
    buf_init(&world->lines, &world->arena, (size_t)1024 * 1024);
    world->log = (struct log){.clock = &world->fake.clock,
                              .level_min = LOG_INFO,
                              .format = LOG_FORMAT_JSON,
                              .write = keep_line,
                              .context = &world->lines};
    world->runtime = (struct runtime){.transport = &world->fake.transport,
                                      .clock = &world->fake.clock,
                                      .log = &world->log,
                                      .base_url = STR("http://127.0.0.1:9001/2018-06-01"),
                                      .set_trace_id = keep_trace};
    world->handler = (struct runtime_handler){.context = world, .handle = handle};
    world->reply.body = STR("{\"answer\":1}");
    trace_world = world;
}

static inline void runtime_close(struct runtime_world *world) {
    trace_world = NULL;
    fake_clean_up(&world->fake);
    arena_clean_up(&world->arena);
}

static inline void answer_all(struct runtime_world *world, const struct fake_answer *answers,
                              size_t count) {
    for (size_t i = 0; i < count; i++) {
        fake_answer(&world->fake, answers[i]);
    }
}

static inline bool has_logged(const struct runtime_world *world, const char *text) {
    return str_contains(buf_str(&world->lines), str_from_cstr(text));
}

/* One event, one outcome, then the end. */
static inline void serve_one_event(struct runtime_world *world, const char *headers) {
    const struct fake_answer answers[] = {
        {.match = "/next", .http_status = 200, .headers = headers, .body = STR("{\"event\":1}")},
        POST(202),
        NEXT(403),
    };
    answer_all(world, answers, COUNT(answers));
    assert_int_equal(runtime_run(&world->runtime, &world->handler), 1);
}

static inline size_t header_count_of(const struct fake_transport *fake, size_t n) {
    return fake->requests[n].http.header_count;
}

#endif
