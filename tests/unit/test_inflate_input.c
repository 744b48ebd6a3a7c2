/* SPDX-License-Identifier: Apache-2.0
 *
 * Files larger than the buffer that they are read into, against zlib.
 */
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "support/gzip_text.h"
#include "traffic/inflate.h"
#include "unit.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define BUFFER_BYTES   ((size_t)192 * 1024)

static struct arena arena;

/* --- what goes in ----------------------------------------------------------------------------- */

/* Compresses badly or not at all; a line now and then. */
static str noise(size_t count, uint32_t seed) {
    char *bytes = arena_alloc(&arena, count + 1);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = seed >> 22 == 0 ? '\n' : (char)(' ' + (seed >> 25) % 95);
    }
    return (str){bytes, count};
}

static str gzip(str text, int level) {
    return gzip_text(&arena, text, level, Z_DEFAULT_STRATEGY);
}

static str join(str first, str second) {
    return join_texts(&arena, first, second);
}

static str repeat(str bytes, size_t count) {
    char *all = arena_alloc(&arena, count * bytes.len);
    for (size_t i = 0; i < count; i++) {
        memcpy(all + i * bytes.len, bytes.ptr, bytes.len);
    }
    return (str){all, count * bytes.len};
}

/* The data of a member between a header with a name of so many letters, and the trailer of `sound`,
 * which has none. */
static str dressed(str data, str sound, size_t name_letters) {
    str header = {"\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10};
    str name = join(repeat(STR("x"), name_letters), (str){"", 1});
    return join(join(join(header, name), data), str_slice(sound, sound.len - 8, sound.len));
}

/* RFC 1951, 3.2.6: one block, however long, of literals of 8 bits each, from the most significant
 * on, behind the three bits of its header. */
static str fixed_block(str text) {
    char *bytes = arena_alloc(&arena, text.len + 2);
    unsigned carry = 3;
    for (size_t i = 0; i < text.len; i++) {
        unsigned code = 0x30 + (unsigned char)text.ptr[i];
        unsigned reversed = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            reversed |= (code >> bit & 1) << (7 - bit);
        }
        carry |= reversed << 3;
        bytes[i] = (char)(carry & 0xff);
        carry >>= 8;
    }
    bytes[text.len] = (char)carry; /* and seven zeros, which end the block */
    return (str){bytes, text.len + 2};
}

/* --- what comes out --------------------------------------------------------------------------- */

struct outcome {
    enum status status;
    struct error error;
    struct buf text;
};

static void take(void *context, str lines) {
    struct outcome *outcome = context;
    buf_append(&outcome->text, lines);
}

static struct outcome unpack(str bytes) {
    struct outcome outcome = {0};
    const struct line_sink sink = {&outcome, take};
    struct inflate *stream = inflate_new(&arena);
    buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
    inflate_begin(stream, INFLATE_GZIP, &sink);
    for (size_t at = 0; at < bytes.len && outcome.status == STATUS_OK; at += BUFFER_BYTES) {
        str piece = str_slice(bytes, at, at + BUFFER_BYTES);
        outcome.status = inflate_feed(stream, join(piece, STR("")), &outcome.error);
    }
    outcome.status = inflate_end(stream, &outcome.error);
    return outcome;
}

/* One member, or what there is of it. */
static int unpack_member_by_zlib(z_stream *zlib, struct buf *text) {
    static char window[1 << 16];
    int result = Z_OK;
    do {
        zlib->next_out = (unsigned char *)window;
        zlib->avail_out = sizeof(window);
        result = inflate(zlib, Z_NO_FLUSH);
        buf_append(text, (str){window, sizeof(window) - zlib->avail_out});
    } while (result == Z_OK);
    return result;
}

static struct outcome unpack_by_zlib(str bytes) {
    struct outcome outcome = {.status = STATUS_OK};
    z_stream zlib = {.next_in = (unsigned char *)(uintptr_t)bytes.ptr,
                     .avail_in = (unsigned)bytes.len};
    buf_init(&outcome.text, &arena, TEXT_BYTES_MAX);
    assert_int_equal(inflateInit2(&zlib, MAX_WBITS + 16), Z_OK);
    do {
        assert_int_equal(inflateReset(&zlib), Z_OK);
        int result = unpack_member_by_zlib(&zlib, &outcome.text);
        if (result != Z_STREAM_END) {
            outcome.status = result == Z_BUF_ERROR ? STATUS_INCOMPLETE : STATUS_INVALID;
            break;
        }
    } while (zlib.avail_in > 0);
    assert_int_equal(inflateEnd(&zlib), Z_OK);
    return outcome;
}

static void assert_gives(str bytes, str expected) {
    struct outcome outcome = unpack(bytes);
    assert_int_equal(outcome.status, STATUS_OK);
    assert_true(str_eq(buf_str(&outcome.text), expected));
}

/* ISA-L looks up to three codes at a time, of which the last bits may be missing. */
#define CODES_BYTES_MAX ((size_t)2)

/* Of what is damaged one may unpack a little more than the other before it finds out. */
static void assert_fails_as_zlib_does(str bytes) {
    struct outcome outcome = unpack(bytes);
    struct outcome expected = unpack_by_zlib(bytes);
    str text = buf_str(&outcome.text);
    str expected_text = buf_str(&expected.text);
    assert_int_not_equal(expected.status, STATUS_OK);
    assert_int_equal(outcome.status, expected.status);
    if (outcome.status == STATUS_INCOMPLETE) {
        str message = str_format(&arena, "gzip data cut short at byte %zu", bytes.len);
        assert_str(outcome.error.message, message.ptr);
        assert_true(str_starts_with(expected_text, text));
        if (expected_text.len - text.len > CODES_BYTES_MAX) {
            fail_msg("%zu bytes, zlib has %zu", text.len, expected_text.len);
        }
    } else {
        assert_true(str_starts_with(text, expected_text) || str_starts_with(expected_text, text));
    }
}

