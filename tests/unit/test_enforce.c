/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/enforce.h"

#include "policy/recommend.h"
#include <string.h>

#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct enforcement_settings OFF = {
    .enforcement = ENFORCEMENT_OFF, .max_changes_per_run = 25, .fight_limit = 3};
static const struct enforcement_settings PLAN = {
    .enforcement = ENFORCEMENT_PLAN, .max_changes_per_run = 25, .fight_limit = 3};
static const struct enforcement_settings ENFORCE = {
    .enforcement = ENFORCEMENT_ENFORCE, .max_changes_per_run = 25, .fight_limit = 3};

static struct evaluation weak(enum desync_mode mode, enum desync_mode required) {
    return (struct evaluation){
        .compliance = NON_COMPLIANT,
        .mode = mode,
        .required_mode = required,
        .source = SOURCE_LIVE,
        .findings = {{.id = FINDING_TAG_MISSING, .is_failing = true},
                     {.id = FINDING_MODE_TOO_WEAK, .is_failing = true}},
        .finding_count = 2,
    };
}

static const struct {
    const char *name;
    const struct enforcement_settings *settings;
    enum desync_mode mode, required;
    struct {
        int changes_in_run, corrections_in_a_day;
    } counts;
    enum enforcement_verdict verdict;
    enum desync_mode to;
} ROWS[] = {
    {"off does nothing", &OFF, 1, 2, {0, 0}, ENFORCE_NOTHING, MODE_UNKNOWN},
    {"plan says it", &PLAN, 1, 2, {0, 0}, ENFORCE_PLANNED, MODE_DEFENSIVE},
    {"plan says it in a fight too", &PLAN, 1, 2, {0, 9}, ENFORCE_PLANNED, MODE_DEFENSIVE},
    {"plan leaves strictest to promotion", &PLAN, 2, 3, {0, 0}, ENFORCE_SKIPPED, MODE_STRICTEST},
    {"monitor is raised", &ENFORCE, 1, 2, {0, 0}, ENFORCE_CHANGE, MODE_DEFENSIVE},
    {"monitor is raised to defensive only", &ENFORCE, 1, 3, {0, 0}, ENFORCE_CHANGE, MODE_DEFENSIVE},
    {"defensive is not raised", &ENFORCE, 2, 3, {0, 0}, ENFORCE_SKIPPED, MODE_STRICTEST},
    {"the last of a run", &ENFORCE, 1, 2, {24, 0}, ENFORCE_CHANGE, MODE_DEFENSIVE},
    {"one more than a run may", &ENFORCE, 1, 2, {25, 0}, ENFORCE_PLANNED, MODE_DEFENSIVE},
    {"the third correction", &ENFORCE, 1, 2, {0, 2}, ENFORCE_CHANGE, MODE_DEFENSIVE},
    {"the fourth correction", &ENFORCE, 1, 2, {0, 3}, ENFORCE_FIGHT, MODE_DEFENSIVE},
    {"a fight is alerted although the run is full", &ENFORCE, 1, 2, {25, 3}, ENFORCE_FIGHT, 2},
    {"nobody counts corrections", &ENFORCE, 1, 2, {0, -1}, ENFORCE_CHANGE, MODE_DEFENSIVE},
};

static void each_decision_is_as_in_the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct evaluation evaluation = weak(ROWS[i].mode, ROWS[i].required);
        const struct enforcement_counts counts = {.changes_in_run = ROWS[i].counts.changes_in_run,
                                                  .corrections_in_a_day =
                                                      ROWS[i].counts.corrections_in_a_day};
        struct enforcement_decision decision =
            enforcement_decide(&evaluation, ROWS[i].settings, &counts);
        if (decision.verdict != ROWS[i].verdict || decision.from != ROWS[i].mode ||
            decision.to != ROWS[i].to ||
            (decision.verdict != ENFORCE_NOTHING) != (decision.reason[0] != '\0')) {
            fail_msg("%s: verdict %d to %s (%s)", ROWS[i].name, (int)decision.verdict,
                     mode_name(decision.to), decision.reason);
        }
    }
}

