/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks after one promotion that is being watched, and ends its watch, takes it back, extends it
 * once or leaves it for the next run. Nothing is concluded from what could not be read. Runs may be
 * repeated and overlap: each step is a conditional write of the WATCH item.
 */
#include "control/watch.h"

#include "control/accounts.h"
#include "control/change_alert.h"
#include "control/evidence.h"
#include "control/live.h"
#include "control/mode_change.h"

/* The last values of a minute come up to this late. */
#define METRICS_LATE_MS (INT64_C(3) * 60 * MS_PER_SECOND)
#define MS_PER_MINUTE   (60 * MS_PER_SECOND)

static int64_t now_of(const struct watching *watching) {
    return watching->guard->clock->now_ms(watching->guard->clock);
}

static void add_action(struct watching *watching, const char *name, const char *status, str reason,
                       const struct error *cause) {
    const struct watch_record *record = watching->record;
    const struct action action = {.resource_id = record->arn,
                                  .action = name,
                                  .status = status,
                                  .from = str_from_cstr(mode_name(record->to)),
                                  .to = str_from_cstr(mode_name(record->from)),
                                  .reason = reason,
                                  .ending = watch_ending(record)};
    action_add(&watching->control, &action, cause);
}

static void add_look(struct watching *watching, const char *status, str reason) {
    const struct action action = {.resource_id = watching->record->arn,
                                  .action = "watch",
                                  .status = status,
                                  .reason = reason,
                                  .ending = watch_ending(watching->record)};
    action_add(&watching->control, &action, NULL);
}

static void fail(struct watching *watching, const char *name, const struct error *error) {
    action_add_failure(&watching->control, watching->record->arn, name, error);
}

/* false: another copy was faster, and it is that one's to do; or it failed, which was told. */
static bool is_saved(struct watching *watching, enum status status, const struct error *error) {
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        fail(watching, "watch", error);
    }
    return status == STATUS_OK;
}

static bool save(struct watching *watching) {
    struct error error = {0};
    enum status status =
        watch_save(&watching->control.table, watching->record, watching->arena, &error);
    return is_saved(watching, status, &error);
}

static void name_lease(struct watching *watching) {
    watching->record->writer = watching->control.table.writer;
    watching->record->lease_ms = lease_end_ms(watching->guard);
}

static bool take_lease(struct watching *watching) {
    name_lease(watching);
    return save(watching);
}

static bool save_with_change(struct watching *watching, const char *action) {
    struct error error = {0};
    name_lease(watching);
    enum status status = watch_save_change(&watching->control.table, watching->record, action,
                                           watching->arena, &error);
    return is_saved(watching, status, &error);
}

/* --- alert_claim
 * ---------------------------------------------------------------------------------- */

/* Of what is remembered, for an alert that could not be sent when it was due. */
static const struct evaluation *judgement_of(struct watching *watching) {
    const struct watch_record *record = watching->record;
    if (watching->evaluation != NULL) {
        return watching->evaluation;
    }
    struct evaluation *evaluation = ARENA_NEW(watching->arena, struct evaluation);
    *evaluation = (struct evaluation){
        .resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
        .resource_id = record->arn,
        .mode = record->status == WATCH_ROLLED_BACK ? record->from : record->to,
        .grade = '-',
        .owner = record->owner,
    };
    return evaluation;
}

static void note_alerted(struct watching *watching) {
    struct watch_record *record = watching->record;
    record->is_alert_due = false;
    record->writer = STR_EMPTY;
    record->lease_ms = 0;
}

/* A roll back that nobody hears of is worse than one that is heard of twice: it is noted as told
 * when it was. The lease keeps other copies away meanwhile. */
static void alert_roll_back(struct watching *watching, const struct change_alert *alert) {
    bool is_published = change_alert_publish(&watching->control, alert);
    note_alerted(watching);
    watching->record->is_alert_due = !is_published;
    (void)save(watching);
}

/* Of all else whoever notes that it is told may tell it: two alerts are worse than none. What
 * certainly reached nobody is left to the next run. */
static void tell(struct watching *watching) {
    struct watch_record *record = watching->record;
    struct change_alert alert = {.kind = ALERT_WATCH_ENDED,
                                 .evaluation = judgement_of(watching),
                                 .note = record->note,
                                 .ending = str_from_cstr(watch_ending(record))};
    if (record->status == WATCH_ROLLED_BACK) {
        alert.kind = ALERT_ROLLED_BACK;
        alert.from = record->to;
        alert.to = record->from;
        alert_roll_back(watching, &alert);
        return;
    } else if (record->status == WATCH_OPEN) {
        alert.kind = ALERT_PROMOTED;
        alert.from = record->from;
        alert.to = record->to;
    }
    note_alerted(watching);
    if (save(watching) && !change_alert_publish(&watching->control, &alert)) {
        record->is_alert_due = true;
        (void)save(watching);
    }
}

