/* SPDX-License-Identifier: Apache-2.0 */
#include "audit_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "aws/region.h"
#include "output.h"

static bool add_region(struct audit_options *options, str region) {
    if (!region_is_valid(region)) {
        usage_error("--region %.*s is no AWS Region", (int)region.len, region.ptr);
        return false;
    }
    for (size_t i = 0; i < options->region_count; i++) {
        if (str_eq(options->regions[i], region)) {
            return true;
        }
    }
    if (options->region_count == AUDIT_REGIONS_MAX) {
        usage_error("--region is given more than %d times", AUDIT_REGIONS_MAX);
        return false;
    }
    options->regions[options->region_count++] = region;
    return true;
}

static bool set_fail_on(struct audit_options *options, str list) {
    bool is_never = false;
    options->fails_on_non_compliant = false;
    options->fails_on_unknown = false;
    for (str rest = list; rest.ptr != NULL;) {
        str word = str_trim(str_split(&rest, ','));
        if (str_eq(word, STR("non_compliant"))) {
            options->fails_on_non_compliant = true;
        } else if (str_eq(word, STR("unknown"))) {
            options->fails_on_unknown = true;
        } else if (str_eq(word, STR("never"))) {
            is_never = true;
        } else {
            usage_error("--fail-on takes non_compliant, unknown and never, not \"%.*s\"",
                        (int)word.len, word.ptr);
            return false;
        }
    }
    if (is_never && (options->fails_on_non_compliant || options->fails_on_unknown)) {
        usage_error("--fail-on never must stand alone");
        return false;
    }
    return true;
}

static bool set_format(struct audit_options *options, str name) {
    if (fleet_format_parse(name, &options->format)) {
        return true;
    }
    usage_error("--format takes table, json, csv, html, junit, sarif, asff or ocsf, not \"%.*s\"",
                (int)name.len, name.ptr);
    return false;
}

static bool set_option(struct audit_options *options, const char *name, const char *value) {
    if (strcmp(name, "--region") == 0) {
        for (str rest = str_from_cstr(value); rest.ptr != NULL;) {
            if (!add_region(options, str_trim(str_split(&rest, ',')))) {
                return false;
            }
        }
        return true;
    } else if (strcmp(name, "--format") == 0) {
        return set_format(options, str_from_cstr(value));
    } else if (strcmp(name, "--fail-on") == 0) {
        return set_fail_on(options, str_from_cstr(value));
    }
    options->output = value;
    return true;
}

bool audit_options_parse(int argc, char **argv, struct audit_options *options_out) {
    static const char *const NAMES[] = {"--region", "--format", "--output", "--fail-on", NULL};
    *options_out = (struct audit_options){.fails_on_non_compliant = true, .fails_on_unknown = true};
    struct cli_options rest = {.argc = argc, .argv = argv, .next = 1};
    const char *name;
    const char *value;
    while (next_option(&rest, NAMES, &name, &value)) {
        if (!set_option(options_out, name, value)) {
            return false;
        }
    }
    return all_options_taken(&rest);
}

static struct fleet_table_style table_style(const struct cli *cli,
                                            const struct audit_options *options) {
    struct winsize size = {0};
    if (options->output != NULL || !isatty(STDOUT_FILENO)) {
        return (struct fleet_table_style){0};
    }
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    /* The convention of https://no-color.org */
    bool is_dumb = str_eq(env_get(cli->env, "TERM"), STR("dumb"));
    return (struct fleet_table_style){
        .has_color = !is_dumb && str_is_empty(env_get(cli->env, "NO_COLOR")), .width = size.ws_col};
}

static void write_table(struct buf *out, const struct cli *cli, const struct audit_options *options,
                        const struct fleet *fleet) {
    const struct fleet_table_style style = table_style(cli, options);
    fleet_write_table(out, cli->arena, fleet, &style);
}

static void write_document(struct buf *out, const struct cli *cli,
                           const struct audit_options *options, const struct fleet *fleet) {
    switch (options->format) {
    case FLEET_TABLE:
    case FLEET_FORMAT_COUNT:
        write_table(out, cli, options, fleet);
        break;
    case FLEET_JSON:
        fleet_write_json(out, cli->arena, fleet);
        break;
    case FLEET_CSV:
        fleet_write_csv(out, cli->arena, fleet);
        break;
    case FLEET_HTML:
        fleet_write_html(out, cli->arena, fleet, NULL);
        break;
    case FLEET_JUNIT:
        fleet_write_junit(out, cli->arena, fleet);
        break;
    case FLEET_SARIF:
        fleet_write_sarif(out, cli->arena, fleet);
        break;
    case FLEET_ASFF:
        fleet_write_asff(out, cli->arena, fleet);
        break;
    case FLEET_OCSF:
        fleet_write_ocsf(out, cli->arena, fleet);
        break;
    }
}

static bool write_fleet(const struct cli *cli, const struct audit_options *options,
                        const struct fleet *fleet, struct output *output) {
    struct buf out;
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    write_document(&out, cli, options, fleet);
    if (buf_status(&out) != STATUS_OK) {
        print_error("the document is larger than %zu bytes", DOCUMENT_BYTES_MAX);
        return false;
    }
    return output_write(output, buf_str(&out), cli->arena);
}

/* What is missing is told where people look, whatever the format can say of it. */
void print_gaps(const struct fleet *fleet) {
    for (size_t i = 0; i < fleet->gap_count; i++) {
        const struct fleet_gap *gap = &fleet->gaps[i];
        print_error("%" STR_FMT "%s%" STR_FMT ": %" STR_FMT, STR_ARG(gap->account_id),
                    str_is_empty(gap->account_id) ? "" : " ", STR_ARG(gap->region),
                    STR_ARG(gap->reason));
    }
    if (fleet->is_interrupted) {
        print_error("interrupted; load balancers judged so far: %zu", fleet->row_count);
    }
}

static enum cli_exit verdict_of(const struct fleet *fleet, const struct audit_options *options) {
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    if (fleet->is_unlisted || fleet->is_interrupted) {
        return CLI_ERROR;
    }
    if (options->fails_on_non_compliant && summary.non_compliant > 0) {
        return CLI_NON_COMPLIANT;
    }
    /* A gap may hold any number of load balancers that nobody judged. */
    bool has_unknown = summary.unknown > 0 || fleet->gap_count > 0;
    return options->fails_on_unknown && has_unknown ? CLI_UNKNOWN : CLI_FINE;
}

enum cli_exit command_audit(const struct cli *cli, int argc, char **argv) {
    struct audit_options options;
    struct output output;
    struct fleet fleet = {.version = STR(DESYNC_GUARD_VERSION)};
    struct error error = {0};
    if (!audit_options_parse(argc, argv, &options)) {
        return CLI_USAGE;
    }
    if (!output_open(&output, options.output, cli->arena)) {
        return CLI_ERROR;
    }
    if (audit_run(cli, &options, &fleet, &error) != STATUS_OK) {
        print_error("%" STR_FMT, STR_ARG(error.message));
        output_discard(&output);
        return CLI_ERROR;
    }
    fleet.generated_ms = cli->clock->now_ms(cli->clock);
    fleet_sort(&fleet);
    bool is_written = write_fleet(cli, &options, &fleet, &output);
    output_discard(&output);
    print_gaps(&fleet);
    enum cli_exit exit_code = is_written ? verdict_of(&fleet, &options) : CLI_ERROR;
    if (fleet.is_interrupted) {
        (void)flush_output();
        _Exit((int)exit_code); /* calls are still under way: see audit_run */
    }
    return exit_code;
}
