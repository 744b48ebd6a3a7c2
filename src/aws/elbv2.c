/* SPDX-License-Identifier: Apache-2.0
 *
 * One load balancer: what is read of it, and how its attributes are changed.
 */
#include "base/ascii.h"
#include "elbv2_internal.h"

#define MODIFY               "ModifyLoadBalancerAttributes"
#define ARN_BYTES_MAX        5120 /* far above those of AWS: some 200 */
#define KEY_BYTES_MAX        256
#define VALUE_CHARACTERS_MAX 1024
/* All of them at their longest, four bytes a character, three a byte when encoded, with indexes. */
#define MODIFY_FORM_BYTES_MAX ((size_t)ELBV2_MODIFY_MAX * 16 * 1024)

/* ---- parsing ---- */

/* <Key> of a member, or false: a list whose members have no key is no list we know. */
static bool member_key(const struct xml *member, str *key_out) {
    *key_out = xml_child_text(member, "Key");
    return str_eq(member->name, STR("member")) && !str_is_empty(*key_out);
}

static enum tristate tristate_parse(str value) {
    enum tristate otherwise = str_eq(value, STR("false")) ? NO : UNKNOWN;
    return str_eq(value, STR("true")) ? YES : otherwise;
}

/* false: the answer holds the mode twice, and neither is to be believed. <Value/> gives an empty
 * text, which is no mode: the attribute then counts as not read. */
static void take_attribute(struct load_balancer *facts, str key, str value) {
    if (str_eq(key, STR(ATTRIBUTE_DESYNC_MODE))) {
        facts->mode = mode_parse(value);
        facts->mode_text = facts->mode == MODE_UNKNOWN ? value : STR_EMPTY;
    } else if (str_eq(key, STR(ATTRIBUTE_DROP_INVALID_HEADERS))) {
        facts->drops_invalid_headers = tristate_parse(value);
    } else if (str_eq(key, STR(ATTRIBUTE_ACCESS_LOGS))) {
        facts->writes_logs = tristate_parse(value);
    } else if (str_eq(key, STR(ATTRIBUTE_LOGS_BUCKET))) {
        facts->logs_bucket = value;
    }
}

/* An absent attribute stays unknown: AWS sends all of them, so its absence is no "default". */
static enum status parse_attribute_list(const struct xml *result, struct load_balancer *facts,
                                        struct arena *arena, struct error *error) {
    const struct xml *list = xml_child(result, "Attributes");
    if (list == NULL) {
        return error_set(error, arena, STATUS_INCOMPLETE, "the answer holds no <Attributes>");
    }
    bool has_mode = false;
    elbv2_fill(ELBV2_ATTRIBUTES, facts, NULL);
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        str key;
        if (!member_key(member, &key)) {
            return error_set(error, arena, STATUS_INCOMPLETE, "an attribute without a key");
        }
        bool is_mode = str_eq(key, STR(ATTRIBUTE_DESYNC_MODE));
        if (is_mode && has_mode) {
            return error_set(error, arena, STATUS_INCOMPLETE, "the desync mitigation mode twice");
        }
        has_mode = has_mode || is_mode;
        take_attribute(facts, key, xml_child_text(member, "Value"));
    }
    return STATUS_OK;
}

static enum status parse_attributes(void *context, struct arena *arena,
                                    const struct http_response *response, struct error *error) {
    const struct elbv2_readings *readings = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeLoadBalancerAttributes", &result, error));
    return parse_attribute_list(result, &readings->items[0], arena, error);
}

static enum status parse_tag_list(const struct xml *list, struct load_balancer *facts,
                                  struct arena *arena, struct error *error) {
    struct tag *tags = ARENA_ARRAY(arena, struct tag, xml_count(list));
    size_t count = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        if (!member_key(member, &tags[count].key)) {
            return error_set(error, arena, STATUS_INCOMPLETE, "a tag without a key");
        }
        tags[count++].value = xml_child_text(member, "Value");
    }
    facts->tags = tags;
    facts->tag_count = count;
    return STATUS_OK;
}

