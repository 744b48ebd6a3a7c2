/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: nothing is taken for deleted because one read missed it. Elastic Load Balancing is
 * eventually consistent, and a load balancer that one read misses may appear in the next.
 */
#include "control/live.h"

#define MISSING_PAUSE_MS 1000
#define AFTER_READING_MS INT64_C(10000)

int64_t live_read_deadline_ms(const struct guard *guard) {
    int64_t deadline_ms = guard->aws.deadline_ms;
    if (deadline_ms == INT64_MAX) {
        return deadline_ms;
    }
    int64_t quarter_ms = aws_client_time_left_ms(&guard->aws) / 4;
    return deadline_ms - (quarter_ms < AFTER_READING_MS ? quarter_ms : AFTER_READING_MS);
}

bool live_sleep_before_recheck(struct guard *guard) {
    if (!aws_client_may_attempt(&guard->aws, 2) ||
        aws_client_time_left_ms(&guard->aws) <= 2 * MISSING_PAUSE_MS) {
        return false;
    }
    guard->clock->sleep_ms(guard->clock, MISSING_PAUSE_MS);
    return true;
}

enum status live_read(struct guard *guard, unsigned parts, struct arena *arena,
                      struct load_balancer *facts, int64_t *read_ms, struct error *error) {
    int64_t deadline_ms = guard->aws.deadline_ms;
    guard->aws.deadline_ms = live_read_deadline_ms(guard);
    *read_ms = guard_now_ms(guard);
    enum status status = elbv2_read_load_balancer(&guard->aws, parts, arena, facts, error);
    if (status == STATUS_NOT_FOUND && live_sleep_before_recheck(guard)) {
        *read_ms = guard_now_ms(guard);
        status = elbv2_read_load_balancer(&guard->aws, parts, arena, facts, error);
    }
    guard->aws.deadline_ms = deadline_ms;
    return status;
}
