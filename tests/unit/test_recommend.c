/* SPDX-License-Identifier: Apache-2.0 */
#include "recommending.h"

/* Nothing but the number of requests and of blocked ones decides. */
#define LAX                                                                                        \
    .evidence_days = 14, .risk_percent_max = 100, .days_min = 1, .clients_min = {2, 2},            \
    .source = EVIDENCE_ANY

static const struct promotion_settings SETTINGS = {LAX, .requests_min = 1000};

#define DATED(ms)                                                                                  \
    .days = 14, .has_metrics = true, .metric_requests = 30000, .metric_newest_ms = (ms),           \
    .metric_days = 13

static struct advice advise(const struct evaluation *evaluation, const struct evidence *evidence) {
    struct advice advice;
    recommend(evaluation, evidence, &SETTINGS, NOW_MS, &arena, &advice);
    return advice;
}

struct row {
    const char *name;
    struct evidence evidence;
    enum recommendation recommendation;
    const char *says;
};

static void advises(const struct row *row) {
    struct advice advice = advise(judged(MODE_DEFENSIVE), &row->evidence);
    if (advice.recommendation != row->recommendation ||
        !str_contains(advice.reason, str_from_cstr(row->says))) {
        fail_msg("%s: %s, \"%.*s\"", row->name, recommendation_name(advice.recommendation),
                 STR_ARG(advice.reason));
    }
}

static void advise_all(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        advises(&rows[i]);
    }
}

static void access_logs_decide_the_recommendation(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"nothing would be blocked",
         {LOGS, .http1_requests = 48213},
         RECOMMEND_PROMOTE,
         "in 12 of the last 14 days the access logs hold 48213 served HTTP/1.x requests of about "
         "35 "
         "client networks (the newest of 2026-11-23T07:50Z): strictest would block 0 of them (0 %, "
         "at most 0.00621 % at 95 % confidence)"},
        {"just enough", {LOGS, .http1_requests = 1000}, RECOMMEND_PROMOTE, "at most 0.299 %"},
        {"one too few",
         {LOGS, .http1_requests = 999},
         RECOMMEND_NO_EVIDENCE,
         "too little to tell: 999 of 1000 requests (PROMOTION_MIN_REQUESTS)"},
        {"one would be blocked",
         {LOGS, .http1_requests = 100000, .blocked_served = 1},
         RECOMMEND_FIX_CLIENTS,
         "would block 1 of them (0.001 %, at most 0.00474 % at 95 % confidence). See "
         "`desync-guard logs`"},
        {"one of very few",
         {LOGS, .http1_requests = 2, .blocked_served = 1},
         RECOMMEND_FIX_CLIENTS,
         "would block 1 of them (50 %"},
        {"what is blocked already counts for nothing",
         {LOGS, .http1_requests = 5000, .severe_unserved = 70},
         RECOMMEND_PROMOTE,
         "hold 5000 served HTTP/1.x requests of about 35 client networks (the newest of "
         "2026-11-23T07:50Z): strictest would block 0 of them (0 %, at most 0.0599 % at 95 % "
         "confidence); 70 Severe ones are blocked already"},
        {"only lines too old to tell",
         {LOGS, .unclassified = 80},
         RECOMMEND_NO_EVIDENCE,
         "no request whose class is known; 80 lines are too old to tell (fewer than 28 fields)"},
        {"logs win over metrics",
         {LOGS, .http1_requests = 5000, .severe_unserved = 5, .has_metrics = true,
          .metric_requests = 5000},
         RECOMMEND_PROMOTE,
         "the access logs hold"},
    };
    advise_all(rows, COUNT(rows));
}

