/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: the same binary outside Lambda. Results go to stdout, everything else to
 * stderr.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "app/app.h"

#define EXIT_FINE          0
#define EXIT_ERROR         1
#define EXIT_USAGE         2
#define EXIT_NON_COMPLIANT 3
#define EXIT_UNKNOWN       4

/* Returns the exit code. */
int cli_run(int argc, char **argv, const struct env *env, const struct clock *clock);

#endif
