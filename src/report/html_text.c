/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside on a page. Whoever may tag a load balancer writes into the report, so every
 * character that could end an element, an attribute or the line is taken for what it is: text.
 */
#include "html_internal.h"

#include "base/escape.h"

void html_put(struct buf *out, const char *markup) {
    buf_append(out, str_from_cstr(markup));
}

/* NULL: stands for itself. */
static const char *reference(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '`': /* old browsers took it for a quote */
        return "&#96;";
    default:
        return NULL;
    }
}

static void append_character(struct buf *out, str character) {
    const char *named = character.len == 1 ? reference(character.ptr[0]) : NULL;
    uint32_t code = str_utf8_code_point(character);
    if (named != NULL) {
        html_put(out, named);
    } else if (escape_is_due(code)) {
        buf_printf(out, "[U+%04X]", (unsigned)code);
    } else {
        buf_append(out, character);
    }
}

void html_text(struct buf *out, str text) {
    while (text.len > 0) {
        str character = str_utf8_take(&text);
        if (character.len == 1 && (unsigned char)character.ptr[0] >= 0x80) {
            html_put(out, "\xEF\xBF\xBD");
        } else {
            append_character(out, character);
        }
    }
}
