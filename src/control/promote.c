/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: only the holder of the promotion turn promotes, and there is one turn in 20 hours,
 * over all copies and triggers: a sweep that desync-guard caused itself finds it taken. A turn in
 * which nothing was promoted is given back; one whose invocation died is spent. The WATCH item is
 * written before the mode is set. So no promotion stays unwatched, even when this invocation ends
 * right after it.
 */
#include "control/evidence.h"
#include "control/mode_change.h"
#include "control/watch_item.h"
#include "control_internal.h"
#include "promotion_internal.h"

/* For a look, the change, the writes and the alert, with pauses between attempts. */
#define TIME_NEEDED_MS 8000

struct promotion_attempt {
    const struct promotion_run *run;
    struct candidate *candidate;
    int64_t turn_ends_ms;
    struct budget_change taken;
    str why_not;  /* it is not due any more, or not yet */
    bool is_late; /* not yet */
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
    struct control *control = change->control;
    struct advice advice;
    if (left_because != NULL) {
        attempt->why_not = str_from_cstr(left_because);
        return false;
    }
    recommend(change->evaluation, &attempt->candidate->evidence, &attempt->run->config->evidence,
              promotion_now_ms(attempt->run), control->keep, &advice);
    attempt->why_not = advice.reason;
    if (!advice.may_promote) {
        return false;
    }
    attempt->is_late = promotion_now_ms(attempt->run) >= attempt->turn_ends_ms;
    attempt->why_not = STR("the promotion turn is over");
    enum status status = attempt->is_late ? STATUS_CONFLICT
                                          : change_take(control, attempt->candidate->facts.arn,
                                                        &attempt->taken, error);
    if (status == STATUS_CONFLICT && !attempt->is_late) {
        attempt->is_late = true;
        attempt->why_not = change_spent_reason(control);
    }
    error->status = status == STATUS_CONFLICT ? STATUS_OK : status;
    return status == STATUS_OK;
}

/* false: the mode certainly was not set. */
static bool make_watched_change(struct promotion_attempt *attempt, struct watch_item *item) {
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
        control->has_own_change = true;
        control_handle_judgement(control, change.facts, change.facts_ms, change.evaluation);
    } else if (status == STATUS_OK) {
        str why_not = change.is_gone ? change.evaluation->reason : attempt->why_not;
        (void)watch_item_end_unmade(item, why_not);
        promotion_add_action(run, candidate, attempt->is_late ? ACTION_PLANNED : ACTION_SKIPPED,
                             why_not, NULL);
    } else {
        /* After a lost answer it stays `begun`, and the watch looks whether the mode was set. */
        if (!change.may_be_made) {
            (void)watch_item_end_unmade(item, error.message);
        }
        promotion_add_action(run, candidate, ACTION_FAILED, error.message, &error);
    }
    return change.is_made || change.may_be_made;
}

/* false: the mode certainly was not set. */
static bool promote_watched(struct promotion_attempt *attempt,
                            const struct traffic_window *baseline) {
    const struct promotion_run *run = attempt->run;
    struct candidate *candidate = attempt->candidate;
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
        .plan = watch_plan_of(&run->config->watch, run->config->evidence.risk_percent_max),
        .note = candidate->reason,
        .baseline = *baseline,
        .has_ring = true,
        .ring = candidate->ring,
        .retry_seen_ms = candidate->retry_seen_ms,
    };
    struct watch_item item = {.control = control,
                              .record = &record,
                              .evaluation = ARENA_NEW(control->keep, struct evaluation),
                              .failure = ACTION_PROMOTE};
    struct error error = {0};
    item.evaluation->ordering_ms = run->ordering_ms;
    watch_item_set_lease(&item);
    enum status status = watch_save(&control->table, &record, ACTION_NONE, control->keep, &error);
    if (status == STATUS_OK) {
        return make_watched_change(attempt, &item);
    } else if (status == STATUS_CONFLICT) {
        promotion_add_action(run, candidate, ACTION_SKIPPED, STR("another copy promotes it"), NULL);
    } else {
        promotion_add_action(run, candidate, ACTION_FAILED, error.message, &error);
    }
    return false;
}

