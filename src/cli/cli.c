/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <signal.h>
#include <string.h>

const struct command COMMANDS[] = {
    {"invoke", "invoke EVENT.json", "handle one event exactly as in Lambda and print the response",
     "Reads the event from the file, or from standard input for \"-\". AWS is called with the "
     "credentials and\n"
     "region of the environment. Prints the response JSON; an error is printed as errorType and "
     "errorMessage\n"
     "and ends with exit code 1.\n",
     command_invoke},
    {"evaluate", "evaluate EVENT.json...",
     "judge from what is in the files, without network; one JSON verdict a line",
     "Each file holds one AWS Config rule invocation (\"-\" is standard input). The age of an item "
     "is ignored; an\n"
     "oversized notification is unknown. A file that cannot be judged is named on standard error "
     "and the others\n"
     "are still judged.\n"
     "Exit code: 1 a file was no valid event, 3 something is non-compliant, 4 something is "
     "unknown, else 0.\n",
     command_evaluate},
    {"plan", "plan [--format table|json]", "what enforcement would change in this Region, and why",
     "Reads every load balancer live, judges it by the environment's settings and changes nothing, "
     "whatever\n"
     "ENFORCEMENT is. A line for each that would be changed or must not be: what is planned, the "
     "load balancer,\n"
     "the mode now and then, the reason. json prints the actions as in the response of an "
     "invocation.\n"
     "Exit code: 1 when not every load balancer could be read, else 0.\n",
     command_plan},
    {"audit", "audit [OPTIONS]",
     "judge all load balancers of accounts and Regions; changes and reports nothing",
     "--region R       a Region, may be repeated; otherwise that of the environment\n"
     "--format F       table (default), json, csv, html, junit, sarif, asff or ocsf\n"
     "--output FILE    write there instead of standard output; FILE is replaced when all is done\n"
     "--fail-on LIST   non_compliant, unknown or both (default: both); or never\n"
     "With CROSS_ACCOUNT_ROLE the accounts of ALLOWED_ACCOUNTS are judged, too. Ctrl-C shows what "
     "is known so far.\n"
     "Exit code: 1 nothing could be listed, or the run was interrupted; 3 something is "
     "non-compliant, 4 something\n"
     "is unknown or could not be listed (each when it is to fail), else 0.\n",
     command_audit},
    {"report", "report [OPTIONS]",
     "the posture report of this Region: KPIs, trend, exceptions, changes, candidates",
     "--format F       text (default), html, json or csv\n"
     "--output FILE    write there instead of standard output; FILE is replaced when all is done\n"
     "Judges live and reads the state table (STATE_TABLE) and CloudWatch; writes to neither. "
     "Without "
     "a table\n"
     "there is no history.\n"
     "Exit code: 1 not everything could be read, else 0.\n",
     command_report},
    {"logs", "logs [--by KEYS] [--format table|json|csv] PATH...",
     "whom strictest would block, by the load balancers' own access logs",
     "Reads files, folders with all below them, and standard input for \"-\": gzip or plain text, "
     "of every\n"
     "age. Other kinds of logs are skipped and named. KEYS, a list of class, reason, client, "
     "user-agent, host,\n"
     "also counts by these, together. csv prints these groups or, without --by, who would be "
     "blocked. As many\n"
     "files are read at once as there are processors.\n"
     "Exit code: 1 when a file was unreadable or damaged (what was sound of it, and all others, "
     "are "
     "counted),\n"
     "else 0.\n",
     command_logs},
    {"help", "help [COMMAND]", "this text, or more about one command", "", command_help},
    {"version", "version", "print the version", "", command_version},
    {"", NULL, NULL, NULL, NULL},
};

static const struct command *find_command(const char *name) {
    const struct command *command = COMMANDS;
    while (command->name[0] != '\0' && strcmp(command->name, name) != 0) {
        command++;
    }
    return command->name[0] == '\0' ? NULL : command;
}

enum cli_exit cli_run(const struct cli *cli, int argc, char **argv) {
    bool has_command = argc > 1;
    const char *name = has_command ? argv[1] : "help";
    keep_standard_files();
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that would grow too large is an error that we say */
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        return usage_error("there is no command \"%s\"", name);
    }
    enum cli_exit exit_code =
        has_command ? command->run(cli, argc - 1, argv + 1) : command->run(cli, 1, argv);
    bool has_failed = exit_code == CLI_ERROR || exit_code == CLI_USAGE;
    return !has_failed && !flush_output() ? CLI_ERROR : exit_code;
}

/* Two columns, the first as wide as its longest entry. */
static void print_commands(void) {
    for (const struct command *command = COMMANDS; command->name[0] != '\0'; command++) {
        print("  %-24s %s\n", command->synopsis, command->summary);
    }
}

static void print_parameters(void) {
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    for (size_t i = 0; i < count; i++) {
        print("  %-22s %s\n", infos[i].name, infos[i].accepted);
        print("  %-22s default: %s; environment: %s\n", "",
              infos[i].value_default[0] == '\0' ? "(none)" : infos[i].value_default,
              infos[i].environment);
    }
}

enum cli_exit command_help(const struct cli *cli, int argc, char **argv) {
    (void)cli;
    if (argc > 2) {
        return usage_error("help takes at most one command");
    }
    if (argc == 2) {
        const struct command *command = find_command(argv[1]);
        if (command == NULL) {
            return usage_error("there is no command \"%s\"", argv[1]);
        }
        print("bootstrap %s\n\n%s.\n%s", command->synopsis, command->summary, command->details);
        return CLI_FINE;
    }
    print("desync-guard judges the desync mitigation mode of Application Load Balancers.\n"
          "In AWS Lambda it serves events; elsewhere it takes a command:\n\n");
    print_commands();
    print("\nRule parameters (AWS Config ruleParameters, or the environment):\n\n");
    print_parameters();
    return CLI_FINE;
}

enum cli_exit command_version(const struct cli *cli, int argc, char **argv) {
    (void)cli;
    (void)argv;
    if (argc > 1) {
        return usage_error("version takes no argument");
    }
    print("desync-guard %s\n", DESYNC_GUARD_VERSION);
    return CLI_FINE;
}
