/* SPDX-License-Identifier: Apache-2.0 */
#include "transition_bench.h"

static void an_incident_is_opened_alerted_and_closed_once(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    struct transition first = step(&remembered, &bad, NOW, false);
    assert_true(first.is_changed && first.has_new_verdict);
    assert_int_equal(first.records.open_ms, NOW);
    assert_int_equal(first.alerts, ALERT_SET(ALERT_OPENED));
    assert_str(first.next.findings, "MODE_TOO_WEAK,TAG_MISSING");
    struct transition again = step(&remembered, &bad, NOW + HOUR, false);
    assert_false(again.is_changed);
    assert_int_equal(again.alerts, 0);
    assert_int_equal(again.records.open_ms, 0);
    struct transition end = step(&remembered, &good, NOW + 2 * HOUR, false);
    assert_int_equal(end.records.close_ms, NOW);
    assert_int_equal(end.records.closed_ms, NOW + 2 * HOUR);
    assert_int_equal(end.alerts, ALERT_SET(ALERT_RESOLVED));
    assert_int_equal(remembered.since_ms, 0);
    assert_false(step(&remembered, &good, NOW + 3 * HOUR, false).is_changed);
}

static void a_first_compliant_judgement_is_remembered_and_not_alerted(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_STRICTEST);
    struct transition transition = step(&remembered, &good, NOW, false);
    assert_true(transition.is_changed);
    assert_int_equal(transition.alerts, 0);
    assert_int_equal(transition.records.open_ms, 0);
    assert_int_equal(transition.next.version, 1);
}

static void older_facts_change_nothing(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    (void)step(&remembered, &good, NOW, false);
    struct transition transition = step(&remembered, &bad, NOW - 1, false);
    assert_true(transition.is_stale);
    assert_false(transition.is_changed);
    assert_int_equal(transition.alerts, 0);
    assert_int_equal(remembered.compliance, COMPLIANT);
}

static void a_correction_is_an_episode_of_its_own(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    (void)step(&remembered, &good, NOW - HOUR, false);
    struct transition transition = step(&remembered, &good, NOW, true);
    assert_true(transition.is_changed);
    assert_int_equal(transition.records.open_ms, NOW - 5000);
    assert_int_equal(transition.records.close_ms, NOW - 5000);
    assert_int_equal(transition.records.closed_ms, NOW);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_ENFORCED));
    assert_int_equal(corrections_in_a_day(&remembered, NOW), 1);
}

static void a_correction_ends_the_open_incident(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    (void)step(&remembered, &bad, NOW - HOUR, false);
    struct transition transition = step(&remembered, &good, NOW, true);
    assert_int_equal(transition.records.open_ms, 0);
    assert_int_equal(transition.records.close_ms, NOW - HOUR);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_ENFORCED));
}

static void a_correction_that_leaves_a_missing_tag_keeps_the_incident_open(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_DEFENSIVE);
    struct transition transition = step(&remembered, &bad, NOW, true);
    assert_int_equal(transition.records.open_ms, NOW - 5000);
    assert_int_equal(transition.records.close_ms, 0);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_ENFORCED));
    assert_int_equal(step(&remembered, &bad, NOW + HOUR, false).alerts, 0);
}

static void corrections_are_dropped_after_a_day_and_never_overflow(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    for (int i = 0; i < CORRECTIONS_MAX + 5; i++) {
        (void)step(&remembered, &good, NOW + i * 1000, true);
    }
    assert_int_equal(remembered.correction_count, CORRECTIONS_MAX);
    (void)step(&remembered, &good, NOW + 2 * MS_PER_DAY, true);
    assert_int_equal(remembered.correction_count, 1);
    assert_int_equal(corrections_in_a_day(&remembered, NOW + 3 * MS_PER_DAY), 0);
}

static void an_exception_is_alerted_once_as_expiring_and_once_as_expired(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation excused = judged(COMPLIANT, MODE_MONITOR);
    excused.exception_until = STR("2026-12-01");
    excused.findings[0] = (struct finding){.id = FINDING_EXCEPTION_EXPIRING};
    excused.finding_count = 1;
    assert_int_equal(step(&remembered, &excused, NOW, false).alerts,
                     ALERT_SET(ALERT_EXCEPTION_EXPIRING));
    assert_int_equal(step(&remembered, &excused, NOW + HOUR, false).alerts, 0);
    struct evaluation expired = judged(NON_COMPLIANT, MODE_MONITOR);
    expired.exception_until = STR("2026-12-01");
    expired.findings[0] = (struct finding){.id = FINDING_EXCEPTION_EXPIRED, .is_failing = true};
    assert_int_equal(step(&remembered, &expired, NOW + 10 * MS_PER_DAY, false).alerts,
                     ALERT_SET(ALERT_EXCEPTION_EXPIRED));
    assert_int_equal(step(&remembered, &expired, NOW + 10 * MS_PER_DAY + HOUR, false).alerts, 0);
}

