/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: a look at a watched promotion ends the watch, rolls the promotion back, extends the
 * watch once, or leaves it for the next run, and concludes nothing from what could not be read.
 * Runs may be repeated and overlap: each step is a conditional write of the WATCH item.
 */
#include "control/watch.h"

#include "control/evidence.h"
#include "control/mode_change.h"
#include "control/promotion.h"
#include "control/watch_item.h"

/* The last values of a minute come up to this late. */
#define METRICS_LATE_MS (INT64_C(3) * 60 * MS_PER_SECOND)
#define MS_PER_MINUTE   (60 * MS_PER_SECOND)

static int64_t now_of(const struct watch_item *item) {
    return item->control->guard->clock->now_ms(item->control->guard->clock);
}

static void add_look(struct watch_item *item, enum action_status status, str reason) {
    const struct action action = {.resource_id = item->record->arn,
                                  .action = ACTION_WATCH,
                                  .status = status,
                                  .reason = reason,
                                  .ending = watch_ending_of(item->record)};
    action_add(item->control, &action, NULL);
}

static void add_roll_back(struct watch_item *item, enum action_status status, str reason,
                          const struct error *cause) {
    const struct watch_record *record = item->record;
    const struct action action = {.resource_id = record->arn,
                                  .action = ACTION_ROLLBACK,
                                  .status = status,
                                  .from = str_from_cstr(mode_name(record->to)),
                                  .to = str_from_cstr(mode_name(record->from)),
                                  .reason = reason,
                                  .ending = watch_ending_of(record)};
    action_add(item->control, &action, cause);
}

/* --- the ends --------------------------------------------------------------------------------- */

/* `change`: as of watch_item_save. */
static bool save_end(struct watch_item *item, enum watch_status end, str note,
                     enum action_kind change) {
    item->record->status = end;
    item->record->note = note;
    item->record->ended_ms = now_of(item);
    item->record->is_alert_due = true;
    return watch_item_save_lease(item, change);
}

static void end_and_alert(struct watch_item *item, enum watch_status end, enum action_status status,
                          str note) {
    if (save_end(item, end, note, ACTION_NONE)) {
        add_look(item, status, note);
        watch_item_publish_alert(item);
    }
}

static void end_reverted(struct watch_item *item) {
    struct control *control = item->control;
    struct error error = {0};
    str note;
    if (watch_describe_reverting(&control->table, item->record, item->evaluation->mode,
                                 control->keep, &note, &error) == STATUS_OK) {
        end_and_alert(item, WATCH_REVERTED_BY_OTHER, ACTION_DONE, note);
    } else {
        action_add_failure(control, item->record->arn, ACTION_WATCH, &error);
    }
}

static void end_gone(struct watch_item *item) {
    item->evaluation = NULL; /* the alert names the owner that the record knows */
    item->record->expires_ms = now_of(item) + WATCH_ENDED_KEPT_MS;
    end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_DONE,
                  STR("the load balancer does not exist any more"));
}

/* Nobody may look there any more, which somebody has decided. */
static void end_removed(struct watch_item *item, str account_id) {
    bool is_decided = item->record->status == WATCH_ROLLING_BACK;
    item->evaluation = NULL;
    end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_DONE,
                  str_format(item->control->keep,
                             "the account %" STR_FMT " is not in ALLOWED_ACCOUNTS any more: the "
                             "mode stays as it is, and nobody watches it%s%" STR_FMT,
                             STR_ARG(account_id), is_decided ? ". It was to be rolled back: " : "",
                             STR_ARG(is_decided ? item->record->note : STR_EMPTY)));
}

/* What could not be read ends nothing. */
static void follow_failed_look(struct watch_item *item, const struct error *error) {
    struct control *control = item->control;
    str account_id = load_balancer_arn_parts(item->record->arn).account_id;
    if (accounts_was_removed(control->guard, account_id)) {
        end_removed(item, account_id);
    } else if (accounts_is_other(control->guard, account_id) &&
               !status_is_retryable(error->status) && error->status != STATUS_DEADLINE) {
        watch_item_report_unreachable(item, error);
    } else {
        action_add_failure(control, item->record->arn, ACTION_WATCH, error);
    }
}

