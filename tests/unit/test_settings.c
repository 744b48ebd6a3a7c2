/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_bench.h"

static void settings_have_these_defaults(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, NULL, NULL), STATUS_OK);
    assert_str(bench.guard.settings.region, "eu-west-1");
    assert_true(bench.guard.settings.warms_up);
    assert_int_equal(bench.guard.settings.elb_requests_per_second, 9);
    assert_str(bench.guard.settings.report.bucket, "");
    assert_str(bench.guard.settings.report.metrics_namespace, "DesyncGuard");
    end(&bench);
}

static void settings_region_has_a_second_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *region;
    } rows[] = {
        {"AWS_REGION", "us-gov-west-1", "us-gov-west-1"},
        {"AWS_REGION", "", ""},
        {"AWS_DEFAULT_REGION", "us-east-1", "eu-west-1"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        assert_int_equal(parse(&bench, rows[i].name, rows[i].value), STATUS_OK);
        assert_str(bench.guard.settings.region, rows[i].region);
        end(&bench);
    }
}

static str only_default_region(const struct env *env, const char *name) {
    return strcmp(name, "AWS_DEFAULT_REGION") == 0 ? str_from_cstr(env->context) : STR_EMPTY;
}

static void settings_default_region_counts_when_there_is_no_other(void **state) {
    (void)state;
    struct bench bench;
    (void)parse(&bench, NULL, NULL);
    struct guard_settings settings;
    struct env env = {.get = only_default_region, .context = "ap-south-1"};
    assert_int_equal(guard_settings_parse(&env, &bench.arena, &settings, &bench.error), STATUS_OK);
    assert_str(settings.region, "ap-south-1");
    env.context = "no region";
    assert_int_equal(guard_settings_parse(&env, &bench.arena, &settings, &bench.error),
                     STATUS_CONFIGURATION);
    assert_str(bench.error.message, "AWS_DEFAULT_REGION is \"no region\", which is no AWS Region");
    end(&bench);
}

static void settings_warm_up_is_on_or_off(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool warms_up;
    } rows[] = {{"on", true}, {"ON", true}, {"off", false}, {"Off", false}, {"", true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        if (parse(&bench, "WARM_UP", rows[i].value) != STATUS_OK ||
            bench.guard.settings.warms_up != rows[i].warms_up) {
            fail_msg("WARM_UP=%s", rows[i].value);
        }
        end(&bench);
    }
}

static void settings_requests_per_second_are_1_to_10_or_off(void **state) {
    (void)state;
    static const struct {
        const char *value;
        int per_second;
    } rows[] = {{"1", 1}, {"5", 5}, {"10", 10}, {"off", 0}, {"OFF", 0}, {"", 9}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bench bench;
        if (parse(&bench, "ELB_REQUESTS_PER_SECOND", rows[i].value) != STATUS_OK ||
            bench.guard.settings.elb_requests_per_second != rows[i].per_second) {
            fail_msg("ELB_REQUESTS_PER_SECOND=%s", rows[i].value);
        }
        end(&bench);
    }
}

static const struct {
    const char *name;
    const char *value;
    const char *says[3];
} BAD[] = {
    {"AWS_REGION", "moon", {"AWS_REGION is \"moon\"", "no AWS Region"}},
    {"AWS_REGION", "eu-west-1/x", {"AWS_REGION is \"eu-west-1/x\""}},
    {"AWS_REGION", "\xff\xfe", {"AWS_REGION"}},
    {"WARM_UP", "yes", {"WARM_UP is \"yes\"", "accepted: on, off"}},
    {"WARM_UP", "o", {"WARM_UP is \"o\"", "accepted: on, off"}},
    {"ELB_REQUESTS_PER_SECOND", "0", {"ELB_REQUESTS_PER_SECOND is \"0\"", "accepted: 1..10, off"}},
    {"RESERVED_CONCURRENCY", "0", {"RESERVED_CONCURRENCY is \"0\"", "accepted: 1..10000"}},
    {"RESERVED_CONCURRENCY", "five", {"is \"five\"", "accepted: 1..10000"}},
    {"ELB_REQUESTS_PER_SECOND", "11", {"is \"11\"", "accepted: 1..10, off"}},
    {"ELB_REQUESTS_PER_SECOND", "-1", {"is \"-1\"", "accepted: 1..10, off"}},
    {"ELB_REQUESTS_PER_SECOND", "5.5", {"is \"5.5\"", "accepted: 1..10, off"}},
    {"ELB_REQUESTS_PER_SECOND", "ten", {"is \"ten\"", "accepted: 1..10, off"}},
    {"ELB_REQUESTS_PER_SECOND", "99999999999999999999", {"is \"9999", "accepted: 1..10, off"}},
    {"DESYNC_MODE", "lax", {"DESYNC_MODE", "lax", "monitor, defensive or strictest"}},
    {"INTERNET_FACING_MODE", "lax", {"INTERNET_FACING_MODE", "lax", "strictest"}},
    {"INTERNET_FACING_MODE", "monitor", {"INTERNET_FACING_MODE", "monitor", "defensive"}},
    {"INTERNAL_MODE", "lax", {"INTERNAL_MODE", "lax", "strictest"}},
    {"PROFILES", "modern", {"PROFILES", "modern", "name=mode"}},
    {"REQUIRED_TAGS", "a,a", {"REQUIRED_TAGS", "accepted"}},
    {"MAX_EXCEPTION_DAYS", "x", {"MAX_EXCEPTION_DAYS", "x", "0 to 3650"}},
    {"EXCEPTION_WARNING_DAYS", "-1", {"EXCEPTION_WARNING_DAYS", "0 to 3650"}},
    {"DROP_INVALID_HEADERS", "maybe", {"DROP_INVALID_HEADERS", "ignore, advise or require"}},
    {"MAX_NON_COMPLIANT_DAYS", "3651", {"MAX_NON_COMPLIANT_DAYS", "0 to 3650"}},
};

