/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip members to lines. What is whole in memory goes through libdeflate; what comes in pieces, or
 * is too large once unpacked, through zlib's stream. Several members in a row are one text
 * (RFC 1952, 2.2). The one place that includes libdeflate.h and zlib.h.
 */
#ifndef TRAFFIC_INFLATE_H
#define TRAFFIC_INFLATE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* Takes whole lines, as tally_add_lines does; only the last piece may end without a line end. */
struct line_sink {
    void *context;
    void (*take)(void *context, str lines);
};

#define INFLATE_LINE_BYTES_MAX ((size_t)1024 * 1024) /* a longer line goes on as several */

/* A whole file in memory. INCOMPLETE (cut short) or INVALID (damaged, or bytes behind the last
 * member that begin none) say at which byte of `compressed`; what was unpacked before was handed
 * on, up to the last whole line and with what is left of the cut one as the last. */
MUST_USE enum status inflate_all(str compressed,
                                 const struct line_sink *sink,
                                 struct arena *arena,
                                 struct error *error);

/* The same in pieces of any size. */
struct inflate;
struct inflate *inflate_new(struct arena *arena, const struct line_sink *sink);
/* Once it failed, the rest is ignored and the status stays. */
MUST_USE enum status inflate_feed(struct inflate *inflate, str piece, struct error *error);
/* Nothing more comes: hands on the last line; INCOMPLETE when a member is not at its end. */
MUST_USE enum status inflate_end(struct inflate *inflate, struct error *error);

#endif
