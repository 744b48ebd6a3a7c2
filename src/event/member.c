/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading members of an event: the floor that every decoder stands on.
 */
#include "aws/region.h"
#include "base/clock.h"
#include "event_internal.h"

enum status decode_member(const struct json *object, const char *key, struct arena *arena,
                          const struct json **value_out, struct error *error) {
    const struct json *other = json_get_other_case(object, key);
    if (other != NULL) {
        return error_set(error, arena, STATUS_INVALID, "member \"%" STR_FMT "\" is spelt \"%s\"",
                         STR_ARG(json_key(other)), key);
    }
    *value_out = json_get(object, key);
    return STATUS_OK;
}

enum status decode_string_member(const struct json *object, const char *key, struct arena *arena,
                                 str *value_out, struct error *error) {
    const struct json *value;
    TRY(decode_member(object, key, arena, &value, error));
    if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
        return error_set(error, arena, STATUS_INVALID, "member \"%s\" must be a string, found %s",
                         key, json_type_name(value));
    }
    *value_out = json_string(value);
    return STATUS_OK;
}

/* Some tools store what they were given as a string once more, and again. */
#define EMBEDDED_DEPTH_MAX 4

const struct json *decode_embedded(const struct json *value, struct arena *arena) {
    for (int depth = 0; depth < EMBEDDED_DEPTH_MAX && json_is_string(value); depth++) {
        const struct json *inner = NULL;
        enum status status =
            json_parse(arena, json_string(value), &JSON_LIMITS_DEFAULT, &inner, NULL);
        value = status == STATUS_OK ? inner : NULL;
    }
    return value;
}

enum status decode_check_region(const char *where, str region, struct arena *arena,
                                struct error *error) {
    if (str_is_empty(region) || region_is_valid(region)) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_INVALID,
                     "%s names the region \"%" STR_FMT "\", which is no AWS Region", where,
                     STR_ARG(str_utf8_prefix(region, 64)));
}

enum status decode_region_member(const struct json *object, const char *key, struct arena *arena,
                                 str *region_out, struct error *error) {
    TRY(decode_string_member(object, key, arena, region_out, error));
    return decode_check_region(key, *region_out, arena, error);
}

enum status decode_time_member(const struct json *object, const char *key, struct arena *arena,
                               int64_t *ms_out, struct error *error) {
    str text;
    TRY(decode_string_member(object, key, arena, &text, error));
    *ms_out = 0;
    if (!str_is_empty(text) && !time_parse_iso8601(text, ms_out)) {
        return error_set(error, arena, STATUS_INVALID, "%s \"%" STR_FMT "\" is no ISO 8601 time",
                         key, STR_ARG(str_utf8_prefix(text, 64)));
    }
    return STATUS_OK;
}
