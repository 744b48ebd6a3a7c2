/* SPDX-License-Identifier: Apache-2.0
 *
 * What came in a part of a watch, and in the same hours of the seven days before the change. Pure
 * sums; the tests on them are in watch.c.
 */
#ifndef POLICY_WATCH_WINDOW_H
#define POLICY_WATCH_WINDOW_H

#include "policy/watch.h"

#define WATCH_BINS_AN_HOUR 12

/* The counts that are compared, each by request. */
enum watch_counter { NON_COMPLIANT, ELB_4XX, ELB_5XX, TARGET_5XX, WATCH_COUNTERS };

struct watch_counts {
    double bins; /* with data */
    double requests;
    double tried; /* requests, and those refused before they became one */
    double of[WATCH_COUNTERS];
};

struct watch_window {
    struct watch_counts now;
    struct watch_counts days[WATCH_DAYS_BEFORE];
    struct watch_counts before; /* their sum */
    double usual_tried;         /* by them in as much time as `now`; 0: not known */
};

/* From `first` to the last bin of the time since the change. A window of less than an hour is
 * compared with the whole hour, one of days with each hour as often as it has come since. */
void watch_window_fill(const struct watch_numbers *numbers, size_t first,
                       struct watch_window *window_out);
void watch_counts_add(struct watch_counts *counts, const struct traffic_window *bins, size_t count);
double watch_rate_of(const struct watch_counts *counts, enum watch_counter counter);

/* Scanners come at their own pace, so that in quiet hours their share is larger. Errors of targets
 * come with the requests. */
bool watch_is_paced(enum watch_counter counter);

/* Variance over mean, at least 1, from how counts scatter within each hour of the seven days, so
 * that hours and days that differ as a whole do not count as scatter. */
double watch_bin_dispersion(const struct traffic_window *before, enum watch_counter counter);
/* That, or the one of whole days, where these differ by more than chance and their requests. */
double watch_dispersion(const struct watch_numbers *numbers, const struct watch_window *window,
                        enum watch_counter counter);
/* The square of how far `count` is from all between two expectations, over the larger one. */
double watch_deviation(double count, double by_requests, double by_time);

#endif
