/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"

#include "base/assert.h"
#include "base/clock.h"

/* A throttled retry is cheap: the service is healthy and asks for patience. A transient one costs
 * more, so that an outage drains the bucket after some 35 retries. */
#define COST_THROTTLING 5
#define COST_TRANSIENT  14

#define BASE_THROTTLING_MS       1000
#define DELAY_MS_MAX             20000
#define RETRY_AFTER_MS_ABOVE_MAX 5000 /* the server may add this much to our own delay, no more */

/* 50 ms doubled nine times is above DELAY_MS_MAX; more doublings could only overflow. */
#define DOUBLINGS_MAX 12

#define SKEW_ROUND_TRIP_MS_MAX (INT64_C(15) * 60 * MS_PER_SECOND)
/* AWS accepts 5 minutes; less than 4 cannot be why a signature was refused. */
#define SKEW_MS_NOTABLE (INT64_C(4) * 60 * MS_PER_SECOND)

static const char *const throttling_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "TransactionConflictException", /* DynamoDB refuses it as busy; nothing was done */
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
};

static const char *const transient_codes[] = {
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalError",
    "IDPCommunicationError",            /* STS */
    "ReplicatedWriteConflictException", /* DynamoDB, marked retryable in its model */
};

/* RequestExpired and RequestInTheFuture left this set in 2026. */
static const char *const skew_codes[] = {
    "RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch",
    "AuthFailure",          "AccessDeniedException",
};

#define IS_ONE_OF(code, codes) str_is_one_of((code), (codes), sizeof(codes) / sizeof *(codes))

static enum retry_class class_of_http_status(int http_status) {
    switch (http_status) {
    case 429: /* not on AWS's list, yet it means nothing else */
        return RETRY_THROTTLING;
    case 500:
    case 502:
    case 503:
    case 504:
        return RETRY_TRANSIENT;
    default:
        return RETRY_NO;
    }
}

enum retry_class retry_classify(str aws_code, int http_status, enum status status) {
    if (IS_ONE_OF(aws_code, throttling_codes)) {
        return RETRY_THROTTLING;
    }
    if (IS_ONE_OF(aws_code, transient_codes)) {
        return RETRY_TRANSIENT;
    }
    enum retry_class by_status = class_of_http_status(http_status);
    if (by_status != RETRY_NO) {
        return by_status;
    }
    if (http_status == 0 && status == STATUS_THROTTLED) {
        return RETRY_THROTTLING;
    }
    /* An answer that did not come, or not to its end, says nothing whatever its HTTP status was. */
    bool is_lost =
        status == STATUS_TIMEOUT || status == STATUS_CONNECTION || status == STATUS_INCOMPLETE;
    bool is_transient = is_lost || (http_status == 0 && status_is_retryable(status));
    return is_transient ? RETRY_TRANSIENT : RETRY_NO;
}

/* The server may lengthen the wait, within limits, but never shorten it. */
static int64_t lengthened_ms(int64_t delay, str retry_after) {
    int64_t wanted = 0;
    if (!str_parse_i64(retry_after, &wanted) || wanted <= delay) {
        return delay;
    }
    int64_t longest = delay + RETRY_AFTER_MS_ABOVE_MAX;
    return wanted < longest ? wanted : longest;
}

static int64_t doubled_ms(int64_t base_ms, int doublings) {
    int64_t ms = base_ms << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
    return ms < DELAY_MS_MAX ? ms : DELAY_MS_MAX;
}

enum retry_outcome retry_next(struct retry_state *state, struct retry_quota *quota,
                              enum retry_class retry_class, double random_0_1, str retry_after,
                              int64_t *delay_ms) {
    ASSERT(state->attempt >= 1 && state->base_ms > 0);
    ASSERT(random_0_1 >= 0 && random_0_1 <= 1);
    if (retry_class == RETRY_NO) {
        return RETRY_NOT_RETRYABLE;
    }
    if (retry_class == RETRY_THROTTLING && state->waits_out_throttling) {
        int64_t longest_ms = doubled_ms(BASE_THROTTLING_MS, state->throttled++);
        *delay_ms = lengthened_ms((int64_t)(random_0_1 * (double)longest_ms), retry_after);
        return RETRY_AGAIN;
    }
    int counted = state->attempt - state->throttled;
    /* Before the quota: a call that may not go on must not be charged. */
    if (counted >= state->attempts_max) {
        return RETRY_ATTEMPTS_USED_UP;
    }
    int cost = retry_class == RETRY_THROTTLING ? COST_THROTTLING : COST_TRANSIENT;
    if (quota->tokens < cost) {
        return RETRY_QUOTA_USED_UP;
    }
    quota->tokens -= cost;
    state->last_cost = cost;
    int64_t base_ms = retry_class == RETRY_THROTTLING ? BASE_THROTTLING_MS : state->base_ms;
    int64_t longest_ms = doubled_ms(base_ms, counted - 1);
    *delay_ms = lengthened_ms((int64_t)(random_0_1 * (double)longest_ms), retry_after);
    return RETRY_AGAIN;
}

void retry_succeeded(const struct retry_state *state, struct retry_quota *quota) {
    quota->tokens += state->last_cost > 0 ? state->last_cost : 1;
    if (quota->tokens > RETRY_QUOTA_CAPACITY) {
        quota->tokens = RETRY_QUOTA_CAPACITY;
    }
}

void skew_update(int64_t *skew_ms, str date_header, str age_header, int64_t sent_ms,
                 int64_t received_ms) {
    int64_t round_trip_ms = received_ms - sent_ms;
    /* Age: a cache answered, its Date is old. Negative: our own clock was set meanwhile. */
    if (!str_is_empty(age_header) || round_trip_ms < 0 || round_trip_ms > SKEW_ROUND_TRIP_MS_MAX) {
        return;
    }
    int64_t server_ms = 0;
    if (time_parse_http(date_header, &server_ms)) {
        *skew_ms = server_ms - (sent_ms + round_trip_ms / 2);
    }
}

bool skew_explains(str aws_code, int64_t skew_ms) {
    bool is_notable = skew_ms > SKEW_MS_NOTABLE || skew_ms < -SKEW_MS_NOTABLE;
    return is_notable && IS_ONE_OF(aws_code, skew_codes);
}
