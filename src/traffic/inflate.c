/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <zlib.h>

#include "inflate_internal.h"

/* A begun line as long as may be, and some room to unpack into. */
#define WINDOW_BYTES (INFLATE_LINE_BYTES_MAX + (size_t)256 * 1024)
/* zlib's avail_in is an unsigned int. */
#define PIECE_BYTES_MAX ((size_t)1 << 30)
#define GZIP_ONLY       (MAX_WBITS + 16) /* inflateInit2: with header and trailer, and only so */

struct inflate {
    struct arena *arena;
    struct line_sink sink;
    z_stream zlib;
    size_t position;     /* bytes of the file that zlib took, or all that came */
    size_t member_begin; /* in the same bytes */
    size_t held;         /* bytes in `window` that are not handed on */
    bool is_plain;
    bool is_in_member;
    struct error error; /* once it failed */
    char window[WINDOW_BYTES];
};

size_t hand_on_lines(const struct line_sink *sink, str text) {
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != '\n') {
        end--;
    }
    if (text.len - end > INFLATE_LINE_BYTES_MAX) {
        end = text.len;
    }
    if (end > 0) {
        sink->take(sink->context, str_slice(text, 0, end));
    }
    return end;
}

static void hand_on_window(struct inflate *stream) {
    size_t gone = hand_on_lines(&stream->sink, (str){stream->window, stream->held});
    stream->held -= gone;
    memmove(stream->window, stream->window + gone, stream->held);
}

static void hand_on_rest(struct inflate *stream) {
    if (stream->held > 0) {
        stream->sink.take(stream->sink.context, (str){stream->window, stream->held});
    }
    stream->held = 0;
}

/* zlib's memory goes with the arena, so there is nothing to end. */
static void *take_memory(void *arena, unsigned count, unsigned size) {
    return arena_alloc_array(arena, count, size);
}

static void keep_memory(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

static struct inflate *new_inflate(struct arena *arena, const struct line_sink *sink) {
    ASSERT(arena != NULL && sink != NULL && sink->take != NULL);
    struct inflate *stream = ARENA_NEW(arena, struct inflate);
    stream->arena = arena;
    stream->sink = *sink;
    return stream;
}

struct inflate *inflate_new_within(struct arena *arena,
                                   const struct line_sink *sink,
                                   size_t position,
                                   str begun_line) {
    ASSERT(begun_line.len <= INFLATE_LINE_BYTES_MAX);
    struct inflate *stream = new_inflate(arena, sink);
    stream->zlib.zalloc = take_memory;
    stream->zlib.zfree = keep_memory;
    stream->zlib.opaque = arena;
    int result = inflateInit2(&stream->zlib, GZIP_ONLY);
    ASSERT(result == Z_OK); /* what else it knows is no memory or another zlib than the header's */
    stream->position = position;
    stream->member_begin = position;
    stream->is_in_member = true;
    stream->held = begun_line.len;
    if (begun_line.len > 0) {
        memcpy(stream->window, begun_line.ptr, begun_line.len);
    }
    return stream;
}

struct inflate *inflate_new(struct arena *arena, const struct line_sink *sink) {
    return inflate_new_within(arena, sink, 0, STR_EMPTY);
}

struct inflate *inflate_new_plain(struct arena *arena, const struct line_sink *sink) {
    struct inflate *stream = new_inflate(arena, sink);
    stream->is_plain = true;
    return stream;
}

static enum status tell(const struct inflate *stream, struct error *error) {
    if (stream->error.status != STATUS_OK && error != NULL) {
        *error = stream->error;
    }
    return stream->error.status;
}

/* What the caller did not want to see, or see again, is kept too. */
__attribute__((format(printf, 3, 4))) static void fail(struct inflate *stream,
                                                       enum status status,
                                                       const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    str message = str_format_va(stream->arena, format, arguments);
    va_end(arguments);
    hand_on_rest(stream);
    stream->error = (struct error){.status = status, .message = message};
}

static void fail_damaged(struct inflate *stream) {
    const char *why = stream->zlib.msg == NULL ? "not valid" : stream->zlib.msg;
    if (strcmp(why, "incorrect header check") != 0) {
        fail(stream, STATUS_INVALID, "damaged gzip data at byte %zu: %s", stream->position, why);
    } else if (stream->member_begin == 0) {
        fail(stream, STATUS_INVALID, "not gzip data, at byte 0");
    } else {
        fail(stream,
             STATUS_INVALID,
             "foreign bytes behind the gzip data, at byte %zu",
             stream->member_begin);
    }
}

/* Unpacks as far as the piece and the window reach. */
static int unpack(struct inflate *stream) {
    z_stream *zlib = &stream->zlib;
    unsigned given = zlib->avail_in;
    zlib->next_out = (unsigned char *)stream->window + stream->held;
    zlib->avail_out = (unsigned)(WINDOW_BYTES - stream->held);
    int result = inflate(zlib, Z_NO_FLUSH);
    stream->position += given - zlib->avail_in;
    stream->held = WINDOW_BYTES - zlib->avail_out;
    return result;
}

static void begin_member(struct inflate *stream) {
    int result = inflateReset(&stream->zlib);
    ASSERT(result == Z_OK);
    stream->is_in_member = true;
    stream->member_begin = stream->position;
}

static enum status feed_gzip(struct inflate *stream, str piece) {
    ASSERT(piece.len <= PIECE_BYTES_MAX);
    z_stream *zlib = &stream->zlib;
    zlib->next_in = (unsigned char *)(uintptr_t)piece.ptr; /* zlib's is not const, but only read */
    zlib->avail_in = (unsigned)piece.len;
    bool is_full = false;
    while (zlib->avail_in > 0 || is_full) {
        if (!stream->is_in_member) {
            begin_member(stream);
        }
        int result = unpack(stream);
        is_full = zlib->avail_out == 0 && result == Z_OK;
        hand_on_window(stream);
        if (result == Z_STREAM_END) {
            stream->is_in_member = false;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            fail_damaged(stream);
            return stream->error.status;
        }
    }
    return STATUS_OK;
}

static void feed_plain(struct inflate *stream, str piece) {
    while (piece.len > 0) {
        size_t room = WINDOW_BYTES - stream->held;
        str part = str_slice(piece, 0, room);
        memcpy(stream->window + stream->held, part.ptr, part.len);
        stream->held += part.len;
        hand_on_window(stream);
        piece = str_slice(piece, part.len, piece.len);
    }
}

enum status inflate_feed(struct inflate *stream, str piece, struct error *error) {
    ASSERT(stream != NULL);
    while (stream->error.status == STATUS_OK && piece.len > 0) {
        str part = str_slice(piece, 0, PIECE_BYTES_MAX);
        if (stream->is_plain) {
            feed_plain(stream, part);
        } else if (feed_gzip(stream, part) != STATUS_OK) {
            break;
        }
        piece = str_slice(piece, part.len, piece.len);
    }
    return tell(stream, error);
}

enum status inflate_end(struct inflate *stream, struct error *error) {
    ASSERT(stream != NULL);
    if (stream->error.status == STATUS_OK && stream->is_in_member) {
        fail(stream, STATUS_INCOMPLETE, "gzip data cut short at byte %zu", stream->position);
    }
    hand_on_rest(stream);
    return tell(stream, error);
}
