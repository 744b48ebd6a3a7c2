/* SPDX-License-Identifier: Apache-2.0
 *
 * One look at a promotion. How often such looks are wrong is simulated: tests/simulate.
 */
#include "judging.h"
#include "policy/watch.h"

static const struct watch_settings SETTINGS = {
    .minutes = 60, .error_increase_max = 5, .requests_min = 1000, .days_max = 7};

#define BINS_MAX (7 * WATCH_BINS_A_DAY)

/* What comes in each five minutes. */
struct traffic {
    uint64_t requests, non_compliant, elb_4xx, elb_5xx, target_5xx;
};

static struct traffic_window before[WATCH_BINS_BEFORE];
static struct traffic_window after[BINS_MAX];
static struct blocked_count logged[7];

static void fill(struct traffic_window *bins, size_t count, struct traffic traffic) {
    for (size_t i = 0; i < count; i++) {
        bins[i] = (struct traffic_window){.has_data = traffic.requests > 0,
                                          .requests = traffic.requests,
                                          .non_compliant = traffic.non_compliant,
                                          .elb_4xx = traffic.elb_4xx,
                                          .elb_5xx = traffic.elb_5xx,
                                          .target_5xx = traffic.target_5xx};
    }
}

/* Before a change on Saturday: Saturday, Sunday, and the weekdays. */
static void fill_week(struct traffic weekend, struct traffic weekday) {
    fill(before, WATCH_BINS_BEFORE, weekday);
    fill(before, (size_t)2 * WATCH_BINS_A_DAY, weekend);
}

static struct watch_numbers numbers_at(int look) {
    return (struct watch_numbers){.look = look,
                                  .before = before,
                                  .after = after,
                                  .after_count = (size_t)look,
                                  .http1_share = 1,
                                  .logged_minutes = 5 * look};
}

static struct watch_judgement judge(const struct watch_numbers *numbers) {
    const struct watch_plan plan = watch_plan_of(&SETTINGS, 0.1);
    struct watch_judgement judgement;
    watch_judge(numbers, &plan, &SETTINGS, &arena, &judgement);
    return judgement;
}

static void judges(const struct watch_numbers *numbers, enum watch_verdict verdict,
                   const char *says) {
    struct watch_judgement judgement = judge(numbers);
    if (judgement.verdict != verdict || !str_contains(judgement.reason, str_from_cstr(says))) {
        fail_msg("verdict %d, \"%.*s\"", (int)judgement.verdict, STR_ARG(judgement.reason));
    }
}

struct row {
    const char *name;
    struct traffic before, after;
    int look;
    enum watch_verdict verdict;
    const char *says;
};

static void rows_are_judged(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fill(before, WATCH_BINS_BEFORE, rows[i].before);
        fill(after, BINS_MAX, rows[i].after);
        const struct watch_numbers numbers = numbers_at(rows[i].look);
        struct watch_judgement judgement = judge(&numbers);
        if (judgement.verdict != rows[i].verdict ||
            !str_contains(judgement.reason, str_from_cstr(rows[i].says))) {
            fail_msg("%s: verdict %d, \"%.*s\"", rows[i].name, (int)judgement.verdict,
                     STR_ARG(judgement.reason));
        }
    }
}

/* 1,000 requests a minute; 90 an hour. */
static const struct row E1[] = {
    {"one percent is blocked, by the first look",
     {.requests = 5000, .non_compliant = 5},
     {.requests = 4950, .non_compliant = 55, .elb_4xx = 50},
     1,
     WATCH_ROLL_BACK,
     "strictest blocks clients: requests that do not comply are more than before by over "
     "PROMOTION_MAX_RISK_PERCENT (0.1 %): 55 of 5000 (1.1 %) HTTP/1.x requests, after 420 of"},
    {"what was there before is nobody's outage",
     {.requests = 5000, .non_compliant = 500, .elb_4xx = 500},
     {.requests = 5000, .non_compliant = 502, .elb_4xx = 502},
     12,
     WATCH_END_HELD,
     "errors did not rise, and no client is blocked, in 60 minutes"},
    {"nor is as little as may be blocked",
     {.requests = 5000},
     {.requests = 5000, .non_compliant = 5, .elb_4xx = 5},
     1,
     WATCH_GO_ON,
     "nothing is wrong so far, after 5 of 60 minutes"},
    {"everything is blocked, and no request is counted",
     {.requests = 8},
     {.elb_4xx = 8, .non_compliant = 8},
     3,
     WATCH_ROLL_BACK,
     "24 of 24 (100 %) HTTP/1.x requests"},
    {"half of what comes in an hour, where a tenth is usual",
     {.requests = 4, .non_compliant = 0},
     {.requests = 2, .elb_4xx = 2, .non_compliant = 2},
     6,
     WATCH_ROLL_BACK,
     "strictest blocks clients: "},
};