static void end_rolled_back(struct watch_item *item) {
    str why = item->record->note;
    if (save_end(item, WATCH_ROLLED_BACK, why, ACTION_ROLLBACK)) {
        add_roll_back(item, ACTION_DONE, why, NULL);
        item->control->has_own_change = true;
        watch_item_publish_alert(item);
    }
}

/* --- roll back -------------------------------------------------------------------------------- */

static bool confirm_roll_back(struct mode_change *change, struct error *error) {
    const struct watch_item *item = change->context;
    (void)error;
    return change->evaluation->mode == item->record->to;
}

/* A rollback would leave the mode weaker than the policy requires by now. */
static void end_required(struct watch_item *item, str why) {
    const struct evaluation *evaluation = item->evaluation;
    str note = str_format(item->control->keep,
                          "it was to be rolled back, and is not, as %s is required now (%" STR_FMT
                          "): repair the clients, or lower what is required. %" STR_FMT,
                          mode_name(evaluation->required_mode),
                          STR_ARG(evaluation->required_because), STR_ARG(why));
    add_roll_back(item, ACTION_SKIPPED, note, NULL);
    end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_DONE, note);
}

/* The decision is saved first: a later run carries it out when this one cannot. */
static void roll_back(struct watch_item *item, struct load_balancer *facts, str why) {
    struct error error = {0};
    item->record->status = WATCH_ROLLING_BACK;
    item->record->note = why;
    if (!watch_item_save_lease(item, ACTION_NONE)) {
        return;
    }
    struct mode_change change = {.control = item->control,
                                 .facts = facts,
                                 .evaluation = item->evaluation,
                                 .to = item->record->from,
                                 .is_rollback = true,
                                 .confirm = confirm_roll_back,
                                 .context = item};
    enum status status = mode_change_make(&change, &error);
    if (change.is_made) {
        end_rolled_back(item);
    } else if (change.is_gone) {
        end_gone(item);
    } else if (change.is_required) {
        end_required(item, why);
    } else if (status == STATUS_OK) {
        end_reverted(item);
    } else {
        add_roll_back(item, ACTION_FAILED, error.message, &error);
        (void)watch_item_release(item);
    }
}

/* --- one step --------------------------------------------------------------------------------- */

/* Of the whole minutes after the change: the one it was made in is of both modes. */
static struct traffic_window window_after(const struct watch_record *record, int64_t now_ms,
                                          bool *is_over_out) {
    int64_t start_ms = record->changed_ms - record->changed_ms % MS_PER_MINUTE + MS_PER_MINUTE;
    int64_t end_ms = start_ms + (record->was_extended ? 2 : 1) * record->minutes * MS_PER_MINUTE;
    int64_t so_far_ms = now_ms - now_ms % MS_PER_MINUTE;
    *is_over_out = now_ms >= end_ms + METRICS_LATE_MS;
    return (struct traffic_window){.start_ms = start_ms,
                                   .end_ms = so_far_ms < end_ms ? so_far_ms : end_ms};
}

static void follow_judgement(struct watch_item *item, struct load_balancer *facts,
                             const struct watch_judgement *judgement) {
    switch (judgement->verdict) {
    case WATCH_GO_ON:
        add_look(item, ACTION_PLANNED, judgement->reason);
        break;
    case WATCH_CLOSE:
        end_and_alert(item, WATCH_HELD, ACTION_DONE, judgement->reason);
        break;
    case WATCH_NO_DATA:
        end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_SKIPPED, judgement->reason);
        break;
    case WATCH_EXTEND:
        item->record->was_extended = true;
        if (watch_item_save(item, ACTION_NONE)) {
            add_look(item, ACTION_PLANNED, judgement->reason);
        }
        break;
    case WATCH_ROLL_BACK:
        roll_back(item, facts, judgement->reason);
        break;
    }
}

