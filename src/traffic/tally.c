/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines in, counts out. Nearly all lines are of today's layout, compliant, and of the load balancer
 * and day of the line before: what is done for these decides the speed.
 */
#include "traffic/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "traffic/access_log_internal.h"
#include "traffic/tally_internal.h"

struct tally *tally_new(struct arena *arena, const struct tally_options *options) {
    ASSERT(!options->counts_only || options->group_keys == 0);
    ASSERT(!options->has_hours || options->counts_only);
    struct tally *tally = ARENA_NEW(arena, struct tally);
    tally->arena = arena;
    tally->options = *options;
    tally->oldest_ms = INT64_MAX;
    tally->newest_ms = INT64_MIN;
    day_table_init(&tally->days, arena, &options->hash_key);
    if (!options->counts_only) {
        tally->offenders = sketch_new(arena, TALLY_OFFENDERS_MAX, &options->hash_key);
    }
    if (options->has_hours) {
        tally->hours = hour_table_new(arena, &options->hash_key);
    }
    if (options->group_keys != 0) {
        tally->groups = sketch_new(arena, TALLY_GROUPS_MAX, &options->hash_key);
    }
    return tally;
}

/* --- time and day --- */

#define DATE_BYTES ((size_t)10) /* 2026-11-23 */
#define TIME_BYTES (DATE_BYTES + sizeof("T12:34:56.789012Z") - 1)

/* Sixteen bytes of the time, "T12:34:56.789012", are compared with a lowest and a highest one at
 * once, as this is done for every line. The hours 24 to 29 pass, and are refused afterwards. */
typedef signed char letters __attribute__((vector_size(16)));
static const letters time_lowest = {'T', '0', '0', ':', '0', '0', ':', '0',
                                    '0', '.', '0', '0', '0', '0', '0', '0'};
static const letters time_highest = {'T', '2', '9', ':', '5', '9', ':', '5',
                                     '9', '.', '9', '9', '9', '9', '9', '9'};

static int two_digits(const char *ptr) {
    return (ptr[0] - '0') * 10 + (ptr[1] - '0');
}

/* Milliseconds since midnight of "T12:34:56.789012Z", -1 when it is anything else. */
static int64_t ms_of_day(const char *ptr) {
    letters time;
    uint64_t outside[2];
    memcpy(&time, ptr, sizeof(time));
    letters is_outside = (time < time_lowest) | (time > time_highest);
    memcpy(outside, &is_outside, sizeof(outside));
    int hour = two_digits(ptr + 1);
    if ((outside[0] | outside[1]) != 0 || hour > 23 || ptr[sizeof(time)] != 'Z') {
        return -1;
    }
    int seconds = (hour * 60 + two_digits(ptr + 4)) * 60 + two_digits(ptr + 7);
    return seconds * MS_PER_SECOND + two_digits(ptr + 10) * 10 + (ptr[12] - '0');
}

/* The day of a line that has the date and load balancer of the last one, or NULL. */
static struct tally_day *find_last_day(struct tally *tally, str time, str load_balancer,
                                       int64_t *ms) {
    if (!tally->has_last_day || time.len != TIME_BYTES ||
        memcmp(time.ptr, tally->last_date, DATE_BYTES) != 0) {
        return NULL;
    }
    struct tally_day *day = &tally->days.days[tally->last_day];
    int64_t since_midnight = ms_of_day(time.ptr + DATE_BYTES);
    if (since_midnight < 0 || !text_eq(day->load_balancer, load_balancer)) {
        return NULL;
    }
    *ms = day->day * MS_PER_DAY + since_midnight;
    return day;
}

/* Only of a time in UTC: else the text of the date does not determine the day. */
static void remember_day(struct tally *tally, const struct tally_day *day, str time) {
    tally->has_last_day = time.len == TIME_BYTES && ms_of_day(time.ptr + DATE_BYTES) >= 0;
    if (tally->has_last_day) {
        tally->last_day = (size_t)(day - tally->days.days);
        memcpy(tally->last_date, time.ptr, DATE_BYTES);
    }
}

struct classed {
    enum traffic_class class;
    bool is_unfamiliar; /* its line says a class, and it is none that we know */
};

static void widen(int64_t *oldest_ms, int64_t *newest_ms, int64_t ms) {
    *oldest_ms = ms < *oldest_ms ? ms : *oldest_ms;
    *newest_ms = ms > *newest_ms ? ms : *newest_ms;
}

