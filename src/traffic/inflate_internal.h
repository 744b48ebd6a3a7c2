/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two ways of unpacking share.
 */
#ifndef INFLATE_INTERNAL_H
#define INFLATE_INTERNAL_H

#include "traffic/inflate.h"

/* Text in pieces to whole lines: the begin of a line waits for its end. */
struct line_joiner {
    struct line_sink sink;
    size_t held;
    char line[INFLATE_LINE_BYTES_MAX];
};
void line_joiner_take(struct line_joiner *joiner, str text);
/* Hands on what is held: nothing more comes. */
void line_joiner_end(struct line_joiner *joiner);

/* A stream for the members from byte `position` of a file on, of whose first the first `known`
 * unpacked bytes are with the joiner already. */
struct inflate *inflate_new_within(struct arena *arena,
                                   struct line_joiner *joiner,
                                   size_t position,
                                   size_t known);

#endif
