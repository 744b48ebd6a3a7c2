/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/pace.h"

#include <stddef.h>

#include "base/assert.h"

/* AWS's buckets: capacity in tokens, refill in tokens per second. */
#define ACCOUNT_CAPACITY 40.0
#define READ_CAPACITY    40.0
#define READ_RATE        10.0
#define WRITE_CAPACITY   20.0
#define WRITE_RATE       3.0
/* 10 calls a second, 30 at once; one a second is left to others here too. */
#define IMPORT_CAPACITY 30.0
#define IMPORT_RATE     9.0

#define BURST_SHARE 0.75
#define RATE_MIN    0.5 /* a sweep goes on, however busy the account is */
/* Regained per call that goes through: from half speed to full in some 30 calls. */
#define RATE_STEP_SHARE (1.0 / 60.0)
/* Calls in flight are throttled together; together they are one reason to slow down. */
#define SLOW_DOWN_PAUSE_MS 1000
#define MS_PER_S           1000.0

/* A bucket smaller than one token would never let a call through. */
static struct pace_bucket bucket_make(double capacity, double rate, double share, int64_t now_ms) {
    double burst = capacity * BURST_SHARE * share;
    return (struct pace_bucket){.tokens = burst,
                                .capacity = burst > 1.0 ? burst : 1.0,
                                .rate = rate,
                                .rate_max = rate,
                                .filled_at_ms = now_ms,
                                .slowed_at_ms = now_ms - SLOW_DOWN_PAUSE_MS};
}

double pace_rate_of_copy(double rate, int copies) {
    double shared = rate < PACE_RATE_SHARED_MAX ? rate : PACE_RATE_SHARED_MAX;
    return copies == 0 ? rate : shared / copies;
}

void pace_init(struct pace *pace, double rate, int copies, int64_t now_ms) {
    ASSERT(rate > 0 && rate <= PACE_RATE_MAX && copies >= 0);
    double own = pace_rate_of_copy(rate, copies);
    double share = own / PACE_RATE_MAX;
    double part = copies == 0 ? 1.0 : 1.0 / copies;
    struct pace_bucket *categories = pace->categories;
    *pace = (struct pace){.account = bucket_make(ACCOUNT_CAPACITY, own, part, now_ms)};
    categories[PACE_ELB_READ] = bucket_make(READ_CAPACITY, READ_RATE * share, part, now_ms);
    categories[PACE_ELB_WRITE] = bucket_make(WRITE_CAPACITY, WRITE_RATE * share, part, now_ms);
    categories[PACE_SECURITYHUB_IMPORT] =
        bucket_make(IMPORT_CAPACITY, IMPORT_RATE * part, part, now_ms);
}

/* Elastic Load Balancing counts all its calls together as well. */
static struct pace_bucket *account_bucket(struct pace *pace, enum pace_category category) {
    bool is_elb = category == PACE_ELB_READ || category == PACE_ELB_WRITE;
    return is_elb ? &pace->account : NULL;
}

static void bucket_fill(struct pace_bucket *bucket, int64_t now_ms) {
    if (now_ms > bucket->filled_at_ms) {
        double gained = (double)(now_ms - bucket->filled_at_ms) / MS_PER_S * bucket->rate;
        double tokens = bucket->tokens + gained;
        bucket->tokens = tokens > bucket->capacity ? bucket->capacity : tokens;
    }
    bucket->filled_at_ms = now_ms; /* a clock set back starts anew from where it is */
}

/* Until the bucket holds one whole token, rounded up so that asking again then finds it. */
static int64_t bucket_wait_ms(const struct pace_bucket *bucket) {
    if (bucket->tokens >= 1.0) {
        return 0;
    }
    return (int64_t)((1.0 - bucket->tokens) / bucket->rate * MS_PER_S) + 1;
}

int64_t pace_take(struct pace *pace, enum pace_category category, int64_t now_ms) {
    if (category == PACE_NONE || pace->is_off) {
        return 0;
    }
    struct pace_bucket *buckets[] = {&pace->categories[category], account_bucket(pace, category)};
    int64_t longest_ms = 0;
    for (int i = 0; i < 2 && buckets[i] != NULL; i++) {
        bucket_fill(buckets[i], now_ms);
        int64_t wait_ms = bucket_wait_ms(buckets[i]);
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
    }
    for (int i = 0; i < 2 && buckets[i] != NULL && longest_ms == 0; i++) {
        buckets[i]->tokens -= 1.0;
    }
    return longest_ms;
}

static void bucket_slow_down(struct pace_bucket *bucket, int64_t now_ms) {
    bucket_fill(bucket, now_ms);
    if (bucket->tokens > 0) {
        bucket->tokens = 0; /* AWS's bucket is empty, so ours is */
    }
    if (now_ms - bucket->slowed_at_ms >= SLOW_DOWN_PAUSE_MS) {
        double least = bucket->rate_max / 2 < RATE_MIN ? bucket->rate_max / 2 : RATE_MIN;
        bucket->rate = bucket->rate / 2 > least ? bucket->rate / 2 : least;
        bucket->slowed_at_ms = now_ms;
    }
}

void pace_completed(struct pace *pace, enum pace_category category, bool was_throttled,
                    int64_t now_ms) {
    if (category == PACE_NONE || pace->is_off) {
        return;
    }
    struct pace_bucket *buckets[] = {&pace->categories[category], account_bucket(pace, category)};
    for (int i = 0; i < 2 && buckets[i] != NULL; i++) {
        if (was_throttled) {
            bucket_slow_down(buckets[i], now_ms);
        } else {
            bucket_fill(buckets[i], now_ms); /* what was gained so far was gained at the old rate */
            double rate = buckets[i]->rate + buckets[i]->rate_max * RATE_STEP_SHARE;
            buckets[i]->rate = rate > buckets[i]->rate_max ? buckets[i]->rate_max : rate;
        }
    }
}
