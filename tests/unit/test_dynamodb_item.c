/* SPDX-License-Identifier: Apache-2.0
 *
 * What DynamoDB answers.
 */
#include <stdio.h>
#include <zlib.h>

#include "dynamodb_fixture.h"
#include "extra_data.h"

/* ---- what comes back ---- */

static void item_is_read_without_attributes_of_unknown_type(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct got got;
    fixture_begin(&fixture);
    answer(&fixture, NULL, 200,
           "{\"Item\":{\"pk\":{\"S\":\"lb#1\"},\"n\":{\"N\":\"42\"},\"d\":{\"N\":\"1.5\"},"
           "\"t\":{\"BOOL\":true},\"z\":{\"NULL\":true},\"l\":{\"L\":[{\"S\":\"x\"}]},"
           "\"m\":{\"M\":{}},\"b\":{\"B\":\"AA==\"},\"ss\":{\"SS\":[\"x\",\"yz\"]},\"ns\":{\"NS\":["
           "\"1\"]},\"e\":{\"S\":\"\"}}}");
    assert_int_equal(get_into(&fixture, &got), STATUS_OK);
    assert_true(got.is_found);
    assert_int_equal(got.item.count, 7);
    assert_str(dynamodb_get_words(&got.item, "ss"), "x yz");
    assert_str(dynamodb_get_words(&got.item, "pk"), "");
    assert_str(dynamodb_get_string(&got.item, "pk"), "lb#1");
    assert_str(dynamodb_get_string(&got.item, "n"), "");
    assert_str(got.item.attributes[3].value, "true");
    assert_int_equal(got.item.attributes[4].type, DYNAMODB_NULL);
    int64_t n = 7;
    assert_false(dynamodb_get_number(&got.item, "pk", &n));
    assert_false(dynamodb_get_number(&got.item, "d", &n));
    assert_false(dynamodb_get_number(&got.item, "none", &n));
    assert_int_equal(n, 7);
    assert_true(dynamodb_get_number(&got.item, "n", &n));
    assert_int_equal(n, 42);
    fixture_end(&fixture);
}

static void missing_item_is_not_found_and_no_error(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct got got = {.is_found = true, .item = {.count = 3}};
    fixture_begin(&fixture);
    answer(&fixture, NULL, 200, "{}");
    assert_int_equal(get_into(&fixture, &got), STATUS_OK);
    assert_false(got.is_found);
    assert_int_equal(got.item.count, 0);
    fixture_end(&fixture);
}

static void malformed_item_is_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "[]",
        "{\"Item\":null}",
        "{\"Item\":[]}",
        "{\"Item\":{\"a\":\"x\"}}",
        "{\"Item\":{\"a\":{}}}",
        "{\"Item\":{\"a\":{\"S\":\"x\",\"N\":\"1\"}}}",
        "{\"Item\":{\"a\":{\"S\":1}}}",
        "{\"Item\":{\"a\":{\"N\":1}}}",
        "{\"Item\":{\"a\":{\"N\":\"one\"}}}",
        "{\"Item\":{\"a\":{\"BOOL\":\"true\"}}}",
        "{\"Item\":{\"a\":{\"S\":\"x\"}}",
    };
    refuse_bodies(get, bodies, sizeof bodies / sizeof *bodies);
}

static void update_gives_the_item_before_or_after(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum dynamodb_returns returns;
        const char *body;
        enum status status;
        size_t count;
    } rows[] = {
        {"nothing wanted", DYNAMODB_RETURNS_NOTHING, "{}", STATUS_OK, 0},
        {"there was none", DYNAMODB_RETURNS_OLD, "{}", STATUS_OK, 0},
        {"before", DYNAMODB_RETURNS_OLD, "{\"Attributes\":{\"a\":{\"S\":\"x\"}}}", STATUS_OK, 1},
        {"after", DYNAMODB_RETURNS_NEW, "{\"Attributes\":{\"a\":{\"S\":\"x\"}}}", STATUS_OK, 1},
        {"after, but none", DYNAMODB_RETURNS_NEW, "{}", STATUS_INCOMPLETE, 9},
        {"no object", DYNAMODB_RETURNS_OLD, "{\"Attributes\":[]}", STATUS_INCOMPLETE, 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fixture.client.attempts_max = 1;
        answer(&fixture, NULL, 200, rows[i].body);
        const struct dynamodb_update change = update_of(rows[i].returns);
        struct dynamodb_item item = {.count = 9};
        enum status status =
            dynamodb_update_item(&fixture.client, &change, &fixture.arena, &item, &fixture.error);
        if (status != rows[i].status || item.count != rows[i].count) {
            fail_msg("%s: %s, %zu attributes", rows[i].name, status_name(status), item.count);
        }
        fixture_end(&fixture);
    }
}

