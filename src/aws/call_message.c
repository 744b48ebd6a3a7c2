/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS's words made fit for a message: no secret is left in them.
 */
#include "base/ascii.h"
#include "call_internal.h"

/* From here on AWS quotes what a signature was made from or the header itself. */
static const char *const SIGNATURE_MARKERS[] = {
    "The Canonical String", "The canonical string", "The String-to-Sign", "AWS4-HMAC",
    "Authorization:",       "Authorization=",       "Credential=",        "Signature=",
};

static bool starts_signature_talk(str rest) {
    for (size_t i = 0; i < sizeof(SIGNATURE_MARKERS) / sizeof(SIGNATURE_MARKERS[0]); i++) {
        if (str_starts_with(rest, str_from_cstr(SIGNATURE_MARKERS[i]))) {
            return true;
        }
    }
    return false;
}

/* Shorter than this nothing is a secret, and would only punch holes into words. */
#define SECRET_BYTES_MIN 4
/* Longer ones would take long to look for: then no message quotes AWS's words. */
#define SECRET_BYTES_MAX 8192
/* AWS may quote a piece of a secret. In a message so many bytes of one are hidden; a code decides
 * what is done next and may share a word with a secret, so it takes more there. */
#define PART_BYTES_IN_MESSAGE 8
#define PART_BYTES_IN_CODE    16

struct secrets {
    str *items;
    size_t count;
    size_t part_bytes; /* from this length on a part is hidden; of a shorter secret, all of it */
};

static size_t common_length(str a, str b) {
    size_t len = 0;
    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len]) {
        len++;
    }
    return len;
}

/* Length of the longest part of `secret` that `rest` starts with, 0 when it starts with none that
 * is hidden. */
static size_t part_length(str secret, size_t part_bytes, str rest) {
    size_t least = secret.len < part_bytes ? secret.len : part_bytes;
    size_t longest = 0;
    for (size_t from = 0; secret.len >= SECRET_BYTES_MIN && from + least <= secret.len; from++) {
        from += str_find_char(str_slice(secret, from, secret.len), rest.ptr[0]);
        size_t len = common_length(str_slice(secret, from, secret.len), rest);
        longest = len > longest ? len : longest;
    }
    return secret.len >= SECRET_BYTES_MIN && longest >= least ? longest : 0;
}

static size_t longest_part_length(const struct secrets *secrets, str rest) {
    size_t longest = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        size_t len = part_length(secrets->items[i], secrets->part_bytes, rest);
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* False when something was left out. */
static bool append_without_secrets(struct buf *out, const struct secrets *secrets, str text) {
    bool is_whole = true;
    for (size_t i = 0; i < text.len;) {
        str rest = str_slice(text, i, text.len);
        if (starts_signature_talk(rest)) {
            return false;
        }
        size_t part = longest_part_length(secrets, rest);
        if (part > 0) {
            is_whole = false;
            buf_append(out, STR("[hidden]"));
            i += part;
        } else {
            buf_append_char(out, text.ptr[i++]);
        }
    }
    return is_whole;
}

/* ---- escapes: a secret is one in any spelling ---- */

static bool read_hex(str text, unsigned *value) {
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = ascii_hex_value(text.ptr[i]);
        if (digit < 0) {
            return false;
        }
        *value = *value << 4 | (unsigned)digit;
    }
    return text.len > 0;
}

/* "&#x2f;", "&#47;": no decimal number of a character of ASCII has more than three digits. */
static bool read_reference(str inside, unsigned *value) {
    int64_t number = -1;
    if (str_starts_with(inside, STR("x")) || str_starts_with(inside, STR("X"))) {
        return inside.len <= 5 && read_hex(str_slice(inside, 1, inside.len), value);
    }
    bool is_number = inside.len <= 3 && str_parse_i64(inside, &number) && number >= 0;
    *value = is_number ? (unsigned)number : 0;
    return is_number;
}

/* The entity that `rest` starts with; its length, 0 when there is none. */
static size_t read_entity(str rest, unsigned *value) {
    static const struct {
        const char *text;
        char c;
    } names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        str name = str_from_cstr(names[i].text);
        if (str_starts_with(rest, name)) {
            *value = (unsigned char)names[i].c;
            return name.len;
        }
    }
    size_t end = str_find_char(str_slice(rest, 0, 10), ';');
    bool is_reference = str_starts_with(rest, STR("&#")) && end < 10 && end < rest.len &&
                        read_reference(str_slice(rest, 2, end), value);
    return is_reference ? end + 1 : 0;
}

/* The escape of a URL, of JSON or of XML that `rest` starts with; its length, 0 when there is none
 * that stands for ASCII. */
