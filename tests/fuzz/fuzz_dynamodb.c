/* SPDX-License-Identifier: Apache-2.0
 *
 * DynamoDB answers anything: items of attributes that have names, types and whole values, or a
 * failure. The first byte says which call it is.
 */
#include "fuzz/aws_answer.h"

#include "aws/dynamodb.h"

static const struct dynamodb_key key = {{"lb", 2}, {"STATE", 5}};

static void hold_item(const struct dynamodb_item *item) {
    for (size_t i = 0; i < item->count; i++) {
        const struct dynamodb_attribute *attribute = &item->attributes[i];
        HOLD(attribute->name.len > 0 && fuzz_is_utf8(attribute->name));
        HOLD((unsigned)attribute->type <= DYNAMODB_NULL && fuzz_is_utf8(attribute->value));
        HOLD(attribute->type != DYNAMODB_NULL || attribute->value.len == 0);
        HOLD(attribute->type != DYNAMODB_NUMBER || attribute->value.len > 0);
        HOLD(attribute->type != DYNAMODB_BOOL || str_eq(attribute->value, STR("true")) ||
             str_eq(attribute->value, STR("false")));
    }
    int64_t number = 7;
    HOLD(dynamodb_get_number(item, "n", &number) || number == 7);
}

static void hold_items(const struct dynamodb_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hold_item(&items[i]);
    }
}

static enum status get(struct aws_fixture *aws) {
    struct dynamodb_item item = {0};
    bool is_found = true;
    enum status status =
        dynamodb_get_item(&aws->client, STR("t"), &key, &aws->arena, &item, &is_found, &aws->error);
    HOLD(status == STATUS_OK || item.count == 0);
    HOLD(status != STATUS_OK || is_found || item.count == 0);
    hold_item(&item);
    return status;
}

static struct dynamodb_put put_of(struct dynamodb_attribute *attributes, size_t count) {
    attributes[0] = dynamodb_string("pk", key.pk);
    attributes[1] = dynamodb_string("sk", key.sk);
    return (struct dynamodb_put){.table = STR("t"),
                                 .item = {attributes, count},
                                 .expression = {.condition = STR("attribute_not_exists(pk)")}};
}

static enum status put(struct aws_fixture *aws) {
    struct dynamodb_attribute attributes[2];
    struct dynamodb_put item = put_of(attributes, COUNT(attributes));
    return dynamodb_put_item(&aws->client, &item, &aws->arena, &aws->error);
}

static enum status update(struct aws_fixture *aws) {
    const struct dynamodb_attribute value = dynamodb_string(":m", STR("monitor"));
    const struct dynamodb_update request = {.table = STR("t"),
                                            .key = key,
                                            .update = STR("SET m = :m"),
                                            .expression = {.values = &value, .value_count = 1},
                                            .returns = DYNAMODB_RETURNS_NEW};
    struct dynamodb_item item = {0};
    enum status status =
        dynamodb_update_item(&aws->client, &request, &aws->arena, &item, &aws->error);
    hold_item(&item);
    return status;
}

static enum status query(struct aws_fixture *aws) {
    const struct dynamodb_query request = {.table = STR("t"), .pk = key.pk};
    struct dynamodb_item *items = NULL;
    size_t count = 0;
    enum status status =
        dynamodb_query(&aws->client, &request, &aws->arena, &items, &count, &aws->error);
    hold_items(items, count);
    return status;
}

static enum status take(void *context, const struct dynamodb_item *items, size_t count,
                        struct error *error) {
    (void)context;
    (void)error;
    hold_items(items, count);
    return STATUS_OK;
}

static enum status scan(struct aws_fixture *aws) {
    const struct dynamodb_scan request = {.table = STR("t"), .sk = STR("STATE")};
    const struct dynamodb_sink sink = {.take = take};
    return dynamodb_scan(&aws->client, &request, &sink, &aws->arena, &aws->error);
}

static enum status transact(struct aws_fixture *aws) {
    struct dynamodb_attribute attributes[2];
    struct dynamodb_put item = put_of(attributes, COUNT(attributes));
    const struct dynamodb_action action = {.put = &item};
    const struct dynamodb_transaction transaction = {.actions = &action, .count = 1};
    size_t failed = 0;
    enum status status =
        dynamodb_transact_write(&aws->client, &transaction, &aws->arena, &failed, &aws->error);
    HOLD(status != STATUS_CONFLICT || failed <= 1);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct hostile_aws aws;
    static enum status (*const calls[])(struct aws_fixture *) = {get,   put,  update,
                                                                 query, scan, transact};
    str rest = {(const char *)data, size};
    unsigned what = fuzz_byte(&rest) % COUNT(calls);
    hostile_begin(&aws, rest);
    hostile_hold(&aws, calls[what](&aws.fixture));
    fixture_end(&aws.fixture);
    return 0;
}
