/* SPDX-License-Identifier: Apache-2.0
 *
 * A Region behind the fake transport: load balancers with pages, attributes and tags, AWS Config
 * with the results of one rule, AWS's own throttling, and a fault at the nth call. What Config was
 * reported is kept, so that a test can hold it against the facts.
 */
#ifndef REGION_WORLD_H
#define REGION_WORLD_H

#include <stdlib.h>

#include "aws/config.h"
#include "base/buf.h"
#include "base/json.h"
#include "elbv2_fixture.h"

#define REGION_ARN "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/"
#define REGION_MAX 4000

struct region_member {
    str arn;
    const char *type; /* "application" */
    const char *mode; /* NULL: the attribute is absent */
    int stale_reads;  /* so many reads still show this one, as reads lag */
    const char *stale_mode;
    bool is_gone;       /* deleted right after it was listed */
    bool is_tags_quiet; /* DescribeTags leaves it out of its answer */
    const char *tags;   /* XML members beside the owner's; NULL: none */
    bool drops_headers; /* drop_invalid_header_fields is there, and true */
    bool is_exposed;    /* internet-facing */
    const char *scheme; /* a value that nobody knows; NULL: as is_exposed says */
    bool writes_logs;   /* access logs are on */
};

struct region_report {
    str resource_type;
    str resource_id;
    str compliance;
    str annotation;
    int64_t ordering_s;
    size_t call;      /* number of the PutEvaluations, from 1 */
    size_t elb_calls; /* made before */
};

struct region_result {
    const char *type;
    str id;
    const char *compliance;
    int64_t ordering_s;
};

struct region_fault {
    const char *match; /* counts only calls that hold this; NULL: all */
    size_t nth;        /* from 1; 0: no fault */
    bool is_lasting;   /* the nth and all after it */
    struct fake_answer answer;
};

struct region {
    struct fake_transport *fake;
    struct region_member members[REGION_MAX];
    size_t count;
    size_t page_size;      /* of both listings; what the client asks for when smaller */
    bool is_last_unlisted; /* the listing misses the last member */
    size_t repeated;       /* so many of the first members are listed again at the end */
    struct region_result results[REGION_MAX];
    size_t result_count;
    struct region_report reports[REGION_MAX];
    size_t reported_count;
    size_t put_calls;
    size_t elb_calls;
    str refused_id; /* listed in FailedEvaluations, refusals_left times */
    int refusals_left;
    struct region_fault fault;
    size_t fault_calls; /* that the fault's match counted */
    size_t fault_hits;
    double rate; /* calls a second that AWS leaves to us, from an empty bucket of 5; 0: no limit */
    double tokens;
    int64_t tokens_at_ms;
    const char *scope; /* of every rule, as JSON; NULL: none */
    size_t throttled;
    int64_t took_ms;
};

static inline str region_param(struct region *region, str body, const char *name) {
    str wanted = str_format(&region->fake->arena, "%s=", name);
    for (str rest = body; rest.ptr != NULL;) {
        str pair = str_split(&rest, '&');
        if (str_starts_with(pair, wanted)) {
            return str_slice(pair, wanted.len, pair.len);
        }
    }
    return STR_EMPTY;
}

/* Percent-decoding of a whole form: fine while no value holds '&' or '='. */
static inline str region_decode(struct region *region, str body) {
    struct buf out;
    buf_init(&out, &region->fake->arena, body.len + 1);
    for (size_t i = 0; i < body.len; i++) {
        if (body.ptr[i] == '%') {
            char hex[3] = {body.ptr[i + 1], body.ptr[i + 2], '\0'};
            buf_append_char(&out, (char)strtoul(hex, NULL, 16));
            i += 2;
        } else {
            buf_append_char(&out, body.ptr[i]);
        }
    }
    return buf_str(&out);
}

static inline struct fake_answer region_ok(struct buf *body) {
    assert_int_equal(buf_status(body), STATUS_OK);
    return (struct fake_answer){.http_status = 200, .body = buf_str(body)};
}

static inline struct fake_answer region_refuse(const char *body) {
    return (struct fake_answer){.http_status = 400, .body = str_from_cstr(body)};
}

