/* SPDX-License-Identifier: Apache-2.0
 *
 * A DynamoDB table behind the fake transport: items in memory, and the conditions really evaluated
 * (table_expression.h), so that duplicates, late events and copies at the same time can be tried
 * out. A transaction is carried out whole or not at all, and once for its token.
 *
 *     struct table *table = table_begin(&fake);
 *     ... table_respond(table, request) answers what table_is_asked(request) ...
 */
#ifndef TABLE_WORLD_H
#define TABLE_WORLD_H

#include "table_expression.h"

/* ---- answers ---- */

static inline struct fake_answer table_ok(struct buf *body) {
    assert_int_equal(buf_status(body), STATUS_OK);
    return (struct fake_answer){.http_status = 200, .body = buf_str(body)};
}

static inline struct fake_answer table_conflict(void) {
    return (struct fake_answer){
        .http_status = 400,
        .body = STR("{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailed"
                    "Exception\",\"message\":\"The conditional request failed\"}")};
}

static inline void table_write_item(struct buf *out, const struct table_item *item) {
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_object_begin(&writer);
    for (size_t i = 0; i < item->count; i++) {
        const struct table_attribute *attribute = &item->attributes[i];
        json_write_key(&writer, attribute->name);
        json_object_begin(&writer);
        json_write_key(&writer, attribute->type);
        if (str_eq(attribute->type, STR("SS"))) {
            str words = attribute->value;
            json_array_begin(&writer);
            while (words.len > 0) {
                json_write_str(&writer, str_split(&words, ' '));
            }
            json_array_end(&writer);
        } else {
            json_write_str(&writer, attribute->value);
        }
        json_object_end(&writer);
    }
    json_object_end(&writer);
}

static inline struct table_item *table_keyed(struct table *table, const struct json *body,
                                             struct table_item *key) {
    table_parse_item(table, json_get(body, "Key"), key);
    return table_find(table, table_text(key, "pk"), table_text(key, "sk"));
}

static inline struct fake_answer table_get_item(struct table *table, const struct json *body) {
    struct table_item key;
    struct buf out;
    buf_init(&out, table->arena, 1 << 17);
    assert_true(json_is_bool(json_get(body, "ConsistentRead")));
    const struct table_item *item = table_keyed(table, body, &key);
    buf_append(&out, item == NULL ? STR("{") : STR("{\"Item\":"));
    if (item != NULL) {
        table_write_item(&out, item);
    }
    buf_append(&out, STR("}"));
    return table_ok(&out);
}

static inline struct fake_answer table_put_item(struct table *table, const struct json *body) {
    struct table_item item;
    table_parse_item(table, json_get(body, "Item"), &item);
    const struct table_item *there =
        table_find(table, table_text(&item, "pk"), table_text(&item, "sk"));
    if (!table_condition_is_met(table, body, there)) {
        return table_conflict();
    }
    struct buf out;
    buf_init(&out, table->arena, 1 << 17);
    bool returns_old = str_eq(json_get_string(body, "ReturnValues"), STR("ALL_OLD"));
    buf_append(&out, there != NULL && returns_old ? STR("{\"Attributes\":") : STR("{"));
    if (there != NULL && returns_old) {
        table_write_item(&out, there);
    }
    buf_append(&out, STR("}"));
    (void)table_put(table, &item);
    return table_ok(&out);
}

static inline struct fake_answer table_update_item(struct table *table, const struct json *body) {
    struct table_item key;
    struct table_item *item = table_keyed(table, body, &key);
    if (!table_condition_is_met(table, body, item)) {
        return table_conflict();
    }
    struct table_condition update = {table, body, item, STR_EMPTY};
    update.rest = json_get_string(body, "UpdateExpression");
    struct table_item changed = item == NULL ? key : *item;
    table_change(&update, &changed);
    (void)table_put(table, &changed);
    if (!str_eq(json_get_string(body, "ReturnValues"), STR("ALL_NEW"))) {
        return (struct fake_answer){.http_status = 200, .body = STR("{}")};
    }
    struct buf out;
    buf_init(&out, table->arena, 1 << 17);
    buf_append(&out, STR("{\"Attributes\":"));
    table_write_item(&out, &changed);
    buf_append(&out, STR("}"));
    return table_ok(&out);
}

/* Is the condition of this action met? */
static inline bool table_may_act(struct table *table, const struct json *action) {
    const struct json *put = json_get(action, "Put");
    struct table_item key;
    table_parse_item(
        table,
        json_get(put != NULL ? put : json_get(action, "Update"), put != NULL ? "Item" : "Key"),
        &key);
    return table_condition_is_met(
        table, put != NULL ? put : json_get(action, "Update"),
        table_find(table, table_text(&key, "pk"), table_text(&key, "sk")));
}

