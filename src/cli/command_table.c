/* SPDX-License-Identifier: Apache-2.0 */
#include "command_table.h"

#include <stddef.h>

#include "report/fleet.h"

/* In the order of the enums that their commands read them into. */
static const char *const TABLE_JSON[] = {"table", "json", NULL};
static const char *const TABLE_JSON_CSV[] = {"table", "json", "csv", NULL};
static const char *const TEXT_JSON[] = {"text", "json", NULL};
static const char *const REPORT_FORMATS[] = {"text", "html", "json", "csv", NULL};
static const char *const FAIL_ON_WORDS[] = {"non_compliant", "unknown", "never", NULL};
static const char *const BY_WORDS[] = {"class", "reason", "client", "user-agent", "host", NULL};

#define FORMAT(usual, words)                                                                       \
    { "--format", "F", words, "form of the output, " usual " without it", OPTION_FORMAT }
#define OUTPUT                                                                                     \
    {                                                                                              \
        "--output", "FILE", NULL, "replace FILE when all is done; standard output without it",     \
            OPTION_OUTPUT                                                                          \
    }
#define NO_PROGRESS                                                                                \
    { "--no-progress", NULL, NULL, "draw no progress bar on a terminal", OPTION_NO_PROGRESS }
#define QUIET                                                                                      \
    { "--quiet", NULL, NULL, "write nothing but errors to standard error", OPTION_QUIET }

static const struct option_info PLAN_OPTIONS[] = {
    FORMAT("table", TABLE_JSON), QUIET, {.name = NULL}};
static const struct option_info AUDIT_OPTIONS[] = {
    {"--region", "R", NULL,
     "a Region, or several by commas; may be repeated; that of the environment without it",
     OPTION_REGION},
    FORMAT("table", FLEET_FORMAT_NAMES),
    OUTPUT,
    {"--fail-on", "LIST", FAIL_ON_WORDS, "verdicts that end with 3 and 4, both without it",
     OPTION_FAIL_ON},
    NO_PROGRESS,
    QUIET,
    {.name = NULL}};
static const struct option_info EXPLAIN_OPTIONS[] = {
    {"--region", "R", NULL,
     "where NAME is looked for, or several by commas; that of the environment without it",
     OPTION_REGION},
    FORMAT("text", TEXT_JSON),
    QUIET,
    {.name = NULL}};
static const struct option_info REPORT_OPTIONS[] = {
    FORMAT("text", REPORT_FORMATS), OUTPUT, QUIET, {.name = NULL}};
static const struct option_info LOGS_OPTIONS[] = {
    {"--by", "KEYS", BY_WORDS, "count requests by these keys together, too", OPTION_BY},
    FORMAT("table", TABLE_JSON_CSV),
    NO_PROGRESS,
    QUIET,
    {.name = NULL}};

