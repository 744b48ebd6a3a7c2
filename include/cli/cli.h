/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: the same binary outside Lambda, over the same use cases. Results go to stdout,
 * everything else to stderr. Exit codes are part of the contract.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "app/app.h"

/* Documented for each command by `help`; scripts rely on them. */
enum cli_exit {
    CLI_FINE = 0,
    CLI_ERROR = 1,         /* not done, or not wholly: said on stderr */
    CLI_USAGE = 2,         /* no such command, or options that it does not take */
    CLI_NON_COMPLIANT = 3, /* done; a load balancer is not compliant */
    CLI_UNKNOWN = 4        /* done; none is known to be so, but of some nothing is known */
};

/* The parts of the machine that commands may use beside files and standard streams; all
 * borrowed. */
struct cli {
    const struct env *env;
    const struct clock *clock;
    struct log *log;
    struct arena *arena; /* for the whole command */
    /* Makes `app` able to call AWS (transport, credentials); settings are parsed already. */
    enum status (*connect)(struct guard *app, struct arena *arena, struct error *error);
};

/* Runs the command that argv[1] names; without one, `help`. Output is flushed, and a failure to
 * write it is CLI_ERROR. */
enum cli_exit cli_run(const struct cli *cli, int argc, char **argv);

#endif
