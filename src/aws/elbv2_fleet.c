/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes and tags of many load balancers. Everything the calls allocate lives in an arena that
 * is gone at the end; what is kept of a load balancer is its mode and its tags.
 */
#include "base/buf.h"
#include "elbv2_internal.h"

#define TAGS_ARNS_MAX 20 /* load balancers in one DescribeTags */

/* One DescribeTags and whom it asks for: `count` neighbours from `readings`. */
struct tags_call {
    struct elbv2_reading *readings;
    size_t count;
};

struct fleet {
    struct aws_client *client;
    struct elbv2_fleet_item *items;
    struct elbv2_reading *readings; /* one each */
    size_t count;
    unsigned in_flight_max;
    struct arena *scratch;
    struct arena *arena; /* of what is kept */
};

/* Every one that was asked for must be in the answer (see elbv2.c on what its absence means). */
static enum status parse_many_tags(void *context, struct arena *arena,
                                   const struct aws_response *response, struct error *error) {
    const struct tags_call *call = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeTags", &result, error));
    const struct xml *descriptions = xml_child(result, "TagDescriptions");
    for (size_t i = 0; i < call->count; i++) {
        const struct xml *ours =
            elbv2_find_member(descriptions, "ResourceArn", call->readings[i].arn);
        const struct xml *list = xml_child(ours, "Tags");
        if (list == NULL) {
            return error_set(error, arena, STATUS_INCOMPLETE,
                             "the answer holds no <Tags> of %" STR_FMT,
                             STR_ARG(call->readings[i].arn));
        }
        TRY(elbv2_parse_tag_list(&call->readings[i], arena, list, error));
    }
    return STATUS_OK;
}

static struct aws_request tags_request(struct tags_call *call, struct arena *arena) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, arena, ELBV2_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "DescribeTags", ELBV2_VERSION);
    for (size_t i = 0; i < call->count; i++) {
        aws_form_add(&form, str_format(arena, "ResourceArns.member.%zu", i + 1),
                     call->readings[i].arn);
    }
    return elbv2_request("DescribeTags", buf_str(&body), parse_many_tags, call);
}

static struct aws_request attributes_request(struct elbv2_reading *reading, struct arena *arena) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, arena, ELBV2_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, "DescribeLoadBalancerAttributes", ELBV2_VERSION);
    aws_form_add(&form, STR("LoadBalancerArn"), reading->arn);
    return elbv2_request("DescribeLoadBalancerAttributes", buf_str(&body), elbv2_parse_attributes,
                         reading);
}

static void note_problem(struct fleet *fleet, struct elbv2_fleet_item *item,
                         const struct aws_outcome *outcome) {
    if (elbv2_says_gone(outcome)) {
        item->status = STATUS_NOT_FOUND;
    } else if (item->status == STATUS_OK) {
        item->status = outcome->status == STATUS_NOT_FOUND ? STATUS_REFUSED : outcome->status;
        item->problem = str_copy(fleet->arena, outcome->error.message);
    }
}

static void keep_attributes(struct fleet *fleet, size_t i, const struct aws_outcome *outcome) {
    struct load_balancer *facts = fleet->items[i].facts;
    bool is_read = outcome->status == STATUS_OK;
    elbv2_fill_attributes(facts, &fleet->readings[i], is_read);
    facts->mode_text = str_copy(fleet->arena, facts->mode_text);
    if (!is_read) {
        note_problem(fleet, &fleet->items[i], outcome);
    }
}

static void keep_tags(struct fleet *fleet, size_t i, const struct aws_outcome *outcome) {
    struct load_balancer *facts = fleet->items[i].facts;
    bool is_read = outcome->status == STATUS_OK;
    elbv2_fill_tags(facts, &fleet->readings[i], is_read);
    if (!is_read) {
        note_problem(fleet, &fleet->items[i], outcome);
        return;
    }
    struct tag *tags = ARENA_ARRAY(fleet->arena, struct tag, facts->tag_count);
    for (size_t t = 0; t < facts->tag_count; t++) {
        tags[t] = (struct tag){str_copy(fleet->arena, facts->tags[t].key),
                               str_copy(fleet->arena, facts->tags[t].value)};
    }
    facts->tags = tags;
}

