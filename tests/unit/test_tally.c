/* SPDX-License-Identifier: Apache-2.0 */
#include "access_log_world.h"
#include "base/clock.h"
#include "traffic/tally_internal.h"

/* A line of these five things, and a CLASS that may be followed by more fields. */
#define LINE(time, balancer, client, agent, class)                                                 \
    "h2 " time " " balancer " " client " - -1 -1 -1 400 - 0 0 "                                    \
    "\"GET https://www.example.com:443/ HTTP/1.1\" \"" agent "\"" MIDDLE "\"-\"" CERT              \
    "\"forward\" \"-\" \"-\" " LISTS class "\n"
#define DAY_1 "2026-11-22T10:11:12.345678Z"
#define DAY_2 "2026-11-23T00:00:00.000000Z"
#define APP_1 "app/one/0123456789abcdef"
#define APP_2 "app/two/0123456789abcdef"
#define GOOD  "\"-\" \"-\" TID_1"
#define ZERO  "\"Acceptable\" \"GetHeadZeroContentLength\" TID_1"
#define BODY  "\"Ambiguous\" \"UndefinedContentLengthSemantics\" TID_1"
#define BAD   "\"Severe\" \"BadHeader\" TID_1"

static int64_t ms_of(const char *time) {
    int64_t ms = 0;
    assert_true(time_parse_iso8601(str_from_cstr(time), &ms));
    return ms;
}

static struct tally_result result_of(struct arena *arena, unsigned group_keys, str lines) {
    struct tally *tally = tally_new(arena, &(struct tally_options){.group_keys = group_keys});
    struct tally_result result;
    tally_add_lines(tally, lines);
    tally_finish(tally, &result);
    return result;
}

static uint64_t sum_of_classes(const struct tally_counts *counts) {
    uint64_t sum = 0;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        sum += counts->classes[i];
    }
    return sum;
}

/* What must add up in every result. */
static void assert_sums_up(const struct tally_result *result) {
    uint64_t in_days = 0;
    uint64_t kinds = 0;
    for (size_t i = 0; i < ACCESS_LOG_KIND_COUNT; i++) {
        kinds += result->kinds[i];
    }
    for (size_t i = 0; i < result->day_count; i++) {
        const struct tally_day *day = &result->days[i];
        in_days += day->counts.requests;
        assert_int_equal(day->counts.requests, sum_of_classes(&day->counts));
        assert_true(day->oldest_ms <= day->newest_ms);
        assert_true(result->from_ms <= day->oldest_ms && day->newest_ms <= result->to_ms);
        assert_int_equal(date_days_of_ms(day->oldest_ms), day->day);
        assert_int_equal(date_days_of_ms(day->newest_ms), day->day);
    }
    assert_int_equal(result->lines, kinds);
    assert_int_equal(result->lines, result->totals.requests + result->unparsed);
    assert_int_equal(result->totals.requests, result->kinds[ACCESS_LOG_LINE]);
    assert_int_equal(result->totals.requests, sum_of_classes(&result->totals));
    assert_int_equal(result->totals.requests, in_days + result->untallied);
}

static uint64_t sum_of_reasons(const struct tally_reason *reasons, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(reasons[i].count > 0);
        sum += reasons[i].count;
    }
    return sum;
}

static void lines_are_counted_by_load_balancer_and_day(void **state) {
    struct tally_result result = result_of(
        *state, 0,
        STR(LINE(DAY_2, APP_1, "192.0.2.1:1", "a", GOOD) LINE(DAY_1, APP_2, "192.0.2.1:1", "a", BAD)
                LINE(DAY_1, APP_1, "192.0.2.1:1", "a", ZERO)
                    LINE("2026-11-22T00:00:00.000000Z", APP_1, "192.0.2.1:1", "a", GOOD)
                        LINE("2026-11-22T23:59:59.999999Z", APP_1, "192.0.2.1:1", "a", BODY)));
    assert_sums_up(&result);
    assert_int_equal(result.lines, 5);
    assert_int_equal(result.from_ms, ms_of("2026-11-22T00:00:00Z"));
    assert_int_equal(result.to_ms, ms_of(DAY_2));
    assert_int_equal(result.day_count, 3);
    assert_str(result.days[0].load_balancer, APP_1);
    assert_int_equal(result.days[0].counts.requests, 3);
    assert_int_equal(result.days[0].counts.classes[CLASS_ACCEPTABLE], 1);
    assert_int_equal(result.days[0].counts.classes[CLASS_AMBIGUOUS], 1);
    assert_int_equal(result.days[0].oldest_ms, ms_of("2026-11-22T00:00:00Z"));
    assert_int_equal(result.days[0].newest_ms, ms_of("2026-11-22T23:59:59.999Z"));
    assert_int_equal(result.days[1].day, result.days[0].day + 1);
    assert_str(result.days[2].load_balancer, APP_2);
    assert_int_equal(result.days[2].counts.classes[CLASS_SEVERE], 1);
    assert_int_equal(tally_blocked_by_defensive(&result.totals), 1);
    assert_int_equal(tally_blocked_by_strictest(&result.totals), 3);
}

