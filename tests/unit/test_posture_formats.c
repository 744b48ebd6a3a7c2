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

/* One change of this watch and ending, of a load balancer of the sample. */
static void give_change(struct posture_sample *sample, enum watch_state watch,
                        enum watch_ending ending) {
    struct posture_change *change = ARENA_NEW(&arena, struct posture_change);
    *change = (struct posture_change){
        .arn = sample->fleet.rows[0].evaluation.resource_id,
        .action = ACTION_PROMOTE,
        .from = MODE_DEFENSIVE,
        .to = MODE_STRICTEST,
        .at_ms = SAMPLE_NOW_MS - MS_PER_DAY,
        .watch = watch,
        .ending = ending,
        .ending_reason = ending == WATCH_ENDING_NONE ? STR_EMPTY : STR("because <x>")};
    sample->posture.changes = change;
    sample->posture.change_count = 1;
}

static str csv_of(const struct posture_sample *sample);

static str html_of(const struct posture_sample *sample) {
    struct buf out;
    buf_init(&out, &arena, TEXT_BYTES_MAX);
    fleet_write_html(&out, &arena, &sample->fleet, &sample->posture);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static const struct {
    enum watch_state watch;
    enum watch_ending ending;
    const char *badge;
} ENDINGS[] = {
    {WATCH_STATE_OPEN, WATCH_ENDING_NONE, "<span class=\"badge open\">watching</span>"},
    {WATCH_STATE_CLOSED, WATCH_ENDING_HELD, "<span class=\"badge good\">held</span>"},
    {WATCH_STATE_ROLLED_BACK, WATCH_ENDING_ROLLED_BACK,
     "<span class=\"badge bad\">rolled back</span>"},
    {WATCH_STATE_CLOSED, WATCH_ENDING_REVERTED, "<span class=\"badge warn\">reverted</span>"},
    {WATCH_STATE_CLOSED, WATCH_ENDING_INCONCLUSIVE,
     "<span class=\"badge calm\">inconclusive</span>"},
    {WATCH_STATE_NONE, WATCH_ENDING_NONE, "<span class=\"quiet\">not known</span>"}};

static void each_ending_has_its_own_word_and_colour(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ENDINGS); i++) {
        struct posture_sample sample;
        posture_sample_make(&arena, SAMPLE_RICH, &sample);
        give_change(&sample, ENDINGS[i].watch, ENDINGS[i].ending);
        str page = html_of(&sample);
        assert_contains(page, ENDINGS[i].badge);
        for (size_t other = 0; other < COUNT(ENDINGS) - 1; other++) {
            assert_int_equal(str_contains(page, str_from_cstr(ENDINGS[other].badge)), other == i);
        }
        assert_int_equal(str_contains(page, STR("<bdi>because &lt;x&gt;</bdi>")),
                         ENDINGS[i].ending != WATCH_ENDING_NONE);
    }
}

static void json_and_csv_name_the_ending_or_null(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ENDINGS); i++) {
        struct posture_sample sample;
        posture_sample_make(&arena, SAMPLE_RICH, &sample);
        give_change(&sample, ENDINGS[i].watch, ENDINGS[i].ending);
        const struct json *change = json_first(json_get(parse(&sample), "changes"));
        assert_str(json_get_string(change, "watch"), watch_state_name(ENDINGS[i].watch));
        if (ENDINGS[i].ending == WATCH_ENDING_NONE) {
            assert_true(json_is_null(json_get(change, "ending")));
            assert_true(json_is_null(json_get(change, "endingReason")));
        } else {
            const char *ending = watch_ending_name(ENDINGS[i].ending);
            assert_str(json_get_string(change, "ending"), ending);
            assert_str(json_get_string(change, "endingReason"), "because <x>");
            str cells = str_format(&arena, ",\"%s\",\"because <x>\"\r\n", ending);
            assert_true(str_contains(csv_of(&sample), cells));
        }
    }
}

static void rates_of_no_request_are_null(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    give_change(&sample, WATCH_STATE_CLOSED, WATCH_ENDING_HELD);
    struct posture_change change = sample.posture.changes[0];
    change.has_before = change.has_after = true;
    change.before = (struct traffic_window){.start_ms = 1, .end_ms = 2, .has_data = true};
    change.after = (struct traffic_window){.has_data = true, .requests = 10, .elb_4xx = 1};
    sample.posture.changes = &change;
    const struct json *shown = json_first(json_get(parse(&sample), "changes"));
    assert_true(number_at(json_get(shown, "before"), "requests") == 0);
    assert_true(json_is_null(json_get(json_get(shown, "before"), "elb4xxPerRequest")));
    assert_true(json_is_null(json_get(json_get(shown, "before"), "target5xxPerRequest")));
    assert_true(number_at(json_get(shown, "after"), "elb4xxPerRequest") == 0.1);
    assert_contains(html_of(&sample), "no requests &rarr; 1000.0");
}

