/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: each judgement changes STATE, INCIDENT and CHANGE in one write, conditional on the
 * version of STATE. So an incident is opened, a correction counted and an alert claimed at most
 * once, by one of many copies. The ledger publishes nothing: it returns the alerts that it claimed.
 *
 * The life of a STATE item:
 *
 *     (none) --judged--------------------> verdict <--+
 *        |                                  |   ^     | judged again: written when more
 *        | ledger_intend                    |   |     | than the time has changed
 *        v                                  |   +-----+
 *   [verdict +] intent  <---ledger_intend---+
 *        |    |     ^
 *        |    |     +--- an earlier invocation ended with its intent in place: replaced, and
 *        |    |          counted as a correction (CHANGE) if the call at hand has undone it
 *        |    +--------> verdict: raised (CHANGE, INCIDENT, alert), by us or by the next judgement
 *        +-------------> verdict: certainly not raised, or somebody else did it
 *
 * The life of an alert:
 *
 *     due --claimed in the write of STATE--> claimed --published-------> (claim removed)
 *      ^                                       |  |
 *      |                                       |  +--no word in time---> alert_in_doubt in the log
 *      +--SNS certainly did not take it--------+
 *      +--no time left to publish it: never claimed, due for the next judgement
 *
 *     quiet --4th incident begun or ended in an hour: FLAPPING--> held back: opened, resolved,
 * raised ^                                                           |
 *       +--an hour without one: an open incident is alerted now-----+
 *
 * Escalations are no part of STATE: see digest.c.
 */
#include "control_internal.h"

/* Other copies may write the same state between our read and our write; more than a few in a row
 * would be a crowd. */
#define STATE_ATTEMPTS_MAX 4

enum status ledger_load(struct control *control, str arn, struct lb_state *state_out,
                        struct error *error) {
    TRY(state_load(&control->table, arn, control->arena, state_out, error));
    if (state_out->facts_ms > guard_now_ms(control->guard) + CLOCK_SKEW_MS_MAX) {
        LOG(control->guard->log, LOG_WARN, "bad_time", LOG_STR("resourceId", arn),
            LOG_STR("reason", STR("factsTime of the STATE item is in the future")));
        state_out->facts_ms = 0;
    }
    return STATUS_OK;
}

/* An earlier invocation ended with its intent in place. */
static enum status replace_intent(struct control *control, str arn, const struct correction *intent,
                                  struct lb_state *state, struct error *error) {
    bool is_undoing = control_writer(control, intent->from) != NULL;
    const struct transition transition =
        transition_replace_intent(state, intent, is_undoing ? control->event_ms : 0);
    TRY(state_save(&control->table, arn, state, &transition, control->arena, error));
    *state = transition.next;
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

static void make_transition(const struct control *control, const struct enforcement_case *file,
                            const struct lb_state *before, struct transition *transition) {
    bool has_event = control->event_ms != 0 && control->event_ms < file->facts_ms;
    bool has_made = str_eq(control->made.arn, file->facts->arn);
    const struct transition_facts facts = {
        .evaluation = file->evaluation,
        .scheme = file->facts->scheme,
        .facts_ms = file->facts_ms,
        .now_ms = guard_now_ms(control->guard),
        .has_alert_topic = has_alert_topic(control),
        .claim_until_ms = alert_claim_until_ms(control),
        .is_corrected = file->is_corrected,
        .has_given_up = file->intent.at_ms != 0 && !file->is_corrected,
        .correction = control_correction(control, file->facts_ms),
        .own_change = has_made ? control->made.change : (struct own_change){.at_ms = 0},
        .weak_since_ms = has_event ? control->event_ms : file->facts_ms,
        .weak_read_ms = file->weak_read_ms,
        .set_by_other_ms = control_set_by_other_ms(control, file->evaluation->mode),
        .writer = control->table.writer,
        .is_fight = file->is_fight,
        .is_held = file->is_held,
    };
    transition_make(before, &facts, control->arena, transition);
}

/* The write may have been carried out although its answer is lost: then STATE has the claim that it
 * made, which names this invocation and its deadline, and the alerts are ours to publish. */
static bool has_claim(const struct lb_state *now, const struct transition *made) {
    const struct alert_claim *claim = &made->next.alert_claim;
    return claim->alerts == now->alert_claim.alerts &&
           claim->until_ms == now->alert_claim.until_ms &&
           str_eq(claim->writer, now->alert_claim.writer);
}

enum status ledger_commit(struct control *control, const struct enforcement_case *file,
                          struct lb_state *before, struct transition *transition_out,
                          struct error *error) {
    str arn = file->facts->arn;
    for (int attempt = 1;; attempt++) {
        make_transition(control, file, before, transition_out);
        if (!transition_out->is_changed) {
            return STATUS_OK;
        }
        enum status status =
            state_save(&control->table, arn, before, transition_out, control->arena, error);
        bool is_in_doubt = status != STATUS_OK && status != STATUS_CONFLICT &&
                           error->is_outcome_unknown && transition_out->alerts != 0;
        if ((status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) && !is_in_doubt) {
            return status;
        }
        struct lb_state now;
        TRY(ledger_load(control, arn, &now, error));
        if (transition_out->alerts != 0 && has_claim(&now, transition_out)) {
            return STATUS_OK; /* it is our own write that a repeated attempt conflicted with */
        }
        if (is_in_doubt) {
            return status;
        }
        *before = now;
    }
}

enum status ledger_requeue_alerts(struct control *control, str arn, unsigned alerts,
                                  struct error *error) {
    for (int attempt = 1;; attempt++) {
        struct lb_state current;
        TRY(state_load(&control->table, arn, control->arena, &current, error));
        struct transition change = {.next = current};
        change.next.due_alerts |= alerts;
        if (str_eq(current.alert_claim.writer, control->table.writer)) {
            change.next.alert_claim.alerts = 0;
        }
        change.next.version++;
        enum status status =
            state_save(&control->table, arn, &current, &change, control->arena, error);
        if (status != STATUS_CONFLICT || attempt == STATE_ATTEMPTS_MAX) {
            return status;
        }
    }
}

void ledger_end_alert_claim(struct control *control, str arn, const struct alert_claim *claim) {
    struct error error = {0};
    if (state_end_alert_claim(&control->table, arn, claim, control->arena, &error) != STATUS_OK) {
        /* The next judgement logs alert_in_doubt, which is not worth a repeat. */
        LOG(control->guard->log, LOG_WARN, "not_finished", LOG_STR("errorMessage", error.message));
    }
}
