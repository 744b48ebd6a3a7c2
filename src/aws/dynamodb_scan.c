/* SPDX-License-Identifier: Apache-2.0 */
#include "dynamodb_internal.h"

#define OPERATION "Scan"
/* Of 500 items: a scan that goes on is one that does not end. */
#define PAGES_MAX 100000
/* 4 KB is the longest expression that DynamoDB takes. */
#define PROJECTION_BYTES_MAX 4096

static void write_filter(struct json_writer *writer, const struct dynamodb_scan *scan) {
    const struct {
        str value;
        str expression;
    } filters[] = {
        {scan->sk, STR("sk = :sk")},
        {scan->sk_prefix, STR("begins_with(sk, :sk)")},
        {scan->sk_prefix_left_out, STR("NOT begins_with(sk, :sk)")},
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (str_is_empty(filters[i].value)) {
            continue;
        }
        struct dynamodb_attribute value = dynamodb_string(":sk", filters[i].value);
        json_write_member(writer, "FilterExpression", filters[i].expression);
        json_write_key(writer, STR("ExpressionAttributeValues"));
        json_object_begin(writer);
        dynamodb_write_attribute(writer, &value);
        json_object_end(writer);
    }
}

/* Every name has its placeholder, for many are reserved words. */
static void write_projection(struct json_writer *writer, const struct dynamodb_scan *scan,
                             struct arena *arena) {
    struct buf projection;
    if (scan->attribute_count == 0) {
        return;
    }
    buf_init(&projection, arena, PROJECTION_BYTES_MAX);
    for (size_t i = 0; i < scan->attribute_count; i++) {
        buf_printf(&projection, "%s#a%zu", i == 0 ? "" : ",", i);
    }
    json_write_member(writer, "ProjectionExpression", buf_str(&projection));
    json_write_key(writer, STR("ExpressionAttributeNames"));
    json_object_begin(writer);
    for (size_t i = 0; i < scan->attribute_count; i++) {
        str placeholder = str_format(arena, "#a%zu", i);
        json_write_member(writer, placeholder.ptr, str_from_cstr(scan->attributes[i]));
    }
    json_object_end(writer);
}

static void write_scan(struct buf *body, const struct dynamodb_scan *scan,
                       const struct dynamodb_key *start) {
    struct json_writer writer;
    json_writer_init(&writer, body);
    json_object_begin(&writer);
    json_write_member(&writer, "TableName", scan->table);
    write_filter(&writer, scan);
    write_projection(&writer, scan, body->arena);
    json_write_key(&writer, STR("Limit"));
    json_write_i64(&writer, DYNAMODB_PAGE_ITEMS_MAX);
    if (!str_is_empty(start->pk)) {
        json_write_key(&writer, STR("ExclusiveStartKey"));
        dynamodb_write_key(&writer, start);
    }
    json_object_end(&writer);
}

struct scanning {
    struct aws_client *client;
    const struct dynamodb_scan *scan;
    const struct dynamodb_sink *sink;
    struct arena arenas[2]; /* in turn: a page's last key is needed to ask for the next one */
    struct dynamodb_page page;
};

static enum status read_page(struct scanning *scanning, const struct dynamodb_key *start,
                             struct arena *arena, struct error *error) {
    struct buf body;
    struct aws_request request;
    struct dynamodb_page *page = &scanning->page;
    const struct dynamodb_call call = {OPERATION, &body, dynamodb_parse_page, page};
    buf_init(&body, arena, DYNAMODB_BODY_BYTES_MAX);
    write_scan(&body, scanning->scan, start);
    TRY(dynamodb_request(&call, arena, &request, error));
    TRY(aws_call(scanning->client, &request, arena, error));
    return dynamodb_page_leads_to(page, start) ? dynamodb_refuse_endless(OPERATION, arena, error)
                                               : STATUS_OK;
}

static enum status scan_pages(struct scanning *scanning, struct error *error) {
    const struct dynamodb_sink *sink = scanning->sink;
    struct dynamodb_page *page = &scanning->page;
    for (int i = 0; i < PAGES_MAX; i++) {
        struct arena *arena = &scanning->arenas[i % 2];
        const struct dynamodb_key start = page->last;
        arena_reset(arena);
        TRY(read_page(scanning, &start, arena, error));
        if (page->count > 0) {
            TRY(sink->take(sink->context, page->items, page->count, error));
        }
        if (str_is_empty(page->last.pk)) {
            return STATUS_OK;
        }
    }
    return dynamodb_refuse_endless(OPERATION, &scanning->arenas[0], error);
}

static bool is_scan(const struct dynamodb_scan *scan) {
    const str filters[] = {scan->sk, scan->sk_prefix, scan->sk_prefix_left_out};
    unsigned given = 0;
    bool is_text = true;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        given += str_is_empty(filters[i]) ? 0 : 1;
        is_text = is_text && str_utf8_valid_prefix(filters[i]) == filters[i].len;
    }
    return !str_is_empty(scan->table) && given <= 1 && is_text &&
           scan->attribute_count <= DYNAMODB_SCAN_ATTRIBUTES_MAX;
}

enum status dynamodb_scan(struct aws_client *client, const struct dynamodb_scan *scan,
                          const struct dynamodb_sink *sink, struct arena *arena,
                          struct error *error) {
    struct scanning scanning = {.client = client, .scan = scan, .sink = sink};
    struct error cause = {.status = STATUS_OK};
    if (!is_scan(scan)) {
        return dynamodb_refuse(OPERATION, arena, error, "no table, or a filter that is none");
    }
    enum status status = scan_pages(&scanning, &cause);
    if (status != STATUS_OK) {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&scanning.arenas[0]);
    arena_clean_up(&scanning.arenas[1]);
    return status;
}
