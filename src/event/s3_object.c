/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of S3: an object was created. EventBridge tells it, S3 itself does, or either comes in
 * messages of SQS (through SNS, too). Whatever else S3 tells of is recognised and left alone.
 * Sources: "Event message structure", "Using EventBridge" (Amazon S3 User Guide); "Using Lambda
 * with Amazon SQS" (AWS Lambda Developer Guide).
 */
#include "aws/region.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "event_internal.h"

#define KEY_BYTES_MAX   1024 /* of any object */
#define OBJECTS_AT_ONCE 16

/* Where records are collected. */
struct collector {
    struct log_delivery *delivery;
    struct arena *arena;
    size_t message; /* that is being read */
};

static struct log_object *add_object(struct collector *collector) {
    struct log_delivery *delivery = collector->delivery;
    ARENA_RESERVE(collector->arena, delivery->objects, delivery->object_count + 1,
                  delivery->object_capacity);
    struct log_object *object = &delivery->objects[delivery->object_count++];
    *object = (struct log_object){.message = collector->message};
    return object;
}

/* `where` is the member's whole path, for the message. */
static enum status needed_text(const struct json *object, const char *key, const char *where,
                               struct arena *arena, str *text_out, struct error *error) {
    TRY(decode_string_member(object, key, arena, text_out, error));
    if (str_is_empty(*text_out)) {
        return error_set(error, arena, STATUS_INVALID, "%s is missing", where);
    }
    return STATUS_OK;
}

/* Keys stand in notifications as in a form: "a+b" is "a b", "%2B" is "+". */
static enum status decode_key(str encoded, struct arena *arena, str *key_out, struct error *error) {
    char *text = arena_alloc(arena, encoded.len);
    size_t len = 0;
    bool is_good = true;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.ptr[i] == '+' ? ' ' : encoded.ptr[i];
        if (c == '%') {
            int high = i + 2 < encoded.len ? ascii_hex_value(encoded.ptr[i + 1]) : -1;
            int low = i + 2 < encoded.len ? ascii_hex_value(encoded.ptr[i + 2]) : -1;
            is_good = is_good && high >= 0 && low >= 0 && high + low > 0;
            c = (char)(unsigned char)(16 * high + low);
            i += 2;
        }
        text[len++] = c;
    }
    *key_out = (str){text, len};
    if (!is_good || str_utf8_valid_prefix(*key_out) != len) {
        return error_set(error, arena, STATUS_INVALID,
                         "s3.object.key \"%" STR_FMT "\" is not encoded as in a URL",
                         STR_ARG(str_utf8_prefix(encoded, 128)));
    }
    return STATUS_OK;
}

/* Names of today and of before 2018. A bucket's name becomes part of a host. */
static bool is_bucket_name(str name) {
    return name.len >= 3 && name.len <= 255 && ascii_is_made_of(name, STR(".-_"));
}

static enum status check_names(const struct log_object *object, const char *where,
                               struct arena *arena, struct error *error) {
    if (!is_bucket_name(object->bucket)) {
        return error_set(error, arena, STATUS_INVALID,
                         "%s.bucket.name \"%" STR_FMT "\" is no name of a bucket", where,
                         STR_ARG(str_utf8_prefix(object->bucket, 64)));
    }
    if (object->key.len > KEY_BYTES_MAX) {
        return error_set(error, arena, STATUS_INVALID,
                         "%s.object.key has %zu bytes; S3 allows 1024", where, object->key.len);
    }
    return STATUS_OK;
}

static str without_quotes(str e_tag) {
    bool is_quoted = e_tag.len >= 2 && e_tag.ptr[0] == '"' && e_tag.ptr[e_tag.len - 1] == '"';
    return is_quoted ? str_slice(e_tag, 1, e_tag.len - 1) : e_tag;
}

/* What creates no object may be about none: it is only named. */
static void ignore(struct log_object *object, const struct json *members, str event_name) {
    object->key = json_get_string(members, "key");
    object->ignored_because = event_name;
}

