/* SPDX-License-Identifier: Apache-2.0
 *
 * What the calls to DynamoDB share.
 */
#ifndef AWS_DYNAMODB_INTERNAL_H
#define AWS_DYNAMODB_INTERNAL_H

#include "aws/dynamodb.h"
#include "call_internal.h"

/* A request: an item at its largest, every byte of it escaped, and expressions. */
#define DYNAMODB_BODY_BYTES_MAX ((size_t)DYNAMODB_ITEM_BYTES_MAX * 6 + 65536)

extern const struct aws_code_meaning DYNAMODB_MEANINGS[];

/* The key attributes; empty where the item lacks them. */
struct dynamodb_key dynamodb_key_of(const struct dynamodb_item *item);
bool dynamodb_key_is_valid(const struct dynamodb_key *key);
const struct dynamodb_attribute *dynamodb_find(const struct dynamodb_item *item, str name);

/* {"S":"text"} under its name. */
void dynamodb_write_attribute(struct json_writer *writer,
                              const struct dynamodb_attribute *attribute);
/* {"pk":{"S":..},"sk":{"S":..}} under that name */
void dynamodb_write_key(struct json_writer *writer, str name, const struct dynamodb_key *key);
/* The item in `object`; INCOMPLETE when it is none. Copies nothing but words. */
MUST_USE enum status dynamodb_parse_item(const struct json *object, struct arena *arena,
                                         struct dynamodb_item *item_out, struct error *error);
/* The answer's object, after its checksum was found right; INCOMPLETE otherwise. */
MUST_USE enum status dynamodb_answer(struct arena *arena, const struct http_response *response,
                                     const struct json **root_out, struct error *error);

/* Why the put or update is not sent, as static text; NULL: it may be. */
const char *dynamodb_put_flaw(const struct dynamodb_put *put);
const char *dynamodb_update_flaw(const struct dynamodb_update *update);
/* Its members, without the braces around them. */
void dynamodb_write_put(struct json_writer *writer, const struct dynamodb_put *put);
void dynamodb_write_update(struct json_writer *writer, const struct dynamodb_update *update);

#endif
