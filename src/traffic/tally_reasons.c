/* SPDX-License-Identifier: Apache-2.0
 *
 * Reasons by code and class, of all lines and of each day. AWS knows a dozen or two, so lists are
 * searched from their start.
 */
#include <stdlib.h>

#include "traffic/tally_internal.h"

#define REASON_BYTES_MAX 64 /* the longest known has 34 */
#define OTHER            STR("other")

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
