/* SPDX-License-Identifier: Apache-2.0 */
#include "act_internal.h"
#include "aws/elbv2.h"

/* Another copy that writes the same state between our read and our write; more than two in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

bool act_is_on(const struct app *app) {
    const struct act_settings *settings = &app->settings.act;
    return settings->enforcement.enforcement != ENFORCEMENT_OFF ||
           !str_is_empty(settings->state_table);
}

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep) {
    *act = (struct act){
        .app = app,
        .policy = policy,
        .keep = keep,
        .arena = keep,
        .table = {.client = &app->home,
                  .name = app->settings.act.state_table,
                  .writer = str_is_empty(app->log->request_id) ? STR("command-line")
                                                               : app->log->request_id},
    };
}

void act_add(struct act *act, const struct action *action, const struct error *cause) {
    if (act->action_count == act->action_capacity) {
        size_t capacity = act->action_capacity == 0 ? 16 : 2 * act->action_capacity;
        act->actions = arena_realloc(act->keep,
                                     act->actions,
                                     act->action_capacity * sizeof *act->actions,
                                     capacity * sizeof *act->actions);
        act->action_capacity = capacity;
    }
    act->actions[act->action_count++] = (struct action){
        .resource_id = str_copy(act->keep, action->resource_id),
        .action = action->action,
        .status = action->status,
        .from = str_copy(act->keep, action->from),
        .to = str_copy(act->keep, action->to),
        .reason = str_copy(act->keep, action->reason),
    };
    if (cause != NULL && act->first_failure.status == STATUS_OK) {
        error_copy(&act->first_failure, act->keep, cause);
    }
    LOG(act->app->log,
        cause != NULL ? LOG_ERROR : LOG_INFO,
        "action",
        LOG_STR("resourceId", action->resource_id),
        LOG_STR("action", str_from_cstr(action->action)),
        LOG_STR("status", str_from_cstr(action->status)),
        LOG_STR("from", action->from),
        LOG_STR("to", action->to),
        LOG_STR("reason", action->reason));
}

static void fail(struct act *act, str arn, const char *name, const struct error *cause) {
    const struct action action = {
        .resource_id = arn, .action = name, .status = "failed", .reason = cause->message};
    act_add(act, &action, cause);
}

static void add_enforcement(struct act *act,
                            str arn,
                            const char *status,
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

/* What one judgement leads to. */
struct case_file {
    struct load_balancer *facts;
    struct evaluation *evaluation;
    const struct evaluation *found; /* before it was corrected */
    int64_t found_ms;               /* when it was found to be so */
    int64_t facts_ms;
    bool is_corrected;
    bool is_fight;
    struct enforcement_decision decision;
};

static int64_t now_ms(const struct act *act) {
    return act->app->clock->now_ms(act->app->clock);
}

static void judge_again(struct act *act, struct case_file *file, int64_t facts_ms) {
    str note = file->evaluation->source_note;
    int64_t ordering_ms = file->evaluation->ordering_ms;
    file->facts_ms = facts_ms;
    policy_evaluate(file->facts, act->policy, file->facts_ms, act->arena, file->evaluation);
    file->evaluation->source_note = note;
    file->evaluation->ordering_ms = ordering_ms;
}

/* Enforcement acts on live facts only; an item may be minutes old. */
static enum status make_live(struct act *act, struct case_file *file, struct error *error) {
    if (file->evaluation->source == SOURCE_LIVE) {
        return STATUS_OK;
    }
    int64_t begun_ms = now_ms(act);
    TRY(elbv2_read_load_balancer(
        &act->app->aws, ELBV2_ATTRIBUTES | ELBV2_TAGS, act->arena, file->facts, error));
    judge_again(act, file, begun_ms);
    file->found_ms = begun_ms;
    return STATUS_OK;
}

/* Sends the one key that changes, and believes only what the answer says the mode is now. */
static enum status change_mode(struct act *act, struct case_file *file, struct error *error) {
    str arn = file->facts->arn;
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(file->decision.to))};
    int64_t begun_ms = now_ms(act);
    struct evaluation *found = ARENA_NEW(act->arena, struct evaluation);
    *found = *file->evaluation;
    TRY(elbv2_modify_attributes(
        &act->app->aws, arn, &attribute, 1, act->arena, file->facts, error));
    if (file->facts->mode != file->decision.to) {
        return error_set(error,
                         act->arena,
                         STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(file->facts->mode),
                         mode_name(file->decision.to));
    }
    act->changes++;
    file->is_corrected = true;
    file->found = found;
    judge_again(act, file, begun_ms);
    return STATUS_OK;
}

