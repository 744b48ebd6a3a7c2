/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold for any text: nothing is lost, the fast way counts as the slow one does, pieces
 * and merges change nothing, memory is bounded.
 */
#include <stdio.h>

#include "access_log_world.h"
#include "traffic/tally_internal.h"

#define ALL_KEYS (GROUP_CLASS | GROUP_REASON | GROUP_CLIENT | GROUP_USER_AGENT | GROUP_HOST)

static void append_counts(struct buf *out, const struct tally_counts *counts) {
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        buf_printf(out, " %llu", (unsigned long long)counts->classes[i]);
    }
    buf_printf(out, " of %llu\n", (unsigned long long)counts->requests);
}

static void append_part(struct buf *out, str part) {
    buf_append(out, part);
    buf_append_char(out, '|');
}

static void append_reasons(struct buf *out, const struct tally_reason *reasons, size_t count) {
    for (size_t i = 0; i < count; i++) {
        append_part(out, reasons[i].code);
        buf_printf(out, "%d %llu\n", (int)reasons[i].class, (unsigned long long)reasons[i].count);
    }
}

static void append_days(struct buf *out, const struct tally_result *result) {
    for (size_t i = 0; i < result->day_count; i++) {
        const struct tally_day *day = &result->days[i];
        append_part(out, day->load_balancer);
        buf_printf(out, "%lld %lld %lld", (long long)day->day, (long long)day->oldest_ms,
                   (long long)day->newest_ms);
        append_counts(out, &day->counts);
        append_reasons(out, day->reasons, day->reason_count);
    }
    append_reasons(out, result->reasons, result->reason_count);
}

/* All that a result says, to compare two of them. */
static str told(struct arena *arena, struct tally *tally) {
    struct tally_result result;
    struct buf out;
    tally_finish(tally, &result);
    assert_int_equal(result.lines, result.totals.requests + result.unparsed);
    buf_init(&out, arena, (size_t)64 << 20);
    buf_printf(&out, "%llu %llu %llu %lld %lld", (unsigned long long)result.lines,
               (unsigned long long)result.unparsed, (unsigned long long)result.untallied,
               (long long)result.from_ms, (long long)result.to_ms);
    append_counts(&out, &result.totals);
    append_days(&out, &result);
    for (size_t i = 0; i < result.offender_count; i++) {
        append_part(&out, result.offenders[i].reason);
        append_part(&out, result.offenders[i].user_agent);
        append_part(&out, result.offenders[i].client);
        append_part(&out, result.offenders[i].host);
        append_part(&out, result.offenders[i].load_balancer);
        buf_printf(&out, "%llu %llu\n", (unsigned long long)result.offenders[i].count,
                   (unsigned long long)result.offenders[i].error);
    }
    for (size_t i = 0; i < result.group_count; i++) {
        buf_printf(&out, "%d ", (int)result.groups[i].class);
        append_part(&out, result.groups[i].reason);
        append_part(&out, result.groups[i].user_agent);
        append_part(&out, result.groups[i].client);
        append_part(&out, result.groups[i].host);
        buf_printf(&out, "%llu %llu\n", (unsigned long long)result.groups[i].count,
                   (unsigned long long)result.groups[i].error);
    }
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

/* The plain way: split, parse, add. */
static struct tally *tally_by_parsing(struct arena *arena, unsigned keys, str lines) {
    struct tally *tally = tally_new(arena, &(struct tally_options){.group_keys = keys});
    for (str rest = lines; rest.ptr != NULL;) {
        struct access_log_record record;
        str line = take_line(&rest);
        if (line.len == 0) {
            continue;
        }
        enum access_log_kind kind = access_log_parse(line, &record);
        if (kind == ACCESS_LOG_LINE) {
            tally_add_record(tally, &record);
        } else {
            tally->kinds[kind]++;
        }
    }
    return tally;
}

static struct tally *tally_of(struct arena *arena, unsigned keys, str lines) {
    struct tally *tally = tally_new(arena, &(struct tally_options){.group_keys = keys});
    tally_add_lines(tally, lines);
    return tally;
}

static void assert_same(str actual, str expected) {
    if (!str_eq(actual, expected)) {
        fail_msg("told:\n%" STR_FMT "\nexpected:\n%" STR_FMT, STR_ARG(actual), STR_ARG(expected));
    }
}

static const struct {
    unsigned odds;
    uint64_t damages;
} mixes[] = {{50, 0}, {3, 0}, {50, 10}, {2, 300}};

static void fast_and_full_parser_count_alike(void **state) {
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct dice dice = {seed * UINT64_C(0x9E3779B97F4A7C15)};
        for (size_t i = 0; i < COUNT(mixes); i++) {
            str lines = make_lines(*state, &dice, 40, mixes[i].odds, mixes[i].damages);
            unsigned keys = seed % 2 ? 0 : ALL_KEYS;
            assert_same(told(*state, tally_of(*state, keys, lines)),
                        told(*state, tally_by_parsing(*state, keys, lines)));
        }
        arena_reset(*state);
    }
}

