/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share. A target is one function over bytes that must hold its invariants
 * whatever they are: libFuzzer calls it (`make fuzz`), and so does replay.c on seeds and former
 * finds (`make test`). An input of several parts has one part after the other, each ended by
 * FUZZ_SEPARATOR, so that seeds can be made, and mutations cut and joined, by plain text.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An invariant; its breach ends the process with the line that was broken. */
#define HOLD(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ASCII's "unit separator". */
#define FUZZ_SEPARATOR '\x1F'

/* In memory of exactly that size, so that a read beyond either end is seen. */
static inline str fuzz_exact(struct arena *arena, str text) {
    char *bytes = arena_alloc(arena, text.len);
    if (text.len > 0) {
        memcpy(bytes, text.ptr, text.len);
    }
    return (str){bytes, text.len};
}

static inline str fuzz_input(struct arena *arena, const uint8_t *data, size_t size) {
    return fuzz_exact(arena, (str){(const char *)data, size});
}

/* The next part of *rest; empty when there is none. */
static inline str fuzz_part(struct arena *arena, str *rest) {
    str part = rest->ptr == NULL ? STR_EMPTY : str_split(rest, FUZZ_SEPARATOR);
    return fuzz_exact(arena, part);
}

/* The first byte of *rest as a number, 0 when there is none: what the target is to do. */
static inline unsigned fuzz_byte(str *rest) {
    if (rest->len == 0) {
        return 0;
    }
    unsigned char byte = (unsigned char)rest->ptr[0];
    *rest = str_slice(*rest, 1, rest->len);
    return byte;
}

static inline bool fuzz_is_utf8(str text) {
    return str_utf8_valid_prefix(text) == text.len;
}

/* Is it where it may be: inside of `whole`? */
static inline bool fuzz_is_inside(str part, str whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/* Reads every byte, so that a slice of memory that is gone or was never ours is seen. */
static inline unsigned fuzz_touch(str text) {
    unsigned sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        sum += (unsigned char)text.ptr[i];
    }
    return sum;
}

/* What every failure owes its reader: the status itself and a sentence. */
static inline void fuzz_hold_error(enum status status, const struct error *error) {
    HOLD(status != STATUS_OK);
    HOLD(error->status == status);
    HOLD(error->message.len > 0 && fuzz_is_utf8(error->message));
}

#endif
