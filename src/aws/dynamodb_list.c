/* SPDX-License-Identifier: Apache-2.0
 *
 * Query and Scan, page by page. The token between two pages is the key that DynamoDB stopped at:
 * pk, a NUL, which no key holds, and sk.
 */
#include "base/buf.h"
#include "dynamodb_internal.h"

/* Of a page, which DynamoDB would fill with 1 MB: of small attributes that is more JSON values than
 * are read of one text (100,000). With so many an item may have some 90 attributes. */
#define PAGE_ITEMS_MAX 500
/* Far beyond what one load balancer can gather. */
#define QUERY_PAGES_MAX 1000
#define SCAN_PAGES_MAX  100000
/* 4 KB is the longest expression that DynamoDB takes. */
#define PROJECTION_BYTES_MAX 4096

/* ---- one page ---- */

struct page {
    struct dynamodb_item *items;
    size_t count;
    str next; /* empty on the last one */
};

static enum status parse_page(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    struct page *page = context;
    const struct json *root = NULL;
    *page = (struct page){.count = 0};
    TRY(dynamodb_answer(arena, response, &root, error));
    const struct json *items = json_get(root, "Items");
    if (!json_is_array(items)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of Items");
    }
    page->items = ARENA_ARRAY(arena, struct dynamodb_item, json_count(items));
    for (const struct json *item = json_first(items); item != NULL; item = json_next(item)) {
        TRY(dynamodb_parse_item(item, arena, &page->items[page->count++], error));
    }
    const struct json *last = json_get(root, "LastEvaluatedKey");
    if (last == NULL || json_is_null(last)) {
        return STATUS_OK;
    }
    struct dynamodb_item item = {.count = 0};
    TRY(dynamodb_parse_item(last, arena, &item, error));
    const struct dynamodb_key key = dynamodb_key_of(&item);
    if (str_is_empty(key.pk) || str_is_empty(key.sk)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "a page that ends at no key");
    }
    page->next = str_format(arena, "%" STR_FMT "%c%" STR_FMT, STR_ARG(key.pk), 0, STR_ARG(key.sk));
    return STATUS_OK;
}

static void begin_page(struct service_call *call, struct arena *arena, const char *operation,
                       str table, struct page *page) {
    service_call_begin(call, arena, DYNAMODB_BODY_BYTES_MAX,
                       &(struct aws_request){.service = AWS_DYNAMODB,
                                             .operation = operation,
                                             .meanings = DYNAMODB_MEANINGS,
                                             .parse = parse_page,
                                             .context = page});
    json_write_member(&call->writer, "TableName", table);
}

static void write_start(struct json_writer *writer, size_t limit, str token) {
    json_write_member_count(writer, "Limit", limit);
    if (!str_is_empty(token)) {
        struct dynamodb_key start = {.sk = token};
        start.pk = str_split(&start.sk, '\0');
        dynamodb_write_key(writer, STR("ExclusiveStartKey"), &start);
    }
}

static void write_value(struct json_writer *writer, const char *name, str value) {
    const struct dynamodb_attribute attribute = dynamodb_string(name, value);
    dynamodb_write_attribute(writer, &attribute);
}

/* Every name has its placeholder, for many are reserved words. */
static void write_projection(struct json_writer *writer, const char *const *attributes,
                             size_t count, struct arena *arena) {
    struct buf projection;
    if (count == 0) {
        return;
    }
    buf_init(&projection, arena, PROJECTION_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&projection, "%s#a%zu", i == 0 ? "" : ",", i);
    }
    json_write_member(writer, "ProjectionExpression", buf_str(&projection));
    json_write_key(writer, STR("ExpressionAttributeNames"));
    json_object_begin(writer);
    for (size_t i = 0; i < count; i++) {
        str placeholder = str_format(arena, "#a%zu", i);
        json_write_member(writer, placeholder.ptr, str_from_cstr(attributes[i]));
    }
    json_object_end(writer);
}

/* ---- query ---- */

struct listing {
    struct aws_client *client;
    const struct dynamodb_query *query;
    struct arena *arena;
    struct dynamodb_item *items;
    size_t count;
    size_t capacity;
};

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

/* Items are copied: the page dies with its arena, while the listing lives with the caller's. */
static enum status add_query_page(void *context, str token, struct arena *arena, str *next_out,
                                  struct error *error) {
    struct listing *listing = context;
    const struct dynamodb_query *query = listing->query;
    struct page page;
    struct service_call call;
    size_t left = query->limit > 0 ? query->limit - listing->count : SIZE_MAX;
    begin_page(&call, arena, "Query", query->table, &page);
    size_t page_max = query->page_items_max > 0 ? query->page_items_max : PAGE_ITEMS_MAX;
    write_condition(&call.writer, query);
    write_projection(&call.writer, query->attributes, query->attribute_count, arena);
    json_write_member_bool(&call.writer, "ConsistentRead", true);
    json_write_member_bool(&call.writer, "ScanIndexForward", !query->is_descending);
    write_start(&call.writer, left < page_max ? left : page_max, token);
    TRY(service_call_send(&call, listing->client, error));
    size_t needed = listing->count + page.count;
    ARENA_RESERVE(listing->arena, listing->items, needed, listing->capacity);
    for (size_t i = 0; i < page.count && i < left; i++) {
        listing->items[listing->count++] = copy_item(listing->arena, &page.items[i]);
    }
    *next_out = page.count < left ? page.next : STR_EMPTY;
    return STATUS_OK;
}

