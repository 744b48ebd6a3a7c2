/* SPDX-License-Identifier: Apache-2.0 */
#include "transition_bench.h"

/* Bad and good in turn, once in a step; returns the alerts of the last. */
static unsigned flap(struct lb_state *remembered, int64_t *now_ms, int64_t step_ms, int times) {
    const struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    const struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    unsigned alerts = 0;
    for (int i = 0; i < times; i++) {
        *now_ms += step_ms;
        alerts = step(remembered, remembered->since_ms == 0 ? &bad : &good, *now_ms, false).alerts;
    }
    return alerts;
}

static void f4_more_than_three_transitions_in_an_hour_are_one_alert(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    int64_t now_ms = NOW;
    assert_int_equal(flap(&remembered, &now_ms, HOUR / 6, 3), ALERT_SET(ALERT_OPENED));
    assert_int_equal(flap(&remembered, &now_ms, HOUR / 6, 1), ALERT_SET(ALERT_FLAPPING));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(flap(&remembered, &now_ms, HOUR / 6, 1), 0);
    }
}

static void f4_three_transitions_in_an_hour_are_no_flapping(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    int64_t now_ms = NOW;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(flap(&remembered, &now_ms, HOUR / 3, 1),
                         i % 2 == 0 ? ALERT_SET(ALERT_OPENED) : ALERT_SET(ALERT_RESOLVED));
    }
}

static void f4_after_a_quiet_hour_an_open_incident_is_alerted(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    const struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    int64_t now_ms = NOW;
    (void)flap(&remembered, &now_ms, 1000, 7);
    assert_true(remembered.since_ms != 0);
    assert_int_equal(step(&remembered, &bad, now_ms + HOUR - 1, false).alerts, 0);
    assert_int_equal(step(&remembered, &bad, now_ms + HOUR, false).alerts, ALERT_SET(ALERT_OPENED));
    assert_int_equal(remembered.flapping_ms, 0);
    now_ms += 2 * HOUR;
    assert_int_equal(flap(&remembered, &now_ms, 0, 1), ALERT_SET(ALERT_RESOLVED));
}

static void f4_a_quiet_hour_without_an_incident_ends_the_silence_without_a_word(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    const struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    int64_t now_ms = NOW;
    (void)flap(&remembered, &now_ms, 1000, 8);
    assert_int_equal(step(&remembered, &good, now_ms + HOUR, false).alerts, 0);
    assert_int_equal(remembered.flapping_ms, 0);
    now_ms += HOUR;
    assert_int_equal(flap(&remembered, &now_ms, HOUR, 1), ALERT_SET(ALERT_OPENED));
}

static void f4_corrections_that_flap_are_held_back_and_counted(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    const struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    for (int i = 0; i < 6; i++) {
        struct transition made = step(&remembered, &good, NOW + i * 1000, true);
        assert_int_equal(made.alerts, i < 3    ? ALERT_SET(ALERT_ENFORCED)
                                      : i == 3 ? ALERT_SET(ALERT_FLAPPING)
                                               : 0);
        assert_int_equal(made.records.change.at_ms, RAISED.at_ms);
    }
    assert_int_equal(corrections_in_a_day(&remembered, NOW + HOUR), 6);
}

static void f4_flapping_does_not_hide_a_fight(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    const struct evaluation bad = judged(NON_COMPLIANT, MODE_MONITOR);
    int64_t now_ms = NOW;
    (void)flap(&remembered, &now_ms, 1000, 6);
    const struct transition_facts facts = {.evaluation = &bad,
                                           .facts_ms = now_ms + 1,
                                           .now_ms = now_ms + 1,
                                           .has_alert_topic = true,
                                           .is_fight = true};
    struct transition transition;
    transition_make(&remembered, &facts, &arena, &transition);
    assert_int_equal(transition.alerts, ALERT_SET(ALERT_FIGHT));
}

static void f4_flapping_that_reached_nobody_is_due_while_it_lasts(void **state) {
    (void)state;
    struct lb_state remembered = {0};
    const struct evaluation good = judged(COMPLIANT, MODE_DEFENSIVE);
    int64_t now_ms = NOW;
    (void)flap(&remembered, &now_ms, 1000, 4);
    remembered.due_alerts = ALERT_SET(ALERT_FLAPPING) | ALERT_SET(ALERT_OPENED);
    assert_int_equal(flap(&remembered, &now_ms, 1000, 1), ALERT_SET(ALERT_FLAPPING));
    assert_int_equal(flap(&remembered, &now_ms, 1000, 1), 0);
    remembered.due_alerts = ALERT_SET(ALERT_FLAPPING);
    assert_int_equal(step(&remembered, &good, now_ms + 1000, false).alerts,
                     ALERT_SET(ALERT_FLAPPING));
    remembered.due_alerts = ALERT_SET(ALERT_FLAPPING);
    assert_int_equal(step(&remembered, &good, now_ms + 2 * HOUR, false).alerts, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f4_more_than_three_transitions_in_an_hour_are_one_alert),
        cmocka_unit_test(f4_three_transitions_in_an_hour_are_no_flapping),
        cmocka_unit_test(f4_after_a_quiet_hour_an_open_incident_is_alerted),
        cmocka_unit_test(f4_a_quiet_hour_without_an_incident_ends_the_silence_without_a_word),
        cmocka_unit_test(f4_corrections_that_flap_are_held_back_and_counted),
        cmocka_unit_test(f4_flapping_does_not_hide_a_fight),
        cmocka_unit_test(f4_flapping_that_reached_nobody_is_due_while_it_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