static void metrics_count_on_days_that_logs_do_not_cover(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"what metrics of other days say fits",
         {LOGS, .http1_requests = 5000, .has_metrics = true, .metric_requests = 900},
         RECOMMEND_PROMOTE,
         "on the days without logs CloudWatch counted 900 requests and 0 that are not compliant"},
        {"what metrics of other days say does not",
         {LOGS, .http1_requests = 5000, .has_metrics = true, .metric_requests = 900,
          .metric_non_compliant = 7},
         RECOMMEND_HOLD,
         "confidence); on the days without logs CloudWatch counted 900 requests and 7 that are not "
         "compliant. The logs do not cover those days"},
        {"logs that hold little",
         {LOGS, .http1_requests = 5000, .thin_days = 2, .has_metrics = true,
          .metric_requests = 90000, .metric_non_compliant = 7},
         RECOMMEND_HOLD,
         "; the logs of 2 days hold less than half of the requests; of the others, and on days "
         "without logs, CloudWatch counted 90000 requests and 7 that are not compliant. The logs"},
        {"nothing but what is not compliant on other days",
         {LOGS, .http1_requests = 5000, .has_metrics = true, .metric_non_compliant = 1},
         RECOMMEND_HOLD,
         "0 requests and 1 that is not compliant"},
    };
    advise_all(rows, COUNT(rows));
}

static void lines_not_understood_may_hide_blocked_requests(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"old layout",
         {LOGS, .http1_requests = 5000, .unclassified = 80},
         RECOMMEND_HOLD,
         "; 80 lines are too old to tell (fewer than 28 fields). 80 that were not understood "
         "could"},
        {"new class",
         {LOGS, .http1_requests = 5000, .unfamiliar = 3},
         RECOMMEND_HOLD,
         "; 3 requests are of a class that is not known. 3 that"},
        {"unparsed",
         {LOGS, .http1_requests = 5000, .unparsed = 1},
         RECOMMEND_HOLD,
         "; 1 line could "},
        {"no time",
         {LOGS, .http1_requests = 5000, .without_time = 2},
         RECOMMEND_HOLD,
         "; 2 requests have no time"},
        {"damaged",
         {LOGS, .http1_requests = 5000, .damaged = 1},
         RECOMMEND_HOLD,
         "; 1 log file is damaged. 1 that was not understood"},
        {"all of them",
         {LOGS, .http1_requests = 5000, .unclassified = 1, .unfamiliar = 10, .unparsed = 100,
          .without_time = 1000, .damaged = 10000},
         RECOMMEND_HOLD,
         "11111 that were not understood"},
        {"what would be blocked comes first",
         {LOGS, .http1_requests = 5001, .blocked_served = 1, .unparsed = 9},
         RECOMMEND_FIX_CLIENTS,
         "; 9 lines could not be read"},
        {"metrics alone tell of all requests",
         {METRICS, .metric_requests = 30000, .unparsed = 9},
         RECOMMEND_PROMOTE,
         "Acceptable from Severe; 9 lines could not be read"},
        {"nothing else",
         {LOGS, .unfamiliar = 4},
         RECOMMEND_NO_EVIDENCE,
         "4 requests are of a class"},
    };
    advise_all(rows, COUNT(rows));
}

/* Five in a thousand are allowed. */
static void lines_not_understood_may_reach_the_allowed_share(void **state) {
    (void)state;
    const struct promotion_settings lax = {LAX, .requests_min = 100, .blocked_percent_max = 0.5};
    struct evidence evidence = {LOGS,
                                .http1_requests = 995,
                                .unparsed = 5,
                                .has_metrics = true,
                                .metric_requests = 1000,
                                .metric_non_compliant = 5};
    struct advice advice;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_PROMOTE);
    evidence.metric_non_compliant++;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_HOLD);
    evidence.metric_non_compliant = 0;
    evidence.unparsed++;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_HOLD);
}

/* Each of the two would be allowed alone. */
static void blocked_requests_and_lines_not_understood_are_added(void **state) {
    (void)state;
    const struct promotion_settings lax = {LAX, .requests_min = 100, .blocked_percent_max = 5};
    struct evidence evidence = {LOGS, .http1_requests = 196, .blocked_served = 6, .unfamiliar = 4};
    struct advice advice;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_PROMOTE); /* 10 of 200 */
    assert_int_equal(advice.blocked, 6);
    evidence.unparsed = 1;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_HOLD);
    assert_true(str_contains(advice.reason,
                             STR("5 that were not understood could be among those that it would "
                                 "block, 11 then (5.473 %): see `desync-guard logs`")));
    evidence.unparsed = 0;
    evidence.blocked_served = 12;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_FIX_CLIENTS);
}

