/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: enforcement writes down that it will raise a mode before it raises it, so that each
 * correction is counted and alerted even when this invocation ends right after it; it stops after
 * FIGHT_LIMIT corrections in 24 h, and waits when MAX_CHANGES_PER_HOUR is reached. Without a table
 * it only plans.
 */
#include "control/evidence.h"
#include "control/mode_change.h"
#include "control_internal.h"

static str fight_reason(const struct control *control) {
    int limit = control->guard->settings.control.enforcement.fight_limit;
    return str_format(control->keep,
                      "FIGHT_LIMIT (%d) is reached: desync-guard corrected the mode %d %s within "
                      "24 h, and each time it was made weaker again. Stop what sets it: CloudTrail "
                      "names the caller of ModifyLoadBalancerAttributes. Or have an exception "
                      "approved",
                      limit, limit, str_by_count((uint64_t)limit, "time", "times"));
}

/* "the mode is weaker than required, but MAX_CHANGES_PER_HOUR (25) is reached; ...". What is known
 * of the clients that the change blocks belongs to it. */
static str reason_of(const struct control *control, const struct enforcement_case *file) {
    const struct enforcement_decision *decision = &file->decision;
    str reason = str_from_cstr(decision->reason);
    if (decision->verdict == ENFORCE_PLANNED && decision->waits_for_hour) {
        reason = str_format(control->keep, "the mode is weaker than required, but %" STR_FMT,
                            STR_ARG(change_spent_reason(control)));
    } else if (decision->verdict == ENFORCE_FIGHT) {
        reason = fight_reason(control);
    }
    return file->severe.is_known
               ? str_format(control->arena, "%" STR_FMT "; %" STR_FMT, STR_ARG(reason),
                            STR_ARG(severe_share_text(&file->severe, control->arena)))
               : reason;
}

static void add_enforcement(struct control *control, const struct enforcement_case *file,
                            enum action_status status, const struct error *cause) {
    const struct enforcement_decision *decision = &file->decision;
    const struct action action = {.resource_id = file->facts->arn,
                                  .action = ACTION_ENFORCE,
                                  .status = status,
                                  .from = str_from_cstr(mode_name(decision->from)),
                                  .to = str_from_cstr(mode_name(decision->to)),
                                  .reason =
                                      cause == NULL ? reason_of(control, file) : cause->message,
                                  .severe = file->severe.is_known ? &file->severe : NULL};
    action_add(control, &action, cause);
}

struct mode_change enforce_change_of(struct control *control, const struct enforcement_case *file) {
    return (struct mode_change){.control = control,
                                .facts = file->facts,
                                .evaluation = file->evaluation,
                                .facts_ms = file->facts_ms,
                                .is_live = file->is_live};
}

enum status enforce_read_fresh(struct control *control, struct enforcement_case *file,
                               struct error *error) {
    struct mode_change change = enforce_change_of(control, file);
    enum status status = mode_change_read(&change, error);
    file->facts_ms = change.facts_ms;
    file->is_live = change.is_live;
    return status;
}

/* `before` NULL: what is remembered is not known; `severe` NULL: the evidence was not looked up. */
static struct enforcement_decision decide(const struct control *control,
                                          const struct lb_state *before,
                                          const struct severe_share *severe,
                                          const struct evaluation *evaluation) {
    bool is_counted = before != NULL;
    int64_t now_ms = guard_now_ms(control->guard);
    const struct enforcement_counts counts = {
        .lacks_table = str_is_empty(control->table.name),
        .is_hour_spent = change_is_spent(control),
        .changes_in_run = control->changes,
        .corrections_in_a_day = is_counted ? corrections_in_a_day(before, now_ms) : -1,
        .severe = severe};
    return enforcement_decide(evaluation, &control->guard->settings.control.enforcement, &counts);
}

static bool is_preview(const struct control *control) {
    return control->guard->settings.control.enforcement.enforcement == ENFORCEMENT_PREVIEW;
}

bool enforce_would_change(const struct control *control, const struct evaluation *evaluation) {
    enum enforcement_verdict verdict = decide(control, NULL, NULL, evaluation).verdict;
    return verdict == ENFORCE_CHANGE || (verdict == ENFORCE_PLANNED && is_preview(control));
}

struct enforcement_context {
    struct lb_state *before;
    struct enforcement_case *file;
    struct budget_change taken;
};

/* Before the first request the intent is written, by a call that also reads what is remembered:
 * these corrections may forbid this one. */
static enum status save_intent(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    const struct enforcement_context *enforcement = change->context;
    struct enforcement_case *file = enforcement->file;
    if (file->decision.verdict != ENFORCE_CHANGE || file->intent.at_ms != 0) {
        return STATUS_OK;
    }
    file->intent = control_correction(control, change->facts_ms);
    enum status status =
        ledger_intend(control, file->facts->arn, &file->intent, enforcement->before, error);
    if (status != STATUS_OK) {
        file->intent.at_ms = 0;
        return status;
    }
    file->decision = decide(control, enforcement->before, &file->severe, change->evaluation);
    return STATUS_OK;
}

/* The intent, and then one of the changes of the hour. */
static bool prepare_correction(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    struct enforcement_context *enforcement = change->context;
    struct enforcement_case *file = enforcement->file;
    file->decision = decide(control, enforcement->before, &file->severe, change->evaluation);
    enum status status = save_intent(change, error);
    if (status == STATUS_CONFLICT) { /* another copy has acted on later facts */
        error->status = STATUS_OK;
        return false;
    } else if (status == STATUS_OK && file->decision.verdict == ENFORCE_CHANGE) {
        status = change_take(control, file->facts->arn, &enforcement->taken, error);
        if (status == STATUS_CONFLICT) {
            file->decision =
                decide(control, enforcement->before, &file->severe, change->evaluation);
            error->status = STATUS_OK;
            return false;
        }
    }
    error->status = status;
    return status == STATUS_OK && file->decision.verdict == ENFORCE_CHANGE;
}

