/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/plain_text.h"

#include "base/buf.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */
#define ELLIPSIS    "\xE2\x80\xA6" /* U+2026 */

/* Characters that would break or turn round a line; byte order is code point order in UTF-8. */
static const struct {
    const char *first;
    const char *last;
} unwanted[] = {
    {"\x01", " "},
    {"\x7F", "\x7F"},
    {"\xC2\x80", "\xC2\xA0"},         /* C1 controls, no-break space */
    {"\xE2\x80\x8E", "\xE2\x80\x8F"}, /* direction marks */
    {"\xE2\x80\xA8", "\xE2\x80\xAE"}, /* line separators, direction embeddings */
    {"\xE2\x81\xA6", "\xE2\x81\xA9"}, /* direction isolates */
};

static bool is_unwanted(str character) {
    if (character.ptr[0] == '\0') {
        return true;
    }
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        str first = str_from_cstr(unwanted[i].first);
        if (character.len == first.len && str_compare(character, first) >= 0 &&
            str_compare(character, str_from_cstr(unwanted[i].last)) <= 0) {
            return true;
        }
    }
    return false;
}

static void append_flat(struct buf *out, str valid) {
    while (valid.len > 0) {
        str character = str_utf8_prefix(valid, 1);
        if (!is_unwanted(character)) {
            buf_append(out, character);
        } else if (out->len > 0 && out->ptr[out->len - 1] != ' ') {
            buf_append_char(out, ' ');
        }
        valid = str_slice(valid, character.len, valid.len);
    }
}

str plain_text(struct arena *arena, str raw, size_t characters_max) {
    ASSERT(characters_max > 0);
    struct buf out;
    buf_init(&out, arena, raw.len * (sizeof(REPLACEMENT) - 1));
    while (raw.len > 0) {
        size_t valid = str_utf8_valid_prefix(raw);
        append_flat(&out, str_slice(raw, 0, valid));
        if (valid < raw.len) {
            buf_append(&out, STR(REPLACEMENT));
            valid++;
        }
        raw = str_slice(raw, valid, raw.len);
    }
    str flat = str_trim(buf_str(&out));
    if (str_utf8_count(flat) <= characters_max) {
        return flat;
    }
    str kept = str_trim(str_utf8_prefix(flat, characters_max - 1));
    return str_format(arena, "%" STR_FMT ELLIPSIS, STR_ARG(kept));
}

str plain_text_quote(struct arena *arena, str raw) {
    return plain_text(arena, raw, PLAIN_TEXT_QUOTE_MAX);
}