/* false: the mode certainly was not set. */
static bool promote_one(const struct promotion_run *run, struct candidate *candidate,
                        int64_t turn_ends_ms, const struct traffic_window *baseline) {
    struct control *control = run->control;
    struct promotion_attempt attempt = {
        .run = run, .candidate = candidate, .turn_ends_ms = turn_ends_ms};
    struct error error = {0};
    if (aws_client_time_left_ms(&control->guard->aws) < TIME_NEEDED_MS) {
        promotion_add_action(run, candidate, ACTION_PLANNED, STR("no time was left in this run"),
                             NULL);
        return false;
    }
    str why_not = STR_EMPTY;
    enum status status = past_recheck(run, candidate, &why_not, &error);
    if (status == STATUS_OK && !str_is_empty(why_not)) {
        promotion_add_action(run, candidate, ACTION_PLANNED, why_not, NULL);
        return false;
    }
    if (status == STATUS_OK) {
        status = change_take(control, candidate->facts.arn, &attempt.taken, &error);
    }
    if (status == STATUS_CONFLICT) {
        promotion_add_action(run, candidate, ACTION_PLANNED, change_spent_reason(control), NULL);
        return false;
    } else if (status != STATUS_OK) {
        promotion_add_action(run, candidate, ACTION_FAILED, error.message, &error);
        return false;
    }
    bool may_be_made = promote_watched(&attempt, baseline);
    if (!may_be_made) {
        change_return(control, &attempt.taken);
    }
    return may_be_made;
}

/* --- the turn --------------------------------------------------------------------------------- */

static void add_all(const struct promotion_run *run, struct candidate *const *turn, size_t count,
                    enum action_status status, str reason) {
    for (size_t i = 0; i < count; i++) {
        promotion_add_action(run, turn[i], status, reason, NULL);
    }
}

/* Reads the turn, and takes it when `takes`. OK: it is free, or ours. Else *why_not says why
 * nothing can be promoted, which is no failure with CONFLICT. */
static enum status use_turn(const struct promotion_run *run, struct budget_turn *turn, bool takes,
                            str *why_not, struct error *error) {
    struct control *control = run->control;
    struct arena *arena = control->keep;
    int64_t now_ms = promotion_now_ms(run);
    enum status status = takes ? budget_take_turn(&control->table, turn, now_ms, arena, error)
                               : budget_read_turn(&control->table, turn, now_ms, arena, error);
    if (status == STATUS_CONFLICT) {
        *why_not = STR("another copy has just taken the promotion turn");
    } else if (status != STATUS_OK) {
        *why_not = error->message;
    } else if (!takes && turn->next_ms != 0) {
        *why_not = str_format(
            arena, "the promotion turn was taken at %" STR_FMT "; the next is at %" STR_FMT,
            STR_ARG(time_format_minute(arena, turn->taken_ms)),
            STR_ARG(time_format_minute(arena, turn->next_ms)));
        status = STATUS_CONFLICT;
    }
    return status;
}

static void add_without_turn(const struct promotion_run *run, struct candidate *const *turn,
                             size_t count, str why_not, const struct error *error) {
    bool is_failure = error->status != STATUS_OK && error->status != STATUS_CONFLICT;
    if (is_failure) {
        promotion_add_action(run, turn[0], ACTION_FAILED, why_not, error);
    }
    add_all(run, turn + (is_failure ? 1 : 0), count - (is_failure ? 1 : 0), ACTION_PLANNED,
            why_not);
}

/* Nothing was promoted: the next complete sweep need not wait. */
static void return_turn(const struct promotion_run *run, struct budget_turn *turn) {
    struct control *control = run->control;
    struct error error = {0};
    if (budget_return_turn(&control->table, turn, control->keep, &error) != STATUS_OK) {
        LOG(control->guard->log, LOG_WARN, "turn_not_returned",
            LOG_STR("reason", STR("nothing was promoted, and the next turn is in 20 hours")),
            LOG_STR("errorMessage", error.message));
    }
}

void promote(const struct promotion_run *run, struct candidate *const *turn, size_t count) {
    struct guard *guard = run->control->guard;
    struct arena *arena = run->control->keep;
    struct window_query *queries = ARENA_ARRAY(arena, struct window_query, count + 1);
    struct budget_turn claim = {.arn = run->place};
    struct error error = {0};
    str why_not = STR_EMPTY;
    size_t made = 0;
    error.status = use_turn(run, &claim, false, &why_not, &error);
    if (error.status != STATUS_OK) {
        add_without_turn(run, turn, count, why_not, &error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        queries[i] = (struct window_query){
            .arn = turn[i]->facts.arn,
            .window = window_before(promotion_now_ms(run), run->config->watch.minutes)};
    }
    /* The watch would have nothing to compare with; the next sweep tries again. */
    if (windows_read(guard, queries, count, arena, &error) != STATUS_OK) {
        add_all(run, turn, count, ACTION_SKIPPED,
                str_format(arena, "the numbers before the change could not be read: %" STR_FMT,
                           STR_ARG(error.message)));
        return;
    }
    int64_t turn_ends_ms = promotion_now_ms(run) + BUDGET_TURN_MS;
    error.status = use_turn(run, &claim, true, &why_not, &error);
    if (error.status != STATUS_OK) {
        add_without_turn(run, turn, count, why_not, &error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        made += promote_one(run, turn[i], turn_ends_ms, &queries[i].window) ? 1 : 0;
    }
    if (made == 0) {
        return_turn(run, &claim);
    }
}