/* The remembered day must not outlive a change of any part of the time. */
static void time_of_the_line_decides_the_day(void **state) {
    static const struct {
        const char *name;
        const char *time;
        const char *as_utc; /* NULL: no time */
    } rows[] = {
        {"first of the day", "2026-11-22T00:00:00.000000Z", "2026-11-22T00:00:00Z"},
        {"milliseconds are cut", "2026-11-22T10:11:12.999999Z", "2026-11-22T10:11:12.999Z"},
        {"without a fraction", "2026-11-22T10:11:12Z", "2026-11-22T10:11:12Z"},
        {"another zone, the day before", "2026-11-22T01:00:00.000+0200", "2026-11-21T23:00:00Z"},
        {"the same length", "2026-11-22T23:00:00.00-01:30", "2026-11-23T00:30:00Z"},
        {"another year", "2025-11-22T10:11:12.345678Z", "2025-11-22T10:11:12.345Z"},
        {"hour 24", "2026-11-22T24:00:00.000000Z", NULL},
        {"minute 60", "2026-11-22T10:60:00.000000Z", NULL},
        {"second 60", "2026-11-22T10:00:60.000000Z", NULL},
        {"a letter in the fraction", "2026-11-22T10:00:00.00x000Z", NULL},
        {"a high byte", "2026-11-22T10:00:0\xB0.000000Z", NULL},
        {"no zone", "2026-11-22T10:00:00.0000000", NULL},
        {"a colon for a point", "2026-11-22T10:00:00:000000Z", NULL},
        {"no such day", "2026-02-30T10:00:00.000000Z", NULL},
        {"a dash", "-", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        print_message("%s\n", rows[i].name);
        str lines =
            str_format(*state,
                       LINE("2026-11-22T10:11:12.345678Z", APP_1, "192.0.2.1:1", "a", GOOD)
                           LINE("%s", APP_1, "192.0.2.1:1", "a", GOOD)
                               LINE("2026-11-22T10:11:12.345678Z", APP_1, "192.0.2.1:1", "a", GOOD),
                       rows[i].time);
        struct tally_result result = result_of(*state, 0, lines);
        assert_sums_up(&result);
        assert_int_equal(result.untallied, rows[i].as_utc == NULL);
        if (rows[i].as_utc != NULL) {
            int64_t ms = ms_of(rows[i].as_utc);
            assert_int_equal(result.day_count,
                             date_days_of_ms(ms) == ms_of(DAY_1) / MS_PER_DAY ? 1 : 2);
            assert_true(result.from_ms == ms || result.to_ms == ms);
        }
    }
}

static void every_line_ending_is_accepted_and_empty_lines_are_not_counted(void **state) {
    static const struct {
        const char *text;
        uint64_t lines;
    } rows[] = {
        {"", 0},    {"\n", 0},     {"\r\n\n\r\n", 0}, {"\r", 0},  {"x", 1},
        {"x\n", 1}, {"x\r\ny", 2}, {"x\n\ny\n", 2},   {" \n", 1}, {"\r\r\n", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tally_result result = result_of(*state, 0, str_from_cstr(rows[i].text));
        assert_int_equal(result.lines, rows[i].lines);
        assert_int_equal(result.unparsed, rows[i].lines);
        assert_int_equal(result.from_ms, 0);
        assert_int_equal(result.to_ms, 0);
    }
}

static void lines_of_other_log_types_are_counted_by_type(void **state) {
    struct tally_result result = result_of(
        *state, 0,
        STR("Enable AccessLog for ELB: app/a/959dfdbaed241613 at 2026-11-20T09:55:52.806Z\n"
            "2026-11-22T10:11:12.3Z lb 192.0.2.1:1 - 0 0 0 200 200 0 29 \"GET http://a/ "
            "HTTP/1.1\"\n"
            "rubbish\nmore of it\n" LINE(DAY_1, APP_1, "192.0.2.1:1", "a", GOOD)));
    assert_sums_up(&result);
    assert_int_equal(result.kinds[ACCESS_LOG_TEST_FILE], 1);
    assert_int_equal(result.kinds[ACCESS_LOG_CLASSIC], 1);
    assert_int_equal(result.kinds[ACCESS_LOG_UNPARSED], 2);
    assert_int_equal(result.unparsed, 4);
    assert_int_equal(result.totals.classes[CLASS_COMPLIANT], 1);
}

static void reasons_are_counted_under_their_own_names(void **state) {
    struct tally_result result = result_of(
        *state, 0,
        STR(LINE(DAY_1, APP_1, "192.0.2.1:1", "a", ZERO) LINE(DAY_1, APP_1, "192.0.2.1:1", "a", BAD)
                LINE(DAY_1, APP_1, "192.0.2.1:1", "a", ZERO) LINE(DAY_1, APP_1, "192.0.2.1:1", "a",
                                                                  GOOD)
                    LINE(DAY_1, APP_1, "192.0.2.1:1", "a", "\"Severe\" \"FromTheFuture\"")
                        LINE(DAY_1, APP_1, "192.0.2.1:1", "a", "\"Ambiguous\" \"FromTheFuture\"")
                            LINE(DAY_1, APP_1, "192.0.2.1:1", "a", "\"-\" \"OddlyCompliant\"")
                                LINE(DAY_1, APP_1, "192.0.2.1:1", "a", "\"Severe\" \"-\"")));
    static const struct {
        const char *code;
        enum traffic_class class;
        uint64_t count;
    } rows[] = {
        {"GetHeadZeroContentLength", CLASS_ACCEPTABLE, 2},
        {"BadHeader", CLASS_SEVERE, 1},
        {"FromTheFuture", CLASS_AMBIGUOUS, 1},
        {"FromTheFuture", CLASS_SEVERE, 1},
        {"OddlyCompliant", CLASS_COMPLIANT, 1},
    };
    assert_int_equal(result.reason_count, COUNT(rows));
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(result.reasons[i].code, rows[i].code);
        assert_int_equal(result.reasons[i].class, rows[i].class);
        assert_int_equal(result.reasons[i].count, rows[i].count);
    }
    assert_int_equal(result.totals.classes[CLASS_COMPLIANT], 2);
}

static void reasons_are_counted_by_load_balancer_and_day(void **state) {
    struct tally_result result = result_of(
        *state, 0,
        STR(LINE(DAY_2, APP_1, "192.0.2.1:1", "a", BAD) LINE(DAY_1, APP_2, "192.0.2.1:1", "a", BODY)
                LINE(DAY_1, APP_1, "192.0.2.1:1", "a", BODY)
                    LINE(DAY_1, APP_1, "192.0.2.1:1", "a", ZERO)
                        LINE(DAY_1, APP_1, "192.0.2.1:1", "a", GOOD)
                            LINE(DAY_1, APP_1, "192.0.2.1:1", "a", ZERO)
                                LINE("-", APP_1, "192.0.2.1:1", "a", BAD)));
    static const struct {
        size_t day;
        size_t place;
        const char *code;
        enum traffic_class class;
        uint64_t count;
    } rows[] = {
        {0, 0, "GetHeadZeroContentLength", CLASS_ACCEPTABLE, 2},
        {0, 1, "UndefinedContentLengthSemantics", CLASS_AMBIGUOUS, 1},
        {1, 0, "BadHeader", CLASS_SEVERE, 1},
        {2, 0, "UndefinedContentLengthSemantics", CLASS_AMBIGUOUS, 1},
    };
    assert_sums_up(&result);
    assert_int_equal(result.day_count, 3);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tally_reason *reason = &result.days[rows[i].day].reasons[rows[i].place];
        assert_str(reason->code, rows[i].code);
        assert_int_equal(reason->class, rows[i].class);
        assert_int_equal(reason->count, rows[i].count);
    }
    uint64_t in_days = 0;
    for (size_t i = 0; i < result.day_count; i++) {
        in_days += sum_of_reasons(result.days[i].reasons, result.days[i].reason_count);
    }
    assert_int_equal(in_days, 5);
    assert_int_equal(sum_of_reasons(result.reasons, result.reason_count), 6); /* with no time */
}

