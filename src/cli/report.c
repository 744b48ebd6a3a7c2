/* SPDX-License-Identifier: Apache-2.0 */
#include "app/posture.h"
#include "cli_internal.h"
#include "output.h"

static void (*const WRITERS[])(struct buf *out, struct arena *arena, const struct fleet *fleet,
                               const struct posture *posture) = {
    posture_write_summary, fleet_write_html, posture_write_json, posture_write_csv};

struct report_options {
    size_t format; /* index of WRITERS */
    const char *output;
    bool is_quiet;
};

static bool parse_options(int argc, char **argv, struct report_options *options) {
    struct cli_options rest = options_begin(COMMAND_REPORT, argc, argv);
    const struct option_info *option;
    const char *value;
    *options = (struct report_options){0};
    while ((option = next_option(&rest, &value)) != NULL) {
        if (option->id == OPTION_OUTPUT) {
            options->output = value;
        } else if (option->id == OPTION_QUIET) {
            options->is_quiet = true;
        } else if (!parse_word(&rest, option, str_from_cstr(value), &options->format)) {
            return false;
        }
    }
    return all_options_taken(&rest);
}

/* The document is written even with gaps: it names them, and the exit code says so. */
static enum cli_exit make_report(const struct cli *cli, size_t format, struct output *output) {
    struct guard guard;
    struct fleet fleet;
    struct posture posture;
    struct buf out;
    struct error error = {0};
    if (!open_guard(cli, &guard) || !connect_guard(cli, &guard, cli->arena) ||
        !ok_or_print(app_posture(&guard, cli->arena, &fleet, &posture, &error), &error)) {
        return CLI_ERROR;
    }
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    output->is_table = format == 0;
    WRITERS[format](&out, cli->arena, &fleet, &posture);
    bool is_written = output_write(output, &out, cli->arena);
    print_gaps(&fleet);
    return is_written && fleet.gap_count == 0 ? CLI_FINE : CLI_ERROR;
}

enum cli_exit command_report(const struct cli *cli, int argc, char **argv) {
    struct report_options options;
    struct output output;
    if (!parse_options(argc, argv, &options)) {
        return CLI_USAGE;
    }
    if (options.is_quiet) {
        be_quiet(cli);
    }
    if (!output_open(&output, options.output, cli->arena)) {
        return CLI_ERROR;
    }
    enum cli_exit exit_code = make_report(cli, options.format, &output);
    output_discard(&output);
    return exit_code;
}
