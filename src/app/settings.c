/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "aws/region.h"
#include "base/ascii.h"
#include "policy/transition.h"
#include "settings_internal.h"

static str policy_variable(const void *context, const char *name) {
    return env_get(context, name);
}

static enum status parse_region(const struct env *env, struct arena *arena, str *region_out,
                                struct error *error) {
    const char *name = "AWS_REGION";
    str region = env_get(env, name);
    if (str_is_empty(region)) {
        name = "AWS_DEFAULT_REGION";
        region = env_get(env, name);
    }
    if (!str_is_empty(region) && !region_is_valid(region)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "%s is \"%" STR_FMT "\", which is no AWS Region", name,
                         STR_ARG(str_utf8_prefix(region, 64)));
    }
    *region_out = region;
    return STATUS_OK;
}

/* The policy variables are checked once here, so that a bad one stops the start and not each event.
 */
static enum status check_policy(const struct guard_settings *settings, struct arena *arena,
                                struct error *error) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error cause = {0};
    if (policy_parse(&settings->environment_policy, arena, policy, &cause) == STATUS_OK) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_CONFIGURATION, "%" STR_FMT, STR_ARG(cause.message));
}

/* min..max letters, digits and characters of `others`. */
static bool is_name(str text, size_t min, size_t max, const char *others) {
    return text.len >= min && text.len <= max && ascii_is_made_of(text, str_from_cstr(others));
}

static bool is_table_name(str text) {
    return is_name(text, 3, 255, "_.-");
}

static bool is_rule_name(str text) {
    return is_name(text, 1, 128, "_-");
}

static bool is_role_name(str text) {
    return is_name(text, 1, 576, "_+=,.@-/") && text.ptr[0] != '/';
}

static bool is_external_id(str text) {
    return is_name(text, 2, 1224, "_+=,.@:/-");
}

/* All that Elastic Load Balancing takes as a tag key, but for letters beyond ASCII. */
static bool is_tag_key(str text) {
    return is_name(text, 1, 128, " _.:/=+-@");
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
           is_name(parts[4], 12, 12, "") && is_name(parts[5], 1, 256, "_-");
}

/* S3 allows capital letters in buckets from before 2018 only. */
static bool is_bucket_name(str text) {
    return is_name(text, 3, 63, ".-") && text.ptr[0] != '.' && text.ptr[0] != '-' &&
           !ascii_has_upper(text);
}

/* Names that need no escaping in a URL or a console link. */
static bool is_prefix(str text) {
    return is_name(text, 1, 512, "/_.-") && text.ptr[0] != '/';
}

static bool is_namespace(str text) {
    return is_name(text, 1, 255, "._-/#:") && text.ptr[0] != ':' &&
           !str_starts_with(text, STR("AWS/"));
}

#define AT(member)   .offset = offsetof(struct guard_settings, member)
#define TEXT(member) .read = settings_read_text, AT(member)

static const char *const ON_OFF[] = {"on", "off", NULL};
static const char *const OFF_ON[] = {"off", "on", NULL};
static const char *const ENFORCEMENTS[] = {"off", "plan", "enforce", NULL};
static const char *const PROMOTIONS[] = {"off", "recommend", "enforce", NULL};
static const char *const LOG_FORMATS[] = {"Text", "JSON", NULL};
static const char *const LOG_LEVELS[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};

/* Every variable but the Region and those of the policy. */
static const struct settings_row ROWS[] = {
    /* main has set the log up by now, in time for an error here; these two are only checked. */
    {"AWS_LAMBDA_LOG_FORMAT", settings_read_choice, AT(checked), .choices = LOG_FORMATS},
    {"AWS_LAMBDA_LOG_LEVEL", settings_read_choice, AT(checked), .choices = LOG_LEVELS},
    {"WARM_UP", settings_read_switch, AT(warms_up), "on", .choices = ON_OFF},
    /* At most what Lambda gives to one execution environment. */
    {"AWS_LAMBDA_MAX_CONCURRENCY", settings_read_count, AT(concurrency), "1", .min = 1,
     .max = 2000},
    /* AWS allows 10 calls a second, to all callers together. */
    {"ELB_REQUESTS_PER_SECOND", settings_read_count, AT(elb_requests_per_second), "9", .min = 1,
     .max = (int)PACE_RATE_MAX, .has_off = true},
    {"ENFORCEMENT", settings_read_choice, AT(control.enforcement.enforcement), "off",
     .choices = ENFORCEMENTS},
    {"SECURITY_HUB", settings_read_switch, AT(control.imports_findings), "off", .choices = OFF_ON},
    {"MAX_CHANGES_PER_RUN", settings_read_count, AT(control.enforcement.max_changes_per_run), "25",
     .min = 0, .max = 1000 /* more is no limit */},
    /* A limit beyond what is remembered would never be reached. */
    {"FIGHT_LIMIT", settings_read_count, AT(control.enforcement.fight_limit), "3", .min = 1,
     .max = CORRECTIONS_MAX},
    {"STATE_TABLE", TEXT(control.state_table), .is_valid = is_table_name,
     .accepted = "the name of a DynamoDB table"},
    {"ALERT_TOPIC_ARN", TEXT(control.alert_topic_arn), .is_valid = is_topic_arn,
     .accepted = "the ARN of a standard SNS topic"},
    {"CONFIG_RULE_NAME", TEXT(control.config_rule_name), .is_valid = is_rule_name,
     .accepted = "the name of an AWS Config rule"},
    {"CROSS_ACCOUNT_ROLE", TEXT(control.cross_account_role), .is_valid = is_role_name,
     .accepted = "the name of an IAM role, with its path but without a leading /"},
    {"EXTERNAL_ID", TEXT(control.external_id), .is_valid = is_external_id,
     .accepted = "2 to 1224 characters of an external id"},
    {"ALLOWED_ACCOUNTS", settings_read_accounts, AT(control.allowed_accounts),
     .accepted = "up to 256 account ids of 12 digits, comma-separated"},
    {"PROMOTION", settings_read_choice, AT(control.promotion.promotion), "recommend",
     .choices = PROMOTIONS},
    /* At most 90: fewer than TRAFFIC items and ended watches are kept. */
    {"EVIDENCE_DAYS", settings_read_count, AT(control.promotion.evidence.evidence_days), "14",
     .min = 1, .max = 90},
    {"PROMOTION_MIN_REQUESTS", settings_read_count, AT(control.promotion.evidence.requests_min),
     "1000", .min = 1, .max = 1000000000},
    {"PROMOTION_MAX_BLOCKED_PERCENT", settings_read_percent,
     AT(control.promotion.evidence.blocked_percent_max), "0", .max = 100},
    {"PROMOTION_RING_TAG", TEXT(control.promotion.ring_tag), "DesyncRing", .is_valid = is_tag_key,
     .accepted = "the key of a tag: 1 to 128 letters, digits, spaces and _.:/=+-@"},
    /* At least 5: CloudWatch counts by the minute, and some values come late. */
    {"WATCH_MINUTES", settings_read_count, AT(control.promotion.watch.minutes), "60", .min = 5,
     .max = 24 * 60},
    {"WATCH_MAX_ERROR_INCREASE_PERCENT", settings_read_percent,
     AT(control.promotion.watch.error_increase_max), "5", .max = 1000},
    {"REPORT_BUCKET", TEXT(report.bucket), .is_valid = is_bucket_name,
     .accepted = "the name of an S3 bucket"},
    {"REPORT_PREFIX", TEXT(report.prefix), .is_valid = is_prefix,
     .accepted = "letters, digits and /_.- without a leading /"},
    {"METRICS_NAMESPACE", TEXT(report.metrics_namespace), "DesyncGuard", .is_valid = is_namespace,
     .accepted = "1 to 255 letters, digits and ._-/#: that do not begin with AWS/"},
};