static bool may_need_enforcement(const struct act *act, const struct evaluation *evaluation) {
    return act->app->settings.act.enforcement.enforcement != ENFORCEMENT_OFF &&
           evaluation->compliance == NON_COMPLIANT && evaluation->mode < evaluation->required_mode;
}

/* false: it could not be found out or done, and was told as a failure; what it was is not to be
 * remembered. */
static bool enforce(struct act *act, const struct lb_state *before, struct case_file *file) {
    if (!may_need_enforcement(act, file->evaluation)) {
        return true;
    }
    struct error error = {0};
    if (make_live(act, file, &error) != STATUS_OK) {
        fail(act, file->facts->arn, "enforce", &error);
        return false;
    }
    bool has_table = !str_is_empty(act->table.name);
    const struct enforcement_counts counts = {
        .changes_in_run = act->changes,
        .corrections_in_a_day = has_table ? corrections_in_a_day(before, file->facts_ms) : -1,
    };
    file->decision =
        enforcement_decide(file->evaluation, &act->app->settings.act.enforcement, &counts);
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
        if (change_mode(act, file, &error) != STATUS_OK) {
            add_enforcement(act, arn, "failed", &file->decision, &error);
            return false;
        }
        add_enforcement(act, arn, "done", &file->decision, NULL);
        break;
    }
    return true;
}

/* The incident records that a state still owes. */
static enum status write_pending(struct act *act,
                                 str arn,
                                 const struct lb_state *state,
                                 struct error *error) {
    if (state->pending_open_ms != 0) {
        TRY(state_open_incident(
            &act->table, arn, state->pending_open_ms, state, act->arena, error));
    }
    if (state->pending_close_ms != 0) {
        TRY(state_close_incident(&act->table,
                                 arn,
                                 state->pending_close_ms,
                                 state->pending_closed_ms,
                                 act->arena,
                                 error));
    }
    return STATUS_OK;
}

static void make_transition(const struct act *act,
                            const struct case_file *file,
                            const struct lb_state *before,
                            struct transition *transition) {
    bool has_event = act->event_ms != 0 && act->event_ms < file->facts_ms;
    const struct transition_facts facts = {
        .evaluation = file->evaluation,
        .facts_ms = file->facts_ms,
        .now_ms = now_ms(act),
        .max_non_compliant_days = act->policy->max_non_compliant_days,
        .is_corrected = file->is_corrected,
        .weak_since_ms = has_event ? act->event_ms : file->facts_ms,
        .is_fight = file->is_fight,
    };
    transition_make(before, &facts, act->arena, transition);
}

/* Several copies may find it weak and raise it; it was raised by the first one to say so. */
static bool was_another_first(const struct case_file *file, const struct lb_state *state) {
    size_t count = state->correction_count;
    return count > 0 && state->corrections_ms[count - 1] >= file->found_ms;
}

