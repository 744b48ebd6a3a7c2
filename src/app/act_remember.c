/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of what was judged and done: the state under its version, the records it owes, and the
 * alerts that follow from it. The state is written first, so that of many copies one tells.
 */
#include "act_internal.h"

/* Another copy that writes the same state between our read and our write; more than two in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

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
        .now_ms = act->app->clock->now_ms(act->app->clock),
        .max_non_compliant_days = act->policy->max_non_compliant_days,
        .is_corrected = file->is_corrected,
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

static bool is_owing(const struct lb_state *state) {
    return state->pending_open_ms != 0 || state->pending_close_ms != 0;
}

static void settle_pending(const struct lb_state *saved, struct lb_state *state) {
    if (state->pending_open_ms == saved->pending_open_ms) {
        state->pending_open_ms = 0;
    }
    if (state->pending_close_ms == saved->pending_close_ms) {
        state->pending_close_ms = 0;
        state->pending_closed_ms = 0;
    }
}

/* The second write of a transition: its records are written, and what reached nobody is to be told
 * the next time. Where another copy went on from what was saved, it settles the records. */
static enum status settle(struct act *act,
                          const struct case_file *file,
                          const struct lb_state *saved,
                          bool is_written,
                          unsigned untold,
                          struct error *error) {
    struct lb_state current = *saved;
    for (int attempt = 1; untold != 0 || (is_written && is_owing(&current)); attempt++) {
        struct lb_state next = current;
        if (is_written) {
            settle_pending(saved, &next);
        }
        next.untold |= untold;
        next.version++;
        enum status status =
            state_save(&act->table, file->facts->arn, &current, &next, act->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        if (untold == 0) {
            return STATUS_OK;
        }
        TRY(state_load(&act->table, file->facts->arn, act->arena, &current, error));
    }
    return STATUS_OK;
}

static int64_t incident_of(const struct lb_state *state) {
    return state->since_ms != 0 ? state->since_ms : state->pending_close_ms;
}

/* One that is told late is known by what enforcement does: it sets defensive where monitor was. */
static struct telling telling_of(const struct case_file *file,
                                 const struct transition *transition) {
    struct telling telling = {.evaluation = file->evaluation,
                              .found = file->found,
                              .state = &transition->next,
                              .tells = transition->alerts,
                              .since_ms = incident_of(&transition->next)};
    if ((transition->alerts & TELL_ENFORCED) != 0) {
        telling.changed_from = MODE_MONITOR;
        telling.changed_to = MODE_DEFENSIVE;
    }
    if (file->is_corrected) {
        telling.changed_from = file->decision.from;
        telling.changed_to = file->decision.to;
    }
    return telling;
}

static void append_change(struct act *act, const struct case_file *file) {
    struct error error = {0};
    const struct change change = {.at_ms = file->facts_ms,
                                  .from = file->decision.from,
                                  .to = file->decision.to,
                                  .why = str_from_cstr(file->decision.reason),
                                  .last_writer = act->caller};
    if (state_append_change(&act->table, file->facts->arn, &change, act->arena, &error) !=
        STATUS_OK) {
        act_fail(act, file->facts->arn, "enforce", &error);
    }
}

static void follow_up(struct act *act,
                      const struct case_file *file,
                      const struct transition *transition) {
    str arn = file->facts->arn;
    const struct lb_state *saved = &transition->next;
    struct error error = {0};
    const struct telling telling = telling_of(file, transition);
    unsigned untold = act_tell(act, &telling);
    if (!act_import_finding(act, file->evaluation, saved)) {
        untold |= TELL_FINDING;
    }
    bool is_written = write_pending(act, arn, saved, &error) == STATUS_OK;
    if (!is_written) {
        act_fail(act, arn, "alert", &error);
    }
    if (settle(act, file, saved, is_written, untold, &error) != STATUS_OK) {
        act_fail(act, arn, "alert", &error);
    }
}

void act_remember(struct act *act, const struct case_file *file, struct lb_state *before) {
    struct transition transition = {.is_correction = file->is_corrected};
    struct error error = {0};
    enum status status = commit(act, file, before, &transition, &error);
    if (file->is_corrected && (status != STATUS_OK || transition.is_correction)) {
        append_change(act, file);
    }
    if (status != STATUS_OK) {
        act_fail(act, file->facts->arn, "alert", &error);
        return;
    }
    act->has_new_verdict =
        act->has_new_verdict || (act->event_ms != 0 && transition.has_new_verdict);
    if (transition.is_changed) {
        follow_up(act, file, &transition);
    }
}
