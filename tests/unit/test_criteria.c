/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence that a senior SRE would accept: each criterion of a promotion, at its limit.
 */
#include "recommending.h"

/* --- D: evidence that a senior SRE would accept ------------------------------------------------
 */

/* The limits that are set when nothing is. */
static const struct promotion_settings DEFAULTS = {.evidence_days = 14,
                                                   .requests_min = 1000,
                                                   .risk_percent_max = 0.1,
                                                   .days_min = 7,
                                                   .clients_min = {10, 2},
                                                   .source = EVIDENCE_LOGS};

#define ENOUGH .http1_requests = 3000

struct limit_row {
    const char *name;
    struct evidence evidence;
    enum recommendation recommendation;
    enum criterion decided_by;
    unsigned lacks; /* beside the one that decides */
    const char *says;
};

static void decide_all(const struct limit_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct limit_row *row = &rows[i];
        struct advice advice;
        struct load_balancer facts = facts_of(MODE_DEFENSIVE);
        facts.scheme = SCHEME_INTERNET_FACING;
        recommend(evaluate(&facts, policy_with(NULL, 0)), &row->evidence, &DEFAULTS, NOW_MS, &arena,
                  &advice);
        unsigned lacks = row->lacks;
        lacks |= row->decided_by >= CRITERION_BLOCKED ? 1U << row->decided_by : 0;
        if (advice.recommendation != row->recommendation || advice.decided_by != row->decided_by ||
            advice.lacks != lacks || advice.may_promote != (row->decided_by == CRITERION_ALL) ||
            !str_contains(advice.reason, str_from_cstr(row->says))) {
            fail_msg("%s: %s by %s, lacks %x, \"%.*s\"", row->name,
                     recommendation_name(advice.recommendation), criterion_name(advice.decided_by),
                     advice.lacks, STR_ARG(advice.reason));
        }
    }
}

static void d1_d2_only_served_http1_requests_of_clients_count(void **state) {
    (void)state;
    static const struct limit_row rows[] = {
        {"HTTP/2 and monitors only",
         {.days = 14,
          .log_days = 12,
          .log_newest_ms = NOW_MS,
          .compliant = 9000,
          .http2_requests = 8000,
          .synthetic = 1000},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_TRAFFIC,
         0,
         "in 12 of the last 14 days the access logs hold no HTTP/1.x request of a client: 8000 "
         "over "
         "HTTP/2 and 1000 of health checks and monitors"},
        {"counted by 0.1.0",
         {.days = 14, .log_days = 12, .log_newest_ms = NOW_MS, .compliant = 9000},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_TRAFFIC,
         0,
         "; 9000 were counted by version 0.1.0, which told neither"},
        {"they do not fill up the rest",
         {LOGS, .http1_requests = 999, .http2_requests = 90000, .synthetic = 90000},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_REQUESTS,
         1U << CRITERION_RISK,
         "; 90000 over HTTP/2 and 90000 of health checks and monitors do not count. That is too "
         "little to tell: 999 of 1000 requests (PROMOTION_MIN_REQUESTS); up to 0.299 % could be "
         "blocked and PROMOTION_MAX_RISK_PERCENT is 0.1, for which about 3000 requests are needed"},
        {"scanners are told and hold nothing up",
         {LOGS, .http1_requests = 3000, .ambiguous = 12, .unserved = 12},
         RECOMMEND_PROMOTE,
         CRITERION_ALL,
         0,
         "hold 3000 served HTTP/1.x requests of about 35 client networks (the newest of "
         "2026-11-23T07:50Z): strictest would block 0 of them (0 %, at most 0.0998 % at 95 % "
         "confidence); 12 more that it would block were not served (scanners), and hold nothing "
         "up"},
        {"Severe ones are no evidence either",
         {LOGS, .http1_requests = 3000, .severe_served = 2001},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_REQUESTS,
         1U << CRITERION_RISK,
         "999 of 1000"},
        {"of which nobody knows whether they were served",
         {LOGS, .http1_requests = 30000, .acceptable = 20, .unserved = 17},
         RECOMMEND_FIX_CLIENTS,
         CRITERION_BLOCKED,
         0,
         "would block 3 of them (0.01 %, at most 0.0258 % at 95 % confidence); 17 more that it "
         "would block were not served (scanners), and hold nothing up; version 0.1.0 counted 3 of "
         "these, served or not"},
        {"the same without any other",
         {.days = 14, .acceptable = 3, .compliant = 9000, .log_days = 3, .log_newest_ms = NOW_MS},
         RECOMMEND_FIX_CLIENTS,
         CRITERION_BLOCKED,
         1U << CRITERION_REQUESTS | 1U << CRITERION_RISK | 1U << CRITERION_DAYS |
             1U << CRITERION_CLIENTS,
         "would block 3 of them"},
        {"one of them was served",
         {LOGS, .http1_requests = 30000, .ambiguous = 12, .unserved = 11, .blocked_served = 1},
         RECOMMEND_FIX_CLIENTS,
         CRITERION_BLOCKED,
         0,
         "would block 1 of them"},
    };
    decide_all(rows, COUNT(rows));
}