static size_t read_escape(str rest, unsigned *value) {
    size_t len = 0;
    if (rest.ptr[0] == '%' && rest.len >= 3 && read_hex(str_slice(rest, 1, 3), value)) {
        len = 3;
    } else if (rest.len >= 6 && str_starts_with(rest, STR("\\u")) &&
               read_hex(str_slice(rest, 2, 6), value)) {
        len = 6;
    } else if (rest.ptr[0] == '\\' && rest.len >= 2) {
        *value = (unsigned char)rest.ptr[1];
        len = 2;
    } else if (rest.ptr[0] == '&') {
        len = read_entity(rest, value);
    }
    return len > 0 && *value < 0x80 ? len : 0;
}

static str unescape(struct arena *arena, str text) {
    struct buf plain;
    buf_init(&plain, arena, text.len);
    for (size_t i = 0; i < text.len;) {
        unsigned value = 0;
        size_t escape = read_escape(str_slice(text, i, text.len), &value);
        buf_append_char(&plain, escape > 0 ? (char)value : text.ptr[i]);
        i += escape > 0 ? escape : 1;
    }
    return buf_str(&plain);
}

/* White space and control characters become one blank; a byte that is no UTF-8 a question mark. */
static void append_one_line(struct buf *out, str text) {
    bool ends_blank = true;
    for (size_t i = 0; i < text.len;) {
        size_t valid = str_utf8_valid_prefix(str_slice(text, i, i + 4));
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_blank = c <= ' ' || c == 0x7f;
        if (!is_blank) {
            str one = str_utf8_prefix(str_slice(text, i, i + valid), 1);
            buf_append(out, valid == 0 ? STR("?") : one);
            i += valid == 0 ? 1 : one.len;
        } else {
            if (!ends_blank) {
                buf_append_char(out, ' ');
            }
            i++;
        }
        ends_blank = is_blank;
    }
}

/* Longer messages than this come from no AWS service; the rest is not even looked at. */
#define MESSAGE_BYTES_MAX 4096
/* The shortest secret is half as long as what stands in its place. */
#define CLEAN_BYTES_MAX ((size_t)2 * MESSAGE_BYTES_MAX)

/* False when one of them is too long to be looked for. */
static bool collect_secrets(const struct call_secrets *from, struct arena *arena,
                            struct secrets *secrets) {
    const struct aws_credentials *credentials = from->credentials;
    const str usual[] = {credentials->secret_access_key, credentials->session_token,
                         credentials->access_key_id, from->signature};
    const size_t usual_count = sizeof(usual) / sizeof(usual[0]);
    secrets->items = ARENA_ARRAY(arena, str, usual_count + from->own_count);
    secrets->count = usual_count + from->own_count;
    for (size_t i = 0; i < secrets->count; i++) {
        str secret = i < usual_count ? usual[i] : from->own[i - usual_count];
        if (secret.len > SECRET_BYTES_MAX) {
            return false;
        }
        secrets->items[i] = unescape(arena, unescape(arena, secret));
    }
    return true;
}

/* AWS's own spelling is kept where nothing had to be left out of the plain one. */
static str without_secrets(const struct secrets *secrets, struct arena *arena, str text) {
    struct buf out;
    buf_init(&out, arena, CLEAN_BYTES_MAX);
    str plain = unescape(arena, unescape(arena, text)); /* a URL in a form, JSON in JSON */
    bool is_whole = append_without_secrets(&out, secrets, plain);
    if (is_whole && !str_eq(plain, text)) {
        buf_clear(&out);
        (void)append_without_secrets(&out, secrets, text);
    }
    return buf_str(&out);
}

static str clean(const struct call_secrets *hidden, struct arena *arena, size_t part_bytes,
                 str message) {
    struct secrets secrets = {.part_bytes = part_bytes};
    struct buf line;
    if (str_is_empty(message)) {
        return STR_EMPTY;
    }
    if (!collect_secrets(hidden, arena, &secrets)) {
        return STR("[hidden]");
    }
    str text = without_secrets(&secrets, arena, str_slice(message, 0, MESSAGE_BYTES_MAX));
    buf_init(&line, arena, CLEAN_BYTES_MAX);
    append_one_line(&line, text);
    str words = str_trim(buf_str(&line));
    str cut = str_utf8_prefix(words, CALL_MESSAGE_CHARACTERS_MAX);
    return cut.len == words.len ? cut : str_format(arena, "%" STR_FMT "...", STR_ARG(cut));
}

str call_message_clean(const struct call_secrets *secrets, struct arena *arena, str message) {
    return clean(secrets, arena, PART_BYTES_IN_MESSAGE, message);
}

str call_code_clean(const struct call_secrets *secrets, struct arena *arena, str code) {
    return clean(secrets, arena, PART_BYTES_IN_CODE, code);
}