/* --- the ends --------------------------------------------------------------------------------- */

static void end(struct watching *watching, enum watch_status status, str note) {
    struct watch_record *record = watching->record;
    record->status = status;
    record->note = note;
    record->ended_ms = now_of(watching);
    record->is_alert_due = true;
}

static void end_and_alert(struct watching *watching, enum watch_status end_status,
                          const char *status, str note) {
    end(watching, end_status, note);
    if (take_lease(watching)) {
        add_look(watching, status, note);
        tell(watching);
    }
}

/* Nothing was told of it, and the mode is none of ours. */
static void end_unmade(struct watching *watching) {
    struct watch_record *record = watching->record;
    str note = str_format(watching->arena, "the promotion was begun and not made: the mode is %s",
                          mode_name(watching->facts.mode));
    end(watching, WATCH_NOT_MADE, note);
    note_alerted(watching);
    record->is_alert_due = false;
    if (save(watching)) {
        add_look(watching, "done", note);
    }
}

static void end_reverted(struct watching *watching, enum desync_mode mode) {
    struct error error = {0};
    str note;
    if (watch_describe_reverting(&watching->control.table, watching->record, mode, watching->arena,
                                 &note, &error) != STATUS_OK) {
        fail(watching, "watch", &error);
        return;
    }
    end_and_alert(watching, WATCH_REVERTED_BY_OTHER, "done", note);
}

static void extend(struct watching *watching, str note) {
    watching->record->was_extended = true;
    if (save(watching)) {
        add_look(watching, "planned", note);
    }
}

/* --- roll back -------------------------------------------------------------------------------- */

static bool is_still_ours(void *context, const struct evaluation *evaluation, str *why_not) {
    struct watching *watching = context;
    if (evaluation->mode == watching->record->to) {
        return true;
    }
    watching->is_reverted = true;
    *why_not = str_format(watching->arena, "the mode is %s now: somebody has changed it",
                          mode_name(evaluation->mode));
    return false;
}

static void rolled_back(struct watching *watching) {
    str why = watching->record->note;
    end(watching, WATCH_ROLLED_BACK, why);
    if (!save_with_change(watching, "rollback")) {
        return;
    }
    add_action(watching, "rollback", "done", why, NULL);
    watching->control.has_new_verdict = true;
    tell(watching);
}

/* What was decided stays decided: it is tried again in the next run. */
static void release(struct watching *watching) {
    watching->record->writer = STR_EMPTY;
    watching->record->lease_ms = 0;
    (void)save(watching);
}

static void carry_out(struct watching *watching) {
    struct error error = {0};
    struct mode_change change = {.guard = watching->guard,
                                 .policy = watching->policy,
                                 .arena = watching->arena,
                                 .facts = &watching->facts,
                                 .to = watching->record->from,
                                 .is_due = is_still_ours,
                                 .context = watching};
    enum status status = mode_change_make(&change, &error);
    watching->evaluation = change.evaluation;
    if (change.is_made) {
        rolled_back(watching);
    } else if (status == STATUS_OK && watching->is_reverted) {
        end_reverted(watching, change.evaluation->mode);
    } else if (status == STATUS_OK) {
        end_and_alert(watching, WATCH_INCONCLUSIVE, "done", change.why_not);
    } else {
        add_action(watching, "rollback", "failed", error.message, &error);
        release(watching);
    }
}

static void roll_back(struct watching *watching, str why) {
    watching->record->status = WATCH_ROLLING_BACK;
    watching->record->note = why;
    if (take_lease(watching)) {
        carry_out(watching);
    }
}

/* --- looking ---------------------------------------------------------------------------------- */

/* Of the whole minutes after the change: the one it was made in is of both modes. */
static struct traffic_window window_after(const struct watching *watching, bool *is_over_out) {
    const struct watch_record *record = watching->record;
    int64_t now_ms = now_of(watching);
    int64_t start_ms = record->changed_ms - record->changed_ms % MS_PER_MINUTE + MS_PER_MINUTE;
    int64_t end_ms = start_ms + (record->was_extended ? 2 : 1) * record->minutes * MS_PER_MINUTE;
    int64_t so_far_ms = now_ms - now_ms % MS_PER_MINUTE;
    *is_over_out = now_ms >= end_ms + METRICS_LATE_MS;
    return (struct traffic_window){.start_ms = start_ms,
                                   .end_ms = so_far_ms < end_ms ? so_far_ms : end_ms};
}

