/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/posture.h"
#include "support/posture_sample.h"

#define HOUR_MS INT64_C(3600000)
#define START   (NOW_MS - 90 * MS_PER_DAY)

/* Hours before now; `closed` 0: open. */
static struct posture_incident incident(double opened, double closed, bool is_internet_facing) {
    return (struct posture_incident){
        .arn = STR(ARN),
        .is_internet_facing = is_internet_facing,
        .opened_ms = NOW_MS - (int64_t)(opened * (double)HOUR_MS),
        .closed_ms = closed == 0 ? 0 : NOW_MS - (int64_t)(closed * (double)HOUR_MS)};
}

static struct posture_kpis kpis_of(const struct posture_incident *incidents, size_t count) {
    struct fleet fleet = {.generated_ms = NOW_MS};
    struct posture posture = {.period_start_ms = START,
                              .now_ms = NOW_MS,
                              .has_state = true,
                              .incidents = incidents,
                              .incident_count = count};
    posture_compute(&posture, &fleet, &arena);
    return posture.kpis;
}

static void repair_times_are_nearest_ranks(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count; /* of incidents that took 1, 2, 3, ... hours */
        double p50;
        double p90;
    } rows[] = {
        {"none", 0, 0, 0}, {"one", 1, 1, 1},  {"two", 2, 1, 2},      {"three", 3, 2, 3},
        {"nine", 9, 5, 9}, {"ten", 10, 5, 9}, {"eleven", 11, 6, 10}, {"twenty", 20, 10, 18},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct posture_incident incidents[20];
        for (size_t j = 0; j < rows[i].count; j++) {
            /* the longest first, so that they have to be sorted */
            incidents[j] = incident(100 + (double)(rows[i].count - j), 100, false);
        }
        struct posture_kpis kpis = kpis_of(incidents, rows[i].count);
        if (kpis.incidents_closed != rows[i].count || kpis.mttr_p50_hours != rows[i].p50 ||
            kpis.mttr_p90_hours != rows[i].p90) {
            fail_msg("%s: %zu closed, p50 %f, p90 %f", rows[i].name, kpis.incidents_closed,
                     kpis.mttr_p50_hours, kpis.mttr_p90_hours);
        }
    }
}

