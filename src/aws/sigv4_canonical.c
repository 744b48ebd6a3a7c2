/* SPDX-License-Identifier: Apache-2.0 */
#include "sigv4_internal.h"

#include <stdlib.h>

#include "base/buf.h"

/* Encoding turns one byte into three at most. */
#define ENCODED_BYTES_PER_BYTE 3

/* ---- percent-encoding ---- */

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_unreserved(char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static void append_encoded_byte(struct buf *out, char c) {
    static const char hex[] = "0123456789ABCDEF";
    if (is_unreserved(c)) {
        buf_append_char(out, c);
        return;
    }
    unsigned byte = (unsigned char)c;
    const char escape[3] = {'%', hex[byte >> 4], hex[byte & 15]};
    buf_append(out, (str){escape, sizeof escape});
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that an escape at the start of `text` stands for, or -1 when there is none. */
static int escape_value(str text) {
    if (text.len < 3 || text.ptr[0] != '%') {
        return -1;
    }
    int high = hex_value(text.ptr[1]);
    int low = hex_value(text.ptr[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* A query part as the server has it after decoding, encoded by AWS's rules: "%7e" becomes "~", "/"
 * becomes "%2F", and a '+' stays a plus ("%2B"), for a space is sent as "%20". */
static str reencode(struct arena *arena, str part) {
    struct buf out;
    buf_init(&out, arena, part.len * ENCODED_BYTES_PER_BYTE);
    for (size_t i = 0; i < part.len;) {
        int escaped = escape_value(str_slice(part, i, part.len));
        append_encoded_byte(&out, escaped < 0 ? part.ptr[i] : (char)escaped);
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

static void append_segment(struct buf *out, str segment) {
    buf_append_char(out, '/');
    for (size_t i = 0; i < segment.len; i++) {
        append_encoded_byte(out, segment.ptr[i]);
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
            append_segment(&out, segment);
        }
    }
    /* "/a/" keeps its last slash, "/a/." does not have one, "/" is all that is left of "/a/.." */
    if (out.len == 0 || str_ends_with(path, STR("/"))) {
        buf_append_char(&out, '/');
    }
    ASSERT(!out.is_too_large);
    return buf_str(&out);
}

static str path_canonical(struct arena *arena, const struct sigv4_request *request) {
    if (str_is_empty(request->path)) {
        return STR("/");
    }
    return request->keeps_path_as_is ? request->path : path_normalised(arena, request->path);
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

static size_t count_char(str text, char c) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == c;
    }
    return count;
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
    struct query_pair *pairs = ARENA_ARRAY(arena, struct query_pair, count_char(query, '&') + 1);
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

/* Connection's own, or added and changed by others on the way. */
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
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq(name, str_from_cstr(names[i]))) {
            return true;
        }
    }
    return str_starts_with(name, STR("amz-sdk-"));
}

static bool is_token(str name) {
    const str others = STR("!#$%&'*+-.^_`|~");
    for (size_t i = 0; i < name.len; i++) {
        if (!is_alphanumeric(name.ptr[i]) && str_find_char(others, name.ptr[i]) == others.len) {
            return false;
        }
    }
    return name.len > 0;
}

static bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Trimmed, with each run of white space inside made one space. */
static void append_value(struct buf *out, str value) {
    str text = str_trim(value);
    for (size_t i = 0; i < text.len; i++) {
        if (!is_white(text.ptr[i])) {
            buf_append_char(out, text.ptr[i]);
        } else if (!is_white(text.ptr[i - 1])) {
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

static void header_add(struct arena *arena, struct header_list *list, struct http_header header) {
    str name = str_lower(arena, header.name);
    if (is_left_unsigned(name)) {
        return;
    }
    list->has_host = list->has_host || str_eq(name, STR("host"));
    list->items[list->count] = (struct canonical_header){name, header.value, list->count};
    list->count++;
}

static struct header_list headers_collect(struct arena *arena,
                                          const struct canonical_input *input) {
    size_t given = input->request->header_count;
    struct header_list list = {0};
    list.items = ARENA_ARRAY(arena, struct canonical_header, given + input->added_count);
    for (size_t i = 0; i < given; i++) {
        header_add(arena, &list, input->request->headers[i]);
    }
    for (size_t i = 0; i < input->added_count; i++) {
        header_add(arena, &list, input->added[i]);
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
static bool is_added_by_signing(str name) {
    static const char *const names[] = {"authorization", "x-amz-date", "x-amz-security-token",
                                        "x-amz-content-sha256"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq_ignore_case(name, str_from_cstr(names[i]))) {
            return true;
        }
    }
    return false;
}

static enum status check_headers(const struct sigv4_request *request) {
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (!is_token(header->name) || is_added_by_signing(header->name) ||
            has_char(header->value, '\0')) {
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

/* Before anything is allocated in proportion to it. */
static enum status check_size(const struct sigv4_request *request) {
    size_t parts[] = {request->method.len, request->path.len, request->query.len};
    size_t left = CANONICAL_BYTES_MAX;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i] > left) {
            return STATUS_TOO_LARGE;
        }
        left -= parts[i];
    }
    return request->header_count > left ? STATUS_TOO_LARGE : STATUS_OK;
}

enum status canonical_request_build(const struct canonical_input *input, struct arena *arena,
                                    struct canonical_output *output) {
    const struct sigv4_request *request = input->request;
    TRY(check_size(request));
    TRY(check_target(request));
    TRY(check_headers(request));
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
    str path = path_canonical(arena, request);
    str query = query_canonical(arena, request->query);
    output->signed_headers = buf_str(&names);
    output->text = str_format(
        arena, "%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT,
        STR_ARG(request->method), STR_ARG(path), STR_ARG(query), STR_ARG(buf_str(&lines)),
        STR_ARG(output->signed_headers), STR_ARG(input->payload_hash));
    return STATUS_OK;
}
