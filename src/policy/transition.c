/* SPDX-License-Identifier: Apache-2.0
 *
 * One judgement, applied to the state of a load balancer. The same judgement applied twice changes
 * nothing the second time: no alert, no incident, no correction is counted twice.
 */
#include "policy/transition.h"

#include "base/buf.h"
#include "base/clock.h"

#define FINDINGS_BYTES_MAX 1024
/* An invocation of 15 minutes and its two repeats, as long, a minute and two minutes later, are
 * over after 48. A mode that is found raised later than that was not necessarily raised by us. */
#define INTENT_MS_MAX (60 * 60 * MS_PER_SECOND)
/* Alerts that one load balancer's flapping would send again and again. */
#define HELD_BACK (ALERT_SET(ALERT_OPENED) | ALERT_SET(ALERT_RESOLVED) | ALERT_SET(ALERT_ENFORCED))

/* Their call may have ended this long before our look, which did not show it yet. Longer, and a
 * third change in between would be likelier than such a lag. */
#define RACE_LAG_MS (10 * MS_PER_SECOND)

/* Ids of the failing findings, each once, in the order of the rules. */
static str failing_ids(const struct evaluation *evaluation, struct arena *arena) {
    struct buf ids;
    bool is_listed[FINDING_COUNT] = {false};
    buf_init(&ids, arena, FINDINGS_BYTES_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (finding->is_failing && !is_listed[finding->id]) {
            buf_printf(&ids, "%s%s", ids.len == 0 ? "" : ",", finding_name(finding->id));
            is_listed[finding->id] = true;
        }
    }
    return buf_str(&ids);
}

static const struct finding *find(const struct evaluation *evaluation, enum finding_id id) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == id) {
            return &evaluation->findings[i];
        }
    }
    return NULL;
}

int corrections_in_a_day(const struct lb_state *state, int64_t now_ms) {
    int count = 0;
    for (size_t i = 0; i < state->correction_count; i++) {
        count += now_ms - state->corrections_ms[i] < MS_PER_DAY ? 1 : 0;
    }
    return count;
}

bool transition_is_lagging(const struct lb_state *state, enum desync_mode read, int64_t read_ms,
                           int64_t set_by_other_ms) {
    const struct own_change *own = &state->own_change;
    bool is_later = set_by_other_ms / MS_PER_SECOND >= own->at_ms / MS_PER_SECOND;
    int64_t age_ms = read_ms - own->at_ms;
    return own->at_ms != 0 && read == own->from && read < own->to && !is_later &&
           age_ms < READ_LAG_MS && age_ms > -READ_LAG_MS;
}

bool transition_has_lowered(const struct lb_state *state, enum desync_mode mode,
                            int64_t set_by_other_ms) {
    const struct own_change *own = &state->own_change;
    /* The read may have missed theirs. But it may also have been undone before that read: then
     * the weak mode that was found is the later choice. */
    bool is_after =
        own->set_ms != 0
            ? set_by_other_ms > own->set_ms && set_by_other_ms >= own->read_ms - RACE_LAG_MS
            : set_by_other_ms / MS_PER_SECOND >= own->read_ms / MS_PER_SECOND;
    return own->at_ms != 0 && mode > own->to && own->from < own->to && is_after &&
           set_by_other_ms <= own->at_ms;
}

/* Drops what is older than a day and adds this one; the oldest goes when there is no room. */
static void remember_correction(struct lb_state *state, int64_t now_ms) {
    size_t kept = 0;
    size_t first = state->correction_count == CORRECTIONS_MAX ? 1 : 0;
    for (size_t i = first; i < state->correction_count; i++) {
        if (now_ms - state->corrections_ms[i] < MS_PER_DAY) {
            state->corrections_ms[kept++] = state->corrections_ms[i];
        }
    }
    state->corrections_ms[kept++] = now_ms;
    state->correction_count = kept;
}

str transition_import_key(const struct evaluation *evaluation, struct arena *arena) {
    return str_format(arena, "%s %s %s %" STR_FMT " %" STR_FMT,
                      compliance_name(evaluation->compliance), mode_name(evaluation->mode),
                      mode_name(evaluation->required_mode), STR_ARG(failing_ids(evaluation, arena)),
                      STR_ARG(str_utf8_prefix(evaluation->owner, 256)));
}

