/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop over the Runtime API: /next takes an event; /response, /error and /init/error hand an
 * outcome back.
 *
 * The loop, and its ways out. Each ends the process; Lambda then replaces the environment.
 *
 *               200                          2xx or 4xx
 *   GET /next -------> handler --> POST /response or /error -------> arena_reset --+
 *     ^   |                              |                                         |
 *     |   | 403, 500, or the last        | 5xx, not delivered twice, or is_last    |
 *     |   | of the attempts              v                                         |
 *     |   +--------------------------> exit                                        |
 *     +----------------------------------------------------------------------------+
 *
 * 403 at /next is permanent: every further request gets it at once, so a loop that only logged it
 * would spin at full speed until the function's time is over (seen with Lambda's runtime interface
 * emulator: 8,000 turns in 5 s).
 */
#include "runtime/runtime.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/json.h"

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

/* The answer of the Runtime API is a line of JSON that nobody reads. */
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)
/* 6 MiB on the same machine take milliseconds; the event's own deadline does not apply, since a
 * late answer is still better than none. */
#define POST_TIMEOUT_MS 30000
/* An init that failed should end. */
#define INIT_ERROR_TIMEOUT_MS 2000
/* A message is for people; and however it is escaped (six bytes for one at worst) the body stays
 * below the platform's bound. */
#define MESSAGE_BYTES_MAX    ((size_t)128 * 1024)
#define ERROR_TYPE_BYTES_MAX ((size_t)1024)
#define ERROR_BODY_BYTES_MAX ((size_t)1024 * 1024)

#define POST_ATTEMPTS 2

/* What the loop does after a call. */
enum runtime_step {
    RUNTIME_GO_ON,
    RUNTIME_EXIT /* the platform said so, or no further call can succeed; already logged */
};

/* The platform keeps its first token as the "runtime release". */
static struct http_header user_agent(void) {
    return (struct http_header){STR("User-Agent"), STR("desync-guard/" DESYNC_GUARD_VERSION)};
}

/* ---- the base URL ---- */

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
        return ascii_is_made_of(str_slice(text, 0, colon), STR(".-_")) ? colon : 0;
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

/* ---- taking an event ---- */

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
    return id.len > 0 && id.len <= REQUEST_ID_BYTES_MAX && ascii_is_made_of(id, STR("-_.:"));
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

/* Events above some 2 KB arrive chunked and without Content-Length, in one chunk (measured on
 * provided.al2023). */
