/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as people read them, and the columns of a terminal, for tables. Text from outside comes
 * here as escape_text (base/escape.h) made it: valid UTF-8 without a character that has no width of
 * its own. Pure.
 */
#ifndef REPORT_TEXT_WIDTH_H
#define REPORT_TEXT_WIDTH_H

#include "base/buf.h"

/* A quantity by value, so that it can stand among the arguments of buf_printf. The longest is
 * html_counted's, of at most 92 characters. */
struct number_text {
    char text[96];
};
/* 1,234,567 */
struct number_text count_text(uint64_t count);

/* Columns that `text` takes. */
size_t text_width(str text);
/* `text` in at most `width` columns, cut at its end, the last character then being an ellipsis.
 * Borrows `text` where it fits. */
str text_fit(struct arena *arena, str text, size_t width);
/* Takes the next line of at most `width` columns (1 at least) off *rest, which then begins with the
 * line after it: up to a blank, or in a longer word behind one of "/:,=", or where it is full. */
str text_take_line(str *rest, size_t width);
/* Appends `text`, and blanks up to `width` columns. A longer text stays whole. */
void text_pad(struct buf *out, str text, size_t width);

/* The lines of `text`, those wider than `width` (0: none) broken at blanks and continued below
 * their last column. A word is never cut: one wider than the line, such as an ARN, can be copied
 * whole. Colours take no width. */
void text_wrap(struct buf *out, str text, size_t width);

#endif