static void refusals_have_their_status(void **state) {
    (void)state;
    static const struct {
        const char *body;
        enum status status;
        size_t attempts;
    } rows[] = {
        {REFUSED(CONDITION), STATUS_CONFLICT, 1},
        {REFUSED("ResourceNotFoundException"), STATUS_NOT_FOUND, 1},
        {REFUSED("ValidationException"), STATUS_REFUSED, 1},
        {REFUSED("AccessDeniedException"), STATUS_DENIED, 1},
        {REFUSED("ProvisionedThroughputExceededException"), STATUS_THROTTLED, 4},
        {REFUSED("TransactionInProgressException"), STATUS_THROTTLED, 4},
        {REFUSED("ReplicatedWriteConflictException"), STATUS_SERVER, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, (struct fake_answer){.http_status = 400,
                                                        .times = FAKE_FOREVER,
                                                        .body = str_from_cstr(rows[i].body)});
        enum status status = put(&fixture);
        if (status != rows[i].status || fixture.fake.request_count != rows[i].attempts ||
            !str_starts_with(fixture.error.message, STR("dynamodb PutItem: "))) {
            fail_msg("%s: %s after %zu: %.*s", rows[i].body, status_name(status),
                     fixture.fake.request_count, (int)fixture.error.message.len,
                     fixture.error.message.ptr);
        }
        fixture_end(&fixture);
    }
}

/* ---- the checksum ---- */

static void answer_with_a_wrong_checksum_is_requested_again(void **state) {
    (void)state;
    static const char good[] = "{\"Item\":{\"pk\":{\"S\":\"lb#1\"}}}";
    static const char bad[] = "{\"Item\":{\"pk\":{\"S\":\"lb#2\"}}}";
    char header[64];
    (void)snprintf(header, sizeof header, "x-amz-crc32: %lu",
                   crc32(0, (const Bytef *)good, sizeof good - 1));
    static const struct {
        const char *name;
        const char *header; /* NULL: the right one of `good` */
        const char *body;
        bool is_taken;
    } rows[] = {
        {"right", NULL, good, true},
        {"none", "X-Other: 1", bad, true},
        {"another body's", NULL, bad, false},
        {"no number", "x-amz-crc32: abc", good, false},
        {"negative", "x-amz-crc32: -1", good, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        struct got got = {.is_found = false};
        fixture_begin(&fixture);
        fake_answer(&fixture.fake, (struct fake_answer){
                                       .http_status = 200,
                                       .headers = rows[i].header == NULL ? header : rows[i].header,
                                       .body = str_from_cstr(rows[i].body)});
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 200, .headers = header, .body = STR(good)});
        assert_int_equal(get_into(&fixture, &got), STATUS_OK);
        if (fixture.fake.request_count != (rows[i].is_taken ? 1 : 2) || !got.is_found) {
            fail_msg("%s: %zu attempts", rows[i].name, fixture.fake.request_count);
        }
        fixture_end(&fixture);
    }
}

/* Header and body as they were recorded, the checksum over the bytes included. */
static void recorded_answer_matches_its_checksum(void **state) {
    struct aws_fixture *fixture = *state;
    str recorded = extra_data_or_skip(&fixture->arena, "data/wire/dynamodb-UpdateItem.resp");
    size_t crc = 0;
    while (!str_starts_with(str_slice(recorded, crc, recorded.len), STR("x-amz-crc32"))) {
        crc++;
    }
    size_t body = str_find_char(recorded, '{');
    str line = str_slice(recorded, crc, recorded.len);
    line = str_trim(str_slice(line, 0, str_find_char(line, '\n')));
    fake_answer(&fixture->fake,
                (struct fake_answer){.http_status = 200,
                                     .headers = str_to_cstr(&fixture->arena, line),
                                     .body = str_slice(recorded, body, recorded.len)});
    const struct dynamodb_update change = update_of(DYNAMODB_RETURNS_NEW);
    struct dynamodb_item item = {.count = 0};
    assert_int_equal(
        dynamodb_update_item(&fixture->client, &change, &fixture->arena, &item, &fixture->error),
        STATUS_OK);
    assert_str(dynamodb_get_string(&item, "mode"), "defensive");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(item_is_read_without_attributes_of_unknown_type),
        cmocka_unit_test(missing_item_is_not_found_and_no_error),
        cmocka_unit_test(malformed_item_is_unreadable),
        cmocka_unit_test(update_gives_the_item_before_or_after),
        cmocka_unit_test(refusals_have_their_status),
        cmocka_unit_test(answer_with_a_wrong_checksum_is_requested_again),
        cmocka_unit_test_setup_teardown(recorded_answer_matches_its_checksum, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
