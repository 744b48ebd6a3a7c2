/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/event/event_internal.h"
#include <string.h>

#include "unit.h"

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

#define RECORD_OF(name, bucket, key, rest)                                                         \
    "{\"eventSource\":\"aws:s3\",\"awsRegion\":\"eu-west-1\",\"eventName\":\"" name                \
    "\",\"s3\":{\"bucket\":{\"name\":\"" bucket "\"},\"object\":{\"key\":\"" key "\"" rest "}}}"
#define RECORD(key)   RECORD_OF("ObjectCreated:Put", "logs", key, ",\"eTag\":\"e1\"")
#define RECORDS(text) "{\"Records\":[" text "]}"
#define BRIDGE_OF(type, region, detail)                                                            \
    "{\"version\":\"0\",\"detail-type\":\"" type "\",\"source\":\"aws.s3\",\"region\":\"" region   \
    "\",\"account\":\"123456789012\",\"detail\":{" detail "}}"
#define BRIDGE(key)                                                                                \
    BRIDGE_OF("Object Created", "eu-west-2",                                                       \
              "\"bucket\":{\"name\":\"logs\"},\"object\":{\"key\":\"" key "\",\"etag\":\"e1\"}")
#define TEST_EVENT                                                                                 \
    "{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Time\":\"2026-11-23T09:14:27.318Z\"," \
    "\"Bucket\":\"logs\",\"RequestId\":\"r\",\"HostId\":\"h\"}"

static struct log_delivery decoded(str event) {
    struct invocation invocation;
    struct error error = {0};
    if (decode_event(event, &arena, &invocation, &error) != STATUS_OK) {
        fail_msg("not decoded: %" STR_FMT, STR_ARG(error.message));
    }
    assert_int_equal(invocation.kind, INVOCATION_LOG_OBJECTS);
    return invocation.logs;
}

/* An event of SQS with these bodies. */
static str queue_event(const char *const *bodies, size_t count) {
    struct buf text;
    buf_init(&text, &arena, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s{\"messageId\":\"m%zu\",\"body\":", i == 0 ? "{\"Records\":[" : ",",
                   i);
        json_append_quoted(&text, str_from_cstr(bodies[i]));
        buf_append(&text, STR(",\"eventSource\":\"aws:sqs\"}"));
    }
    buf_append(&text, STR("]}"));
    return buf_str(&text);
}
#define QUEUE(...)                                                                                 \
    queue_event((const char *const[]){__VA_ARGS__},                                                \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void an_event_of_eventbridge_names_one_object(void **state) {
    (void)state;
    struct log_delivery logs = decoded(STR(BRIDGE("AWSLogs/a+b%20c.log.gz")));
    assert_false(logs.is_queued);
    assert_int_equal(logs.object_count, 1);
    assert_str(logs.objects[0].region, "eu-west-2");
    assert_str(logs.objects[0].bucket, "logs");
    assert_str(logs.objects[0].e_tag, "e1");
    assert_str(logs.objects[0].ignored_because, "");
    /* EventBridge does not encode keys. */
    assert_str(logs.objects[0].key, "AWSLogs/a+b%20c.log.gz");
}

static void a_notification_may_hold_several_objects_in_order(void **state) {
    (void)state;
    struct buf text;
    buf_init(&text, &arena, 1 << 20);
    for (int i = 0; i < 40; i++) {
        buf_append(&text, i == 0 ? STR("{\"Records\":[") : STR(","));
        buf_append(&text, STR(RECORD("k")));
    }
    buf_append(&text, STR("," RECORD("last") "]}"));
    struct log_delivery logs = decoded(buf_str(&text));
    assert_int_equal(logs.object_count, 41);
    assert_str(logs.objects[0].key, "k");
    assert_str(logs.objects[40].key, "last");
    assert_str(logs.objects[40].region, "eu-west-1");
}

static const struct {
    const char *name;
    const char *event;
    const char *key;
} KEYS[] = {
    {"plain", RECORDS(RECORD("AWSLogs/x.log.gz")), "AWSLogs/x.log.gz"},
    {"plus is a space", RECORDS(RECORD("a+b")), "a b"},
    {"an encoded plus", RECORDS(RECORD("a%2Bb%2bc")), "a+b+c"},
    {"percent itself", RECORDS(RECORD("100%25")), "100%"},
    {"UTF-8", RECORDS(RECORD("caf%C3%A9")), "caf\xc3\xa9"},
    {"nothing to decode in capitals", RECORDS(RECORD("%41%42")), "AB"},
};

static void keys_of_notifications_are_decoded(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        print_message("%s\n", KEYS[i].name);
        assert_str(decoded(str_from_cstr(KEYS[i].event)).objects[0].key, KEYS[i].key);
    }
}

