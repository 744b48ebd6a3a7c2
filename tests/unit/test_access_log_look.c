/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ways to read a line must agree on every line, and the fast one must take those that it
 * is there for.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access_log_world.h"

struct seen {
    size_t modern;
    size_t plain;
    size_t left; /* to the tokenizer, and an access log line */
    size_t refused;
};

static void assert_same_text(str actual, str expected) {
    assert_int_equal(actual.len, expected.len);
    assert_memory_equal(actual.ptr == NULL ? "" : actual.ptr,
                        expected.ptr == NULL ? "" : expected.ptr, expected.len);
}

static void assert_same_record(const struct access_log_record *actual,
                               const struct access_log_record *expected) {
    assert_same_text(actual->type, expected->type);
    assert_same_text(actual->time, expected->time);
    assert_same_text(actual->load_balancer, expected->load_balancer);
    assert_same_text(actual->client, expected->client);
    assert_same_text(actual->elb_status, expected->elb_status);
    assert_same_text(actual->target_status, expected->target_status);
    assert_same_text(actual->host, expected->host);
    assert_same_text(actual->user_agent, expected->user_agent);
    assert_same_text(actual->reason, expected->reason);
    assert_int_equal(actual->class, expected->class);
    assert_same_text(actual->class_name, expected->class_name);
}

static void assert_view_is(const struct access_log_view *view, str line, struct seen *seen) {
    struct access_log_record expected;
    enum access_log_kind kind = access_log_parse(line, &expected);
    assert_same_text(view->line, line);
    if (!view->is_modern) {
        *(kind == ACCESS_LOG_LINE ? &seen->left : &seen->refused) += 1;
        return;
    }
    struct access_log_record actual;
    assert_int_equal(kind, ACCESS_LOG_LINE);
    assert_true(expected.field_count >= 29);
    access_log_view_record(view, &actual);
    assert_same_record(&actual, &expected);
    bool is_plain = expected.class == CLASS_COMPLIANT && expected.reason.len == 0;
    assert_true(is_plain || !view->is_plain);
    seen->modern++;
    seen->plain += view->is_plain;
}

static void assert_agreement_on(str lines, struct seen *seen) {
    str rest = lines;
    while (lines.len > 0) {
        struct access_log_view view;
        size_t taken = access_log_look(lines, &view);
        assert_true(taken > 0 && taken <= lines.len);
        assert_view_is(&view, take_line(&rest), seen);
        lines = str_slice(lines, taken, lines.len);
    }
    assert_int_equal(str_trim(rest).len, 0);
}

/* Of many seeds each: from clean lines to rubble. */
static void fast_and_full_parser_agree_on_every_line(void **state) {
    static const struct {
        unsigned odds;
        uint64_t damages;
    } mixes[] = {{20, 0}, {4, 0}, {2, 0}, {50, 3}, {50, 20}, {4, 10}, {2, 200}};
    struct seen seen = {0};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct dice dice = {seed * UINT64_C(0x9E3779B97F4A7C15)};
        for (size_t i = 0; i < COUNT(mixes); i++) {
            assert_agreement_on(make_lines(*state, &dice, 12, mixes[i].odds, mixes[i].damages),
                                &seen);
        }
        arena_reset(*state);
    }
    print_message("%zu modern, %zu of them plain; %zu left to the tokenizer, %zu refused\n",
                  seen.modern, seen.plain, seen.left, seen.refused);
    assert_true(seen.plain > 1000 && seen.modern > seen.plain + 500);
    assert_true(seen.left > 1000 && seen.refused > 1000);
}

/* One letter of a clean line after the other is taken for each that means something. */
static void fast_and_full_parser_agree_on_every_one_byte_error(void **state) {
    static const char letters[] = {'"', ' ', '\\', '\n', '-', '\0'};
    struct buf clean;
    struct seen seen = {0};
    buf_init(&clean, *state, 4096);
    append_line(&clean, &(struct dice){1}, 1000000);
    for (size_t at = 0; at < clean.len; at++) {
        for (size_t i = 0; i < COUNT(letters); i++) {
            char was = clean.ptr[at];
            clean.ptr[at] = letters[i];
            assert_agreement_on(buf_str(&clean), &seen);
            clean.ptr[at] = was;
        }
        assert_agreement_on(str_slice(buf_str(&clean), 0, at), &seen);
    }
    assert_true(seen.modern > 0 && seen.refused > 0 && seen.left > 0);
}

