/* SPDX-License-Identifier: Apache-2.0
 *
 * The two halves of `logs`: logs.c lists the files and reports, logs_read.c counts them on all
 * cores.
 */
#ifndef LOGS_INTERNAL_H
#define LOGS_INTERNAL_H

#include "progress.h"
#include "traffic/tally.h"

enum log_outcome {
    LOG_READ,
    LOG_SKIPPED, /* empty; or none of its lines is ours, and most are of another kind of log */
    LOG_DAMAGED, /* what could be read was counted */
    LOG_UNREADABLE
};

struct log_file {
    const char *path;
    uint64_t bytes; /* as they lie on disk; 0 for what is no regular file */
    bool is_stream; /* standard input, a pipe */
    enum log_outcome outcome;
    str why; /* not LOG_READ: the reason */
};

/* Grows; texts live in `arena`. */
struct log_files {
    struct arena *arena;
    struct log_file *files;
    size_t count;
    size_t capacity;
};

/* Counts the lines of all files and fills in the outcome of each. The same files give the same
 * tally on any run with as many cores; counts and totals are the same on every machine. The tally
 * lives in the arena of `files`. */
struct tally *log_files_count(struct log_files *files, unsigned group_keys,
                              struct progress *progress);

#endif
