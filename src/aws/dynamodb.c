/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes with a condition go over a fresh connection: curl sends a request again by itself when a
 * pooled connection dies under it, and that would meet its own work without anybody knowing.
 */
#include "dynamodb_internal.h"

static const struct aws_code_meaning MEANINGS[] = {
    {"ResourceNotFoundException", STATUS_NOT_FOUND,
     "there is no such table in this account and Region"},
    {NULL, STATUS_OK, NULL},
};

enum status dynamodb_request(const struct dynamodb_call *call, struct arena *arena,
                             struct aws_request *request_out, struct error *error) {
    if (buf_status(call->body) != STATUS_OK) {
        return error_set(error, arena, STATUS_TOO_LARGE, "dynamodb %s: the request is too large",
                         call->operation);
    }
    str target = str_format(arena, "DynamoDB_20120810.%s", call->operation);
    *request_out = (struct aws_request){
        .service = AWS_DYNAMODB,
        .operation = call->operation,
        .method = STR("POST"),
        .path = STR("/"),
        .headers = json_headers(arena, "1.0", target),
        .header_count = JSON_HEADER_COUNT,
        .body = buf_str(call->body),
        .meanings = MEANINGS,
        .parse = call->parse,
        .context = call->context,
    };
    return STATUS_OK;
}

enum status dynamodb_refuse(const char *operation, struct arena *arena, struct error *error,
                            const char *what) {
    return error_set(error, arena, STATUS_INVALID, "dynamodb %s: %s", operation, what);
}

/* ---- put ---- */

static enum status parse_put(void *context, struct arena *arena,
                             const struct aws_response *response, struct error *error) {
    bool *was_there = context;
    const struct json *root = NULL;
    TRY(dynamodb_answer(arena, response, &root, error));
    *was_there = json_get(root, "Attributes") != NULL;
    return STATUS_OK;
}

static void write_put(struct buf *body, const struct dynamodb_put *put) {
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_object_begin(&writer);
    dynamodb_write_put(&writer, put);
    if (put->was_there_out != NULL) {
        json_write_member(&writer, "ReturnValues", STR("ALL_OLD"));
    }
    json_object_end(&writer);
}

static bool is_same_item(const struct dynamodb_item *a, const struct dynamodb_item *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct dynamodb_attribute *one = &a->attributes[i];
        const struct dynamodb_attribute *other = dynamodb_find(b, one->name);
        if (other == NULL || other->type != one->type || !str_eq(other->value, one->value)) {
            return false;
        }
    }
    return true;
}

/* The condition refused a later attempt, and an earlier one may have been carried out: what is
 * there tells. When it cannot be read the CONFLICT stays, with the outcome unknown. */
static enum status settle_conflict(struct aws_client *client, const struct dynamodb_put *put,
                                   const struct dynamodb_key *key, struct arena *arena,
                                   struct error *conflict) {
    struct dynamodb_item there = {.count = 0};
    bool is_found = false;
    if (dynamodb_get_item(client, put->table, key, arena, &there, &is_found, NULL) != STATUS_OK) {
        return STATUS_CONFLICT;
    }
    if (is_found && is_same_item(&put->item, &there)) {
        return STATUS_OK;
    }
    conflict->is_outcome_unknown = false;
    return STATUS_CONFLICT;
}

enum status dynamodb_put_item(struct aws_client *client, const struct dynamodb_put *put,
                              struct arena *arena, struct error *error) {
    const struct dynamodb_key key = {dynamodb_get_string(&put->item, DYNAMODB_PK),
                                     dynamodb_get_string(&put->item, DYNAMODB_SK)};
    const char *flaw = dynamodb_put_flaw(put);
    if (flaw != NULL) {
        return dynamodb_refuse("PutItem", arena, error, flaw);
    }
    struct buf body;
    struct aws_request request;
    struct error problem = {.status = STATUS_OK};
    bool was_there = true;
    const struct dynamodb_call call = {"PutItem", &body, parse_put, &was_there};
    buf_init(&body, arena, DYNAMODB_BODY_BYTES_MAX);
    write_put(&body, put);
    TRY(dynamodb_request(&call, arena, &request, error));
    request.uses_fresh_connection = !str_is_empty(put->expression.condition);
    enum status status = aws_call(client, &request, arena, &problem);
    if (status == STATUS_CONFLICT && problem.is_outcome_unknown) {
        status = settle_conflict(client, put, &key, arena, &problem);
    }
    if (status != STATUS_OK && error != NULL) {
        *error = problem;
    }
    if (status == STATUS_OK && put->was_there_out != NULL) {
        *put->was_there_out = was_there;
    }
    return status;
}