static enum status ask_next(struct runtime *runtime, struct arena *arena,
                            struct http_response *response, struct error *error) {
    const struct http_header headers[] = {user_agent()};
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

/* Waits for the next event without limit, and asks again where that can help. */
static enum runtime_step take_event(struct runtime *runtime, struct arena *arena,
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

/* ---- handing an outcome back ---- */

/* (Runtime|Function)\.[A-Z][a-zA-Z]+ is what the platform accepts. */
static bool is_accepted_type(str name) {
    return name.len >= 2 && ascii_is_upper(name.ptr[0]) && ascii_has_only(name, ascii_is_letter);
}

/* What the platform would make of any other form, done here so that nothing odd enters a header. */
static str type_header(str error_type) {
    str function = STR("Function.");
    str runtime = STR("Runtime.");
    bool is_function = str_starts_with(error_type, function);
    size_t prefix = is_function                            ? function.len
                    : str_starts_with(error_type, runtime) ? runtime.len
                                                           : error_type.len;
    if (is_accepted_type(str_slice(error_type, prefix, error_type.len))) {
        return error_type;
    }
    return is_function ? STR("Function.Unknown") : STR("Runtime.Unknown");
}

static str error_body(struct arena *arena, str error_type, str error_message) {
    struct buf buf;
    struct json_writer writer;
    buf_init(&buf, arena, ERROR_BODY_BYTES_MAX);
    json_writer_init(&writer, &buf);
    json_object_begin(&writer);
    json_write_member(&writer, "errorMessage", str_slice(error_message, 0, MESSAGE_BYTES_MAX));
    json_write_member(&writer, "errorType", str_slice(error_type, 0, ERROR_TYPE_BYTES_MAX));
    json_write_key(&writer, STR("stackTrace"));
    json_array_begin(&writer);
    json_array_end(&writer);
    json_object_end(&writer);
    ASSERT(buf_status(&buf) == STATUS_OK); /* the bounds above add up to less */
    return buf_str(&buf);
}

/* One POST with its optional headers. */
struct post {
    str url;
    str body;
    str invocation_id; /* empty: not sent */
    str error_type;    /* empty: not sent */
    int64_t timeout_ms;
};

static enum status send_once(struct runtime *runtime, struct arena *arena, const struct post *post,
                             struct http_response *response, struct error *error) {
    struct http_header headers[4] = {
        user_agent(),
        {STR("Content-Type"), STR("application/json")},
    };
    size_t count = 2;
    if (!str_is_empty(post->invocation_id)) {
        headers[count++] =
            (struct http_header){STR("Lambda-Runtime-Invocation-Id"), post->invocation_id};
    }
    if (!str_is_empty(post->error_type)) {
        headers[count++] = (struct http_header){STR("Lambda-Runtime-Function-Error-Type"),
                                                type_header(post->error_type)};
    }
    const struct http_request request = {
        .method = STR("POST"),
        .url = post->url,
        .headers = headers,
        .header_count = count,
        .body = post->body,
        .timeout_ms = post->timeout_ms,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .response_bytes_max = ANSWER_BYTES_MAX,
    };
    *error = (struct error){0};
    *response = (struct http_response){0};
    return runtime->transport->send(runtime->transport, &request, arena, response, error);
}

static void log_problem(const struct runtime *runtime, enum log_level level, const char *event,
                        int http_status, str message) {
    LOG(runtime->log, level, event, LOG_INT("httpStatus", http_status),
        LOG_STR("errorMessage", message));
}

static enum runtime_step judge(const struct runtime *runtime, int http_status, bool is_repeated) {
    /* After a first attempt of unknown outcome, "not your turn" (403), "wrong id" (400) and "too
     * late" (410) mean that the first one was taken. */
    bool is_refused = http_status == 400 || http_status == 403 || http_status == 410;
    if ((http_status >= 200 && http_status < 300) || (is_refused && is_repeated)) {
        return RUNTIME_GO_ON;
    }
    if (http_status == 413) {
        /* The platform has answered the caller already; an /error now would be refused. */
        log_problem(runtime, LOG_ERROR, "post_too_large", http_status, STR("larger than allowed"));
        return RUNTIME_GO_ON;
    }
    if (http_status >= 500) {
        log_problem(runtime, LOG_FATAL, "post_failed", http_status, STR("the platform failed"));
        return RUNTIME_EXIT;
    }
    /* The answer to /next will show whether the state machine is stuck. */
    log_problem(runtime, LOG_WARN, "post_refused", http_status, STR("the platform refused it"));
    return RUNTIME_GO_ON;
}

/* A connection that broke leaves open whether the outcome was taken. Sending it again is safe: the
 * platform takes one outcome per invocation. After a second failure the way to the platform is
 * gone, and a fresh sandbox is the cure. */
static enum runtime_step send_outcome(struct runtime *runtime, struct arena *arena,
                                      const struct post *post) {
    for (int attempt = 1; attempt <= POST_ATTEMPTS; attempt++) {
        struct http_response response;
        struct error error;
        if (send_once(runtime, arena, post, &response, &error) == STATUS_OK) {
            return judge(runtime, response.status, attempt > 1);
        }
        bool is_last = attempt == POST_ATTEMPTS;
        log_problem(runtime, is_last ? LOG_FATAL : LOG_WARN, "post_not_delivered", 0,
                    error.message);
    }
    return RUNTIME_EXIT;
}

static enum runtime_step post_error(struct runtime *runtime, struct arena *arena,
                                    const struct runtime_invocation *invocation,
                                    const struct runtime_reply *reply) {
    str error_type = str_is_empty(reply->error_type) ? STR("Runtime.Unknown") : reply->error_type;
    const struct post post = {
        .url = str_format(arena, "%" STR_FMT "/runtime/invocation/%" STR_FMT "/error",
                          STR_ARG(runtime->base_url), STR_ARG(invocation->request_id)),
        .body = error_body(arena, error_type, reply->error_message),
        .invocation_id = invocation->invocation_id,
        .error_type = error_type,
        .timeout_ms = POST_TIMEOUT_MS,
    };
    return send_outcome(runtime, arena, &post);
}

static enum runtime_step post_outcome(struct runtime *runtime, struct arena *arena,
                                      const struct runtime_invocation *invocation,
                                      const struct runtime_reply *reply) {
    if (reply->is_error) {
        return post_error(runtime, arena, invocation, reply);
    }
    if (reply->body.len > RUNTIME_RESPONSE_BYTES_MAX) {
        /* Sending it would cost the transfer and be refused. The platform still accepts an /error
         * instead, and the type is the one it would use itself. */
        const struct runtime_reply too_large = {
            .is_error = true,
            .error_type = STR("Function.ResponseSizeTooLarge"),
            .error_message =
                str_format(arena, "the response of %zu bytes exceeds the maximum of %d",
                           reply->body.len, RUNTIME_RESPONSE_BYTES_MAX),
        };
        log_problem(runtime, LOG_ERROR, "response_too_large", 0, too_large.error_message);
        return post_error(runtime, arena, invocation, &too_large);
    }
    const struct post post = {
        .url = str_format(arena, "%" STR_FMT "/runtime/invocation/%" STR_FMT "/response",
                          STR_ARG(runtime->base_url), STR_ARG(invocation->request_id)),
        .body = reply->body,
        .invocation_id = invocation->invocation_id,
        .timeout_ms = POST_TIMEOUT_MS,
    };
    return send_outcome(runtime, arena, &post);
}

void runtime_init_error(struct runtime *runtime, str error_type, str error_message) {
    struct arena arena = {0};
    const struct post post = {
        .url = str_format(&arena, "%" STR_FMT "/runtime/init/error", STR_ARG(runtime->base_url)),
        .body = error_body(&arena, error_type, error_message),
        .error_type = error_type,
        .timeout_ms = INIT_ERROR_TIMEOUT_MS,
    };
    struct http_response response;
    struct error error;
    (void)send_once(runtime, &arena, &post, &response, &error);
    arena_clean_up(&arena);
}

/* ---- the loop ---- */

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

/* The invocation counts as running, and is billed, until the next GET /next: work after the answer
 * would be as expensive as work before it. */
static enum runtime_step serve_one(struct runtime *runtime, const struct runtime_handler *handler,
                                   struct arena *arena) {
    struct runtime_invocation invocation;
    if (take_event(runtime, arena, &invocation) == RUNTIME_EXIT) {
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
    enum runtime_step step = post_outcome(runtime, arena, &invocation, &reply);
    log_end(runtime, &invocation, &reply, start_us);
    runtime->log->request_id = STR_EMPTY; /* they die with the arena */
    runtime->log->tenant_id = STR_EMPTY;
    return reply.is_last ? RUNTIME_EXIT : step;
}

int runtime_run(struct runtime *runtime, const struct runtime_handler *handler) {
    struct arena arena = {0};
    while (serve_one(runtime, handler, &arena) == RUNTIME_GO_ON) {
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    return EXIT_FAILURE;
}
