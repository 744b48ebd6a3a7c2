/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct day_row {
    const char *text;
    int year;
    int month;
    int day;
    int64_t days;
};

/* The figures are those of `date -u -d TEXT +%s` divided by 86400. */
static const struct day_row days_known[] = {
    {"1970-01-01", 1970, 1, 1, 0},         {"1970-12-31", 1970, 12, 31, 364},
    {"1972-02-29", 1972, 2, 29, 789},      {"1999-12-31", 1999, 12, 31, 10956},
    {"2000-02-29", 2000, 2, 29, 11016},    {"2000-03-01", 2000, 3, 1, 11017},
    {"2000-12-31", 2000, 12, 31, 11322},   {"2026-11-23", 2026, 11, 23, 20780},
    {"2038-01-20", 2038, 1, 20, 24856},    {"2100-02-28", 2100, 2, 28, 47540},
    {"2100-03-01", 2100, 3, 1, 47541},     {"2400-02-29", 2400, 2, 29, 157113},
    {"9999-12-31", 9999, 12, 31, 2932896},
};

static void date_known_days_agree_in_every_direction(void **state) {
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT(days_known); i++) {
        const struct day_row *row = &days_known[i];
        int64_t days = -1;
        if (!date_parse(str_from_cstr(row->text), &days) || days != row->days ||
            date_to_days(row->year, row->month, row->day) != row->days ||
            !str_eq(date_format(&arena, row->days), str_from_cstr(row->text))) {
            fail_msg("%s", row->text);
        }
    }
    arena_clean_up(&arena);
}

static void next_day(int *year, int *month, int *day) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (*year % 4 == 0 && *year % 100 != 0) || *year % 400 == 0;
    int length = lengths[*month - 1] + (*month == 2 && is_leap ? 1 : 0);
    if (++*day > length) {
        *day = 1;
        *month = *month % 12 + 1;
        *year += *month == 1 ? 1 : 0;
    }
}

static void date_every_day_from_1600_to_9999_follows_the_one_before(void **state) {
    (void)state;
    int year = 1600;
    int month = 1;
    int day = 1;
    /* date -u -d 1600-01-01 +%s is -11676096000 */
    for (int64_t days = -135140; year <= 9999; days++) {
        int got_year = 0;
        int got_month = 0;
        int got_day = 0;
        date_from_days(days, &got_year, &got_month, &got_day);
        if (got_year != year || got_month != month || got_day != day ||
            date_to_days(year, month, day) != days) {
            fail_msg("%04d-%02d-%02d, got %04d-%02d-%02d", year, month, day, got_year, got_month,
                     got_day);
        }
        next_day(&year, &month, &day);
    }
}

static const char *const dates_bad[] = {
    "",
    "2026-11-2",
    "2026-1-23",
    "2026-11-233",
    "26-11-23",
    "02026-11-23",
    "2026-11-31",
    "2026-04-31",
    "2026-02-29",
    "2100-02-29",
    "2000-02-30",
    "2024-02-30",
    "2026-00-10",
    "2026-13-10",
    "2026-11-00",
    "2026-11-32",
    "1969-12-31",
    "0000-01-01",
    "2026/11/23",
    "20261123",
    "2026-11-23 ",
    " 2026-11-23",
    "2026-11-23T00:00:00Z",
    "2026-+1-23",
    "2026--1-23",
    "-026-11-23",
    "2026-11- 3",
    "2026-1a-23",
    "YYYY-MM-DD",
};

static void date_parse_refuses_days_that_do_not_exist(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(dates_bad); i++) {
        int64_t days = 77;
        if (date_parse(str_from_cstr(dates_bad[i]), &days) || days != 77) {
            fail_msg("\"%s\"", dates_bad[i]);
        }
    }
    int64_t days = 77;
    assert_false(date_parse(STR("2026-11-23\0"), &days));
    assert_false(date_parse(STR_EMPTY, &days));
    assert_int_equal(days, 77);
}

static void date_days_of_ms_is_the_day_that_holds_the_moment(void **state) {
    (void)state;
    assert_int_equal(date_days_of_ms(0), 0);
    assert_int_equal(date_days_of_ms(MS_PER_DAY - 1), 0);
    assert_int_equal(date_days_of_ms(MS_PER_DAY), 1);
    assert_int_equal(date_days_of_ms(-1), -1);
    assert_int_equal(date_days_of_ms(-MS_PER_DAY), -1);
    assert_int_equal(date_days_of_ms(-MS_PER_DAY - 1), -2);
    assert_int_equal(date_days_of_ms(INT64_C(1795420800123)), 20780);
}

struct time_row {
    const char *text;
    int64_t ms;
};