/* The ARN's last 16 hex digits are the index. NULL: there is no such load balancer. */
static inline struct region_member *region_find(struct region *region, str arn) {
    size_t start = arn.len < 16 ? 0 : arn.len - 16;
    char *hex = str_to_cstr(&region->fake->arena, str_slice(arn, start, arn.len));
    size_t i = strtoul(hex, NULL, 16);
    bool is_there = i < region->count && str_eq(region->members[i].arn, arn);
    return is_there && !region->members[i].is_gone ? &region->members[i] : NULL;
}

static inline size_t region_page_end(const struct region *region, size_t from, size_t total) {
    size_t size = region->page_size == 0 ? 400 : region->page_size;
    return from + size < total ? from + size : total;
}

static inline struct fake_answer region_list(struct region *region, str form) {
    struct buf out;
    buf_init(&out, &region->fake->arena, 1 << 22);
    int64_t from = 0;
    (void)str_parse_i64(region_param(region, form, "Marker"), &from);
    assert_str(region_param(region, form, "PageSize"), "400");
    size_t total = region->count + region->repeated - (region->is_last_unlisted ? 1 : 0);
    size_t end = region_page_end(region, (size_t)from, total);
    buf_printf(&out, "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers>");
    for (size_t i = (size_t)from; i < end; i++) {
        const struct region_member *member = &region->members[i % region->count];
        buf_printf(&out,
                   "<member><LoadBalancerArn>%" STR_FMT
                   "</LoadBalancerArn><LoadBalancerName>lb-%zu</LoadBalancerName>"
                   "<Scheme>%s</Scheme><Type>%s</Type></member>",
                   STR_ARG(member->arn), i % region->count,
                   member->is_exposed ? "internet-facing" : "internal", member->type);
    }
    buf_printf(&out, "</LoadBalancers>");
    if (end < total) {
        buf_printf(&out, "<NextMarker>%zu</NextMarker>", end);
    }
    buf_printf(&out, "</DescribeLoadBalancersResult></DescribeLoadBalancersResponse>");
    return region_ok(&out);
}

static inline struct fake_answer region_attributes(struct region *region, str form) {
    struct region_member *member =
        region_find(region, region_param(region, form, "LoadBalancerArn"));
    if (member == NULL) {
        return region_refuse(GONE);
    }
    bool is_stale = member->stale_reads > 0;
    const char *mode = is_stale ? member->stale_mode : member->mode;
    member->stale_reads -= is_stale ? 1 : 0;
    struct buf out;
    buf_init(&out, &region->fake->arena, 1 << 16);
    buf_append(&out, STR("<DescribeLoadBalancerAttributesResponse>"
                         "<DescribeLoadBalancerAttributesResult><Attributes>"));
    if (mode != NULL) {
        buf_printf(&out,
                   "<member><Key>routing.http.desync_mitigation_mode</Key><Value>%s</Value>"
                   "</member>",
                   mode);
    }
    buf_append(&out, member->drops_headers ? STR(DROPS("true")) : STR(""));
    if (member->writes_logs) {
        buf_append(&out,
                   STR("<member><Key>access_logs.s3.enabled</Key><Value>true</Value></member>"));
    }
    buf_append(&out, STR("</Attributes></DescribeLoadBalancerAttributesResult>"
                         "</DescribeLoadBalancerAttributesResponse>"));
    return region_ok(&out);
}

static inline struct fake_answer region_tags(struct region *region, str form) {
    struct buf out;
    buf_init(&out, &region->fake->arena, 1 << 20);
    buf_append(&out, STR("<DescribeTagsResponse><DescribeTagsResult><TagDescriptions>"));
    for (int i = 1; i <= 21; i++) {
        str key = str_format(&region->fake->arena, "ResourceArns.member.%d", i);
        str arn = region_param(region, form, key.ptr);
        if (str_is_empty(arn)) {
            break;
        }
        assert_int_not_equal(i, 21);
        const struct region_member *member = region_find(region, arn);
        if (member == NULL) {
            return region_refuse(GONE);
        }
        if (!member->is_tags_quiet) {
            buf_printf(&out,
                       "<member><ResourceArn>%" STR_FMT "</ResourceArn><Tags><member><Key>Owner"
                       "</Key><Value>team of %zu</Value></member>%s</Tags></member>",
                       STR_ARG(arn), (size_t)(member - region->members),
                       member->tags == NULL ? "" : member->tags);
        }
    }
    buf_append(&out, STR("</TagDescriptions></DescribeTagsResult></DescribeTagsResponse>"));
    return region_ok(&out);
}

