/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside on a page. Whoever may tag a load balancer writes into the report, so every
 * character that could end an element, an attribute or the line is taken for what it is: text.
 */
#include "html_internal.h"

#define UTF8_LEN_MAX 4

/* What shows nothing, breaks a line or turns it round, or is no character at all: Unicode's
 * Default_Ignorable_Code_Point, controls, bidirectional controls, line separators and
 * noncharacters; but not the blanks of scripts and the variation selectors of emoji. In ascending
 * order. https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt */
static const struct {
    uint32_t first;
    uint32_t last;
} unseen[] = {
    {0x0000, 0x001F},   {0x007F, 0x009F},     {0x00AD, 0x00AD},   {0x034F, 0x034F},
    {0x061C, 0x061C},   {0x115F, 0x1160},     {0x17B4, 0x17B5},   {0x180B, 0x180F},
    {0x200B, 0x200F},   {0x2028, 0x202E},     {0x2060, 0x206F},   {0x3164, 0x3164},
    {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},     {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},   {0x1BCA0, 0x1BCA3},   {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
    {0x1FFFE, 0x1FFFF}, {0x10FFFE, 0x10FFFF},
};

void html_put(struct buf *out, const char *markup) {
    buf_append(out, str_from_cstr(markup));
}

static bool is_unseen(uint32_t code) {
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
        if (code >= unseen[i].first && code <= unseen[i].last) {
            return true;
        }
    }
    return false;
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
    } else if (is_unseen(code)) {
        buf_printf(out, "[U+%04X]", (unsigned)code);
    } else {
        buf_append(out, character);
    }
}

void html_text(struct buf *out, str text) {
    while (text.len > 0) {
        str ahead = str_slice(text, 0, UTF8_LEN_MAX);
        size_t valid = str_utf8_valid_prefix(ahead);
        str whole = str_slice(ahead, 0, valid); /* what comes after it may be no UTF-8 */
        str character = valid == 0 ? str_slice(ahead, 0, 1) : str_utf8_prefix(whole, 1);
        if (valid == 0) {
            html_put(out, "\xEF\xBF\xBD");
        } else {
            append_character(out, character);
        }
        text = str_slice(text, character.len, text.len);
    }
}