/* The <member> of a list whose child `name` is `arn`, or NULL. */
static const struct xml *find_member(const struct xml *list, const char *name, str arn) {
    const struct xml *member = xml_child(list, "member");
    while (member != NULL && !str_eq(xml_child_text(member, name), arn)) {
        member = xml_next_same(member);
    }
    return member;
}

/* AWS describes a load balancer without tags by an empty <Tags/>, and refuses an ARN it does not
 * know. So an answer that leaves one out does not speak of it, and reading it as "no tags" could
 * turn an excused load balancer into a non-compliant one: it is unreadable. */
static enum status parse_tags(void *context, struct arena *arena,
                              const struct http_response *response, struct error *error) {
    const struct elbv2_readings *readings = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeTags", &result, error));
    for (size_t i = 0; i < readings->count; i++) {
        struct load_balancer *facts = &readings->items[i];
        const struct xml *described =
            find_member(xml_child(result, "TagDescriptions"), "ResourceArn", facts->arn);
        const struct xml *list = xml_child(described, "Tags");
        if (list == NULL) {
            return error_set(error, arena, STATUS_INCOMPLETE,
                             "the answer holds no <Tags> of %" STR_FMT, STR_ARG(facts->arn));
        }
        TRY(parse_tag_list(list, facts, arena, error));
    }
    return STATUS_OK;
}

enum status elbv2_parse_load_balancer(const struct xml *member, struct arena *arena,
                                      struct load_balancer *facts, struct error *error) {
    str arn = xml_child_text(member, "LoadBalancerArn");
    str name = xml_child_text(member, "LoadBalancerName");
    str type = xml_child_text(member, "Type");
    if (str_is_empty(arn) || str_is_empty(name) || str_is_empty(type)) {
        return error_set(error, arena, STATUS_INCOMPLETE,
                         "the answer does not describe a load balancer");
    }
    facts->arn = arn;
    facts->name = name;
    facts->type = load_balancer_type_parse(type);
    facts->scheme = load_balancer_scheme_parse(xml_child_text(member, "Scheme"));
    return STATUS_OK;
}

static enum status parse_description(void *context, struct arena *arena,
                                     const struct http_response *response, struct error *error) {
    const struct elbv2_readings *readings = context;
    struct load_balancer *facts = &readings->items[0];
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeLoadBalancers", &result, error));
    const struct xml *described =
        find_member(xml_child(result, "LoadBalancers"), "LoadBalancerArn", facts->arn);
    return elbv2_parse_load_balancer(described, arena, facts, error);
}

/* ---- reading ---- */

void elbv2_fill(enum elbv2_part part, struct load_balancer *facts,
                const struct load_balancer *reading) {
    static const struct load_balancer unknown; /* every member is 0: not known */
    const struct load_balancer *from = reading != NULL ? reading : &unknown;
    if (part == ELBV2_ATTRIBUTES) {
        facts->mode = from->mode;
        facts->mode_text = from->mode_text;
        facts->drops_invalid_headers = from->drops_invalid_headers;
        facts->writes_logs = from->writes_logs;
        facts->logs_bucket = from->logs_bucket;
    } else if (part == ELBV2_TAGS) {
        facts->has_tags = reading != NULL;
        facts->tags = from->tags;
        facts->tag_count = from->tag_count;
    } else if (!str_is_empty(from->name)) {
        /* These cannot change in the life of an ARN: what was known before stays. */
        facts->name = from->name;
        facts->type = from->type;
        facts->scheme = from->scheme != SCHEME_UNKNOWN ? from->scheme : facts->scheme;
    }
}

/* Attributes are the one part that AWS describes for one load balancer a call: n load balancers
 * cost n/400 calls for the list, n/20 for tags and n for attributes, of which AWS allows 10 a
 * second. */