/* CloudTrail's time of a call is rounded down to the second, so a later call is later for certain.
 * Copies that handle two calls of one moment at the same time are no fight. */
struct transition transition_replace_intent(const struct lb_state *before,
                                            const struct correction *intent, int64_t weakened_ms) {
    struct transition transition = {.next = *before};
    int64_t intended_ms = before->intent.at_ms;
    if (intended_ms != 0 && intent->at_ms - intended_ms < INTENT_MS_MAX &&
        weakened_ms > intended_ms) {
        transition.records.change = before->intent;
        remember_correction(&transition.next, intended_ms + 1); /* before the new intent */
    }
    transition.next.exists = true;
    transition.next.intent = *intent;
    transition.next.version = before->version + 1;
    return transition;
}

/* Somebody else did what was intended, or more. Their call is known to the second. */
static bool is_done_by_others(const struct correction *intent,
                              const struct transition_facts *facts) {
    return facts->evaluation->mode > intent->to ||
           (facts->evaluation->mode == intent->to &&
            facts->set_by_other_ms / MS_PER_SECOND >= intent->at_ms / MS_PER_SECOND);
}

/* An invocation of ours ended after it wrote its intent, and the mode is the intended one: then
 * this is the correction, as if it had been made just now. */
static void take_over_intent(const struct lb_state *before, struct transition_facts *facts) {
    const struct correction *intent = &before->intent;
    if (facts->is_corrected || intent->at_ms == 0 || facts->facts_ms < intent->at_ms ||
        facts->now_ms - intent->at_ms >= INTENT_MS_MAX ||
        facts->evaluation->compliance == NOT_APPLICABLE || facts->evaluation->mode != intent->to ||
        is_done_by_others(intent, facts)) {
        return;
    }
    struct correction made = *intent;
    if (str_is_empty(made.writer.arn)) {
        made = facts->correction;
        made.at_ms = intent->at_ms;
        made.from = intent->from;
        made.to = intent->to;
    }
    facts->correction = made;
    facts->is_corrected = true;
    facts->weak_read_ms = intent->at_ms;
    if (facts->weak_since_ms > intent->at_ms) {
        facts->weak_since_ms = intent->at_ms;
    }
}

/* Copies that read the same weak mode all raise it: only the first write counts a correction. */
static bool is_first_correction(const struct lb_state *before,
                                const struct transition_facts *facts) {
    size_t count = before->correction_count;
    bool is_later = count == 0 || before->corrections_ms[count - 1] <= facts->weak_read_ms;
    return facts->is_corrected && before->intent.at_ms != 0 &&
           (facts->weak_read_ms == 0 || is_later);
}

/* Removes the intent unless another invocation may still carry it out. */
static void settle_intent(const struct transition_facts *facts, struct lb_state *next) {
    if (facts->is_corrected || facts->has_given_up ||
        facts->evaluation->compliance == NOT_APPLICABLE ||
        is_done_by_others(&next->intent, facts) ||
        facts->now_ms - next->intent.at_ms >= INTENT_MS_MAX) {
        next->intent = (struct correction){.at_ms = 0};
    }
}

/* An incident ends when the load balancer is compliant, excused, or no more. One that begins and is
 * corrected within the same invocation is opened and closed at once, so that it counts in the time
 * to repair. */
static void move_incident(const struct lb_state *before, const struct transition_facts *facts,
                          struct transition *transition) {
    struct lb_state *next = &transition->next;
    bool is_failing = facts->evaluation->compliance == NON_COMPLIANT;
    if (next->since_ms == 0 && (is_failing || transition->is_correction)) {
        bool was_fine_later = before->has_verdict && before->compliance != NON_COMPLIANT &&
                              before->facts_ms > facts->weak_since_ms;
        next->since_ms = !transition->is_correction ? facts->facts_ms
                         : was_fine_later           ? before->facts_ms
                                                    : facts->weak_since_ms;
        transition->records.open_ms = next->since_ms;
    }
    if (next->since_ms != 0 && !is_failing) {
        transition->records.close_ms = next->since_ms;
        transition->records.closed_ms = facts->now_ms;
        next->since_ms = 0;
    }
}

