/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of a look:
 *
 *     7 days before the change, in bins of 5 minutes        | change, minute |  look bins of 5
 * minutes
 *     [------------------------------------------------------]                [-----.....]  3 min
 * late base                                                   base + 7 days    start
 *
 * CloudWatch keeps minutes for 15 days, and answers with every minute that is asked for. A watch of
 * days reads bins of five minutes on the clock instead, and leaves out those before the first.
 */
#include "control/watch_look.h"

#include "control/evidence.h"

#define MS_PER_MINUTE   (60 * MS_PER_SECOND)
#define METRICS_LATE_MS (3 * MS_PER_MINUTE)
#define LOOKS_BY_MINUTE 72 /* 6 hours: 1,800 values */

/* The minute of the change is of both modes. */
static int64_t start_of(const struct watch_record *record) {
    return record->changed_ms - record->changed_ms % MS_PER_MINUTE + MS_PER_MINUTE;
}

static int64_t bin_of(int64_t ms) {
    return ms - ms % WATCH_BIN_MS;
}

static int number_of(const struct watch_record *record, int64_t now_ms, int64_t step_ms) {
    int64_t since_ms = now_ms - METRICS_LATE_MS - start_of(record);
    int64_t number = since_ms < 0 ? 0 : since_ms / step_ms;
    return number < WATCH_LOOKS_MAX ? (int)number : WATCH_LOOKS_MAX;
}

int watch_look_number(const struct watch_record *record, int64_t now_ms) {
    return number_of(record, now_ms, WATCH_BIN_MS);
}

int watch_look_day(const struct watch_record *record, int64_t now_ms) {
    return number_of(record, now_ms, MS_PER_DAY);
}

static enum status read_bins(struct guard *guard, const struct bins_query *after,
                             struct arena *arena, struct watch_numbers *numbers,
                             const struct watch_record *record, struct error *error) {
    const struct bins_query before = {.arn = record->arn,
                                      .start_ms =
                                          bin_of(start_of(record)) - WATCH_DAYS_BEFORE * MS_PER_DAY,
                                      .count = WATCH_BINS_BEFORE,
                                      .period_s = 300};
    struct traffic_window *bins =
        ARENA_ARRAY(arena, struct traffic_window, before.count + after->count);
    numbers->before = bins;
    numbers->after = &bins[before.count];
    numbers->after_count = after->count;
    TRY(bins_read(guard, &before, arena, bins, error));
    return bins_read(guard, after, arena, &bins[before.count], error);
}

enum status watch_look_read(struct guard *guard, const struct watch_record *record, int look,
                            struct arena *arena, struct watch_numbers *numbers_out,
                            struct error *error) {
    bool is_by_minute = look <= LOOKS_BY_MINUTE;
    int64_t start_ms = start_of(record);
    bool is_late = !is_by_minute && start_ms % WATCH_BIN_MS != 0;
    const struct bins_query after = {
        .arn = record->arn,
        .start_ms = is_late ? bin_of(start_ms) + WATCH_BIN_MS : start_ms,
        .count = (size_t)look - (is_late ? 1 : 0),
        .period_s = is_by_minute ? 60 : 300,
    };
    *numbers_out = (struct watch_numbers){.look = look, .http1_share = 1};
    return read_bins(guard, &after, arena, numbers_out, record, error);
}

enum status watch_look_read_day(struct guard *guard, const struct watch_record *record, int day,
                                struct arena *arena, struct watch_numbers *numbers_out,
                                struct error *error) {
    const struct bins_query after = {
        .arn = record->arn,
        .start_ms = bin_of(start_of(record)) + (day - 1) * MS_PER_DAY + WATCH_BIN_MS,
        .count = WATCH_BINS_A_DAY - 1,
        .period_s = 300,
    };
    *numbers_out = (struct watch_numbers){.look = day, .http1_share = 1};
    return read_bins(guard, &after, arena, numbers_out, record, error);
}
