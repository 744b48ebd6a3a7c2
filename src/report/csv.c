/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4180, and what spreadsheets make of it.
 */
#include "csv_internal.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* First characters that make a spreadsheet calculate, and the apostrophe that keeps it from that.
 */
#define FORMULA_MARKS "=+-@\t\r\n'"

static bool is_among(char c, str set) {
    return str_find_char(set, c) < set.len;
}

static void append_byte(struct buf *out, char c) {
    unsigned char byte = (unsigned char)c;
    if (c == '"') {
        buf_append(out, STR("\"\""));
    } else if (byte == 0x7F || (byte < ' ' && !is_among(c, STR("\t\r\n")))) {
        buf_append(out, STR(REPLACEMENT));
    } else {
        buf_append_char(out, c);
    }
}

void csv_append_text(struct buf *out, str text) {
    if (str_is_empty(text)) {
        return;
    }
    buf_append(out, is_among(text.ptr[0], STR(FORMULA_MARKS)) ? STR("\"'") : STR("\""));
    while (text.len > 0) {
        size_t valid = str_utf8_valid_prefix(text);
        for (size_t i = 0; i < valid; i++) {
            append_byte(out, text.ptr[i]);
        }
        buf_append(out, valid < text.len ? STR(REPLACEMENT) : STR_EMPTY);
        text = str_slice(text, valid + 1, text.len);
    }
    buf_append_char(out, '"');
}
