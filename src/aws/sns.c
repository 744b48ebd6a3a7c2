/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: a message is published at most once by a call. SNS does not recognise a
 * repeat, so an attempt that may have arrived is not repeated. What SNS would refuse is refused
 * here, with a reason.
 */
#include "aws/sns.h"

#include "aws/region.h"
#include "base/ascii.h"
#include "call_internal.h"

#define NAME_BYTES_MAX 256
#define ATTRIBUTES_MAX 10 /* more are refused for topics with raw delivery to SQS */
#define ARN_BYTES_MAX  512
/* Percent-encoding makes three bytes of one; the rest is for names and the topic. */
#define FORM_BYTES_MAX  ((size_t)SNS_MESSAGE_BYTES_MAX * 3 + 16384)
#define TYPE_OF_STRINGS "String"

/* ---- guards: what AWS would refuse is refused here ---- */

static bool is_text(str text) {
    return text.len > 0 && str_utf8_valid_prefix(text) == text.len;
}

/* C0, DEL, and C1 in their two bytes. `text` is valid UTF-8. */
static bool has_control_character(str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool is_c1 = c == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;
        if (c < ' ' || c == 0x7F || is_c1) {
            return true;
        }
    }
    return false;
}

/* SNS also refuses line ends and control characters: a subject becomes a header of a mail. */
static bool is_subject(str subject) {
    return is_text(subject) && !has_control_character(subject) && subject.ptr[0] != ' ' &&
           str_utf8_count(subject) <= SNS_SUBJECT_CHARACTERS_MAX;
}

static bool is_name(str name) {
    return name.len > 0 && name.len <= NAME_BYTES_MAX && ascii_is_made_of(name, STR("_-."));
}

static const char *attributes_problem(const struct sns_message *message) {
    if (message->attribute_count > ATTRIBUTES_MAX) {
        return "more than 10 attributes";
    }
    for (size_t i = 0; i < message->attribute_count; i++) {
        if (!is_name(message->attributes[i].name) || !is_text(message->attributes[i].value)) {
            return "an attribute without a proper name or value";
        }
        for (size_t j = 0; j < i; j++) {
            if (str_eq(message->attributes[i].name, message->attributes[j].name)) {
                return "the same attribute twice";
            }
        }
    }
    return NULL;
}

/* arn:<partition>:sns:<region>:<account>:<name>; empty when it is none. */
static str region_of_topic(str arn) {
    str rest = arn;
    bool is_arn = arn.len <= ARN_BYTES_MAX && str_eq(str_split(&rest, ':'), STR("arn"));
    bool has_partition = !str_is_empty(str_split(&rest, ':'));
    bool is_sns = str_eq(str_split(&rest, ':'), STR("sns"));
    str region = str_split(&rest, ':');
    bool has_account = !str_is_empty(str_split(&rest, ':'));
    bool is_topic = is_arn && has_partition && is_sns && has_account && is_name(rest);
    return is_topic && region_is_valid(region) ? region : STR_EMPTY;
}

/* What is wrong with the message, or NULL. */
static const char *message_problem(const struct sns_message *message) {
    if (str_is_empty(region_of_topic(message->topic_arn))) {
        return "that is no topic's ARN";
    }
    if (!str_is_empty(message->subject) && !is_subject(message->subject)) {
        return "the subject must be one line of fewer than 100 characters, not begin with a blank";
    }
    return is_text(message->text) ? attributes_problem(message) : "no text, or none in UTF-8";
}

static enum status check(const struct sns_message *message, struct arena *arena,
                         struct error *error) {
    const char *problem = message_problem(message);
    if (problem != NULL) {
        return service_refuse(AWS_SNS, "Publish", problem, arena, error);
    }
    size_t bytes = message->text.len;
    for (size_t i = 0; i < message->attribute_count; i++) {
        bytes += message->attributes[i].name.len + sizeof(TYPE_OF_STRINGS) - 1 +
                 message->attributes[i].value.len;
    }
    if (bytes > SNS_MESSAGE_BYTES_MAX) {
        return error_set(error, arena, STATUS_TOO_LARGE,
                         "sns Publish: the message has %zu bytes, %d are allowed", bytes,
                         SNS_MESSAGE_BYTES_MAX);
    }
    return STATUS_OK;
}

/* ---- the call ---- */

static void add_attribute(struct service_call *call, size_t number,
                          const struct sns_attribute *attribute) {
    const struct {
        const char *key;
        str value;
    } parts[] = {{"Name", attribute->name},
                 {"Value.DataType", STR(TYPE_OF_STRINGS)},
                 {"Value.StringValue", attribute->value}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        str key =
            str_format(call->body.arena, "MessageAttributes.entry.%zu.%s", number, parts[i].key);
        service_call_add(call, key.ptr, parts[i].value);
    }
}

/* Once it was sent, an answer that cannot be read leaves the outcome unknown: see
 * is_not_repeatable. */
static enum status parse_answer(void *context, struct arena *arena,
                                const struct http_response *response, struct error *error) {
    str *message_id = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "Publish", &result, error));
    str found = str_trim(xml_child_text(result, "MessageId"));
    if (str_is_empty(found)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no message id");
    }
    *message_id = found;
    return STATUS_OK;
}

enum status sns_publish(struct aws_client *client, const struct sns_message *message,
                        struct arena *arena, str *message_id_out, struct error *error) {
    struct service_call call;
    str message_id = STR_EMPTY;
    TRY(check(message, arena, error));
    service_call_begin(&call, arena, FORM_BYTES_MAX,
                       &(struct aws_request){.service = AWS_SNS,
                                             .operation = "Publish",
                                             .region = region_of_topic(message->topic_arn),
                                             .is_not_repeatable = true,
                                             .parse = parse_answer,
                                             .context = &message_id});
    service_call_add(&call, "TopicArn", message->topic_arn);
    if (!str_is_empty(message->subject)) {
        service_call_add(&call, "Subject", message->subject);
    }
    service_call_add(&call, "Message", message->text);
    for (size_t i = 0; i < message->attribute_count; i++) {
        add_attribute(&call, i + 1, &message->attributes[i]);
    }
    TRY(service_call_send(&call, client, error));
    if (message_id_out != NULL) {
        *message_id_out = message_id;
    }
    return STATUS_OK;
}