static void e1_clients_that_are_blocked_now_are_the_excess_over_before(void **state) {
    (void)state;
    rows_are_judged(E1, COUNT(E1));
}

/* Half of 20 in an hour is an outage; a share of all requests since the change would hide it. */
static void e1_an_outage_is_seen_in_the_last_hour(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 400, .non_compliant = 2});
    fill(after, BINS_MAX, (struct traffic){.requests = 400, .non_compliant = 2});
    fill(&after[288], 12, (struct traffic){.non_compliant = 10, .elb_4xx = 10});
    struct watch_numbers numbers = numbers_at(300);
    judges(&numbers, WATCH_ROLL_BACK,
           "of 120 HTTP/1.x requests in the last hour 120 do not comply");
    fill(&after[288], 3, (struct traffic){.non_compliant = 2, .elb_4xx = 2});
    fill(&after[291], 12, (struct traffic){0}); /* six requests are no outage yet */
    numbers.look = 291;
    numbers.after_count = 291;
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
}

/* At weekends a fifth of the clients comes, and the same scanner as ever. */
static void e1_a_scanner_of_constant_pace_blocks_nobody(void **state) {
    (void)state;
    const struct traffic weekend = {.requests = 1000, .non_compliant = 5, .elb_4xx = 5};
    const struct traffic weekday = {.requests = 5000, .non_compliant = 5, .elb_4xx = 5};
    fill_week(weekend, weekday);
    fill(after, BINS_MAX, weekend);
    for (int look = 1; look <= 300; look++) {
        const struct watch_numbers numbers = numbers_at(look);
        assert_int_not_equal(judge(&numbers).verdict, WATCH_ROLL_BACK);
    }
    fill(before, WATCH_BINS_BEFORE, weekday); /* a holiday is like no day before */
    const struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
    fill_week(weekend, weekday);
    fill(after, BINS_MAX, (struct traffic){.requests = 990, .non_compliant = 15, .elb_4xx = 15});
    judges(&numbers, WATCH_ROLL_BACK, "strictest blocks clients: ");
}

/* Nobody but the scanner comes, in an hour of a weekend. */
static void e1_an_hour_of_scanners_is_no_outage(void **state) {
    (void)state;
    fill_week((struct traffic){.requests = 10, .non_compliant = 2, .elb_4xx = 2},
              (struct traffic){.requests = 5000, .non_compliant = 2, .elb_4xx = 2});
    fill(after, BINS_MAX, (struct traffic){.non_compliant = 2, .elb_4xx = 2});
    const struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_GO_ON);
    fill(after, BINS_MAX, (struct traffic){.non_compliant = 12, .elb_4xx = 12});
    judges(&numbers, WATCH_ROLL_BACK, "strictest blocks clients: ");
}

/* A batch that came at other hours before. */
static void e1_hours_that_had_no_traffic_are_compared_with_all_others(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 0});
    for (size_t day = 0; day < 7; day++) {
        fill(&before[day * WATCH_BINS_A_DAY + 200], 12, (struct traffic){.requests = 1000});
    }
    fill(after, BINS_MAX, (struct traffic){.requests = 1000});
    const struct watch_numbers numbers = numbers_at(12);
    assert_int_not_equal(judge(&numbers).verdict, WATCH_ROLL_BACK);
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .non_compliant = 200});
    judges(&numbers, WATCH_ROLL_BACK, "strictest blocks clients: ");
}

