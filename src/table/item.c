/* SPDX-License-Identifier: Apache-2.0 */
#include "table/item.h"

void item_put_text(struct item_writer *item, const char *name, str value) {
    if (!str_is_empty(value)) {
        ASSERT(item->count < ITEM_ATTRIBUTES_MAX);
        item->attributes[item->count++] = dynamodb_string(name, value);
    }
}

void item_put_number(struct item_writer *item, const char *name, int64_t value) {
    ASSERT(item->count < ITEM_ATTRIBUTES_MAX);
    item->attributes[item->count++] = dynamodb_number(item->arena, name, value);
}

void item_put_time(struct item_writer *item, const char *name, int64_t ms) {
    if (ms != 0) {
        item_put_text(item, name, time_format_iso8601(item->arena, ms));
    }
}

enum status item_update_if(struct aws_client *client, const struct dynamodb_update *update,
                           struct arena *arena, struct error *error) {
    enum status status = dynamodb_update_item(client, update, arena, NULL, error);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

int64_t item_time(const struct dynamodb_item *item, const char *name) {
    int64_t ms = 0;
    return time_parse_iso8601(dynamodb_get_string(item, name), &ms) ? ms : 0;
}

static bool has_attribute(const struct dynamodb_item *item, str name) {
    size_t i = 0;
    while (i < item->count && !str_eq(item->attributes[i].name, name)) {
        i++;
    }
    return i < item->count;
}

enum item_number item_read_number(const struct dynamodb_item *item, const char *name,
                                  int64_t *value_out) {
    int64_t value = 0;
    bool is_good =
        dynamodb_get_number(item, name, &value) && value >= 0 && value <= ITEM_NUMBER_MAX;
    *value_out = is_good ? value : 0;
    if (is_good) {
        return ITEM_NUMBER_GOOD;
    }
    return has_attribute(item, str_from_cstr(name)) ? ITEM_NUMBER_BAD : ITEM_NUMBER_ABSENT;
}

int64_t item_number(const struct dynamodb_item *item, const char *name) {
    int64_t value;
    (void)item_read_number(item, name, &value);
    return value;
}
