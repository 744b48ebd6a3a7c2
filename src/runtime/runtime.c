/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/runtime.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "runtime/runtime_internal.h"

/* The largest event is 6 MiB + 100 bytes of JSON; the rest is head-room for the platform. */
#define EVENT_BYTES_MAX ((size_t)8 * 1024 * 1024)
/* The Runtime API is on the same machine. */
#define CONNECT_TIMEOUT_MS   1000
#define REQUEST_ID_BYTES_MAX 256

/* Waits before each attempt at /next: one at once, for a connection that died, then some more for
 * an API that is restarting, a second in all. Asking again is safe: while an event is unanswered
 * the platform hands out the same one. */
static const int64_t take_delays_ms[] = {0, 0, 100, 300, 600};
#define TAKE_ATTEMPTS (sizeof(take_delays_ms) / sizeof(take_delays_ms[0]))

struct http_header runtime_user_agent(void) {
    return (struct http_header){STR("User-Agent"), STR("desync-guard/" DESYNC_GUARD_VERSION)};
}

/* The base URL */

static bool is_host_name(str host) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alphanumeric && c != '.' && c != '-' && c != '_') {
            return false;
        }
    }
    return host.len > 0;
}

static bool is_ipv6(struct arena *arena, str text) {
    struct in6_addr address;
    return str_find_char(text, '\0') == text.len &&
           inet_pton(AF_INET6, str_to_cstr(arena, text), &address) == 1;
}

static bool is_port(str text) {
    int64_t port = 0;
    return text.len <= 5 && str_find_char(text, '-') == text.len && str_parse_i64(text, &port) &&
           port >= 1 && port <= 65535;
}

/* Where the host of "host:port" or "[address]:port" ends, or 0 when there is no host. */
static size_t host_end(struct arena *arena, str text) {
    if (!str_starts_with(text, STR("["))) {
        size_t colon = str_find_char(text, ':');
        return is_host_name(str_slice(text, 0, colon)) ? colon : 0;
    }
    size_t bracket = str_find_char(text, ']');
    return is_ipv6(arena, str_slice(text, 1, bracket)) ? bracket + 1 : 0;
}

enum status runtime_base_url(str runtime_api, struct arena *arena, str *url_out,
                             struct error *error) {
    str text = str_ends_with(runtime_api, STR("/")) ? str_slice(runtime_api, 0, runtime_api.len - 1)
                                                    : runtime_api;
    const char *problem = NULL;
    size_t end = host_end(arena, text);
    if (str_is_empty(text)) {
        problem = "it is empty";
    } else if (end == 0) {
        problem = "the host is not a name or an address (IPv6 in brackets)";
    } else if (end >= text.len || text.ptr[end] != ':') {
        problem = "the port is missing";
    } else if (!is_port(str_slice(text, end + 1, text.len))) {
        problem = "the port is not a number from 1 to 65535";
    }
    if (problem != NULL) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "AWS_LAMBDA_RUNTIME_API must be host:port, but %s", problem);
    }
    *url_out = str_format(arena, "http://%" STR_FMT "/2018-06-01", STR_ARG(text));
    return STATUS_OK;
}

/* Taking an event */

/* A deadline that has passed before the event arrived is an emulator's invention (one sends 5000);
 * believing it would fail every call. */
static int64_t parse_deadline(const struct runtime *runtime, str text) {
    int64_t deadline_ms = INT64_MAX;
    if (!str_parse_i64(text, &deadline_ms) ||
        deadline_ms <= runtime->clock->now_ms(runtime->clock)) {
        return INT64_MAX;
    }
    return deadline_ms;
}

/* It becomes part of a URL. */
static bool is_request_id(str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alphanumeric && c != '-' && c != '_' && c != '.' && c != ':') {
            return false;
        }
    }
    return id.len > 0 && id.len <= REQUEST_ID_BYTES_MAX;
}

static str header_copy(struct arena *arena, const struct http_response *response,
                       const char *name) {
    str value = http_header_get(response, name);
    return str_is_empty(value) ? STR_EMPTY : str_copy(arena, value); /* ends in NUL: a C string */
}

static enum runtime_step read_event(struct runtime *runtime, struct arena *arena,
                                    const struct http_response *response,
                                    struct runtime_invocation *invocation) {
    *invocation = (struct runtime_invocation){
        .event = response->body,
        .request_id = header_copy(arena, response, "Lambda-Runtime-Aws-Request-Id"),
        .invocation_id = header_copy(arena, response, "Lambda-Runtime-Invocation-Id"),
        .function_arn = header_copy(arena, response, "Lambda-Runtime-Invoked-Function-Arn"),
        .tenant_id = header_copy(arena, response, "Lambda-Runtime-Aws-Tenant-Id"),
        .trace_id = header_copy(arena, response, "Lambda-Runtime-Trace-Id"),
        .deadline_ms =
            parse_deadline(runtime, http_header_get(response, "Lambda-Runtime-Deadline-Ms")),
    };
    if (!is_request_id(invocation->request_id)) {
        LOG(runtime->log, LOG_FATAL, "next_unusable",
            LOG_STR("errorMessage", STR("the event has no usable Lambda-Runtime-Aws-Request-Id")));
        return RUNTIME_EXIT;
    }
    return RUNTIME_GO_ON;
}

