/* SPDX-License-Identifier: Apache-2.0
 *
 * A canonical request, line by line:
 *
 *   POST                                             method
 *   /                                                path: normalised and encoded twice, but for S3
 *                                                    query: sorted by name, value; ours is empty
 *   content-type:application/x-amz-json-1.1          headers: lower case, sorted by name
 *   host:config.eu-west-1.amazonaws.com
 *   x-amz-date:20261123T080000Z
 *                                                    an empty line ends them
 *   content-type;host;x-amz-date                     their names
 *   e3b0c44298fc1c14..                               hash of the body, or UNSIGNED-PAYLOAD
 */
#include "sigv4_internal.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/buf.h"

/* Encoding turns one byte into three at most. */
#define ENCODED_BYTES_PER_BYTE 3

/* ---- percent-encoding ---- */

/* The byte that an escape at the start of `text` stands for, or -1 when there is none. */
static int escape_value(str text) {
    if (text.len < 3 || text.ptr[0] != '%') {
        return -1;
    }
    int high = ascii_hex_value(text.ptr[1]);
    int low = ascii_hex_value(text.ptr[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A query part as the server has it after decoding, encoded by AWS's rules: "%7e" becomes "~", "/"
 * becomes "%2F", and a '+' stays a plus ("%2B"), for a space is sent as "%20". */
static str reencode(struct arena *arena, str part) {
    struct buf out;
    buf_init(&out, arena, part.len * ENCODED_BYTES_PER_BYTE);
    for (size_t i = 0; i < part.len;) {
        int escaped = escape_value(str_slice(part, i, part.len));
        char c = escaped < 0 ? part.ptr[i] : (char)escaped;
        buf_append_percent_encoded(&out, (str){&c, 1});
        i += escaped < 0 ? 1 : 3;
    }
    ASSERT(!out.is_too_large);
    return buf_str(&out);
}

/* ---- path ---- */

/* Drops the last segment that was written, with the slash before it. */
static void drop_segment(struct buf *out) {
    while (out->len > 0 && out->ptr[out->len - 1] != '/') {
        out->len--;
    }
    if (out->len > 0) {
        out->len--;
    }
}

/* Without empty and dot segments, and encoded once more although it is sent encoded already. */
static str path_normalised(struct arena *arena, str path) {
    struct buf out;
    buf_init(&out, arena, path.len * ENCODED_BYTES_PER_BYTE + 1);
    for (str rest = path; rest.ptr != NULL;) {
        str segment = str_split(&rest, '/');
        if (str_eq(segment, STR(".."))) {
            drop_segment(&out);
        } else if (!str_is_empty(segment) && !str_eq(segment, STR("."))) {
            buf_append_char(&out, '/');
            buf_append_percent_encoded(&out, segment);
        }
    }
    /* "/a/" keeps its last slash, "/a/." does not have one, "/" is all that is left of "/a/.." */
    if (out.len == 0 || str_ends_with(path, STR("/"))) {
        buf_append_char(&out, '/');
    }
    ASSERT(!out.is_too_large);
    return buf_str(&out);
}

/* ---- query ---- */

struct query_pair {
    str name; /* both encoded */
    str value;
};

/* By encoded name and then value: comparing whole "name=value" texts would put "a=" behind "a-b="
 * since '-' is below '='. */
static int compare_pairs(const void *a, const void *b) {
    const struct query_pair *left = a;
    const struct query_pair *right = b;
    int by_name = str_compare(left->name, right->name);
    return by_name != 0 ? by_name : str_compare(left->value, right->value);
}

static size_t query_parse(struct arena *arena, str query, struct query_pair *pairs) {
    size_t count = 0;
    for (str rest = query; rest.ptr != NULL;) {
        str part = str_split(&rest, '&');
        if (str_is_empty(part)) {
            continue; /* "a&&b": servers see two parameters */
        }
        size_t equals = str_find_char(part, '=');
        pairs[count].name = reencode(arena, str_slice(part, 0, equals));
        pairs[count].value = reencode(arena, str_slice(part, equals + 1, part.len));
        count++;
    }
    return count;
}

static str query_canonical(struct arena *arena, str query) {
    if (str_is_empty(query)) {
        return STR_EMPTY;
    }
    size_t pairs_max = 1;
    for (size_t i = 0; i < query.len; i++) {
        pairs_max += query.ptr[i] == '&';
    }
    struct query_pair *pairs = ARENA_ARRAY(arena, struct query_pair, pairs_max);
    size_t count = query_parse(arena, query, pairs);
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    struct buf out;
    /* each part may gain one '=' */
    buf_init(&out, arena, query.len * ENCODED_BYTES_PER_BYTE + count);
    for (size_t i = 0; i < count; i++) {
        buf_append(&out, i == 0 ? STR_EMPTY : STR("&"));
        buf_append(&out, pairs[i].name);
        buf_append_char(&out, '=');
        buf_append(&out, pairs[i].value);
    }
    ASSERT(!out.is_too_large);
    return buf_str(&out);
}

/* ---- headers ---- */

struct canonical_header {
    str name;     /* lower case */
    str value;    /* as given */
    size_t order; /* position in the request: repeats are joined in this order */
};

/* Connection's own, or added and changed by others on the way. amz-sdk-request changes with each
 * attempt, and AWS's SDKs add it after signing, too. */
static bool is_left_unsigned(str name) {
    static const char *const names[] = {"connection",
                                        "expect",
                                        "keep-alive",
                                        "proxy-authenticate",
                                        "proxy-authorization",
                                        "te",
                                        "trailer",
                                        "transfer-encoding",
                                        "upgrade",
                                        "user-agent",
                                        "x-amzn-trace-id"};
    return str_is_one_of(name, names, sizeof names / sizeof *names) ||
           str_starts_with(name, STR("amz-sdk-"));
}

static bool is_token(str name) {
    return name.len > 0 && ascii_is_made_of(name, STR("!#$%&'*+-.^_`|~"));
}

/* Trimmed, with each run of white space inside made one space. */
static void append_value(struct buf *out, str value) {
    str text = str_trim(value);
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_space(text.ptr[i])) {
            buf_append_char(out, text.ptr[i]);
        } else if (!ascii_is_space(text.ptr[i - 1])) {
            buf_append_char(out, ' ');
        }
    }
}

static int compare_headers(const void *a, const void *b) {
    const struct canonical_header *left = a;
    const struct canonical_header *right = b;
    int by_name = str_compare(left->name, right->name);
    return by_name != 0 ? by_name : (left->order > right->order) - (left->order < right->order);
}

struct header_list {
    struct canonical_header *items;
    size_t count;
    bool has_host;
};

static struct header_list headers_collect(struct arena *arena,
                                          const struct canonical_input *input) {
    size_t given = input->request->header_count;
    size_t count = given + input->added_count;
    struct header_list list = {.items = ARENA_ARRAY(arena, struct canonical_header, count)};
    for (size_t i = 0; i < count; i++) {
        const struct http_header *header =
            i < given ? &input->request->headers[i] : &input->added[i - given];
        str name = str_lower(arena, header->name);
        if (!is_left_unsigned(name)) {
            list.has_host = list.has_host || str_eq(name, STR("host"));
            list.items[list.count] = (struct canonical_header){name, header->value, list.count};
            list.count++;
        }
    }
    /* By name alone, not by "name:value": "x-amz-meta-a" comes before "x-amz-meta-a-b". */
    qsort(list.items, list.count, sizeof *list.items, compare_headers);
    return list;
}

/* "name:value\n" lines into `lines`, "name;name" into `names`; repeats become one line. */
static void headers_write(const struct header_list *list, struct buf *lines, struct buf *names) {
    for (size_t i = 0; i < list->count; i++) {
        const struct canonical_header *header = &list->items[i];
        if (i > 0 && str_eq(header->name, list->items[i - 1].name)) {
            buf_append_char(lines, ',');
        } else {
            buf_append(lines, i == 0 ? STR_EMPTY : STR("\n"));
            buf_append(lines, header->name);
            buf_append_char(lines, ':');
            buf_append(names, i == 0 ? STR_EMPTY : STR(";"));
            buf_append(names, header->name);
        }
        append_value(lines, header->value);
    }
    buf_append_char(lines, '\n');
}

/* ---- the whole ---- */

static bool has_char(str text, char c) {
    return str_find_char(text, c) < text.len;
}

static enum status check_target(const struct sigv4_request *request) {
    str path = request->path;
    /* Kept as it is, a line end would be a line of its own in what is signed. */
    bool is_path_good = (str_is_empty(path) || path.ptr[0] == '/') &&
                        !(request->keeps_path_as_is && has_char(path, '\n'));
    if (!is_token(request->method) || !is_path_good || has_char(path, '\0') ||
        has_char(path, '?') || has_char(path, '#') || has_char(request->query, '\0') ||
        has_char(request->query, '#')) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Of what signing adds, a second one with another value would break the signature. */
static enum status check_headers(const struct sigv4_request *request, struct arena *arena) {
    static const char *const added[] = {"authorization", "x-amz-date", "x-amz-security-token",
                                        "x-amz-content-sha256"};
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        str name = str_lower(arena, header->name);
        if (!is_token(name) || str_is_one_of(name, added, sizeof added / sizeof *added) ||
            has_char(header->value, '\0')) {
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

enum status canonical_request_build(const struct canonical_input *input, struct arena *arena,
                                    struct canonical_output *output) {
    const struct sigv4_request *request = input->request;
    size_t lengths[] = {request->method.len, request->path.len, request->query.len,
                        request->header_count};
    size_t left = CANONICAL_BYTES_MAX; /* before anything is allocated in proportion to it */
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        if (lengths[i] > left) {
            return STATUS_TOO_LARGE;
        }
        left -= lengths[i];
    }
    TRY(check_target(request));
    TRY(check_headers(request, arena));
    struct header_list list = headers_collect(arena, input);
    if (!list.has_host) {
        return STATUS_INVALID;
    }
    struct buf lines;
    struct buf names;
    buf_init(&lines, arena, CANONICAL_BYTES_MAX);
    buf_init(&names, arena, CANONICAL_BYTES_MAX);
    headers_write(&list, &lines, &names);
    TRY(buf_status(&lines));
    TRY(buf_status(&names));
    str path = str_is_empty(request->path) ? STR("/")
               : request->keeps_path_as_is ? request->path
                                           : path_normalised(arena, request->path);
    str query = query_canonical(arena, request->query);
    output->signed_headers = buf_str(&names);
    output->text = str_format(
        arena, "%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT,
        STR_ARG(request->method), STR_ARG(path), STR_ARG(query), STR_ARG(buf_str(&lines)),
        STR_ARG(output->signed_headers), STR_ARG(input->payload_hash));
    return STATUS_OK;
}