static void follow_judgement(struct watching *watching, const struct watch_judgement *judgement) {
    switch (judgement->verdict) {
    case WATCH_GO_ON:
        add_look(watching, "planned", judgement->reason);
        break;
    case WATCH_CLOSE:
        end_and_alert(watching, WATCH_HELD, "done", judgement->reason);
        break;
    case WATCH_NO_DATA:
        end_and_alert(watching, WATCH_INCONCLUSIVE, "skipped", judgement->reason);
        break;
    case WATCH_EXTEND:
        extend(watching, judgement->reason);
        break;
    case WATCH_ROLL_BACK:
        roll_back(watching, judgement->reason);
        break;
    }
}

/* The baseline of the change lacks what CloudWatch did not know yet, so the time before is asked
 * for again; it counts where CloudWatch has forgotten it. */
static void weigh(struct watching *watching) {
    const struct watch_record *record = watching->record;
    bool is_over = false;
    struct error error = {0};
    struct window_query cases[] = {
        {.arn = record->arn, .window = window_before(record->changed_ms, record->minutes)},
        {.arn = record->arn, .window = window_after(watching, &is_over)},
    };
    if (cases[1].window.end_ms <= cases[1].window.start_ms) {
        add_look(watching, "planned", STR("the change was made just now"));
        return;
    }
    if (windows_read(watching->guard, cases, 2, watching->arena, &error) != STATUS_OK) {
        fail(watching, "watch", &error);
        return;
    }
    bool is_forgotten = !cases[0].window.has_data && record->baseline.has_data;
    struct watch_judgement judgement;
    watch_judge(is_forgotten ? &record->baseline : &cases[0].window, &cases[1].window, is_over,
                record->was_extended, &watching->guard->settings.control.promotion.watch,
                watching->arena, &judgement);
    follow_judgement(watching, &judgement);
}

static bool read_live(struct watching *watching, bool *is_gone_out) {
    const struct watch_record *record = watching->record;
    struct error error = {0};
    int64_t read_ms;
    *is_gone_out = false;
    watching->facts = (struct load_balancer){.arn = record->arn, .type = TYPE_APPLICATION};
    enum status status = accounts_select_by_arn(watching->guard, record->arn, &watching->closed,
                                                watching->arena, &error);
    if (status == STATUS_OK) {
        status = live_read(watching->guard, ELBV2_ATTRIBUTES | ELBV2_TAGS | ELBV2_DESCRIPTION,
                           watching->arena, &watching->facts, &read_ms, &error);
    }
    *is_gone_out = status == STATUS_NOT_FOUND;
    if (status != STATUS_OK && !*is_gone_out) {
        error.status = status;
        fail(watching, "watch", &error);
        return false;
    }
    return true;
}

static void judge(struct watching *watching) {
    watching->evaluation = ARENA_NEW(watching->arena, struct evaluation);
    policy_evaluate(&watching->facts, watching->policy, now_of(watching), watching->arena,
                    watching->evaluation);
}

/* The run that began it did not come to say so. */
static bool adopt(struct watching *watching) {
    struct watch_record *record = watching->record;
    if (record->status != WATCH_BEGUN) {
        return true;
    }
    record->status = WATCH_OPEN;
    record->owner = watching->evaluation->owner;
    record->is_alert_due = true;
    if (!save_with_change(watching, "promote")) {
        return false;
    }
    tell(watching);
    return true;
}

static void look(struct watching *watching) {
    struct watch_record *record = watching->record;
    bool is_gone = false;
    if (!read_live(watching, &is_gone)) {
        return;
    }
    if (is_gone) {
        end_and_alert(watching, WATCH_INCONCLUSIVE, "done",
                      STR("the load balancer does not exist any more"));
        return;
    }
    judge(watching);
    bool is_set = watching->facts.mode == record->to;
    if (record->status == WATCH_ROLLING_BACK && watching->facts.mode == record->from) {
        rolled_back(watching); /* by a run that ended before it could say so */
    } else if (!is_set && record->status == WATCH_BEGUN) {
        end_unmade(watching);
    } else if (!is_set) {
        end_reverted(watching, watching->facts.mode);
    } else if (record->status == WATCH_ROLLING_BACK) {
        roll_back(watching, record->note);
    } else if (adopt(watching)) {
        weigh(watching);
    }
}

/* --- the run ---------------------------------------------------------------------------------- */

static bool is_anothers(const struct watching *watching, const struct watch_record *record) {
    return record->lease_ms > now_of(watching) &&
           !str_eq(record->writer, watching->control.table.writer);
}

void watch_one(struct watching *watching, struct watch_record *record) {
    watching->record = record;
    watching->evaluation = NULL;
    watching->is_reverted = false;
    if (is_anothers(watching, record)) {
        return;
    }
    if (record->is_alert_due && take_lease(watching)) {
        tell(watching);
    }
    if (watch_is_open(record)) {
        look(watching);
    }
}
