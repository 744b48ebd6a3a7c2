/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <string.h>

#include "aws/region.h"

/* The value behind "=", or NULL; false: it is not this option. */
static bool is_option(const char *argument, const char *name, const char **value_out) {
    size_t length = strlen(name);
    *value_out = NULL;
    if (strncmp(argument, name, length) != 0) {
        return false;
    }
    if (argument[length] == '=') {
        *value_out = argument + length + 1;
        return true;
    }
    return argument[length] == '\0';
}

struct cli_options options_begin(enum command_id id, int argc, char **argv) {
    return (struct cli_options){.command = &COMMANDS[id], .argc = argc, .argv = argv, .next = 1};
}

static const struct option_info *refuse(struct cli_options *options,
                                        const struct option_info *option, const char *why) {
    usage_error(options->command->name, "%s %s", option->name, why);
    options->is_wrong = true;
    return NULL;
}

/* Not getopt: its long options are a GNU extension, and it moves arguments about. */
const struct option_info *next_option(struct cli_options *options, const char **value_out) {
    const struct option_info *found = options->command->options;
    if (options->next >= options->argc) {
        return NULL;
    }
    const char *argument = options->argv[options->next];
    while (found->name != NULL && !is_option(argument, found->name, value_out)) {
        found++;
    }
    if (found->name == NULL) {
        return NULL;
    }
    options->next++;
    if (found->value == NULL) {
        return *value_out == NULL ? found : refuse(options, found, "takes no value");
    }
    if (*value_out == NULL && options->next < options->argc) {
        *value_out = options->argv[options->next++];
    }
    bool has_value = *value_out != NULL && **value_out != '\0';
    return has_value ? found : refuse(options, found, "needs a value");
}

bool all_options_taken(const struct cli_options *options) {
    if (!options->is_wrong && options->next < options->argc) {
        usage_error(options->command->name, "%s does not take \"%s\"", options->command->name,
                    options->argv[options->next]);
    }
    return !options->is_wrong && options->next >= options->argc;
}

bool parse_word(const struct cli_options *options, const struct option_info *option, str value,
                size_t *index_out) {
    struct arena arena = {0};
    struct buf list;
    buf_init(&list, &arena, 256);
    for (size_t i = 0; option->words[i] != NULL; i++) {
        if (str_eq(value, str_from_cstr(option->words[i]))) {
            *index_out = i;
            arena_clean_up(&arena);
            return true;
        }
        buf_printf(&list, "%s%s",
                   i == 0                         ? ""
                   : option->words[i + 1] == NULL ? " or "
                                                  : ", ",
                   option->words[i]);
    }
    usage_error(options->command->name, "%s takes %" STR_FMT ", not \"%" STR_FMT "\"", option->name,
                STR_ARG(buf_str(&list)), STR_ARG(value));
    arena_clean_up(&arena);
    return false;
}

bool parse_regions(const struct cli_options *options, const char *list,
                   struct cli_regions *regions) {
    str rest = str_from_cstr(list);
    while (rest.ptr != NULL) {
        str region = str_trim(str_split(&rest, ','));
        size_t i = 0;
        if (!region_is_valid(region)) {
            usage_error(options->command->name,
                        "--region %" STR_FMT " is no AWS Region, such as eu-west-1",
                        STR_ARG(region));
            return false;
        }
        while (i < regions->count && !str_eq(regions->items[i], region)) {
            i++;
        }
        if (i == REGIONS_MAX) {
            usage_error(options->command->name, "--region is given more than %d times",
                        REGIONS_MAX);
            return false;
        }
        regions->items[i] = region;
        regions->count += i == regions->count ? 1 : 0;
    }
    return true;
}
