/* SPDX-License-Identifier: Apache-2.0
 *
 * What is written to DynamoDB, and what became of it when the answer was lost.
 */
#include "dynamodb_fixture.h"

/* ---- what is sent ---- */

static void requests_are_exact(void **state) {
    (void)state;
    static const struct {
        enum status (*call)(struct aws_fixture *fixture);
        const char *target;
        bool is_fresh;
        const char *body;
    } rows[] = {
        {put, "DynamoDB_20120810.PutItem", true,
         "{\"TableName\":\"ledger\",\"Item\":" PUT_ITEM
         ",\"ConditionExpression\":\"attribute_not_exists(pk)\"}"},
        {update, "DynamoDB_20120810.UpdateItem", true,
         "{\"TableName\":\"ledger\",\"Key\":{\"pk\":{\"S\":\"lb#1\"},\"sk\":{\"S\":\"STATE\"}},"
         "\"UpdateExpression\":\"SET #m = :one\",\"ConditionExpression\":\"#m <> :one\","
         "\"ExpressionAttributeNames\":{\"#m\":\"mode\"},"
         "\"ExpressionAttributeValues\":{\":one\":{\"N\":\"1\"}},\"ReturnValues\":\"ALL_OLD\"}"},
        {get, "DynamoDB_20120810.GetItem", false,
         "{\"TableName\":\"ledger\",\"Key\":{\"pk\":{\"S\":\"lb#1\"},\"sk\":{\"S\":\"STATE\"}},"
         "\"ConsistentRead\":true}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        answer(&fixture, NULL, 200, "{}");
        assert_int_equal(rows[i].call(&fixture), STATUS_OK);
        const struct http_request *sent = &fixture.fake.requests[0].http;
        assert_str(sent->url, "https://dynamodb.eu-west-1.amazonaws.com/");
        assert_str(sent->body, rows[i].body);
        assert_int_equal(sent->uses_fresh_connection, rows[i].is_fresh);
        assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"), rows[i].target);
        assert_str(fake_request_header(&fixture.fake, 0, "Content-Type"),
                   "application/x-amz-json-1.0");
        fixture_end(&fixture);
    }
}

static void values_of_every_type_are_written(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, NULL, 200, "{}");
    const struct dynamodb_attribute attributes[] = {
        dynamodb_string("pk", STR("a")),        dynamodb_string("sk", STR("b")),
        {STR("t"), DYNAMODB_BOOL, STR("true")}, {STR("f"), DYNAMODB_BOOL, STR("false")},
        {STR("z"), DYNAMODB_NULL, STR_EMPTY},   {STR("e"), DYNAMODB_NUMBER, STR("-1.5E-3")},
        dynamodb_string("s", STR_EMPTY),        dynamodb_number(&fixture.arena, "n", INT64_MIN),
    };
    const struct dynamodb_put item = {.table = STR("t"), .item = {attributes, 8}};
    assert_int_equal(dynamodb_put_item(&fixture.client, &item, &fixture.arena, NULL), STATUS_OK);
    assert_str(fake_request_body(&fixture.fake, 0),
               "{\"TableName\":\"t\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"S\":\"b\"},"
               "\"t\":{\"BOOL\":true},\"f\":{\"BOOL\":false},\"z\":{\"NULL\":true},"
               "\"e\":{\"N\":\"-1.5E-3\"},\"s\":{\"S\":\"\"},"
               "\"n\":{\"N\":\"-9223372036854775808\"}}}");
    assert_false(fixture.fake.requests[0].http.uses_fresh_connection); /* no condition */
    fixture_end(&fixture);
}

