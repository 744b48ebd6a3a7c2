/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and counts the files, on all cores. The threads share a count of bytes and nothing else:
 * each has its files, its tally and its memory, and the tallies are merged when all have ended.
 */
#include "logs_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "traffic/inflate.h"
#include "traffic/line_gate.h"

#define THREADS_MAX  ((size_t)64)
#define DRAW_EACH_MS 100
#define PIECE_BYTES  ((size_t)256 * 1024)
#define MAGIC_BYTES  ((size_t)2)

/* From files to one tally:
 *
 *   files     a (9 GB)   b (5 GB)   c (4 GB)   d (1 MB)   e (1 MB) ..       sorted by size
 *                 |          |          |          |
 *   readers   [0] a      [1] b, c   ................ d, e: whichever has the fewest bytes so far
 *                 |          |
 *             a tally     a tally      no lock: only done_bytes and running are shared (atomic)
 *                  \        /
 *               tally_merge, in the order of the readers
 *
 * The assignment is made before a thread starts. A queue would balance better, but then the speed
 * of a disk would decide which sketch sees which line, and two runs could print different lists. */
struct pool {
    struct log_files *files;
    size_t *reader_of; /* by file: the index of the reader that counts it */
    struct reader *readers;
    size_t reader_count;
    uint64_t total_bytes; /* 0: not known */
    _Atomic uint64_t done_bytes;
    _Atomic size_t running;
};

/* One thread. */
struct reader {
    struct pool *pool;
    pthread_t thread;
    bool is_started;
    uint64_t bytes; /* of its files */
    struct arena arena;
    struct tally *tally;
    struct inflate *inflate;
    char *piece; /* PIECE_BYTES */
};

/* --- one file ------------------------------------------------------------------------------- */

struct reading {
    struct reader *reader;
    struct log_file *file;
    struct line_gate gate;
    int descriptor;
    int problem;   /* errno of what ended it; 0: none */
    uint64_t done; /* bytes read */
    bool is_gzip;  /* by its first bytes, or by its name where these say nothing */
};

static void take_lines(void *context, str lines) {
    line_gate_take(context, lines);
}

static bool is_gzip(const char *bytes, size_t count) {
    return count >= MAGIC_BYTES && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

static bool is_text(char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r';
}

/* Up to PIECE_BYTES; fewer only at the end, or when reading->problem says so. Not mapped: a mapped
 * file that another process cuts meanwhile would end this one by SIGBUS. */
static str read_piece(struct reading *reading) {
    str piece = {reading->reader->piece, 0};
    while (piece.len < PIECE_BYTES && reading->problem == 0) {
        ssize_t got =
            read(reading->descriptor, reading->reader->piece + piece.len, PIECE_BYTES - piece.len);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            piece.len += (size_t)got;
        } else if (errno != EINTR) {
            reading->problem = errno;
        }
    }
    atomic_fetch_add(&reading->reader->pool->done_bytes, piece.len);
    reading->done += piece.len;
    return piece;
}

static enum log_outcome fail_errno(struct reading *reading, int problem) {
    struct arena *arena = &reading->reader->arena;
    if (reading->done == 0) {
        reading->file->why = str_format(arena, "%s", strerror(problem));
        return LOG_UNREADABLE;
    }
    reading->file->why =
        str_format(arena, "%s, at byte %" PRIu64, strerror(problem), reading->done);
    return LOG_DAMAGED;
}