static void old_numbers_promote_nothing(void **state) {
    (void)state;
    struct row row = {"2 days old", {LOGS, .http1_requests = 5000}, RECOMMEND_PROMOTE, "hold 5000"};
    row.evidence.log_newest_ms = NOW_MS - DAYS(2);
    advises(&row);
    row.name = "older";
    row.evidence.log_newest_ms--;
    row.recommendation = RECOMMEND_HOLD;
    row.says = "(the newest of 2026-11-21T07:59Z)";
    advises(&row);
    row.says = "No line came for more than 2 days: that is too old";
    advises(&row);
    row.name = "older although there were requests";
    row.evidence.has_metrics = true;
    row.evidence.metric_newest_ms = row.evidence.log_newest_ms;
    advises(&row);
    row.evidence.metric_newest_ms++;
    row.says = "although there were requests: see whether the logs still reach this function";
    advises(&row);
    row.name = "what was seen once needs repair however old it is";
    row.evidence.blocked_served = 3;
    row.recommendation = RECOMMEND_FIX_CLIENTS;
    row.says = "would block 3 of them";
    advises(&row);
}

static void metrics_decide_without_logs(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"all are compliant",
         {METRICS, .metric_requests = 30000},
         RECOMMEND_PROMOTE,
         "in 13 of the last 14 days CloudWatch counted 30000 requests (the newest on 2026-11-23, "
         "UTC) "
         "and 0 that are not compliant (0 %, at most 0.00999 % at 95 % confidence); metrics cannot "
         "tell "
         "Acceptable from Severe"},
        {"too few",
         {METRICS, .metric_requests = 999},
         RECOMMEND_NO_EVIDENCE,
         "999 of 1000 requests (PROMOTION_MIN_REQUESTS)"},
        {"some are not",
         {METRICS, .metric_requests = 30000, .metric_non_compliant = 3},
         RECOMMEND_NO_EVIDENCE,
         "To have evidence, turn on access logs (access_logs.s3.enabled=true)"},
        {"old",
         {DATED(NOW_MS - DAYS(3))},
         RECOMMEND_HOLD,
         "(the newest on 2026-11-20, UTC) and 0 that are not compliant"},
        {"yesterday, however late today is",
         {DATED(NOW_MS - DAYS(2))},
         RECOMMEND_PROMOTE,
         "(the newest on 2026-11-21, UTC)"},
        {"not yesterday",
         {DATED(NOW_MS - DAYS(2) - 1)},
         RECOMMEND_HOLD,
         "Acceptable from Severe. There was none yesterday or today (UTC): that is too old"},
        {"logs are on and do not come",
         {DATED(NOW_MS), .metric_non_compliant = 3, .writes_logs = YES},
         RECOMMEND_NO_EVIDENCE,
         "Access logs are on, but none of their lines was counted"},
        {"nothing is known",
         {.days = 14, .writes_logs = NO},
         RECOMMEND_NO_EVIDENCE,
         "no request was seen in the last 14 days. To have evidence, turn on access logs "
         "(access_logs.s3.enabled=true)"},
        {"nothing is known, with logs",
         {.days = 14, .writes_logs = YES},
         RECOMMEND_NO_EVIDENCE,
         "let their bucket notify this function of new objects"},
    };
    advise_all(rows, COUNT(rows));
}

