/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"
#include "policy/recommend.h"

/* A load balancer that would be promoted for certain, but for this tag. */
static const struct evidence GOOD = {.days = 14,
                                     .log_days = 14,
                                     .log_newest_ms = NOW_MS,
                                     .http1_requests = 1000000,
                                     .traffic_days = 14,
                                     .weekdays_logged = 0x7F,
                                     .weekdays_traffic = 0x7F,
                                     .clients = 1000,
                                     .has_clients = true};
static const struct promotion_settings LAX = {.evidence_days = 14, .risk_percent_max = 100};

static struct evaluation *evaluate_tags(const struct policy *policy, const struct tag *tags,
                                        size_t count) {
    struct tag *all = ARENA_ARRAY(&arena, struct tag, count + 1);
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    all[0] = OWNER_TAG[0];
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = tags[i];
    }
    facts.tags = all;
    facts.tag_count = count + 1;
    return evaluate(&facts, policy);
}

static struct advice advise_tags(const struct policy *policy, const struct tag *tags,
                                 size_t count) {
    struct advice advice;
    recommend(evaluate_tags(policy, tags, count), &GOOD, &LAX, NOW_MS, &arena, &advice);
    return advice;
}

static struct advice advise_tag(const struct policy *policy, const char *key, const char *value) {
    const struct tag tag = {str_from_cstr(key), str_from_cstr(value)};
    return advise_tags(policy, &tag, 1);
}

static void holds(const struct policy *policy, const char *key, const char *value,
                  const char *says) {
    struct advice advice = advise_tag(policy, key, value);
    if (advice.recommendation != RECOMMEND_HOLD || advice.decided_by != CRITERION_OPT_OUT ||
        advice.may_promote || !str_contains(advice.reason, str_from_cstr(says))) {
        fail_msg("%s=%s: %s, \"%.*s\"", key, value, recommendation_name(advice.recommendation),
                 STR_ARG(advice.reason));
    }
}

static void promotes(const struct policy *policy, const char *key, const char *value) {
    struct advice advice = advise_tag(policy, key, value);
    if (!advice.may_promote) {
        fail_msg("%s=%s: %s, \"%.*s\"", key, value, recommendation_name(advice.recommendation),
                 STR_ARG(advice.reason));
    }
}

static void c1_each_tag_that_looks_like_an_opt_out_holds_promotion(void **state) {
    (void)state;
    static const struct {
        const char *key;
        const char *right;
    } rows[] = {
        {"desync-exeption-until", "desync-exception-until"},   /* a letter is missing */
        {"desync-excepption-until", "desync-exception-until"}, /* one too many */
        {"desync-exeeption-until", "desync-exception-until"},  /* another */
        {"desync-excpetion-until", "desync-exception-until"},  /* swapped */
        {"Desync-Exception-Until", "desync-exception-until"},  /* case */
        {"desync_exception_until", "desync-exception-until"},  /* other separators */
        {"DesyncExceptionUntil", "desync-exception-until"},
        {"desync-exceptio\xC3\xB1-until", "desync-exception-until"},
        {"desync-exceptio\xFF-until", "desync-exception-until"},
        {"desync-exception-untill", "desync-exception-until"},
        {"esync-exception-until", "desync-exception-until"},
        {"desync-exception-resaon", "desync-exception-reason"},
        {"desync-exception-aprover", "desync-exception-approver"},
        {"desyncprofile", "DesyncProfile"},
        {"DesyncProfil", "DesyncProfile"},
        {"Desync-Profile", "DesyncProfile"},
        {"desync-promotions", "desync-promotion"},
        {"desync-promotoin", "desync-promotion"},
        {"Desync-Promotion", "desync-promotion"},
    };
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        str says = str_format(&arena, "looks like `%s`, but is not spelt so", rows[i].right);
        holds(policy, rows[i].key, "retry", str_to_cstr(&arena, says));
    }
    holds(policy, "desync-exeption-until", "2026-12-31",
          "the tag `desync-exeption-until` looks like `desync-exception-until`, but is not spelt "
          "so: correct its key, or remove it; as long as that is so, it is not promoted");
}

