/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sns.h"

#include <stdlib.h>

#include "torture.h"

#define TOPIC          "arn:aws:sns:eu-west-1:111122223333:alerts"
#define ANSWER(inside) "<PublishResponse>" inside "</PublishResponse>"
#define RESULT(inside) ANSWER("<PublishResult>" inside "</PublishResult>")
#define GOOD_BODY      RESULT("<MessageId>m-1</MessageId>")

static enum status publish(struct aws_fixture *fixture) {
    const struct sns_message message = {.topic_arn = STR(TOPIC), .text = STR("text")};
    return sns_publish(&fixture->client, &message, &fixture->arena, NULL, &fixture->error);
}

static void publish_sends_the_message_once_over_a_fresh_connection(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .body = STR(GOOD_BODY)});
    const struct sns_attribute attributes[] = {{STR("severity"), STR("HIGH")},
                                               {STR("a.b-c_1"), STR("x y")}};
    const struct sns_message message = {.topic_arn = STR(TOPIC),
                                        .subject = STR("Drift: \xc3\xa9"),
                                        .text = STR("one\ntwo"),
                                        .attributes = attributes,
                                        .attribute_count = 2};
    str id = STR_EMPTY;
    assert_int_equal(sns_publish(&fixture.client, &message, &fixture.arena, &id, &fixture.error),
                     STATUS_OK);
    assert_str(id, "m-1");
    assert_str(fixture.fake.requests[0].http.url, "https://sns.eu-west-1.amazonaws.com/");
    assert_true(fixture.fake.requests[0].http.uses_fresh_connection);
    assert_str(fake_request_body(&fixture.fake, 0),
               "Action=Publish&Version=2010-03-31"
               "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A111122223333%3Aalerts"
               "&Subject=Drift%3A%20%C3%A9&Message=one%0Atwo"
               "&MessageAttributes.entry.1.Name=severity"
               "&MessageAttributes.entry.1.Value.DataType=String"
               "&MessageAttributes.entry.1.Value.StringValue=HIGH"
               "&MessageAttributes.entry.2.Name=a.b-c_1"
               "&MessageAttributes.entry.2.Value.DataType=String"
               "&MessageAttributes.entry.2.Value.StringValue=x%20y");
    fixture_end(&fixture);
}

static void publish_goes_to_the_region_of_the_topic(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200, .body = STR(GOOD_BODY)});
    const struct sns_message message = {
        .topic_arn = STR("arn:aws-cn:sns:cn-north-1:111122223333:t"), .text = STR("text")};
    assert_int_equal(sns_publish(&fixture.client, &message, &fixture.arena, NULL, NULL), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url, "https://sns.cn-north-1.amazonaws.com.cn/");
    assert_true(str_contains(fake_request_header(&fixture.fake, 0, "Authorization"),
                             STR("/cn-north-1/sns/aws4_request")));
    fixture_end(&fixture);
}

/* ---- what must not be sent ---- */

