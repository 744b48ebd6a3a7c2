/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of one judgement: what is remembered, then enforcement (act_enforce.c), then memory and
 * alerts (act_remember.c, act_tell.c).
 */
#include "act_internal.h"
#include "aws/elbv2.h"

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
        act->actions =
            arena_realloc(act->keep, act->actions, act->action_capacity * sizeof *act->actions,
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
        .ending = action->ending,
    };
    if (cause != NULL && act->first_failure.status == STATUS_OK) {
        error_copy(&act->first_failure, act->keep, cause);
    }
    if (cause != NULL) {
        act->failure_count++;
        act->last_failure = cause->status;
    }
    LOG(act->app->log, cause != NULL ? LOG_ERROR : LOG_INFO, "action",
        LOG_STR("resourceId", action->resource_id),
        LOG_STR("action", str_from_cstr(action->action)),
        LOG_STR("status", str_from_cstr(action->status)), LOG_STR("from", action->from),
        LOG_STR("to", action->to), LOG_STR("reason", action->reason));
}

void act_fail(struct act *act, str arn, const char *name, const struct error *cause) {
    const struct action action = {
        .resource_id = arn, .action = name, .status = "failed", .reason = cause->message};
    act_add(act, &action, cause);
}

/* What an event says may be older than what is remembered as unchanged since: before it opens or
 * ends anything, it is looked at. */
static enum status make_sure(struct act *act, const struct lb_state *before, struct case_file *file,
                             struct error *error) {
    const struct evaluation *evaluation = file->evaluation;
    bool is_news = before->is_known ? before->compliance != evaluation->compliance ||
                                          before->mode != evaluation->mode
                                    : evaluation->compliance == NON_COMPLIANT;
    if (file->is_live || !is_news || evaluation->compliance == NOT_APPLICABLE ||
        str_is_empty(act->table.name)) {
        return STATUS_OK;
    }
    return act_make_fresh(act, file, error);
}

enum status act_load_state(struct act *act, str arn, struct lb_state *state_out,
                           struct error *error) {
    const struct clock *clock = act->app->clock;
    TRY(state_load(&act->table, arn, act->arena, state_out, error));
    if (state_out->facts_ms > clock->now_ms(clock) + CLOCK_SKEW_MS_MAX) {
        LOG(act->app->log, LOG_WARN, "bad_time", LOG_STR("resourceId", arn),
            LOG_STR("reason", STR("factsTime of the STATE item is in the future")));
        state_out->facts_ms = 0;
    }
    return STATUS_OK;
}

enum status act_recall(struct act *act, str arn, int64_t weak_read_ms,
                       struct act_recall *recall_out, struct error *error) {
    *recall_out = (struct act_recall){.arn = arn};
    if (str_is_empty(act->table.name)) {
        return STATUS_OK;
    }
    if (weak_read_ms == 0) {
        return act_load_state(act, arn, &recall_out->state, error);
    }
    recall_out->intent = act_correction(act, weak_read_ms);
    enum status status = act_intend(act, arn, &recall_out->intent, &recall_out->state, error);
    recall_out->is_outdated = status == STATUS_CONFLICT;
    return recall_out->is_outdated ? STATUS_OK : status;
}

/* What is remembered; where the mode is going to be raised it is written down by the same call. */
static enum status recall(struct act *act, str arn, int64_t read_ms,
                          const struct evaluation *evaluation, struct error *error) {
    if (str_eq(act->recall.arn, arn)) {
        return STATUS_OK;
    }
    bool would_change = read_ms != 0 && act_would_change(act, evaluation);
    return act_recall(act, arn, would_change ? read_ms : 0, &act->recall, error);
}

/* false: there is nothing to remember, or it failed and was told. */
static bool settle_verdict(struct act *act, struct lb_state *before, struct case_file *file) {
    struct error error = {0};
    if (make_sure(act, before, file, &error) != STATUS_OK) {
        act_fail(act, file->facts->arn, "remember", &error);
        return false;
    }
    if (!act_enforce(act, before, file)) {
        return false;
    }
    if (act_learn_scheme(act, file, &error) != STATUS_OK) {
        act_fail(act, file->facts->arn, "remember", &error);
        return false;
    }
    return file->evaluation->compliance != COMPLIANCE_UNKNOWN;
}

void act_take_age(struct evaluation *reported, const struct evaluation *now) {
    const struct finding *last =
        now->finding_count == 0 ? NULL : &now->findings[now->finding_count - 1];
    if (last != NULL && last->id == FINDING_NON_COMPLIANT_TOO_LONG &&
        reported->finding_count < FINDINGS_MAX) {
        reported->findings[reported->finding_count++] = *last;
    }
}

void act_on(struct act *act, struct load_balancer *facts, int64_t read_ms,
            struct evaluation *evaluation) {
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return;
    }
    bool has_table = !str_is_empty(act->table.name);
    act->has_new_verdict = act->has_new_verdict || (!has_table && act->event_ms != 0);
    if (!act_is_on(act->app)) {
        return;
    }
    struct error error = {0};
    enum status status = recall(act, facts->arn, read_ms, evaluation, &error);
    struct act_recall recalled = act->recall;
    act->recall = (struct act_recall){.arn = STR_EMPTY};
    if (status != STATUS_OK) {
        /* what is not done for it: a mode is raised only after that was written down */
        bool is_for_change = act_would_change(act, evaluation);
        act_fail(act, facts->arn, is_for_change ? "enforce" : "remember", &error);
        return;
    }
    struct lb_state *before = &recalled.state;
    if (recalled.is_outdated || (read_ms != 0 && before->is_known && read_ms < before->facts_ms)) {
        return; /* another copy read it later and has acted on that */
    }
    struct case_file file = {
        .facts = facts,
        .evaluation = evaluation,
        .facts_ms = read_ms != 0                   ? read_ms
                    : evaluation->ordering_ms != 0 ? evaluation->ordering_ms
                                                   : act->app->clock->now_ms(act->app->clock),
        .is_live = read_ms != 0,
        .intent = recalled.intent,
    };
    bool is_settled = settle_verdict(act, before, &file);
    act->has_new_verdict = act->has_new_verdict || file.is_corrected;
    int64_t since_ms =
        is_settled && has_table ? act_remember(act, &file, before) : before->since_ms;
    const struct clock *clock = act->app->clock;
    transition_add_age(evaluation, since_ms, clock->now_ms(clock),
                       act->policy->max_non_compliant_days, act->arena);
}