static void a_fight_is_alerted_once_a_day(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    (void)step(&remembered, &bad, NOW, false);
    struct transition_facts facts = {.evaluation = &bad,
                                     .facts_ms = NOW + 1,
                                     .now_ms = NOW + 1,
                                     .has_alert_topic = true,
                                     .is_fight = true};
    struct transition transition;
    transition_make(&remembered, &facts, &arena, &transition);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_FIGHT));
    assert_true(transition.is_changed);
    remembered = transition.next;
    remembered.due_alerts = 0;
    facts.now_ms = facts.facts_ms = NOW + HOUR;
    transition_make(&remembered, &facts, &arena, &transition);
    assert_int_equal(transition.alerts, 0);
}

static void e7_a_held_change_is_alerted_once_an_incident(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct transition_facts facts = {.evaluation = &bad,
                                     .facts_ms = NOW,
                                     .now_ms = NOW,
                                     .has_alert_topic = true,
                                     .is_held = true};
    struct transition transition;
    for (int looks = 0; looks < 3; looks++) {
        transition_make(&remembered, &facts, &arena, &transition);
        assert_int_equal(transition.alerts, looks == 0 ? ALERT_SET(ALERT_HELD) : 0);
        remembered = transition.next;
        remembered.due_alerts = 0;
        facts.now_ms = facts.facts_ms = facts.now_ms + HOUR;
    }
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    facts.evaluation = &good;
    facts.is_held = false;
    transition_make(&remembered, &facts, &arena, &transition);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_RESOLVED));
}

static const struct {
    const char *name;
    bool is_corrected, is_fight, is_expired;
    unsigned alerts;
} AT_ONCE[] = {
    {"weak by the first look", false, false, false, ALERT_SET(ALERT_OPENED)},
    {"weak since the exception ended", false, false, true, ALERT_SET(ALERT_EXCEPTION_EXPIRED)},
    {"weak since it was changed back", false, true, true, ALERT_SET(ALERT_FIGHT)},
    {"corrected, and another finding", true, false, true, ALERT_SET(ALERT_ENFORCED)},
};

static void one_transition_is_one_alert(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof AT_ONCE / sizeof *AT_ONCE; i++) {
        struct lb_state remembered = {0};
        struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
        if (AT_ONCE[i].is_expired) {
            bad.exception_until = STR("2026-12-01");
            bad.findings[1] = (struct finding){.id = FINDING_EXCEPTION_EXPIRED, .is_failing = true};
        }
        struct transition_facts facts = {.evaluation = &bad,
                                         .facts_ms = NOW,
                                         .now_ms = NOW + 1000,
                                         .has_alert_topic = true,
                                         .is_corrected = AT_ONCE[i].is_corrected,
                                         .weak_since_ms = NOW - 5000,
                                         .is_fight = AT_ONCE[i].is_fight};
        struct transition transition;
        remembered.intent = AT_ONCE[i].is_corrected ? RAISED : remembered.intent;
        transition_make(&remembered, &facts, &arena, &transition);
        if (transition.alerts != AT_ONCE[i].alerts) {
            fail_msg("%s: alerts %u", AT_ONCE[i].name, transition.alerts);
        }
        remembered = transition.next;
        remembered.due_alerts = 0;
        facts.facts_ms = facts.now_ms = NOW + 2000;
        facts.is_corrected = false;
        transition_make(&remembered, &facts, &arena, &transition);
        if (transition.alerts != 0) {
            fail_msg("%s: afterwards %u", AT_ONCE[i].name, transition.alerts);
        }
    }
}

static void deleted_load_balancer_closes_its_incident(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct evaluation gone = judged(NOT_APPLICABLE, MODE_UNKNOWN);
    (void)step(&remembered, &bad, NOW, false);
    struct transition transition = step(&remembered, &gone, NOW + HOUR, false);
    assert_int_equal(transition.records.close_ms, NOW);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_RESOLVED));
}

static void a_correction_cannot_reach_back_before_it_was_seen_to_be_fine(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    (void)step(&remembered, &good, NOW - 1000, false);
    struct transition transition = step(&remembered, &good, NOW, true);
    assert_int_equal(transition.records.open_ms, NOW - 1000);
}

static struct transition_facts corrected_at(const struct evaluation *evaluation,
                                            int64_t weak_read_ms, int64_t facts_ms) {
    return (struct transition_facts){.evaluation = evaluation,
                                     .facts_ms = facts_ms,
                                     .now_ms = NOW,
                                     .has_alert_topic = true,
                                     .is_corrected = true,
                                     .correction = RAISED,
                                     .weak_since_ms = weak_read_ms,
                                     .weak_read_ms = weak_read_ms};
}

static void sandboxes_that_read_the_same_weak_mode_correct_it_once(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    (void)step(&remembered, &good, NOW - 100, true);
    struct transition transition;
    const struct transition_facts same = corrected_at(&good, NOW - 200, NOW);
    transition_make(&remembered, &same, &arena, &transition);
    assert_false(transition.is_correction || transition.is_changed);
    assert_int_equal(transition.alerts, 0);
    remembered.intent = RAISED;
    const struct transition_facts later = corrected_at(&good, NOW - 50, NOW);
    transition_make(&remembered, &later, &arena, &transition);
    assert_true(transition.is_correction);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_ENFORCED));
}

