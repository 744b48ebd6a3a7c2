/* SPDX-License-Identifier: Apache-2.0
 *
 * How many columns of a terminal a text takes: 2 for wide and full-width characters, 0 for marks
 * that combine with the one before. https://www.unicode.org/reports/tr11/ - by blocks, for the
 * letters that names and tags are made of, and the pictures that people would put there.
 */
#include "report/text_width.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

#define ELLIPSIS     "\xE2\x80\xA6" /* U+2026 */
#define UTF8_LEN_MAX 4

static const struct {
    uint32_t first;
    uint32_t last;
    unsigned width;
} blocks[] = {
    {0x0300, 0x036F, 0}, /* combining diacritical marks */
    {0x0483, 0x0489, 0}, /* Cyrillic */
    {0x0591, 0x05BD, 0}, /* Hebrew points */
    {0x064B, 0x065F, 0}, /* Arabic marks */
    {0x0E31, 0x0E31, 0}, /* Thai vowel and tone marks */
    {0x0E34, 0x0E3A, 0},   {0x0E47, 0x0E4E, 0},
    {0x1100, 0x115F, 2},   /* Hangul Jamo */
    {0x1160, 0x11FF, 0},   /* its vowels and finals */
    {0x1AB0, 0x1AFF, 0},   /* combining diacritical marks extended */
    {0x1DC0, 0x1DFF, 0},   /* and supplement */
    {0x20D0, 0x20FF, 0},   /* combining marks for symbols */
    {0x2E80, 0x303E, 2},   /* CJK radicals, punctuation */
    {0x3041, 0x3098, 2},   /* Hiragana */
    {0x3099, 0x309A, 0},   /* its combining voice marks */
    {0x309B, 0x4DBF, 2},   /* Katakana to CJK extension A */
    {0x4E00, 0xA4CF, 2},   /* CJK unified, Yi */
    {0xA960, 0xA97F, 2},   /* Hangul Jamo extended A */
    {0xAC00, 0xD7A3, 2},   /* Hangul syllables */
    {0xF900, 0xFAFF, 2},   /* CJK compatibility */
    {0xFE00, 0xFE0F, 0},   /* variation selectors */
    {0xFE20, 0xFE2F, 0},   /* combining half marks */
    {0xFE30, 0xFE6F, 2},   /* CJK forms */
    {0xFF01, 0xFF60, 2},   /* full-width forms */
    {0xFFE0, 0xFFE6, 2},   /* full-width signs */
    {0x1F300, 0x1F64F, 2}, /* pictures */
    {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1F9FF, 2},
    {0x20000, 0x3FFFD, 2}, /* CJK extensions B and later */
};

static size_t character_width(str character) {
    uint32_t code = str_utf8_code_point(character);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (code <= blocks[i].last) {
            return code >= blocks[i].first ? blocks[i].width : 1;
        }
    }
    return 1;
}

/* The bytes of `text` that take at most `width` columns, and how many they take. A character of no
 * width never opens the next column, so that a mark stays with its letter. */
static size_t prefix_of_width(str text, size_t width, size_t *taken_out) {
    size_t len = 0;
    *taken_out = 0;
    while (len < text.len) {
        str character = str_utf8_prefix(str_slice(text, len, len + UTF8_LEN_MAX), 1);
        size_t more = character_width(character);
        if (*taken_out + more > width) {
            break;
        }
        *taken_out += more;
        len += character.len;
    }
    return len;
}

struct number_text count_text(uint64_t count) {
    struct number_text shown;
    if (count < 1000) {
        (void)snprintf(shown.text, sizeof(shown.text), "%" PRIu64, count);
    } else {
        (void)snprintf(shown.text, sizeof(shown.text), "%.40s,%03" PRIu64,
                       count_text(count / 1000).text, count % 1000);
    }
    return shown;
}

size_t text_width(str text) {
    size_t width = 0;
    (void)prefix_of_width(text, SIZE_MAX / 2, &width);
    return width;
}

