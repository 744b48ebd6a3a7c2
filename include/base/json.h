/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON in and out. Reading: a text is parsed once, whole, into a tree that lives in the arena;
 * getters are case-sensitive and tolerate NULL and wrong types (they give NULL or an empty value),
 * so that a decoder reads like a schema and checks once at the end. Refused with a reason and a
 * byte position: everything RFC 8259 refuses, and empty input, trailing bytes, nesting or size
 * beyond the limits, more than 100,000 values (a value costs far more memory than text), NUL (raw
 * or \u0000), invalid UTF-8, a byte order mark, a lone surrogate, a number of more than 63 bytes or
 * beyond a double, the same key twice in one object. Writing: one writer with one escaper on a buf.
 * The library underneath (cJSON) is seen by base/json.c alone.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/status.h"

struct json; /* a value in a parsed tree; borrowed, const, lives in the arena */

/* Limits of one text. Both are checked before the tree is built. */
struct json_limits {
    size_t bytes_max;
    unsigned depth_max; /* 1 = a scalar or an empty container; 1000 at most (asserted) */
};

/* 64 levels are four times the deepest AWS document we read; 16 MiB is above any Lambda event or
 * AWS answer. */
extern const struct json_limits JSON_LIMITS_DEFAULT;

struct json_problem {
    const char *what; /* static text: "trailing bytes", "nested too deep", ... */
    size_t position;  /* byte offset where it was noticed */
};

/* INVALID, TOO_LARGE or TOO_DEEP with *problem filled (problem may be NULL); *root_out is NULL
 * then. */
MUST_USE enum status json_parse(struct arena *arena, str text, const struct json_limits *limits,
                                const struct json **root_out, struct json_problem *problem);

/* All false for NULL. */
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_string(const struct json *value);
bool json_is_number(const struct json *value);
bool json_is_bool(const struct json *value);
/* A JSON null; false for a missing value (NULL pointer). */
bool json_is_null(const struct json *value);
/* "object", "array", "string", "number", "boolean", "null", "nothing" (for NULL): for error
 * messages */
const char *json_type_name(const struct json *value);

/* Member of an object, exactly this key; NULL when absent or `value` is no object. */
const struct json *json_get(const struct json *value, const char *key);
/* A member whose key differs from `key` in letter case only: to name it in an error. NULL when
 * none. */
const struct json *json_get_other_case(const struct json *value, const char *key);
/* Elements of an array or members of an object, in document order: for (v = json_first(a); v; v =
 * json_next(v)) */
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *value);
/* 0 for NULL and for what is no container. Walks the list. */
size_t json_count(const struct json *value);
/* The key under which `value` hangs; empty for array elements and the root. */
str json_key(const struct json *value);
/* Text of a string; empty for anything else. Valid UTF-8 without NUL. */
str json_string(const struct json *value);
/* json_string(json_get(value, key)) */
str json_get_string(const struct json *value, const char *key);
/* `otherwise` for anything that is neither true nor false. */
bool json_bool(const struct json *value, bool otherwise);
/* false when it is no number; *number is then untouched. */
bool json_number(const struct json *value, double *number);

/* Writer: puts commas and quotes where they belong. Strings are escaped, by JSON's rules and also
 * what base/escape.h does not let through; bytes that are no UTF-8 become U+FFFD. An object with a
 * list in it:
 *
 *   json_writer_init(&writer, &out);
 *   json_object_begin(&writer);
 *   json_write_member(&writer, "name", name);
 *   json_open_array(&writer, "tags");
 *   json_write_str(&writer, tag);
 *   json_close(&writer, "]}");
 */
struct json_writer {
    struct buf *out;
    bool needs_comma;
};

/* Borrows `out`, which may hold text already. Whether all of it fitted is buf_status's to say: the
 * writer has no status of its own. */
void json_writer_init(struct json_writer *writer, struct buf *out);
void json_object_begin(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
/* The next value belongs to this key. */
void json_write_key(struct json_writer *writer, str key);
void json_write_str(struct json_writer *writer, str value);
void json_write_i64(struct json_writer *writer, int64_t value);
/* Shortest form; NaN and infinities become null. */
void json_write_double(struct json_writer *writer, double value);
void json_write_bool(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);
/* Text that is already one JSON value. */
void json_write_raw(struct json_writer *writer, str json);
/* "key":{ and "key":[ */
void json_open_object(struct json_writer *writer, const char *key);
void json_open_array(struct json_writer *writer, const char *key);
/* Ends objects and arrays, the innermost first: "}]}" */
void json_close(struct json_writer *writer, const char *brackets);
/* key and string in one line, the commonest pair */
void json_write_member(struct json_writer *writer, const char *key, str value);
/* The same of a C string. */
void json_write_member_text(struct json_writer *writer, const char *key, const char *value);
void json_write_member_i64(struct json_writer *writer, const char *key, int64_t value);
void json_write_member_count(struct json_writer *writer, const char *key, uint64_t value);
void json_write_member_double(struct json_writer *writer, const char *key, double value);
void json_write_member_bool(struct json_writer *writer, const char *key, bool value);
/* ISO 8601; null for 0, which is not known. */
void json_write_member_time(struct json_writer *writer, struct arena *arena, const char *key,
                            int64_t ms);

/* "key":[...] of C strings, up to a NULL. */
void json_write_member_list(struct json_writer *writer, const char *key, const char *const *list);

/* "text" with quotes and escapes, for one-off use. */
void json_append_quoted(struct buf *out, str text);

#endif
