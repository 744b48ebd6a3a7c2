/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "dynamodb_fixture.h"

#define CANCELLED(reasons)                                                                         \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceledException\","               \
    "\"CancellationReasons\":[" reasons "],\"Message\":\"Transaction cancelled\"}"
#define NONE         "{\"Code\":\"None\"}"
#define REASON(code) "{\"Code\":\"" code "\",\"Message\":\"words\"}"
#define NOT_MET      REASON("ConditionalCheckFailed")
#define ATTEMPTS_MAX 6

/* A put and an update. */
static enum status transact(struct aws_fixture *fixture, str token, size_t *failed) {
    struct seen_item seen;
    const struct dynamodb_update change = update_of(DYNAMODB_RETURNS_NOTHING);
    const struct dynamodb_action actions[] = {{.put = put_of(fixture, &seen)}, {.update = &change}};
    const struct dynamodb_transaction transaction = {actions, 2, token};
    return dynamodb_transact_write(&fixture->client, &transaction, &fixture->arena, failed,
                                   &fixture->error);
}

static enum status transact_simply(struct aws_fixture *fixture) {
    return transact(fixture, STR("t-1"), NULL);
}

static void transaction_request_is_exact(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    answer(&fixture, NULL, 200, "{}");
    assert_int_equal(transact_simply(&fixture), STATUS_OK);
    assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"),
               "DynamoDB_20120810.TransactWriteItems");
    assert_str(fake_request_body(&fixture.fake, 0),
               "{\"TransactItems\":["
               "{\"Put\":{\"TableName\":\"ledger\",\"Item\":" PUT_ITEM
               ",\"ConditionExpression\":\"attribute_not_exists(pk)\"}},"
               "{\"Update\":{\"TableName\":\"ledger\",\"Key\":{\"pk\":{\"S\":\"lb#1\"},"
               "\"sk\":{\"S\":\"STATE\"}},\"UpdateExpression\":\"SET #m = :one\","
               "\"ConditionExpression\":\"#m <> :one\","
               "\"ExpressionAttributeNames\":{\"#m\":\"mode\"},"
               "\"ExpressionAttributeValues\":{\":one\":{\"N\":\"1\"}}}}],"
               "\"ClientRequestToken\":\"t-1\"}");
    fixture_end(&fixture);
}

/* The request's token. */
static str token_of(struct aws_fixture *fixture, size_t n) {
    const struct json *root = NULL;
    str body = fake_request_body(&fixture->fake, n);
    assert_int_equal(json_parse(&fixture->arena, body, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    return json_get_string(root, "ClientRequestToken");
}

static void transaction_without_a_token_makes_one_a_call(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.status = STATUS_CONNECTION});
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 200, .body = STR("{}"), .times = FAKE_FOREVER});
    assert_int_equal(transact(&fixture, STR_EMPTY, NULL), STATUS_OK);
    assert_int_equal(transact(&fixture, STR_EMPTY, NULL), STATUS_OK);
    assert_int_equal(fixture.fake.request_count, 3);
    assert_int_equal(token_of(&fixture, 0).len, DYNAMODB_TOKEN_CHARACTERS_MAX);
    assert_true(str_eq(token_of(&fixture, 0), token_of(&fixture, 1)));
    assert_false(str_eq(token_of(&fixture, 0), token_of(&fixture, 2)));
    fixture_end(&fixture);
}

