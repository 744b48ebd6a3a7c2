/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <zlib.h>

#include "inflate_internal.h"

#define WINDOW_BYTES ((size_t)64 * 1024)
/* zlib's avail_in is an unsigned int. */
#define PIECE_BYTES_MAX ((size_t)1 << 30)
#define GZIP_ONLY       (MAX_WBITS + 16) /* inflateInit2: with header and trailer, and only so */

struct inflate {
    struct arena *arena;
    struct line_joiner *joiner;
    z_stream zlib;
    size_t position;     /* bytes of the file that zlib took */
    size_t member_begin; /* in the same bytes */
    size_t known;        /* unpacked bytes still to come that the joiner has */
    bool is_plain;
    bool is_in_member;
    struct error error; /* once it failed */
    char window[WINDOW_BYTES];
};

/* --- lines --- */

static void hand_on(struct line_joiner *joiner, str text) {
    if (text.len > 0) {
        joiner->sink.take(joiner->sink.context, text);
    }
}

void line_joiner_end(struct line_joiner *joiner) {
    hand_on(joiner, (str){joiner->line, joiner->held});
    joiner->held = 0;
}

static void hold(struct line_joiner *joiner, str text) {
    if (joiner->held + text.len > INFLATE_LINE_BYTES_MAX) {
        line_joiner_end(joiner);
    }
    if (text.len > INFLATE_LINE_BYTES_MAX) {
        hand_on(joiner, text);
    } else if (text.len > 0) {
        memcpy(joiner->line + joiner->held, text.ptr, text.len);
        joiner->held += text.len;
    }
}

void line_joiner_take(struct line_joiner *joiner, str text) {
    if (joiner->held > 0) {
        size_t newline = str_find_char(text, '\n');
        hold(joiner, str_slice(text, 0, newline + 1));
        if (newline == text.len) {
            return;
        }
        line_joiner_end(joiner);
        text = str_slice(text, newline + 1, text.len);
    }
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != '\n') {
        end--;
    }
    hand_on(joiner, str_slice(text, 0, end));
    hold(joiner, str_slice(text, end, text.len));
}

/* --- the stream --- */

/* zlib's memory goes with the arena, so there is nothing to end. */
static void *take_memory(void *arena, unsigned count, unsigned size) {
    return arena_alloc_array(arena, count, size);
}

static void keep_memory(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

struct inflate *inflate_new_within(struct arena *arena,
                                   struct line_joiner *joiner,
                                   size_t position,
                                   size_t known) {
    struct inflate *stream = ARENA_NEW(arena, struct inflate);
    stream->arena = arena;
    stream->joiner = joiner;
    stream->zlib.zalloc = take_memory;
    stream->zlib.zfree = keep_memory;
    stream->zlib.opaque = arena;
    int result = inflateInit2(&stream->zlib, GZIP_ONLY);
    ASSERT(result == Z_OK); /* what else it knows is no memory or another zlib than the header's */
    stream->position = position;
    stream->member_begin = position;
    stream->known = known;
    stream->is_in_member = true;
    return stream;
}

struct inflate *inflate_new(struct arena *arena, const struct line_sink *sink) {
    ASSERT(arena != NULL && sink != NULL && sink->take != NULL);
    struct line_joiner *joiner = ARENA_NEW(arena, struct line_joiner);
    joiner->sink = *sink;
    return inflate_new_within(arena, joiner, 0, 0);
}

struct inflate *inflate_new_plain(struct arena *arena, const struct line_sink *sink) {
    struct inflate *stream = inflate_new(arena, sink);
    stream->is_plain = true;
    stream->is_in_member = false;
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
    line_joiner_end(stream->joiner);
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

/* Unpacks as far as the piece and the window reach, and hands that on. */
static int unpack(struct inflate *stream) {
    z_stream *zlib = &stream->zlib;
    unsigned given = zlib->avail_in;
    zlib->next_out = (unsigned char *)stream->window;
    zlib->avail_out = (unsigned)WINDOW_BYTES;
    int result = inflate(zlib, Z_NO_FLUSH);
    stream->position += given - zlib->avail_in;
    str text = {stream->window, WINDOW_BYTES - zlib->avail_out};
    size_t skipped = text.len < stream->known ? text.len : stream->known;
    stream->known -= skipped;
    line_joiner_take(stream->joiner, str_slice(text, skipped, text.len));
    return result;
}

/* Zeros between members and behind the last are padding, as gzip and tar have them. */
static void skip_padding(struct inflate *stream) {
    z_stream *zlib = &stream->zlib;
    while (zlib->avail_in > 0 && *zlib->next_in == 0) {
        zlib->next_in++;
        zlib->avail_in--;
        stream->position++;
    }
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
            skip_padding(stream);
            if (zlib->avail_in == 0) {
                break;
            }
            begin_member(stream);
        }
        int result = unpack(stream);
        is_full = zlib->avail_out == 0 && result == Z_OK;
        if (result == Z_STREAM_END) {
            stream->is_in_member = false;
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            fail_damaged(stream);
            return stream->error.status;
        }
    }
    return STATUS_OK;
}

enum status inflate_feed(struct inflate *stream, str piece, struct error *error) {
    ASSERT(stream != NULL);
    while (stream->error.status == STATUS_OK && piece.len > 0) {
        str part = str_slice(piece, 0, PIECE_BYTES_MAX);
        if (stream->is_plain) {
            line_joiner_take(stream->joiner, part);
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
    line_joiner_end(stream->joiner);
    return tell(stream, error);
}
