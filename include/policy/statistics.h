/* SPDX-License-Identifier: Apache-2.0
 *
 * The probabilities that decisions about traffic are made from. Pure numerics: no allocation and no
 * state. Shares and probabilities are 0 to 1, never percent. Good to a relative error of 1e-6 for
 * counts from 0 to 1e12, also far out in a tail.
 */
#ifndef POLICY_STATISTICS_H
#define POLICY_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* P(X >= events) of a binomial X: of `trials`, each with the probability `share`. */
double binomial_tail(uint64_t events, uint64_t trials, double share);

/* The exact one-sided bounds of Clopper and Pearson (1934) on the share behind `events` of `trials`
 * at `confidence`, such as 0.95. Without trials nothing is known: 1 and 0. */
double binomial_upper_bound(uint64_t events, uint64_t trials, double confidence);
double binomial_lower_bound(uint64_t events, uint64_t trials, double confidence);

/* I_x(a, b), the regularized incomplete beta function; a and b above 0, x from 0 to 1. */
double incomplete_beta(double a, double b, double x);

/* Events over an exposure: a time, or a number of requests. */
struct event_rate {
    double events;
    double exposure; /* above 0 */
};

/* The probability of at least as many events in `after`, given those of both, if the rate after
 * were `ratio` times the rate before: the exact conditional test of two Poisson counts
 * (Przyborowski and Wilenski 1940). `dispersion`, at least 1, is the variance of the counts over
 * their mean: the counts say as much as Poisson ones that are smaller by it. */
double rate_ratio_tail(const struct event_rate *before, const struct event_rate *after,
                       double ratio, double dispersion);

#endif