static const struct {
    const char *name, *body;
    enum status status;
    size_t calls, failed; /* 9: untouched */
    const char *says;
} CANCELLED_ROWS[] = {
    {"the first", CANCELLED(NOT_MET "," NONE), STATUS_CONFLICT, 1, 0, "action 1 of 2"},
    {"the second", CANCELLED(NONE "," NOT_MET), STATUS_CONFLICT, 1, 1, "action 2 of 2"},
    {"both", CANCELLED(NOT_MET "," NOT_MET), STATUS_CONFLICT, 1, 0, "action 1 of 2"},
    {"busy, and not met", CANCELLED(REASON("TransactionConflict") "," NOT_MET), STATUS_CONFLICT, 1,
     1, "ConditionalCheckFailedException (HTTP 400): action 2 of 2"},
    {"busy", CANCELLED(NONE "," REASON("TransactionConflict")), STATUS_THROTTLED, ATTEMPTS_MAX, 9,
     "TransactionConflictException (HTTP 400): action 2 of 2"},
    {"throttled", CANCELLED(REASON("ThrottlingError") "," NONE), STATUS_THROTTLED, ATTEMPTS_MAX, 9,
     "ThrottlingException"},
    {"no throughput", CANCELLED(REASON("ProvisionedThroughputExceeded") "," NONE), STATUS_THROTTLED,
     ATTEMPTS_MAX, 9, "ProvisionedThroughputExceededException"},
    {"in progress", REFUSED("TransactionInProgressException"), STATUS_THROTTLED, ATTEMPTS_MAX, 9,
     "TransactionInProgressException"},
    {"not valid", CANCELLED(NONE "," REASON("ValidationError")), STATUS_REFUSED, 1, 9,
     "TransactionCanceledException (HTTP 400): Transaction cancelled"},
    {"no reasons", CANCELLED(""), STATUS_REFUSED, 1, 9, "TransactionCanceledException"},
    {"a reason too many", CANCELLED(NONE "," NONE "," NOT_MET), STATUS_REFUSED, 1, 9,
     "TransactionCanceledException"},
    {"another transaction with this token", REFUSED("IdempotentParameterMismatchException"),
     STATUS_REFUSED, 1, 9, "IdempotentParameterMismatchException"},
    {"no table", REFUSED("ResourceNotFoundException"), STATUS_NOT_FOUND, 1, 9, "no such table"},
};

static void cancelled_transaction_error_gives_the_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CANCELLED_ROWS / sizeof *CANCELLED_ROWS; i++) {
        struct aws_fixture fixture;
        size_t failed = 9;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 400,
                                         .body = str_from_cstr(CANCELLED_ROWS[i].body),
                                         .times = FAKE_FOREVER});
        enum status status = transact(&fixture, STR("t"), &failed);
        if (status != CANCELLED_ROWS[i].status || failed != CANCELLED_ROWS[i].failed ||
            fixture.fake.request_count != CANCELLED_ROWS[i].calls ||
            fixture.error.is_outcome_unknown ||
            !str_contains(fixture.error.message, str_from_cstr(CANCELLED_ROWS[i].says))) {
            fail_msg("%s: %s after %zu calls, failed %zu: %.*s", CANCELLED_ROWS[i].name,
                     status_name(status), fixture.fake.request_count, failed,
                     (int)fixture.error.message.len, fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

static void transaction_that_was_busy_succeeds_later(void **state) {
    (void)state;
    struct aws_fixture fixture;
    size_t failed = 9;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.http_status = 400,
                                     .body = STR(CANCELLED(REASON("TransactionConflict") "," NONE)),
                                     .times = ATTEMPTS_MAX - 1});
    answer(&fixture, NULL, 200, "{}");
    assert_int_equal(transact(&fixture, STR("t"), &failed), STATUS_OK);
    assert_int_equal(failed, 9);
    assert_int_equal(fixture.fake.request_count, ATTEMPTS_MAX);
    fixture_end(&fixture);
}

/* ---- lost answers ---- */

/* A DynamoDB that does each token's work once, under the condition that it was not done before. */
struct simulated_table {
    str token;
    size_t done;
    size_t attempts;
    unsigned lost; /* bit n: the answer to attempt n is lost, its work is done */
};

static struct fake_answer table_respond(void *context, const struct http_request *request) {
    struct simulated_table *table = context;
    bool is_repeat = table->done > 0 && str_contains(request->body, table->token);
    bool is_lost = (table->lost >> table->attempts++ & 1) != 0;
    if (!is_repeat && table->done > 0) {
        return (struct fake_answer){.http_status = 400, .body = STR(CANCELLED(NOT_MET "," NONE))};
    }
    table->done += is_repeat ? 0 : 1;
    return is_lost ? (struct fake_answer){.status = STATUS_CONNECTION}
                   : (struct fake_answer){.http_status = 200, .body = STR("{}")};
}