/* A token that comes again must come with the same actions. */
static inline bool table_was_done(const struct table *table, str token) {
    for (size_t i = 0; i < table->transaction_count; i++) {
        if (str_eq(table->transactions[i].token, token)) {
            assert_true(str_eq(table->transactions[i].request, table->request));
            return true;
        }
    }
    return false;
}

static inline struct fake_answer table_transact(struct table *table, const struct json *body) {
    const struct json *actions = json_get(body, "TransactItems");
    str token = json_get_string(body, "ClientRequestToken");
    struct buf out;
    buf_init(&out, table->arena, 1 << 12);
    assert_true(token.len > 0 && table->transaction_count < TABLE_TRANSACTIONS_MAX);
    if (table_was_done(table, token)) {
        return (struct fake_answer){.http_status = 200, .body = STR("{}")};
    }
    bool is_met = true;
    buf_append(&out, STR("{\"__type\":\"TransactionCanceledException\",\"CancellationReasons\":["));
    for (const struct json *each = json_first(actions); each; each = json_next(each)) {
        bool may_act = table_may_act(table, each);
        buf_printf(&out, "%s{\"Code\":\"%s\"}", each == json_first(actions) ? "" : ",",
                   may_act ? "None" : "ConditionalCheckFailed");
        is_met = is_met && may_act;
    }
    buf_append(&out, STR("]}"));
    if (!is_met) {
        return (struct fake_answer){.http_status = 400, .body = buf_str(&out)};
    }
    for (const struct json *each = json_first(actions); each; each = json_next(each)) {
        const struct json *put = json_get(each, "Put");
        (void)(put != NULL ? table_put_item(table, put)
                           : table_update_item(table, json_get(each, "Update")));
    }
    table->transactions[table->transaction_count++] = (struct table_transaction){
        str_copy(table->arena, token), str_copy(table->arena, table->request)};
    return (struct fake_answer){.http_status = 200, .body = STR("{}")};
}

/* All of a pk and range, ascending, as many a page as are asked for. */
static inline struct fake_answer table_query_range(struct table *table, const struct json *body) {
    struct buf out;
    buf_init(&out, table->arena, 1 << 22);
    const struct json *values = json_get(body, "ExpressionAttributeValues");
    const struct json *start = json_get(json_get(body, "ExclusiveStartKey"), "sk");
    str pk = table_parse_value(table, STR_EMPTY, json_get(values, ":pk")).value;
    str from = table_parse_value(table, STR_EMPTY, json_get(values, ":from")).value;
    str to = table_parse_value(table, STR_EMPTY, json_get(values, ":to")).value;
    str above = start == NULL ? STR_EMPTY : table_parse_value(table, STR_EMPTY, start).value;
    double limit = 0;
    assert_true(json_number(json_get(body, "Limit"), &limit));
    buf_append(&out, STR("{\"Items\":["));
    const struct table_item *next = NULL;
    for (size_t given = 0; given < (size_t)limit; given++) {
        next = NULL;
        for (size_t i = 0; i < table->count; i++) {
            str sk = table_text(&table->items[i], "sk");
            bool is_asked = str_eq(table_text(&table->items[i], "pk"), pk) &&
                            str_compare(sk, from) >= 0 && str_compare(sk, to) <= 0 &&
                            str_compare(sk, above) > 0;
            if (is_asked && (next == NULL || str_compare(sk, table_text(next, "sk")) < 0)) {
                next = &table->items[i];
            }
        }
        if (next == NULL) {
            break;
        }
        above = table_text(next, "sk");
        buf_append(&out, given == 0 ? STR("") : STR(","));
        table_write_item(&out, next);
    }
    buf_append(&out, STR("]"));
    if (next != NULL) {
        buf_printf(&out,
                   ",\"LastEvaluatedKey\":{\"pk\":{\"S\":\"%" STR_FMT
                   "\"},\"sk\":{\"S\":\"%" STR_FMT "\"}}",
                   STR_ARG(pk), STR_ARG(above));
    }
    buf_append(&out, STR("}"));
    return table_ok(&out);
}

