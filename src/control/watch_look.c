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

/* Bins of five minutes on the clock begin up to five minutes after the change. */
static struct bins_query bins_since(const struct watch_record *record,
                                    const struct watch_look *look) {
    int64_t start_ms = start_of(record);
    bool is_by_minute = !look->is_of_day && look->number <= LOOKS_BY_MINUTE;
    bool is_late = !is_by_minute && start_ms % WATCH_BIN_MS != 0;
    size_t count = look->is_of_day ? WATCH_BINS_A_DAY : (size_t)look->number;
    start_ms += look->is_of_day ? (look->number - 1) * MS_PER_DAY : 0;
    return (struct bins_query){
        .arn = record->arn,
        .start_ms = is_late ? bin_of(start_ms) + WATCH_BIN_MS : start_ms,
        .count = count - (is_late ? 1 : 0),
        .period_s = is_by_minute ? 60 : 300,
    };
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
    look->numbers = (struct watch_numbers){.look = look->number,
                                           .before = bins,
                                           .after = &bins[before.count],
                                           .after_count = after.count,
                                           .http1_share = 1};
    TRY(bins_read(guard, &before, arena, bins, error));
    return bins_read(guard, &after, arena, &bins[before.count], error);
}
