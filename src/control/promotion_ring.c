/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings: who is promoted before whom. Numbers in their order, then other text, then what has no
 * tag.
 */
#include <stdlib.h>

#include "promotion_internal.h"

static int compare_numbers(int64_t a, int64_t b) {
    return a < b ? -1 : a > b;
}

int ring_compare(str a, str b) {
    int64_t left = 0;
    int64_t right = 0;
    bool is_left_number = str_parse_i64(a, &left);
    bool is_right_number = str_parse_i64(b, &right);
    if (str_is_empty(a) || str_is_empty(b)) {
        return (int)str_is_empty(a) - (int)str_is_empty(b);
    }
    if (is_left_number != is_right_number) {
        return is_left_number ? -1 : 1;
    }
    return is_left_number ? compare_numbers(left, right) : str_compare(a, b);
}

static int compare_candidates(const void *a, const void *b) {
    const struct candidate *first = a;
    const struct candidate *second = b;
    int order = ring_compare(first->ring, second->ring);
    return order != 0 ? order : str_compare(first->facts.arn, second->facts.arn);
}

void candidates_sort(struct candidate *candidates, size_t count) {
    if (count > 0) {
        qsort(candidates, count, sizeof *candidates, compare_candidates);
    }
}