/* CloudWatch had not all values when the baseline of the change was read, so the time before it is
 * read again; the baseline counts where CloudWatch has dropped that time. */
static void compare_windows(struct watch_item *item, struct load_balancer *facts) {
    struct guard *guard = item->control->guard;
    const struct watch_record *record = item->record;
    bool is_over = false;
    struct error error = {0};
    struct window_query windows[] = {
        {.arn = record->arn, .window = window_before(record->changed_ms, record->minutes)},
        {.arn = record->arn, .window = window_after(record, now_of(item), &is_over)},
    };
    if (windows[1].window.end_ms <= windows[1].window.start_ms) {
        add_look(item, ACTION_PLANNED, STR("the change was made just now"));
        return;
    }
    if (windows_read(guard, windows, 2, item->control->keep, &error) != STATUS_OK) {
        action_add_failure(item->control, record->arn, ACTION_WATCH, &error);
        return;
    }
    bool is_dropped = !windows[0].window.has_data && record->baseline.has_data;
    struct watch_judgement judgement;
    watch_judge(is_dropped ? &record->baseline : &windows[0].window, &windows[1].window, is_over,
                record->was_extended, &guard->settings.control.promotion.watch, item->control->keep,
                &judgement);
    follow_judgement(item, facts, &judgement);
}

/* Reads lag: the mode before the promotion, soon after it, proves nothing. */
static bool may_lag(const struct watch_item *item, enum desync_mode mode) {
    const struct watch_record *record = item->record;
    return mode == record->from && record->status != WATCH_ROLLING_BACK &&
           now_of(item) - record->changed_ms < READ_LAG_MS;
}

static void take_next_step(struct watch_item *item, struct closed_account *closed) {
    struct control *control = item->control;
    struct watch_record *record = item->record;
    struct error error = {0};
    struct load_balancer facts = {.arn = record->arn, .type = TYPE_APPLICATION};
    struct mode_change change = {.control = control,
                                 .facts = &facts,
                                 .evaluation = ARENA_NEW(control->keep, struct evaluation)};
    enum status status =
        accounts_select_by_arn(control->guard, record->arn, closed, control->keep, &error);
    if (status == STATUS_OK) {
        status = mode_change_read(&change, &error);
    }
    if (status != STATUS_OK) {
        error.status = status;
        follow_failed_look(item, &error);
        return;
    }
    item->evaluation = change.evaluation;
    promotion_note_retry(record, &facts, now_of(item)); /* saved with the next step */
    if (change.is_gone) {
        end_gone(item);
    } else if (may_lag(item, facts.mode)) {
        add_look(item, ACTION_PLANNED,
                 STR("reads may still show the mode before the promotion: the next run looks "
                     "again"));
    } else if (record->status == WATCH_ROLLING_BACK && facts.mode == record->from) {
        end_rolled_back(item); /* by a run that ended before it could say so */
    } else if (record->status == WATCH_BEGUN && facts.mode != record->to) {
        str note = str_format(control->keep, "the promotion was begun and not made: the mode is %s",
                              mode_name(facts.mode));
        if (watch_item_end_unmade(item, note)) {
            add_look(item, ACTION_DONE, note);
        }
    } else if (facts.mode != record->to) {
        end_reverted(item);
    } else if (record->status == WATCH_ROLLING_BACK) {
        roll_back(item, &facts, record->note);
    } else if (record->status == WATCH_OPEN || watch_item_open(item)) {
        compare_windows(item, &facts);
    }
}

void watch_one(struct control *control, struct watch_record *record,
               struct closed_account *closed) {
    struct watch_item item = {.control = control, .record = record, .failure = ACTION_WATCH};
    if (record->lease_ms > now_of(&item) && !str_eq(record->writer, control->table.writer)) {
        return; /* another copy has it */
    }
    if (record->is_alert_due && watch_item_save_lease(&item, ACTION_NONE)) {
        watch_item_publish_alert(&item);
    }
    if (watch_is_open(record)) {
        take_next_step(&item, closed);
    }
}
