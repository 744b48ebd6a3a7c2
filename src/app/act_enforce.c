/* SPDX-License-Identifier: Apache-2.0
 *
 * Enforcement: a mode is raised only on a fresh look, after it was written down that it would be,
 * so that a correction is counted and told of even when this invocation ends right after it.
 */
#include "act_internal.h"
#include "aws/elbv2.h"

/* Facts older than this are read anew before a mode is changed. */
#define FRESH_MS 3000

static void add_enforcement(struct act *act, str arn, const char *status,
                            const struct enforcement_decision *decision,
                            const struct error *cause) {
    const struct action action = {.resource_id = arn,
                                  .action = "enforce",
                                  .status = status,
                                  .from = str_from_cstr(mode_name(decision->from)),
                                  .to = str_from_cstr(mode_name(decision->to)),
                                  .reason = cause == NULL ? str_from_cstr(decision->reason)
                                                          : cause->message};
    act_add(act, &action, cause);
}

static int64_t now_ms(const struct act *act) {
    return act->app->clock->now_ms(act->app->clock);
}

static void judge_again(struct act *act, struct case_file *file) {
    str note = file->evaluation->source_note;
    int64_t ordering_ms = file->evaluation->ordering_ms;
    policy_evaluate(file->facts, act->policy, now_ms(act), act->arena, file->evaluation);
    file->evaluation->source_note = note;
    file->evaluation->ordering_ms = ordering_ms;
}

/* Deleted while we were at it: there is nothing to change any more. */
static void judge_gone(struct act *act, struct case_file *file) {
    int64_t ordering_ms = file->evaluation->ordering_ms;
    evaluation_without_facts(file->evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), file->facts->arn,
                             NOT_APPLICABLE, STR("does not exist any more"));
    file->evaluation->source = SOURCE_LIVE;
    file->evaluation->ordering_ms = ordering_ms;
    file->facts_ms = now_ms(act);
}

/* Setting what an older read calls for could lower a mode that somebody raised since. */
static bool is_fresh(const struct act *act, const struct case_file *file) {
    return file->is_live && now_ms(act) - file->facts_ms <= FRESH_MS;
}

static unsigned parts_to_read(const struct act *act, const struct load_balancer *facts) {
    bool needs_scheme = facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(act->policy);
    return ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
}

enum status act_make_fresh(struct act *act, struct case_file *file, struct error *error) {
    if (is_fresh(act, file)) {
        return STATUS_OK;
    }
    int64_t read_ms;
    unsigned parts = parts_to_read(act, file->facts);
    enum status status = live_read(act->app, parts, act->arena, file->facts, &read_ms, error);
    if (status == STATUS_NOT_FOUND) {
        judge_gone(act, file);
        return STATUS_OK;
    }
    TRY(status);
    file->facts_ms = read_ms;
    file->is_live = true;
    judge_again(act, file);
    return STATUS_OK;
}

static enum status set_mode(struct act *act, struct case_file *file, struct error *error) {
    TRY(live_set_mode(act->app, file->facts, file->decision.to, act->arena, error));
    file->facts_ms = now_ms(act);
    judge_again(act, file);
    return STATUS_OK;
}

/* `before` NULL: what is remembered is not known. */
static struct enforcement_decision decide(const struct act *act, const struct lb_state *before,
                                          const struct evaluation *evaluation) {
    const struct enforcement_counts counts = {
        .changes_in_run = act->changes,
        .corrections_in_a_day = before == NULL || str_is_empty(act->table.name)
                                    ? -1
                                    : corrections_in_a_day(before, now_ms(act)),
    };
    return enforcement_decide(evaluation, &act->app->settings.act.enforcement, &counts);
}

bool act_would_change(const struct act *act, const struct evaluation *evaluation) {
    return decide(act, NULL, evaluation).verdict == ENFORCE_CHANGE;
}

const struct elb_caller *act_writer(const struct act *act, enum desync_mode mode) {
    bool is_theirs = mode != MODE_UNKNOWN && act->caller_mode == mode;
    return is_theirs ? act->caller : NULL;
}

struct correction act_correction(const struct act *act, int64_t at_ms) {
    struct correction correction = {
        .at_ms = at_ms, .from = MODE_MONITOR, .to = MODE_DEFENSIVE}; /* all that enforcement does */
    const struct elb_caller *writer = act_writer(act, correction.from);
    if (writer != NULL) {
        correction.writer_arn = writer->arn;
        correction.writer_invoked_by = writer->invoked_by;
        correction.writer_user_agent = writer->user_agent;
    }
    return correction;
}

/* What is remembered is read anew with it. false: it need not be changed any more, or it could not
 * be written down (*error), and then it is not done. */
static bool intend(struct act *act, struct lb_state *before, struct case_file *file,
                   struct error *error) {
    if (str_is_empty(act->table.name) || file->intent.at_ms != 0) {
        return true;
    }
    file->intent = act_correction(act, file->facts_ms);
    enum status status = act_intend(act, file->facts->arn, &file->intent, before, error);
    if (status != STATUS_OK) {
        file->intent.at_ms = 0;
        error->status = status == STATUS_CONFLICT ? STATUS_OK : status;
        return false;
    }
    file->decision = decide(act, before, file->evaluation);
    return file->decision.verdict == ENFORCE_CHANGE;
}

/* Each attempt rests on a look of its own: what was right to set a second ago may lower the mode
 * now. OK without is_corrected: somebody else has settled it meanwhile. */
