/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "elbv2_internal.h"

static enum status refuse(struct arena *arena, struct error *error, const char *what) {
    return error_set(error, arena, STATUS_INCOMPLETE, "%s", what);
}

/* <Key> of a member, or false: a list whose members have no key is no list we know. */
static bool member_key(const struct xml *member, str *key_out) {
    *key_out = xml_child_text(member, "Key");
    return str_eq(member->name, STR("member")) && !str_is_empty(*key_out);
}

static enum tristate known_bool_parse(str value) {
    enum tristate otherwise = str_eq(value, STR("false")) ? NO : UNKNOWN;
    return str_eq(value, STR("true")) ? YES : otherwise;
}

/* false: the mode stands there twice, and neither is to be believed. */
static bool take_attribute(struct elbv2_reading *reading, str key, str value) {
    if (str_eq(key, STR(ATTRIBUTE_DESYNC_MODE))) {
        if (reading->mode != MODE_UNKNOWN || !str_is_empty(reading->mode_text)) {
            return false;
        }
        reading->mode = mode_parse(value);
        reading->mode_text = reading->mode == MODE_UNKNOWN ? value : STR_EMPTY;
    } else if (str_eq(key, STR(ATTRIBUTE_DROP_INVALID_HEADERS))) {
        reading->drops_invalid_headers = known_bool_parse(value);
    } else if (str_eq(key, STR(ATTRIBUTE_ACCESS_LOGS))) {
        reading->writes_logs = known_bool_parse(value);
    }
    return true;
}

/* An absent attribute stays unknown: AWS sends all of them, so its absence is no "default". */
enum status elbv2_parse_attribute_list(struct elbv2_reading *reading, struct arena *arena,
                                       const struct xml *result, struct error *error) {
    const struct xml *list = xml_child(result, "Attributes");
    if (list == NULL) {
        return refuse(arena, error, "the answer holds no <Attributes>");
    }
    reading->mode = MODE_UNKNOWN;
    reading->mode_text = STR_EMPTY;
    reading->drops_invalid_headers = UNKNOWN;
    reading->writes_logs = UNKNOWN;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        str key;
        if (!member_key(member, &key)) {
            return refuse(arena, error, "an attribute without a key");
        }
        if (!take_attribute(reading, key, xml_child_text(member, "Value"))) {
            return refuse(arena, error, "the desync mitigation mode twice");
        }
    }
    return STATUS_OK;
}

enum status elbv2_parse_attributes(void *context, struct arena *arena,
                                   const struct aws_response *response, struct error *error) {
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeLoadBalancerAttributes", &result, error));
    return elbv2_parse_attribute_list(context, arena, result, error);
}

enum status elbv2_parse_tag_list(struct elbv2_reading *reading, struct arena *arena,
                                 const struct xml *list, struct error *error) {
    size_t count = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        count++;
    }
    struct tag *tags = ARENA_ARRAY(arena, struct tag, count);
    size_t i = 0;
    for (const struct xml *member = list->first_child; member != NULL; member = member->next) {
        if (!member_key(member, &tags[i].key)) {
            return refuse(arena, error, "a tag without a key");
        }
        tags[i++].value = xml_child_text(member, "Value");
    }
    reading->tags = tags;
    reading->tag_count = count;
    return STATUS_OK;
}

/* The <member> of a list whose child `name` is our ARN, or NULL. */
const struct xml *elbv2_find_member(const struct xml *list, const char *name, str arn) {
    const struct xml *member = xml_child(list, "member");
    while (member != NULL && !str_eq(xml_child_text(member, name), arn)) {
        member = xml_next_same(member);
    }
    return member;
}

/* AWS describes a load balancer without tags by an empty <Tags/>, and refuses an ARN it does not
 * know. So an answer that leaves ours out does not speak of it, and reading it as "no tags" could
 * turn an excused load balancer into a non-compliant one: it is unreadable. */
static enum status parse_tags(void *context, struct arena *arena,
                              const struct aws_response *response, struct error *error) {
    struct elbv2_reading *reading = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeTags", &result, error));
    const struct xml *ours =
        elbv2_find_member(xml_child(result, "TagDescriptions"), "ResourceArn", reading->arn);
    const struct xml *list = xml_child(ours, "Tags");
    if (list == NULL) {
        return refuse(arena, error, "the answer holds no <Tags> of this load balancer");
    }
    return elbv2_parse_tag_list(reading, arena, list, error);
}

/* `reading` is left alone unless all is there: the caller may try again with it. */
enum status elbv2_parse_load_balancer(const struct xml *member, struct arena *arena,
                                      struct elbv2_reading *reading, struct error *error) {
    str arn = xml_child_text(member, "LoadBalancerArn");
    str name = xml_child_text(member, "LoadBalancerName");
    str type = xml_child_text(member, "Type");
    if (str_is_empty(arn) || str_is_empty(name) || str_is_empty(type)) {
        return refuse(arena, error, "the answer does not describe a load balancer");
    }
    reading->arn = arn;
    reading->name = name;
    reading->type = load_balancer_type_parse(type);
    reading->scheme = load_balancer_scheme_parse(xml_child_text(member, "Scheme"));
    return STATUS_OK;
}

static enum status parse_description(void *context, struct arena *arena,
                                     const struct aws_response *response, struct error *error) {
    struct elbv2_reading *reading = context;
    const struct xml *result = NULL;
    TRY(query_result(arena, response, "DescribeLoadBalancers", &result, error));
    const struct xml *ours =
        elbv2_find_member(xml_child(result, "LoadBalancers"), "LoadBalancerArn", reading->arn);
    return elbv2_parse_load_balancer(ours, arena, reading, error);
}