static void settings_refuse_a_bad_value_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(BAD); i++) {
        struct bench bench;
        enum status status = parse(&bench, BAD[i].name, BAD[i].value);
        bool is_good = status == STATUS_CONFIGURATION && bench.error.status == status;
        for (size_t n = 0; n < 3 && BAD[i].says[n] != NULL; n++) {
            is_good = is_good && str_contains(bench.error.message, str_from_cstr(BAD[i].says[n]));
        }
        if (!is_good) {
            fail_msg("%s=%s: %s: %.*s", BAD[i].name, BAD[i].value, status_name(status),
                     STR_ARG(bench.error.message));
        }
        end(&bench);
    }
}

/* Every parameter of the policy is checked at the start: its variable is looked at. */
static void settings_check_all_variables_of_the_policy(void **state) {
    (void)state;
    static const char *const GOOD[][2] = {
        {"DESYNC_MODE", "monitor"},
        {"INTERNET_FACING_MODE", "strictest"},
        {"INTERNAL_MODE", "defensive"},
        {"PROFILE_TAG", "Profile"},
        {"PROFILES", "a=monitor"},
        {"REQUIRED_TAGS", "Owner,Env=a|b"},
        {"OWNER_TAGS", "Chef"},
        {"EXCEPTION_TAG_PREFIX", "x"},
        {"MAX_EXCEPTION_DAYS", "0"},
        {"EXCEPTION_WARNING_DAYS", "3650"},
        {"DROP_INVALID_HEADERS", "ignore"},
        {"MAX_NON_COMPLIANT_DAYS", "1"},
    };
    size_t count = 0;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    assert_int_equal(count, COUNT(GOOD));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(infos[i].environment, GOOD[i][0]);
        struct bench bench;
        if (parse(&bench, GOOD[i][0], GOOD[i][1]) != STATUS_OK) {
            fail_msg("%s=%s: %.*s", GOOD[i][0], GOOD[i][1], STR_ARG(bench.error.message));
        }
        end(&bench);
    }
}

/* ---- what is about acting ---- */

static void act_settings_have_these_defaults(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, NULL, NULL), STATUS_OK);
    const struct control_settings *control = &bench.guard.settings.control;
    assert_int_equal(control->enforcement.enforcement, ENFORCEMENT_OFF);
    assert_int_equal(control->enforcement.max_changes_per_run, 25);
    assert_int_equal(control->enforcement.fight_limit, 3);
    assert_true(str_is_empty(control->state_table) && str_is_empty(control->alert_topic_arn));
    assert_true(str_is_empty(control->config_rule_name) &&
                str_is_empty(control->cross_account_role));
    assert_false(control->imports_findings);
    assert_int_equal(control->allowed_accounts.count, 0);
    end(&bench);
}

