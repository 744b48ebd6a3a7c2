/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic/inflate.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "support/gzip_text.h"
#include "unit.h"

#define TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)

static struct arena arena;

static int reset_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

/* --- what goes in ----------------------------------------------------------------------------- */

static str gzip_by(str text, int level, int strategy) {
    return gzip_text(&arena, text, level, strategy);
}

static str gzip(str text) {
    return gzip_by(text, 6, Z_DEFAULT_STRATEGY);
}

static str join(str first, str second) {
    return join_texts(&arena, first, second);
}

static str cut(str bytes, size_t len) {
    return join(str_slice(bytes, 0, len), STR(""));
}

static str some_lines(unsigned count) {
    struct buf text;
    buf_init(&text, &arena, TEXT_BYTES_MAX);
    for (unsigned i = 0; i < count; i++) {
        buf_printf(&text, "line %u of %08x\n", i, i * 2654435761U);
    }
    return buf_str(&text);
}

static str repeat(char c, size_t count) {
    char *bytes = arena_alloc(&arena, count);
    memset(bytes, c, count);
    return (str){bytes, count};
}

/* --- what comes out --------------------------------------------------------------------------- */

struct outcome {
    enum status status;
    str message;
    struct buf text;
    unsigned pieces;
    bool had_a_piece_without_end; /* which must be the last */
};

static void take(void *context, str lines) {
    struct outcome *outcome = context;
    assert_true(lines.len > 0);
    assert_false(outcome->had_a_piece_without_end);
    outcome->had_a_piece_without_end = lines.ptr[lines.len - 1] != '\n';
    outcome->pieces++;
    buf_append(&outcome->text, lines);
}

static void take_any(void *context, str lines) {
    struct outcome *outcome = context;
    outcome->pieces++;
    buf_append(&outcome->text, lines);
}

struct way {
    const char *name;
    size_t piece_bytes;
};

static const struct way WAYS[] = {
    {"at once", SIZE_MAX},
    {"byte by byte", 1},
    {"in small pieces", 7},
    {"in pieces of a read", (size_t)256 * 1024},
};
#define AT_ONCE   (&WAYS[0])
#define IN_PIECES (&WAYS[2])
#define WAY_COUNT (sizeof(WAYS) / sizeof(WAYS[0]))

static enum status feed(struct inflate *stream, str bytes, size_t piece_bytes,
                        struct error *error) {
    for (size_t at = 0; at < bytes.len;) {
        size_t end = piece_bytes > bytes.len - at ? bytes.len : at + piece_bytes;
        str piece = cut(str_slice(bytes, at, end), end - at);
        if (inflate_feed(stream, piece, error) != STATUS_OK) {
            break;
        }
        at = end;
    }
    return inflate_end(stream, error);
}

static struct inflate *begun(enum inflate_form form, const struct line_sink *sink) {
    struct inflate *stream = inflate_new(&arena);
    inflate_begin(stream, form, sink);
    return stream;
}

static struct outcome unpack_with(const struct way *way, str bytes, void (*taker)(void *, str)) {
    struct outcome outcome = {0};
    struct error error = {0};
    buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
    const struct line_sink sink = {&outcome, taker};
    outcome.status = feed(begun(INFLATE_GZIP, &sink), bytes, way->piece_bytes, &error);
    assert_int_equal(error.status, outcome.status);
    outcome.message = error.message;
    return outcome;
}

static struct outcome unpack(const struct way *way, str bytes) {
    return unpack_with(way, bytes, take);
}

static void assert_text(const struct outcome *outcome, str expected, const struct way *way) {
    if (!str_eq(buf_str(&outcome->text), expected)) {
        fail_msg("%s: %zu bytes instead of %zu", way->name, outcome->text.len, expected.len);
    }
}

