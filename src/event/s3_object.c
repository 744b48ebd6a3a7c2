/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of S3: an object was created. They come through EventBridge, from S3 itself, or as
 * either in messages of SQS (through SNS, too). Other events of S3 are recognised and left alone.
 * Sources: "Event message structure", "Using EventBridge" (Amazon S3 User Guide); "Using Lambda
 * with Amazon SQS" (AWS Lambda Developer Guide).
 *
 * How events are nested: a body of SQS holds either of the first two; SNS puts its envelope around
 * it unless raw message delivery is on:
 *
 *   EventBridge   {"source":"aws.s3", "detail":{"bucket":{"name"}, "object":{"key","etag"}}}
 *   S3            {"Records":[{"eventSource":"aws:s3", "s3":{"bucket":{..}, "object":{..}}}]}
 *   SQS           {"Records":[{"eventSource":"aws:sqs", "messageId", "body":"<JSON>"}]}
 *   SNS in SQS    "body":"{\"Type\":\"Notification\", \"Message\":\"<JSON>\"}"
 */
#include "aws/region.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "event_internal.h"

#define KEY_BYTES_MAX 1024 /* of any object */

/* Where records are collected. */
struct collector {
    struct reader reader;
    struct log_delivery *delivery;
    size_t message; /* that is being read */
};

/* The two forms of an event about one object. */
struct object_form {
    const char *type;   /* the member that names the kind of event */
    str created;        /* its value when an object was created, or how that begins */
    const char *detail; /* the member that holds the rest */
    const char *bucket; /* paths, for messages */
    const char *object;
    const char *e_tag; /* members */
    const char *region;
};
static const struct object_form NOTIFICATION = {
    "eventName", {"ObjectCreated:", 14}, "s3", "s3.bucket.", "s3.object.", "eTag", "awsRegion"};
static const struct object_form BRIDGE_EVENT = {"detail-type",    {"Object Created", 14}, "detail",
                                                "detail.bucket.", "detail.object.",       "etag",
                                                "region"};

static struct log_object *add_object(struct collector *collector) {
    struct log_delivery *delivery = collector->delivery;
    ARENA_RESERVE(collector->reader.arena, delivery->objects, delivery->object_count + 1,
                  delivery->object_capacity);
    struct log_object *object = &delivery->objects[delivery->object_count++];
    *object = (struct log_object){.message = collector->message};
    return object;
}

/* `path` is where the object is in the event, for the message. */
static enum status require_text(const struct reader *reader, const struct json *object,
                                const char *path, const char *key, str *text_out) {
    TRY(read_text(reader, object, key, text_out));
    return str_is_empty(*text_out) ? refuse_event(reader, "%s%s is missing", path, key) : STATUS_OK;
}

/* Keys stand in notifications as in a form: "a+b" is "a b", "%2B" is "+". Only here: EventBridge
 * sends the key as it is, where a "+" is a plus. */
static enum status decode_key(const struct reader *reader, str encoded, str *key_out) {
    char *text = arena_alloc(reader->arena, encoded.len);
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
    return is_good && str_utf8_valid_prefix(*key_out) == len
               ? STATUS_OK
               : refuse_event(reader, "s3.object.key %s is not encoded as in a URL",
                              quote(reader, encoded, 128));
}

static enum status read_object(struct collector *collector, const struct json *event,
                               const struct object_form *form) {
    const struct reader *reader = &collector->reader;
    struct log_object *object = add_object(collector);
    const struct json *detail = json_get(event, form->detail);
    const struct json *bucket = json_get(detail, "bucket");
    const struct json *members = json_get(detail, "object");
    str type;
    TRY(require_text(reader, event, "", form->type, &type));
    if (form == &NOTIFICATION ? !str_starts_with(type, form->created)
                              : !str_eq(type, form->created)) {
        /* Such an event may be about no object: it is only named. */
        object->key = json_get_string(members, "key");
        object->ignored_because = str_format(reader->arena, "%" STR_FMT " creates no object",
                                             STR_ARG(str_utf8_prefix(type, 64)));
        return STATUS_OK;
    }
    TRY(require_text(reader, bucket, form->bucket, "name", &object->bucket));
    TRY(require_text(reader, members, form->object, "key", &object->key));
    if (form == &NOTIFICATION) {
        TRY(decode_key(reader, object->key, &object->key));
    }
    TRY(require_text(reader, members, form->object, form->e_tag, &object->e_tag));
    str e_tag = object->e_tag;
    if (e_tag.len >= 2 && e_tag.ptr[0] == '"' && e_tag.ptr[e_tag.len - 1] == '"') {
        object->e_tag = str_slice(e_tag, 1, e_tag.len - 1);
    }
    TRY(read_region(reader, event, form->region, &object->region));
    /* Names of today and of before 2018. A bucket's name becomes part of a host. */
    if (object->bucket.len < 3 || object->bucket.len > 255 ||
        !ascii_is_made_of(object->bucket, STR(".-_"))) {
        return refuse_event(reader, "%sname %s is no name of a bucket", form->bucket,
                            quote(reader, object->bucket, 64));
    }
    return object->key.len <= KEY_BYTES_MAX
               ? STATUS_OK
               : refuse_event(reader, "%skey has %zu bytes; S3 allows 1024", form->object,
                              object->key.len);
}

