/* SPDX-License-Identifier: Apache-2.0
 *
 * ISA-L unpacks into a window that stays in the processor's cache, where the lines are looked at,
 * too. It checks the CRC and the length at the end of each member.
 */
#include "traffic/inflate.h"

#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <string.h>

/* A second level cache has 512 KiB at least, nowadays; the caller's piece wants room there, too. */
#define WINDOW_BYTES ((size_t)224 * 1024)
/* ISA-L's avail_in is 32 bits wide. */
#define PIECE_BYTES_MAX ((size_t)1 << 30)

/* RFC 1952, 2.3 */
#define GZIP_ID        "\x1f\x8b"
#define GZIP_ID_BYTES  (sizeof(GZIP_ID) - 1)
#define FLAGS_RESERVED 0xE0u
#define TRAILER_BYTES  ((size_t)8)

/* Where the next byte belongs. */
enum place { BETWEEN_MEMBERS, IN_HEADER, IN_DATA };

struct inflate {
    struct arena *arena;
    enum inflate_form form;
    enum place place;
    uint64_t position;     /* bytes of the file that were taken */
    uint64_t member_begin; /* in the same bytes */
    struct error error;    /* once it failed */
    struct line_sink sink;
    size_t held; /* bytes in `line`: the begin of a line waits for its end */
    struct isal_gzip_header header;
    struct inflate_state isal;
    char window[WINDOW_BYTES];
    char line[INFLATE_LINE_BYTES_MAX];
};

struct inflate *inflate_new(struct arena *arena) {
    ASSERT(arena != NULL);
    struct inflate *stream = ARENA_NEW(arena, struct inflate);
    stream->arena = arena;
    return stream;
}

static void begin_member(struct inflate *stream) {
    isal_inflate_reset(&stream->isal);
    stream->isal.crc_flag = ISAL_GZIP_NO_HDR_VER;
    stream->header = (struct isal_gzip_header){0};
    stream->member_begin = stream->position;
    stream->place = IN_HEADER;
}

void inflate_begin(struct inflate *stream, enum inflate_form form, const struct line_sink *sink) {
    ASSERT(stream != NULL && sink != NULL && sink->take != NULL);
    stream->form = form;
    stream->sink = *sink;
    stream->held = 0;
    stream->position = 0;
    stream->error = (struct error){0};
    begin_member(stream); /* a file without any is cut short */
}

/* --- lines --- */

static void hand_on(struct inflate *stream, str text) {
    if (text.len > 0) {
        stream->sink.take(stream->sink.context, text);
    }
}

static void hand_on_held(struct inflate *stream) {
    hand_on(stream, (str){stream->line, stream->held});
    stream->held = 0;
}

static void hold(struct inflate *stream, str text) {
    if (stream->held + text.len > INFLATE_LINE_BYTES_MAX) {
        hand_on_held(stream);
    }
    if (text.len > INFLATE_LINE_BYTES_MAX) {
        hand_on(stream, text);
    } else if (text.len > 0) {
        memcpy(stream->line + stream->held, text.ptr, text.len);
        stream->held += text.len;
    }
}

static void take_text(struct inflate *stream, str text) {
    if (stream->held > 0) {
        size_t newline = str_find_char(text, '\n');
        hold(stream, str_slice(text, 0, newline + 1));
        if (newline == text.len) {
            return;
        }
        hand_on_held(stream);
        text = str_slice(text, newline + 1, text.len);
    }
    size_t end = text.len;
    while (end > 0 && text.ptr[end - 1] != '\n') {
        end--;
    }
    hand_on(stream, str_slice(text, 0, end));
    hold(stream, str_slice(text, end, text.len));
}

/* --- errors --- */

static enum status report(const struct inflate *stream, struct error *error) {
    if (stream->error.status != STATUS_OK && error != NULL) {
        *error = stream->error;
    }
    return stream->error.status;
}

/* What the caller did not want to see, or see again, is kept too. */
__attribute__((format(printf, 3, 4))) static enum status fail(struct inflate *stream,
                                                              enum status status,
                                                              const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    str message = str_format_va(stream->arena, format, arguments);
    va_end(arguments);
    hand_on_held(stream);
    stream->error = (struct error){.status = status, .message = message};
    return status;
}

static const char *reason_of(int result) {
    switch (result) {
    case ISAL_INVALID_BLOCK:
        return "invalid block";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
        return "incorrect checksum or length";
    default:
        return "not valid";
    }
}

static enum status fail_damaged(struct inflate *stream, uint64_t position, const char *why) {
    return fail(stream, STATUS_INVALID, "damaged gzip data at byte %" PRIu64 ": %s", position, why);
}

/* --- members --- */

static void take_input(struct inflate *stream, uint32_t given) {
    stream->position += given - stream->isal.avail_in;
}