static void assert_all_ways_give(str bytes, str expected) {
    for (size_t i = 0; i < WAY_COUNT; i++) {
        struct outcome outcome = unpack(&WAYS[i], bytes);
        assert_int_equal(outcome.status, STATUS_OK);
        assert_text(&outcome, expected, &WAYS[i]);
    }
}

static void assert_all_ways_fail(str bytes, enum status status, const char *message, str before) {
    for (size_t i = 0; i < WAY_COUNT; i++) {
        struct outcome outcome = unpack(&WAYS[i], bytes);
        assert_int_equal(outcome.status, status);
        assert_str(outcome.message, message);
        assert_text(&outcome, before, &WAYS[i]);
    }
}

/* --- sound ------------------------------------------------------------------------------------ */

static void one_member_gives_its_text(void **state) {
    (void)state;
    str text = some_lines(5000);
    assert_all_ways_give(gzip(text), text);
}

/* Larger than any window, and of every kind: few and many matches, near and far, none at all. */
static str some_text(const char *kind, size_t bytes) {
    struct buf text;
    buf_init(&text, &arena, TEXT_BYTES_MAX);
    uint32_t random = 1;
    while (text.len < bytes) {
        random = random * 1664525 + 1013904223;
        size_t back = (random >> 8) % 32768;
        size_t count = 1 + (random >> 5) % 300;
        if (kind[0] == 'n' || text.len <= back || text.len < 40000) {
            buf_append_char(&text, (char)(random >> 24));
        } else if (kind[0] == 'f') {
            buf_append(&text, str_copy(&arena, str_slice(buf_str(&text), text.len - back,
                                                         text.len - back + count)));
        } else {
            buf_append(&text, repeat((char)(random >> 24), count));
        }
    }
    return buf_str(&text);
}

