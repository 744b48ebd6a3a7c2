/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of one judgement: STATE is loaded, the mode raised where that is due (enforce.c), the
 * outcome written (ledger.c), and the alerts published that this write claimed (alerts.c). These
 * three do not call each other: what one finds out, the next is handed as a value.
 */
#include "aws/elbv2.h"
#include "control/metrics.h"
#include "control_internal.h"

/* What an event says may be older than what is remembered as unchanged since: before it opens or
 * ends anything, it is looked at. */
static enum status make_sure(struct control *control, const struct lb_state *before,
                             struct enforcement_case *file, struct error *error) {
    const struct evaluation *evaluation = file->evaluation;
    bool is_news = before->has_verdict ? before->compliance != evaluation->compliance ||
                                             before->mode != evaluation->mode
                                       : evaluation->compliance == NON_COMPLIANT;
    if (file->is_live || !is_news || evaluation->compliance == NOT_APPLICABLE ||
        str_is_empty(control->table.name)) {
        return STATUS_OK;
    }
    return enforce_read_fresh(control, file, error);
}

enum status control_load_remembered(struct control *control, str arn, int64_t weak_read_ms,
                                    struct remembered_state *recall_out, struct error *error) {
    const struct state_table looked_at = {.client = control->table.client,
                                          .name = control->guard->settings.control.preview_table};
    *recall_out = (struct remembered_state){.arn = arn};
    if (!str_is_empty(looked_at.name) && weak_read_ms != 0) {
        return state_load(&looked_at, arn, control->arena, &recall_out->state, error);
    }
    if (str_is_empty(control->table.name)) {
        return STATUS_OK;
    }
    if (weak_read_ms == 0) {
        return ledger_load(control, arn, &recall_out->state, error);
    }
    recall_out->intent = control_correction(control, weak_read_ms);
    enum status status =
        ledger_intend(control, arn, &recall_out->intent, &recall_out->state, error);
    recall_out->is_outdated = status == STATUS_CONFLICT;
    return recall_out->is_outdated ? STATUS_OK : status;
}

/* Loads STATE; where the mode is going to be raised, the same call writes the intent. */
static enum status recall(struct control *control, str arn, int64_t read_ms,
                          const struct evaluation *evaluation, struct error *error) {
    if (str_eq(control->recall.arn, arn)) {
        return STATUS_OK;
    }
    bool would_change = read_ms != 0 && enforce_would_change(control, evaluation);
    return control_load_remembered(control, arn, would_change ? read_ms : 0, &control->recall,
                                   error);
}

/* false: there is nothing to remember, or it failed, which is in the actions. */
static bool settle_verdict(struct control *control, struct lb_state *before,
                           struct enforcement_case *file) {
    struct error error = {0};
    bool is_hidden = false;
    if (make_sure(control, before, file, &error) != STATUS_OK ||
        own_change_find(control, before, file, &is_hidden, &error) != STATUS_OK) {
        enforce_withdraw_intent(control, file);
        action_add_failure(control, file->facts->arn, ACTION_REMEMBER, &error);
        return false;
    }
    if (is_hidden || own_change_undo(control, before, file, &error) != STATUS_OK) {
        return false;
    }
    if (!enforce_minimum(control, before, file)) {
        return false;
    }
    if (enforce_learn_scheme(control, file, &error) != STATUS_OK) {
        action_add_failure(control, file->facts->arn, ACTION_REMEMBER, &error);
        return false;
    }
    return file->evaluation->compliance != COMPLIANCE_UNKNOWN;
}

/* Publishes the alerts that the transition claimed, and gives the claim back. */
static void publish_alerts(struct control *control, const struct enforcement_case *file,
                           const struct transition *transition) {
    str arn = file->facts->arn;
    struct error error = {.status = STATUS_DEADLINE,
                          .message = STR("no time is left to publish it")};
    if (transition->alerts == 0) {
        return;
    }
    if (transition->next.due_alerts != 0) {
        action_add_failure(control, arn, ACTION_ALERT, &error);
        return;
    }
    unsigned unsent = alerts_publish(control, file, transition);
    if (unsent == 0) {
        ledger_end_alert_claim(control, arn, &transition->next.alert_claim);
    } else if (ledger_requeue_alerts(control, arn, unsent, &error) != STATUS_OK) {
        action_add_failure(control, arn, ACTION_REMEMBER, &error);
    }
}