static void alert_of_incident(const struct lb_state *before, struct transition *transition) {
    struct lb_state *next = &transition->next;
    if (transition->is_correction) {
        transition->alerts |= ALERT_SET(ALERT_ENFORCED);
        next->alerted_since_ms = next->since_ms;
    } else if (next->since_ms != 0 && next->alerted_since_ms != next->since_ms) {
        transition->alerts |= ALERT_SET(ALERT_OPENED);
        next->alerted_since_ms = next->since_ms;
    } else if (transition->records.close_ms != 0 &&
               before->alerted_since_ms == transition->records.close_ms) {
        transition->alerts |= ALERT_SET(ALERT_RESOLVED);
        next->alerted_since_ms = 0;
    }
}

bool transition_is_too_long(int64_t since_ms, int64_t now_ms, int days_max) {
    return since_ms != 0 && now_ms - since_ms > (int64_t)days_max * MS_PER_DAY;
}

void transition_add_age(struct evaluation *evaluation, int64_t since_ms, int64_t now_ms,
                        int days_max, struct arena *arena) {
    if (evaluation->compliance == NON_COMPLIANT &&
        transition_is_too_long(since_ms, now_ms, days_max)) {
        str since = date_format(arena, date_days_of_ms(since_ms));
        evaluation_add_too_long(evaluation, since, days_max, arena);
    }
}

static void alert_of_exception(const struct transition_facts *facts, struct arena *arena,
                               struct transition *transition) {
    const struct evaluation *evaluation = facts->evaluation;
    bool is_expired = find(evaluation, FINDING_EXCEPTION_EXPIRED) != NULL;
    bool is_expiring = find(evaluation, FINDING_EXCEPTION_EXPIRING) != NULL;
    bool is_resolved = (transition->alerts & ALERT_SET(ALERT_RESOLVED)) != 0;
    if (!is_expired && (!is_expiring || is_resolved)) {
        return; /* resolved by an exception now; the next time, that it ends soon */
    }
    str alerted = str_format(arena, "%s %" STR_FMT, is_expired ? "expired" : "expiring",
                             STR_ARG(evaluation->exception_until));
    if (!str_eq(alerted, transition->next.alerted_exception)) {
        transition->alerts |=
            is_expired ? ALERT_SET(ALERT_EXCEPTION_EXPIRED) : ALERT_SET(ALERT_EXCEPTION_EXPIRING);
        transition->next.alerted_exception = alerted;
    }
}

/* One transition is one alert: the most severe, whose text covers the others. */
static unsigned most_severe(unsigned alerts) {
    static const enum alert_kind MOST_SEVERE_FIRST[] = {
        ALERT_FIGHT,    ALERT_FLAPPING,          ALERT_HELD,
        ALERT_ENFORCED, ALERT_EXCEPTION_EXPIRED, ALERT_OPENED,
        ALERT_RESOLVED, ALERT_EXCEPTION_EXPIRING};
    for (size_t i = 0; i < sizeof MOST_SEVERE_FIRST / sizeof *MOST_SEVERE_FIRST; i++) {
        if ((alerts & ALERT_SET(MOST_SEVERE_FIRST[i])) != 0) {
            return ALERT_SET(MOST_SEVERE_FIRST[i]);
        }
    }
    return 0;
}

static void remember_transition(struct lb_state *state, int64_t now_ms) {
    if (state->transition_count == FLAPPING_TRANSITIONS) {
        for (size_t i = 1; i < FLAPPING_TRANSITIONS; i++) {
            state->transitions_ms[i - 1] = state->transitions_ms[i];
        }
        state->transition_count--;
    }
    state->transitions_ms[state->transition_count++] = now_ms;
}

/* One that flaps is alerted once, then not until it has been quiet for an hour. An incident that is
 * open by then was not alerted, and is with the next judgement. */
static void damp_flapping(const struct lb_state *before, const struct transition_facts *facts,
                          struct transition *transition) {
    struct lb_state *next = &transition->next;
    size_t count = before->transition_count;
    if (count == 0 || facts->now_ms - before->transitions_ms[count - 1] >= FLAPPING_MS) {
        next->flapping_ms = 0;
    }
    if (transition->records.open_ms != 0 || transition->records.close_ms != 0) {
        remember_transition(next, facts->now_ms);
    }
    bool begins = next->flapping_ms == 0 && next->transition_count == FLAPPING_TRANSITIONS &&
                  facts->now_ms - next->transitions_ms[0] < FLAPPING_MS &&
                  (transition->alerts & ALERT_SET(ALERT_FIGHT)) == 0; /* which says as much */
    if (begins) {
        next->flapping_ms = facts->now_ms;
    }
    if (next->flapping_ms != 0) {
        transition->alerts &= ~HELD_BACK;
        next->alerted_since_ms = before->alerted_since_ms;
    }
    transition->alerts |= begins ? ALERT_SET(ALERT_FLAPPING) : 0;
}

