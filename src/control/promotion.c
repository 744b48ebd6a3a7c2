/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: load balancers are promoted ring by ring, and only after a sweep that judged the
 * whole Region: one that was not judged may be of an earlier ring. A ring waits until every load
 * balancer of the earlier ones was promoted and its watch has ended well.
 *
 *     ring 1: a (strictest, held)   b (strictest, is being watched)   <- b keeps ring 1 open
 *     ring 2: c (to be promoted)                                      <- waits: "planned"
 *
 * Without a table a promotion could not be watched, so that it stays planned.
 */
#include <stdlib.h>

#include "control/watch_item.h"
#include "promotion_internal.h"

int ring_compare(str a, str b) {
    int64_t left = 0;
    int64_t right = 0;
    bool is_left_number = str_parse_i64(a, &left);
    bool is_right_number = str_parse_i64(b, &right);
    if (str_is_empty(a) || str_is_empty(b)) {
        return (int)str_is_empty(a) - (int)str_is_empty(b);
    }
    if (is_left_number != is_right_number) {
        return is_left_number ? -1 : 1;
    }
    return is_left_number ? (left > right) - (left < right) : str_compare(a, b);
}

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

/* Empty: its ring is the first of those that are open. */
static str reason_to_wait_for_ring(const struct promotion_run *run,
                                   const struct candidate *candidate) {
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

/* From now on it is not promoted again for EVIDENCE_DAYS. */
static void note_reverted(const struct promotion_run *run, const struct candidate *candidate) {
    struct control *control = run->control;
    const struct watch_record *found =
        watch_find(run->records, run->record_count, candidate->facts.arn);
    struct error error = {0};
    if (found == NULL || !watch_is_reverted_since(found, candidate->facts.mode)) {
        return;
    }
    struct watch_record record = *found;
    struct watch_item item = {.control = control, .record = &record, .failure = ACTION_WATCH};
    if (watch_describe_reverting(&control->table, &record, candidate->facts.mode, control->keep,
                                 &record.note, &error) != STATUS_OK) {
        action_add_failure(control, record.arn, ACTION_WATCH, &error);
        return;
    }
    record.status = WATCH_REVERTED_BY_OTHER;
    record.ended_ms = control->guard->clock->now_ms(control->guard->clock);
    (void)watch_item_save(&item, ACTION_NONE);
}

void promotion_complete(struct promotion_run *run, size_t to_judge_count) {
    struct control *control = run->control;
    int changes_max = control->guard->settings.control.enforcement.max_changes_per_run;
    bool may_promote =
        run->config->promotion == PROMOTION_ENFORCE && !str_is_empty(control->table.name);
    struct candidate **turn = ARENA_ARRAY(control->keep, struct candidate *, run->count + 1);
    size_t count = 0;
    if (run->count > 0) {
        qsort(run->candidates, run->count, sizeof *run->candidates, compare_candidates);
    }
    for (size_t i = 0; i < run->count; i++) {
        struct candidate *candidate = &run->candidates[i];
        if (candidate->left_because != NULL) {
            add_waiting(run, candidate, ACTION_SKIPPED, str_from_cstr(candidate->left_because));
            continue;
        }
        if (!str_is_empty(candidate->holds_because)) {
            if (may_promote) {
                note_reverted(run, candidate);
            }
            continue;
        }
        str wait = reason_to_wait_for_ring(run, candidate);
        if (may_promote && str_is_empty(wait)) {
            /* Since another invocation saw the others, their rings may have changed. */
            wait = run->seen_count != to_judge_count
                       ? STR("this sweep did not see all of them in one run")
                   : control->changes + (int)count >= changes_max
                       ? STR("MAX_CHANGES_PER_RUN is reached")
                       : STR_EMPTY;
        }
        if (may_promote && str_is_empty(wait)) {
            turn[count++] = candidate;
        } else {
            add_waiting(run, candidate, ACTION_PLANNED, wait);
        }
    }
    promote(run, turn, count);
}

void promotion_abandon(struct promotion_run *run, size_t unknown_count, size_t not_reached_count) {
    size_t waiting = 0;
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
