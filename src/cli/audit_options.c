/* SPDX-License-Identifier: Apache-2.0 */

#include "audit_internal.h"

/* In the order of the option's words. */
static bool parse_fail_on(const struct cli_options *rest, const struct option_info *option,
                          str list, unsigned *fail_on) {
    *fail_on = 0;
    while (list.ptr != NULL) {
        size_t index;
        if (!parse_word(rest, option, str_trim(str_split(&list, ',')), &index)) {
            return false;
        }
        *fail_on |= 1U << index;
    }
    if ((*fail_on & FAIL_NEVER) != 0 && *fail_on != FAIL_NEVER) {
        usage_error("audit", "--fail-on never must stand alone");
        return false;
    }
    return true;
}

static bool parse_option(const struct cli_options *rest, const struct option_info *option,
                         const char *value, struct audit_options *options) {
    options->output = option->id == OPTION_OUTPUT ? value : options->output;
    options->is_quiet = options->is_quiet || option->id == OPTION_QUIET;
    options->hides_progress = options->hides_progress || option->value == NULL;
    return option->id == OPTION_REGION ? parse_regions(rest, value, &options->regions)
           : option->id == OPTION_FORMAT
               ? parse_word(rest, option, str_from_cstr(value), &options->format)
           : option->id == OPTION_FAIL_ON
               ? parse_fail_on(rest, option, str_from_cstr(value), &options->fail_on)
               : true;
}

bool audit_options_parse(int argc, char **argv, struct audit_options *options) {
    struct cli_options rest = options_begin(COMMAND_AUDIT, argc, argv);
    const struct option_info *option;
    const char *value;
    bool is_valid = true;
    *options = (struct audit_options){.fail_on = FAIL_ON_NON_COMPLIANT | FAIL_ON_UNKNOWN};
    while (is_valid && (option = next_option(&rest, &value)) != NULL) {
        is_valid = parse_option(&rest, option, value, options);
    }
    return is_valid && all_options_taken(&rest);
}
