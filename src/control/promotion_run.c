/* SPDX-License-Identifier: Apache-2.0
 *
 * The promotion of those whose turn it is. The WATCH item comes first: whatever becomes of this
 * invocation, no promotion stays unwatched, and of two copies only one promotes.
 */
#include "control/change_alert.h"
#include "control/evidence.h"
#include "control/mode_change.h"
#include "promotion_internal.h"

/* For a look, the change, what is written and told of it, with pauses between attempts. */
#define TIME_NEEDED_MS 8000

struct promoting {
    const struct promotion_turn *turn;
    const struct candidate *candidate;
    struct watch_record record;
    struct mode_change change;
};

static void add_action(const struct promoting *promoting, const char *status, str reason,
                       const struct error *cause) {
    const struct action action = {.resource_id = promoting->candidate->facts.arn,
                                  .action = "promote",
                                  .status = status,
                                  .from = STR("defensive"),
                                  .to = STR("strictest"),
                                  .reason = reason};
    action_add(promoting->turn->sweep->control, &action, cause);
}

/* What was seen when the sweep came by may have changed: another mode, an exception, a profile. */
static bool is_due(void *context, const struct evaluation *evaluation, str *why_not) {
    const struct promoting *promoting = context;
    const struct promotion_sweep *sweep = promoting->turn->sweep;
    struct advice advice;
    recommend(evaluation, &promoting->candidate->evidence,
              &sweep->guard->settings.control.promotion.evidence,
              sweep->guard->clock->now_ms(sweep->guard->clock), sweep->arena, &advice);
    *why_not = advice.reason;
    return advice.recommendation == RECOMMEND_PROMOTE;
}

static enum status begin(struct promoting *promoting, const struct traffic_window *baseline,
                         struct error *error) {
    const struct promotion_turn *turn = promoting->turn;
    const struct promotion_sweep *sweep = turn->sweep;
    const struct watch_record *before =
        watch_find(turn->records, turn->record_count, promoting->candidate->facts.arn);
    promoting->record = (struct watch_record){
        .arn = promoting->candidate->facts.arn,
        .version = before == NULL ? 0 : before->version,
        .status = WATCH_BEGUN,
        .changed_ms = sweep->guard->clock->now_ms(sweep->guard->clock),
        .from = MODE_DEFENSIVE,
        .to = MODE_STRICTEST,
        .minutes = sweep->guard->settings.control.promotion.watch.minutes,
        .note = promoting->candidate->reason,
        .writer = sweep->control->table.writer,
        .lease_ms = lease_end_ms(sweep->guard),
        .baseline = *baseline,
    };
    return watch_save(&sweep->control->table, &promoting->record, sweep->arena, error);
}

static bool is_saved(struct promoting *promoting, enum status status, const struct error *error) {
    if (status != STATUS_OK) {
        action_add_failure(promoting->turn->sweep->control, promoting->record.arn, "promote",
                           error);
    }
    return status == STATUS_OK;
}

static bool save(struct promoting *promoting) {
    const struct promotion_sweep *sweep = promoting->turn->sweep;
    struct error error = {0};
    enum status status =
        watch_save(&sweep->control->table, &promoting->record, sweep->arena, &error);
    return is_saved(promoting, status, &error);
}

/* It was not made. */
static void close_watch(struct promoting *promoting, str note) {
    const struct clock *clock = promoting->turn->sweep->guard->clock;
    struct watch_record *record = &promoting->record;
    record->status = WATCH_NOT_MADE;
    record->ended_ms = clock->now_ms(clock);
    record->note = note;
    record->writer = STR_EMPTY;
    record->lease_ms = 0;
    (void)save(promoting);
}

/* Whoever notes that it is told may tell it; what certainly reached nobody is told by the watch. */
static void tell(struct promoting *promoting) {
    struct watch_record *record = &promoting->record;
    const struct change_alert alert = {.kind = ALERT_PROMOTED,
                                       .evaluation = promoting->change.evaluation,
                                       .from = record->from,
                                       .to = record->to,
                                       .note = promoting->candidate->reason};
    record->is_alert_due = false;
    record->writer = STR_EMPTY;
    record->lease_ms = 0;
    if (save(promoting) && !change_alert_publish(promoting->turn->sweep->control, &alert)) {
        record->is_alert_due = true;
        (void)save(promoting);
    }
}