/* Whether a file is gzip is known from its first two bytes, 1f 8b (RFC 1952). */
static enum log_outcome read_in_pieces(struct reading *reading) {
    struct inflate *stream = reading->reader->inflate;
    const struct line_sink sink = {&reading->gate, take_lines};
    struct error error = {0};
    str piece = read_piece(reading);
    if (piece.len == 0 && reading->problem == 0) {
        /* Elastic Load Balancing delivers such objects when a node goes away. */
        reading->file->why = STR("it is empty");
        return LOG_SKIPPED;
    }
    bool is_compressed = reading->is_gzip || is_gzip(piece.ptr, piece.len);
    inflate_begin(stream, is_compressed ? INFLATE_GZIP : INFLATE_PLAIN, &sink);
    enum status status = inflate_feed(stream, piece, &error);
    while (status == STATUS_OK && piece.len == PIECE_BYTES) {
        piece = read_piece(reading);
        status = inflate_feed(stream, piece, &error);
    }
    if (status == STATUS_OK) {
        status = inflate_end(stream, &error);
    }
    if (reading->problem != 0) {
        return fail_errno(reading, reading->problem);
    }
    reading->file->why = error.message;
    return status == STATUS_OK ? LOG_READ : LOG_DAMAGED;
}

/* gzip by its first bytes; the name decides where these say nothing: a download may be unpacked
 * already and still be called .gz. */
static enum log_outcome read_descriptor(struct reading *reading) {
    struct stat about;
    char magic[MAGIC_BYTES] = {0};
    if (fstat(reading->descriptor, &about) != 0) {
        return fail_errno(reading, errno);
    }
    if (reading->file->is_stream || !S_ISREG(about.st_mode)) {
        return read_in_pieces(reading);
    }
    ssize_t count = pread(reading->descriptor, magic, sizeof(magic), 0);
    bool is_named_gzip = str_ends_with(str_from_cstr(reading->file->path), STR(".gz"));
    reading->is_gzip =
        count > 0 && (is_gzip(magic, (size_t)count) || (is_named_gzip && !is_text(magic[0])));
    enum log_outcome outcome = read_in_pieces(reading);
    uint64_t size = (uint64_t)about.st_size;
    if ((outcome == LOG_READ || outcome == LOG_SKIPPED) && reading->done < size) {
        reading->file->why = str_format(&reading->reader->arena,
                                        "cut to %" PRIu64 " of %" PRIu64 " bytes while it was read",
                                        reading->done, size);
        return LOG_DAMAGED;
    }
    return outcome;
}

static void read_file(struct reader *reader, struct log_file *file) {
    bool is_stdin = strcmp(file->path, "-") == 0;
    struct reading reading = {.reader = reader, .file = file, .gate = {.tally = reader->tally}};
    reading.descriptor =
        is_stdin ? STDIN_FILENO : open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (reading.descriptor < 0) {
        file->outcome = fail_errno(&reading, errno);
        return;
    }
    file->outcome = read_descriptor(&reading);
    if (file->outcome != LOG_SKIPPED) {
        enum access_log_kind kind = line_gate_close(&reading.gate, file->outcome != LOG_READ);
        if (kind != ACCESS_LOG_LINE) {
            file->outcome = LOG_SKIPPED;
            file->why = str_from_cstr(access_log_kind_name(kind));
        }
    }
    if (!is_stdin) {
        (void)close(reading.descriptor);
    }
}

/* --- all of them ---------------------------------------------------------------------------- */

struct size_rank {
    uint64_t bytes;
    size_t index;
};

/* The largest first, then as they came. */
static int compare_ranks(const void *a, const void *b) {
    const struct size_rank *left = a;
    const struct size_rank *right = b;
    if (left->bytes != right->bytes) {
        return left->bytes > right->bytes ? -1 : 1;
    }
    return left->index < right->index ? -1 : 1;
}

/* Each file goes to the reader with the fewest bytes, before any starts, so that it does not depend
 * on their speed which of them counts what. */
static void share_out(struct pool *pool) {
    struct log_files *files = pool->files;
    struct size_rank *ranks = ARENA_ARRAY(files->arena, struct size_rank, files->count);
    for (size_t i = 0; i < files->count; i++) {
        ranks[i] = (struct size_rank){files->files[i].bytes, i};
    }
    qsort(ranks, files->count, sizeof(*ranks), compare_ranks);
    for (size_t i = 0; i < files->count; i++) {
        size_t least = 0;
        for (size_t r = 1; r < pool->reader_count; r++) {
            least = pool->readers[r].bytes < pool->readers[least].bytes ? r : least;
        }
        pool->reader_of[ranks[i].index] = least;
        pool->readers[least].bytes += ranks[i].bytes + 1; /* one: many empty files are work, too */
    }
}

