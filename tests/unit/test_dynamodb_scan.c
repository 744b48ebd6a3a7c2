/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/dynamodb.h"
#include "base/buf.h"
#include "base/json.h"
#include "torture.h"

#define ITEM(sk) "{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"" sk "\"}}"

/* Counts, and checks that the items come in the order of the simulated table. */
struct taken {
    size_t items;
    size_t pages;
    size_t stops_at; /* at this page, counted from 1; 0: never */
};

static enum status take(void *context, const struct dynamodb_item *items, size_t count,
                        struct error *error) {
    struct taken *taken = context;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        int64_t number = -1;
        assert_true(str_parse_i64(dynamodb_get_string(&items[i], "sk"), &number));
        assert_int_equal(number, taken->items++);
    }
    if (++taken->pages == taken->stops_at) {
        *error = (struct error){.status = STATUS_TOO_LARGE, .message = STR("enough")};
        return STATUS_TOO_LARGE;
    }
    return STATUS_OK;
}

static enum status scan_into(struct aws_fixture *fixture, const struct dynamodb_scan *scan,
                             struct taken *taken) {
    const struct dynamodb_sink sink = {taken, take};
    return dynamodb_scan(&fixture->client, scan, &sink, &fixture->arena, &fixture->error);
}

static enum status scan_all(struct aws_fixture *fixture) {
    const struct dynamodb_scan scan = {.table = STR("t")};
    struct taken taken = {.items = 0};
    return scan_into(fixture, &scan, &taken);
}

static void scan_request_is_exact(void **state) {
    (void)state;
    static const char *const names[] = {"pk", "mode"};
    static const struct {
        struct dynamodb_scan scan;
        const char *body;
    } rows[] = {
        {{.table = {"t", 1}}, "{\"TableName\":\"t\",\"Limit\":500}"},
        {{.table = {"t", 1}, .sk = {"STATE", 5}},
         "{\"TableName\":\"t\",\"FilterExpression\":\"sk = :sk\","
         "\"ExpressionAttributeValues\":{\":sk\":{\"S\":\"STATE\"}},\"Limit\":500}"},
        {{.table = {"t", 1}, .sk_prefix_left_out = {"SEEN#", 5}},
         "{\"TableName\":\"t\",\"FilterExpression\":\"NOT begins_with(sk, :sk)\","
         "\"ExpressionAttributeValues\":{\":sk\":{\"S\":\"SEEN#\"}},\"Limit\":500}"},
        {{.table = {"t", 1}, .sk_prefix_left_out = {"A#", 2}, .sk_prefix_left_out_too = {"B#", 2}},
         "{\"TableName\":\"t\",\"FilterExpression\":\"NOT begins_with(sk, :sk) AND NOT "
         "begins_with(sk, :too)\",\"ExpressionAttributeValues\":{\":sk\":{\"S\":\"A#\"},"
         "\":too\":{\"S\":\"B#\"}},\"Limit\":500}"},
        {{.table = {"t", 1}, .sk_prefix = {"DAY#", 4}, .attributes = names, .attribute_count = 2},
         "{\"TableName\":\"t\",\"FilterExpression\":\"begins_with(sk, :sk)\","
         "\"ExpressionAttributeValues\":{\":sk\":{\"S\":\"DAY#\"}},"
         "\"ProjectionExpression\":\"#a0,#a1\","
         "\"ExpressionAttributeNames\":{\"#a0\":\"pk\",\"#a1\":\"mode\"},\"Limit\":500}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        struct taken taken = {.items = 0};
        fixture_begin(&fixture);
        fake_answer(&fixture.fake,
                    (struct fake_answer){.http_status = 200, .body = STR("{\"Items\":[]}")});
        assert_int_equal(scan_into(&fixture, &rows[i].scan, &taken), STATUS_OK);
        assert_str(fake_request_body(&fixture.fake, 0), rows[i].body);
        assert_str(fake_request_header(&fixture.fake, 0, "X-Amz-Target"), "DynamoDB_20120810.Scan");
        assert_int_equal(taken.pages, 0);
        fixture_end(&fixture);
    }
}

/* A table of `count` items, `page_size` on a page. They are numbered as they are given, for the
 * filter may leave out all of every second page. */
struct table {
    struct arena *arena;
    size_t count;
    size_t page_size;
    size_t given;
    bool has_empty_pages;
    bool leads_nowhere;
};

static struct fake_answer table_respond(void *context, const struct http_request *request) {
    struct table *table = context;
    const struct json *root = NULL;
    int64_t after = -1;
    assert_int_equal(json_parse(table->arena, request->body, &JSON_LIMITS_DEFAULT, &root, NULL),
                     STATUS_OK);
    const struct json *start = json_get(json_get(root, "ExclusiveStartKey"), "sk");
    (void)str_parse_i64(json_get_string(start, "S"), &after);
    size_t from = table->leads_nowhere ? 0 : (size_t)(after + 1);
    bool is_empty = table->has_empty_pages && from / table->page_size % 2 == 1;
    struct buf body;
    buf_init(&body, table->arena, 1 << 20);
    buf_append(&body, STR("{\"Items\":["));
    size_t end = from + table->page_size < table->count ? from + table->page_size : table->count;
    for (size_t i = from; i < end && !is_empty; i++) {
        buf_printf(&body, "%s{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"%zu\"}}", i == from ? "" : ",",
                   table->given++);
    }
    buf_append(&body, STR("]"));
    if (end < table->count) {
        buf_printf(&body, ",\"LastEvaluatedKey\":{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"%zu\"}}",
                   end - 1);
    }
    buf_append(&body, STR("}"));
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body)};
}