static void a1_a5_without_a_table_or_a_change_of_the_hour_it_is_planned(void **state) {
    (void)state;
    static const struct enforcement_counts COUNTS[] = {{.lacks_table = true},
                                                       {.is_hour_spent = true}};
    static const char *const SAYS[] = {"STATE_TABLE", "MAX_CHANGES_PER_HOUR"};
    struct evaluation evaluation = weak(MODE_MONITOR, MODE_DEFENSIVE);
    for (size_t i = 0; i < COUNT(COUNTS); i++) {
        struct enforcement_decision decision =
            enforcement_decide(&evaluation, &ENFORCE, &COUNTS[i]);
        assert_int_equal(decision.verdict, ENFORCE_PLANNED);
        assert_non_null(strstr(decision.reason, SAYS[i]));
    }
}

static void zero_changes_a_run_allow_no_change(void **state) {
    (void)state;
    const struct enforcement_settings none = {
        .enforcement = ENFORCEMENT_ENFORCE, .max_changes_per_run = 0, .fight_limit = 3};
    const struct enforcement_counts counts = {.changes_in_run = 0};
    struct evaluation evaluation = weak(MODE_MONITOR, MODE_DEFENSIVE);
    assert_int_equal(enforcement_decide(&evaluation, &none, &counts).verdict, ENFORCE_PLANNED);
}

static void is_compliant(struct evaluation *evaluation) {
    evaluation->compliance = COMPLIANT;
}
static void is_not_applicable(struct evaluation *evaluation) {
    evaluation->compliance = NOT_APPLICABLE;
}
static void is_unknown(struct evaluation *evaluation) {
    evaluation->compliance = COMPLIANCE_UNKNOWN;
}
static void has_unknown_mode(struct evaluation *evaluation) {
    evaluation->mode = MODE_UNKNOWN;
}
static void has_unknown_requirement(struct evaluation *evaluation) {
    evaluation->required_mode = MODE_UNKNOWN;
}
static void is_excused(struct evaluation *evaluation) {
    evaluation->has_active_exception = true;
}
static void is_from_an_event(struct evaluation *evaluation) {
    evaluation->source = SOURCE_EVENT;
}
static void fails_for_a_tag_only(struct evaluation *evaluation) {
    evaluation->finding_count = 1;
}
static void is_strict_enough(struct evaluation *evaluation) {
    evaluation->mode = evaluation->required_mode;
}
/* What takes the ground from under a correction; each alone is enough. */
static const struct {
    const char *name;
    void (*spoil)(struct evaluation *evaluation);
} REASONS[] = {
    {"compliant", is_compliant},
    {"not applicable", is_not_applicable},
    {"unknown", is_unknown},
    {"unknown mode", has_unknown_mode},
    {"unknown requirement", has_unknown_requirement},
    {"excused", is_excused},
    {"from an event", is_from_an_event},
    {"another finding", fails_for_a_tag_only},
    {"strict enough", is_strict_enough},
};

static void each_missing_condition_prevents_the_change(void **state) {
    (void)state;
    const struct enforcement_counts counts = {.changes_in_run = 0};
    for (size_t i = 0; i < COUNT(REASONS); i++) {
        struct evaluation evaluation = weak(MODE_MONITOR, MODE_DEFENSIVE);
        REASONS[i].spoil(&evaluation);
        struct enforcement_decision decision = enforcement_decide(&evaluation, &ENFORCE, &counts);
        if (decision.verdict != ENFORCE_NOTHING || decision.to != MODE_UNKNOWN) {
            fail_msg("%s: verdict %d", REASONS[i].name, (int)decision.verdict);
        }
    }
}