/* What is read is right, so that the right spelling alone would help nobody. */
static void c1_blanks_and_letters_that_nobody_sees_are_named(void **state) {
    (void)state;
    static const char *const keys[] = {"DesyncProfile\xC2\xA0", " DesyncProfile",
                                       "DesyncProfile\xE2\x80\x8B"};
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(keys); i++) {
        holds(policy, keys[i], "legacy",
              "the key of a tag reads `DesyncProfile`, but has a blank or an invisible character "
              "beside that: set the tag `DesyncProfile` anew, and remove this one");
    }
    holds(policy, "Desync\xE2\x80\x8BProfile", "legacy", "the tag `Desync Profile` looks like");
    holds(policy, " desync-exception-until\t", "2026-12-31", "the key of a tag reads");
    holds(policy, "d\xD0\xB5sync-promotion", "hold",
          "looks like `desync-promotion`, but is not spelt so (it has a character that is not "
          "ASCII)");
}

static void c1_a_key_that_begins_as_an_exception_holds_promotion(void **state) {
    (void)state;
    static const char *const keys[] = {"desync-exception", "desync-exception-expires",
                                       "Desync_Exception Ticket", "desync-exceptions-end"};
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(keys); i++) {
        str says = str_format(&arena,
                              "the tag `%s` begins like those of an exception, which are "
                              "`desync-exception-until`, `desync-exception-reason` and "
                              "`desync-exception-approver`: correct its key, or remove it",
                              keys[i]);
        holds(policy, keys[i], "2026-12-31", str_to_cstr(&arena, says));
    }
    const struct policy *required = policy_with_one("requiredTags", "desync-exception-ticket");
    promotes(required, "desync-exception-ticket", "42");
    const struct policy *brief = policy_with_one("exceptionTagPrefix", "ex");
    promotes(brief, "external", "yes");
    holds(brief, "ex-expires", "2026-12-31", "begins like those of an exception");
}

static void c1_other_tags_hold_nothing(void **state) {
    (void)state;
    static const char *const keys[] = {"Name",
                                       "Team",
                                       "owner",
                                       "environment",
                                       "DesyncRing",
                                       "desync",
                                       "profile",
                                       "until",
                                       "reason",
                                       "approver",
                                       "-",
                                       "",
                                       "\xFF",
                                       "CostCenter",
                                       "exception",
                                       "DesyncRings",
                                       "promotion",
                                       "aws:cloudformation:stack-name",
                                       "elbv2.k8s.aws/cluster"};
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(keys); i++) {
        promotes(policy, keys[i], "legacy");
    }
}

/* "Tier" and "Timer" are a letter apart, and so are the keys of many policies. */
static void c1_short_and_shared_keys_hold_by_their_value(void **state) {
    (void)state;
    const struct policy_parameter shared[] = {{STR("profileTag"), STR("Teams")},
                                              {STR("requiredTags"), STR("Owner,Team")},
                                              {STR("ownerTags"), STR("Owner,teams")}};
    const struct policy *tier = policy_with_one("profileTag", "Tier");
    promotes(tier, "Timer", "30");
    promotes(tier, "Ties", "two");
    holds(tier, "Teir", "legacy", "looks like `Tier`");
    holds(tier, "Tire", "Legacy", "looks like `Tier`");
    holds(tier, "Tire", "lgeacy", "looks like `Tier`");
    holds(tier, "tier", "two", "looks like `Tier`");
    const struct policy *teams = policy_with(shared, COUNT(shared));
    const struct tag team[] = {{STR("Team"), STR("shop")}, {STR("teams"), STR("shop")}};
    assert_true(advise_tags(teams, team, COUNT(team)).may_promote);
    const struct tag legacy[] = {{STR("Team"), STR("shop")}, {STR("teams"), STR("legacy")}};
    assert_int_equal(advise_tags(teams, legacy, COUNT(legacy)).recommendation, RECOMMEND_HOLD);
}

