/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include "base/buf.h"
#include "policy_internal.h"

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

/* The first that is not blank: rule parameter, environment, default. */
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
