/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as gzip files, and texts joined in memory of exactly their size, so that a read beyond the
 * end is seen.
 */
#ifndef GZIP_TEXT_H
#define GZIP_TEXT_H

#include <string.h>
#include <zlib.h>

#include "base/arena.h"
#include "unit/unit.h"

static inline str gzip_text(struct arena *arena, str text, int level, int strategy) {
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, level, Z_DEFLATED, MAX_WBITS + 16, 8, strategy), Z_OK);
    size_t bound = deflateBound(&zlib, text.len);
    unsigned char *bytes = arena_alloc(arena, bound);
    zlib.next_in = (unsigned char *)(uintptr_t)text.ptr;
    zlib.avail_in = (unsigned)text.len;
    zlib.next_out = bytes;
    zlib.avail_out = (unsigned)bound;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&zlib), Z_OK);
    return (str){(char *)bytes, zlib.total_out};
}

static inline str join_texts(struct arena *arena, str first, str second) {
    char *bytes = arena_alloc(arena, first.len + second.len);
    memcpy(bytes, first.ptr, first.len);
    memcpy(bytes + first.len, second.ptr, second.len);
    return (str){bytes, first.len + second.len};
}

#endif
