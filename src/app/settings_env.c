/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_internal.h"

#include <string.h>

enum status env_refuse(const char *name, str value, const char *accepted, struct arena *arena,
                       struct error *error) {
    return error_set(error, arena, STATUS_CONFIGURATION, "%s is \"%" STR_FMT "\"; accepted: %s",
                     name, STR_ARG(str_utf8_prefix(value, 64)), accepted);
}

enum status env_count(const struct env *env, const char *name, struct env_range range,
                      int *value_out, struct arena *arena, struct error *error) {
    str text = env_get(env, name);
    int64_t value = 0;
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    if (!str_parse_i64(text, &value) || value < range.min || value > range.max) {
        str accepted = str_format(arena, "%d..%d", range.min, range.max);
        return env_refuse(name, text, str_to_cstr(arena, accepted), arena, error);
    }
    *value_out = (int)value;
    return STATUS_OK;
}

enum status env_choice(const struct env *env, const char *name, const char *const *choices,
                       size_t *index, struct arena *arena, struct error *error) {
    str value = env_get(env, name);
    if (str_is_empty(value)) {
        return STATUS_OK;
    }
    struct buf accepted;
    buf_init(&accepted, arena, 256);
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (str_eq_ignore_case(value, str_from_cstr(choices[i]))) {
            *index = i;
            return STATUS_OK;
        }
        buf_printf(&accepted, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    return error_set(error, arena, STATUS_CONFIGURATION,
                     "%s is \"%" STR_FMT "\"; accepted: %" STR_FMT, name,
                     STR_ARG(str_utf8_prefix(value, 64)), STR_ARG(buf_str(&accepted)));
}

static bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool env_is_name(str text, size_t min, size_t max, const char *others) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.ptr[i]) && strchr(others, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return text.len >= min && text.len <= max;
}

enum status env_text(const struct env *env, const char *name, bool (*is_valid)(str),
                     const char *accepted, str *value_out, struct arena *arena,
                     struct error *error) {
    *value_out = env_get(env, name);
    if (!str_is_empty(*value_out) && !is_valid(*value_out)) {
        return env_refuse(name, *value_out, accepted, arena, error);
    }
    return STATUS_OK;
}
