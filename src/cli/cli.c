/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <signal.h>
#include <string.h>

static enum cli_exit command_help(const struct cli *cli, int argc, char **argv);
static enum cli_exit print_help(const struct cli *cli, const struct command_info *command);
static enum cli_exit command_version(const struct cli *cli, int argc, char **argv);

static enum cli_exit (*const RUN[COMMAND_COUNT])(const struct cli *cli, int argc, char **argv) = {
    [COMMAND_INVOKE] = command_invoke,   [COMMAND_EVALUATE] = command_evaluate,
    [COMMAND_PLAN] = command_plan,       [COMMAND_AUDIT] = command_audit,
    [COMMAND_EXPLAIN] = command_explain, [COMMAND_REPORT] = command_report,
    [COMMAND_LOGS] = command_logs,       [COMMAND_HELP] = command_help,
    [COMMAND_VERSION] = command_version,
};

/* Exact names: an abbreviation that works today is ambiguous with the next command. COMMAND_COUNT:
 * there is none, which was printed. */
static enum command_id find_command(const char *name) {
    enum command_id id = COMMAND_INVOKE;
    while (id < COMMAND_COUNT && strcmp(COMMANDS[id].name, name) != 0) {
        id++;
    }
    if (id == COMMAND_COUNT) {
        usage_error("", "there is no command \"%s\"", name);
    }
    return id;
}

static bool is_help(const char *argument) {
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* Without the line's end. */
static void print_log_line(void *context, str line) {
    (void)context;
    print_error("%" STR_FMT, STR_ARG(str_trim(line)));
}

/* Output is flushed last and checked: a full disk must not end in exit code 0. The verdicts' codes
 * (3 and 4) are lost then, for a document that did not arrive says nothing. */
enum cli_exit cli_run(const struct cli *cli, int argc, char **argv) {
    int skipped = argc > 1 ? 1 : 0; /* our own name; without a command, `help` gets it */
    const char *name = skipped == 1 ? argv[1] : "help";
    keep_standard_files();
    set_program_name(argc > 0 ? argv[0] : "");
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that would grow too large is an error that we print */
    if (is_help(name)) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    enum command_id id = find_command(name);
    if (id == COMMAND_COUNT) {
        return CLI_USAGE;
    }
    for (int i = 2; i < argc; i++) {
        if (is_help(argv[i])) {
            return print_help(cli, &COMMANDS[id]);
        }
    }
    if (id != COMMAND_INVOKE) { /* that logs as in Lambda */
        cli->log->format = LOG_FORMAT_NOTE;
        cli->log->write = print_log_line;
    }
    enum cli_exit exit_code = RUN[id](cli, argc - skipped, argv + skipped);
    bool has_failed = exit_code == CLI_ERROR || exit_code == CLI_USAGE;
    return !has_failed && !flush_output() ? CLI_ERROR : exit_code;
}

static void append_command(struct buf *out, const struct command_info *command) {
    buf_printf(out, "%s %s%s%s\n\n%s.\n%s", program_name(), command->name,
               command->arguments[0] == '\0' ? "" : " ", command->arguments, command->summary,
               command->options == NULL ? "" : "\n");
    for (const struct option_info *o = command->options; o != NULL && o->name != NULL; o++) {
        buf_printf(out, "  %s %-*s %s", o->name, 15 - (int)strlen(o->name),
                   o->value == NULL ? "" : o->value, o->text);
        for (size_t i = 0; o->words != NULL && o->words[i] != NULL; i++) {
            buf_printf(out, "%s%s", i == 0 ? ": " : ", ", o->words[i]);
        }
        buf_printf(out, "\n");
    }
    buf_printf(out, "%s%s", command->options == NULL ? "" : "\n", command->details);
}

static void append_commands(struct buf *out) {
    buf_printf(out,
               "desync-guard judges the desync mitigation mode of Application Load Balancers.\n"
               "In AWS Lambda it serves events; elsewhere it takes a command:\n\n");
    int widest = 0;
    for (enum command_id id = COMMAND_INVOKE; id < COMMAND_COUNT; id++) {
        int width = (int)(strlen(COMMANDS[id].name) + strlen(COMMANDS[id].arguments));
        widest = width > widest ? width : widest;
    }
    for (enum command_id id = COMMAND_INVOKE; id < COMMAND_COUNT; id++) {
        buf_printf(out, "  %s %-*s %s\n", COMMANDS[id].name,
                   widest - (int)strlen(COMMANDS[id].name), COMMANDS[id].arguments,
                   COMMANDS[id].summary);
    }
    buf_printf(out, "\nRule parameters (AWS Config ruleParameters, or the environment):\n\n");
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "  %-22s %s\n", infos[i].name, infos[i].accepted);
        buf_printf(out, "  %-22s default: %s; environment: %s\n", "",
                   infos[i].value_default[0] == '\0' ? "(none)" : infos[i].value_default,
                   infos[i].environment);
    }
    buf_printf(out, "\nExit codes: %s\nOther variables of the environment:\n\n", HELP_EXIT_CODES);
    for (const struct variable_info *v = HELP_VARIABLES; v->name != NULL; v++) {
        buf_printf(out, "  %-22s %s\n", v->name, v->text);
    }
}

/* NULL: that of all commands. */
static enum cli_exit print_help(const struct cli *cli, const struct command_info *command) {
    struct buf out;
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    if (command != NULL) {
        append_command(&out, command);
    } else {
        append_commands(&out);
    }
    return print_table(buf_str(&out)) ? CLI_FINE : CLI_ERROR;
}

static enum cli_exit command_help(const struct cli *cli, int argc, char **argv) {
    if (argc > 2) {
        return usage_error("help", "help takes at most one command");
    }
    if (argc < 2) {
        return print_help(cli, NULL);
    }
    enum command_id id = find_command(argv[1]);
    return id == COMMAND_COUNT ? CLI_USAGE : print_help(cli, &COMMANDS[id]);
}

static enum cli_exit command_version(const struct cli *cli, int argc, char **argv) {
    (void)cli;
    (void)argv;
    if (argc > 1) {
        return usage_error("version", "version takes no argument");
    }
    return print_line(STR("desync-guard " DESYNC_GUARD_VERSION)) ? CLI_FINE : CLI_ERROR;
}
