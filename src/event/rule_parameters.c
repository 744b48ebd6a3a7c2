/* SPDX-License-Identifier: Apache-2.0
 *
 * The parameters of a Config rule, in every form that AWS Config sends them.
 */
#include "event_internal.h"

/* Config sends strings; people who test by hand send numbers and booleans too. */
static enum status decode_parameter_value(const struct json *member, struct arena *arena,
                                          str *value_out, struct error *error) {
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    const char *accepted = "a string"; /* by a parameter that we do not know */
    double number;
    *value_out = json_string(member);
    if (json_number(member, &number)) {
        *value_out = str_format(arena, "%.15g", number);
    } else if (json_is_bool(member)) {
        *value_out = json_bool(member, false) ? STR("true") : STR("false");
    } else if (!json_is_string(member) && !json_is_null(member)) {
        for (size_t i = 0; i < count; i++) {
            accepted = str_eq(json_key(member), str_from_cstr(infos[i].name)) ? infos[i].accepted
                                                                              : accepted;
        }
        return error_set(error, arena, STATUS_INVALID_PARAMETER,
                         "rule parameter \"%" STR_FMT "\" is a JSON %s; accepted: %s",
                         STR_ARG(str_utf8_prefix(json_key(member), 64)), json_type_name(member),
                         accepted);
    }
    return STATUS_OK;
}

/* Config leaves the member out of the event of a rule without InputParameters, and sends "{}" or
 * values as strings otherwise. A parameter of an unknown name is policy_parse's to refuse. */
enum status decode_rule_parameters(const struct json *rule_parameters, struct arena *arena,
                                   struct policy_parameter **parameters_out, size_t *count_out,
                                   struct error *error) {
    *parameters_out = NULL;
    *count_out = 0;
    if (json_is_string(rule_parameters) && str_is_empty(str_trim(json_string(rule_parameters)))) {
        return STATUS_OK;
    }
    const struct json *object = parse_embedded(rule_parameters, arena);
    if (rule_parameters == NULL || json_is_null(object)) {
        return STATUS_OK;
    }
    if (!json_is_object(object)) {
        return error_set(error, arena, STATUS_INVALID_PARAMETER,
                         "ruleParameters must be a JSON object of strings, found %s",
                         object == NULL ? "text that is no JSON" : json_type_name(object));
    }
    struct policy_parameter *parameters =
        ARENA_ARRAY(arena, struct policy_parameter, json_count(object));
    size_t count = 0;
    for (const struct json *member = json_first(object); member; member = json_next(member)) {
        parameters[count].name = json_key(member);
        TRY(decode_parameter_value(member, arena, &parameters[count++].value, error));
    }
    *parameters_out = parameters;
    *count_out = count;
    return STATUS_OK;
}
