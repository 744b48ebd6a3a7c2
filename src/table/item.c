/* SPDX-License-Identifier: Apache-2.0
 *
 * Every item is read and written through here: a number that this program cannot have written is
 * never counted with.
 */
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

enum item_number item_read_number(const struct dynamodb_item *item, const char *name,
                                  int64_t *value_out) {
    int64_t value = 0;
    bool is_good =
        dynamodb_get_number(item, name, &value) && value >= 0 && value <= ITEM_NUMBER_MAX;
    *value_out = is_good ? value : 0;
    enum item_number kind = is_good ? ITEM_NUMBER_GOOD : ITEM_NUMBER_ABSENT;
    for (size_t i = 0; i < item->count && !is_good; i++) {
        bool exists = str_eq(item->attributes[i].name, str_from_cstr(name));
        kind = exists ? ITEM_NUMBER_BAD : kind;
    }
    return kind;
}

int64_t item_number(const struct dynamodb_item *item, const char *name) {
    int64_t value;
    (void)item_read_number(item, name, &value);
    return value;
}
