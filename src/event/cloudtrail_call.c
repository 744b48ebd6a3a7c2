/* SPDX-License-Identifier: Apache-2.0
 *
 * Elastic Load Balancing calls as CloudTrail records them and EventBridge delivers them. What is
 * not ours to act on is recognised, with the reason; only what cannot be understood is an error.
 * Source: "Logging API calls for Elastic Load Balancing using AWS CloudTrail", ELB User Guide.
 *
 *   eventName                        where the ARNs are                        kind
 *   CreateLoadBalancer               responseElements.loadBalancers[]          ELB_CREATE
 *   ModifyLoadBalancerAttributes     requestParameters.loadBalancerArn         ELB_MODIFY
 *   AddTags, RemoveTags              requestParameters.resourceArns[]          ELB_TAGS
 *   DeleteLoadBalancer               requestParameters.loadBalancerArn         ELB_DELETE
 *
 * Classic Load Balancers have the same eventSource and names. Delivery is best effort, may be late,
 * doubled or out of order, so an event is a hint to look and never a fact to judge by.
 */
#include "aws/region.h"
#include "base/clock.h"
#include "event_internal.h"

#define EVENT_SOURCE   "elasticloadbalancing.amazonaws.com"
#define API_VERSION_V2 "2015-12-01"

static const struct word EVENTS[] = {{"CreateLoadBalancer", ELB_CREATE},
                                     {"ModifyLoadBalancerAttributes", ELB_MODIFY},
                                     {"AddTags", ELB_TAGS},
                                     {"RemoveTags", ELB_TAGS},
                                     {"DeleteLoadBalancer", ELB_DELETE},
                                     {NULL, -1}};

/* The version is missing in some records, so the shape has a say: Classic names load balancers, v2
 * has ARNs. A record of 2016 that CloudFormation caused has none. */
static bool is_classic(const struct json *detail) {
    str version = json_get_string(detail, "apiVersion");
    const struct json *request = json_get(detail, "requestParameters");
    return str_is_empty(version) ? json_get(request, "loadBalancerName") != NULL ||
                                       json_get(request, "loadBalancerNames") != NULL
                                 : !str_eq(version, STR(API_VERSION_V2));
}

/* Why the call is none of ours; empty when it is. CloudTrail delivers failed calls as well, with an
 * errorCode. */
static str reason_to_ignore(const struct json *detail, struct arena *arena,
                            enum elb_call_kind *kind) {
    str name = json_get_string(detail, "eventName");
    str error_code = json_get_string(detail, "errorCode");
    int found = find_word(EVENTS, name);
    if (found < 0) {
        return str_format(arena, "%" STR_FMT " changes neither mode nor tags",
                          STR_ARG(str_utf8_prefix(name, 64)));
    }
    *kind = (enum elb_call_kind)found;
    if (is_classic(detail)) {
        return STR("it is about a Classic Load Balancer");
    }
    return str_is_empty(error_code) ? STR_EMPTY
                                    : str_format(arena, "the call failed (%" STR_FMT ")",
                                                 STR_ARG(str_utf8_prefix(error_code, 64)));
}

/* Keeps ARNs of Application Load Balancers: tags are written to target groups, listeners and rules
 * by the same call, and to load balancers of other types. One of another account or Region would be
 * looked for in the wrong place, and seem to be gone. */
static void add_arn(struct elb_call *call, str arn) {
    struct load_balancer_arn parts;
    if (load_balancer_arn_parse(arn, &parts) != STATUS_OK || parts.type != TYPE_APPLICATION ||
        (!str_is_empty(call->account_id) && !str_eq(call->account_id, parts.account_id)) ||
        (!str_is_empty(call->region) && !str_eq(call->region, parts.region))) {
        call->others[call->other_count++] = arn;
        return;
    }
    call->arns[call->arn_count++] = arn;
}

