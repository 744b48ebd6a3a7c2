/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

#include "report/csv_internal.h"
#include "report/posture.h"
#include "support/posture_sample.h"

#define TEXT_BYTES_MAX ((size_t)16 << 20)

static str json_of(const struct posture_sample *sample) {
    struct buf out;
    buf_init(&out, &arena, TEXT_BYTES_MAX);
    posture_write_json(&out, &arena, &sample->fleet, &sample->posture);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static const struct json *parse(const struct posture_sample *sample) {
    const struct json *root = NULL;
    struct json_problem problem = {0};
    if (json_parse(&arena, json_of(sample), &JSON_LIMITS_DEFAULT, &root, &problem) != STATUS_OK) {
        fail_msg("%s at %zu", problem.what, problem.position);
    }
    return root;
}

static double number_at(const struct json *object, const char *key) {
    double number = -1;
    if (!json_number(json_get(object, key), &number)) {
        fail_msg("no number %s", key);
    }
    return number;
}

static const struct json *find_by_id(const struct json *list, const char *name) {
    const struct json *item = json_first(list);
    str wanted = str_format(&arena, "/app/%s/", name);
    while (item != NULL && !str_contains(json_get_string(item, "resourceId"), wanted)) {
        item = json_next(item);
    }
    if (item == NULL) {
        fail_msg("%s is missing", name);
    }
    return item;
}

static void json_holds_audit_and_history(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *root = parse(&sample);
    static const struct {
        const char *list;
        size_t count;
    } lists[] = {{"evaluations", 30},
                 {"trend", 90},
                 {"incidents", 20},
                 {"changes", 7},
                 {"candidates", 4},
                 {"recommendations", 30},
                 {"exceptions", 7},
                 {"nonCompliantTooLong", 4},
                 {"fights", 1},
                 {"gaps", 1},
                 {"controls", FINDING_COUNT}};
    for (size_t i = 0; i < COUNT(lists); i++) {
        if (json_count(json_get(root, lists[i].list)) != lists[i].count) {
            fail_msg("%s: %zu", lists[i].list, json_count(json_get(root, lists[i].list)));
        }
    }
    const struct json *kpis = json_get(root, "kpis");
    assert_true(number_at(kpis, "protectedPercent") == 71.42);
    assert_true(number_at(kpis, "incidentsClosed") == 13);
    assert_true(number_at(kpis, "weightedExposureHours") ==
                sample.posture.kpis.weighted_exposure_hours);
    assert_str(json_get_string(root, "periodStart"), "2026-08-25T08:00:00.000Z");
    assert_true(json_bool(json_get(root, "hasState"), false));
    const struct json *fight = json_first(json_get(root, "fights"));
    assert_str(json_get_string(fight, "by"), "arn:aws:sts::111122223333:assumed-role/terraform/ci");
}

static void json_of_a_change_has_numbers_or_null(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *changes = json_get(parse(&sample), "changes");
    const struct json *measured = find_by_id(changes, "orders");
    assert_true(number_at(json_get(measured, "before"), "nonCompliant") == 412);
    assert_true(number_at(json_get(measured, "after"), "target5xx") == 66);
    assert_true(number_at(json_get(measured, "after"), "elb4xxPerRequest") == 131.0 / 179900.0);
    const struct json *unmeasured = find_by_id(changes, "returns");
    assert_true(json_is_null(json_get(unmeasured, "before")));
    assert_true(json_is_null(json_get(unmeasured, "after")));
}

static void json_of_a_candidate_has_the_bound(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *root = parse(&sample);
    const struct json *candidate = find_by_id(json_get(root, "candidates"), "blog");
    assert_true(number_at(candidate, "requests") == 48213);
    assert_true(number_at(candidate, "blocked") == 0);
    assert_true(number_at(candidate, "boundPercent") == 300.0 / 48213.0);
    assert_str(json_get_string(candidate, "evidenceFrom"), "logs");
    /* nothing was seen, so there is no share that could be told */
    const struct json *unseen = find_by_id(json_get(root, "recommendations"), "reports");
    assert_true(number_at(unseen, "requests") == 0);
    assert_null(json_get(unseen, "boundPercent"));
}

static void json_of_exceptions_names_state_and_people(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *state;
        const char *until;
    } rows[] = {{"old-portal", "expired", "2026-11-02"},
                {"edi-bridge", "ending", "2026-11-30"},
                {"legacy-soap", "active", "2026-12-31"},
                {"kiosk", "refused", "2028-01-01"},
                {"staging", "unused", "2026-12-05"}};
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *exceptions = json_get(parse(&sample), "exceptions");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct json *exception = find_by_id(exceptions, rows[i].name);
        assert_str(json_get_string(exception, "state"), rows[i].state);
        assert_str(json_get_string(exception, "until"), rows[i].until);
    }
    const struct json *active = find_by_id(exceptions, "legacy-soap");
    assert_str(json_get_string(active, "owner"), "partners");
    assert_str(json_get_string(active, "approver"), "j.doe@example.com");
    assert_contains(json_get_string(active, "reason"), "Transfer-Encoding");
}

