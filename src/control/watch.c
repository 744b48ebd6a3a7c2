/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: a look at a watched promotion ends the watch, rolls the promotion back, or leaves it
 * for the next run, and concludes nothing from what could not be read.
 * Runs may be repeated and overlap: each step is a conditional write of the WATCH item.
 */
#include "control/watch.h"

#include "control/mode_change.h"
#include "control/promotion.h"
#include "control/watch_item.h"
#include "control/watch_look.h"

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

static void follow_judgement(struct watch_item *item, struct load_balancer *facts,
                             const struct watch_judgement *judgement) {
    switch (judgement->verdict) {
    case WATCH_GO_ON:
        add_look(item, ACTION_PLANNED, judgement->reason);
        break;
    case WATCH_END_HELD:
        end_and_alert(item, WATCH_HELD, ACTION_DONE, judgement->reason);
        break;
    case WATCH_END_INCONCLUSIVE:
        end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_SKIPPED, judgement->reason);
        break;
    case WATCH_ROLL_BACK:
        roll_back(item, facts, judgement->reason);
        break;
    }
}

/* A watch of 0.1.0 has no plan, and gets that of one that begins now. */
static void look(struct watch_item *item, struct load_balancer *facts) {
    struct guard *guard = item->control->guard;
    const struct watch_record *record = item->record;
    const struct promotion_config *config = &guard->settings.control.promotion;
    struct watch_plan plan = record->plan.looks > 0
                                 ? record->plan
                                 : watch_plan_of(&config->watch, config->evidence.risk_percent_max);
    struct watch_settings settings = config->watch;
    int number = watch_look_number(record, now_of(item));
    number = number < plan.looks ? number : plan.looks;
    settings.minutes = record->minutes;
    settings.days_max = plan.looks / WATCH_BINS_A_DAY;
    if (number == 0) {
        add_look(item, ACTION_PLANNED, STR("the change was made just now"));
        return;
    }
    struct arena scratch = {0}; /* numbers of days are large, and watches may be many */
    struct watch_numbers numbers;
    struct watch_judgement judgement;
    struct error cause = {0};
    struct error error = {0};
    enum status status = watch_look_read(guard, record, number, &scratch, &numbers, &cause);
    if (status == STATUS_OK) {
        watch_judge(&numbers, &plan, &settings, item->control->keep, &judgement);
    } else {
        error_copy(&error, item->control->keep, &cause);
        action_add_failure(item->control, record->arn, ACTION_WATCH, &error);
    }
    arena_clean_up(&scratch);
    if (status == STATUS_OK) {
        follow_judgement(item, facts, &judgement);
    }
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
        look(item, &facts);
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