static const struct time_row iso_good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-11-23T08:00:00Z", INT64_C(1795420800000)},
    {"2026-11-23T08:00:00.1Z", INT64_C(1795420800100)},
    {"2026-11-23T08:00:00.12Z", INT64_C(1795420800120)},
    {"2026-11-23T08:00:00.123Z", INT64_C(1795420800123)},
    {"2026-11-23T08:00:00.123999Z", INT64_C(1795420800123)},
    {"2026-11-23T08:00:00.000000001Z", INT64_C(1795420800000)},
    {"2026-11-23T08:00:00.99999999999999999999999999Z", INT64_C(1795420800999)},
    {"2026-11-23T08:00:00+00:00", INT64_C(1795420800000)},
    {"2026-11-23T08:00:00-00:00", INT64_C(1795420800000)},
    {"2026-11-23T10:00:00+02:00", INT64_C(1795420800000)},
    {"2026-11-23T13:30:00.5+0530", INT64_C(1795420800500)},
    {"2026-11-22T23:00:00-0900", INT64_C(1795420800000)},
    {"2024-02-29T23:59:59.999Z", INT64_C(1709251199999)},
    {"1970-01-01T00:00:00+01:00", INT64_C(-3600000)},
    {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
};

static void time_parse_iso8601_reads_fractions_and_offsets(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(iso_good); i++) {
        int64_t ms = 77;
        if (!time_parse_iso8601(str_from_cstr(iso_good[i].text), &ms) || ms != iso_good[i].ms) {
            fail_msg("\"%s\": %lld", iso_good[i].text, (long long)ms);
        }
    }
}

static const char *const iso_bad[] = {
    "",
    "2026-11-23",
    "2026-11-23T08:00:00",
    "2026-11-23T08:00Z",
    "2026-11-23T0800:00Z",
    "2026-11-23 08:00:00Z",
    "2026-11-23T08:00:00.Z",
    "2026-11-23T08:00:00,5Z",
    "2026-11-23T08:00:00z",
    "2026-11-23T08:00:00ZZ",
    "2026-11-23T08:00:00Z ",
    "2026-11-23T24:00:00Z",
    "2026-11-23T08:60:00Z",
    "2026-11-23T08:00:60Z",
    "2026-02-29T08:00:00Z",
    "2026-11-23T08:00:00+",
    "2026-11-23T08:00:00+1",
    "2026-11-23T08:00:00+01",
    "2026-11-23T08:00:00+01:",
    "2026-11-23T08:00:00+01:0",
    "2026-11-23T08:00:00+24:00",
    "2026-11-23T08:00:00+01:60",
    "2026-11-23T08:00:00+01:00Z",
    "2026-11-23T08:00:00.5",
    "2026-11-23T-8:00:00Z",
    "20261123T080000Z",
    "1795420800",
};

static void time_parse_iso8601_refuses_other_text(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(iso_bad); i++) {
        int64_t ms = 77;
        if (time_parse_iso8601(str_from_cstr(iso_bad[i]), &ms) || ms != 77) {
            fail_msg("\"%s\"", iso_bad[i]);
        }
    }
}

static void time_parse_iso8601_of_any_cut_text_is_refused_within_its_bytes(void **state) {
    (void)state;
    struct arena arena = {0};
    str whole = STR("2026-11-23T08:00:00.123+01:00");
    for (size_t length = 0; length < whole.len; length++) {
        int64_t ms = 77;
        char *exact = arena_alloc(&arena, length); /* no NUL behind it */
        for (size_t i = 0; i < length; i++) {
            exact[i] = whole.ptr[i];
        }
        assert_false(time_parse_iso8601((str){exact, length}, &ms));
        assert_false(time_parse_http((str){exact, length}, &ms));
        assert_int_equal(ms, 77);
    }
    arena_clean_up(&arena);
}

static const struct time_row http_good[] = {
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Mon, 23 Nov 2026 08:00:00 GMT", INT64_C(1795420800000)},
    {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000)}, /* RFC 7231's own */
    {"Tue, 29 Feb 2000 23:59:59 GMT", INT64_C(951868799000)},
    {"Wed, 28 Feb 2024 00:00:00 GMT", INT64_C(1709078400000)},
    {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
    {"Sat, 15 Aug 2026 12:00:00 GMT", INT64_C(1786795200000)},
};

static void time_parse_http_reads_the_date_header(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(http_good); i++) {
        int64_t ms = 77;
        if (!time_parse_http(str_from_cstr(http_good[i].text), &ms) || ms != http_good[i].ms) {
            fail_msg("\"%s\": %lld", http_good[i].text, (long long)ms);
        }
    }
}

static const char *const http_bad[] = {
    "",
    "Mon",
    "Mon, 23 Nov 2026 08:00:00",
    "Mon, 23 Nov 2026 08:00:00 UTC",
    "Mon, 23 Nov 2026 08:00:00 GMT ",
    "Mon, 23 Nov 2026 08:00:00 +0000",
    "Tue, 23 Nov 2026 08:00:00 GMT",
    "Mon 23 Nov 2026 08:00:00 GMT",
    "mon, 23 nov 2026 08:00:00 GMT",
    "Mon, 23 November 2026 08:00:00 GMT",
    "Mon, 23 Nov 26 08:00:00 GMT",
    "Mon, 3 Nov 2026 08:00:00 GMT",
    "Sun, 29 Feb 2026 08:00:00 GMT",
    "Mon, 00 Nov 2026 08:00:00 GMT",
    "Mon, 23 Nov 2026 24:00:00 GMT",
    "Mon, 23 Nov 2026 08:00:60 GMT",
    "Monday, 23-Nov-26 08:00:00 GMT",
    "Mon Nov 23 08:00:00 2026",
    "Wed, 31 Dec 1969 23:59:59 GMT",
};

