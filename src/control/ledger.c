/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of what was judged and done, in this order: the state under its version, with the
 * records and alerts that are due; the records; the state without them; the alerts. Whoever takes
 * an alert out of the state under its version publishes it. So each is told at most once, by one
 * copy; what certainly was not published is put back, and only what a crash or a lost answer leaves
 * unknown, between taking it out and SNS's answer, counts as told. A crash leaves a mark there, and
 * whoever finds it says so in the log.
 */
#include "control/metrics.h"
#include "control_internal.h"
#include "table/records.h"

/* Another copy that writes the same state between our read and our write; more than two in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

/* No time is left to publish: it stays due. */
#define ALERT_MS_MIN 1000

static enum status append_change(struct control *control, str arn, const struct correction *made,
                                 struct error *error) {
    const struct writer writer = {.arn = made->writer.arn,
                                  .user_agent = made->writer.user_agent,
                                  .invoked_by = made->writer.invoked_by};
    const struct change change = {.at_ms = made->at_ms,
                                  .from = made->from,
                                  .to = made->to,
                                  .why = STR("the mode is weaker than required"),
                                  .last_writer = &writer};
    return state_append_change(&control->table, arn, &change, control->arena, error);
}

/* The records that a state still owes; writing one twice changes nothing. */
static enum status write_pending(struct control *control, str arn, const struct lb_state *state,
                                 struct error *error) {
    if (state->pending_open_ms != 0) {
        TRY(state_open_incident(&control->table, arn, state->pending_open_ms, state, control->arena,
                                error));
    }
    if (state->pending_close_ms != 0) {
        TRY(state_close_incident(&control->table, arn, state->pending_close_ms,
                                 state->pending_closed_ms, control->arena, error));
    }
    if (state->pending_change.at_ms != 0) {
        TRY(append_change(control, arn, &state->pending_change, error));
    }
    return STATUS_OK;
}

/* Whose invocation was not heard of again did what it said it would: that was undone since. */
static enum status replace_intent(struct control *control, str arn, const struct correction *intent,
                                  struct lb_state *state, struct error *error) {
    struct lb_state next;
    struct correction undone;
    bool is_undoing = control_writer(control, intent->from) != NULL;
    transition_replace_intent(state, intent, is_undoing ? control->event_ms : 0, &next, &undone);
    if (undone.at_ms != 0) {
        TRY(append_change(control, arn, &undone, error));
    }
    TRY(state_save(&control->table, arn, state, &next, control->arena, error));
    *state = next;
    return STATUS_OK;
}

enum status ledger_load(struct control *control, str arn, struct lb_state *state_out,
                        struct error *error) {
    const struct clock *clock = control->guard->clock;
    TRY(state_load(&control->table, arn, control->arena, state_out, error));
    if (state_out->facts_ms > clock->now_ms(clock) + CLOCK_SKEW_MS_MAX) {
        LOG(control->guard->log, LOG_WARN, "bad_time", LOG_STR("resourceId", arn),
            LOG_STR("reason", STR("factsTime of the STATE item is in the future")));
        state_out->facts_ms = 0;
    }
    return STATUS_OK;
}

enum status ledger_intend(struct control *control, str arn, const struct correction *intent,
                          struct lb_state *state_out, struct error *error) {
    enum status status =
        state_intend(&control->table, arn, intent, control->arena, state_out, error);
    for (int attempt = 1; status == STATUS_CONFLICT && attempt < STATE_ATTEMPTS_MAX; attempt++) {
        TRY(ledger_load(control, arn, state_out, error));
        if (state_out->facts_ms > intent->at_ms) {
            return STATUS_CONFLICT;
        }
        status = replace_intent(control, arn, intent, state_out, error);
    }
    return status;
}

/* Who only pretends to be us has a repair of theirs counted as ours, and nothing else of it. */
static bool is_ours(const struct writer *caller) {
    return str_starts_with(caller->user_agent, STR("desync-guard/"));
}

