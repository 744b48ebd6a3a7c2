/* SPDX-License-Identifier: Apache-2.0
 *
 * A DynamoDB table behind the fake transport: items in memory, and the conditions really evaluated,
 * so that duplicates, late events and copies at the same time can be tried out. It knows the
 * expressions this program uses: attribute_exists, attribute_not_exists, = and <, AND, OR,
 * parentheses, "SET a = :b" and "REMOVE a", both with "ADD n :m"; another one fails the test.
 *
 *     struct table *table = table_begin(&fake);
 *     ... table_respond(table, request) answers what table_is_asked(request) ...
 */
#ifndef TABLE_WORLD_H
#define TABLE_WORLD_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "fake_transport.h"
#include "unit.h"

#define TABLE_ITEMS_MAX      800
#define TABLE_ATTRIBUTES_MAX 40

struct table_attribute {
    str name;
    str type; /* "S", "N", ... */
    str value;
};

struct table_item {
    struct table_attribute attributes[TABLE_ATTRIBUTES_MAX];
    size_t count;
};

struct table {
    struct arena *arena;
    struct table_item items[TABLE_ITEMS_MAX];
    size_t count;
    size_t writes; /* carried out */
    size_t refused;
};

static inline bool table_is_asked(const struct http_request *request) {
    return str_contains(request->url, STR("//dynamodb."));
}

static inline struct table *table_begin(struct fake_transport *fake) {
    struct table *table = ARENA_NEW(&fake->arena, struct table);
    table->arena = &fake->arena;
    return table;
}

static inline const struct table_attribute *table_attribute(const struct table_item *item,
                                                            str name) {
    for (size_t i = 0; item != NULL && i < item->count; i++) {
        if (str_eq(item->attributes[i].name, name)) {
            return &item->attributes[i];
        }
    }
    return NULL;
}

/* Empty when there is none. */
static inline str table_text(const struct table_item *item, const char *name) {
    const struct table_attribute *found = table_attribute(item, str_from_cstr(name));
    return found == NULL ? STR_EMPTY : found->value;
}

static inline struct table_item *table_find(struct table *table, str pk, str sk) {
    for (size_t i = 0; i < table->count; i++) {
        struct table_item *item = &table->items[i];
        if (str_eq(table_text(item, "pk"), pk) && str_eq(table_text(item, "sk"), sk)) {
            return item;
        }
    }
    return NULL;
}

/* How many items of this pk have an sk that begins so. */
static inline size_t table_count(const struct table *table, str pk, const char *prefix) {
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        count += str_eq(table_text(&table->items[i], "pk"), pk) &&
                         str_starts_with(table_text(&table->items[i], "sk"), str_from_cstr(prefix))
                     ? 1
                     : 0;
    }
    return count;
}

/* The first in the order of their sk. */
static inline const struct table_item *table_first(const struct table *table, str pk,
                                                   const char *prefix) {
    const struct table_item *first = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct table_item *item = &table->items[i];
        str sk = table_text(item, "sk");
        if (str_eq(table_text(item, "pk"), pk) && str_starts_with(sk, str_from_cstr(prefix)) &&
            (first == NULL || str_compare(sk, table_text(first, "sk")) < 0)) {
            first = item;
        }
    }
    return first;
}

static inline void table_set(struct table_item *item, const struct table_attribute *attribute) {
    for (size_t i = 0; i < item->count; i++) {
        if (str_eq(item->attributes[i].name, attribute->name)) {
            item->attributes[i] = *attribute;
            return;
        }
    }
    assert_true(item->count < TABLE_ATTRIBUTES_MAX);
    item->attributes[item->count++] = *attribute;
}

/* {"S":"text"} under the key `name`. */
static inline struct table_attribute table_parse_value(struct table *table, str name,
                                                       const struct json *typed) {
    const struct json *value = json_first(typed);
    assert_int_equal(json_count(typed), 1);
    assert_true(json_is_string(value));
    return (struct table_attribute){str_copy(table->arena, name),
                                    str_copy(table->arena, json_key(value)),
                                    str_copy(table->arena, json_string(value))};
}