/* "-" stands for a sort key that the query does not have, so that one check of keys serves all
 * forms. */
static bool is_query(const struct dynamodb_query *query) {
    bool has_prefix = !str_is_empty(query->sk_prefix);
    bool has_from = !str_is_empty(query->sk_from);
    bool has_to = !str_is_empty(query->sk_to);
    const struct dynamodb_key keys[] = {{query->pk, has_from ? query->sk_from : STR("-")},
                                        {query->pk, has_to ? query->sk_to : STR("-")},
                                        {query->pk, has_prefix ? query->sk_prefix : STR("-")}};
    return !str_is_empty(query->table) && query->attribute_count <= DYNAMODB_SCAN_ATTRIBUTES_MAX &&
           has_from == has_to && !(has_from && has_prefix) && dynamodb_key_is_valid(&keys[0]) &&
           dynamodb_key_is_valid(&keys[1]) && dynamodb_key_is_valid(&keys[2]);
}

enum status dynamodb_query(struct aws_client *client, const struct dynamodb_query *query,
                           struct arena *arena, struct dynamodb_item **items_out, size_t *count_out,
                           struct error *error) {
    struct listing listing = {.client = client, .query = query, .arena = arena};
    const struct paging paging = {"dynamodb Query", QUERY_PAGES_MAX, &listing, add_query_page};
    enum status status =
        is_query(query) ? paging_run(&paging, arena, error)
                        : service_refuse(AWS_DYNAMODB, "Query",
                                         "no table, no pk, or a range that is none", arena, error);
    *items_out = listing.items;
    *count_out = listing.count;
    return status;
}

/* ---- scan ---- */

struct scanning {
    struct aws_client *client;
    const struct dynamodb_scan *scan;
    const struct dynamodb_sink *sink;
};

struct filter {
    str value;
    str expression;
};
enum { FILTER_COUNT = 3 };

static void filters_of(const struct dynamodb_scan *scan, struct filter filters[FILTER_COUNT]) {
    filters[0] = (struct filter){scan->sk, STR("sk = :sk")};
    filters[1] = (struct filter){scan->sk_prefix, STR("begins_with(sk, :sk)")};
    filters[2] =
        (struct filter){scan->sk_prefix_left_out,
                        str_is_empty(scan->sk_prefix_left_out_too)
                            ? STR("NOT begins_with(sk, :sk)")
                            : STR("NOT begins_with(sk, :sk) AND NOT begins_with(sk, :too)")};
}

static void write_filter(struct json_writer *writer, const struct dynamodb_scan *scan) {
    struct filter filters[FILTER_COUNT];
    filters_of(scan, filters);
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        if (!str_is_empty(filters[i].value)) {
            json_write_member(writer, "FilterExpression", filters[i].expression);
            json_write_key(writer, STR("ExpressionAttributeValues"));
            json_object_begin(writer);
            write_value(writer, ":sk", filters[i].value);
            if (!str_is_empty(scan->sk_prefix_left_out_too)) {
                write_value(writer, ":too", scan->sk_prefix_left_out_too);
            }
            json_object_end(writer);
        }
    }
}

/* A page may be empty and still have a next one, because the filter is applied after the reading. A
 * page that leads to itself is given to nobody: paging_run refuses it, and its items would count
 * twice. */
static enum status add_scan_page(void *context, str token, struct arena *arena, str *next_out,
                                 struct error *error) {
    const struct scanning *scanning = context;
    const struct dynamodb_sink *sink = scanning->sink;
    struct page page;
    struct service_call call;
    begin_page(&call, arena, "Scan", scanning->scan->table, &page);
    write_filter(&call.writer, scanning->scan);
    write_projection(&call.writer, scanning->scan->attributes, scanning->scan->attribute_count,
                     arena);
    write_start(&call.writer, PAGE_ITEMS_MAX, token);
    TRY(service_call_send(&call, scanning->client, error));
    *next_out = page.next;
    bool leads_to_itself = !str_is_empty(token) && str_eq(page.next, token);
    return page.count == 0 || leads_to_itself
               ? STATUS_OK
               : sink->take(sink->context, page.items, page.count, error);
}

static bool is_scan(const struct dynamodb_scan *scan) {
    struct filter filters[FILTER_COUNT];
    unsigned given = 0;
    bool is_text = true;
    filters_of(scan, filters);
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        given += str_is_empty(filters[i].value) ? 0 : 1;
        is_text = is_text && str_utf8_valid_prefix(filters[i].value) == filters[i].value.len;
    }
    str too = scan->sk_prefix_left_out_too;
    bool is_pair = str_is_empty(too) || !str_is_empty(scan->sk_prefix_left_out);
    return !str_is_empty(scan->table) && given <= 1 && is_text && is_pair &&
           str_utf8_valid_prefix(too) == too.len &&
           scan->attribute_count <= DYNAMODB_SCAN_ATTRIBUTES_MAX;
}

enum status dynamodb_scan(struct aws_client *client, const struct dynamodb_scan *scan,
                          const struct dynamodb_sink *sink, struct arena *arena,
                          struct error *error) {
    struct scanning scanning = {client, scan, sink};
    const struct paging paging = {"dynamodb Scan", SCAN_PAGES_MAX, &scanning, add_scan_page};
    return is_scan(scan) ? paging_run(&paging, arena, error)
                         : service_refuse(AWS_DYNAMODB, "Scan",
                                          "no table, or a filter that is none", arena, error);
}
