/* SPDX-License-Identifier: Apache-2.0
 *
 * https://www.w3.org/TR/xml/#charsets: of the C0 controls only tab and line ends can stand in XML
 * 1.0, even as references; nor can U+FFFE and U+FFFF. Other characters that base/escape.h does not
 * let through are written as references.
 */
#include "fleet_internal.h"

#include "base/escape.h"

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
        str character = str_utf8_take(&text);
        str reference = character.len == 1 ? reference_of(character.ptr[0]) : STR_EMPTY;
        if (!str_is_empty(reference)) {
            buf_append(out, reference);
        } else if ((unsigned char)character.ptr[0] >= 0x80 &&
                   (character.len == 1 || is_noncharacter(character))) {
            buf_append(out, STR(REPLACEMENT));
        } else if (escape_is_due(str_utf8_code_point(character))) {
            buf_printf(out, "&#x%X;", (unsigned)str_utf8_code_point(character));
        } else {
            buf_append(out, character);
        }
    }
}