static void time_parse_http_refuses_other_text(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(http_bad); i++) {
        int64_t ms = 77;
        if (time_parse_http(str_from_cstr(http_bad[i]), &ms) || ms != 77) {
            fail_msg("\"%s\"", http_bad[i]);
        }
    }
}

struct format_row {
    int64_t ms;
    const char *iso;
    const char *basic;
};

static const struct format_row formats[] = {
    {0, "1970-01-01T00:00:00.000Z", "19700101T000000Z"},
    {INT64_C(1795420800123), "2026-11-23T08:00:00.123Z", "20261123T080000Z"},
    {INT64_C(1709251199999), "2024-02-29T23:59:59.999Z", "20240229T235959Z"},
    {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z", "99991231T235959Z"},
    {-1, "1969-12-31T23:59:59.999Z", "19691231T235959Z"},
};

static void time_formats_are_what_aws_writes(void **state) {
    (void)state;
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct format_row *row = &formats[i];
        if (!str_eq(time_format_iso8601(&arena, row->ms), str_from_cstr(row->iso)) ||
            !str_eq(time_format_basic(&arena, row->ms), str_from_cstr(row->basic))) {
            fail_msg("%s", row->iso);
        }
    }
    arena_clean_up(&arena);
}

static void time_formatted_is_parsed_back(void **state) {
    (void)state;
    struct arena arena = {0};
    /* steps of some 3.17 years less a prime number of ms, through every part of the text */
    for (int64_t ms = 0; ms < INT64_C(253402300800000); ms += INT64_C(100000000000) - 7919) {
        int64_t back = -1;
        str text = time_format_iso8601(&arena, ms);
        if (!time_parse_iso8601(text, &back) || back != ms) {
            fail_msg("%" STR_FMT, STR_ARG(text));
        }
    }
    arena_clean_up(&arena);
}

static void clock_system_agrees_with_the_machine(void **state) {
    (void)state;
    const struct clock *clock = clock_system();
    int64_t before_s = (int64_t)time(NULL);
    int64_t now_ms = clock->now_ms(clock);
    /* time() may lag a tick behind clock_gettime, never lead it */
    assert_true(now_ms / MS_PER_SECOND >= before_s);
    int64_t first_us = clock->monotonic_us(clock);
    assert_true(clock->monotonic_us(clock) >= first_us);
}

static void clock_sleep_of_no_time_returns(void **state) {
    (void)state;
    const struct clock *clock = clock_system();
    clock->sleep_ms(clock, 0);
    clock->sleep_ms(clock, -5);
    clock->sleep_ms(clock, INT64_MIN);
}

static void ignore_signal(int number) {
    (void)number;
}

/* Signals the parent a few times while it sleeps. */
static void disturb(pid_t parent) {
    const struct timespec pause = {.tv_nsec = 2000000};
    for (int i = 0; i < 5; i++) {
        nanosleep(&pause, NULL);
        kill(parent, SIGUSR1);
    }
    _exit(0);
}

static void clock_sleep_cut_by_signals_is_not_shorter(void **state) {
    (void)state;
    const struct clock *clock = clock_system();
    struct sigaction action = {.sa_handler = ignore_signal};
    struct sigaction before;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        disturb(parent);
    }
    int64_t start_us = clock->monotonic_us(clock);
    clock->sleep_ms(clock, 30);
    int64_t took_us = clock->monotonic_us(clock) - start_us;
    while (waitpid(child, NULL, 0) < 0) { /* on a busy machine a signal comes only now */
    }
    sigaction(SIGUSR1, &before, NULL);
    assert_true(took_us >= 30000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_known_days_agree_in_every_direction),
        cmocka_unit_test(date_every_day_from_1600_to_9999_follows_the_one_before),
        cmocka_unit_test(date_parse_refuses_days_that_do_not_exist),
        cmocka_unit_test(date_days_of_ms_is_the_day_that_holds_the_moment),
        cmocka_unit_test(time_parse_iso8601_reads_fractions_and_offsets),
        cmocka_unit_test(time_parse_iso8601_refuses_other_text),
        cmocka_unit_test(time_parse_iso8601_of_any_cut_text_is_refused_within_its_bytes),
        cmocka_unit_test(time_parse_http_reads_the_date_header),
        cmocka_unit_test(time_parse_http_refuses_other_text),
        cmocka_unit_test(time_formats_are_what_aws_writes),
        cmocka_unit_test(time_formatted_is_parsed_back),
        cmocka_unit_test(clock_system_agrees_with_the_machine),
        cmocka_unit_test(clock_sleep_of_no_time_returns),
        cmocka_unit_test(clock_sleep_cut_by_signals_is_not_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
