/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4180, and what spreadsheets make of it.
 */
#include "csv_internal.h"

#include "base/escape.h"

/* First characters that make a spreadsheet calculate, and the apostrophe that keeps it from that.
 */
#define FORMULA_MARKS "=+-@\t\r\n'"

static bool is_among(char c, str set) {
    return str_find_char(set, c) < set.len;
}

void csv_append_text(struct buf *out, str text) {
    if (str_is_empty(text)) {
        return;
    }
    buf_append(out, is_among(text.ptr[0], STR(FORMULA_MARKS)) ? STR("\"'") : STR("\""));
    while (text.len > 0) {
        size_t quote = str_find_char(text, '"');
        escape_append(out, str_slice(text, 0, quote));
        buf_append(out, quote < text.len ? STR("\"\"") : STR_EMPTY);
        text = str_slice(text, quote + 1, text.len);
    }
    buf_append_char(out, '"');
}