static void make_transition(const struct control *control, const struct enforcement_case *file,
                            const struct lb_state *before, struct transition *transition) {
    enum desync_mode mode = file->evaluation->mode;
    bool is_others = control_writer(control, mode) != NULL && !is_ours(control->caller);
    bool has_event = control->event_ms != 0 && control->event_ms < file->facts_ms;
    const struct transition_facts facts = {
        .evaluation = file->evaluation,
        .scheme = file->facts->scheme,
        .facts_ms = file->facts_ms,
        .now_ms = control->guard->clock->now_ms(control->guard->clock),
        .max_non_compliant_days = control->policy->max_non_compliant_days,
        .has_alert_topic = has_alert_topic(control),
        .is_corrected = file->is_corrected,
        .has_given_up = file->intent.at_ms != 0 && !file->is_corrected,
        .correction = control_correction(control, file->facts_ms),
        .weak_since_ms = has_event ? control->event_ms : file->facts_ms,
        .weak_read_ms = file->weak_read_ms,
        .set_by_other_ms = is_others ? control->event_ms : 0,
        .writer = control->table.writer,
        .is_fight = file->is_fight,
    };
    transition_make(before, &facts, control->arena, transition);
}

/* Reads, changes and writes the state until no other copy was faster. */
static enum status commit(struct control *control, const struct enforcement_case *file,
                          struct lb_state *before, struct transition *transition,
                          struct error *error) {
    str arn = file->facts->arn;
    for (int attempt = 1;; attempt++) {
        TRY(write_pending(control, arn, before, error));
        make_transition(control, file, before, transition);
        if (!transition->is_changed) {
            return STATUS_OK;
        }
        enum status status =
            state_save(&control->table, arn, before, &transition->next, control->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        TRY(ledger_load(control, arn, before, error));
    }
}

/* Takes the records that were written and the alerts in `alerts` out of the state. What another
 * copy has taken out meanwhile is its to tell. */
static void take_out(const struct lb_state *saved, bool is_written, unsigned alerts,
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
    state->due_alerts &= ~alerts;
}

static bool owes_anything(const struct lb_state *state) {
    return state->pending_open_ms != 0 || state->pending_close_ms != 0 ||
           state->pending_change.at_ms != 0;
}

static struct alert_claim new_claim(const struct control *control, unsigned alerts) {
    const struct clock *clock = control->guard->clock;
    int64_t deadline_ms = control->guard->home.deadline_ms;
    return (struct alert_claim){
        .alerts = alerts,
        .until_ms = deadline_ms == INT64_MAX ? clock->now_ms(clock) + MS_PER_DAY / 24 : deadline_ms,
        .writer = control->table.writer};
}

/* The second write of a transition. *alerts becomes what is ours to tell, *mark what says so. */
static enum status settle(struct control *control, const struct enforcement_case *file,
                          const struct lb_state *saved, bool is_written, struct alert_claim *mark,
                          struct error *error) {
    struct lb_state current = *saved;
    unsigned wanted = mark->alerts;
    mark->alerts = 0;
    for (int attempt = 1;; attempt++) {
        struct lb_state next = current;
        unsigned ours = wanted & current.due_alerts;
        take_out(saved, is_written, ours, &next);
        if (ours == 0 && (!is_written || !owes_anything(&current))) {
            return STATUS_OK;
        }
        if (ours != 0) {
            next.alert_claim = new_claim(control, ours);
        }
        next.version++;
        enum status status =
            state_save(&control->table, file->facts->arn, &current, &next, control->arena, error);
        if (status == STATUS_OK && ours != 0) {
            *mark = next.alert_claim;
        }
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
        TRY(state_load(&control->table, file->facts->arn, control->arena, &current, error));
    }
}

/* What reached nobody is due again. */
static enum status put_back(struct control *control, str arn, unsigned due_alerts,
                            struct error *error) {
    for (int attempt = 1;; attempt++) {
        struct lb_state current;
        TRY(state_load(&control->table, arn, control->arena, &current, error));
        struct lb_state next = current;
        next.due_alerts |= due_alerts;
        if (str_eq(current.alert_claim.writer, control->table.writer)) {
            next.alert_claim.alerts = 0;
        }
        next.version++;
        enum status status =
            state_save(&control->table, arn, &current, &next, control->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
    }
}

static int64_t incident_of(const struct lb_state *state) {
    return state->since_ms != 0 ? state->since_ms : state->pending_close_ms;
}

static struct alert_batch alert_batch_of(const struct enforcement_case *file,
                                         const struct transition *transition, unsigned alerts) {
    struct alert_batch batch = {.evaluation = file->evaluation,
                                .found = file->found,
                                .state = &transition->next,
                                .alerts = alerts,
                                .since_ms = incident_of(&transition->next)};
    if ((alerts & ALERT_SET(ALERT_ENFORCED)) != 0) {
        batch.changed_from = MODE_MONITOR; /* all that enforcement ever does */
        batch.changed_to = MODE_DEFENSIVE;
    }
    return batch;
}

/* Those that are still due are told by whatever judges it next. */
static bool has_time_to_alert(struct control *control, str arn) {
    if (aws_client_time_left_ms(&control->guard->home) > ALERT_MS_MIN) {
        return true;
    }
    struct error error = {.status = STATUS_DEADLINE, .message = STR("no time is left to tell it")};
    action_add_failure(control, arn, "alert", &error);
    return false;
}

static void tell(struct control *control, const struct enforcement_case *file,
                 const struct transition *transition, const struct alert_claim *mark) {
    str arn = file->facts->arn;
    struct error error = {0};
    const struct alert_batch batch = alert_batch_of(file, transition, mark->alerts);
    unsigned due_alerts = alerts_publish(control, &batch);
    if (due_alerts != 0) {
        if (put_back(control, arn, due_alerts, &error) != STATUS_OK) {
            action_add_failure(control, arn, "remember", &error);
        }
    } else if (state_end_alert_claim(&control->table, arn, mark, control->arena, &error) !=
               STATUS_OK) {
        /* The next judgement says that it may have reached nobody, which is not worth a repeat. */
        LOG(control->guard->log, LOG_WARN, "not_finished", LOG_STR("errorMessage", error.message));
    }
}

/* It is not told again: SNS may have had it. */
static void log_doubt(struct control *control, str arn, unsigned alerts) {
    if (alerts != 0) {
        LOG(control->guard->log, LOG_WARN, "alert_in_doubt", LOG_STR("resourceId", arn),
            LOG_STR("alert", alert_names(control->arena, alerts)),
            LOG_STR("reason",
                    STR("an invocation ended while it was told: it may have reached nobody")));
    }
}

static void follow_up(struct control *control, const struct enforcement_case *file,
                      const struct transition *transition) {
    str arn = file->facts->arn;
    const struct lb_state *saved = &transition->next;
    struct error error = {0};
    bool is_written = write_pending(control, arn, saved, &error) == STATUS_OK;
    if (!is_written) {
        action_add_failure(control, arn, "remember", &error);
    }
    if (saved->pending_close_ms != 0) {
        metrics_of_repair(control, arn, saved->pending_close_ms, saved->pending_closed_ms);
    }
    struct alert_claim mark = {.alerts = transition->alerts};
    if (mark.alerts != 0 && !has_time_to_alert(control, arn)) {
        mark.alerts = 0;
    }
    if (settle(control, file, saved, is_written, &mark, &error) != STATUS_OK) {
        action_add_failure(control, arn, "remember", &error);
    }
    if (mark.alerts != 0) {
        tell(control, file, transition, &mark);
    }
}

int64_t ledger_commit(struct control *control, const struct enforcement_case *file,
                      struct lb_state *before) {
    struct transition transition = {.is_changed = false};
    struct error error = {0};
    if (commit(control, file, before, &transition, &error) != STATUS_OK) {
        action_add_failure(control, file->facts->arn, "remember", &error);
        return before->since_ms;
    }
    log_doubt(control, file->facts->arn, transition.in_doubt);
    control->has_new_verdict =
        control->has_new_verdict || (control->event_ms != 0 && transition.has_new_verdict);
    if (transition.is_changed) {
        follow_up(control, file, &transition);
    }
    if (!transition.is_stale) {
        security_hub_add(control, file->evaluation, &transition.next);
    }
    return transition.next.since_ms;
}
