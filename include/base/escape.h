/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside, made visible. A tag, a file name or a message of AWS may hold characters that
 * drive a terminal, begin a line of their own or reverse the order in which text is read. Every
 * terminal, log line, CSV cell and JSON text of ours gets them as escapes, all by this one table.
 * Pure.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/buf.h"

/* Controls (C0, DEL, C1), line separators, bidirectional controls, characters that show nothing,
 * and code points that are no characters. Blanks and the variation selectors of emoji are not
 * among them. */
bool escape_is_due(uint32_t code_point);

/* Takes the longest beginning of *rest that can be shown as it is; empty where the next character
 * cannot. */
str escape_take_shown(str *rest);

/* By value, so that no arena is needed. */
struct escape {
    char text[12]; /* ends in NUL; the longest is \U000e0001 */
};

/* Takes the next character, or the next byte that is no UTF-8, out of *rest (not empty) and gives
 * its escape: \n, \r, \t, \x1b, \u202e, \U000e0001; \xff for a byte that is no UTF-8. */
struct escape escape_take(str *rest);

/* `text` on one line, each character that is not to be shown as its escape. A backslash stays
 * one: legitimate text comes out byte for byte. */
void escape_append(struct buf *out, str text);
/* The same; borrows `text` where nothing has to be escaped, else lives in `arena`. */
str escape_text(struct arena *arena, str text);

#endif
