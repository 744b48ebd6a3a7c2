/* SPDX-License-Identifier: Apache-2.0
 *
 * All load balancers of a Region, and attributes and tags of many. Everything the calls allocate
 * lives in arenas that are gone at the end; what is kept of a load balancer is copied.
 */
#include "elbv2_internal.h"

#define LIST                "DescribeLoadBalancers"
#define LIST_FORM_BYTES_MAX ((size_t)20 * 1024) /* with a marker, of which 1 KB is long */
/* 400 load balancers a page, the most AWS gives: 100,000 are beyond any quota, and little enough to
 * hold. */
#define PAGES_MAX     250
#define TAGS_ARNS_MAX 20 /* load balancers in one DescribeTags */
/* A throttled sweep waits for AWS's bucket to refill, which three attempts are too short for. */
#define ATTEMPTS_MAX 6

/* ---- listing ---- */

struct listing {
    struct aws_client *client;
    struct arena *arena;
    struct load_balancer *items;
    size_t count;
    size_t capacity;
    /* of the page that was just parsed, in its arena */
    struct load_balancer *page;
    size_t page_count;
    str next_marker;
};

static enum status parse_page(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    struct listing *listing = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, LIST, &result, error));
    const struct xml *list = xml_child(result, "LoadBalancers");
    if (list == NULL) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no <LoadBalancers>");
    }
    listing->page = ARENA_ARRAY(arena, struct load_balancer, xml_count(list));
    listing->page_count = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        TRY(elbv2_parse_load_balancer(member, arena, &listing->page[listing->page_count++], error));
    }
    listing->next_marker = xml_child_text(result, "NextMarker");
    return STATUS_OK;
}

static enum status add_page(void *context, str marker, struct arena *arena, str *next_out,
                            struct error *error) {
    struct listing *listing = context;
    struct service_call call;
    service_call_begin(&call, arena, LIST_FORM_BYTES_MAX,
                       &(struct aws_request){.service = AWS_ELBV2,
                                             .operation = LIST,
                                             .pace = PACE_ELB_READ,
                                             .attempts_max = ATTEMPTS_MAX,
                                             .waits_out_throttling = true,
                                             .parse = parse_page,
                                             .context = listing});
    service_call_add(&call, "PageSize", STR("400"));
    if (!str_is_empty(marker)) {
        service_call_add(&call, "Marker", marker);
    }
    TRY(service_call_send(&call, listing->client, error));
    size_t needed = listing->count + listing->page_count;
    ARENA_RESERVE(listing->arena, listing->items, needed, listing->capacity);
    for (size_t i = 0; i < listing->page_count; i++) {
        struct load_balancer *kept = &listing->items[listing->count++];
        *kept = listing->page[i];
        kept->arn = str_copy(listing->arena, kept->arn);
        kept->name = str_copy(listing->arena, kept->name);
        kept->source = SOURCE_LIVE;
    }
    *next_out = listing->next_marker;
    return STATUS_OK;
}

enum status elbv2_list_load_balancers(struct aws_client *client, struct arena *arena,
                                      struct load_balancer **load_balancers_out, size_t *count_out,
                                      struct error *error) {
    struct listing listing = {.client = client, .arena = arena};
    const struct paging paging = {"elasticloadbalancing " LIST, PAGES_MAX, &listing, add_page};
    enum status status = paging_run(&paging, arena, error);
    *load_balancers_out = listing.items;
    *count_out = listing.count;
    return status;
}

/* ---- reading many ---- */

/* The requests of a fleet go out as one batch, each paced and retried on its own:
 *
 *   requests[]   tags of 0..19 | tags of 20..39 | .. | attributes of 0 | attributes of 1 | ..
 *   outcomes[]   |<-------- tags_calls -------->|    |<------------ count -------------->|
 *
 *   settle_tags  a call that failed for one of its 20 is asked again, one load balancer a call
 */
struct fleet {
    struct aws_client *client;
    struct elbv2_fleet_item *items;
    struct load_balancer *readings; /* one each */
    size_t count;
    unsigned in_flight_max;
    struct arena *scratch;
    struct arena *arena; /* of what is kept */
};

static void note_problem(struct fleet *fleet, struct elbv2_fleet_item *item,
                         const struct aws_outcome *outcome) {
    if (elbv2_says_gone(outcome)) {
        item->status = STATUS_NOT_FOUND;
    } else if (item->status == STATUS_OK) {
        item->status = outcome->status == STATUS_NOT_FOUND ? STATUS_REFUSED : outcome->status;
        item->problem = str_copy(fleet->arena, outcome->error.message);
    }
}

/* Takes over what was read of this part, or that it is unknown. Copied into the caller's arena,
 * because a fleet's answers take far more memory than its facts. */
static void keep(struct fleet *fleet, enum elbv2_part part, size_t i,
                 const struct aws_outcome *outcome) {
    struct load_balancer *facts = fleet->items[i].facts;
    bool is_read = outcome->status == STATUS_OK;
    elbv2_fill(part, facts, is_read ? &fleet->readings[i] : NULL);
    if (!is_read) {
        note_problem(fleet, &fleet->items[i], outcome);
    } else if (part == ELBV2_ATTRIBUTES) {
        facts->mode_text = str_copy(fleet->arena, facts->mode_text);
        facts->logs_bucket = str_copy(fleet->arena, facts->logs_bucket);
    } else {
        struct tag *tags = ARENA_ARRAY(fleet->arena, struct tag, facts->tag_count);
        for (size_t t = 0; t < facts->tag_count; t++) {
            tags[t] = (struct tag){str_copy(fleet->arena, facts->tags[t].key),
                                   str_copy(fleet->arena, facts->tags[t].value)};
        }
        facts->tags = tags;
    }
}

