/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_world.h"

#include "report/fleet_internal.h"

static void summary_counts_verdicts_modes_and_grades(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    struct fleet_summary summary;
    fleet.listed = 9;
    fleet_summarize(&fleet, &summary);
    assert_int_equal(summary.listed, 9);
    assert_int_equal(summary.judged, 4);
    assert_int_equal(summary.compliant, 2);
    assert_int_equal(summary.non_compliant, 1);
    assert_int_equal(summary.not_applicable, 1);
    assert_int_equal(summary.unknown, 1);
    assert_int_equal(summary.modes[MODE_UNKNOWN], 1); /* not the one that has no mode */
    assert_int_equal(summary.modes[MODE_MONITOR], 2);
    assert_int_equal(summary.modes[MODE_DEFENSIVE], 0);
    assert_int_equal(summary.modes[MODE_STRICTEST], 1);
    static const size_t grades[] = {0, 1, 0, 0, 2};
    assert_memory_equal(summary.grades, grades, sizeof(grades));
}

static void protected_percent_is_of_the_known_modes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t monitor, defensive, strictest, unknown;
        double percent;
    } rows[] = {{"none at all", 0, 0, 0, 0, 100},
                {"only unknown", 0, 0, 0, 3, 100},
                {"all weak", 2, 0, 0, 0, 0},
                {"both strict modes count", 2, 1, 1, 0, 50},
                {"unknown does not", 1, 1, 0, 8, 50},
                {"a third is never rounded up", 1, 1, 1, 0, 66.66},
                {"hundredths that binary lacks", 43, 57, 0, 0, 57}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fleet_row many[128] = {0};
        struct fleet fleet = {.rows = many};
        size_t counts[] = {rows[i].unknown, rows[i].monitor, rows[i].defensive, rows[i].strictest};
        for (size_t mode = 0; mode < COUNT(counts); mode++) {
            for (size_t n = 0; n < counts[mode]; n++) {
                many[fleet.row_count++].evaluation.mode = (enum desync_mode)mode;
            }
        }
        struct fleet_summary summary;
        fleet_summarize(&fleet, &summary);
        if (summary.protected_percent != rows[i].percent) {
            fail_msg("%s: %f", rows[i].name, summary.protected_percent);
        }
    }
}

static str names_of(const struct fleet *fleet) {
    str names = STR_EMPTY;
    for (size_t i = 0; i < fleet->row_count; i++) {
        names = str_format(&arena, "%" STR_FMT "%" STR_FMT " ", STR_ARG(names),
                           STR_ARG(fleet->rows[i].name));
    }
    return names;
}

static void sort_puts_the_worst_verdict_first(void **state) {
    (void)state;
    struct fleet fleet = fleet_usual();
    fleet_sort(&fleet);
    assert_str(names_of(&fleet), "weak dark excused fine net ");
}

static void sort_puts_more_severe_findings_first(void **state) {
    (void)state;
    struct fleet fleet = fleet_none();
    fleet_find(fleet_add(&fleet, "low", COMPLIANT, MODE_STRICTEST), FINDING_EXCEPTION_UNUSED,
               false);
    (void)fleet_add(&fleet, "clean", COMPLIANT, MODE_STRICTEST);
    fleet_find(fleet_add(&fleet, "medium", NON_COMPLIANT, MODE_STRICTEST), FINDING_TAG_MISSING,
               true);
    struct fleet_row *high = fleet_add(&fleet, "high", NON_COMPLIANT, MODE_MONITOR);
    fleet_find(high, FINDING_TAG_MISSING, true);
    fleet_find(high, FINDING_MODE_TOO_WEAK, true);
    fleet_sort(&fleet);
    assert_str(names_of(&fleet), "high medium low clean ");
}

static void sort_orders_ties_by_account_region_name_and_id(void **state) {
    (void)state;
    struct fleet fleet = fleet_none();
    fleet_add(&fleet, "e", COMPLIANT, MODE_STRICTEST)->account_id = STR("999999999999");
    fleet_add(&fleet, "d", COMPLIANT, MODE_STRICTEST)->region = STR("us-east-1");
    (void)fleet_add(&fleet, "b", COMPLIANT, MODE_STRICTEST);
    fleet_add(&fleet, "c", COMPLIANT, MODE_STRICTEST)->name = STR("b");
    fleet.rows[3].evaluation.resource_id = STR("z");
    (void)fleet_add(&fleet, "a", COMPLIANT, MODE_STRICTEST);
    fleet_sort(&fleet);
    assert_str(names_of(&fleet), "a b b d e ");
    assert_str(fleet.rows[2].evaluation.resource_id, "z");
}

static void sort_accepts_zero_and_one_evaluations(void **state) {
    (void)state;
    struct fleet fleet = {0};
    fleet_sort(&fleet);
    fleet = fleet_none();
    (void)fleet_add(&fleet, "only", COMPLIANT, MODE_STRICTEST);
    fleet_sort(&fleet);
    assert_str(names_of(&fleet), "only ");
}

