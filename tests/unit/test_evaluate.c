/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

static void names_are_the_contract_s(void **state) {
    (void)state;
    assert_string_equal(compliance_name(COMPLIANT), "COMPLIANT");
    assert_string_equal(compliance_name(NON_COMPLIANT), "NON_COMPLIANT");
    assert_string_equal(compliance_name(NOT_APPLICABLE), "NOT_APPLICABLE");
    assert_string_equal(compliance_name(COMPLIANCE_UNKNOWN), "UNKNOWN");
    assert_string_equal(severity_name(SEVERITY_INFORMATIONAL), "INFORMATIONAL");
    assert_string_equal(severity_name(SEVERITY_HIGH), "HIGH");
    assert_string_equal(finding_name(FINDING_MODE_TOO_WEAK), "MODE_TOO_WEAK");
    assert_string_equal(finding_name(FINDING_NON_COMPLIANT_TOO_LONG), "NON_COMPLIANT_TOO_LONG");
}

static void every_rule_has_a_title_and_a_source(void **state) {
    (void)state;
    for (int i = 0; i < FINDING_COUNT; i++) {
        enum finding_id id = (enum finding_id)i;
        bool has_rule = id != FINDING_UNDERUTILIZED && id != FINDING_NON_COMPLIANT_TOO_LONG &&
                        id != FINDING_CLIENTS_BLOCKED;
        assert_int_equal(finding_title(id) != NULL, has_rule);
        assert_int_equal(finding_source_url(id) != NULL, has_rule);
        if (has_rule) {
            assert_true(strncmp(finding_source_url(id), "https://", 8) == 0);
        }
    }
}

static void mode_against_minimum_decides(void **state) {
    (void)state;
    static const struct {
        enum desync_mode mode;
        const char *desync_mode;
        enum compliance expected;
        enum desync_mode required;
    } rows[] = {
        {MODE_MONITOR, "monitor", COMPLIANT, MODE_MONITOR},
        {MODE_MONITOR, "defensive,strictest", NON_COMPLIANT, MODE_DEFENSIVE},
        {MODE_MONITOR, "strictest", NON_COMPLIANT, MODE_STRICTEST},
        {MODE_DEFENSIVE, "monitor", COMPLIANT, MODE_MONITOR},
        {MODE_DEFENSIVE, "defensive,strictest", COMPLIANT, MODE_DEFENSIVE},
        {MODE_DEFENSIVE, "strictest", NON_COMPLIANT, MODE_STRICTEST},
        {MODE_STRICTEST, "monitor", COMPLIANT, MODE_MONITOR},
        /* unlike the managed rule: stricter than listed is accepted */
        {MODE_STRICTEST, "defensive", COMPLIANT, MODE_DEFENSIVE},
        {MODE_STRICTEST, "strictest", COMPLIANT, MODE_STRICTEST},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct load_balancer facts = facts_of(rows[i].mode);
        struct evaluation *result =
            evaluate(&facts, policy_with_one("desyncMode", rows[i].desync_mode));
        if (result->compliance != rows[i].expected || result->required_mode != rows[i].required ||
            (find(result, FINDING_MODE_TOO_WEAK) != NULL) != (rows[i].expected == NON_COMPLIANT)) {
            fail_msg("%s against %s", mode_name(rows[i].mode), rows[i].desync_mode);
        }
        assert_str(result->required_because, "minimum");
        assert_true(str_is_empty(result->reason));
    }
}

static void evaluation_carries_the_facts(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    facts.source = SOURCE_LIVE;
    struct evaluation *result = evaluate(&facts, policy_with(NULL, 0));
    assert_str(result->resource_type, "AWS::ElasticLoadBalancingV2::LoadBalancer");
    assert_str(result->resource_id, ARN);
    assert_int_equal(result->mode, MODE_DEFENSIVE);
    assert_int_equal(result->source, SOURCE_LIVE);
    assert_str(result->owner, "team-a");
    assert_int_equal(result->finding_count, 0);
    assert_int_equal(result->ordering_ms, 0);
}