static void collect_arns(const struct json *detail, struct arena *arena, struct elb_call *call) {
    const struct json *request = json_get(detail, "requestParameters");
    const struct json *created = json_get(json_get(detail, "responseElements"), "loadBalancers");
    const struct json *tagged = json_get(request, "resourceArns");
    size_t most = json_count(created) + json_count(tagged) + 1;
    call->arns = ARENA_ARRAY(arena, str, most);
    call->others = ARENA_ARRAY(arena, str, most);
    if (call->kind == ELB_CREATE) {
        for (const struct json *each = json_first(created); each; each = json_next(each)) {
            add_arn(call, json_get_string(each, "loadBalancerArn"));
            call->scheme = load_balancer_scheme_parse(json_get_string(each, "scheme"));
        }
    } else if (call->kind == ELB_TAGS) {
        for (const struct json *each = json_first(tagged); each; each = json_next(each)) {
            add_arn(call, json_string(each));
        }
    } else {
        add_arn(call, json_get_string(request, "loadBalancerArn"));
    }
    call->arn_count = str_sort_distinct(call->arns, call->arn_count);
}

/* Not from the response: that names every attribute, unchanged ones too. A console edit sends all
 * attributes, and the record does not say which one was edited: a mode that is named here need not
 * be a change. Callers compare it with the mode before. */
static enum desync_mode read_requested_mode(const struct json *detail) {
    enum desync_mode mode = MODE_UNKNOWN;
    const struct json *attributes = json_get(json_get(detail, "requestParameters"), "attributes");
    for (const struct json *each = json_first(attributes); each; each = json_next(each)) {
        if (str_eq(json_get_string(each, "key"), STR(ATTRIBUTE_DESYNC_MODE))) {
            mode = mode_parse(json_get_string(each, "value"));
        }
    }
    return mode;
}

bool is_cloudtrail_call(const struct json *event) {
    return str_eq(json_get_string(event, "detail-type"), STR("AWS API Call via CloudTrail"));
}

enum status read_cloudtrail_call(const struct reader *reader, const struct json *event,
                                 struct elb_call *call) {
    const struct json *detail = json_get(event, "detail");
    const struct json *identity = json_get(detail, "userIdentity");
    str source = json_get_string(detail, "eventSource");
    str time = json_get_string(detail, "eventTime");
    str region = json_get_string(detail, "awsRegion");
    str account = json_get_string(detail, "recipientAccountId");
    if (!str_eq(source, STR(EVENT_SOURCE))) {
        return refuse_event(reader, "a CloudTrail event of %s; accepted: " EVENT_SOURCE,
                            quote(reader, source, 64));
    }
    call->event_name = json_get_string(detail, "eventName");
    call->event_id = json_get_string(detail, "eventID");
    call->account_id = str_is_empty(account) ? json_get_string(event, "account") : account;
    call->region = str_is_empty(region) ? json_get_string(event, "region") : region;
    call->ignored_because = reason_to_ignore(detail, reader->arena, &call->kind);
    TRY(check_region(reader, "the event", call->region));
    if (!str_is_empty(call->ignored_because)) {
        return STATUS_OK;
    }
    if (!time_parse_iso8601(time, &call->event_ms)) {
        return refuse_event(reader, "detail.eventTime %s is no ISO 8601 time",
                            quote(reader, time, 64));
    }
    /* The durable role behind an assumed one, else the identity itself. */
    str role =
        json_get_string(json_get(json_get(identity, "sessionContext"), "sessionIssuer"), "arn");
    call->caller =
        (struct writer){.arn = str_is_empty(role) ? json_get_string(identity, "arn") : role,
                        .invoked_by = json_get_string(identity, "invokedBy"),
                        .user_agent = json_get_string(detail, "userAgent")};
    call->mode = call->kind == ELB_MODIFY ? read_requested_mode(detail) : MODE_UNKNOWN;
    collect_arns(detail, reader->arena, call);
    if (call->arn_count == 0) {
        call->ignored_because =
            STR("it names no Application Load Balancer of its account and Region");
    }
    return STATUS_OK;
}
