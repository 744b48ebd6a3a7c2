/* SPDX-License-Identifier: Apache-2.0
 *
 * Enforcement: a mode is raised only on a fresh look, after it was written down that it would be,
 * so that a correction is counted and told of even when this invocation ends right after it.
 */
#include "aws/elbv2.h"
#include "control_internal.h"

/* Facts older than this are read anew before a mode is changed. */
#define FRESH_MS 3000

static void add_enforcement(struct control *control, str arn, const char *status,
                            const struct enforcement_decision *decision,
                            const struct error *cause) {
    const struct action action = {.resource_id = arn,
                                  .action = "enforce",
                                  .status = status,
                                  .from = str_from_cstr(mode_name(decision->from)),
                                  .to = str_from_cstr(mode_name(decision->to)),
                                  .reason = cause == NULL ? str_from_cstr(decision->reason)
                                                          : cause->message};
    action_add(control, &action, cause);
}

static int64_t now_ms(const struct control *control) {
    return control->guard->clock->now_ms(control->guard->clock);
}

static void judge_again(struct control *control, struct enforcement_case *file) {
    str note = file->evaluation->source_note;
    int64_t ordering_ms = file->evaluation->ordering_ms;
    policy_evaluate(file->facts, control->policy, now_ms(control), control->arena,
                    file->evaluation);
    file->evaluation->source_note = note;
    file->evaluation->ordering_ms = ordering_ms;
}

/* Deleted while we were at it: there is nothing to change any more. */
static void judge_gone(struct control *control, struct enforcement_case *file) {
    int64_t ordering_ms = file->evaluation->ordering_ms;
    evaluation_without_facts(file->evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), file->facts->arn,
                             NOT_APPLICABLE, STR("does not exist any more"));
    file->evaluation->source = SOURCE_LIVE;
    file->evaluation->ordering_ms = ordering_ms;
    file->facts_ms = now_ms(control);
}

/* Setting what an older read calls for could lower a mode that somebody raised since. */
static bool is_fresh(const struct control *control, const struct enforcement_case *file) {
    return file->is_live && now_ms(control) - file->facts_ms <= FRESH_MS;
}

static unsigned parts_to_read(const struct control *control, const struct load_balancer *facts) {
    bool needs_scheme = facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(control->policy);
    return ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
}

enum status enforce_read_fresh(struct control *control, struct enforcement_case *file,
                               struct error *error) {
    if (is_fresh(control, file)) {
        return STATUS_OK;
    }
    int64_t read_ms;
    unsigned parts = parts_to_read(control, file->facts);
    enum status status =
        live_read(control->guard, parts, control->arena, file->facts, &read_ms, error);
    if (status == STATUS_NOT_FOUND) {
        judge_gone(control, file);
        return STATUS_OK;
    }
    TRY(status);
    file->facts_ms = read_ms;
    file->is_live = true;
    judge_again(control, file);
    return STATUS_OK;
}

static enum status set_mode(struct control *control, struct enforcement_case *file,
                            struct error *error) {
    TRY(live_set_mode(control->guard, file->facts, file->decision.to, control->arena, error));
    file->facts_ms = now_ms(control);
    judge_again(control, file);
    return STATUS_OK;
}

/* `before` NULL: what is remembered is not known. */
static struct enforcement_decision decide(const struct control *control,
                                          const struct lb_state *before,
                                          const struct evaluation *evaluation) {
    const struct enforcement_counts counts = {
        .changes_in_run = control->changes,
        .corrections_in_a_day = before == NULL || str_is_empty(control->table.name)
                                    ? -1
                                    : corrections_in_a_day(before, now_ms(control)),
    };
    return enforcement_decide(evaluation, &control->guard->settings.control.enforcement, &counts);
}

bool enforce_would_change(const struct control *control, const struct evaluation *evaluation) {
    return decide(control, NULL, evaluation).verdict == ENFORCE_CHANGE;
}

/* What is remembered is read anew with it. false: it need not be changed any more, or it could not
 * be written down (*error), and then it is not done. */
static bool intend(struct control *control, struct lb_state *before, struct enforcement_case *file,
                   struct error *error) {
    if (str_is_empty(control->table.name) || file->intent.at_ms != 0) {
        return true;
    }
    file->intent = control_correction(control, file->facts_ms);
    enum status status = ledger_intend(control, file->facts->arn, &file->intent, before, error);
    if (status != STATUS_OK) {
        file->intent.at_ms = 0;
        error->status = status == STATUS_CONFLICT ? STATUS_OK : status;
        return false;
    }
    file->decision = decide(control, before, file->evaluation);
    return file->decision.verdict == ENFORCE_CHANGE;
}

/* Each attempt rests on a look of its own: what was right to set a second ago may lower the mode
 * now. OK without is_corrected: somebody else has settled it meanwhile. */