static void exposure_counts_only_time_within_the_period(void **state) {
    (void)state;
    const double period = 90 * 24;
    const struct {
        const char *name;
        struct posture_incident incident;
        double exposure;
        double weighted;
        size_t closed;
        size_t open;
    } rows[] = {
        {"within, internal", incident(10, 4, false), 6, 6, 1, 0},
        {"within, internet-facing", incident(10, 4, true), 6, 12, 1, 0},
        {"open", incident(10, 0, true), 10, 20, 0, 1},
        {"began before", incident(period + 5, period - 2, false), 2, 2, 1, 0},
        {"ended before", incident(period + 5, period + 2, false), 0, 0, 0, 0},
        {"lasts from before until now", incident(period + 5, 0, false), period, period, 0, 1},
        {"ends with its beginning", incident(3, 3, true), 0, 0, 1, 0},
        {"ends before its beginning", incident(3, 4, true), 0, 0, 1, 0},
        {"ends in the future", incident(3, -2, false), 3, 3, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct posture_kpis kpis = kpis_of(&rows[i].incident, 1);
        if (kpis.exposure_hours != rows[i].exposure ||
            kpis.weighted_exposure_hours != rows[i].weighted ||
            kpis.incidents_closed != rows[i].closed || kpis.incidents_open != rows[i].open) {
            fail_msg("%s: %f, weighted %f, %zu closed, %zu open", rows[i].name, kpis.exposure_hours,
                     kpis.weighted_exposure_hours, kpis.incidents_closed, kpis.incidents_open);
        }
        assert_true(kpis.mttr_p50_hours >= 0);
    }
}

static void changes_count_within_the_period(void **state) {
    (void)state;
    const struct posture_change changes[] = {
        {.action = ACTION_ENFORCE, .at_ms = NOW_MS},
        {.action = ACTION_ENFORCE, .at_ms = START},
        {.action = ACTION_ENFORCE, .at_ms = START - 1},
        {.action = ACTION_PROMOTE, .at_ms = NOW_MS - 1},
        {.action = ACTION_PROMOTE, .at_ms = NOW_MS + 1},
        {.action = ACTION_ROLLBACK, .at_ms = NOW_MS - 1},
        {.action = ACTION_NONE, .at_ms = NOW_MS - 1},
    };
    struct fleet fleet = {.generated_ms = NOW_MS};
    struct posture posture = {.period_start_ms = START,
                              .now_ms = NOW_MS,
                              .changes = changes,
                              .change_count = COUNT(changes)};
    posture_compute(&posture, &fleet, &arena);
    assert_int_equal(posture.kpis.enforced, 2);
    assert_int_equal(posture.kpis.promoted, 1);
    assert_int_equal(posture.kpis.rolled_back, 1);
}

static void kpis_of_the_sample_are_counted(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct posture_kpis *kpis = &sample.posture.kpis;
    assert_int_equal(kpis->strictest, 4);
    assert_int_equal(kpis->without_owner, 3);
    assert_int_equal(kpis->exceptions_active, 3);
    assert_int_equal(kpis->exceptions_ending, 2);
    assert_int_equal(kpis->exceptions_expired, 1);
    assert_int_equal(kpis->candidates, 4);
    assert_int_equal(kpis->escalated, 4);
    assert_int_equal(kpis->fights, 1);
    assert_int_equal(kpis->incidents_closed, 13);
    assert_int_equal(kpis->incidents_open, 7);
}

/* Nobody knows whether it has an owner when its tags could not be read. */
static void unknown_is_not_without_owner(void **state) {
    (void)state;
    struct fleet_row rows[3] = {{.name = STR("a")}, {.name = STR("b")}, {.name = STR("c")}};
    rows[0].evaluation.compliance = COMPLIANCE_UNKNOWN;
    rows[1].evaluation.compliance = NOT_APPLICABLE;
    rows[2].evaluation.compliance = COMPLIANT;
    struct posture_row history[3] = {{0}};
    struct fleet fleet = {.rows = rows, .row_count = 3, .listed = 3};
    struct posture posture = {.rows = history};
    posture_compute(&posture, &fleet, &arena);
    assert_int_equal(posture.kpis.without_owner, 1);
}

static str summary_of(const struct posture_sample *sample) {
    struct buf out;
    buf_init(&out, &arena, 65536);
    posture_write_summary(&out, &arena, &sample->fleet, &sample->posture);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static void summary_text_is_exact(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    assert_str(summary_of(&sample),
               "Desync mitigation posture of 2 accounts and 3 Regions, 2026-11-23T08:00:00.000Z "
               "(history since 2026-08-25).\n"
               "Protected: 71.42 % (50.0 % on 2026-08-26): 4 strictest, 16 defensive, 8 monitor.\n"
               "Non-compliant: 7, 4 of them for longer than allowed.\n"
               "Load balancers: 30 listed, 28 judged, 2 unknown.\n"
               "Without owner: 3.\n"
               "Exceptions: 3 in force, 2 of them end soon; 1 expired.\n"
               "Ready for strictest: 4.\n"
               "Time to repair: p50 4.7 h, p90 23.3 h, from 13 incidents; 7 open.\n"
               "Exposure: 2471 h, 4199 h with internet-facing ones counted double.\n"
               "Changes: 4 enforced, 2 promoted, 1 rolled back; 1 fight.\n"
               "NOT COMPLETE: 1 part of the fleet could not be read.\n");
}

static void summary_says_what_is_missing(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_STATELESS, &sample);
    sample.fleet.is_interrupted = true;
    str text = summary_of(&sample);
    assert_contains(text, "History: none, for there is no state table.\n");
    assert_contains(text, "Interrupted: ");
    assert_false(str_contains(text, STR("Time to repair")));
    assert_false(str_contains(text, STR("NOT COMPLETE")));
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    sample.posture.kpis.incidents_closed = 0;
    assert_contains(summary_of(&sample), "Time to repair: no incident was closed; 7 open.");
}

static void summary_of_short_times_does_not_call_them_none(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    sample.posture.kpis.mttr_p50_hours = 0.004;
    sample.posture.kpis.mttr_p90_hours = 0.1;
    sample.posture.kpis.exposure_hours = 0.3;
    sample.posture.kpis.weighted_exposure_hours = 0;
    str text = summary_of(&sample);
    assert_contains(text, "Time to repair: p50 under 0.1 h, p90 0.1 h, from");
    assert_contains(text, "Exposure: under 1 h, 0 h with");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(repair_times_are_nearest_ranks, judging_reset),
        cmocka_unit_test_teardown(exposure_counts_only_time_within_the_period, judging_reset),
        cmocka_unit_test_teardown(changes_count_within_the_period, judging_reset),
        cmocka_unit_test_teardown(kpis_of_the_sample_are_counted, judging_reset),
        cmocka_unit_test_teardown(unknown_is_not_without_owner, judging_reset),
        cmocka_unit_test_teardown(summary_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(summary_says_what_is_missing, judging_reset),
        cmocka_unit_test_teardown(summary_of_short_times_does_not_call_them_none, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
