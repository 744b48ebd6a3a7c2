/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit.h"
#include "app/posture.h"
#include "cli_internal.h"
#include "output.h"

enum report_format { REPORT_TEXT, REPORT_HTML, REPORT_JSON, REPORT_CSV };

struct report_options {
    enum report_format format;
    const char *output;
};

static bool parse_options(int argc, char **argv, struct report_options *options) {
    static const char *const NAMES[] = {"--format", "--output", NULL};
    static const char *const FORMATS[] = {"text", "html", "json", "csv"};
    struct cli_options rest = {.argc = argc, .argv = argv, .next = 1};
    const char *name;
    const char *value;
    *options = (struct report_options){0};
    while (next_option(&rest, NAMES, &name, &value)) {
        size_t format = 0;
        if (name == NAMES[1]) {
            options->output = value;
            continue;
        }
        while (format < 4 && !str_eq(str_from_cstr(value), str_from_cstr(FORMATS[format]))) {
            format++;
        }
        if (format == 4) {
            usage_error("--format takes text, html, json or csv, not \"%s\"", value);
            return false;
        }
        options->format = (enum report_format)format;
    }
    return all_options_taken(&rest);
}

static void write_document(struct buf *out, const struct cli *cli, enum report_format format,
                           const struct fleet *fleet, const struct posture *posture) {
    switch (format) {
    case REPORT_TEXT:
        posture_write_summary(out, cli->arena, fleet, posture);
        break;
    case REPORT_HTML:
        fleet_write_html(out, cli->arena, fleet, posture);
        break;
    case REPORT_JSON:
        posture_write_json(out, cli->arena, fleet, posture);
        break;
    case REPORT_CSV:
        posture_write_csv(out, cli->arena, fleet, posture);
        break;
    }
}

static enum cli_exit make_report(const struct cli *cli, enum report_format format,
                                 struct output *output) {
    struct guard guard;
    struct fleet fleet;
    struct posture posture;
    struct buf out;
    struct error error = {0};
    if (open_app(cli, &guard, &error) != STATUS_OK ||
        cli->connect(&guard, cli->arena, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    guard.home.deadline_ms = INT64_MAX;
    if (app_posture(&guard, cli->arena, &fleet, &posture, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        return CLI_ERROR;
    }
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    write_document(&out, cli, format, &fleet, &posture);
    if (buf_status(&out) != STATUS_OK) {
        print_error("the document is larger than %zu bytes", DOCUMENT_BYTES_MAX);
        return CLI_ERROR;
    }
    bool is_written = output_write(output, buf_str(&out), cli->arena);
    print_gaps(&fleet);
    return is_written && fleet.gap_count == 0 ? CLI_FINE : CLI_ERROR;
}

enum cli_exit command_report(const struct cli *cli, int argc, char **argv) {
    struct report_options options;
    struct output output;
    if (!parse_options(argc, argv, &options)) {
        return CLI_USAGE;
    }
    if (!output_open(&output, options.output, cli->arena)) {
        return CLI_ERROR;
    }
    enum cli_exit exit_code = make_report(cli, options.format, &output);
    output_discard(&output);
    return exit_code;
}
