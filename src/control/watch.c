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

/* For the numbers, a rollback, its writes and the alert. */
#define TIME_NEEDED_MS 15000
#define LOOKS_AN_HOUR  12
/* After the watch a run makes up for so many days that were missed: of those of a usual watch it
 * sends one alert. */
#define DAYS_A_RUN 7

static int64_t now_of(const struct watch_item *item) {
    return guard_now_ms(item->control->guard);
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

/* Of a raise only blocked clients are worth an alert. */
static void end_raise(struct watch_item *item, enum watch_status end, str note) {
    struct watch_record *record = item->record;
    record->status = end;
    record->note = note;
    record->ended_ms = now_of(item);
    record->expires_ms = record->ended_ms + WATCH_ENDED_KEPT_MS;
    if (watch_item_release(item)) {
        add_look(item, ACTION_DONE, note);
    }
}

static void end_and_alert(struct watch_item *item, enum watch_status end, enum action_status status,
                          str note) {
    if (watch_is_of_raise(item->record)) {
        end_raise(item, end, note);
    } else if (save_end(item, end, note, ACTION_NONE)) {
        add_look(item, status, note);
        watch_item_publish_alert(item);
    }
}

/* With the rollback that was decided and cannot be made any more. */
static str undone_note(const struct watch_item *item, str note) {
    const struct watch_record *record = item->record;
    return record->status != WATCH_ROLLING_BACK
               ? note
               : str_format(item->control->keep,
                            "%" STR_FMT ". It was to be rolled back: %" STR_FMT, STR_ARG(note),
                            STR_ARG(record->note));
}

static void end_reverted(struct watch_item *item) {
    struct control *control = item->control;
    struct error error = {0};
    str note;
    if (watch_describe_reverting(&control->table, item->record, item->evaluation->mode,
                                 control->keep, &note, &error) == STATUS_OK) {
        end_and_alert(item, WATCH_REVERTED_BY_OTHER, ACTION_DONE, undone_note(item, note));
    } else {
        action_add_failure(control, item->record->arn, ACTION_WATCH, &error);
    }
}

static void end_gone(struct watch_item *item) {
    item->evaluation = NULL; /* the alert names the owner that the record knows */
    item->record->expires_ms = now_of(item) + WATCH_ENDED_KEPT_MS;
    end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_DONE,
                  undone_note(item, STR("the load balancer does not exist any more")));
}

/* Nobody may look there any more, which somebody has decided. */
static void end_removed(struct watch_item *item, str account_id) {
    str note = str_format(item->control->keep,
                          "the account %" STR_FMT " is not in ALLOWED_ACCOUNTS any more: the mode "
                          "stays as it is, and nobody watches it",
                          STR_ARG(account_id));
    item->evaluation = NULL;
    end_and_alert(item, WATCH_INCONCLUSIVE, ACTION_DONE, undone_note(item, note));
}

/* What could not be read ends nothing. */
static void follow_failed_look(struct watch_item *item, const struct error *error) {
    struct control *control = item->control;
    str account_id = load_balancer_arn_parts(item->record->arn).account_id;
    if (accounts_was_removed(control->guard, account_id)) {
        if (watch_is_open(item->record)) {
            end_removed(item, account_id);
        }
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
    if (item->record->status != WATCH_ROLLING_BACK || item->record->decided_ms == 0) {
        item->record->decided_ms = now_of(item);
    }
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

/* Enforcement never lowers a mode: the owner decides. */
static void end_blocked(struct watch_item *item, str why) {
    struct watch_record *record = item->record;
    str note = str_format(item->control->keep,
                          "clients are blocked since defensive was set, or errors rose: %" STR_FMT,
                          STR_ARG(why));
    record->owner = item->evaluation->owner;
    if (save_end(item, WATCH_INCONCLUSIVE, note, ACTION_NONE)) {
        add_look(item, ACTION_SKIPPED, note);
        watch_item_publish_alert(item);
    }
}

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
        if (watch_is_of_raise(item->record)) {
            end_blocked(item, judgement->reason);
        } else {
            roll_back(item, facts, judgement->reason);
        }
        break;
    }
}

/* A watch of 0.1.0 has no plan, and gets that of one that begins now. So does that of a raise, with
 * what enforcement accepts. */
