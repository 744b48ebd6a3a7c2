/* SPDX-License-Identifier: Apache-2.0
 *
 * Client-side pacing of Elastic Load Balancing calls, and of the import of findings into Security
 * Hub. AWS throttles them by token buckets per account and Region that all callers share, and a
 * sweep of a fleet would empty them for everybody else. So every call takes a token of our own,
 * smaller buckets first; when AWS throttles all the same (others are calling too) the rate is
 * halved, and it grows back with each call that goes through. Pure bookkeeping: time is given,
 * nothing waits here. Sources of the numbers: "Throttling for the Elastic Load Balancing API",
 * Elastic Load Balancing User Guide; "Guidelines for the BatchImportFindings operation", Security
 * Hub Partner Guide.
 */
#ifndef AWS_PACE_H
#define AWS_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum pace_category {
    PACE_NONE,               /* not paced: other services */
    PACE_ELB_READ,           /* Describe* */
    PACE_ELB_WRITE,          /* Modify*, AddTags, RemoveTags */
    PACE_SECURITYHUB_IMPORT, /* BatchImportFindings */
    PACE_CATEGORY_COUNT
};

struct pace_bucket {
    double tokens;
    double capacity;
    double rate;     /* tokens per second, now */
    double rate_max; /* when nobody throttles us */
    int64_t filled_at_ms;
    int64_t slowed_at_ms;
};

struct pace {
    bool is_off;
    struct pace_bucket account;                         /* every ELB call */
    struct pace_bucket categories[PACE_CATEGORY_COUNT]; /* and its category's */
};

/* AWS refills the account-wide bucket with this many tokens a second. */
#define PACE_RATE_MAX 10.0
/* One call a second is left to others, and a quarter of each bucket's burst. */
#define PACE_RATE_DEFAULT 9.0

/* Of copies that share the buckets all together: a fifth is left to others. */
#define PACE_RATE_SHARED_MAX 8.0

/* The rate of one of `copies` that run at most at the same time (the function's reserved
 * concurrency), where `rate` is for all of them. copies 0: how many there are is not known, and
 * each has the whole rate. */
double pace_rate_of_copy(double rate, int copies);

/* `rate`: calls a second at most, above 0 up to PACE_RATE_MAX; writes get the share of it that AWS
 * gives them. It and the bursts are divided by the copies, as in pace_rate_of_copy. Buckets start
 * full. */
void pace_init(struct pace *pace, double rate, int copies, int64_t now_ms);

/* Milliseconds until a call of this category may start; 0: now, and its tokens were taken. */
int64_t pace_take(struct pace *pace, enum pace_category category, int64_t now_ms);

/* What became of a call that was started: throttled by AWS, or not. */
void pace_completed(struct pace *pace, enum pace_category category, bool was_throttled,
                    int64_t now_ms);

#endif