/* Reads, changes and writes the state until no other copy was faster. */
static enum status commit(struct act *act,
                          struct case_file *file,
                          struct lb_state *before,
                          struct transition *transition,
                          struct error *error) {
    str arn = file->facts->arn;
    for (int attempt = 1;; attempt++) {
        TRY(write_pending(act, arn, before, error));
        file->is_corrected = file->is_corrected && !was_another_first(file, before);
        make_transition(act, file, before, transition);
        if (!transition->is_changed) {
            return STATUS_OK;
        }
        enum status status =
            state_save(&act->table, arn, before, &transition->next, act->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        TRY(state_load(&act->table, arn, act->arena, before, error));
    }
}

/* Takes back what nobody was told, so that it is told the next time. */
static void untell(const struct lb_state *before, unsigned untold, struct lb_state *state) {
    if ((untold & (TELL_OPENED | TELL_RESOLVED | TELL_ENFORCED)) != 0) {
        state->told_since_ms = before->told_since_ms;
    }
    if ((untold & TELL_ESCALATED) != 0) {
        state->escalated_day = before->escalated_day;
    }
    if ((untold & (TELL_EXCEPTION_EXPIRING | TELL_EXCEPTION_EXPIRED)) != 0) {
        state->told_exception = before->told_exception;
    }
    if ((untold & TELL_FIGHT) != 0) {
        state->fight_told_ms = before->fight_told_ms;
    }
}

/* The second write of a transition: its records are written, and what was not told is open again.
 */
static enum status settle(struct act *act,
                          const struct case_file *file,
                          const struct lb_state *before,
                          const struct lb_state *saved,
                          unsigned untold) {
    struct lb_state settled = *saved;
    settled.pending_open_ms = 0;
    settled.pending_close_ms = 0;
    settled.pending_closed_ms = 0;
    settled.version++;
    untell(before, untold, &settled);
    bool is_same = untold == 0 && saved->pending_open_ms == 0 && saved->pending_close_ms == 0;
    if (is_same) {
        return STATUS_OK;
    }
    /* CONFLICT: another copy went on from what was saved, and settles it. */
    struct error error = {0};
    enum status status =
        state_save(&act->table, file->facts->arn, saved, &settled, act->arena, &error);
    if (status != STATUS_OK && status != STATUS_CONFLICT) {
        fail(act, file->facts->arn, "alert", &error);
    }
    return status;
}

static int64_t incident_of(const struct lb_state *state) {
    return state->since_ms != 0 ? state->since_ms : state->pending_close_ms;
}

static void follow_up(struct act *act,
                      const struct case_file *file,
                      const struct lb_state *before,
                      const struct transition *transition) {
    const struct lb_state *saved = &transition->next;
    struct error error = {0};
    if (file->is_corrected) {
        const struct change change = {.at_ms = file->facts_ms,
                                      .from = file->decision.from,
                                      .to = file->decision.to,
                                      .why = str_from_cstr(file->decision.reason),
                                      .last_writer = act->caller};
        if (state_append_change(&act->table, file->facts->arn, &change, act->arena, &error) !=
            STATUS_OK) {
            fail(act, file->facts->arn, "enforce", &error);
        }
    }
    const struct telling telling = {.evaluation = file->evaluation,
                                    .found = file->found,
                                    .state = saved,
                                    .tells = transition->alerts,
                                    .since_ms = incident_of(saved),
                                    .changed_from = file->decision.from,
                                    .changed_to =
                                        file->is_corrected ? file->decision.to : MODE_UNKNOWN};
    unsigned untold = act_tell(act, &telling);
    if (write_pending(act, file->facts->arn, saved, &error) != STATUS_OK) {
        fail(act, file->facts->arn, "alert", &error);
    } else {
        (void)settle(act, file, before, saved, untold);
    }
    act_import_finding(act, file->evaluation, saved);
}

static void remember(struct act *act, struct case_file *file, struct lb_state *before) {
    struct transition transition;
    struct error error = {0};
    if (commit(act, file, before, &transition, &error) != STATUS_OK) {
        fail(act, file->facts->arn, "alert", &error);
        return;
    }
    act->has_new_verdict = act->has_new_verdict || transition.has_new_verdict;
    if (transition.is_changed) {
        follow_up(act, file, before, &transition);
    }
}

/* What was live is as old as the beginning of its reading. */
static int64_t time_of_facts(const struct act *act, const struct evaluation *evaluation) {
    if (evaluation->source != SOURCE_LIVE && evaluation->ordering_ms != 0) {
        return evaluation->ordering_ms;
    }
    return act->read_ms != 0 ? act->read_ms : now_ms(act);
}

void act_on(struct act *act, struct load_balancer *facts, struct evaluation *evaluation) {
    if (!act_is_on(act->app) || evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    struct lb_state before = {0};
    struct error error = {0};
    bool has_table = !str_is_empty(act->table.name);
    if (has_table &&
        state_load(&act->table, facts->arn, act->arena, &before, &error) != STATUS_OK) {
        fail(act, facts->arn, "enforce", &error);
        return;
    }
    int64_t facts_ms = time_of_facts(act, evaluation);
    if (evaluation->source == SOURCE_LIVE && before.is_known && facts_ms < before.facts_ms) {
        return; /* another copy read it later and has acted on that */
    }
    struct case_file file = {
        .facts = facts, .evaluation = evaluation, .found_ms = facts_ms, .facts_ms = facts_ms};
    if (!enforce(act, &before, &file) || evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    if (has_table) {
        remember(act, &file, &before);
    } else {
        act->has_new_verdict = act->has_new_verdict || file.is_corrected;
    }
}
