/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip data, sound or not: at once and in pieces of any size the same lines come out, with the same
 * status. The first byte says how large the pieces are.
 */
#include "fuzz/fuzz.h"

#include "base/buf.h"
#include "traffic/inflate.h"

/* A bomb of a few hundred bytes unpacks to more; it is dropped, but still counted. */
#define TEXT_BYTES_MAX ((size_t)4 << 20)

struct outcome {
    enum status status;
    struct error error;
    struct buf text;
    size_t bytes;
    size_t begun; /* bytes of a line whose end has not come */
};

/* A line comes in one piece unless it is longer than promised. */
static void take(void *context, str lines) {
    struct outcome *outcome = context;
    HOLD(lines.len > 0);
    size_t first = str_find_char(lines, '\n');
    HOLD(outcome->begun == 0 || outcome->begun + first > INFLATE_LINE_BYTES_MAX);
    if (first == lines.len) {
        outcome->begun += lines.len;
    } else {
        size_t end = lines.len;
        while (lines.ptr[end - 1] != '\n') {
            end--;
        }
        outcome->begun = lines.len - end;
    }
    outcome->bytes += lines.len;
    buf_append(&outcome->text, lines);
}

static struct line_sink sink_of(struct outcome *outcome, struct arena *arena) {
    *outcome = (struct outcome){.status = STATUS_OK};
    buf_init(&outcome->text, arena, TEXT_BYTES_MAX);
    return (struct line_sink){outcome, take};
}

static void in_pieces(struct inflate *stream, struct arena *arena, str bytes, size_t piece_bytes,
                      struct outcome *outcome) {
    struct line_sink sink = sink_of(outcome, arena);
    inflate_begin(stream, INFLATE_GZIP, &sink);
    for (size_t at = 0; at < bytes.len && outcome->status == STATUS_OK; at += piece_bytes) {
        str piece = fuzz_exact(arena, str_slice(bytes, at, at + piece_bytes));
        outcome->status = inflate_feed(stream, piece, &outcome->error);
    }
    enum status end = inflate_end(stream, &outcome->error);
    HOLD(outcome->status == STATUS_OK || end == outcome->status);
    outcome->status = end;
}

static void hold_same(const struct outcome *a, const struct outcome *b) {
    HOLD(a->status == b->status && a->bytes == b->bytes);
    HOLD(a->bytes > TEXT_BYTES_MAX || str_eq(buf_str(&a->text), buf_str(&b->text)));
    HOLD(a->status == STATUS_OK || str_eq(a->error.message, b->error.message));
}

/* How far damaged data is unpacked, and where the damage is seen, depends on the pieces. */
static void hold_alike(const struct outcome *a, const struct outcome *b) {
    if (a->status != STATUS_INVALID || a->bytes > TEXT_BYTES_MAX || b->bytes > TEXT_BYTES_MAX) {
        HOLD(a->status == b->status);
    } else {
        HOLD(b->status == STATUS_INVALID);
        HOLD(str_starts_with(buf_str(&a->text), buf_str(&b->text)) ||
             str_starts_with(buf_str(&b->text), buf_str(&a->text)));
    }
}

static void hold_outcome(const struct outcome *outcome) {
    if (outcome->status != STATUS_OK) {
        HOLD(outcome->status == STATUS_INVALID || outcome->status == STATUS_INCOMPLETE);
        fuzz_hold_error(outcome->status, &outcome->error);
    }
}

static void plain_in_pieces(struct arena *arena, str text, size_t piece_bytes) {
    struct outcome outcome;
    struct line_sink sink = sink_of(&outcome, arena);
    struct inflate *stream = inflate_new(arena);
    inflate_begin(stream, INFLATE_PLAIN, &sink);
    for (size_t at = 0; at < text.len; at += piece_bytes) {
        str piece = fuzz_exact(arena, str_slice(text, at, at + piece_bytes));
        HOLD(inflate_feed(stream, piece, NULL) == STATUS_OK);
    }
    HOLD(inflate_end(stream, NULL) == STATUS_OK);
    HOLD(str_eq(buf_str(&outcome.text), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct arena arena;
    static struct arena forever;
    static struct inflate *reused; /* for all files, as in `logs` */
    if (reused == NULL) {
        reused = inflate_new(&forever);
    }
    arena_reset(&arena);
    str rest = {(const char *)data, size};
    /* Of a large file larger pieces: a quarter of a million of them would take all the time. */
    size_t piece_bytes = 1 + fuzz_byte(&rest) + size / 1024;
    str bytes = fuzz_exact(&arena, rest);
    struct outcome whole;
    struct outcome other;
    in_pieces(reused, &arena, bytes, bytes.len + 1, &whole);
    hold_outcome(&whole);
    in_pieces(inflate_new(&arena), &arena, bytes, bytes.len + 1, &other);
    hold_same(&whole, &other);
    in_pieces(inflate_new(&arena), &arena, bytes, piece_bytes, &other);
    hold_alike(&whole, &other);
    plain_in_pieces(&arena, bytes, piece_bytes);
    return 0;
}