static void c1_an_exception_that_is_not_right_holds_promotion(void **state) {
    (void)state;
    static const struct {
        const char *until;
        const char *reason;
        const char *says; /* NULL: it has ended, and was complete */
    } rows[] = {
        {"2026-11-22", "old clients", NULL},
        {"2026-11-22", "", "its exception is not complete"},
        {"2026-11-22", NULL, "its exception is not complete"},
        {"2026-13-01", "old clients", "has the value \"2026-13-01\", which is no date"},
        {"22.11.2026", "old clients", "which is no date: write it as YYYY-MM-DD"},
        {"", "old clients", "it needs `desync-exception-until`, `desync-exception-reason` and"},
        {NULL, "old clients", "its exception is not complete"},
        {"2030-01-01", "old clients", "longer than the 90 days allowed"},
    };
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct tag tags[3] = {{STR("desync-exception-approver"), STR("ciso")}};
        size_t count = 1;
        if (rows[i].until != NULL) {
            tags[count++] =
                (struct tag){STR("desync-exception-until"), str_from_cstr(rows[i].until)};
        }
        if (rows[i].reason != NULL) {
            tags[count++] =
                (struct tag){STR("desync-exception-reason"), str_from_cstr(rows[i].reason)};
        }
        struct advice advice = advise_tags(policy, tags, count);
        assert_int_equal(advice.may_promote, rows[i].says == NULL);
        if (rows[i].says != NULL) {
            assert_int_equal(advice.decided_by, CRITERION_OPT_OUT);
            assert_contains(advice.reason, rows[i].says);
        }
    }
}

static void c1_a_profile_that_is_not_known_holds_promotion(void **state) {
    (void)state;
    holds(policy_with(NULL, 0), "DesyncProfile", "lgeacy",
          "its tag `DesyncProfile` has the value \"lgeacy\", which is no known profile");
    promotes(policy_with(NULL, 0), "DesyncProfile", "modern");
}

static void c1_all_faults_are_named_up_to_four(void **state) {
    (void)state;
    const struct tag tags[] = {
        {STR("DesyncProfiles"), STR("a")},    {STR("desync-promotio"), STR("a")},
        {STR("desync-promotionn"), STR("a")}, {STR("DESYNCPROFILE"), STR("a")},
        {STR("desyncprofile"), STR("a")},     {STR("desync-promotion"), STR("a")}};
    str reason = advise_tags(policy_with(NULL, 0), tags, COUNT(tags)).reason;
    assert_contains(reason, "the tag `DESYNCPROFILE` looks like");
    assert_contains(reason, "; and 2 more; as long as");
    assert_false(str_contains(reason, STR("`desyncprofile`")));
}

static void c2_the_tag_of_promotion_holds_or_retries(void **state) {
    (void)state;
    static const struct {
        const char *value;
        enum promotion_tag tag;
        const char *says; /* NULL: it holds nothing */
    } rows[] = {
        {"hold", PROMOTION_TAG_HOLD, "its tag `desync-promotion` is hold"},
        {" Hold ", PROMOTION_TAG_HOLD, "is hold"},
        {"retry", PROMOTION_TAG_RETRY, NULL},
        {"RETRY\xC2\xA0", PROMOTION_TAG_RETRY, NULL},
        {"", PROMOTION_TAG_INVALID, "has the value \"\", which is neither hold nor retry"},
        {"hodl", PROMOTION_TAG_INVALID, "has the value \"hodl\", which is neither"},
        {"off", PROMOTION_TAG_INVALID, "correct it, or remove the tag"},
        {"re try", PROMOTION_TAG_INVALID, "neither hold nor retry"},
    };
    const struct policy *policy = policy_with(NULL, 0);
    assert_int_equal(evaluate_tags(policy, NULL, 0)->opt_out.tag, PROMOTION_TAG_NONE);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct tag tag = {STR("desync-promotion"), str_from_cstr(rows[i].value)};
        assert_int_equal(evaluate_tags(policy, &tag, 1)->opt_out.tag, rows[i].tag);
        if (rows[i].says != NULL) {
            holds(policy, "desync-promotion", rows[i].value, rows[i].says);
        } else {
            promotes(policy, "desync-promotion", rows[i].value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_each_tag_that_looks_like_an_opt_out_holds_promotion),
        cmocka_unit_test(c1_blanks_and_letters_that_nobody_sees_are_named),
        cmocka_unit_test(c1_a_key_that_begins_as_an_exception_holds_promotion),
        cmocka_unit_test(c1_other_tags_hold_nothing),
        cmocka_unit_test(c1_short_and_shared_keys_hold_by_their_value),
        cmocka_unit_test(c1_an_exception_that_is_not_right_holds_promotion),
        cmocka_unit_test(c1_a_profile_that_is_not_known_holds_promotion),
        cmocka_unit_test(c1_all_faults_are_named_up_to_four),
        cmocka_unit_test(c2_the_tag_of_promotion_holds_or_retries),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