#define CLASSED(class) LINE(DAY_1, APP_1, "192.0.2.1:1", "a", class)

static const char UNKNOWN_CLASSES[] = CLASSED("\"Odd\" \"-\"") CLASSED("") CLASSED(GOOD)
    CLASSED("\"Terrible\" \"-\" TID_1") CLASSED("\"\" \"-\"") CLASSED("\"Terrible\"");

static void assert_unknown_classes(const struct tally_result *result, uint64_t times) {
    assert_sums_up(result);
    assert_int_equal(result->totals.classes[CLASS_UNKNOWN], 5 * times);
    assert_int_equal(result->classless, 2 * times);
    assert_int_equal(result->unknown_class_count, 2);
    assert_str(result->unknown_classes[0].code, "Terrible");
    assert_int_equal(result->unknown_classes[0].count, 2 * times);
    assert_str(result->unknown_classes[1].code, "Odd");
    assert_int_equal(result->unknown_classes[1].count, times);
}

static void unknown_classes_are_counted_under_their_own_names_apart_from_none(void **state) {
    str lines = STR(UNKNOWN_CLASSES);
    struct tally_result result = result_of(*state, 0, lines);
    assert_unknown_classes(&result, 1);
    struct tally *into = tally_new(*state, &(struct tally_options){0});
    struct tally *from = tally_new(*state, &(struct tally_options){0});
    tally_add_lines(into, lines);
    tally_add_lines(from, lines);
    tally_merge(into, from);
    tally_finish(into, &result);
    assert_unknown_classes(&result, 2);
}

