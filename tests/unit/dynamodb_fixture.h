/* SPDX-License-Identifier: Apache-2.0
 *
 * One call of each kind to a table, and answers to them.
 */
#ifndef DYNAMODB_FIXTURE_H
#define DYNAMODB_FIXTURE_H

#include "aws/dynamodb.h"
#include "torture.h"

#define REFUSED(code)                                                                              \
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#" code "\",\"message\":\"words\"}"
#define CONDITION "ConditionalCheckFailedException"

static const struct dynamodb_key KEY = {{"lb#1", 4}, {"STATE", 5}};

struct seen_item {
    struct dynamodb_attribute attributes[4];
    struct dynamodb_put put;
};

static inline const struct dynamodb_put *put_of(struct aws_fixture *fixture,
                                                struct seen_item *seen) {
    seen->attributes[0] = dynamodb_string("pk", KEY.pk);
    seen->attributes[1] = dynamodb_string("sk", KEY.sk);
    seen->attributes[2] = dynamodb_string("mode", STR("mon\"itor"));
    seen->attributes[3] = dynamodb_number(&fixture->arena, "n", -12);
    seen->put = (struct dynamodb_put){
        .table = STR("ledger"),
        .item = {seen->attributes, 4},
        .expression = {.condition = STR("attribute_not_exists(pk)")},
    };
    return &seen->put;
}

#define PUT_ITEM                                                                                   \
    "{\"pk\":{\"S\":\"lb#1\"},\"sk\":{\"S\":\"STATE\"},\"mode\":{\"S\":\"mon\\\"itor\"},"          \
    "\"n\":{\"N\":\"-12\"}}"

static inline enum status put(struct aws_fixture *fixture) {
    struct seen_item seen;
    return dynamodb_put_item(&fixture->client, put_of(fixture, &seen), &fixture->arena,
                             &fixture->error);
}

static const struct dynamodb_attribute ONE = {{":one", 4}, DYNAMODB_NUMBER, {"1", 1}};
static const struct dynamodb_name MODE_NAME = {"#m", "mode"};

static inline struct dynamodb_update update_of(enum dynamodb_returns returns) {
    return (struct dynamodb_update){
        .table = STR("ledger"),
        .key = KEY,
        .update = STR("SET #m = :one"),
        .expression = {STR("#m <> :one"), &MODE_NAME, 1, &ONE, 1},
        .returns = returns,
    };
}

static inline enum status update(struct aws_fixture *fixture) {
    const struct dynamodb_update change = update_of(DYNAMODB_RETURNS_OLD);
    return dynamodb_update_item(&fixture->client, &change, &fixture->arena, NULL, &fixture->error);
}

struct got {
    struct dynamodb_item item;
    bool is_found;
};

static inline enum status get_into(struct aws_fixture *fixture, struct got *got) {
    return dynamodb_get_item(&fixture->client, STR("ledger"), &KEY, &fixture->arena, &got->item,
                             &got->is_found, &fixture->error);
}

static inline enum status get(struct aws_fixture *fixture) {
    struct got got;
    return get_into(fixture, &got);
}

static inline void answer(struct aws_fixture *fixture, const char *match, int status,
                          const char *body) {
    fake_answer(
        &fixture->fake,
        (struct fake_answer){.match = match, .http_status = status, .body = str_from_cstr(body)});
}

#endif
