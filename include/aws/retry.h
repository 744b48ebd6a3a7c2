/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS's standard retry mode of 2026 and its clock-skew correction, as pure bookkeeping: no clock,
 * no sleep, no random source of its own. Sources: "Retry behavior", AWS SDKs and Tools Reference
 * Guide (2026); two additions count as throttling: HTTP 429 without a known code, and DynamoDB's
 * TransactionConflictException.
 */
#ifndef AWS_RETRY_H
#define AWS_RETRY_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"

#define RETRY_QUOTA_CAPACITY    500
#define RETRY_ATTEMPTS_DEFAULT  3
#define RETRY_ATTEMPTS_DYNAMODB 4

struct retry_quota {
    int tokens; /* starts at RETRY_QUOTA_CAPACITY; shared by all calls of a client */
};

enum retry_class { RETRY_NO, RETRY_TRANSIENT, RETRY_THROTTLING };

/* From the AWS error code first, then the HTTP status, then how the transport ended (http_status
 * 0). */
enum retry_class retry_classify(str aws_code, int http_status, enum status status);

struct retry_state {
    int attempt; /* attempts made so far */
    int attempts_max;
    bool waits_out_throttling; /* an attempt that AWS throttles counts neither as one of
                                  attempts_max nor against the quota: the caller's time ends it */
    int throttled;             /* such attempts so far */
    int base_ms;               /* 50, DynamoDB 25 */
    int last_cost;             /* tokens of the last retry, given back on success */
};

enum retry_outcome {
    RETRY_AGAIN,
    RETRY_ATTEMPTS_USED_UP,
    RETRY_QUOTA_USED_UP,
    RETRY_NOT_RETRYABLE
};

/* After a failed attempt (state->attempt already counts it): whether to go on, and then *delay_ms.
 * `random_0_1` is a number in [0, 1); retry_after is the x-amz-retry-after header (milliseconds,
 * empty: none). */
enum retry_outcome retry_next(struct retry_state *state, struct retry_quota *quota,
                              enum retry_class retry_class, double random_0_1, str retry_after,
                              int64_t *delay_ms);
/* After a success: gives tokens back. */
void retry_succeeded(const struct retry_state *state, struct retry_quota *quota);

/* Clock skew: *skew_ms (server minus client) is replaced after every answer with a Date and no Age
 * header and a round trip of at most 15 minutes. */
void skew_update(int64_t *skew_ms, str date_header, str age_header, int64_t sent_ms,
                 int64_t received_ms);
/* An error of this code with this skew is worth one more try signed with the corrected time. */
bool skew_explains(str aws_code, int64_t skew_ms);

#endif
