/* SPDX-License-Identifier: Apache-2.0
 *
 * The incomplete beta function and what follows from it. A product of gamma functions of 1e12
 * cannot be had from lgamma: the differences of its values have lost every digit that counts. So
 * the factor before the continued fraction is computed as by Loader, "Fast and Accurate Computation
 * of Binomial Probabilities" (2000), from the error of Stirling's formula and from deviances, in
 * which nothing large is subtracted. The continued fraction is that of DiDonato and Morris,
 * "Algorithm 708" (1992), evaluated as by Lentz (1976).
 */
#include "policy/statistics.h"

#include <math.h>
#include <stdbool.h>

#include "base/assert.h"

#define HALF_LOG_2_PI  0.91893853320467274178
#define TWO_PI         6.28318530717958647693
#define FRACTION_ERROR 1e-15
/* The fraction takes a few times the root of the smaller count: of 5e11 some 3e6 steps. */
#define STEPS_MAX 20000000
/* Each step at least halves the interval, or is one of Newton's. */
#define ROOT_STEPS_MAX 200
#define ROOT_ERROR     1e-9 /* of the last step; a step of Newton squares the error */

/* log(n!) - log(sqrt(2 pi n) (n / e)^n), of n >= 0 that need not be whole. */
static double stirling_error(double n) {
    if (n < 16) {
        return n <= 0 ? 0 : lgamma(n + 1) - (n + 0.5) * log(n) + n - HALF_LOG_2_PI;
    }
    double square = n * n;
    return (1.0 / 12 -
            (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) /
                square) /
           n;
}

/* x log(x / mean) + mean - x: how far x is from its mean. */
static double deviance(double x, double mean) {
    if (x <= 0) {
        return mean;
    }
    if (fabs(x - mean) >= 0.1 * (x + mean)) {
        return x * log(x / mean) + mean - x;
    }
    double v = (x - mean) / (x + mean);
    double sum = (x - mean) * v;
    double term = 2 * x * v;
    for (int i = 1; i < 1000; i++) {
        term *= v * v;
        double next = sum + term / (2 * i + 1);
        if (next >= sum && next <= sum) {
            break;
        }
        sum = next;
    }
    return sum;
}

/* I_x(a, b) with y = 1 - x, which has digits that 1 - x has lost. */
struct beta_point {
    double a;
    double b;
    double x;
    double y;
};

/* log(x^a y^b / B(a, b)) */
static double log_front(const struct beta_point *at) {
    double n = at->a + at->b;
    double log_density = stirling_error(n) - stirling_error(at->a) - stirling_error(at->b) -
                         deviance(at->a, n * at->x) - deviance(at->b, n * at->y);
    return log_density + 0.5 * (log(at->a) + log(at->b) - log(TWO_PI) - log(n));
}

/* I_x(a, b) by the front, below the mean, where it converges fast. */
static double beta_fraction(const struct beta_point *at) {
    double a = at->a, b = at->b, x = at->x;
    double start = a * at->y - b * x + 1;
    double fraction = a * start / (a + 1);
    double c = fraction;
    double d = 0;
    for (int m = 1; m < STEPS_MAX; m++) {
        double low = a + 2 * m - 1;
        double numerator = (a + m - 1) / low * ((a + b + m - 1) / low) * (m * x) * ((b - m) * x);
        double denominator =
            m + m * (b - m) * x / low + (a + m) * (start + m * (1 + at->y)) / (a + 2 * m + 1);
        d = 1 / (denominator + numerator * d);
        c = denominator + numerator / c;
        fraction *= c * d;
        if (fabs(c * d - 1) < FRACTION_ERROR) {
            break;
        }
    }
    return 1 / fraction;
}

/* log I_x(a, b), or of its complement 1 - I_x(a, b): the logarithm keeps what a double cannot. */
static double log_beta(const struct beta_point *at, bool is_complement) {
    bool is_below = at->x < (at->a + 1) / (at->a + at->b + 2);
    const struct beta_point point =
        is_below ? *at : (struct beta_point){.a = at->b, .b = at->a, .x = at->y, .y = at->x};
    double log_value = log_front(&point) + log(beta_fraction(&point));
    if (is_below != is_complement) {
        return log_value < 0 ? log_value : 0;
    }
    return log_value < 0 ? log1p(-exp(log_value)) : -INFINITY;
}

double incomplete_beta(double a, double b, double x) {
    ASSERT(a > 0 && b > 0 && x >= 0 && x <= 1);
    return x <= 0 ? 0 : x >= 1 ? 1 : exp(log_beta(&(struct beta_point){a, b, x, 1 - x}, false));
}

double binomial_tail(uint64_t events, uint64_t trials, double share) {
    ASSERT(share >= 0 && share <= 1);
    if (events == 0) {
        return 1;
    }
    return events > trials ? 0
                           : incomplete_beta((double)events, (double)(trials - events) + 1, share);
}

/* The x at which I_x(a, b), or its complement, is `target`: Newton's steps on the logarithms of
 * both, kept inside an interval that is halved where they lead out of it. */
static double beta_root(double a, double b, double target, bool is_complement) {
    double log_target = log(target);
    double low = -800;
    double high = 0;
    /* From where a normal distribution would have it, roughly. */
    double mean = a / (a + b);
    double spread = sqrt(-2 * log_target * mean / (a + b + 1));
    double guess = is_complement ? mean + spread : mean - spread;
    double t = log(guess <= 0 ? mean / 8 : guess >= 1 ? mean : guess);
    for (int step = 0; step < ROOT_STEPS_MAX; step++) {
        const struct beta_point at = {.a = a, .b = b, .x = exp(t), .y = -expm1(t)};
        double log_value = log_beta(&at, is_complement);
        bool is_too_large = is_complement ? log_value < log_target : log_value > log_target;
        *(is_too_large ? &high : &low) = t;
        /* d I / d log x is the front by y. */
        double log_slope = log_front(&at) - log(at.y) - log_value;
        double move = (log_target - log_value) / (is_complement ? -exp(log_slope) : exp(log_slope));
        double next = t + move;
        if (!(next > low && next < high)) {
            next = 0.5 * (low + high);
        }
        bool is_close = fabs(next - t) < ROOT_ERROR;
        t = next;
        if (is_close) {
            break;
        }
    }
    return exp(t);
}

double binomial_upper_bound(uint64_t events, uint64_t trials, double confidence) {
    ASSERT(confidence > 0 && confidence < 1);
    if (events >= trials) {
        return 1;
    }
    if (events == 0) {
        return -expm1(log1p(-confidence) / (double)trials);
    }
    return beta_root((double)events + 1, (double)(trials - events), 1 - confidence, true);
}

double binomial_lower_bound(uint64_t events, uint64_t trials, double confidence) {
    ASSERT(confidence > 0 && confidence < 1);
    if (events == 0) {
        return 0;
    }
    if (events >= trials) {
        return exp(log1p(-confidence) / (double)trials);
    }
    return beta_root((double)events, (double)(trials - events) + 1, 1 - confidence, false);
}

double rate_ratio_tail(const struct event_rate *before, const struct event_rate *after,
                       double ratio, double dispersion) {
    ASSERT(before->exposure > 0 && after->exposure > 0 && ratio > 0 && dispersion >= 1);
    if (after->events <= 0) {
        return 1;
    }
    double expected = ratio * after->exposure;
    return incomplete_beta(after->events / dispersion, before->events / dispersion + 1,
                           expected / (expected + before->exposure));
}
