/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "report/traffic.h"
#include "unit.h"

#define OUT_BYTES_MAX ((size_t)1024 * 1024)

static struct arena arena;

static int reset_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

static struct tally_counts counts(uint64_t compliant, uint64_t acceptable, uint64_t severe) {
    struct tally_counts made = {.requests = compliant + acceptable + severe};
    made.classes[CLASS_COMPLIANT] = compliant;
    made.classes[CLASS_ACCEPTABLE] = acceptable;
    made.classes[CLASS_SEVERE] = severe;
    return made;
}

typedef void writer(struct buf *out, struct arena *arena, const struct traffic_report *report);

static str written(writer *write, const struct tally_result *result) {
    struct buf out;
    buf_init(&out, &arena, OUT_BYTES_MAX);
    const struct traffic_report report = {.result = result, .file_count = 1};
    write(&out, &arena, &report);
    assert_int_equal(buf_status(&out), STATUS_OK);
    return buf_str(&out);
}

static const struct json *parsed(const struct tally_result *result) {
    const struct json *root = NULL;
    struct json_problem problem;
    assert_int_equal(json_parse(&arena, written(traffic_write_json, result), &JSON_LIMITS_DEFAULT,
                                &root, &problem),
                     STATUS_OK);
    return root;
}

static double number_at(const struct json *value, const char *key) {
    double number = -1;
    assert_true(json_number(json_get(value, key), &number));
    return number;
}

static void a_code_that_moved_between_classes_is_one_member(void **state) {
    (void)state;
    const struct tally_reason reasons[] = {
        {STR("A"), CLASS_SEVERE, 7}, {STR("B"), CLASS_SEVERE, 5}, {STR("A"), CLASS_ACCEPTABLE, 2}};
    const struct tally_result result = {.reasons = reasons, .reason_count = 3};
    const struct json *found = json_get(parsed(&result), "reasons");
    assert_int_equal(json_count(found), 2);
    assert_true(number_at(found, "A") == 9);
    assert_true(number_at(found, "B") == 5);
}

static void days_of_a_load_balancer_are_added_up(void **state) {
    (void)state;
    const struct tally_day days[] = {
        {.load_balancer = STR("app/a/1"), .day = 1, .counts = counts(5, 1, 0)},
        {.load_balancer = STR("app/a/1"), .day = 2, .counts = counts(2, 0, 3)},
        {.load_balancer = STR("app/b/2"), .day = 1, .counts = counts(1, 0, 0)}};
    const struct tally_result result = {.days = days, .day_count = 3};
    const struct json *found = json_get(parsed(&result), "loadBalancers");
    assert_int_equal(json_count(found), 2);
    assert_str(json_get_string(json_first(found), "id"), "app/a/1");
    assert_true(number_at(json_first(found), "requests") == 11);
    assert_true(number_at(json_get(json_first(found), "classes"), "Severe") == 3);
}

static const struct json *second_day(const struct tally_result *result) {
    const struct json *days = json_get(parsed(result), "days");
    assert_int_equal(json_count(days), result->day_count);
    return json_next(json_first(days));
}

static void each_day_has_its_classes_reasons_and_what_would_be_blocked(void **state) {
    (void)state;
    struct tally_reason reasons[] = {{STR("A"), CLASS_SEVERE, 3}, {STR("A"), CLASS_ACCEPTABLE, 1}};
    const struct tally_day days[] = {
        {.load_balancer = STR("app/a/1"), .day = 20779, .counts = counts(5, 0, 0)},
        {.load_balancer = STR("app/a/1"),
         .day = 20780,
         .counts = counts(2, 1, 3),
         .reasons = reasons,
         .reason_count = 2}};
    const struct tally_result result = {.days = days, .day_count = 2};
    const struct json *day = second_day(&result);
    assert_str(json_get_string(day, "loadBalancer"), "app/a/1");
    assert_str(json_get_string(day, "date"), "2026-11-23");
    assert_true(number_at(day, "requests") == 6);
    assert_true(number_at(json_get(day, "classes"), "Severe") == 3);
    assert_int_equal(json_count(json_get(day, "reasons")), 1);
    assert_true(number_at(json_get(day, "reasons"), "A") == 4);
    assert_true(number_at(json_get(day, "wouldBlock"), "monitor") == 0);
    assert_true(number_at(json_get(day, "wouldBlock"), "defensive") == 3);
    assert_true(number_at(json_get(day, "wouldBlock"), "strictest") == 4);
}