static enum status ask_next(struct runtime *runtime, struct arena *arena,
                            struct http_response *response, struct error *error) {
    const struct http_header headers[] = {runtime_user_agent()};
    const struct http_request request = {
        .method = STR("GET"),
        .url =
            str_format(arena, "%" STR_FMT "/runtime/invocation/next", STR_ARG(runtime->base_url)),
        .headers = headers,
        .header_count = sizeof(headers) / sizeof(headers[0]),
        .timeout_ms = 0, /* the sandbox may be frozen in here for hours */
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .response_bytes_max = EVENT_BYTES_MAX,
    };
    *error = (struct error){0};
    return runtime->transport->send(runtime->transport, &request, arena, response, error);
}

/* 403: the platform's state machine is stuck, for good; 500: "non-recoverable state, the runtime
 * should exit promptly". */
static bool is_final(enum status status, const struct http_response *response) {
    return status == STATUS_OK && (response->status == 403 || response->status == 500);
}

static void log_next_failed(const struct runtime *runtime, enum status status,
                            const struct http_response *response, const struct error *error,
                            size_t attempt) {
    bool is_end = attempt == TAKE_ATTEMPTS || is_final(status, response);
    LOG(runtime->log, is_end ? LOG_FATAL : LOG_WARN, "next_failed",
        LOG_STR("status", status == STATUS_OK ? STR_EMPTY : str_from_cstr(status_name(status))),
        LOG_INT("httpStatus", response->status), LOG_INT("attempt", (int64_t)attempt),
        LOG_STR("errorMessage", status == STATUS_OK ? STR("not an event") : error->message));
}

enum runtime_step runtime_take(struct runtime *runtime, struct arena *arena,
                               struct runtime_invocation *invocation) {
    for (size_t attempt = 1; attempt <= TAKE_ATTEMPTS; attempt++) {
        if (take_delays_ms[attempt - 1] > 0) {
            runtime->clock->sleep_ms(runtime->clock, take_delays_ms[attempt - 1]);
        }
        struct http_response response = {0};
        struct error error;
        enum status status = ask_next(runtime, arena, &response, &error);
        if (status == STATUS_OK && response.status == 200) {
            return read_event(runtime, arena, &response, invocation);
        }
        log_next_failed(runtime, status, &response, &error, attempt);
        if (is_final(status, &response)) {
            return RUNTIME_EXIT;
        }
        arena_reset(arena); /* a broken answer may have been large */
    }
    return RUNTIME_EXIT;
}

/* The loop */

static void log_end(const struct runtime *runtime, const struct runtime_invocation *invocation,
                    const struct runtime_reply *reply, int64_t start_us) {
    int64_t took_us = runtime->clock->monotonic_us(runtime->clock) - start_us;
    const struct log_field fields[] = {
        LOG_STR("outcome", reply->is_error ? STR("error") : STR("success")),
        LOG_INT("took_ms", took_us / 1000),
        LOG_INT("event_bytes", (int64_t)invocation->event.len),
        LOG_INT("response_bytes", (int64_t)reply->body.len),
        LOG_STR("errorType", reply->error_type),
    };
    size_t count = sizeof(fields) / sizeof(fields[0]) - (reply->is_error ? 0 : 1);
    log_write(runtime->log, LOG_INFO, "invocation_end", fields, count);
}

static enum runtime_step serve_one(struct runtime *runtime, const struct runtime_handler *handler,
                                   struct arena *arena) {
    struct runtime_invocation invocation;
    if (runtime_take(runtime, arena, &invocation) == RUNTIME_EXIT) {
        return RUNTIME_EXIT;
    }
    int64_t start_us = runtime->clock->monotonic_us(runtime->clock);
    runtime->log->request_id = invocation.request_id;
    runtime->log->tenant_id = invocation.tenant_id;
    if (runtime->set_trace_id != NULL) {
        runtime->set_trace_id(invocation.trace_id); /* empty: the former one must not stay */
    }
    struct runtime_reply reply = {0};
    handler->handle(handler->context, &invocation, arena, &reply);
    enum runtime_step step = runtime_post(runtime, arena, &invocation, &reply);
    log_end(runtime, &invocation, &reply, start_us);
    runtime->log->request_id = STR_EMPTY; /* they die with the arena */
    runtime->log->tenant_id = STR_EMPTY;
    return reply.is_last ? RUNTIME_EXIT : step;
}

int runtime_run(struct runtime *runtime, const struct runtime_handler *handler) {
    struct arena arena;
    arena_init(&arena);
    while (serve_one(runtime, handler, &arena) == RUNTIME_GO_ON) {
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    return EXIT_FAILURE;
}