static enum status change_mode(struct control *control, const struct lb_state *before,
                               struct enforcement_case *file, struct error *error) {
    struct evaluation *found = ARENA_NEW(control->arena, struct evaluation);
    for (int attempt = 1;; attempt++) {
        *found = *file->evaluation;
        file->found = found;
        file->weak_read_ms = file->facts_ms;
        enum status status = set_mode(control, file, error);
        file->is_corrected = status == STATUS_OK;
        if (file->is_corrected) {
            return STATUS_OK;
        }
        file->may_be_made = file->may_be_made || error->is_outcome_unknown;
        bool has_another = live_sleep_before_retry(control->guard, error, attempt);
        if (has_another) {
            aws_wait_for_turn(&control->guard->aws, PACE_ELB_WRITE);
        }
        file->is_live = false;
        if ((!has_another && !file->may_be_made) ||
            enforce_read_fresh(control, file, NULL) != STATUS_OK) {
            return status;
        }
        file->is_corrected = file->may_be_made && file->facts->mode == file->decision.to;
        if (file->is_corrected || !has_another) {
            return file->is_corrected ? STATUS_OK : status;
        }
        file->decision = decide(control, before, file->evaluation);
        if (file->decision.verdict != ENFORCE_CHANGE) {
            return STATUS_OK;
        }
    }
}

/* Waiting for our turn makes what was read old. false: it need not be changed any more, or that
 * could not be found out (*error). */
static bool is_still_due(struct control *control, struct lb_state *before,
                         struct enforcement_case *file, struct error *error) {
    aws_wait_for_turn(&control->guard->aws, PACE_ELB_WRITE);
    if (!is_fresh(control, file)) {
        if (enforce_read_fresh(control, file, error) != STATUS_OK) {
            return false;
        }
        file->decision = decide(control, before, file->evaluation);
    }
    return file->decision.verdict == ENFORCE_CHANGE && intend(control, before, file, error);
}

/* That it was intended is taken back where it certainly was not done: what somebody else does later
 * would be taken for it. That this may fail as well costs no more than that. */
static void take_back(struct control *control, struct enforcement_case *file) {
    if (file->intent.at_ms != 0 && !file->may_be_made &&
        state_forget_intent(&control->table, file->facts->arn, &file->intent, control->arena,
                            NULL) == STATUS_OK) {
        file->intent.at_ms = 0;
    }
}

/* false: it failed, and that was told. An attempt counts as a change, whatever comes of it. */
static bool correct(struct control *control, struct lb_state *before,
                    struct enforcement_case *file) {
    struct error error = {0};
    struct enforcement_decision decision = file->decision;
    enum status status = STATUS_OK;
    if (is_still_due(control, before, file, &error)) {
        status = change_mode(control, before, file, &error);
        control->changes++;
    } else {
        status = error.status;
        file->is_fight = status == STATUS_OK && file->decision.verdict == ENFORCE_FIGHT;
    }
    if (file->is_fight) { /* as is known only now that it was written down */
        add_enforcement(control, file->facts->arn, "skipped", &file->decision, NULL);
    }
    if (!file->is_corrected) {
        file->found = NULL;
    }
    if (status != STATUS_OK) {
        take_back(control, file);
        add_enforcement(control, file->facts->arn, "failed", &decision, &error);
        return false;
    } else if (file->is_corrected) {
        add_enforcement(control, file->facts->arn, "done", &decision, NULL);
    }
    return true;
}

static bool may_need_enforcement(const struct control *control,
                                 const struct evaluation *evaluation) {
    return control->guard->settings.control.enforcement.enforcement != ENFORCEMENT_OFF &&
           evaluation->compliance == NON_COMPLIANT && evaluation->mode < evaluation->required_mode;
}

bool enforce_minimum(struct control *control, struct lb_state *before,
                     struct enforcement_case *file) {
    if (!may_need_enforcement(control, file->evaluation)) {
        return true;
    }
    struct error error = {0};
    if (enforce_read_fresh(control, file, &error) != STATUS_OK) {
        take_back(control, file);
        action_add_failure(control, file->facts->arn, "enforce", &error);
        return false;
    }
    file->decision = decide(control, before, file->evaluation);
    str arn = file->facts->arn;
    switch (file->decision.verdict) {
    case ENFORCE_NOTHING:
        break;
    case ENFORCE_PLANNED:
        add_enforcement(control, arn, "planned", &file->decision, NULL);
        break;
    case ENFORCE_FIGHT:
        file->is_fight = true;
        add_enforcement(control, arn, "skipped", &file->decision, NULL);
        break;
    case ENFORCE_SKIPPED:
        add_enforcement(control, arn, "skipped", &file->decision, NULL);
        break;
    case ENFORCE_CHANGE:
        return correct(control, before, file);
    }
    return true;
}

enum status enforce_learn_scheme(struct control *control, struct enforcement_case *file,
                                 struct error *error) {
    struct load_balancer *facts = file->facts;
    if (file->evaluation->compliance == NOT_APPLICABLE || facts->scheme != SCHEME_UNKNOWN ||
        !policy_needs_scheme(control->policy)) {
        return STATUS_OK;
    }
    judge_again(control, file);
    if (file->evaluation->compliance != COMPLIANCE_UNKNOWN) {
        return STATUS_OK;
    }
    TRY(elbv2_read_load_balancer(&control->guard->aws, ELBV2_DESCRIPTION, control->arena, facts,
                                 error));
    judge_again(control, file);
    if (file->found != NULL) {
        struct load_balancer weak = *facts;
        struct evaluation *found = ARENA_NEW(control->arena, struct evaluation);
        weak.mode = file->decision.from;
        policy_evaluate(&weak, control->policy, now_ms(control), control->arena, found);
        found->ordering_ms = file->evaluation->ordering_ms;
        file->found = found;
    }
    return STATUS_OK;
}