static void single_day_of_a_single_load_balancer_is_not_listed_again(void **state) {
    (void)state;
    const struct tally_offender offender = {.load_balancer = STR("app/a/1"), .count = 1};
    struct tally_day days[] = {
        {.load_balancer = STR("app/a/1"), .day = 20779, .counts = counts(5, 1, 0)},
        {.load_balancer = STR("app/a/1"), .day = 20780, .counts = counts(5, 0, 0)}};
    struct tally_result result = {
        .days = days, .day_count = 1, .offenders = &offender, .offender_count = 1};
    assert_false(str_contains(written(traffic_write_table, &result), STR("app/a/1")));
    result.day_count = 2;
    str text = written(traffic_write_table, &result);
    assert_true(str_contains(text, STR("\n2026-11-22  app/a/1 ")));
    assert_false(str_contains(text, STR("at:    app/a/1")));
    days[1].load_balancer = STR("app/b/2");
    text = written(traffic_write_table, &result);
    assert_true(str_contains(text, STR("at:    app/a/1")));
}

static void the_worst_days_are_shown_and_the_others_counted(void **state) {
    (void)state;
    struct tally_day days[50];
    for (size_t i = 0; i < 50; i++) {
        days[i] = (struct tally_day){
            .load_balancer = STR("app/a/1"), .day = 20750 + (int64_t)i, .counts = counts(9, i, 1)};
    }
    const struct tally_result result = {.days = days, .day_count = 50};
    str text = written(traffic_write_table, &result);
    assert_true(str_contains(text, STR("\n2026-12-12  app/a/1"))); /* day 49, of 50 blocked */
    assert_true(str_contains(text, STR("\n2026-11-23  app/a/1"))); /* day 30, the twentieth */
    assert_false(str_contains(text, STR("\n2026-11-22  app/a/1")));
    assert_true(str_contains(text, STR("... and 30 more")));
}

static void no_line_has_no_time(void **state) {
    (void)state;
    const struct json *found = parsed(&(struct tally_result){0});
    assert_non_null(json_get(found, "from"));
    assert_str(json_get_string(found, "from"), "");
    assert_true(number_at(json_get(found, "wouldBlock"), "strictest") == 0);
}

struct sentence {
    const char *name;
    struct tally_counts totals;
    const char *words;
};

static void summary_gives_the_share_and_never_rounds_it_to_zero(void **state) {
    (void)state;
    struct tally_counts unknown = counts(10, 10, 0);
    unknown.requests += 20;
    unknown.classes[CLASS_UNKNOWN] = 20;
    const struct sentence sentences[] = {
        {"some", counts(900, 50, 50),
         "strictest would block 100 of 1,000 requests (10.00 %), defensive 50 (5.00 %), monitor"},
        {"one in a million", counts(999999, 1, 0), "block 1 of 1,000,000 requests (< 0.01 %)"},
        {"nearly all", counts(1, 999999, 0), "block 999,999 of 1,000,000 requests (> 99.99 %)"},
        {"none of many", counts(30000, 0, 0),
         "None in 30,000 requests still allows for up to about 0.01 % of the traffic."},
        {"without a class", unknown, "Of the other 20, strictest would block 50.00 %."},
    };
    for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
        const struct tally_result result = {.totals = sentences[i].totals};
        str text = written(traffic_write_table, &result);
        if (!str_contains(text, str_from_cstr(sentences[i].words))) {
            fail_msg("%s: %" STR_FMT, sentences[i].name, STR_ARG(text));
        }
    }
}

static void unknown_lines_are_shown_separately(void **state) {
    (void)state;
    const struct tally_reason class = {STR("Ter\x1brible"), CLASS_UNKNOWN, 3};
    struct tally_result result = {.unknown_classes = &class,
                                  .unknown_class_count = 1,
                                  .classless = 1000,
                                  .unparsed = 2,
                                  .totals = counts(5, 0, 0)};
    result.kinds[ACCESS_LOG_CLASSIC] = 2;
    result.totals.requests += 1003;
    result.totals.classes[CLASS_UNKNOWN] = 1003;
    str text = written(traffic_write_table, &result);
    assert_true(str_contains(text, STR("3 of these have the class \"Ter\\x1brible\"")));
    assert_true(str_contains(text, STR("1,000 of these have no class, as lines of fewer than 28")));
    const struct json *found = parsed(&result);
    assert_true(number_at(json_get(found, "unknownClasses"), "Ter\x1brible") == 3);
    assert_true(number_at(found, "withoutClass") == 1000);
    const struct json *kinds = json_get(found, "unparsedKinds");
    assert_int_equal(json_count(kinds), 1);
    assert_true(number_at(kinds, access_log_kind_name(ACCESS_LOG_CLASSIC)) == 2);
}

