/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/region.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "event_internal.h"

#define ACCEPTED_MESSAGES                                                                          \
    "ConfigurationItemChangeNotification, OversizedConfigurationItemChangeNotification, "          \
    "ScheduledNotification or ConfigurationSnapshotDeliveryCompleted"
#define ACCEPTED_ACTIONS "{\"action\":\"sweep\"}, {\"action\":\"watch\"}, {\"action\":\"report\"}"
#define ACCEPTED_SHAPES                                                                            \
    "accepted: an AWS Config rule invocation (invokingEvent with messageType " ACCEPTED_MESSAGES   \
    "), an EventBridge event \"AWS API Call via CloudTrail\" of Elastic Load Balancing, an S3 "    \
    "object that was created (EventBridge \"Object Created\", an S3 notification, or SQS "         \
    "messages of them), " ACCEPTED_ACTIONS ", or a \"Scheduled Event\""

/* Parses `text` as an object; errors call it `what`. */
static enum status parse_object(str text, const char *what, struct arena *arena,
                                const struct json **object_out, struct error *error) {
    if (str_is_empty(str_trim(text))) {
        return error_set(error, arena, STATUS_INVALID, "%s is empty; " ACCEPTED_SHAPES, what);
    }
    struct json_problem problem = {0};
    enum status status = json_parse(arena, text, &JSON_LIMITS_DEFAULT, object_out, &problem);
    if (status != STATUS_OK) {
        return error_set(error, arena, status, "%s is not valid JSON: %s at byte %zu", what,
                         problem.what, problem.position);
    }
    if (!json_is_object(*object_out)) {
        return error_set(error, arena, STATUS_INVALID,
                         "%s is a JSON %s, not an object; " ACCEPTED_SHAPES, what,
                         json_type_name(*object_out));
    }
    return STATUS_OK;
}

static enum status decode_invoking_event(const struct json *event, struct arena *arena,
                                         const struct json **invoking_out, struct error *error) {
    const struct json *member;
    TRY(decode_member(event, "invokingEvent", arena, &member, error));
    if (json_is_object(member)) {
        *invoking_out = member;
        return STATUS_OK;
    }
    if (!json_is_string(member)) {
        return error_set(error, arena, STATUS_INVALID,
                         "invokingEvent must be a string of JSON, found %s; " ACCEPTED_SHAPES,
                         json_type_name(member));
    }
    return parse_object(json_string(member), "invokingEvent", arena, invoking_out, error);
}

static bool is_account_id(str text) {
    bool is_valid = text.len == 12;
    for (size_t i = 0; i < text.len; i++) {
        is_valid = is_valid && text.ptr[i] >= '0' && text.ptr[i] <= '9';
    }
    return is_valid;
}

static enum status decode_account_id(const struct json *event, struct arena *arena,
                                     str *account_id_out, struct error *error) {
    TRY(decode_string_member(event, "accountId", arena, account_id_out, error));
    if (!str_is_empty(*account_id_out) && !is_account_id(*account_id_out)) {
        return error_set(error, arena, STATUS_INVALID,
                         "accountId must be 12 digits, found \"%" STR_FMT "\"",
                         STR_ARG(str_utf8_prefix(*account_id_out, 64)));
    }
    return STATUS_OK;
}

/* arn:<partition>:config:<region>:<account>:config-rule/... ; service-linked ones have more path
 * parts. The account is the rule's where the event has no accountId. */
static enum status decode_rule_arn(const struct json *event, struct arena *arena,
                                   struct config_invocation *config, struct error *error) {
    str arn;
    TRY(decode_string_member(event, "configRuleArn", arena, &arn, error));
    if (str_is_empty(arn)) {
        return STATUS_OK;
    }
    str parts[5] = {0};
    size_t count = 0;
    for (str rest = arn; rest.ptr != NULL && count < 5;) {
        parts[count++] = str_split(&rest, ':');
    }
    if (count < 4 || !str_eq(parts[0], STR("arn")) || !str_eq(parts[2], STR("config"))) {
        return error_set(error, arena, STATUS_INVALID,
                         "configRuleArn \"%" STR_FMT "\" is no ARN of AWS Config",
                         STR_ARG(str_utf8_prefix(arn, 128)));
    }
    config->region = parts[3];
    if (str_is_empty(config->account_id) && is_account_id(parts[4])) {
        config->account_id = parts[4];
    }
    return STATUS_OK;
}

static enum status decode_left_scope(const struct json *event, struct arena *arena,
                                     bool *has_left_scope, struct error *error) {
    const struct json *member;
    TRY(decode_member(event, "eventLeftScope", arena, &member, error));
    if (member != NULL && !json_is_bool(member) && !json_is_null(member)) {
        return error_set(error, arena, STATUS_INVALID,
                         "eventLeftScope must be true or false, found %s", json_type_name(member));
    }
    *has_left_scope = json_bool(member, false);
    return STATUS_OK;
}

/* The members beside invokingEvent. */
static enum status decode_rule_members(const struct json *event, struct arena *arena,
                                       struct config_invocation *config, struct error *error) {
    str evaluation_mode;
    TRY(decode_string_member(event, "evaluationMode", arena, &evaluation_mode, error));
    config->is_proactive = str_eq(evaluation_mode, STR("PROACTIVE"));
    TRY(decode_string_member(event, "resultToken", arena, &config->result_token, error));
    TRY(decode_left_scope(event, arena, &config->has_left_scope, error));
    TRY(decode_account_id(event, arena, &config->account_id, error));
    TRY(decode_string_member(event, "configRuleName", arena, &config->rule_name, error));
    TRY(decode_rule_arn(event, arena, config, error));
    TRY(decode_check_region("configRuleArn", config->region, arena, error));
    return decode_member(event, "ruleParameters", arena, &config->rule_parameters, error);
}

