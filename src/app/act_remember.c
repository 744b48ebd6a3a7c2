/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of what was judged and done, in this order: the state under its version, with the
 * records and alerts that are due; the records; the state without them; the alerts. Whoever takes
 * an alert out of the state under its version publishes it. So each is told at most once, by one
 * copy; what certainly was not published is put back, and only what a crash or a lost answer leaves
 * unknown, between taking it out and SNS's answer, counts as told. A crash leaves a mark there, and
 * whoever finds it says so in the log.
 */
#include "act_internal.h"
#include "metrics_internal.h"

/* Another copy that writes the same state between our read and our write; more than two in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

/* No time is left to publish: it stays due. */
#define TELLING_MS_MIN 1000

static enum status append_change(struct act *act, str arn, const struct correction *made,
                                 struct error *error) {
    const struct elb_caller writer = {.arn = made->writer_arn,
                                      .user_agent = made->writer_user_agent,
                                      .invoked_by = made->writer_invoked_by};
    const struct change change = {.at_ms = made->at_ms,
                                  .from = made->from,
                                  .to = made->to,
                                  .why = STR("the mode is weaker than required"),
                                  .last_writer = &writer};
    return state_append_change(&act->table, arn, &change, act->arena, error);
}

/* The records that a state still owes; writing one twice changes nothing. */
static enum status write_pending(struct act *act, str arn, const struct lb_state *state,
                                 struct error *error) {
    if (state->pending_open_ms != 0) {
        TRY(state_open_incident(&act->table, arn, state->pending_open_ms, state, act->arena,
                                error));
    }
    if (state->pending_close_ms != 0) {
        TRY(state_close_incident(&act->table, arn, state->pending_close_ms,
                                 state->pending_closed_ms, act->arena, error));
    }
    if (state->pending_change.at_ms != 0) {
        TRY(append_change(act, arn, &state->pending_change, error));
    }
    return STATUS_OK;
}

/* Whose invocation was not heard of again did what it said it would: that was undone since. */
static enum status replace_intent(struct act *act, str arn, const struct correction *intent,
                                  struct lb_state *state, struct error *error) {
    struct lb_state next;
    struct correction undone;
    bool is_undoing = act_writer(act, intent->from) != NULL;
    transition_replace_intent(state, intent, is_undoing ? act->event_ms : 0, &next, &undone);
    if (undone.at_ms != 0) {
        TRY(append_change(act, arn, &undone, error));
    }
    TRY(state_save(&act->table, arn, state, &next, act->arena, error));
    *state = next;
    return STATUS_OK;
}

enum status act_intend(struct act *act, str arn, const struct correction *intent,
                       struct lb_state *state_out, struct error *error) {
    enum status status = state_intend(&act->table, arn, intent, act->arena, state_out, error);
    for (int attempt = 1; status == STATUS_CONFLICT && attempt < STATE_ATTEMPTS_MAX; attempt++) {
        TRY(act_load_state(act, arn, state_out, error));
        if (state_out->facts_ms > intent->at_ms) {
            return STATUS_CONFLICT;
        }
        status = replace_intent(act, arn, intent, state_out, error);
    }
    return status;
}

/* Who only pretends to be us has a repair of theirs counted as ours, and nothing else of it. */
static bool is_ours(const struct elb_caller *caller) {
    return str_starts_with(caller->user_agent, STR("desync-guard/"));
}