static void clean_line_of_every_modern_length_is_modern(void **state) {
    static const char text[] =
        "%s 2026-11-22T10:11:12.345678Z app/my-alb/50dc6c495c0c9188 192.0.2.1:1 - -1 -1 -1 400 - "
        "0 0 \"GET https://a.example:443/%.*s x HTTP/1.1\" \"c\" - - %.*s \"-\" \"-\" \"-\" 0 "
        "2026-11-22T10:11:12.3Z \"-\" \"-\" \"-\" \"-\" \"-\" \"%s\" \"-\"%s%s";
    static const char *const tails[] = {"", " TID_1", " TID_1 \"-\" \"-\" \"-\" 10.0.0.1 x"};
    static const char *const ends[] = {"", "\n", "\r\n"};
    static const char filler[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    for (int len = 1; len < (int)sizeof(filler) - 1; len++) {
        for (size_t i = 0; i < 9; i++) {
            struct access_log_view view;
            str line = str_format(*state, text, i % 2 ? "h2" : "https", len, filler, len, filler,
                                  i % 2 ? "-" : "Severe", tails[i / 3], ends[i % 3]);
            assert_int_equal(access_log_look(line, &view), line.len);
            assert_true(view.is_modern);
            assert_int_equal(view.is_plain, i % 2);
        }
    }
}

/* One field less and two spaces in its place, wherever a block of 64 bytes may end: the number of
 * spaces alone would prove nothing. */
static void two_spaces_are_not_parsed_as_a_field(void **state) {
    static const char text[] =
        "h2 2026-11-22T10:11:12.345678Z app/my-alb/%.*s%s192.0.2.1:1 - -1 -1 -1 400 - %s0 "
        "\"GET https://a.example:443/ HTTP/1.1\" \"c\" %.*s%sarn \"-\" \"-\" \"-\" 0 "
        "2026-11-22T10:11:12.3Z \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"";
    static const char filler[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct seen seen = {0};
    for (int len = 1; len < (int)sizeof(filler) - 1; len++) {
        for (int where = 0; where < 3; where++) {
            str line = str_format(*state, text, len, filler, where == 1 ? "  " : " ",
                                  where == 1 ? "" : "0 ", len, filler, where == 2 ? "  " : " x ");
            struct access_log_view view;
            assert_int_equal(access_log_look(line, &view), line.len);
            assert_int_equal(view.is_modern, where == 0);
            assert_agreement_on(line, &seen);
        }
    }
}

static void parser_does_not_read_past_the_last_line(void **state) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    struct buf line;
    buf_init(&line, *state, 4096);
    append_line(&line, &(struct dice){7}, 1000000);
    struct seen seen = {0};
    for (size_t len = 1; len <= line.len; len++) {
        char *ptr = pages + page - len;
        memcpy(ptr, line.ptr, len);
        assert_agreement_on((str){ptr, len}, &seen);
        memcpy(ptr, line.ptr + line.len - len, len);
        assert_agreement_on((str){ptr, len}, &seen);
    }
    assert_true(seen.modern > 0);
    assert_int_equal(munmap(pages, 2 * page), 0);
}

static void random_bytes_are_survived(void **state) {
    struct seen seen = {0};
    struct dice dice = {99};
    for (int round = 0; round < 300; round++) {
        size_t len = 1 + (size_t)roll(&dice, 2000);
        char *bytes = arena_alloc(*state, len);
        for (size_t i = 0; i < len; i++) {
            static const char some[] = "\"\" \\\n\r-0x";
            bytes[i] = round % 2 ? (char)roll(&dice, 256) : PICK(&dice, some);
        }
        assert_agreement_on((str){bytes, len}, &seen);
        arena_reset(*state);
    }
    assert_int_equal(seen.modern, 0);
    assert_true(seen.refused > 1000);
}

static int set_up(void **state) {
    static struct arena arena;
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_clean_up(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(fast_and_full_parser_agree_on_every_line),
        TEST(fast_and_full_parser_agree_on_every_one_byte_error),
        TEST(clean_line_of_every_modern_length_is_modern),
        TEST(two_spaces_are_not_parsed_as_a_field),
        TEST(parser_does_not_read_past_the_last_line),
        TEST(random_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
