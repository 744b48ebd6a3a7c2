/* SPDX-License-Identifier: Apache-2.0
 *
 * Handing an outcome back: /response, /error and /init/error.
 */
#include "base/json.h"
#include "runtime/runtime_internal.h"

/* The answer of the Runtime API is a line of JSON that nobody reads. */
#define ANSWER_BYTES_MAX   ((size_t)64 * 1024)
#define CONNECT_TIMEOUT_MS 1000
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

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* (Runtime|Function)\.[A-Z][a-zA-Z]+ is what the platform accepts. */
static bool is_accepted_type(str name) {
    if (name.len < 2 || name.ptr[0] < 'A' || name.ptr[0] > 'Z') {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        if (!is_letter(name.ptr[i])) {
            return false;
        }
    }
    return true;
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
        runtime_user_agent(),
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

/* After a first attempt of unknown outcome, "not your turn" (403), "wrong id" (400) and "too late"
 * (410) mean that the first one was taken. */
static bool is_refusal(int http_status) {
    return http_status == 400 || http_status == 403 || http_status == 410;
}

static enum runtime_step judge(const struct runtime *runtime, int http_status, bool is_repeated) {
    if (http_status >= 200 && http_status < 300) {
        return RUNTIME_GO_ON;
    }
    if (is_refusal(http_status) && is_repeated) {
        return RUNTIME_GO_ON;
    }
    if (http_status == 413) {
        /* The platform has told the caller already; an /error now would be refused. */
        log_problem(runtime, LOG_ERROR, "post_too_large", http_status, STR("larger than allowed"));
        return RUNTIME_GO_ON;
    }
    if (http_status >= 500) {
        log_problem(runtime, LOG_FATAL, "post_failed", http_status, STR("the platform failed"));
        return RUNTIME_EXIT;
    }
    /* Whether the state machine is stuck now, /next will tell. */
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

/* Sending what will be refused would cost the transfer and leave the caller with less: told so
 * beforehand the platform still accepts an /error, and the type is the one it would use itself. */
static enum runtime_step post_too_large(struct runtime *runtime, struct arena *arena,
                                        const struct runtime_invocation *invocation, size_t bytes) {
    const struct runtime_reply reply = {
        .is_error = true,
        .error_type = STR("Function.ResponseSizeTooLarge"),
        .error_message = str_format(arena, "the response of %zu bytes exceeds the maximum of %d",
                                    bytes, RUNTIME_RESPONSE_BYTES_MAX),
    };
    log_problem(runtime, LOG_ERROR, "response_too_large", 0, reply.error_message);
    return post_error(runtime, arena, invocation, &reply);
}

enum runtime_step runtime_post(struct runtime *runtime, struct arena *arena,
                               const struct runtime_invocation *invocation,
                               const struct runtime_reply *reply) {
    if (reply->is_error) {
        return post_error(runtime, arena, invocation, reply);
    }
    if (reply->body.len > RUNTIME_RESPONSE_BYTES_MAX) {
        return post_too_large(runtime, arena, invocation, reply->body.len);
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
    struct arena arena;
    arena_init(&arena);
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