static void d3_each_limit_alone_prevents_promotion(void **state) {
    (void)state;
    static const struct limit_row rows[] = {
        {"all are kept",
         {LOGS, ENOUGH},
         RECOMMEND_PROMOTE,
         CRITERION_ALL,
         0,
         "in 12 of the last 14"},
        {"the bound", /* 2995 are the fewest of which none is blocked */
         {LOGS, .http1_requests = 2994},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_RISK,
         0,
         "up to 0.1 % could be blocked"},
        {"the fewest", {LOGS, .http1_requests = 2995}, RECOMMEND_PROMOTE, CRITERION_ALL, 0, ""},
        {"days",
         {LOGS_OF(FRESH, 6, 0x7F, 35), WEEK, ENOUGH},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_DAYS,
         0,
         "That is too little to tell: 6 of 7 days (PROMOTION_MIN_DAYS)"},
        {"the weekend",
         {LOGS_OF(FRESH, 12, 0x1F, 35), WEEK, ENOUGH},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_WEEKDAYS,
         0,
         "to tell: RequestCount shows traffic on Saturday, Sunday, and no served HTTP/1.x request "
         "of a client was logged then within EVIDENCE_DAYS (14)"},
        {"no traffic at the weekend",
         {LOGS_OF(FRESH, 12, 0x1F, 35), ENOUGH, .weekdays_traffic = 0x1F},
         RECOMMEND_PROMOTE,
         CRITERION_ALL,
         0,
         ""},
        {"clients",
         {LOGS_OF(FRESH, 12, 0x7F, 9.4), WEEK, ENOUGH},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_CLIENTS,
         0,
         "to tell: about 9 of 10 client networks (PROMOTION_MIN_CLIENTS)"},
        {"clients that were not counted",
         {WEEK, ENOUGH, .days = 14, .log_newest_ms = NOW_MS, .traffic_days = 12,
          .weekdays_logged = 0x7F},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_CLIENTS,
         0,
         "client networks were not counted"},
        {"freshness",
         {LOGS_OF(NOW_MS - DAYS(2) - 1, 12, 0x7F, 35), WEEK, ENOUGH},
         RECOMMEND_HOLD,
         CRITERION_FRESHNESS,
         0,
         "No line came for more than 2 days"},
        {"all amounts are named",
         {LOGS_OF(FRESH, 1, 1, 1), WEEK, .http1_requests = 200},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_REQUESTS,
         1U << CRITERION_RISK | 1U << CRITERION_DAYS | 1U << CRITERION_WEEKDAYS |
             1U << CRITERION_CLIENTS,
         "; 1 of 7 days (PROMOTION_MIN_DAYS); RequestCount shows traffic on Tuesday, "
         "Wednesday, Thursday, Friday, Saturday, Sunday, and no served HTTP/1.x request of a "
         "client was logged then within EVIDENCE_DAYS (14); about 1 of 10 client networks"},
    };
    decide_all(rows, COUNT(rows));
}

/* RequestCount counts monitors, scanners and HTTP/2, too: the owner learns what is missing. */
static void d3_a_weekday_without_evidence_is_explained(void **state) {
    (void)state;
    const struct evidence evidence = {LOGS_OF(FRESH, 3, 0x07, 35), WEEK, ENOUGH};
    struct promotion_settings brief = DEFAULTS;
    struct advice advice;
    brief.evidence_days = 3;
    recommend(judged(MODE_DEFENSIVE), &evidence, &DEFAULTS, NOW_MS, &arena, &advice);
    assert_str(advice_lack(&advice, CRITERION_WEEKDAYS, &arena),
               "RequestCount shows traffic on Thursday, Friday, Saturday, Sunday, and no served "
               "HTTP/1.x request of a client was logged then within EVIDENCE_DAYS (14)");
    recommend(judged(MODE_DEFENSIVE), &evidence, &brief, NOW_MS, &arena, &advice);
    assert_contains(advice_lack(&advice, CRITERION_WEEKDAYS, &arena),
                    "EVIDENCE_DAYS (3, which is less than a week: set 7 or more)");
}