static enum status change_mode(struct act *act, const struct lb_state *before,
                               struct case_file *file, struct error *error) {
    struct evaluation *found = ARENA_NEW(act->arena, struct evaluation);
    for (int attempt = 1;; attempt++) {
        *found = *file->evaluation;
        file->found = found;
        file->weak_read_ms = file->facts_ms;
        enum status status = set_mode(act, file, error);
        file->is_corrected = status == STATUS_OK;
        if (file->is_corrected) {
            return STATUS_OK;
        }
        file->may_be_made = file->may_be_made || error->is_outcome_unknown;
        bool has_another = live_may_try_again(act->app, error, attempt);
        if (has_another) {
            aws_wait_for_turn(&act->app->aws, PACE_ELB_WRITE);
        }
        file->is_live = false;
        if ((!has_another && !file->may_be_made) || act_make_fresh(act, file, NULL) != STATUS_OK) {
            return status;
        }
        file->is_corrected = file->may_be_made && file->facts->mode == file->decision.to;
        if (file->is_corrected || !has_another) {
            return file->is_corrected ? STATUS_OK : status;
        }
        file->decision = decide(act, before, file->evaluation);
        if (file->decision.verdict != ENFORCE_CHANGE) {
            return STATUS_OK;
        }
    }
}

/* Waiting for our turn makes what was read old. false: it need not be changed any more, or that
 * could not be found out (*error). */
static bool is_still_due(struct act *act, struct lb_state *before, struct case_file *file,
                         struct error *error) {
    aws_wait_for_turn(&act->app->aws, PACE_ELB_WRITE);
    if (!is_fresh(act, file)) {
        if (act_make_fresh(act, file, error) != STATUS_OK) {
            return false;
        }
        file->decision = decide(act, before, file->evaluation);
    }
    return file->decision.verdict == ENFORCE_CHANGE && intend(act, before, file, error);
}

/* That it was intended is taken back where it certainly was not done: what somebody else does later
 * would be taken for it. That this may fail as well costs no more than that. */
static void take_back(struct act *act, struct case_file *file) {
    if (file->intent.at_ms != 0 && !file->may_be_made &&
        state_forget_intent(&act->table, file->facts->arn, &file->intent, act->arena, NULL) ==
            STATUS_OK) {
        file->intent.at_ms = 0;
    }
}

/* false: it failed, and that was told. An attempt counts as a change, whatever comes of it. */
static bool correct(struct act *act, struct lb_state *before, struct case_file *file) {
    struct error error = {0};
    struct enforcement_decision decision = file->decision;
    enum status status = STATUS_OK;
    if (is_still_due(act, before, file, &error)) {
        status = change_mode(act, before, file, &error);
        act->changes++;
    } else {
        status = error.status;
        file->is_fight = status == STATUS_OK && file->decision.verdict == ENFORCE_FIGHT;
    }
    if (file->is_fight) { /* as is known only now that it was written down */
        add_enforcement(act, file->facts->arn, "skipped", &file->decision, NULL);
    }
    if (!file->is_corrected) {
        file->found = NULL;
    }
    if (status != STATUS_OK) {
        take_back(act, file);
        add_enforcement(act, file->facts->arn, "failed", &decision, &error);
        return false;
    } else if (file->is_corrected) {
        add_enforcement(act, file->facts->arn, "done", &decision, NULL);
    }
    return true;
}

static bool may_need_enforcement(const struct act *act, const struct evaluation *evaluation) {
    return act->app->settings.act.enforcement.enforcement != ENFORCEMENT_OFF &&
           evaluation->compliance == NON_COMPLIANT && evaluation->mode < evaluation->required_mode;
}

bool act_enforce(struct act *act, struct lb_state *before, struct case_file *file) {
    if (!may_need_enforcement(act, file->evaluation)) {
        return true;
    }
    struct error error = {0};
    if (act_make_fresh(act, file, &error) != STATUS_OK) {
        take_back(act, file);
        act_fail(act, file->facts->arn, "enforce", &error);
        return false;
    }
    file->decision = decide(act, before, file->evaluation);
    str arn = file->facts->arn;
    switch (file->decision.verdict) {
    case ENFORCE_NOTHING:
        break;
    case ENFORCE_PLANNED:
        add_enforcement(act, arn, "planned", &file->decision, NULL);
        break;
    case ENFORCE_FIGHT:
        file->is_fight = true;
        add_enforcement(act, arn, "skipped", &file->decision, NULL);
        break;
    case ENFORCE_SKIPPED:
        add_enforcement(act, arn, "skipped", &file->decision, NULL);
        break;
    case ENFORCE_CHANGE:
        return correct(act, before, file);
    }
    return true;
}

enum status act_learn_scheme(struct act *act, struct case_file *file, struct error *error) {
    struct load_balancer *facts = file->facts;
    if (file->evaluation->compliance == NOT_APPLICABLE || facts->scheme != SCHEME_UNKNOWN ||
        !policy_needs_scheme(act->policy)) {
        return STATUS_OK;
    }
    judge_again(act, file);
    if (file->evaluation->compliance != COMPLIANCE_UNKNOWN) {
        return STATUS_OK;
    }
    TRY(elbv2_read_load_balancer(&act->app->aws, ELBV2_DESCRIPTION, act->arena, facts, error));
    judge_again(act, file);
    if (file->found != NULL) {
        struct load_balancer weak = *facts;
        struct evaluation *found = ARENA_NEW(act->arena, struct evaluation);
        weak.mode = file->decision.from;
        policy_evaluate(&weak, act->policy, now_ms(act), act->arena, found);
        found->ordering_ms = file->evaluation->ordering_ms;
        file->found = found;
    }
    return STATUS_OK;
}
