/* SPDX-License-Identifier: Apache-2.0
 *
 * The only writer of text: a growing buffer in an arena, born with a maximum. Appending past the
 * maximum drops the append and everything after it and is remembered; ask buf_status once at the
 * end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* Append without looking, and ask once:
 *
 *   struct buf out;
 *   buf_init(&out, arena, BYTES_MAX);
 *   buf_append(&out, text);
 *   buf_printf(&out, "%d", number);
 *   TRY(buf_status(&out));
 */
struct buf {
    struct arena *arena;
    char *ptr;
    size_t len;        /* bytes written */
    size_t capacity;   /* bytes held */
    size_t bytes_max;  /* never more than this is written */
    bool is_too_large; /* an append was refused */
};

/* Takes no memory yet. `bytes_max` is a limit, never an allocation in advance. */
void buf_init(struct buf *buf, struct arena *arena, size_t bytes_max);
void buf_append(struct buf *buf, str text);
void buf_append_char(struct buf *buf, char c);
/* Percent-encodes all but letters, digits and "-._~" (RFC 3986 section 2.3). */
void buf_append_percent_encoded(struct buf *buf, str text);
/* All or nothing, as each append. */
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *buf, const char *format, ...);
/* What was written so far. Borrows the buffer: valid until the next append. */
str buf_str(const struct buf *buf);
/* OK, or TOO_LARGE when anything was refused. */
MUST_USE enum status buf_status(const struct buf *buf);
/* Empties it and forgets a refusal, keeps the memory. */
void buf_clear(struct buf *buf);
/* Back to a length it had before, as if nothing had been appended or refused since. */
void buf_rewind(struct buf *buf, size_t len);

#endif
