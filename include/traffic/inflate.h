/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip members to lines, in less than 2 MiB of memory whatever their size. The text comes in pieces
 * of any size. Several members in a row are one text (RFC 1952, 2.2); zero bytes behind a member
 * are padding and ignored.
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

enum inflate_form {
    INFLATE_GZIP,
    INFLATE_PLAIN /* not compressed: only cut into lines, and never an error */
};

/* For one file after the other. Lives in the arena, as error messages do. */
struct inflate;
struct inflate *inflate_new(struct arena *arena);
/* Before each file. Forgets what is left of the one before; copies *sink. */
void inflate_begin(struct inflate *stream, enum inflate_form form, const struct line_sink *sink);
/* INVALID (damaged, or bytes behind the last member that begin none) says at which byte of the
 * file; what was unpacked before was handed on, up to the last whole line and with what is left of
 * the cut one as the last. Once it failed, the rest is ignored and the status stays. */
MUST_USE enum status inflate_feed(struct inflate *stream, str piece, struct error *error);
/* The file ends here: hands on the last line; INCOMPLETE when a member is not at its end (an empty
 * file, too). */
MUST_USE enum status inflate_end(struct inflate *stream, struct error *error);

#endif
