/* SPDX-License-Identifier: Apache-2.0
 *
 * An object in ranges. What each answer says of itself is held against what came: the range, the
 * whole length and the version, so that a cut answer is never taken for a short object.
 */
#include "s3_internal.h"

#define OPERATION "GetObject"

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

/* ---- what is asked ---- */

static struct http_header range_header(const struct reading *reading, struct arena *arena) {
    return (struct http_header){
        STR("Range"), str_format(arena, "bytes=%lld-%lld", (long long)reading->from,
                                 (long long)reading->from + (long long)S3_PIECE_BYTES - 1)};
}

/* ---- what is answered ---- */

static enum status refuse(struct arena *arena, struct error *error, enum status status,
                          const char *what) {
    return error_set(error, arena, status, "%s", what);
}

/* "bytes 0-9/126": exactly the bytes that were asked for and came. */
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
                               const struct aws_response *response, struct error *error) {
    struct reading *reading = context;
    const struct http_response *http = response->http;
    bool is_range = response->http_status == 206;
    reading->piece = response->body;
    reading->piece_e_tag = s3_e_tag_bare(http_header_get(http, "ETag"));
    bool is_consistent = is_range ? range_parse(reading, http_header_get(http, "Content-Range"))
                                  : length_parse(reading, http_header_get(http, "Content-Length"));
    if (!is_consistent) {
        return refuse(arena, error, STATUS_INCOMPLETE, "not the bytes that were asked for");
    }
    if (str_is_empty(reading->piece_e_tag)) {
        return refuse(arena, error, STATUS_INCOMPLETE, "an answer without ETag");
    }
    bool is_other_version =
        !str_is_empty(reading->e_tag) && !str_eq(reading->e_tag, reading->piece_e_tag);
    bool is_other_length = reading->total >= 0 && reading->total != reading->piece_total;
    return is_other_version || is_other_length
               ? refuse(arena, error, STATUS_CONFLICT, "the object was replaced meanwhile")
               : STATUS_OK;
}

static enum status read_piece(struct reading *reading, struct arena *arena, struct error *error) {
    struct aws_request request;
    struct http_header headers[2];
    TRY(s3_request(reading->client, reading->object, OPERATION, arena, &request, error));
    if (!reading->is_whole) {
        headers[request.header_count++] = range_header(reading, arena);
    }
    if (!str_is_empty(reading->e_tag)) {
        headers[request.header_count++] = s3_if_match(arena, reading->e_tag);
    }
    request.method = STR("GET");
    request.headers = headers;
    request.response_bytes_max = S3_PIECE_BYTES;
    request.parse = parse_piece;
    request.context = reading;
    return aws_call(reading->client, &request, arena, error);
}

/* An empty object has no range, so S3 refuses any (416); asked for whole it tells its version. */
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
        .e_tag = s3_e_tag_bare(object->e_tag),
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