static inline void table_parse_item(struct table *table, const struct json *members,
                                    struct table_item *item) {
    *item = (struct table_item){.count = 0};
    for (const struct json *each = json_first(members); each; each = json_next(each)) {
        const struct table_attribute attribute = table_parse_value(table, json_key(each), each);
        table_set(item, &attribute);
    }
}

static inline struct table_item *table_put(struct table *table, const struct table_item *item) {
    struct table_item *there = table_find(table, table_text(item, "pk"), table_text(item, "sk"));
    if (there == NULL) {
        assert_true(table->count < TABLE_ITEMS_MAX);
        there = &table->items[table->count++];
    }
    *there = *item;
    table->writes++;
    return there;
}

/* ---- conditions ---- */

struct table_condition {
    struct table *table;
    const struct json *body; /* of the request: names and values */
    const struct table_item *item;
    str rest;
};

static inline bool table_eats(struct table_condition *condition, const char *word) {
    condition->rest = str_trim(condition->rest);
    str wanted = str_from_cstr(word);
    if (!str_starts_with(condition->rest, wanted)) {
        return false;
    }
    condition->rest = str_slice(condition->rest, wanted.len, condition->rest.len);
    return true;
}

static inline str table_word(struct table_condition *condition) {
    condition->rest = str_trim(condition->rest);
    size_t len = 0;
    while (len < condition->rest.len && strchr(" ()=<", condition->rest.ptr[len]) == NULL) {
        len++;
    }
    str word = str_slice(condition->rest, 0, len);
    condition->rest = str_slice(condition->rest, len, condition->rest.len);
    assert_true(len > 0);
    if (word.ptr[0] != '#') {
        return word;
    }
    const struct json *names = json_get(condition->body, "ExpressionAttributeNames");
    str name = json_get_string(names, str_to_cstr(condition->table->arena, word));
    assert_false(str_is_empty(name));
    return name;
}

static inline struct table_attribute table_value(struct table_condition *condition) {
    char *word = str_to_cstr(condition->table->arena, table_word(condition));
    const struct json *values = json_get(condition->body, "ExpressionAttributeValues");
    assert_int_equal(word[0], ':');
    assert_non_null(json_get(values, word));
    return table_parse_value(condition->table, STR_EMPTY, json_get(values, word));
}

static inline int table_compare(const struct table_attribute *a, const struct table_attribute *b) {
    if (!str_eq(a->type, STR("N"))) {
        return str_compare(a->value, b->value);
    }
    int64_t left = 0;
    int64_t right = 0;
    assert_true(str_parse_i64(a->value, &left) && str_parse_i64(b->value, &right));
    return left < right ? -1 : left > right;
}

static inline bool table_either(struct table_condition *condition);

static inline bool table_operand(struct table_condition *condition) {
    if (table_eats(condition, "(")) {
        bool is_met = table_either(condition);
        assert_true(table_eats(condition, ")"));
        return is_met;
    }
    bool wants_none = table_eats(condition, "attribute_not_exists(");
    if (wants_none || table_eats(condition, "attribute_exists(")) {
        bool exists = table_attribute(condition->item, table_word(condition)) != NULL;
        assert_true(table_eats(condition, ")"));
        return exists != wants_none;
    }
    const struct table_attribute *left = table_attribute(condition->item, table_word(condition));
    bool wants_less = table_eats(condition, "<");
    assert_true(wants_less || table_eats(condition, "="));
    const struct table_attribute right = table_value(condition);
    if (left == NULL || !str_eq(left->type, right.type)) {
        return false;
    }
    int order = table_compare(left, &right);
    return wants_less ? order < 0 : order == 0;
}

static inline bool table_both(struct table_condition *condition) {
    bool is_met = table_operand(condition);
    while (table_eats(condition, "AND ")) {
        is_met = table_operand(condition) && is_met;
    }
    return is_met;
}

