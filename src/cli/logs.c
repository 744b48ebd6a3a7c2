/* SPDX-License-Identifier: Apache-2.0
 *
 * `logs`: which files there are, and the report about them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_internal.h"
#include "logs_internal.h"
#include "output.h"
#include "report/traffic.h"

/* --- options -------------------------------------------------------------------------------- */

enum logs_format { LOGS_TABLE, LOGS_JSON, LOGS_CSV };

struct logs_options {
    size_t format; /* enum logs_format */
    enum group_key keys[TRAFFIC_KEYS_MAX];
    size_t key_count;
    unsigned group_keys; /* the same, as a set */
    bool is_quiet;
    bool hides_progress; /* --no-progress or --quiet */
};

static bool parse_keys(const char *list, struct logs_options *options) {
    options->key_count = 0;
    options->group_keys = 0;
    for (str rest = str_from_cstr(list); rest.ptr != NULL;) {
        str name = str_trim(str_split(&rest, ','));
        enum group_key key;
        if (!group_key_parse(name, &key)) {
            usage_error("logs",
                        "--by does not know \"%" STR_FMT
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

static bool parse_option(const struct cli_options *rest, const struct option_info *option,
                         const char *value, struct logs_options *options) {
    options->is_quiet = options->is_quiet || option->id == OPTION_QUIET;
    options->hides_progress = options->hides_progress || option->value == NULL;
    return option->id == OPTION_BY ? parse_keys(value, options)
           : option->id == OPTION_FORMAT
               ? parse_word(rest, option, str_from_cstr(value), &options->format)
               : true;
}

/* Options and paths in any order; "--" ends the options. Moves the paths to the front of argv,
 * behind the command; returns how many, or -1 when it printed a usage error. In place: there are
 * never more paths than arguments read. */
static int parse_arguments(int argc, char **argv, struct logs_options *options) {
    struct cli_options rest = options_begin(COMMAND_LOGS, argc, argv);
    bool takes_options = true;
    int path_count = 0;
    while (rest.next < argc) {
        char *argument = argv[rest.next];
        if (takes_options && strcmp(argument, "--") == 0) {
            takes_options = false;
            rest.next++;
        } else if (!takes_options || argument[0] != '-' || argument[1] == '\0') {
            argv[1 + path_count++] = argument;
            rest.next++;
        } else {
            const char *value;
            const struct option_info *option = next_option(&rest, &value);
            if (option == NULL || !parse_option(&rest, option, value, options)) {
                (void)(option == NULL && all_options_taken(&rest));
                return -1;
            }
        }
    }
    return path_count;
}

static bool check_paths(char **paths, int count) {
    int stdin_count = 0;
    for (int i = 0; i < count; i++) {
        stdin_count += strcmp(paths[i], "-") == 0 ? 1 : 0;
        if (paths[i][0] == '\0') {
            usage_error("logs", "a path is empty");
            return false;
        }
    }
    if (count == 0) {
        usage_error("logs", "logs takes at least one file or folder, or - for standard input");
    } else if (stdin_count > 1) {
        usage_error("logs", "standard input can be read once");
    }
    return count > 0 && stdin_count <= 1;
}

/* --- which files ---------------------------------------------------------------------------- */

/* Deeper than AWS's keys by far; below it would be a loop. */
#define DEPTH_MAX 64

static void add_file(struct log_files *files, struct log_file file) {
    ARENA_RESERVE(files->arena, files->files, files->count + 1, files->capacity);
    files->files[files->count++] = file;
}

static void add_note(struct log_files *files, const char *path, enum log_outcome outcome,
                     const char *why) {
    add_file(files, (struct log_file){.path = path,
                                      .outcome = outcome,
                                      .why = str_copy(files->arena, str_from_cstr(why))});
}

struct name_list {
    const char **names;
    size_t count;
    size_t capacity;
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Closes the folder before anything below is opened, so that depth costs no descriptors. false:
 * errno says why the list is not whole. */
static bool list_names(struct arena *arena, const char *path, struct name_list *list) {
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false;
    }
    const struct dirent *entry;
    errno = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ARENA_RESERVE(arena, list->names, list->count + 1, list->capacity);
            list->names[list->count++] = str_copy(arena, str_from_cstr(entry->d_name)).ptr;
        }
        errno = 0;
    }
    int problem = errno;
    (void)closedir(folder);
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof(*list->names), compare_names);
    }
    errno = problem;
    return problem == 0;
}

static void add_folder(struct log_files *files, const char *path, unsigned depth);

/* A file or, with all below it, a folder. A name may say that a file is no access log; otherwise
 * its lines do. */
static void add_path(struct log_files *files, const char *path, const struct stat *about,
                     unsigned depth) {
    enum access_log_kind kind = access_log_key_parse(str_from_cstr(path)).kind;
    bool is_regular = S_ISREG(about->st_mode);
    if (S_ISDIR(about->st_mode)) {
        add_folder(files, path, depth);
    } else if (kind != ACCESS_LOG_LINE && kind != ACCESS_LOG_UNPARSED) {
        add_note(files, path, LOG_SKIPPED, access_log_kind_name(kind));
    } else {
        add_file(files, (struct log_file){.path = path,
                                          .bytes = is_regular ? (uint64_t)about->st_size : 0,
                                          .is_stream = !is_regular});
    }
}

