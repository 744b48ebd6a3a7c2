/* SPDX-License-Identifier: Apache-2.0
 *
 * One page of a Query or a Scan.
 */
#include "dynamodb_internal.h"

static enum status parse_last(const struct json *last, struct arena *arena,
                              struct dynamodb_page *page, struct error *error) {
    struct dynamodb_item item = {.count = 0};
    if (last == NULL || json_is_null(last)) {
        return STATUS_OK;
    }
    TRY(dynamodb_parse_item(last, arena, &item, error));
    page->last = (struct dynamodb_key){dynamodb_get_string(&item, DYNAMODB_PK),
                                       dynamodb_get_string(&item, DYNAMODB_SK)};
    if (str_is_empty(page->last.pk) || str_is_empty(page->last.sk)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "a page that ends at no key");
    }
    return STATUS_OK;
}

enum status dynamodb_parse_page(void *context, struct arena *arena,
                                const struct aws_response *response, struct error *error) {
    struct dynamodb_page *page = context;
    const struct json *root = NULL;
    *page = (struct dynamodb_page){.count = 0};
    TRY(dynamodb_answer(arena, response, &root, error));
    const struct json *items = json_get(root, "Items");
    if (!json_is_array(items)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of Items");
    }
    page->items = ARENA_ARRAY(arena, struct dynamodb_item, json_count(items));
    for (const struct json *item = json_first(items); item != NULL; item = json_next(item)) {
        TRY(dynamodb_parse_item(item, arena, &page->items[page->count++], error));
    }
    return parse_last(json_get(root, "LastEvaluatedKey"), arena, page, error);
}

bool dynamodb_page_leads_to(const struct dynamodb_page *page, const struct dynamodb_key *start) {
    return !str_is_empty(page->last.pk) && str_eq(page->last.pk, start->pk) &&
           str_eq(page->last.sk, start->sk);
}

enum status dynamodb_refuse_endless(const char *operation, struct arena *arena,
                                    struct error *error) {
    return error_set(error, arena, STATUS_INCOMPLETE, "dynamodb %s: the listing does not end",
                     operation);
}