static void lines_known_to_be_of_another_log_type_are_counted_without_parsing(void **state) {
    struct tally *tally = tally_new(*state, &(struct tally_options){0});
    struct tally_result result;
    tally_add_unparsed(tally, ACCESS_LOG_CLASSIC, 3);
    tally_add_lines(tally, STR(CLASSED(GOOD)));
    tally_finish(tally, &result);
    assert_sums_up(&result);
    assert_int_equal(result.kinds[ACCESS_LOG_CLASSIC], 3);
    assert_int_equal(result.unparsed, 3);
}

static void reasons_beyond_the_table_are_counted_as_other(void **state) {
    struct tally *tally = tally_new(*state, &(struct tally_options){0});
    for (int i = 0; i < TALLY_REASONS_MAX + 40; i++) {
        tally_add_lines(
            tally, str_format(*state, LINE(DAY_1, APP_1, "192.0.2.1:1", "a", "\"%s\" \"Code%d\""),
                              i % 2 ? "Severe" : "Ambiguous", i));
    }
    struct tally_result result;
    tally_finish(tally, &result);
    assert_int_equal(result.reason_count, TALLY_REASONS_MAX + 2);
    assert_str(result.reasons[0].code, "other");
    assert_int_equal(result.reasons[0].count, 20);
    assert_str(result.reasons[1].code, "other");
    assert_int_equal(result.reasons[1].count, 20);
}

