/* SPDX-License-Identifier: Apache-2.0
 *
 * How a sweep divides the time of its invocation: between reading, evidence, reporting and acting.
 */
#include "control/live.h"
#include "sweep_internal.h"

/* Where time may run out, a chunk is as large as can be read in a part of it, so that there is time
 * to act on it. */
#define SHORT_CHUNK_MAX  ((int64_t)CONFIG_EVALUATIONS_MAX)
#define SHORT_CHUNK_MIN  20 /* one call for the tags */
#define SHORT_CHUNK_PART 8
/* Of the time that is left for reading, for the evidence of all chunks together. */
#define EVIDENCE_SHARE 4
/* For the calls of an action that was begun in time. */
#define FINISH_MS 2000
/* One question before the reading takes at most this, or a quarter of the time. */
#define QUESTION_MS_MAX 5000

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* What the pace of calls to Elastic Load Balancing allows for: one call each, and one for 20. */
static int64_t needed_ms(const struct sweep_budget *budget, size_t count) {
    const struct guard_settings *settings = &budget->guard->settings;
    double per_second =
        pace_rate_of_copy(settings->elb_requests_per_second, settings->reserved_concurrency);
    return per_second == 0 ? 0 : (int64_t)((double)count * 1050 / per_second);
}

struct sweep_budget budget_begin(struct guard *guard) {
    return (struct sweep_budget){.guard = guard,
                                 .deadline_ms = guard->aws.deadline_ms,
                                 .read_deadline_ms = live_read_deadline_ms(guard)};
}

/* A part of the share that is as large as the chunk is of what is left to judge. */
int64_t budget_evidence_deadline(const struct sweep_budget *budget, size_t count) {
    int64_t left_ms = budget->read_deadline_ms - guard_now_ms(budget->guard);
    if (budget->read_deadline_ms == INT64_MAX || left_ms <= 0) {
        return budget->read_deadline_ms;
    }
    ASSERT(count > 0 && budget->left_count >= count);
    return guard_now_ms(budget->guard) +
           left_ms / EVIDENCE_SHARE * (int64_t)count / (int64_t)budget->left_count;
}

bool budget_is_short(const struct sweep_budget *budget) {
    return budget->read_deadline_ms != INT64_MAX && needed_ms(budget, budget->left_count) > 0 &&
           needed_ms(budget, budget->left_count) >
               (budget->read_deadline_ms - guard_now_ms(budget->guard)) / 2;
}

size_t budget_chunk_size(const struct sweep_budget *budget, bool is_audit) {
    int64_t thousand_ms = needed_ms(budget, 1000);
    if (is_audit && thousand_ms > 0) {
        return SHORT_CHUNK_MIN;
    }
    if (thousand_ms == 0 || !budget_is_short(budget)) { /* 0: not paced, and never short */
        return SWEEP_CHUNK_MAX;
    }
    int64_t left_ms = budget->read_deadline_ms - guard_now_ms(budget->guard);
    int64_t count = smaller(left_ms / SHORT_CHUNK_PART * 1000 / thousand_ms, SHORT_CHUNK_MAX);
    return count < SHORT_CHUNK_MIN ? SHORT_CHUNK_MIN : (size_t)count;
}

/* A table that hangs must not cost the load balancers still to be read their report: while there
 * are any, no action begins once half of the time that reading them leaves is over. Where the time
 * is short and the next invocation resumes, half of all time is for acting: else that one would
 * begin where this one did. */
int64_t budget_act_deadline(const struct sweep_budget *budget, bool is_resumable) {
    if (budget->left_count == 0 || budget->read_deadline_ms == INT64_MAX) {
        return budget->read_deadline_ms;
    }
    int64_t spare_ms = budget->read_deadline_ms - guard_now_ms(budget->guard);
    if (!is_resumable || !budget_is_short(budget)) {
        spare_ms -= needed_ms(budget, budget->left_count);
    }
    return guard_now_ms(budget->guard) + (spare_ms > 0 ? spare_ms / 2 : 0);
}

void budget_set_deadline(const struct sweep_budget *budget, int64_t deadline_ms) {
    budget->guard->aws.deadline_ms = deadline_ms;
    budget->guard->home.deadline_ms = deadline_ms;
}

void budget_let_finish(const struct sweep_budget *budget, int64_t deadline_ms) {
    if (deadline_ms != INT64_MAX) {
        deadline_ms += smaller((budget->deadline_ms - deadline_ms) / 2, FINISH_MS);
    }
    budget_set_deadline(budget, deadline_ms);
}

void budget_limit_question(const struct sweep_budget *budget) {
    int64_t left_ms = budget->read_deadline_ms - guard_now_ms(budget->guard);
    budget_set_deadline(budget,
                        guard_now_ms(budget->guard) + smaller(left_ms / 4, QUESTION_MS_MAX));
}
