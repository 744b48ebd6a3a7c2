/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings from the environment: one row a variable; a blank variable counts as not given. The
 * default of a row is text and goes through the same reader, so that it can be no value that a user
 * could not give. And the clients that are made from them.
 */
#include <stddef.h>
#include <string.h>

#include "app_internal.h"
#include "aws/region.h"
#include "base/ascii.h"
#include "control/accounts.h"
#include "policy/transition.h"
#include "table/traffic_days.h"

/* --- readers -------------------------------------------------------------------------------- */

struct settings_reading;
/* CONFIGURATION names the variable, its value and what is accepted. */
typedef enum status read_fn(const struct settings_reading *reading, void *target);

struct settings_row {
    const char *name;
    read_fn *read;
    size_t offset;         /* of the target in struct guard_settings */
    const char *fallback;  /* the default, as a user would write it; NULL: left zero */
    int min;               /* of a count, or of the length of a text */
    int max;               /* of a count, a percentage, or the length of a text */
    bool has_off;          /* a count that may be "off", which is 0 */
    const char *others;    /* what a text may hold beside letters and digits */
    const char *not_first; /* those of them that it must not begin with; NULL: none */
    bool (*is_valid)(str); /* what else a text must be; NULL: nothing */
    const char *accepted;  /* for the message; the words of a choice, of which case is ignored */
};

/* One variable on its way into the settings. */
struct settings_reading {
    const struct settings_row *row;
    str value; /* not empty */
    struct arena *arena;
    struct error *error;
};

#define DECIMALS_MAX 6

static enum status refuse(const struct settings_reading *reading, const char *accepted) {
    return error_set(reading->error, reading->arena, STATUS_CONFIGURATION,
                     "%s is \"%" STR_FMT "\"; accepted: %s", reading->row->name,
                     STR_ARG(str_utf8_prefix(reading->value, 64)), accepted);
}

/* An enum, whose values are the indexes of the accepted words. */
static enum status read_choice(const struct settings_reading *reading, void *target) {
    str rest = str_from_cstr(reading->row->accepted);
    for (unsigned index = 0; rest.ptr != NULL; index++) {
        if (str_eq_ignore_case(reading->value, str_trim(str_split(&rest, ',')))) {
            *(unsigned *)target = index;
            return STATUS_OK;
        }
    }
    return refuse(reading, reading->row->accepted);
}

static enum status read_switch(const struct settings_reading *reading, void *target) {
    unsigned index = 0;
    TRY(read_choice(reading, &index));
    *(bool *)target = str_eq_ignore_case(reading->value, STR("on"));
    return STATUS_OK;
}

static enum status read_count(const struct settings_reading *reading, void *target) {
    const struct settings_row *row = reading->row;
    int64_t value = 0;
    if (row->has_off && str_eq_ignore_case(reading->value, STR("off"))) {
        *(int *)target = 0;
    } else if (str_parse_i64(reading->value, &value) && value >= row->min && value <= row->max) {
        *(int *)target = (int)value;
    } else {
        str accepted =
            str_format(reading->arena, "%d..%d%s", row->min, row->max, row->has_off ? ", off" : "");
        return refuse(reading, str_to_cstr(reading->arena, accepted));
    }
    return STATUS_OK;
}

/* Digits and a point, no sign and no exponent. */
static bool parse_decimal(str text, double *value_out) {
    size_t point = str_find_char(text, '.');
    double scale = 1;
    *value_out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (i != point && !ascii_is_digit(text.ptr[i])) {
            return false;
        }
        *value_out = i == point ? *value_out : *value_out * 10 + (text.ptr[i] - '0');
        scale *= i > point ? 10 : 1;
    }
    *value_out /= scale;
    return point > 0 && point <= 9 && point + 1 != text.len && text.len <= point + 1 + DECIMALS_MAX;
}

static enum status read_percent(const struct settings_reading *reading, void *target) {
    int max = reading->row->max;
    double value = 0;
    if (!parse_decimal(reading->value, &value) || value > max) {
        str accepted = str_format(reading->arena, "0..%d, with up to %d digits after the point",
                                  max, DECIMALS_MAX);
        return refuse(reading, str_to_cstr(reading->arena, accepted));
    }
    *(double *)target = value;
    return STATUS_OK;
}

/* min..max letters, digits and characters of `others`. */
static bool is_name(str text, size_t min, size_t max, const char *others) {
    return text.len >= min && text.len <= max && ascii_is_made_of(text, str_from_cstr(others));
}

