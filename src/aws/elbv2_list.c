/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "elbv2_internal.h"

#define PAGE_SIZE "400" /* the most AWS gives */
/* 400,000 load balancers: beyond any quota, so a listing that goes on is one that does not end. */
#define PAGES_MAX 1000

/* One page as it was parsed; lives as long as the page's arena. */
struct page {
    struct elbv2_reading *members;
    size_t count;
    str next_marker; /* empty on the last page */
};

static enum status parse_page(void *context,
                              struct arena *arena,
                              const struct aws_response *response,
                              struct error *error) {
    struct page *page = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeLoadBalancers", &result, error));
    const struct xml *list = xml_child(result, "LoadBalancers");
    if (list == NULL) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no <LoadBalancers>");
    }
    size_t count = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        count++;
    }
    page->members = ARENA_ARRAY(arena, struct elbv2_reading, count);
    page->count = count;
    size_t i = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        TRY(elbv2_parse_load_balancer(member, arena, &page->members[i++], error));
    }
    page->next_marker = xml_child_text(result, "NextMarker");
    return STATUS_OK;
}

static enum status read_page(struct aws_client *client,
                             str marker,
                             struct arena *page_arena,
                             struct page *page,
                             struct error *error) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, page_arena, ELBV2_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "DescribeLoadBalancers", ELBV2_VERSION);
    aws_form_add(&form, STR("PageSize"), STR(PAGE_SIZE));
    if (!str_is_empty(marker)) {
        aws_form_add(&form, STR("Marker"), marker);
    }
    TRY(buf_status(&body));
    struct aws_request request =
        elbv2_request("DescribeLoadBalancers", buf_str(&body), parse_page, page);
    request.attempts_max = ELBV2_ATTEMPTS_FLEET;
    return aws_call(client, &request, page_arena, error);
}

struct listing {
    struct load_balancer *items;
    size_t count;
    size_t capacity;
};

static void listing_append(struct listing *listing, struct arena *arena, const struct page *page) {
    size_t needed = listing->count + page->count;
    if (needed > listing->capacity) {
        size_t capacity = needed > 2 * listing->capacity ? needed : 2 * listing->capacity;
        listing->items = arena_realloc(arena,
                                       listing->items,
                                       listing->capacity * sizeof *listing->items,
                                       capacity * sizeof *listing->items);
        listing->capacity = capacity;
    }
    for (size_t i = 0; i < page->count; i++) {
        const struct elbv2_reading *member = &page->members[i];
        listing->items[listing->count++] = (struct load_balancer){
            .arn = str_copy(arena, member->arn),
            .name = str_copy(arena, member->name),
            .type = member->type,
            .scheme = member->scheme,
            .source = SOURCE_LIVE,
        };
    }
}

/* One page into the listing; *marker is replaced by the next page's, empty after the last. */
static enum status add_page(struct aws_client *client,
                            struct arena *arena,
                            struct listing *listing,
                            str *marker,
                            struct error *error) {
    struct arena page_arena = {0};
    struct page page = {0};
    struct error cause = {0};
    enum status status = read_page(client, *marker, &page_arena, &page, &cause);
    if (status == STATUS_OK) {
        listing_append(listing, arena, &page);
        *marker = str_copy(arena, page.next_marker);
    } else {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&page_arena);
    return status;
}

enum status elbv2_list_load_balancers(struct aws_client *client,
                                      struct arena *arena,
                                      struct load_balancer **load_balancers_out,
                                      size_t *count_out,
                                      struct error *error) {
    struct listing listing = {0};
    str marker = STR_EMPTY;
    enum status status = STATUS_OK;
    int pages = 0;
    do {
        status = add_page(client, arena, &listing, &marker, error);
    } while (status == STATUS_OK && !str_is_empty(marker) && ++pages < PAGES_MAX);
    *load_balancers_out = listing.items;
    *count_out = listing.count;
    if (status == STATUS_OK && !str_is_empty(marker)) {
        return error_set(error,
                         arena,
                         STATUS_INCOMPLETE,
                         "elasticloadbalancing DescribeLoadBalancers: the listing does not end");
    }
    return status;
}
