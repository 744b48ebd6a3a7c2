/* SPDX-License-Identifier: Apache-2.0
 *
 * One parser a parameter. Lists are tolerant of what deployment templates make of them: blanks,
 * quotes anywhere around an entry (AWS's own conformance packs ship "defensive', 'strictest'") and
 * empty entries.
 */
#include "policy_internal.h"

#define DAYS_MAX                 3650 /* ten years: more is a slip of the key */
#define TAG_KEY_MAX              128  /* characters, the ELB API's limit */
#define EXCEPTION_TAG_PREFIX_MAX 119  /* leaves room for "-approver" */

struct list {
    str items[POLICY_LIST_MAX];
    size_t count;
};

enum status parameter_refuse(const struct parameter_reading *reading, str item, const char *why) {
    str shown = plain_text_quote(reading->arena, item);
    return error_set(reading->error, reading->arena, STATUS_INVALID_PARAMETER,
                     "%s: \"%" STR_FMT "\" %s; accepted: %s", reading->name, STR_ARG(shown), why,
                     reading->accepted);
}

static bool is_quote(char c) {
    return c == '"' || c == '\'' || c == '`';
}

/* Without blanks and quotes at both ends, in whatever order they stand. */
static str bare(str text) {
    for (;;) {
        text = str_trim(text);
        if (text.len > 0 && is_quote(text.ptr[0])) {
            text = str_slice(text, 1, text.len);
        } else if (text.len > 0 && is_quote(text.ptr[text.len - 1])) {
            text = str_slice(text, 0, text.len - 1);
        } else {
            return text;
        }
    }
}

/* The entries of `text` that are not empty; at least one. */
static enum status split(const struct parameter_reading *reading, str text, char separator,
                         struct list *list) {
    list->count = 0;
    for (str rest = text; rest.ptr != NULL;) {
        str item = bare(str_split(&rest, separator));
        if (str_is_empty(item)) {
            continue;
        }
        if (list->count == POLICY_LIST_MAX) {
            return parameter_refuse(reading, text, "has more than 32 entries");
        }
        list->items[list->count++] = item;
    }
    return list->count > 0 ? STATUS_OK : parameter_refuse(reading, text, "holds no entry");
}

static enum status parse_mode(const struct parameter_reading *reading, str text,
                              enum desync_mode *mode_out) {
    *mode_out = mode_parse(str_lower(reading->arena, bare(text)));
    return *mode_out != MODE_UNKNOWN ? STATUS_OK : parameter_refuse(reading, text, "is no mode");
}

static enum status check_tag_key(const struct parameter_reading *reading, str key, size_t max) {
    if (str_utf8_valid_prefix(key) < key.len || str_utf8_count(key) > max) {
        return parameter_refuse(reading, key, "is too long for a tag key or no UTF-8");
    }
    if (str_is_empty(key) || str_find_char(key, ',') < key.len) {
        return parameter_refuse(reading, key, "is no single tag key");
    }
    return STATUS_OK;
}

enum status parse_desync_mode(const struct parameter_reading *reading, struct policy *policy) {
    struct list list;
    TRY(split(reading, reading->value, ',', &list));
    for (size_t i = 0; i < list.count; i++) {
        enum desync_mode mode;
        TRY(parse_mode(reading, list.items[i], &mode));
        if (i == 0 || mode < policy->mode_min) {
            policy->mode_min = mode;
        }
    }
    return STATUS_OK;
}

enum status parse_internet_facing_mode(const struct parameter_reading *reading,
                                       struct policy *policy) {
    return parse_mode(reading, reading->value, &policy->mode_min_internet_facing);
}

enum status parse_internal_mode(const struct parameter_reading *reading, struct policy *policy) {
    return parse_mode(reading, reading->value, &policy->mode_min_internal);
}

enum status parse_profile_tag(const struct parameter_reading *reading, struct policy *policy) {
    policy->profile_tag = bare(reading->value);
    return check_tag_key(reading, policy->profile_tag, TAG_KEY_MAX);
}

static bool has_profile(const struct policy *policy, str name) {
    for (size_t i = 0; i < policy->profile_count; i++) {
        if (str_eq(policy->profiles[i].name, name)) {
            return true;
        }
    }
    return false;
}

