/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON tree as a whole: written back to text, and compared with another.
 */
#ifndef TESTS_FUZZ_JSON_TREE_H
#define TESTS_FUZZ_JSON_TREE_H

#include "base/json.h"
#include "fuzz/fuzz.h"

#define JSON_TREE_BYTES_MAX ((size_t)64 << 20)

/* Escapes make text up to six times as long; a text within json.h's limits must fit here again. */
static const struct json_limits JSON_TREE_LIMITS = {.bytes_max = JSON_TREE_BYTES_MAX,
                                                    .depth_max = 64};

/* As deep as json.h allows, so that recursion does no harm. */
static inline void json_tree_write(struct json_writer *writer, const struct json *value) {
    double number = 0;
    if (json_is_object(value) || json_is_array(value)) {
        bool is_object = json_is_object(value);
        is_object ? json_object_begin(writer) : json_array_begin(writer);
        for (const struct json *v = json_first(value); v != NULL; v = json_next(v)) {
            if (is_object) {
                json_write_key(writer, json_key(v));
            }
            json_tree_write(writer, v);
        }
        is_object ? json_object_end(writer) : json_array_end(writer);
    } else if (json_is_string(value)) {
        json_write_str(writer, json_string(value));
    } else if (json_number(value, &number)) {
        json_write_double(writer, number);
    } else if (json_is_bool(value)) {
        json_write_bool(writer, json_bool(value, false));
    } else {
        HOLD(json_is_null(value));
        json_write_null(writer);
    }
}

static inline str json_tree_text(struct arena *arena, const struct json *value) {
    struct buf out;
    struct json_writer writer;
    buf_init(&out, arena, JSON_TREE_BYTES_MAX);
    json_writer_init(&writer, &out);
    json_tree_write(&writer, value);
    HOLD(buf_status(&out) == STATUS_OK);
    return buf_str(&out);
}

static inline bool json_tree_eq(const struct json *a, const struct json *b) {
    if (strcmp(json_type_name(a), json_type_name(b)) != 0 || json_count(a) != json_count(b) ||
        !str_eq(json_key(a), json_key(b)) || !str_eq(json_string(a), json_string(b)) ||
        json_bool(a, false) != json_bool(b, false)) {
        return false;
    }
    double x = 0;
    double y = 0;
    if (json_number(a, &x) && json_number(b, &y) && memcmp(&x, &y, sizeof(x)) != 0) {
        return x == 0 && y == 0; /* -0 may become 0 */
    }
    const struct json *v = json_first(a);
    const struct json *w = json_first(b);
    for (; v != NULL && w != NULL; v = json_next(v), w = json_next(w)) {
        if (!json_tree_eq(v, w)) {
            return false;
        }
    }
    return v == w;
}

#endif
