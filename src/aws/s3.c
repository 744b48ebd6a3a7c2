/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects read in ranges and written whole. What each answer to a read says of itself is held
 * against what came: the range, the whole length and the version, so that a cut answer is never
 * taken for a short object.
 */
#include "aws/s3.h"

#include <inttypes.h>

#include "aws/region.h"
#include "base/ascii.h"
#include "call_internal.h"

#define S3_TIMEOUT_MS      20000 /* of a piece, 4 MiB at 200 KB/s: the smallest function has more */
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
     "not permitted, or the bucket is not of the account that was expected"},
    {"PreconditionFailed", STATUS_CONFLICT, "the object is not the one that was meant"},
    {NULL, STATUS_OK, NULL},
};

/* ---- where an object is ---- */

static bool is_bucket(str bucket) {
    return bucket.len >= BUCKET_BYTES_MIN && bucket.len <= BUCKET_BYTES_MAX &&
           ascii_is_made_of(bucket, STR(".-_")) && ascii_is_alphanumeric(bucket.ptr[0]);
}

/* One label of a host's name: with a dot in it, the certificate of *.s3 would not fit. */
static bool is_host_label(str bucket) {
    return bucket.len <= LABEL_BYTES_MAX && !ascii_has_upper(bucket) &&
           ascii_is_made_of(bucket, STR("-")) && !str_ends_with(bucket, STR("-"));
}

static bool is_key(str key) {
    return key.len > 0 && key.len <= S3_KEY_BYTES_MAX && str_utf8_valid_prefix(key) == key.len;
}

/* Without the quotes around it. */
static str bare_e_tag(str e_tag) {
    bool is_quoted =
        e_tag.len >= 2 && str_starts_with(e_tag, STR("\"")) && str_ends_with(e_tag, STR("\""));
    return is_quoted ? str_slice(e_tag, 1, e_tag.len - 1) : e_tag;
}

static struct http_header if_match(struct arena *arena, str bare) {
    return (struct http_header){STR("If-Match"),
                                str_format(arena, "\"%" STR_FMT "\"", STR_ARG(bare))};
}

static bool is_e_tag(str bare) {
    return str_is_empty(bare) ||
           (bare.len <= E_TAG_BYTES_MAX && ascii_is_made_of(bare, STR("-_.+/=:")));
}

/* "/key", or "/bucket/key" when the bucket is not in the host. */
static str path_of(const struct s3_object *object, bool is_in_host, struct arena *arena) {
    struct buf path;
    buf_init(&path, arena, BUCKET_BYTES_MAX + 2 + 3 * S3_KEY_BYTES_MAX);
    if (!is_in_host) {
        buf_printf(&path, "/%" STR_FMT, STR_ARG(object->bucket));
    }
    for (str rest = object->key; rest.ptr != NULL;) {
        buf_append_char(&path, '/');
        buf_append_percent_encoded(&path, str_split(&rest, '/'));
    }
    ASSERT(buf_status(&path) == STATUS_OK);
    return buf_str(&path);
}

/* ---- what it answers when it refuses ---- */

/* A bucket is in one Region; asked in another, S3 says which in a header. */
static void refine(void *context, struct arena *arena, const struct http_response *response,
                   struct aws_error_text *text) {
    str region = http_header_get(response, "x-amz-bucket-region");
    (void)context;
    static const char *const codes[] = {"PermanentRedirect", "AuthorizationHeaderMalformed",
                                        "IllegalLocationConstraintException"};
    bool is_elsewhere = response->status == 301 || response->status == 307 ||
                        str_is_one_of(text->code, codes, sizeof codes / sizeof *codes);
    if (is_elsewhere && region_is_valid(region)) {
        text->message = str_format(arena, "the bucket is in Region %" STR_FMT, STR_ARG(region));
    }
}

/* The request for an object without headers, body and parser. INVALID: a bucket, key or ETag that
 * cannot be one. */
