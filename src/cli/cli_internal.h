/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the commands: one file a command, one row a command in the table of cli.c.
 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "base/buf.h"
#include "cli/cli.h"
#include "command_table.h"

/* A Lambda event holds at most 6 MB; pretty-printed samples take more than twice that. */
#define EVENT_FILE_BYTES_MAX ((size_t)16 * 1024 * 1024)

/* Of audit, report and logs: some 60,000 load balancers in the most wordy format. */
#define DOCUMENT_BYTES_MAX ((size_t)512 * 1024 * 1024)

/* argv[0] is the command's name. Each returns the process's exit code, and has printed its
 * errors. */
enum cli_exit command_evaluate(const struct cli *cli, int argc, char **argv);
enum cli_exit command_invoke(const struct cli *cli, int argc, char **argv);
enum cli_exit command_plan(const struct cli *cli, int argc, char **argv);
enum cli_exit command_audit(const struct cli *cli, int argc, char **argv);
enum cli_exit command_report(const struct cli *cli, int argc, char **argv);
enum cli_exit command_explain(const struct cli *cli, int argc, char **argv);
enum cli_exit command_logs(const struct cli *cli, int argc, char **argv);

/* Parses the settings of *guard from the environment; false: it printed the error. */
bool open_guard(const struct cli *cli, struct guard *guard);
/* For --quiet: from here on no warning is printed. */
void be_quiet(const struct cli *cli);
/* Lets an open guard call AWS, without a deadline. `arena` lives as long as the guard. */
bool connect_guard(const struct cli *cli, struct guard *guard, struct arena *arena);

/* The whole file, or standard input for "-". INVALID (cannot be read) or TOO_LARGE names it in
 * *error. */
MUST_USE enum status read_input(const char *path, size_t bytes_max, struct arena *arena,
                                str *text_out, struct error *error);

/* --- options: `--name VALUE` or `--name=VALUE`, one after the other --------------------------- */

struct cli_options {
    const struct command_info *command; /* whose options are taken */
    int argc;
    char **argv;
    int next;      /* index of the argument to read */
    bool is_wrong; /* one had no value, or one that it does not take, which was printed */
};
/* For the command's arguments, of which the first is its name. */
struct cli_options options_begin(enum command_id id, int argc, char **argv);
/* NULL: there is no further option, or a wrong one. The value is NULL for one that takes none. */
const struct option_info *next_option(struct cli_options *options, const char **value_out);
/* true when no argument is left and none was wrong; otherwise it prints a usage error. */
bool all_options_taken(const struct cli_options *options);
/* The index of `value` in the words of the option; false: it prints a usage error with all of
 * them. */
bool parse_word(const struct cli_options *options, const struct option_info *option, str value,
                size_t *index_out);

/* For --region, which may be repeated and hold a list. */
#define REGIONS_MAX 64
struct cli_regions {
    str items[REGIONS_MAX]; /* each once */
    size_t count;
};
/* Adds those of `list`; false: it prints a usage error. */
bool parse_regions(const struct cli_options *options, const char *list,
                   struct cli_regions *regions);

/* --- printing: nothing else prints (`make lint`) ---------------------------------------------- */
/* All of them escape what would drive a terminal or forge a line, see base/escape.h. */

/* The text and a newline on stdout; false: that failed, which stderr says. */
bool print_line(str line);
/* A whole text on stdout, with its line ends and, on a terminal, its colours; false likewise. */
bool print_document(str text);
/* Likewise, with lines broken at the width of the terminal. */
bool print_table(str text);
/* Columns of the terminal; 0: it is none. */
size_t terminal_width(int file);
/* Whether everything printed so far arrived; otherwise stderr says why not. */
bool flush_output(void);
/* How the program was called: "bootstrap" or, by any other name, "desync-guard". */
void set_program_name(const char *path);
const char *program_name(void);
/* "bootstrap: message" on stderr, and what to do next where report/next_step.h knows. */
__attribute__((format(printf, 1, 2))) void print_error(const char *format, ...);
/* Likewise, and points at `help` of this command; "": of all. */
__attribute__((format(printf, 2, 3))) enum cli_exit usage_error(const char *command,
                                                                const char *format, ...);
/* Whether it is STATUS_OK; otherwise prints the error. */
bool ok_or_print(enum status status, const struct error *error);
/* Whole lines of ours for people, on stderr; a line end is added. */
void print_note(str text);
/* The Regions of the fleet that could not be read, by cause, on stderr. */
struct fleet;
void print_gaps(const struct fleet *fleet);

/* Before anything is opened: nothing that is printed can reach a file or a connection. */
void keep_standard_files(void);

#endif