/* The last in the order of the sk is given first, as the program asks for it. */
static inline struct fake_answer table_query(struct table *table, const struct json *body) {
    if (str_contains(json_get_string(body, "KeyConditionExpression"), STR("BETWEEN"))) {
        return table_query_range(table, body);
    }
    struct buf out;
    buf_init(&out, table->arena, 1 << 20);
    const struct json *values = json_get(body, "ExpressionAttributeValues");
    struct table_attribute pk = table_parse_value(table, STR_EMPTY, json_get(values, ":pk"));
    struct table_attribute prefix =
        table_parse_value(table, STR_EMPTY, json_get(values, ":prefix"));
    assert_str(json_get_string(body, "KeyConditionExpression"),
               "pk = :pk AND begins_with(sk, :prefix)");
    str below = STR_EMPTY;
    buf_append(&out, STR("{\"Items\":["));
    for (size_t given = 0;; given++) {
        const struct table_item *last = NULL;
        for (size_t i = 0; i < table->count; i++) {
            str sk = table_text(&table->items[i], "sk");
            bool is_asked = str_eq(table_text(&table->items[i], "pk"), pk.value) &&
                            str_starts_with(sk, prefix.value) &&
                            (given == 0 || str_compare(sk, below) < 0);
            if (is_asked && (last == NULL || str_compare(sk, table_text(last, "sk")) > 0)) {
                last = &table->items[i];
            }
        }
        if (last == NULL) {
            break;
        }
        below = table_text(last, "sk");
        buf_append(&out, given == 0 ? STR("") : STR(","));
        table_write_item(&out, last);
    }
    buf_append(&out, STR("]}"));
    return table_ok(&out);
}

/* All with this sk, as one page. */
static inline struct fake_answer table_scan(struct table *table, const struct json *body) {
    struct buf out;
    size_t given = 0;
    buf_init(&out, table->arena, 1 << 20);
    const struct json *values = json_get(body, "ExpressionAttributeValues");
    struct table_attribute sk = table_parse_value(table, STR_EMPTY, json_get(values, ":sk"));
    assert_str(json_get_string(body, "FilterExpression"), "sk = :sk");
    buf_append(&out, STR("{\"Items\":["));
    for (size_t i = 0; i < table->count; i++) {
        if (str_eq(table_text(&table->items[i], "sk"), sk.value)) {
            buf_append(&out, given++ == 0 ? STR("") : STR(","));
            table_write_item(&out, &table->items[i]);
        }
    }
    buf_append(&out, STR("]}"));
    return table_ok(&out);
}

static inline struct fake_answer table_respond(struct table *table,
                                               const struct http_request *request) {
    static const struct {
        const char *target;
        struct fake_answer (*answer)(struct table *table, const struct json *body);
    } OPERATIONS[] = {
        {"DynamoDB_20120810.GetItem", table_get_item},
        {"DynamoDB_20120810.PutItem", table_put_item},
        {"DynamoDB_20120810.UpdateItem", table_update_item},
        {"DynamoDB_20120810.TransactWriteItems", table_transact},
        {"DynamoDB_20120810.Query", table_query},
        {"DynamoDB_20120810.Scan", table_scan},
    };
    const struct json *body = NULL;
    const struct http_response headers = {.headers = request->headers,
                                          .header_count = request->header_count};
    str target = http_header_get(&headers, "X-Amz-Target");
    assert_int_equal(json_parse(table->arena, request->body, &JSON_LIMITS_DEFAULT, &body, NULL),
                     STATUS_OK);
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++) {
        if (str_eq(target, str_from_cstr(OPERATIONS[i].target))) {
            table->request = request->body;
            return OPERATIONS[i].answer(table, body);
        }
    }
    fail_msg("the table knows no %.*s", STR_ARG(target));
    return (struct fake_answer){.http_status = 0};
}

/* Puts an item that was not written by us: S attributes, name and value in turn, a NULL ends them;
 * a name that begins with '+' is a number's, with '*' a set's of words. */
static inline struct table_item *table_plant(struct table *table, str pk,
                                             const char *const *pairs) {
    struct table_item item = {.count = 0};
    const struct table_attribute key = {STR("pk"), STR("S"), pk};
    table_set(&item, &key);
    for (; *pairs != NULL; pairs += 2) {
        char mark = pairs[0][0];
        bool is_marked = mark == '+' || mark == '*';
        const struct table_attribute attribute = {str_from_cstr(pairs[0] + (is_marked ? 1 : 0)),
                                                  mark == '+'   ? STR("N")
                                                  : mark == '*' ? STR("SS")
                                                                : STR("S"),
                                                  str_from_cstr(pairs[1])};
        table_set(&item, &attribute);
    }
    return table_put(table, &item);
}
#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