/* Zeros between members and behind the last are padding, as gzip and tar have them. */
static void skip_padding(struct inflate *stream) {
    struct inflate_state *isal = &stream->isal;
    uint32_t given = isal->avail_in;
    while (isal->avail_in > 0 && *isal->next_in == 0) {
        isal->next_in++;
        isal->avail_in--;
    }
    take_input(stream, given);
}

/* ISA-L looks at the first bytes when it has ten of them. */
static bool begins_as_gzip(const struct inflate *stream) {
    const struct inflate_state *isal = &stream->isal;
    uint64_t at = stream->position - stream->member_begin;
    for (size_t i = 0; at + i < GZIP_ID_BYTES && i < isal->avail_in; i++) {
        if (isal->next_in[i] != (unsigned char)GZIP_ID[at + i]) {
            return false;
        }
    }
    return true;
}

static enum status read_header(struct inflate *stream) {
    uint32_t given = stream->isal.avail_in;
    if (!begins_as_gzip(stream)) {
        return stream->member_begin == 0
                   ? fail(stream, STATUS_INVALID, "not gzip data, at byte 0")
                   : fail(stream, STATUS_INVALID,
                          "foreign bytes behind the gzip data, at byte %" PRIu64,
                          stream->member_begin);
    }
    int result = isal_read_gzip_header(&stream->isal, &stream->header);
    take_input(stream, given);
    if (result == ISAL_END_INPUT) {
        return STATUS_OK;
    }
    if (result == ISAL_DECOMP_OK && (stream->header.flags & FLAGS_RESERVED) != 0) {
        return fail_damaged(stream, stream->position, "unknown header flags set");
    }
    if (result != ISAL_DECOMP_OK) {
        return fail_damaged(stream, stream->position, reason_of(result));
    }
    stream->place = IN_DATA;
    return STATUS_OK;
}

/* Unpacks as far as the piece and the window reach, and hands that on. */
static enum status unpack(struct inflate *stream) {
    struct inflate_state *isal = &stream->isal;
    uint32_t given = isal->avail_in;
    isal->next_out = (unsigned char *)stream->window;
    isal->avail_out = WINDOW_BYTES;
    int result = isal_inflate(isal);
    take_input(stream, given);
    take_text(stream, (str){stream->window, WINDOW_BYTES - isal->avail_out});
    if (result == ISAL_INCORRECT_CHECKSUM) {
        return fail_damaged(stream, stream->position - TRAILER_BYTES, reason_of(result));
    }
    bool is_stuck = given > 0 && given == isal->avail_in && isal->avail_out == WINDOW_BYTES;
    if (result != ISAL_DECOMP_OK || is_stuck) {
        return fail_damaged(stream, stream->position, reason_of(result));
    }
    if (isal->block_state == ISAL_BLOCK_FINISH) {
        stream->place = BETWEEN_MEMBERS;
    }
    return STATUS_OK;
}

static enum status feed_gzip(struct inflate *stream, str piece) {
    struct inflate_state *isal = &stream->isal;
    isal->next_in = (unsigned char *)(uintptr_t)piece.ptr; /* not const there, but only read */
    isal->avail_in = (uint32_t)piece.len;
    isal->avail_out = WINDOW_BYTES;
    /* A full window may hide more, although all of the piece was taken. */
    while (isal->avail_in > 0 || (stream->place == IN_DATA && isal->avail_out == 0)) {
        if (stream->place == BETWEEN_MEMBERS) {
            skip_padding(stream);
            if (isal->avail_in > 0) {
                begin_member(stream);
            }
        } else {
            TRY(stream->place == IN_HEADER ? read_header(stream) : unpack(stream));
        }
    }
    return STATUS_OK;
}

enum status inflate_feed(struct inflate *stream, str piece, struct error *error) {
    ASSERT(stream != NULL && stream->sink.take != NULL);
    while (stream->error.status == STATUS_OK && piece.len > 0) {
        str part = str_slice(piece, 0, PIECE_BYTES_MAX);
        if (stream->form == INFLATE_PLAIN) {
            take_text(stream, part);
        } else if (feed_gzip(stream, part) != STATUS_OK) {
            break;
        }
        piece = str_slice(piece, part.len, piece.len);
    }
    return report(stream, error);
}

enum status inflate_end(struct inflate *stream, struct error *error) {
    ASSERT(stream != NULL && stream->sink.take != NULL);
    if (stream->error.status == STATUS_OK && stream->form == INFLATE_GZIP &&
        stream->place != BETWEEN_MEMBERS) {
        (void)fail(stream, STATUS_INCOMPLETE, "gzip data cut short at byte %" PRIu64,
                   stream->position);
    }
    hand_on_held(stream);
    return report(stream, error);
}