static void e1_only_http1_requests_are_the_denominator(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 1000});
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .non_compliant = 4});
    struct watch_numbers numbers = numbers_at(3);
    assert_int_equal(judge(&numbers).verdict, WATCH_GO_ON);
    numbers.http1_share = 0.1;
    judges(&numbers, WATCH_ROLL_BACK, "12 of 300 (4 %) HTTP/1.x requests");
}

static void e1_logs_are_compared_with_what_was_not_served_before(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 100});
    fill(after, BINS_MAX, (struct traffic){.requests = 100});
    for (size_t i = 0; i < COUNT(logged); i++) {
        logged[i] = (struct blocked_count){.requests = 28800, .blocked = 30};
    }
    struct watch_numbers numbers = numbers_at(12);
    numbers.logged_before = logged;
    numbers.logged_before_count = COUNT(logged);
    numbers.logged_after = (struct blocked_count){.requests = 1200, .blocked = 3};
    judges(&numbers, WATCH_END_HELD, "blocked by the access logs 3 of 1200 (0.25 %)");
    numbers.logged_after.blocked = 30;
    judges(&numbers, WATCH_ROLL_BACK,
           "the access logs say: Acceptable and Ambiguous requests are "
           "more than those before that were not served");
    logged[3].blocked = 3000; /* scanners come in bursts */
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
}

static const struct row E2[] = {
    {"errors of the target double",
     {.requests = 5000, .target_5xx = 50},
     {.requests = 5000, .target_5xx = 100},
     6,
     WATCH_ROLL_BACK,
     "HTTPCode_Target_5XX per request rose by more than 5 % (WATCH_MAX_ERROR_INCREASE_PERCENT) "
     "over "
     "the same hours of the 7 days before: 600 of 30000 (2 %), after 4200 of 420000 (1 %)"},
    {"errors of the load balancer itself",
     {.requests = 5000, .elb_5xx = 5},
     {.requests = 5000, .elb_5xx = 25},
     2,
     WATCH_ROLL_BACK,
     "HTTPCode_ELB_5XX per request rose"},
    {"requests that it refuses, compliant ones, too",
     {.requests = 5000, .elb_4xx = 50},
     {.requests = 5000, .elb_4xx = 100},
     6,
     WATCH_ROLL_BACK,
     "HTTPCode_ELB_4XX per request rose"},
    {"the errors of before",
     {.requests = 5000, .elb_4xx = 250, .target_5xx = 250},
     {.requests = 5000, .elb_4xx = 250, .target_5xx = 250},
     12,
     WATCH_END_HELD,
     "HTTPCode_Target_5XX 3000 of 63000 (4.76 %) after 21000 of 441000 (4.76 %)"},
    {"as many more as are allowed",
     {.requests = 5000, .target_5xx = 100},
     {.requests = 5000, .target_5xx = 105},
     12,
     WATCH_END_HELD,
     "errors did not rise"},
    {"twice the errors of twice the requests",
     {.requests = 5000, .target_5xx = 100},
     {.requests = 10000, .target_5xx = 200},
     12,
     WATCH_END_HELD,
     "errors did not rise"},
    {"a few errors where there were none",
     {.requests = 100},
     {.requests = 100, .target_5xx = 1},
     2,
     WATCH_GO_ON,
     "nothing is wrong so far"},
};

static void e2_errors_are_compared_with_the_same_hours_of_seven_days(void **state) {
    (void)state;
    rows_are_judged(E2, COUNT(E2));
}

static void e2_one_day_as_bad_before_explains_the_errors(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 5000, .target_5xx = 50});
    fill(after, BINS_MAX, (struct traffic){.requests = 5000, .target_5xx = 100});
    struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_ROLL_BACK);
    fill(&before[3 * WATCH_BINS_A_DAY], 12, (struct traffic){.requests = 5000, .target_5xx = 101});
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
    fill(&before[3 * WATCH_BINS_A_DAY], 12, (struct traffic){.requests = 5000, .target_5xx = 50});
    fill(&before[WATCH_BINS_BEFORE - 12], 12,
         (struct traffic){.requests = 5000, .target_5xx = 101});
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD); /* as right before the change */
}

static void e2_counts_that_scatter_say_less(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 1000, .target_5xx = 10});
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .target_5xx = 16});
    struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_ROLL_BACK);
    for (size_t i = 0; i < WATCH_BINS_BEFORE; i++) {
        before[i].target_5xx = i % 4 == 0 ? 40 : 0;
    }
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
}

