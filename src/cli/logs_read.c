/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs_internal.h"

#define PIECE_BYTES ((size_t)256 * 1024)
#define MAGIC_BYTES ((size_t)2)

/* Lines of one file on their way into the tally. */
struct line_gate {
    struct tally *tally;
    enum access_log_kind kind; /* of the first line that is not empty */
    bool has_begun;
};

static bool is_other_kind(enum access_log_kind kind) {
    return kind != ACCESS_LOG_LINE && kind != ACCESS_LOG_UNPARSED;
}

static enum access_log_kind kind_of(str line) {
    struct access_log_record record;
    bool has_cr = line.len > 0 && line.ptr[line.len - 1] == '\r';
    return access_log_parse(str_slice(line, 0, line.len - (has_cr ? 1 : 0)), &record);
}

static str first_line(str lines) {
    while (lines.len > 0 && (lines.ptr[0] == '\n' || lines.ptr[0] == '\r')) {
        lines = str_slice(lines, 1, lines.len);
    }
    return lines.len == 0 ? lines : str_slice(lines, 0, str_find_char(lines, '\n'));
}

static void take_lines(void *context, str lines) {
    struct line_gate *gate = context;
    if (!gate->has_begun) {
        str line = first_line(lines);
        gate->has_begun = line.len > 0;
        gate->kind = gate->has_begun ? kind_of(line) : gate->kind;
    }
    if (!is_other_kind(gate->kind)) {
        tally_add_lines(gate->tally, lines);
    }
}

static bool is_gzip(const char *bytes, size_t count) {
    return count >= MAGIC_BYTES && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

static bool is_text(char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r';
}

/* Up to `size` bytes, fewer only at the end; -1: errno says why. */
static ssize_t read_piece(int file, char *piece, size_t size) {
    size_t count = 0;
    while (count < size) {
        ssize_t got = read(file, piece + count, size - count);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        count += (size_t)got;
    }
    return (ssize_t)count;
}

struct reading {
    struct log_reader *reader;
    struct line_sink sink;
    str *why;
    int file;
};

static enum log_outcome fail_errno(struct reading *reading, enum log_outcome outcome) {
    *reading->why = str_format(reading->reader->arena, "%s", strerror(errno));
    return outcome;
}

static enum log_outcome fail_error(struct reading *reading, const struct error *error) {
    *reading->why = str_copy(reading->reader->arena, error->message);
    return LOG_DAMAGED;
}

/* In pieces: plain text, and what comes through a pipe. */
static enum log_outcome read_in_pieces(struct reading *reading) {
    struct arena *scratch = &reading->reader->scratch;
    char *piece = arena_alloc(scratch, PIECE_BYTES);
    struct inflate *stream = NULL;
    struct error error = {0};
    for (;;) {
        ssize_t count = read_piece(reading->file, piece, PIECE_BYTES);
        if (count < 0) {
            enum log_outcome outcome =
                fail_errno(reading, stream == NULL ? LOG_UNREADABLE : LOG_DAMAGED);
            /* What is held of the text is counted all the same. */
            return stream == NULL || inflate_end(stream, NULL) == STATUS_OK ? outcome : LOG_DAMAGED;
        }
        if (stream == NULL) {
            stream = is_gzip(piece, (size_t)count) ? inflate_new(scratch, &reading->sink)
                                                   : inflate_new_plain(scratch, &reading->sink);
        }
        if (inflate_feed(stream, (str){piece, (size_t)count}, &error) != STATUS_OK) {
            return fail_error(reading, &error);
        }
        atomic_fetch_add(reading->reader->done_bytes, (uint64_t)count);
        if ((size_t)count < PIECE_BYTES) {
            return inflate_end(stream, &error) == STATUS_OK ? LOG_READ
                                                            : fail_error(reading, &error);
        }
    }
}

static enum log_outcome read_mapped(struct reading *reading, size_t size) {
    struct log_reader *reader = reading->reader;
    void *bytes = NULL;
    struct error error = {0};
    if (size > 0) {
        bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, reading->file, 0);
        if (bytes == MAP_FAILED) {
            return fail_errno(reading, LOG_UNREADABLE);
        }
        (void)posix_madvise(bytes, size, POSIX_MADV_SEQUENTIAL);
    }
    str compressed = {bytes, size};
    enum status status =
        inflate_all_in(reader->window, compressed, &reading->sink, &reader->scratch, &error);
    if (bytes != NULL) {
        (void)munmap(bytes, size);
    }
    atomic_fetch_add(reader->done_bytes, size);
    return status == STATUS_OK ? LOG_READ : fail_error(reading, &error);
}

/* By its first bytes; the name decides where these say nothing: a download may be unpacked already
 * and still be called .gz. */
static enum log_outcome read_regular(struct reading *reading, const char *path, size_t size) {
    char magic[MAGIC_BYTES];
    ssize_t count = pread(reading->file, magic, sizeof(magic), 0);
    if (count < 0) {
        return fail_errno(reading, LOG_UNREADABLE);
    }
    bool is_named_gzip = str_ends_with(str_from_cstr(path), STR(".gz"));
    if (is_gzip(magic, (size_t)count) || (is_named_gzip && (count == 0 || !is_text(magic[0])))) {
        return read_mapped(reading, size);
    }
    return read_in_pieces(reading);
}

static enum log_outcome read_open(struct reading *reading, const struct log_file *file) {
    struct stat about;
    if (fstat(reading->file, &about) != 0) {
        return fail_errno(reading, LOG_UNREADABLE);
    }
    if (S_ISDIR(about.st_mode)) {
        errno = EISDIR;
        return fail_errno(reading, LOG_UNREADABLE);
    }
    return !file->is_stream && S_ISREG(about.st_mode)
               ? read_regular(reading, file->path, (size_t)about.st_size)
               : read_in_pieces(reading);
}

enum log_outcome log_read(struct log_reader *reader, const struct log_file *file, str *why_out) {
    struct line_gate gate = {.tally = reader->tally, .kind = ACCESS_LOG_UNPARSED};
    bool is_stdin = strcmp(file->path, "-") == 0;
    struct reading reading = {reader, {&gate, take_lines}, why_out, STDIN_FILENO};
    if (!is_stdin) {
        reading.file = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (reading.file < 0) {
            return fail_errno(&reading, LOG_UNREADABLE);
        }
    }
    enum log_outcome outcome = read_open(&reading, file);
    if (!is_stdin) {
        (void)close(reading.file);
    }
    arena_reset(&reader->scratch);
    if (outcome == LOG_READ && is_other_kind(gate.kind)) {
        *why_out = str_from_cstr(access_log_kind_name(gate.kind));
        return LOG_SKIPPED;
    }
    return outcome;
}
