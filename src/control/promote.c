/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: the WATCH item is written before the mode is set. So no promotion stays unwatched,
 * even when this invocation ends right after it, and of two copies only one promotes.
 */
#include "control/evidence.h"
#include "control/mode_change.h"
#include "control/watch_item.h"
#include "promotion_internal.h"

/* For a look, the change, the writes and the alert, with pauses between attempts. */
#define TIME_NEEDED_MS 8000

struct promotion_attempt {
    const struct promotion_run *run;
    struct candidate *candidate;
    str why_not; /* it is not due any more */
};

void promotion_add_action(const struct promotion_run *run, const struct candidate *candidate,
                          enum action_status status, str reason, const struct error *cause) {
    const struct action action = {.resource_id = candidate->facts.arn,
                                  .action = ACTION_PROMOTE,
                                  .status = status,
                                  .from = STR("defensive"),
                                  .to = STR("strictest"),
                                  .reason = reason};
    action_add(run->control, &action, cause);
}

/* The mode, an exception or a profile may have changed since the sweep read them. */
static bool confirm_promotion(struct mode_change *change, struct error *error) {
    struct promotion_attempt *attempt = change->context;
    const struct control_settings *settings = &change->control->guard->settings.control;
    const char *left_because =
        enforcement_reason_to_leave(change->evaluation, &settings->enforcement);
    struct advice advice;
    (void)error;
    if (left_because != NULL) {
        attempt->why_not = str_from_cstr(left_because);
        return false;
    }
    recommend(change->evaluation, &attempt->candidate->evidence, &attempt->run->config->evidence,
              promotion_now_ms(attempt->run), change->control->keep, &advice);
    attempt->why_not = advice.reason;
    return advice.may_promote;
}

static void make_watched_change(struct promotion_attempt *attempt, struct watch_item *item) {
    const struct promotion_run *run = attempt->run;
    struct control *control = run->control;
    struct candidate *candidate = attempt->candidate;
    struct error error = {0};
    struct mode_change change = {.control = control,
                                 .facts = &candidate->facts,
                                 .evaluation = item->evaluation,
                                 .to = MODE_STRICTEST,
                                 .confirm = confirm_promotion,
                                 .context = attempt};
    enum status status = mode_change_make(&change, &error);
    control->changes += change.found != NULL ? 1 : 0; /* an attempt counts as a change */
    if (change.is_made) {
        promotion_add_action(run, candidate, ACTION_DONE, candidate->reason, NULL);
        item->record->changed_ms = change.facts_ms;
        (void)watch_item_open(item);
        control->has_new_verdict = true;
        control_handle_judgement(control, change.facts, change.facts_ms, change.evaluation);
    } else if (status == STATUS_OK) {
        str why_not = change.is_gone ? change.evaluation->reason : attempt->why_not;
        (void)watch_item_end_unmade(item, why_not);
        promotion_add_action(run, candidate, ACTION_SKIPPED, why_not, NULL);
    } else {
        /* After a lost answer it stays `begun`, and the watch looks whether the mode was set. */
        if (!change.may_be_made) {
            (void)watch_item_end_unmade(item, error.message);
        }
        promotion_add_action(run, candidate, ACTION_FAILED, error.message, &error);
    }
}

static void promote_one(const struct promotion_run *run, struct candidate *candidate,
                        const struct traffic_window *baseline) {
    struct control *control = run->control;
    const struct watch_record *before =
        watch_find(run->records, run->record_count, candidate->facts.arn);
    struct watch_record record = {
        .arn = candidate->facts.arn,
        .version = before == NULL ? 0 : before->version,
        .status = WATCH_BEGUN,
        .changed_ms = promotion_now_ms(run),
        .from = MODE_DEFENSIVE,
        .to = MODE_STRICTEST,
        .minutes = run->config->watch.minutes,
        .note = candidate->reason,
        .baseline = *baseline,
    };
    struct watch_item item = {.control = control,
                              .record = &record,
                              .evaluation = ARENA_NEW(control->keep, struct evaluation),
                              .failure = ACTION_PROMOTE};
    struct promotion_attempt attempt = {.run = run, .candidate = candidate};
    struct error error = {0};
    item.evaluation->ordering_ms = run->ordering_ms;
    watch_item_set_lease(&item);
    enum status status = watch_save(&control->table, &record, ACTION_NONE, control->keep, &error);
    if (status == STATUS_OK) {
        make_watched_change(&attempt, &item);
    } else if (status == STATUS_CONFLICT) {
        promotion_add_action(run, candidate, ACTION_SKIPPED, STR("another copy promotes it"), NULL);
    } else {
        promotion_add_action(run, candidate, ACTION_FAILED, error.message, &error);
    }
}

void promote(const struct promotion_run *run, struct candidate *const *turn, size_t count) {
    struct guard *guard = run->control->guard;
    struct arena *arena = run->control->keep;
    struct window_query *queries = ARENA_ARRAY(arena, struct window_query, count + 1);
    struct error error = {0};
    for (size_t i = 0; i < count; i++) {
        queries[i] = (struct window_query){
            .arn = turn[i]->facts.arn,
            .window = window_before(promotion_now_ms(run), run->config->watch.minutes)};
    }
    /* The watch would have nothing to compare with; the next sweep tries again. */
    enum status status = windows_read(guard, queries, count, arena, &error);
    for (size_t i = 0; i < count; i++) {
        if (status != STATUS_OK) {
            str reason =
                str_format(arena, "the numbers before the change could not be read: %" STR_FMT,
                           STR_ARG(error.message));
            promotion_add_action(run, turn[i], ACTION_SKIPPED, reason, NULL);
        } else if (aws_client_time_left_ms(&guard->aws) < TIME_NEEDED_MS) {
            promotion_add_action(run, turn[i], ACTION_PLANNED, STR("no time was left in this run"),
                                 NULL);
        } else {
            promote_one(run, turn[i], &queries[i].window);
        }
    }
}
