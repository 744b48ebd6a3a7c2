/* SPDX-License-Identifier: Apache-2.0
 *
 * Where lines leave a process that must not wait for their reader: a stream that takes no more is
 * waited for a moment, then the line is lost and counted. Several threads may write at once.
 */
#ifndef BASE_LOG_STREAM_H
#define BASE_LOG_STREAM_H

#include <pthread.h>

#include "base/log.h"

/* To be initialised by log_stream_init only; its members are the functions' own. */
struct log_stream {
    int fd;
    int reader_wait_ms;    /* for a reader to take something; as of poll(2) */
    pthread_mutex_t mutex; /* for what follows, and so that lines stay whole */
    struct log notices;    /* says how many lines were lost; unused without is_published */
    bool is_published;
    bool is_prepared;
    bool is_stuck;    /* a line was lost, and none got through since */
    bool is_mid_line; /* of a line that was lost the beginning is written */
    int64_t lost;     /* lines, since the last notice */
};

/* `fd` stays the caller's. The first line makes a pipe or socket non-blocking, for every process
 * that has it open; files and terminals stay as they are. */
void log_stream_init(struct log_stream *stream, int fd);

/* Lets `log` and its later copies write to the stream, which reports in a line of theirs
 * (event log_lines_lost) how many lines were lost. The clock is borrowed, and the stream must
 * outlive them. */
void log_stream_attach(struct log_stream *stream, struct log *log);

/* Takes one whole line, its newline included; fits `struct log`. At most 100 ms pass without the
 * reader taking anything; once a line was lost, none until one gets through. */
void log_stream_write(void *stream, str line);

#endif
