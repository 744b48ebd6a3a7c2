/* SPDX-License-Identifier: Apache-2.0
 *
 * https://www.w3.org/TR/xml/#charsets: of the C0 controls only tab and line ends can stand in XML
 * 1.0, even as references; nor can U+FFFE and U+FFFF.
 */
#include "fleet_internal.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static str reference_of(char c) {
    switch (c) {
    case '&':
        return STR("&amp;");
    case '<':
        return STR("&lt;");
    case '>':
        return STR("&gt;");
    case '"':
        return STR("&quot;");
    case '\'':
        return STR("&apos;");
    case '\t':
        return STR("&#9;");
    case '\n':
        return STR("&#10;");
    case '\r':
        return STR("&#13;");
    default:
        return (unsigned char)c < ' ' || c == 0x7F ? STR(REPLACEMENT) : STR_EMPTY;
    }
}

static bool is_noncharacter(str character) {
    return str_eq(character, STR("\xEF\xBF\xBE")) || str_eq(character, STR("\xEF\xBF\xBF"));
}

void xml_append(struct buf *out, str text) {
    while (text.len > 0) {
        str ahead = str_slice(text, 0, 4);
        bool is_utf8 = str_utf8_valid_prefix(ahead) > 0;
        str character = is_utf8
                            ? str_utf8_prefix(str_slice(ahead, 0, str_utf8_valid_prefix(ahead)), 1)
                            : STR_EMPTY;
        str reference = is_utf8 && character.len == 1 ? reference_of(character.ptr[0]) : STR_EMPTY;
        if (!is_utf8 || is_noncharacter(character)) {
            reference = STR(REPLACEMENT);
        }
        buf_append(out, str_is_empty(reference) ? character : reference);
        text = str_slice(text, is_utf8 ? character.len : 1, text.len);
    }
}