static void promotion_settings_have_these_defaults(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, NULL, NULL), STATUS_OK);
    const struct promotion_config *config = &bench.guard.settings.control.promotion;
    assert_int_equal(config->promotion, PROMOTION_RECOMMEND);
    assert_int_equal(config->evidence.evidence_days, 14);
    assert_int_equal(config->evidence.requests_min, 1000);
    assert_true(config->evidence.blocked_percent_max == 0);
    assert_int_equal(config->watch.minutes, 60);
    assert_true(config->watch.error_increase_max == 5);
    assert_str(config->ring_tag, "DesyncRing");
    assert_true(config->evidence.risk_percent_max == 0.1);
    assert_int_equal(config->evidence.days_min, 7);
    assert_int_equal(config->evidence.clients_min.internet_facing, 10);
    assert_int_equal(config->evidence.clients_min.internal, 2);
    assert_int_equal(config->evidence.source, EVIDENCE_LOGS);
    assert_int_equal(config->open_watches_max, 5);
    assert_int_equal(config->watch.requests_min, 1000);
    assert_int_equal(config->watch.days_max, 7);
    end(&bench);
}

static const struct {
    struct variables variables[2];
    const char *says; /* with PROMOTION=enforce; NULL: nothing */
} CONTRADICTIONS[] = {
    {{{"MAX_OPEN_WATCHES", "0"}}, "PROMOTION is enforce and MAX_OPEN_WATCHES is 0"},
    {{{"PROMOTION_MAX_RISK_PERCENT", "0"}},
     "PROMOTION is enforce and PROMOTION_MAX_RISK_PERCENT is 0"},
    {{{"PROMOTION_MAX_RISK_PERCENT", "0.00"}},
     "PROMOTION is enforce and PROMOTION_MAX_RISK_PERCENT is 0"},
    {{{"MAX_CHANGES_PER_HOUR", "0"}}, NULL}, /* to pause */
    {{{"WATCH_MINUTES", "2881"}, {"WATCH_MAX_DAYS", "2"}},
     "WATCH_MINUTES is 2881, which is longer than WATCH_MAX_DAYS, 2"},
    {{{"WATCH_MINUTES", "2880"}, {"WATCH_MAX_DAYS", "2"}}, NULL},
    {{{"EVIDENCE_DAYS", "6"}}, "EVIDENCE_DAYS is 6, which is less than PROMOTION_MIN_DAYS, 7"},
    {{{"EVIDENCE_DAYS", "6"}, {"PROMOTION_MIN_DAYS", "6"}}, NULL},
};

static str listed_variable(const struct env *env, const char *name) {
    const struct variables *variables = env->context;
    for (; variables->name != NULL; variables++) {
        if (strcmp(variables->name, name) == 0) {
            return str_from_cstr(variables->value);
        }
    }
    return STR_EMPTY;
}

static void limits_that_contradict_each_other_stop_promotion_only(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(CONTRADICTIONS); i++) {
        bool promotes = i % 2 == 0;
        const char *says = promotes ? CONTRADICTIONS[i / 2].says : NULL;
        struct variables variables[4] = {{"PROMOTION", promotes ? "enforce" : "recommend"}};
        memcpy(&variables[1], CONTRADICTIONS[i / 2].variables, 2 * sizeof *variables);
        const struct env env = {.get = listed_variable, .context = variables};
        struct arena arena = {0};
        struct guard_settings settings;
        struct error error = {0};
        enum status status = guard_settings_parse(&env, &arena, &settings, &error);
        assert_int_equal(status, says == NULL ? STATUS_OK : STATUS_CONFIGURATION);
        assert_true(says == NULL || str_contains(error.message, str_from_cstr(says)));
        arena_clean_up(&arena);
    }
}

static void percentages_are_read_with_their_fractions(void **state) {
    (void)state;
    struct bench bench;
    assert_int_equal(parse(&bench, "PROMOTION_MAX_BLOCKED_PERCENT", "0.125"), STATUS_OK);
    assert_true(bench.guard.settings.control.promotion.evidence.blocked_percent_max == 0.125);
    end(&bench);
    assert_int_equal(parse(&bench, "WATCH_MAX_ERROR_INCREASE_PERCENT", "12.5"), STATUS_OK);
    assert_true(bench.guard.settings.control.promotion.watch.error_increase_max == 12.5);
    end(&bench);
}

#define TOPIC "arn:aws:sns:eu-west-1:111122223333:alerts"

