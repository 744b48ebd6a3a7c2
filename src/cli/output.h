/* SPDX-License-Identifier: Apache-2.0
 *
 * The document of a command that takes --output. Failures are printed on stderr.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/buf.h"

struct output {
    const char *path;      /* as given; NULL: standard output */
    const char *target;    /* what is replaced: the path with its links followed */
    const char *temporary; /* NULL: `file` is the target itself */
    int file;
    bool is_table; /* lines may be broken at the width of a terminal */
};

/* Before any work; false: the path (NULL and "-": standard output) cannot be written. An existing
 * file stays as it is until output_write. Texts live in `arena`. SIGINT, SIGTERM and SIGHUP remove
 * the temporary file and end the process, unless the command handles them otherwise later on. */
bool output_open(struct output *output, const char *path, struct arena *arena);
/* The whole document; false: it outgrew its buffer or could not be written, and the file is as
 * before. Ends the output. */
bool output_write(struct output *output, const struct buf *document, struct arena *arena);
/* Ends an output to which nothing was written. May be called twice. */
void output_discard(struct output *output);

#endif
