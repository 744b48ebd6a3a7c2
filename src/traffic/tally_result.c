/* SPDX-License-Identifier: Apache-2.0
 *
 * The counts as sorted lists. Every order is total, so that equal counts come out the same way
 * whatever the order of the lines was.
 */
#include <stdlib.h>

#include "traffic/tally_internal.h"

static int descending(uint64_t a, uint64_t b) {
    return (a < b) - (a > b);
}

static int by_count_and_key(const void *left, const void *right) {
    const struct sketch_entry *a = left;
    const struct sketch_entry *b = right;
    int order = descending(a->count, b->count);
    order = order != 0 ? order : -descending(a->error, b->error);
    order = order != 0 ? order : (int)a->key.class - (int)b->key.class;
    for (size_t i = 0; i < KEY_TEXTS && order == 0; i++) {
        order = str_compare(a->key.texts[i], b->key.texts[i]);
    }
    return order;
}

static const struct sketch_entry *sorted_entries(struct arena *arena, const struct sketch *sketch) {
    size_t count = sketch_count(sketch);
    struct sketch_entry *entries = ARENA_ARRAY(arena, struct sketch_entry, count);
    for (size_t i = 0; i < count; i++) {
        entries[i] = sketch_at(sketch, i);
    }
    if (count > 0) {
        qsort(entries, count, sizeof(entries[0]), by_count_and_key);
    }
    return entries;
}

static void list_offenders(const struct tally *tally, struct tally_result *result) {
    size_t count = sketch_count(tally->offenders);
    const struct sketch_entry *entries = sorted_entries(tally->arena, tally->offenders);
    struct tally_offender *offenders = ARENA_ARRAY(tally->arena, struct tally_offender, count);
    for (size_t i = 0; i < count; i++) {
        offenders[i] =
            (struct tally_offender){.reason = entries[i].key.texts[KEY_REASON],
                                    .user_agent = entries[i].key.texts[KEY_USER_AGENT],
                                    .client = entries[i].key.texts[KEY_CLIENT],
                                    .host = entries[i].key.texts[KEY_HOST],
                                    .load_balancer = entries[i].key.texts[KEY_LOAD_BALANCER],
                                    .count = entries[i].count,
                                    .error = entries[i].error};
    }
    result->offenders = offenders;
    result->offender_count = count;
    result->offender_error_max = sketch_error_max(tally->offenders);
}

static void list_groups(const struct tally *tally, struct tally_result *result) {
    size_t count = sketch_count(tally->groups);
    const struct sketch_entry *entries = sorted_entries(tally->arena, tally->groups);
    struct tally_group *groups = ARENA_ARRAY(tally->arena, struct tally_group, count);
    for (size_t i = 0; i < count; i++) {
        groups[i] = (struct tally_group){.class = entries[i].key.class,
                                         .reason = entries[i].key.texts[KEY_REASON],
                                         .client = entries[i].key.texts[KEY_CLIENT],
                                         .user_agent = entries[i].key.texts[KEY_USER_AGENT],
                                         .host = entries[i].key.texts[KEY_HOST],
                                         .count = entries[i].count,
                                         .error = entries[i].error};
    }
    result->groups = groups;
    result->group_count = count;
    result->group_error_max = sketch_error_max(tally->groups);
}

static void list_reasons(struct tally *tally, struct tally_result *result) {
    reasons_sort(tally->reasons.rows, tally->reasons.count);
    reasons_sort(tally->unknown_classes.rows, tally->unknown_classes.count);
    result->reasons = tally->reasons.rows;
    result->reason_count = tally->reasons.count;
    result->unknown_classes = tally->unknown_classes.rows;
    result->unknown_class_count = tally->unknown_classes.count;
    result->classless = tally->totals.classes[CLASS_UNKNOWN] - tally->totals.unfamiliar;
}

static void list_days(struct tally *tally, struct tally_result *result) {
    day_table_sort(&tally->days);
    tally->has_last_day = false; /* the days have moved */
    result->days = tally->days.days;
    result->day_count = tally->days.count;
    for (size_t i = 0; i < tally->days.count; i++) {
        reasons_sort(tally->days.days[i].reasons, tally->days.days[i].reason_count);
    }
}

void tally_finish(struct tally *tally, struct tally_result *result_out) {
    *result_out = (struct tally_result){.untallied = tally->untallied, .totals = tally->totals};
    for (size_t i = 0; i < ACCESS_LOG_KIND_COUNT; i++) {
        result_out->kinds[i] = tally->kinds[i];
        result_out->lines += tally->kinds[i];
    }
    result_out->unparsed = result_out->lines - tally->kinds[ACCESS_LOG_LINE];
    if (tally->oldest_ms <= tally->newest_ms) {
        result_out->from_ms = tally->oldest_ms;
        result_out->to_ms = tally->newest_ms;
    }
    list_days(tally, result_out);
    list_reasons(tally, result_out);
    if (tally->offenders != NULL) {
        list_offenders(tally, result_out);
    }
    if (tally->groups != NULL) {
        list_groups(tally, result_out);
    }
}
