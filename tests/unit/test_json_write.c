/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_up(void **state) {
    static struct arena arena = {0};
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

static void assert_written(const struct buf *buf, const char *expected) {
    assert_int_equal(buf_status(buf), STATUS_OK);
    if (!str_eq(buf_str(buf), str_from_cstr(expected))) {
        fail_msg("expected %s, got %" STR_FMT, expected, STR_ARG(buf_str(buf)));
    }
}

static struct json_writer writer_new(struct arena *arena, struct buf *buf) {
    struct json_writer writer;
    buf_init(buf, arena, 1024 * 1024);
    json_writer_init(&writer, buf);
    return writer;
}

static const struct json *parse_ok(struct arena *arena, str text) {
    const struct json *root = NULL;
    assert_int_equal(json_parse(arena, text, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    return root;
}

static void writer_puts_commas_where_they_belong(void **state) {
    struct buf buf;
    struct json_writer w = writer_new(*state, &buf);
    json_object_begin(&w);
    json_write_member(&w, "a", STR("x"));
    json_write_key(&w, STR("list"));
    json_array_begin(&w);
    json_write_i64(&w, 1);
    json_write_bool(&w, true);
    json_write_null(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_write_str(&w, STR("s"));
    json_array_end(&w);
    json_write_key(&w, STR("raw"));
    json_write_raw(&w, STR("{\"k\":[1,2]}"));
    json_write_key(&w, STR("object"));
    json_object_begin(&w);
    json_write_key(&w, STR("d"));
    json_write_double(&w, 1.5);
    json_write_key(&w, STR("b"));
    json_write_bool(&w, false);
    json_object_end(&w);
    json_write_member(&w, "", STR_EMPTY);
    json_object_end(&w);
    assert_written(&buf, "{\"a\":\"x\",\"list\":[1,true,null,[],{},\"s\"],\"raw\":{\"k\":[1,2]},"
                         "\"object\":{\"d\":1.5,\"b\":false},\"\":\"\"}");
}

static void writer_writes_a_lone_value(void **state) {
    struct buf buf;
    struct json_writer w = writer_new(*state, &buf);
    json_write_null(&w);
    assert_written(&buf, "null");
}

static void writer_remembers_a_full_buffer(void **state) {
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, *state, 8);
    json_writer_init(&w, &buf);
    json_array_begin(&w);
    json_write_str(&w, STR("0123456789"));
    json_array_end(&w);
    assert_int_equal(buf_status(&buf), STATUS_TOO_LARGE);
    assert_true(buf.len <= 8);
}

#define REPLACEMENT "\xEF\xBF\xBD"
#define ROW(name, literal, expected)                                                               \
    { name, {literal, sizeof(literal) - 1}, "\"" expected "\"" }

static const struct {
    const char *name;
    str text;
    const char *expected;
} quoted_rows[] = {
    ROW("empty", "", ""),
    ROW("plain", "abc /'<>&", "abc /'<>&"),
    ROW("quote and backslash", "a\"b\\c", "a\\\"b\\\\c"),
    ROW("short escapes", "\b\f\n\r\t", "\\b\\f\\n\\r\\t"),
    ROW("control characters", "\x01\x0B\x1F\x7F", "\\u0001\\u000b\\u001f\\u007f"),
    ROW("NUL", "a\0b", "a\\u0000b"),
    ROW("C1",
        "\xC2\x80\xC2\x9B"
        "31m\xC2\x9F",
        "\\u0080\\u009b31m\\u009f"),
    ROW("line separators", "\xE2\x80\xA8\xE2\x80\xA9", "\\u2028\\u2029"),
    ROW("text turned round", "\xD8\x9C\xE2\x80\x8E\xE2\x80\xAE\xE2\x81\xA6",
        "\\u061c\\u200e\\u202e\\u2066"),
    ROW("what shows nothing", "\xE2\x80\x8B\xEF\xBB\xBF", "\\u200b\\ufeff"),
    ROW("what shows nothing, beyond the first plane", "\xF3\xA0\x80\x81", "\\udb40\\udc01"),
    ROW("blanks of scripts", "\xC2\xA0\xE3\x80\x80", "\xC2\xA0\xE3\x80\x80"),
    ROW("escapes at both ends", "\"x\"", "\\\"x\\\""),
    ROW("two to four bytes", "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
        "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
    ROW("stray continuation", "a\x80z", "a" REPLACEMENT "z"),
    ROW("never a byte of UTF-8", "\xFE\xFF\xC0\xC1\xF5",
        REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT),
    ROW("overlong", "\xC0\xAF", REPLACEMENT REPLACEMENT),
    ROW("overlong of three", "\xE0\x80\xAF", REPLACEMENT REPLACEMENT REPLACEMENT),
    ROW("surrogate", "\xED\xA0\x80", REPLACEMENT REPLACEMENT REPLACEMENT),
    ROW("beyond Unicode", "\xF4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT),
    ROW("two bytes cut short", "\xC3", REPLACEMENT),
    ROW("three bytes cut short", "\xE2\x82", REPLACEMENT),
    ROW("four bytes cut short by text", "\xF0\x9F\x98z", REPLACEMENT "z"),
    ROW("four bytes cut short by a quote", "\xF0\x9F\"", REPLACEMENT "\\\""),
    ROW("cut short, then good", "\xE2\x82\xC3\xA9", REPLACEMENT "\xC3\xA9"),
    /* the example of the Unicode Standard, table 3-8 */
    ROW("the standard's example of non-shortest forms", "\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
        REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT
            REPLACEMENT "A"),
    /* table 3-11 */
    ROW("the standard's example of truncated sequences", "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41",
        REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT "A"),
};

static void quoted_text_is_escaped(void **state) {
    for (size_t i = 0; i < COUNT(quoted_rows); i++) {
        struct buf buf;
        buf_init(&buf, *state, 1000);
        json_append_quoted(&buf, quoted_rows[i].text);
        if (!str_eq(buf_str(&buf), str_from_cstr(quoted_rows[i].expected))) {
            fail_msg("%s: %" STR_FMT, quoted_rows[i].name, STR_ARG(buf_str(&buf)));
        }
    }
}

static void every_character_but_nul_survives_a_round_trip(void **state) {
    struct buf text;
    struct buf quoted;
    buf_init(&text, *state, 1000);
    buf_init(&quoted, *state, 4000);
    for (int c = 1; c < 0x80; c++) {
        buf_append_char(&text, (char)c);
    }
    buf_append(
        &text,
        STR("\xC2\x80 \xE2\x80\xA8 \xE2\x80\xA9 \xEF\xBF\xBF \xF3\xA0\x80\x81 \xF4\x8F\xBF\xBF"));
    json_append_quoted(&quoted, buf_str(&text));
    assert_true(str_eq(json_string(parse_ok(*state, buf_str(&quoted))), buf_str(&text)));
}

/* All strings of three bytes from those that begin, end or break a sequence. */
static void any_bytes_give_readable_json(void **state) {
    static const char bytes[] = "A\"\\\n\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC2\xDF\xE0\xE1\xED\xEF"
                                "\xF0\xF1\xF4\xF5\xFF";
    const size_t count = sizeof(bytes) - 1;
    for (size_t i = 0; i < count * count * count; i++) {
        char raw[3] = {bytes[i % count], bytes[i / count % count], bytes[i / count / count]};
        struct buf buf;
        buf_init(&buf, *state, 100);
        json_append_quoted(&buf, (str){raw, sizeof(raw)});
        str value = json_string(parse_ok(*state, buf_str(&buf)));
        assert_true(value.len > 0);
        assert_int_equal(str_utf8_valid_prefix(value), value.len);
        if (str_utf8_valid_prefix((str){raw, sizeof(raw)}) == sizeof(raw)) {
            assert_true(str_eq(value, (str){raw, sizeof(raw)}));
        }
        if (i % 1000 == 0) {
            arena_reset(*state);
        }
    }
}

static void integers_are_written_whole(void **state) {
    static const struct {
        int64_t value;
        const char *expected;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {123456789012, "123456789012"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf buf;
        struct json_writer w = writer_new(*state, &buf);
        json_write_i64(&w, rows[i].value);
        assert_written(&buf, rows[i].expected);
    }
}

static void doubles_are_written_in_the_shortest_form(void **state) {
    static const struct {
        double value;
        const char *expected;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {100, "100"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {123456789012, "123456789012"},
        {9007199254740993.0, "9007199254740992"},
        {1e300, "1e+300"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf buf;
        struct json_writer w = writer_new(*state, &buf);
        json_write_double(&w, rows[i].value);
        assert_written(&buf, rows[i].expected);
    }
}

static void doubles_survive_a_round_trip(void **state) {
    uint64_t bits = 0x243F6A8885A308D3; /* any odd start: a fixed sequence, not a random one */
    double values[2000] = {DBL_MAX, -DBL_MAX, DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON};
    for (size_t i = 5; i < COUNT(values); i++) {
        bits = bits * 6364136223846793005U + 1442695040888963407U;
        memcpy(&values[i], &bits, sizeof(bits));
    }
    for (size_t i = 0; i < COUNT(values); i++) {
        struct buf buf;
        struct json_writer w = writer_new(*state, &buf);
        double back = 0;
        json_write_double(&w, values[i]);
        bool is_number = json_number(parse_ok(*state, buf_str(&buf)), &back);
        assert_int_equal(is_number, isfinite(values[i]) != 0);
        assert_true(!is_number || memcmp(&back, &values[i], sizeof(back)) == 0);
    }
}

static void written_keys_are_escaped(void **state) {
    struct buf buf;
    struct json_writer w = writer_new(*state, &buf);
    json_object_begin(&w);
    json_write_member(&w, "a\"\n", STR("\x80"));
    json_object_end(&w);
    assert_written(&buf, "{\"a\\\"\\n\":\"" REPLACEMENT "\"}");
}

static void members_are_written_by_their_type(void **state) {
    struct buf buf;
    struct json_writer w = writer_new(*state, &buf);
    json_object_begin(&w);
    json_write_member_i64(&w, "i", -3);
    json_write_member_count(&w, "n", 7);
    json_write_member_double(&w, "d", 1.5);
    json_write_member_bool(&w, "b", true);
    json_write_member_time(&w, *state, "t", 1795420800000);
    json_write_member_time(&w, *state, "none", 0);
    json_object_end(&w);
    assert_written(&buf, "{\"i\":-3,\"n\":7,\"d\":1.5,\"b\":true,"
                         "\"t\":\"2026-11-23T08:00:00.000Z\",\"none\":null}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_puts_commas_where_they_belong),
        cmocka_unit_test(writer_writes_a_lone_value),
        cmocka_unit_test(writer_remembers_a_full_buffer),
        cmocka_unit_test(quoted_text_is_escaped),
        cmocka_unit_test(every_character_but_nul_survives_a_round_trip),
        cmocka_unit_test(any_bytes_give_readable_json),
        cmocka_unit_test(integers_are_written_whole),
        cmocka_unit_test(doubles_are_written_in_the_shortest_form),
        cmocka_unit_test(doubles_survive_a_round_trip),
        cmocka_unit_test(written_keys_are_escaped),
        cmocka_unit_test(members_are_written_by_their_type),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
