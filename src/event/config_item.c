/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration items of AWS Config, in both dialects; and the verdicts that need no policy.
 *
 *   comes from                  configuration   supplementaryConfiguration
 *   a rule's invocation         object          object of lists of {"key","value"}
 *   GetResourceConfigHistory    JSON string     object of JSON strings of such lists
 *
 * Both are read alike: parse_embedded opens a string of JSON at every level. Items of before August
 * 2020 have no desync attribute at all; an attribute that is absent is unknown and never "monitor",
 * so that the mode is then read live.
 */
#include "aws/region.h"
#include "base/clock.h"
#include "event_internal.h"

/* Source: ConfigurationItemStatus, AWS Config API Reference. Config re-evaluates with items that
 * are days old, still as ResourceDiscovered: that word does not mean that the load balancer is
 * new. */
static const struct word ITEM_STATUSES[] = {{"OK", ITEM_PRESENT},
                                            {"ResourceDiscovered", ITEM_PRESENT},
                                            {"ResourceDeleted", ITEM_DELETED},
                                            {"ResourceDeletedNotRecorded", ITEM_DELETED},
                                            {"ResourceNotRecorded", ITEM_NOT_RECORDED},
                                            {NULL, ITEM_STATUS_UNKNOWN}};

/* Either of the two spellings under which the same member is sent by different doors. */
static const struct json *either_member(const struct json *object, const char *first,
                                        const char *second) {
    const struct json *value = json_get(object, first);
    return value != NULL && !json_is_null(value) ? value : json_get(object, second);
}

/* A list of {"key","value"} (or {"Key","Value"}): one pair. false when it is no such thing. */
static bool read_pair(const struct json *element, str *key, str *value) {
    const struct json *key_member = either_member(element, "key", "Key");
    const struct json *value_member = either_member(element, "value", "Value");
    if (!json_is_string(key_member) ||
        (value_member != NULL && !json_is_null(value_member) && !json_is_string(value_member))) {
        return false;
    }
    *key = json_string(key_member);
    *value = json_string(value_member);
    return true;
}

/* Attributes we judge by. A list with anything else in it, or with the same attribute twice, is not
 * believed.
 */
static void read_attributes(const struct json *list, struct arena *arena,
                            struct load_balancer *facts) {
    struct load_balancer read = *facts;
    int modes = 0;
    for (const struct json *element = json_first(list); element; element = json_next(element)) {
        str key;
        str value;
        if (!read_pair(parse_embedded(element, arena), &key, &value)) {
            return;
        }
        if (str_eq(key, STR(ATTRIBUTE_DESYNC_MODE))) {
            modes++;
            read.mode = mode_parse(value);
            read.mode_text = read.mode == MODE_UNKNOWN ? value : STR_EMPTY;
        } else if (str_eq(key, STR(ATTRIBUTE_DROP_INVALID_HEADERS))) {
            read.drops_invalid_headers = str_eq(value, STR("true"))    ? YES
                                         : str_eq(value, STR("false")) ? NO
                                                                       : UNKNOWN;
        }
    }
    if (modes <= 1) {
        *facts = read;
    }
}

/* Tags as a list of pairs, or as a map of strings. false (and facts untouched) when there is
 * anything else in it. */
static bool read_tags(const struct json *tags, struct arena *arena, struct load_balancer *facts) {
    if (!json_is_array(tags) && !json_is_object(tags)) {
        return false;
    }
    struct tag *list = ARENA_ARRAY(arena, struct tag, json_count(tags));
    size_t count = 0;
    for (const struct json *element = json_first(tags); element; element = json_next(element)) {
        struct tag *tag = &list[count++];
        if (json_is_object(tags) && (json_is_string(element) || json_is_null(element))) {
            *tag = (struct tag){json_key(element), json_string(element)};
        } else if (json_is_object(tags) ||
                   !read_pair(parse_embedded(element, arena), &tag->key, &tag->value)) {
            return false;
        }
    }
    facts->has_tags = true;
    facts->tags = list;
    facts->tag_count = count;
    return true;
}

/* supplementaryConfiguration.Tags is ELB's own list; the item's `tags` map is used where that is
 * absent or empty. Neither: the tags are unknown. */
static void read_item_tags(const struct json *item, const struct json *supplementary,
                           struct arena *arena, struct load_balancer *facts) {
    const struct json *list = parse_embedded(json_get(supplementary, "Tags"), arena);
    const struct json *map = parse_embedded(json_get(item, "tags"), arena);
    if (json_count(list) > 0 && !read_tags(list, arena, facts)) {
        return;
    }
    if (!facts->has_tags && !read_tags(map, arena, facts)) {
        /* An empty list counts only when there is no map to say otherwise. */
        facts->has_tags = map == NULL && json_is_array(list);
    }
}

/* The ARN's shape says the type too; where the two disagree, neither is believed. */
static void read_facts(const struct json *item, struct arena *arena, struct load_balancer *facts) {
    const struct json *configuration = parse_embedded(json_get(item, "configuration"), arena);
    const struct json *supplementary =
        parse_embedded(json_get(item, "supplementaryConfiguration"), arena);
    const struct json *attributes =
        either_member(supplementary, "LoadBalancerAttributes", "loadBalancerAttributes");
    str text = json_string(either_member(configuration, "type", "Type"));
    enum load_balancer_type type = load_balancer_type_parse(text);
    if (!str_is_empty(text)) {
        facts->type = facts->type == TYPE_UNKNOWN || facts->type == type ? type : TYPE_UNKNOWN;
    }
    facts->scheme =
        load_balancer_scheme_parse(json_string(either_member(configuration, "scheme", "Scheme")));
    read_attributes(parse_embedded(attributes, arena), arena, facts);
    read_item_tags(item, supplementary, arena, facts);
}

