/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/transition.h"
#include "settings_internal.h"

#define MAX_CHANGES_DEFAULT 25
#define FIGHT_LIMIT_DEFAULT 3
#define CHANGES_MAX         1000 /* more is no limit */

static bool is_table_name(str text) {
    return env_is_name(text, 3, 255, "_.-");
}

static bool is_rule_name(str text) {
    return env_is_name(text, 1, 128, "_-");
}

static bool is_role_name(str text) {
    return env_is_name(text, 1, 576, "_+=,.@-/") && text.ptr[0] != '/';
}

static bool is_external_id(str text) {
    return env_is_name(text, 2, 1224, "_+=,.@:/-");
}

static bool is_topic_arn(str text) {
    str rest = text;
    str parts[6] = {0};
    size_t count = 0;
    while (rest.ptr != NULL && count < 6) {
        parts[count++] = str_split(&rest, ':');
    }
    return rest.ptr == NULL && count == 6 && str_eq(parts[0], STR("arn")) &&
           str_eq(parts[2], STR("sns")) && region_is_valid(parts[3]) &&
           env_is_name(parts[4], 12, 12, "") && env_is_name(parts[5], 1, 256, "_-");
}

static enum status parse_accounts(const struct env *env, struct act_settings *settings,
                                  struct arena *arena, struct error *error) {
    const char *name = "ALLOWED_ACCOUNTS";
    str text = env_get(env, name);
    for (str rest = text; rest.ptr != NULL;) {
        str account = str_trim(str_split(&rest, ','));
        bool is_account = account.len == 12;
        for (size_t i = 0; i < account.len; i++) {
            is_account = is_account && account.ptr[i] >= '0' && account.ptr[i] <= '9';
        }
        if (!is_account || settings->allowed_account_count == ALLOWED_ACCOUNTS_MAX) {
            return env_refuse(name, account, "up to 256 account ids of 12 digits, comma-separated",
                              arena, error);
        }
        settings->allowed_accounts[settings->allowed_account_count++] = account;
    }
    return STATUS_OK;
}

/* A role to assume without a list of accounts would follow whatever account an event names. */
static enum status check_cross_account(const struct act_settings *settings, struct arena *arena,
                                       struct error *error) {
    if (str_is_empty(settings->cross_account_role) == (settings->allowed_account_count == 0)) {
        return STATUS_OK;
    }
    return error_set(
        error, arena, STATUS_CONFIGURATION,
        "CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together: the role is assumed only "
        "in accounts that are listed");
}

static enum status parse_switches(const struct env *env, struct act_settings *settings,
                                  struct arena *arena, struct error *error) {
    static const char *const ENFORCEMENTS[] = {"off", "plan", "enforce", NULL};
    static const char *const OFF_ON[] = {"off", "on", NULL};
    size_t enforcement = 0;
    size_t security_hub = 0;
    TRY(env_choice(env, "ENFORCEMENT", ENFORCEMENTS, &enforcement, arena, error));
    TRY(env_choice(env, "SECURITY_HUB", OFF_ON, &security_hub, arena, error));
    settings->enforcement = (struct enforcement_settings){
        .enforcement = (enum enforcement)enforcement,
        .max_changes_per_run = MAX_CHANGES_DEFAULT,
        .fight_limit = FIGHT_LIMIT_DEFAULT,
    };
    settings->imports_findings = security_hub == 1;
    int *max_changes = &settings->enforcement.max_changes_per_run;
    TRY(env_count(env, "MAX_CHANGES_PER_RUN", (struct env_range){0, CHANGES_MAX}, max_changes,
                  arena, error));
    /* A limit beyond what is remembered would never be reached. */
    int *fight_limit = &settings->enforcement.fight_limit;
    return env_count(env, "FIGHT_LIMIT", (struct env_range){1, CORRECTIONS_MAX}, fight_limit, arena,
                     error);
}

enum status act_settings_parse(const struct env *env, struct arena *arena,
                               struct act_settings *settings_out, struct error *error) {
    *settings_out = (struct act_settings){0};
    const struct {
        const char *name;
        bool (*is_valid)(str);
        const char *accepted;
        str *value;
    } texts[] = {
        {"STATE_TABLE", is_table_name, "the name of a DynamoDB table", &settings_out->state_table},
        {"ALERT_TOPIC_ARN", is_topic_arn, "the ARN of a standard SNS topic",
         &settings_out->alert_topic_arn},
        {"CONFIG_RULE_NAME", is_rule_name, "the name of an AWS Config rule",
         &settings_out->config_rule_name},
        {"CROSS_ACCOUNT_ROLE", is_role_name,
         "the name of an IAM role, with its path but without a leading /",
         &settings_out->cross_account_role},
        {"EXTERNAL_ID", is_external_id, "2 to 1224 characters of an external id",
         &settings_out->external_id},
    };
    TRY(parse_switches(env, settings_out, arena, error));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        TRY(env_text(env, texts[i].name, texts[i].is_valid, texts[i].accepted, texts[i].value,
                     arena, error));
    }
    TRY(promotion_config_parse(env, arena, &settings_out->promotion, error));
    TRY(parse_accounts(env, settings_out, arena, error));
    return check_cross_account(settings_out, arena, error);
}

void act_settings_log_off(const struct app *app) {
    const struct act_settings *settings = &app->settings.act;
    const struct {
        bool is_asked_for;
        const char *what;
    } parts[] = {
        {settings->enforcement.enforcement == ENFORCEMENT_ENFORCE,
         "detection of fights and of duplicate events"},
        {settings->promotion.promotion == PROMOTION_ENFORCE,
         "promotion (what would be promoted is said), and the evidence of access logs"},
        {!str_is_empty(settings->alert_topic_arn), "alerts"},
        {settings->imports_findings, "findings in Security Hub"},
        {!str_is_empty(settings->config_rule_name),
         "one request for re-evaluation a minute among all copies"},
    };
    for (size_t i = 0; str_is_empty(settings->state_table) && i < sizeof parts / sizeof *parts;
         i++) {
        if (parts[i].is_asked_for) {
            LOG(app->log, LOG_WARN, "off", LOG_STR("part", str_from_cstr(parts[i].what)),
                LOG_STR("reason", STR("STATE_TABLE is not set")));
        }
    }
}
