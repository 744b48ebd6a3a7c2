/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/asff.h"

#define SHOP                                                                                       \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
#define CREATED_MS (NOW_MS - MS_PER_DAY)

static struct evaluation weak(void) {
    struct evaluation evaluation = {.resource_type = STR(LOAD_BALANCER_RESOURCE_TYPE),
                                    .resource_id = STR(SHOP),
                                    .compliance = NON_COMPLIANT,
                                    .mode = MODE_MONITOR,
                                    .required_mode = MODE_DEFENSIVE,
                                    .required_because = STR("minimum"),
                                    .owner = STR("team-a")};
    evaluation.findings[evaluation.finding_count++] =
        (struct finding){.id = FINDING_TAG_MISSING,
                         .severity = SEVERITY_MEDIUM,
                         .is_failing = true,
                         .subject = STR("Owner"),
                         .message = STR("The tag Owner is missing.")};
    evaluation.findings[evaluation.finding_count++] =
        (struct finding){.id = FINDING_MODE_TOO_WEAK,
                         .severity = SEVERITY_HIGH,
                         .is_failing = true,
                         .message = STR("The desync mitigation mode is monitor.")};
    return evaluation;
}

static struct asff usual(void) {
    return (struct asff){.account_id = STR("123456789012"),
                         .region = STR("eu-west-1"),
                         .partition = STR("aws"),
                         .rule_name = STR("alb-desync"),
                         .created_ms = CREATED_MS,
                         .updated_ms = NOW_MS};
}

static str render(const struct evaluation *evaluation, const struct asff *asff) {
    struct buf out;
    struct json_writer writer;
    buf_init(&out, &arena, (size_t)256 * 1024);
    json_writer_init(&writer, &out);
    asff_write(&writer, &arena, evaluation, asff);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static const struct json *parse(const struct evaluation *evaluation, const struct asff *asff) {
    const struct json *root = NULL;
    struct json_problem problem = {0};
    str text = render(evaluation, asff);
    if (json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, &problem) != STATUS_OK) {
        fail_msg("%s: %s", problem.what, str_to_cstr(&arena, text));
    }
    return root;
}

static str text_at(const struct json *finding, const char *outer, const char *inner) {
    return json_get_string(json_get(finding, outer), inner);
}

static void finding_text_is_exact(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    struct asff asff = usual();
    assert_str(
        render(&evaluation, &asff),
        "{\"SchemaVersion\":\"2018-10-08\","
        "\"Id\":\"desync-guard/alb-desync/" SHOP "\","
        "\"ProductArn\":"
        "\"arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default\","
        "\"GeneratorId\":\"desync-guard/MODE_TOO_WEAK\","
        "\"AwsAccountId\":\"123456789012\","
        "\"CreatedAt\":\"2026-11-22T08:00:00.000Z\","
        "\"UpdatedAt\":\"2026-11-23T08:00:00.000Z\","
        "\"Types\":[\"Software and Configuration Checks/AWS Security Best Practices\"],"
        "\"Severity\":{\"Label\":\"HIGH\"},"
        "\"FindingProviderFields\":{\"Severity\":{\"Label\":\"HIGH\"},"
        "\"Types\":[\"Software and Configuration Checks/AWS Security Best Practices\"]},"
        "\"Title\":\"Load balancer shop: NON_COMPLIANT, desync mitigation mode monitor "
        "(required: defensive)\","
        "\"Description\":\"Owner: team-a. The tag Owner is missing. The desync mitigation mode is "
        "monitor.\","
        "\"Remediation\":{\"Recommendation\":{\"Text\":\"aws elbv2 "
        "modify-load-balancer-attributes --region eu-west-1 --load-balancer-arn " SHOP
        " --attributes Key=routing.http.desync_mitigation_mode,Value=defensive\","
        "\"Url\":\"https://docs.aws.amazon.com/config/latest/developerguide/"
        "alb-desync-mode-check.html\"}},"
        "\"Resources\":[{\"Type\":\"AwsElbv2LoadBalancer\",\"Id\":\"" SHOP "\","
        "\"Partition\":\"aws\",\"Region\":\"eu-west-1\","
        "\"Details\":{\"AwsElbv2LoadBalancer\":{\"LoadBalancerAttributes\":["
        "{\"Key\":\"routing.http.desync_mitigation_mode\",\"Value\":\"monitor\"}]}}}],"
        "\"Compliance\":{\"Status\":\"FAILED\",\"RelatedRequirements\":[\"Security Hub ELB.12\","
        "\"PCI DSS v4.0.1/6.2.4\",\"NIST.800-53.r5 AC-4(21)\",\"NIST.800-53.r5 CA-9(1)\","
        "\"NIST.800-53.r5 CM-2\"]},"
        "\"RecordState\":\"ACTIVE\"}");
}

