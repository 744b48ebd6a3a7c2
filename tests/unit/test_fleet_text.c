/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact text of a load balancer in the formats for machines, and hostile text in each. That
 * they follow their published schemas is shown by tests/integration/test_report_formats.py.
 */
#include "fleet_world.h"

#include "report/fleet_internal.h"

static struct fleet fleet_of_one(void) {
    struct fleet fleet = fleet_none();
    struct fleet_row *row = fleet_add(&fleet, "shop", NON_COMPLIANT, MODE_MONITOR);
    fleet_find(row, FINDING_MODE_TOO_WEAK, true);
    fleet_find(row, FINDING_EXCEPTION_UNUSED, false);
    row->evaluation.ordering_ms = NOW_MS;
    row->evaluation.exception_until = STR("2026-12-01");
    return fleet;
}

#define ANNOTATION                                                                                 \
    "NON_COMPLIANT: monitor, requires defensive (minimum). Owner: team-a. Source: live. Why: "     \
    "MODE_TOO_WEAK. Set routing.http.desync_mitigation_mode to defensive. Advice: "                \
    "EXCEPTION_UNUSED."
#define SHOP FLEET_ARN "shop" FLEET_ARN_ID

static void json_text_is_exact(void **state) {
    (void)state;
    struct fleet fleet = fleet_of_one();
    const struct fleet_gap gap = {STR("123456789012"), STR("us-east-1"), STR("access denied")};
    fleet.gaps = &gap;
    fleet.gap_count = 1;
    assert_str(
        fleet_rendered(&fleet, fleet_write_json),
        "{\"generatedAt\":\"2026-11-23T08:00:00.000Z\",\"version\":\"0.1.0\","
        "\"accounts\":[\"123456789012\"],\"regions\":[\"eu-west-1\"],\"listed\":1,\"judged\":1,"
        "\"unknown\":0,\"interrupted\":false,\"gaps\":[{\"account\":\"123456789012\","
        "\"region\":\"us-east-1\",\"reason\":\"access denied\"}],\"summary\":{\"compliant\":0,"
        "\"nonCompliant\":1,\"notApplicable\":0,\"unknown\":0,\"protectedPercent\":0,"
        "\"modes\":{\"monitor\":1,\"defensive\":0,\"strictest\":0},"
        "\"grades\":{\"A\":0,\"B\":0,\"C\":0,\"D\":0,\"F\":1}},\"evaluations\":["
        "{\"account\":\"123456789012\",\"region\":\"eu-west-1\",\"name\":\"shop\","
        "\"scheme\":\"internal\",\"resourceType\":\"AWS::ElasticLoadBalancingV2::LoadBalancer\","
        "\"resourceId\":\"" SHOP "\",\"compliance\":\"NON_COMPLIANT\",\"annotation\":\"" ANNOTATION
        "\",\"orderingTimestamp\":\"2026-11-23T08:00:00.000Z\",\"mode\":\"monitor\","
        "\"requiredMode\":\"defensive\",\"grade\":\"F\",\"owner\":\"team-a\",\"source\":\"live\","
        "\"findings\":[{\"id\":\"MODE_TOO_WEAK\",\"severity\":\"HIGH\",\"message\":\"see to it\"},"
        "{\"id\":\"EXCEPTION_UNUSED\",\"severity\":\"LOW\",\"message\":\"see to it\"}],"
        "\"exceptionUntil\":\"2026-12-01\",\"controls\":[\"Security Hub ELB.12\","
        "\"PCI DSS v4.0.1 6.2.4\",\"NIST 800-53r5 AC-4(21)\",\"NIST 800-53r5 CA-9(1)\","
        "\"NIST 800-53r5 CM-2\"]}]}\n");
}

#define CSV_HEADER                                                                                 \
    "generatedAt,account,region,name,scheme,compliance,mode,requiredMode,grade,owner,findings,"    \
    "severities,messages,controls,exceptionUntil,annotation,source,orderingTimestamp,"             \
    "resourceType,resourceId\r\n"

