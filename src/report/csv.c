/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells by RFC 4180, safe for spreadsheets.
 */
#include "csv_internal.h"

#include "base/escape.h"

/* First characters that make a spreadsheet calculate, and the apostrophe that keeps it from that.
 */
#define FORMULA_MARKS "=+-@\t\r\n'"

/* Quoting, by example:
 *
 *   text              cell              because
 *   (empty)           nothing           a reader takes "" and nothing for the same
 *   a "b", c          "a ""b"", c"      RFC 4180: a quote is doubled
 *   =1+1              "'=1+1"           Excel, LibreOffice and Google Sheets would calculate
 *   'quoted           "''quoted"        so that taking one apostrophe away is always right
 *   two lines         "two\nlines"      one record is one line, for grep and for logs
 *
 * Quotes stand around every text: a comma or quote that a later version lets through cannot split a
 * cell. */
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
