/* SPDX-License-Identifier: Apache-2.0 */
#include "base/escape.h"
#include "base/assert.h"

#include <stdio.h>

/* The longest escape of one byte: \xff. Longer escapes stand for longer characters. */
#define GROWTH_MAX 4

/* Unicode's controls, line separators, bidirectional controls, Default_Ignorable_Code_Point and
 * noncharacters, but not the blanks of scripts and the variation selectors of emoji. In ascending
 * order. https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
 *
 * policy/plain_text.c has another list: there the question is which characters a reader sees as
 * nothing at all, here which ones must not reach a terminal. */
static const struct {
    uint32_t first;
    uint32_t last;
} unseen[] = {
    {0x0000, 0x001F},   /* C0 controls */
    {0x007F, 0x009F},   /* DEL, C1 controls */
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x061C, 0x061C},   /* Arabic letter mark */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian variation selectors, vowel separator */
    {0x200B, 0x200F},   /* zero width, direction marks */
    {0x2028, 0x202E},   /* line separators, direction embeddings and overrides */
    {0x2060, 0x206F},   /* word joiner, direction isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xFDD0, 0xFDEF},   /* noncharacters */
    {0xFEFF, 0xFEFF},   /* byte order mark */
    {0xFFA0, 0xFFA0},   /* half-width Hangul filler */
    {0xFFF0, 0xFFFB},   /* annotation marks */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical format controls */
    {0xE0000, 0xE0FFF}, /* tags, variation selectors */
};

bool escape_is_due(uint32_t code_point) {
    if ((code_point & 0xFFFE) == 0xFFFE) { /* the last two of each plane are no characters */
        return true;
    }
    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
        if (code_point <= unseen[i].last) {
            return code_point >= unseen[i].first;
        }
    }
    return false;
}

/* `character` comes from str_utf8_take. */
static bool is_no_utf8(str character) {
    return character.len == 1 && (unsigned char)character.ptr[0] >= 0x80;
}

str escape_take_shown(str *rest) {
    str ahead = *rest;
    while (ahead.len > 0) {
        if (ahead.ptr[0] >= ' ' && ahead.ptr[0] <= '~') { /* nearly all text is ASCII */
            ahead = str_slice(ahead, 1, ahead.len);
            continue;
        }
        str next = ahead;
        str character = str_utf8_take(&next);
        if (is_no_utf8(character) || escape_is_due(str_utf8_code_point(character))) {
            break;
        }
        ahead = next;
    }
    str shown = str_slice(*rest, 0, rest->len - ahead.len);
    *rest = ahead;
    return shown;
}

struct escape escape_take(str *rest) {
    str character = str_utf8_take(rest);
    struct escape escape;
    unsigned code = is_no_utf8(character) ? (unsigned char)character.ptr[0]
                                          : (unsigned)str_utf8_code_point(character);
    if (code == '\n' || code == '\r' || code == '\t') {
        char letter = code == '\n' ? 'n' : code == '\r' ? 'r' : 't';
        (void)snprintf(escape.text, sizeof(escape.text), "\\%c", letter);
    } else if (character.len == 1) {
        (void)snprintf(escape.text, sizeof(escape.text), "\\x%02x", code);
    } else if (code <= 0xFFFF) {
        (void)snprintf(escape.text, sizeof(escape.text), "\\u%04x", code);
    } else {
        (void)snprintf(escape.text, sizeof(escape.text), "\\U%08x", code);
    }
    return escape;
}

void escape_append(struct buf *out, str text) {
    ASSERT(out != NULL);
    while (text.len > 0) {
        buf_append(out, escape_take_shown(&text));
        if (text.len > 0) {
            buf_append(out, str_from_cstr(escape_take(&text).text));
        }
    }
}

str escape_text(struct arena *arena, str text) {
    str rest = text;
    struct buf out;
    if (escape_take_shown(&rest).len == text.len) {
        return text;
    }
    buf_init(&out, arena, GROWTH_MAX * text.len);
    escape_append(&out, text);
    return buf_str(&out);
}
