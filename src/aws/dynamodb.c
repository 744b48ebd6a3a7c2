/* SPDX-License-Identifier: Apache-2.0
 *
 * One item, and transactions.
 *
 * Writes with a condition go over a fresh connection: curl sends a request again by itself when a
 * pooled connection dies under it, and that would meet its own work without anybody knowing.
 */
#include "base/ascii.h"
#include "dynamodb_internal.h"

#define TRANSACT "TransactWriteItems"
/* DynamoDB takes 4 MB of items; half as much again for what JSON puts around them. */
#define TRANSACTION_BODY_BYTES_MAX ((size_t)6 * 1024 * 1024)
/* Writers that meet at one item each get their turn: up to some 15 s of waiting. */
#define TRANSACTION_ATTEMPTS_MAX 6

const struct aws_code_meaning DYNAMODB_MEANINGS[] = {
    {"ResourceNotFoundException", STATUS_NOT_FOUND,
     "there is no such table in this account and Region"},
    {NULL, STATUS_OK, NULL},
};

static enum status refuse(const char *operation, const char *flaw, struct arena *arena,
                          struct error *error) {
    return service_refuse(AWS_DYNAMODB, operation, flaw, arena, error);
}

/* An answer that may hold one item. */
struct item_answer {
    const char *member; /* under which it is */
    bool is_required;
    bool is_found;
    struct dynamodb_item item;
};

static enum status parse_item_answer(void *context, struct arena *arena,
                                     const struct http_response *response, struct error *error) {
    struct item_answer *answer = context;
    const struct json *root = NULL;
    answer->item = (struct dynamodb_item){.count = 0};
    TRY(dynamodb_answer(arena, response, &root, error));
    const struct json *item = json_get(root, answer->member);
    answer->is_found = item != NULL;
    return item == NULL && !answer->is_required
               ? STATUS_OK
               : dynamodb_parse_item(item, arena, &answer->item, error);
}

static void begin(struct service_call *call, struct arena *arena, const char *operation,
                  struct item_answer *answer) {
    service_call_begin(call, arena, DYNAMODB_BODY_BYTES_MAX,
                       &(struct aws_request){.service = AWS_DYNAMODB,
                                             .operation = operation,
                                             .meanings = DYNAMODB_MEANINGS,
                                             .parse = parse_item_answer,
                                             .context = answer});
}

/* ---- put ---- */

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

/* The condition refused a later attempt, and an earlier one may have been carried out: the item in
 * the table shows it. When it cannot be read the CONFLICT stays, with the outcome unknown.
 *
 *   attempt 1   condition met, item written    the answer is lost
 *   attempt 2   condition not met              it meets the item of attempt 1
 *   GetItem     the same item?                 yes: OK    no: another writer, CONFLICT
 *
 * The read is consistent, so that it cannot miss attempt 1. */
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
    const struct dynamodb_key key = dynamodb_key_of(&put->item);
    const char *flaw = dynamodb_put_flaw(put);
    if (flaw != NULL) {
        return refuse("PutItem", flaw, arena, error);
    }
    struct service_call call;
    struct error problem = {.status = STATUS_OK};
    struct item_answer answer = {.member = "Attributes", .is_found = true};
    begin(&call, arena, "PutItem", &answer);
    call.request.uses_fresh_connection = !str_is_empty(put->expression.condition);
    dynamodb_write_put(&call.writer, put);
    if (put->was_there_out != NULL) {
        json_write_member(&call.writer, "ReturnValues", STR("ALL_OLD"));
    }
    enum status status = service_call_send(&call, client, &problem);
    if (status == STATUS_CONFLICT && problem.is_outcome_unknown) {
        status = settle_conflict(client, put, &key, arena, &problem);
    }
    if (status != STATUS_OK && error != NULL) {
        *error = problem;
    }
    if (status == STATUS_OK && put->was_there_out != NULL) {
        *put->was_there_out = answer.is_found;
    }
    return status;
}

