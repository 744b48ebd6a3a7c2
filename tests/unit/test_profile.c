/* SPDX-License-Identifier: Apache-2.0 */
#include "judging.h"

static const struct {
    const char *name;
    const char *desync_mode;
    const char *facing;
    const char *internal;
    enum load_balancer_scheme scheme;
    const char *profile; /* NULL: no tag */
    enum desync_mode required;
    const char *because;
} requirement_rows[] = {
    {"nothing set", "", "", "", SCHEME_INTERNET_FACING, NULL, MODE_DEFENSIVE, "minimum"},
    {"facing", "", "strictest", "", SCHEME_INTERNET_FACING, NULL, MODE_STRICTEST,
     "internet-facing"},
    {"facing is not internal", "", "strictest", "", SCHEME_INTERNAL, NULL, MODE_DEFENSIVE,
     "minimum"},
    {"internal", "", "", "strictest", SCHEME_INTERNAL, NULL, MODE_STRICTEST, "internal"},
    {"scheme equal to minimum", "", "", "defensive", SCHEME_INTERNAL, NULL, MODE_DEFENSIVE,
     "internal"},
    {"profile over minimum", "", "", "", SCHEME_INTERNAL, "modern", MODE_STRICTEST,
     "profile modern"},
    {"profile wins over scheme", "", "strictest", "", SCHEME_INTERNET_FACING, "legacy",
     MODE_DEFENSIVE, "profile legacy"},
    {"profile never below minimum", "strictest", "", "", SCHEME_INTERNAL, "legacy", MODE_STRICTEST,
     "minimum"},
    {"profile of a low minimum", "monitor", "", "", SCHEME_INTERNAL, "legacy", MODE_DEFENSIVE,
     "profile legacy"},
    {"profile trimmed", "", "", "", SCHEME_INTERNAL, " modern\n", MODE_STRICTEST, "profile modern"},
    {"profile in capitals", "", "", "", SCHEME_INTERNAL, "Legacy", MODE_STRICTEST,
     "unknown profile"},
    {"profile trimmed of what shows nothing", "", "", "", SCHEME_INTERNAL,
     "\xC2\xA0modern\xE2\x80\x8B", MODE_STRICTEST, "profile modern"},
    {"profile blank", "", "", "", SCHEME_INTERNAL, " ", MODE_STRICTEST, "unknown profile"},
    {"profile shows nothing", "", "", "", SCHEME_INTERNAL, "\xEF\xBB\xBF", MODE_STRICTEST,
     "unknown profile"},
    {"profile unknown", "monitor", "", "", SCHEME_INTERNAL, "x", MODE_STRICTEST, "unknown profile"},
};

static void required_mode_follows_profile_then_scheme_never_below_the_minimum(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(requirement_rows); i++) {
        const struct policy_parameter parameters[] = {
            {STR("desyncMode"), str_from_cstr(requirement_rows[i].desync_mode)},
            {STR("internetFacingMode"), str_from_cstr(requirement_rows[i].facing)},
            {STR("internalMode"), str_from_cstr(requirement_rows[i].internal)}};
        const struct tag tags[] = {
            OWNER_TAG[0], {STR("DesyncProfile"), str_from_cstr(requirement_rows[i].profile)}};
        struct load_balancer facts = facts_of(MODE_STRICTEST);
        facts.scheme = requirement_rows[i].scheme;
        facts.tags = tags;
        facts.tag_count = requirement_rows[i].profile == NULL ? 1 : 2;
        struct evaluation *result = evaluate(&facts, policy_with(parameters, COUNT(parameters)));
        if (result->required_mode != requirement_rows[i].required ||
            !str_eq(result->required_because, str_from_cstr(requirement_rows[i].because))) {
            fail_msg("%s: %s", requirement_rows[i].name, mode_name(result->required_mode));
        }
        bool is_unknown = strcmp(requirement_rows[i].because, "unknown profile") == 0;
        assert_int_equal(find(result, FINDING_PROFILE_UNKNOWN) != NULL, is_unknown);
        assert_int_equal(result->compliance, is_unknown ? NON_COMPLIANT : COMPLIANT);
    }
}

static void unknown_profile_takes_the_strictest_named_and_never_lowers(void **state) {
    (void)state;
    const struct policy_parameter parameters[] = {{STR("desyncMode"), STR("monitor")},
                                                  {STR("internetFacingMode"), STR("strictest")},
                                                  {STR("profiles"), STR("a=monitor,b=defensive")},
                                                  {STR("profileTag"), STR("Tier")}};
    struct policy *policy = policy_with(parameters, COUNT(parameters));
    const struct tag tags[] = {OWNER_TAG[0], {STR("Tier"), STR("c")}};
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    struct evaluation *internal = evaluate(&facts, policy);
    assert_int_equal(internal->required_mode, MODE_DEFENSIVE);
    const struct finding *finding = find(internal, FINDING_PROFILE_UNKNOWN);
    assert_non_null(finding);
    assert_str(finding->message,
               "The tag Tier has the value \"c\", which is no known profile, so defensive is "
               "required. Set it within 7 days to one of: a, b.");
    facts.scheme = SCHEME_INTERNET_FACING;
    assert_int_equal(evaluate(&facts, policy)->required_mode, MODE_STRICTEST);
}

