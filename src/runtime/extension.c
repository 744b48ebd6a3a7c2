/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/extension.h"

#include "runtime/runtime_internal.h"

#define ANSWER_BYTES_MAX    65536
#define REGISTER_TIMEOUT_MS 1000 /* the Runtime API is on the same machine, and INIT waits */

/* "http://host:port" of "http://host:port/2018-06-01". */
static str extension_url(const struct runtime *runtime, struct arena *arena, const char *path) {
    size_t end = runtime->base_url.len - (sizeof "/2018-06-01" - 1);
    return str_format(arena, "%" STR_FMT "/2020-01-01/extension/%s",
                      STR_ARG(str_slice(runtime->base_url, 0, end)), path);
}

enum status extension_register(const struct runtime *runtime, struct arena *arena,
                               str *identifier_out, struct error *error) {
    const struct http_header headers[] = {
        runtime_user_agent(),
        {STR("Lambda-Extension-Name"), STR("desync-guard")},
        {STR("Content-Type"), STR("application/json")},
    };
    const struct http_request request = {
        .method = STR("POST"),
        .url = extension_url(runtime, arena, "register"),
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .body = STR("{\"events\":[]}"),
        .timeout_ms = REGISTER_TIMEOUT_MS,
        .response_bytes_max = ANSWER_BYTES_MAX,
    };
    struct http_response response = {0};
    TRY(runtime->transport->send(runtime->transport, &request, arena, &response, error));
    str identifier = http_header_get(&response, "Lambda-Extension-Identifier");
    if (response.status != 200 || str_is_empty(identifier)) {
        return error_set(error, arena, STATUS_REFUSED, "extension register: HTTP status %d%s",
                         response.status, str_is_empty(identifier) ? " without an identifier" : "");
    }
    *identifier_out = str_copy(arena, identifier);
    return STATUS_OK;
}

void extension_wait(const struct runtime *runtime, str identifier) {
    struct arena arena = {0};
    const struct http_header headers[] = {
        runtime_user_agent(),
        {STR("Lambda-Extension-Identifier"), identifier},
    };
    const struct http_request request = {
        .method = STR("GET"),
        .url = extension_url(runtime, &arena, "event/next"),
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .response_bytes_max = ANSWER_BYTES_MAX,
    };
    struct http_response response = {0};
    struct error error = {0};
    enum status status =
        runtime->transport->send(runtime->transport, &request, &arena, &response, &error);
    if (status != STATUS_OK) {
        LOG(runtime->log, LOG_WARN, "extension_lost", LOG_STR("errorMessage", error.message));
    }
    arena_clean_up(&arena);
}