static void invalid_publish_is_not_sent(void **state) {
    (void)state;
    static char subject[100];
    memset(subject, 's', sizeof subject);
    static const struct sns_attribute bad_name = {{"a b", 3}, {"v", 1}};
    static const struct sns_attribute no_value = {{"a", 1}, {NULL, 0}};
    static const struct sns_attribute twice[] = {{{"a", 1}, {"v", 1}}, {{"a", 1}, {"w", 1}}};
    const struct {
        const char *name;
        struct sns_message message;
    } rows[] = {
        {"no text", {.topic_arn = STR(TOPIC)}},
        {"text that is no UTF-8", {.topic_arn = STR(TOPIC), .text = STR("\xff")}},
        {"100 characters", {STR(TOPIC), {subject, sizeof subject}, STR("t"), NULL, 0}},
        {"line end in the subject", {STR(TOPIC), STR("a\nb"), STR("t"), NULL, 0}},
        {"C1 in the subject", {STR(TOPIC), STR("a\xc2\x85"), STR("t"), NULL, 0}},
        {"DEL in the subject", {STR(TOPIC), STR("a\x7f"), STR("t"), NULL, 0}},
        {"leading blank", {STR(TOPIC), STR(" a"), STR("t"), NULL, 0}},
        {"no topic", {.text = STR("t")}},
        {"a queue", {.topic_arn = STR("arn:aws:sqs:eu-west-1:111122223333:q"), .text = STR("t")}},
        {"a region that is a host",
         {.topic_arn = STR("arn:aws:sns:evil.example:111122223333:q"), .text = STR("t")}},
        {"a subscription",
         {.topic_arn = STR("arn:aws:sns:eu-west-1:111122223333:q:0a1b"), .text = STR("t")}},
        {"attribute name", {STR(TOPIC), STR_EMPTY, STR("t"), &bad_name, 1}},
        {"attribute value", {STR(TOPIC), STR_EMPTY, STR("t"), &no_value, 1}},
        {"attribute twice", {STR(TOPIC), STR_EMPTY, STR("t"), twice, 2}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        enum status status =
            sns_publish(&fixture.client, &rows[i].message, &fixture.arena, NULL, &fixture.error);
        if (status != STATUS_INVALID || fixture.fake.request_count != 0 ||
            !str_starts_with(fixture.error.message, STR("sns Publish: "))) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        fixture_end(&fixture);
    }
}

static void publish_counts_attributes_into_the_largest_message(void **state) {
    (void)state;
    static const struct sns_attribute attribute = {{"name", 4}, {"value", 5}};
    size_t room = SNS_MESSAGE_BYTES_MAX - (4 + 5 + 6);
    char *text = malloc(room + 1);
    memset(text, '&', room + 1); /* the longest when encoded */
    for (size_t over = 0; over < 2; over++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 200, .body = STR(GOOD_BODY)});
        const struct sns_message message = {
            STR(TOPIC), STR_EMPTY, {text, room + over}, &attribute, 1};
        assert_int_equal(
            sns_publish(&fixture.client, &message, &fixture.arena, NULL, &fixture.error),
            over == 0 ? STATUS_OK : STATUS_TOO_LARGE);
        assert_int_equal(fixture.fake.request_count, 1 - over);
        fixture_end(&fixture);
    }
    free(text);
}

static void publish_answers_without_a_message_id_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        RESULT(""), RESULT("<MessageId> </MessageId>"), ANSWER(""), "{}", "",
    };
    refuse_bodies(publish, bodies, sizeof bodies / sizeof *bodies);
}

