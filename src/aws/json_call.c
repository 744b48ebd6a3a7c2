/* SPDX-License-Identifier: Apache-2.0
 *
 * What calls to JSON services share.
 */
#include "base/json.h"
#include "call_internal.h"

const struct http_header *json_headers(struct arena *arena, const char *version, str target) {
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, JSON_HEADER_COUNT);
    headers[0] = (struct http_header){STR("Content-Type"),
                                      str_format(arena, "application/x-amz-json-%s", version)};
    headers[1] = (struct http_header){STR("X-Amz-Target"), target};
    return headers;
}

enum status json_answer(struct arena *arena, const struct aws_response *response,
                        const struct json **root_out, struct error *error) {
    struct json_problem problem = {.what = NULL};
    enum status status =
        json_parse(arena, response->body, &JSON_LIMITS_DEFAULT, root_out, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s", problem.what);
    }
    if (!json_is_object(*root_out)) {
        *root_out = NULL;
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer is no JSON object");
    }
    return STATUS_OK;
}
