/* SPDX-License-Identifier: Apache-2.0
 *
 * What the calls to DynamoDB share.
 */
#ifndef AWS_DYNAMODB_INTERNAL_H
#define AWS_DYNAMODB_INTERNAL_H

#include "aws/dynamodb.h"
#include "base/json.h"
#include "call_internal.h"

/* A request: an item at its largest, every byte of it escaped, and expressions. */
#define DYNAMODB_BODY_BYTES_MAX ((size_t)DYNAMODB_ITEM_BYTES_MAX * 6 + 65536)

typedef enum status dynamodb_parse_fn(void *context, struct arena *arena,
                                      const struct aws_response *response, struct error *error);

struct dynamodb_call {
    const char *operation; /* "GetItem" */
    const struct buf *body;
    dynamodb_parse_fn *parse;
    void *context;
};

/* The request of a body that was written whole; TOO_LARGE otherwise. */
MUST_USE enum status dynamodb_request(const struct dynamodb_call *call, struct arena *arena,
                                      struct aws_request *request_out, struct error *error);

/* A value that DynamoDB takes: valid UTF-8, a number that is one. */
bool dynamodb_attribute_is_valid(const struct dynamodb_attribute *attribute);
bool dynamodb_key_is_valid(const struct dynamodb_key *key);
/* {"S":"text"} under its name. */
void dynamodb_write_attribute(struct json_writer *writer,
                              const struct dynamodb_attribute *attribute);
/* {"pk":{"S":..},"sk":{"S":..}} */
void dynamodb_write_key(struct json_writer *writer, const struct dynamodb_key *key);
/* The item in `object`; INCOMPLETE when it is none. Copies nothing. */
MUST_USE enum status dynamodb_parse_item(const struct json *object, struct arena *arena,
                                         struct dynamodb_item *item_out, struct error *error);
/* The answer's object, after its checksum was found right; INCOMPLETE otherwise. */
MUST_USE enum status dynamodb_answer(struct arena *arena, const struct aws_response *response,
                                     const struct json **root_out, struct error *error);

/* What makes it one that is not sent, as static text; NULL: nothing. */
const char *dynamodb_put_flaw(const struct dynamodb_put *put);
const char *dynamodb_update_flaw(const struct dynamodb_update *update);
/* INVALID: "dynamodb PutItem: <what>". */
MUST_USE enum status dynamodb_refuse(const char *operation, struct arena *arena,
                                     struct error *error, const char *what);
/* Its members, without the braces around them. */
void dynamodb_write_put(struct json_writer *writer, const struct dynamodb_put *put);
void dynamodb_write_update(struct json_writer *writer, const struct dynamodb_update *update);

/* Of a page, which DynamoDB would fill with 1 MB: of small attributes that is more JSON values than
 * are read of one text (100,000). With so many an item may have some 90 attributes. */
#define DYNAMODB_PAGE_ITEMS_MAX 500

struct dynamodb_page {
    struct dynamodb_item *items;
    size_t count;
    struct dynamodb_key last; /* where the next page starts; empty on the last one */
};

/* A dynamodb_parse_fn; `context` is a struct dynamodb_page. */
MUST_USE enum status dynamodb_parse_page(void *context, struct arena *arena,
                                         const struct aws_response *response, struct error *error);
/* Does the next page start where this one did? Such a listing does not end. */
bool dynamodb_page_leads_to(const struct dynamodb_page *page, const struct dynamodb_key *start);
MUST_USE enum status dynamodb_refuse_endless(const char *operation, struct arena *arena,
                                             struct error *error);

const struct dynamodb_attribute *dynamodb_find(const struct dynamodb_item *item, str name);

#endif
