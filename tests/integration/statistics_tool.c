/* SPDX-License-Identifier: Apache-2.0
 *
 * src/policy/statistics.c on the command line: each line of the input names a function and gives
 * its arguments, each line of the output is the result.
 */
#include "policy/statistics.h"

#include <stdio.h>
#include <string.h>

static double call(const char *name, const double a[4]) {
    if (strcmp(name, "tail") == 0) {
        return binomial_tail((uint64_t)a[0], (uint64_t)a[1], a[2]);
    }
    if (strcmp(name, "upper") == 0) {
        return binomial_upper_bound((uint64_t)a[0], (uint64_t)a[1], a[2]);
    }
    if (strcmp(name, "lower") == 0) {
        return binomial_lower_bound((uint64_t)a[0], (uint64_t)a[1], a[2]);
    }
    if (strcmp(name, "beta") == 0) {
        return incomplete_beta(a[0], a[1], a[2]);
    }
    /* "ratio": events and exposure before, events and exposure after */
    const struct event_rate before = {a[0], a[1]};
    const struct event_rate after = {a[2], a[3]};
    return rate_ratio_tail(&before, &after, 1.05, 1);
}

int main(void) {
    char name[16];
    double a[4];
    while (scanf("%15s %lf %lf %lf %lf", name, &a[0], &a[1], &a[2], &a[3]) == 5) {
        printf("%.17g\n", call(name, a));
    }
    return 0;
}
