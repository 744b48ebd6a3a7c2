/* SPDX-License-Identifier: Apache-2.0
 *
 * Every command with its options: `help`, the man page, the shells' completions and the parser of
 * the options read this one table. Data only, so that .ci/pages.c can link it for any machine.
 */
#ifndef COMMAND_TABLE_H
#define COMMAND_TABLE_H

#include <stdbool.h>

enum option_id {
    OPTION_REGION,
    OPTION_FORMAT,
    OPTION_OUTPUT,
    OPTION_FAIL_ON,
    OPTION_BY,
    OPTION_NO_PROGRESS,
    OPTION_QUIET
};

struct option_info {
    const char *name;         /* "--region"; NULL ends the list */
    const char *value;        /* what stands for the value in texts; NULL: the option takes none */
    const char *const *words; /* the values there are, NULL at the end; NULL: any value */
    const char *text;
    enum option_id id;
};

enum command_id {
    COMMAND_INVOKE,
    COMMAND_EVALUATE,
    COMMAND_PLAN,
    COMMAND_AUDIT,
    COMMAND_EXPLAIN,
    COMMAND_REPORT,
    COMMAND_LOGS,
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_COUNT
};

struct command_info {
    const char *name;
    const char *arguments; /* behind the name; empty: none */
    const char *summary;
    const struct option_info *options; /* NULL: none */
    const char *details;               /* whole lines, for `help COMMAND` */
    bool takes_files;
};

extern const struct command_info COMMANDS[COMMAND_COUNT];

/* What `help` says behind the commands and the rule parameters. */
extern const char HELP_EXIT_CODES[]; /* whole lines */

struct variable_info {
    const char *name; /* NULL ends the list */
    const char *text;
};
extern const struct variable_info HELP_VARIABLES[];

#endif
