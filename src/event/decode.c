/* SPDX-License-Identifier: Apache-2.0
 *
 * From the bytes of an event to one struct: which family it is of, and the invocations of AWS
 * Config rules and of our own schedules themselves.
 *
 * The first that fits, top down:
 *
 *   the event has                                      is
 *   invokingEvent                                      a rule of AWS Config asks
 *   action                                             our own schedule
 *   detail-type "AWS API Call via CloudTrail"          a call of the ELB API
 *   detail-type "Scheduled Event"                      a sweep, by an EventBridge rule
 *   Records, source "aws.s3" or Event "s3:TestEvent"   S3 objects
 *
 * Config invokes asynchronously: nobody reads what is returned, and an error makes Lambda repeat
 * the event twice and then send it to the dead-letter queue, if there is one. So what cannot be
 * decoded fails loudly. `version` is not checked: it stayed "1.0" when AWS added evaluationMode.
 */
#include "aws/region.h"
#include "base/ascii.h"
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

/* Errors call the text `subject`. */
static enum status parse_object(const struct reader *reader, const char *subject, str text,
                                const struct json **object_out) {
    struct json_problem problem = {0};
    if (str_is_empty(str_trim(text))) {
        return refuse_event(reader, "%s is empty; " ACCEPTED_SHAPES, subject);
    }
    enum status status =
        json_parse(reader->arena, text, &JSON_LIMITS_DEFAULT, object_out, &problem);
    if (status != STATUS_OK) {
        return error_set(reader->error, reader->arena, status,
                         "%s is not valid JSON: %s at byte %zu", subject, problem.what,
                         problem.position);
    }
    return json_is_object(*object_out)
               ? STATUS_OK
               : refuse_event(reader, "%s is a JSON %s, not an object; " ACCEPTED_SHAPES, subject,
                              json_type_name(*object_out));
}

/* --- AWS Config ----------------------------------------------------------------------------- */

static bool is_account_id(str text) {
    return text.len == 12 && ascii_has_only(text, ascii_is_digit);
}

/* arn:<partition>:config:<region>:<account>:config-rule/... ; service-linked ones have more path
 * parts. The account is the rule's where the event has no accountId. The Region comes from here and
 * not from AWS_REGION: a result token is good only in the Region and account of its rule. */
static enum status read_rule_arn(const struct reader *reader, const struct json *event,
                                 struct config_invocation *config) {
    str arn;
    str parts[5] = {0};
    size_t count = 0;
    TRY(read_text(reader, event, "configRuleArn", &arn));
    if (str_is_empty(arn)) {
        return STATUS_OK;
    }
    for (str rest = arn; rest.ptr != NULL && count < 5;) {
        parts[count++] = str_split(&rest, ':');
    }
    if (count < 4 || !str_eq(parts[0], STR("arn")) || !str_eq(parts[2], STR("config"))) {
        return refuse_event(reader, "configRuleArn %s is no ARN of AWS Config",
                            quote(reader, arn, 128));
    }
    config->region = parts[3];
    if (str_is_empty(config->account_id) && is_account_id(parts[4])) {
        config->account_id = parts[4];
    }
    return check_region(reader, "configRuleArn", config->region);
}

/* The members beside invokingEvent. */
static enum status read_rule_members(const struct reader *reader, const struct json *event,
                                     struct config_invocation *config) {
    str evaluation_mode;
    const struct json *left_scope;
    TRY(read_text(reader, event, "evaluationMode", &evaluation_mode));
    config->is_proactive = str_eq(evaluation_mode, STR("PROACTIVE"));
    TRY(read_text(reader, event, "resultToken", &config->result_token));
    config->is_test = str_eq(config->result_token, STR("TESTMODE"));
    TRY(read_member(reader, event, "eventLeftScope", &left_scope));
    if (left_scope != NULL && !json_is_bool(left_scope) && !json_is_null(left_scope)) {
        return refuse_event(reader, "eventLeftScope must be true or false, found %s",
                            json_type_name(left_scope));
    }
    config->has_left_scope = json_bool(left_scope, false);
    TRY(read_text(reader, event, "accountId", &config->account_id));
    if (!str_is_empty(config->account_id) && !is_account_id(config->account_id)) {
        return refuse_event(reader, "accountId must be 12 digits, found %s",
                            quote(reader, config->account_id, 64));
    }
    TRY(read_text(reader, event, "configRuleName", &config->rule_name));
    TRY(read_rule_arn(reader, event, config));
    return read_member(reader, event, "ruleParameters", &config->rule_parameters);
}

