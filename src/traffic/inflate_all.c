/* SPDX-License-Identifier: Apache-2.0
 *
 * libdeflate as built by .ci/libdeflate-window.pl unpacks from a buffer and into a window that both
 * stay in the processor's cache, where the lines are looked at, too. With a libdeflate that lacks
 * this (that of Debian, in the dynamic build) everything is left to zlib's stream.
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
    const void *(*fill)(void *context, const void *next, const void **end),
    void *(*drain)(void *context, void *window, void *end),
    void *context,
    size_t *in_used,
    size_t *window_used);

/* A second level cache has 512 KiB at least, nowadays; DEFLATE looks back 32 KiB. */
#define WINDOW_BYTES  ((size_t)224 * 1024)
#define HISTORY_BYTES ((size_t)32 * 1024)
#define INPUT_BYTES   ((size_t)192 * 1024)
#define INPUT_MIN     ((size_t)66 * 1024) /* libdeflate's for a block; a header is shorter */
#define INPUT_KEPT    ((size_t)8)         /* read by libdeflate, but perhaps not used */

/* RFC 1952, 2.3 */
#define HEADER_BYTES    ((size_t)10)
#define FLAGS_AT        3
#define FLAG_NAME       0x08
#define TRAILER_BYTES   ((size_t)8)
#define TRAILER_SIZE_AT 4

/* What was read of the source and is not unpacked yet: bytes[begin] up to bytes[end]. */
struct input {
    const struct byte_source *source;
    uint64_t position; /* in the source, of bytes[0] */
    size_t begin;
    size_t end;
    char bytes[INPUT_BYTES];
};

struct inflate_window {
    struct libdeflate_decompressor *decompressor; /* NULL: none to be had */
    struct line_joiner joiner;
    struct input input;
    char bytes[WINDOW_BYTES];
};

/* --- the source --- */

static void begin_input(struct input *input, const struct byte_source *source) {
    input->source = source;
    input->position = 0;
    input->begin = 0;
    input->end = 0;
}

static uint64_t input_position(const struct input *input) {
    return input->position + input->begin;
}

static void fill(struct input *input) {
    size_t kept = input->begin < INPUT_KEPT ? input->begin : INPUT_KEPT;
    size_t moved = input->begin - kept;
    memmove(input->bytes, input->bytes + moved, input->end - moved);
    input->position += moved;
    input->begin -= moved;
    input->end -= moved;
    input->end += input->source->read(input->source->context,
                                      input->bytes + input->end,
                                      INPUT_BYTES - input->end,
                                      input->position + input->end);
}

static const void *fill_for_libdeflate(struct input *input, const void *next, const void **end) {
    input->begin = (size_t)((const char *)next - input->bytes);
    fill(input);
    *end = input->bytes + input->end;
    return input->bytes + input->begin;
}

/* At least so many bytes, or all that are left. */
static str peek(struct input *input, size_t count) {
    if (input->end - input->begin < count) {
        fill(input);
    }
    return (str){input->bytes + input->begin, input->end - input->begin};
}

/* What pads a file to the blocks of a tape or disk is no part of it. */
static void skip_padding(struct input *input) {
    str rest;
    size_t zeros;
    do {
        rest = peek(input, 1);
        for (zeros = 0; zeros < rest.len && rest.ptr[zeros] == '\0'; zeros++) {
        }
        input->begin += zeros;
    } while (zeros > 0 && zeros == rest.len);
}

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

/* --- members --- */

/* One on its way through the window. */
struct member {
    struct input *input;
    struct line_joiner *joiner;
    size_t history; /* bytes at the begin of the window that were handed on before */
    size_t made;    /* bytes handed on */
    uint32_t crc;
};

static const void *refill(void *context, const void *next, const void **end) {
    struct member *member = context;
    return fill_for_libdeflate(member->input, next, end);
}

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

static bool unpack_data(struct inflate_window *window, struct member *member) {
    struct input *input = &window->input;
    size_t used = 0;
    size_t end = 0;
    const char *data = input->bytes + input->begin;
    enum libdeflate_result result = libdeflate_deflate_decompress_window(window->decompressor,
                                                                         data,
                                                                         input->end - input->begin,
                                                                         window->bytes,
                                                                         WINDOW_BYTES,
                                                                         refill,
                                                                         drain,
                                                                         member,
                                                                         &used,
                                                                         &end);
    if (result != LIBDEFLATE_SUCCESS) {
        return false;
    }
    hand_on(member, window->bytes, end);
    /* `used` may be "less than none": what `data` once pointed at was moved to before it. */
    input->begin = (size_t)(data - input->bytes) + used;
    return true;
}

static bool has_trailer(const struct member *member) {
    str trailer = peek(member->input, TRAILER_BYTES);
    return trailer.len >= TRAILER_BYTES && read_u32(trailer.ptr) == member->crc &&
           read_u32(trailer.ptr + TRAILER_SIZE_AT) == (uint32_t)member->made;
}

/* Whether the member is sound, and the input behind it now. *made_out: bytes handed on of it. */
static bool unpack_member(struct inflate_window *window, size_t *made_out) {
    struct input *input = &window->input;
    struct member member = {.input = input, .joiner = &window->joiner};
    size_t header = header_bytes(peek(input, INPUT_MIN));
    *made_out = 0;
    if (header == 0) {
        return false;
    }
    input->begin += header;
    bool is_unpacked = unpack_data(window, &member);
    *made_out = member.made;
    if (!is_unpacked || !has_trailer(&member)) {
        return false;
    }
    input->begin += TRAILER_BYTES;
    return true;
}

/* zlib tells where a member is damaged, and gives what is before that. The first `known` bytes of
 * what the member at `position` holds are with the joiner. */
static enum status unpack_slowly(struct inflate_window *window,
                                 struct arena *arena,
                                 uint64_t position,
                                 size_t known,
                                 struct error *error) {
    struct input *input = &window->input;
    struct inflate *stream = inflate_new_within(arena, &window->joiner, (size_t)position, known);
    size_t count = INPUT_BYTES;
    for (; count == INPUT_BYTES; position += count) {
        const struct byte_source *source = input->source;
        count = source->read(source->context, input->bytes, INPUT_BYTES, position);
        TRY(inflate_feed(stream, (str){input->bytes, count}, error));
    }
    return inflate_end(stream, error);
}

enum status inflate_all(struct inflate_window *window,
                        const struct byte_source *source,
                        const struct line_sink *sink,
                        struct arena *arena,
                        struct error *error) {
    ASSERT(window != NULL && source != NULL && source->read != NULL);
    ASSERT(sink != NULL && sink->take != NULL && arena != NULL);
    struct input *input = &window->input;
    begin_input(input, source);
    window->joiner.sink = *sink;
    window->joiner.held = 0;
    if (window->decompressor == NULL) {
        return unpack_slowly(window, arena, 0, 0, error);
    }
    do {
        uint64_t position = input_position(input);
        size_t made;
        if (!unpack_member(window, &made)) {
            return unpack_slowly(window, arena, position, made, error);
        }
        skip_padding(input);
    } while (input->begin < input->end);
    line_joiner_end(&window->joiner);
    return STATUS_OK;
}
