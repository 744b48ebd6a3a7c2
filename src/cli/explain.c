/* SPDX-License-Identifier: Apache-2.0 */
#include "app/explain.h"

#include <unistd.h>

#include "cli_internal.h"

#define WIDTH_DEFAULT ((size_t)80)
#define WIDTH_MAX     ((size_t)120) /* wider lines are hard to read */

struct explain_options {
    const char *name;
    struct cli_regions regions;
    size_t format; /* 0: text, 1: json */
    bool is_quiet;
};

/* The name may stand before, between or behind the options. */
static bool parse_options(int argc, char **argv, struct explain_options *options) {
    struct cli_options rest = options_begin(COMMAND_EXPLAIN, argc, argv);
    const struct option_info *option;
    const char *value;
    *options = (struct explain_options){0};
    for (;;) {
        if ((option = next_option(&rest, &value)) != NULL) {
            if (option->id == OPTION_QUIET) {
                options->is_quiet = true;
            } else if (option->id == OPTION_REGION
                           ? !parse_regions(&rest, value, &options->regions)
                           : !parse_word(&rest, option, str_from_cstr(value), &options->format)) {
                return false;
            }
        } else if (!rest.is_wrong && options->name == NULL && rest.next < argc &&
                   argv[rest.next][0] != '-' && argv[rest.next][0] != '\0') {
            options->name = argv[rest.next++];
        } else {
            break;
        }
    }
    if (!all_options_taken(&rest)) {
        return false;
    }
    if (options->name == NULL) {
        usage_error("explain", "explain needs the name or the ARN of a load balancer");
    }
    return options->name != NULL;
}

static bool print_explanation(const struct cli *cli, const struct explain_options *options,
                              const struct explanation *explanation) {
    struct buf out;
    size_t width = terminal_width(STDOUT_FILENO);
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    if (options->format == 1) {
        explain_write_json(&out, cli->arena, explanation);
    } else {
        explain_write_text(&out, cli->arena, explanation,
                           width == 0          ? WIDTH_DEFAULT
                           : width > WIDTH_MAX ? WIDTH_MAX
                                               : width);
    }
    return print_document(buf_str(&out));
}

enum cli_exit command_explain(const struct cli *cli, int argc, char **argv) {
    struct explain_options options;
    struct explanation explanation;
    struct guard guard;
    struct error error = {0};
    if (!parse_options(argc, argv, &options)) {
        return CLI_USAGE;
    }
    const struct explain_request request = {.name = str_from_cstr(options.name),
                                            .regions = options.regions.items,
                                            .region_count = options.regions.count};
    if (options.is_quiet) {
        be_quiet(cli);
    }
    if (!open_guard(cli, &guard)) {
        return CLI_ERROR;
    }
    if (str_is_empty(guard.settings.region)) {
        guard.settings.region = options.regions.count > 0
                                    ? options.regions.items[0]
                                    : load_balancer_arn_parts(request.name).region;
    }
    if (!connect_guard(cli, &guard, cli->arena) ||
        !ok_or_print(app_explain(&guard, &request, cli->arena, &explanation, &error), &error)) {
        return CLI_ERROR;
    }
    bool is_printed = print_explanation(cli, &options, &explanation);
    return is_printed && explanation.gap_count == 0 ? CLI_FINE : CLI_ERROR;
}