static enum status request_of(const struct aws_client *client, const struct s3_object *object,
                              const char *operation, struct arena *arena,
                              struct aws_request *request_out, struct error *error) {
    if (!is_bucket(object->bucket) || !is_key(object->key) ||
        !is_e_tag(bare_e_tag(object->e_tag))) {
        return service_refuse(AWS_S3, operation, "a bucket, key or ETag that cannot be one", arena,
                              error);
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

/* ---- reading ---- */

/* An object of 9 MB:
 *
 *   request     Range: bytes=0-4194303
 *   answer 1    206, Content-Range: bytes 0-4194303/9000000, ETag: "etag"      --> take(4 MiB)
 *   request     Range: bytes=4194304-8388607, If-Match: "etag"
 *   answer 2    206 --> take(4 MiB); 412: replaced meanwhile                   --> CONFLICT
 *   ...
 *   an empty object: 416 to any range --> once more without a range --> 200, Content-Length: 0
 *
 * Each piece is one call with its own retries, and the arena of a piece ends before the next
 * begins: the memory needed is that of one piece. */
struct reading {
    struct aws_client *client;
    const struct s3_object *object;
    str e_tag;     /* bare; empty until it is known */
    int64_t from;  /* bytes that were handed on */
    int64_t total; /* of the object; -1: not yet known */
    bool is_whole; /* asked for without a range */
    /* of the last answer, in its arena */
    str piece;
    str piece_e_tag;
    int64_t piece_total;
};

/* "bytes 0-9/126": exactly the bytes that were asked for and came. A piece may be short only at the
 * end of the object: a server that gives less would otherwise make gaps, or a loop of tiny
 * requests. */
static bool range_parse(struct reading *reading, str text) {
    int64_t first = -1;
    int64_t last = -1;
    int64_t total = -1;
    if (!str_starts_with(text, STR("bytes "))) {
        return false;
    }
    str rest = str_slice(text, sizeof("bytes ") - 1, text.len);
    bool is_read = str_parse_i64(str_split(&rest, '-'), &first) &&
                   str_parse_i64(str_split(&rest, '/'), &last) && str_parse_i64(rest, &total);
    int64_t length = (int64_t)reading->piece.len;
    bool is_full = length == (int64_t)S3_PIECE_BYTES || last == total - 1;
    reading->piece_total = total;
    return is_read && first == reading->from && last == first + length - 1 && last >= first &&
           last < total && is_full;
}

/* The whole object: what was asked for, or from a server that gives no ranges. */
static bool length_parse(struct reading *reading, str text) {
    return reading->from == 0 && str_parse_i64(text, &reading->piece_total) &&
           reading->piece_total == (int64_t)reading->piece.len;
}

static enum status parse_piece(void *context, struct arena *arena,
                               const struct http_response *response, struct error *error) {
    struct reading *reading = context;
    bool is_range = response->status == 206;
    reading->piece = response->body;
    reading->piece_e_tag = bare_e_tag(http_header_get(response, "ETag"));
    bool is_consistent = is_range
                             ? range_parse(reading, http_header_get(response, "Content-Range"))
                             : length_parse(reading, http_header_get(response, "Content-Length"));
    if (!is_consistent) {
        return error_set(error, arena, STATUS_INCOMPLETE, "not the bytes that were asked for");
    }
    if (str_is_empty(reading->piece_e_tag)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "an answer without ETag");
    }
    bool is_other_version =
        !str_is_empty(reading->e_tag) && !str_eq(reading->e_tag, reading->piece_e_tag);
    bool is_other_length = reading->total >= 0 && reading->total != reading->piece_total;
    return is_other_version || is_other_length
               ? error_set(error, arena, STATUS_CONFLICT, "the object was replaced meanwhile")
               : STATUS_OK;
}

static enum status read_piece(struct reading *reading, struct arena *arena, struct error *error) {
    struct aws_request request = {.header_count = 0};
    struct http_header headers[2];
    TRY(request_of(reading->client, reading->object, "GetObject", arena, &request, error));
    if (!reading->is_whole) {
        int64_t last = reading->from + (int64_t)S3_PIECE_BYTES - 1;
        headers[request.header_count++] = (struct http_header){
            STR("Range"), str_format(arena, "bytes=%" PRId64 "-%" PRId64, reading->from, last)};
    }
    if (!str_is_empty(reading->e_tag)) {
        headers[request.header_count++] = if_match(arena, reading->e_tag);
    }
    request.method = STR("GET");
    request.headers = headers;
    request.response_bytes_max = S3_PIECE_BYTES;
    request.parse = parse_piece;
    request.context = reading;
    return aws_call(reading->client, &request, arena, error);
}

/* An empty object has no range, so S3 refuses any (416); the answer to a request without a range
 * names its version. */
static enum status read_next(struct reading *reading, struct arena *arena, struct error *error) {
    enum status status = read_piece(reading, arena, error);
    bool is_empty_object = status == STATUS_REFUSED && error->http_status == 416;
    if (is_empty_object && reading->from == 0 && !reading->is_whole) {
        reading->is_whole = true;
        status = read_piece(reading, arena, error);
    }
    return status;
}

/* One piece, from the question to the sink; all of it is gone afterwards but the version. */
static enum status hand_on_next(struct reading *reading, const struct s3_sink *sink,
                                struct arena *arena, struct error *error) {
    struct arena scratch = {0};
    struct error cause = {.status = STATUS_OK};
    enum status status = read_next(reading, &scratch, &cause);
    if (status == STATUS_OK) {
        if (str_is_empty(reading->e_tag)) {
            reading->e_tag = str_copy(arena, reading->piece_e_tag);
        }
        reading->total = reading->piece_total;
        reading->from += (int64_t)reading->piece.len;
        bool has_piece = reading->piece.len > 0;
        status = has_piece ? sink->take(sink->context, reading->piece, &cause) : STATUS_OK;
    }
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&scratch);
    return status;
}