static void publish_to_a_missing_topic_is_not_found(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 404, .body = STR(TROUBLE_XML("NotFound"))});
    assert_int_equal(publish(&fixture), STATUS_NOT_FOUND);
    assert_false(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

/* ---- never twice ---- */

/* What an attempt can meet, and whether SNS may have published by then: taken at its worst. */
static const struct fault {
    const char *name;
    struct fake_answer answer;
    bool is_published;
} FAULTS[] = {
    {"could not connect", {.status = STATUS_CONNECTION, .was_not_sent = true}, false},
    {"no time to connect", {.status = STATUS_TIMEOUT, .was_not_sent = true}, false},
    {"certificate", {.status = STATUS_TLS, .was_not_sent = true}, false},
    {"throttled", {.http_status = 400, .body = BODY(TROUBLE_XML("Throttling"))}, false},
    {"503 throttled", {.http_status = 503, .body = BODY(TROUBLE_XML("SlowDown"))}, false},
    {"429", {.http_status = 429}, false},
    {"refused", {.http_status = 400, .body = BODY(TROUBLE_XML("InvalidParameter"))}, false},
    {"clock off",
     {.http_status = 403,
      .headers = "Date: Mon, 23 Nov 2026 09:00:00 GMT",
      .body = BODY(TROUBLE_XML("SignatureDoesNotMatch"))},
     false},
    {"reset in flight", {.status = STATUS_CONNECTION}, true},
    {"no answer", {.status = STATUS_TIMEOUT}, true},
    {"answer cut short", {.status = STATUS_INCOMPLETE}, true},
    {"answer too large", {.status = STATUS_TOO_LARGE}, true},
    {"TLS failed after all", {.status = STATUS_TLS}, true},
    {"500 in HTML", {.http_status = 500, .body = BODY(TROUBLE_HTML)}, true},
    {"500 InternalError", {.http_status = 500, .body = BODY(TROUBLE_XML("InternalError"))}, true},
    {"500 without a retry", {.http_status = 501}, true},
    {"503 with nothing", {.http_status = 503}, true},
    {"request timeout", {.http_status = 400, .body = BODY(TROUBLE_XML("RequestTimeout"))}, true},
    {"200 with nothing", {.http_status = 200}, true},
    {"200 cut", {.http_status = 200, .body = BODY("<PublishResponse><Publ")}, true},
    {"200 in HTML", {.http_status = 200, .body = BODY(TROUBLE_HTML)}, true},
};
enum { FAULT_COUNT = sizeof FAULTS / sizeof *FAULTS, LENGTH_MAX = 3 };

struct simulated_sns {
    const struct fault *faults[LENGTH_MAX]; /* of its attempts, in order */
    size_t length;
    size_t attempts;
    size_t published;
};

static struct fake_answer simulated_respond(void *context, const struct http_request *request) {
    struct simulated_sns *sns = context;
    assert_true(request->uses_fresh_connection);
    size_t attempt = sns->attempts++;
    if (attempt >= sns->length) {
        sns->published++;
        return (struct fake_answer){.http_status = 200, .body = STR(GOOD_BODY)};
    }
    sns->published += sns->faults[attempt]->is_published ? 1 : 0;
    return sns->faults[attempt]->answer;
}

static bool is_never_doubled(struct simulated_sns *sns) {
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fixture.client.attempts_max = 10;
    fixture.fake.respond = simulated_respond;
    fixture.fake.respond_context = sns;
    enum status status = publish(&fixture);
    const struct error *error = &fixture.error;
    bool says_so = str_contains(error->message, STR("it is not known whether"));
    bool is_outcome_right = status == STATUS_OK         ? sns->published == 1
                            : error->is_outcome_unknown ? sns->published == 1 && says_so
                                                        : sns->published == 0 && !says_so;
    bool is_good = sns->published <= 1 && is_outcome_right && !holds_secret(error->message);
    if (!is_good) {
        print_error("%s after %zu attempts, published %zu times: %.*s\n", status_name(status),
                    sns->attempts, sns->published, (int)error->message.len, error->message.ptr);
        for (size_t i = 0; i < sns->length; i++) {
            print_error("  %s\n", sns->faults[i]->name);
        }
    }
    fixture_end(&fixture);
    return is_good;
}

/* Every sequence of up to three faults: published once when it says so, at most once otherwise, and
 * the error says which. */
static void publish_is_never_repeated_after_a_possible_success(void **state) {
    (void)state;
    bool is_good = true;
    size_t sequences = 1;
    for (size_t length = 0; length <= LENGTH_MAX; length++) {
        for (size_t n = 0; n < sequences; n++) {
            struct simulated_sns sns = {.length = length};
            size_t rest = n;
            for (size_t i = 0; i < length; i++) {
                sns.faults[i] = &FAULTS[rest % FAULT_COUNT];
                rest /= FAULT_COUNT;
            }
            is_good &= is_never_doubled(&sns);
        }
        sequences *= FAULT_COUNT;
    }
    assert_true(is_good);
}

static void publish_is_repeated_after_a_certain_failure(void **state) {
    (void)state;
    static const char *const repeated[] = {
        "could not connect", "no time to connect", "throttled", "503 throttled", "429",
        "clock off"};
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        bool is_repeated = false;
        for (size_t j = 0; j < sizeof repeated / sizeof *repeated; j++) {
            is_repeated |= strcmp(FAULTS[i].name, repeated[j]) == 0;
        }
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct simulated_sns sns = {.faults = {&FAULTS[i]}, .length = 1};
        fixture.fake.respond = simulated_respond;
        fixture.fake.respond_context = &sns;
        enum status status = publish(&fixture);
        if (sns.attempts != (is_repeated ? 2 : 1) || (status == STATUS_OK) != is_repeated) {
            fail_msg("%s: %s after %zu attempts", FAULTS[i].name, status_name(status),
                     sns.attempts);
        }
        fixture_end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publish_sends_the_message_once_over_a_fresh_connection),
        cmocka_unit_test(publish_goes_to_the_region_of_the_topic),
        cmocka_unit_test(invalid_publish_is_not_sent),
        cmocka_unit_test(publish_counts_attributes_into_the_largest_message),
        cmocka_unit_test(publish_answers_without_a_message_id_are_unreadable),
        cmocka_unit_test(publish_to_a_missing_topic_is_not_found),
        cmocka_unit_test(publish_is_never_repeated_after_a_possible_success),
        cmocka_unit_test(publish_is_repeated_after_a_certain_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