static void mode_too_weak_says_what_to_set_and_by_when(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_MONITOR);
    struct evaluation *result = evaluate(&facts, policy_with(NULL, 0));
    const struct finding *finding = find(result, FINDING_MODE_TOO_WEAK);
    assert_non_null(finding);
    assert_int_equal(finding->severity, SEVERITY_HIGH);
    assert_true(finding->is_failing);
    assert_str(finding->message,
               "The desync mitigation mode is monitor, but at least defensive is required "
               "(minimum). Set routing.http.desync_mitigation_mode to defensive within 7 days.");
    result = evaluate(&facts, policy_with_one("maxNonCompliantDays", "1"));
    assert_contains(result->findings[0].message, "within 1 day.");
    result = evaluate(&facts, policy_with_one("maxNonCompliantDays", "0"));
    assert_contains(result->findings[0].message, "to defensive now.");
}

static void other_types_are_not_applicable_whatever_else_is_unknown(void **state) {
    (void)state;
    static const enum load_balancer_type types[] = {TYPE_NETWORK, TYPE_GATEWAY};
    for (size_t i = 0; i < COUNT(types); i++) {
        struct load_balancer facts = {.arn = STR(ARN), .type = types[i]};
        struct evaluation *result = evaluate(&facts, policy_with(NULL, 0));
        assert_int_equal(result->compliance, NOT_APPLICABLE);
        assert_int_equal(result->finding_count, 0);
        assert_int_equal(result->grade, '-');
        assert_int_equal(result->required_mode, MODE_UNKNOWN);
        assert_contains(result->reason, load_balancer_type_name(types[i]));
    }
}

static void missing_facts_are_unknown_with_a_reason(void **state) {
    (void)state;
    struct load_balancer no_type = facts_of(MODE_MONITOR);
    no_type.type = TYPE_UNKNOWN;
    struct load_balancer no_mode = facts_of(MODE_UNKNOWN);
    struct load_balancer odd_mode = facts_of(MODE_UNKNOWN);
    odd_mode.mode_text = STR("para\nnoid");
    struct load_balancer no_tags = facts_of(MODE_MONITOR);
    no_tags.has_tags = false;
    no_tags.tag_count = 0;
    struct load_balancer nothing = {.arn = STR(ARN)};
    const struct {
        const char *name;
        const struct load_balancer *facts;
        const char *reason;
        size_t finding_count;
    } rows[] = {
        {"type", &no_type, "the type of the load balancer could not be read", 0},
        {"mode", &no_mode, "routing.http.desync_mitigation_mode could not be read", 0},
        {"odd mode", &odd_mode,
         "routing.http.desync_mitigation_mode is \"para noid\", which is no known mode (monitor, "
         "defensive, strictest)",
         0},
        {"tags", &no_tags, "the tags could not be read", 0},
        {"nothing", &nothing,
         "the type of the load balancer could not be read; routing.http.desync_mitigation_mode "
         "could not be read; the tags could not be read",
         0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation *result = evaluate(rows[i].facts, policy_with(NULL, 0));
        if (result->compliance != COMPLIANCE_UNKNOWN ||
            result->finding_count != rows[i].finding_count ||
            !str_eq(result->reason, str_from_cstr(rows[i].reason))) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, result->reason));
        }
    }
}

static void certain_findings_are_listed_beside_an_unknown_verdict(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_UNKNOWN);
    facts.tags = NULL;
    facts.tag_count = 0;
    facts.drops_invalid_headers = NO;
    struct evaluation *result = evaluate(&facts, policy_with(NULL, 0));
    assert_int_equal(result->compliance, COMPLIANCE_UNKNOWN);
    assert_int_equal(result->finding_count, 2);
    assert_non_null(find(result, FINDING_TAG_MISSING));
    assert_non_null(find(result, FINDING_HEADERS_NOT_DROPPED));
}