/* Other services invoke functions with Records, too. Those of SNS write "EventSource". */
static enum status refuse_source(const struct reader *reader, const struct json *record) {
    str lower = json_get_string(record, "eventSource");
    str source = str_is_empty(lower) ? json_get_string(record, "EventSource") : lower;
    bool is_sns = str_eq(source, STR("aws:sns"));
    return refuse_event(reader, "Records holds an eventSource %s; accepted: aws:s3, aws:sqs%s",
                        quote(reader, source, 64),
                        is_sns
                            ? ". An SNS topic must not invoke this function itself: subscribe an "
                              "SQS queue to the topic and let the queue invoke the function, or "
                              "let S3 send its events to EventBridge"
                            : "");
}

static bool is_test_event(const struct json *event) {
    return str_eq(json_get_string(event, "Event"), STR("s3:TestEvent"));
}

/* An event as S3 or EventBridge wrote it. */
static enum status read_event(struct collector *collector, const struct json *event) {
    const struct reader *reader = &collector->reader;
    const struct json *records;
    if (is_test_event(event)) { /* once, when notifications are switched on */
        struct log_object *object = add_object(collector);
        object->bucket = json_get_string(event, "Bucket");
        object->ignored_because = STR("s3:TestEvent, which S3 sends to try the way out");
        return STATUS_OK;
    }
    if (str_eq(json_get_string(event, "source"), STR("aws.s3"))) {
        return read_object(collector, event, &BRIDGE_EVENT);
    }
    TRY(read_member(reader, event, "Records", &records));
    if (json_count(records) == 0 || !json_is_array(records)) {
        return refuse_event(reader, "Records must be a list of at least one, found %s",
                            json_is_array(records) ? "none" : json_type_name(records));
    }
    for (const struct json *each = json_first(records); each; each = json_next(each)) {
        if (!str_eq(json_get_string(each, "eventSource"), STR("aws:s3"))) {
            return refuse_source(reader, each);
        }
        TRY(read_object(collector, each, &NOTIFICATION));
    }
    return STATUS_OK;
}

/* Text that came in a message: S3's own, or SNS's envelope around it. */
static enum status read_body(struct collector *collector, str body) {
    struct json_problem problem = {0};
    const struct json *event = NULL;
    for (int depth = 0; depth < 2; depth++) {
        enum status status =
            json_parse(collector->reader.arena, body, &JSON_LIMITS_DEFAULT, &event, &problem);
        if (status != STATUS_OK) {
            return error_set(collector->reader.error, collector->reader.arena, status,
                             "the body is not valid JSON: %s at byte %zu", problem.what,
                             problem.position);
        }
        if (!str_eq(json_get_string(event, "Type"), STR("Notification"))) {
            break;
        }
        body = json_get_string(event, "Message");
    }
    return read_event(collector, event);
}

/* One message that cannot be understood fails alone: its queue has a place for such. */
static enum status read_message(struct collector *collector, const struct json *record) {
    struct log_delivery *delivery = collector->delivery;
    struct log_message *message = &delivery->messages[collector->message];
    struct error problem = {0};
    struct collector of_message = *collector;
    of_message.reader.error = &problem;
    str body;
    if (!str_eq(json_get_string(record, "eventSource"), STR("aws:sqs"))) {
        return refuse_event(&collector->reader, "Records holds messages of SQS and something else");
    }
    TRY(require_text(&collector->reader, record, "", "messageId", &message->id));
    size_t count_before = delivery->object_count;
    if (read_text(&of_message.reader, record, "body", &body) != STATUS_OK ||
        read_body(&of_message, body) != STATUS_OK) {
        delivery->object_count = count_before;
        message->problem = problem.message;
    }
    return STATUS_OK;
}

bool is_s3_event(const struct json *event) {
    bool has_records =
        json_get(event, "Records") != NULL || json_get_other_case(event, "Records") != NULL;
    return has_records || is_test_event(event) ||
           str_eq(json_get_string(event, "source"), STR("aws.s3"));
}

enum status read_s3_event(const struct reader *reader, const struct json *event,
                          struct log_delivery *delivery) {
    struct collector collector = {.reader = *reader, .delivery = delivery};
    const struct json *records = json_get(event, "Records");
    *delivery = (struct log_delivery){.is_queued = false};
    if (!str_eq(json_get_string(json_first(records), "eventSource"), STR("aws:sqs"))) {
        return read_event(&collector, event);
    }
    delivery->is_queued = true;
    delivery->messages = ARENA_ARRAY(reader->arena, struct log_message, json_count(records));
    for (const struct json *each = json_first(records); each; each = json_next(each)) {
        collector.message = delivery->message_count++;
        TRY(read_message(&collector, each));
    }
    return STATUS_OK;
}