static void verdict_sets_status_state_and_severity(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum compliance compliance;
        bool is_excused;
        size_t finding_count;
        const char *status;
        const char *record;
        const char *severity;
        const char *generator;
    } rows[] = {
        {"compliant", COMPLIANT, false, 0, "PASSED", "ARCHIVED", "INFORMATIONAL", "MODE_TOO_WEAK"},
        {"excused", COMPLIANT, true, 0, "WARNING", "ACTIVE", "INFORMATIONAL", "MODE_TOO_WEAK"},
        {"gravest", NON_COMPLIANT, false, 2, "FAILED", "ACTIVE", "HIGH", "MODE_TOO_WEAK"},
        {"tag alone", NON_COMPLIANT, false, 1, "FAILED", "ACTIVE", "MEDIUM", "TAG_MISSING"},
        {"unknown", COMPLIANCE_UNKNOWN, false, 0, "NOT_AVAILABLE", "ACTIVE", "MEDIUM",
         "MODE_TOO_WEAK"},
        {"unknown, grave", COMPLIANCE_UNKNOWN, false, 2, "NOT_AVAILABLE", "ACTIVE", "HIGH",
         "MODE_TOO_WEAK"},
        {"gone", NOT_APPLICABLE, false, 0, "NOT_AVAILABLE", "ARCHIVED", "INFORMATIONAL",
         "MODE_TOO_WEAK"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct evaluation evaluation = weak();
        evaluation.compliance = rows[i].compliance;
        evaluation.has_active_exception = rows[i].is_excused;
        evaluation.finding_count = rows[i].finding_count;
        struct asff asff = usual();
        const struct json *finding = parse(&evaluation, &asff);
        const struct json *fields = json_get(finding, "FindingProviderFields");
        str all =
            str_format(&arena, "%" STR_FMT " %" STR_FMT " %" STR_FMT " %" STR_FMT " %" STR_FMT,
                       STR_ARG(text_at(finding, "Compliance", "Status")),
                       STR_ARG(json_get_string(finding, "RecordState")),
                       STR_ARG(text_at(finding, "Severity", "Label")),
                       STR_ARG(text_at(fields, "Severity", "Label")),
                       STR_ARG(json_get_string(finding, "GeneratorId")));
        str expected =
            str_format(&arena, "%s %s %s %s desync-guard/%s", rows[i].status, rows[i].record,
                       rows[i].severity, rows[i].severity, rows[i].generator);
        if (!str_eq(all, expected)) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, all));
        }
    }
}

static void id_is_that_of_the_load_balancer_and_the_rule_alone(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    struct asff asff = usual();
    str id = json_get_string(parse(&evaluation, &asff), "Id");
    evaluation.compliance = COMPLIANT;
    evaluation.mode = MODE_STRICTEST;
    evaluation.finding_count = 0;
    evaluation.owner = STR("team-b");
    asff.updated_ms += MS_PER_DAY;
    asff.created_ms = 0;
    const struct json *later = parse(&evaluation, &asff);
    assert_true(str_eq(json_get_string(later, "Id"), id));
    assert_str(json_get_string(later, "CreatedAt"), "2026-11-24T08:00:00.000Z");
    assert_str(json_get_string(later, "UpdatedAt"), "2026-11-24T08:00:00.000Z");
    asff.rule_name = STR("another-rule");
    assert_false(str_eq(json_get_string(parse(&evaluation, &asff), "Id"), id));
    asff.rule_name = STR_EMPTY;
    assert_str(json_get_string(parse(&evaluation, &asff), "Id"), "desync-guard/" SHOP);
}