/* "10,2"; one number is both. */
static enum status read_clients(const struct settings_reading *reading, void *target) {
    struct clients_min *clients = target;
    str rest = reading->value;
    struct settings_reading one = *reading;
    one.value = str_trim(str_split(&rest, ','));
    TRY(read_count(&one, &clients->internet_facing));
    one.value = rest.ptr == NULL ? one.value : str_trim(rest);
    return read_count(&one, &clients->internal);
}

static enum status read_text(const struct settings_reading *reading, void *target) {
    const struct settings_row *row = reading->row;
    str text = reading->value;
    bool begins_badly =
        row->not_first != NULL &&
        str_find_char(str_from_cstr(row->not_first), text.ptr[0]) < strlen(row->not_first);
    if (!is_name(text, (size_t)row->min, (size_t)row->max, row->others) || begins_badly ||
        (row->is_valid != NULL && !row->is_valid(text))) {
        return refuse(reading, row->accepted);
    }
    *(str *)target = text;
    return STATUS_OK;
}

static bool is_account_id(str text) {
    return text.len == 12 && ascii_has_only(text, ascii_is_digit);
}

static enum status read_accounts(const struct settings_reading *reading, void *target) {
    struct account_list *list = target;
    for (str rest = reading->value; rest.ptr != NULL;) {
        str account = str_trim(str_split(&rest, ','));
        if (!is_account_id(account) || list->count == ALLOWED_ACCOUNTS_MAX) {
            struct settings_reading one = *reading;
            one.value = account;
            return refuse(&one, reading->row->accepted);
        }
        list->ids[list->count++] = account;
    }
    return STATUS_OK;
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
    return !ascii_has_upper(text);
}

static bool is_namespace(str text) {
    return !str_starts_with(text, STR("AWS/"));
}

#define AT(member)   .offset = offsetof(struct guard_settings, member)
#define TEXT(member) .read = read_text, AT(member)

