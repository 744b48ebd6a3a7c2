/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of `logs`: which files, how one is read, and all of them on all cores.
 */
#ifndef LOGS_INTERNAL_H
#define LOGS_INTERNAL_H

#include <stdatomic.h>

#include "report/traffic.h"
#include "traffic/inflate.h"
#include "traffic/line_gate.h"

/* --- which files (logs_files.c) --- */

struct log_file {
    const char *path;
    uint64_t bytes; /* as they lie on disk; 0 for what is no regular file */
    bool is_stream; /* standard input, a pipe */
};

/* Growing lists; what is in them lives in `arena`. */
struct note_list {
    struct traffic_note *notes;
    size_t count;
    size_t capacity;
};

struct log_files {
    struct arena *arena;
    struct log_file *files;
    size_t count;
    size_t capacity;
    struct note_list skipped;
    struct note_list errors;
};

__attribute__((format(printf, 4, 5))) void note_add(struct note_list *list, struct arena *arena,
                                                    const char *path, const char *format, ...);
/* A file, "-", or a folder with all below it in the order of names, but for links: what they name
 * would be counted twice. What is no access log by its name, and what cannot be looked at, becomes
 * a note. */
void log_files_add(struct log_files *files, const char *path);

/* --- one file (logs_read.c) --- */

struct log_reader {
    struct arena *arena; /* for messages */
    struct arena scratch;
    struct tally *tally;
    struct inflate *inflate;
    _Atomic uint64_t *done_bytes; /* advanced as bytes of files are read */
};

enum log_outcome {
    LOG_READ,
    LOG_SKIPPED, /* empty; or none of its lines is ours, and most are of another kind of log */
    LOG_DAMAGED, /* what could be read was counted */
    LOG_UNREADABLE
};

/* Everything but LOG_READ says why, in the reader's arena. */
enum log_outcome log_read(struct log_reader *reader, const struct log_file *file, str *why_out);

/* --- all of them (logs_work.c) --- */

struct log_results {
    struct tally *tally;
    size_t read_count; /* files, wholly or in part */
};

struct progress;
/* Adds to the notes of `files`. The same files give the same tally on any run with as many cores;
 * counts and totals are the same on every machine. */
struct log_results log_files_count(struct log_files *files, unsigned group_keys,
                                   struct progress *progress);

#endif