static void transaction_whose_answers_are_lost_is_done_once(void **state) {
    (void)state;
    for (unsigned lost = 0; lost < 1 << (ATTEMPTS_MAX - 1); lost++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        struct simulated_table table = {.token = STR("t-1"), .lost = lost};
        fixture.fake.respond = table_respond;
        fixture.fake.respond_context = &table;
        assert_int_equal(transact_simply(&fixture), STATUS_OK);
        assert_int_equal(table.done, 1);
        /* the same again, as another invocation may; and a stranger */
        assert_int_equal(transact_simply(&fixture), STATUS_OK);
        assert_int_equal(transact(&fixture, STR("other"), NULL), STATUS_CONFLICT);
        assert_int_equal(table.done, 1);
        fixture_end(&fixture);
    }
}

static void transaction_that_stays_lost_says_so(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){.status = STATUS_CONNECTION, .times = FAKE_FOREVER});
    assert_int_equal(transact_simply(&fixture), STATUS_CONNECTION);
    assert_true(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

/* Had the lost attempt been carried out, the token would have made the next one OK. */
static void transaction_refused_after_a_lost_answer_is_known_to_be_undone(void **state) {
    (void)state;
    struct aws_fixture fixture;
    size_t failed = 9;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.status = STATUS_TIMEOUT});
    answer(&fixture, NULL, 400, CANCELLED(NONE "," NOT_MET));
    assert_int_equal(transact(&fixture, STR_EMPTY, &failed), STATUS_CONFLICT);
    assert_int_equal(failed, 1);
    assert_false(fixture.error.is_outcome_unknown);
    fixture_end(&fixture);
}

/* ---- what is not sent ---- */

static void invalid_transaction_is_not_sent(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct seen_item seen;
    fixture_begin(&fixture);
    const struct dynamodb_put *put = put_of(&fixture, &seen);
    struct dynamodb_put no_table = *put;
    no_table.table = STR_EMPTY;
    struct dynamodb_update update = update_of(DYNAMODB_RETURNS_NOTHING);
    struct dynamodb_update no_update = update;
    no_update.update = STR_EMPTY;
    struct dynamodb_action many[DYNAMODB_ACTIONS_MAX + 1];
    for (size_t i = 0; i < DYNAMODB_ACTIONS_MAX + 1; i++) {
        many[i] = (struct dynamodb_action){.put = put};
    }
    const struct dynamodb_action neither = {.put = NULL};
    const struct dynamodb_action both = {put, &update};
    const struct dynamodb_action bad_put = {.put = &no_table};
    const struct dynamodb_action bad_update = {.update = &no_update};
    const struct dynamodb_action good = {.put = put};
    const struct {
        const char *name;
        struct dynamodb_transaction transaction;
    } rows[] = {
        {"none", {many, 0, STR_EMPTY}},
        {"101", {many, DYNAMODB_ACTIONS_MAX + 1, STR_EMPTY}},
        {"neither", {&neither, 1, STR_EMPTY}},
        {"both", {&both, 1, STR_EMPTY}},
        {"put without a table", {&bad_put, 1, STR_EMPTY}},
        {"update of nothing", {&bad_update, 1, STR_EMPTY}},
        {"37 characters", {&good, 1, STR("1234567890123456789012345678901234567")}},
        {"blank in the token", {&good, 1, STR("a b")}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum status status = dynamodb_transact_write(&fixture.client, &rows[i].transaction,
                                                     &fixture.arena, NULL, &fixture.error);
        if (status != STATUS_INVALID || fixture.fake.request_count != 0 ||
            !str_starts_with(fixture.error.message, STR("dynamodb TransactWriteItems: "))) {
            fail_msg("%s: %s", rows[i].name, status_name(status));
        }
    }
    fixture_end(&fixture);
}

static void transaction_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {transact_simply, STR("{}"),
                                    "dynamodb TransactWriteItems: ", ATTEMPTS_MAX};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transaction_request_is_exact),
        cmocka_unit_test(transaction_without_a_token_makes_one_a_call),
        cmocka_unit_test(cancelled_transaction_error_gives_the_reason),
        cmocka_unit_test(transaction_that_was_busy_succeeds_later),
        cmocka_unit_test(transaction_whose_answers_are_lost_is_done_once),
        cmocka_unit_test(transaction_that_stays_lost_says_so),
        cmocka_unit_test(transaction_refused_after_a_lost_answer_is_known_to_be_undone),
        cmocka_unit_test(invalid_transaction_is_not_sent),
        cmocka_unit_test(transaction_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
