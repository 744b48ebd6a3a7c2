/* SPDX-License-Identifier: Apache-2.0
 *
 * Simulated watches, judged by the product's own watch_judge, and the 35 days after them, by
 * watch_judge_day. Usage:
 *
 *     watch_simulator RUNS SEED REQUESTS ERROR_SHARE NOISE BLOCKED_SHARE MINUTES
 *
 * REQUESTS a minute, ERROR_SHARE of them for each kind of error, before and after; NOISE: poisson,
 * bursts (negative binomial with a variance of three times the mean in five minutes), swing
 * (requests by day three times those by night; refused ones come as often by night) or week (on
 * Saturday and Sunday a fifth of that; refused ones come as often). The change is at any minute of
 * the week. BLOCKED_SHARE of the clients are blocked after the change. MINUTES: WATCH_MINUTES; 0:
 * the 35 days after the change are judged instead, each by itself. Prints the minutes from the
 * change to each rollback, then how many watches were held, and how many inconclusive.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "policy/watch.h"

#define TWO_PI      6.28318530717958647693
#define VARIANCE    3.0 /* of bursts, over the mean */
#define LATE_MIN    3   /* metrics come that late */
#define LOG_DAYS    14
#define DAYS_MAX    7
#define BINS_AFTER  (DAYS_MAX * WATCH_BINS_A_DAY)
#define MINUTES_BIN 5.0
#define MINUTES_DAY 1440.0
#define WEEKEND     0.2 /* of the requests of a weekday */

enum noise { POISSON, BURSTS, SWING, WEEK };

struct scene {
    double requests; /* a minute */
    double error_share;
    enum noise noise;
    double blocked_share;
    int minutes; /* of the watch; 0: the days after it */
};

/* --- random numbers: xoshiro256** of Blackman and Vigna ----------------------------------------
 */

static uint64_t generator[4];

static uint64_t rotate(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

static uint64_t next_bits(void) {
    uint64_t result = rotate(generator[1] * 5, 7) * 9;
    uint64_t t = generator[1] << 17;
    generator[2] ^= generator[0];
    generator[3] ^= generator[1];
    generator[1] ^= generator[2];
    generator[0] ^= generator[3];
    generator[2] ^= t;
    generator[3] = rotate(generator[3], 45);
    return result;
}

static void seed_generator(uint64_t seed) { /* splitmix64 */
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        generator[i] = z ^ (z >> 31);
    }
}

/* Above 0 and below 1. */
static double uniform(void) {
    return ((double)(next_bits() >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void) {
    return sqrt(-2 * log(uniform())) * cos(TWO_PI * uniform());
}

/* Inversion for small means; above, the transformed rejection of Hoermann (1993). */
static double poisson(double mean) {
    if (mean < 30) {
        double probability = exp(-mean);
        double left = uniform();
        double count = 0;
        while (left > probability && count < 1000) {
            left -= probability;
            count++;
            probability *= mean / count;
        }
        return count;
    }
    double b = 0.931 + 2.53 * sqrt(mean);
    double a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = uniform() - 0.5;
        double v = uniform();
        double us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r) {
            return k;
        }
        if (k >= 0 && (us >= 0.013 || v <= us) &&
            log(v * inverse_alpha / (a / (us * us) + b)) <= k * log(mean) - mean - lgamma(k + 1)) {
            return k;
        }
    }
}

/* Marsaglia and Tsang (2000), of scale 1. */
static double gamma_of(double shape) {
    if (shape < 1) {
        return gamma_of(shape + 1) * pow(uniform(), 1 / shape);
    }
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal();
        double v = 1 + c * x;
        v = v * v * v;
        if (v > 0 && log(uniform()) < 0.5 * x * x + d - d * v + d * log(v)) {
            return d * v;
        }
    }
}

/* In one bin. */
static uint64_t draw(const struct scene *scene, double mean) {
    if (mean <= 0) {
        return 0;
    }
    double rate = scene->noise == BURSTS ? gamma_of(mean / (VARIANCE - 1)) * (VARIANCE - 1) : mean;
    return (uint64_t)poisson(rate);
}

/* --- one watch -------------------------------------------------------------------------------- */

/* Requests in five minutes; `minute` is one since a Monday's begin. */
static double requests_at(const struct scene *scene, double minute) {
    double requests = scene->requests * MINUTES_BIN;
    double day = fmod(minute / MINUTES_DAY, 7);
    if (scene->noise == SWING || scene->noise == WEEK) {
        requests *= 1 + 0.5 * sin(TWO_PI * minute / MINUTES_DAY);
    }
    return scene->noise == WEEK && day >= 5 ? WEEKEND * requests : requests;
}

/* Scanners come at their own pace. */
static double refused_of(const struct scene *scene) {
    return scene->requests * MINUTES_BIN * scene->error_share;
}

static struct traffic_window draw_bin(const struct scene *scene, double minute,
                                      double blocked_share) {
    double requests = requests_at(scene, minute);
    uint64_t blocked = draw(scene, requests * blocked_share);
    struct traffic_window bin = {
        .requests = draw(scene, requests * (1 - blocked_share)),
        .non_compliant = draw(scene, refused_of(scene)) + blocked,
        .elb_4xx = draw(scene, refused_of(scene)) + blocked,
        .elb_5xx = draw(scene, requests * scene->error_share),
        .target_5xx = draw(scene, requests * scene->error_share),
    };
    bin.has_data = bin.requests > 0;
    return bin;
}

