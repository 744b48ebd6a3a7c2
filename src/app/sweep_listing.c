/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep has listed: sorted by ARN, no ARN twice.
 */
#include <stdlib.h>

#include "sweep_internal.h"

static int compare_arns(const void *a, const void *b) {
    const struct load_balancer *first = a;
    const struct load_balancer *second = b;
    return str_compare(first->arn, second->arn);
}

bool sweep_is_to_be_judged(const struct load_balancer *load_balancer) {
    return load_balancer->type != TYPE_NETWORK && load_balancer->type != TYPE_GATEWAY;
}

/* One that is created while the pages are read can be listed twice. */
void sweep_sort_listing(struct sweep *sweep) {
    if (sweep->listed_count == 0) {
        return;
    }
    qsort(sweep->listed, sweep->listed_count, sizeof *sweep->listed, compare_arns);
    size_t kept = 1;
    for (size_t i = 1; i < sweep->listed_count; i++) {
        if (!str_eq(sweep->listed[i].arn, sweep->listed[kept - 1].arn)) {
            sweep->listed[kept++] = sweep->listed[i];
        }
    }
    sweep->listed_count = kept;
    for (size_t i = 0; i < kept; i++) {
        sweep->to_judge_count += sweep_is_to_be_judged(&sweep->listed[i]) ? 1 : 0;
    }
}

const struct load_balancer *sweep_find_listed(const struct sweep *sweep, str arn) {
    const struct load_balancer key = {.arn = arn};
    if (sweep->listed_count == 0) {
        return NULL;
    }
    return bsearch(&key, sweep->listed, sweep->listed_count, sizeof *sweep->listed, compare_arns);
}