static void quotes_around_an_etag_are_removed(void **state) {
    (void)state;
    const char *event =
        RECORDS(RECORD_OF("ObjectCreated:Copy", "logs", "k", ",\"eTag\":\"\\\"d41d8-2\\\"\""));
    assert_str(decoded(str_from_cstr(event)).objects[0].e_tag, "d41d8-2");
}

static const struct {
    const char *name;
    const char *event;
    const char *because;
} IGNORED[] = {
    {"removed", RECORDS(RECORD_OF("ObjectRemoved:Delete", "logs", "k", "")),
     "ObjectRemoved:Delete creates no object"},
    {"restored", RECORDS(RECORD_OF("ObjectRestore:Completed", "logs", "k", ",\"eTag\":\"e\"")),
     "ObjectRestore:Completed creates no object"},
    {"removed, by EventBridge",
     BRIDGE_OF("Object Deleted", "eu-west-1", "\"object\":{\"key\":\"k\"}"),
     "Object Deleted creates no object"},
    {"test event", TEST_EVENT, "s3:TestEvent, which S3 sends to try the way out"},
};

static void events_that_create_no_object_are_recognised_and_ignored(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof IGNORED / sizeof *IGNORED; i++) {
        print_message("%s\n", IGNORED[i].name);
        struct log_delivery logs = decoded(str_from_cstr(IGNORED[i].event));
        assert_int_equal(logs.object_count, 1);
        assert_str(logs.objects[0].ignored_because, IGNORED[i].because);
    }
}

static void messages_of_a_queue_keep_their_objects(void **state) {
    (void)state;
    struct log_delivery logs =
        decoded(QUEUE(RECORDS(RECORD("a") "," RECORD("b")), TEST_EVENT, BRIDGE("c")));
    assert_true(logs.is_queued);
    assert_int_equal(logs.message_count, 3);
    assert_str(logs.messages[2].id, "m2");
    assert_int_equal(logs.object_count, 4);
    const size_t messages[] = {0, 0, 1, 2};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(logs.objects[i].message, messages[i]);
    }
    assert_str(logs.objects[1].key, "b");
    assert_str(logs.objects[3].key, "c");
}

static void an_envelope_of_sns_is_opened(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, &arena, 1 << 16);
    buf_append(&body, STR("{\"Type\":\"Notification\",\"TopicArn\":\"t\",\"Message\":"));
    json_append_quoted(&body, STR(RECORDS(RECORD("AWSLogs/a+b.gz"))));
    buf_append(&body, STR("}"));
    struct log_delivery logs = decoded(QUEUE(str_to_cstr(&arena, buf_str(&body))));
    assert_str(logs.messages[0].problem, "");
    assert_str(logs.objects[0].key, "AWSLogs/a b.gz");
}

static void malformed_queue_message_fails_alone(void **state) {
    (void)state;
    struct log_delivery logs =
        decoded(QUEUE(RECORDS(RECORD("a")), "hello", RECORDS(RECORD("b") "," RECORD("%zz")), "7",
                      RECORDS(""), RECORDS(RECORD("c"))));
    assert_int_equal(logs.message_count, 6);
    assert_str(logs.messages[0].problem, "");
    assert_str(logs.messages[1].problem,
               "the body is not valid JSON: unexpected character at byte 0");
    assert_str(logs.messages[2].problem, "s3.object.key \"%zz\" is not encoded as in a URL");
    assert_str(logs.messages[3].problem, "Records must be a list of at least one, found nothing");
    assert_str(logs.messages[4].problem, "Records must be a list of at least one, found none");
    assert_str(logs.messages[5].problem, "");
    /* Nothing of the third is handled, for all of it comes again. */
    assert_int_equal(logs.object_count, 2);
    assert_str(logs.objects[1].key, "c");
    assert_int_equal(logs.objects[1].message, 5);
}

#define BUCKET_ONLY "\"bucket\":{\"name\":\"logs\"}"