static void account_and_region_default_to_those_of_the_arn(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    evaluation.resource_id = STR("arn:aws-iso:elasticloadbalancing:us-iso-east-1:210987654321:"
                                 "loadbalancer/app/a/0123456789abcdef");
    struct asff asff = {.updated_ms = NOW_MS};
    const struct json *finding = parse(&evaluation, &asff);
    assert_str(json_get_string(finding, "AwsAccountId"), "210987654321");
    assert_str(json_get_string(finding, "ProductArn"),
               "arn:aws-iso:securityhub:us-iso-east-1:210987654321:product/210987654321/default");
    const struct json *resource = json_first(json_get(finding, "Resources"));
    assert_str(json_get_string(resource, "Region"), "us-iso-east-1");
    assert_null(json_get(resource, "Partition")); /* none that the format knows */
}

static void evaluation_without_findings_is_described_by_its_annotation(void **state) {
    (void)state;
    struct evaluation evaluation;
    evaluation_without_facts(&evaluation, STR("t"), STR(SHOP), COMPLIANCE_UNKNOWN,
                             STR("the tags could not be read"));
    struct asff asff = usual();
    const struct json *finding = parse(&evaluation, &asff);
    assert_contains(json_get_string(finding, "Description"), "UNKNOWN: ");
    assert_contains(json_get_string(finding, "Description"), "Why: the tags could not be read.");
    assert_str(json_get_string(finding, "Title"),
               "Load balancer shop: UNKNOWN, desync mitigation mode unknown (required: unknown)");
    assert_null(json_get(json_first(json_get(finding, "Resources")), "Details"));
    assert_str(text_at(json_get(finding, "Remediation"), "Recommendation", "Text"),
               "Nothing is to be done.");
}

static void recommendation_is_what_fixes_it(void **state) {
    (void)state;
    struct evaluation evaluation = weak();
    struct asff asff = usual();
    evaluation.finding_count = 1;
    evaluation.mode = MODE_DEFENSIVE;
    const struct json *remediation = json_get(parse(&evaluation, &asff), "Remediation");
    assert_str(text_at(remediation, "Recommendation", "Text"),
               "aws elbv2 add-tags --region eu-west-1 --resource-arns " SHOP
               " --tags 'Key=Owner,Value=<value>'");
    assert_str(text_at(remediation, "Recommendation", "Url"),
               "https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html");
    evaluation.findings[0].id = FINDING_EXCEPTION_UNUSED;
    evaluation.findings[0].message = STR("Remove the tags.");
    remediation = json_get(parse(&evaluation, &asff), "Remediation");
    assert_str(text_at(remediation, "Recommendation", "Text"), "Remove the tags.");
    evaluation.findings[0].id = FINDING_UNDERUTILIZED; /* has no page of its own */
    remediation = json_get(parse(&evaluation, &asff), "Remediation");
    assert_null(json_get(json_get(remediation, "Recommendation"), "Url"));
}

/* Every text of a value is within the limits that hold for all of them: not blank. */
static void assert_not_blank(const char *name, const struct json *value) {
    if (json_is_string(value) && str_is_empty(str_trim(json_string(value)))) {
        fail_msg("%s: blank %s", name, str_to_cstr(&arena, json_key(value)));
    }
    for (const struct json *child = json_first(value); child != NULL; child = json_next(child)) {
        assert_not_blank(name, child);
    }
}

static void assert_at_most(const char *name, str text, size_t characters_max) {
    size_t characters = str_utf8_count(text);
    if (characters < 1 || characters > characters_max) {
        fail_msg("%s: %zu characters, at most %zu", name, characters, characters_max);
    }
}