/* Other services invoke functions with Records, too. Those of SNS write "EventSource". */
static enum status refuse_source(const struct json *record, struct arena *arena,
                                 struct error *error) {
    str lower = json_get_string(record, "eventSource");
    str source = str_is_empty(lower) ? json_get_string(record, "EventSource") : lower;
    bool is_sns = str_eq(source, STR("aws:sns"));
    return error_set(error, arena, STATUS_INVALID,
                     "Records holds an eventSource \"%" STR_FMT "\"; accepted: aws:s3, aws:sqs%s",
                     STR_ARG(str_utf8_prefix(source, 64)),
                     is_sns ? ". An SNS topic must not invoke this function itself: subscribe an "
                              "SQS queue to the topic and let the queue invoke the function, or "
                              "let S3 send its events to EventBridge"
                            : "");
}

/* A record of S3's own notification. */
static enum status decode_record(const struct json *record, struct collector *collector,
                                 struct error *error) {
    struct arena *arena = collector->arena;
    if (!str_eq(json_get_string(record, "eventSource"), STR("aws:s3"))) {
        return refuse_source(record, arena, error);
    }
    str name;
    struct log_object *object = add_object(collector);
    const struct json *s3 = json_get(record, "s3");
    const struct json *members = json_get(s3, "object");
    TRY(needed_text(record, "eventName", "eventName", arena, &name, error));
    if (!str_starts_with(name, STR("ObjectCreated:"))) {
        str shown = str_utf8_prefix(name, 64);
        ignore(object, members,
               str_format(arena, "%" STR_FMT " creates no object", STR_ARG(shown)));
        return STATUS_OK;
    }
    const struct json *bucket = json_get(s3, "bucket");
    TRY(needed_text(bucket, "name", "s3.bucket.name", arena, &object->bucket, error));
    TRY(needed_text(members, "key", "s3.object.key", arena, &object->key, error));
    TRY(decode_key(object->key, arena, &object->key, error));
    TRY(needed_text(members, "eTag", "s3.object.eTag", arena, &object->e_tag, error));
    object->e_tag = without_quotes(object->e_tag);
    TRY(decode_region_member(record, "awsRegion", arena, &object->region, error));
    return check_names(object, "s3", arena, error);
}

static enum status decode_bridge_event(const struct json *event, struct collector *collector,
                                       struct error *error) {
    struct arena *arena = collector->arena;
    str type;
    struct log_object *object = add_object(collector);
    const struct json *detail = json_get(event, "detail");
    const struct json *members = json_get(detail, "object");
    TRY(needed_text(event, "detail-type", "detail-type", arena, &type, error));
    if (!str_eq(type, STR("Object Created"))) {
        str shown = str_utf8_prefix(type, 64);
        ignore(object, members,
               str_format(arena, "%" STR_FMT " creates no object", STR_ARG(shown)));
        return STATUS_OK;
    }
    const struct json *bucket = json_get(detail, "bucket");
    TRY(needed_text(bucket, "name", "detail.bucket.name", arena, &object->bucket, error));
    TRY(needed_text(members, "key", "detail.object.key", arena, &object->key, error));
    TRY(needed_text(members, "etag", "detail.object.etag", arena, &object->e_tag, error));
    object->e_tag = without_quotes(object->e_tag);
    TRY(decode_region_member(event, "region", arena, &object->region, error));
    return check_names(object, "detail", arena, error);
}

static bool is_test_event(const struct json *event) {
    return str_eq(json_get_string(event, "Event"), STR("s3:TestEvent"));
}

/* S3 sends it once, when notifications are switched on. */
static void add_test_event(const struct json *event, struct collector *collector) {
    struct log_object *object = add_object(collector);
    object->bucket = json_get_string(event, "Bucket");
    object->ignored_because = STR("s3:TestEvent, which S3 sends to try the way out");
}

