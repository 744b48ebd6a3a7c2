/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of a look:
 *
 *     7 days before the change, in bins of 5 minutes     change    bins of 5 minutes   3 min late
 *     |---------------------------------------------------|..|-----.-----.-----.-----|...... now
 *     base                                      base + 7 days  start, at a whole minute
 *
 * CloudWatch keeps minutes for 15 days, and answers with every minute that is asked for. A watch of
 * days reads bins of five minutes on the clock instead, and leaves out those before the first.
 *
 * The looks after the watch meet without a hole, whenever they are made:
 *
 *     change    day 1              day 2                    day 35
 *     |.....|------------------|------------------| ... |----------|.. 2 hours late
 *      first whole hour                                              ..... a week to make up for
 * days that were missed
 */
#include "control/watch_look.h"

#include "control/evidence.h"
#include "table/traffic_days.h"

#define MS_PER_MINUTE   (60 * MS_PER_SECOND)
#define METRICS_LATE_MS (3 * MS_PER_MINUTE)
#define LOOKS_BY_MINUTE 72 /* 6 hours: 1,800 values */
#define MADE_UP_DAYS    7

/* The minute of the change is of both modes. */
static int64_t start_of(const struct watch_record *record) {
    return record->changed_ms - record->changed_ms % MS_PER_MINUTE + MS_PER_MINUTE;
}

static int64_t bin_of(int64_t ms) {
    return ms - ms % WATCH_BIN_MS;
}

int watch_look_number(const struct watch_record *record, int64_t now_ms) {
    int64_t since_ms = now_ms - METRICS_LATE_MS - start_of(record);
    int64_t number = since_ms < 0 ? 0 : since_ms / WATCH_BIN_MS;
    return number < WATCH_LOOKS_MAX ? (int)number : WATCH_LOOKS_MAX;
}

int watch_look_day(const struct watch_record *record, int64_t now_ms) {
    int64_t since_ms = now_ms - TRAFFIC_LATE_MS - watch_look_day_ms(record, 1);
    int64_t day = since_ms < 0 ? 0 : since_ms / MS_PER_DAY;
    return day > WATCH_LOOK_ON_DAYS + MADE_UP_DAYS ? 0
           : day > WATCH_LOOK_ON_DAYS              ? WATCH_LOOK_ON_DAYS
                                                   : (int)day;
}

int64_t watch_look_day_ms(const struct watch_record *record, int day) {
    int64_t hours = (record->changed_ms + TALLY_HOUR_MS - 1) / TALLY_HOUR_MS;
    return hours * TALLY_HOUR_MS + (day - 1) * MS_PER_DAY;
}

/* Bins of five minutes on the clock begin up to five minutes after the change. */
static struct bins_query bins_since(const struct watch_record *record,
                                    const struct watch_look *look) {
    int64_t start_ms = look->is_of_day ? watch_look_day_ms(record, look->number) : start_of(record);
    bool is_by_minute = !look->is_of_day && look->number <= LOOKS_BY_MINUTE;
    bool is_late = !is_by_minute && start_ms % WATCH_BIN_MS != 0;
    size_t count = look->is_of_day ? WATCH_BINS_A_DAY : (size_t)look->number;
    return (struct bins_query){
        .arn = record->arn,
        .start_ms = is_late ? bin_of(start_ms) + WATCH_BIN_MS : start_ms,
        .count = count - (is_late ? 1 : 0),
        .period_s = is_by_minute ? 60 : 300,
    };
}

/* --- the access logs ------------------------------------------------------------------------ */

/* Days with requests of which all numbers are known, and what share of them is HTTP/1.x. */
static void add_days(const struct traffic_day *days, size_t count, struct watch_numbers *numbers,
                     struct blocked_count *logged) {
    double lines = 0;
    double requests = 0;
    for (size_t i = 0; i < count; i++) {
        const struct traffic_counts *counts = &days[i].counts;
        if (days[i].has_outcomes && !days[i].has_old && !days[i].is_bad &&
            counts->http1_lines > 0) {
            logged[numbers->logged_before_count++] = (struct blocked_count){
                .requests = counts->http1_lines,
                .blocked = numbers->is_raise ? counts->severe_unserved : counts->unserved};
            lines += (double)counts->http1_lines;
            requests += (double)counts->requests;
        }
    }
    numbers->logged_before = logged;
    numbers->http1_share = lines < requests ? lines / requests : 1;
}

