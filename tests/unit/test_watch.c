/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"
#include "policy/recommend.h"

static const struct watch_settings SETTINGS = {.minutes = 60, .error_increase_max = 5};

struct row {
    const char *name;
    struct traffic_window before, after;
    bool is_over, was_extended;
    enum watch_verdict verdict;
    const char *says;
};

static void watch_judges(const struct row *row) {
    struct watch_judgement judgement;
    watch_judge(&row->before, &row->after, row->is_over, row->was_extended, &SETTINGS, &arena,
                &judgement);
    if (judgement.verdict != row->verdict ||
        !str_contains(judgement.reason, str_from_cstr(row->says))) {
        fail_msg("%s: verdict %d, \"%.*s\"", row->name, (int)judgement.verdict,
                 STR_ARG(judgement.reason));
    }
}

#define REQUESTS(n) .has_data = true, .requests = (n)

static const struct row ROWS[] = {
    {"no errors",
     {REQUESTS(1000)},
     {REQUESTS(1000)},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise: requests 1000 -> 1000"},
    {"the client errors of before",
     {REQUESTS(10000), .elb_4xx = 200},
     {REQUESTS(10000), .elb_4xx = 200},
     true,
     false,
     WATCH_CLOSE,
     "HTTPCode_ELB_4XX 200 -> 200 (2 % -> 2 %)"},
    {"five percent more of them are allowed",
     {REQUESTS(10000), .elb_4xx = 200},
     {REQUESTS(10000), .elb_4xx = 210},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"more than that are not",
     {REQUESTS(10000), .elb_4xx = 200},
     {REQUESTS(10000), .elb_4xx = 211},
     true,
     false,
     WATCH_ROLL_BACK,
     "HTTPCode_ELB_4XX per request rose by more than 5 %: "},
    {"twice the errors of twice the requests",
     {REQUESTS(4900), .elb_4xx = 100},
     {REQUESTS(9800), .elb_4xx = 200},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"the same errors of half the requests",
     {REQUESTS(9800), .elb_4xx = 200},
     {REQUESTS(4800), .elb_4xx = 200},
     true,
     false,
     WATCH_ROLL_BACK,
     "requests 9800 -> 4800"},
    {"errors where there were none",
     {REQUESTS(1000)},
     {REQUESTS(990), .elb_4xx = 10, .non_compliant = 10},
     true,
     false,
     WATCH_ROLL_BACK,
     "not compliant 0 -> 10"},
    {"fewer than ten tell nothing",
     {REQUESTS(200)},
     {REQUESTS(30), .elb_4xx = 9},
     true,
     false,
     WATCH_CLOSE,
     "fewer than 10 errors of a kind tell nothing, and no others rose: requests 200 -> 30, "
     "HTTPCode_ELB_4XX 0 -> 9 (0 % -> 30 %)"},
    {"errors of the target",
     {REQUESTS(1000), .target_5xx = 10},
     {REQUESTS(1000), .target_5xx = 11},
     true,
     false,
     WATCH_ROLL_BACK,
     "HTTPCode_Target_5XX per request rose"},
    {"errors of one kind do not make up for the other",
     {REQUESTS(1000), .elb_4xx = 500, .target_5xx = 10},
     {REQUESTS(1500), .target_5xx = 30},
     true,
     false,
     WATCH_ROLL_BACK,
     "HTTPCode_Target_5XX per request rose"},
    {"errors of the load balancer itself are not the mode's",
     {REQUESTS(1000)},
     {REQUESTS(1000), .elb_5xx = 500},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"everything is blocked, so that no request is counted",
     {REQUESTS(1000)},
     {.elb_4xx = 1000, .non_compliant = 1000},
     true,
     false,
     WATCH_ROLL_BACK,
     "requests 1000 -> 0"},
    {"many refused anyway, and now real requests, too",
     {REQUESTS(1000), .elb_4xx = 9000},
     {REQUESTS(600), .elb_4xx = 9400, .non_compliant = 400},
     true,
     false,
     WATCH_ROLL_BACK,
     "HTTPCode_ELB_4XX 9000 -> 9400 (900 % -> 1567 %)"},
    {"nearly all refused anyway, and now every real request",
     {REQUESTS(1000), .elb_4xx = 30000},
     {REQUESTS(1), .elb_4xx = 31000, .non_compliant = 1000},
     true,
     false,
     WATCH_ROLL_BACK,
     "(3000 % -> 3100000 %)"},
    {"none but refused requests, before and after",
     {.elb_4xx = 100},
     {.elb_4xx = 200},
     true,
     false,
     WATCH_CLOSE,
     "HTTPCode_ELB_4XX 100 -> 200 (of no request -> of no request)"},
    {"none but refused requests before, and errors of targets after",
     {.elb_4xx = 100},
     {REQUESTS(100), .elb_4xx = 100, .target_5xx = 12},
     true,
     false,
     WATCH_ROLL_BACK,
     "HTTPCode_Target_5XX per request rose"},
    {"nothing to compare with",
     {.has_data = false},
     {REQUESTS(100), .elb_4xx = 12},
     true,
     false,
     WATCH_ROLL_BACK,
     "(no request was seen before the change)"},
    {"nothing to compare with, and nothing wrong",
     {.has_data = false},
     {REQUESTS(100)},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"it is not waited for the end when it is bad",
     {REQUESTS(1000)},
     {REQUESTS(30), .elb_4xx = 20},
     false,
     false,
     WATCH_ROLL_BACK,
     "rose by more than 5 %"},
    {"it is when it is not",
     {REQUESTS(1000)},
     {REQUESTS(30)},
     false,
     false,
     WATCH_GO_ON,
     "nothing is wrong so far"},
    {"no data yet",
     {REQUESTS(1000)},
     {.has_data = false},
     false,
     true,
     WATCH_GO_ON,
     "nothing is wrong so far"},
    {"no data at the end",
     {REQUESTS(1000)},
     {.has_data = false},
     true,
     false,
     WATCH_EXTEND,
     "it is watched once more"},
    {"no data at the second end",
     {REQUESTS(1000)},
     {.has_data = false},
     true,
     true,
     WATCH_NO_DATA,
     "closed without a judgement"},
    {"a tenth of the requests",
     {REQUESTS(1000)},
     {REQUESTS(100)},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"less than a tenth",
     {REQUESTS(1000)},
     {REQUESTS(99), .non_compliant = 7},
     true,
     false,
     WATCH_EXTEND,
     "less than a tenth of the requests came since the change, which says nothing, so it is "
     "watched "
     "once more: requests 1000 -> 99, "},
    {"less than a tenth at the second end",
     {REQUESTS(1000)},
     {REQUESTS(99)},
     true,
     true,
     WATCH_NO_DATA,
     "a second time: closed without a judgement"},
    {"less than a tenth of the requests a minute",
     {REQUESTS(1000), .end_ms = 60000},
     {REQUESTS(199), .end_ms = 120000},
     true,
     true,
     WATCH_NO_DATA,
     "less than a tenth"},
    {"a tenth of the requests a minute",
     {REQUESTS(1000), .end_ms = 60000},
     {REQUESTS(200), .end_ms = 120000},
     true,
     true,
     WATCH_CLOSE,
     "errors did not rise"},
    {"errors among less than a tenth",
     {REQUESTS(1000)},
     {REQUESTS(9), .elb_4xx = 10},
     true,
     false,
     WATCH_ROLL_BACK,
     "rose by more than 5 %"},
    {"too few before to tell",
     {REQUESTS(99)},
     {REQUESTS(1)},
     true,
     false,
     WATCH_CLOSE,
     "errors did not rise"},
    {"data at the second end",
     {REQUESTS(90)},
     {REQUESTS(1)},
     true,
     true,
     WATCH_CLOSE,
     "errors did not rise"},
};

static void errors_that_rise_are_rolled_back_and_others_are_not(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        watch_judges(&ROWS[i]);
    }
}

static void an_increase_of_zero_allows_no_more_errors(void **state) {
    (void)state;
    const struct watch_settings strict = {.minutes = 60, .error_increase_max = 0};
    const struct traffic_window before = {REQUESTS(1000), .target_5xx = 20};
    const struct traffic_window same = {REQUESTS(1000), .target_5xx = 20};
    const struct traffic_window more = {REQUESTS(1000), .target_5xx = 21};
    struct watch_judgement judgement;
    watch_judge(&before, &same, true, false, &strict, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_CLOSE);
    watch_judge(&before, &more, true, false, &strict, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_ROLL_BACK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_that_rise_are_rolled_back_and_others_are_not),
        cmocka_unit_test(an_increase_of_zero_allows_no_more_errors),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