/* The call that reads this part of `count` neighbours. */
static struct aws_request describe(struct fleet *fleet, enum elbv2_part part, size_t first,
                                   size_t count) {
    struct elbv2_readings *readings = ARENA_NEW(fleet->scratch, struct elbv2_readings);
    *readings = (struct elbv2_readings){&fleet->readings[first], count};
    struct aws_request request = elbv2_describe(part, readings, fleet->scratch);
    request.attempts_max = ATTEMPTS_MAX;
    return request;
}

/* Sends the requests. Their outcomes say what became of each, also when nothing could be sent. */
static struct aws_outcome *send(struct fleet *fleet, const struct aws_request *requests,
                                size_t count) {
    struct aws_outcome *outcomes = ARENA_ARRAY(fleet->scratch, struct aws_outcome, count);
    struct error error = {0};
    enum status status = aws_call_all(fleet->client, requests, count, fleet->in_flight_max,
                                      fleet->scratch, outcomes, &error);
    ASSERT(status == STATUS_OK || outcomes[0].status != STATUS_OK);
    return outcomes;
}

/* A tag call that failed because of one of its 20 (gone, or left out of the answer) said nothing of
 * the other 19: they are asked for one by one. */
static bool may_fail_for_one(const struct aws_outcome *outcome) {
    return elbv2_says_gone(outcome) || outcome->status == STATUS_INCOMPLETE;
}

static size_t tags_call_size(const struct fleet *fleet, size_t first) {
    size_t left = fleet->count - first;
    return left < TAGS_ARNS_MAX ? left : TAGS_ARNS_MAX;
}

/* Keeps the tags that were read, and asks once more for those of failed calls, one by one. */
static void settle_tags(struct fleet *fleet, const struct aws_outcome *outcomes) {
    size_t *again = ARENA_ARRAY(fleet->scratch, size_t, fleet->count);
    struct aws_request *requests = ARENA_ARRAY(fleet->scratch, struct aws_request, fleet->count);
    size_t count = 0;
    for (size_t i = 0; i < fleet->count; i++) {
        const struct aws_outcome *outcome = &outcomes[i / TAGS_ARNS_MAX];
        size_t call_size = tags_call_size(fleet, i - i % TAGS_ARNS_MAX);
        /* One that was asked for alone would be the same request again. */
        bool is_final = call_size == 1 && !aws_client_may_attempt(fleet->client, 2);
        if (!may_fail_for_one(outcome) || is_final) {
            keep(fleet, ELBV2_TAGS, i, outcome);
        } else if (fleet->items[i].status != STATUS_NOT_FOUND) {
            again[count] = i;
            requests[count++] = describe(fleet, ELBV2_TAGS, i, 1);
        }
    }
    if (count > 0) {
        outcomes = send(fleet, requests, count);
    }
    for (size_t i = 0; i < count; i++) {
        keep(fleet, ELBV2_TAGS, again[i], &outcomes[i]);
    }
}

static void read_all(struct fleet *fleet) {
    size_t tags_calls = (fleet->count + TAGS_ARNS_MAX - 1) / TAGS_ARNS_MAX;
    size_t count = 0;
    struct aws_request *requests =
        ARENA_ARRAY(fleet->scratch, struct aws_request, tags_calls + fleet->count);
    for (size_t first = 0; first < fleet->count; first += TAGS_ARNS_MAX) {
        requests[count++] = describe(fleet, ELBV2_TAGS, first, tags_call_size(fleet, first));
    }
    for (size_t i = 0; i < fleet->count; i++) {
        requests[count++] = describe(fleet, ELBV2_ATTRIBUTES, i, 1);
    }
    const struct aws_outcome *outcomes = send(fleet, requests, count);
    for (size_t i = 0; i < fleet->count; i++) {
        keep(fleet, ELBV2_ATTRIBUTES, i, &outcomes[tags_calls + i]);
    }
    settle_tags(fleet, outcomes);
}

void elbv2_read_fleet(struct aws_client *client, struct elbv2_fleet_item *items, size_t count,
                      unsigned in_flight_max, struct arena *arena) {
    if (count == 0) {
        return;
    }
    struct arena scratch = {0};
    struct fleet fleet = {
        .client = client,
        .items = items,
        .readings = ARENA_ARRAY(&scratch, struct load_balancer, count),
        .count = count,
        .in_flight_max = in_flight_max,
        .scratch = &scratch,
        .arena = arena,
    };
    for (size_t i = 0; i < count; i++) {
        items[i].status = STATUS_OK;
        items[i].problem = STR_EMPTY;
        items[i].facts->source = SOURCE_LIVE;
        fleet.readings[i].arn = items[i].facts->arn;
    }
    read_all(&fleet);
    arena_clean_up(&scratch);
}
