/* SPDX-License-Identifier: Apache-2.0 */
#include "app_internal.h"

/* Source: ConfigurationItemStatus, AWS Config API Reference. */
static const struct {
    const char *text;
    enum item_status status;
} ITEM_STATUSES[] = {
    {"OK", ITEM_PRESENT},
    {"ResourceDiscovered", ITEM_PRESENT},
    {"ResourceDeleted", ITEM_DELETED},
    {"ResourceDeletedNotRecorded", ITEM_DELETED},
    {"ResourceNotRecorded", ITEM_NOT_RECORDED},
};

static enum item_status item_status_parse(str text) {
    for (size_t i = 0; i < sizeof ITEM_STATUSES / sizeof *ITEM_STATUSES; i++) {
        if (str_eq(text, str_from_cstr(ITEM_STATUSES[i].text))) {
            return ITEM_STATUSES[i].status;
        }
    }
    return ITEM_STATUS_UNKNOWN;
}

/* Either of the two spellings under which the same member is sent by different doors. */
static const struct json *either_member(const struct json *object,
                                        const char *first,
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

/* Attributes we judge by. A list with junk in it, or with the same attribute twice, tells nothing.
 */
static void read_attributes(const struct json *list, struct load_balancer *facts) {
    struct load_balancer read = *facts;
    int modes = 0;
    for (const struct json *element = json_first(list); element; element = json_next(element)) {
        str key;
        str value;
        if (!read_pair(element, &key, &value)) {
            return;
        }
        if (str_eq(key, STR(ATTRIBUTE_DESYNC_MODE))) {
            modes++;
            read.mode = mode_parse(value);
            read.mode_text = read.mode == MODE_UNKNOWN ? value : STR_EMPTY;
        } else if (str_eq(key, STR(ATTRIBUTE_DROP_INVALID_HEADERS))) {
            read.drops_invalid_headers = str_eq(value, STR("true"))    ? KNOWN_TRUE
                                         : str_eq(value, STR("false")) ? KNOWN_FALSE
                                                                       : KNOWN_NOT;
        }
    }
    if (modes <= 1) {
        *facts = read;
    }
}

/* Tags as a list of pairs, or as a map of strings. false (and facts untouched) when there is junk
 * in it. */
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
        } else if (json_is_object(tags) || !read_pair(element, &tag->key, &tag->value)) {
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
static void read_item_tags(const struct json *item,
                           const struct json *supplementary,
                           struct arena *arena,
                           struct load_balancer *facts) {
    const struct json *list = decode_embedded(json_get(supplementary, "Tags"), arena);
    const struct json *map = decode_embedded(json_get(item, "tags"), arena);
    if (json_count(list) > 0 && !read_tags(list, arena, facts)) {
        return;
    }
    if (!facts->has_tags && !read_tags(map, arena, facts)) {
        /* An empty list counts only when there is no map to say otherwise. */
        facts->has_tags = map == NULL && json_is_array(list);
    }
}

static void read_configuration(const struct json *configuration, struct load_balancer *facts) {
    str type = json_string(either_member(configuration, "type", "Type"));
    if (!str_is_empty(type)) {
        facts->type = load_balancer_type_parse(type);
    }
    facts->scheme =
        load_balancer_scheme_parse(json_string(either_member(configuration, "scheme", "Scheme")));
}

static void read_facts(const struct json *item, struct arena *arena, struct load_balancer *facts) {
    read_configuration(decode_embedded(json_get(item, "configuration"), arena), facts);
    const struct json *supplementary =
        decode_embedded(json_get(item, "supplementaryConfiguration"), arena);
    read_attributes(decode_embedded(json_get(supplementary, "LoadBalancerAttributes"), arena),
                    facts);
    read_item_tags(item, supplementary, arena, facts);
}

/* An ISO 8601 string, or epoch seconds as GetResourceConfigHistory has them. */
static enum status read_capture_time(const struct json *item,
                                     struct arena *arena,
                                     int64_t *ms_out,
                                     struct error *error) {
    const struct json *member;
    TRY(decode_member(item, "configurationItemCaptureTime", arena, &member, error));
    *ms_out = 0;
    double seconds;
    if (member == NULL || json_is_null(member)) {
        return STATUS_OK;
    }
    if (json_number(member, &seconds) && seconds > 0 && seconds < 1e11) {
        *ms_out = (int64_t)(seconds * 1000.0);
        return STATUS_OK;
    }
    if (time_parse_iso8601(json_string(member), ms_out)) {
        return STATUS_OK;
    }
    return error_set(error,
                     arena,
                     STATUS_INVALID,
                     "configurationItemCaptureTime is no ISO 8601 time: \"%" STR_FMT "\"",
                     STR_ARG(str_utf8_prefix(json_string(member), 64)));
}

/* The ARN is the id of this resource type; its shape tells the kind of load balancer. */
static enum status read_identity(struct config_item *item,
                                 struct arena *arena,
                                 struct error *error) {
    item->facts.arn = item->resource_id;
    if (!str_eq(item->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE))) {
        return STATUS_OK;
    }
    struct load_balancer_arn arn;
    if (load_balancer_arn_parse(item->resource_id, &arn) != STATUS_OK || arn.is_classic) {
        return error_set(error,
                         arena,
                         STATUS_INVALID,
                         "resourceId \"%" STR_FMT
                         "\" is no ARN of an Elastic Load Balancing v2 load balancer",
                         STR_ARG(str_utf8_prefix(item->resource_id, 200)));
    }
    item->facts.type = arn.type;
    item->facts.name = arn.name;
    return STATUS_OK;
}

enum status decode_config_item(const struct json *item,
                               struct arena *arena,
                               struct config_item *item_out,
                               struct error *error) {
    *item_out = (struct config_item){0};
    TRY(decode_string_member(item, "resourceType", arena, &item_out->resource_type, error));
    TRY(decode_string_member(item, "resourceId", arena, &item_out->resource_id, error));
    if (str_is_empty(item_out->resource_type) || str_is_empty(item_out->resource_id)) {
        return error_set(error,
                         arena,
                         STATUS_INVALID,
                         "the configuration item has no %s",
                         str_is_empty(item_out->resource_id) ? "resourceId" : "resourceType");
    }
    TRY(read_identity(item_out, arena, error));
    TRY(decode_string_member(item, "awsRegion", arena, &item_out->region, error));
    TRY(decode_string_member(
        item, "configurationItemStatus", arena, &item_out->status_text, error));
    item_out->status = item_status_parse(item_out->status_text);
    TRY(read_capture_time(item, arena, &item_out->capture_ms, error));
    item_out->facts.source = SOURCE_EVENT;
    read_facts(item, arena, &item_out->facts);
    return STATUS_OK;
}
