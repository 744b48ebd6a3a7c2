/* SPDX-License-Identifier: Apache-2.0
 *
 * Elastic Load Balancing calls as CloudTrail records them and EventBridge delivers them. What is
 * not ours to act on is recognised and says why; only what cannot be understood is an error.
 * Source: "Logging API calls for Elastic Load Balancing using AWS CloudTrail", ELB User Guide.
 */
#include <stdlib.h>

#include "aws/region.h"
#include "base/clock.h"
#include "event_internal.h"

#define EVENT_SOURCE   "elasticloadbalancing.amazonaws.com"
#define API_VERSION_V2 "2015-12-01"

static const struct {
    const char *name;
    enum elb_call_kind kind;
} EVENTS[] = {
    {"CreateLoadBalancer", ELB_CREATE},
    {"ModifyLoadBalancerAttributes", ELB_MODIFY},
    {"AddTags", ELB_TAGS},
    {"RemoveTags", ELB_TAGS},
    {"DeleteLoadBalancer", ELB_DELETE},
};

static bool find_kind(str name, enum elb_call_kind *kind) {
    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
        if (str_eq(name, str_from_cstr(EVENTS[i].name))) {
            *kind = EVENTS[i].kind;
            return true;
        }
    }
    return false;
}

/* The version is missing in some records, so the shape has a say: Classic names load balancers, v2
 * has ARNs. */
static bool is_classic(const struct json *detail) {
    str version = json_get_string(detail, "apiVersion");
    if (!str_is_empty(version)) {
        return !str_eq(version, STR(API_VERSION_V2));
    }
    const struct json *request = json_get(detail, "requestParameters");
    return json_get(request, "loadBalancerName") != NULL ||
           json_get(request, "loadBalancerNames") != NULL;
}

/* Why the call is none of ours; empty when it is. */
static str reason_to_ignore(const struct json *detail, struct arena *arena,
                            enum elb_call_kind *kind) {
    str name = json_get_string(detail, "eventName");
    str error_code = json_get_string(detail, "errorCode");
    if (!find_kind(name, kind)) {
        return str_format(arena, "%" STR_FMT " changes neither mode nor tags",
                          STR_ARG(str_utf8_prefix(name, 64)));
    }
    if (is_classic(detail)) {
        return STR("it is about a Classic Load Balancer");
    }
    if (!str_is_empty(error_code)) {
        return str_format(arena, "the call failed (%" STR_FMT ")",
                          STR_ARG(str_utf8_prefix(error_code, 64)));
    }
    return STR_EMPTY;
}

/* Absent is fine. */
static bool is_or_empty(str given, str expected) {
    return str_is_empty(given) || str_eq(given, expected);
}

/* Keeps ARNs of Application Load Balancers: tags are written to target groups, listeners and rules
 * by the same call, and to load balancers of other types. One of another account or Region would be
 * looked for in the wrong place, and seem to be gone. */
static void add_arn(struct elb_call *call, str arn) {
    struct load_balancer_arn parts;
    if (load_balancer_arn_parse(arn, &parts) != STATUS_OK || parts.type != TYPE_APPLICATION ||
        !is_or_empty(call->account_id, parts.account_id) ||
        !is_or_empty(call->region, parts.region)) {
        call->others[call->other_count++] = arn;
        return;
    }
    call->arns[call->arn_count++] = arn;
}

struct placed_arn {
    str arn;
    size_t place; /* in the event */
};

