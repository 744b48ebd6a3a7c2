/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed text. A `str` points at bytes somebody else owns (an arena, a literal, an input buffer)
 * and promises no terminating NUL. Nothing here allocates unless it is given an arena; the result
 * then lives as long as that arena's current round. A NUL exists only where libc, curl or OpenSSL
 * need one, and is made by str_to_cstr.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

typedef struct str {
    const char *ptr; /* NULL only when len is 0 */
    size_t len;      /* bytes */
} str;

/* A literal as a str, without a strlen at run time. */
#define STR(literal) ((str){(literal), sizeof(literal) - 1})
#define STR_EMPTY    ((str){NULL, 0})

/* printf("%" STR_FMT, STR_ARG(s)) */
#define STR_FMT    ".*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

/* Borrows `text`; NULL gives the empty str. */
str str_from_cstr(const char *text);
/* A copy that ends in NUL (not counted in len), so that .ptr is a C string. */
str str_copy(struct arena *arena, str s);
/* The same as a C string. `s` must hold no NUL byte (asserted): such text never comes from outside
 * unchecked. */
char *str_to_cstr(struct arena *arena, str s);
/* printf into the arena. */
__attribute__((format(printf, 2, 3))) str str_format(struct arena *arena, const char *format, ...);
__attribute__((format(printf, 2, 0))) str str_format_va(struct arena *arena, const char *format,
                                                        va_list arguments);

bool str_is_empty(str s);
/* `s`, or `otherwise` when it is empty. */
str str_or(str s, str otherwise);
/* Not constant in time: never for secrets. */
bool str_eq(str a, str b);
bool str_is_one_of(str s, const char *const *texts, size_t count);
/* ASCII letters only, whatever the locale. */
bool str_eq_ignore_case(str a, str b);
/* Byte order, shorter first on a tie: <0, 0, >0. */
int str_compare(str a, str b);
bool str_starts_with(str s, str prefix);
bool str_ends_with(str s, str suffix);
bool str_contains(str s, str part);
bool str_contains_ignore_case(str s, str part);
/* Takes `prefix` off the front of *rest; false: it does not begin so, and stays as it is. */
bool str_take(str *rest, str prefix);
/* What follows the last `c`; all of it where there is none. */
str str_after_last(str s, char c);
/* Position of the first `c`, or s.len. */
size_t str_find_char(str s, char c);
/* The bytes [from, to), clamped to s. Never reads outside `s`, whatever the numbers: parsers may
 * slice first and look at the length then. */
str str_slice(str s, size_t from, size_t to);
/* Without ASCII white space (space, \t, \r, \n, \v, \f) at both ends. */
str str_trim(str s);
/* Takes the text before the first `separator` out of *rest (or all of it) and returns it; *rest
 * moves past the separator. When *rest is used up its ptr becomes NULL, which ends the loop: for
 * (str rest = s; rest.ptr != NULL;) { str part = str_split(&rest, ','); ... } An empty input with a
 * non-NULL ptr gives one empty part. */
str str_split(str *rest, char separator);
/* Lower-case ASCII copy. */
str str_lower(struct arena *arena, str s);

/* For messages: `one` of exactly one, else `many`. */
const char *str_by_count(uint64_t count, const char *one, const char *many);

/* Decimal, optional '-', no blanks, no overflow; false leaves *value alone. */
bool str_parse_i64(str s, int64_t *value);

/* Position of the first byte that is not part of well-formed UTF-8 (RFC 3629), or s.len when all
 * is. */
size_t str_utf8_valid_prefix(str s);
/* Bytes that one U+FFFD stands for where `s` (not empty) begins no valid character: as much of it
 * as could have become one, at least 1 (the Unicode Standard, "maximal subpart"). */
size_t str_utf8_bad_length(str s);
/* Takes the next character out of *rest (not empty), or one byte that is no UTF-8: then the result
 * is a single byte of 0x80 or more. */
str str_utf8_take(str *rest);
/* Characters (code points) in `s`, which must be valid UTF-8. */
size_t str_utf8_count(str s);
/* Sorts, and keeps one of each that is not empty. Returns how many are left. */
size_t str_sort_distinct(str *texts, size_t count);
/* Of one whole, valid character. */
uint32_t str_utf8_code_point(str character);
/* The longest prefix of at most `characters` code points, never inside one. */
str str_utf8_prefix(str s, size_t characters);

#endif