static void watch_roll_back_or_revert_prevents_promotion(void **state) {
    (void)state;
    const struct evidence good = {LOGS, .http1_requests = 5000};
    struct row row = {"watched", good, RECOMMEND_HOLD, "is being watched"};
    row.evidence.is_watched = true;
    advises(&row);
    row = (struct row){"rolled back", good, RECOMMEND_HOLD, "was rolled back on 2026-11-09"};
    row.evidence.rolled_back_ms = NOW_MS - DAYS(14) + 1;
    advises(&row);
    row = (struct row){"taken back", good, RECOMMEND_HOLD,
                       "somebody else reverted that, seen on 2026-11-09 (by Ann): it is not tried"};
    row.evidence.reverted_ms = NOW_MS - DAYS(14) + 1;
    row.evidence.reverted_note = STR("by Ann");
    advises(&row);
    row.name = "c3 taken back long ago";
    row.evidence.reverted_ms = NOW_MS - DAYS(400);
    row.says = "seen on 2025-10-19 (by Ann): it is not tried again until its owner tags it "
               "desync-promotion=retry";
    advises(&row);
    row.evidence.reverted_ms = 0;
    row.name = "rolled back long ago";
    row.evidence.rolled_back_ms = NOW_MS - DAYS(14);
    row.recommendation = RECOMMEND_PROMOTE;
    row.says = "hold 5000";
    advises(&row);
}

static void the_allowed_share_may_be_blocked(void **state) {
    (void)state;
    const struct promotion_settings lax = {LAX, .requests_min = 1000, .blocked_percent_max = 0.1};
    struct evidence evidence = {LOGS, .http1_requests = 10000, .blocked_served = 10};
    struct advice advice;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_PROMOTE);
    assert_int_equal(advice.requests, 10000);
    assert_int_equal(advice.blocked, 10);
    evidence.blocked_served++;
    recommend(judged(MODE_DEFENSIVE), &evidence, &lax, NOW_MS, &arena, &advice);
    assert_int_equal(advice.recommendation, RECOMMEND_FIX_CLIENTS);
}

/* --- whom no number promotes ------------------------------------------------------------------ */

static void no_number_promotes(const char *name, const struct load_balancer *facts,
                               const struct policy *policy, enum recommendation recommendation,
                               const char *says) {
    const struct evidence good = {LOGS, .http1_requests = 5000};
    struct evaluation *evaluation = evaluate(facts, policy);
    size_t finding_count = evaluation->finding_count;
    struct advice advice = advise(evaluation, &good);
    if (advice.recommendation != recommendation ||
        !str_contains(advice.reason, str_from_cstr(says))) {
        fail_msg("%s: %s, \"%.*s\"", name, recommendation_name(advice.recommendation),
                 STR_ARG(advice.reason));
    }
    advice_add_finding(&advice, &arena, evaluation);
    assert_int_equal(evaluation->finding_count, finding_count);
}

#define TAGGED(...)                                                                                \
    facts.tags = (const struct tag[]){{STR("Owner"), STR("team-a")}, __VA_ARGS__};                 \
    facts.tag_count = sizeof((const struct tag[]){{STR("Owner"), STR("team-a")}, __VA_ARGS__}) /   \
                      sizeof(struct tag)

static void a_profile_below_strictest_is_never_promoted(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    TAGGED({STR("DesyncProfile"), STR("legacy")});
    no_number_promotes("legacy", &facts, policy_with(NULL, 0), RECOMMEND_HOLD,
                       "its profile asks for defensive");
    no_number_promotes("a profile below the minimum", &facts,
                       policy_with_one("profiles", "legacy=monitor"), RECOMMEND_HOLD,
                       "its profile asks for monitor");
    no_number_promotes("a minimum above the profile", &facts,
                       policy_with_one("desyncMode", "strictest"), RECOMMEND_HOLD,
                       "it is never promoted");
}

static void a_profile_of_strictest_is_promoted_although_the_mode_fails_it(void **state) {
    (void)state;
    const struct evidence good = {LOGS, .http1_requests = 5000};
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    TAGGED({STR("DesyncProfile"), STR("modern")});
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    assert_int_equal(evaluation->compliance, NON_COMPLIANT);
    assert_int_equal(advise(evaluation, &good).recommendation, RECOMMEND_PROMOTE);
}

