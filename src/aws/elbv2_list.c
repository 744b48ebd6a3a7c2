/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "elbv2_internal.h"

#define PAGE_SIZE "400" /* the most AWS gives */
/* 100,000 load balancers: beyond any quota, so a listing that goes on is one that does not end, and
 * little enough to hold. */
#define PAGES_MAX 250

/* One page as it was parsed; lives as long as the page's arena. */
struct page {
    struct elbv2_reading *members;
    size_t count;
    str next_marker; /* empty on the last page */
};

static enum status parse_page(void *context, struct arena *arena,
                              const struct aws_response *response, struct error *error) {
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

static enum status read_page(struct aws_client *client, str marker, struct arena *page_arena,
                             struct page *page, struct error *error) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, page_arena, ELBV2_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "DescribeLoadBalancers", ELBV2_VERSION);
    aws_form_add(&form, STR("PageSize"), STR(PAGE_SIZE));
    if (!str_is_empty(marker)) {
        aws_form_add(&form, STR("Marker"), marker);
    }
    if (buf_status(&body) != STATUS_OK) {
        return error_set(error, page_arena, STATUS_TOO_LARGE,
                         "elasticloadbalancing DescribeLoadBalancers: the marker is too long");
    }
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
        listing->items =
            arena_realloc(arena, listing->items, listing->capacity * sizeof *listing->items,
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

static enum status refuse_endless(struct arena *arena, struct error *error) {
    return error_set(error, arena, STATUS_INCOMPLETE,
                     "elasticloadbalancing DescribeLoadBalancers: the listing does not end");
}

/* One page into the listing; *marker is replaced by the next page's, empty after the last. A page
 * that leads to itself is the last we take. */
static enum status add_page(struct aws_client *client, struct arena *arena, struct listing *listing,
                            str *marker, struct error *error) {
    struct arena page_arena = {0};
    struct page page = {0};
    struct error cause = {0};
    enum status status = read_page(client, *marker, &page_arena, &page, &cause);
    if (status == STATUS_OK) {
        listing_append(listing, arena, &page);
        bool leads_to_itself = !str_is_empty(*marker) && str_eq(*marker, page.next_marker);
        *marker = str_copy(arena, page.next_marker);
        status = leads_to_itself ? refuse_endless(arena, error) : STATUS_OK;
    } else {
        error_copy(error, arena, &cause);
    }
    arena_clean_up(&page_arena);
    return status;
}

enum status elbv2_list_load_balancers(struct aws_client *client, struct arena *arena,
                                      struct load_balancer **load_balancers_out, size_t *count_out,
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
        return refuse_endless(arena, error);
    }
    return status;
}