static void *read_share(void *context) {
    struct reader *reader = context;
    struct pool *pool = reader->pool;
    for (size_t i = 0; i < pool->files->count; i++) {
        struct log_file *file = &pool->files->files[i];
        if (&pool->readers[pool->reader_of[i]] == reader && file->outcome == LOG_READ) {
            read_file(reader, file);
        }
    }
    atomic_fetch_sub(&pool->running, 1);
    return NULL;
}

static void clean_up_reader(void *context) {
    struct reader *reader = context;
    arena_clean_up(&reader->arena);
}

static struct pool *new_pool(struct log_files *files, unsigned group_keys) {
    struct tally_options options = {.group_keys = group_keys};
    struct pool *pool = ARENA_NEW(files->arena, struct pool);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = files->count < THREADS_MAX ? files->count : THREADS_MAX;
    bool has_stream = false;
    random_bytes(&options.hash_key, sizeof(options.hash_key));
    count = cores > 0 && (size_t)cores < count ? (size_t)cores : count;
    count = count == 0 ? 1 : count;
    *pool = (struct pool){.files = files,
                          .reader_of = ARENA_ARRAY(files->arena, size_t, files->count),
                          .readers = ARENA_ARRAY(files->arena, struct reader, count),
                          .reader_count = count};
    atomic_init(&pool->running, count);
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &pool->readers[i];
        *reader = (struct reader){.pool = pool};
        reader->tally = tally_new(&reader->arena, &options);
        reader->inflate = inflate_new(&reader->arena);
        reader->piece = arena_alloc(&reader->arena, PIECE_BYTES);
        arena_defer(files->arena, clean_up_reader, reader);
    }
    for (size_t i = 0; i < files->count; i++) {
        pool->total_bytes += files->files[i].bytes;
        has_stream |= files->files[i].is_stream;
    }
    pool->total_bytes = has_stream ? 0 : pool->total_bytes;
    return pool;
}

/* Where no bar is drawn this thread takes a share, too; and that of a thread that cannot be had.
 * Draws at least once, also when the threads were quicker than this one. The bar is drawn by the
 * thread that would otherwise have counted the first share, so that it moves while large files are
 * read. */
static void run_pool(struct pool *pool, struct progress *progress) {
    for (size_t i = progress->is_wanted ? 0 : 1; i < pool->reader_count; i++) {
        struct reader *reader = &pool->readers[i];
        reader->is_started = pthread_create(&reader->thread, NULL, read_share, reader) == 0;
    }
    for (size_t i = 0; i < pool->reader_count; i++) {
        if (!pool->readers[i].is_started) {
            (void)read_share(&pool->readers[i]);
        }
    }
    progress_draw(progress, atomic_load(&pool->done_bytes), pool->total_bytes);
    while (progress->is_wanted && atomic_load(&pool->running) > 0) {
        progress->clock->sleep_ms(progress->clock, DRAW_EACH_MS);
        progress_draw(progress, atomic_load(&pool->done_bytes), pool->total_bytes);
    }
    for (size_t i = 0; i < pool->reader_count; i++) {
        if (pool->readers[i].is_started) {
            (void)pthread_join(pool->readers[i].thread, NULL);
        }
    }
    progress_end(progress);
}

struct tally *log_files_count(struct log_files *files, unsigned group_keys,
                              struct progress *progress) {
    struct pool *pool = new_pool(files, group_keys);
    share_out(pool);
    run_pool(pool, progress);
    for (size_t i = 1; i < pool->reader_count; i++) {
        tally_merge(pool->readers[0].tally, pool->readers[i].tally);
    }
    return pool->readers[0].tally;
}