/* Of the bins from `minute` on; the logs of after count what is blocked for themselves. */
static void draw_after(const struct scene *scene, double minute, struct traffic_window *bin,
                       struct blocked_count *logged) {
    double blocked = requests_at(scene, minute) * scene->blocked_share;
    *bin = draw_bin(scene, minute, scene->blocked_share);
    logged->requests += bin->requests + bin->elb_4xx;
    logged->blocked += draw(scene, refused_of(scene)) + draw(scene, blocked);
}

static void draw_before(const struct scene *scene, double start, struct traffic_window *bins,
                        struct blocked_count *logged) {
    double clock = floor(start / MINUTES_BIN) * MINUTES_BIN; /* begin of a bin */
    for (int i = 0; i < WATCH_BINS_BEFORE; i++) {
        bins[i] = draw_bin(scene, clock + MINUTES_BIN * i, 0);
    }
    for (int i = 0; i < LOG_DAYS; i++) {
        double minute =
            (floor(start / MINUTES_DAY) + i) * MINUTES_DAY; /* two weeks, and midnight */
        logged[i] =
            (struct blocked_count){draw(scene, requests_at(scene, minute) * WATCH_BINS_A_DAY),
                                   draw(scene, refused_of(scene) * WATCH_BINS_A_DAY)};
    }
}

/* Minutes from the change to the rollback; -1: held, -2: inconclusive. */
static double watch_once(const struct scene *scene, double changed, struct watch_numbers *numbers,
                         struct traffic_window *after, struct arena *arena) {
    const struct watch_settings settings = {.minutes = scene->minutes,
                                            .error_increase_max = 5,
                                            .requests_min = 1000,
                                            .days_max = DAYS_MAX};
    const struct watch_plan plan = watch_plan_of(&settings, 0.1);
    double phase = uniform() * 5; /* of the schedule that looks every 5 minutes */
    double start = floor(changed) + 1;
    for (size_t i = 0; i < BINS_AFTER; i++) {
        double end = start + MINUTES_BIN * (double)(i + 1);
        draw_after(scene, end - MINUTES_BIN, &after[i], &numbers->logged_after);
        numbers->after_count = i + 1;
        numbers->look = (int)i + 1;
        numbers->logged_minutes = end - start;
        struct watch_judgement judgement;
        watch_judge(numbers, &plan, &settings, arena, &judgement);
        if (judgement.verdict == WATCH_ROLL_BACK) {
            return phase + 5 * ceil((end + LATE_MIN - phase) / 5) - changed;
        }
        if (judgement.verdict != WATCH_GO_ON) {
            return judgement.verdict == WATCH_END_HELD ? -1 : -2;
        }
        arena_reset(arena);
    }
    return -2;
}

/* Minutes to the end of the day that is rolled back; -1: none. */
static double look_on_once(const struct scene *scene, double changed, struct watch_numbers *numbers,
                           struct traffic_window *after, struct arena *arena) {
    double start = ceil(changed / 60) * 60; /* the first whole hour */
    numbers->after_count = WATCH_BINS_A_DAY;
    numbers->logged_minutes = MINUTES_DAY;
    for (int day = 1; day <= WATCH_LOOK_ON_DAYS; day++) {
        numbers->look = day;
        numbers->logged_after = (struct blocked_count){0};
        for (size_t i = 0; i < WATCH_BINS_A_DAY; i++) {
            double minute = start + (day - 1) * MINUTES_DAY + MINUTES_BIN * (double)i;
            draw_after(scene, minute, &after[i], &numbers->logged_after);
        }
        struct watch_judgement judgement;
        watch_judge_day(numbers, 0.1, arena, &judgement);
        if (judgement.verdict == WATCH_ROLL_BACK) {
            return start + day * MINUTES_DAY - changed;
        }
        arena_reset(arena);
    }
    return -1;
}

static double run_once(const struct scene *scene, struct arena *arena) {
    static struct traffic_window before[WATCH_BINS_BEFORE];
    static struct traffic_window after[BINS_AFTER];
    struct blocked_count logged[LOG_DAYS];
    double changed = uniform() * 7 * MINUTES_DAY;
    struct watch_numbers numbers = {.before = before,
                                    .after = after,
                                    .http1_share = 1,
                                    .logged_before = logged,
                                    .logged_before_count = LOG_DAYS};
    draw_before(scene, floor(changed) + 1, before, logged);
    return scene->minutes > 0 ? watch_once(scene, changed, &numbers, after, arena)
                              : look_on_once(scene, changed, &numbers, after, arena);
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "watch_simulator RUNS SEED REQUESTS ERROR_SHARE NOISE BLOCKED_SHARE "
                        "MINUTES\n");
        return 2;
    }
    struct arena arena = {0};
    struct scene scene = {.requests = atof(argv[3]),
                          .error_share = atof(argv[4]),
                          .noise = strcmp(argv[5], "poisson") == 0  ? POISSON
                                   : strcmp(argv[5], "bursts") == 0 ? BURSTS
                                   : strcmp(argv[5], "swing") == 0  ? SWING
                                                                    : WEEK,
                          .blocked_share = atof(argv[6]),
                          .minutes = atoi(argv[7])};
    seed_generator(strtoull(argv[2], NULL, 10));
    long runs = atol(argv[1]);
    long held = 0;
    long inconclusive = 0;
    for (long i = 0; i < runs; i++) {
        double minutes = run_once(&scene, &arena);
        held += minutes == -1 ? 1 : 0;
        inconclusive += minutes == -2 ? 1 : 0;
        if (minutes >= 0) {
            printf("%.2f\n", minutes);
        }
        arena_reset(&arena);
    }
    printf("held %ld inconclusive %ld\n", held, inconclusive);
    arena_clean_up(&arena);
    return 0;
}