static void offenders_are_those_that_a_mode_would_block(void **state) {
    struct tally_result result = result_of(
        *state, 0,
        STR(LINE(DAY_1, APP_1, "203.0.113.1:1", "ReactorNetty/1.1", ZERO)
                LINE(DAY_2, APP_1, "203.0.113.200:1", "ReactorNetty/1.1", ZERO)
                    LINE(DAY_1, APP_2, "203.0.113.1:1", "ReactorNetty/1.1", ZERO)
                        LINE(DAY_1, APP_1, "[2001:db8:1:2::3]:1", "harbor", BODY)
                            LINE(DAY_1, APP_1, "203.0.113.1:1", "fine", GOOD)
                                LINE(DAY_1, APP_1, "203.0.113.1:1", "odd", "\"Terrible\" \"x\"")));
    assert_int_equal(result.offender_count, 3);
    assert_int_equal(result.offender_error_max, 0);
    assert_str(result.offenders[0].reason, "GetHeadZeroContentLength");
    assert_str(result.offenders[0].user_agent, "ReactorNetty/1.1");
    assert_str(result.offenders[0].client, "203.0.113.0/24");
    assert_str(result.offenders[0].host, "www.example.com");
    assert_str(result.offenders[0].load_balancer, APP_1);
    assert_int_equal(result.offenders[0].count, 2);
    assert_str(result.offenders[1].client, "203.0.113.0/24");
    assert_str(result.offenders[1].load_balancer, APP_2);
    assert_int_equal(result.offenders[1].count, 1);
    assert_str(result.offenders[2].client, "2001:db8:1::/48");
    assert_int_equal(result.group_count, 0);
}

static void groups_hold_the_keys_that_were_asked_for(void **state) {
    str lines = STR(LINE(DAY_1, APP_1, "203.0.113.1:1", "a", ZERO) LINE(
        DAY_1, APP_1, "203.0.113.1:1", "b", ZERO) LINE(DAY_1, APP_1, "203.0.113.2:1", "a", GOOD));
    struct tally_result result = result_of(*state, GROUP_CLASS | GROUP_CLIENT, lines);
    assert_sums_up(&result);
    assert_int_equal(result.group_count, 2);
    assert_int_equal(result.groups[0].class, CLASS_ACCEPTABLE);
    assert_str(result.groups[0].client, "203.0.113.1");
    assert_true(str_is_empty(result.groups[0].user_agent));
    assert_int_equal(result.groups[0].count, 2);
    assert_int_equal(result.groups[1].class, CLASS_COMPLIANT);
    result = result_of(*state, GROUP_USER_AGENT | GROUP_HOST | GROUP_REASON, lines);
    assert_int_equal(result.group_count, 3);
    assert_int_equal(result.groups[0].class, CLASS_COUNT);
    assert_str(result.groups[0].reason, "");
    assert_str(result.groups[0].user_agent, "a");
    assert_str(result.groups[0].host, "www.example.com");
    assert_int_equal(result.group_error_max, 0);
}

static void tally_of_counts_only_keeps_totals_and_days_but_no_texts(void **state) {
    struct tally *tally = tally_new(*state, &(struct tally_options){.counts_only = true});
    struct tally *other = tally_new(*state, &(struct tally_options){.counts_only = true});
    struct tally_result result;
    tally_add_lines(tally, STR(CLASSED(ZERO) CLASSED(GOOD) CLASSED("\"Terrible\" \"x\"")));
    tally_add_lines(other, STR(CLASSED(BAD) CLASSED("")));
    tally_merge(tally, other);
    tally_finish(tally, &result);
    assert_sums_up(&result);
    assert_int_equal(result.totals.classes[CLASS_ACCEPTABLE], 1);
    assert_int_equal(result.days[0].counts.classes[CLASS_SEVERE], 1);
    assert_int_equal(result.classless, 1);
    assert_int_equal(result.days[0].reason_count, 0);
    assert_int_equal(result.reason_count, 0);
    assert_int_equal(result.unknown_class_count, 0);
    assert_int_equal(result.offender_count, 0);
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
        TEST(lines_are_counted_by_load_balancer_and_day),
        TEST(time_of_the_line_decides_the_day),
        TEST(every_line_ending_is_accepted_and_empty_lines_are_not_counted),
        TEST(lines_of_other_log_types_are_counted_by_type),
        TEST(reasons_are_counted_under_their_own_names),
        TEST(reasons_are_counted_by_load_balancer_and_day),
        TEST(unknown_classes_are_counted_under_their_own_names_apart_from_none),
        TEST(lines_known_to_be_of_another_log_type_are_counted_without_parsing),
        TEST(reasons_beyond_the_table_are_counted_as_other),
        TEST(offenders_are_those_that_a_mode_would_block),
        TEST(groups_hold_the_keys_that_were_asked_for),
        TEST(tally_of_counts_only_keeps_totals_and_days_but_no_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
