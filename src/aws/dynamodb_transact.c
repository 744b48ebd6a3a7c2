/* SPDX-License-Identifier: Apache-2.0
 *
 * Every attempt carries the same token, by which DynamoDB knows a repeat of what it has done: the
 * answer to it is OK, never a condition that meets its own work.
 */
#include "dynamodb_internal.h"
#include "random_internal.h"

#define OPERATION "TransactWriteItems"
/* DynamoDB takes 4 MB of items; half as much again for what JSON puts around them. */
#define TRANSACTION_BODY_BYTES_MAX ((size_t)6 * 1024 * 1024)
/* Writers that meet at one item each get their turn: up to some 15 s of waiting. */
#define ATTEMPTS_MAX 6

struct outcome {
    size_t count;  /* actions that were sent */
    size_t failed; /* the first whose condition was not met; count: none */
};

/* ---- what is asked ---- */

static const char *action_flaw(const struct dynamodb_action *action) {
    if ((action->put == NULL) == (action->update == NULL)) {
        return "an action that is neither a put nor an update, or both";
    }
    return action->put != NULL ? dynamodb_put_flaw(action->put)
                               : dynamodb_update_flaw(action->update);
}

static bool is_token(str token) {
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '!' || token.ptr[i] > '~') {
            return false;
        }
    }
    return token.len <= DYNAMODB_TOKEN_CHARACTERS_MAX;
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
    return is_token(transaction->token) ? NULL : "a token that cannot be one";
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

static void write_transaction(struct buf *body, const struct dynamodb_transaction *transaction,
                              str token) {
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_object_begin(&writer);
    json_write_key(&writer, STR("TransactItems"));
    json_array_begin(&writer);
    for (size_t i = 0; i < transaction->count; i++) {
        write_action(&writer, &transaction->actions[i]);
    }
    json_array_end(&writer);
    json_write_member(&writer, "ClientRequestToken", token);
    json_object_end(&writer);
}

/* ---- what is answered ---- */

/* Reasons of a cancelled transaction and the codes they have as the answer to one item. In this
 * order: a condition that is not met decides even when another action was only busy. */
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

static void refine(void *context, struct arena *arena, const struct aws_response *response,
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
                                const struct aws_response *response, struct error *error) {
    const struct json *root = NULL;
    (void)context;
    return dynamodb_answer(arena, response, &root, error);
}

enum status dynamodb_transact_write(struct aws_client *client,
                                    const struct dynamodb_transaction *transaction,
                                    struct arena *arena, size_t *failed_out, struct error *error) {
    const char *flaw = transaction_flaw(transaction);
    if (flaw != NULL) {
        return dynamodb_refuse(OPERATION, arena, error, flaw);
    }
    struct buf body;
    struct aws_request request;
    struct outcome outcome = {transaction->count, transaction->count};
    const struct dynamodb_call call = {OPERATION, &body, parse_answer, &outcome};
    str token = str_is_empty(transaction->token) ? random_uuid4(&client->random_state, arena)
                                                 : transaction->token;
    buf_init(&body, arena, TRANSACTION_BODY_BYTES_MAX);
    write_transaction(&body, transaction, token);
    TRY(dynamodb_request(&call, arena, &request, error));
    request.refine = refine;
    request.attempts_max = ATTEMPTS_MAX;
    enum status status = aws_call(client, &request, arena, error);
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
