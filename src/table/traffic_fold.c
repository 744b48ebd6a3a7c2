/* SPDX-License-Identifier: Apache-2.0
 *
 * The items of days, from those of their hours. These are not deleted, which would cost a write
 * each, but expire: a file that comes again in the meantime still finds itself in `seen`.
 */
#include "traffic_internal.h"

/* Networks of days before were added up by earlier sweeps, else they are read hour by hour. */
#define NETWORKS_DAYS 2

static str reason_words(const struct traffic_day *day, struct arena *arena) {
    struct buf words;
    buf_init(&words, arena, DYNAMODB_ITEM_BYTES_MAX);
    for (size_t i = 0; i < day->blocked_reason_count; i++) {
        buf_append(&words, i > 0 ? STR(" ") : STR_EMPTY);
        buf_append(&words, day->blocked_reasons[i]);
    }
    return buf_str(&words);
}

static enum status fold_day(const struct state_table *table, str arn, int64_t number,
                            const struct traffic_day *day, int64_t now_ms, struct arena *arena,
                            bool is_complete, struct error *error) {
    struct traffic_update *update = ARENA_NEW(arena, struct traffic_update);
    struct dynamodb_attribute now = dynamodb_string("", time_format_iso8601(arena, now_ms));
    traffic_update_begin(update, arena);
    traffic_update_set(update, "networksAt", now);
    traffic_update_set(
        update, "expires_at",
        dynamodb_number(arena, "", (number + TRAFFIC_KEPT_DAYS) * TRAFFIC_SECONDS_A_DAY));
    traffic_update_add_words(update, "networks", client_sketch_format(&day->clients, arena));
    if (is_complete) {
        traffic_update_set(update, "foldedAt", now);
        traffic_update_set(update, "foldedRequests",
                           dynamodb_number(arena, "", (int64_t)day->in_hours.requests));
        if (day->newest_ms != 0) {
            traffic_update_set(update, "newest_at",
                               dynamodb_string("", time_format_iso8601(arena, day->newest_ms)));
        }
        traffic_update_add_counts(update, &day->in_hours);
        traffic_update_add_words(update, "blockedReasons", reason_words(day, arena));
    }
    /* CONFLICT: another copy was faster. */
    enum status status = traffic_update_send(update, table, arn, traffic_day_key(arena, number),
                                             STR("attribute_not_exists(foldedAt)"), error);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

static enum status fold_days(const struct state_table *table, str arn, int64_t first_day,
                             int64_t last_day, int64_t now_ms, struct arena *arena,
                             struct error *error) {
    struct traffic_day *days =
        ARENA_ARRAY(arena, struct traffic_day, (size_t)(last_day - first_day + 1));
    TRY(traffic_read_days(table, arn, first_day, last_day, arena, days, error));
    for (int64_t number = first_day; number <= last_day; number++) {
        const struct traffic_day *day = &days[number - first_day];
        bool is_complete = date_days_of_ms(now_ms) - number >= TRAFFIC_FOLDED_AFTER_DAYS;
        /* A later file is missing among its networks only. */
        bool is_over = now_ms >= (number + 1) * MS_PER_DAY + TRAFFIC_LATE_MS;
        if (day->has_hours && !day->is_folded && !day->is_bad &&
            (is_complete || (is_over && !day->has_networks))) {
            TRY(fold_day(table, arn, number, day, now_ms, arena, is_complete, error));
        }
    }
    return STATUS_OK;
}

enum status traffic_fold(const struct state_table *table, str arn, int64_t now_ms,
                         struct arena *arena, struct error *error) {
    int64_t today = date_days_of_ms(now_ms);
    TRY(fold_days(table, arn, today - TRAFFIC_HOUR_KEPT_DAYS, today - TRAFFIC_FOLDED_AFTER_DAYS,
                  now_ms, arena, error));
    return fold_days(table, arn, today - NETWORKS_DAYS, today - 1, now_ms, arena, error);
}
