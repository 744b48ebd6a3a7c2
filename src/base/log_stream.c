/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream has two states. Only the first waits, so that a reader that has stopped costs an
 * invocation 100 ms once and not for every line:
 *
 *              a line takes longer than reader_wait_ms
 *   flowing ------------------------------------------> stuck: a line gets one try without a wait,
 *      ^                                                  |    else it is lost and counted
 *      +--------------------------------------------------+
 *        a line, or the notice of the lost
 *        ones, gets through whole
 */
#include "base/log_stream.h"
#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* A reader that is merely slow comes back within this; an invocation does not notice it. */
#define READER_WAIT_MS 100

void log_stream_init(struct log_stream *stream, int fd) {
    *stream = (struct log_stream){.fd = fd, .reader_wait_ms = READER_WAIT_MS};
    int failed = pthread_mutex_init(&stream->mutex, NULL);
    ASSERT(failed == 0);
}

/* Not at the start: a process that writes nothing need not pay for it. Where it fails, writing
 * waits as it would without us. */
static void prepare(struct log_stream *stream) {
    struct stat about;
    if (stream->is_prepared) {
        return;
    }
    stream->is_prepared = true;
    if (fstat(stream->fd, &about) == 0 && (S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode))) {
        int flags = fcntl(stream->fd, F_GETFL);
        if (flags >= 0) {
            (void)fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK);
        }
    }
}

/* Whether it is worth trying again. */
static bool wait_for_reader(const struct log_stream *stream) {
    struct pollfd place = {.fd = stream->fd, .events = POLLOUT};
    int ready = poll(&place, 1, stream->reader_wait_ms);
    return ready > 0 || (ready < 0 && errno == EINTR);
}

/* How many bytes the stream took. */
static size_t push(const struct log_stream *stream, str text) {
    size_t done = 0;
    while (done < text.len) {
        ssize_t written = write(stream->fd, text.ptr + done, text.len - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written < 0 && errno == EINTR) {
            continue;
        } else if (written == 0 || errno != EAGAIN || stream->is_stuck ||
                   !wait_for_reader(stream)) {
            break;
        }
    }
    return done;
}

/* A pipe takes more than PIPE_BUF bytes in parts, so that a refusal can come in the middle of a
 * line. */
static bool put(struct log_stream *stream, str line) {
    /* Nothing may be glued to the beginning of a line whose end was lost. */
    if (stream->is_mid_line && push(stream, STR("\n")) == 0) {
        return false;
    }
    size_t done = push(stream, line);
    bool is_whole = done == line.len;
    stream->is_mid_line = done > 0 && !is_whole;
    return is_whole;
}

/* What log_write calls with the notice of lost lines. */
static void put_notice(void *context, str line) {
    struct log_stream *stream = context;
    stream->is_stuck = !put(stream, line);
}

/* The notice has the level WARN; where the log drops that, lines are lost without a notice. */
void log_stream_attach(struct log_stream *stream, struct log *log) {
    stream->notices = *log;
    stream->notices.write = put_notice;
    stream->notices.context = stream;
    stream->is_published = log->level_min <= LOG_WARN;
    log->write = log_stream_write;
    log->context = stream;
}

void log_stream_write(void *stream_, str line) {
    struct log_stream *stream = stream_;
    (void)pthread_mutex_lock(&stream->mutex);
    prepare(stream);
    if (stream->lost > 0 && stream->is_published) {
        LOG(&stream->notices, LOG_WARN, "log_lines_lost", LOG_INT("lines", stream->lost));
        stream->lost = stream->is_stuck ? stream->lost : 0;
    }
    stream->is_stuck = !put(stream, line);
    stream->lost += stream->is_stuck;
    (void)pthread_mutex_unlock(&stream->mutex);
}
