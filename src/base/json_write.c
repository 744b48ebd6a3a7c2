/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A comma unless this is the first in its container or the value of a key. One bool is all the
 * state that commas need; brackets have to be balanced by the caller.
 *
 *   just written             needs_comma
 *   "{", "[", "key":         false
 *   a value, "}", "]"        true
 */
static void begin_item(struct json_writer *writer) {
    ASSERT(writer != NULL && writer->out != NULL);
    if (writer->needs_comma) {
        buf_append_char(writer->out, ',');
    }
}

static void begin_container(struct json_writer *writer, char bracket) {
    begin_item(writer);
    buf_append_char(writer->out, bracket);
    writer->needs_comma = false;
}

static void end_container(struct json_writer *writer, char bracket) {
    ASSERT(writer != NULL && writer->out != NULL);
    buf_append_char(writer->out, bracket);
    writer->needs_comma = true;
}

void json_writer_init(struct json_writer *writer, struct buf *out) {
    ASSERT(writer != NULL && out != NULL);
    *writer = (struct json_writer){.out = out, .needs_comma = false};
}

void json_object_begin(struct json_writer *writer) {
    begin_container(writer, '{');
}

void json_object_end(struct json_writer *writer) {
    end_container(writer, '}');
}

void json_array_begin(struct json_writer *writer) {
    begin_container(writer, '[');
}

void json_array_end(struct json_writer *writer) {
    end_container(writer, ']');
}

void json_write_key(struct json_writer *writer, str key) {
    begin_item(writer);
    json_append_quoted(writer->out, key);
    buf_append_char(writer->out, ':');
    writer->needs_comma = false;
}

void json_write_str(struct json_writer *writer, str value) {
    begin_item(writer);
    json_append_quoted(writer->out, value);
    writer->needs_comma = true;
}

void json_write_raw(struct json_writer *writer, str json) {
    begin_item(writer);
    buf_append(writer->out, json);
    writer->needs_comma = true;
}

void json_write_i64(struct json_writer *writer, int64_t value) {
    begin_item(writer);
    buf_printf(writer->out, "%" PRId64, value);
    writer->needs_comma = true;
}

/* 15 digits always survive text -> double -> text, 17 always double -> text -> double: the first
 * that gives the same number back is the form people expect (0.1, not 0.10000000000000001). */
void json_write_double(struct json_writer *writer, double value) {
    char text[32]; /* the longest is -1.2345678901234567e-308: 24 */
    if (!isfinite(value)) {
        json_write_null(writer);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    json_write_raw(writer, str_from_cstr(text));
}

void json_write_bool(struct json_writer *writer, bool value) {
    json_write_raw(writer, value ? STR("true") : STR("false"));
}

void json_write_null(struct json_writer *writer) {
    json_write_raw(writer, STR("null"));
}

void json_open_object(struct json_writer *writer, const char *key) {
    json_write_key(writer, str_from_cstr(key));
    json_object_begin(writer);
}

void json_open_array(struct json_writer *writer, const char *key) {
    json_write_key(writer, str_from_cstr(key));
    json_array_begin(writer);
}

void json_close(struct json_writer *writer, const char *brackets) {
    for (; *brackets != '\0'; brackets++) {
        (*brackets == '}' ? json_object_end : json_array_end)(writer);
    }
}

void json_write_member(struct json_writer *writer, const char *key, str value) {
    json_write_key(writer, str_from_cstr(key));
    json_write_str(writer, value);
}

void json_write_member_text(struct json_writer *writer, const char *key, const char *value) {
    json_write_member(writer, key, str_from_cstr(value));
}

void json_write_member_i64(struct json_writer *writer, const char *key, int64_t value) {
    json_write_key(writer, str_from_cstr(key));
    json_write_i64(writer, value);
}

void json_write_member_count(struct json_writer *writer, const char *key, uint64_t value) {
    json_write_member_i64(writer, key, (int64_t)value);
}

void json_write_member_double(struct json_writer *writer, const char *key, double value) {
    json_write_key(writer, str_from_cstr(key));
    json_write_double(writer, value);
}

void json_write_member_bool(struct json_writer *writer, const char *key, bool value) {
    json_write_key(writer, str_from_cstr(key));
    json_write_bool(writer, value);
}

void json_write_member_time(struct json_writer *writer, struct arena *arena, const char *key,
                            int64_t ms) {
    json_write_key(writer, str_from_cstr(key));
    if (ms == 0) {
        json_write_null(writer);
    } else {
        json_write_str(writer, time_format_iso8601(arena, ms));
    }
}

void json_write_member_list(struct json_writer *writer, const char *key, const char *const *list) {
    json_open_array(writer, key);
    for (; *list != NULL; list++) {
        json_write_str(writer, str_from_cstr(*list));
    }
    json_array_end(writer);
}

/* Escaped are all characters for which escape_is_due, not only those that JSON demands: these texts
 * are read on terminals and in log viewers, where a right-to-left override would change what a
 * finding seems to say. */
static void append_escape(struct buf *out, uint32_t code) {
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char letter = code < sizeof letters ? letters[code] : '\0';
    if (letter != 0) {
        buf_append_char(out, '\\');
        buf_append_char(out, letter);
    } else if (code > 0xFFFF) { /* as a pair of surrogates, RFC 8259 section 7 */
        unsigned beyond = (unsigned)code - 0x10000;
        buf_printf(out, "\\u%04x\\u%04x", 0xD800 + (beyond >> 10), 0xDC00 + (beyond & 0x3FF));
    } else {
        buf_printf(out, "\\u%04x", (unsigned)code);
    }
}

/* Nothing in it needs an escape but quotes and backslashes. */
static void append_shown(struct buf *out, str shown) {
    size_t from = 0;
    for (size_t i = 0; i < shown.len; i++) {
        if (shown.ptr[i] == '"' || shown.ptr[i] == '\\') {
            buf_append(out, str_slice(shown, from, i));
            buf_append_char(out, '\\');
            from = i;
        }
    }
    buf_append(out, str_slice(shown, from, shown.len));
}

/* `text` is valid UTF-8. */
static void append_escaped(struct buf *out, str text) {
    while (text.len > 0) {
        append_shown(out, escape_take_shown(&text));
        if (text.len > 0) {
            append_escape(out, str_utf8_code_point(str_utf8_take(&text)));
        }
    }
}

/* Each maximal part that is no UTF-8 becomes one U+FFFD, as in browsers and in Python: a user agent
 * of any bytes gives valid JSON, and no byte of it swallows the closing quote. */
void json_append_quoted(struct buf *out, str text) {
    ASSERT(out != NULL);
    buf_append_char(out, '"');
    while (text.len > 0) {
        size_t valid = str_utf8_valid_prefix(text);
        append_escaped(out, str_slice(text, 0, valid));
        text = str_slice(text, valid, text.len);
        if (text.len > 0) {
            buf_append(out, STR("\xEF\xBF\xBD"));
            text = str_slice(text, str_utf8_bad_length(text), text.len);
        }
    }
    buf_append_char(out, '"');
}