static void hostile_text_begins_no_line_and_moves_no_column(void **state) {
    (void)state;
    const struct tally_reason reason = {STR("\nX\x1b[2J\xC2\x9B\xE2\x80\xAE"), CLASS_SEVERE, 3};
    const struct traffic_note skipped = {STR("a\nb\xFF"), STR("why\rnot")};
    const struct tally_result result = {
        .reasons = &reason, .reason_count = 1, .totals = counts(0, 0, 3)};
    const struct traffic_report report = {
        .result = &result, .skipped = &skipped, .skipped_count = 1};
    struct buf out;
    buf_init(&out, &arena, OUT_BYTES_MAX);
    traffic_write_table(&out, &arena, &report);
    assert_true(
        str_contains(buf_str(&out),
                     STR("\n\\nX\\x1b[2J\\u009b\\u202e                  Severe                3")));
    assert_true(str_contains(buf_str(&out), STR("\n  a\\nb\\xff: why\\rnot\n")));
}

static void bound_of_an_approximate_count_is_shown(void **state) {
    (void)state;
    const struct tally_offender offender = {.reason = STR("BadUri"), .count = 9, .error = 4};
    const struct tally_result result = {
        .offenders = &offender, .offender_count = 1, .offender_error_max = 4};
    assert_true(str_contains(written(traffic_write_table, &result), STR("has at most 4)")));
    assert_true(number_at(parsed(&result), "offenderErrorMax") == 4);
    assert_true(number_at(json_first(json_get(parsed(&result), "offenders")), "error") == 4);
}

static void csv_quotes_and_disarms(void **state) {
    (void)state;
    const struct tally_group group = {CLASS_SEVERE, STR("-"), STR("@x"), STR("a\"b,\n"),
                                      STR("h\xc3"), 2,        0};
    const struct tally_result result = {.groups = &group, .group_count = 1};
    const struct traffic_report report = {
        .result = &result,
        .keys = {GROUP_HOST, GROUP_USER_AGENT, GROUP_CLIENT, GROUP_REASON, GROUP_CLASS},
        .key_count = 5};
    struct buf out;
    buf_init(&out, &arena, OUT_BYTES_MAX);
    traffic_write_csv(&out, &report);
    assert_str(buf_str(&out), "host,user-agent,client,reason,class,count,error\r\n"
                              "\"h\\xc3\",\"a\"\"b,\\n\",\"'@x\",\"-\",\"Severe\",2,0\r\n");
}

static void key_names_round_trip(void **state) {
    (void)state;
    static const enum group_key keys[] = {GROUP_CLASS, GROUP_REASON, GROUP_CLIENT, GROUP_USER_AGENT,
                                          GROUP_HOST};
    enum group_key found = GROUP_CLASS;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_true(group_key_parse(str_from_cstr(group_key_name(keys[i])), &found));
        assert_int_equal(found, keys[i]);
    }
    assert_false(group_key_parse(STR("Class"), &found));
}

#define TEST(name) cmocka_unit_test_teardown(name, reset_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_code_that_moved_between_classes_is_one_member),
        TEST(days_of_a_load_balancer_are_added_up),
        TEST(each_day_has_its_classes_reasons_and_what_would_be_blocked),
        TEST(single_day_of_a_single_load_balancer_is_not_listed_again),
        TEST(the_worst_days_are_shown_and_the_others_counted),
        TEST(no_line_has_no_time),
        TEST(summary_gives_the_share_and_never_rounds_it_to_zero),
        TEST(unknown_lines_are_shown_separately),
        TEST(hostile_text_begins_no_line_and_moves_no_column),
        TEST(bound_of_an_approximate_count_is_shown),
        TEST(csv_quotes_and_disarms),
        TEST(key_names_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
