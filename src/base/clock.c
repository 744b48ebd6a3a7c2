/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine's clocks. The calendar is in date.c.
 */
#include "base/clock.h"
#include "base/assert.h"

#include <errno.h>
#include <time.h>

#define NS_PER_MS INT64_C(1000000)

static struct timespec read_clock(clockid_t id) {
    struct timespec now = {0};
    int failed = clock_gettime(id, &now);
    ASSERT(failed == 0);
    return now;
}

static int64_t system_now_ms(const struct clock *clock) {
    (void)clock;
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / NS_PER_MS;
}

/* AWS does not document whether this clock runs while a sandbox is frozen, and measurements
 * disagree. It serves durations within one invocation; ages across invocations are taken from the
 * wall clock (net/http_curl_pool.c). */
static int64_t system_monotonic_us(const struct clock *clock) {
    (void)clock;
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* nanosleep leaves what is left of the wait in the same struct when a signal cuts it short. */
static void system_sleep_ms(const struct clock *clock, int64_t ms) {
    (void)clock;
    if (ms <= 0) {
        return;
    }
    struct timespec left = {
        .tv_sec = (time_t)(ms / MS_PER_SECOND),
        .tv_nsec = (long)(ms % MS_PER_SECOND * NS_PER_MS),
    };
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static const struct clock system_clock = {
    .now_ms = system_now_ms,
    .monotonic_us = system_monotonic_us,
    .sleep_ms = system_sleep_ms,
};

const struct clock *clock_system(void) {
    return &system_clock;
}
