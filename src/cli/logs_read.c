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

/* Lines of one file on their way into the tally. Until one of them is an access log's they are but
 * counted: a file of nothing but another log's is not to be in the totals. */
struct line_gate {
    struct tally *tally;
    uint64_t held[ACCESS_LOG_TEST_FILE + 1]; /* lines by kind */
    bool is_open;
};

static enum access_log_kind kind_of(str line) {
    struct access_log_record record;
    return access_log_parse(line, &record);
}

static void open_gate(struct line_gate *gate) {
    for (size_t kind = ACCESS_LOG_UNPARSED; kind <= ACCESS_LOG_TEST_FILE; kind++) {
        tally_add_unparsed(gate->tally, (enum access_log_kind)kind, gate->held[kind]);
    }
    gate->is_open = true;
}

/* Counts lines up to the first of an access log, which opens the gate; returns it and the rest. */
static str hold_lines(struct line_gate *gate, str lines) {
    while (lines.len > 0) {
        str rest = lines;
        str line = str_split(&rest, '\n');
        bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
        line = str_slice(line, 0, line.len - (has_cr ? 1 : 0));
        enum access_log_kind kind = kind_of(line);
        if (kind == ACCESS_LOG_LINE) {
            open_gate(gate);
            return lines;
        }
        gate->held[kind] += line.len > 0 ? 1 : 0;
        lines = rest;
    }
    return STR_EMPTY;
}

static void take_lines(void *context, str lines) {
    struct line_gate *gate = context;
    if (!gate->is_open) {
        lines = hold_lines(gate, lines);
    }
    tally_add_lines(gate->tally, lines);
}

/* What most of the lines held are. */
static enum access_log_kind kind_of_held(const struct line_gate *gate) {
    size_t most = ACCESS_LOG_UNPARSED;
    for (size_t kind = most + 1; kind <= ACCESS_LOG_TEST_FILE; kind++) {
        most = gate->held[kind] > gate->held[most] ? kind : most;
    }
    return (enum access_log_kind)most;
}

/* At the end of the file. What is damaged may have had lines of ours further on. */
static enum log_outcome close_gate(struct line_gate *gate, enum log_outcome outcome, str *why_out) {
    enum access_log_kind kind = kind_of_held(gate);
    if (gate->is_open) {
        return outcome;
    }
    if (outcome == LOG_READ && kind != ACCESS_LOG_UNPARSED) {
        *why_out = str_from_cstr(access_log_kind_name(kind));
        return LOG_SKIPPED;
    }
    open_gate(gate);
    return outcome;
}

static bool is_gzip(const char *bytes, size_t count) {
    return count >= MAGIC_BYTES && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

static bool is_text(char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r';
}

struct reading {
    struct log_reader *reader;
    struct line_sink sink;
    str *why;
    int file;
    int error;     /* errno of what ended it; 0: none */
    uint64_t done; /* bytes read */
    bool is_gzip;  /* known to be, or said to be by its name */
};

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

static enum log_outcome read_in_pieces(struct reading *reading) {
    struct inflate *stream = reading->reader->inflate;
    char *bytes = arena_alloc(&reading->reader->scratch, PIECE_BYTES);
    struct error error = {0};
    str piece = read_piece(reading, bytes, PIECE_BYTES);
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
    bool is_named_gzip = str_ends_with(str_from_cstr(path), STR(".gz"));
    reading->is_gzip =
        is_gzip(magic, (size_t)count) || (is_named_gzip && (count == 0 || !is_text(magic[0])));
    enum log_outcome outcome = read_in_pieces(reading);
    if (outcome == LOG_READ && reading->done < size) {
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