static const struct {
    const char *name;
    const char *event;
    const char *message;
} REFUSED[] = {
    {"no records", RECORDS(""), "Records must be a list of at least one, found none"},
    {"records are no list", "{\"Records\":{}}",
     "Records must be a list of at least one, found object"},
    {"records of something else", RECORDS("{\"eventSource\":\"aws:kinesis\"}"),
     "Records holds an eventSource \"aws:kinesis\"; accepted: aws:s3, aws:sqs"},
    {"a record of SNS", RECORDS("{\"EventSource\":\"aws:sns\",\"Sns\":{\"Message\":\"{}\"}}"),
     "Records holds an eventSource \"aws:sns\"; accepted: aws:s3, aws:sqs. An SNS topic must not "
     "invoke this function itself: subscribe an SQS queue to the topic and let the queue invoke "
     "the function, or let S3 send its events to EventBridge"},
    {"a record without a source", RECORDS("{}"),
     "Records holds an eventSource \"\"; accepted: aws:s3, aws:sqs"},
    {"messages and objects",
     RECORDS("{\"eventSource\":\"aws:sqs\",\"messageId\":\"m\",\"body\":\"{}\"}," RECORD("k")),
     "Records holds messages of SQS and something else"},
    {"a message without an id", RECORDS("{\"eventSource\":\"aws:sqs\",\"body\":\"{}\"}"),
     "messageId is missing"},
    {"no event name", RECORDS("{\"eventSource\":\"aws:s3\",\"s3\":{}}"), "eventName is missing"},
    {"no s3", RECORDS("{\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\"}"),
     "s3.bucket.name is missing"},
    {"an empty key", RECORDS(RECORD("")), "s3.object.key is missing"},
    {"no ETag", RECORDS(RECORD_OF("ObjectCreated:Put", "logs", "k", "")),
     "s3.object.eTag is missing"},
    {"an ETag in another spelling",
     RECORDS(RECORD_OF("ObjectCreated:Put", "logs", "k", ",\"etag\":\"e\"")),
     "member \"etag\" is spelt \"eTag\""},
    {"a key that is a number",
     BRIDGE_OF("Object Created", "eu-west-1", BUCKET_ONLY ",\"object\":{\"key\":7}"),
     "member \"key\" must be a string, found number"},
    {"a bucket that is a host",
     RECORDS(RECORD_OF("ObjectCreated:Put", "evil.example/x", "k", ",\"eTag\":\"e\"")),
     "s3.bucket.name \"evil.example/x\" is no name of a bucket"},
    {"half an escape", RECORDS(RECORD("a%4")), "s3.object.key \"a%4\" is not encoded as in a URL"},
    {"a NUL", RECORDS(RECORD("a%00")), "s3.object.key \"a%00\" is not encoded as in a URL"},
    {"no UTF-8", RECORDS(RECORD("a%ff")), "s3.object.key \"a%ff\" is not encoded as in a URL"},
    {"no bucket",
     BRIDGE_OF("Object Created", "eu-west-1", "\"object\":{\"key\":\"k\",\"etag\":\"e\"}"),
     "detail.bucket.name is missing"},
    {"no object", BRIDGE_OF("Object Created", "eu-west-1", BUCKET_ONLY),
     "detail.object.key is missing"},
    {"no etag", BRIDGE_OF("Object Created", "eu-west-1", BUCKET_ONLY ",\"object\":{\"key\":\"k\"}"),
     "detail.object.etag is missing"},
    {"no Region",
     BRIDGE_OF("Object Created", "here", BUCKET_ONLY ",\"object\":{\"key\":\"k\",\"etag\":\"e\"}"),
     "region names the region \"here\", which is no AWS Region"},
    {"lower case", "{\"records\":[]}", "member \"records\" is spelt \"Records\""},
};

static void bad_input_is_refused_by_the_name_of_the_member(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        struct invocation invocation;
        struct error error = {0};
        print_message("%s\n", REFUSED[i].name);
        assert_int_equal(decode_event(str_from_cstr(REFUSED[i].event), &arena, &invocation, &error),
                         STATUS_INVALID);
        assert_str(error.message, REFUSED[i].message);
    }
}

static void a_key_of_more_bytes_than_S3_allows_is_refused(void **state) {
    (void)state;
    char key[1026];
    memset(key, 'k', sizeof key - 1);
    key[1025] = '\0';
    struct invocation invocation;
    struct error error = {0};
    str event =
        str_format(&arena, "%s%s%s",
                   "{\"Records\":[{\"eventSource\":\"aws:s3\",\"eventName\":"
                   "\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"logs\"},\"object\":"
                   "{\"eTag\":\"e\",\"key\":\"",
                   key, "\"}}}]}");
    assert_int_equal(decode_event(event, &arena, &invocation, &error), STATUS_INVALID);
    assert_str(error.message, "s3.object.key has 1025 bytes; S3 allows 1024");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_of_eventbridge_names_one_object, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(a_notification_may_hold_several_objects_in_order,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(keys_of_notifications_are_decoded, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(quotes_around_an_etag_are_removed, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(events_that_create_no_object_are_recognised_and_ignored,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(messages_of_a_queue_keep_their_objects, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(an_envelope_of_sns_is_opened, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(malformed_queue_message_fails_alone, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(bad_input_is_refused_by_the_name_of_the_member, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(a_key_of_more_bytes_than_S3_allows_is_refused, open_arena,
                                        close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
