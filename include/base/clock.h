/* SPDX-License-Identifier: Apache-2.0
 *
 * Time as a parameter. Everything that waits or needs "now" is given a `struct clock`; only
 * clock_system reads the machine's. Calendar functions are pure, proleptic Gregorian, UTC.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

struct clock {
    int64_t (*now_ms)(const struct clock *clock); /* wall clock, ms since 1970-01-01T00:00:00Z */
    /* For durations only; may stand still in a frozen sandbox. */
    int64_t (*monotonic_us)(const struct clock *clock);
    void (*sleep_ms)(const struct clock *clock, int64_t ms);
    void *context;
};

/* The machine's clocks and nanosleep; static. */
const struct clock *clock_system(void);

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_DAY    INT64_C(86400000)

/* Days since 1970-01-01 of a civil date (month 1..12, day 1..31), and back. */
int64_t date_to_days(int year, int month, int day);
void date_from_days(int64_t days, int *year, int *month, int *day);
/* The UTC day that holds this moment. */
int64_t date_days_of_ms(int64_t ms);

/* Exactly YYYY-MM-DD of an existing day, years 1970..9999; anything else gives false. */
bool date_parse(str text, int64_t *days_out);
/* "2026-11-23" */
str date_format(struct arena *arena, int64_t days);

/* ISO 8601 as AWS writes it: 2026-11-23T08:00:00Z, fractions of any length, Z or +hh:mm / -hhmm. */
bool time_parse_iso8601(str text, int64_t *ms_out);
/* RFC 7231 date of a Date header: "Mon, 23 Nov 2026 08:00:00 GMT". */
bool time_parse_http(str text, int64_t *ms_out);
/* "2026-11-23T08:00:00.123Z" */
str time_format_iso8601(struct arena *arena, int64_t ms);
/* "2026-11-23T08:00Z": the minute it lies in. */
str time_format_minute(struct arena *arena, int64_t ms);
/* "20261123T080000Z" */
str time_format_basic(struct arena *arena, int64_t ms);

#endif
