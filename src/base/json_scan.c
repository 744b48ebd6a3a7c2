/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "base/assert.h"
#include "json_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value costs the tree about 80 bytes, a member 112, whatever it weighs in the text: without a
 * limit, 16 MiB of "[0,0,0..." would take 640 MB. An event holds documents within documents, each
 * read by itself, and a function has 128 MB. The largest of AWS we read has some 5,000 values. */
static const size_t VALUES_MAX = 100000;

/* Longer numbers are cut short by some builds of the tree library (its buffer has 64 bytes). */
enum { NUMBER_BYTES_MAX = 63 };

/* The scanner keeps the closing brackets of open containers in an array instead of recursing, so
 * that a hostile event cannot exhaust the stack of a worker thread: 1 MiB at most.
 *
 *         +------------- "," (in an object: and a key with its colon) -------------+
 *         v                                                                        |
 *   STEP_VALUE --- scalar, or a container that is empty ---> STEP_AFTER_VALUE -----+
 *     ^    |                                                    ^  |        |
 *     +----+ "{" key ":", or "["                                +--+ "}"    | nothing is open,
 *            (one container more is open)                            "]"    v and the text ends
 *                                                                        STEP_END
 */
enum step {
    STEP_VALUE,       /* a value must follow */
    STEP_AFTER_VALUE, /* a comma, a closing bracket or the end must follow */
    STEP_END
};

struct scan {
    const unsigned char *ptr;
    size_t len;
    size_t pos;
    size_t values;
    size_t keys;
    size_t key_refused;
    size_t depth_max;
    size_t open_count;
    char open[JSON_DEPTH_CAP]; /* the bracket that closes each open container */
    struct json_problem *problem;
};

static enum status refuse(struct scan *scan, enum status status, const char *what, size_t pos) {
    scan->problem->what = what;
    scan->problem->position = pos;
    return status;
}

/* -1 at the end of the text: no digit, no bracket, and below every character that may stand in a
 * string. */
static int peek(const struct scan *scan) {
    return scan->pos < scan->len ? scan->ptr[scan->pos] : -1;
}

static enum status refuse_next(struct scan *scan, const char *what) {
    int c = peek(scan);
    if (c < 0) {
        what = "ends too early";
    } else if (c == 0) {
        what = "NUL byte";
    }
    return refuse(scan, STATUS_INVALID, what, scan->pos);
}

static void skip_space(struct scan *scan) {
    int c = peek(scan);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        scan->pos++;
        c = peek(scan);
    }
}

static enum status scan_hex4(struct scan *scan, unsigned *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = ascii_hex_value((char)peek(scan));
        if (digit < 0) {
            return refuse_next(scan, "escape without four hexadecimal digits");
        }
        *code = *code * 16 + (unsigned)digit;
        scan->pos++;
    }
    return STATUS_OK;
}

/* The half that must follow a high surrogate; `start` is where the pair began. */
static enum status scan_low_surrogate(struct scan *scan, size_t start) {
    unsigned code = 0;
    if (scan->len - scan->pos < 2 || memcmp(scan->ptr + scan->pos, "\\u", 2) != 0) {
        return refuse(scan, STATUS_INVALID, "lone surrogate", start);
    }
    scan->pos += 2;
    TRY(scan_hex4(scan, &code));
    return code >= 0xDC00 && code <= 0xDFFF ? STATUS_OK
                                            : refuse(scan, STATUS_INVALID, "lone surrogate", start);
}

/* `start` is where the backslash is, scan->pos behind the u. */
static enum status scan_unicode_escape(struct scan *scan, size_t start) {
    unsigned code = 0;
    TRY(scan_hex4(scan, &code));
    if (code == 0) {
        return refuse(scan, STATUS_INVALID, "escaped NUL", start);
    }
    if (code >= 0xDC00 && code <= 0xDFFF) {
        return refuse(scan, STATUS_INVALID, "lone surrogate", start);
    }
    return code >= 0xD800 && code <= 0xDBFF ? scan_low_surrogate(scan, start) : STATUS_OK;
}

/* Without the first condition strchr would find a NUL byte of the text at the end of its list. */
static enum status scan_escape(struct scan *scan) {
    size_t start = scan->pos++;
    int c = peek(scan);
    if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL) {
        return refuse_next(scan, "unknown escape");
    }
    scan->pos++;
    return c == 'u' ? scan_unicode_escape(scan, start) : STATUS_OK;
}

/* At the opening quote. That the bytes are UTF-8 was seen to before. */
static enum status scan_string(struct scan *scan) {
    scan->pos++;
    for (;;) {
        int c = peek(scan);
        if (c == '"') {
            scan->pos++;
            return STATUS_OK;
        }
        if (c < 0x20) {
            return refuse_next(scan, "control character in a string");
        }
        if (c == '\\') {
            TRY(scan_escape(scan));
        } else {
            scan->pos++;
        }
    }
}

static enum status scan_digits(struct scan *scan) {
    if (!ascii_is_digit((char)peek(scan))) {
        return refuse_next(scan, "number without a digit");
    }
    while (ascii_is_digit((char)peek(scan))) {
        scan->pos++;
    }
    return STATUS_OK;
}

/* Infinity must not reach a caller that turns the number into an integer. strtod reads "." as the
 * decimal point, for the program never leaves the locale "C". */
static enum status check_number_size(struct scan *scan, size_t start) {
    char text[NUMBER_BYTES_MAX + 1] = {0};
    size_t len = scan->pos - start;
    if (len > NUMBER_BYTES_MAX) {
        return refuse(scan, STATUS_INVALID, "number too long", start);
    }
    memcpy(text, scan->ptr + start, len);
    return isfinite(strtod(text, NULL))
               ? STATUS_OK
               : refuse(scan, STATUS_INVALID, "number out of range", start);
}