/* The days of evidence before that of the change. */
static enum status read_logs_before(const struct state_table *table,
                                    const struct watch_record *record, int day_count,
                                    struct arena *arena, struct watch_numbers *numbers,
                                    struct error *error) {
    int64_t last_day = date_days_of_ms(record->changed_ms) - 1;
    size_t count = (size_t)day_count;
    struct traffic_day *days = ARENA_ARRAY(arena, struct traffic_day, count);
    struct blocked_count *logged = ARENA_ARRAY(arena, struct blocked_count, count);
    TRY(traffic_read_days(table, record->arn, last_day - day_count + 1, last_day, arena, days,
                          error));
    add_days(days, count, numbers, logged);
    return STATUS_OK;
}

/* Blocked clients are counted by the hour, and their reasons by the day. */
static enum status read_blocked(const struct state_table *table, str arn,
                                const struct traffic_span *span, struct arena *arena,
                                struct watch_look *look, struct error *error) {
    struct traffic_day days[2];
    int64_t first_day = date_days_of_ms(span->from_ms);
    int64_t last_day = date_days_of_ms(span->to_ms - 1);
    look->blocked_clients = span->blocked_clients;
    look->blocked_reason = STR("a reason that is not known");
    TRY(traffic_read_days(table, arn, last_day > first_day ? last_day - 1 : last_day, last_day,
                          arena, days, error));
    for (int64_t i = 0; i < (last_day > first_day ? 2 : 1); i++) {
        if (days[i].blocked_reason_count > 0) {
            look->blocked_reason = days[i].blocked_reasons[0];
        }
    }
    return STATUS_OK;
}

/* The lines since the change that have come by now, as far as whole five minutes go. */
static enum status read_logs(struct guard *guard, const struct watch_record *record,
                             const struct bins_query *after, struct arena *arena,
                             struct watch_look *look, struct error *error) {
    const struct promotion_config *config = &guard->settings.control.promotion;
    const struct state_table table = {.client = &guard->home, .name = config->evidence_table};
    struct watch_numbers *numbers = &look->numbers;
    struct traffic_span span;
    if (str_is_empty(table.name)) {
        return STATUS_OK;
    }
    TRY(read_logs_before(&table, record, config->evidence.evidence_days, arena, numbers, error));
    TRY(traffic_since(&table, record->arn, after->start_ms,
                      after->start_ms + (int64_t)after->count * WATCH_BIN_MS, arena, &span, error));
    numbers->logged_after = (struct blocked_count){.requests = span.http1_lines,
                                                   .blocked = span.blocked_served + span.unserved};
    if (numbers->is_raise) {
        numbers->logged_after =
            (struct blocked_count){.requests = span.whole_hours_lines, .blocked = span.severe};
    }
    if (span.newest_ms > 0) {
        numbers->logged_minutes =
            (double)(span.newest_ms + WATCH_BIN_MS - span.from_ms) / MS_PER_MINUTE;
    }
    return look->is_of_day && span.blocked_clients > 0
               ? read_blocked(&table, record->arn, &span, arena, look, error)
               : STATUS_OK;
}

enum status watch_look_read(struct guard *guard, const struct watch_record *record,
                            struct arena *arena, struct watch_look *look, struct error *error) {
    const struct bins_query after = bins_since(record, look);
    const struct bins_query before = {.arn = record->arn,
                                      .start_ms =
                                          bin_of(start_of(record)) - WATCH_DAYS_BEFORE * MS_PER_DAY,
                                      .count = WATCH_BINS_BEFORE,
                                      .period_s = 300};
    struct traffic_window *bins =
        ARENA_ARRAY(arena, struct traffic_window, before.count + after.count);
    look->numbers = (struct watch_numbers){.is_raise = watch_is_of_raise(record),
                                           .look = look->number,
                                           .before = bins,
                                           .after = &bins[before.count],
                                           .after_count = after.count,
                                           .http1_share = 1};
    TRY(bins_read(guard, &before, arena, bins, error));
    TRY(bins_read(guard, &after, arena, &bins[before.count], error));
    return read_logs(guard, record, &after, arena, look, error);
}
