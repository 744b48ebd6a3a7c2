/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: load balancers are promoted ring by ring, and only after a sweep that judged the
 * whole Region: one that was not judged may be of an earlier ring. A ring waits while a load
 * balancer of an earlier one may be promoted, is being watched, or has evidence that cannot be
 * read.
 *
 *     ring 1: a (strictest, held)   b (strictest, is being watched)   <- b keeps ring 1 open
 *     ring 2: c (to be promoted)                                      <- waits: "planned"
 *
 * A rollback freezes its ring and all later ones, also one that was decided since the sweep began:
 * before each promotion the WATCH items are read again. At most MAX_OPEN_WATCHES promotions are
 * watched at once. This holds for all copies together: only the holder of the promotion turn
 * (promote.c) promotes, there is one turn in 20 hours, and nothing is promoted later than 15
 * minutes after it was taken. So no other copy begins a watch between the look at the open ones and
 * the promotion, and a copy that was held up does not promote in the turn of another one.
 *
 * Without a table a promotion could not be watched, so that it stays planned.
 */
#include <stdlib.h>

#include "control/watch.h"
#include "promotion_internal.h"

static int compare_candidates(const void *a, const void *b) {
    const struct candidate *first = a;
    const struct candidate *second = b;
    int left = (first->left_because != NULL) - (second->left_because != NULL);
    if (left != 0) { /* those that are left alone hold no ring: after all others */
        return left;
    }
    int order = ring_compare(first->ring, second->ring);
    return order != 0 ? order : str_compare(first->facts.arn, second->facts.arn);
}

str promotion_wait_for_ring(const struct promotion_run *run, const struct candidate *candidate) {
    const struct candidate *first = &run->candidates[0];
    if (ring_compare(first->ring, candidate->ring) == 0) {
        return STR_EMPTY;
    }
    str because =
        str_is_empty(first->holds_because) ? STR("is still to be promoted") : first->holds_because;
    return str_format(run->control->keep,
                      "waits for ring %" STR_FMT ", of which %" STR_FMT " %" STR_FMT,
                      STR_ARG(first->ring), STR_ARG(first->facts.arn), STR_ARG(because));
}

static void add_waiting(const struct promotion_run *run, const struct candidate *candidate,
                        enum action_status status, str why) {
    str reason = str_is_empty(why) ? candidate->reason
                                   : str_format(run->control->keep, "%" STR_FMT "; %" STR_FMT,
                                                STR_ARG(why), STR_ARG(candidate->reason));
    promotion_add_action(run, candidate, status, reason, NULL);
}

/* Those being watched keep the ring open in which they were promoted. */
static void add_watched(struct promotion_run *run) {
    for (size_t i = 0; i < run->record_count; i++) {
        const struct watch_record *record = &run->records[i];
        if (watch_is_open(record) && past_is_here(run, record->arn)) {
            ARENA_RESERVE(run->control->keep, run->candidates, run->count + 1, run->capacity);
            run->candidates[run->count++] =
                (struct candidate){.facts.arn = record->arn,
                                   .ring = record->ring,
                                   .holds_because = STR("is being watched")};
        }
    }
}

void promotion_order(struct promotion_run *run) {
    if (run->is_ordered) {
        return;
    }
    run->is_ordered = true;
    add_watched(run);
    if (run->count > 0) {
        qsort(run->candidates, run->count, sizeof *run->candidates, compare_candidates);
    }
}

/* What one sweep may still do. */
struct allowance {
    const struct watch_record *freeze; /* NULL: no ring is frozen */
    bool saw_all;                      /* in one run */
    int changes;
    int watches;
};

/* Empty: none of the bounds is reached. */
static str reason_to_wait_for_bounds(const struct promotion_run *run,
                                     const struct allowance *allowance) {
    if (str_is_empty(run->control->table.name)) {
        return STR("STATE_TABLE is not set, and without a table nothing is promoted");
    } else if (!allowance
                    ->saw_all) { /* another invocation saw the others, whose rings may differ */
        return STR("this sweep did not see all of them in one run");
    } else if (allowance->changes <= 0) {
        return STR("MAX_CHANGES_PER_RUN is reached");
    } else if (allowance->watches <= 0) {
        return past_describe_watches(run);
    }
    return STR_EMPTY;
}

static str reason_to_wait(const struct promotion_run *run, const struct allowance *allowance,
                          const struct candidate *candidate) {
    str frozen = past_wait_for_thaw(run, allowance->freeze, candidate);
    str wait = str_is_empty(frozen) ? promotion_wait_for_ring(run, candidate) : frozen;
    return str_is_empty(wait) && run->config->promotion == PROMOTION_ENFORCE
               ? reason_to_wait_for_bounds(run, allowance)
               : wait;
}

void promotion_complete(struct promotion_run *run, size_t to_judge_count) {
    struct control *control = run->control;
    bool saw_all = run->seen_count == to_judge_count;
    struct candidate **turn = ARENA_ARRAY(control->keep, struct candidate *, run->count + 1);
    size_t count = 0;
    past_settle(run, saw_all);
    struct allowance allowance = {
        .freeze = past_first_freeze(run),
        .saw_all = saw_all,
        .changes =
            control->guard->settings.control.enforcement.max_changes_per_run - control->changes,
        .watches = run->config->open_watches_max - (int)past_count_open(run),
    };
    promotion_order(run);
    for (size_t i = 0; i < run->count; i++) {
        struct candidate *candidate = &run->candidates[i];
        if (candidate->left_because != NULL) {
            add_waiting(run, candidate, ACTION_SKIPPED, str_from_cstr(candidate->left_because));
            continue;
        }
        str wait = reason_to_wait(run, &allowance, candidate);
        if (!str_is_empty(candidate->holds_because)) {
            continue;
        } else if (run->config->promotion == PROMOTION_ENFORCE && str_is_empty(wait)) {
            turn[count++] = candidate;
            allowance.changes--;
            allowance.watches--;
        } else {
            add_waiting(run, candidate, ACTION_PLANNED, wait);
        }
    }
    if (count > 0) {
        promote(run, turn, count);
    }
}

void promotion_look_on(struct promotion_run *run) {
    struct closed_account closed = {0};
    for (size_t i = 0; i < run->record_count; i++) {
        if (past_is_here(run, run->records[i].arn)) {
            watch_look_on(run->control, &run->records[i], &closed);
        }
    }
}

void promotion_abandon(struct promotion_run *run, size_t unknown_count, size_t not_reached_count) {
    size_t waiting = 0;
    past_settle(run, false);
    for (size_t i = 0; i < run->count; i++) {
        if (str_is_empty(run->candidates[i].holds_because) &&
            run->candidates[i].left_because == NULL) {
            add_waiting(run, &run->candidates[i], ACTION_SKIPPED,
                        STR("not all load balancers of the Region could be judged, and one of them "
                            "may be of an earlier ring"));
            waiting++;
        }
    }
    if (waiting > 0) {
        LOG(run->control->guard->log, LOG_WARN, "promotion_skipped",
            LOG_INT("waiting", (int64_t)waiting), LOG_INT("unknown", (int64_t)unknown_count),
            LOG_INT("notReached", (int64_t)not_reached_count),
            LOG_STR("reason", STR("promotion needs a sweep that judged the whole Region")));
    }
}

struct promotion_run *promotion_begin(struct control *control, int64_t ordering_ms) {
    struct promotion_run *run = ARENA_NEW(control->keep, struct promotion_run);
    *run = (struct promotion_run){.control = control,
                                  .ordering_ms = ordering_ms,
                                  .config = &control->guard->settings.control.promotion};
    return run;
}
