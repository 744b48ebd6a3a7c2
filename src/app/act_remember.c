/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of what was judged and done, in this order: the state under its version, with the
 * records and alerts that are due; the records; the state without them; the alerts. Whoever takes
 * an alert out of the state under its version publishes it. So each is told at most once, by one
 * copy; what certainly was not published is put back, and only what a crash or a lost answer leaves
 * unknown, between taking it out and SNS's answer, counts as told.
 */
#include "act_internal.h"
#include "metrics_internal.h"

/* Another copy that writes the same state between our read and our write; more than two in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

/* No time is left to publish: it stays due. */
#define TELLING_MS_MIN 1000

/* The records that a state still owes; writing one twice changes nothing. */
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
    if (state->pending_change.at_ms != 0) {
        const struct correction *made = &state->pending_change;
        const struct elb_caller writer = {.arn = made->writer_arn,
                                          .user_agent = made->writer_user_agent,
                                          .invoked_by = made->writer_invoked_by};
        const struct change change = {.at_ms = made->at_ms,
                                      .from = made->from,
                                      .to = made->to,
                                      .why = STR("the mode is weaker than required"),
                                      .last_writer = &writer};
        TRY(state_append_change(&act->table, arn, &change, act->arena, error));
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
        .is_fight = file->is_fight,
    };
    transition_make(before, &facts, act->arena, transition);
}

/* Reads, changes and writes the state until no other copy was faster. */
static enum status commit(struct act *act,
                          const struct case_file *file,
                          struct lb_state *before,
                          struct transition *transition,
                          struct error *error) {
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
        TRY(state_load(&act->table, arn, act->arena, before, error));
    }
}

/* Takes the records that were written and the alerts in `tells` out of the state. What another copy
 * has taken out meanwhile is its to tell. */
static void take_out(const struct lb_state *saved,
                     bool is_written,
                     unsigned tells,
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

/* The second write of a transition. *tells becomes what is ours to tell. */
static enum status settle(struct act *act,
                          const struct case_file *file,
                          const struct lb_state *saved,
                          bool is_written,
                          unsigned *tells,
                          struct error *error) {
    struct lb_state current = *saved;
    unsigned wanted = *tells;
    *tells = 0;
    for (int attempt = 1;; attempt++) {
        struct lb_state next = current;
        unsigned ours = wanted & current.untold;
        take_out(saved, is_written, ours, &next);
        if (ours == 0 && (!is_written || !owes_anything(&current))) {
            return STATUS_OK;
        }
        next.version++;
        enum status status =
            state_save(&act->table, file->facts->arn, &current, &next, act->arena, error);
        if (status == STATUS_OK) {
            *tells = ours;
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

static struct telling telling_of(const struct case_file *file,
                                 const struct transition *transition,
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

static void follow_up(struct act *act,
                      const struct case_file *file,
                      const struct transition *transition) {
    str arn = file->facts->arn;
    const struct lb_state *saved = &transition->next;
    struct error error = {0};
    bool is_written = write_pending(act, arn, saved, &error) == STATUS_OK;
    if (!is_written) {
        act_fail(act, arn, "alert", &error);
    }
    if (saved->pending_close_ms != 0) {
        metrics_of_repair(act, arn, saved->pending_close_ms, saved->pending_closed_ms);
    }
    unsigned tells = transition->alerts;
    if (tells != 0 && !has_time_to_tell(act, arn)) {
        tells = 0;
    }
    if (settle(act, file, saved, is_written, &tells, &error) != STATUS_OK) {
        act_fail(act, arn, "alert", &error);
    }
    const struct telling telling = telling_of(file, transition, tells);
    unsigned untold = tells == 0 ? 0 : act_tell(act, &telling);
    if (untold != 0 && put_back(act, arn, untold, &error) != STATUS_OK) {
        act_fail(act, arn, "alert", &error);
    }
}

/* State over time, judged by nobody else. It is advice, and comes after AWS Config was told: the
 * annotation does not have it. */
static void note_age(const struct act *act,
                     const struct lb_state *state,
                     struct evaluation *evaluation) {
    int64_t now_ms = act->app->clock->now_ms(act->app->clock);
    int days_max = act->policy->max_non_compliant_days;
    if (state->since_ms == 0 || now_ms - state->since_ms <= (int64_t)days_max * MS_PER_DAY ||
        evaluation->finding_count == FINDINGS_MAX) {
        return;
    }
    str since = date_format(act->arena, date_days_of_ms(state->since_ms));
    evaluation->findings[evaluation->finding_count++] = (struct finding){
        .id = FINDING_NON_COMPLIANT_TOO_LONG,
        .severity = SEVERITY_HIGH,
        .subject = since,
        .message = str_format(act->arena,
                              "It is non-compliant since %" STR_FMT
                              ", longer than the %d days that are allowed. Repair it, or ask for "
                              "an exception.",
                              STR_ARG(since),
                              days_max)};
}

void act_remember(struct act *act, const struct case_file *file, struct lb_state *before) {
    struct transition transition = {.is_changed = false};
    struct error error = {0};
    if (commit(act, file, before, &transition, &error) != STATUS_OK) {
        act_fail(act, file->facts->arn, "alert", &error);
        return;
    }
    act->has_new_verdict =
        act->has_new_verdict || (act->event_ms != 0 && transition.has_new_verdict);
    if (transition.is_changed) {
        follow_up(act, file, &transition);
    }
    if (!transition.is_stale) {
        act_keep_finding(act, file->evaluation, &transition.next);
        note_age(act, &transition.next, file->evaluation);
    }
}