static const struct describe_call {
    enum elbv2_part part;
    const char *operation;
    const char *arn_key; /* of the first load balancer */
    aws_parse_fn *parse;
} CALLS[] = {
    {ELBV2_ATTRIBUTES, "DescribeLoadBalancerAttributes", "LoadBalancerArn", parse_attributes},
    {ELBV2_TAGS, "DescribeTags", "ResourceArns.member.1", parse_tags},
    {ELBV2_DESCRIPTION, "DescribeLoadBalancers", "LoadBalancerArns.member.1", parse_description},
};
enum { CALL_COUNT = sizeof CALLS / sizeof *CALLS };

/* DescribeTags alone takes more than one ARN here, so only its further members are named. */
struct aws_request elbv2_describe(enum elbv2_part part, struct elbv2_readings *readings,
                                  struct arena *arena) {
    const struct describe_call *row = CALLS;
    struct service_call call;
    size_t bytes_max = 256;
    for (size_t i = 0; i < readings->count; i++) {
        bytes_max += 3 * readings->items[i].arn.len + 64; /* encoded, and its key */
    }
    while (row->part != part) {
        row++;
    }
    service_call_begin(&call, arena, bytes_max,
                       &(struct aws_request){.service = AWS_ELBV2,
                                             .operation = row->operation,
                                             .pace = PACE_ELB_READ,
                                             .waits_out_throttling = true,
                                             .parse = row->parse,
                                             .context = readings});
    service_call_add(&call, row->arn_key, readings->items[0].arn);
    for (size_t i = 1; i < readings->count; i++) {
        str key = str_format(arena, "ResourceArns.member.%zu", i + 1);
        service_call_add(&call, key.ptr, readings->items[i].arn);
    }
    enum status status = service_call_end(&call, NULL);
    ASSERT(status == STATUS_OK);
    return call.request;
}

/* The query protocol drops "Exception" from the names of the API's model; either counts. */
bool elbv2_says_gone(const struct aws_outcome *outcome) {
    str code = outcome->error.aws_code;
    return outcome->status == STATUS_NOT_FOUND &&
           (str_eq(code, STR("LoadBalancerNotFound")) ||
            str_eq(code, STR("LoadBalancerNotFoundException")));
}

/* Another "not found" than that of a load balancer must not read as if it were gone. */
static enum status report_failure(struct aws_outcome *outcome, struct error *error) {
    if (outcome->status == STATUS_NOT_FOUND && !elbv2_says_gone(outcome)) {
        outcome->error.status = STATUS_REFUSED;
    }
    if (error != NULL) {
        *error = outcome->error;
    }
    return outcome->error.status;
}

/* "It does not exist" explains every other failure; otherwise the first one is reported. */
static enum status first_failure(struct aws_outcome *outcomes, size_t count, struct error *error) {
    struct aws_outcome *first = NULL;
    for (size_t i = 0; i < count; i++) {
        bool replaces = first == NULL ? outcomes[i].status != STATUS_OK
                                      : elbv2_says_gone(&outcomes[i]) && !elbv2_says_gone(first);
        first = replaces ? &outcomes[i] : first;
    }
    return first == NULL ? STATUS_OK : report_failure(first, error);
}

static bool is_arn(str arn) {
    return !str_is_empty(arn) && arn.len <= ARN_BYTES_MAX;
}

/* Attributes and tags that could not be read become unknown, even where they were known before:
 * facts of two moments must not be judged as one. */