static enum status decode_item_member(const struct json *invoking, const char *key,
                                      struct arena *arena, struct config_invocation *config,
                                      struct error *error) {
    const struct json *member;
    TRY(decode_member(invoking, key, arena, &member, error));
    const struct json *item = decode_embedded(member, arena);
    if (!json_is_object(item)) {
        return error_set(error, arena, STATUS_INVALID, "%s must be an object, found %s", key,
                         json_type_name(item));
    }
    TRY(decode_config_item(item, config->is_proactive, arena, &config->item, error));
    struct evaluation decided;
    if (config_item_is_to_be_judged(config, &decided)) {
        TRY(decode_check_region("awsRegion", config->item.region, arena, error));
    }
    bool has_region = region_is_valid(config->item.region);
    if (str_is_empty(config->region) && has_region) {
        config->region = config->item.region;
    }
    return STATUS_OK;
}

static const struct {
    const char *type;
    enum config_message message;
    const char *item; /* the member that holds it; NULL: none */
} MESSAGES[] = {
    {"ConfigurationItemChangeNotification", MESSAGE_CHANGE, "configurationItem"},
    {"OversizedConfigurationItemChangeNotification", MESSAGE_OVERSIZED, "configurationItemSummary"},
    {"ScheduledNotification", MESSAGE_SCHEDULED, NULL},
    {"ConfigurationSnapshotDeliveryCompleted", MESSAGE_SCHEDULED, NULL},
};

/* Proactive evaluations judge what the event brings and touch nothing live; a sweep is all live. */
static enum status refuse_proactive_sweep(struct arena *arena, struct error *error) {
    return error_set(error, arena, STATUS_INVALID,
                     "evaluationMode PROACTIVE needs a configurationItem to judge");
}

static enum status decode_message(const struct json *invoking, struct arena *arena,
                                  struct config_invocation *config, struct error *error) {
    str type;
    TRY(decode_string_member(invoking, "messageType", arena, &type, error));
    for (size_t i = 0; i < sizeof MESSAGES / sizeof *MESSAGES; i++) {
        if (str_eq(type, str_from_cstr(MESSAGES[i].type))) {
            config->message = MESSAGES[i].message;
            if (MESSAGES[i].item != NULL) {
                return decode_item_member(invoking, MESSAGES[i].item, arena, config, error);
            }
            return config->is_proactive ? refuse_proactive_sweep(arena, error) : STATUS_OK;
        }
    }
    return error_set(error, arena, STATUS_INVALID,
                     "messageType \"%" STR_FMT "\" is not known; accepted: " ACCEPTED_MESSAGES,
                     STR_ARG(str_utf8_prefix(type, 64)));
}

static enum status decode_config(const struct json *event, struct arena *arena,
                                 struct config_invocation *config, struct error *error) {
    const struct json *invoking;
    TRY(decode_invoking_event(event, arena, &invoking, error));
    TRY(decode_rule_members(event, arena, config, error));
    TRY(decode_time_member(invoking, "notificationCreationTime", arena, &config->notification_ms,
                           error));
    return decode_message(invoking, arena, config, error);
}

static const struct {
    const char *name;
    enum invocation_kind kind;
} ACTIONS[] = {
    {"sweep", INVOCATION_SWEEP},
    {"watch", INVOCATION_WATCH},
    {"report", INVOCATION_REPORT},
};

/* {"action":"sweep"} as our own schedules send it. */
static enum status decode_action(const struct json *action, struct arena *arena,
                                 struct invocation *invocation, struct error *error) {
    for (size_t i = 0; i < sizeof ACTIONS / sizeof *ACTIONS; i++) {
        if (str_eq(json_string(action), str_from_cstr(ACTIONS[i].name))) {
            invocation->kind = ACTIONS[i].kind;
            return STATUS_OK;
        }
    }
    return error_set(error, arena, STATUS_INVALID,
                     "action must be \"sweep\", \"watch\" or \"report\"; " ACCEPTED_SHAPES);
}

enum status decode_event(str event, struct arena *arena, struct invocation *invocation_out,
                         struct error *error) {
    *invocation_out = (struct invocation){.kind = INVOCATION_CONFIG};
    const struct json *root;
    const struct json *member;
    TRY(parse_object(event, "the event", arena, &root, error));
    TRY(decode_member(root, "invokingEvent", arena, &member, error));
    if (member != NULL) {
        return decode_config(root, arena, &invocation_out->config, error);
    }
    TRY(decode_member(root, "action", arena, &member, error));
    if (member != NULL) {
        return decode_action(member, arena, invocation_out, error);
    }
    if (is_elb_event(root)) {
        invocation_out->kind = INVOCATION_ELB_CALL;
        return decode_elb_event(root, arena, &invocation_out->elb_call, error);
    }
    if (str_eq(json_get_string(root, "detail-type"), STR("Scheduled Event"))) {
        invocation_out->kind = INVOCATION_SWEEP;
        return decode_region_member(root, "region", arena, &invocation_out->config.region, error);
    }
    if (is_log_event(root)) {
        invocation_out->kind = INVOCATION_LOG_OBJECTS;
        return decode_log_event(root, arena, &invocation_out->logs, error);
    }
    return error_set(error, arena, STATUS_INVALID,
                     "the event has no invokingEvent; " ACCEPTED_SHAPES);
}