/* Required members, limits, and nothing that is not ours to write. */
static void assert_acceptable(const char *name, const struct json *finding) {
    static const char *const required[] = {"SchemaVersion", "Id",           "ProductArn",
                                           "GeneratorId",   "AwsAccountId", "CreatedAt",
                                           "UpdatedAt",     "Title",        "Description"};
    static const char *const foreign[] = {"Workflow",          "WorkflowState",     "Note",
                                          "UserDefinedFields", "VerificationState", "Confidence",
                                          "Criticality",       "RelatedFindings"};
    for (size_t i = 0; i < COUNT(required); i++) {
        if (!json_is_string(json_get(finding, required[i]))) {
            fail_msg("%s: no %s", name, required[i]);
        }
    }
    for (size_t i = 0; i < COUNT(foreign); i++) {
        assert_null(json_get(finding, foreign[i]));
    }
    assert_not_blank(name, finding);
    assert_at_most(name, json_get_string(finding, "Id"), 512);
    assert_at_most(name, json_get_string(finding, "GeneratorId"), 512);
    assert_at_most(name, json_get_string(finding, "Title"), 256);
    assert_at_most(name, json_get_string(finding, "Description"), 1024);
    const struct json *remediation = json_get(finding, "Remediation");
    assert_at_most(name, text_at(remediation, "Recommendation", "Text"), 512);
    assert_int_equal(json_count(json_get(finding, "Resources")), 1);
    assert_int_equal(json_count(json_get(finding, "Types")), 1);
    assert_in_range(json_count(json_get(json_get(finding, "Compliance"), "RelatedRequirements")), 1,
                    32);
}

static str repeat(const char *text, size_t count) {
    size_t len = strlen(text);
    char *copy = arena_alloc(&arena, len * count + 1);
    for (size_t i = 0; i < count; i++) {
        memcpy(copy + i * len, text, len);
    }
    return (str){copy, len * count};
}

static void hostile_values_keep_the_limits(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        size_t count;
    } rows[] = {
        {"long", "x", 10240},
        {"emoji", "\xF0\x9F\x98\x80", 5000},
        {"control characters", "a\x01\n\x1b[31m\r", 300},
        {"no UTF-8", "\xFF\xC3", 300},
        {"JSON", "\"}],\"Workflow\":{\"Status\":\"SUPPRESSED\"},[{\"", 100},
        {"shell", "$(reboot)'; reboot", 100},
        {"blank", " \t", 100},
        {"short", "x", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        str hostile = repeat(rows[i].text, rows[i].count);
        struct evaluation evaluation = weak();
        evaluation.owner = hostile;
        evaluation.reason = hostile;
        evaluation.required_because = hostile;
        while (evaluation.finding_count < FINDINGS_MAX) {
            evaluation.findings[evaluation.finding_count++] =
                (struct finding){.id = FINDING_TAG_MISSING, .subject = hostile, .message = hostile};
        }
        struct asff asff = usual();
        asff.rule_name = hostile;
        for (int compliance = COMPLIANT; compliance <= COMPLIANCE_UNKNOWN; compliance++) {
            evaluation.compliance = (enum compliance)compliance;
            assert_acceptable(rows[i].name, parse(&evaluation, &asff));
            evaluation.mode = MODE_DEFENSIVE;
            assert_acceptable(rows[i].name, parse(&evaluation, &asff));
            evaluation.mode = MODE_UNKNOWN;
        }
    }
}

static void real_judgements_are_acceptable(void **state) {
    (void)state;
    const struct tag tags[] = {{STR("Owner"), repeat("o", 256)},
                               {STR("DesyncProfile"), repeat("typo", 64)},
                               {STR("desync-exception-until"), STR("2026-10-01")}};
    struct asff asff = usual();
    for (int type = TYPE_UNKNOWN; type <= TYPE_GATEWAY; type++) {
        for (int mode = MODE_UNKNOWN; mode <= MODE_STRICTEST; mode++) {
            for (size_t count = 0; count <= COUNT(tags); count++) {
                struct load_balancer facts = facts_of((enum desync_mode)mode);
                facts.type = (enum load_balancer_type)type;
                facts.tags = tags;
                facts.tag_count = count;
                struct evaluation *result =
                    evaluate(&facts, policy_with_one("requiredTags", "Cost Center,Env=a|b,Team"));
                assert_acceptable("judged", parse(result, &asff));
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finding_text_is_exact),
        cmocka_unit_test(verdict_sets_status_state_and_severity),
        cmocka_unit_test(id_is_that_of_the_load_balancer_and_the_rule_alone),
        cmocka_unit_test(account_and_region_default_to_those_of_the_arn),
        cmocka_unit_test(evaluation_without_findings_is_described_by_its_annotation),
        cmocka_unit_test(recommendation_is_what_fixes_it),
        cmocka_unit_test(hostile_values_keep_the_limits),
        cmocka_unit_test(real_judgements_are_acceptable),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