/* The position behind some line end at or after `at`. */
static size_t cut_after_line(str lines, size_t at) {
    size_t end = at + str_find_char(str_slice(lines, at, lines.len), '\n');
    return end < lines.len ? end + 1 : lines.len;
}

static void pieces_and_merges_in_any_order_change_nothing(void **state) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct dice dice = {seed * UINT64_C(0x9E3779B97F4A7C15)};
        str lines = make_lines(*state, &dice, 60, 3, seed % 3 * 20);
        size_t first = cut_after_line(lines, (size_t)roll(&dice, lines.len));
        str head = str_slice(lines, 0, first);
        str tail = str_slice(lines, first, lines.len);
        str whole = told(*state, tally_of(*state, ALL_KEYS, lines));

        struct tally *pieces = tally_of(*state, ALL_KEYS, head);
        (void)told(*state, pieces); /* finishing in between does no harm */
        tally_add_lines(pieces, tail);
        assert_same(told(*state, pieces), whole);

        struct tally *left = tally_of(*state, ALL_KEYS, head);
        tally_merge(left, tally_of(*state, ALL_KEYS, tail));
        assert_same(told(*state, left), whole);
        struct tally *right = tally_of(*state, ALL_KEYS, tail);
        tally_merge(right, tally_of(*state, ALL_KEYS, head));
        assert_same(told(*state, right), whole);
        arena_reset(*state);
    }
}

static void random_bytes_lose_no_line(void **state) {
    struct dice dice = {3};
    for (int round = 0; round < 200; round++) {
        size_t len = (size_t)roll(&dice, 3000);
        char *bytes = arena_alloc(*state, len);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = roll(&dice, 10) == 0 ? '\n' : (char)roll(&dice, 256);
        }
        str lines = {bytes, len};
        assert_same(told(*state, tally_of(*state, ALL_KEYS, lines)),
                    told(*state, tally_by_parsing(*state, ALL_KEYS, lines)));
        arena_reset(*state);
    }
}

/* A date of ten NUL bytes was once taken for that of the line before the first. */
static void nul_bytes_for_a_date_are_no_time(void **state) {
    struct buf lines;
    buf_init(&lines, *state, 4096);
    buf_append(&lines, STR("https "));
    for (int i = 0; i < 10; i++) {
        buf_append_char(&lines, '\0');
    }
    buf_append(&lines, STR("T10:11:12.345678Z app/a/b 192.0.2.1:1 - - - - - - - - " REQUEST));
    buf_append(&lines, STR("\"c\"" MIDDLE "\"-\"" CERT "\"-\" \"-\" \"-\" " LISTS "\"-\" \"-\"\n"));
    struct tally_result result;
    tally_finish(tally_of(*state, 0, buf_str(&lines)), &result);
    assert_int_equal(result.totals.requests, 1);
    assert_int_equal(result.untallied, 1);
}

/* Lines of which no two share anything, and all are long. */
static void memory_is_bounded_for_any_input(void **state) {
    struct arena arena = {0};
    struct tally *tally = tally_new(&arena, &(struct tally_options){.group_keys = ALL_KEYS});
    char *filler = arena_alloc(*state, 8001);
    memset(filler, 'f', 8000);
    char *line = arena_alloc(*state, 65536);
    for (int i = 0; i < TALLY_DAYS_MAX + 100; i++) {
        int length = i % 8 == 0 ? 600 : 100;
        int used = snprintf(line, 65536,
                            "h2 2026-11-22T10:11:12.345678Z app/%d%.*s %d%.*s:1 - -1 -1 -1 400 - 0 "
                            "0 \"GET https://%d%.*s:443/ HTTP/1.1\" \"%d%.*s\"" MIDDLE "\"-\"" CERT
                            "\"-\" \"-\" \"-\" " LISTS "\"Severe\" \"%d%.*s\"\n",
                            i, length, filler, i, length, filler, i, length, filler, i, length,
                            filler, i, length, filler);
        tally_add_lines(tally, (str){line, (size_t)used});
    }
    struct tally_result result;
    tally_finish(tally, &result);
    assert_int_equal(result.totals.requests, TALLY_DAYS_MAX + 100);
    assert_int_equal(result.day_count, TALLY_DAYS_MAX);
    assert_int_equal(result.untallied, 100);
    assert_int_equal(result.offender_count, TALLY_OFFENDERS_MAX);
    assert_int_equal(result.group_count, TALLY_GROUPS_MAX);
    assert_true(result.offender_error_max > 0 && result.group_error_max > 0);
    print_message("%zu MiB\n", arena_bytes_held(&arena) >> 20);
    assert_true(arena_bytes_held(&arena) < (size_t)64 << 20);
    arena_clean_up(&arena);
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
        TEST(fast_and_full_parser_count_alike), TEST(pieces_and_merges_in_any_order_change_nothing),
        TEST(random_bytes_lose_no_line),        TEST(nul_bytes_for_a_date_are_no_time),
        TEST(memory_is_bounded_for_any_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
