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

/* Up to `size` bytes; fewer only at the end, or when reading->error says so. Not mapped: a mapped
 * file that somebody cuts meanwhile would end us all by SIGBUS. */
static str read_piece(struct reading *reading, char *bytes, size_t size) {
    str piece = {bytes, 0};
    while (piece.len < size && reading->error == 0) {
        ssize_t got = read(reading->file, bytes + piece.len, size - piece.len);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            piece.len += (size_t)got;
        } else if (errno != EINTR) {
            reading->error = errno;
        }
    }
    atomic_fetch_add(reading->reader->done_bytes, piece.len);
    reading->done += piece.len;
    return piece;
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
static enum log_outcome end_of(struct reading *reading, enum status status,
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

static enum log_outcome read_in_pieces(struct reading *reading) {
    struct inflate *stream = reading->reader->inflate;
    char *bytes = arena_alloc(&reading->reader->scratch, PIECE_BYTES);
    struct error error = {0};
    str piece = read_piece(reading, bytes, PIECE_BYTES);
    if (piece.len == 0 && reading->error == 0) {
        return skip_empty(reading);
    }
    bool is_compressed = reading->is_gzip || is_gzip(piece.ptr, piece.len);
    inflate_begin(stream, is_compressed ? INFLATE_GZIP : INFLATE_PLAIN, &reading->sink);
    enum status status = inflate_feed(stream, piece, &error);
    while (status == STATUS_OK && piece.len == PIECE_BYTES) {
        piece = read_piece(reading, bytes, PIECE_BYTES);
        status = inflate_feed(stream, piece, &error);
    }
    if (status == STATUS_OK) {
        status = inflate_end(stream, &error);
    }
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
    enum log_outcome outcome = read_in_pieces(reading);
    bool has_ended = outcome == LOG_READ || outcome == LOG_SKIPPED;
    if (has_ended && reading->done < size) {
        *reading->why = str_format(reading->reader->arena,
                                   "cut to %" PRIu64 " of %" PRIu64 " bytes while it was read",
                                   reading->done, size);
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
