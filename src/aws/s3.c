/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "s3_internal.h"

#define BUCKET_BYTES_MIN   3
#define LABEL_BYTES_MAX    63
#define BUCKET_BYTES_MAX   255 /* of the oldest buckets of us-east-1 */
#define E_TAG_BYTES_MAX    128 /* 32 hexadecimal digits, and the number of parts */
#define SHA256_BASE64_SIZE 44

static const struct aws_code_meaning MEANINGS[] = {
    {"NoSuchBucket", STATUS_NOT_FOUND, "there is no such bucket"},
    {"NoSuchKey", STATUS_NOT_FOUND, "there is no such object in the bucket"},
    {"AccessDenied", STATUS_DENIED,
     "not permitted, or there is no such object and s3:ListBucket is not granted"},
    {"InvalidObjectState", STATUS_REFUSED,
     "the object is archived and has to be restored before it can be read"},
    {"PreconditionFailed", STATUS_CONFLICT, "the object is not the one that was meant"},
    {NULL, STATUS_OK, NULL},
};

/* Of a write that names the owner. */
static const struct aws_code_meaning OWNED_MEANINGS[] = {
    {"NoSuchBucket", STATUS_NOT_FOUND, "there is no such bucket"},
    {"AccessDenied", STATUS_DENIED,
     "not permitted, or the bucket is not of this function's account"},
    {"PreconditionFailed", STATUS_CONFLICT, "the object is not the one that was meant"},
    {NULL, STATUS_OK, NULL},
};

/* ---- where an object is ---- */

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters, digits and what stands in `others`; no path can be made of it. */
static bool is_made_of(str text, const char *others) {
    str allowed = str_from_cstr(others);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_alphanumeric(c) && str_find_char(allowed, c) == allowed.len) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_bucket(str bucket) {
    return bucket.len >= BUCKET_BYTES_MIN && bucket.len <= BUCKET_BYTES_MAX &&
           is_made_of(bucket, ".-_") && is_alphanumeric(bucket.ptr[0]);
}

/* One label of a host's name: with a dot in it, the certificate of *.s3 would not fit. */
static bool is_host_label(str bucket) {
    bool has_upper_case = false;
    for (size_t i = 0; i < bucket.len; i++) {
        has_upper_case |= bucket.ptr[i] >= 'A' && bucket.ptr[i] <= 'Z';
    }
    return bucket.len <= LABEL_BYTES_MAX && !has_upper_case && is_made_of(bucket, "-") &&
           !str_ends_with(bucket, STR("-"));
}

static bool is_key(str key) {
    return key.len > 0 && key.len <= S3_KEY_BYTES_MAX && str_utf8_valid_prefix(key) == key.len;
}

static bool is_e_tag(str bare) {
    return str_is_empty(bare) || (bare.len <= E_TAG_BYTES_MAX && is_made_of(bare, "-_.+/=:"));
}

static void append_key(struct buf *out, str key) {
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool is_plain = is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_plain || c == '/') {
            buf_append_char(out, c);
        } else {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
}

/* "/key", or "/bucket/key" when the bucket is not in the host. */
static str path_of(const struct s3_object *object, bool is_in_host, struct arena *arena) {
    struct buf path;
    buf_init(&path, arena, BUCKET_BYTES_MAX + 2 + 3 * S3_KEY_BYTES_MAX);
    if (!is_in_host) {
        buf_printf(&path, "/%" STR_FMT, STR_ARG(object->bucket));
    }
    buf_append_char(&path, '/');
    append_key(&path, object->key);
    ASSERT(buf_status(&path) == STATUS_OK);
    return buf_str(&path);
}

/* ---- what it answers when it refuses ---- */

static bool says_other_region(int http_status, str code) {
    return http_status == 301 || http_status == 307 || str_eq(code, STR("PermanentRedirect")) ||
           str_eq(code, STR("AuthorizationHeaderMalformed")) ||
           str_eq(code, STR("IllegalLocationConstraintException"));
}

/* A bucket is in one Region; asked in another, S3 says which in a header. */
static void refine(void *context, struct arena *arena, const struct aws_response *response,
                   struct aws_error_text *text) {
    str region = http_header_get(response->http, "x-amz-bucket-region");
    (void)context;
    if (says_other_region(response->http_status, text->code) && region_is_valid(region)) {
        text->message = str_format(arena, "the bucket is in Region %" STR_FMT, STR_ARG(region));
    }
}

