/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs_internal.h"

#define PIECE_BYTES ((size_t)256 * 1024)
#define MAGIC_BYTES ((size_t)2)

struct reading {
    struct log_reader *reader;
    struct line_sink sink;
    str *why;
    int file;
    int error;     /* errno of what ended it; 0: none */
    uint64_t done; /* bytes read */
    bool is_gzip;  /* known to be, or said to be by its name */
};

static void take_lines(void *context, str lines) {
    line_gate_take(context, lines);
}

/* At the end of the file: one that holds nothing but another kind of log is skipped. */
static enum log_outcome close_gate(struct line_gate *gate, enum log_outcome outcome, str *why_out) {
    if (outcome == LOG_SKIPPED) {
        return outcome;
    }
    enum access_log_kind kind = line_gate_close(gate, outcome != LOG_READ);
    if (kind == ACCESS_LOG_LINE) {
        return outcome;
    }
    *why_out = str_from_cstr(access_log_kind_name(kind));
    return LOG_SKIPPED;
}

/* Elastic Load Balancing delivers such objects when a node goes away. */
static enum log_outcome skip_empty(const struct reading *reading) {
    *reading->why = STR("it is empty");
    return LOG_SKIPPED;
}

static bool is_gzip(const char *bytes, size_t count) {
    return count >= MAGIC_BYTES && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

static bool is_text(char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r';
}

/* To where the file was read, which what is damaged is twice. */
static void advance_to(struct reading *reading, uint64_t position) {
    if (position > reading->done) {
        atomic_fetch_add(reading->reader->done_bytes, position - reading->done);
        reading->done = position;
    }
}

/* What read() or pread() gave: true to ask for more. */
static bool is_more(struct reading *reading, ssize_t got, size_t *count) {
    if (got > 0) {
        *count += (size_t)got;
        return true;
    }
    bool is_interrupted = got < 0 && errno == EINTR;
    reading->error = got < 0 && !is_interrupted ? errno : 0;
    return is_interrupted;
}

/* Up to `size` bytes; fewer only at the end, or when reading->error says so. */
static str read_piece(struct reading *reading, char *bytes, size_t size) {
    str piece = {bytes, 0};
    while (piece.len < size &&
           is_more(reading, read(reading->file, bytes + piece.len, size - piece.len), &piece.len)) {
    }
    advance_to(reading, reading->done + piece.len);
    return piece;
}

/* Likewise from a position on. Not mapped: a mapped file that somebody cuts meanwhile would end us
 * all by SIGBUS. */
static size_t read_at(void *context, char *bytes, size_t size, uint64_t position) {
    struct reading *reading = context;
    size_t count = 0;
    while (count < size &&
           is_more(reading,
                   pread(reading->file, bytes + count, size - count, (off_t)(position + count)),
                   &count)) {
    }
    advance_to(reading, position + count);
    return count;
}

static enum log_outcome fail_errno(struct reading *reading, int number) {
    struct arena *arena = reading->reader->arena;
    if (reading->done == 0) {
        *reading->why = str_format(arena, "%s", strerror(number));
        return LOG_UNREADABLE;
    }
    *reading->why = str_format(arena, "%s, at byte %" PRIu64, strerror(number), reading->done);
    return LOG_DAMAGED;
}

/* Why the reading ended, and how the unpacking of what had been read. */
static enum log_outcome end_of(struct reading *reading,
                               enum status status,
                               const struct error *error) {
    if (reading->error != 0) {
        return fail_errno(reading, reading->error);
    }
    if (status != STATUS_OK) {
        *reading->why = str_copy(reading->reader->arena, error->message);
        return LOG_DAMAGED;
    }
    return LOG_READ;
}

/* In pieces: plain text, and what comes through a pipe. */
static enum log_outcome read_in_pieces(struct reading *reading) {
    struct arena *scratch = &reading->reader->scratch;
    char *bytes = arena_alloc(scratch, PIECE_BYTES);
    struct inflate *stream = NULL;
    struct error error = {0};
    for (;;) {
        str piece = read_piece(reading, bytes, PIECE_BYTES);
        if (reading->done == 0 && reading->error == 0) {
            return skip_empty(reading);
        }
        if (stream == NULL) {
            stream = reading->is_gzip || is_gzip(piece.ptr, piece.len)
                         ? inflate_new(scratch, &reading->sink)
                         : inflate_new_plain(scratch, &reading->sink);
        }
        enum status status = inflate_feed(stream, piece, &error);
        if (status == STATUS_OK && piece.len < PIECE_BYTES) {
            return end_of(reading, inflate_end(stream, &error), &error);
        }
        if (status != STATUS_OK) {
            return end_of(reading, status, &error);
        }
    }
}

static enum log_outcome read_compressed(struct reading *reading) {
    struct log_reader *reader = reading->reader;
    const struct byte_source source = {reading, read_at};
    struct error error = {0};
    enum status status =
        inflate_all(reader->window, &source, &reading->sink, &reader->scratch, &error);
    return end_of(reading, status, &error);
}

/* By its first bytes; the name decides where these say nothing: a download may be unpacked already
 * and still be called .gz. */
static enum log_outcome read_regular(struct reading *reading, const char *path, uint64_t size) {
    char magic[MAGIC_BYTES];
    ssize_t count = pread(reading->file, magic, sizeof(magic), 0);
    if (count < 0) {
        return fail_errno(reading, errno);
    }
    if (count == 0 && size == 0) {
        return skip_empty(reading);
    }
    bool is_named_gzip = str_ends_with(str_from_cstr(path), STR(".gz"));
    reading->is_gzip =
        is_gzip(magic, (size_t)count) || (is_named_gzip && (count == 0 || !is_text(magic[0])));
    enum log_outcome outcome =
        reading->is_gzip ? read_compressed(reading) : read_in_pieces(reading);
    bool has_ended = outcome == LOG_READ || outcome == LOG_SKIPPED;
    if (has_ended && reading->done < size) {
        *reading->why = str_format(reading->reader->arena,
                                   "cut to %" PRIu64 " of %" PRIu64 " bytes while it was read",
                                   reading->done,
                                   size);
        return LOG_DAMAGED;
    }
    return outcome;
}

static enum log_outcome read_open(struct reading *reading, const struct log_file *file) {
    struct stat about;
    if (fstat(reading->file, &about) != 0) {
        return fail_errno(reading, errno);
    }
    if (S_ISDIR(about.st_mode)) {
        return fail_errno(reading, EISDIR);
    }
    return !file->is_stream && S_ISREG(about.st_mode)
               ? read_regular(reading, file->path, (uint64_t)about.st_size)
               : read_in_pieces(reading);
}

enum log_outcome log_read(struct log_reader *reader, const struct log_file *file, str *why_out) {
    struct line_gate gate = {.tally = reader->tally};
    struct reading reading = {
        .reader = reader, .sink = {&gate, take_lines}, .why = why_out, .file = STDIN_FILENO};
    bool is_stdin = strcmp(file->path, "-") == 0;
    if (!is_stdin) {
        reading.file = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (reading.file < 0) {
            return fail_errno(&reading, errno);
        }
    }
    enum log_outcome outcome = close_gate(&gate, read_open(&reading, file), why_out);
    if (!is_stdin) {
        (void)close(reading.file);
    }
    arena_reset(&reader->scratch);
    return outcome;
}