static inline struct fake_answer region_results(struct region *region, const struct json *body) {
    struct buf out;
    buf_init(&out, &region->fake->arena, 1 << 22);
    int64_t from = 0;
    (void)str_parse_i64(json_get_string(body, "NextToken"), &from);
    size_t size = region->page_size == 0 ? 100 : region->page_size;
    size_t end = region->result_count;
    end = (size_t)from + size < end ? (size_t)from + size : end;
    buf_append(&out, STR("{\"EvaluationResults\":["));
    for (size_t i = (size_t)from; i < end; i++) {
        const struct region_result *result = &region->results[i];
        buf_printf(&out,
                   "%s{\"EvaluationResultIdentifier\":{\"EvaluationResultQualifier\":{"
                   "\"ConfigRuleName\":\"rule\",\"ResourceType\":\"%s\",\"ResourceId\":\"%" STR_FMT
                   "\"},\"OrderingTimestamp\":%lld.0},\"ComplianceType\":\"%s\"}",
                   i == (size_t)from ? "" : ",", result->type, STR_ARG(result->id),
                   (long long)result->ordering_s, result->compliance);
    }
    buf_append(&out, STR("]"));
    if (end < region->result_count) {
        buf_printf(&out, ",\"NextToken\":\"%zu\"", end);
    }
    buf_append(&out, STR("}"));
    return region_ok(&out);
}

static inline bool region_refuses(struct region *region, str id) {
    if (region->refusals_left == 0 || !str_eq(id, region->refused_id)) {
        return false;
    }
    region->refusals_left -= region->refusals_left > 0 ? 1 : 0;
    return true;
}

static inline struct fake_answer region_put(struct region *region, const struct json *body) {
    struct arena *arena = &region->fake->arena;
    struct buf out;
    buf_init(&out, arena, 1 << 16);
    buf_append(&out, STR("{\"FailedEvaluations\":["));
    const struct json *list = json_get(body, "Evaluations");
    assert_in_range(json_count(list), 1, CONFIG_EVALUATIONS_MAX);
    region->put_calls++;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        double ordering_s = 0;
        assert_true(json_number(json_get(item, "OrderingTimestamp"), &ordering_s));
        assert_true(region->reported_count < REGION_MAX);
        const struct region_report told = {
            .resource_type = str_copy(arena, json_get_string(item, "ComplianceResourceType")),
            .resource_id = str_copy(arena, json_get_string(item, "ComplianceResourceId")),
            .compliance = str_copy(arena, json_get_string(item, "ComplianceType")),
            .annotation = str_copy(arena, json_get_string(item, "Annotation")),
            .ordering_s = (int64_t)ordering_s,
            .call = region->put_calls,
            .elb_calls = region->elb_calls,
        };
        if (region_refuses(region, told.resource_id)) {
            buf_printf(&out, "{\"ComplianceResourceType\":\"%s\",\"ComplianceResourceId\":\"%s\"}",
                       told.resource_type.ptr, told.resource_id.ptr);
        } else {
            region->reports[region->reported_count++] = told;
        }
    }
    buf_append(&out, STR("]}"));
    return region_ok(&out);
}

static inline struct fake_answer region_elb(struct region *region, str body) {
    str form = region_decode(region, body);
    str action = region_param(region, form, "Action");
    if (str_eq(action, STR("DescribeLoadBalancers"))) {
        return region_list(region, form);
    }
    if (str_eq(action, STR("DescribeTags"))) {
        return region_tags(region, form);
    }
    assert_str(action, "DescribeLoadBalancerAttributes");
    return region_attributes(region, form);
}

static inline struct fake_answer region_rule(struct region *region, const struct json *body) {
    str name = json_string(json_first(json_get(body, "ConfigRuleNames")));
    struct buf out;
    buf_init(&out, &region->fake->arena, 1 << 12);
    buf_printf(&out, "{\"ConfigRules\":[{\"ConfigRuleName\":\"%" STR_FMT "\",\"Scope\":%s}]}",
               STR_ARG(name), region->scope == NULL ? "{}" : region->scope);
    return region_ok(&out);
}