/* A little more than on the weekend before is within what days differ by. */
static void e2_days_that_differ_say_less(void **state) {
    (void)state;
    fill_week((struct traffic){.requests = 1000, .target_5xx = 20},
              (struct traffic){.requests = 5000, .target_5xx = 20});
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .target_5xx = 21});
    const struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .target_5xx = 400});
    judges(&numbers, WATCH_ROLL_BACK, "HTTPCode_Target_5XX per request rose");
}

static void e2_refused_requests_are_compared_by_their_pace(void **state) {
    (void)state;
    fill_week((struct traffic){.requests = 1000, .elb_4xx = 5},
              (struct traffic){.requests = 5000, .elb_4xx = 5});
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .elb_4xx = 6});
    const struct watch_numbers numbers = numbers_at(12);
    assert_int_equal(judge(&numbers).verdict, WATCH_END_HELD);
    fill(after, BINS_MAX, (struct traffic){.requests = 1000, .elb_4xx = 20});
    judges(&numbers, WATCH_ROLL_BACK, "HTTPCode_ELB_4XX per request rose");
}

/* 36 hours from the evening on hold two nights and one day. */
static void e3_each_hour_is_compared_with_its_like(void **state) {
    (void)state;
    const struct traffic night = {.requests = 5000, .non_compliant = 100};
    const struct traffic day = {.requests = 15000, .non_compliant = 100};
    for (size_t i = 0; i < WATCH_BINS_BEFORE; i += 144) {
        fill(&before[i], 144, i / 144 % 2 == 0 ? night : day);
        fill(&after[i], 144, i / 144 % 2 == 0 ? night : day);
    }
    for (int look = 288; look <= 2016; look += 72) {
        const struct watch_numbers numbers = numbers_at(look);
        judges(&numbers, WATCH_END_HELD, "no client is blocked");
    }
    for (size_t i = 0; i < BINS_MAX; i++) {
        after[i].non_compliant += 100;
    }
    const struct watch_numbers numbers = numbers_at(432);
    judges(&numbers, WATCH_ROLL_BACK, "86400 of 3600000 (2.4 %) HTTP/1.x requests");
}

/* Each look spends a part; more looks in the plan leave less for each. */
static void e3_all_looks_and_tests_together_spend_the_plan(void **state) {
    (void)state;
    const struct watch_plan plan = watch_plan_of(&SETTINGS, 0.1);
    assert_int_equal(plan.looks, 2016);
    double spent = 0;
    for (int look = 1; look <= plan.looks; look++) {
        spent += 6 * watch_alpha_of(&plan, look);
    }
    assert_true(spent < plan.alpha && spent > 0.9 * plan.alpha);
    assert_true(plan.alpha < 0.00501);
}

static const struct row E5[] = {
    {"enough minutes, too few requests",
     {.requests = 7},
     {.requests = 7},
     13,
     WATCH_GO_ON,
     "fewer requests than WATCH_MIN_REQUESTS came in 65 minutes: nothing is wrong so far, and the "
     "watch goes on, for 7 days at most"},
    {"enough requests in the end",
     {.requests = 7},
     {.requests = 7},
     143,
     WATCH_END_HELD,
     "715 min"},
    {"never enough",
     {.requests = 0},
     {.requests = 0},
     2016,
     WATCH_END_INCONCLUSIVE,
     "no request was seen in 7 days"},
    {"a tenth of what is usual",
     {.requests = 5000},
     {.requests = 400},
     12,
     WATCH_GO_ON,
     "less than a tenth of the usual requests came"},
    {"nothing is known of before",
     {.requests = 0},
     {.requests = 5000},
     12,
     WATCH_GO_ON,
     "nothing "},
    {"nor later",
     {.requests = 0},
     {.requests = 5000},
     2016,
     WATCH_END_INCONCLUSIVE,
     "with nothing known of the time before, nothing was compared in 7 days (WATCH_MAX_DAYS): "
     "whether strictest blocks clients is not known"},
    {"nothing is known of before, and half of all is blocked",
     {.requests = 0},
     {.requests = 5, .elb_4xx = 5, .non_compliant = 5},
     2,
     WATCH_ROLL_BACK,
     "(nothing is known of the time before)"},
};