static void make_transition(const struct act *act, const struct case_file *file,
                            const struct lb_state *before, struct transition *transition) {
    enum desync_mode mode = file->evaluation->mode;
    bool is_others = act_writer(act, mode) != NULL && !is_ours(act->caller);
    bool has_event = act->event_ms != 0 && act->event_ms < file->facts_ms;
    const struct transition_facts facts = {
        .evaluation = file->evaluation,
        .scheme = file->facts->scheme,
        .facts_ms = file->facts_ms,
        .now_ms = act->app->clock->now_ms(act->app->clock),
        .max_non_compliant_days = act->policy->max_non_compliant_days,
        .is_heard = act_is_heard(act),
        .is_corrected = file->is_corrected,
        .has_given_up = file->intent.at_ms != 0 && !file->is_corrected,
        .correction = act_correction(act, file->facts_ms),
        .weak_since_ms = has_event ? act->event_ms : file->facts_ms,
        .weak_read_ms = file->weak_read_ms,
        .set_by_other_ms = is_others ? act->event_ms : 0,
        .writer = act->table.writer,
        .is_fight = file->is_fight,
    };
    transition_make(before, &facts, act->arena, transition);
}

/* Reads, changes and writes the state until no other copy was faster. */
static enum status commit(struct act *act, const struct case_file *file, struct lb_state *before,
                          struct transition *transition, struct error *error) {
    str arn = file->facts->arn;
    for (int attempt = 1;; attempt++) {
        TRY(write_pending(act, arn, before, error));
        make_transition(act, file, before, transition);
        if (!transition->is_changed) {
            return STATUS_OK;
        }
        enum status status =
            state_save(&act->table, arn, before, &transition->next, act->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        TRY(act_load_state(act, arn, before, error));
    }
}

/* Takes the records that were written and the alerts in `tells` out of the state. What another copy
 * has taken out meanwhile is its to tell. */
static void take_out(const struct lb_state *saved, bool is_written, unsigned tells,
                     struct lb_state *state) {
    if (is_written && state->pending_open_ms == saved->pending_open_ms) {
        state->pending_open_ms = 0;
    }
    if (is_written && state->pending_close_ms == saved->pending_close_ms) {
        state->pending_close_ms = 0;
        state->pending_closed_ms = 0;
    }
    if (is_written && state->pending_change.at_ms == saved->pending_change.at_ms) {
        state->pending_change = (struct correction){.at_ms = 0};
    }
    state->untold &= ~tells;
}

static bool owes_anything(const struct lb_state *state) {
    return state->pending_open_ms != 0 || state->pending_close_ms != 0 ||
           state->pending_change.at_ms != 0;
}

static struct telling_mark telling_mark(const struct act *act, unsigned tells) {
    const struct clock *clock = act->app->clock;
    int64_t deadline_ms = act->app->home.deadline_ms;
    return (struct telling_mark){
        .tells = tells,
        .until_ms = deadline_ms == INT64_MAX ? clock->now_ms(clock) + MS_PER_DAY / 24 : deadline_ms,
        .writer = act->table.writer};
}

/* The second write of a transition. *tells becomes what is ours to tell, *mark what says so. */
static enum status settle(struct act *act, const struct case_file *file,
                          const struct lb_state *saved, bool is_written, struct telling_mark *mark,
                          struct error *error) {
    struct lb_state current = *saved;
    unsigned wanted = mark->tells;
    mark->tells = 0;
    for (int attempt = 1;; attempt++) {
        struct lb_state next = current;
        unsigned ours = wanted & current.untold;
        take_out(saved, is_written, ours, &next);
        if (ours == 0 && (!is_written || !owes_anything(&current))) {
            return STATUS_OK;
        }
        if (ours != 0) {
            next.telling = telling_mark(act, ours);
        }
        next.version++;
        enum status status =
            state_save(&act->table, file->facts->arn, &current, &next, act->arena, error);
        if (status == STATUS_OK && ours != 0) {
            *mark = next.telling;
        }
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        TRY(state_load(&act->table, file->facts->arn, act->arena, &current, error));
    }
}

/* What reached nobody is due again. */
static enum status put_back(struct act *act, str arn, unsigned untold, struct error *error) {
    for (int attempt = 1;; attempt++) {
        struct lb_state current;
        TRY(state_load(&act->table, arn, act->arena, &current, error));
        struct lb_state next = current;
        next.untold |= untold;
        if (str_eq(current.telling.writer, act->table.writer)) {
            next.telling.tells = 0;
        }
        next.version++;
        enum status status = state_save(&act->table, arn, &current, &next, act->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
    }
}

static int64_t incident_of(const struct lb_state *state) {
    return state->since_ms != 0 ? state->since_ms : state->pending_close_ms;
}

static struct telling telling_of(const struct case_file *file, const struct transition *transition,
                                 unsigned tells) {
    struct telling telling = {.evaluation = file->evaluation,
                              .found = file->found,
                              .state = &transition->next,
                              .tells = tells,
                              .since_ms = incident_of(&transition->next)};
    if ((tells & TELL_ENFORCED) != 0) {
        telling.changed_from = MODE_MONITOR; /* all that enforcement ever does */
        telling.changed_to = MODE_DEFENSIVE;
    }
    return telling;
}

/* Those that are still due are told by whatever judges it next. */
static bool has_time_to_tell(struct act *act, str arn) {
    if (aws_client_time_left_ms(&act->app->home) > TELLING_MS_MIN) {
        return true;
    }
    struct error error = {.status = STATUS_DEADLINE, .message = STR("no time is left to tell it")};
    act_fail(act, arn, "alert", &error);
    return false;
}

static void tell(struct act *act, const struct case_file *file, const struct transition *transition,
                 const struct telling_mark *mark) {
    str arn = file->facts->arn;
    struct error error = {0};
    const struct telling telling = telling_of(file, transition, mark->tells);
    unsigned untold = act_tell(act, &telling);
    if (untold != 0) {
        if (put_back(act, arn, untold, &error) != STATUS_OK) {
            act_fail(act, arn, "remember", &error);
        }
    } else if (state_end_telling(&act->table, arn, mark, act->arena, &error) != STATUS_OK) {
        /* The next judgement says that it may have reached nobody, which is not worth a repeat. */
        LOG(act->app->log, LOG_WARN, "not_finished", LOG_STR("errorMessage", error.message));
    }
}

/* It is not told again: SNS may have had it. */
static void log_doubt(struct act *act, str arn, unsigned tells) {
    if (tells != 0) {
        LOG(act->app->log, LOG_WARN, "alert_in_doubt", LOG_STR("resourceId", arn),
            LOG_STR("alert", act_tell_names(act->arena, tells)),
            LOG_STR("reason",
                    STR("an invocation ended while it was told: it may have reached nobody")));
    }
}

static void follow_up(struct act *act, const struct case_file *file,
                      const struct transition *transition) {
    str arn = file->facts->arn;
    const struct lb_state *saved = &transition->next;
    struct error error = {0};
    bool is_written = write_pending(act, arn, saved, &error) == STATUS_OK;
    if (!is_written) {
        act_fail(act, arn, "remember", &error);
    }
    if (saved->pending_close_ms != 0) {
        metrics_of_repair(act, arn, saved->pending_close_ms, saved->pending_closed_ms);
    }
    struct telling_mark mark = {.tells = transition->alerts};
    if (mark.tells != 0 && !has_time_to_tell(act, arn)) {
        mark.tells = 0;
    }
    if (settle(act, file, saved, is_written, &mark, &error) != STATUS_OK) {
        act_fail(act, arn, "remember", &error);
    }
    if (mark.tells != 0) {
        tell(act, file, transition, &mark);
    }
}

int64_t act_remember(struct act *act, const struct case_file *file, struct lb_state *before) {
    struct transition transition = {.is_changed = false};
    struct error error = {0};
    if (commit(act, file, before, &transition, &error) != STATUS_OK) {
        act_fail(act, file->facts->arn, "remember", &error);
        return before->since_ms;
    }
    log_doubt(act, file->facts->arn, transition.in_doubt);
    act->has_new_verdict =
        act->has_new_verdict || (act->event_ms != 0 && transition.has_new_verdict);
    if (transition.is_changed) {
        follow_up(act, file, &transition);
    }
    if (!transition.is_stale) {
        act_keep_finding(act, file->evaluation, &transition.next);
    }
    return transition.next.since_ms;
}