/* What S3 says, by whichever way it came. */
static enum status decode_told(const struct json *told, struct collector *collector,
                               struct error *error) {
    if (is_test_event(told)) {
        add_test_event(told, collector);
        return STATUS_OK;
    }
    if (str_eq(json_get_string(told, "source"), STR("aws.s3"))) {
        return decode_bridge_event(told, collector, error);
    }
    const struct json *records;
    TRY(decode_member(told, "Records", collector->arena, &records, error));
    if (json_count(records) == 0 || !json_is_array(records)) {
        return error_set(error, collector->arena, STATUS_INVALID,
                         "Records must be a list of at least one, found %s",
                         json_is_array(records) ? "none" : json_type_name(records));
    }
    for (const struct json *each = json_first(records); each; each = json_next(each)) {
        TRY(decode_record(each, collector, error));
    }
    return STATUS_OK;
}

/* Text that came in a message: S3's own, or SNS's envelope around it. */
static enum status decode_body(str body, struct collector *collector, struct error *error) {
    struct json_problem problem = {0};
    const struct json *told = NULL;
    for (int depth = 0; depth < 2; depth++) {
        enum status status =
            json_parse(collector->arena, body, &JSON_LIMITS_DEFAULT, &told, &problem);
        if (status != STATUS_OK) {
            return error_set(error, collector->arena, status,
                             "the body is not valid JSON: %s at byte %zu", problem.what,
                             problem.position);
        }
        if (!str_eq(json_get_string(told, "Type"), STR("Notification"))) {
            break;
        }
        body = json_get_string(told, "Message");
    }
    return decode_told(told, collector, error);
}

/* One message that cannot be understood fails alone: its queue has a place for such. */
static enum status decode_message(const struct json *record, struct collector *collector,
                                  struct error *error) {
    struct log_delivery *delivery = collector->delivery;
    struct log_message *message = &delivery->messages[collector->message];
    struct arena *arena = collector->arena;
    if (!str_eq(json_get_string(record, "eventSource"), STR("aws:sqs"))) {
        return error_set(error, arena, STATUS_INVALID,
                         "Records holds messages of SQS and something else");
    }
    TRY(needed_text(record, "messageId", "messageId", arena, &message->id, error));
    size_t count_before = delivery->object_count;
    struct error problem = {0};
    str body;
    enum status status = decode_string_member(record, "body", arena, &body, &problem);
    if (status == STATUS_OK) {
        status = decode_body(body, collector, &problem);
    }
    if (status != STATUS_OK) {
        delivery->object_count = count_before;
        message->problem = problem.message;
    }
    return STATUS_OK;
}

static enum status decode_queue(const struct json *records, struct collector *collector,
                                struct error *error) {
    struct log_delivery *delivery = collector->delivery;
    delivery->is_queued = true;
    delivery->messages = ARENA_ARRAY(collector->arena, struct log_message, json_count(records));
    for (const struct json *each = json_first(records); each; each = json_next(each)) {
        collector->message = delivery->message_count++;
        TRY(decode_message(each, collector, error));
    }
    return STATUS_OK;
}

bool is_log_event(const struct json *event) {
    bool has_records =
        json_get(event, "Records") != NULL || json_get_other_case(event, "Records") != NULL;
    return has_records || is_test_event(event) ||
           str_eq(json_get_string(event, "source"), STR("aws.s3"));
}

enum status decode_log_event(const struct json *event, struct arena *arena,
                             struct log_delivery *delivery, struct error *error) {
    *delivery = (struct log_delivery){.is_queued = false};
    struct collector collector = {.delivery = delivery, .arena = arena};
    const struct json *records = json_get(event, "Records");
    if (str_eq(json_get_string(json_first(records), "eventSource"), STR("aws:sqs"))) {
        return decode_queue(records, &collector, error);
    }
    return decode_told(event, &collector, error);
}