static void scan_passes_every_page_to_the_sink_in_order(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t count, page_size;
        bool has_empty_pages;
        size_t items, pages, calls;
    } rows[] = {
        {"nothing", 0, 10, false, 0, 0, 1},
        {"one page", 3, 10, false, 3, 1, 1},
        {"three pages", 25, 10, false, 25, 3, 3},
        {"pages end where the table does", 20, 10, false, 20, 2, 2},
        {"the filter leaves pages empty", 45, 10, true, 25, 3, 5},
        {"many pages", 1000, 7, false, 1000, 143, 143},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("%s\n", rows[i].name);
        struct aws_fixture fixture;
        struct taken taken = {.items = 0};
        fixture_begin(&fixture);
        struct table table = {.arena = &fixture.fake.arena,
                              .count = rows[i].count,
                              .page_size = rows[i].page_size,
                              .has_empty_pages = rows[i].has_empty_pages};
        fixture.fake.respond = table_respond;
        fixture.fake.respond_context = &table;
        const struct dynamodb_scan scan = {.table = STR("t")};
        assert_int_equal(scan_into(&fixture, &scan, &taken), STATUS_OK);
        assert_int_equal(taken.items, rows[i].items);
        assert_int_equal(taken.pages, rows[i].pages);
        assert_int_equal(fixture.fake.request_count, rows[i].calls);
        assert_int_equal(arena_bytes_held(&fixture.arena), 0); /* pages are not kept */
        fixture_end(&fixture);
    }
}

/* The answer to "Limit": 500 items of many small attributes. */
static struct fake_answer full_respond(void *context, const struct http_request *request) {
    struct arena *arena = context;
    struct buf body;
    assert_true(str_contains(request->body, STR("\"Limit\":500}")));
    buf_init(&body, arena, 1 << 22);
    buf_append(&body, STR("{\"Items\":["));
    for (int i = 0; i < 500; i++) {
        buf_printf(&body, "%s{\"pk\":{\"S\":\"lb\"},\"sk\":{\"S\":\"%d\"}", i == 0 ? "" : ",", i);
        for (int k = 0; k < 88; k++) {
            buf_printf(&body, ",\"n%d\":{\"N\":\"1\"}", k);
        }
        buf_append(&body, STR("}"));
    }
    buf_append(&body, STR("]}"));
    return (struct fake_answer){.http_status = 200, .body = buf_str(&body)};
}

static void scan_reads_a_full_page_of_many_small_attributes(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct taken taken = {.items = 0};
    fixture_begin(&fixture);
    fixture.fake.respond = full_respond;
    fixture.fake.respond_context = &fixture.fake.arena;
    const struct dynamodb_scan scan = {.table = STR("t")};
    assert_int_equal(scan_into(&fixture, &scan, &taken), STATUS_OK);
    assert_int_equal(taken.items, 500);
    fixture_end(&fixture);
}

