/* SPDX-License-Identifier: Apache-2.0
 *
 * When the candidates of a sweep may be promoted at the earliest, for those that only ask (`plan`
 * and the report). It only reads: the WATCH items, which the sweep has read, and the BUDGET items.
 *
 *     turn now       ring 1: a, b, c   (MAX_OPEN_WATCHES 2: a, b)
 *     turn + 20 h    ring 1: c
 *     turn + 40 h    ring 2: d
 */
#include <stdlib.h>

#include "base/buf.h"
#include "promotion_internal.h"
#include "table/budget.h"

#define WAITS_BYTES_MAX ((size_t)4096)

/* What is known at one candidate, in the order of their rings. */
struct look_ahead {
    struct promotion_run *run;
    struct prospect_bounds bounds;
    struct budget_view view;
    int open_count;          /* watches */
    int64_t watch_ends_ms;   /* when the first of them may end, if MAX_OPEN_WATCHES are open */
    int turns_before;        /* of the earlier rings */
    int in_ring;             /* candidates of this ring before it */
    int64_t ring_begins_ms;  /* when the watches of earlier rings may have ended; 0: none is open */
    int64_t ring_watched_ms; /* when those of this ring may */
};

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static void append_wait(struct buf *out, str wait) {
    if (!str_is_empty(wait)) {
        buf_printf(out, "%s%" STR_FMT, out->len == 0 ? "" : "; ", STR_ARG(wait));
    }
}

/* "MAX_CHANGES_PER_HOUR (25) is reached; the next ..."; empty: it is not. */
static str change_wait(const struct look_ahead *ahead) {
    struct arena *arena = ahead->run->control->keep;
    int max = ahead->run->control->guard->settings.control.enforcement.max_changes_per_hour;
    int64_t next_ms = ahead->view.next_change_ms;
    return next_ms == 0           ? STR_EMPTY
           : next_ms == INT64_MAX ? STR("MAX_CHANGES_PER_HOUR is 0")
                                  : str_format(arena,
                                               "MAX_CHANGES_PER_HOUR (%d) is reached, and the "
                                               "next change is free at %" STR_FMT,
                                               max, STR_ARG(prospect_minute(next_ms, arena)));
}

static int run_max(const struct look_ahead *ahead) {
    return ahead->run->control->guard->settings.control.enforcement.max_changes_per_run;
}

static str waits_of(const struct look_ahead *ahead, const struct candidate *candidate) {
    struct arena *arena = ahead->run->control->keep;
    const struct promotion_config *config = ahead->run->config;
    const struct budget_turn *turn = &ahead->view.turn;
    bool may_run = run_max(ahead) > 0;
    struct buf out;
    buf_init(&out, arena, WAITS_BYTES_MAX);
    append_wait(&out, past_wait_for_thaw(ahead->run, past_first_freeze(ahead->run), candidate));
    append_wait(&out, promotion_wait_for_ring(ahead->run, candidate));
    if (ahead->open_count >= config->open_watches_max) {
        append_wait(&out, past_describe_watches(ahead->run));
    }
    if (ahead->bounds.turn_size > 0 && ahead->in_ring >= ahead->bounds.turn_size) {
        append_wait(&out, str_format(arena, "%d of its ring come before it, and a turn promotes %d",
                                     ahead->in_ring, ahead->bounds.turn_size));
    }
    if (turn->next_ms != 0) {
        append_wait(&out, str_format(arena,
                                     "the promotion turn was taken at %" STR_FMT
                                     ", and the next is at %" STR_FMT,
                                     STR_ARG(prospect_minute(turn->taken_ms, arena)),
                                     STR_ARG(prospect_minute(turn->next_ms, arena))));
    }
    append_wait(&out, may_run ? STR_EMPTY : STR("MAX_CHANGES_PER_RUN is 0"));
    append_wait(&out, change_wait(ahead));
    return buf_str(&out);
}

static int64_t watch_end_ms(const struct watch_record *record) {
    return record->changed_ms + record->minutes * 60 * MS_PER_SECOND;
}

static void enter_ring(struct look_ahead *ahead, const struct candidate *before,
                       const struct candidate *candidate) {
    if (before != NULL && ring_compare(before->ring, candidate->ring) != 0) {
        ahead->turns_before += prospect_turns(&ahead->bounds, ahead->in_ring);
        ahead->ring_begins_ms = later(ahead->ring_begins_ms, ahead->ring_watched_ms);
        ahead->in_ring = 0;
        ahead->ring_watched_ms = 0;
    }
}

