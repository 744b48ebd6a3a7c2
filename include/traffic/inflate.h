/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip members to lines, in less than 2 MiB of memory whatever their size. What can be read from
 * any position goes through libdeflate; what comes in pieces, or is damaged, through zlib's stream,
 * a third as fast. Several members in a row are one text (RFC 1952, 2.2); zero bytes behind a
 * member are padding and ignored. The one module that includes libdeflate.h.
 */
#ifndef TRAFFIC_INFLATE_H
#define TRAFFIC_INFLATE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* Takes whole lines, as tally_add_lines does; only the last piece may end without a line end. */
struct line_sink {
    void *context;
    void (*take)(void *context, str lines);
};

#define INFLATE_LINE_BYTES_MAX ((size_t)1024 * 1024) /* a longer line goes on as several */

/* Reads `size` bytes from a position on, fewer only at the end. One that fails remembers why, and
 * says that there is nothing. */
struct byte_source {
    void *context;
    size_t (*read)(void *context, char *bytes, size_t size, uint64_t position);
};

/* What unpacking needs; for file after file of one thread. Lives in the arena. */
struct inflate_window;
struct inflate_window *inflate_window_new(struct arena *arena);

/* A whole file; what is damaged is read twice. INCOMPLETE (cut short; empty, too) or INVALID
 * (damaged, or bytes behind the last member that begin none) say at which byte of the source; what
 * was unpacked before was handed on, up to the last whole line and with what is left of the cut one
 * as the last. Of damaged data that may be some bytes more than the stream below hands on. */
MUST_USE enum status inflate_all(struct inflate_window *window,
                                 const struct byte_source *source,
                                 const struct line_sink *sink,
                                 struct arena *arena,
                                 struct error *error);

/* The same in pieces of any size. Copies *sink. */
struct inflate;
struct inflate *inflate_new(struct arena *arena, const struct line_sink *sink);
/* For text that is not compressed: nothing but cut into lines, and never an error. */
struct inflate *inflate_new_plain(struct arena *arena, const struct line_sink *sink);
/* Once it failed, the rest is ignored and the status stays. */
MUST_USE enum status inflate_feed(struct inflate *stream, str piece, struct error *error);
/* Nothing more comes: hands on the last line; INCOMPLETE when a member is not at its end. */
MUST_USE enum status inflate_end(struct inflate *stream, struct error *error);

#endif