static struct watch_plan plan_of(const struct watch_item *item) {
    const struct control_settings *settings = &item->control->guard->settings.control;
    const struct promotion_config *config = &settings->promotion;
    return watch_is_of_raise(item->record)
               ? watch_plan_of(&config->watch, settings->enforcement.blocked_percent_max)
           : item->record->plan.looks > 0
               ? item->record->plan
               : watch_plan_of(&config->watch, config->evidence.risk_percent_max);
}

static void judge_look(const struct watch_item *item, const struct watch_look *look,
                       struct watch_judgement *judgement) {
    struct watch_settings settings = item->control->guard->settings.control.promotion.watch;
    const struct watch_plan plan = plan_of(item);
    if (!watch_is_of_raise(item->record)) {
        settings.minutes = item->record->minutes;
    }
    settings.days_max = plan.looks / WATCH_BINS_A_DAY;
    if (look->is_of_day) {
        watch_judge_day(&look->numbers, plan.risk_percent_max, item->control->keep, judgement);
    } else {
        watch_judge(&look->numbers, &plan, &settings, item->control->keep, judgement);
    }
}

/* false: nothing can be concluded. Numbers of days are large, and watches may be many: they live as
 * long as the judgement is made. */
static bool read_and_judge(const struct watch_item *item, struct watch_look *look,
                           struct watch_judgement *judgement) {
    struct control *control = item->control;
    struct arena scratch = {0};
    struct error cause = {0};
    struct error error = {0};
    enum status status = watch_look_read(control->guard, item->record, &scratch, look, &cause);
    if (status == STATUS_OK) {
        judge_look(item, look, judgement);
        look->blocked_reason = str_copy(control->keep, look->blocked_reason);
    } else {
        error_copy(&error, control->keep, &cause);
        action_add_failure(control, item->record->arn, ACTION_WATCH, &error);
    }
    arena_clean_up(&scratch);
    return status == STATUS_OK;
}

static void look_at(struct watch_item *item, struct load_balancer *facts) {
    struct watch_judgement judgement;
    int number = watch_look_number(item->record, now_of(item));
    int looks = plan_of(item).looks;
    struct watch_look look = {.number = number < looks ? number : looks};
    if (number == 0) {
        add_look(item, ACTION_PLANNED, STR("the change was made just now"));
    } else if (read_and_judge(item, &look, &judgement)) {
        follow_judgement(item, facts, &judgement);
    }
}

/* Reads lag: the mode before the promotion, soon after it, proves nothing. */
static bool may_lag(const struct watch_item *item, enum desync_mode mode) {
    const struct watch_record *record = item->record;
    return mode == record->from && record->status != WATCH_ROLLING_BACK &&
           now_of(item) - record->changed_ms < READ_LAG_MS;
}

/* --- after the watch ---------------------------------------------------------------------------*/

/* The last day to look at now, of those since the change that are over; 0: there is none. */
static int day_to_look_at(const struct watch_item *item) {
    const struct watch_record *record = item->record;
    int day = watch_look_day(record, now_of(item));
    int last = record->looked_on_day + DAYS_A_RUN;
    bool is_in_place = record->status == WATCH_HELD || record->status == WATCH_INCONCLUSIVE;
    return !is_in_place || day <= record->looked_on_day ? 0 : day < last ? day : last;
}

static str blocked_note(const struct watch_item *item, const struct watch_look *found,
                        int day_before) {
    struct arena *arena = item->control->keep;
    int64_t from_ms = watch_look_day_ms(item->record, day_before + 1);
    int64_t to_ms = watch_look_day_ms(item->record, found->number + 1);
    return str_format(arena,
                      "from %" STR_FMT " to %" STR_FMT " %llu requests were blocked that came from "
                      "networks of clients that were served otherwise, most of them for %" STR_FMT,
                      STR_ARG(time_format_minute(arena, from_ms)),
                      STR_ARG(time_format_minute(arena, to_ms)),
                      (unsigned long long)found->blocked_clients, STR_ARG(found->blocked_reason));
}

/* The lease keeps other copies away. Days whose alert SNS did not take are looked at again. */
static void alert_blocked(struct watch_item *item, const struct watch_look *found, int day_before) {
    item->record->looked_on_day = day_before;
    if (watch_item_save_lease(item, ACTION_NONE)) {
        bool is_sent = watch_item_alert_blocked(item, blocked_note(item, found, day_before));
        item->record->looked_on_day = is_sent ? found->number : day_before;
        (void)watch_item_release(item);
    }
}

/* One day after the other, up to the first that takes the promotion back, that cannot be read, or
 * for which no time is left. found->number: the last that was looked at. */