/* An ISO 8601 string, or epoch seconds as GetResourceConfigHistory has them. Nonsense is no reason
 * to leave a deleted resource red: it only makes a present one too old to be believed. */
static void read_capture_time(const struct json *item, struct config_item *item_out) {
    const struct json *member = json_get(item, "configurationItemCaptureTime");
    double seconds;
    if (json_number(member, &seconds) && seconds > 0 && seconds < 1e11) {
        item_out->capture_ms = (int64_t)(seconds * 1000.0);
        return;
    }
    bool is_absent = member == NULL || json_is_null(member);
    item_out->has_invalid_capture_time =
        !is_absent && !time_parse_iso8601(json_string(member), &item_out->capture_ms);
}

/* The ARN is the id of this resource type, and its shape says the kind of load balancer. Before it
 * is created a resource has a logical id, in a proactive evaluation. */
static enum status read_identity(const struct reader *reader, bool is_proactive,
                                 struct config_item *item) {
    struct load_balancer_arn arn;
    if (load_balancer_arn_parse(item->resource_id, &arn) == STATUS_OK && !arn.is_classic &&
        region_is_valid(arn.region) && str_starts_with(arn.partition, STR("aws"))) {
        item->facts.type = arn.type;
        item->facts.name = arn.name;
    } else if (!is_proactive) {
        return refuse_event(reader,
                            "resourceId %s is no ARN of an Elastic Load Balancing v2 load balancer",
                            quote(reader, item->resource_id, 200));
    }
    return STATUS_OK;
}

/* Parts of a type that AWS Config never sends, or spelt otherwise: the sender meant something we
 * would not read. What is inside them is facts, and nonsense there only leaves the facts unknown.
 */
static enum status check_parts(const struct reader *reader, const struct json *item) {
    static const char *const PARTS[] = {"configuration", "supplementaryConfiguration", "tags"};
    str account;
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        const struct json *part;
        TRY(read_member(reader, item, PARTS[i], &part));
        bool is_list = json_is_array(part) && str_eq(json_key(part), STR("tags"));
        if (part != NULL && !json_is_null(part) && !json_is_object(part) && !json_is_string(part) &&
            !is_list) {
            return refuse_event(reader, "%s must be an object or a string of JSON, found %s",
                                PARTS[i], json_type_name(part));
        }
    }
    TRY(read_text(reader, item, "awsAccountId", &account));
    return read_text(reader, item, "accountId", &account);
}

/* A deleted item holds null for its configuration and nothing for its tags, so that only its ARN
 * says what it was. That suffices: NOT_APPLICABLE is due for it whatever else is wrong, because
 * Config keeps the last result of a resource until somebody reports that. */
enum status read_config_item(const struct reader *reader, const struct json *item,
                             bool is_proactive, struct config_item *item_out) {
    struct load_balancer *facts = &item_out->facts;
    str status;
    *item_out = (struct config_item){.facts.source = SOURCE_EVENT};
    TRY(read_text(reader, item, "resourceType", &item_out->resource_type));
    TRY(read_text(reader, item, "resourceId", &item_out->resource_id));
    if (str_is_empty(item_out->resource_type) || str_is_empty(item_out->resource_id)) {
        return refuse_event(reader, "the configuration item has no %s",
                            str_is_empty(item_out->resource_id) ? "resourceId" : "resourceType");
    }
    facts->arn = item_out->resource_id;
    read_capture_time(item, item_out);
    if (!str_eq(item_out->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE))) {
        /* NOT_APPLICABLE whatever it looks like: AWS Config sends "global" as a Region, and arrays
         * or nothing as a configuration. */
        item_out->region = json_get_string(item, "awsRegion");
        item_out->status = (enum item_status)find_word(
            ITEM_STATUSES, json_get_string(item, "configurationItemStatus"));
        return STATUS_OK;
    }
    TRY(read_identity(reader, is_proactive, item_out));
    TRY(read_text(reader, item, "awsRegion", &item_out->region));
    TRY(read_text(reader, item, "configurationItemStatus", &status));
    item_out->status = (enum item_status)find_word(ITEM_STATUSES, status);
    /* Status and ARN may decide alone, whatever the rest of the item looks like. */
    if (item_out->status != ITEM_DELETED && item_out->status != ITEM_NOT_RECORDED &&
        facts->type != TYPE_NETWORK && facts->type != TYPE_GATEWAY) {
        TRY(check_parts(reader, item));
    }
    read_facts(item, reader->arena, facts);
    return STATUS_OK;
}

bool config_item_is_to_be_judged(const struct config_invocation *invocation,
                                 struct evaluation *evaluation_out) {
    const struct config_item *item = &invocation->item;
    bool is_unknown = false;
    str reason = STR_EMPTY;
    if (!str_eq(item->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE))) {
        reason = STR("not an Elastic Load Balancing v2 load balancer");
    } else if (invocation->has_left_scope) {
        reason = STR("no longer in the scope of the rule");
    } else if (item->status == ITEM_DELETED) {
        reason = STR("deleted");
    } else if (item->status == ITEM_NOT_RECORDED) {
        reason = STR("not recorded by AWS Config");
    } else if (item->facts.type == TYPE_NETWORK) {
        reason = STR("a network load balancer has no desync mode");
    } else if (item->facts.type == TYPE_GATEWAY) {
        reason = STR("a gateway load balancer has no desync mode");
    } else if (item->status == ITEM_STATUS_UNKNOWN) {
        is_unknown = true;
        reason = STR("the configuration item's status is not one we know");
    } else {
        return true;
    }
    evaluation_without_facts(evaluation_out, item->resource_type, item->resource_id,
                             is_unknown ? COMPLIANCE_UNKNOWN : NOT_APPLICABLE, reason);
    return false;
}
