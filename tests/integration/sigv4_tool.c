/* SPDX-License-Identifier: Apache-2.0
 *
 * The signer as a filter, for test_sigv4_botocore.py: one JSON request a line on stdin, one JSON
 * result a line on stdout. All lines share one key cache, so that a key that outlives a change of
 * secret, day, region or service shows as a wrong signature.
 *
 * {"method", "path", "query", "headers": [["name", "value"], ..], "body_hex", "access_key_id",
 *  "secret_access_key", "session_token", "region", "service", "time_ms", and true or false:
 *  "unsigned_payload", "payload_header", "path_as_is", "omit_token"}
 */
#include <stdio.h>
#include <stdlib.h>

#include "aws/sigv4.h"
#include "base/json.h"

/* A 64 KiB body in hex with room for the rest. */
#define LINE_BYTES_MAX (1 << 18)

static bool flag(const struct json *line, const char *key) {
    return json_bool(json_get(line, key), false);
}

static int hex_digit(char c) {
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static str bytes_from_hex(struct arena *arena, str hex) {
    char *bytes = arena_alloc(arena, hex.len / 2);
    for (size_t i = 0; i < hex.len / 2; i++) {
        bytes[i] = (char)(hex_digit(hex.ptr[2 * i]) * 16 + hex_digit(hex.ptr[2 * i + 1]));
    }
    return (str){bytes, hex.len / 2};
}

static struct sigv4_request request_read(const struct json *line, struct arena *arena) {
    const struct json *pairs = json_get(line, "headers");
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, json_count(pairs));
    size_t count = 0;
    for (const struct json *pair = json_first(pairs); pair != NULL; pair = json_next(pair)) {
        const struct json *name = json_first(pair);
        headers[count++] = (struct http_header){json_string(name), json_string(json_next(name))};
    }
    return (struct sigv4_request){
        .method = json_get_string(line, "method"),
        .path = json_get_string(line, "path"),
        .query = json_get_string(line, "query"),
        .headers = headers,
        .header_count = count,
        .body = bytes_from_hex(arena, json_get_string(line, "body_hex")),
        .is_unsigned_payload = flag(line, "unsigned_payload"),
        .signs_payload_header = flag(line, "payload_header"),
        .keeps_path_as_is = flag(line, "path_as_is"),
        .omits_session_token = flag(line, "omit_token"),
    };
}

static enum status line_sign(const struct json *line,
                             struct sigv4_key_cache *cache,
                             struct arena *arena,
                             struct sigv4_result *result) {
    struct sigv4_request request = request_read(line, arena);
    struct aws_credentials credentials = {
        .access_key_id = json_get_string(line, "access_key_id"),
        .secret_access_key = json_get_string(line, "secret_access_key"),
        .session_token = json_get_string(line, "session_token"),
    };
    struct sigv4_scope scope = {
        .region = json_get_string(line, "region"),
        .service = json_get_string(line, "service"),
    };
    double time_ms = -1;
    if (!json_number(json_get(line, "time_ms"), &time_ms)) {
        return STATUS_INVALID;
    }
    return sigv4_sign(&request, &credentials, &scope, (int64_t)time_ms, cache, arena, result);
}

static void result_write(struct buf *out, enum status status, const struct sigv4_result *result) {
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    json_write_member(&writer, "status", str_from_cstr(status_name(status)));
    json_write_member(&writer, "canonical_request", result->canonical_request);
    json_write_member(&writer, "string_to_sign", result->string_to_sign);
    json_write_member(&writer, "signature", result->signature);
    json_write_key(&writer, STR("headers"));
    json_object_begin(&writer);
    for (size_t i = 0; i < result->header_count; i++) {
        json_write_key(&writer, result->headers[i].name);
        json_write_str(&writer, result->headers[i].value);
    }
    json_object_end(&writer);
    json_object_end(&writer);
    buf_append_char(out, '\n');
}

static void line_answer(str text, struct sigv4_key_cache *cache, struct arena *arena) {
    const struct json *line = NULL;
    struct sigv4_result result = {.header_count = 0};
    enum status status = json_parse(arena, text, &JSON_LIMITS_DEFAULT, &line, NULL);
    if (status == STATUS_OK) {
        status = line_sign(line, cache, arena, &result);
    }
    struct buf out;
    buf_init(&out, arena, (size_t)8 * LINE_BYTES_MAX);
    result_write(&out, status, &result);
    fwrite(out.ptr, 1, out.len, stdout);
}

int main(void) {
    static char line[LINE_BYTES_MAX];
    struct sigv4_key_cache cache = {0};
    struct arena arena = {0};
    while (fgets(line, sizeof line, stdin) != NULL) {
        line_answer(str_from_cstr(line), &cache, &arena);
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    sigv4_key_cache_wipe(&cache);
    return ferror(stdin) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