static void csv_text_is_exact(void **state) {
    (void)state;
    struct fleet fleet = fleet_of_one();
    const struct fleet_gap gap = {STR("123456789012"), STR("us-east-1"), STR("access denied")};
    fleet.gaps = &gap;
    fleet.gap_count = 1;
    fleet.is_interrupted = true;
    assert_str(fleet_rendered(&fleet, fleet_write_csv), CSV_HEADER
               "2026-11-23T08:00:00.000Z,\"123456789012\",\"eu-west-1\",\"shop\",internal,"
               "NON_COMPLIANT,monitor,defensive,F,\"team-a\",MODE_TOO_WEAK;EXCEPTION_UNUSED,"
               "HIGH;LOW,\"see to it | see to it\",Security Hub ELB.12;PCI DSS v4.0.1 6.2.4;"
               "NIST 800-53r5 AC-4(21);NIST 800-53r5 CA-9(1);NIST 800-53r5 CM-2,\"2026-12-01\","
               "\"" ANNOTATION "\",live,2026-11-23T08:00:00.000Z,"
               "\"AWS::ElasticLoadBalancingV2::LoadBalancer\",\"" SHOP "\"\r\n"
               "2026-11-23T08:00:00.000Z,\"123456789012\",\"us-east-1\",,,UNKNOWN,,,,,,,,,,"
               "\"access denied\",,,,\r\n"
               "2026-11-23T08:00:00.000Z,,,,,UNKNOWN,,,,,,,,,,\"Interrupted: this is what was "
               "known by then (1 listed, 1 judged, 0 unknown).\",,,,\r\n");
}