/* The invocation that made a correction may have ended before it asked AWS Config. */
static bool owes_reevaluation(const struct control *control, const struct lb_state *state) {
    size_t count = state->correction_count;
    return control->repeats_an_event && count > 0 &&
           guard_now_ms(control->guard) - state->corrections_ms[count - 1] < MS_PER_DAY / 24;
}

/* Returns since when the load balancer is non-compliant, as far as is remembered now. */
static int64_t remember(struct control *control, const struct enforcement_case *file,
                        struct lb_state *before) {
    str arn = file->facts->arn;
    struct transition transition;
    struct error error = {0};
    if (ledger_commit(control, file, before, &transition, &error) != STATUS_OK) {
        action_add_failure(control, arn, ACTION_REMEMBER, &error);
        return before->since_ms;
    }
    if (transition.in_doubt != 0) {
        LOG(control->guard->log, LOG_WARN, "alert_in_doubt", LOG_STR("resourceId", arn),
            LOG_STR("alert", alert_names(control->arena, transition.in_doubt)),
            LOG_STR("reason", STR("an invocation ended while it published this alert, which may "
                                  "have reached nobody and is not sent again")));
    }
    control->has_new_verdict =
        control->has_new_verdict || (control->event_ms != 0 && transition.has_new_verdict);
    control->has_own_change = control->has_own_change || transition.is_correction ||
                              owes_reevaluation(control, &transition.next);
    if (transition.records.close_ms != 0) {
        metrics_of_repair(control, arn, transition.records.close_ms, transition.records.closed_ms);
    }
    publish_alerts(control, file, &transition);
    if (!transition.is_stale) {
        security_hub_add(control, file->evaluation, &transition.next);
    }
    return transition.next.since_ms;
}

void control_copy_age(struct evaluation *reported, const struct evaluation *now) {
    const struct finding *last =
        now->finding_count == 0 ? NULL : &now->findings[now->finding_count - 1];
    if (last != NULL && last->id == FINDING_NON_COMPLIANT_TOO_LONG &&
        reported->finding_count < FINDINGS_MAX) {
        reported->findings[reported->finding_count++] = *last;
    }
}

void control_handle_judgement(struct control *control, struct load_balancer *facts, int64_t read_ms,
                              struct evaluation *evaluation) {
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    bool has_table = !str_is_empty(control->table.name);
    control->has_new_verdict = control->has_new_verdict || (!has_table && control->event_ms != 0);
    if (!control_is_on(control->guard)) {
        return;
    }
    struct error error = {0};
    enum status status = recall(control, facts->arn, read_ms, evaluation, &error);
    struct remembered_state recalled = control->recall;
    control->recall = (struct remembered_state){.arn = STR_EMPTY};
    if (status != STATUS_OK) {
        /* what is not done for it: a mode is raised only after that was written down */
        bool is_for_change = enforce_would_change(control, evaluation);
        action_add_failure(control, facts->arn, is_for_change ? ACTION_ENFORCE : ACTION_REMEMBER,
                           &error);
        return;
    }
    struct lb_state *before = &recalled.state;
    if (recalled.is_outdated ||
        (has_table && read_ms != 0 && before->has_verdict && read_ms < before->facts_ms)) {
        return; /* another copy read it later and has acted on that */
    }
    struct enforcement_case file = {
        .facts = facts,
        .evaluation = evaluation,
        .facts_ms = read_ms != 0                   ? read_ms
                    : evaluation->ordering_ms != 0 ? evaluation->ordering_ms
                                                   : guard_now_ms(control->guard),
        .is_live = read_ms != 0,
        .intent = recalled.intent,
    };
    bool is_settled = settle_verdict(control, before, &file);
    control->has_own_change = control->has_own_change || file.is_corrected;
    int64_t since_ms =
        is_settled && has_table ? remember(control, &file, before) : before->since_ms;
    transition_add_age(evaluation, since_ms, guard_now_ms(control->guard),
                       control->policy->max_non_compliant_days, control->arena);
}