static enum status read_item_member(const struct reader *reader, const struct json *invoking,
                                    const char *key, struct config_invocation *config) {
    const struct json *member;
    struct evaluation decided;
    TRY(read_member(reader, invoking, key, &member));
    const struct json *item = parse_embedded(member, reader->arena);
    if (!json_is_object(item)) {
        return refuse_event(reader, "%s must be an object, found %s", key, json_type_name(item));
    }
    TRY(read_config_item(reader, item, config->is_proactive, &config->item));
    if (config_item_is_to_be_judged(config, &decided)) {
        TRY(check_region(reader, "awsRegion", config->item.region));
    }
    if (str_is_empty(config->region) && region_is_valid(config->item.region)) {
        config->region = config->item.region;
    }
    return STATUS_OK;
}

/* The four values of Config's MessageType. The last is the trigger of old rules that ran at each
 * snapshot: a schedule, in effect. */
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

static enum status read_message(const struct reader *reader, const struct json *invoking,
                                struct config_invocation *config) {
    str type;
    TRY(read_time(reader, invoking, "notificationCreationTime", &config->notification_ms));
    TRY(read_text(reader, invoking, "messageType", &type));
    for (size_t i = 0; i < sizeof MESSAGES / sizeof *MESSAGES; i++) {
        if (!str_eq(type, str_from_cstr(MESSAGES[i].type))) {
            continue;
        }
        config->message = MESSAGES[i].message;
        if (MESSAGES[i].item != NULL) {
            return read_item_member(reader, invoking, MESSAGES[i].item, config);
        }
        /* Proactive evaluations judge what the event brings and read nothing live; a sweep reads
         * all live. */
        return config->is_proactive
                   ? refuse_event(reader,
                                  "evaluationMode PROACTIVE needs a configurationItem to judge")
                   : STATUS_OK;
    }
    return refuse_event(reader, "messageType %s is not known; accepted: " ACCEPTED_MESSAGES,
                        quote(reader, type, 64));
}

static enum status read_config(const struct reader *reader, const struct json *event,
                               const struct json *invoking, struct config_invocation *config) {
    if (json_is_string(invoking)) {
        TRY(parse_object(reader, "invokingEvent", json_string(invoking), &invoking));
    } else if (!json_is_object(invoking)) {
        return refuse_event(reader,
                            "invokingEvent must be a string of JSON, found %s; " ACCEPTED_SHAPES,
                            json_type_name(invoking));
    }
    TRY(read_rule_members(reader, event, config));
    return read_message(reader, invoking, config);
}

/* --- all ------------------------------------------------------------------------------------ */

/* {"action":"sweep"} as our own schedules send it. */
static const struct word ACTIONS[] = {{"sweep", INVOCATION_SWEEP},
                                      {"watch", INVOCATION_WATCH},
                                      {"report", INVOCATION_REPORT},
                                      {NULL, -1}};

enum status decode_event(str event, struct arena *arena, struct invocation *invocation_out,
                         struct error *error) {
    const struct reader reader = {arena, error};
    const struct json *root = NULL;
    const struct json *member = NULL;
    *invocation_out = (struct invocation){.kind = INVOCATION_CONFIG};
    TRY(parse_object(&reader, "the event", event, &root));
    TRY(read_member(&reader, root, "invokingEvent", &member));
    if (member != NULL) {
        return read_config(&reader, root, member, &invocation_out->config);
    }
    TRY(read_member(&reader, root, "action", &member));
    if (member != NULL) {
        int kind = find_word(ACTIONS, json_string(member));
        if (kind < 0) {
            return refuse_event(
                &reader, "action must be \"sweep\", \"watch\" or \"report\"; " ACCEPTED_SHAPES);
        }
        invocation_out->kind = (enum invocation_kind)kind;
        return STATUS_OK;
    }
    if (is_cloudtrail_call(root)) {
        invocation_out->kind = INVOCATION_ELB_CALL;
        return read_cloudtrail_call(&reader, root, &invocation_out->elb_call);
    }
    if (str_eq(json_get_string(root, "detail-type"), STR("Scheduled Event"))) {
        invocation_out->kind = INVOCATION_SWEEP;
        return read_region(&reader, root, "region", &invocation_out->config.region);
    }
    if (is_s3_event(root)) {
        invocation_out->kind = INVOCATION_LOG_OBJECTS;
        return read_s3_event(&reader, root, &invocation_out->logs);
    }
    return refuse_event(&reader, "the event has no invokingEvent; " ACCEPTED_SHAPES);
}