enum status s3_request(const struct aws_client *client, const struct s3_object *object,
                       const char *operation, struct arena *arena, struct aws_request *request_out,
                       struct error *error) {
    if (!is_bucket(object->bucket) || !is_key(object->key) ||
        !is_e_tag(s3_e_tag_bare(object->e_tag))) {
        return error_set(error, arena, STATUS_INVALID,
                         "s3 %s: a bucket, key or ETag that cannot be one", operation);
    }
    bool is_in_host =
        is_host_label(object->bucket) && !endpoint_is_overridden(&client->endpoints, AWS_S3);
    *request_out = (struct aws_request){
        .service = AWS_S3,
        .operation = operation,
        .path = path_of(object, is_in_host, arena),
        .timeout_ms = S3_TIMEOUT_MS,
        .region = object->region,
        .host_label = is_in_host ? object->bucket : STR_EMPTY,
        .meanings = MEANINGS,
        .refine = refine,
    };
    return STATUS_OK;
}

str s3_e_tag_bare(str e_tag) {
    bool is_quoted =
        e_tag.len >= 2 && str_starts_with(e_tag, STR("\"")) && str_ends_with(e_tag, STR("\""));
    return is_quoted ? str_slice(e_tag, 1, e_tag.len - 1) : e_tag;
}

struct http_header s3_if_match(struct arena *arena, str bare) {
    return (struct http_header){STR("If-Match"),
                                str_format(arena, "\"%" STR_FMT "\"", STR_ARG(bare))};
}

/* ---- writing ---- */

static unsigned hex_value(char c) {
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* The same 32 bytes in base64: six bits a character, of which the last has only four. */
static str base64_of_digest(struct arena *arena, str hex) {
    static const char ALPHABET[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out;
    unsigned bits = 0;
    unsigned bit_count = 0;
    buf_init(&out, arena, SHA256_BASE64_SIZE);
    ASSERT(hex.len == (size_t)2 * SHA256_BYTES);
    for (size_t i = 0; i < hex.len; i++) {
        bits = (bits << 4 | hex_value(hex.ptr[i])) & 1023;
        bit_count += 4;
        if (bit_count >= 6) {
            bit_count -= 6;
            buf_append_char(&out, ALPHABET[(bits >> bit_count) & 63]);
        }
    }
    buf_append_char(&out, ALPHABET[(bits << (6 - bit_count)) & 63]);
    buf_append_char(&out, '=');
    return buf_str(&out);
}

/* The body is empty, so the ETag tells a whole answer from one that was cut in its headers. */
static enum status parse_put(void *context, struct arena *arena,
                             const struct aws_response *response, struct error *error) {
    const str *checksum = context;
    str kept = http_header_get(response->http, "x-amz-checksum-sha256");
    if (str_is_empty(http_header_get(response->http, "ETag"))) {
        return error_set(error, arena, STATUS_INCOMPLETE, "an answer without ETag");
    }
    if (!str_is_empty(kept) && !str_eq(kept, *checksum)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "S3 has kept something else");
    }
    return STATUS_OK;
}

enum status s3_put_object(struct aws_client *client, const struct s3_object *object,
                          const char *content_type, str body, struct arena *arena,
                          struct error *error) {
    struct aws_request request;
    struct http_header headers[5];
    str checksum = base64_of_digest(arena, sha256_hex(arena, body));
    str e_tag = s3_e_tag_bare(object->e_tag);
    TRY(s3_request(client, object, "PutObject", arena, &request, error));
    headers[request.header_count++] =
        (struct http_header){STR("Content-Type"), str_from_cstr(content_type)};
    headers[request.header_count++] =
        (struct http_header){STR("x-amz-sdk-checksum-algorithm"), STR("SHA256")};
    headers[request.header_count++] = (struct http_header){STR("x-amz-checksum-sha256"), checksum};
    if (!str_is_empty(object->owner)) {
        headers[request.header_count++] =
            (struct http_header){STR("x-amz-expected-bucket-owner"), object->owner};
        request.meanings = OWNED_MEANINGS;
    }
    if (!str_is_empty(e_tag)) {
        headers[request.header_count++] = s3_if_match(arena, e_tag);
        request.uses_fresh_connection = true; /* else curl might repeat it, and meet its own work */
    }
    request.method = STR("PUT");
    request.headers = headers;
    request.body = body;
    request.parse = parse_put;
    request.context = &checksum;
    return aws_call(client, &request, arena, error);
}
