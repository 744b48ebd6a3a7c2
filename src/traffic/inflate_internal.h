/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two ways of unpacking share.
 */
#ifndef INFLATE_INTERNAL_H
#define INFLATE_INTERNAL_H

#include "traffic/inflate.h"

/* Hands on the whole lines of `text` and returns their bytes. What is left is the begin of a line,
 * of at most INFLATE_LINE_BYTES_MAX: more than that is handed on as it is. */
size_t hand_on_lines(const struct line_sink *sink, str text);

/* A stream for the members from byte `position` of a file on, after text that ended in
 * `begun_line` (at most INFLATE_LINE_BYTES_MAX). */
struct inflate *inflate_new_within(struct arena *arena,
                                   const struct line_sink *sink,
                                   size_t position,
                                   str begun_line);

#endif