static void count_one(struct tally_counts *counts, const struct classed *classed) {
    counts->requests++;
    counts->classes[classed->class]++;
    counts->unfamiliar += classed->is_unfamiliar ? 1 : 0;
}

/* Returns the day it was counted under, or NULL; valid until the next. With a day, *ms_out is when
 * it was. */
static inline struct tally_day *count_request(struct tally *tally, str time, str load_balancer,
                                              struct classed classed, int64_t *ms_out) {
    int64_t ms = 0;
    count_one(&tally->totals, &classed);
    struct tally_day *day = find_last_day(tally, time, load_balancer, &ms);
    if (day == NULL) {
        if (!time_parse_iso8601(time, &ms)) {
            tally->untallied++;
            return NULL;
        }
        day = day_table_find(&tally->days, load_balancer, date_days_of_ms(ms));
        if (day != NULL) {
            remember_day(tally, day, time);
        }
    }
    widen(&tally->oldest_ms, &tally->newest_ms, ms);
    if (day == NULL) {
        tally->untallied++;
        return NULL;
    }
    widen(&day->oldest_ms, &day->newest_ms, ms);
    count_one(&day->counts, &classed);
    *ms_out = ms;
    return day;
}

/* --- reasons, offenders, groups --- */

static void count_reason(struct tally *tally, struct tally_day *day,
                         const struct access_log_record *record) {
    struct tally_reason one = {record->reason, record->class, 1};
    if (one.code.len == 0) {
        return;
    }
    one.code = reason_table_add(&tally->reasons, tally->arena, &one);
    if (day != NULL) {
        day_table_add_reason(&tally->days, day, &one);
    }
}

static void count_offender(struct tally *tally, const struct access_log_record *record) {
    char network[NETWORK_BYTES_MAX];
    sketch_add(tally->offenders, &(struct sketch_key){
                                     .class = CLASS_COUNT,
                                     .texts = {[KEY_REASON] = record->reason,
                                               [KEY_CLIENT] = network_of(record->client, network),
                                               [KEY_USER_AGENT] = record->user_agent,
                                               [KEY_HOST] = record->host,
                                               [KEY_LOAD_BALANCER] = record->load_balancer},
                                 });
}

static str wanted(const struct tally *tally, enum group_key key, str text) {
    return (tally->options.group_keys & key) != 0 ? text : STR_EMPTY;
}

static void count_group(struct tally *tally, const struct access_log_record *record) {
    bool by_class = (tally->options.group_keys & GROUP_CLASS) != 0;
    sketch_add(tally->groups,
               &(struct sketch_key){
                   .class = by_class ? record->class : CLASS_COUNT,
                   .texts = {[KEY_REASON] = wanted(tally, GROUP_REASON, record->reason),
                             [KEY_CLIENT] = wanted(tally, GROUP_CLIENT, record->client),
                             [KEY_USER_AGENT] = wanted(tally, GROUP_USER_AGENT, record->user_agent),
                             [KEY_HOST] = wanted(tally, GROUP_HOST, record->host)},
               });
}

void tally_add_record(struct tally *tally, const struct access_log_record *record) {
    tally->kinds[ACCESS_LOG_LINE]++;
    const struct classed classed = {record->class,
                                    record->class == CLASS_UNKNOWN && record->class_name.len > 0};
    int64_t ms = 0;
    struct tally_day *day = count_request(tally, record->time, record->load_balancer, classed, &ms);
    if (tally->hours != NULL && day != NULL) {
        hour_table_add(tally->hours, record, classed.is_unfamiliar, ms);
    }
    if (tally->options.counts_only) {
        return;
    }
    count_reason(tally, day, record);
    if (classed.is_unfamiliar) {
        const struct tally_reason one = {record->class_name, CLASS_UNKNOWN, 1};
        (void)reason_table_add(&tally->unknown_classes, tally->arena, &one);
    }
    if (record->class != CLASS_COMPLIANT && record->class != CLASS_UNKNOWN) {
        count_offender(tally, record);
    }
    if (tally->groups != NULL) {
        count_group(tally, record);
    }
}