/* Adds the alerts that reached nobody before and are still true. An incident that ended before its
 * opening was alerted is not alerted at all. Escalations have a message of their own since 0.1.0.
 */
static void add_due_alerts(const struct lb_state *before, const struct evaluation *evaluation,
                           struct transition *transition) {
    unsigned due = before->due_alerts & ~ALERT_SET(ALERT_ESCALATED);
    bool is_open = transition->next.since_ms != 0;
    if (!is_open && (due & ALERT_SET(ALERT_OPENED)) != 0) {
        transition->alerts &= ~ALERT_SET(ALERT_RESOLVED);
    }
    if (find(evaluation, FINDING_EXCEPTION_EXPIRED) == NULL) {
        due &= ~ALERT_SET(ALERT_EXCEPTION_EXPIRED);
    }
    if (find(evaluation, FINDING_EXCEPTION_EXPIRING) == NULL) {
        due &= ~ALERT_SET(ALERT_EXCEPTION_EXPIRING);
    }
    if (transition->is_correction) {
        due &= ~(ALERT_SET(ALERT_OPENED) | ALERT_SET(ALERT_HELD));
    }
    due &= ~(unsigned)(is_open ? ALERT_SET(ALERT_RESOLVED)
                               : ALERT_SET(ALERT_OPENED) | ALERT_SET(ALERT_FIGHT) |
                                     ALERT_SET(ALERT_HELD));
    due &= ~(transition->next.flapping_ms != 0 ? HELD_BACK : ALERT_SET(ALERT_FLAPPING));
    transition->alerts |= due;
}

/* Without a topic nothing is alerted, nor remembered as alerted: incidents that are still open when
 * there is a topic are alerted then. */
static void forget_alerts(const struct lb_state *before, struct transition *transition) {
    struct lb_state *next = &transition->next;
    next->alerted_since_ms = before->alerted_since_ms;
    next->flapping_ms = before->flapping_ms;
    next->alerted_exception = before->alerted_exception;
    next->fight_alerted_ms = before->fight_alerted_ms;
    next->held_since_ms = before->held_since_ms;
    transition->alerts = 0;
}

/* Everything but facts_ms and version: time passing alone is no news worth a write. */
static bool is_same(const struct lb_state *a, const struct lb_state *b) {
    return a->has_verdict == b->has_verdict && a->compliance == b->compliance &&
           a->mode == b->mode && a->required_mode == b->required_mode && a->grade == b->grade &&
           str_eq(a->owner, b->owner) && str_eq(a->findings, b->findings) &&
           str_eq(a->alerted_exception, b->alerted_exception) && a->since_ms == b->since_ms &&
           a->alerted_since_ms == b->alerted_since_ms && a->flapping_ms == b->flapping_ms &&
           a->fight_alerted_ms == b->fight_alerted_ms && a->held_since_ms == b->held_since_ms &&
           a->due_alerts == b->due_alerts && a->intent.at_ms == b->intent.at_ms &&
           a->alert_claim.alerts == b->alert_claim.alerts && a->scheme == b->scheme &&
           a->correction_count == b->correction_count && a->own_change.at_ms == b->own_change.at_ms;
}

/* The claim is part of the same write: of many copies, the one whose write is carried out publishes
 * the alerts. */
static void claim_alerts(const struct transition_facts *facts, struct transition *transition) {
    struct lb_state *next = &transition->next;
    bool is_claimed = transition->alerts != 0 && facts->claim_until_ms != 0;
    next->due_alerts = is_claimed ? 0 : transition->alerts;
    if (is_claimed) {
        next->alert_claim = (struct alert_claim){.alerts = transition->alerts,
                                                 .until_ms = facts->claim_until_ms,
                                                 .writer = facts->writer};
    }
}

static void take_own_change(const struct transition_facts *facts, struct lb_state *next) {
    if (facts->own_change.at_ms > next->own_change.at_ms) {
        next->own_change = facts->own_change;
    }
}