const struct command_info COMMANDS[COMMAND_COUNT] = {
    [COMMAND_INVOKE] =
        {"invoke", "EVENT.json", "handle one event exactly as in Lambda and print the response",
         NULL,
         "Reads the event from the file, or from standard input for \"-\". Calls AWS with\n"
         "the credentials and the Region of the environment. Prints the response as JSON.\n"
         "Prints an error as errorType and errorMessage, and ends with exit code 1.\n",
         true},
    [COMMAND_EVALUATE] =
        {"evaluate", "EVENT.json...",
         "judge from what is in the files, without network; one JSON verdict a line", NULL,
         "Each file holds one AWS Config rule invocation; \"-\" is standard input. Ignores\n"
         "the age of an item. An oversized notification is unknown. Names a file that it\n"
         "cannot judge on standard error, and still judges the others.\n"
         "Exit code: 1 a file was no valid event, 3 something is non-compliant,\n"
         "4 something is unknown, else 0.\n",
         true},
    [COMMAND_PLAN] =
        {"plan", "[OPTIONS]", "what enforcement would change in this Region, and why", PLAN_OPTIONS,
         "Reads every load balancer live, judges it by the settings of the environment and\n"
         "changes nothing, whatever ENFORCEMENT is. Prints a line for each load balancer\n"
         "that enforcement would change or may not change: what is planned, its name, the\n"
         "mode now and then, the reason. json prints the actions as in the response of an\n"
         "invocation.\n"
         "Exit code: 1 when not every load balancer could be read, else 0.\n",
         false},
    [COMMAND_AUDIT] =
        {"audit", "[OPTIONS]",
         "judge all load balancers of accounts and Regions; changes and reports nothing",
         AUDIT_OPTIONS,
         "With CROSS_ACCOUNT_ROLE it judges the accounts of ALLOWED_ACCOUNTS, too. Ctrl-C\n"
         "prints what is known so far. On a terminal it first says in which account and\n"
         "with which role it reads; that takes one call of sts:GetCallerIdentity.\n"
         "Exit code: 1 nothing could be listed, or the run was interrupted; 3 something is\n"
         "non-compliant, 4 something is unknown or could not be listed (3 and 4 as --fail-on\n"
         "says), else 0.\n",
         false},
    [COMMAND_EXPLAIN] =
        {"explain", "NAME|ARN [OPTIONS]", "everything about one load balancer on one screen",
         EXPLAIN_OPTIONS,
         "Reads the load balancer live and judges it by the settings of the environment.\n"
         "Shows the facts, the verdict with its findings, owner, exception, evidence, what\n"
         "enforcement and promotion would do and when, the history (with STATE_TABLE), and\n"
         "the exact fix for each tool that may describe it. Changes nothing. Names what it\n"
         "could not read at the end, and shows the rest. An ARN says its Region itself.\n"
         "Exit code: 1 it was not found, several have that name, or something could not be\n"
         "read; else 0.\n",
         false},
    [COMMAND_REPORT] =
        {"report", "[OPTIONS]",
         "the posture report of this Region: KPIs, trend, exceptions, changes, candidates",
         REPORT_OPTIONS,
         "Judges live, and reads the state table (STATE_TABLE) and CloudWatch. Writes to\n"
         "neither. There is no history without a table.\n"
         "Exit code: 1 when not everything could be read, else 0.\n",
         false},
    [COMMAND_LOGS] =
        {"logs", "[OPTIONS] PATH...",
         "which clients strictest would block, by the load balancers' own access logs",
         LOGS_OPTIONS,
         "Reads files, folders with all below them, and standard input for \"-\": gzip or\n"
         "plain text, of every age. Skips and names other kinds of logs. csv prints the\n"
         "groups of --by or, without it, the clients that would be blocked. Reads as many\n"
         "files at once as there are processors.\n"
         "Exit code: 1 when a file could not be read or is damaged (its sound part and all\n"
         "other files are counted), else 0.\n",
         true},
    [COMMAND_HELP] = {"help", "[COMMAND]",
                      "print this text, or more about one command, as COMMAND --help does", NULL,
                      "", false},
    [COMMAND_VERSION] = {"version", "", "print the version", NULL, "", false},
};

const char HELP_EXIT_CODES[] = "0 fine, 1 error, 2 wrong usage, 3 something is non-compliant,\n"
                               "4 something is unknown. Of several the first of 2, 1, 3, 4.\n";

const struct variable_info HELP_VARIABLES[] = {
    {"AWS_ACCESS_KEY_ID", "with AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: the credentials"},
    {"AWS_REGION", "the Region, unless a command takes --region"},
    {"CROSS_ACCOUNT_ROLE", "the name of the role by which other accounts are read"},
    {"ALLOWED_ACCOUNTS", "the ids of the accounts that have it, with commas between them"},
    {"STATE_TABLE", "the table of the function: history, and what was changed"},
    {"ENFORCEMENT", "whether the function changes modes: off, plan or enforce"},
    {"PROMOTION", "whether it promotes to strictest: off, recommend or enforce"},
    {"NO_COLOR", "set to anything: no colours on a terminal"},
    {NULL, NULL}};