void enforce_withdraw_intent(struct control *control, struct enforcement_case *file) {
    if (file->intent.at_ms != 0 &&
        state_forget_intent(&control->table, file->facts->arn, &file->intent, control->arena,
                            NULL) == STATUS_OK) {
        file->intent.at_ms = 0;
    }
}

static bool make_correction(struct control *control, struct lb_state *before,
                            struct enforcement_case *file) {
    struct error error = {0};
    struct enforcement_context enforcement = {.before = before, .file = file};
    struct mode_change change = enforce_change_of(control, file);
    change.to = file->decision.to;
    change.confirm = prepare_correction;
    change.context = &enforcement;
    enum status status = mode_change_make(&change, &error);
    bool is_tried = change.found != NULL;
    control->changes += is_tried ? 1 : 0; /* an attempt counts, whatever comes of it */
    file->facts_ms = change.facts_ms;
    file->is_live = change.is_live;
    file->is_corrected = change.is_made;
    file->found = change.is_made ? change.found : NULL;
    file->weak_read_ms = change.found_ms;
    file->is_fight = status == STATUS_OK && !is_tried && file->decision.verdict == ENFORCE_FIGHT;
    bool is_planned = status == STATUS_OK && !is_tried && !change.is_gone &&
                      file->decision.verdict == ENFORCE_PLANNED;
    if (!change.is_made && !change.may_be_made) {
        change_return(control, &enforcement.taken);
    }
    if (status != STATUS_OK) {
        if (!change.may_be_made) {
            enforce_withdraw_intent(control, file);
        }
        add_enforcement(control, file, ACTION_FAILED, &error);
    } else if (file->is_corrected || file->is_fight || is_planned) {
        add_enforcement(control, file,
                        file->is_corrected ? ACTION_DONE
                        : is_planned       ? ACTION_PLANNED
                                           : ACTION_SKIPPED,
                        NULL);
    }
    return status == STATUS_OK;
}

/* One query, and only of what is to be changed now or is asked for as a plan. A reading that fails
 * changes nothing: the change is tried again, and then perhaps held. */
static enum status look_up_severe(struct control *control, struct enforcement_case *file,
                                  struct error *error) {
    enum enforcement enforcement = control->guard->settings.control.enforcement.enforcement;
    bool is_asked = enforcement == ENFORCEMENT_PLAN || enforcement == ENFORCEMENT_PREVIEW;
    enum enforcement_verdict verdict = file->decision.verdict;
    struct evidence_query query = {.arn = file->facts->arn};
    if (verdict != ENFORCE_CHANGE && (verdict != ENFORCE_PLANNED || !is_asked)) {
        return STATUS_OK;
    }
    TRY(evidence_read_logs(control->guard, &query, control->arena, error));
    file->has_severe = true;
    file->severe = query.is_read ? severe_share_of(&query.evidence) : file->severe;
    return STATUS_OK;
}

bool enforce_minimum(struct control *control, struct lb_state *before,
                     struct enforcement_case *file) {
    const struct evaluation *evaluation = file->evaluation;
    struct error error = {0};
    if (control->guard->settings.control.enforcement.enforcement == ENFORCEMENT_OFF ||
        evaluation->compliance != NON_COMPLIANT || evaluation->mode >= evaluation->required_mode) {
        return true;
    }
    if (enforce_read_fresh(control, file, &error) != STATUS_OK) {
        enforce_withdraw_intent(control, file);
        action_add_failure(control, file->facts->arn, ACTION_ENFORCE, &error);
        return false;
    }
    file->decision = decide(control, before, NULL, evaluation);
    if (look_up_severe(control, file, &error) != STATUS_OK) {
        enforce_withdraw_intent(control, file);
        action_add_failure(control, file->facts->arn, ACTION_ENFORCE, &error);
        return false;
    }
    file->decision = decide(control, before, &file->severe, evaluation);
    enum enforcement_verdict verdict = file->decision.verdict;
    if (verdict == ENFORCE_CHANGE) {
        return make_correction(control, before, file);
    }
    file->is_fight = verdict == ENFORCE_FIGHT;
    file->is_held = verdict == ENFORCE_HELD;
    if (verdict != ENFORCE_NOTHING) {
        add_enforcement(control, file, verdict == ENFORCE_PLANNED ? ACTION_PLANNED : ACTION_SKIPPED,
                        NULL);
    }
    return true;
}

enum status enforce_learn_scheme(struct control *control, struct enforcement_case *file,
                                 struct error *error) {
    struct load_balancer *facts = file->facts;
    struct mode_change change = enforce_change_of(control, file);
    if (file->evaluation->compliance == NOT_APPLICABLE || facts->scheme != SCHEME_UNKNOWN ||
        !policy_needs_scheme(control->policy)) {
        return STATUS_OK;
    }
    mode_change_judge(&change);
    if (file->evaluation->compliance != COMPLIANCE_UNKNOWN) {
        return STATUS_OK;
    }
    TRY(elbv2_read_load_balancer(&control->guard->aws, ELBV2_DESCRIPTION, control->arena, facts,
                                 error));
    mode_change_judge(&change);
    if (file->found != NULL) {
        const struct clock *clock = control->guard->clock;
        struct load_balancer weak = *facts;
        struct evaluation *found = ARENA_NEW(control->arena, struct evaluation);
        weak.mode = file->decision.from;
        policy_evaluate(&weak, control->policy, clock->now_ms(clock), control->arena, found);
        found->ordering_ms = file->evaluation->ordering_ms;
        file->found = found;
    }
    return STATUS_OK;
}
