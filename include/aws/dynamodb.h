/* SPDX-License-Identifier: Apache-2.0
 *
 * Amazon DynamoDB, API 2012-08-10 (JSON 1.0): items of a table whose key is two strings, "pk" and
 * "sk". Source: "Amazon DynamoDB API Reference". Every answer is held against its checksum.
 *
 * Conditions and lost answers: a write may be carried out although its answer is lost, and the next
 * attempt then meets its own work and is refused by the condition. dynamodb_put_item finds that out
 * by itself. dynamodb_update_item cannot: its CONFLICT then comes with error->is_outcome_unknown.
 * What is common to all: CONFLICT: the condition is not met. NOT_FOUND: there is no such table.
 * INVALID, TOO_LARGE: nothing was sent.
 */
#ifndef AWS_DYNAMODB_H
#define AWS_DYNAMODB_H

#include "aws/call.h"

#define DYNAMODB_PK             "pk"
#define DYNAMODB_SK             "sk"
#define DYNAMODB_ITEM_BYTES_MAX 409600

enum dynamodb_type {
    DYNAMODB_STRING,
    DYNAMODB_NUMBER, /* decimal text, as exact as it came */
    DYNAMODB_BOOL,   /* "true" or "false" */
    DYNAMODB_NULL,   /* empty */
    /* A set of words (no spaces in them), one space between: at least one, none twice. Two sets are
     * not compared: dynamodb_put_item takes equal ones in another order for different. */
    DYNAMODB_WORDS
};

/* Of an item, or (name ":x") a value of an expression. */
struct dynamodb_attribute {
    str name;
    enum dynamodb_type type;
    str value;
};

/* Attributes of other types (lists, maps, other sets, binary) are left out when an item is read. */
struct dynamodb_item {
    const struct dynamodb_attribute *attributes;
    size_t count;
};

struct dynamodb_attribute dynamodb_string(const char *name, str value);
/* Its text lives in `arena`. */
struct dynamodb_attribute dynamodb_number(struct arena *arena, const char *name, int64_t value);

struct dynamodb_attribute dynamodb_words(const char *name, str words);

/* Empty when there is no such attribute, or one of another type. */
str dynamodb_get_string(const struct dynamodb_item *item, const char *name);
/* Likewise. */
str dynamodb_get_words(const struct dynamodb_item *item, const char *name);
/* False, and *value_out untouched, when there is no such attribute or it is no whole number. */
bool dynamodb_get_number(const struct dynamodb_item *item, const char *name, int64_t *value_out);

struct dynamodb_key {
    str pk;
    str sk;
};

/* A word of an expression that stands for an attribute's name, since many are reserved ("mode"). */
struct dynamodb_name {
    const char *placeholder; /* "#m" */
    const char *name;
};

struct dynamodb_expression {
    str condition; /* empty: none */
    const struct dynamodb_name *names;
    size_t name_count;
    const struct dynamodb_attribute *values;
    size_t value_count;
};

struct dynamodb_put {
    str table;
    struct dynamodb_item item; /* with pk and sk */
    struct dynamodb_expression expression;
    bool *was_there_out; /* NULL, or whether an item was there before; after a lost answer true */
};

/* Replaces the whole item, when the condition is met by what is there. CONFLICT after a lost answer
 * is looked into: when the table now holds an equal item, this call has put it, and that is OK. Two
 * writers that must know of each other put something of their own into the item. */
MUST_USE enum status dynamodb_put_item(struct aws_client *client, const struct dynamodb_put *put,
                                       struct arena *arena, struct error *error);

/* The whole item before the update, or after it. */
enum dynamodb_returns { DYNAMODB_RETURNS_NOTHING, DYNAMODB_RETURNS_OLD, DYNAMODB_RETURNS_NEW };

struct dynamodb_update {
    str table;
    struct dynamodb_key key;
    str update; /* "SET #m = :m" */
    struct dynamodb_expression expression;
    enum dynamodb_returns returns;
    /* Done twice it is not the same as done once ("ADD n :one" without a condition). Then a lost
     * answer is not asked for again: see aws_request. */
    bool is_not_repeatable;
    /* The caller finds out by itself whether a CONFLICT is of its own work. Then a condition needs
     * no connection of its own, which costs more than the write. */
    bool knows_its_work;
};

/* Changes an item, or makes it. *item_out (may be NULL): the whole item before or after; empty when
 * nothing is to be returned, or nothing was there before. Lives in `arena`. */