/* --- cases ------------------------------------------------------------------------------------ */

static void a_file_of_many_buffers_is_read_once(void **state) {
    (void)state;
    static const int levels[] = {0, 1, 6, 9};
    for (size_t i = 0; i < 4; i++) {
        str text = noise(20 * BUFFER_BYTES + i, 1 + (uint32_t)i);
        assert_gives(gzip(text, levels[i]), text);
        arena_reset(&arena);
    }
}

static void a_member_may_end_anywhere_near_the_end_of_the_buffer(void **state) {
    (void)state;
    for (size_t count = BUFFER_BYTES - 100; count < BUFFER_BYTES + 50; count++) {
        str text = noise(count, 7);
        str bytes = join(gzip(text, 0), gzip(STR("and more\n"), 6));
        assert_gives(bytes, join(text, STR("and more\n")));
        arena_reset(&arena);
    }
}

static void many_members_are_read_once(void **state) {
    (void)state;
    str bytes = STR("");
    str text = STR("");
    for (uint32_t i = 0; i < 40; i++) {
        str part = noise(50000 + 3001 * i, i);
        text = join(text, part);
        bytes = join(bytes, gzip(part, i % 2 == 0 ? 0 : 6));
    }
    assert_gives(bytes, text);
}

/* RFC 1951, 3.2.4 and 3.2.6 */
static void empty_blocks_refill_the_buffer_repeatedly(void **state) {
    (void)state;
    str stored = {"\x00\x00\x00\xff\xff", 5}; /* a block without compression, of no bytes */
    str fixed = {"\x02\x08\x20\x80\x00", 5};  /* four of fixed codes, of their end alone */
    str text = noise(1000, 3);
    str sound = gzip(text, 6);
    str data = str_slice(sound, 10, sound.len - 8);
    for (size_t i = 0; i < 30; i++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        str block = i % 3 == 0 ? stored : i % 3 == 1 ? fixed : join(fixed, stored);
        str nothing = repeat(block, 5 * BUFFER_BYTES / block.len);
        assert_gives(dressed(join(nothing, data), sound, i / 3), text);
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void a_block_larger_than_the_buffer_is_read_once(void **state) {
    (void)state;
    str text = noise(5 * BUFFER_BYTES, 11);
    assert_gives(dressed(fixed_block(text), gzip(text, 6), 1), text);
}

static void padding_longer_than_the_buffer_is_skipped(void **state) {
    (void)state;
    size_t count = 3 * BUFFER_BYTES + 5;
    str zeros = {arena_alloc(&arena, count), count};
    str one = gzip(STR("one\n"), 6);
    assert_gives(join(join(one, zeros), join(one, zeros)), STR("one\none\n"));
}

static void damage_after_the_first_buffer_gives_the_error_of_zlib(void **state) {
    (void)state;
    str text = noise(6 * BUFFER_BYTES, 5);
    str sound = gzip(text, 6);
    for (size_t i = 1; i <= 24; i++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        str bytes = join(sound, STR(""));
        char *victim = (char *)(uintptr_t)bytes.ptr + i * (bytes.len - 1) / 24;
        *victim = (char)(*victim ^ 0x10);
        assert_fails_as_zlib_does(bytes);
        assert_fails_as_zlib_does(str_slice(sound, 0, i * (sound.len - 1) / 24));
        assert_fails_as_zlib_does(join(sound, str_slice(sound, 0, i * (sound.len - 1) / 24)));
        arena_clean_up(&arena);
        arena = outer;
    }
}

/* Zeros behind the end would be read as hundreds of bytes here, were it a bit or two of them. */
static void cut_input_gives_no_byte_past_the_cut(void **state) {
    (void)state;
    str line = join(noise(140, 9), STR("\n"));
    str bytes = gzip(repeat(line, 1800), 1);
    for (size_t len = 20; len < bytes.len; len++) {
        struct arena outer = arena;
        arena = (struct arena){0};
        assert_fails_as_zlib_does(str_slice(bytes, 0, len));
        arena_clean_up(&arena);
        arena = outer;
    }
}

static void a_file_cut_at_the_end_of_a_piece_is_incomplete(void **state) {
    (void)state;
    str bytes = gzip(noise(6 * BUFFER_BYTES, 5), 6);
    struct outcome outcome = unpack(str_slice(bytes, 0, BUFFER_BYTES));
    assert_int_equal(outcome.status, STATUS_INCOMPLETE);
    assert_str(outcome.error.message, "gzip data cut short at byte 196608");
}

static int reset_arena(void **state) {
    (void)state;
    arena_reset(&arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, reset_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_of_many_buffers_is_read_once),
        TEST(a_member_may_end_anywhere_near_the_end_of_the_buffer),
        TEST(many_members_are_read_once),
        TEST(empty_blocks_refill_the_buffer_repeatedly),
        TEST(a_block_larger_than_the_buffer_is_read_once),
        TEST(padding_longer_than_the_buffer_is_skipped),
        TEST(damage_after_the_first_buffer_gives_the_error_of_zlib),
        TEST(cut_input_gives_no_byte_past_the_cut),
        TEST(a_file_cut_at_the_end_of_a_piece_is_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