enum status elbv2_read_load_balancer(struct aws_client *client, unsigned parts, struct arena *arena,
                                     struct load_balancer *facts, struct error *error) {
    struct load_balancer reading = {.arn = facts->arn};
    struct elbv2_readings readings = {&reading, 1};
    enum elbv2_part asked[CALL_COUNT];
    struct aws_request requests[CALL_COUNT];
    struct aws_outcome outcomes[CALL_COUNT] = {{.status = STATUS_OK}};
    size_t count = 0;
    if (!is_arn(facts->arn)) {
        return error_set(error, arena, STATUS_INVALID, "no load balancer ARN to read");
    }
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if ((parts & CALLS[i].part) != 0) {
            asked[count] = CALLS[i].part;
            requests[count++] = elbv2_describe(CALLS[i].part, &readings, arena);
        }
    }
    ASSERT(count > 0);
    enum status status = aws_call_all(client, requests, count, CALL_COUNT, arena, outcomes, error);
    for (size_t i = 0; i < count; i++) {
        bool is_read = status == STATUS_OK && outcomes[i].status == STATUS_OK;
        elbv2_fill(asked[i], facts, is_read ? &reading : NULL);
    }
    facts->source = SOURCE_LIVE;
    return status != STATUS_OK ? status : first_failure(outcomes, count, error);
}

/* ---- changing ---- */

static bool is_attribute(const struct elbv2_attribute *attribute) {
    str key = attribute->key;
    return key.len > 0 && key.len <= KEY_BYTES_MAX && ascii_is_made_of(key, STR("._")) &&
           str_utf8_valid_prefix(attribute->value) == attribute->value.len &&
           str_utf8_count(attribute->value) <= VALUE_CHARACTERS_MAX;
}

/* What is wrong with the change, or NULL. */
static const char *problem_of(str arn, const struct elbv2_attribute *attributes, size_t count) {
    if (!is_arn(arn)) {
        return "no load balancer ARN";
    }
    if (count < 1 || count > ELBV2_MODIFY_MAX) {
        return "a change is of 1 to 20 attributes";
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_attribute(&attributes[i])) {
            return "an attribute that no load balancer can have";
        }
        for (size_t j = 0; j < i; j++) {
            if (str_eq(attributes[i].key, attributes[j].key)) {
                return "the same attribute twice";
            }
        }
    }
    return NULL;
}

/* A 200 without the list of attributes does not say what the load balancer has now. */
static enum status parse_modified(void *context, struct arena *arena,
                                  const struct http_response *response, struct error *error) {
    const struct xml *result = NULL;
    TRY(query_result(arena, response, MODIFY, &result, error));
    return parse_attribute_list(result, context, arena, error);
}

/* Attributes that a request does not name keep their values. Sending all of them would undo what
 * another tool has set since they were read, and AWS takes 20 of the more than 20 there are. */
enum status elbv2_modify_attributes(struct aws_client *client, str arn,
                                    const struct elbv2_attribute *attributes, size_t count,
                                    struct arena *arena, struct load_balancer *facts,
                                    struct error *error) {
    const char *problem = problem_of(arn, attributes, count);
    if (problem != NULL) {
        return service_refuse(AWS_ELBV2, MODIFY, problem, arena, error);
    }
    struct load_balancer reading = {.arn = arn};
    struct aws_outcome outcome = {.status = STATUS_OK};
    struct service_call call;
    service_call_begin(&call, arena, MODIFY_FORM_BYTES_MAX,
                       &(struct aws_request){.service = AWS_ELBV2,
                                             .operation = MODIFY,
                                             .pace = PACE_ELB_WRITE,
                                             .is_sent_once = true,
                                             .parse = parse_modified,
                                             .context = &reading});
    service_call_add(&call, "LoadBalancerArn", arn);
    for (size_t i = 0; i < count; i++) {
        str member = str_format(arena, "Attributes.member.%zu", i + 1);
        service_call_add(&call, str_format(arena, "%s.Key", member.ptr).ptr, attributes[i].key);
        service_call_add(&call, str_format(arena, "%s.Value", member.ptr).ptr, attributes[i].value);
    }
    outcome.status = service_call_send(&call, client, &outcome.error);
    if (outcome.status != STATUS_OK) {
        return report_failure(&outcome, error);
    }
    elbv2_fill(ELBV2_ATTRIBUTES, facts, &reading);
    facts->source = SOURCE_LIVE;
    return STATUS_OK;
}
