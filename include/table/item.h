/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of the state table, attribute by attribute: what is empty is left out when one is written,
 * and what is missing or of another type is empty when one is read.
 */
#ifndef TABLE_ITEM_H
#define TABLE_ITEM_H

#include "aws/dynamodb.h"

#define ITEM_ATTRIBUTES_MAX 40

/* An item under construction. */
struct item_writer {
    struct dynamodb_attribute attributes[ITEM_ATTRIBUTES_MAX];
    size_t count;
    struct arena *arena;
};
void item_put_text(struct item_writer *item, const char *name, str value);
void item_put_number(struct item_writer *item, const char *name, int64_t value);
/* ISO 8601; 0 is left out. */
void item_put_time(struct item_writer *item, const char *name, int64_t ms);

/* dynamodb_update_item where an item that does not meet the condition may stay as it is: OK. */
MUST_USE enum status item_update_if(struct aws_client *client, const struct dynamodb_update *update,
                                    struct arena *arena, struct error *error);

/* 0 when there is none. */
int64_t item_time(const struct dynamodb_item *item, const char *name);
/* More than any count, version or time in seconds that is ever written, and so little that a
 * thousand of them can be added, and each be a number of seconds in milliseconds. */
#define ITEM_NUMBER_MAX (INT64_C(1) << 50)

/* The only reader of numbers. What is not a whole one from 0 to ITEM_NUMBER_MAX was not written by
 * this program. */
enum item_number { ITEM_NUMBER_ABSENT, ITEM_NUMBER_GOOD, ITEM_NUMBER_BAD };
/* *value_out is 0 unless the number is good. */
enum item_number item_read_number(const struct dynamodb_item *item, const char *name,
                                  int64_t *value_out);
/* The same where 0 does for one that is absent or bad. */
int64_t item_number(const struct dynamodb_item *item, const char *name);

#endif
