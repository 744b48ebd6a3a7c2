/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule parameters: one parser and one row of the table each. Lists are tolerant of what
 * deployment templates make of them: blanks, quotes anywhere around an entry (AWS's own conformance
 * packs ship "defensive', 'strictest'") and empty entries.
 *
 *   mode       monitor | defensive | strictest           in any letter case
 *   modes      mode {"," mode}                           desyncMode; the weakest is the minimum
 *   profiles   name "=" mode {"," name "=" mode}         profiles
 *   tags       "none" | tag {"," tag}                    requiredTags
 *   tag        key ["=" value {"|" value}]               a value may hold "=", a key may not
 */
#include "policy/policy.h"

#include "base/buf.h"
#include "policy_internal.h"

#define DAYS_MAX                 3650 /* ten years: more is a slip of the key */
#define TAG_KEY_MAX              128  /* characters, the ELB API's limit */
#define EXCEPTION_TAG_PREFIX_MAX 119  /* leaves room for "-approver" */

/* One parameter on its way into the policy. */
struct parameter_reading {
    const char *name; /* as it was given: "desyncMode", or "DESYNC_MODE" from the environment */
    const char *accepted;
    str value; /* trimmed, not empty */
    struct arena *arena;
    struct error *error;
};

struct list {
    str items[POLICY_LIST_MAX];
    size_t count;
};

/* Fills *error with `name: "item" why; accepted: ...`. */
static enum status refuse(const struct parameter_reading *reading, str item, const char *why) {
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
            return refuse(reading, text, "has more than 32 entries");
        }
        list->items[list->count++] = item;
    }
    return list->count > 0 ? STATUS_OK : refuse(reading, text, "holds no entry");
}

static enum status parse_mode(const struct parameter_reading *reading, str text,
                              enum desync_mode *mode_out) {
    *mode_out = mode_parse(str_lower(reading->arena, bare(text)));
    return *mode_out != MODE_UNKNOWN ? STATUS_OK : refuse(reading, text, "is no mode");
}

/* Of a list a key cannot hold a comma; of a parameter that is one key, a comma is a mistake. */
static enum status check_tag_key(const struct parameter_reading *reading, str key, size_t max) {
    if (str_utf8_valid_prefix(key) < key.len || str_utf8_count(key) > max) {
        return refuse(reading, key, "is too long for a tag key or no UTF-8");
    }
    if (str_is_empty(key) || str_find_char(key, ',') < key.len) {
        return refuse(reading, key, "is no single tag key");
    }
    return STATUS_OK;
}

static enum status parse_desync_mode(const struct parameter_reading *reading,
                                     struct policy *policy) {
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

static enum status parse_internet_facing_mode(const struct parameter_reading *reading,
                                              struct policy *policy) {
    return parse_mode(reading, reading->value, &policy->mode_min_internet_facing);
}

static enum status parse_internal_mode(const struct parameter_reading *reading,
                                       struct policy *policy) {
    return parse_mode(reading, reading->value, &policy->mode_min_internal);
}

static enum status parse_profile_tag(const struct parameter_reading *reading,
                                     struct policy *policy) {
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
        return refuse(reading, item, "is not of the form name=mode");
    }
    if (has_profile(policy, name)) {
        return refuse(reading, name, "is listed twice");
    }
    struct policy_profile *profile = &policy->profiles[policy->profile_count];
    TRY(parse_mode(reading, rest, &profile->mode));
    profile->name = name;
    policy->profile_count++;
    return STATUS_OK;
}

