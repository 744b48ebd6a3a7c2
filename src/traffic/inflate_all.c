/* SPDX-License-Identifier: Apache-2.0
 *
 * libdeflate as built by .ci/libdeflate-window.pl unpacks into a window that stays in the
 * processor's cache, where the lines are looked at, too. With a libdeflate that lacks this (that of
 * Debian, in the dynamic build) everything is left to zlib's stream.
 */
#include <libdeflate.h>
#include <string.h>

#include "inflate_internal.h"

__attribute__((weak)) enum libdeflate_result libdeflate_deflate_decompress_window(
    struct libdeflate_decompressor *decompressor,
    const void *in,
    size_t in_size,
    void *window,
    size_t window_size,
    void *(*drain)(void *context, void *window, void *end),
    void *context,
    size_t *in_used,
    size_t *window_used);

/* A second level cache has 256 KiB at least, nowadays; DEFLATE looks back 32 KiB. */
#define WINDOW_BYTES  ((size_t)224 * 1024)
#define HISTORY_BYTES ((size_t)32 * 1024)

/* RFC 1952, 2.3 */
#define HEADER_BYTES    ((size_t)10)
#define FLAGS_AT        3
#define FLAG_NAME       0x08
#define TRAILER_BYTES   ((size_t)8)
#define TRAILER_SIZE_AT 4

struct inflate_window {
    struct libdeflate_decompressor *decompressor; /* NULL: none to be had */
    struct line_joiner joiner;
    char bytes[WINDOW_BYTES];
};

static void free_decompressor(void *decompressor) {
    libdeflate_free_decompressor(decompressor);
}

struct inflate_window *inflate_window_new(struct arena *arena) {
    ASSERT(arena != NULL);
    struct inflate_window *window = ARENA_NEW(arena, struct inflate_window);
    if (libdeflate_deflate_decompress_window != NULL) {
        window->decompressor = libdeflate_alloc_decompressor();
        arena_defer(arena, free_decompressor, window->decompressor);
    }
    return window;
}

/* One member on its way through the window. */
struct member {
    struct line_joiner *joiner;
    size_t history; /* bytes at the begin of the window that were handed on before */
    size_t made;    /* bytes handed on */
    uint32_t crc;
};

static void hand_on(struct member *member, const char *window, size_t end) {
    str text = {window + member->history, end - member->history};
    member->crc = libdeflate_crc32(member->crc, text.ptr, text.len);
    member->made += text.len;
    line_joiner_take(member->joiner, text);
}

static void *drain(void *context, void *window, void *end) {
    struct member *member = context;
    char *bytes = window;
    size_t used = (size_t)((char *)end - bytes);
    hand_on(member, bytes, used);
    member->history = used < HISTORY_BYTES ? used : HISTORY_BYTES;
    memmove(bytes, bytes + used - member->history, member->history);
    return bytes + member->history;
}

static uint32_t read_u32(const char *bytes) {
    const unsigned char *digits = (const unsigned char *)bytes;
    return digits[0] | (uint32_t)digits[1] << 8 | (uint32_t)digits[2] << 16 |
           (uint32_t)digits[3] << 24;
}

/* Bytes of the header at the begin of `rest`; 0: it is none, or of the kinds that nobody writes. */
static size_t header_bytes(str rest) {
    if (rest.len < HEADER_BYTES + TRAILER_BYTES || memcmp(rest.ptr, "\x1f\x8b\x08", 3) != 0) {
        return 0;
    }
    if (rest.ptr[FLAGS_AT] == 0) {
        return HEADER_BYTES;
    }
    size_t name = str_find_char(str_slice(rest, HEADER_BYTES, rest.len), '\0');
    size_t end = HEADER_BYTES + name + 1;
    return rest.ptr[FLAGS_AT] == FLAG_NAME && end + TRAILER_BYTES <= rest.len ? end : 0;
}

/* Returns the member's bytes; 0: it is not sound. *made then tells what was handed on of it. */
static size_t unpack_member(struct inflate_window *window, str rest, size_t *made) {
    struct member member = {.joiner = &window->joiner};
    size_t header = header_bytes(rest);
    size_t used = 0;
    size_t end = 0;
    *made = 0;
    if (header == 0 || libdeflate_deflate_decompress_window == NULL) {
        return 0;
    }
    enum libdeflate_result result =
        libdeflate_deflate_decompress_window(window->decompressor,
                                             rest.ptr + header,
                                             rest.len - header - TRAILER_BYTES,
                                             window->bytes,
                                             WINDOW_BYTES,
                                             drain,
                                             &member,
                                             &used,
                                             &end);
    if (result == LIBDEFLATE_SUCCESS) {
        hand_on(&member, window->bytes, end);
    }
    *made = member.made;
    const char *trailer = rest.ptr + header + used;
    bool is_sound = result == LIBDEFLATE_SUCCESS && read_u32(trailer) == member.crc &&
                    read_u32(trailer + TRAILER_SIZE_AT) == (uint32_t)member.made;
    return is_sound ? header + used + TRAILER_BYTES : 0;
}

/* What pads a file to the blocks of a tape or disk is no part of it. */
static size_t skip_padding(str compressed, size_t at) {
    while (at < compressed.len && compressed.ptr[at] == '\0') {
        at++;
    }
    return at;
}

enum status inflate_all(struct inflate_window *window,
                        str compressed,
                        const struct line_sink *sink,
                        struct arena *arena,
                        struct error *error) {
    ASSERT(window != NULL && sink != NULL && sink->take != NULL && arena != NULL);
    window->joiner.sink = *sink;
    window->joiner.held = 0;
    size_t taken = 0;
    size_t made = 0;
    while (window->decompressor != NULL && taken < compressed.len) {
        str rest = str_slice(compressed, taken, compressed.len);
        size_t member_bytes = unpack_member(window, rest, &made);
        if (member_bytes == 0) {
            break;
        }
        taken = skip_padding(compressed, taken + member_bytes);
        made = 0;
    }
    if (taken > 0 && taken == compressed.len) {
        line_joiner_end(&window->joiner);
        return STATUS_OK;
    }
    /* zlib tells where a member is damaged, and gives what is before that. */
    struct inflate *stream = inflate_new_within(arena, &window->joiner, taken, made);
    TRY(inflate_feed(stream, str_slice(compressed, taken, compressed.len), error));
    return inflate_end(stream, error);
}
