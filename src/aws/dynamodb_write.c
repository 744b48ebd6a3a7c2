/* SPDX-License-Identifier: Apache-2.0
 *
 * What a put and an update are made of, alone or within a transaction.
 */
#include "dynamodb_internal.h"

static bool are_valid(const struct dynamodb_attribute *attributes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!dynamodb_attribute_is_valid(&attributes[i])) {
            return false;
        }
    }
    return true;
}

const char *dynamodb_put_flaw(const struct dynamodb_put *put) {
    const struct dynamodb_key key = {dynamodb_get_string(&put->item, DYNAMODB_PK),
                                     dynamodb_get_string(&put->item, DYNAMODB_SK)};
    const struct dynamodb_expression *expression = &put->expression;
    if (str_is_empty(put->table) || !dynamodb_key_is_valid(&key)) {
        return "no table, or an item without pk and sk";
    }
    bool is_good = are_valid(put->item.attributes, put->item.count) &&
                   are_valid(expression->values, expression->value_count);
    return is_good ? NULL : "an attribute whose value is not of its type";
}

const char *dynamodb_update_flaw(const struct dynamodb_update *update) {
    const struct dynamodb_expression *expression = &update->expression;
    if (str_is_empty(update->table) || !dynamodb_key_is_valid(&update->key) ||
        str_is_empty(update->update)) {
        return "no table, no key or nothing to update";
    }
    bool is_good = are_valid(expression->values, expression->value_count);
    return is_good ? NULL : "an attribute whose value is not of its type";
}

static void write_expression(struct json_writer *writer,
                             const struct dynamodb_expression *expression) {
    if (!str_is_empty(expression->condition)) {
        json_write_member(writer, "ConditionExpression", expression->condition);
    }
    if (expression->name_count > 0) {
        json_write_key(writer, STR("ExpressionAttributeNames"));
        json_object_begin(writer);
        for (size_t i = 0; i < expression->name_count; i++) {
            const struct dynamodb_name *name = &expression->names[i];
            json_write_member(writer, name->placeholder, str_from_cstr(name->name));
        }
        json_object_end(writer);
    }
    if (expression->value_count > 0) {
        json_write_key(writer, STR("ExpressionAttributeValues"));
        json_object_begin(writer);
        for (size_t i = 0; i < expression->value_count; i++) {
            dynamodb_write_attribute(writer, &expression->values[i]);
        }
        json_object_end(writer);
    }
}

void dynamodb_write_put(struct json_writer *writer, const struct dynamodb_put *put) {
    json_write_member(writer, "TableName", put->table);
    json_write_key(writer, STR("Item"));
    json_object_begin(writer);
    for (size_t i = 0; i < put->item.count; i++) {
        dynamodb_write_attribute(writer, &put->item.attributes[i]);
    }
    json_object_end(writer);
    write_expression(writer, &put->expression);
}

void dynamodb_write_update(struct json_writer *writer, const struct dynamodb_update *update) {
    json_write_member(writer, "TableName", update->table);
    json_write_key(writer, STR("Key"));
    dynamodb_write_key(writer, &update->key);
    json_write_member(writer, "UpdateExpression", update->update);
    write_expression(writer, &update->expression);
}