void elbv2_fill_attributes(struct load_balancer *facts, const struct elbv2_reading *reading,
                           bool is_read) {
    facts->mode = is_read ? reading->mode : MODE_UNKNOWN;
    facts->mode_text = is_read ? reading->mode_text : STR_EMPTY;
    facts->drops_invalid_headers = is_read ? reading->drops_invalid_headers : UNKNOWN;
    facts->writes_logs = is_read ? reading->writes_logs : UNKNOWN;
}

void elbv2_fill_tags(struct load_balancer *facts, const struct elbv2_reading *reading,
                     bool is_read) {
    facts->has_tags = is_read;
    facts->tags = is_read ? reading->tags : NULL;
    facts->tag_count = is_read ? reading->tag_count : 0;
}

/* Type, scheme and name cannot change in the life of an ARN, so what is known of them stays. */
static void fill_description(struct load_balancer *facts, const struct elbv2_reading *reading,
                             bool is_read) {
    if (is_read && !str_is_empty(reading->name)) {
        facts->name = reading->name;
        facts->type = reading->type;
        facts->scheme = reading->scheme != SCHEME_UNKNOWN ? reading->scheme : facts->scheme;
    }
}

static const struct describe_call {
    enum elbv2_part part;
    const char *operation;
    const char *arn_key;
    elbv2_parse_fn *parse;
    /* Into the facts: what was read, or that it is unknown. */
    void (*fill)(struct load_balancer *, const struct elbv2_reading *, bool is_read);
} CALLS[] = {
    {ELBV2_ATTRIBUTES, "DescribeLoadBalancerAttributes", "LoadBalancerArn", elbv2_parse_attributes,
     elbv2_fill_attributes},
    {ELBV2_TAGS, "DescribeTags", "ResourceArns.member.1", parse_tags, elbv2_fill_tags},
    {ELBV2_DESCRIPTION, "DescribeLoadBalancers", "LoadBalancerArns.member.1", parse_description,
     fill_description},
};
enum { CALL_COUNT = sizeof CALLS / sizeof *CALLS };

struct aws_request elbv2_request(const char *operation, str body, elbv2_parse_fn *parse,
                                 void *context) {
    return (struct aws_request){
        .service = AWS_ELBV2,
        .operation = operation,
        .method = STR("POST"),
        .path = STR("/"),
        .headers = &AWS_FORM_HEADER,
        .header_count = 1,
        .body = body,
        .pace = PACE_ELB_READ,
        .parse = parse,
        .context = context,
    };
}

static struct aws_request describe_request(const struct describe_call *call,
                                           struct elbv2_reading *reading, struct arena *arena) {
    struct buf body;
    struct aws_form form;
    buf_init(&body, arena, ELBV2_FORM_BYTES_MAX);
    aws_form_begin(&form, &body, call->operation, ELBV2_VERSION);
    aws_form_add(&form, str_from_cstr(call->arn_key), reading->arn);
    return elbv2_request(call->operation, buf_str(&body), call->parse, reading);
}

bool elbv2_says_gone(const struct aws_outcome *outcome) {
    str code = outcome->error.aws_code;
    return outcome->status == STATUS_NOT_FOUND &&
           (str_eq(code, STR("LoadBalancerNotFound")) ||
            str_eq(code, STR("LoadBalancerNotFoundException")));
}

/* "It does not exist" explains every other failure; otherwise the first one is told. Another "not
 * found" than that of a load balancer must not read as if it were gone. */
static enum status first_failure(struct aws_outcome *outcomes, size_t count, struct error *error) {
    struct aws_outcome *first = NULL;
    for (size_t i = 0; i < count; i++) {
        bool replaces = first == NULL ? outcomes[i].status != STATUS_OK
                                      : elbv2_says_gone(&outcomes[i]) && !elbv2_says_gone(first);
        first = replaces ? &outcomes[i] : first;
    }
    if (first == NULL) {
        return STATUS_OK;
    }
    if (first->status == STATUS_NOT_FOUND && !elbv2_says_gone(first)) {
        first->error.status = STATUS_REFUSED;
    }
    if (error != NULL) {
        *error = first->error;
    }
    return first->error.status;
}

enum status elbv2_read_load_balancer(struct aws_client *client, unsigned parts, struct arena *arena,
                                     struct load_balancer *facts, struct error *error) {
    struct elbv2_reading reading = {.arn = facts->arn};
    const struct describe_call *calls[CALL_COUNT];
    struct aws_request requests[CALL_COUNT];
    struct aws_outcome outcomes[CALL_COUNT] = {{.status = STATUS_OK}};
    size_t count = 0;
    if (str_is_empty(facts->arn) || facts->arn.len > ELBV2_FORM_BYTES_MAX / 4) {
        return error_set(error, arena, STATUS_INVALID, "no load balancer ARN to read");
    }
    for (size_t i = 0; i < CALL_COUNT; i++) {
        if ((parts & CALLS[i].part) != 0) {
            requests[count] = describe_request(&CALLS[i], &reading, arena);
            calls[count++] = &CALLS[i];
        }
    }
    ASSERT(count > 0);
    enum status status = aws_call_all(client, requests, count, CALL_COUNT, arena, outcomes, error);
    for (size_t i = 0; i < count; i++) {
        bool is_read = status == STATUS_OK && outcomes[i].status == STATUS_OK;
        calls[i]->fill(facts, &reading, is_read);
    }
    facts->source = SOURCE_LIVE;
    return status != STATUS_OK ? status : first_failure(outcomes, count, error);
}
