/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a tally. Load balancers times days: a growing array with an index by hash. Reasons
 * by code and class, of all lines and of each day: AWS knows a dozen or two, so lists are searched
 * from their start.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "traffic/tally_internal.h"

#define CAPACITY_FIRST   ((size_t)64)
#define REASON_BYTES_MAX 64 /* the longest known has 34 */
#define OTHER            STR("other")

/* ---- days ---- */

void day_table_init(struct day_table *table, struct arena *arena,
                    const struct tally_hash_key *hash_key) {
    *table = (struct day_table){.arena = arena, .hash_key = *hash_key};
}

static size_t place_of(const struct day_table *table, str load_balancer, int64_t day) {
    size_t mask = table->index_size - 1;
    size_t place = (size_t)text_hash(&table->hash_key, (uint64_t)day, load_balancer) & mask;
    for (; table->index[place] != 0; place = (place + 1) & mask) {
        const struct tally_day *other = &table->days[table->index[place] - 1];
        if (other->day == day && text_eq(other->load_balancer, load_balancer)) {
            break;
        }
    }
    return place;
}

static void index_all(struct day_table *table) {
    for (size_t i = 0; i < table->index_size; i++) {
        table->index[i] = 0;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct tally_day *day = &table->days[i];
        table->index[place_of(table, day->load_balancer, day->day)] = (uint32_t)(i + 1);
    }
}

/* The index is kept at most half full. */
static void grow(struct day_table *table) {
    size_t capacity = table->capacity == 0 ? CAPACITY_FIRST : 2 * table->capacity;
    table->days =
        arena_realloc(table->arena, table->days, table->capacity * sizeof(struct tally_day),
                      capacity * sizeof(struct tally_day));
    table->index = arena_realloc(table->arena, table->index, table->index_size * sizeof(uint32_t),
                                 2 * capacity * sizeof(uint32_t));
    table->capacity = capacity;
    table->index_size = 2 * capacity;
    index_all(table);
}

struct tally_day *day_table_find(struct day_table *table, str load_balancer, int64_t day) {
    load_balancer = text_cut(load_balancer, LOAD_BALANCER_BYTES_MAX);
    if (table->capacity == 0) {
        grow(table);
    }
    size_t place = place_of(table, load_balancer, day);
    if (table->index[place] != 0) {
        return &table->days[table->index[place] - 1];
    }
    if (table->count == TALLY_DAYS_MAX) {
        return NULL;
    }
    if (table->count == table->capacity) {
        grow(table);
        place = place_of(table, load_balancer, day);
    }
    struct tally_day *made = &table->days[table->count++];
    *made = (struct tally_day){.load_balancer = str_copy(table->arena, load_balancer),
                               .day = day,
                               .newest_ms = INT64_MIN,
                               .oldest_ms = INT64_MAX};
    table->index[place] = (uint32_t)table->count;
    return made;
}

static int by_name_and_day(const void *left, const void *right) {
    const struct tally_day *a = left;
    const struct tally_day *b = right;
    int order = str_compare(a->load_balancer, b->load_balancer);
    return order != 0 ? order : (a->day > b->day) - (a->day < b->day);
}

void day_table_sort(struct day_table *table) {
    if (table->count > 0) {
        qsort(table->days, table->count, sizeof(table->days[0]), by_name_and_day);
        index_all(table);
    }
}

/* ---- reasons ---- */

static size_t find(const struct tally_reason *rows, size_t count, str code,
                   enum traffic_class class) {
    size_t i = 0;
    while (i < count && !(rows[i].class == class && text_eq(rows[i].code, code))) {
        i++;
    }
    return i;
}

str reason_table_add(struct reason_table *table, struct arena *arena,
                     const struct tally_reason *reason) {
    str code = text_cut(reason->code, REASON_BYTES_MAX);
    size_t at = find(table->rows, table->count, code, reason->class);
    if (at == table->count && table->count >= TALLY_REASONS_MAX) {
        code = OTHER;
        at = find(table->rows, table->count, code, reason->class);
    }
    struct tally_reason *row = &table->rows[at];
    if (at == table->count) {
        table->count++;
        *row = (struct tally_reason){.code = str_copy(arena, code), .class = reason->class};
    }
    row->count += reason->count;
    return row->code;
}

str reason_table_code(const struct reason_table *table, str code, enum traffic_class class) {
    size_t at = find(table->rows, table->count, code, class);
    return at < table->count ? table->rows[at].code : OTHER;
}

/* The capacity is the count, rounded up to a power of two. */
static void reserve_reason(struct arena *arena, struct tally_day *day) {
    size_t count = day->reason_count;
    if ((count & (count - 1)) == 0) {
        day->reasons = arena_realloc(arena, day->reasons, count * sizeof(day->reasons[0]),
                                     (count == 0 ? 1 : 2 * count) * sizeof(day->reasons[0]));
    }
}

void day_table_add_reason(struct day_table *table, struct tally_day *day,
                          const struct tally_reason *reason) {
    str code = reason->code;
    size_t at = find(day->reasons, day->reason_count, code, reason->class);
    if (at == day->reason_count && table->reason_count >= TALLY_DAY_REASONS_MAX) {
        code = OTHER;
        at = find(day->reasons, day->reason_count, code, reason->class);
    }
    if (at == day->reason_count) {
        reserve_reason(table->arena, day);
        day->reasons[at] = (struct tally_reason){.code = code, .class = reason->class};
        day->reason_count++;
        table->reason_count++;
    }
    day->reasons[at].count += reason->count;
}

static int by_count_and_code(const void *left, const void *right) {
    const struct tally_reason *a = left;
    const struct tally_reason *b = right;
    int order = (a->count < b->count) - (a->count > b->count);
    order = order != 0 ? order : str_compare(a->code, b->code);
    return order != 0 ? order : (int)a->class - (int)b->class;
}

void reasons_sort(struct tally_reason *reasons, size_t count) {
    if (count > 1) {
        qsort(reasons, count, sizeof(reasons[0]), by_count_and_code);
    }
}
