/* SPDX-License-Identifier: Apache-2.0
 *
 * The document of a command that takes --output. Failures are has_printed_error of on stderr.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/arena.h"
#include "base/str.h"

struct output {
    const char *path;      /* as given; NULL: standard output */
    const char *target;    /* what is replaced: the path with its links followed */
    const char *temporary; /* NULL: `file` is the target itself */
    int file;
};

/* Before any work: the path (NULL and "-": standard output) can be written, or false. A file that
 * is there stays as it is until output_write. Texts live in `arena`. SIGINT, SIGTERM and SIGHUP
 * remove the temporary file and end the process, unless somebody handles them otherwise later on.
 */
bool output_open(struct output *output, const char *path, struct arena *arena);
/* The whole document; false: what was there before is there still. Ends the output. */
bool output_write(struct output *output, str text, struct arena *arena);
/* Ends an output that nothing is written to. May be called twice. */
void output_discard(struct output *output);

#endif
