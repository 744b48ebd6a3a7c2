/* SPDX-License-Identifier: Apache-2.0
 *
 * ASCII characters, whatever the locale.
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include "base/str.h"

/* The functions of <ctype.h> depend on the locale, and are undefined for a negative char, which a
 * byte of UTF-8 can be. */
static inline bool ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

static inline bool ascii_is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static inline bool ascii_is_letter(char c) {
    return ascii_is_lower(c) || ascii_is_upper(c);
}

static inline bool ascii_is_alphanumeric(char c) {
    return ascii_is_letter(c) || ascii_is_digit(c);
}

/* Space, \t, \n, \v, \f, \r */
static inline bool ascii_is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Printable and no blank. */
static inline bool ascii_is_graphic(char c) {
    return c > ' ' && c <= '~';
}

static inline char ascii_lower(char c) {
    return ascii_is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* -1: no hexadecimal digit */
static inline int ascii_hex_value(char c) {
    char lower = ascii_lower(c);
    return ascii_is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Whether every character is accepted; true for the empty str. */
static inline bool ascii_has_only(str s, bool (*accepts)(char)) {
    for (size_t i = 0; i < s.len; i++) {
        if (!accepts(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* For names that must be lower case, such as a bucket's in a host name. */
static inline bool ascii_has_upper(str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (ascii_is_upper(s.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* Whether every character is a letter, a digit or one of `others`. */
static inline bool ascii_is_made_of(str s, str others) {
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_alphanumeric(s.ptr[i]) && str_find_char(others, s.ptr[i]) == others.len) {
            return false;
        }
    }
    return true;
}

#endif