static void format_names_are_those_of_the_contract(void **state) {
    (void)state;
    static const char *const names[] = {"table", "json",  "csv",  "html",
                                        "junit", "sarif", "asff", "ocsf"};
    assert_int_equal(COUNT(names), FLEET_FORMAT_COUNT);
    for (size_t i = 0; i < FLEET_FORMAT_COUNT; i++) {
        assert_string_equal(FLEET_FORMAT_NAMES[i], names[i]);
    }
    assert_null(FLEET_FORMAT_NAMES[FLEET_FORMAT_COUNT]);
}

static str joined(const char *const *controls) {
    str text = STR_EMPTY;
    for (; *controls != NULL; controls++) {
        text = str_format(&arena, "%" STR_FMT "%s;", STR_ARG(text), *controls);
    }
    return text;
}

static void every_finding_has_its_controls(void **state) {
    (void)state;
    static const struct {
        enum finding_id id;
        const char *controls;
    } rows[] = {
        {FINDING_MODE_TOO_WEAK,
         "Security Hub ELB.12;PCI DSS v4.0.1 6.2.4;NIST 800-53r5 AC-4(21);NIST 800-53r5 CA-9(1);"
         "NIST 800-53r5 CM-2;"},
        {FINDING_EXCEPTION_EXPIRED,
         "Security Hub ELB.12;PCI DSS v4.0.1 6.2.4;NIST 800-53r5 AC-4(21);NIST 800-53r5 CA-9(1);"
         "NIST 800-53r5 CM-2;"},
        {FINDING_HEADERS_NOT_DROPPED,
         "Security Hub ELB.4;PCI DSS v4.0.1 6.2.4;NIST 800-53r5 CA-9(1);NIST 800-53r5 CM-2;"},
        {FINDING_TAG_MISSING, "NIST 800-53r5 CM-2;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_str(joined(finding_controls(rows[i].id)), rows[i].controls);
    }
    for (size_t id = 0; id < FINDING_COUNT; id++) {
        assert_non_null(finding_controls((enum finding_id)id)[0]);
    }
}

static void controls_of_an_evaluation_are_those_of_what_fails(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum finding_id ids[2];
        bool fails[2];
        const char *controls;
    } rows[] = {
        {"tag alone",
         {FINDING_TAG_MISSING, FINDING_EXCEPTION_ACTIVE},
         {true, false},
         "NIST 800-53r5 CM-2;"},
        {"each once, in one order",
         {FINDING_HEADERS_NOT_DROPPED, FINDING_MODE_TOO_WEAK},
         {true, true},
         "Security Hub ELB.12;Security Hub ELB.4;PCI DSS v4.0.1 6.2.4;NIST 800-53r5 AC-4(21);"
         "NIST 800-53r5 CA-9(1);NIST 800-53r5 CM-2;"},
        {"nothing fails: those of the mode",
         {FINDING_EXCEPTION_ACTIVE, FINDING_HEADERS_NOT_DROPPED},
         {false, false},
         "Security Hub ELB.12;PCI DSS v4.0.1 6.2.4;NIST 800-53r5 AC-4(21);NIST 800-53r5 CA-9(1);"
         "NIST 800-53r5 CM-2;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fleet fleet = fleet_none();
        struct fleet_row *row = fleet_add(&fleet, "a", NON_COMPLIANT, MODE_MONITOR);
        fleet_find(row, rows[i].ids[0], rows[i].fails[0]);
        fleet_find(row, rows[i].ids[1], rows[i].fails[1]);
        const char *controls[CONTROL_COUNT_MAX];
        evaluation_controls(&row->evaluation, controls);
        assert_str(joined(controls), rows[i].controls);
    }
}

static void document_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    static void (*const writers[])(struct buf *, struct arena *, const struct fleet *) = {
        fleet_write_json,  fleet_write_csv,  fleet_write_junit,
        fleet_write_sarif, fleet_write_asff, fleet_write_ocsf};
    struct fleet fleet = fleet_usual();
    for (size_t i = 0; i < COUNT(writers); i++) {
        size_t len = fleet_rendered(&fleet, writers[i]).len;
        struct buf out;
        buf_init(&out, &arena, len - 1);
        writers[i](&out, &arena, &fleet);
        assert_int_equal(buf_status(&out), STATUS_TOO_LARGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(summary_counts_verdicts_modes_and_grades, judging_reset),
        cmocka_unit_test_teardown(protected_percent_is_of_the_known_modes, judging_reset),
        cmocka_unit_test_teardown(sort_puts_the_worst_verdict_first, judging_reset),
        cmocka_unit_test_teardown(sort_puts_more_severe_findings_first, judging_reset),
        cmocka_unit_test_teardown(sort_orders_ties_by_account_region_name_and_id, judging_reset),
        cmocka_unit_test_teardown(sort_accepts_zero_and_one_evaluations, judging_reset),
        cmocka_unit_test_teardown(format_names_are_those_of_the_contract, judging_reset),
        cmocka_unit_test_teardown(every_finding_has_its_controls, judging_reset),
        cmocka_unit_test_teardown(controls_of_an_evaluation_are_those_of_what_fails, judging_reset),
        cmocka_unit_test_teardown(document_that_does_not_fit_is_an_error, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
