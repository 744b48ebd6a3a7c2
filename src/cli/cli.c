/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_internal.h"

#include <signal.h>
#include <string.h>

static enum cli_exit command_help(const struct cli *cli, int argc, char **argv);
static enum cli_exit command_version(const struct cli *cli, int argc, char **argv);

static const struct command {
    const char *name;
    const char *synopsis;
    const char *summary;
    const char *details; /* for `help COMMAND` */
    enum cli_exit (*run)(const struct cli *cli, int argc, char **argv);
} COMMANDS[] = {
    {"invoke", "invoke EVENT.json", "handle one event exactly as in Lambda and print the response",
     "Reads the event from the file, or from standard input for \"-\". Calls AWS with\n"
     "the credentials and the Region of the environment. Prints the response as JSON.\n"
     "Prints an error as errorType and errorMessage, and ends with exit code 1.\n",
     command_invoke},
    {"evaluate", "evaluate EVENT.json...",
     "judge from what is in the files, without network; one JSON verdict a line",
     "Each file holds one AWS Config rule invocation; \"-\" is standard input. Ignores\n"
     "the age of an item. An oversized notification is unknown. Names a file that it\n"
     "cannot judge on standard error, and still judges the others.\n"
     "Exit code: 1 a file was no valid event, 3 something is non-compliant,\n"
     "4 something is unknown, else 0.\n",
     command_evaluate},
    {"plan", "plan [--format table|json]", "what enforcement would change in this Region, and why",
     "Reads every load balancer live, judges it by the settings of the environment and\n"
     "changes nothing, whatever ENFORCEMENT is. Prints a line for each load balancer\n"
     "that enforcement would change or may not change: what is planned, its name, the\n"
     "mode now and then, the reason. json prints the actions as in the response of an\n"
     "invocation.\n"
     "Exit code: 1 when not every load balancer could be read, else 0.\n",
     command_plan},
    {"audit", "audit [OPTIONS]",
     "judge all load balancers of accounts and Regions; changes and reports nothing",
     "--region R       a Region; may be repeated (default: that of the environment)\n"
     "--format F       table (default), json, csv, html, junit, sarif, asff or ocsf\n"
     "--output FILE    replace FILE when all is done; standard output without it\n"
     "--fail-on LIST   non_compliant, unknown or both (default: both); or never\n"
     "With CROSS_ACCOUNT_ROLE it judges the accounts of ALLOWED_ACCOUNTS, too. Ctrl-C\n"
     "prints what is known so far.\n"
     "Exit code: 1 nothing could be listed, or the run was interrupted; 3 something is\n"
     "non-compliant, 4 something is unknown or could not be listed (3 and 4 as --fail-on\n"
     "says), else 0.\n",
     command_audit},
    {"report", "report [OPTIONS]",
     "the posture report of this Region: KPIs, trend, exceptions, changes, candidates",
     "--format F       text (default), html, json or csv\n"
     "--output FILE    replace FILE when all is done; standard output without it\n"
     "Judges live, and reads the state table (STATE_TABLE) and CloudWatch. Writes to\n"
     "neither. There is no history without a table.\n"
     "Exit code: 1 when not everything could be read, else 0.\n",
     command_report},
    {"logs", "logs [--by KEYS] [--format table|json|csv] PATH...",
     "which clients strictest would block, by the load balancers' own access logs",
     "Reads files, folders with all below them, and standard input for \"-\": gzip or\n"
     "plain text, of every age. Skips and names other kinds of logs. KEYS is a list of\n"
     "class, reason, client, user-agent, host: requests are also counted by these,\n"
     "together. csv prints these groups or, without --by, the clients that would be\n"
     "blocked. Reads as many files at once as there are processors.\n"
     "Exit code: 1 when a file could not be read or is damaged (its sound part and all\n"
     "other files are counted), else 0.\n",
     command_logs},
    {"help", "help [COMMAND]", "print this text, or more about one command", "", command_help},
    {"version", "version", "print the version", "", command_version},
};

#define COMMAND_COUNT (sizeof COMMANDS / sizeof *COMMANDS)

/* Exact names: an abbreviation that works today is ambiguous with the next command. */
static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) {
            return &COMMANDS[i];
        }
    }
    usage_error("there is no command \"%s\"", name);
    return NULL;
}

/* Output is flushed last and checked: a full disk must not end in exit code 0. The verdicts' codes
 * (3 and 4) are lost then, for a document that did not arrive says nothing. */
enum cli_exit cli_run(const struct cli *cli, int argc, char **argv) {
    int skipped = argc > 1 ? 1 : 0; /* our own name; without a command, `help` gets it */
    const char *name = skipped == 1 ? argv[1] : "help";
    keep_standard_files();
    (void)signal(SIGXFSZ, SIG_IGN); /* a file that would grow too large is an error that we print */
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        name = "help";
    } else if (strcmp(name, "--version") == 0) {
        name = "version";
    }
    const struct command *command = find_command(name);
    if (command == NULL) {
        return CLI_USAGE;
    }
    enum cli_exit exit_code = command->run(cli, argc - skipped, argv + skipped);
    bool has_failed = exit_code == CLI_ERROR || exit_code == CLI_USAGE;
    return !has_failed && !flush_output() ? CLI_ERROR : exit_code;
}

static enum cli_exit command_help(const struct cli *cli, int argc, char **argv) {
    (void)cli;
    if (argc > 2) {
        return usage_error("help takes at most one command");
    }
    if (argc == 2) {
        const struct command *command = find_command(argv[1]);
        if (command == NULL) {
            return CLI_USAGE;
        }
        print("bootstrap %s\n\n%s.\n%s", command->synopsis, command->summary, command->details);
        return CLI_FINE;
    }
    print("desync-guard judges the desync mitigation mode of Application Load Balancers.\n"
          "In AWS Lambda it serves events; elsewhere it takes a command:\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        print("  %-24s %s\n", COMMANDS[i].synopsis, COMMANDS[i].summary);
    }
    print("\nRule parameters (AWS Config ruleParameters, or the environment):\n\n");
    size_t count;
    const struct policy_parameter_info *infos = policy_parameter_infos(&count);
    for (size_t i = 0; i < count; i++) {
        print("  %-22s %s\n", infos[i].name, infos[i].accepted);
        print("  %-22s default: %s; environment: %s\n", "",
              infos[i].value_default[0] == '\0' ? "(none)" : infos[i].value_default,
              infos[i].environment);
    }
    return CLI_FINE;
}

static enum cli_exit command_version(const struct cli *cli, int argc, char **argv) {
    (void)cli;
    (void)argv;
    if (argc > 1) {
        return usage_error("version takes no argument");
    }
    print("desync-guard %s\n", DESYNC_GUARD_VERSION);
    return CLI_FINE;
}