static enum status parse_profiles(const struct parameter_reading *reading, struct policy *policy) {
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
        return refuse(reading, item, "has no tag key");
    }
    TRY(check_tag_key(reading, key, TAG_KEY_MAX));
    if (is_none(key)) {
        return refuse(reading, item, "stands for no tag and must stand alone");
    }
    if (has_required_tag(policy, key)) {
        return refuse(reading, key, "is listed twice");
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

static enum status parse_required_tags(const struct parameter_reading *reading,
                                       struct policy *policy) {
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

static enum status parse_owner_tags(const struct parameter_reading *reading,
                                    struct policy *policy) {
    struct list list;
    TRY(split(reading, reading->value, ',', &list));
    for (size_t i = 0; i < list.count; i++) {
        TRY(check_tag_key(reading, list.items[i], TAG_KEY_MAX));
        policy->owner_tags[i] = list.items[i];
    }
    policy->owner_tag_count = list.count;
    return STATUS_OK;
}

static enum status parse_exception_tag_prefix(const struct parameter_reading *reading,
                                              struct policy *policy) {
    policy->exception_tag_prefix = bare(reading->value);
    return check_tag_key(reading, policy->exception_tag_prefix, EXCEPTION_TAG_PREFIX_MAX);
}

static enum status parse_days(const struct parameter_reading *reading, int *days_out) {
    int64_t days;
    if (!str_parse_i64(bare(reading->value), &days) || days < 0 || days > DAYS_MAX) {
        return refuse(reading, reading->value, "is no such number");
    }
    *days_out = (int)days;
    return STATUS_OK;
}

static enum status parse_max_exception_days(const struct parameter_reading *reading,
                                            struct policy *policy) {
    return parse_days(reading, &policy->max_exception_days);
}

static enum status parse_exception_warning_days(const struct parameter_reading *reading,
                                                struct policy *policy) {
    return parse_days(reading, &policy->exception_warning_days);
}

static enum status parse_max_non_compliant_days(const struct parameter_reading *reading,
                                                struct policy *policy) {
    return parse_days(reading, &policy->max_non_compliant_days);
}

static enum status parse_drop_invalid_headers(const struct parameter_reading *reading,
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
    return refuse(reading, given, "is not known");
}

/* --- the table ---------------------------------------------------------------------------------
 */

#define MODES_ACCEPTED "monitor, defensive or strictest"
#define DAYS_ACCEPTED  "a whole number of days from 0 to 3650"
#define TAG_ACCEPTED   "one tag key of at most 128 characters"
#define TAGS_ACCEPTED                                                                              \
    "none, or a comma-separated list of at most 32 of Key or Key=value|value, no key twice"

/* The contract's table: parameter, environment variable, default, accepted values, parser. */
#define PARAMETER_MAP(X)                                                                           \
    X(desyncMode, "DESYNC_MODE", "defensive,strictest",                                            \
      "a comma-separated list of " MODES_ACCEPTED "; the weakest one listed is the minimum",       \
      parse_desync_mode)                                                                           \
    X(internetFacingMode, "INTERNET_FACING_MODE", "",                                              \
      MODES_ACCEPTED ", not weaker than the minimum of desyncMode", parse_internet_facing_mode)    \
    X(internalMode, "INTERNAL_MODE", "",                                                           \
      MODES_ACCEPTED ", not weaker than the minimum of desyncMode", parse_internal_mode)           \
    X(profileTag, "PROFILE_TAG", "DesyncProfile", TAG_ACCEPTED, parse_profile_tag)                 \
    X(profiles, "PROFILES", "modern=strictest,legacy=defensive",                                   \
      "a comma-separated list of name=mode, mode being " MODES_ACCEPTED ", no name twice",         \
      parse_profiles)                                                                              \
    X(requiredTags, "REQUIRED_TAGS", "Owner", TAGS_ACCEPTED, parse_required_tags)                  \
    X(ownerTags, "OWNER_TAGS", "Owner,owner,Team,team", "a comma-separated list of tag keys",      \
      parse_owner_tags)                                                                            \
    X(exceptionTagPrefix, "EXCEPTION_TAG_PREFIX", "desync-exception",                              \
      "the beginning of a tag key, at most 119 characters", parse_exception_tag_prefix)            \
    X(maxExceptionDays, "MAX_EXCEPTION_DAYS", "90", DAYS_ACCEPTED, parse_max_exception_days)       \
    X(exceptionWarningDays, "EXCEPTION_WARNING_DAYS", "14", DAYS_ACCEPTED,                         \
      parse_exception_warning_days)                                                                \
    X(dropInvalidHeaders, "DROP_INVALID_HEADERS", "advise", "ignore, advise or require",           \
      parse_drop_invalid_headers)                                                                  \
    X(maxNonCompliantDays, "MAX_NON_COMPLIANT_DAYS", "7", DAYS_ACCEPTED,                           \
      parse_max_non_compliant_days)

/* Three expansions of one table, so that a parameter without a parser cannot be compiled. */
enum parameter_id {
#define PARAMETER_ENUM(name, environment, value_default, accepted, parse) PARAMETER_##name,
    PARAMETER_MAP(PARAMETER_ENUM)
#undef PARAMETER_ENUM
        PARAMETER_COUNT
};

static const struct policy_parameter_info infos[PARAMETER_COUNT] = {
#define PARAMETER_INFO(name, environment, value_default, accepted, parse)                          \
    {#name, environment, value_default, accepted},
    PARAMETER_MAP(PARAMETER_INFO)
#undef PARAMETER_INFO
};

static enum status (*const parsers[PARAMETER_COUNT])(const struct parameter_reading *,
                                                     struct policy *) = {
#define PARAMETER_PARSER(name, environment, value_default, accepted, parse) parse,
    PARAMETER_MAP(PARAMETER_PARSER)
#undef PARAMETER_PARSER
};

const struct policy_parameter_info *policy_parameter_infos(size_t *count_out) {
    ASSERT(count_out != NULL);
    *count_out = PARAMETER_COUNT;
    return infos;
}

/* Matches letter case apart, and the environment's spelling: the two slips people make. */
static const char *suggestion_for(str name) {
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        if (str_eq_ignore_case(name, str_from_cstr(infos[i].name)) ||
            str_eq_ignore_case(name, str_from_cstr(infos[i].environment))) {
            return infos[i].name;
        }
    }
    return NULL;
}

static bool is_parameter(str name) {
    const char *match = suggestion_for(name);
    return match != NULL && str_eq(name, str_from_cstr(match));
}

static enum status refuse_unknown(str name, struct arena *arena, struct error *error) {
    struct buf names;
    buf_init(&names, arena, 1024);
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        buf_printf(&names, "%s%s", i == 0 ? "" : ", ", infos[i].name);
    }
    const char *suggestion = suggestion_for(name);
    str shown = plain_text_quote(arena, name);
    return error_set(error, arena, STATUS_INVALID_PARAMETER,
                     "unknown parameter \"%" STR_FMT "\"%s%s%s; accepted: %" STR_FMT,
                     STR_ARG(shown), suggestion == NULL ? "" : ", did you mean ",
                     suggestion == NULL ? "" : suggestion, suggestion == NULL ? "" : "?",
                     STR_ARG(buf_str(&names)));
}

static str value_from_parameters(const struct policy_source *source, const char *name) {
    for (size_t i = 0; i < source->parameter_count; i++) {
        str value = str_trim(source->parameters[i].value);
        if (!str_is_empty(value) && str_eq(source->parameters[i].name, str_from_cstr(name))) {
            return value;
        }
    }
    return STR_EMPTY;
}

/* The first that is not blank: rule parameter, environment, default. `name` follows the source, so
 * that an error names the variable or the parameter that was set. */
static void find_value(const struct policy_source *source, const struct policy_parameter_info *info,
                       struct parameter_reading *reading) {
    reading->name = info->name;
    reading->value = value_from_parameters(source, info->name);
    if (!str_is_empty(reading->value)) {
        return;
    }
    if (source->from_environment != NULL) {
        reading->value = str_trim(source->from_environment(source->context, info->environment));
    }
    if (!str_is_empty(reading->value)) {
        reading->name = info->environment;
        return;
    }
    reading->value = str_from_cstr(info->value_default);
}

/* A scheme may ask for more than everybody must have, never for less: two parameters that
 * contradict each other are a mistake that nobody should have to find out from verdicts. */
static enum status check_scheme_mode(const struct parameter_reading *scheme,
                                     const struct parameter_reading *minimum, enum desync_mode mode,
                                     enum desync_mode mode_min) {
    if (mode == MODE_UNKNOWN || mode >= mode_min) {
        return STATUS_OK;
    }
    return error_set(scheme->error, scheme->arena, STATUS_INVALID_PARAMETER,
                     "%s: \"%s\" contradicts %s, whose minimum is %s; accepted: %s or stricter, or "
                     "list %s in %s too",
                     scheme->name, mode_name(mode), minimum->name, mode_name(mode_min),
                     mode_name(mode_min), mode_name(mode), minimum->name);
}

/* Names come first: a misspelt parameter would otherwise leave its default in force without a word.
 * A parameter of the default alone is parsed like a given one. */
enum status policy_parse(const struct policy_source *source, struct arena *arena,
                         struct policy *policy_out, struct error *error) {
    ASSERT(source != NULL && arena != NULL && policy_out != NULL);
    *policy_out = (struct policy){0};
    for (size_t i = 0; i < source->parameter_count; i++) {
        if (!is_parameter(source->parameters[i].name)) {
            return refuse_unknown(source->parameters[i].name, arena, error);
        }
    }
    struct parameter_reading readings[PARAMETER_COUNT];
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        readings[i] = (struct parameter_reading){
            .accepted = infos[i].accepted, .arena = arena, .error = error};
        find_value(source, &infos[i], &readings[i]);
        if (!str_is_empty(readings[i].value)) {
            TRY(parsers[i](&readings[i], policy_out));
        }
    }
    TRY(check_scheme_mode(&readings[PARAMETER_internetFacingMode], &readings[PARAMETER_desyncMode],
                          policy_out->mode_min_internet_facing, policy_out->mode_min));
    return check_scheme_mode(&readings[PARAMETER_internalMode], &readings[PARAMETER_desyncMode],
                             policy_out->mode_min_internal, policy_out->mode_min);
}