static void json_of_a_candidate_has_the_bound(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *root = parse(&sample);
    const struct json *candidate = find_by_id(json_get(root, "candidates"), "blog");
    assert_true(number_at(candidate, "requests") == 48213);
    assert_true(number_at(candidate, "blocked") == 0);
    assert_true(number_at(candidate, "boundPercent") > 0.00621);
    assert_true(number_at(candidate, "boundPercent") < 0.00622);
    assert_str(json_get_string(candidate, "evidenceFrom"), "logs");
    assert_true(number_at(candidate, "days") == 14);
    assert_true(number_at(candidate, "clients") == 120);
    assert_true(json_bool(json_get(candidate, "mayPromote"), false));
    assert_str(json_get_string(candidate, "decidedBy"), "all");
    assert_int_equal(json_count(json_get(candidate, "missing")), 0);
    /* nothing was seen, so there is no percentage to report */
    const struct json *unseen = find_by_id(json_get(root, "recommendations"), "reports");
    assert_true(number_at(unseen, "requests") == 0);
    assert_null(json_get(unseen, "boundPercent"));
}

static void json_says_what_holds_up_each_below_strictest(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *all = json_get(parse(&sample), "towardsStrictest");
    const struct json *ready = find_by_id(all, "blog");
    assert_str(json_get_string(ready, "mode"), "defensive");
    assert_str(json_get_string(ready, "recommendation"), "PROMOTE");
    assert_str(json_get_string(ready, "ring"), "2");
    assert_str(json_get_string(ready, "sayNo"), "tag it desync-promotion=hold");
    assert_contains(json_get_string(ready, "waitsFor"), "are frozen until 2026-12-09");
    assert_true(json_get_string(ready, "earliest").len > 0);
    const struct json *unseen = find_by_id(all, "reports");
    assert_true(json_get(unseen, "earliest") != NULL);
    assert_str(json_get_string(unseen, "earliest"), "");
    assert_contains(json_get_string(unseen, "waitsFor"), "no request was seen");
    for (const struct json *each = json_first(all); each != NULL; each = json_next(each)) {
        assert_false(str_eq(json_get_string(each, "mode"), STR("strictest")));
    }
}

static void a4_json_and_page_list_each_freeze(void **state) {
    (void)state;
    struct posture_sample sample;
    posture_sample_make(&arena, SAMPLE_RICH, &sample);
    const struct json *all = json_get(parse(&sample), "freezes");
    assert_int_equal(json_count(all), 1);
    const struct json *freeze = find_by_id(all, "api");
    assert_str(json_get_string(freeze, "ring"), "1");
    assert_true(json_get_string(freeze, "since").len > 0);
    assert_true(json_get_string(freeze, "until").len > 0);
    assert_contains(json_get_string(freeze, "why"), "was rolled back on");
    assert_contains(json_get_string(freeze, "ends"), "desync-promotion=retry");
    struct buf page;
    buf_init(&page, &arena, TEXT_BYTES_MAX);
    fleet_write_html(&page, &arena, &sample.fleet, &sample.posture);
    assert_contains(buf_str(&page), "frozen</span> ring 1 and all later ones are frozen until");
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
    assert_int_equal(count_records(text, audit_cells + 17), 1 + 30 + 1);
    assert_contains(text, ",PROMOTE,logs,48213,0,0,0.0062");
    assert_contains(text, ",NO_EVIDENCE,,0,,,,");
    assert_contains(text, ",HOLD,,,,,,"); /* its owner decides: the numbers were not looked at */
    sample.fleet.is_interrupted = true;
    text = csv_of(&sample);
    assert_int_equal(count_records(text, audit_cells + 17), 1 + 30 + 2);
    assert_contains(text, "30 listed, 28 judged, 2 unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(json_holds_audit_and_history, judging_reset),
        cmocka_unit_test_teardown(json_of_a_change_has_numbers_or_null, judging_reset),
        cmocka_unit_test_teardown(each_ending_has_its_own_word_and_colour, judging_reset),
        cmocka_unit_test_teardown(json_and_csv_name_the_ending_or_null, judging_reset),
        cmocka_unit_test_teardown(rates_of_no_request_are_null, judging_reset),
        cmocka_unit_test_teardown(json_of_a_candidate_has_the_bound, judging_reset),
        cmocka_unit_test_teardown(json_says_what_holds_up_each_below_strictest, judging_reset),
        cmocka_unit_test_teardown(a4_json_and_page_list_each_freeze, judging_reset),
        cmocka_unit_test_teardown(json_of_exceptions_names_state_and_people, judging_reset),
        cmocka_unit_test_teardown(json_without_a_table_has_no_numbers_of_it, judging_reset),
        cmocka_unit_test_teardown(csv_text_is_quoted_and_no_formula, judging_reset),
        cmocka_unit_test_teardown(csv_has_a_record_for_each_load_balancer_and_gap, judging_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
