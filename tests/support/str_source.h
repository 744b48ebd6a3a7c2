/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as a source of bytes.
 */
#ifndef STR_SOURCE_H
#define STR_SOURCE_H

#include <string.h>

#include "traffic/inflate.h"

static inline size_t str_source_read(void *context, char *bytes, size_t size, uint64_t position) {
    const str *text = context;
    size_t begin = position < text->len ? (size_t)position : text->len;
    size_t count = text->len - begin < size ? text->len - begin : size;
    if (count > 0) {
        memcpy(bytes, text->ptr + begin, count);
    }
    return count;
}

/* `text` must stay. */
static inline struct byte_source str_source(str *text) {
    return (struct byte_source){text, str_source_read};
}

#endif