/* Every variable but the Region and those of the policy. */
static const struct settings_row ROWS[] = {
    /* main has set the log up by now, in time for an error here; these two are only checked. */
    {"AWS_LAMBDA_LOG_FORMAT", read_choice, AT(checked), .accepted = "Text, JSON"},
    {"AWS_LAMBDA_LOG_LEVEL", read_choice, AT(checked),
     .accepted = "TRACE, DEBUG, INFO, WARN, ERROR, FATAL"},
    {"WARM_UP", read_switch, AT(warms_up), "on", .accepted = "on, off"},
    /* At most what Lambda gives to one execution environment. */
    {"AWS_LAMBDA_MAX_CONCURRENCY", read_count, AT(concurrency), "1", .min = 1, .max = 2000},
    /* AWS allows 10 calls a second, to all callers together. */
    {"ELB_REQUESTS_PER_SECOND", read_count, AT(elb_requests_per_second), "9", .min = 1,
     .max = (int)PACE_RATE_MAX, .has_off = true},
    /* Lambda's ReservedConcurrentExecutions of the function. */
    {"RESERVED_CONCURRENCY", read_count, AT(reserved_concurrency), .min = 1, .max = 10000},
    {"ENFORCEMENT", read_choice, AT(control.enforcement.enforcement), "off",
     .accepted = "off, plan, enforce"},
    {"SECURITY_HUB", read_switch, AT(control.imports_findings), "off", .accepted = "off, on"},
    {"MAX_CHANGES_PER_RUN", read_count, AT(control.enforcement.max_changes_per_run), "25", .min = 0,
     .max = 1000 /* more is no limit */},
    {"MAX_CHANGES_PER_HOUR", read_count, AT(control.enforcement.max_changes_per_hour), "25",
     .min = 0, .max = 1000},
    {"ENFORCEMENT_MAX_BLOCKED_PERCENT", read_percent, AT(control.enforcement.blocked_percent_max),
     "1", .max = 100},
    {"MANAGED_LOAD_BALANCERS", read_choice, AT(control.enforcement.managed), "report",
     .accepted = "report, enforce"},
    {"REEVALUATE", read_choice, AT(control.reevaluation), "changes",
     .accepted = "off, changes, verdicts"},
    /* A limit beyond what is remembered would never be reached. */
    {"FIGHT_LIMIT", read_count, AT(control.enforcement.fight_limit), "3", .min = 1,
     .max = CORRECTIONS_MAX},
    {"STATE_TABLE", TEXT(control.state_table), .min = 3, .max = 255, .others = "_.-",
     .accepted = "the name of a DynamoDB table"},
    {"ALERT_TOPIC_ARN", TEXT(control.alert_topic_arn), .min = 1, .max = 512, .others = ":_-",
     .is_valid = is_topic_arn, .accepted = "the ARN of a standard SNS topic"},
    {"CONFIG_RULE_NAME", TEXT(control.config_rule_name), .min = 1, .max = 128, .others = "_-",
     .accepted = "the name of an AWS Config rule"},
    {"CROSS_ACCOUNT_ROLE", TEXT(control.cross_account_role), .min = 1, .max = 576,
     .others = "_+=,.@-/", .not_first = "/",
     .accepted = "the name of an IAM role, with its path but without a leading /"},
    {"EXTERNAL_ID", TEXT(control.external_id), .min = 2, .max = 1224, .others = "_+=,.@:/-",
     .accepted = "2 to 1224 characters of an external id"},
    {"ALLOWED_ACCOUNTS", read_accounts, AT(control.allowed_accounts),
     .accepted = "up to 256 account ids of 12 digits, comma-separated"},
    {"PROMOTION", read_choice, AT(control.promotion.promotion), "recommend",
     .accepted = "off, recommend, enforce"},
    /* At most 90: fewer than TRAFFIC items and ended watches are kept. */
    {"EVIDENCE_DAYS", read_count, AT(control.promotion.evidence.evidence_days), "14", .min = 1,
     .max = 90},
    {"PROMOTION_MIN_REQUESTS", read_count, AT(control.promotion.evidence.requests_min), "1000",
     .min = 1, .max = 1000000000},
    {"PROMOTION_MAX_BLOCKED_PERCENT", read_percent,
     AT(control.promotion.evidence.blocked_percent_max), "0", .max = 100},
    {"PROMOTION_MAX_RISK_PERCENT", read_percent, AT(control.promotion.evidence.risk_percent_max),
     "0.1", .max = 100},
    {"PROMOTION_MIN_DAYS", read_count, AT(control.promotion.evidence.days_min), "7", .min = 1,
     .max = 90},
    {"PROMOTION_MIN_CLIENTS", read_clients, AT(control.promotion.evidence.clients_min), "10,2",
     .min = 1, .max = 1000},
    {"PROMOTION_EVIDENCE", read_choice, AT(control.promotion.evidence.source), "logs",
     .accepted = "logs, any"},
    {"MAX_OPEN_WATCHES", read_count, AT(control.promotion.open_watches_max), "5", .min = 0,
     .max = 1000},
    /* All that Elastic Load Balancing takes as a tag key, but for letters beyond ASCII. */
    {"PROMOTION_RING_TAG", TEXT(control.promotion.ring_tag), "DesyncRing", .min = 1, .max = 128,
     .others = " _.:/=+-@",
     .accepted = "the key of a tag: 1 to 128 letters, digits, spaces and _.:/=+-@"},
    /* At least 5: CloudWatch counts by the minute, and some values come late. */
    {"WATCH_MINUTES", read_count, AT(control.promotion.watch.minutes), "60", .min = 5,
     .max = WATCH_MINUTES_MAX},
    {"WATCH_MIN_REQUESTS", read_count, AT(control.promotion.watch.requests_min), "1000", .min = 1,
     .max = 1000000000},
    /* The TRAFFIC items of hours, which looks compare, are kept a day longer. */
    {"WATCH_MAX_DAYS", read_count, AT(control.promotion.watch.days_max), "7", .min = 1,
     .max = TRAFFIC_HOUR_KEPT_DAYS - 1},
    {"WATCH_MAX_ERROR_INCREASE_PERCENT", read_percent,
     AT(control.promotion.watch.error_increase_max), "5", .max = 1000},
    {"REPORT_BUCKET", TEXT(report.bucket), .min = 3, .max = 63, .others = ".-", .not_first = ".-",
     .is_valid = is_bucket_name, .accepted = "the name of an S3 bucket"},
    {"REPORT_BUCKET_OWNER", TEXT(report.bucket_owner), .min = 12, .max = 12,
     .is_valid = is_account_id, .accepted = "an account id of 12 digits"},
    {"REPORT_BUCKET_REGION", TEXT(report.bucket_region), .min = 1, .max = 63, .others = "-",
     .is_valid = region_is_valid, .accepted = "an AWS Region"},
    /* Names that need no escaping in a URL or a console link. */
    {"REPORT_PREFIX", TEXT(report.prefix), .min = 1, .max = 512, .others = "/_.-", .not_first = "/",
     .accepted = "letters, digits and /_.- without a leading /"},
    {"METRICS_NAMESPACE", TEXT(report.metrics_namespace), "DesyncGuard", .min = 1, .max = 255,
     .others = "._-/#:", .not_first = ":", .is_valid = is_namespace,
     .accepted = "1 to 255 letters, digits and ._-/#: that do not begin with AWS/"},
};

/* Limits that exclude each other stop the start only where something would be promoted: acting must
 * not stop reporting. */
