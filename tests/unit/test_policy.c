/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena arena;

/* Name and value in turn, NULL at the end. */
static str table_lookup(const void *context, const char *name) {
    const char *const *table = context;
    for (size_t i = 0; table[i] != NULL; i += 2) {
        if (strcmp(table[i], name) == 0) {
            return str_from_cstr(table[i + 1]);
        }
    }
    return STR_EMPTY;
}

struct outcome {
    enum status status;
    struct policy policy;
    struct error error;
};

static struct outcome *parse(const struct policy_parameter *parameters, size_t count,
                             const char *const *environment) {
    struct outcome *outcome = ARENA_NEW(&arena, struct outcome);
    struct policy_source source = {.parameters = parameters,
                                   .parameter_count = count,
                                   .from_environment = environment == NULL ? NULL : table_lookup,
                                   .context = environment};
    outcome->status = policy_parse(&source, &arena, &outcome->policy, &outcome->error);
    return outcome;
}

static struct outcome *parse_one(const char *name, const char *value) {
    struct policy_parameter parameter = {str_from_cstr(name), str_from_cstr(value)};
    return parse(&parameter, 1, NULL);
}

static void assert_str(str actual, const char *expected) {
    assert_string_equal(str_to_cstr(&arena, actual), expected);
}

static void assert_mentions(const struct error *error, const char *part) {
    if (!str_contains(error->message, str_from_cstr(part))) {
        fail_msg("no '%s' in: %s", part, str_to_cstr(&arena, error->message));
    }
}

static void policy_without_parameters_is_the_contract_default(void **state) {
    (void)state;
    struct outcome *outcome = parse(NULL, 0, NULL);
    const struct policy *policy = &outcome->policy;
    assert_int_equal(outcome->status, STATUS_OK);
    assert_int_equal(policy->mode_min, MODE_DEFENSIVE);
    assert_int_equal(policy->mode_min_internet_facing, MODE_UNKNOWN);
    assert_int_equal(policy->mode_min_internal, MODE_UNKNOWN);
    assert_str(policy->profile_tag, "DesyncProfile");
    assert_int_equal(policy->profile_count, 2);
    assert_str(policy->profiles[0].name, "modern");
    assert_int_equal(policy->profiles[0].mode, MODE_STRICTEST);
    assert_str(policy->profiles[1].name, "legacy");
    assert_int_equal(policy->profiles[1].mode, MODE_DEFENSIVE);
    assert_int_equal(policy->required_tag_count, 1);
    assert_str(policy->required_tags[0].key, "Owner");
    assert_int_equal(policy->required_tags[0].allowed_count, 0);
    assert_int_equal(policy->owner_tag_count, 4);
    assert_str(policy->owner_tags[3], "team");
    assert_str(policy->exception_tag_prefix, "desync-exception");
    assert_int_equal(policy->max_exception_days, 90);
    assert_int_equal(policy->exception_warning_days, 14);
    assert_int_equal(policy->drop_invalid_headers, HEADERS_ADVISE);
    assert_int_equal(policy->max_non_compliant_days, 7);
}

static void desync_mode_takes_the_weakest_listed_in_any_spelling(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        enum desync_mode mode_min;
    } rows[] = {
        {"managed rule default", "defensive, strictest", MODE_DEFENSIVE},
        {"other order", "strictest,defensive", MODE_DEFENSIVE},
        {"PCI pack's quoting", "defensive', 'strictest'", MODE_DEFENSIVE},
        {"double quotes", "\"defensive\", \"strictest\"", MODE_DEFENSIVE},
        {"quotes and blanks mixed", " ' strictest \" ", MODE_STRICTEST},
        {"capitals", "Defensive,STRICTEST", MODE_DEFENSIVE},
        {"one", "strictest", MODE_STRICTEST},
        {"all three", "strictest,monitor,defensive", MODE_MONITOR},
        {"twice the same", "strictest,strictest", MODE_STRICTEST},
        {"trailing comma", "strictest,", MODE_STRICTEST},
        {"empty entries", ",,\t,strictest,,", MODE_STRICTEST},
        {"line breaks", "\ndefensive,\r\nstrictest\n", MODE_DEFENSIVE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome *outcome = parse_one("desyncMode", rows[i].value);
        if (outcome->status != STATUS_OK || outcome->policy.mode_min != rows[i].mode_min) {
            fail_msg("%s", rows[i].name);
        }
    }
}