/* ---- update ---- */

static const char *const RETURNS[] = {
    [DYNAMODB_RETURNS_NOTHING] = "NONE",
    [DYNAMODB_RETURNS_OLD] = "ALL_OLD",
    [DYNAMODB_RETURNS_NEW] = "ALL_NEW",
};

static void write_update(struct buf *body, const struct dynamodb_update *update) {
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_object_begin(&writer);
    dynamodb_write_update(&writer, update);
    json_write_member(&writer, "ReturnValues", str_from_cstr(RETURNS[update->returns]));
    json_object_end(&writer);
}

struct updated {
    enum dynamodb_returns returns;
    struct dynamodb_item item;
};

/* Without Attributes there was no item before; after an update there always is one. */
static enum status parse_update(void *context, struct arena *arena,
                                const struct aws_response *response, struct error *error) {
    struct updated *updated = context;
    const struct json *root = NULL;
    updated->item = (struct dynamodb_item){.count = 0};
    TRY(dynamodb_answer(arena, response, &root, error));
    const struct json *attributes = json_get(root, "Attributes");
    bool may_be_absent = updated->returns != DYNAMODB_RETURNS_NEW;
    if (attributes == NULL && may_be_absent) {
        return STATUS_OK;
    }
    return dynamodb_parse_item(attributes, arena, &updated->item, error);
}

enum status dynamodb_update_item(struct aws_client *client, const struct dynamodb_update *update,
                                 struct arena *arena, struct dynamodb_item *item_out,
                                 struct error *error) {
    const char *flaw = dynamodb_update_flaw(update);
    if (flaw != NULL) {
        return dynamodb_refuse("UpdateItem", arena, error, flaw);
    }
    struct buf body;
    struct aws_request request;
    struct updated updated = {.returns = update->returns};
    const struct dynamodb_call call = {"UpdateItem", &body, parse_update, &updated};
    buf_init(&body, arena, DYNAMODB_BODY_BYTES_MAX);
    write_update(&body, update);
    TRY(dynamodb_request(&call, arena, &request, error));
    request.uses_fresh_connection = !str_is_empty(update->expression.condition);
    request.is_not_repeatable = update->is_not_repeatable;
    TRY(aws_call(client, &request, arena, error));
    if (item_out != NULL) {
        *item_out = updated.item;
    }
    return STATUS_OK;
}

/* ---- get ---- */

struct got {
    struct dynamodb_item item;
    bool is_found;
};

/* DynamoDB leaves "Item" out when there is none. */
static enum status parse_get(void *context, struct arena *arena,
                             const struct aws_response *response, struct error *error) {
    struct got *got = context;
    const struct json *root = NULL;
    *got = (struct got){.is_found = false};
    TRY(dynamodb_answer(arena, response, &root, error));
    const struct json *item = json_get(root, "Item");
    got->is_found = item != NULL;
    return item == NULL ? STATUS_OK : dynamodb_parse_item(item, arena, &got->item, error);
}

enum status dynamodb_get_item(struct aws_client *client, str table, const struct dynamodb_key *key,
                              struct arena *arena, struct dynamodb_item *item_out, bool *found_out,
                              struct error *error) {
    struct buf body;
    struct json_writer writer;
    struct aws_request request;
    struct got got = {.is_found = false};
    const struct dynamodb_call call = {"GetItem", &body, parse_get, &got};
    if (str_is_empty(table) || !dynamodb_key_is_valid(key)) {
        return dynamodb_refuse("GetItem", arena, error, "no table or no key");
    }
    buf_init(&body, arena, DYNAMODB_BODY_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_member(&writer, "TableName", table);
    json_write_key(&writer, STR("Key"));
    dynamodb_write_key(&writer, key);
    json_write_key(&writer, STR("ConsistentRead"));
    json_write_bool(&writer, true);
    json_object_end(&writer);
    TRY(dynamodb_request(&call, arena, &request, error));
    TRY(aws_call(client, &request, arena, error));
    *item_out = got.item;
    *found_out = got.is_found;
    return STATUS_OK;
}
