/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of an event: the floor that every reader stands on.
 */
#include <stdarg.h>

#include "aws/region.h"
#include "base/clock.h"
#include "event_internal.h"

/* Some tools store what they were given as a string once more, and again. */
#define EMBEDDED_DEPTH_MAX 4

enum status refuse_event(const struct reader *reader, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    str message = str_format_va(reader->arena, format, arguments);
    va_end(arguments);
    return error_set(reader->error, reader->arena, STATUS_INVALID, "%" STR_FMT, STR_ARG(message));
}

const char *quote(const struct reader *reader, str text, size_t bytes_max) {
    return str_to_cstr(reader->arena, str_format(reader->arena, "\"%" STR_FMT "\"",
                                                 STR_ARG(str_utf8_prefix(text, bytes_max))));
}

enum status read_member(const struct reader *reader, const struct json *object, const char *key,
                        const struct json **value_out) {
    const struct json *other = json_get_other_case(object, key);
    if (other != NULL) {
        return refuse_event(reader, "member \"%" STR_FMT "\" is spelt \"%s\"",
                            STR_ARG(json_key(other)), key);
    }
    *value_out = json_get(object, key);
    return STATUS_OK;
}

enum status read_text(const struct reader *reader, const struct json *object, const char *key,
                      str *text_out) {
    const struct json *value = NULL;
    TRY(read_member(reader, object, key, &value));
    if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
        return refuse_event(reader, "member \"%s\" must be a string, found %s", key,
                            json_type_name(value));
    }
    *text_out = json_string(value);
    return STATUS_OK;
}

enum status check_region(const struct reader *reader, const char *where, str region) {
    return str_is_empty(region) || region_is_valid(region)
               ? STATUS_OK
               : refuse_event(reader, "%s names the region %s, which is no AWS Region", where,
                              quote(reader, region, 64));
}

enum status read_region(const struct reader *reader, const struct json *object, const char *key,
                        str *region_out) {
    TRY(read_text(reader, object, key, region_out));
    return check_region(reader, key, *region_out);
}

enum status read_time(const struct reader *reader, const struct json *object, const char *key,
                      int64_t *ms_out) {
    str text = STR_EMPTY;
    TRY(read_text(reader, object, key, &text));
    *ms_out = 0;
    return str_is_empty(text) || time_parse_iso8601(text, ms_out)
               ? STATUS_OK
               : refuse_event(reader, "%s %s is no ISO 8601 time", key, quote(reader, text, 64));
}

/* Each level is parsed under the same limits, and no level is longer than the one around it. */
const struct json *parse_embedded(const struct json *value, struct arena *arena) {
    for (int depth = 0; depth < EMBEDDED_DEPTH_MAX && json_is_string(value); depth++) {
        const struct json *inner = NULL;
        enum status status =
            json_parse(arena, json_string(value), &JSON_LIMITS_DEFAULT, &inner, NULL);
        value = status == STATUS_OK ? inner : NULL;
    }
    return value;
}

int find_word(const struct word *words, str text) {
    while (words->text != NULL && !str_eq(text, str_from_cstr(words->text))) {
        words++;
    }
    return words->value;
}
