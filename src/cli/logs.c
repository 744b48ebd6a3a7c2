/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli_internal.h"
#include "logs_internal.h"
#include "output.h"
#include "progress.h"

/* Ten thousand groups and offenders, each of some long texts, by far. */
#define OUTPUT_BYTES_MAX ((size_t)256 * 1024 * 1024)

enum logs_format { LOGS_TABLE, LOGS_JSON, LOGS_CSV };

struct logs_options {
    enum logs_format format;
    enum group_key keys[TRAFFIC_KEYS_MAX];
    size_t key_count;
    unsigned group_keys; /* the same, as a set */
};

static bool parse_format(const char *name, enum logs_format *format_out) {
    static const char *const names[] = {"table", "json", "csv"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *format_out = (enum logs_format)i;
            return true;
        }
    }
    usage_error("there is no format \"%s\": table, json, csv", name);
    return false;
}

static bool parse_keys(const char *list, struct logs_options *options) {
    options->key_count = 0;
    options->group_keys = 0;
    for (str rest = str_from_cstr(list); rest.ptr != NULL;) {
        str name = str_trim(str_split(&rest, ','));
        enum group_key key;
        if (!group_key_parse(name, &key)) {
            usage_error("--by does not know \"%" STR_FMT
                        "\": class, reason, client, user-agent, host",
                        STR_ARG(name));
            return false;
        }
        if ((options->group_keys & key) == 0) {
            options->keys[options->key_count++] = key;
            options->group_keys |= key;
        }
    }
    return true;
}

static bool is_option_like(const char *argument) {
    return argument[0] == '-' && argument[1] != '\0';
}

static bool take_option(struct cli_options *cursor, struct logs_options *options) {
    static const char *const names[] = {"--by", "--format", NULL};
    const char *name;
    const char *value;
    if (!next_option(cursor, names, &name, &value)) {
        return all_options_taken(cursor);
    }
    return strcmp(name, "--by") == 0 ? parse_keys(value, options)
                                     : parse_format(value, &options->format);
}

/* Options and paths in any order; "--" ends the options. The paths are moved to the front of argv,
 * behind the command; returns how many, or -1 when it was has_printed_error of. */
static int parse_arguments(int argc, char **argv, struct logs_options *options) {
    struct cli_options cursor = {.argc = argc, .argv = argv, .next = 1};
    bool takes_options = true;
    int path_count = 0;
    while (cursor.next < argc) {
        char *argument = argv[cursor.next];
        if (takes_options && strcmp(argument, "--") == 0) {
            takes_options = false;
            cursor.next++;
        } else if (takes_options && is_option_like(argument)) {
            if (!take_option(&cursor, options)) {
                return -1;
            }
        } else {
            argv[1 + path_count++] = argument;
            cursor.next++;
        }
    }
    return path_count;
}

/* What nobody would have meant. */
static bool check_paths(char **paths, int count) {
    int stdin_count = 0;
    for (int i = 0; i < count; i++) {
        stdin_count += strcmp(paths[i], "-") == 0 ? 1 : 0;
        if (paths[i][0] == '\0') {
            usage_error("a path is empty");
            return false;
        }
    }
    if (count == 0) {
        usage_error("logs takes at least one file or folder, or - for standard input");
    } else if (stdin_count > 1) {
        usage_error("standard input can be read once");
    }
    return count > 0 && stdin_count <= 1;
}

static bool write_report(struct arena *arena, enum logs_format format,
                         const struct traffic_report *report) {
    struct buf out;
    buf_init(&out, arena, OUTPUT_BYTES_MAX);
    switch (format) {
    case LOGS_TABLE:
        traffic_write_table(&out, arena, report);
        break;
    case LOGS_JSON:
        traffic_write_json(&out, arena, report);
        break;
    case LOGS_CSV:
        traffic_write_csv(&out, report);
        break;
    }
    if (buf_status(&out) != STATUS_OK) {
        print_error("the report is larger than %zu bytes", OUTPUT_BYTES_MAX);
        return false;
    }
    struct output output;
    return output_open(&output, NULL, arena) && output_write(&output, buf_str(&out), arena);
}

static void print_notes(const struct note_list *list, const char *before) {
    for (size_t i = 0; i < list->count; i++) {
        print_error("%s%" STR_FMT ": %" STR_FMT, before, STR_ARG(list->notes[i].path),
                    STR_ARG(list->notes[i].why));
    }
}

enum cli_exit command_logs(const struct cli *cli, int argc, char **argv) {
    struct logs_options options = {.format = LOGS_TABLE};
    struct log_files files = {.arena = cli->arena};
    struct progress progress;
    int path_count = parse_arguments(argc, argv, &options);
    if (path_count < 0 || !check_paths(argv + 1, path_count)) {
        return CLI_USAGE;
    }
    progress_begin(&progress, cli->clock, "MB", 1e-6, progress_has_terminal(cli->env));
    for (int i = 0; i < path_count; i++) {
        log_files_add(&files, argv[1 + i]);
    }
    struct log_results results = log_files_count(&files, options.group_keys, &progress);
    struct tally_result result;
    tally_finish(results.tally, &result);
    struct traffic_report report = {
        .result = &result,
        .file_count = results.read_count,
        .skipped = files.skipped.notes,
        .skipped_count = files.skipped.count,
        .errors = files.errors.notes,
        .error_count = files.errors.count,
        .key_count = options.key_count,
    };
    memcpy(report.keys, options.keys, sizeof(report.keys));
    bool is_written = write_report(cli->arena, options.format, &report);
    print_notes(&files.errors, "");
    if (options.format == LOGS_CSV) {
        print_notes(&files.skipped, "skipped ");
    }
    return is_written && files.errors.count == 0 ? CLI_FINE : CLI_ERROR;
}