static void headers_are_judged_as_the_policy_says(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *parameter;
        enum tristate drops;
        enum compliance expected;
        bool has_finding;
        enum finding_severity severity;
    } rows[] = {
        {"ignore false", "ignore", NO, COMPLIANT, false, SEVERITY_LOW},
        {"ignore unknown", "ignore", UNKNOWN, COMPLIANT, false, SEVERITY_LOW},
        {"advise true", "advise", YES, COMPLIANT, false, SEVERITY_LOW},
        {"advise false", "advise", NO, COMPLIANT, true, SEVERITY_LOW},
        {"advise unknown", "advise", UNKNOWN, COMPLIANT, false, SEVERITY_LOW},
        {"require true", "require", YES, COMPLIANT, false, SEVERITY_LOW},
        {"require false", "require", NO, NON_COMPLIANT, true, SEVERITY_MEDIUM},
        {"require unknown", "require", UNKNOWN, COMPLIANCE_UNKNOWN, false, SEVERITY_LOW},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct load_balancer facts = facts_of(MODE_STRICTEST);
        facts.drops_invalid_headers = rows[i].drops;
        struct evaluation *result =
            evaluate(&facts, policy_with_one("dropInvalidHeaders", rows[i].parameter));
        const struct finding *finding = find(result, FINDING_HEADERS_NOT_DROPPED);
        if (result->compliance != rows[i].expected || (finding != NULL) != rows[i].has_finding) {
            fail_msg("%s", rows[i].name);
        }
        if (finding != NULL) {
            assert_int_equal(finding->severity, rows[i].severity);
            assert_int_equal(finding->is_failing, rows[i].expected == NON_COMPLIANT);
            assert_contains(finding->message, "routing.http.drop_invalid_header_fields.enabled");
        }
    }
}

static void unread_headers_do_not_hide_a_certain_finding(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_MONITOR);
    facts.drops_invalid_headers = UNKNOWN;
    struct evaluation *result = evaluate(&facts, policy_with_one("dropInvalidHeaders", "require"));
    assert_int_equal(result->compliance, COMPLIANCE_UNKNOWN);
    assert_non_null(find(result, FINDING_MODE_TOO_WEAK));
    assert_contains(result->reason, "routing.http.drop_invalid_header_fields.enabled");
}

static void grade_is_that_of_the_pair(void **state) {
    (void)state;
    static const struct {
        enum desync_mode mode;
        char grade[3]; /* by enum tristate: not known, false, true */
    } rows[] = {{MODE_UNKNOWN, {'-', '-', '-'}},
                {MODE_MONITOR, {'F', 'F', 'F'}},
                {MODE_DEFENSIVE, {'D', 'D', 'C'}},
                {MODE_STRICTEST, {'B', 'B', 'A'}}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int drops = UNKNOWN; drops <= YES; drops++) {
            struct load_balancer facts = facts_of(rows[i].mode);
            facts.drops_invalid_headers = (enum tristate)drops;
            struct evaluation *result = evaluate(&facts, policy_with(NULL, 0));
            assert_int_equal(result->grade, rows[i].grade[drops]);
        }
    }
}

static void evaluation_without_facts_holds_just_the_reason(void **state) {
    (void)state;
    struct evaluation result;
    memset(&result, 0x5A, sizeof(result));
    evaluation_without_facts(&result, STR("AWS::S3::Bucket"), STR("b"), NOT_APPLICABLE,
                             STR("another resource type"));
    assert_str(result.resource_type, "AWS::S3::Bucket");
    assert_str(result.resource_id, "b");
    assert_int_equal(result.compliance, NOT_APPLICABLE);
    assert_str(result.reason, "another resource type");
    assert_int_equal(result.finding_count, 0);
    assert_int_equal(result.grade, '-');
    assert_int_equal(result.mode, MODE_UNKNOWN);
    assert_true(str_is_empty(result.source_note));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_contract_s),
        cmocka_unit_test(every_rule_has_a_title_and_a_source),
        cmocka_unit_test(mode_against_minimum_decides),
        cmocka_unit_test(evaluation_carries_the_facts),
        cmocka_unit_test(mode_too_weak_says_what_to_set_and_by_when),
        cmocka_unit_test(other_types_are_not_applicable_whatever_else_is_unknown),
        cmocka_unit_test(missing_facts_are_unknown_with_a_reason),
        cmocka_unit_test(certain_findings_are_listed_beside_an_unknown_verdict),
        cmocka_unit_test(headers_are_judged_as_the_policy_says),
        cmocka_unit_test(unread_headers_do_not_hide_a_certain_finding),
        cmocka_unit_test(grade_is_that_of_the_pair),
        cmocka_unit_test(evaluation_without_facts_holds_just_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