static enum status parse_profile(const struct parameter_reading *reading, str item,
                                 struct policy *policy) {
    str rest = item;
    str name = bare(str_split(&rest, '='));
    if (rest.ptr == NULL || str_is_empty(name)) {
        return parameter_refuse(reading, item, "is not of the form name=mode");
    }
    if (has_profile(policy, name)) {
        return parameter_refuse(reading, name, "is listed twice");
    }
    struct policy_profile *profile = &policy->profiles[policy->profile_count];
    TRY(parse_mode(reading, rest, &profile->mode));
    profile->name = name;
    policy->profile_count++;
    return STATUS_OK;
}

enum status parse_profiles(const struct parameter_reading *reading, struct policy *policy) {
    struct list list;
    TRY(split(reading, reading->value, ',', &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(parse_profile(reading, list.items[i], policy));
    }
    return STATUS_OK;
}

static bool has_required_tag(const struct policy *policy, str key) {
    for (size_t i = 0; i < policy->required_tag_count; i++) {
        if (str_eq(policy->required_tags[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* In any letter case: as the key of a tag it would fail every load balancer. */
static bool is_none(str key) {
    return str_eq_ignore_case(key, STR("none"));
}

/* "Key" or "Key=a|b"; values may hold '=' themselves. */
static enum status parse_required_tag(const struct parameter_reading *reading, str item,
                                      struct policy *policy) {
    str rest = item;
    str key = bare(str_split(&rest, '='));
    if (str_is_empty(key)) {
        return parameter_refuse(reading, item, "has no tag key");
    }
    TRY(check_tag_key(reading, key, TAG_KEY_MAX));
    if (is_none(key)) {
        return parameter_refuse(reading, item, "stands for no tag and must stand alone");
    }
    if (has_required_tag(policy, key)) {
        return parameter_refuse(reading, key, "is listed twice");
    }
    struct policy_required_tag *tag = &policy->required_tags[policy->required_tag_count++];
    tag->key = key;
    if (rest.ptr == NULL) {
        return STATUS_OK;
    }
    struct list values;
    TRY(split(reading, rest, '|', &values));
    for (size_t i = 0; i < values.count; i++) {
        tag->allowed[i] = values.items[i];
    }
    tag->allowed_count = values.count;
    return STATUS_OK;
}

enum status parse_required_tags(const struct parameter_reading *reading, struct policy *policy) {
    struct list list;
    TRY(split(reading, reading->value, ',', &list));
    if (list.count == 1 && is_none(list.items[0])) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < list.count; i++) {
        TRY(parse_required_tag(reading, list.items[i], policy));
    }
    return STATUS_OK;
}

enum status parse_owner_tags(const struct parameter_reading *reading, struct policy *policy) {
    struct list list;
    TRY(split(reading, reading->value, ',', &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(check_tag_key(reading, list.items[i], TAG_KEY_MAX));
        policy->owner_tags[i] = list.items[i];
    }
    policy->owner_tag_count = list.count;
    return STATUS_OK;
}

enum status parse_exception_tag_prefix(const struct parameter_reading *reading,
                                       struct policy *policy) {
    policy->exception_tag_prefix = bare(reading->value);
    return check_tag_key(reading, policy->exception_tag_prefix, EXCEPTION_TAG_PREFIX_MAX);
}

static enum status parse_days(const struct parameter_reading *reading, int *days_out) {
    int64_t days;
    if (!str_parse_i64(bare(reading->value), &days) || days < 0 || days > DAYS_MAX) {
        return parameter_refuse(reading, reading->value, "is no such number");
    }
    *days_out = (int)days;
    return STATUS_OK;
}

enum status parse_max_exception_days(const struct parameter_reading *reading,
                                     struct policy *policy) {
    return parse_days(reading, &policy->max_exception_days);
}

enum status parse_exception_warning_days(const struct parameter_reading *reading,
                                         struct policy *policy) {
    return parse_days(reading, &policy->exception_warning_days);
}

enum status parse_max_non_compliant_days(const struct parameter_reading *reading,
                                         struct policy *policy) {
    return parse_days(reading, &policy->max_non_compliant_days);
}

enum status parse_drop_invalid_headers(const struct parameter_reading *reading,
                                       struct policy *policy) {
    static const char *const names[] = {
        [HEADERS_IGNORE] = "ignore", [HEADERS_ADVISE] = "advise", [HEADERS_REQUIRE] = "require"};
    str given = bare(reading->value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq_ignore_case(given, str_from_cstr(names[i]))) {
            policy->drop_invalid_headers = (enum header_policy)i;
            return STATUS_OK;
        }
    }
    return parameter_refuse(reading, given, "is not known");
}