static void scan_ends_where_the_sink_ends_it(void **state) {
    (void)state;
    struct aws_fixture fixture;
    struct taken taken = {.stops_at = 2};
    fixture_begin(&fixture);
    struct table table = {.arena = &fixture.fake.arena, .count = 25, .page_size = 10};
    fixture.fake.respond = table_respond;
    fixture.fake.respond_context = &table;
    const struct dynamodb_scan scan = {.table = STR("t")};
    assert_int_equal(scan_into(&fixture, &scan, &taken), STATUS_TOO_LARGE);
    assert_int_equal(fixture.fake.request_count, 2);
    assert_str(fixture.error.message, "enough");
    fixture_end(&fixture);
}

static void scan_never_passes_a_page_twice(void **state) {
    (void)state;
    static const struct fake_answer troubles[] = {
        {.http_status = 500},
        {.status = STATUS_CONNECTION},
        {.http_status = 200, .body = BODY("{\"Items\":[" ITEM("0") ",")},
        {.http_status = 200, .body = BODY("{\"Items\":[" ITEM("0") "],\"LastEvaluatedKey\":1}")},
        {.http_status = 200,
         .headers = "x-amz-crc32: 1",
         .body = BODY("{\"Items\":[" ITEM("0") "]}")},
    };
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        struct aws_fixture fixture;
        struct taken taken = {.items = 0};
        fixture_begin(&fixture);
        struct table table = {.arena = &fixture.fake.arena, .count = 25, .page_size = 10};
        fixture.fake.respond = table_respond;
        fixture.fake.respond_context = &table;
        struct fake_answer trouble = troubles[i];
        trouble.match = "ExclusiveStartKey";
        fake_answer(&fixture.fake, trouble);
        const struct dynamodb_scan scan = {.table = STR("t")};
        assert_int_equal(scan_into(&fixture, &scan, &taken), STATUS_OK);
        assert_int_equal(taken.items, 25);
        assert_int_equal(fixture.fake.request_count, 4);
        fixture_end(&fixture);
    }
}

static void scan_with_a_repeated_page_key_ends(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    struct table table = {
        .arena = &fixture.fake.arena, .count = 25, .page_size = 10, .leads_nowhere = true};
    fixture.fake.respond = table_respond;
    fixture.fake.respond_context = &table;
    assert_int_equal(scan_all(&fixture), STATUS_INCOMPLETE);
    assert_int_equal(fixture.fake.request_count, 2);
    fixture_end(&fixture);
}

static void invalid_scan_is_not_sent(void **state) {
    (void)state;
    static const char *names[DYNAMODB_SCAN_ATTRIBUTES_MAX + 1];
    const struct dynamodb_scan rows[] = {
        {.sk = STR("STATE")},
        {.table = STR("t"), .sk = STR("a"), .sk_prefix = STR("a")},
        {.table = STR("t"), .sk_prefix = STR("a"), .sk_prefix_left_out = STR("b")},
        {.table = STR("t"), .sk = STR("\xff")},
        {.table = STR("t"), .sk_prefix_left_out = STR("\xff")},
        {.table = STR("t"), .sk_prefix_left_out_too = STR("a")},
        {.table = STR("t"), .sk_prefix_left_out = STR("a"), .sk_prefix_left_out_too = STR("\xff")},
        {.table = STR("t"), .sk_prefix = STR("\xff")},
        {.table = STR("t"), .attributes = names, .attribute_count = sizeof names / sizeof *names},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_fixture fixture;
        struct taken taken = {.items = 0};
        fixture_begin(&fixture);
        assert_int_equal(scan_into(&fixture, &rows[i], &taken), STATUS_INVALID);
        assert_int_equal(fixture.fake.request_count, 0);
        fixture_end(&fixture);
    }
}

static void scan_survives_every_fault(void **state) {
    (void)state;
    const struct torture torture = {scan_all, STR("{\"Items\":[" ITEM("0") "]}"),
                                    "dynamodb Scan: ", RETRY_ATTEMPTS_DYNAMODB};
    torture_all(&torture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scan_request_is_exact),
        cmocka_unit_test(scan_passes_every_page_to_the_sink_in_order),
        cmocka_unit_test(scan_reads_a_full_page_of_many_small_attributes),
        cmocka_unit_test(scan_ends_where_the_sink_ends_it),
        cmocka_unit_test(scan_never_passes_a_page_twice),
        cmocka_unit_test(scan_with_a_repeated_page_key_ends),
        cmocka_unit_test(invalid_scan_is_not_sent),
        cmocka_unit_test(scan_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
