/* SPDX-License-Identifier: Apache-2.0
 *
 * The text itself; that it follows the published JSON schema is shown by
 * tests/integration/test_report_formats.py.
 */
#include "judging.h"

#include <math.h>

#include "death.h"
#include "report/emf.h"

static const struct emf_metric SOME[] = {{"ProtectedPercent", "Percent", 97.5},
                                         {"NonCompliant", "Count", 3}};

static str emf_of(const struct emf_line *line, const struct emf_metric *metrics, size_t count) {
    struct buf out;
    buf_init(&out, &arena, 65536);
    emf_write(&out, &arena, line, metrics, count);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static str emf(str account_id, str region, const struct emf_metric *metrics, size_t count) {
    const struct emf_line line = {.metrics_namespace = STR("DesyncGuard"),
                                  .account_id = account_id,
                                  .region = region,
                                  .now_ms = NOW_MS};
    return emf_of(&line, metrics, count);
}

static const struct json *parse(str text) {
    const struct json *root = NULL;
    assert_int_equal(json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    return root;
}

static const struct json *directive(const struct json *root) {
    return json_first(json_get(json_get(root, "_aws"), "CloudWatchMetrics"));
}

static void object_text_is_exact(void **state) {
    (void)state;
    assert_str(emf(STR("123456789012"), STR("eu-west-1"), SOME, COUNT(SOME)),
               "{\"_aws\":{\"Timestamp\":1795420800000,\"CloudWatchMetrics\":[{"
               "\"Namespace\":\"DesyncGuard\",\"Dimensions\":[[\"Account\",\"Region\"]],"
               "\"Metrics\":[{\"Name\":\"ProtectedPercent\",\"Unit\":\"Percent\"},"
               "{\"Name\":\"NonCompliant\",\"Unit\":\"Count\"}]}]},"
               "\"Account\":\"123456789012\",\"Region\":\"eu-west-1\","
               "\"ProtectedPercent\":97.5,\"NonCompliant\":3}\n");
}

/* As Lambda wants it: RFC 3339, and a name of its own. */
static void line_of_a_json_log_has_level_and_timestamp(void **state) {
    (void)state;
    const struct emf_line line = {
        .metrics_namespace = STR("DesyncGuard"), .now_ms = NOW_MS, .log_level = "WARN"};
    str text = emf_of(&line, SOME, 1);
    assert_true(str_starts_with(
        text, STR("{\"timestamp\":\"2026-11-23T08:00:00.000Z\",\"level\":\"WARN\",\"_aws\":{")));
    assert_int_equal(json_count(json_get(directive(parse(text)), "Metrics")), 1);
}

static void empty_dimension_is_left_out(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *account;
        const char *region;
        size_t dimensions;
    } rows[] = {{"both", "1", "r", 2},
                {"no account", "", "r", 1},
                {"no region", "1", "", 1},
                {"none", "", "", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct json *root =
            parse(emf(str_from_cstr(rows[i].account), str_from_cstr(rows[i].region), SOME, 1));
        const struct json *set = json_first(json_get(directive(root), "Dimensions"));
        size_t targets = (size_t)(json_get(root, "Account") != NULL) +
                         (size_t)(json_get(root, "Region") != NULL);
        if (json_count(set) != rows[i].dimensions || targets != rows[i].dimensions) {
            fail_msg("%s: %zu names, %zu values", rows[i].name, json_count(set), targets);
        }
    }
}

static void value_that_is_no_number_is_left_out_alone(void **state) {
    (void)state;
    const struct emf_metric metrics[] = {{"MTTRHours", "None", NAN},
                                         {"SweepDuration", "Milliseconds", INFINITY},
                                         {"Unknown", "Count", 0}};
    const struct json *root = parse(emf(STR("1"), STR("r"), metrics, COUNT(metrics)));
    const struct json *definitions = json_get(directive(root), "Metrics");
    assert_int_equal(json_count(definitions), 1);
    assert_str(json_get_string(json_first(definitions), "Name"), "Unknown");
    assert_null(json_get(root, "MTTRHours"));
    assert_true(json_is_number(json_get(root, "Unknown")));
}

static void hundred_metrics_are_one_object_on_one_line(void **state) {
    (void)state;
    struct emf_metric metrics[EMF_METRICS_MAX];
    for (size_t i = 0; i < EMF_METRICS_MAX; i++) {
        str name = str_format(&arena, "Metric%zu", i);
        metrics[i] = (struct emf_metric){str_to_cstr(&arena, name), "None", (double)i};
    }
    str text = emf(STR("1"), STR("r"), metrics, EMF_METRICS_MAX);
    assert_int_equal(str_find_char(text, '\n'), text.len - 1);
    assert_int_equal(json_count(json_get(directive(parse(text)), "Metrics")), EMF_METRICS_MAX);
}

static void write_more_than_hundred(void) {
    static const struct emf_metric metrics[EMF_METRICS_MAX + 1];
    (void)emf(STR("1"), STR("r"), metrics, COUNT(metrics));
}

static void write_without_namespace(void) {
    struct buf out;
    buf_init(&out, &arena, 65536);
    emf_write(&out, &arena, &(struct emf_line){.now_ms = NOW_MS}, SOME, 1);
}

/* Both would lose metrics without a word at CloudWatch. */
static void misuse_is_a_bug(void **state) {
    (void)state;
    assert_true(aborts_saying(write_more_than_hundred, "EMF_METRICS_MAX"));
    assert_true(aborts_saying(write_without_namespace, "metrics_namespace"));
}

static void hostile_text_stays_in_its_string(void **state) {
    (void)state;
    str text = emf(STR("1\"\n{}\xFF"), STR("r\x01"), SOME, 1);
    const struct json *root = parse(text);
    assert_int_equal(str_find_char(text, '\n'), text.len - 1);
    assert_str(json_get_string(root, "Account"), "1\"\n{}\xEF\xBF\xBD");
    assert_str(json_get_string(root, "Region"), "r\x01");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(line_of_a_json_log_has_level_and_timestamp, judging_reset),
        cmocka_unit_test_teardown(object_text_is_exact, judging_reset),
        cmocka_unit_test_teardown(empty_dimension_is_left_out, judging_reset),
        cmocka_unit_test_teardown(value_that_is_no_number_is_left_out_alone, judging_reset),
        cmocka_unit_test_teardown(hundred_metrics_are_one_object_on_one_line, judging_reset),
        cmocka_unit_test_teardown(hostile_text_stays_in_its_string, judging_reset),
        cmocka_unit_test_teardown(misuse_is_a_bug, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
