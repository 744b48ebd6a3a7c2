/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers that the tests of recommendations begin with, as designated initialisers of struct
 * evidence.
 */
#ifndef TESTS_UNIT_RECOMMENDING_H
#define TESTS_UNIT_RECOMMENDING_H

#include "judging.h"
#include "policy/recommend.h"

#define DAYS(n) ((n)*MS_PER_DAY)

/* Logs whose newest line is of then, of so many days, weekdays and networks of clients. */
#define LOGS_OF(newest, days_, weekdays, clients_)                                                 \
    .days = 14, .log_days = 12, .log_newest_ms = (newest), .writes_logs = YES,                     \
    .traffic_days = (days_), .weekdays_logged = (weekdays), .clients = (clients_),                 \
    .has_clients = true
#define FRESH (NOW_MS - 600000)
#define WEEK  .weekdays_traffic = 0x7F
#define LOGS  LOGS_OF(FRESH, 12, 0x7F, 35), WEEK
/* Fresh metrics of a load balancer without logs. */
#define METRICS_OF(days_)                                                                          \
    .days = 14, .has_metrics = true, .metric_newest_ms = NOW_MS, .writes_logs = NO,                \
    .metric_days = (days_)
#define METRICS METRICS_OF(13)

static inline const struct evaluation *judged(enum desync_mode mode) {
    const struct load_balancer facts = facts_of(mode);
    return evaluate(&facts, policy_with(NULL, 0));
}

#endif
