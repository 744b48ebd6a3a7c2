/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <string.h>

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

/* Not getopt: its long options are a GNU extension, and it moves arguments about. */
bool next_option(struct cli_options *options, const char *const *names, const char **name_out,
                 const char **value_out) {
    if (options->next >= options->argc) {
        return false;
    }
    const char *argument = options->argv[options->next];
    for (size_t i = 0; names[i] != NULL; i++) {
        if (!is_option(argument, names[i], value_out)) {
            continue;
        }
        *name_out = names[i];
        options->next++;
        if (*value_out == NULL && options->next < options->argc) {
            *value_out = options->argv[options->next++];
        }
        if (*value_out == NULL || **value_out == '\0') {
            usage_error("%s needs a value", names[i]);
            options->is_wrong = true;
            return false;
        }
        return true;
    }
    return false;
}

bool all_options_taken(const struct cli_options *options) {
    if (!options->is_wrong && options->next < options->argc) {
        usage_error("%s does not take \"%s\"", options->argv[0], options->argv[options->next]);
    }
    return !options->is_wrong && options->next >= options->argc;
}

bool parse_format(const char *value, const char *const *choices, size_t *index_out) {
    struct arena arena = {0};
    struct buf list;
    buf_init(&list, &arena, 256);
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(value, choices[i]) == 0) {
            *index_out = i;
            arena_clean_up(&arena);
            return true;
        }
        buf_printf(&list, "%s%s", i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ", choices[i]);
    }
    usage_error("--format takes %" STR_FMT ", not \"%s\"", STR_ARG(buf_str(&list)), value);
    arena_clean_up(&arena);
    return false;
}
