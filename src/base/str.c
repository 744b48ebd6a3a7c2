/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/assert.h"

str str_from_cstr(const char *text) {
    return text == NULL ? STR_EMPTY : (str){text, strlen(text)};
}

static char *copy_with_nul(struct arena *arena, str s) {
    char *copy = arena_alloc(arena, s.len + 1); /* zeroed: it ends in NUL */
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    return copy;
}

str str_copy(struct arena *arena, str s) {
    return (str){copy_with_nul(arena, s), s.len};
}

/* A NUL inside would cut the text for the reader, who would then act on another name or path. */
char *str_to_cstr(struct arena *arena, str s) {
    ASSERT(str_find_char(s, '\0') == s.len);
    return copy_with_nul(arena, s);
}

str str_format_va(struct arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    ASSERT(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return (str){text, (size_t)length};
}

str str_format(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    str text = str_format_va(arena, format, arguments);
    va_end(arguments);
    return text;
}

bool str_is_empty(str s) {
    return s.len == 0;
}

str str_or(str s, str otherwise) {
    return str_is_empty(s) ? otherwise : s;
}

bool str_eq(str a, str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_ignore_case(str a, str b) {
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool str_is_one_of(str s, const char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq(s, str_from_cstr(texts[i]))) {
            return true;
        }
    }
    return false;
}

int str_compare(str a, str b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(str s, str prefix) {
    return s.len >= prefix.len && str_eq(str_slice(s, 0, prefix.len), prefix);
}

bool str_ends_with(str s, str suffix) {
    return s.len >= suffix.len && str_eq(str_slice(s, s.len - suffix.len, s.len), suffix);
}

bool str_take(str *rest, str prefix) {
    if (!str_starts_with(*rest, prefix)) {
        return false;
    }
    *rest = str_slice(*rest, prefix.len, rest->len);
    return true;
}

str str_after_last(str s, char c) {
    size_t from = s.len;
    while (from > 0 && s.ptr[from - 1] != c) {
        from--;
    }
    return str_slice(s, from, s.len);
}

/* memchr finds the candidates. Quadratic at worst, which no caller can be made to feel: parts are
 * literals of a few letters. */
bool str_contains(str s, str part) {
    if (part.len == 0) {
        return true;
    }
    while (s.len >= part.len) {
        size_t at = str_find_char(s, part.ptr[0]);
        s = str_slice(s, at, s.len);
        if (str_starts_with(s, part)) {
            return true;
        }
        s = str_slice(s, 1, s.len);
    }
    return false;
}

bool str_contains_ignore_case(str s, str part) {
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (str_eq_ignore_case(str_slice(s, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

size_t str_find_char(str s, char c) {
    const char *found = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return found == NULL ? s.len : (size_t)(found - s.ptr);
}

str str_slice(str s, size_t from, size_t to) {
    to = to > s.len ? s.len : to;
    from = from > to ? to : from;
    return s.ptr == NULL ? STR_EMPTY : (str){s.ptr + from, to - from};
}

str str_trim(str s) {
    size_t from = 0;
    size_t to = s.len;
    while (from < to && ascii_is_space(s.ptr[from])) {
        from++;
    }
    while (to > from && ascii_is_space(s.ptr[to - 1])) {
        to--;
    }
    return str_slice(s, from, to);
}

/* An empty last part is a part, too:
 *
 *   "a,b" -> "a", then "b" and ptr NULL        "a," -> "a", then "" and ptr NULL
 *
 * A slice of nothing at the end of a text keeps its ptr, and so differs from a text that is used
 * up. */
str str_split(str *rest, char separator) {
    size_t at = str_find_char(*rest, separator);
    str part = str_slice(*rest, 0, at);
    *rest = at == rest->len ? STR_EMPTY : str_slice(*rest, at + 1, rest->len);
    return part;
}

str str_lower(struct arena *arena, str s) {
    char *copy = arena_alloc(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return (str){copy, s.len};
}

const char *str_by_count(uint64_t count, const char *one, const char *many) {
    return count == 1 ? one : many;
}

bool str_parse_i64(str s, int64_t *value) {
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len == (is_negative ? 1U : 0U)) {
        return false;
    }
    /* counted downwards: INT64_MIN has no positive counterpart */
    int64_t number = 0;
    for (size_t i = is_negative ? 1 : 0; i < s.len; i++) {
        int digit = s.ptr[i] - '0';
        if (digit < 0 || digit > 9 || number < (INT64_MIN + digit) / 10) {
            return false;
        }
        number = number * 10 - digit;
    }
    if (!is_negative && number == INT64_MIN) {
        return false;
    }
    *value = is_negative ? number : -number;
    return true;
}

/* RFC 3629 section 4: which lead bytes exist and what the second byte may be; the narrower ranges
 * keep out overlong forms, surrogates and what lies beyond U+10FFFF. */
struct utf8_lead {
    unsigned char first;
    unsigned char last;
    unsigned char length;
    unsigned char second_min;
    unsigned char second_max;
};

/* Columns: first and last lead byte, bytes of the character, least and greatest second byte. Third
 * and fourth bytes are always 80..BF. */
static const struct utf8_lead utf8_leads[] = {
    {0x00, 0x7F, 1, 0x00, 0x00}, {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* How many bytes of `s` (not empty) can be the beginning of one character, at least 1; and how many
 * such a character has, 0 when the first byte leads none. */
static size_t utf8_fit(str s, size_t *length_out) {
    unsigned char first = (unsigned char)s.ptr[0];
    const struct utf8_lead *lead = utf8_leads;
    const struct utf8_lead *end = utf8_leads + sizeof utf8_leads / sizeof *utf8_leads;
    while (lead < end && (first < lead->first || first > lead->last)) {
        lead++;
    }
    *length_out = lead < end ? lead->length : 0;
    size_t fit = 1;
    while (fit < *length_out && fit < s.len) {
        unsigned char next = (unsigned char)s.ptr[fit];
        bool is_fit = fit > 1 ? is_continuation(s.ptr[fit])
                              : next >= lead->second_min && next <= lead->second_max;
        if (!is_fit) {
            break;
        }
        fit++;
    }
    return fit;
}

/* Bytes of the well-formed character at the start of `s` (not empty), or 0. */
static size_t utf8_length(str s) {
    size_t length;
    return utf8_fit(s, &length) == length ? length : 0;
}

size_t str_utf8_bad_length(str s) {
    size_t length;
    return utf8_fit(s, &length);
}

size_t str_utf8_valid_prefix(str s) {
    size_t at = 0;
    while (at < s.len) {
        if ((unsigned char)s.ptr[at] < 0x80) { /* nearly all text is ASCII */
            at++;
            continue;
        }
        size_t length = utf8_length(str_slice(s, at, s.len));
        if (length == 0) {
            break;
        }
        at += length;
    }
    return at;
}

str str_utf8_take(str *rest) {
    size_t length = utf8_length(*rest);
    str character = str_slice(*rest, 0, length == 0 ? 1 : length);
    *rest = str_slice(*rest, character.len, rest->len);
    return character;
}

/* Characters are counted by the bytes that begin one: right for valid UTF-8 only. */
size_t str_utf8_count(str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += is_continuation(s.ptr[i]) ? 0 : 1;
    }
    return count;
}

str str_utf8_prefix(str s, size_t characters) {
    size_t at = 0;
    for (; at < s.len; at++) {
        if (!is_continuation(s.ptr[at]) && characters-- == 0) {
            break;
        }
    }
    return str_slice(s, 0, at);
}

uint32_t str_utf8_code_point(str character) {
    uint32_t code = (unsigned char)character.ptr[0];
    if (character.len > 1) {
        code &= 0x7FU >> character.len; /* a lead byte of n has n ones, a zero and 7 - n bits */
    }
    for (size_t i = 1; i < character.len; i++) {
        code = code << 6 | ((unsigned char)character.ptr[i] & 0x3FU);
    }
    return code;
}

static int compare_texts(const void *a, const void *b) {
    return str_compare(*(const str *)a, *(const str *)b);
}

/* qsort must not be given NULL, even with nothing to sort. */
size_t str_sort_distinct(str *texts, size_t count) {
    size_t kept = 0;
    if (count > 0) {
        qsort(texts, count, sizeof *texts, compare_texts);
    }
    for (size_t i = 0; i < count; i++) {
        if (!str_is_empty(texts[i]) && (kept == 0 || !str_eq(texts[i], texts[kept - 1]))) {
            texts[kept++] = texts[i];
        }
    }
    return kept;
}