/* Another copy has judged what we made of it: that stands, and counts the incident. */
static void add_late_correction(const struct transition_facts *facts,
                                struct transition *transition) {
    struct lb_state *next = &transition->next;
    settle_intent(facts, next);
    take_own_change(facts, next);
    remember_correction(next, facts->now_ms);
    transition->records.change = facts->correction;
    transition->alerts = facts->has_alert_topic ? next->due_alerts | ALERT_SET(ALERT_ENFORCED) : 0;
    transition->alerts &= next->flapping_ms != 0 ? ~HELD_BACK : ~0U;
    claim_alerts(facts, transition);
    next->version++;
    transition->is_changed = true;
}

static void take_judgement(const struct transition_facts *facts, struct arena *arena,
                           struct lb_state *next) {
    const struct evaluation *evaluation = facts->evaluation;
    next->exists = true;
    next->has_verdict = true;
    next->facts_ms = facts->facts_ms;
    next->compliance = evaluation->compliance;
    next->mode = evaluation->mode;
    next->required_mode = evaluation->required_mode;
    next->scheme = facts->scheme == SCHEME_UNKNOWN ? next->scheme : facts->scheme;
    next->grade = evaluation->grade;
    next->owner = evaluation->owner;
    next->findings = failing_ids(evaluation, arena);
}

static void decide_alerts(const struct lb_state *before, const struct transition_facts *facts,
                          struct arena *arena, struct transition *transition) {
    struct lb_state *next = &transition->next;
    alert_of_incident(before, transition);
    alert_of_exception(facts, arena, transition);
    if (facts->is_fight && facts->now_ms - next->fight_alerted_ms >= MS_PER_DAY) {
        transition->alerts |= ALERT_SET(ALERT_FIGHT);
        next->fight_alerted_ms = facts->now_ms;
    }
    if (facts->is_held && next->since_ms != 0 && next->held_since_ms != next->since_ms) {
        transition->alerts |= ALERT_SET(ALERT_HELD);
        next->held_since_ms = next->since_ms;
    }
    damp_flapping(before, facts, transition);
    transition->alerts = most_severe(transition->alerts);
    add_due_alerts(before, facts->evaluation, transition);
    if (!facts->has_alert_topic) {
        forget_alerts(before, transition);
    }
    claim_alerts(facts, transition);
}

/* The invocation that claimed these alerts has ended, and left no word of their outcome. */
static void end_stale_claim(const struct transition_facts *facts, struct transition *transition) {
    struct alert_claim *alert_claim = &transition->next.alert_claim;
    if (alert_claim->alerts != 0 &&
        (alert_claim->until_ms < facts->now_ms || str_eq(alert_claim->writer, facts->writer))) {
        transition->in_doubt = alert_claim->alerts;
        *alert_claim = (struct alert_claim){.alerts = 0};
    }
}

static void apply_judgement(const struct lb_state *before, const struct transition_facts *facts,
                            struct arena *arena, struct transition *transition) {
    struct lb_state *next = &transition->next;
    take_judgement(facts, arena, next);
    take_own_change(facts, next);
    settle_intent(facts, next);
    end_stale_claim(facts, transition);
    move_incident(before, facts, transition);
    decide_alerts(before, facts, arena, transition);
    if (transition->is_correction) {
        remember_correction(next, facts->now_ms);
        transition->records.change = facts->correction;
    }
    transition->has_new_verdict = !before->has_verdict || before->mode != next->mode ||
                                  before->compliance != next->compliance;
    transition->is_changed = transition->alerts != 0 || !is_same(before, next);
    next->version = before->version + 1;
}

void transition_make(const struct lb_state *before, const struct transition_facts *facts,
                     struct arena *arena, struct transition *transition_out) {
    ASSERT(facts->evaluation->compliance != COMPLIANCE_UNKNOWN);
    struct transition_facts known = *facts;
    take_over_intent(before, &known);
    *transition_out =
        (struct transition){.next = *before, .is_correction = is_first_correction(before, &known)};
    if (!before->has_verdict || known.facts_ms >= before->facts_ms) {
        apply_judgement(before, &known, arena, transition_out);
        return;
    }
    transition_out->is_stale = true;
    if (transition_out->is_correction) {
        add_late_correction(&known, transition_out);
    }
}