/* Carries the requests out. Their outcomes say what became of each, also when nothing could be
 * sent. */
static struct aws_outcome *carry_out(struct fleet *fleet, struct aws_request *requests,
                                     size_t count) {
    struct aws_outcome *outcomes = ARENA_ARRAY(fleet->scratch, struct aws_outcome, count);
    for (size_t i = 0; i < count; i++) {
        requests[i].attempts_max = ELBV2_ATTEMPTS_FLEET;
    }
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

static void read_tags_singly(struct fleet *fleet, const size_t *indexes, size_t count) {
    struct aws_request *requests = ARENA_ARRAY(fleet->scratch, struct aws_request, count);
    for (size_t i = 0; i < count; i++) {
        struct tags_call *call = ARENA_NEW(fleet->scratch, struct tags_call);
        *call = (struct tags_call){&fleet->readings[indexes[i]], 1};
        requests[i] = tags_request(call, fleet->scratch);
    }
    struct aws_outcome *outcomes = carry_out(fleet, requests, count);
    for (size_t i = 0; i < count; i++) {
        keep_tags(fleet, indexes[i], &outcomes[i]);
    }
}

/* Those of failed tag calls that still exist. */
static size_t take_unread(struct fleet *fleet, const struct tags_call *calls,
                          const struct aws_outcome *outcomes, size_t call_count, size_t *indexes) {
    size_t count = 0;
    for (size_t c = 0; c < call_count; c++) {
        size_t first = (size_t)(calls[c].readings - fleet->readings);
        for (size_t i = first; i < first + calls[c].count; i++) {
            /* One that was asked for alone would be the same request again. */
            bool is_final = calls[c].count == 1 && !aws_client_may_attempt(fleet->client, 2);
            if (!may_fail_for_one(&outcomes[c]) || is_final) {
                keep_tags(fleet, i, &outcomes[c]);
            } else if (fleet->items[i].status != STATUS_NOT_FOUND) {
                indexes[count++] = i;
            }
        }
    }
    return count;
}

static void read_all(struct fleet *fleet) {
    struct arena *scratch = fleet->scratch;
    size_t call_count = (fleet->count + TAGS_ARNS_MAX - 1) / TAGS_ARNS_MAX;
    struct tags_call *calls = ARENA_ARRAY(scratch, struct tags_call, call_count);
    struct aws_request *requests =
        ARENA_ARRAY(scratch, struct aws_request, call_count + fleet->count);
    for (size_t c = 0; c < call_count; c++) {
        size_t left = fleet->count - c * TAGS_ARNS_MAX;
        calls[c] = (struct tags_call){&fleet->readings[c * TAGS_ARNS_MAX],
                                      left < TAGS_ARNS_MAX ? left : TAGS_ARNS_MAX};
        requests[c] = tags_request(&calls[c], scratch);
    }
    for (size_t i = 0; i < fleet->count; i++) {
        requests[call_count + i] = attributes_request(&fleet->readings[i], scratch);
    }
    struct aws_outcome *outcomes = carry_out(fleet, requests, call_count + fleet->count);
    for (size_t i = 0; i < fleet->count; i++) {
        keep_attributes(fleet, i, &outcomes[call_count + i]);
    }
    size_t *unread = ARENA_ARRAY(scratch, size_t, fleet->count);
    size_t unread_count = take_unread(fleet, calls, outcomes, call_count, unread);
    if (unread_count > 0) {
        read_tags_singly(fleet, unread, unread_count);
    }
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
        .readings = ARENA_ARRAY(&scratch, struct elbv2_reading, count),
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
