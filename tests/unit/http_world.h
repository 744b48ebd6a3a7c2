/* SPDX-License-Identifier: Apache-2.0
 *
 * A curl transport and a scripted server to point it at, for tests.
 */
#ifndef TESTS_HTTP_WORLD_H
#define TESTS_HTTP_WORLD_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_curl.h"
#include "support/script_server.h"

#define OK_BYTES  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BODY_MAX  ((size_t)64 * 1024)
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

/* A wall clock that tests set; everything else is the machine's. */
static inline int64_t wall_ms(const struct clock *clock) {
    return *(const int64_t *)clock->context;
}

struct world {
    struct arena arena;
    int64_t now_ms;
    struct clock clock;
    struct script_server server;
    struct transport *transport;
    struct http_response response;
    struct error error;
};

static inline struct transport *new_transport(struct world *world, enum http_trust trust) {
    const struct http_curl_options options = {
        .trust = trust, .user_agent = STR("test/1"), .allows_plain_http = true};
    struct transport *transport = NULL;
    assert_int_equal(
        http_curl_init(&world->arena, &world->clock, &options, &transport, &world->error),
        STATUS_OK);
    return transport;
}

static inline void world_open(struct world *world, const struct script_connection *script,
                              size_t script_count) {
    memset(world, 0, sizeof(*world));
    world->now_ms = INT64_C(1795420800000);
    world->clock = *clock_system();
    world->clock.now_ms = wall_ms;
    world->clock.context = &world->now_ms;
    world->transport = new_transport(world, HTTP_TRUST_AMAZON);
    script_server_start(&world->server, script, script_count, NULL);
}

static inline void world_close(struct world *world) {
    script_server_stop(&world->server);
    arena_clean_up(&world->arena);
}

static inline struct http_request to(struct world *world, const char *method, const char *path) {
    return (struct http_request){
        .method = str_from_cstr(method),
        .url = str_format(&world->arena, "http://127.0.0.1:%d%s", world->server.port, path),
        .timeout_ms = 20000,
        .response_bytes_max = BODY_MAX,
    };
}

static inline enum status send_it(struct world *world, const struct http_request *request) {
    world->error = (struct error){0};
    return world->transport->send(world->transport, request, &world->arena, &world->response,
                                  &world->error);
}

static inline enum status get(struct world *world, const char *path) {
    struct http_request request = to(world, "GET", path);
    return send_it(world, &request);
}

static inline const char *head(const struct world *world, size_t n) {
    assert_true(n < world->server.request_count);
    return world->server.requests[n].head;
}

#endif