static void e5_a_watch_ends_by_its_traffic(void **state) {
    (void)state;
    rows_are_judged(E5, COUNT(E5));
}

/* Older than a few hours, a load balancer has days to compare with. */
static void e5_a_new_load_balancer_is_compared_with_the_hour_before(void **state) {
    (void)state;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){0});
    fill(&before[WATCH_BINS_BEFORE - 12], 12, (struct traffic){.requests = 500, .target_5xx = 1});
    fill(after, BINS_MAX, (struct traffic){.requests = 500, .target_5xx = 1});
    struct watch_numbers numbers = numbers_at(12);
    judges(&numbers, WATCH_END_HELD, "against the hour before it");
    fill(after, BINS_MAX, (struct traffic){.requests = 500, .target_5xx = 50});
    judges(&numbers, WATCH_ROLL_BACK, "HTTPCode_Target_5XX per request rose");
}

static void e6_a_later_day_is_judged_by_blocked_clients_alone(void **state) {
    (void)state;
    struct watch_judgement judgement;
    fill(before, WATCH_BINS_BEFORE, (struct traffic){.requests = 100});
    fill(after, BINS_MAX, (struct traffic){.requests = 100, .target_5xx = 100});
    struct watch_numbers numbers = numbers_at(20);
    numbers.after_count = WATCH_BINS_A_DAY - 1;
    watch_judge_day(&numbers, 0.1, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_GO_ON);
    assert_true(str_contains(judgement.reason, STR("day 20 after the promotion")));
    fill(after, BINS_MAX, (struct traffic){.requests = 100, .non_compliant = 1, .elb_4xx = 1});
    watch_judge_day(&numbers, 0.1, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_ROLL_BACK);
}

/* A Saturday like the one before, and one on which clients are blocked. */
static void e6_a_weekend_day_like_the_one_before_is_no_reason(void **state) {
    (void)state;
    struct watch_judgement judgement;
    const struct traffic weekend = {.requests = 100, .non_compliant = 1, .elb_4xx = 1};
    fill_week(weekend, (struct traffic){.requests = 500, .non_compliant = 1, .elb_4xx = 1});
    fill(after, BINS_MAX, weekend);
    struct watch_numbers numbers = numbers_at(7);
    numbers.after_count = WATCH_BINS_A_DAY;
    watch_judge_day(&numbers, 0.1, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_GO_ON);
    fill(after, BINS_MAX, (struct traffic){.requests = 100, .non_compliant = 2, .elb_4xx = 2});
    watch_judge_day(&numbers, 0.1, &arena, &judgement);
    assert_int_equal(judgement.verdict, WATCH_ROLL_BACK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_clients_that_are_blocked_now_are_the_excess_over_before),
        cmocka_unit_test(e1_an_outage_is_seen_in_the_last_hour),
        cmocka_unit_test(e1_a_scanner_of_constant_pace_blocks_nobody),
        cmocka_unit_test(e1_an_hour_of_scanners_is_no_outage),
        cmocka_unit_test(e1_hours_that_had_no_traffic_are_compared_with_all_others),
        cmocka_unit_test(e1_only_http1_requests_are_the_denominator),
        cmocka_unit_test(e1_logs_are_compared_with_what_was_not_served_before),
        cmocka_unit_test(e2_errors_are_compared_with_the_same_hours_of_seven_days),
        cmocka_unit_test(e2_one_day_as_bad_before_explains_the_errors),
        cmocka_unit_test(e2_counts_that_scatter_say_less),
        cmocka_unit_test(e2_days_that_differ_say_less),
        cmocka_unit_test(e2_refused_requests_are_compared_by_their_pace),
        cmocka_unit_test(e3_each_hour_is_compared_with_its_like),
        cmocka_unit_test(e3_all_looks_and_tests_together_spend_the_plan),
        cmocka_unit_test(e5_a_watch_ends_by_its_traffic),
        cmocka_unit_test(e5_a_new_load_balancer_is_compared_with_the_hour_before),
        cmocka_unit_test(e6_a_later_day_is_judged_by_blocked_clients_alone),
        cmocka_unit_test(e6_a_weekend_day_like_the_one_before_is_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