/* In the order of names. Skips links: what they name would be counted twice. Links are followed
 * where they are given as an argument: then they are meant. */
static void add_folder(struct log_files *files, const char *path, unsigned depth) {
    struct name_list list = {0};
    if (depth > DEPTH_MAX) {
        add_note(files, path, LOG_UNREADABLE,
                 str_format(files->arena, "more than %d folders deep", DEPTH_MAX).ptr);
        return;
    }
    if (!list_names(files->arena, path, &list)) {
        add_note(files, path, LOG_UNREADABLE, strerror(errno));
    }
    for (size_t i = 0; i < list.count; i++) {
        const char *separator = path[strlen(path) - 1] == '/' ? "" : "/";
        const char *entry = str_format(files->arena, "%s%s%s", path, separator, list.names[i]).ptr;
        struct stat about;
        if (list.names[i][0] == '.') {
            add_note(files, entry, LOG_SKIPPED, "hidden");
        } else if (lstat(entry, &about) != 0) {
            add_note(files, entry, LOG_UNREADABLE, strerror(errno));
        } else if (S_ISLNK(about.st_mode)) {
            add_note(files, entry, LOG_SKIPPED, "a link: what it names may be counted already");
        } else if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) {
            add_note(files, entry, LOG_SKIPPED, "not a file");
        } else {
            add_path(files, entry, &about, depth + 1);
        }
    }
}

static void add_argument(struct log_files *files, const char *path) {
    struct stat about;
    if (strcmp(path, "-") == 0) {
        add_file(files, (struct log_file){.path = path, .is_stream = true});
    } else if (stat(path, &about) != 0) {
        add_note(files, path, LOG_UNREADABLE, strerror(errno));
    } else {
        add_path(files, path, &about, 0);
    }
}

/* --- the report ----------------------------------------------------------------------------- */

/* What became of the files. */
static void add_files(struct traffic_report *report, const struct log_files *files) {
    struct traffic_note *skipped = ARENA_ARRAY(files->arena, struct traffic_note, files->count);
    struct traffic_note *errors = ARENA_ARRAY(files->arena, struct traffic_note, files->count);
    for (size_t i = 0; i < files->count; i++) {
        const struct log_file *file = &files->files[i];
        const struct traffic_note note = {str_from_cstr(file->path), file->why};
        report->file_count += file->outcome == LOG_READ || file->outcome == LOG_DAMAGED ? 1 : 0;
        if (file->outcome == LOG_SKIPPED) {
            skipped[report->skipped_count++] = note;
        } else if (file->outcome != LOG_READ) {
            errors[report->error_count++] = note;
        }
    }
    report->skipped = skipped;
    report->errors = errors;
}

static void print_notes(const struct traffic_note *notes, size_t count, const char *before) {
    for (size_t i = 0; i < count; i++) {
        print_error("%s%" STR_FMT ": %" STR_FMT, before, STR_ARG(notes[i].path),
                    STR_ARG(notes[i].why));
    }
}

static bool write_report(struct arena *arena, size_t format, const struct traffic_report *report) {
    struct output output;
    struct buf out;
    buf_init(&out, arena, DOCUMENT_BYTES_MAX);
    if (format == LOGS_TABLE) {
        traffic_write_table(&out, arena, report);
    } else if (format == LOGS_JSON) {
        traffic_write_json(&out, arena, report);
    } else {
        traffic_write_csv(&out, report);
    }
    if (!output_open(&output, NULL, arena)) {
        return false;
    }
    output.is_table = format == LOGS_TABLE;
    return output_write(&output, &out, arena);
}

/* A damaged file is an error although its sound part is counted: a share of blocked requests that
 * rests on half of the lines must not pass for the whole. */
enum cli_exit command_logs(const struct cli *cli, int argc, char **argv) {
    struct logs_options options = {0};
    struct log_files files = {.arena = cli->arena};
    struct progress progress;
    struct tally_result result;
    int path_count = parse_arguments(argc, argv, &options);
    if (path_count < 0 || !check_paths(argv + 1, path_count)) {
        return CLI_USAGE;
    }
    progress_begin(&progress, cli->clock, "MB", 1e-6,
                   !options.hides_progress && progress_has_terminal(cli->env));
    for (int i = 0; i < path_count; i++) {
        add_argument(&files, argv[1 + i]);
    }
    tally_finish(log_files_count(&files, options.group_keys, &progress), &result);
    struct traffic_report report = {.result = &result, .key_count = options.key_count};
    memcpy(report.keys, options.keys, sizeof(report.keys));
    add_files(&report, &files);
    bool is_written = write_report(cli->arena, options.format, &report);
    print_notes(report.errors, report.error_count, "");
    if (options.format == LOGS_CSV && !options.is_quiet) {
        print_notes(report.skipped, report.skipped_count, "skipped ");
    }
    return is_written && report.error_count == 0 ? CLI_FINE : CLI_ERROR;
}
