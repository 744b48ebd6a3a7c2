/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/dynamodb.h"
#include "base/buf.h"
#include "base/json.h"
#include "torture.h"

#define ITEM(sk) "{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"" sk "\"}}"
#define BASE(condition, values)                                                                    \
    "{\"TableName\":\"t\",\"KeyConditionExpression\":\"pk = :pk" condition "\","                   \
    "\"ExpressionAttributeValues\":{\":pk\":{\"S\":\"lb\"}" values "},\"ConsistentRead\":true,"

struct listed {
    struct dynamodb_item *items;
    size_t count;
};

static enum status query_into(struct aws_fixture *fixture, const struct dynamodb_query *query,
                              struct listed *listed) {
    return dynamodb_query(&fixture->client, query, &fixture->arena, &listed->items, &listed->count,
                          &fixture->error);
}

static enum status query_all(struct aws_fixture *fixture) {
    const struct dynamodb_query query = {.table = STR("t"), .pk = STR("lb")};
    struct listed listed;
    return query_into(fixture, &query, &listed);
}

static void query_request_is_exact(void **state) {
    (void)state;
    static const char *const names[] = {"sk", "mode"};
    static const struct {
        struct dynamodb_query query;
        const char *body;
    } rows[] = {
        {{.table = {"t", 1}, .pk = {"lb", 2}},
         BASE("", "") "\"ScanIndexForward\":true,\"Limit\":500}"},
        {{.table = {"t", 1}, .pk = {"lb", 2}, .sk_prefix = {"CHANGE#", 7}, .is_descending = true},
         BASE(" AND begins_with(sk, :prefix)",
              ",\":prefix\":{\"S\":\"CHANGE#\"}") "\"ScanIndexForward\":false,\"Limit\":500}"},
        {{.table = {"t", 1}, .pk = {"lb", 2}, .sk_from = {"a", 1}, .sk_to = {"b", 1}, .limit = 7},
         BASE(" AND sk BETWEEN :from AND :to",
              ",\":from\":{\"S\":\"a\"},\":to\":{\"S\":\"b\"}") "\"ScanIndexForward\":true,"
                                                                "\"Limit\":7}"},
        {{.table = {"t", 1},
          .pk = {"lb", 2},
          .attributes = names,
          .attribute_count = 2,
          .page_items_max = 24},
         "{\"TableName\":\"t\",\"KeyConditionExpression\":\"pk = :pk\","
         "\"ExpressionAttributeValues\":{\":pk\":{\"S\":\"lb\"}},"
         "\"ProjectionExpression\":\"#a0,#a1\",\"ExpressionAttributeNames\":{\"#a0\":\"sk\","
         "\"#a1\":\"mode\"},\"ConsistentRead\":true,\"ScanIndexForward\":true,\"Limit\":24}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        struct listed listed;
        fixture_begin(&fixture);
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 200, .body = STR("{\"Items\":[]}")});
        assert_int_equal(query_into(&fixture, &rows[i].query, &listed), STATUS_OK);
        assert_str(fake_request_body(&fixture.fake, 0), rows[i].body);
        assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"),
                   "DynamoDB_20120810.Query");
        assert_int_equal(listed.count, 0);
        fixture_end(&fixture);
    }
}

/* A table of `count` items "000", "001", ...; it gives at most page_size of them at once. */
struct table {
    struct arena *arena;
    size_t count;
    size_t page_size;
    bool is_looping; /* every page leads back to the first one's end */
};

static str sk_of(struct arena *arena, size_t i) {
    return str_format(arena, "%03zu", i);
}

static struct fake_answer table_respond(void *context, const struct http_request *request) {
    struct table *table = context;
    const struct json *root = NULL;
    assert_int_equal(json_parse(table->arena, request->body, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    int64_t after = -1;
    double limit = 1e9;
    (void)json_number(json_get(root, "Limit"), &limit);
    const struct json *start = json_get(json_get(root, "ExclusiveStartKey"), "sk");
    (void)str_parse_i64(json_get_string(start, "S"), &after);
    after = table->is_looping ? -1 : after;
    struct buf body;
    buf_init(&body, table->arena, 1 << 20);
    buf_append(&body, STR("{\"Items\":["));
    size_t given = 0;
    size_t i = (size_t)(after + 1);
    for (; i < table->count && given < table->page_size && given < (size_t)limit; i++) {
        str sk = sk_of(table->arena, i);
        buf_printf(&body, "%s{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"%s\"}}",
                   given++ == 0 ? "" : ",", sk.ptr);
    }
    buf_append(&body, STR("]"));
    if (i < table->count) {
        str sk = sk_of(table->arena, i - 1);
        buf_printf(&body, ",\"LastEvaluatedKey\":{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"%s\"}}",
                   sk.ptr);
    }
    buf_append(&body, STR("}"));
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body)};
}

