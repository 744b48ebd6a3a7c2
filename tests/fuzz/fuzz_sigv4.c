/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing: a canonical request of the documented shape, headers that can be sent, no secret in
 * anything but the key; and the order of headers and query arguments says nothing. Parts: a byte of
 * options, method, path, query, body, then names and values of headers.
 */
#include "fuzz/fuzz.h"

#include "aws/sigv4_internal.h"
#include "base/buf.h"

#define HEADERS_MAX 16
#define NOW_MS      INT64_C(1795420800000)
#define SECRET      "NotRealNotRealNotRealNotRealNotReal"

static const struct aws_credentials credentials = {
    {"AKIDEXAMPLE", 11}, {SECRET, sizeof(SECRET) - 1}, {"TheSessionToken", 15}};
static const struct sigv4_scope scope = {{"eu-west-1", 9}, {"service", 7}};

static bool is_hex(str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return text.len == 2 * SHA256_BYTES;
}

/* Method, path, query, a line for each header, an empty one, names, hash. */
static void hold_canonical(str text) {
    str last = STR_EMPTY;
    str signed_headers = STR_EMPTY;
    size_t lines = 0;
    for (str rest = text; rest.ptr != NULL; lines++) {
        signed_headers = last;
        last = str_split(&rest, '\n');
    }
    HOLD(lines >= 7 && (is_hex(last) || str_eq(last, STR("UNSIGNED-PAYLOAD"))));
    size_t names = 0;
    str name_before = STR_EMPTY;
    for (str rest = signed_headers; rest.ptr != NULL; names++) {
        str name = str_split(&rest, ';');
        HOLD(name.len > 0 && str_compare(name_before, name) < 0);
        name_before = name;
    }
    HOLD(lines == 6 + names);
}

static void hold_result(const struct sigv4_result *result) {
    HOLD(is_hex(result->signature) && result->header_count >= 2);
    for (size_t i = 0; i < result->header_count; i++) {
        str value = result->headers[i].value;
        HOLD(value.len > 0 && !str_contains(value, STR(SECRET)));
        for (size_t k = 0; k < value.len; k++) {
            HOLD(value.ptr[k] >= ' ' && value.ptr[k] <= '~');
        }
    }
    str authorization = result->headers[result->header_count - 1].value;
    HOLD(str_starts_with(authorization, STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")));
    HOLD(str_ends_with(authorization, result->signature));
    HOLD(str_starts_with(result->string_to_sign, STR("AWS4-HMAC-SHA256\n20261123T080000Z\n")));
    hold_canonical(result->canonical_request);
}

static bool has_twins(const struct sigv4_request *request) {
    for (size_t i = 0; i < request->header_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (str_eq_ignore_case(request->headers[i].name, request->headers[k].name)) {
                return true; /* the order of their values does count */
            }
        }
    }
    return false;
}

static str query_reversed(struct arena *arena, str query) {
    struct buf out;
    buf_init(&out, arena, query.len);
    for (size_t end = query.len; end != SIZE_MAX;) {
        size_t from = end;
        while (from > 0 && query.ptr[from - 1] != '&') {
            from--;
        }
        buf_append(&out, str_slice(query, from, end));
        if (from > 0) {
            buf_append_char(&out, '&');
        }
        end = from > 0 ? from - 1 : SIZE_MAX;
    }
    HOLD(out.len == query.len);
    return buf_str(&out);
}

static void hold_order(struct arena *arena, const struct sigv4_request *request,
                       const struct sigv4_result *result) {
    struct sigv4_request other = *request;
    struct http_header reversed[HEADERS_MAX];
    struct sigv4_result *other_result = ARENA_NEW(arena, struct sigv4_result);
    if (has_twins(request)) {
        return;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        reversed[i] = request->headers[request->header_count - 1 - i];
    }
    other.headers = reversed;
    other.query = query_reversed(arena, request->query);
    HOLD(sigv4_sign(&other, &credentials, &scope, NOW_MS, NULL, arena, other_result) == STATUS_OK);
    HOLD(str_eq(other_result->canonical_request, result->canonical_request));
    HOLD(str_eq(other_result->signature, result->signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct sigv4_key_cache cache;
    arena_reset(&arena);
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest);
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request request = {
        .method = fuzz_part(&arena, &rest),
        .path = fuzz_part(&arena, &rest),
        .query = fuzz_part(&arena, &rest),
        .body = fuzz_part(&arena, &rest),
        .headers = headers,
        .is_unsigned_payload = (what & 1) != 0,
        .signs_payload_header = (what & 2) != 0,
        .keeps_path_as_is = (what & 4) != 0,
        .omits_session_token = (what & 8) != 0,
    };
    while (rest.ptr != NULL && request.header_count < HEADERS_MAX) {
        str name = fuzz_part(&arena, &rest);
        headers[request.header_count++] = (struct http_header){name, fuzz_part(&arena, &rest)};
    }
    struct sigv4_result *result = ARENA_NEW(&arena, struct sigv4_result);
    enum status status = sigv4_sign(&request, &credentials, &scope, NOW_MS, &cache, &arena, result);
    if (status == STATUS_OK) {
        hold_result(result);
        hold_order(&arena, &request, result);
    } else {
        HOLD(status == STATUS_INVALID || status == STATUS_TOO_LARGE);
        HOLD(result->header_count == 0);
    }
    return 0;
}
