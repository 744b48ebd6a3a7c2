/* SPDX-License-Identifier: Apache-2.0
 *
 * https://www.w3.org/TR/xml/#charsets: of the C0 controls only tab and line ends can stand in XML
 * 1.0, even as references; nor can U+FFFE and U+FFFF. Other characters that base/escape.h does not
 * let through are written as references.
 */
#include "fleet_internal.h"

#include "base/escape.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* NULL: the character stands for itself, or has no way to be written. */
static const char *const references[0x80] = {
    ['&'] = "&amp;",   ['<'] = "&lt;",  ['>'] = "&gt;",   ['"'] = "&quot;",
    ['\''] = "&apos;", ['\t'] = "&#9;", ['\n'] = "&#10;", ['\r'] = "&#13;"};

/* White space as references, too: a parser turns a line end in an attribute into a blank. */
void xml_append(struct buf *out, str text) {
    while (text.len > 0) {
        str character = str_utf8_take(&text);
        unsigned char first = (unsigned char)character.ptr[0];
        /* a control character, or a byte that is no UTF-8 */
        bool is_unwritable = character.len == 1 && (first < ' ' || first >= 0x7F);
        bool is_noncharacter =
            str_eq(character, STR("\xEF\xBF\xBE")) || str_eq(character, STR("\xEF\xBF\xBF"));
        if (first < sizeof(references) / sizeof(references[0]) && references[first] != NULL) {
            buf_append(out, str_from_cstr(references[first]));
        } else if (is_unwritable || is_noncharacter) {
            buf_append(out, STR(REPLACEMENT));
        } else if (escape_is_due(str_utf8_code_point(character))) {
            buf_printf(out, "&#x%X;", (unsigned)str_utf8_code_point(character));
        } else {
            buf_append(out, character);
        }
    }
}