static const struct {
    const char *name, *value;
    const char *says; /* NULL: it is good */
} ACT_ROWS[] = {
    {"ENFORCEMENT", "Enforce", NULL},
    {"ENFORCEMENT", "plan", NULL},
    {"ENFORCEMENT", "on", "ENFORCEMENT is \"on\"; accepted: off, plan, enforce"},
    {"REPORT_BUCKET", "my-reports.example", NULL},
    {"REPORT_BUCKET", "My-Reports", "REPORT_BUCKET is \"My-Reports\"; accepted: the name of"},
    {"REPORT_BUCKET", "ab", "the name of an S3 bucket"},
    {"REPORT_BUCKET_OWNER", "111122223333", NULL},
    {"REPORT_BUCKET_OWNER", "11112222333x", "accepted: an account id of 12 digits"},
    {"REPORT_BUCKET_REGION", "eu-west-1", NULL},
    {"REPORT_BUCKET_REGION", "Ireland", "accepted: an AWS Region"},
    {"REPORT_PREFIX", "security/desync", NULL},
    {"REPORT_PREFIX", "/security", "without a leading /"},
    {"METRICS_NAMESPACE", "Platform/Desync", NULL},
    {"METRICS_NAMESPACE", "AWS/ApplicationELB", "do not begin with AWS/"},
    {"SECURITY_HUB", "on", NULL},
    {"SECURITY_HUB", "yes", "SECURITY_HUB is \"yes\"; accepted: off, on"},
    {"MAX_CHANGES_PER_RUN", "0", NULL},
    {"MAX_CHANGES_PER_RUN", "1000", NULL},
    {"MAX_CHANGES_PER_RUN", "1001", "accepted: 0..1000"},
    {"MAX_CHANGES_PER_RUN", "-1", "accepted: 0..1000"},
    {"MAX_CHANGES_PER_RUN", "2.5", "accepted: 0..1000"},
    {"PROMOTION", "off", NULL},
    {"PROMOTION", "Enforce", NULL},
    {"PROMOTION", "on", "PROMOTION is \"on\"; accepted: off, recommend, enforce"},
    {"EVIDENCE_DAYS", "90", NULL},
    {"EVIDENCE_DAYS", "0", "EVIDENCE_DAYS is \"0\"; accepted: 1..90"},
    {"EVIDENCE_DAYS", "91", "accepted: 1..90"},
    {"PROMOTION_MIN_REQUESTS", "1", NULL},
    {"PROMOTION_MIN_REQUESTS", "0", "accepted: 1..1000000000"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "0.000001", NULL},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "100", NULL},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "100.1", "accepted: 0..100, with up to 6 digits"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "-1", "PROMOTION_MAX_BLOCKED_PERCENT is \"-1\""},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "1e1", "accepted: 0..100"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "1.", "accepted: 0..100"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", ".5", "accepted: 0..100"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "0.-5", "accepted: 0..100"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "0.0000001", "accepted: 0..100"},
    {"PROMOTION_MAX_BLOCKED_PERCENT", "5 %", "accepted: 0..100"},
    {"PROMOTION_RING_TAG", "wave", NULL},
    {"PROMOTION_RING_TAG", "wave;1",
     "PROMOTION_RING_TAG is \"wave;1\"; accepted: the key of a tag"},
    {"WATCH_MINUTES", "5", NULL},
    {"WATCH_MINUTES", "4", "WATCH_MINUTES is \"4\"; accepted: 5..20160"},
    {"WATCH_MAX_ERROR_INCREASE_PERCENT", "1000", NULL},
    {"WATCH_MAX_ERROR_INCREASE_PERCENT", "1001", "accepted: 0..1000"},
    {"WATCH_MIN_REQUESTS", "0", "WATCH_MIN_REQUESTS is \"0\"; accepted: 1..1000000000"},
    {"WATCH_MAX_DAYS", "22", "WATCH_MAX_DAYS is \"22\"; accepted: 1..21"},
    {"MAX_CHANGES_PER_HOUR", "0", NULL},
    {"MAX_CHANGES_PER_HOUR", "1001", "accepted: 0..1000"},
    {"ENFORCEMENT_MAX_BLOCKED_PERCENT", "0.5", NULL},
    {"ENFORCEMENT_MAX_BLOCKED_PERCENT", "101", "accepted: 0..100"},
    {"MANAGED_LOAD_BALANCERS", "Enforce", NULL},
    {"MANAGED_LOAD_BALANCERS", "off", "accepted: report, enforce"},
    {"REEVALUATE", "verdicts", NULL},
    {"REEVALUATE", "on", "REEVALUATE is \"on\"; accepted: off, changes, verdicts"},
    {"PROMOTION_MAX_RISK_PERCENT", "0.01", NULL},
    {"PROMOTION_MIN_DAYS", "91", "accepted: 1..90"},
    {"PROMOTION_MIN_CLIENTS", "10, 2", NULL},
    {"PROMOTION_MIN_CLIENTS", "7", NULL},
    {"PROMOTION_MIN_CLIENTS", "0,2", "PROMOTION_MIN_CLIENTS is \"0\"; accepted: 1..1000"},
    {"PROMOTION_MIN_CLIENTS", "10,", "PROMOTION_MIN_CLIENTS is \"\"; accepted: 1..1000"},
    {"PROMOTION_MIN_CLIENTS", "1,2,3", "PROMOTION_MIN_CLIENTS is \"2,3\"; accepted: 1..1000"},
    {"PROMOTION_EVIDENCE", "any", NULL},
    {"PROMOTION_EVIDENCE", "metrics", "accepted: logs, any"},
    {"MAX_OPEN_WATCHES", "0", NULL},
    {"FIGHT_LIMIT", "1", NULL},
    {"FIGHT_LIMIT", "32", NULL},
    {"FIGHT_LIMIT", "0", "FIGHT_LIMIT is \"0\"; accepted: 1..32"},
    {"FIGHT_LIMIT", "33", "accepted: 1..32"},
    {"STATE_TABLE", "desync-guard_1.x", NULL},
    {"STATE_TABLE", "  ", NULL},
    {"STATE_TABLE", "ab", "the name of a DynamoDB table"},
    {"STATE_TABLE", "a table", "STATE_TABLE is \"a table\""},
    {"ALERT_TOPIC_ARN", TOPIC, NULL},
    {"ALERT_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:a_b-1", NULL},
    {"ALERT_TOPIC_ARN", TOPIC ".fifo", "the ARN of a standard SNS topic"},
    {"ALERT_TOPIC_ARN", TOPIC ":subscription", "SNS topic"},
    {"ALERT_TOPIC_ARN", "arn:aws:sqs:eu-west-1:111122223333:alerts", "SNS topic"},
    {"ALERT_TOPIC_ARN", "arn:aws:sns:moon:111122223333:alerts", "SNS topic"},
    {"ALERT_TOPIC_ARN", "arn:aws:sns:eu-west-1:1111:alerts", "SNS topic"},
    {"ALERT_TOPIC_ARN", "alerts", "SNS topic"},
    {"CONFIG_RULE_NAME", "desync-guard_1", NULL},
    {"CONFIG_RULE_NAME", "a rule", "the name of an AWS Config rule"},
    {"EXTERNAL_ID", "org:desync/1", NULL},
    {"EXTERNAL_ID", "x", "2 to 1224 characters"},
    {"CROSS_ACCOUNT_ROLE", "/reader", "without a leading /"},
    {"CROSS_ACCOUNT_ROLE", "reader", "CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together"},
    {"ALLOWED_ACCOUNTS", "111122223333", "CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together"},
    {"ALLOWED_ACCOUNTS", "111122223333,", "ALLOWED_ACCOUNTS is \"\""},
    {"ALLOWED_ACCOUNTS", "11112222333a", "account ids of 12 digits"},
    {"ALLOWED_ACCOUNTS", "*", "account ids of 12 digits"},
};

