/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of a table in memory, and the expressions on them that this program uses:
 * attribute_exists, attribute_not_exists, NOT contains, = and <, AND, OR, parentheses, "SET a = :b,
 * c = if_not_exists(c, :d)" and "REMOVE a", both with "ADD n :m, o :p" of numbers and sets of
 * words; another one fails the test.
 */
#ifndef TABLE_EXPRESSION_H
#define TABLE_EXPRESSION_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "fake_transport.h"
#include "unit.h"

#define TABLE_ITEMS_MAX        800
#define TABLE_ATTRIBUTES_MAX   96
#define TABLE_TRANSACTIONS_MAX 256

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
    str request; /* the one at hand */
    struct table_transaction {
        str token;
        str request;
    } transactions[TABLE_TRANSACTIONS_MAX]; /* that were carried out */
    size_t transaction_count;
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
    if (str_eq(json_key(value), STR("SS"))) { /* as words */
        struct buf words;
        buf_init(&words, table->arena, 1 << 16);
        for (const struct json *word = json_first(value); word; word = json_next(word)) {
            buf_printf(&words, "%s%" STR_FMT, words.len > 0 ? " " : "", STR_ARG(json_string(word)));
        }
        assert_true(words.len > 0);
        return (struct table_attribute){str_copy(table->arena, name), STR("SS"), buf_str(&words)};
    }
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
    while (len < condition->rest.len && strchr(" ()=<,", condition->rest.ptr[len]) == NULL) {
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

static inline bool table_has_word(str words, str wanted) {
    while (words.len > 0) {
        if (str_eq(str_split(&words, ' '), wanted)) {
            return true;
        }
    }
    return false;
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
    if (table_eats(condition, "NOT contains(")) { /* of a set; what is not there contains nothing */
        const struct table_attribute *set = table_attribute(condition->item, table_word(condition));
        assert_true(table_eats(condition, ","));
        const struct table_attribute wanted = table_value(condition);
        bool has = set != NULL && table_has_word(set->value, wanted.value);
        assert_true((set == NULL || str_eq(set->type, STR("SS"))) && table_eats(condition, ")"));
        return !has;
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

/* ---- changes ---- */

static inline void table_remove(struct table_item *item, str name) {
    for (size_t i = 0; i < item->count; i++) {
        if (str_eq(item->attributes[i].name, name)) {
            item->attributes[i] = item->attributes[--item->count];
            return;
        }
    }
}

static inline str table_unite(struct table *table, str words, str more) {
    struct buf out;
    buf_init(&out, table->arena, 1 << 16);
    buf_append(&out, words);
    while (more.len > 0) {
        str word = str_split(&more, ' ');
        if (!table_has_word(words, word)) {
            buf_printf(&out, "%s%" STR_FMT, out.len > 0 ? " " : "", STR_ARG(word));
        }
    }
    return buf_str(&out);
}

/* Adds a number or words to those that are there, or to nothing. */
static inline void table_add(struct table *table, struct table_item *item, str name,
                             struct table_attribute value) {
    const struct table_attribute *there = table_attribute(item, name);
    if (str_eq(value.type, STR("SS"))) {
        value.name = name;
        value.value = table_unite(table, there == NULL ? STR_EMPTY : there->value, value.value);
        table_set(item, &value);
        return;
    }
    int64_t sum = 0;
    int64_t more = 0;
    assert_true(there == NULL || str_parse_i64(there->value, &sum));
    assert_true(str_parse_i64(value.value, &more));
    value.name = name;
    value.value = str_format(table->arena, "%lld", (long long)(sum + more));
    table_set(item, &value);
}

/* "a = :b", "a = if_not_exists(a, :b)" */
static inline void table_assign(struct table_condition *update, struct table_item *item) {
    str name = str_copy(update->table->arena, table_word(update));
    assert_true(table_eats(update, "="));
    bool is_kept = table_eats(update, "if_not_exists(");
    if (is_kept) {
        is_kept = table_attribute(item, table_word(update)) != NULL;
        assert_true(table_eats(update, ","));
    }
    struct table_attribute value = table_value(update);
    (void)table_eats(update, ")");
    value.name = name;
    if (!is_kept) {
        table_set(item, &value);
    }
}

static inline void table_change(struct table_condition *update, struct table_item *item) {
    if (table_eats(update, "REMOVE ")) {
        table_remove(item, table_word(update));
    } else {
        assert_true(table_eats(update, "SET "));
        table_assign(update, item);
        while (table_eats(update, ",")) {
            table_assign(update, item);
        }
    }
    for (bool adds = table_eats(update, "ADD "); adds; adds = table_eats(update, ",")) {
        str name = str_copy(update->table->arena, table_word(update));
        table_add(update->table, item, name, table_value(update));
    }
    assert_int_equal(update->rest.len, 0);
}

#endif