/* A role to assume without a list of accounts would follow whatever account an event names. */
static enum status check_cross_account(const struct control_settings *settings, struct arena *arena,
                                       struct error *error) {
    if (str_is_empty(settings->cross_account_role) == (settings->allowed_accounts.count == 0)) {
        return STATUS_OK;
    }
    return error_set(
        error, arena, STATUS_CONFIGURATION,
        "CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together: the role is assumed only "
        "in accounts that are listed");
}

enum status guard_settings_parse(const struct env *env, struct arena *arena,
                                 struct guard_settings *settings_out, struct error *error) {
    *settings_out = (struct guard_settings){0};
    settings_out->environment_policy =
        (struct policy_source){.from_environment = policy_variable, .context = env};
    TRY(parse_region(env, arena, &settings_out->region, error));
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        TRY(settings_read_row(&ROWS[i], env, settings_out, arena, error));
    }
    settings_out->control.promotion.evidence_table = settings_out->control.state_table;
    TRY(check_cross_account(&settings_out->control, arena, error));
    return check_policy(settings_out, arena, error);
}

/* Settings that exclude each other (FIPS and an override) stop the start, not each event. */
static enum status check_endpoints(const struct guard *guard, struct arena *arena,
                                   struct error *error) {
    static const enum aws_service NEEDED[] = {AWS_CONFIG, AWS_ELBV2};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++) {
        struct endpoint endpoint;
        struct error cause = {0};
        if (endpoint_resolve(&guard->aws.endpoints, NEEDED[i], guard->settings.region, arena,
                             &endpoint, &cause) != STATUS_OK) {
            return error_set(error, arena, STATUS_CONFIGURATION, "%" STR_FMT,
                             STR_ARG(cause.message));
        }
    }
    return STATUS_OK;
}

/* Names what is asked for but off because there is no state table. */
static void log_what_is_off(const struct guard *guard) {
    const struct control_settings *settings = &guard->settings.control;
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
            LOG(guard->log, LOG_WARN, "off", LOG_STR("part", str_from_cstr(parts[i].what)),
                LOG_STR("reason", STR("STATE_TABLE is not set")));
        }
    }
}

enum status app_connect(struct guard *guard, struct transport *transport, struct arena *arena,
                        struct error *error) {
    if (str_is_empty(guard->settings.region)) {
        return error_set(error, arena, STATUS_CONFIGURATION, "AWS_REGION is not set");
    }
    TRY(aws_client_init(&guard->aws, transport, guard->clock, guard->env, arena, error));
    guard->aws.region = guard->settings.region;
    TRY(check_endpoints(guard, arena, error));
    if (guard->settings.elb_requests_per_second > 0) {
        guard->aws.pace = ARENA_NEW(arena, struct pace);
        pace_init(guard->aws.pace, guard->settings.elb_requests_per_second,
                  guard->clock->now_ms(guard->clock));
    }
    guard->home = guard->aws;
    log_what_is_off(guard);
    return STATUS_OK;
}

/* AWS Config is what every verdict is reported to. Elastic Load Balancing is asked only for what an
 * event does not say, and each handshake lengthens INIT by a good millisecond. */
size_t app_warm_up_urls(const struct guard *guard, struct arena *arena, str urls[static 4]) {
    struct endpoint endpoint;
    if (endpoint_resolve(&guard->aws.endpoints, AWS_CONFIG, guard->settings.region, arena,
                         &endpoint, NULL) != STATUS_OK) {
        return 0;
    }
    urls[0] = endpoint.url;
    return 1;
}