static void lists_are_split_trimmed_and_unquoted(void **state) {
    (void)state;
    const struct policy_parameter parameters[] = {
        {STR("requiredTags"), STR(" Owner , Env = prod | 'dev' ,\"Cost\"=a=b|c")},
        {STR("ownerTags"), STR("Contact, 'Team'")},
        {STR("profiles"), STR("web = STRICTEST, 'Web'='Monitor'")},
        {STR("profileTag"), STR(" Tier ")},
        {STR("exceptionTagPrefix"), STR("waiver:desync")},
        {STR("dropInvalidHeaders"), STR("Require")},
        {STR("maxExceptionDays"), STR(" 0 ")},
        {STR("exceptionWarningDays"), STR("3650")},
        {STR("maxNonCompliantDays"), STR("\"30\"")},
    };
    struct outcome *outcome = parse(parameters, COUNT(parameters), NULL);
    const struct policy *policy = &outcome->policy;
    assert_int_equal(outcome->status, STATUS_OK);
    assert_int_equal(policy->required_tag_count, 3);
    assert_str(policy->required_tags[0].key, "Owner");
    assert_str(policy->required_tags[1].key, "Env");
    assert_int_equal(policy->required_tags[1].allowed_count, 2);
    assert_str(policy->required_tags[1].allowed[0], "prod");
    assert_str(policy->required_tags[1].allowed[1], "dev");
    assert_str(policy->required_tags[2].key, "Cost");
    assert_str(policy->required_tags[2].allowed[0], "a=b");
    assert_int_equal(policy->owner_tag_count, 2);
    assert_str(policy->owner_tags[1], "Team");
    assert_int_equal(policy->profile_count, 2);
    assert_str(policy->profiles[1].name, "Web");
    assert_int_equal(policy->profiles[1].mode, MODE_MONITOR);
    assert_str(policy->profile_tag, "Tier");
    assert_str(policy->exception_tag_prefix, "waiver:desync");
    assert_int_equal(policy->drop_invalid_headers, HEADERS_REQUIRE);
    assert_int_equal(policy->max_exception_days, 0);
    assert_int_equal(policy->exception_warning_days, 3650);
    assert_int_equal(policy->max_non_compliant_days, 30);
}