static enum status check_promotion(const struct promotion_config *promotion, struct arena *arena,
                                   struct error *error) {
    const struct promotion_settings *evidence = &promotion->evidence;
    const struct watch_settings *watch = &promotion->watch;
    if (promotion->promotion != PROMOTION_ENFORCE) {
        return STATUS_OK;
    }
    if (promotion->open_watches_max == 0) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "PROMOTION is enforce and MAX_OPEN_WATCHES is 0, so that nothing could be "
                         "promoted; accepted: 1..1000, or PROMOTION=recommend");
    }
    if (evidence->risk_percent_max <= 0) { /* no upper bound is 0 */
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "PROMOTION is enforce and PROMOTION_MAX_RISK_PERCENT is 0, so that "
                         "nothing could be promoted; accepted: above 0, up to 100, or "
                         "PROMOTION=recommend");
    }
    if (watch->minutes > watch->days_max * 24 * 60) {
        return error_set(
            error, arena, STATUS_CONFIGURATION,
            "WATCH_MINUTES is %d, which is longer than WATCH_MAX_DAYS, %d (%d minutes)",
            watch->minutes, watch->days_max, watch->days_max * 24 * 60);
    }
    if (evidence->evidence_days < evidence->days_min) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "EVIDENCE_DAYS is %d, which is less than PROMOTION_MIN_DAYS, %d",
                         evidence->evidence_days, evidence->days_min);
    }
    return STATUS_OK;
}

static str policy_variable(const void *context, const char *name) {
    return env_get(context, name);
}

enum status guard_settings_parse(const struct env *env, struct arena *arena,
                                 struct guard_settings *settings_out, struct error *error) {
    struct control_settings *control = &settings_out->control;
    struct error cause = {0};
    *settings_out = (struct guard_settings){0};
    settings_out->environment_policy =
        (struct policy_source){.from_environment = policy_variable, .context = env};
    settings_out->region = env_get(env, "AWS_REGION");
    bool is_fallback = str_is_empty(settings_out->region);
    if (is_fallback) {
        settings_out->region = env_get(env, "AWS_DEFAULT_REGION");
    }
    if (!str_is_empty(settings_out->region) && !region_is_valid(settings_out->region)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "%s is \"%" STR_FMT "\", which is no AWS Region",
                         is_fallback ? "AWS_DEFAULT_REGION" : "AWS_REGION",
                         STR_ARG(str_utf8_prefix(settings_out->region, 64)));
    }
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct settings_reading reading = {
            .row = &ROWS[i], .value = env_get(env, ROWS[i].name), .arena = arena, .error = error};
        if (str_is_empty(reading.value) && ROWS[i].fallback != NULL) {
            reading.value = str_from_cstr(ROWS[i].fallback);
        }
        if (!str_is_empty(reading.value)) {
            TRY(ROWS[i].read(&reading, (char *)settings_out + ROWS[i].offset));
        }
    }
    control->promotion.evidence_table = control->state_table;
    /* A role to assume without a list of accounts would follow whatever account an event names. */
    if (str_is_empty(control->cross_account_role) != (control->allowed_accounts.count == 0)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "CROSS_ACCOUNT_ROLE and ALLOWED_ACCOUNTS go together: the role is assumed "
                         "only in accounts that are listed");
    }
    TRY(check_promotion(&control->promotion, arena, error));
    /* The policy variables are checked once here, so that a bad one stops the start and not each
     * event. */
    struct policy *policy = ARENA_NEW(arena, struct policy);
    if (policy_parse(&settings_out->environment_policy, arena, policy, &cause) != STATUS_OK) {
        return error_set(error, arena, STATUS_CONFIGURATION, "%" STR_FMT, STR_ARG(cause.message));
    }
    return STATUS_OK;
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
         "enforcement: it acts as plan (what would be changed is said), and duplicate events are "
         "handled again"},
        {settings->promotion.promotion == PROMOTION_ENFORCE,
         "promotion: it acts as recommend (what would be promoted is said), and the evidence of "
         "access logs"},
        {!str_is_empty(settings->alert_topic_arn), "alerts"},
        {settings->imports_findings, "findings in Security Hub"},
        {!str_is_empty(settings->config_rule_name),
         "the limit on requests for re-evaluation among all copies"},
    };
    for (size_t i = 0; str_is_empty(settings->state_table) && i < sizeof parts / sizeof *parts;
         i++) {
        if (parts[i].is_asked_for) {
            log_off(guard, str_from_cstr(parts[i].what), STR("STATE_TABLE is not set"));
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
                  guard->settings.reserved_concurrency, guard->clock->now_ms(guard->clock));
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