/* ---- update ---- */

static const char *const RETURNS[] = {
    [DYNAMODB_RETURNS_NOTHING] = "NONE",
    [DYNAMODB_RETURNS_OLD] = "ALL_OLD",
    [DYNAMODB_RETURNS_NEW] = "ALL_NEW",
};

enum status dynamodb_update_item(struct aws_client *client, const struct dynamodb_update *update,
                                 struct arena *arena, struct dynamodb_item *item_out,
                                 struct error *error) {
    const char *flaw = dynamodb_update_flaw(update);
    if (flaw != NULL) {
        return refuse("UpdateItem", flaw, arena, error);
    }
    struct service_call call;
    /* Without it there was no item before; after an update there always is one. */
    struct item_answer answer = {.member = "Attributes",
                                 .is_required = update->returns == DYNAMODB_RETURNS_NEW};
    begin(&call, arena, "UpdateItem", &answer);
    call.request.uses_fresh_connection =
        !str_is_empty(update->expression.condition) && !update->knows_its_work;
    call.request.is_not_repeatable = update->is_not_repeatable;
    dynamodb_write_update(&call.writer, update);
    json_write_member(&call.writer, "ReturnValues", str_from_cstr(RETURNS[update->returns]));
    TRY(service_call_send(&call, client, error));
    if (item_out != NULL) {
        *item_out = answer.item;
    }
    return STATUS_OK;
}

/* ---- get ---- */

enum status dynamodb_get_item(struct aws_client *client, str table, const struct dynamodb_key *key,
                              struct arena *arena, struct dynamodb_item *item_out, bool *found_out,
                              struct error *error) {
    struct service_call call;
    struct item_answer answer = {.member = "Item"};
    if (str_is_empty(table) || !dynamodb_key_is_valid(key)) {
        return refuse("GetItem", "no table or no key", arena, error);
    }
    begin(&call, arena, "GetItem", &answer);
    json_write_member(&call.writer, "TableName", table);
    dynamodb_write_key(&call.writer, STR("Key"), key);
    json_write_member_bool(&call.writer, "ConsistentRead", true);
    TRY(service_call_send(&call, client, error));
    *item_out = answer.item;
    *found_out = answer.is_found;
    return STATUS_OK;
}

/* ---- transaction ----
 * Every attempt carries the same token, by which DynamoDB knows a repeat of what it has done: the
 * answer to it is OK, never a condition that meets its own work. */

struct outcome {
    size_t count;  /* actions that were sent */
    size_t failed; /* the first whose condition was not met; count: none */
};

static const char *action_flaw(const struct dynamodb_action *action) {
    if ((action->put == NULL) == (action->update == NULL)) {
        return "an action that is neither a put nor an update, or both";
    }
    return action->put != NULL ? dynamodb_put_flaw(action->put)
                               : dynamodb_update_flaw(action->update);
}

static const char *transaction_flaw(const struct dynamodb_transaction *transaction) {
    if (transaction->count == 0 || transaction->count > DYNAMODB_ACTIONS_MAX) {
        return "a transaction has 1 to 100 actions";
    }
    for (size_t i = 0; i < transaction->count; i++) {
        const char *flaw = action_flaw(&transaction->actions[i]);
        if (flaw != NULL) {
            return flaw;
        }
    }
    bool is_token = transaction->token.len <= DYNAMODB_TOKEN_CHARACTERS_MAX &&
                    ascii_has_only(transaction->token, ascii_is_graphic);
    return is_token ? NULL : "a token that cannot be one";
}

static void write_action(struct json_writer *writer, const struct dynamodb_action *action) {
    json_object_begin(writer);
    json_write_key(writer, action->put != NULL ? STR("Put") : STR("Update"));
    json_object_begin(writer);
    if (action->put != NULL) {
        dynamodb_write_put(writer, action->put);
    } else {
        dynamodb_write_update(writer, action->update);
    }
    json_object_end(writer);
    json_object_end(writer);
}

