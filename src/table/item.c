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

int64_t item_time(const struct dynamodb_item *item, const char *name) {
    int64_t ms = 0;
    return time_parse_iso8601(dynamodb_get_string(item, name), &ms) ? ms : 0;
}

int64_t item_number(const struct dynamodb_item *item, const char *name) {
    int64_t value = 0;
    return dynamodb_get_number(item, name, &value) && value > 0 ? value : 0;
}