static void open_watch(struct promoting *promoting) {
    const struct promotion_sweep *sweep = promoting->turn->sweep;
    struct watch_record *record = &promoting->record;
    struct error error = {0};
    record->status = WATCH_OPEN;
    record->changed_ms = promoting->change.facts_ms;
    record->owner = promoting->change.evaluation->owner;
    record->is_alert_due = true;
    enum status status =
        watch_save_change(&sweep->control->table, record, "promote", sweep->arena, &error);
    if (is_saved(promoting, status, &error)) {
        tell(promoting);
    }
}

/* What is remembered and what AWS Config knows follow from a judgement of the new mode. */
static void follow_up(struct promoting *promoting) {
    const struct promotion_sweep *sweep = promoting->turn->sweep;
    struct mode_change *change = &promoting->change;
    add_action(promoting, "done", promoting->candidate->reason, NULL);
    open_watch(promoting);
    sweep->control->has_new_verdict = true;
    change->evaluation->ordering_ms = sweep->ordering_ms;
    control_handle_judgement(sweep->control, change->facts, change->facts_ms, change->evaluation);
}

static void carry_out(struct promoting *promoting) {
    const struct promotion_sweep *sweep = promoting->turn->sweep;
    struct mode_change *change = &promoting->change;
    struct load_balancer *facts = ARENA_NEW(sweep->arena, struct load_balancer);
    struct error error = {0};
    *facts = promoting->candidate->facts;
    *change = (struct mode_change){.guard = sweep->guard,
                                   .policy = sweep->policy,
                                   .arena = sweep->arena,
                                   .facts = facts,
                                   .to = MODE_STRICTEST,
                                   .is_due = is_due,
                                   .context = promoting};
    enum status status = mode_change_make(change, &error);
    /* An attempt counts as a change, whatever comes of it. */
    sweep->control->changes += change->is_tried ? 1 : 0;
    if (change->is_made) {
        follow_up(promoting);
    } else if (status == STATUS_OK) {
        close_watch(promoting, change->why_not);
        add_action(promoting, "skipped", change->why_not, NULL);
    } else {
        /* Where the answer was lost it stays `begun`, and the watch looks what has come of it. */
        if (!change->may_be_made) {
            close_watch(promoting, error.message);
        }
        add_action(promoting, "failed", error.message, &error);
    }
}

static void promote(const struct promotion_turn *turn, const struct candidate *candidate,
                    const struct traffic_window *baseline) {
    struct promoting promoting = {.turn = turn, .candidate = candidate};
    struct error error = {0};
    enum status status = begin(&promoting, baseline, &error);
    if (status == STATUS_OK) {
        carry_out(&promoting);
    } else if (status == STATUS_CONFLICT) {
        add_action(&promoting, "skipped", STR("another copy is at it"), NULL);
    } else {
        add_action(&promoting, "failed", error.message, &error);
    }
}

/* Without the numbers before there would be nothing to watch by; the next sweep tries again. */
static void leave_all(const struct promotion_turn *turn, const struct error *error) {
    str reason =
        str_format(turn->sweep->arena, "the numbers before the change could not be read: %" STR_FMT,
                   STR_ARG(error->message));
    for (size_t i = 0; i < turn->count; i++) {
        const struct promoting promoting = {.turn = turn, .candidate = turn->candidates[i]};
        add_action(&promoting, "skipped", reason, NULL);
    }
}

void promote_turn(const struct promotion_turn *turn) {
    const struct promotion_sweep *sweep = turn->sweep;
    struct window_query *cases = ARENA_ARRAY(sweep->arena, struct window_query, turn->count + 1);
    struct error error = {0};
    int minutes = sweep->guard->settings.control.promotion.watch.minutes;
    for (size_t i = 0; i < turn->count; i++) {
        cases[i] = (struct window_query){
            .arn = turn->candidates[i]->facts.arn,
            .window = window_before(sweep->guard->clock->now_ms(sweep->guard->clock), minutes)};
    }
    if (windows_read(sweep->guard, cases, turn->count, sweep->arena, &error) != STATUS_OK) {
        leave_all(turn, &error);
        return;
    }
    for (size_t i = 0; i < turn->count; i++) {
        if (aws_client_time_left_ms(&sweep->guard->aws) < TIME_NEEDED_MS) {
            const struct promoting promoting = {.turn = turn, .candidate = turn->candidates[i]};
            add_action(&promoting, "planned", STR("no time was left in this run"), NULL);
        } else {
            promote(turn, turn->candidates[i], &cases[i].window);
        }
    }
}
