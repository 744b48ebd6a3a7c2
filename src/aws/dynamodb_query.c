/* SPDX-License-Identifier: Apache-2.0 */
#include "dynamodb_internal.h"

#define OPERATION "Query"
/* Far beyond what one load balancer can gather: a listing that goes on is one that does not end. */
#define PAGES_MAX 1000

struct listing {
    const struct dynamodb_query *query;
    struct arena *arena;
    struct dynamodb_item *items;
    size_t count;
    size_t capacity;
    struct dynamodb_key next; /* empty: at the start, and after the last page */
};

static void write_value(struct json_writer *writer, const char *name, str value) {
    const struct dynamodb_attribute attribute = dynamodb_string(name, value);
    dynamodb_write_attribute(writer, &attribute);
}

static void write_condition(struct json_writer *writer, const struct dynamodb_query *query) {
    bool has_prefix = !str_is_empty(query->sk_prefix);
    bool has_range = !str_is_empty(query->sk_from);
    json_write_member(writer, "KeyConditionExpression",
                      has_prefix  ? STR("pk = :pk AND begins_with(sk, :prefix)")
                      : has_range ? STR("pk = :pk AND sk BETWEEN :from AND :to")
                                  : STR("pk = :pk"));
    json_write_key(writer, STR("ExpressionAttributeValues"));
    json_object_begin(writer);
    write_value(writer, ":pk", query->pk);
    if (has_prefix) {
        write_value(writer, ":prefix", query->sk_prefix);
    } else if (has_range) {
        write_value(writer, ":from", query->sk_from);
        write_value(writer, ":to", query->sk_to);
    }
    json_object_end(writer);
}

static size_t page_limit(const struct listing *listing) {
    size_t left = listing->query->limit - listing->count;
    bool is_nearer = listing->query->limit > 0 && left < DYNAMODB_PAGE_ITEMS_MAX;
    return is_nearer ? left : DYNAMODB_PAGE_ITEMS_MAX;
}

static void write_query(struct buf *body, const struct listing *listing) {
    const struct dynamodb_query *query = listing->query;
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_object_begin(&writer);
    json_write_member(&writer, "TableName", query->table);
    write_condition(&writer, query);
    json_write_key(&writer, STR("ConsistentRead"));
    json_write_bool(&writer, true);
    json_write_key(&writer, STR("ScanIndexForward"));
    json_write_bool(&writer, !query->is_descending);
    json_write_key(&writer, STR("Limit"));
    json_write_i64(&writer, (int64_t)page_limit(listing));
    if (!str_is_empty(listing->next.pk)) {
        json_write_key(&writer, STR("ExclusiveStartKey"));
        dynamodb_write_key(&writer, &listing->next);
    }
    json_object_end(&writer);
}

static struct dynamodb_item copy_item(struct arena *arena, const struct dynamodb_item *from) {
    struct dynamodb_attribute *attributes =
        ARENA_ARRAY(arena, struct dynamodb_attribute, from->count);
    for (size_t i = 0; i < from->count; i++) {
        const struct dynamodb_attribute *one = &from->attributes[i];
        attributes[i] = (struct dynamodb_attribute){str_copy(arena, one->name), one->type,
                                                    str_copy(arena, one->value)};
    }
    return (struct dynamodb_item){attributes, from->count};
}

static bool is_full(const struct listing *listing) {
    return listing->query->limit > 0 && listing->count >= listing->query->limit;
}

static void listing_append(struct listing *listing, const struct dynamodb_page *page) {
    size_t needed = listing->count + page->count;
    if (needed > listing->capacity) {
        size_t capacity = needed > 2 * listing->capacity ? needed : 2 * listing->capacity;
        listing->items = arena_realloc(listing->arena, listing->items,
                                       listing->capacity * sizeof *listing->items,
                                       capacity * sizeof *listing->items);
        listing->capacity = capacity;
    }
    for (size_t i = 0; i < page->count && !is_full(listing); i++) {
        listing->items[listing->count++] = copy_item(listing->arena, &page->items[i]);
    }
}

static enum status read_page(struct aws_client *client, const struct listing *listing,
                             struct arena *page_arena, struct dynamodb_page *page,
                             struct error *error) {
    struct buf body;
    struct aws_request request;
    const struct dynamodb_call call = {OPERATION, &body, dynamodb_parse_page, page};
    buf_init(&body, page_arena, DYNAMODB_BODY_BYTES_MAX);
    write_query(&body, listing);
    TRY(dynamodb_request(&call, page_arena, &request, error));
    return aws_call(client, &request, page_arena, error);
}

/* A page that leads to itself is the last we take. */
static enum status add_page(struct aws_client *client, struct listing *listing,
                            struct error *error) {
    struct arena page_arena = {0};
    struct dynamodb_page page = {0};
    struct error cause = {0};
    enum status status = read_page(client, listing, &page_arena, &page, &cause);
    if (status == STATUS_OK) {
        listing_append(listing, &page);
        bool leads_to_itself = dynamodb_page_leads_to(&page, &listing->next);
        listing->next.pk = str_copy(listing->arena, page.last.pk);
        listing->next.sk = str_copy(listing->arena, page.last.sk);
        status =
            leads_to_itself ? dynamodb_refuse_endless(OPERATION, listing->arena, error) : STATUS_OK;
    } else {
        error_copy(error, listing->arena, &cause);
    }
    arena_clean_up(&page_arena);
    return status;
}

static bool is_query(const struct dynamodb_query *query) {
    bool has_prefix = !str_is_empty(query->sk_prefix);
    bool has_from = !str_is_empty(query->sk_from);
    bool has_to = !str_is_empty(query->sk_to);
    const struct dynamodb_key from = {query->pk, has_from ? query->sk_from : STR("-")};
    const struct dynamodb_key to = {query->pk, has_to ? query->sk_to : STR("-")};
    const struct dynamodb_key prefix = {query->pk, has_prefix ? query->sk_prefix : STR("-")};
    return !str_is_empty(query->table) && has_from == has_to && !(has_from && has_prefix) &&
           dynamodb_key_is_valid(&from) && dynamodb_key_is_valid(&to) &&
           dynamodb_key_is_valid(&prefix);
}

enum status dynamodb_query(struct aws_client *client, const struct dynamodb_query *query,
                           struct arena *arena, struct dynamodb_item **items_out, size_t *count_out,
                           struct error *error) {
    struct listing listing = {.query = query, .arena = arena};
    enum status status = STATUS_OK;
    int pages = 0;
    *items_out = NULL;
    *count_out = 0;
    if (!is_query(query)) {
        return error_set(error, arena, STATUS_INVALID,
                         "dynamodb " OPERATION ": no table, no pk, or a range that is none");
    }
    do {
        status = add_page(client, &listing, error);
    } while (status == STATUS_OK && !str_is_empty(listing.next.pk) && !is_full(&listing) &&
             ++pages < PAGES_MAX);
    *items_out = listing.items;
    *count_out = listing.count;
    bool is_endless = status == STATUS_OK && pages == PAGES_MAX;
    return is_endless ? dynamodb_refuse_endless(OPERATION, arena, error) : status;
}
