/* SPDX-License-Identifier: Apache-2.0
 *
 * What AWS Config holds under a rule. Source: GetComplianceDetailsByConfigRule, AWS Config API
 * Reference.
 */
#include "aws/config.h"
#include "base/json.h"
#include "call_internal.h"

#define PAGE_SIZE 100 /* the most AWS gives */
/* 100,000 results, were all pages full: a listing that goes on beyond is one that does not end. */
#define PAGES_MAX      1000
#define BODY_BYTES_MAX ((size_t)64 * 1024)

#define TARGET       "StarlingDoveService.GetComplianceDetailsByConfigRule"
#define CONTENT_TYPE "application/x-amz-json-1.1"

static const struct http_header HEADERS[] = {
    {{"Content-Type", sizeof("Content-Type") - 1}, {CONTENT_TYPE, sizeof(CONTENT_TYPE) - 1}},
    {{"X-Amz-Target", sizeof("X-Amz-Target") - 1}, {TARGET, sizeof(TARGET) - 1}},
};

struct page {
    struct config_result *results;
    size_t count;
    str next_token; /* empty on the last page */
};

/* Seconds since 1970, with a fraction; 0 when absent. */
static int64_t parse_time_ms(const struct json *time) {
    double seconds = 0;
    bool is_usable = json_number(time, &seconds) && seconds > 0 && seconds < 1e11;
    return is_usable ? (int64_t)(seconds * (double)MS_PER_SECOND) : 0;
}

static enum status parse_result(const struct json *entry, struct arena *arena,
                                struct config_result *result, struct error *error) {
    const struct json *identifier = json_get(entry, "EvaluationResultIdentifier");
    const struct json *qualifier = json_get(identifier, "EvaluationResultQualifier");
    *result = (struct config_result){
        .resource_type = json_get_string(qualifier, "ResourceType"),
        .resource_id = json_get_string(qualifier, "ResourceId"),
        .compliance_type = json_get_string(entry, "ComplianceType"),
        .ordering_ms = parse_time_ms(json_get(identifier, "OrderingTimestamp")),
    };
    if (str_is_empty(result->resource_type) || str_is_empty(result->resource_id)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "a result that names no resource");
    }
    return STATUS_OK;
}

static enum status parse_page(void *context, struct arena *arena,
                              const struct aws_response *response, struct error *error) {
    struct page *page = context;
    const struct json *root = NULL;
    TRY(json_answer(arena, response, &root, error));
    const struct json *list = json_get(root, "EvaluationResults");
    if (!json_is_array(list)) {
        return error_set(error, arena, STATUS_INCOMPLETE, "no list of EvaluationResults");
    }
    page->results = ARENA_ARRAY(arena, struct config_result, json_count(list));
    page->count = 0;
    for (const struct json *entry = json_first(list); entry != NULL; entry = json_next(entry)) {
        TRY(parse_result(entry, arena, &page->results[page->count++], error));
    }
    page->next_token = json_get_string(root, "NextToken");
    return STATUS_OK;
}

static enum status read_page(struct aws_client *client, str rule_name, str next_token,
                             struct arena *page_arena, struct page *page, struct error *error) {
    struct buf body;
    struct json_writer writer;
    buf_init(&body, page_arena, BODY_BYTES_MAX);
    json_writer_init(&writer, &body);
    json_object_begin(&writer);
    json_write_member(&writer, "ConfigRuleName", rule_name);
    json_write_key(&writer, STR("Limit"));
    json_write_i64(&writer, PAGE_SIZE);
    if (!str_is_empty(next_token)) {
        json_write_member(&writer, "NextToken", next_token);
    }
    json_object_end(&writer);
    if (buf_status(&body) != STATUS_OK) {
        return error_set(error, page_arena, STATUS_TOO_LARGE,
                         "config GetComplianceDetailsByConfigRule: the token is too long");
    }
    const struct aws_request request = {
        .service = AWS_CONFIG,
        .operation = "GetComplianceDetailsByConfigRule",
        .method = STR("POST"),
        .path = STR("/"),
        .headers = HEADERS,
        .header_count = sizeof HEADERS / sizeof *HEADERS,
        .body = buf_str(&body),
        .parse = parse_page,
        .context = page,
    };
    return aws_call(client, &request, page_arena, error);
}

struct listing {
    struct config_result *items;
    size_t count;
    size_t capacity;
};

static void listing_append(struct listing *listing, struct arena *arena, const struct page *page) {
    size_t needed = listing->count + page->count;
    if (needed > listing->capacity) {
        size_t capacity = needed > 2 * listing->capacity ? needed : 2 * listing->capacity;
        listing->items =
            arena_realloc(arena, listing->items, listing->capacity * sizeof *listing->items,
                          capacity * sizeof *listing->items);
        listing->capacity = capacity;
    }
    for (size_t i = 0; i < page->count; i++) {
        listing->items[listing->count++] = (struct config_result){
            str_copy(arena, page->results[i].resource_type),
            str_copy(arena, page->results[i].resource_id),
            str_copy(arena, page->results[i].compliance_type),
            page->results[i].ordering_ms,
        };
    }
}

static enum status refuse_endless(struct arena *arena, struct error *error) {
    return error_set(error, arena, STATUS_INCOMPLETE,
                     "config GetComplianceDetailsByConfigRule: the listing does not end");
}

/* One page into the listing; *next_token is replaced by the next page's, empty after the last. A
 * page that leads to itself is the last we take. */
static enum status add_page(struct aws_client *client, str rule_name, struct arena *arena,
                            struct listing *listing, str *next_token, struct error *error) {
    struct arena page_arena = {0};
    struct page page = {0};
    struct error cause = {0};
    enum status status = read_page(client, rule_name, *next_token, &page_arena, &page, &cause);
    if (status == STATUS_OK) {
        listing_append(listing, arena, &page);
        bool leads_to_itself = !str_is_empty(*next_token) && str_eq(*next_token, page.next_token);
        *next_token = str_copy(arena, page.next_token);
        status = leads_to_itself ? refuse_endless(arena, error) : STATUS_OK;
    } else {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&page_arena);
    return status;
}

enum status config_list_results(struct aws_client *client, str rule_name, struct arena *arena,
                                struct config_result **results_out, size_t *count_out,
                                struct error *error) {
    struct listing listing = {0};
    str next_token = STR_EMPTY;
    enum status status = STATUS_OK;
    int pages = 0;
    do {
        status = add_page(client, rule_name, arena, &listing, &next_token, error);
    } while (status == STATUS_OK && !str_is_empty(next_token) && ++pages < PAGES_MAX);
    *results_out = listing.items;
    *count_out = listing.count;
    if (status == STATUS_OK && !str_is_empty(next_token)) {
        return refuse_endless(arena, error);
    }
    return status;
}