static enum status scan_number(struct scan *scan) {
    size_t start = scan->pos;
    if (peek(scan) == '-') {
        scan->pos++;
    }
    bool is_zero = peek(scan) == '0';
    size_t digits = scan->pos;
    TRY(scan_digits(scan));
    if (is_zero && scan->pos - digits > 1) {
        return refuse(scan, STATUS_INVALID, "number with a leading zero", digits);
    }
    if (peek(scan) == '.') {
        scan->pos++;
        TRY(scan_digits(scan));
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->pos++;
        if (peek(scan) == '+' || peek(scan) == '-') {
            scan->pos++;
        }
        TRY(scan_digits(scan));
    }
    return check_number_size(scan, start);
}

static enum status scan_literal(struct scan *scan, const char *literal) {
    size_t len = strlen(literal);
    if (scan->len - scan->pos < len || memcmp(scan->ptr + scan->pos, literal, len) != 0) {
        return refuse(scan, STATUS_INVALID, "unknown word", scan->pos);
    }
    scan->pos += len;
    return STATUS_OK;
}

/* A key with its colon. */
static enum status scan_key(struct scan *scan) {
    skip_space(scan);
    if (peek(scan) != '"') {
        return refuse_next(scan, "expected a key");
    }
    if (scan->keys == scan->key_refused) {
        return refuse(scan, STATUS_INVALID, "same key twice", scan->pos);
    }
    scan->keys++;
    TRY(scan_string(scan));
    skip_space(scan);
    if (peek(scan) != ':') {
        return refuse_next(scan, "expected a colon");
    }
    scan->pos++;
    return STATUS_OK;
}

/* An empty container is left to scan_after_value, which finds its closing bracket. */
static enum status open_container(struct scan *scan, char closing, enum step *step) {
    ASSERT(scan->open_count < JSON_DEPTH_CAP);
    scan->open[scan->open_count++] = closing;
    scan->pos++;
    skip_space(scan);
    if (peek(scan) == closing) {
        *step = STEP_AFTER_VALUE;
        return STATUS_OK;
    }
    *step = STEP_VALUE;
    return closing == '}' ? scan_key(scan) : STATUS_OK;
}

static enum status scan_value(struct scan *scan, enum step *step) {
    skip_space(scan);
    if (scan->open_count >= scan->depth_max) {
        return refuse(scan, STATUS_TOO_DEEP, "nested too deep", scan->pos);
    }
    if (++scan->values > VALUES_MAX) {
        return refuse(scan, STATUS_TOO_LARGE, "too many values", scan->pos);
    }
    *step = STEP_AFTER_VALUE;
    int c = peek(scan);
    switch (c) {
    case '{':
        return open_container(scan, '}', step);
    case '[':
        return open_container(scan, ']', step);
    case '"':
        return scan_string(scan);
    case 't':
        return scan_literal(scan, "true");
    case 'f':
        return scan_literal(scan, "false");
    case 'n':
        return scan_literal(scan, "null");
    default:
        return c == '-' || ascii_is_digit((char)c) ? scan_number(scan)
                                                   : refuse_next(scan, "unexpected character");
    }
}

static enum status scan_after_value(struct scan *scan, enum step *step) {
    skip_space(scan);
    if (scan->open_count == 0) {
        *step = STEP_END;
        return scan->pos == scan->len ? STATUS_OK
                                      : refuse(scan, STATUS_INVALID, "trailing bytes", scan->pos);
    }
    char closing = scan->open[scan->open_count - 1];
    if (peek(scan) == closing) {
        scan->pos++;
        scan->open_count--;
        return STATUS_OK;
    }
    if (peek(scan) != ',') {
        return refuse_next(scan, "expected a comma or a closing bracket");
    }
    scan->pos++;
    *step = STEP_VALUE;
    return closing == '}' ? scan_key(scan) : STATUS_OK;
}

/* What is wrong with the bytes before they are looked at as JSON. */
static enum status check_bytes(struct scan *scan, str text, const struct json_limits *limits) {
    if (text.len > limits->bytes_max) {
        return refuse(scan, STATUS_TOO_LARGE, "too many bytes", limits->bytes_max);
    }
    if (str_is_empty(str_trim(text))) {
        return refuse(scan, STATUS_INVALID, "empty", text.len);
    }
    if (str_starts_with(text, STR("\xEF\xBB\xBF"))) {
        return refuse(scan, STATUS_INVALID, "byte order mark", 0);
    }
    size_t valid = str_utf8_valid_prefix(text);
    return valid == text.len ? STATUS_OK : refuse(scan, STATUS_INVALID, "invalid UTF-8", valid);
}

enum status json_scan(str text, const struct json_limits *limits, size_t key_refused,
                      struct json_problem *problem) {
    ASSERT(limits != NULL && problem != NULL);
    ASSERT(limits->depth_max > 0 && limits->depth_max <= JSON_DEPTH_CAP);
    struct scan scan = {
        .ptr = (const unsigned char *)text.ptr,
        .len = text.len,
        .key_refused = key_refused,
        .depth_max = limits->depth_max,
        .problem = problem,
    };
    TRY(check_bytes(&scan, text, limits));
    enum step step = STEP_VALUE;
    while (step != STEP_END) {
        TRY(step == STEP_VALUE ? scan_value(&scan, &step) : scan_after_value(&scan, &step));
    }
    return STATUS_OK;
}
