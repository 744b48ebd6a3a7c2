/* SPDX-License-Identifier: Apache-2.0
 *
 * The calendar half of base/clock.h: pure functions, no time zone database, no locale.
 *
 * Not the C library's calendar: mktime and strptime depend on TZ and the locale, timegm is not in
 * POSIX.1-2008, and none of them refuses 2026-02-30.
 */
#include "base/assert.h"
#include "base/clock.h"

#include <limits.h>

#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)

/* The Gregorian calendar repeats after 400 years; its leap days sit at the ends of shorter spans.
 */
#define DAYS_PER_YEAR      365
#define DAYS_PER_4_YEARS   1461
#define DAYS_PER_100_YEARS 36524
#define DAYS_PER_400_YEARS 146097
/* 0001-01-01 to 1970-01-01 */
#define DAYS_BEFORE_EPOCH 719162

#define YEAR_MIN 1970
#define YEAR_MAX 9999

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
/* 1970-01-01 was a Thursday. */
static const char weekday_names[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};

static int64_t floor_div(int64_t number, int64_t by) {
    return number / by - (number % by < 0 ? 1 : 0);
}

static int64_t floor_mod(int64_t number, int64_t by) {
    return number - floor_div(number, by) * by;
}

static bool is_leap_year(int64_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int64_t year, int month) {
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

int64_t date_to_days(int year, int month, int day) {
    ASSERT(month >= 1 && month <= 12);
    ASSERT(day >= 1 && day <= 31);
    int64_t past = (int64_t)year - 1;
    int64_t days = DAYS_PER_YEAR * past + floor_div(past, 4) - floor_div(past, 100) +
                   floor_div(past, 400) - DAYS_BEFORE_EPOCH;
    for (int earlier = 1; earlier < month; earlier++) {
        days += days_in_month(year, earlier);
    }
    return days + day - 1;
}

/* Days since 0001-01-01 are taken apart from the longest span to the shortest:
 *
 *   400 years | 100 years, 0..3 | 4 years | 1 year, 0..3 | months | day
 */
void date_from_days(int64_t days, int *year, int *month, int *day) {
    ASSERT(days / DAYS_PER_YEAR < INT_MAX - YEAR_MIN && days / DAYS_PER_YEAR > INT_MIN + YEAR_MIN);
    int64_t past = days + DAYS_BEFORE_EPOCH;
    int64_t years = 400 * floor_div(past, DAYS_PER_400_YEARS);
    int64_t left = floor_mod(past, DAYS_PER_400_YEARS);
    /* the last century and the last year of a span are one day longer: never a fifth of them */
    int64_t centuries = left / DAYS_PER_100_YEARS < 3 ? left / DAYS_PER_100_YEARS : 3;
    left -= centuries * DAYS_PER_100_YEARS;
    years += 100 * centuries + 4 * (left / DAYS_PER_4_YEARS);
    left %= DAYS_PER_4_YEARS;
    int64_t single = left / DAYS_PER_YEAR < 3 ? left / DAYS_PER_YEAR : 3;
    left -= single * DAYS_PER_YEAR;
    years += single + 1;

    int found = 1;
    while (left >= days_in_month(years, found)) {
        left -= days_in_month(years, found++);
    }
    *year = (int)years;
    *month = found;
    *day = (int)left + 1;
}

int64_t date_days_of_ms(int64_t ms) {
    return floor_div(ms, MS_PER_DAY);
}

/* The parsers below eat their text from the front; false leaves it in the middle, unused. Exactly
 * `count` digits: the number parser alone would take "-1" for two of them. */
static bool take_digits(str *text, size_t count, int *value) {
    int64_t number = 0;
    str digits = str_slice(*text, 0, count);
    if (digits.len != count || digits.ptr[0] == '-' || !str_parse_i64(digits, &number)) {
        return false;
    }
    *text = str_slice(*text, count, text->len);
    *value = (int)number;
    return true;
}

static bool take_name(str *text, const char names[][4], int count, int *index) {
    for (int i = 0; i < count; i++) {
        if (str_take(text, str_from_cstr(names[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* false: there is no such day. */
static bool days_of(int year, int month, int day, int64_t *days) {
    bool exists = year >= YEAR_MIN && year <= YEAR_MAX && month >= 1 && month <= 12 && day >= 1 &&
                  day <= days_in_month(year, month);
    *days = exists ? date_to_days(year, month, day) : 0;
    return exists;
}

static bool take_date(str *text, int64_t *days) {
    int year = 0;
    int month = 0;
    int day = 0;
    return take_digits(text, 4, &year) && str_take(text, STR("-")) &&
           take_digits(text, 2, &month) && str_take(text, STR("-")) && take_digits(text, 2, &day) &&
           days_of(year, month, day, days);
}

/* hh:mm:ss; no leap second, which no AWS clock shows (they smear it). */
static bool take_time_of_day(str *text, int64_t *ms) {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(text, 2, &hour) || !str_take(text, STR(":")) ||
        !take_digits(text, 2, &minute) || !str_take(text, STR(":")) ||
        !take_digits(text, 2, &second) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *ms = hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND;
    return true;
}

/* Nothing, or '.' and at least one digit; what is finer than a millisecond is cut off. */
static bool take_fraction(str *text, int64_t *ms) {
    *ms = 0;
    if (!str_take(text, STR("."))) {
        return true;
    }
    int64_t weight = 100;
    size_t count = 0;
    for (int digit = 0; take_digits(text, 1, &digit); count++) {
        *ms += digit * weight;
        weight /= 10;
    }
    return count > 0;
}

/* What to subtract for UTC. */
static bool take_zone(str *text, int64_t *ms) {
    *ms = 0;
    if (str_take(text, STR("Z"))) {
        return true;
    }
    bool is_east = str_take(text, STR("+"));
    if (!is_east && !str_take(text, STR("-"))) {
        return false;
    }
    int hours = 0;
    int minutes = 0;
    if (!take_digits(text, 2, &hours)) {
        return false;
    }
    (void)str_take(text, STR(":"));
    if (!take_digits(text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ms = (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE) * (is_east ? 1 : -1);
    return true;
}

bool date_parse(str text, int64_t *days_out) {
    int64_t days = 0;
    if (!take_date(&text, &days) || text.len != 0) {
        return false;
    }
    *days_out = days;
    return true;
}

str date_format(struct arena *arena, int64_t days) {
    int year = 0;
    int month = 0;
    int day = 0;
    date_from_days(days, &year, &month, &day);
    return str_format(arena, "%04d-%02d-%02d", year, month, day);
}

bool time_parse_iso8601(str text, int64_t *ms_out) {
    int64_t days = 0;
    int64_t ms = 0;
    int64_t fraction = 0;
    int64_t zone = 0;
    if (!take_date(&text, &days) || !str_take(&text, STR("T")) || !take_time_of_day(&text, &ms) ||
        !take_fraction(&text, &fraction) || !take_zone(&text, &zone) || text.len != 0) {
        return false;
    }
    *ms_out = days * MS_PER_DAY + ms + fraction - zone;
    return true;
}

/* The one form of RFC 9110 that servers may send today; the two obsolete ones are refused. So is a
 * weekday that contradicts the date: this time corrects the clock that requests are signed by
 * (aws/retry.h), and a damaged one would make every signature wrong. */
bool time_parse_http(str text, int64_t *ms_out) {
    int weekday = 0;
    int day = 0;
    int month = 0; /* from 0 */
    int year = 0;
    int64_t days = 0;
    int64_t ms = 0;
    if (!take_name(&text, weekday_names, 7, &weekday) || !str_take(&text, STR(", ")) ||
        !take_digits(&text, 2, &day) || !str_take(&text, STR(" ")) ||
        !take_name(&text, month_names, 12, &month) || !str_take(&text, STR(" ")) ||
        !take_digits(&text, 4, &year) || !str_take(&text, STR(" ")) ||
        !take_time_of_day(&text, &ms) || !str_eq(text, STR(" GMT"))) {
        return false;
    }
    if (!days_of(year, month + 1, day, &days) || floor_mod(days, 7) != weekday) {
        return false;
    }
    *ms_out = days * MS_PER_DAY + ms;
    return true;
}

str time_format_iso8601(struct arena *arena, int64_t ms) {
    int64_t rest = floor_mod(ms, MS_PER_DAY);
    str date = date_format(arena, date_days_of_ms(ms));
    return str_format(arena, "%" STR_FMT "T%02d:%02d:%02d.%03dZ", STR_ARG(date),
                      (int)(rest / MS_PER_HOUR), (int)(rest / MS_PER_MINUTE % 60),
                      (int)(rest / MS_PER_SECOND % 60), (int)(rest % MS_PER_SECOND));
}

str time_format_minute(struct arena *arena, int64_t ms) {
    str minute = str_slice(time_format_iso8601(arena, ms), 0, sizeof "2026-11-23T08:00" - 1);
    return str_format(arena, "%" STR_FMT "Z", STR_ARG(minute));
}

str time_format_basic(struct arena *arena, int64_t ms) {
    const char *iso = time_format_iso8601(arena, ms).ptr; /* 2026-11-23T08:00:00.123Z */
    return str_format(arena, "%.4s%.2s%.5s%.2s%.2sZ", iso, iso + 5, iso + 8, iso + 14, iso + 17);
}