static int64_t not_before_ms(const struct look_ahead *ahead, const struct candidate *candidate) {
    return later(past_last_thaw_ms(ahead->run, candidate),
                 later(ahead->ring_begins_ms, ahead->watch_ends_ms));
}

static struct prospect look_at(struct look_ahead *ahead, const struct candidate *candidate) {
    struct prospect prospect = {.arn = candidate->facts.arn, .ring = candidate->ring};
    if (candidate->left_because != NULL) {
        prospect.waits_for = str_from_cstr(candidate->left_because);
        return prospect;
    }
    prospect.earliest_ms = prospect_earliest_ms(&ahead->bounds, ahead->turns_before, ahead->in_ring,
                                                not_before_ms(ahead, candidate));
    prospect.waits_for = waits_of(ahead, candidate);
    ahead->in_ring++;
    return prospect;
}

/* The BUDGET items, and with them all that holds in the whole account and Region. */
static enum status read_bounds(struct look_ahead *ahead, struct error *error) {
    struct promotion_run *run = ahead->run;
    const struct enforcement_settings *limits = &run->control->guard->settings.control.enforcement;
    const struct state_table table = {.client = &run->control->guard->home,
                                      .name = run->config->evidence_table};
    int64_t now_ms = promotion_now_ms(run);
    const struct budget_change change = {
        .arn = run->place, .max = limits->max_changes_per_hour, .at_ms = now_ms};
    if (!str_is_empty(table.name)) {
        TRY(budget_view_read(&table, &change, run->control->keep, &ahead->view, error));
    }
    ahead->open_count = (int)past_count_open(run);
    for (size_t i = 0; i < run->record_count; i++) {
        int64_t end_ms = watch_end_ms(&run->records[i]);
        bool is_full = ahead->open_count >= run->config->open_watches_max;
        if (is_full && watch_is_open(&run->records[i]) &&
            (ahead->watch_ends_ms == 0 || end_ms < ahead->watch_ends_ms)) {
            ahead->watch_ends_ms = end_ms;
        }
    }
    ahead->bounds = (struct prospect_bounds){
        .now_ms = now_ms,
        .turn_next_ms = ahead->view.turn.next_ms,
        .turn_every_ms = BUDGET_TURN_EVERY_MS,
        .turn_size = smaller(smaller(limits->max_changes_per_run, limits->max_changes_per_hour),
                             run->config->open_watches_max),
        .change_next_ms = ahead->view.next_change_ms};
    return STATUS_OK;
}

static int compare_prospects(const void *a, const void *b) {
    return str_compare(((const struct prospect *)a)->arn, ((const struct prospect *)b)->arn);
}

struct prospects promotion_look_ahead(struct promotion_run *run) {
    struct look_ahead ahead = {.run = run};
    struct error error = {0};
    struct prospects prospects = {.items = NULL};
    past_list_freezes(run, &prospects);
    if (run->has_lost_evidence || str_is_empty(run->place)) {
        prospects.unknown_because = run->lost_because;
        return prospects;
    }
    promotion_order(run);
    if (read_bounds(&ahead, &error) != STATUS_OK) {
        LOG(run->control->guard->log, LOG_WARN, "budget_unknown",
            LOG_STR("reason", STR("when promotions are due is not known")),
            LOG_STR("errorMessage", error.message));
        prospects.unknown_because = str_copy(run->control->keep, error.message);
        return prospects;
    }
    prospects.items = ARENA_ARRAY(run->control->keep, struct prospect, run->count + 1);
    for (size_t i = 0; i < run->count; i++) {
        const struct candidate *candidate = &run->candidates[i];
        const struct watch_record *record =
            watch_find(run->records, run->record_count, candidate->facts.arn);
        enter_ring(&ahead, i == 0 ? NULL : candidate - 1, candidate);
        if (str_is_empty(candidate->holds_because)) {
            prospects.items[prospects.count++] = look_at(&ahead, candidate);
        } else if (record != NULL && watch_is_open(record)) {
            ahead.ring_watched_ms = later(ahead.ring_watched_ms, watch_end_ms(record));
        }
    }
    if (prospects.count > 0) {
        qsort(prospects.items, prospects.count, sizeof *prospects.items, compare_prospects);
    }
    return prospects;
}

const char *promotion_setting_against(const struct control_settings *settings) {
    return settings->promotion.promotion != PROMOTION_ENFORCE
               ? "PROMOTION is not `enforce`: desync-guard recommends, and promotes nothing itself"
           : str_is_empty(settings->promotion.evidence_table)
               ? "STATE_TABLE is not set, and without a table nothing is promoted"
               : NULL;
}