static void long_profile_name_is_left_out_of_the_reason(void **state) {
    (void)state;
    const char *name = "a-profile-name-of-more-than-32-characters";
    struct policy *policy =
        policy_with_one("profiles", "a-profile-name-of-more-than-32-characters=strictest");
    const struct tag tags[] = {OWNER_TAG[0], {STR("DesyncProfile"), str_from_cstr(name)}};
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    assert_str(evaluate(&facts, policy)->required_because, "profile");
}

static void unknown_scheme_matters_only_where_the_schemes_differ(void **state) {
    (void)state;
    struct load_balancer facts = facts_of(MODE_STRICTEST);
    facts.scheme = SCHEME_UNKNOWN;
    assert_int_equal(evaluate(&facts, policy_with(NULL, 0))->compliance, COMPLIANT);
    struct policy *differ = policy_with_one("internetFacingMode", "strictest");
    struct evaluation *result = evaluate(&facts, differ);
    assert_int_equal(result->compliance, COMPLIANCE_UNKNOWN);
    assert_int_equal(result->required_mode, MODE_UNKNOWN);
    assert_str(result->reason, "the scheme could not be read");
    const struct tag tags[] = {OWNER_TAG[0], {STR("DesyncProfile"), STR("modern")}};
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    assert_int_equal(evaluate(&facts, differ)->compliance, COMPLIANT);
}

static void unknown_profile_of_an_unknown_scheme_is_never_guessed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *desync_mode;
        const char *facing;
        const char *internal;
        const char *profiles;
        enum desync_mode required; /* MODE_UNKNOWN: cannot be determined */
    } rows[] = {
        {"facing stricter", "", "strictest", "", "legacy=defensive", MODE_UNKNOWN},
        {"internal stricter", "", "", "strictest", "legacy=defensive", MODE_UNKNOWN},
        {"one of two stricter", "monitor", "strictest", "defensive", "a=defensive", MODE_UNKNOWN},
        {"both the same", "", "strictest", "strictest", "legacy=defensive", MODE_STRICTEST},
        {"profile as strict", "", "strictest", "", "a=defensive,b=strictest", MODE_STRICTEST},
        {"profile as strict, minimum low", "monitor", "defensive", "", "a=defensive",
         MODE_DEFENSIVE},
        {"minimum as strict", "strictest", "strictest", "", "a=defensive", MODE_STRICTEST},
        {"no scheme minimum", "", "", "", "legacy=defensive", MODE_DEFENSIVE},
    };
    const struct tag tags[] = {OWNER_TAG[0], {STR("DesyncProfile"), STR("typo")}};
    struct load_balancer facts = facts_of(MODE_DEFENSIVE);
    facts.scheme = SCHEME_UNKNOWN;
    facts.tags = tags;
    facts.tag_count = COUNT(tags);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct policy_parameter parameters[] = {
            {STR("desyncMode"), str_from_cstr(rows[i].desync_mode)},
            {STR("internetFacingMode"), str_from_cstr(rows[i].facing)},
            {STR("internalMode"), str_from_cstr(rows[i].internal)},
            {STR("profiles"), str_from_cstr(rows[i].profiles)}};
        struct evaluation *result = evaluate(&facts, policy_with(parameters, COUNT(parameters)));
        bool is_unknown = rows[i].required == MODE_UNKNOWN;
        const struct finding *finding = find(result, FINDING_PROFILE_UNKNOWN);
        if (result->required_mode != rows[i].required || finding == NULL ||
            result->compliance != (is_unknown ? COMPLIANCE_UNKNOWN : NON_COMPLIANT)) {
            fail_msg("%s: %s", rows[i].name, mode_name(result->required_mode));
            return;
        }
        assert_str(result->reason, is_unknown ? "the scheme could not be read" : "");
        assert_contains(finding->message, is_unknown ? ", so the required mode is not known. Set it"
                                                     : "is required. Set it");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_mode_follows_profile_then_scheme_never_below_the_minimum),
        cmocka_unit_test(unknown_profile_takes_the_strictest_named_and_never_lowers),
        cmocka_unit_test(long_profile_name_is_left_out_of_the_reason),
        cmocka_unit_test(unknown_profile_of_an_unknown_scheme_is_never_guessed),
        cmocka_unit_test(unknown_scheme_matters_only_where_the_schemes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
