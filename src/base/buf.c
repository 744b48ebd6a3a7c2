/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/ascii.h"
#include "base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A log line or a small request fits without growing. */
#define CAPACITY_FIRST ((size_t)256)

void buf_init(struct buf *buf, struct arena *arena, size_t bytes_max) {
    ASSERT(arena != NULL);
    *buf = (struct buf){.arena = arena, .bytes_max = bytes_max};
}

/* Room for `extra` more bytes and the NUL that vsnprintf insists on; false when they are refused. A
 * refusal is remembered: a shorter text that came later and did fit would leave a hole in the
 * middle of the document. Capacity doubles, so that appending is amortised O(1), and ends at
 * exactly bytes_max and the NUL. */
static bool reserve(struct buf *buf, size_t extra) {
    ASSERT(buf->len <= buf->bytes_max || buf->is_too_large);
    if (buf->is_too_large || extra > buf->bytes_max - buf->len) {
        buf->is_too_large = true;
        return false;
    }
    size_t needed = buf->len + extra;
    if (needed < buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : 2 * buf->capacity;
    capacity = capacity > buf->bytes_max ? buf->bytes_max + 1 : capacity;
    capacity = capacity <= needed ? needed + 1 : capacity;
    buf->ptr = arena_realloc(buf->arena, buf->ptr, buf->capacity, capacity);
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, str text) {
    if (reserve(buf, text.len) && text.len > 0) {
        memcpy(buf->ptr + buf->len, text.ptr, text.len);
        buf->len += text.len;
    }
}

void buf_append_char(struct buf *buf, char c) {
    if (reserve(buf, 1)) {
        buf->ptr[buf->len++] = c;
    }
}

/* Formatted twice, first to learn the length: nothing is written where the whole does not fit. */
void buf_printf(struct buf *buf, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    ASSERT(length >= 0);
    if (reserve(buf, (size_t)length)) {
        vsnprintf(buf->ptr + buf->len, (size_t)length + 1, format, again);
        buf->len += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

str buf_str(const struct buf *buf) {
    return (str){buf->ptr, buf->len};
}

enum status buf_status(const struct buf *buf) {
    return buf->is_too_large ? STATUS_TOO_LARGE : STATUS_OK;
}

void buf_clear(struct buf *buf) {
    buf_rewind(buf, 0);
}

/* Also lifts a refusal: a writer drops its last entry that did not fit, and closes the document in
 * the room that this gives back. */
void buf_rewind(struct buf *buf, size_t len) {
    ASSERT(len <= buf->len);
    buf->len = len;
    buf->is_too_large = false;
}

void buf_append_percent_encoded(struct buf *buf, str text) {
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned byte = (unsigned char)text.ptr[i];
        if (ascii_is_made_of((str){&text.ptr[i], 1}, STR("-._~"))) {
            buf_append_char(buf, text.ptr[i]);
        } else {
            buf_append(buf, (str){(char[]){'%', HEX[byte >> 4], HEX[byte & 15]}, 3});
        }
    }
}