static inline bool table_either(struct table_condition *condition) {
    bool is_met = table_both(condition);
    while (table_eats(condition, "OR ")) {
        is_met = table_both(condition) || is_met;
    }
    return is_met;
}

static inline bool table_condition_is_met(struct table *table, const struct json *body,
                                          const struct table_item *item) {
    struct table_condition condition = {table, body, item, STR_EMPTY};
    condition.rest = json_get_string(body, "ConditionExpression");
    if (str_is_empty(condition.rest)) {
        return true;
    }
    bool is_met = table_either(&condition);
    assert_int_equal(condition.rest.len, 0);
    table->refused += is_met ? 0 : 1;
    return is_met;
}

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
        json_write_str(&writer, attribute->value);
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
    buf_init(&out, table->arena, 1 << 16);
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
    buf_init(&out, table->arena, 1 << 16);
    bool tells_old = str_eq(json_get_string(body, "ReturnValues"), STR("ALL_OLD"));
    buf_append(&out, there != NULL && tells_old ? STR("{\"Attributes\":") : STR("{"));
    if (there != NULL && tells_old) {
        table_write_item(&out, there);
    }
    buf_append(&out, STR("}"));
    (void)table_put(table, &item);
    return table_ok(&out);
}

static inline void table_remove(struct table_item *item, str name) {
    for (size_t i = 0; i < item->count; i++) {
        if (str_eq(item->attributes[i].name, name)) {
            item->attributes[i] = item->attributes[--item->count];
            return;
        }
    }
}

/* Adds a number to one that is there, or to nothing. */
static inline void table_add(struct table *table, struct table_item *item, str name,
                             struct table_attribute value) {
    const struct table_attribute *there = table_attribute(item, name);
    int64_t sum = 0;
    int64_t more = 0;
    assert_true(there == NULL || str_parse_i64(there->value, &sum));
    assert_true(str_parse_i64(value.value, &more));
    value.name = name;
    value.value = str_format(table->arena, "%lld", (long long)(sum + more));
    table_set(item, &value);
}

static inline void table_change(struct table_condition *update, struct table_item *item) {
    if (table_eats(update, "REMOVE ")) {
        table_remove(item, table_word(update));
    } else {
        assert_true(table_eats(update, "SET "));
        str name = str_copy(update->table->arena, table_word(update));
        assert_true(table_eats(update, "="));
        struct table_attribute value = table_value(update);
        value.name = name;
        table_set(item, &value);
    }
    if (table_eats(update, "ADD ")) {
        str name = str_copy(update->table->arena, table_word(update));
        table_add(update->table, item, name, table_value(update));
    }
    assert_int_equal(update->rest.len, 0);
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
    buf_init(&out, table->arena, 1 << 16);
    buf_append(&out, STR("{\"Attributes\":"));
    table_write_item(&out, &changed);
    buf_append(&out, STR("}"));
    return table_ok(&out);
}

/* The last in the order of the sk is given first, as the program asks for it. */
static inline struct fake_answer table_query(struct table *table, const struct json *body) {
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
            return OPERATIONS[i].answer(table, body);
        }
    }
    fail_msg("the table knows no %.*s", STR_ARG(target));
    return (struct fake_answer){.http_status = 0};
}

/* Puts an item that was not written by us: S attributes, name and value in turn, a NULL ends them;
 * a name that begins with '+' is a number's. */
static inline struct table_item *table_plant(struct table *table, str pk,
                                             const char *const *pairs) {
    struct table_item item = {.count = 0};
    const struct table_attribute key = {STR("pk"), STR("S"), pk};
    table_set(&item, &key);
    for (; *pairs != NULL; pairs += 2) {
        bool is_number = pairs[0][0] == '+';
        const struct table_attribute attribute = {str_from_cstr(pairs[0] + (is_number ? 1 : 0)),
                                                  is_number ? STR("N") : STR("S"),
                                                  str_from_cstr(pairs[1])};
        table_set(&item, &attribute);
    }
    return table_put(table, &item);
}
#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