static void exceptions_are_left_to_their_owners(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    TAGGED({STR("DesyncProfile"), STR("modern")},
           {STR("desync-exception-until"), STR("2026-12-20")},
           {STR("desync-exception-reason"), STR("old clients")},
           {STR("desync-exception-approver"), STR("ciso")});
    struct policy *policy = policy_with(NULL, 0);
    no_number_promotes("active", &facts, policy, RECOMMEND_NOTHING, "an exception excuses");
    TAGGED({STR("desync-exception-until"), STR("2026-12-20")},
           {STR("desync-exception-reason"), STR("old clients")},
           {STR("desync-exception-approver"), STR("ciso")});
    no_number_promotes("not needed today", &facts, policy, RECOMMEND_HOLD,
                       "has an exception until 2026-12-20");
    TAGGED({STR("desync-exception-until"), STR("2026-11-22")},
           {STR("desync-exception-reason"), STR("old clients")},
           {STR("desync-exception-approver"), STR("ciso")});
    const struct evidence good = {LOGS, .http1_requests = 5000};
    assert_int_equal(advise(evaluate(&facts, policy), &good).recommendation, RECOMMEND_PROMOTE);
}

static void other_modes_and_verdicts_are_not_promoted(void **state) {
    (void)state;
    struct policy *policy = policy_with(NULL, 0);
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    no_number_promotes("strictest", &facts, policy, RECOMMEND_NOTHING, "the mode is strictest");
    facts = facts_of(MODE_UNKNOWN);
    no_number_promotes("unknown", &facts, policy, RECOMMEND_NOTHING, "it is not judged");
    facts = facts_of(MODE_DEFENSIVE);
    facts.type = TYPE_NETWORK;
    no_number_promotes("network", &facts, policy, RECOMMEND_NOTHING, "it is not judged");
    facts = facts_of(MODE_DEFENSIVE);
    facts.tag_count = 0;
    no_number_promotes("nobody's", &facts, policy, RECOMMEND_HOLD,
                       "not compliant (TAG_MISSING): repair");
}

static void the_wish_to_collect_data_in_monitor_is_answered(void **state) {
    (void)state;
    static const char ANSWER[] = "defensive logs the same classification and reason of every "
                                 "request, and blocks none but the Severe ones";
    struct policy *policy = policy_with(NULL, 0);
    struct load_balancer facts = facts_of(MODE_MONITOR);
    no_number_promotes("weak", &facts, policy, RECOMMEND_HOLD, ANSWER);
    TAGGED({STR("desync-exception-until"), STR("2026-12-20")},
           {STR("desync-exception-reason"), STR("collecting data")},
           {STR("desync-exception-approver"), STR("ciso")});
    no_number_promotes("excused", &facts, policy, RECOMMEND_NOTHING, ANSWER);
}

static void underutilized_is_advice_with_the_numbers(void **state) {
    (void)state;
    const struct evidence good = {LOGS, .http1_requests = 5000};
    const struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    struct advice advice = advise(evaluation, &good);
    advice_add_finding(&advice, &arena, evaluation);
    const struct finding *finding = find(evaluation, FINDING_UNDERUTILIZED);
    assert_non_null(finding);
    assert_false(finding->is_failing);
    assert_contains(finding->message, "the access logs hold 5000 served HTTP/1.x requests");
    assert_int_equal(evaluation->compliance, COMPLIANT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_logs_decide_the_recommendation),
        cmocka_unit_test(metrics_count_on_days_that_logs_do_not_cover),
        cmocka_unit_test(lines_not_understood_may_hide_blocked_requests),
        cmocka_unit_test(lines_not_understood_may_reach_the_allowed_share),
        cmocka_unit_test(blocked_requests_and_lines_not_understood_are_added),
        cmocka_unit_test(old_numbers_promote_nothing),
        cmocka_unit_test(metrics_decide_without_logs),
        cmocka_unit_test(watch_roll_back_or_revert_prevents_promotion),
        cmocka_unit_test(the_allowed_share_may_be_blocked),
        cmocka_unit_test(a_profile_below_strictest_is_never_promoted),
        cmocka_unit_test(a_profile_of_strictest_is_promoted_although_the_mode_fails_it),
        cmocka_unit_test(exceptions_are_left_to_their_owners),
        cmocka_unit_test(other_modes_and_verdicts_are_not_promoted),
        cmocka_unit_test(the_wish_to_collect_data_in_monitor_is_answered),
        cmocka_unit_test(underutilized_is_advice_with_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