#define TEN "a,b,c,d,e,f,g,h,i,j,"
#define KEY_OF_120                                                                                 \
    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"                                 \
    "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static void bad_values_are_refused_with_name_value_and_what_is_accepted(void **state) {
    (void)state;
    static const struct {
        const char *parameter;
        const char *value;
        const char *shown;
        const char *accepted;
    } rows[] = {
        {"desyncMode", "strict", "\"strict\"", "defensive"},
        {"desyncMode", "defensive;strictest", "\"defensive;strictest\"", "comma-separated"},
        {"desyncMode", "defensive,off", "\"off\"", "monitor"},
        {"desyncMode", ",", "\",\"", "monitor"},
        {"desyncMode", "''", "\"''\"", "monitor"},
        {"internetFacingMode", "none", "\"none\"", "strictest"},
        {"internalMode", "defensive,strictest", "\"defensive,strictest\"", "strictest"},
        {"profiles", "modern", "\"modern\"", "name=mode"},
        {"profiles", "=strictest", "\"=strictest\"", "name=mode"},
        {"profiles", "modern=", "\"\"", "name=mode"},
        {"profiles", "modern=strict", "\"strict\"", "name=mode"},
        {"profiles", "a=monitor,a=strictest", "\"a\" is listed twice", "name=mode"},
        {"profileTag", "A,B", "\"A,B\"", "one tag key"},
        {"profileTag", "''", "\"\"", "one tag key"},
        {"requiredTags", "=prod", "\"=prod\"", "Key=value"},
        {"requiredTags", "Env=", "holds no entry", "Key=value"},
        {"requiredTags", "Env=|", "\"|\"", "Key=value"},
        {"requiredTags", "Owner,Owner=x", "\"Owner\" is listed twice", "Key"},
        {"requiredTags", TEN "k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7,8", "32", "Key"},
        {"requiredTags", "\xFF", "UTF-8", "Key"},
        {"requiredTags", "none,Owner", "\"none\" stands for no tag", "none, or a comma-separated"},
        {"requiredTags", "Owner, None ", "\"None\" stands for no tag", "none, or a comma-"},
        {"requiredTags", "none,none", "\"none\" stands for no tag", "none, or a comma-separated"},
        {"requiredTags", "none=a|b", "\"none=a|b\" stands for no tag", "none, or"},
        {"requiredTags", TEN "k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6,7", "32", "at most 32"},
        {"ownerTags", KEY_OF_120 "kkkkkkkkk", "too long", "tag keys"},
        {"exceptionTagPrefix", KEY_OF_120, "too long", "119"},
        {"exceptionTagPrefix", "a,b", "\"a,b\"", "119"},
        {"maxExceptionDays", "-1", "\"-1\"", "0 to 3650"},
        {"maxExceptionDays", "3651", "\"3651\"", "0 to 3650"},
        {"maxExceptionDays", "99999999999999999999", "\"99999999999999999999\"", "3650"},
        {"exceptionWarningDays", "14.0", "\"14.0\"", "whole number"},
        {"exceptionWarningDays", "0x10", "\"0x10\"", "whole number"},
        {"maxNonCompliantDays", "a week", "\"a week\"", "whole number"},
        {"maxNonCompliantDays", "1 0", "\"1 0\"", "whole number"},
        {"dropInvalidHeaders", "yes", "\"yes\"", "ignore, advise or require"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome *outcome = parse_one(rows[i].parameter, rows[i].value);
        if (outcome->status != STATUS_INVALID_PARAMETER ||
            outcome->error.status != STATUS_INVALID_PARAMETER) {
            fail_msg("accepted: %s = '%s'", rows[i].parameter, rows[i].value);
        }
        assert_true(str_starts_with(outcome->error.message, str_from_cstr(rows[i].parameter)));
        assert_mentions(&outcome->error, rows[i].shown);
        assert_mentions(&outcome->error, "accepted: ");
        assert_mentions(&outcome->error, rows[i].accepted);
    }
}

static void required_tags_none_requires_no_tag(void **state) {
    (void)state;
    static const char *const VALUES[] = {"none", " none ", "'none'", "None", "\"NONE\",", "none,"};
    for (size_t i = 0; i < COUNT(VALUES); i++) {
        struct outcome *outcome = parse_one("requiredTags", VALUES[i]);
        print_message("%s\n", VALUES[i]);
        assert_int_equal(outcome->status, STATUS_OK);
        assert_int_equal(outcome->policy.required_tag_count, 0);
    }
    assert_int_equal(parse_one("requiredTags", "none-such")->policy.required_tag_count, 1);
}

static void lists_of_32_entries_and_keys_of_full_length_are_accepted(void **state) {
    (void)state;
    struct outcome *outcome =
        parse_one("requiredTags", TEN "k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,1,2,3,4,5,6");
    assert_int_equal(outcome->status, STATUS_OK);
    assert_int_equal(outcome->policy.required_tag_count, POLICY_LIST_MAX);
    assert_int_equal(parse_one("ownerTags", KEY_OF_120 "kkkkkkkk")->status, STATUS_OK);
    /* 128 characters, not bytes */
    assert_int_equal(parse_one("profileTag", KEY_OF_120 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9")->status,
                     STATUS_OK);
}

static void long_and_broken_values_are_shown_cut_and_on_one_line(void **state) {
    (void)state;
    char value[10241];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    value[3] = '\n';
    value[4] = '\x1b';
    value[5] = '\xFF';
    struct outcome *outcome = parse_one("desyncMode", value);
    assert_int_equal(outcome->status, STATUS_INVALID_PARAMETER);
    assert_true(outcome->error.message.len < 400);
    assert_int_equal(str_find_char(outcome->error.message, '\n'), outcome->error.message.len);
    assert_int_equal(str_find_char(outcome->error.message, '\x1b'), outcome->error.message.len);
    assert_int_equal(str_utf8_valid_prefix(outcome->error.message), outcome->error.message.len);
}

static void unknown_parameter_is_named_with_all_accepted_ones(void **state) {
    (void)state;
    static const struct {
        const char *given;
        const char *suggestion;
    } rows[] = {
        {"desyncmode", "did you mean desyncMode?"},
        {"DesyncMode", "did you mean desyncMode?"},
        {"REQUIRED_TAGS", "did you mean requiredTags?"},
        {"desyncModeType", NULL},
        {"", NULL},
        {" desyncMode", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome *outcome = parse_one(rows[i].given, "");
        if (outcome->status != STATUS_INVALID_PARAMETER) {
            fail_msg("accepted: '%s'", rows[i].given);
        }
        if (rows[i].suggestion != NULL) {
            assert_mentions(&outcome->error, rows[i].suggestion);
        } else {
            assert_false(str_contains(outcome->error.message, STR("did you mean")));
        }
        size_t count;
        const struct policy_parameter_info *infos = policy_parameter_infos(&count);
        for (size_t k = 0; k < count; k++) {
            assert_mentions(&outcome->error, infos[k].name);
        }
    }
}

static void rule_parameters_win_over_the_environment_and_blank_counts_as_not_given(void **state) {
    (void)state;
    static const char *const environment[] = {
        "DESYNC_MODE", "strictest",     "MAX_EXCEPTION_DAYS",          "30", "PROFILE_TAG",
        " \t ",        "INTERNAL_MODE", "nonsense that is overridden", NULL};
    const struct policy_parameter parameters[] = {
        {STR("maxExceptionDays"), STR("5")},
        {STR("internalMode"), STR("strictest")},
        {STR("desyncMode"), STR("  ")},
        {STR("requiredTags"), STR_EMPTY},
    };
    struct outcome *outcome = parse(parameters, COUNT(parameters), environment);
    assert_int_equal(outcome->status, STATUS_OK);
    assert_int_equal(outcome->policy.max_exception_days, 5);
    assert_int_equal(outcome->policy.mode_min, MODE_STRICTEST);
    assert_int_equal(outcome->policy.mode_min_internal, MODE_STRICTEST);
    assert_str(outcome->policy.profile_tag, "DesyncProfile");
    assert_str(outcome->policy.required_tags[0].key, "Owner");
}

static void bad_environment_value_names_the_variable(void **state) {
    (void)state;
    static const char *const environment[] = {"MAX_EXCEPTION_DAYS", "many", NULL};
    struct outcome *outcome = parse(NULL, 0, environment);
    assert_int_equal(outcome->status, STATUS_INVALID_PARAMETER);
    assert_true(str_starts_with(outcome->error.message, STR("MAX_EXCEPTION_DAYS: \"many\"")));
}

static void every_parameter_is_read_from_its_variable(void **state) {
    (void)state;
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    assert_int_equal(count, 12);
    for (size_t i = 0; i < count; i++) {
        const char *const environment[] = {infos[i].environment, ",", NULL};
        struct outcome *outcome = parse(NULL, 0, environment);
        if (outcome->status != STATUS_INVALID_PARAMETER ||
            !str_starts_with(outcome->error.message, str_from_cstr(infos[i].environment))) {
            fail_msg("not read: %s", infos[i].environment);
        }
        assert_true(strlen(infos[i].accepted) > 10);
    }
}

static void every_default_in_the_table_parses_as_the_default(void **state) {
    (void)state;
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    struct outcome *plain = parse(NULL, 0, NULL);
    for (size_t i = 0; i < count; i++) {
        struct outcome *outcome = parse_one(infos[i].name, infos[i].value_default);
        if (outcome->status != STATUS_OK || outcome->policy.mode_min != plain->policy.mode_min ||
            outcome->policy.profile_count != plain->policy.profile_count ||
            outcome->policy.max_exception_days != plain->policy.max_exception_days) {
            fail_msg("%s", infos[i].name);
        }
    }
}

static void scheme_minimum_below_desync_mode_names_both_parameters(void **state) {
    (void)state;
    static const char *const modes[] = {"monitor", "defensive", "strictest"};
    static const char *const schemes[] = {"internetFacingMode", "internalMode"};
    for (size_t s = 0; s < COUNT(schemes); s++) {
        for (size_t low = 0; low < COUNT(modes); low++) {
            for (size_t high = 0; high < COUNT(modes); high++) {
                const struct policy_parameter parameters[] = {
                    {str_from_cstr(schemes[s]), str_from_cstr(modes[low])},
                    {STR("desyncMode"), str_from_cstr(modes[high])},
                };
                struct outcome *outcome = parse(parameters, COUNT(parameters), NULL);
                if ((outcome->status == STATUS_OK) != (low >= high)) {
                    fail_msg("%s %s, desyncMode %s", schemes[s], modes[low], modes[high]);
                }
                if (low < high) {
                    assert_int_equal(outcome->status, STATUS_INVALID_PARAMETER);
                    assert_mentions(&outcome->error, schemes[s]);
                    assert_mentions(&outcome->error, "desyncMode");
                }
            }
        }
    }
    struct outcome *against_default = parse_one("internalMode", "monitor");
    assert_int_equal(against_default->status, STATUS_INVALID_PARAMETER);
    assert_mentions(&against_default->error, "desyncMode");
}

static void profile_below_desync_mode_is_no_contradiction(void **state) {
    (void)state;
    struct outcome *outcome = parse_one("desyncMode", "strictest");
    assert_int_equal(outcome->status, STATUS_OK);
    assert_int_equal(outcome->policy.profiles[1].mode, MODE_DEFENSIVE);
}

static int reset(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

static void b5_policies_are_equal_where_they_judge_alike(void **state) {
    (void)state;
    static const struct {
        const char *name, *a, *b;
        bool is_equal;
    } rows[] = {
        {"desyncMode", "defensive,strictest", "'Strictest', defensive", true},
        {"desyncMode", "defensive", "strictest", false},
        {"internalMode", "", "defensive", true}, /* the minimum anyway */
        {"internetFacingMode", "", "strictest", false},
        {"profiles", "a=strictest,b=defensive", "b=defensive,a=strictest", true},
        {"profiles", "a=strictest,b=defensive", "a=strictest,c=defensive", false},
        {"profiles", "a=strictest", "a=defensive", false},
        {"requiredTags", "Owner,Team=a|b", "Team=b|a,Owner", true},
        {"requiredTags", "Team=a|b", "Team=a", false},
        {"requiredTags", "Team=a", "Team", false},
        {"requiredTags", "Owner", "none", false},
        {"ownerTags", "Owner,Team", "Team,Owner", false}, /* the first of them wins */
        {"profileTag", "A", "B", false},
        {"exceptionTagPrefix", "a", "b", false},
        {"maxExceptionDays", "90", "30", false},
        {"exceptionWarningDays", "14", "7", false},
        {"dropInvalidHeaders", "advise", "require", false},
        {"maxNonCompliantDays", "7", "8", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct policy *a = &parse_one(rows[i].name, rows[i].a)->policy;
        const struct policy *b = &parse_one(rows[i].name, rows[i].b)->policy;
        if (policy_equal(a, b) != rows[i].is_equal || policy_equal(b, a) != rows[i].is_equal ||
            !policy_equal(a, a)) {
            fail_msg("%s: %s and %s", rows[i].name, rows[i].a, rows[i].b);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_without_parameters_is_the_contract_default),
        cmocka_unit_test(desync_mode_takes_the_weakest_listed_in_any_spelling),
        cmocka_unit_test(lists_are_split_trimmed_and_unquoted),
        cmocka_unit_test(bad_values_are_refused_with_name_value_and_what_is_accepted),
        cmocka_unit_test(required_tags_none_requires_no_tag),
        cmocka_unit_test(lists_of_32_entries_and_keys_of_full_length_are_accepted),
        cmocka_unit_test(long_and_broken_values_are_shown_cut_and_on_one_line),
        cmocka_unit_test(unknown_parameter_is_named_with_all_accepted_ones),
        cmocka_unit_test(rule_parameters_win_over_the_environment_and_blank_counts_as_not_given),
        cmocka_unit_test(bad_environment_value_names_the_variable),
        cmocka_unit_test(every_parameter_is_read_from_its_variable),
        cmocka_unit_test(every_default_in_the_table_parses_as_the_default),
        cmocka_unit_test(scheme_minimum_below_desync_mode_names_both_parameters),
        cmocka_unit_test(profile_below_desync_mode_is_no_contradiction),
        cmocka_unit_test(b5_policies_are_equal_where_they_judge_alike),
    };
    return cmocka_run_group_tests(tests, NULL, reset);
}