static void add_view(struct tally *tally, const struct access_log_view *view) {
    struct access_log_record record;
    if (view->is_modern && view->is_plain && tally->groups == NULL && tally->hours == NULL) {
        int64_t ms;
        tally->kinds[ACCESS_LOG_LINE]++;
        const struct classed compliant = {CLASS_COMPLIANT, false};
        (void)count_request(tally, view->time, view->load_balancer, compliant, &ms);
    } else if (view->is_modern && tally->options.counts_only) {
        access_log_view_sketch(view, &record);
        tally_add_record(tally, &record);
    } else if (view->is_modern) {
        access_log_view_record(view, &record);
        tally_add_record(tally, &record);
    } else if (view->line.len > 0) {
        enum access_log_kind kind = access_log_parse(view->line, &record);
        if (kind == ACCESS_LOG_LINE) {
            tally_add_record(tally, &record);
        } else {
            tally->kinds[kind]++;
        }
    }
}

void tally_add_lines(struct tally *tally, str lines) {
    struct access_log_view view;
    while (lines.len > 0) {
        size_t taken = access_log_look(lines, &view);
        add_view(tally, &view);
        lines = (str){lines.ptr + taken, lines.len - taken};
    }
}

void tally_add_unparsed(struct tally *tally, enum access_log_kind kind, uint64_t count) {
    ASSERT(kind != ACCESS_LOG_LINE);
    tally->kinds[kind] += count;
}

/* --- merging --- */

static void add_counts(struct tally_counts *into, const struct tally_counts *from) {
    into->requests += from->requests;
    into->unfamiliar += from->unfamiliar;
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        into->classes[i] += from->classes[i];
    }
}

static void merge_day_reasons(struct tally *into, struct tally_day *day,
                              const struct tally_day *from) {
    for (size_t i = 0; i < from->reason_count; i++) {
        struct tally_reason reason = from->reasons[i];
        reason.code = reason_table_code(&into->reasons, reason.code, reason.class);
        day_table_add_reason(&into->days, day, &reason);
    }
}

/* After the reasons: those of the days borrow their codes. */
static void merge_days(struct tally *into, const struct tally *from) {
    for (size_t i = 0; i < from->days.count; i++) {
        const struct tally_day *other = &from->days.days[i];
        struct tally_day *day = day_table_find(&into->days, other->load_balancer, other->day);
        if (day == NULL) {
            into->untallied += other->counts.requests;
        } else {
            add_counts(&day->counts, &other->counts);
            widen(&day->oldest_ms, &day->newest_ms, other->oldest_ms);
            widen(&day->oldest_ms, &day->newest_ms, other->newest_ms);
            merge_day_reasons(into, day, other);
        }
    }
}

static void merge_reasons(struct reason_table *into, struct arena *arena,
                          const struct reason_table *from) {
    for (size_t i = 0; i < from->count; i++) {
        (void)reason_table_add(into, arena, &from->rows[i]);
    }
}

void tally_merge(struct tally *into, const struct tally *from) {
    ASSERT(into != from && into->options.group_keys == from->options.group_keys);
    ASSERT(into->options.counts_only == from->options.counts_only);
    ASSERT(into->hours == NULL && from->hours == NULL);
    for (size_t i = 0; i < ACCESS_LOG_KIND_COUNT; i++) {
        into->kinds[i] += from->kinds[i];
    }
    into->untallied += from->untallied;
    add_counts(&into->totals, &from->totals);
    into->oldest_ms = from->oldest_ms < into->oldest_ms ? from->oldest_ms : into->oldest_ms;
    into->newest_ms = from->newest_ms > into->newest_ms ? from->newest_ms : into->newest_ms;
    merge_reasons(&into->reasons, into->arena, &from->reasons);
    merge_days(into, from);
    merge_reasons(&into->unknown_classes, into->arena, &from->unknown_classes);
    if (into->offenders != NULL) {
        sketch_merge(into->offenders, from->offenders);
    }
    if (into->groups != NULL) {
        sketch_merge(into->groups, from->groups);
    }
}

uint64_t tally_blocked_by_defensive(const struct tally_counts *counts) {
    return counts->classes[CLASS_SEVERE];
}

uint64_t tally_blocked_by_strictest(const struct tally_counts *counts) {
    return counts->classes[CLASS_ACCEPTABLE] + counts->classes[CLASS_AMBIGUOUS] +
           counts->classes[CLASS_SEVERE];
}

/* --- results --- */
/* Every order is total, so that equal counts come out the same way whatever the order of the lines
 * was. */

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
    if (tally->hours != NULL) {
        result_out->hours = hour_table_finish(tally->hours);
    }
}
