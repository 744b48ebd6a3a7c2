/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/watch_window.h"

#include <math.h>

#include "base/assert.h"

#define DISPERSION_BINS 12  /* fewer tell nothing of how far counts scatter */
#define DAYS_BY_CHANCE  2.1 /* times as far as bins: seven equal days scatter once in 20 times */

static uint64_t count_of(const struct traffic_window *bin, enum watch_counter counter) {
    switch (counter) {
    case NON_COMPLIANT:
        return bin->non_compliant;
    case ELB_4XX:
        return bin->elb_4xx;
    case ELB_5XX:
        return bin->elb_5xx;
    case TARGET_5XX:
    case WATCH_COUNTERS:
        break;
    }
    return bin->target_5xx;
}

/* What the load balancer refuses before it chooses a target is in no RequestCount. */
static double tried_in(const struct traffic_window *bin) {
    return (double)bin->requests + (double)bin->elb_4xx + (double)bin->elb_5xx;
}

static void add_bin(struct watch_counts *counts, const struct traffic_window *bin, double weight) {
    double tried = tried_in(bin);
    counts->bins += bin->has_data || tried > 0 ? weight : 0;
    counts->requests += weight * (double)bin->requests;
    counts->tried += weight * tried;
    counts->of[NON_COMPLIANT] += weight * (double)bin->non_compliant;
    counts->of[ELB_4XX] += weight * (double)bin->elb_4xx;
    counts->of[ELB_5XX] += weight * (double)bin->elb_5xx;
    counts->of[TARGET_5XX] += weight * (double)bin->target_5xx;
}

static void add_counts(struct watch_counts *sum, const struct watch_counts *counts) {
    sum->bins += counts->bins;
    sum->requests += counts->requests;
    sum->tried += counts->tried;
    for (int c = 0; c < WATCH_COUNTERS; c++) {
        sum->of[c] += counts->of[c];
    }
}

void watch_counts_add(struct watch_counts *counts, const struct traffic_window *bins,
                      size_t count) {
    for (size_t i = 0; i < count; i++) {
        add_bin(counts, &bins[i], 1);
    }
}

double watch_rate_of(const struct watch_counts *counts, enum watch_counter counter) {
    return counts->tried > 0 ? counts->of[counter] / counts->tried : 0;
}

/* After 36 hours the first twelve have come twice:
 *
 *     since the change    |==========day=========|===night==|      rounds: 2
 *     weight of before    |1111111111|,5,5,5,5,5,|
 *
 * No weight is above 1, so that a count never seems to be known better than it is. */
void watch_window_fill(const struct watch_numbers *numbers, size_t first,
                       struct watch_window *window_out) {
    ASSERT(first < numbers->after_count);
    size_t count = numbers->after_count - first;
    size_t same = count < WATCH_BINS_AN_HOUR ? WATCH_BINS_AN_HOUR : count;
    size_t rounds = (same + WATCH_BINS_A_DAY - 1) / WATCH_BINS_A_DAY;
    double days = 0;
    *window_out = (struct watch_window){0};
    watch_counts_add(&window_out->now, &numbers->after[first], count);
    for (size_t day = 0; day < WATCH_DAYS_BEFORE; day++) {
        const struct traffic_window *bins = &numbers->before[day * WATCH_BINS_A_DAY];
        struct watch_counts *counts = &window_out->days[day];
        for (size_t i = 0; i < same && i < WATCH_BINS_A_DAY; i++) {
            size_t times = (same - i + WATCH_BINS_A_DAY - 1) / WATCH_BINS_A_DAY;
            const struct traffic_window *bin = &bins[(first + i) % WATCH_BINS_A_DAY];
            add_bin(counts, bin, (double)times / (double)rounds);
            window_out->usual_tried += i < count ? (double)times * tried_in(bin) : 0;
        }
        add_counts(&window_out->before, counts);
        days += counts->bins > 0 ? 1 : 0;
    }
    window_out->usual_tried /= fmax(days, 1);
}

double watch_bin_dispersion(const struct traffic_window *before, enum watch_counter counter) {
    double variance = 0;
    double mean = 0;
    double freedom = 0;
    for (size_t at = 0; at < WATCH_BINS_BEFORE; at += WATCH_BINS_AN_HOUR) {
        struct watch_counts hour = {0};
        watch_counts_add(&hour, &before[at], WATCH_BINS_AN_HOUR);
        double rate = watch_rate_of(&hour, counter);
        for (size_t i = at; i < at + WATCH_BINS_AN_HOUR && rate > 0; i++) {
            double off = (double)count_of(&before[i], counter) - rate * tried_in(&before[i]);
            variance += off * off;
        }
        double bin_count = fmax(1, hour.bins);
        mean += hour.of[counter] * (1 - 1 / bin_count);
        freedom += rate > 0 ? bin_count - 1 : 0;
    }
    return freedom < DISPERSION_BINS || variance < mean ? 1 : variance / mean;
}

double watch_deviation(double count, double by_requests, double by_time) {
    double most = fmax(by_requests, by_time);
    double least = fmin(by_requests, by_time);
    double off = count > most ? count - most : fmax(0, least - count);
    return most > 0 ? off * off / most : 0;
}

static double day_dispersion(const struct watch_window *window, enum watch_counter counter) {
    double rate = watch_rate_of(&window->before, counter);
    double days = 0;
    double sum = 0;
    for (size_t i = 0; i < WATCH_DAYS_BEFORE; i++) {
        days += window->days[i].tried > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < WATCH_DAYS_BEFORE; i++) {
        const struct watch_counts *day = &window->days[i];
        double by_requests = rate * day->tried;
        double by_time = watch_is_paced(counter) ? rate * window->before.tried / days : by_requests;
        sum += day->tried > 0 ? watch_deviation(day->of[counter], by_requests, by_time) : 0;
    }
    return days < 2 ? 1 : sum / (days - 1);
}

bool watch_is_paced(enum watch_counter counter) {
    return counter == NON_COMPLIANT || counter == ELB_4XX;
}

double watch_dispersion(const struct watch_numbers *numbers, const struct watch_window *window,
                        enum watch_counter counter) {
    double of_bins = watch_bin_dispersion(numbers->before, counter);
    double of_days = day_dispersion(window, counter);
    return of_days > DAYS_BY_CHANCE * of_bins ? of_days : of_bins;
}