static void text_of_any_kind_and_size_survives_the_window(void **state) {
    (void)state;
    static const char *const kinds[] = {"noise", "far matches", "runs"};
    static const size_t sizes[] = {32768, 229375, 229376, 229377, 500000, 1500001};
    static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    for (size_t i = 0; i < 3 * 6 * 4 * 3; i++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        str text = some_text(kinds[i % 3], sizes[i / 3 % 6]);
        int level = (int)(i / 72) * 4;
        struct outcome outcome =
            unpack_with(AT_ONCE, gzip_by(text, level, strategies[i / 18 % 4]), take_any);
        assert_int_equal(outcome.status, STATUS_OK);
        assert_text(&outcome, text, AT_ONCE);
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void a_member_larger_than_the_window_comes_in_pieces(void **state) {
    (void)state;
    str text = some_lines(100000);
    str bytes = gzip(text);
    struct outcome streamed = unpack(IN_PIECES, bytes);
    struct outcome at_once = unpack(AT_ONCE, bytes);
    assert_text(&streamed, text, IN_PIECES);
    assert_text(&at_once, text, AT_ONCE);
    assert_true(at_once.pieces > 4);
}

static void member_with_a_wrong_size_is_damaged_and_counted_once(void **state) {
    (void)state;
    str text = some_lines(100000);
    str bytes = gzip(text);
    char *size = (char *)(uintptr_t)bytes.ptr + bytes.len - 4;
    *size = (char)(*size ^ 1);
    struct outcome outcome = unpack(AT_ONCE, bytes);
    assert_int_equal(outcome.status, STATUS_INVALID);
    assert_text(&outcome, text, AT_ONCE);
}

static void a_large_file_cut_short_is_counted_once(void **state) {
    (void)state;
    str text = some_lines(100000);
    str bytes = gzip(text);
    for (size_t i = 1; i < 8; i++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        struct outcome at_once = unpack(AT_ONCE, cut(bytes, i * bytes.len / 8));
        struct outcome in_pieces = unpack(IN_PIECES, cut(bytes, i * bytes.len / 8));
        assert_int_equal(at_once.status, STATUS_INCOMPLETE);
        assert_true(str_starts_with(text, buf_str(&at_once.text)));
        assert_text(&in_pieces, buf_str(&at_once.text), IN_PIECES);
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void optional_header_fields_are_skipped(void **state) {
    (void)state;
    str body = gzip(STR("one\n"));
    str rest = str_slice(body, 10, body.len);
    str name = {"\x1f\x8b\x08\x08\0\0\0\0\0\x03"
                "a.log",
                16};
    str comment = {"\x1f\x8b\x08\x18\0\0\0\0\0\x03"
                   "a.log\0"
                   "why",
                   20};
    str extra = {"\x1f\x8b\x08\x04\0\0\0\0\0\x03\x02\0xy", 14};
    assert_all_ways_give(join(name, rest), STR("one\n"));
    assert_all_ways_give(join(comment, rest), STR("one\n"));
    assert_all_ways_give(join(extra, rest), STR("one\n"));
    str checked = {"\x1f\x8b\x08\x02\0\0\0\0\0\x03\xa7\x77", 12}; /* the header's own CRC-16 */
    assert_all_ways_give(join(checked, rest), STR("one\n"));
    str unknown = {"\x1f\x8b\x08\x20\0\0\0\0\0\x03", 10};
    assert_all_ways_fail(join(unknown, rest), STATUS_INVALID,
                         "damaged gzip data at byte 10: unknown header flags set", STR(""));
    str endless = join((str){"\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10}, repeat('x', 40));
    assert_all_ways_fail(endless, STATUS_INCOMPLETE, "gzip data cut short at byte 50", STR(""));
}

static void members_in_a_row_are_one_text_even_within_a_line(void **state) {
    (void)state;
    str bytes = join(gzip(STR("first\nsec")), gzip(STR("")));
    bytes = join(bytes, gzip(STR("ond")));
    bytes = join(bytes, gzip(STR(" line\nthird")));
    assert_all_ways_give(bytes, STR("first\nsecond line\nthird"));
}

static void empty_member_gives_no_text(void **state) {
    (void)state;
    assert_all_ways_give(gzip(STR("")), STR(""));
}

static void a_line_longer_than_allowed_goes_on_without_loss(void **state) {
    (void)state;
    str text = join(join(STR("a\n"), repeat('x', 3 * INFLATE_LINE_BYTES_MAX)), STR("\nb\n"));
    str bytes = gzip(text);
    for (size_t i = 0; i < WAY_COUNT; i++) {
        if (WAYS[i].piece_bytes > 100) {
            struct outcome outcome = unpack_with(&WAYS[i], bytes, take_any);
            assert_int_equal(outcome.status, STATUS_OK);
            assert_text(&outcome, text, &WAYS[i]);
        }
    }
}

static void one_window_inflates_several_files(void **state) {
    (void)state;
    struct inflate *stream = inflate_new(&arena);
    str good = gzip(STR("good\n"));
    struct outcome outcome = {0};
    buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
    const struct line_sink sink = {&outcome, take};
    for (size_t len = 0; len < good.len; len++) { /* what is left of it must not matter */
        inflate_begin(stream, INFLATE_GZIP, &sink);
        assert_int_equal(feed(stream, cut(good, len), SIZE_MAX, NULL), STATUS_INCOMPLETE);
        buf_clear(&outcome.text);
        outcome.had_a_piece_without_end = false;
        inflate_begin(stream, INFLATE_GZIP, &sink);
        assert_int_equal(feed(stream, good, SIZE_MAX, NULL), STATUS_OK);
        inflate_begin(stream, INFLATE_PLAIN, &sink);
        assert_int_equal(feed(stream, STR("plain\n"), SIZE_MAX, NULL), STATUS_OK);
        assert_str(buf_str(&outcome.text), "good\nplain\n");
    }
}

static void plain_text_is_cut_into_lines(void **state) {
    (void)state;
    str text = join(some_lines(100000), STR("the end"));
    static const size_t SIZES[] = {1, 13, 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        size_t begin = SIZES[i] == 1 ? text.len - 1000 : 0;
        str part = str_slice(text, begin, text.len);
        struct outcome outcome = {0};
        buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
        const struct line_sink sink = {&outcome, take};
        struct inflate *stream = begun(INFLATE_PLAIN, &sink);
        assert_int_equal(feed(stream, part, SIZES[i], NULL), STATUS_OK);
        assert_text(&outcome, part, AT_ONCE);
        assert_true(outcome.had_a_piece_without_end);
    }
}

static void empty_plain_text_is_accepted(void **state) {
    (void)state;
    struct outcome outcome = {0};
    const struct line_sink sink = {&outcome, take};
    assert_int_equal(inflate_end(begun(INFLATE_PLAIN, &sink), NULL), STATUS_OK);
    assert_int_equal(outcome.pieces, 0);
}

/* --- damaged ---------------------------------------------------------------------------------- */

static void a_file_cut_short_anywhere_is_incomplete_and_gives_what_was_before(void **state) {
    (void)state;
    str text = some_lines(60);
    str bytes = gzip(text);
    for (size_t len = 0; len < bytes.len; len++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        str expected = str_format(&arena, "gzip data cut short at byte %zu", len);
        struct outcome at_once = unpack(AT_ONCE, cut(bytes, len));
        struct outcome in_pieces = unpack(IN_PIECES, cut(bytes, len));
        assert_int_equal(at_once.status, STATUS_INCOMPLETE);
        assert_int_equal(in_pieces.status, STATUS_INCOMPLETE);
        assert_str(at_once.message, expected.ptr);
        assert_str(in_pieces.message, expected.ptr);
        assert_true(str_starts_with(text, buf_str(&at_once.text)));
        assert_text(&in_pieces, buf_str(&at_once.text), IN_PIECES);
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void a_cut_behind_the_last_line_loses_none(void **state) {
    (void)state;
    str text = some_lines(60);
    str bytes = gzip(text);
    struct outcome outcome = unpack(AT_ONCE, cut(bytes, bytes.len - 8));
    assert_int_equal(outcome.status, STATUS_INCOMPLETE);
    assert_text(&outcome, text, AT_ONCE);
}

static void wrong_checksum_is_reported_with_its_offset(void **state) {
    (void)state;
    str bytes = gzip(STR("one\ntwo\n"));
    char *crc = (char *)(uintptr_t)bytes.ptr + bytes.len - 8;
    *crc = (char)(*crc ^ 1);
    char message[80];
    (void)snprintf(message, sizeof(message),
                   "damaged gzip data at byte %zu: incorrect checksum or length", bytes.len - 8);
    assert_all_ways_fail(bytes, STATUS_INVALID, message, STR("one\ntwo\n"));
}

static void damage_in_a_later_member_keeps_the_earlier_ones(void **state) {
    (void)state;
    str first = gzip(STR("one\ntw"));
    str second = gzip(STR("o\nthree\n"));
    str bytes = join(first, cut(second, second.len - 9));
    char message[80];
    (void)snprintf(message, sizeof(message), "gzip data cut short at byte %zu", bytes.len);
    assert_all_ways_fail(bytes, STATUS_INCOMPLETE, message, STR("one\ntwo\nthree\n"));
}

static void trailing_bytes_after_the_last_member_are_reported(void **state) {
    (void)state;
    str bytes = gzip(STR("one\n"));
    char message[80];
    (void)snprintf(message, sizeof(message), "foreign bytes behind the gzip data, at byte %zu",
                   bytes.len);
    assert_all_ways_fail(join(bytes, STR("tail")), STATUS_INVALID, message, STR("one\n"));
    str zeros = {"\0\0\0", 3};
    (void)snprintf(message, sizeof(message), "foreign bytes behind the gzip data, at byte %zu",
                   bytes.len + 3);
    bytes = join(join(bytes, zeros), STR("tail"));
    assert_all_ways_fail(bytes, STATUS_INVALID, message, STR("one\n"));
}

static void zeros_behind_a_member_are_padding(void **state) {
    (void)state;
    str one = gzip(STR("one\n"));
    str zeros = repeat('\0', 70000);
    assert_all_ways_give(join(one, (str){"", 1}), STR("one\n"));
    assert_all_ways_give(join(one, zeros), STR("one\n"));
    str padded = join(one, zeros);
    assert_all_ways_give(join(padded, gzip(STR("two\n"))), STR("one\ntwo\n"));
    assert_all_ways_fail(zeros, STATUS_INVALID, "not gzip data, at byte 0", STR(""));
}

static void input_that_is_no_gzip_is_reported_as_such(void **state) {
    (void)state;
    assert_all_ways_fail(STR("http 2026"), STATUS_INVALID, "not gzip data, at byte 0", STR(""));
    assert_all_ways_fail(STR(""), STATUS_INCOMPLETE, "gzip data cut short at byte 0", STR(""));
}

static void every_flipped_byte_ends_the_same_at_once_and_in_pieces(void **state) {
    (void)state;
    str bytes = gzip(some_lines(40));
    for (size_t at = 0; at < bytes.len; at++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        str flipped = cut(bytes, bytes.len);
        char *byte = (char *)(uintptr_t)flipped.ptr + at;
        *byte = (char)(*byte ^ (1 << at % 8));
        struct outcome at_once = unpack_with(AT_ONCE, flipped, take_any);
        struct outcome in_pieces = unpack_with(IN_PIECES, flipped, take_any);
        str whole = buf_str(&at_once.text);
        str pieces = buf_str(&in_pieces.text);
        assert_int_equal(at_once.status, in_pieces.status);
        /* Where it was damaged, one may unpack a little more than the other. */
        assert_true(str_starts_with(whole, pieces) || str_starts_with(pieces, whole));
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void a_failed_stream_stays_failed(void **state) {
    (void)state;
    struct outcome outcome = {0};
    struct error error = {0};
    buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
    const struct line_sink sink = {&outcome, take};
    struct inflate *stream = begun(INFLATE_GZIP, &sink);
    assert_int_equal(inflate_feed(stream, STR("nonsense"), NULL), STATUS_INVALID);
    assert_int_equal(inflate_feed(stream, gzip(STR("late\n")), NULL), STATUS_INVALID);
    assert_int_equal(inflate_end(stream, &error), STATUS_INVALID);
    assert_str(error.message, "not gzip data, at byte 0");
    assert_int_equal(outcome.text.len, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, reset_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_member_gives_its_text),
        TEST(text_of_any_kind_and_size_survives_the_window),
        TEST(a_member_larger_than_the_window_comes_in_pieces),
        TEST(member_with_a_wrong_size_is_damaged_and_counted_once),
        TEST(a_large_file_cut_short_is_counted_once),
        TEST(optional_header_fields_are_skipped),
        TEST(members_in_a_row_are_one_text_even_within_a_line),
        TEST(empty_member_gives_no_text),
        TEST(a_line_longer_than_allowed_goes_on_without_loss),
        TEST(one_window_inflates_several_files),
        TEST(plain_text_is_cut_into_lines),
        TEST(empty_plain_text_is_accepted),
        TEST(a_file_cut_short_anywhere_is_incomplete_and_gives_what_was_before),
        TEST(a_cut_behind_the_last_line_loses_none),
        TEST(wrong_checksum_is_reported_with_its_offset),
        TEST(damage_in_a_later_member_keeps_the_earlier_ones),
        TEST(trailing_bytes_after_the_last_member_are_reported),
        TEST(zeros_behind_a_member_are_padding),
        TEST(input_that_is_no_gzip_is_reported_as_such),
        TEST(every_flipped_byte_ends_the_same_at_once_and_in_pieces),
        TEST(a_failed_stream_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