static void invalid_dynamodb_request_is_not_sent(void **state) {
    (void)state;
    static char long_pk[2049];
    memset(long_pk, 'k', sizeof long_pk);
    const struct {
        const char *name;
        struct dynamodb_attribute attributes[3];
    } rows[] = {
        {"no key", {dynamodb_string("a", STR("x"))}},
        {"no sk", {dynamodb_string("pk", STR("x"))}},
        {"empty sk", {dynamodb_string("pk", STR("x")), dynamodb_string("sk", STR_EMPTY)}},
        {"long pk",
         {{STR("pk"), DYNAMODB_STRING, {long_pk, sizeof long_pk}},
          dynamodb_string("sk", STR("x"))}},
        {"a number as pk",
         {{STR("pk"), DYNAMODB_NUMBER, STR("1")}, dynamodb_string("sk", STR("x"))}},
        {"no number",
         {dynamodb_string("pk", STR("x")),
          dynamodb_string("sk", STR("x")),
          {STR("n"), DYNAMODB_NUMBER, STR("1x")}}},
        {"no number, but almost",
         {dynamodb_string("pk", STR("x")),
          dynamodb_string("sk", STR("x")),
          {STR("n"), DYNAMODB_NUMBER, STR("1.e5")}}},
        {"no bool",
         {dynamodb_string("pk", STR("x")),
          dynamodb_string("sk", STR("x")),
          {STR("n"), DYNAMODB_BOOL, STR("yes")}}},
        {"no UTF-8",
         {dynamodb_string("pk", STR("x")), dynamodb_string("sk", STR("x")),
          dynamodb_string("s", STR("\xff"))}},
        {"no words",
         {dynamodb_string("pk", STR("x")), dynamodb_string("sk", STR("x")),
          dynamodb_words("w", STR_EMPTY)}},
        {"an empty word",
         {dynamodb_string("pk", STR("x")), dynamodb_string("sk", STR("x")),
          dynamodb_words("w", STR("a  b"))}},
        {"a space behind the last word",
         {dynamodb_string("pk", STR("x")), dynamodb_string("sk", STR("x")),
          dynamodb_words("w", STR("a "))}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        size_t count = 0;
        while (count < 3 && !str_is_empty(rows[i].attributes[count].name)) {
            count++;
        }
        const struct dynamodb_put item = {.table = STR("t"), .item = {rows[i].attributes, count}};
        enum status status =
            dynamodb_put_item(&fixture.client, &item, &fixture.arena, &fixture.error);
        if (status != STATUS_INVALID || fixture.fake.request_count != 0) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        fixture_end(&fixture);
    }
}

static void item_beyond_all_limits_is_too_large(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    str text = {arena_alloc(&fixture.arena, (size_t)3 << 20), (size_t)3 << 20};
    memset((char *)(uintptr_t)text.ptr, 'x', text.len);
    const struct dynamodb_attribute attributes[] = {dynamodb_string("pk", STR("a")),
                                                    dynamodb_string("sk", STR("b")),
                                                    dynamodb_string("s", text)};
    const struct dynamodb_put item = {.table = STR("t"), .item = {attributes, 3}};
    assert_int_equal(dynamodb_put_item(&fixture.client, &item, &fixture.arena, &fixture.error),
                     STATUS_TOO_LARGE);
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

/* ---- conditions and lost answers ---- */

static void repeated_put_that_finds_its_own_item_succeeds(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct fake_answer first;
        const char *there; /* what the table holds; NULL: not asked */
        int there_status;
        enum status status;
        bool is_unknown;
    } rows[] = {
        {"ours", {.status = STATUS_TIMEOUT}, "{\"Item\":" PUT_ITEM "}", 200, STATUS_OK, false},
        {"ours, after a 500",
         {.http_status = 500},
         "{\"Item\":" PUT_ITEM "}",
         200,
         STATUS_OK,
         false},
        {"another's",
         {.status = STATUS_CONNECTION},
         "{\"Item\":{\"pk\":{\"S\":\"lb#1\"},\"sk\":{\"S\":\"STATE\"}}}",
         200,
         STATUS_CONFLICT,
         false},
        {"gone again", {.status = STATUS_INCOMPLETE}, "{}", 200, STATUS_CONFLICT, false},
        {"not to be read",
         {.status = STATUS_TIMEOUT},
         REFUSED("AccessDeniedException"),
         400,
         STATUS_CONFLICT,
         true},
        {"never sent before",
         {.status = STATUS_CONNECTION, .was_not_sent = true},
         NULL,
         0,
         STATUS_CONFLICT,
         false},
        {"throttled before",
         {.http_status = 400, .body = BODY(REFUSED("ThrottlingException"))},
         NULL,
         0,
         STATUS_CONFLICT,
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct fake_answer first = rows[i].first;
        first.match = "PutItem";
        fake_answer(&fixture.fake, first);
        answer(&fixture, "PutItem", 400, REFUSED(CONDITION));
        if (rows[i].there != NULL) {
            answer(&fixture, "GetItem", rows[i].there_status, rows[i].there);
        }
        enum status status = put(&fixture);
        if (status != rows[i].status || fixture.error.is_outcome_unknown != rows[i].is_unknown ||
            fixture.error.status != rows[i].status) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
        assert_int_equal(fake_requests_with(&fixture.fake, "GetItem"), rows[i].there != NULL);
        fixture_end(&fixture);
    }
}

static void update_refused_after_a_lost_answer_has_an_unknown_outcome(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.status = STATUS_TIMEOUT});
    answer(&fixture, NULL, 400, REFUSED(CONDITION));
    assert_int_equal(update(&fixture), STATUS_CONFLICT);
    assert_true(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

static void counter_is_never_incremented_twice(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.status = STATUS_TIMEOUT});
    struct dynamodb_update change = update_of(DYNAMODB_RETURNS_NOTHING);
    change.expression.condition = STR_EMPTY;
    change.is_not_repeatable = true;
    assert_int_equal(
        dynamodb_update_item(&fixture.client, &change, &fixture.arena, NULL, &fixture.error),
        STATUS_TIMEOUT);
    assert_int_equal(fixture.fake.request_count, 1);
    assert_true(fixture.fake.requests[0].http.uses_fresh_connection);
    assert_true(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

static void every_call_survives_every_fault(void **state) {
    (void)state;
    const struct torture tortures[] = {
        {put, STR("{}"), "dynamodb PutItem: ", RETRY_ATTEMPTS_DYNAMODB},
        {update, STR("{}"), "dynamodb UpdateItem: ", RETRY_ATTEMPTS_DYNAMODB},
        {get, STR("{}"), "dynamodb GetItem: ", RETRY_ATTEMPTS_DYNAMODB},
    };
    for (size_t i = 0; i < sizeof tortures / sizeof *tortures; i++) {
        torture_all(&tortures[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_exact),
        cmocka_unit_test(values_of_every_type_are_written),
        cmocka_unit_test(invalid_dynamodb_request_is_not_sent),
        cmocka_unit_test(item_beyond_all_limits_is_too_large),
        cmocka_unit_test(repeated_put_that_finds_its_own_item_succeeds),
        cmocka_unit_test(update_refused_after_a_lost_answer_has_an_unknown_outcome),
        cmocka_unit_test(counter_is_never_incremented_twice),
        cmocka_unit_test(every_call_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
