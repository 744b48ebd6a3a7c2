/* SPDX-License-Identifier: Apache-2.0
 *
 * How a sweep divides the time of its invocation: between reading, evidence, reporting and acting.
 */
#include "sweep_internal.h"

/* Where time may run out: what can be read in a part of it, so that it is also acted on before
 * that. */
#define SHORT_CHUNK_MAX  ((size_t)CONFIG_EVALUATIONS_MAX)
#define SHORT_CHUNK_MIN  20 /* one call for the tags */
#define SHORT_CHUNK_PART 8
/* Of the time that is left for reading, for the evidence of all chunks together. */
#define EVIDENCE_SHARE 4
/* Kept back from reading, so that what was read can be reported: this, or a quarter of the time. */
#define REPORT_RESERVE_MS 10000
/* For the calls about one that was begun in time. */
#define FINISH_MS 2000

/* One call each, and one for 20. */
int64_t sweep_needed_ms(const struct sweep *sweep, size_t count) {
    int per_second = sweep->guard->settings.elb_requests_per_second;
    return per_second == 0 ? 0 : (int64_t)count * 1050 / per_second;
}

/* A part of the share that is as large as the chunk is of what is left to judge. */
int64_t sweep_evidence_deadline(const struct sweep *sweep, size_t count) {
    int64_t now_ms = sweep->guard->clock->now_ms(sweep->guard->clock);
    int64_t left_ms = sweep->read_deadline_ms - now_ms;
    size_t to_judge = sweep->to_judge_count - sweep->seen_count;
    if (sweep->read_deadline_ms == INT64_MAX || left_ms <= 0) {
        return sweep->read_deadline_ms;
    }
    size_t part = to_judge > count ? to_judge : count;
    return now_ms + left_ms / EVIDENCE_SHARE * (int64_t)count / (int64_t)part;
}

bool sweep_is_time_short(const struct sweep *sweep, size_t count) {
    int64_t needed_ms = sweep_needed_ms(sweep, count);
    if (sweep->read_deadline_ms == INT64_MAX || needed_ms == 0) {
        return false;
    }
    return needed_ms >
           (sweep->read_deadline_ms - sweep->guard->clock->now_ms(sweep->guard->clock)) / 2;
}

size_t sweep_chunk_size(const struct sweep *sweep) {
    int64_t thousand_ms = sweep_needed_ms(sweep, 1000);
    if (sweep->listener != NULL && sweep->listener->is_audit && thousand_ms > 0) {
        return SHORT_CHUNK_MIN; /* somebody is watching, and may want what is known so far */
    }
    if (thousand_ms == 0 ||
        !sweep_is_time_short(sweep, sweep->to_judge_count - sweep->seen_count)) {
        return SWEEP_CHUNK_MAX;
    }
    int64_t left_ms = sweep->read_deadline_ms - sweep->guard->clock->now_ms(sweep->guard->clock);
    int64_t count = left_ms / SHORT_CHUNK_PART * 1000 / thousand_ms;
    return count < SHORT_CHUNK_MIN            ? SHORT_CHUNK_MIN
           : count > (int64_t)SHORT_CHUNK_MAX ? SHORT_CHUNK_MAX
                                              : (size_t)count;
}

int64_t sweep_read_deadline(const struct guard *guard, int64_t deadline_ms) {
    if (deadline_ms == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t quarter_ms = aws_client_time_left_ms(&guard->aws) / 4;
    return deadline_ms - (quarter_ms < REPORT_RESERVE_MS ? quarter_ms : REPORT_RESERVE_MS);
}

/* A hanging table must not cost those that are still to be read their report: while there are any,
 * nothing new is begun when half of what reading them leaves is over. Where the time is short and
 * the next invocation goes on, half of it is for acting: else that one would begin where this one
 * did. */
int64_t sweep_act_deadline(const struct sweep *sweep) {
    size_t left = sweep->to_judge_count - sweep->seen_count;
    int64_t now_ms = sweep->guard->clock->now_ms(sweep->guard->clock);
    if (left == 0 || sweep->read_deadline_ms == INT64_MAX) {
        return sweep->read_deadline_ms;
    }
    bool goes_on = sweep->is_resumable && sweep_is_time_short(sweep, left);
    int64_t left_ms = sweep->read_deadline_ms - now_ms;
    int64_t spare_ms = left_ms - (goes_on ? 0 : sweep_needed_ms(sweep, left));
    return now_ms + (spare_ms > 0 ? spare_ms / 2 : 0);
}

void sweep_set_deadline(struct sweep *sweep, int64_t deadline_ms) {
    sweep->guard->aws.deadline_ms = deadline_ms;
    sweep->guard->home.deadline_ms = deadline_ms;
}

void sweep_let_finish(struct sweep *sweep, int64_t deadline_ms) {
    if (deadline_ms != INT64_MAX) {
        int64_t reserve_ms = (sweep->deadline_ms - deadline_ms) / 2;
        deadline_ms += reserve_ms < FINISH_MS ? reserve_ms : FINISH_MS;
    }
    sweep_set_deadline(sweep, deadline_ms);
}