/* All that can differ, against all that a change must keep to. */
static void a_change_never_lowers_and_never_sets_strictest(void **state) {
    (void)state;
    size_t changes = 0;
    for (unsigned bits = 0; bits < 4U * 4 * 4 * 2 * 2 * 2 * 3 * 2; bits++) {
        unsigned rest = bits;
        struct evaluation evaluation = weak((enum desync_mode)(rest % 4), MODE_UNKNOWN);
        evaluation.required_mode = (enum desync_mode)((rest /= 4) % 4);
        evaluation.compliance = (enum compliance)((rest /= 4) % 4);
        evaluation.source = (rest /= 4) % 2 == 0 ? SOURCE_LIVE : SOURCE_EVENT;
        evaluation.has_active_exception = (rest /= 2) % 2 == 1;
        evaluation.finding_count = (rest /= 2) % 2 + 1;
        const struct enforcement_settings settings = {.enforcement =
                                                          (enum enforcement)((rest /= 2) % 3),
                                                      .max_changes_per_run = 2,
                                                      .fight_limit = 2};
        const struct enforcement_counts counts = {.changes_in_run = (rest /= 3) % 2 == 0 ? 0 : 2};
        struct enforcement_decision decision = enforcement_decide(&evaluation, &settings, &counts);
        bool is_lawful = settings.enforcement == ENFORCEMENT_ENFORCE &&
                         decision.to == MODE_DEFENSIVE && evaluation.mode == MODE_MONITOR &&
                         evaluation.required_mode >= MODE_DEFENSIVE &&
                         evaluation.compliance == NON_COMPLIANT &&
                         evaluation.source == SOURCE_LIVE && !evaluation.has_active_exception &&
                         evaluation.finding_count == 2 && counts.changes_in_run < 2;
        if ((decision.verdict == ENFORCE_CHANGE) != is_lawful) {
            fail_msg("combination %u: verdict %d", bits, (int)decision.verdict);
        }
        changes += is_lawful ? 1 : 0;
    }
    assert_int_equal(changes, 2);
}

/* Served requests, and Severe ones among them, of a load balancer in monitor. */
static struct severe_share share_of(uint64_t requests, uint64_t severe) {
    const struct evidence evidence = {
        .days = 14, .http1_requests = requests, .severe_served = severe};
    return severe_share_of(&evidence);
}

static void e7_monitor_is_raised_unless_evidence_says_that_clients_would_be_blocked(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t requests, severe;
        enum enforcement_verdict verdict;
        const char *text;
    } rows[] = {
        {"no evidence", 0, 0, ENFORCE_CHANGE, "the access logs hold no served HTTP/1.x request"},
        {"none", 10000, 0, ENFORCE_CHANGE,
         "0 of 10000 served HTTP/1.x requests (0 %, at least 0 %"},
        {"more than allowed, but by chance", 100, 2, ENFORCE_CHANGE, "2 of 100 served"},
        {"as many as are allowed", 10000, 100, ENFORCE_CHANGE, "(1 %, at least 0.842 %"},
        {"more", 10000, 130, ENFORCE_HELD,
         "in the last 14 days 130 of 10000 served HTTP/1.x requests (1.3 %, at least 1.12 % at 95 "
         "% "
         "confidence) were Severe, which defensive blocks"},
        {"all of few", 3, 3, ENFORCE_HELD, "3 of 3"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak(MODE_MONITOR, MODE_DEFENSIVE);
        struct enforcement_settings settings = ENFORCE;
        const struct severe_share severe = share_of(rows[i].requests, rows[i].severe);
        const struct enforcement_counts counts = {.severe = &severe};
        settings.blocked_percent_max = 1;
        struct enforcement_decision decision = enforcement_decide(&evaluation, &settings, &counts);
        str text = severe_share_text(&severe, &arena);
        if (decision.verdict != rows[i].verdict ||
            !str_contains(text, str_from_cstr(rows[i].text))) {
            fail_msg("%s: verdict %d, %.*s", rows[i].name, (int)decision.verdict, STR_ARG(text));
        }
    }
    arena_clean_up(&arena);
}

/* Requests that nobody served are no clients', whatever their class. */
static void e7_unserved_requests_do_not_count(void **state) {
    (void)state;
    const struct evidence evidence = {.days = 14,
                                      .http1_requests = 10000,
                                      .severe_served = 5,
                                      .severe_unserved = 900,
                                      .unserved = 100};
    const struct severe_share share = severe_share_of(&evidence);
    assert_int_equal(share.requests, 10000);
    assert_int_equal(share.severe, 5);
    assert_true(share.percent > 0.0499 && share.percent < 0.0501);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_decision_is_as_in_the_table),
        cmocka_unit_test(a1_a5_without_a_table_or_a_change_of_the_hour_it_is_planned),
        cmocka_unit_test(zero_changes_a_run_allow_no_change),
        cmocka_unit_test(each_missing_condition_prevents_the_change),
        cmocka_unit_test(a_change_never_lowers_and_never_sets_strictest),
        cmocka_unit_test(e7_monitor_is_raised_unless_evidence_says_that_clients_would_be_blocked),
        cmocka_unit_test(e7_unserved_requests_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