static void look_at_days(const struct watch_item *item, int last, struct watch_look *found,
                         struct watch_judgement *judgement) {
    const struct aws_client *client = &item->control->guard->aws;
    int before = found->number;
    while (found->number < last && judgement->verdict == WATCH_GO_ON &&
           (found->number == before || aws_client_time_left_ms(client) >= TIME_NEEDED_MS)) {
        struct watch_look look = {.number = found->number + 1, .is_of_day = true};
        if (!read_and_judge(item, &look, judgement)) {
            return;
        }
        found->number = look.number;
        found->blocked_clients += look.blocked_clients;
        found->blocked_reason =
            look.blocked_clients > 0 ? look.blocked_reason : found->blocked_reason;
    }
}

/* At each day once, whatever the number of runs: each look has its part of alpha. Of what is gone
 * or was changed by somebody else there is nothing to see. */
static void look_on(struct watch_item *item, struct load_balancer *facts, bool is_there) {
    int before = item->record->looked_on_day;
    int last = day_to_look_at(item);
    struct watch_look found = {.number = is_there || last == 0 ? before : last};
    struct watch_judgement judgement = {.verdict = WATCH_GO_ON};
    if (is_there) {
        look_at_days(item, last, &found, &judgement);
    }
    item->record->looked_on_day = found.number;
    if (judgement.verdict == WATCH_ROLL_BACK) {
        item->record->looked_on_day = last; /* one decision is enough for these days */
        roll_back(item, facts, judgement.reason);
    } else if (found.blocked_clients > 0) {
        alert_blocked(item, &found, before);
    } else if (found.number > before) {
        (void)watch_item_save(item, ACTION_NONE);
    }
}

/* --- of a raise ------------------------------------------------------------------------------- */

/* Raises may be many: after the first hour each is looked at once an hour. */
static bool is_raise_due(const struct watch_item *item) {
    int number = watch_look_number(item->record, now_of(item));
    int looks = plan_of(item).looks;
    number = number < looks ? number : looks;
    return item->record->status == WATCH_OPEN &&
           (number <= LOOKS_AN_HOUR || number % LOOKS_AN_HOUR == 0);
}

static void follow_raise(struct watch_item *item, struct load_balancer *facts) {
    const struct watch_record *record = item->record;
    str note = str_format(item->control->keep, "the mode is %s now", mode_name(facts->mode));
    if (facts->mode == record->to) {
        look_at(item, facts);
    } else if (facts->mode > record->to) {
        end_raise(item, WATCH_INCONCLUSIVE, note); /* a promotion has a watch of its own */
    } else {
        end_raise(item, WATCH_REVERTED_BY_OTHER, note);
    }
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
    if (watch_is_of_raise(record) && !change.is_gone && !may_lag(item, facts.mode)) {
        follow_raise(item, &facts);
        return;
    }
    promotion_note_retry(record, &facts, now_of(item)); /* saved with the next step */
    if (!watch_is_open(record)) {
        bool is_there = !change.is_gone && facts.mode == record->to;
        look_on(item, &facts, is_there);
    } else if (change.is_gone) {
        end_gone(item);
    } else if (may_lag(item, facts.mode)) {
        add_look(item, ACTION_PLANNED,
                 STR("reads may still show the mode before the change: the next run looks "
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
        look_at(item, &facts);
    }
}

static bool has_step(const struct watch_item *item) {
    return watch_is_of_raise(item->record)
               ? is_raise_due(item)
               : watch_is_open(item->record) || day_to_look_at(item) > 0;
}

bool watch_is_due(struct control *control, struct watch_record *record) {
    const struct watch_item item = {.control = control, .record = record};
    return record->is_alert_due || has_step(&item);
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
    if (has_step(&item)) {
        take_next_step(&item, closed);
    }
}

void watch_raises(struct control *control, struct watch_record *records, size_t count) {
    struct closed_account closed = {0};
    for (size_t i = 0; i < count; i++) {
        if (aws_client_time_left_ms(&control->guard->home) >= TIME_NEEDED_MS) {
            watch_one(control, &records[i], &closed);
        }
    }
}

void watch_look_on(struct control *control, struct watch_record *record,
                   struct closed_account *closed) {
    const struct watch_item item = {.control = control, .record = record};
    if (day_to_look_at(&item) > 0 &&
        aws_client_time_left_ms(&control->guard->aws) >= TIME_NEEDED_MS) {
        watch_one(control, record, closed);
    }
}
