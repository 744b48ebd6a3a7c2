/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells by RFC 4180, safe for spreadsheets.
 */
#include "csv_internal.h"

#include "base/escape.h"

/* First characters that make a spreadsheet calculate, and the apostrophe that keeps it from that.
 */
#define FORMULA_MARKS "=+-@\t\r\n'"

void csv_append_text(struct buf *out, str text) {
    if (str_is_empty(text)) {
        return;
    }
    bool is_formula = str_find_char(STR(FORMULA_MARKS), text.ptr[0]) < STR(FORMULA_MARKS).len;
    buf_append(out, is_formula ? STR("\"'") : STR("\""));
    while (text.len > 0) {
        size_t quote = str_find_char(text, '"');
        escape_append(out, str_slice(text, 0, quote));
        buf_append(out, quote < text.len ? STR("\"\"") : STR_EMPTY);
        text = str_slice(text, quote + 1, text.len);
    }
    buf_append_char(out, '"');
}