MUST_USE enum status dynamodb_update_item(struct aws_client *client,
                                          const struct dynamodb_update *update, struct arena *arena,
                                          struct dynamodb_item *item_out, struct error *error);

/* Reads what was last written, never an older state. *found_out false: no such item, and *item_out
 * is empty. */
MUST_USE enum status dynamodb_get_item(struct aws_client *client, str table,
                                       const struct dynamodb_key *key, struct arena *arena,
                                       struct dynamodb_item *item_out, bool *found_out,
                                       struct error *error);

/* Key order is the order of bytes of sk, so dates in it are written as YYYY-MM-DD. */
struct dynamodb_query {
    str table;
    str pk;
    str sk_prefix; /* empty: all */
    str sk_from;   /* from and to, both included, instead of a prefix; empty: not asked for */
    str sk_to;
    size_t limit; /* 0: all */
    bool is_descending;
    /* Only these attributes of an item; pk and sk too must be named to come. */
    const char *const *attributes;
    size_t attribute_count; /* at most DYNAMODB_SCAN_ATTRIBUTES_MAX; 0: whole items */
    size_t page_items_max;  /* 0: as many as do well; fewer where items have large sets */
};

/* Items of one pk in the order of their sk, over all pages, as last written. A bad status: the
 * listing broke off; *items_out holds what came before. */
MUST_USE enum status dynamodb_query(struct aws_client *client, const struct dynamodb_query *query,
                                    struct arena *arena, struct dynamodb_item **items_out,
                                    size_t *count_out, struct error *error);

#define DYNAMODB_ACTIONS_MAX          100
#define DYNAMODB_TOKEN_CHARACTERS_MAX 36
#define DYNAMODB_SCAN_ATTRIBUTES_MAX  100

/* Exactly one of the two. Of a put `was_there_out`, of an update `returns` and `is_not_repeatable`
 * mean nothing here. */
struct dynamodb_action {
    const struct dynamodb_put *put;
    const struct dynamodb_update *update;
};

struct dynamodb_transaction {
    const struct dynamodb_action *actions; /* no item twice */
    size_t count;                          /* 1..DYNAMODB_ACTIONS_MAX */
    /* ClientRequestToken: for 10 minutes AWS does the same transaction with the same token once,
     * and answers OK to its repeats. Empty: one is made for this call, which makes its own retries
     * safe; one made from what the transaction is about does so for another invocation, too. With
     * other actions under the same token: REFUSED, IdempotentParameterMismatchException. */
    str token; /* at most DYNAMODB_TOKEN_CHARACTERS_MAX printable characters */
};

/* All of the actions or none. CONFLICT: a condition is not met, and nothing was done;
 * *failed_out (may be NULL) is the index of the first such action, `count` if AWS does not say.
 * What collides with another transaction or is throttled is tried again; still so at the end:
 * THROTTLED. */
MUST_USE enum status dynamodb_transact_write(struct aws_client *client,
                                             const struct dynamodb_transaction *transaction,
                                             struct arena *arena, size_t *failed_out,
                                             struct error *error);

struct dynamodb_scan {
    str table;
    str sk;                     /* only items with this sk; empty: not asked for */
    str sk_prefix;              /* or whose sk begins so */
    str sk_prefix_left_out;     /* or whose sk does not; one of the three at most */
    str sk_prefix_left_out_too; /* with sk_prefix_left_out; empty: not asked for */
    /* Only these attributes of an item; pk and sk too must be named to come. */
    const char *const *attributes;
    size_t attribute_count; /* at most DYNAMODB_SCAN_ATTRIBUTES_MAX; 0: whole items */
};

/* The next items, which live as long as the call of `take`; a bad status ends the scan. */
struct dynamodb_sink {
    void *context;
    enum status (*take)(void *context, const struct dynamodb_item *items, size_t count,
                        struct error *error);
};

/* The whole table page by page, in no order, with the memory of one page. Eventually consistent:
 * what was written in the last second may be missing, and no point in time is kept to. The filter
 * saves the way here, not the reading: the whole table is read and billed. A bad status: the scan
 * broke off after what was already taken. */
MUST_USE enum status dynamodb_scan(struct aws_client *client, const struct dynamodb_scan *scan,
                                   const struct dynamodb_sink *sink, struct arena *arena,
                                   struct error *error);

#endif