static void correction_alert_replaces_an_opening_that_was_not_alerted(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct evaluation no_tag = judged(NON_COMPLIANT, MODE_DEFENSIVE);
    (void)step(&remembered, &bad, NOW, false);
    remembered.due_alerts = ALERT_SET(ALERT_OPENED);
    assert_int_equal(step(&remembered, &no_tag, NOW + HOUR, true).alerts,
                     ALERT_SET(ALERT_ENFORCED));
}

static void a_correction_is_remembered_although_others_judged_since(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    struct evaluation stricter = judged(COMPLIANT, MODE_STRICTEST);
    (void)step(&remembered, &stricter, NOW - 10, false);
    struct transition transition;
    remembered.intent = RAISED;
    const struct transition_facts facts = corrected_at(&good, NOW - 200, NOW - 100);
    transition_make(&remembered, &facts, &arena, &transition);
    assert_true(transition.is_stale && transition.is_changed && transition.is_correction);
    assert_int_equal(transition.next.mode, MODE_STRICTEST);
    assert_int_equal(transition.next.version, remembered.version + 1);
    assert_int_equal(corrections_in_a_day(&transition.next, NOW), 1);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_ENFORCED));
}

/* The alert that was not sent, what is seen next, and the alert that follows. */
static const struct {
    const char *name;
    unsigned due_alerts;
    bool was_open, is_open;
    unsigned alerts;
} UNSENT[] = {
    {"a beginning, still true", ALERT_SET(ALERT_OPENED), true, true, ALERT_SET(ALERT_OPENED)},
    {"a beginning that is over", ALERT_SET(ALERT_OPENED), true, false, 0},
    {"an end", ALERT_SET(ALERT_RESOLVED), false, false, ALERT_SET(ALERT_RESOLVED)},
    {"an end, and a new beginning", ALERT_SET(ALERT_RESOLVED), false, true,
     ALERT_SET(ALERT_OPENED)},
    {"a correction", ALERT_SET(ALERT_ENFORCED), false, false, ALERT_SET(ALERT_ENFORCED)},
    {"a correction, weak again", ALERT_SET(ALERT_ENFORCED), false, true,
     ALERT_SET(ALERT_ENFORCED) | ALERT_SET(ALERT_OPENED)},
    {"a fight that is over", ALERT_SET(ALERT_FIGHT), true, false, ALERT_SET(ALERT_RESOLVED)},
    {"an exception that is no more", ALERT_SET(ALERT_EXCEPTION_EXPIRING), false, false, 0},
    {"an expiry that is no more", ALERT_SET(ALERT_EXCEPTION_EXPIRED), true, true, 0},
};

static void unsent_alert_stays_due_while_its_condition_holds(void **state) {
    (void)state;
    struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    for (size_t i = 0; i < sizeof UNSENT / sizeof *UNSENT; i++) {
        struct lb_state remembered = {0};
        (void)step(&remembered, UNSENT[i].was_open ? &bad : &good, NOW, false);
        remembered.due_alerts = UNSENT[i].due_alerts;
        struct transition next =
            step(&remembered, UNSENT[i].is_open ? &bad : &good, NOW + HOUR, false);
        if (next.alerts != UNSENT[i].alerts || !next.is_changed ||
            next.next.due_alerts != next.alerts) {
            fail_msg("%s: alerts %u", UNSENT[i].name, next.alerts);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e7_a_held_change_is_alerted_once_an_incident),
        cmocka_unit_test(an_incident_is_opened_alerted_and_closed_once),
        cmocka_unit_test(a_first_compliant_judgement_is_remembered_and_not_alerted),
        cmocka_unit_test(older_facts_change_nothing),
        cmocka_unit_test(a_correction_is_an_episode_of_its_own),
        cmocka_unit_test(a_correction_ends_the_open_incident),
        cmocka_unit_test(a_correction_that_leaves_a_missing_tag_keeps_the_incident_open),
        cmocka_unit_test(corrections_are_dropped_after_a_day_and_never_overflow),
        cmocka_unit_test(an_exception_is_alerted_once_as_expiring_and_once_as_expired),
        cmocka_unit_test(a_fight_is_alerted_once_a_day),
        cmocka_unit_test(one_transition_is_one_alert),
        cmocka_unit_test(deleted_load_balancer_closes_its_incident),
        cmocka_unit_test(a_correction_cannot_reach_back_before_it_was_seen_to_be_fine),
        cmocka_unit_test(sandboxes_that_read_the_same_weak_mode_correct_it_once),
        cmocka_unit_test(correction_alert_replaces_an_opening_that_was_not_alerted),
        cmocka_unit_test(a_correction_is_remembered_although_others_judged_since),
        cmocka_unit_test(unsent_alert_stays_due_while_its_condition_holds),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
