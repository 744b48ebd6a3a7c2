/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the commands: one file a command, one row a command in the table of cli.c.
 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "base/buf.h"
#include "cli/cli.h"

/* A Lambda event holds at most 6 MB; twice that leaves room for pretty-printed samples. */
#define EVENT_FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* Of audit and report: some 60,000 load balancers in the most wordy format. */
#define DOCUMENT_BYTES_MAX ((size_t)512 * 1024 * 1024)

struct command {
    const char *name;
    const char *synopsis;
    const char *summary;
    const char *details; /* for `help COMMAND` */
    enum cli_exit (*run)(const struct cli *cli, int argc,
                         char **argv); /* argv[0] is the command's name */
};
/* NULL-terminated by an empty name. */
extern const struct command COMMANDS[];

enum cli_exit command_evaluate(const struct cli *cli, int argc, char **argv);
enum cli_exit command_invoke(const struct cli *cli, int argc, char **argv);
enum cli_exit command_plan(const struct cli *cli, int argc, char **argv);
enum cli_exit command_audit(const struct cli *cli, int argc, char **argv);
enum cli_exit command_report(const struct cli *cli, int argc, char **argv);
enum cli_exit command_logs(const struct cli *cli, int argc, char **argv);
enum cli_exit command_help(const struct cli *cli, int argc, char **argv);
enum cli_exit command_version(const struct cli *cli, int argc, char **argv);

/* An app with its settings; AWS is reached after cli->connect. */
MUST_USE enum status open_app(const struct cli *cli, struct guard *app, struct error *error);
/* The whole file, or standard input for "-". INVALID (cannot be read) or TOO_LARGE names it in
 * *error. */
MUST_USE enum status read_input(const char *path, size_t bytes_max, struct arena *arena,
                                str *text_out, struct error *error);
/* `--name VALUE` or `--name=VALUE`, one after the other. */
struct cli_options {
    int argc;
    char **argv;
    int next;      /* index of the argument to read */
    bool is_wrong; /* one without a value; it was has_printed_error of */
};
/* false: there is no further option, or a wrong one. `names` is NULL-terminated. */
bool next_option(struct cli_options *options, const char *const *names, const char **name_out,
                 const char **value_out);
/* Nothing is left, and nothing was wrong; otherwise it prints an error. */
bool all_options_taken(const struct cli_options *options);

/* Each Region that could not be read, on stderr. */
struct fleet;
void print_gaps(const struct fleet *fleet);

/* Before anything is opened: nothing that is printed can reach a file or a connection. */
void keep_standard_files(void);

/* Nothing else prints (`make lint`): from here on all escape what would drive a terminal or forge a
 * line, see base/escape.h. */
/* The text and a newline on stdout; false when that failed (said on stderr). */
bool print_line(str line);
/* A whole text on stdout, with its line ends and, on a terminal, its colours; false likewise. */
bool print_document(str text);
/* Text of ours on stdout, with its line ends. flush_output says whether it arrived. */
__attribute__((format(printf, 1, 2))) void print(const char *format, ...);
/* Whether everything printed so far arrived; false is said on stderr. */
bool flush_output(void);
/* "bootstrap: message" on stderr */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);
/* Complains of wrong use, points at `help`. */
__attribute__((format(printf, 1, 2))) enum cli_exit usage_error(const char *format, ...);

#endif
