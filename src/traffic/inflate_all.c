/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#endif
#include <libdeflate.h>
#include <string.h>
#include <sys/mman.h>

#include "inflate_internal.h"

/* The last four bytes of a member: its unpacked size modulo 2^32, least significant first. */
#define SIZE_BYTES ((size_t)4)

struct inflate_room {
    struct libdeflate_decompressor *decompressor; /* NULL: none to be had */
    char *ptr;                                    /* NULL likewise */
    size_t bytes;
};

static void close_room(void *context) {
    struct inflate_room *room = context;
    if (room->ptr != NULL) {
        (void)munmap(room->ptr, room->bytes);
    }
    libdeflate_free_decompressor(room->decompressor);
    *room = (struct inflate_room){0};
}

struct inflate_room *inflate_room_new(struct arena *arena, size_t bytes_max) {
    ASSERT(arena != NULL && bytes_max >= INFLATE_LINE_BYTES_MAX);
    struct inflate_room *room = ARENA_NEW(arena, struct inflate_room);
    /* Only addresses: a page of memory comes with the first byte that is unpacked into it. */
    void *pages = mmap(NULL,
                       bytes_max,
                       PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1,
                       0);
    room->ptr = pages == MAP_FAILED ? NULL : pages;
    room->bytes = bytes_max;
    room->decompressor = libdeflate_alloc_decompressor();
    arena_defer(arena, close_room, room);
    return room;
}

/* By the last member's own word. A lie, or a larger one before it, costs an attempt. */
static bool may_fit(const struct inflate_room *room, str compressed) {
    if (room->ptr == NULL || room->decompressor == NULL || compressed.len < SIZE_BYTES) {
        return false;
    }
    const unsigned char *size = (const unsigned char *)compressed.ptr + compressed.len - SIZE_BYTES;
    size_t unpacked =
        size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    return unpacked <= room->bytes;
}

/* Members behind one another, each to its end; false at the first one that is not sound or does
 * not fit, of which nothing was handed on. `held` bytes of a begun line are at the begin of the
 * room, `taken` ones of the input are done with. */
static bool unpack_members(struct inflate_room *room,
                           str compressed,
                           const struct line_sink *sink,
                           size_t *taken,
                           size_t *held) {
    while (*taken < compressed.len) {
        size_t read_bytes = 0;
        size_t made = 0;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(room->decompressor,
                                                                      compressed.ptr + *taken,
                                                                      compressed.len - *taken,
                                                                      room->ptr + *held,
                                                                      room->bytes - *held,
                                                                      &read_bytes,
                                                                      &made);
        if (result != LIBDEFLATE_SUCCESS) {
            return false;
        }
        *taken += read_bytes;
        str text = {room->ptr, *held + made};
        size_t gone = hand_on_lines(sink, text);
        *held = text.len - gone;
        memmove(room->ptr, room->ptr + gone, *held);
    }
    return true;
}

enum status inflate_all_in(struct inflate_room *room,
                           str compressed,
                           const struct line_sink *sink,
                           struct arena *arena,
                           struct error *error) {
    ASSERT(room != NULL && sink != NULL && sink->take != NULL && arena != NULL);
    size_t taken = 0;
    size_t held = 0;
    if (may_fit(room, compressed) && unpack_members(room, compressed, sink, &taken, &held)) {
        if (held > 0) {
            sink->take(sink->context, (str){room->ptr, held});
        }
        return STATUS_OK;
    }
    /* zlib tells where a member is damaged, and gives what is before that. */
    str begun_line = held > 0 ? (str){room->ptr, held} : STR_EMPTY;
    struct inflate *stream = inflate_new_within(arena, sink, taken, begun_line);
    enum status status = inflate_feed(stream, str_slice(compressed, taken, compressed.len), error);
    return status == STATUS_OK ? inflate_end(stream, error) : status;
}

enum status inflate_all(str compressed,
                        const struct line_sink *sink,
                        struct arena *arena,
                        struct error *error) {
    struct inflate_room *room = inflate_room_new(arena, INFLATE_ROOM_BYTES_DEFAULT);
    enum status status = inflate_all_in(room, compressed, sink, arena, error);
    close_room(room); /* the arena may live for many files */
    return status;
}