str text_fit(struct arena *arena, str text, size_t width) {
    size_t taken = 0;
    if (prefix_of_width(text, width, &taken) == text.len) {
        return text;
    }
    if (width == 0) {
        return STR_EMPTY;
    }
    str kept = str_trim(str_slice(text, 0, prefix_of_width(text, width - 1, &taken)));
    return str_format(arena, "%" STR_FMT ELLIPSIS, STR_ARG(kept));
}

/* How much of the `len` bytes that fit is kept, so that the line ends at the end of a word. */
static size_t line_end(str text, size_t len) {
    for (size_t i = len; i > 0; i--) {
        if (text.ptr[i] == ' ') {
            return i;
        }
    }
    for (size_t i = len; i > 0; i--) {
        if (str_find_char(STR("/:,="), text.ptr[i - 1]) < 4) {
            return i;
        }
    }
    return len > 0 ? len : str_utf8_prefix(text, 1).len;
}

str text_take_line(str *rest, size_t width) {
    size_t taken = 0;
    size_t len = prefix_of_width(*rest, width, &taken);
    len = len == rest->len ? len : line_end(*rest, len);
    str line = str_trim(str_slice(*rest, 0, len));
    *rest = str_trim(str_slice(*rest, len, rest->len));
    return line;
}

void text_pad(struct buf *out, str text, size_t width) {
    buf_append(out, text);
    for (size_t taken = text_width(text); taken < width; taken++) {
        buf_append_char(out, ' ');
    }
}

/* Without colours. */
static size_t shown_width(str text) {
    size_t width = 0;
    while (text.len > 0) {
        size_t plain = str_find_char(text, '\x1b');
        width += text_width(str_slice(text, 0, plain));
        str color = str_slice(text, plain, text.len);
        text = str_slice(color, str_find_char(color, 'm') + 1, color.len);
    }
    return width;
}

static size_t blanks_at_start(str text) {
    size_t count = 0;
    while (count < text.len && text.ptr[count] == ' ') {
        count++;
    }
    return count;
}

/* Where the lines that continue this one begin: below its last column that leaves half of the width
 * to its text, or two behind its own beginning. */
static size_t hanging_of(str line, size_t width) {
    size_t hanging = blanks_at_start(line) + 2;
    for (size_t i = hanging; i < line.len; i++) {
        size_t blanks = blanks_at_start(str_slice(line, i, line.len));
        size_t column = blanks < 2 ? 0 : shown_width(str_slice(line, 0, i + blanks));
        hanging = column > 0 && column <= width / 2 ? column : hanging;
        i += blanks;
    }
    return hanging <= width / 2 ? hanging : 0;
}

static void wrap_line(struct buf *out, str line, size_t width) {
    size_t hanging = hanging_of(line, width);
    size_t taken = 0;
    while (line.len > 0) {
        size_t blanks = blanks_at_start(line);
        str rest = str_slice(line, blanks, line.len);
        str word = str_split(&rest, ' ');
        size_t word_width = shown_width(word);
        if (taken > hanging && taken + blanks + word_width > width) {
            buf_append_char(out, '\n');
            taken = 0;
            blanks = hanging;
        }
        text_pad(out, STR_EMPTY, blanks);
        buf_append(out, word);
        taken += blanks + word_width;
        line = rest.ptr == NULL ? STR_EMPTY : (str){rest.ptr - 1, rest.len + 1};
    }
}

void text_wrap(struct buf *out, str text, size_t width) {
    ASSERT(out != NULL);
    for (bool is_first = true; text.ptr != NULL; is_first = false) {
        str line = str_split(&text, '\n');
        buf_append(out, is_first ? STR_EMPTY : STR("\n"));
        if (width == 0 || shown_width(line) <= width) {
            buf_append(out, line);
        } else {
            wrap_line(out, line, width);
        }
    }
}