static inline struct fake_answer region_config(struct region *region,
                                               const struct http_request *request) {
    const struct json *body = NULL;
    assert_int_equal(
        json_parse(&region->fake->arena, request->body, &JSON_LIMITS_DEFAULT, &body, NULL),
        STATUS_OK);
    if (fake_matches(region->fake, request, "StarlingDoveService.PutEvaluations")) {
        return region_put(region, body);
    }
    if (fake_matches(region->fake, request, "StarlingDoveService.DescribeConfigRules")) {
        return region_rule(region, body);
    }
    assert_true(fake_matches(region->fake, request,
                             "StarlingDoveService.GetComplianceDetailsByConfigRule"));
    return region_results(region, body);
}

/* AWS's bucket, that others drain too. */
static inline bool region_throttles(struct region *region) {
    if (region->rate <= 0) {
        return false;
    }
    int64_t now_ms = region->fake->now_ms;
    region->tokens += (double)(now_ms - region->tokens_at_ms) / 1000.0 * region->rate;
    region->tokens = region->tokens > 5 ? 5 : region->tokens;
    region->tokens_at_ms = now_ms;
    if (region->tokens < 1) {
        region->throttled++;
        return true;
    }
    region->tokens -= 1;
    return false;
}

static inline bool region_is_at_fault(struct region *region, const struct http_request *request) {
    struct region_fault *fault = &region->fault;
    if (fault->nth == 0 ||
        (fault->match != NULL && !fake_matches(region->fake, request, fault->match))) {
        return false;
    }
    region->fault_calls++;
    bool is_hit =
        fault->is_lasting ? region->fault_calls >= fault->nth : region->fault_calls == fault->nth;
    region->fault_hits += is_hit ? 1 : 0;
    return is_hit;
}

static inline struct fake_answer region_respond(void *context, const struct http_request *request) {
    struct region *region = context;
    bool is_elb = str_contains(request->url, STR("//elasticloadbalancing."));
    struct fake_answer answer;
    region->elb_calls += is_elb ? 1 : 0;
    if (region_is_at_fault(region, request)) {
        answer = region->fault.answer;
    } else if (is_elb && region_throttles(region)) {
        answer = region_refuse(TROUBLE_XML("Throttling"));
    } else {
        answer = is_elb ? region_elb(region, request->body) : region_config(region, request);
    }
    answer.took_ms = answer.took_ms == 0 ? region->took_ms : answer.took_ms;
    return answer;
}

static inline struct region_member *region_add(struct region *region, const char *type,
                                               const char *mode) {
    assert_true(region->count < REGION_MAX);
    struct region_member *member = &region->members[region->count];
    const char *kind = strcmp(type, "application") == 0 ? "app" : "net";
    *member = (struct region_member){
        .arn = str_format(&region->fake->arena, REGION_ARN "%s/lb-%zu/%016zx", kind, region->count,
                          region->count),
        .type = type,
        .mode = mode,
    };
    region->count++;
    return member;
}

static const char *const REGION_MODES[] = {"defensive", "monitor", "strictest"};

static inline void region_add_many(struct region *region, size_t count) {
    for (size_t i = 0; i < count; i++) {
        (void)region_add(region, "application", REGION_MODES[region->count % 3]);
    }
}

static inline str region_add_result(struct region *region, const char *type, str id,
                                    const char *compliance) {
    assert_true(region->result_count < REGION_MAX);
    region->results[region->result_count++] = (struct region_result){
        .type = type, .id = id, .compliance = compliance, .ordering_s = FAKE_NOW_MS / 1000 - 3600};
    return id;
}

/* Big: belongs into the fake's arena rather than on the stack. */
static inline struct region *region_begin(struct fake_transport *fake) {
    struct region *region = ARENA_NEW(&fake->arena, struct region);
    region->fake = fake;
    region->took_ms = 30;
    region->tokens_at_ms = fake->now_ms;
    fake->respond = region_respond;
    fake->respond_context = region;
    return region;
}

/* The last evaluation that Config got of a resource, or NULL. */
static inline const struct region_report *region_report_of(const struct region *region, str id) {
    const struct region_report *last = NULL;
    for (size_t i = 0; i < region->reported_count; i++) {
        if (str_eq(region->reports[i].resource_id, id)) {
            last = &region->reports[i];
        }
    }
    return last;
}

#endif