static void query_reads_all_pages_up_to_the_limit(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count, page_size, limit, listed, calls;
    } rows[] = {
        {"one page", 3, 10, 0, 3, 1},
        {"three pages", 25, 10, 0, 25, 3},
        {"pages end where the table does", 20, 10, 0, 20, 2},
        {"limit within a page", 25, 10, 4, 4, 1},
        {"limit at a page's end", 25, 10, 20, 20, 2},
        {"limit in the third page", 25, 10, 22, 22, 3},
        {"limit beyond the table", 25, 10, 30, 25, 3},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        print_message("%s\n", rows[row].name);
        struct aws_fixture fixture;
        struct listed listed;
        fixture_begin(&fixture);
        struct table table = {&fixture.fake.arena, rows[row].count, rows[row].page_size, false};
        fixture.fake.respond = table_respond;
        fixture.fake.respond_context = &table;
        const struct dynamodb_query query = {
            .table = STR("t"), .pk = STR("lb"), .limit = rows[row].limit};
        assert_int_equal(query_into(&fixture, &query, &listed), STATUS_OK);
        assert_int_equal(listed.count, rows[row].listed);
        assert_int_equal(fixture.fake.request_count, rows[row].calls);
        for (size_t i = 0; i < listed.count; i++) {
            assert_true(
                str_eq(dynamodb_get_string(&listed.items[i], "sk"), sk_of(&fixture.arena, i)));
        }
        fixture_end(&fixture);
    }
}

static void query_never_gives_more_than_the_limit(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct listed listed;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake, (struct fake_answer){.http_status = 200,
                                                    .body = STR("{\"Items\":[" ITEM("1") "," ITEM(
                                                        "2") "," ITEM("3") "]}")});
    const struct dynamodb_query query = {.table = STR("t"), .pk = STR("lb"), .limit = 2};
    assert_int_equal(query_into(&fixture, &query, &listed), STATUS_OK);
    assert_int_equal(listed.count, 2);
    fixture_end(&fixture);
}

static void interrupted_query_keeps_the_pages_before(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct listed listed;
    fixture_begin(&fixture);
    fake_answer(&fixture.fake,
                (struct fake_answer){
                    .http_status = 200,
                    .body = STR("{\"Items\":[" ITEM("1") "],\"LastEvaluatedKey\":" ITEM("1") "}")});
    fake_answer(&fixture.fake, (struct fake_answer){.match = "ExclusiveStartKey",
                                                    .http_status = 500,
                                                    .times = FAKE_FOREVER});
    const struct dynamodb_query query = {.table = STR("t"), .pk = STR("lb")};
    assert_int_equal(query_into(&fixture, &query, &listed), STATUS_SERVER);
    assert_int_equal(fixture.fake.request_count, 1 + RETRY_ATTEMPTS_DYNAMODB);
    assert_true(str_starts_with(fixture.error.message, STR("dynamodb Query: ")));
    assert_int_equal(listed.count, 1);
    assert_str(dynamodb_get_string(&listed.items[0], "sk"), "1");
    fixture_end(&fixture);
}

static void query_with_a_repeated_page_key_ends(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct table table = {&fixture.fake.arena, 25, 10, true};
    fixture.fake.respond = table_respond;
    fixture.fake.respond_context = &table;
    assert_int_equal(query_all(&fixture), STATUS_INCOMPLETE);
    assert_int_equal(fixture.fake.request_count, 2);
    fixture_end(&fixture);
}

static void malformed_query_answers_are_unreadable(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"Items\":null}",
        "{\"Items\":{}}",
        "{\"Items\":[1]}",
        "{\"Items\":[{\"a\":1}]}",
        "{\"Items\":[],\"LastEvaluatedKey\":{}}",
        "{\"Items\":[],\"LastEvaluatedKey\":{\"pk\":{\"S\":\"lb\"}}}",
        "{\"Items\":[],\"LastEvaluatedKey\":{\"pk\":{\"S\":\"lb\"},\"sk\":{\"N\":\"1\"}}}",
        "{\"Items\":[],\"LastEvaluatedKey\":\"x\"}",
    };
    refuse_bodies(query_all, bodies, sizeof bodies / sizeof *bodies);
}

static void invalid_query_is_not_sent(void **state) {
    (void)state;
    const struct dynamodb_query rows[] = {
        {.pk = STR("lb")},
        {.table = STR("t")},
        {.table = STR("t"), .pk = STR("lb"), .sk_from = STR("a")},
        {.table = STR("t"), .pk = STR("lb"), .sk_to = STR("a")},
        {.table = STR("t"), .pk = STR("\xff")},
        {.table = STR("t"),
         .pk = STR("lb"),
         .sk_prefix = STR("x"),
         .sk_from = STR("a"),
         .sk_to = STR("b")},
    };
    struct aws_fixture fixture;
    struct listed listed;
    fixture_begin(&fixture);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(query_into(&fixture, &rows[i], &listed), STATUS_INVALID);
    }
    assert_int_equal(fixture.fake.request_count, 0);
    fixture_end(&fixture);
}

static void query_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {query_all, STR("{\"Items\":[" ITEM("1") "]}"),
                                    "dynamodb Query: ", RETRY_ATTEMPTS_DYNAMODB};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_request_is_exact),
        cmocka_unit_test(query_reads_all_pages_up_to_the_limit),
        cmocka_unit_test(query_never_gives_more_than_the_limit),
        cmocka_unit_test(interrupted_query_keeps_the_pages_before),
        cmocka_unit_test(query_with_a_repeated_page_key_ends),
        cmocka_unit_test(malformed_query_answers_are_unreadable),
        cmocka_unit_test(invalid_query_is_not_sent),
        cmocka_unit_test(query_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