static void act_settings_are_checked_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(ACT_ROWS); i++) {
        struct bench bench;
        enum status status = parse(&bench, ACT_ROWS[i].name, ACT_ROWS[i].value);
        bool is_good = ACT_ROWS[i].says == NULL
                           ? status == STATUS_OK
                           : status == STATUS_CONFIGURATION &&
                                 str_contains(bench.error.message, str_from_cstr(ACT_ROWS[i].says));
        if (!is_good) {
            fail_msg("%s=%s: %s: %.*s", ACT_ROWS[i].name, ACT_ROWS[i].value, status_name(status),
                     STR_ARG(bench.error.message));
        }
        end(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_have_these_defaults),
        cmocka_unit_test(settings_region_has_a_second_name),
        cmocka_unit_test(settings_default_region_counts_when_there_is_no_other),
        cmocka_unit_test(settings_warm_up_is_on_or_off),
        cmocka_unit_test(settings_requests_per_second_are_1_to_10_or_off),
        cmocka_unit_test(settings_refuse_a_bad_value_by_name),
        cmocka_unit_test(settings_check_all_variables_of_the_policy),
        cmocka_unit_test(act_settings_have_these_defaults),
        cmocka_unit_test(promotion_settings_have_these_defaults),
        cmocka_unit_test(limits_that_contradict_each_other_stop_promotion_only),
        cmocka_unit_test(percentages_are_read_with_their_fractions),
        cmocka_unit_test(act_settings_are_checked_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
