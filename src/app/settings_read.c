/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads one environment variable by its row. The default of a row is text and goes through the same
 * reader, so that it can be no value that a user could not give.
 */
#include <string.h>

#include "base/ascii.h"
#include "settings_internal.h"

#define DECIMALS_MAX 6

static enum status refuse(const struct settings_reading *reading, const char *accepted) {
    return error_set(reading->error, reading->arena, STATUS_CONFIGURATION,
                     "%s is \"%" STR_FMT "\"; accepted: %s", reading->row->name,
                     STR_ARG(str_utf8_prefix(reading->value, 64)), accepted);
}

static bool find_choice(const struct settings_row *row, str value, unsigned *index) {
    for (unsigned i = 0; row->choices[i] != NULL; i++) {
        if (str_eq_ignore_case(value, str_from_cstr(row->choices[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

enum status settings_read_choice(const struct settings_reading *reading, void *target) {
    unsigned index = 0;
    if (find_choice(reading->row, reading->value, &index)) {
        *(unsigned *)target = index;
        return STATUS_OK;
    }
    struct buf accepted;
    buf_init(&accepted, reading->arena, 256);
    for (size_t i = 0; reading->row->choices[i] != NULL; i++) {
        buf_printf(&accepted, "%s%s", i == 0 ? "" : ", ", reading->row->choices[i]);
    }
    return refuse(reading, str_to_cstr(reading->arena, buf_str(&accepted)));
}

enum status settings_read_switch(const struct settings_reading *reading, void *target) {
    unsigned index = 0;
    TRY(settings_read_choice(reading, &index));
    *(bool *)target = strcmp(reading->row->choices[index], "on") == 0;
    return STATUS_OK;
}

enum status settings_read_count(const struct settings_reading *reading, void *target) {
    const struct settings_row *row = reading->row;
    int64_t value = 0;
    if (row->has_off && str_eq_ignore_case(reading->value, STR("off"))) {
        *(int *)target = 0;
    } else if (str_parse_i64(reading->value, &value) && value >= row->min && value <= row->max) {
        *(int *)target = (int)value;
    } else {
        str accepted =
            str_format(reading->arena, "%d..%d%s", row->min, row->max, row->has_off ? ", off" : "");
        return refuse(reading, str_to_cstr(reading->arena, accepted));
    }
    return STATUS_OK;
}

/* Digits and a point, no sign and no exponent. */
static bool parse_decimal(str text, double *value_out) {
    size_t point = str_find_char(text, '.');
    str fraction = str_slice(text, point + 1, text.len);
    int64_t whole = 0;
    int64_t part = 0;
    if (point > 9 || !str_parse_i64(str_slice(text, 0, point), &whole) || text.ptr[0] == '-') {
        return false;
    }
    bool has_fraction = point < text.len;
    if (has_fraction && (fraction.len > DECIMALS_MAX || !str_parse_i64(fraction, &part) ||
                         fraction.ptr[0] == '-')) {
        return false;
    }
    double scale = 1;
    for (size_t i = 0; has_fraction && i < fraction.len; i++) {
        scale *= 10;
    }
    *value_out = (double)whole + (double)part / scale;
    return true;
}

enum status settings_read_percent(const struct settings_reading *reading, void *target) {
    int max = reading->row->max;
    double value = 0;
    if (!parse_decimal(reading->value, &value) || value > max) {
        str accepted = str_format(reading->arena, "0..%d, with up to %d digits after the point",
                                  max, DECIMALS_MAX);
        return refuse(reading, str_to_cstr(reading->arena, accepted));
    }
    *(double *)target = value;
    return STATUS_OK;
}

enum status settings_read_text(const struct settings_reading *reading, void *target) {
    if (!reading->row->is_valid(reading->value)) {
        return refuse(reading, reading->row->accepted);
    }
    *(str *)target = reading->value;
    return STATUS_OK;
}

enum status settings_read_accounts(const struct settings_reading *reading, void *target) {
    struct account_list *list = target;
    for (str rest = reading->value; rest.ptr != NULL;) {
        str account = str_trim(str_split(&rest, ','));
        bool is_account = account.len == 12 && ascii_has_only(account, ascii_is_digit);
        if (!is_account || list->count == ALLOWED_ACCOUNTS_MAX) {
            struct settings_reading one = *reading;
            one.value = account;
            return refuse(&one, reading->row->accepted);
        }
        list->ids[list->count++] = account;
    }
    return STATUS_OK;
}

enum status settings_read_row(const struct settings_row *row, const struct env *env, void *settings,
                              struct arena *arena, struct error *error) {
    struct settings_reading reading = {
        .row = row, .value = env_get(env, row->name), .arena = arena, .error = error};
    if (str_is_empty(reading.value) && row->fallback != NULL) {
        reading.value = str_from_cstr(row->fallback);
    }
    if (str_is_empty(reading.value)) {
        return STATUS_OK;
    }
    return row->read(&reading, (char *)settings + row->offset);
}
