/* SPDX-License-Identifier: Apache-2.0
 *
 * One cell of outside text, as every CSV of ours writes it.
 */
#ifndef REPORT_CSV_INTERNAL_H
#define REPORT_CSV_INTERNAL_H

#include "base/buf.h"

#define CSV_LINE_END "\r\n"

/* In quotes; nothing for empty text. What a spreadsheet would take for a formula, or begins with an
 * apostrophe, gets an apostrophe in front: who takes one from there has the text again. What
 * would drive a terminal or begin a line becomes an escape (base/escape.h): a record is one line.
 */
void csv_append_text(struct buf *out, str text);

#endif