enum status s3_get_object(struct aws_client *client, const struct s3_object *object,
                          const struct s3_sink *sink, struct arena *arena, str *e_tag_out,
                          struct error *error) {
    struct reading reading = {
        .client = client,
        .object = object,
        .e_tag = bare_e_tag(object->e_tag),
        .total = -1,
    };
    do {
        TRY(hand_on_next(&reading, sink, arena, error));
    } while (reading.from < reading.total);
    if (e_tag_out != NULL) {
        *e_tag_out = str_copy(arena, reading.e_tag);
    }
    return STATUS_OK;
}

/* ---- writing ---- */

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
        bits = (bits << 4 | (unsigned)ascii_hex_value(hex.ptr[i])) & 1023;
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

/* The body is empty, so the ETag distinguishes a whole answer from one that was cut in its headers.
 */
static enum status parse_put(void *context, struct arena *arena,
                             const struct http_response *response, struct error *error) {
    const str *checksum = context;
    str kept = http_header_get(response, "x-amz-checksum-sha256");
    if (str_is_empty(http_header_get(response, "ETag"))) {
        return error_set(error, arena, STATUS_INCOMPLETE, "an answer without ETag");
    }
    if (!str_is_empty(kept) && !str_eq(kept, *checksum)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "S3 has kept something else");
    }
    return STATUS_OK;
}

/* An owner is worth naming, because a bucket name that was given up can be taken by anybody. */
enum status s3_put_object(struct aws_client *client, const struct s3_object *object,
                          const char *content_type, str body, struct arena *arena,
                          struct error *error) {
    struct aws_request request;
    struct http_header headers[5];
    str checksum = base64_of_digest(arena, sha256_hex(arena, body));
    str e_tag = bare_e_tag(object->e_tag);
    TRY(request_of(client, object, "PutObject", arena, &request, error));
    headers[0] = (struct http_header){STR("Content-Type"), str_from_cstr(content_type)};
    headers[1] = (struct http_header){STR("x-amz-sdk-checksum-algorithm"), STR("SHA256")};
    headers[2] = (struct http_header){STR("x-amz-checksum-sha256"), checksum};
    request.header_count = 3;
    if (!str_is_empty(object->owner)) {
        headers[request.header_count++] =
            (struct http_header){STR("x-amz-expected-bucket-owner"), object->owner};
        request.meanings = OWNED_MEANINGS;
    }
    if (!str_is_empty(e_tag)) {
        headers[request.header_count++] = if_match(arena, e_tag);
        request.uses_fresh_connection = true; /* else curl might repeat it, and meet its own work */
    }
    request.method = STR("PUT");
    request.headers = headers;
    request.body = body;
    request.parse = parse_put;
    request.context = &checksum;
    return aws_call(client, &request, arena, error);
}