static void json_without_a_table_has_no_numbers_of_it(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_STATELESS, &sample);
    const struct json *root = parse(&sample);
    const struct json *kpis = json_get(root, "kpis");
    assert_false(json_bool(json_get(root, "hasState"), true));
    assert_null(json_get(kpis, "exposureHours"));
    assert_null(json_get(kpis, "incidentsClosed"));
    assert_true(number_at(kpis, "withoutOwner") == 3);
    sample.posture.has_state = true; /* a table, but no incident in it */
    kpis = json_get(parse(&sample), "kpis");
    assert_true(json_is_null(json_get(kpis, "mttrP50Hours")));
    assert_true(number_at(kpis, "exposureHours") == 0);
}

static void csv_text_is_quoted_and_no_formula(void **state) {
    (void)state;
    static const struct {
        const char *raw;
        const char *cell;
    } rows[] = {{"", ""},
                {"plain", "\"plain\""},
                {"a,b\"c\"", "\"a,b\"\"c\"\"\""},
                {"=1+1", "\"'=1+1\""},
                {"-x", "\"'-x\""},
                {"@x", "\"'@x\""},
                {"'x", "\"''x\""},
                {"\tx", "\"'\\tx\""},
                {"a\r\nb", "\"a\\r\\nb\""},
                {"a\x01z\x7F", "\"a\\x01z\\x7f\""},
                {"a\xFFz\x80", "\"a\\xffz\\x80\""}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out;
        buf_init(&out, &arena, 4096);
        csv_append_text(&out, str_from_cstr(rows[i].raw));
        assert_str(buf_str(&out), rows[i].cell);
    }
}

static str csv_of(const struct posture_sample *sample) {
    struct buf out;
    buf_init(&out, &arena, TEXT_BYTES_MAX);
    posture_write_csv(&out, &arena, &sample->fleet, &sample->posture);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

/* Cells of each record, by the rules of RFC 4180 alone. */
static size_t count_records(str text, size_t cells) {
    size_t records = 0;
    size_t count = 1;
    bool is_quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        is_quoted = is_quoted != (text.ptr[i] == '"');
        count += !is_quoted && text.ptr[i] == ',';
        if (!is_quoted && text.ptr[i] == '\n') {
            assert_int_equal(text.ptr[i - 1], '\r');
            assert_int_equal(count, cells);
            records++;
            count = 1;
        }
    }
    assert_false(is_quoted);
    return records;
}

static void csv_has_a_record_for_each_load_balancer_and_gap(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    struct buf audit;
    buf_init(&audit, &arena, TEXT_BYTES_MAX);
    fleet_write_csv(&audit, &arena, &sample.fleet);
    str header = buf_str(&audit);
    str first_line = str_split(&header, '\n');
    size_t audit_cells = 1;
    for (size_t i = 0; i < first_line.len; i++) {
        audit_cells += first_line.ptr[i] == ',';
    }
    str text = csv_of(&sample);
    assert_int_equal(count_records(text, audit_cells + 14), 1 + 30 + 1);
    assert_contains(text, ",PROMOTE,logs,48213,0,0,0.0062");
    assert_contains(text, ",NO_EVIDENCE,,0,,,,");
    sample.fleet.is_interrupted = true;
    text = csv_of(&sample);
    assert_int_equal(count_records(text, audit_cells + 14), 1 + 30 + 2);
    assert_contains(text, "30 listed, 28 judged, 2 unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(json_holds_audit_and_history, judging_reset),
        cmocka_unit_test_teardown(json_of_a_change_has_numbers_or_null, judging_reset),
        cmocka_unit_test_teardown(json_of_a_candidate_has_the_bound, judging_reset),
        cmocka_unit_test_teardown(json_of_exceptions_names_state_and_people, judging_reset),
        cmocka_unit_test_teardown(json_without_a_table_has_no_numbers_of_it, judging_reset),
        cmocka_unit_test_teardown(csv_text_is_quoted_and_no_formula, judging_reset),
        cmocka_unit_test_teardown(csv_has_a_record_for_each_load_balancer_and_gap, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
