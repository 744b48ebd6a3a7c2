/* SPDX-License-Identifier: Apache-2.0
 *
 * The promotion of those whose turn it is. The WATCH item comes first: whatever becomes of this
 * invocation, no promotion stays unwatched, and of two copies only one promotes.
 */
#include "promote_candidates.h"

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
    act_add(&promoting->turn->sweep->act, &action, cause);
}

/* What was seen when the sweep came by may have changed: another mode, an exception, a profile. */
static bool is_due(void *context, const struct evaluation *evaluation, str *why_not) {
    const struct promoting *promoting = context;
    struct sweep *sweep = promoting->turn->sweep;
    struct advice advice;
    recommend(evaluation, &promoting->candidate->evidence,
              &sweep->app->settings.act.promotion.evidence,
              sweep->app->clock->now_ms(sweep->app->clock), sweep->arena, &advice);
    *why_not = advice.reason;
    return advice.recommendation == RECOMMEND_PROMOTE;
}

static enum status begin(struct promoting *promoting, const struct traffic_window *baseline,
                         struct error *error) {
    const struct promotion_turn *turn = promoting->turn;
    struct sweep *sweep = turn->sweep;
    const struct watch_record *before =
        watch_find(turn->records, turn->record_count, promoting->candidate->facts.arn);
    promoting->record = (struct watch_record){
        .arn = promoting->candidate->facts.arn,
        .version = before == NULL ? 0 : before->version,
        .status = WATCH_BEGUN,
        .changed_ms = sweep->app->clock->now_ms(sweep->app->clock),
        .from = MODE_DEFENSIVE,
        .to = MODE_STRICTEST,
        .minutes = sweep->app->settings.act.promotion.watch.minutes,
        .note = promoting->candidate->reason,
        .writer = sweep->act.table.writer,
        .lease_ms = lease_end_ms(sweep->app),
        .baseline = *baseline,
    };
    return watch_save(&sweep->act.table, &promoting->record, sweep->arena, error);
}

static bool is_saved(struct promoting *promoting, enum status status, const struct error *error) {
    if (status != STATUS_OK) {
        act_fail(&promoting->turn->sweep->act, promoting->record.arn, "promote", error);
    }
    return status == STATUS_OK;
}

static bool save(struct promoting *promoting) {
    struct sweep *sweep = promoting->turn->sweep;
    struct error error = {0};
    enum status status = watch_save(&sweep->act.table, &promoting->record, sweep->arena, &error);
    return is_saved(promoting, status, &error);
}

/* It was not made. */
static void close_watch(struct promoting *promoting, str note) {
    const struct clock *clock = promoting->turn->sweep->app->clock;
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
    record->is_untold = false;
    record->writer = STR_EMPTY;
    record->lease_ms = 0;
    if (save(promoting) && !change_tell(&promoting->turn->sweep->act, &alert)) {
        record->is_untold = true;
        (void)save(promoting);
    }
}

static void open_watch(struct promoting *promoting) {
    struct sweep *sweep = promoting->turn->sweep;
    struct watch_record *record = &promoting->record;
    struct error error = {0};
    record->status = WATCH_OPEN;
    record->changed_ms = promoting->change.facts_ms;
    record->owner = promoting->change.evaluation->owner;
    record->is_untold = true;
    enum status status =
        watch_save_change(&sweep->act.table, record, "promote", sweep->arena, &error);
    if (is_saved(promoting, status, &error)) {
        tell(promoting);
    }
}

/* What is remembered and what AWS Config knows follow from a judgement of the new mode. */
static void follow_up(struct promoting *promoting) {
    struct sweep *sweep = promoting->turn->sweep;
    struct mode_change *change = &promoting->change;
    add_action(promoting, "done", promoting->candidate->reason, NULL);
    open_watch(promoting);
    sweep->act.has_new_verdict = true;
    change->evaluation->ordering_ms = sweep->ordering_ms;
    act_on(&sweep->act, change->facts, change->facts_ms, change->evaluation);
}

static void carry_out(struct promoting *promoting) {
    struct sweep *sweep = promoting->turn->sweep;
    struct mode_change *change = &promoting->change;
    struct load_balancer *facts = ARENA_NEW(sweep->arena, struct load_balancer);
    struct error error = {0};
    *facts = promoting->candidate->facts;
    *change = (struct mode_change){.app = sweep->app,
                                   .policy = sweep->policy,
                                   .arena = sweep->arena,
                                   .facts = facts,
                                   .to = MODE_STRICTEST,
                                   .is_due = is_due,
                                   .context = promoting};
    enum status status = mode_change_make(change, &error);
    /* An attempt counts as a change, whatever comes of it. */
    sweep->act.changes += change->is_tried ? 1 : 0;
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
    struct sweep *sweep = turn->sweep;
    struct window_case *cases = ARENA_ARRAY(sweep->arena, struct window_case, turn->count + 1);
    struct error error = {0};
    int minutes = sweep->app->settings.act.promotion.watch.minutes;
    for (size_t i = 0; i < turn->count; i++) {
        cases[i] = (struct window_case){
            .arn = turn->candidates[i]->facts.arn,
            .window = window_before(sweep->app->clock->now_ms(sweep->app->clock), minutes)};
    }
    if (windows_read(sweep->app, cases, turn->count, sweep->arena, &error) != STATUS_OK) {
        leave_all(turn, &error);
        return;
    }
    for (size_t i = 0; i < turn->count; i++) {
        if (aws_client_time_left_ms(&sweep->app->aws) < TIME_NEEDED_MS) {
            const struct promoting promoting = {.turn = turn, .candidate = turn->candidates[i]};
            add_action(&promoting, "planned", STR("no time was left in this run"), NULL);
        } else {
            promote(turn, turn->candidates[i], &cases[i].window);
        }
    }
}