static void csv_disarms_formulas_and_separates_cells(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        const char *cell;
    } rows[] = {
        {"empty", "", ""},
        {"plain", "a", "\"a\""},
        {"formula", "=1+1", "\"'=1+1\""},
        {"plus", "+1", "\"'+1\""},
        {"minus", "-1", "\"'-1\""},
        {"at", "@SUM(1)", "\"'@SUM(1)\""},
        {"tab", "\t=1", "\"'\\t=1\""},
        {"carriage return", "\r=1", "\"'\\r=1\""},
        {"line feed", "\n=1", "\"'\\n=1\""},
        {"apostrophe", "'=1", "\"''=1\""},
        {"inside", "a=1", "\"a=1\""},
        {"quotes", "a\"b\"\"", "\"a\"\"b\"\"\"\"\""},
        {"separators", "a,b;c", "\"a,b;c\""},
        {"lines", "a\r\nb", "\"a\\r\\nb\""},
        {"controls", "a\x01\x1b[0m\x7f\xC2\x9B", "\"a\\x01\\x1b[0m\\x7f\\u009b\""},
        {"text turned round", "\xE2\x80\xAEtxet", "\"\\u202etxet\""},
        {"no UTF-8", "a\xFF\xC3(", "\"a\\xff\\xc3(\""},
        {"letters", "\xC3\xA9", "\"\xC3\xA9\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fleet fleet = fleet_of_one();
        fleet.rows[0].name = str_from_cstr(rows[i].text);
        str expected = str_format(&arena, "\"eu-west-1\",%s,internal,", rows[i].cell);
        if (!str_contains(fleet_rendered(&fleet, fleet_write_csv), expected)) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void csv_keeps_messages_apart(void **state) {
    (void)state;
    struct fleet fleet = fleet_of_one();
    fleet.rows[0].evaluation.findings[0].message = STR("=a | b\\");
    assert_contains(fleet_rendered(&fleet, fleet_write_csv), ",\"'=a \\| b\\\\ | see to it\",");
    /* an escape is text of the message: who takes the messages apart has \n again */
    fleet.rows[0].evaluation.findings[0].message = STR("a\nb|");
    assert_contains(fleet_rendered(&fleet, fleet_write_csv), ",\"a\\\\nb\\| | see to it\",");
}

static void xml_text_has_only_valid_characters(void **state) {
    (void)state;
    const struct {
        const char *name;
        str text;
        const char *xml;
    } rows[] = {
        {"plain", STR("abc \xC3\xA9"), "abc \xC3\xA9"},
        {"markup", STR("<a href='x\">&"), "&lt;a href=&apos;x&quot;&gt;&amp;"},
        {"end of CDATA", STR("]]>"), "]]&gt;"},
        {"white space", STR("a\tb\nc\rd"), "a&#9;b&#10;c&#13;d"},
        {"controls", STR("\x01\x1F\x7F"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"NUL", STR("a\0b"),
         "a\xEF\xBF\xBD"
         "b"},
        {"noncharacters", STR("\xEF\xBF\xBE\xEF\xBF\xBF"), "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"broken", STR("\xC3(\xFF"), "\xEF\xBF\xBD(\xEF\xBF\xBD"},
        {"cut short", STR("\xE6\x97"), "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"surrogate", STR("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"C1",
         STR("\xC2\x9B"
             "31m"),
         "&#x9B;31m"},
        {"text turned round", STR("\xE2\x80\xAEtxet"), "&#x202E;txet"},
        {"what shows nothing", STR("\xF3\xA0\x80\x81\xEF\xBB\xBF"), "&#xE0001;&#xFEFF;"},
        {"four bytes", STR("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80"},
        {"empty", STR(""), ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, &arena, 1024);
        buf_append(&out, STR("|"));
        xml_append(&out, rows[i].text);
        str expected = str_format(&arena, "|%s", rows[i].xml);
        if (!str_eq(buf_str(&out), expected)) {
            fail_msg("%s: %s", rows[i].name, str_to_cstr(&arena, buf_str(&out)));
        }
    }
}

static void junit_text_is_exact(void **state) {
    (void)state;
    struct fleet fleet = fleet_of_one();
    assert_str(fleet_rendered(&fleet, fleet_write_junit),
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<testsuites name=\"desync-guard audit\" tests=\"1\" failures=\"1\" errors=\"0\">\n"
               "  <testsuite name=\"123456789012/eu-west-1\" timestamp=\"2026-11-23T08:00:00\" "
               "tests=\"1\" failures=\"1\" errors=\"0\" skipped=\"0\">\n"
               "    <testcase classname=\"123456789012/eu-west-1\" name=\"shop\">\n"
               "      <failure type=\"MODE_TOO_WEAK\" message=\"" ANNOTATION
               "\">HIGH MODE_TOO_WEAK: see to it\nLOW EXCEPTION_UNUSED: see to it\n" SHOP
               "</failure>\n"
               "    </testcase>\n"
               "  </testsuite>\n"
               "</testsuites>\n");
}

static const struct json *sarif_run(const struct fleet *fleet) {
    const struct json *root = NULL;
    str text = fleet_rendered(fleet, fleet_write_sarif);
    assert_int_equal(json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    return json_first(json_get(root, "runs"));
}

static const struct json *sarif_location(const struct json *result) {
    return json_first(json_get(result, "locations"));
}

static void sarif_path_stays_within_the_repository(void **state) {
    (void)state;
    static const struct {
        const char *account;
        const char *id;
        const char *uri;
    } rows[] = {
        {"123456789012", SHOP, "aws/123456789012/eu-west-1/app/shop/0123456789abcdef"},
        {"..", "../../etc/passwd", "aws/_../eu-west-1/_../_../etc/passwd"},
        {"", "/", "aws/_/eu-west-1/_/_"},
        {"1", "javascript:x y%\xFF", "aws/1/eu-west-1/javascript%3Ax%20y%25%FF"},
        {"1", "a?b#c\\d", "aws/1/eu-west-1/a%3Fb%23c%5Cd"},
        {"1", ".", "aws/1/eu-west-1/_."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fleet fleet = fleet_of_one();
        fleet.rows[0].account_id = str_from_cstr(rows[i].account);
        fleet.rows[0].evaluation.resource_id = str_from_cstr(rows[i].id);
        const struct json *result = json_first(json_get(sarif_run(&fleet), "results"));
        const struct json *physical = json_get(sarif_location(result), "physicalLocation");
        assert_str(json_get_string(json_get(physical, "artifactLocation"), "uri"), rows[i].uri);
    }
}

static void sarif_result_has_level_rule_and_resource(void **state) {
    (void)state;
    struct fleet fleet = fleet_of_one();
    const struct json *run = sarif_run(&fleet);
    const struct json *results = json_get(run, "results");
    assert_int_equal(json_count(results), 1); /* advice is no result */
    const struct json *result = json_first(results);
    assert_str(json_get_string(result, "ruleId"), "MODE_TOO_WEAK");
    assert_str(json_get_string(result, "level"), "error");
    assert_str(json_get_string(json_get(result, "message"), "text"),
               "Load balancer shop: see to it");
    const struct json *logical = json_first(json_get(sarif_location(result), "logicalLocations"));
    assert_str(json_get_string(logical, "fullyQualifiedName"), SHOP);
    assert_str(json_get_string(json_get(result, "partialFingerprints"), "desyncGuardFinding/v1"),
               "705dc3ac6ed07d6b");
    size_t titled = 0;
    for (size_t id = 0; id < FINDING_COUNT; id++) {
        titled += finding_title((enum finding_id)id) != NULL;
    }
    const struct json *driver = json_get(json_get(run, "tool"), "driver");
    assert_int_equal(json_count(json_get(driver, "rules")), titled);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(json_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(csv_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(csv_disarms_formulas_and_separates_cells, judging_reset),
        cmocka_unit_test_teardown(csv_keeps_messages_apart, judging_reset),
        cmocka_unit_test_teardown(xml_text_has_only_valid_characters, judging_reset),
        cmocka_unit_test_teardown(junit_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(sarif_path_stays_within_the_repository, judging_reset),
        cmocka_unit_test_teardown(sarif_result_has_level_rule_and_resource, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