/* Reasons of a cancelled transaction and the codes they have as the answer to one item. In this
 * order: a condition that is not met decides even when another action was only busy. A position in
 * CancellationReasons is that of the action; actions without a fault have the code "None". */
static const struct {
    const char *reason;
    const char *code;
} REASONS[] = {
    {"ConditionalCheckFailed", "ConditionalCheckFailedException"},
    {"TransactionConflict", "TransactionConflictException"},
    {"ThrottlingError", "ThrottlingException"},
    {"ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException"},
};
enum { REASON_COUNT = sizeof REASONS / sizeof *REASONS };

/* Position of the first action with that reason, or `count`. */
static size_t find_reason(const struct json *reasons, const char *reason, size_t count) {
    size_t i = 0;
    for (const struct json *one = json_first(reasons); one != NULL && i < count; i++) {
        if (str_eq(json_get_string(one, "Code"), str_from_cstr(reason))) {
            return i;
        }
        one = json_next(one);
    }
    return count;
}

static void refine(void *context, struct arena *arena, const struct http_response *response,
                   struct aws_error_text *text) {
    struct outcome *outcome = context;
    const struct json *root = NULL;
    outcome->failed = outcome->count;
    if (!str_eq(text->code, STR("TransactionCanceledException")) ||
        json_parse(arena, response->body, &JSON_LIMITS_DEFAULT, &root, NULL) != STATUS_OK) {
        return;
    }
    const struct json *reasons = json_get(root, "CancellationReasons");
    for (size_t i = 0; i < REASON_COUNT; i++) {
        size_t at = find_reason(reasons, REASONS[i].reason, outcome->count);
        if (at < outcome->count) {
            outcome->failed = i == 0 ? at : outcome->count;
            text->code = str_from_cstr(REASONS[i].code);
            text->message = str_format(arena, "action %zu of %zu: %s", at + 1, outcome->count,
                                       REASONS[i].reason);
            return;
        }
    }
}

static enum status parse_answer(void *context, struct arena *arena,
                                const struct http_response *response, struct error *error) {
    const struct json *root = NULL;
    (void)context;
    return dynamodb_answer(arena, response, &root, error);
}

enum status dynamodb_transact_write(struct aws_client *client,
                                    const struct dynamodb_transaction *transaction,
                                    struct arena *arena, size_t *failed_out, struct error *error) {
    const char *flaw = transaction_flaw(transaction);
    if (flaw != NULL) {
        return refuse(TRANSACT, flaw, arena, error);
    }
    struct service_call call;
    struct outcome outcome = {transaction->count, transaction->count};
    service_call_begin(&call, arena, TRANSACTION_BODY_BYTES_MAX,
                       &(struct aws_request){.service = AWS_DYNAMODB,
                                             .operation = TRANSACT,
                                             .attempts_max = TRANSACTION_ATTEMPTS_MAX,
                                             .meanings = DYNAMODB_MEANINGS,
                                             .parse = parse_answer,
                                             .refine = refine,
                                             .context = &outcome});
    json_write_key(&call.writer, STR("TransactItems"));
    json_array_begin(&call.writer);
    for (size_t i = 0; i < transaction->count; i++) {
        write_action(&call.writer, &transaction->actions[i]);
    }
    json_array_end(&call.writer);
    json_write_member(&call.writer, "ClientRequestToken",
                      str_is_empty(transaction->token) ? random_uuid4(&client->random_state, arena)
                                                       : transaction->token);
    enum status status = service_call_send(&call, client, error);
    if (status == STATUS_CONFLICT) {
        if (failed_out != NULL) {
            *failed_out = outcome.failed;
        }
        if (error != NULL) {
            error->is_outcome_unknown = false; /* the token rules out an attempt that was lost */
        }
    }
    return status;
}