static void d3_the_number_of_clients_depends_on_the_scheme(void **state) {
    (void)state;
    static const struct {
        enum load_balancer_scheme scheme;
        double clients;
        bool may_promote;
    } rows[] = {{SCHEME_INTERNAL, 2, true},         {SCHEME_INTERNAL, 1, false},
                {SCHEME_INTERNET_FACING, 10, true}, {SCHEME_INTERNET_FACING, 9, false},
                {SCHEME_UNKNOWN, 10, true},         {SCHEME_UNKNOWN, 9, false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct evidence evidence = {LOGS_OF(FRESH, 12, 0x7F, rows[i].clients), WEEK, ENOUGH};
        struct load_balancer facts = facts_of(MODE_DEFENSIVE);
        struct advice advice;
        facts.scheme = rows[i].scheme;
        recommend(evaluate(&facts, policy_with(NULL, 0)), &evidence, &DEFAULTS, NOW_MS, &arena,
                  &advice);
        assert_int_equal(advice.may_promote, rows[i].may_promote);
    }
}

static void d3_a_share_above_the_risk_is_for_clients_to_repair(void **state) {
    (void)state;
    struct promotion_settings settings = DEFAULTS;
    const struct evidence evidence = {LOGS, .http1_requests = 10000, .blocked_served = 20};
    struct advice advice;
    settings.blocked_percent_max = 1;
    recommend(judged(MODE_DEFENSIVE), &evidence, &settings, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_FIX_CLIENTS);
    assert_int_equal(advice.decided_by, CRITERION_RISK);
    assert_contains(advice.reason, "up to 0.29 % could be blocked and PROMOTION_MAX_RISK_PERCENT "
                                   "is 0.1: see `desync-guard logs`");
}

/* Upper ends of the exact one-sided 95 % interval, from the sum of binomial probabilities. */
static void d3_the_bound_is_the_exact_one(void **state) {
    (void)state;
    static const struct {
        uint64_t blocked;
        double bound_percent;
    } rows[] = {{0, 0.299125}, {1, 0.473499}, {10, 1.690318}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct evidence evidence = {LOGS, .http1_requests = 1000,
                                          .blocked_served = rows[i].blocked};
        struct advice advice;
        recommend(judged(MODE_DEFENSIVE), &evidence, &DEFAULTS, NOW_MS, &arena, &advice);
        assert_true(advice.bound_percent > rows[i].bound_percent * 0.99999);
        assert_true(advice.bound_percent < rows[i].bound_percent * 1.00001);
    }
}

static void d4_metrics_alone_recommend_and_do_not_promote(void **state) {
    (void)state;
    static const struct limit_row rows[] = {
        {"by default",
         {METRICS, .metric_requests = 30000},
         RECOMMEND_PROMOTE,
         CRITERION_SOURCE,
         0,
         "metrics cannot tell Acceptable from Severe; not by itself: metrics cannot tell clients, "
         "protocol or class: access logs can, or PROMOTION_EVIDENCE=any would do without"},
        {"too few days",
         {METRICS_OF(6), .metric_requests = 30000},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_DAYS,
         1U << CRITERION_SOURCE,
         "6 of 7 days"},
        {"a weekday is missing",
         {METRICS, .metric_requests = 30000, .weekdays_traffic = 0x41, .weekdays_counted = 1},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_WEEKDAYS,
         1U << CRITERION_SOURCE,
         "RequestCount shows traffic on Sunday, and no request was counted then"},
    };
    struct promotion_settings any = DEFAULTS;
    struct advice advice;
    decide_all(rows, COUNT(rows));
    struct evaluation *evaluation = ARENA_NEW(&arena, struct evaluation);
    *evaluation = *judged(MODE_DEFENSIVE);
    recommend(evaluation, &rows[0].evidence, &DEFAULTS, NOW_MS, &arena, &advice);
    advice_add_finding(&advice, &arena, evaluation);
    const struct finding *finding = find(evaluation, FINDING_UNDERUTILIZED);
    assert_non_null(finding);
    assert_false(str_contains(finding->message, STR("PROMOTION=enforce")));
    any.source = EVIDENCE_ANY;
    recommend(judged(MODE_DEFENSIVE), &rows[0].evidence, &any, NOW_MS, &arena, &advice);
    assert_true(advice.may_promote);
}

static void d5_logs_that_are_read_elsewhere_are_named(void **state) {
    (void)state;
    static const struct limit_row rows[] = {
        {"and there is nothing else",
         {.days = 14, .writes_logs = YES, .logs_elsewhere = true, .logs_bucket = {"logs-1", 6}},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_TRAFFIC,
         0,
         "no request was seen in the last 14 days. Its access logs go to logs-1, which is not read "
         "here"},
        {"and there are metrics",
         {METRICS, .metric_requests = 30000, .metric_non_compliant = 3, .logs_elsewhere = true,
          .logs_bucket = {"logs-1", 6}},
         RECOMMEND_NO_EVIDENCE,
         CRITERION_BLOCKED,
         1U << CRITERION_SOURCE,
         "Its access logs go to logs-1, which is not read here"},
    };
    decide_all(rows, COUNT(rows));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d1_d2_only_served_http1_requests_of_clients_count),
        cmocka_unit_test(d3_each_limit_alone_prevents_promotion),
        cmocka_unit_test(d3_a_weekday_without_evidence_is_explained),
        cmocka_unit_test(d3_the_number_of_clients_depends_on_the_scheme),
        cmocka_unit_test(d3_a_share_above_the_risk_is_for_clients_to_repair),
        cmocka_unit_test(d3_the_bound_is_the_exact_one),
        cmocka_unit_test(d4_metrics_alone_recommend_and_do_not_promote),
        cmocka_unit_test(d5_logs_that_are_read_elsewhere_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