static int by_arn_and_place(const void *left, const void *right) {
    const struct placed_arn *a = left;
    const struct placed_arn *b = right;
    int order = str_compare(a->arn, b->arn);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Leaves each ARN where it came first. An event can name tens of thousands, so they are sorted
 * rather than compared each with each. */
static void drop_repeated_arns(struct arena *arena, struct elb_call *call) {
    struct placed_arn *sorted = ARENA_ARRAY(arena, struct placed_arn, call->arn_count);
    for (size_t i = 0; i < call->arn_count; i++) {
        sorted[i] = (struct placed_arn){call->arns[i], i};
    }
    qsort(sorted, call->arn_count, sizeof sorted[0], by_arn_and_place);
    for (size_t i = 1; i < call->arn_count; i++) {
        if (str_eq(sorted[i].arn, sorted[i - 1].arn)) {
            call->arns[sorted[i].place] = STR_EMPTY;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < call->arn_count; i++) {
        if (!str_is_empty(call->arns[i])) {
            call->arns[kept++] = call->arns[i];
        }
    }
    call->arn_count = kept;
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
    if (call->arn_count > 1) {
        drop_repeated_arns(arena, call);
    }
}

/* Not what the answer says: that names every attribute, those that were left alone, too. */
static enum desync_mode mode_asked_for(const struct json *detail) {
    enum desync_mode mode = MODE_UNKNOWN;
    const struct json *attributes = json_get(json_get(detail, "requestParameters"), "attributes");
    for (const struct json *each = json_first(attributes); each; each = json_next(each)) {
        if (str_eq(json_get_string(each, "key"), STR(ATTRIBUTE_DESYNC_MODE))) {
            mode = mode_parse(json_get_string(each, "value"));
        }
    }
    return mode;
}

/* The durable role of an assumed one, whoever it is otherwise. */
static void read_caller(const struct json *detail, struct writer *caller) {
    const struct json *identity = json_get(detail, "userIdentity");
    str role =
        json_get_string(json_get(json_get(identity, "sessionContext"), "sessionIssuer"), "arn");
    caller->arn = str_is_empty(role) ? json_get_string(identity, "arn") : role;
    caller->invoked_by = json_get_string(identity, "invokedBy");
    caller->user_agent = json_get_string(detail, "userAgent");
}

static enum status read_time(const struct json *detail, struct arena *arena, int64_t *ms_out,
                             struct error *error) {
    str text = json_get_string(detail, "eventTime");
    if (time_parse_iso8601(text, ms_out)) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_INVALID,
                     "detail.eventTime \"%" STR_FMT "\" is no ISO 8601 time",
                     STR_ARG(str_utf8_prefix(text, 64)));
}

static enum status read_region(const struct json *event, const struct json *detail,
                               struct arena *arena, str *region_out, struct error *error) {
    str region = json_get_string(detail, "awsRegion");
    *region_out = str_is_empty(region) ? json_get_string(event, "region") : region;
    if (str_is_empty(*region_out) || region_is_valid(*region_out)) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_INVALID,
                     "the event names the region \"%" STR_FMT "\", which is no AWS Region",
                     STR_ARG(str_utf8_prefix(*region_out, 64)));
}

bool is_elb_event(const struct json *event) {
    return str_eq(json_get_string(event, "detail-type"), STR("AWS API Call via CloudTrail"));
}

enum status decode_elb_event(const struct json *event, struct arena *arena, struct elb_call *call,
                             struct error *error) {
    const struct json *detail = json_get(event, "detail");
    if (!str_eq(json_get_string(detail, "eventSource"), STR(EVENT_SOURCE))) {
        return error_set(error, arena, STATUS_INVALID,
                         "a CloudTrail event of \"%" STR_FMT "\"; accepted: " EVENT_SOURCE,
                         STR_ARG(str_utf8_prefix(json_get_string(detail, "eventSource"), 64)));
    }
    call->event_name = json_get_string(detail, "eventName");
    call->event_id = json_get_string(detail, "eventID");
    str account = json_get_string(detail, "recipientAccountId");
    call->account_id = str_is_empty(account) ? json_get_string(event, "account") : account;
    call->ignored_because = reason_to_ignore(detail, arena, &call->kind);
    TRY(read_region(event, detail, arena, &call->region, error));
    if (!str_is_empty(call->ignored_because)) {
        return STATUS_OK;
    }
    TRY(read_time(detail, arena, &call->event_ms, error));
    read_caller(detail, &call->caller);
    call->mode = call->kind == ELB_MODIFY ? mode_asked_for(detail) : MODE_UNKNOWN;
    collect_arns(detail, arena, call);
    if (call->arn_count == 0) {
        call->ignored_because =
            STR("it names no Application Load Balancer of its account and Region");
    }
    return STATUS_OK;
}
