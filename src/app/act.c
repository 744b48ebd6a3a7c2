/* SPDX-License-Identifier: Apache-2.0 */
#include "act_internal.h"
#include "aws/elbv2.h"

/* Facts older than this are read anew before a mode is changed. */
#define FRESH_MS 3000

#define CHANGE_ATTEMPTS_MAX 3
#define MISSING_PAUSE_MS    1000
#define CHANGE_PAUSE_MS     INT64_C(1000) /* before the second; twice that before the third */

bool act_is_on(const struct app *app) {
    const struct act_settings *settings = &app->settings.act;
    return settings->enforcement.enforcement != ENFORCEMENT_OFF ||
           !str_is_empty(settings->state_table);
}

/* Lambda's id of the invocation is the same in its repeats; on the command line nothing is
 * repeated, and two runs at once are two writers. */
static str writer_name(const struct app *app, struct arena *arena) {
    if (!str_is_empty(app->log->request_id)) {
        return app->log->request_id;
    }
    return str_format(arena, "command-line-%016llx", (unsigned long long)app->home.random_state);
}

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep) {
    *act = (struct act){
        .app = app,
        .policy = policy,
        .keep = keep,
        .arena = keep,
        .table = {.client = &app->home,
                  .name = app->settings.act.state_table,
                  .writer = writer_name(app, keep)},
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

void act_fail(struct act *act, str arn, const char *name, const struct error *cause) {
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
    evaluation_without_facts(file->evaluation,
                             STR(LOAD_BALANCER_RESOURCE_TYPE),
                             file->facts->arn,
                             NOT_APPLICABLE,
                             STR("does not exist any more"));
    file->evaluation->source = SOURCE_LIVE;
    file->evaluation->ordering_ms = ordering_ms;
    file->facts_ms = now_ms(act);
}

/* Setting what an older read calls for could lower a mode that somebody raised since. */
static bool is_fresh(const struct act *act, const struct case_file *file) {
    return file->is_live && now_ms(act) - file->facts_ms <= FRESH_MS;
}

static enum status make_fresh(struct act *act, struct case_file *file, struct error *error) {
    if (is_fresh(act, file)) {
        return STATUS_OK;
    }
    int64_t read_ms = now_ms(act);
    enum status status = elbv2_read_load_balancer(
        &act->app->aws, ELBV2_ATTRIBUTES | ELBV2_TAGS, act->arena, file->facts, error);
    if (status == STATUS_NOT_FOUND) {
        /* Eventual consistency: only what is missed twice is gone. */
        act->app->clock->sleep_ms(act->app->clock, MISSING_PAUSE_MS);
        read_ms = now_ms(act);
        status = elbv2_read_load_balancer(
            &act->app->aws, ELBV2_ATTRIBUTES | ELBV2_TAGS, act->arena, file->facts, error);
    }
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

/* Sends the one key that changes, and believes only what the answer says the mode is now. */
static enum status set_mode(struct act *act, struct case_file *file, struct error *error) {
    const struct load_balancer before = *file->facts;
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(file->decision.to))};
    TRY(elbv2_modify_attributes(
        &act->app->aws, before.arn, &attribute, 1, act->arena, file->facts, error));
    if (file->facts->mode != file->decision.to) {
        return error_set(error,
                         act->arena,
                         STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(file->facts->mode),
                         mode_name(file->decision.to));
    }
    if (file->facts->drops_invalid_headers == KNOWN_NOT) {
        file->facts->drops_invalid_headers = before.drops_invalid_headers;
    }
    file->facts_ms = now_ms(act);
    judge_again(act, file);
    return STATUS_OK;
}

static void decide(const struct act *act, const struct lb_state *before, struct case_file *file) {
    bool has_table = !str_is_empty(act->table.name);
    const struct enforcement_counts counts = {
        .changes_in_run = act->changes,
        .corrections_in_a_day = has_table ? corrections_in_a_day(before, now_ms(act)) : -1,
    };
    file->decision =
        enforcement_decide(file->evaluation, &act->app->settings.act.enforcement, &counts);
}

/* Waits for what may be another attempt; false: there is none, and nothing was waited for. */
static bool wait_for_another(struct act *act, const struct error *error, int attempt) {
    int64_t pause_ms = CHANGE_PAUSE_MS * attempt;
    bool may_pass = status_is_retryable(error->status) || error->status == STATUS_NOT_FOUND;
    if (attempt == CHANGE_ATTEMPTS_MAX || !may_pass ||
        aws_client_time_left_ms(&act->app->aws) <= 2 * pause_ms) {
        return false;
    }
    act->app->clock->sleep_ms(act->app->clock, pause_ms);
    aws_wait_for_turn(&act->app->aws, PACE_ELB_WRITE);
    return true;
}

/* Each attempt rests on a look of its own: what was right to set a second ago may lower the mode
 * now. OK without is_corrected: somebody else has settled it meanwhile. */
static enum status change_mode(struct act *act,
                               const struct lb_state *before,
                               struct case_file *file,
                               struct error *error) {
    struct evaluation *found = ARENA_NEW(act->arena, struct evaluation);
    bool may_be_made = false; /* an answer was lost, but the change may have been made */
    for (int attempt = 1;; attempt++) {
        *found = *file->evaluation;
        file->found = found;
        file->weak_read_ms = file->facts_ms;
        enum status status = set_mode(act, file, error);
        file->is_corrected = status == STATUS_OK;
        if (file->is_corrected) {
            return STATUS_OK;
        }
        may_be_made = may_be_made || error->is_outcome_unknown;
        bool has_another = wait_for_another(act, error, attempt);
        file->is_live = false;
        if ((!has_another && !may_be_made) || make_fresh(act, file, NULL) != STATUS_OK) {
            return status;
        }
        file->is_corrected = may_be_made && file->facts->mode == file->decision.to;
        if (file->is_corrected || !has_another) {
            return file->is_corrected ? STATUS_OK : status;
        }
        decide(act, before, file);
        if (file->decision.verdict != ENFORCE_CHANGE) {
            return STATUS_OK;
        }
    }
}

/* Waiting for our turn makes what was read old. false: it need not be changed any more, or that
 * could not be found out (*error). */
static bool is_still_due(struct act *act,
                         const struct lb_state *before,
                         struct case_file *file,
                         struct error *error) {
    aws_wait_for_turn(&act->app->aws, PACE_ELB_WRITE);
    if (!is_fresh(act, file)) {
        if (make_fresh(act, file, error) != STATUS_OK) {
            return false;
        }
        decide(act, before, file);
    }
    return file->decision.verdict == ENFORCE_CHANGE;
}

/* false: it failed, and that was told. An attempt counts as a change, whatever comes of it. */
static bool correct(struct act *act, const struct lb_state *before, struct case_file *file) {
    struct error error = {0};
    struct enforcement_decision decision = file->decision;
    enum status status = STATUS_OK;
    if (is_still_due(act, before, file, &error)) {
        status = change_mode(act, before, file, &error);
        act->changes++;
    } else {
        status = error.status;
    }
    if (!file->is_corrected) {
        file->found = NULL;
    }
    if (status != STATUS_OK) {
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

/* false: it could not be found out or done, and was told as a failure; what it was is not to be
 * remembered. */
static bool enforce(struct act *act, const struct lb_state *before, struct case_file *file) {
    if (!may_need_enforcement(act, file->evaluation)) {
        return true;
    }
    struct error error = {0};
    if (make_fresh(act, file, &error) != STATUS_OK) {
        act_fail(act, file->facts->arn, "enforce", &error);
        return false;
    }
    decide(act, before, file);
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

/* What an event says may be older than what is remembered as unchanged since: before it opens or
 * ends anything, it is looked at. */
static enum status make_sure(struct act *act,
                             const struct lb_state *before,
                             struct case_file *file,
                             struct error *error) {
    const struct evaluation *evaluation = file->evaluation;
    bool is_news = before->is_known ? before->compliance != evaluation->compliance ||
                                          before->mode != evaluation->mode
                                    : evaluation->compliance == NON_COMPLIANT;
    if (file->is_live || !is_news || evaluation->compliance == NOT_APPLICABLE ||
        str_is_empty(act->table.name)) {
        return STATUS_OK;
    }
    return make_fresh(act, file, error);
}

void act_on(struct act *act,
            struct load_balancer *facts,
            int64_t read_ms,
            struct evaluation *evaluation) {
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    bool has_table = !str_is_empty(act->table.name);
    act->has_new_verdict = act->has_new_verdict || (!has_table && act->event_ms != 0);
    if (!act_is_on(act->app)) {
        return;
    }
    struct lb_state before = {0};
    struct error error = {0};
    if (has_table &&
        state_load(&act->table, facts->arn, act->arena, &before, &error) != STATUS_OK) {
        act_fail(act, facts->arn, "enforce", &error);
        return;
    }
    if (read_ms != 0 && before.is_known && read_ms < before.facts_ms) {
        return; /* another copy read it later and has acted on that */
    }
    struct case_file file = {
        .facts = facts,
        .evaluation = evaluation,
        .facts_ms = read_ms != 0                   ? read_ms
                    : evaluation->ordering_ms != 0 ? evaluation->ordering_ms
                                                   : now_ms(act),
        .is_live = read_ms != 0,
    };
    if (make_sure(act, &before, &file, &error) != STATUS_OK) {
        act_fail(act, facts->arn, "alert", &error);
        return;
    }
    if (!enforce(act, &before, &file) || evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    act->has_new_verdict = act->has_new_verdict || file.is_corrected;
    if (has_table) {
        act_remember(act, &file, &before);
    }
}
