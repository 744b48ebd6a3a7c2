/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/plain_text.h"

#include "base/assert.h"
#include "base/buf.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS    "\xE2\x80\xA6" /* U+2026 */

/* Characters that show nothing, or break or turn round a line: Unicode's White_Space,
 * Default_Ignorable_Code_Point and controls, with the blank Braille pattern and the annotation
 * marks. In ascending order. https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt
 *
 * base/escape.c has another list, of what must not reach a terminal; there blanks do. */
static const struct {
    uint32_t first;
    uint32_t last;
} invisible[] = {
    {0x0000, 0x0020},   /* C0 controls, space */
    {0x007F, 0x00A0},   /* DEL, C1 controls, no-break space */
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x061C, 0x061C},   /* Arabic letter mark */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x1680, 0x1680},   /* Ogham space */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian variation selectors, vowel separator */
    {0x2000, 0x200F},   /* spaces, zero width, direction marks */
    {0x2028, 0x202F},   /* line separators, direction embeddings, narrow no-break space */
    {0x205F, 0x206F},   /* mathematical space, word joiner, direction isolates */
    {0x2800, 0x2800},   /* Braille pattern without a dot */
    {0x3000, 0x3000},   /* ideographic space */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xFE00, 0xFE0F},   /* variation selectors */
    {0xFEFF, 0xFEFF},   /* byte order mark */
    {0xFFA0, 0xFFA0},   /* half-width Hangul filler */
    {0xFFF0, 0xFFFB},   /* annotation marks */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical format controls */
    {0xE0000, 0xE0FFF}, /* tags, variation selectors */
};

static bool is_no_utf8(str character) {
    return str_utf8_valid_prefix(character) == 0;
}

static bool is_invisible(str character) {
    if (is_no_utf8(character)) {
        return false;
    }
    uint32_t code = str_utf8_code_point(character);
    for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
        if (code <= invisible[i].last) {
            return code >= invisible[i].first;
        }
    }
    return false;
}

/* One pass forward: UTF-8 that may be damaged cannot be read from its end. */
str plain_text_trim(str raw) {
    size_t start = 0;
    size_t end = 0;
    for (str rest = raw; rest.len > 0;) {
        size_t at = raw.len - rest.len;
        if (!is_invisible(str_utf8_take(&rest))) {
            start = end == 0 ? at : start;
            end = raw.len - rest.len;
        }
    }
    return str_slice(raw, start, end);
}

/* The whole of it on one line. */
static str flatten(struct arena *arena, str raw) {
    struct buf out;
    buf_init(&out, arena, raw.len * (sizeof(REPLACEMENT) - 1));
    while (raw.len > 0) {
        str character = str_utf8_take(&raw);
        if (is_no_utf8(character)) {
            buf_append(&out, STR(REPLACEMENT));
        } else if (!is_invisible(character)) {
            buf_append(&out, character);
        } else if (out.len > 0 && out.ptr[out.len - 1] != ' ') {
            buf_append_char(&out, ' ');
        }
    }
    return str_trim(buf_str(&out));
}

str plain_text(struct arena *arena, str raw, size_t characters_max) {
    ASSERT(characters_max > 0);
    str flat = flatten(arena, raw);
    if (str_utf8_count(flat) <= characters_max) {
        return flat;
    }
    str kept = str_trim(str_utf8_prefix(flat, characters_max - 1));
    return str_format(arena, "%" STR_FMT ELLIPSIS, STR_ARG(kept));
}

str plain_text_words(struct arena *arena, str raw, size_t characters_max) {
    ASSERT(characters_max > 0);
    str flat = flatten(arena, raw);
    if (str_utf8_count(flat) <= characters_max) {
        return flat;
    }
    size_t end = str_utf8_prefix(flat, characters_max - 1).len;
    while (end > 0 && flat.ptr[end - 1] != ' ') {
        end--;
    }
    if (end == 0) {
        return STR_EMPTY;
    }
    str kept = str_trim(str_slice(flat, 0, end));
    return str_format(arena, "%" STR_FMT " " ELLIPSIS, STR_ARG(kept));
}

str plain_text_quote(struct arena *arena, str raw) {
    return plain_text(arena, raw, PLAIN_TEXT_QUOTE_MAX);
}
