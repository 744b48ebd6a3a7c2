/* SPDX-License-Identifier: Apache-2.0
 *
 * The real client against a server that answers with any bytes at all and hangs up: an answer that
 * is whole, or a status and a reason; never a header with a line end in it, never more of a body
 * than was asked for, never a body shorter than announced.
 */
#include "fuzz/fuzz.h"

#include "net/http_curl.h"
#include "support/script_server.h"

#define BODY_MAX ((size_t)4096)
/* A server counts at most SCRIPT_CONNECTIONS_MAX connections; curl may repeat a request once. */
#define RUNS_PER_SERVER (SCRIPT_CONNECTIONS_MAX / 2 - 1)

static struct script_answer answer = {.end = SCRIPT_CLOSE};
static const struct script_connection script = {&answer, 1};

static struct script_server *server(void) {
    static struct script_server server;
    static size_t runs;
    static bool is_running;
    if (is_running && runs++ < RUNS_PER_SERVER) {
        return &server;
    }
    if (is_running) {
        script_server_stop(&server);
    }
    runs = 0;
    is_running = true;
    script_server_start(&server, &script, 1, NULL);
    return &server;
}

static struct transport *client(void) {
    static struct arena forever;
    static struct transport *transport;
    static const struct http_curl_options options = {
        .trust = HTTP_TRUST_NONE, .user_agent = {"fuzz/1", 6}, .allows_plain_http = true};
    struct error error = {0};
    if (transport == NULL) {
        HOLD(http_curl_init(&forever, clock_system(), &options, &transport, &error) == STATUS_OK);
    }
    return transport;
}

static bool has_any(str text, const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_find_char(text, bytes[i]) < text.len) {
            return true;
        }
    }
    return false;
}

static size_t count_headers(const struct http_response *response, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        count += str_eq_ignore_case(response->headers[i].name, str_from_cstr(name)) ? 1 : 0;
    }
    return count;
}

/* The length that was announced, when nothing else has a say in it. */
static void hold_length(const struct http_response *response) {
    int64_t length = 0;
    bool has_body = response->status != 204 && response->status != 304;
    if (has_body && count_headers(response, "Transfer-Encoding") == 0 &&
        count_headers(response, "Content-Length") == 1 &&
        str_parse_i64(http_header_get(response, "Content-Length"), &length) && length >= 0) {
        HOLD(response->body.len == (size_t)length);
    }
}

static void hold_response(const struct http_response *response) {
    HOLD(response->status >= 100 && response->status <= 999);
    HOLD(response->body.len <= BODY_MAX);
    (void)fuzz_touch(response->body);
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *header = &response->headers[i];
        HOLD(header->name.len > 0 && !has_any(header->name, "\r\n:", 3));
        HOLD(!has_any(header->value, "\r\n", 2));
        (void)fuzz_touch(header->value);
    }
    hold_length(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    arena_reset(&arena);
    struct script_server *hostile = server();
    answer.bytes = size > 0 ? (const char *)data : NULL;
    answer.len = size;
    const struct http_request request = {
        .method = STR("GET"),
        .url = str_format(&arena, "http://127.0.0.1:%d/", hostile->port),
        .timeout_ms = 10000,
        .response_bytes_max = BODY_MAX,
        .uses_fresh_connection = true,
    };
    struct http_response response = {0};
    struct error error = {0};
    size_t ended = script_server_connections(hostile);
    enum status status = client()->send(client(), &request, &arena, &response, &error);
    script_server_wait_ended(hostile, ended + 1);
    if (status == STATUS_OK) {
        hold_response(&response);
        return 0;
    }
    HOLD(status == STATUS_INCOMPLETE || status == STATUS_CONNECTION || status == STATUS_TOO_LARGE ||
         status == STATUS_INVALID);
    fuzz_hold_error(status, &error);
    return 0;
}
