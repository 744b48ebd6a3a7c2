/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing is shared between the threads but a count of bytes: each has its files, its tally and its
 * memory, and what it found is put together when all have ended.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "logs_internal.h"
#include "progress.h"

#define THREADS_MAX  ((size_t)64)
#define STACK_BYTES  ((size_t)1024 * 1024) /* musl's own would be 128 KiB */
#define DRAW_EACH_MS 100

struct file_end {
    enum log_outcome outcome;
    str why;
};

struct worker {
    pthread_t thread;
    struct arena arena;
    struct log_reader reader;
    const struct log_file *files; /* of all workers */
    struct file_end *ends;        /* likewise */
    size_t *mine;                 /* indexes, ascending */
    size_t mine_count;
    uint64_t mine_bytes;
    _Atomic size_t *running;
};

static size_t core_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (size_t)count;
}

/* --- who does what --- */

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

static int compare_indexes(const void *a, const void *b) {
    const size_t *left = a;
    const size_t *right = b;
    return (*left > *right) - (*left < *right);
}

static struct worker *least_loaded(struct worker *workers, size_t count) {
    struct worker *least = &workers[0];
    for (size_t i = 1; i < count; i++) {
        least = workers[i].mine_bytes < least->mine_bytes ? &workers[i] : least;
    }
    return least;
}

/* Decided before any starts, so that who counts what does not depend on who is quicker. */
static void share_out(struct log_files *files, struct worker *workers, size_t worker_count) {
    struct size_rank *ranks = ARENA_ARRAY(files->arena, struct size_rank, files->count);
    for (size_t i = 0; i < files->count; i++) {
        ranks[i] = (struct size_rank){files->files[i].bytes, i};
    }
    qsort(ranks, files->count, sizeof(*ranks), compare_ranks);
    for (size_t i = 0; i < files->count; i++) {
        struct worker *worker = least_loaded(workers, worker_count);
        worker->mine[worker->mine_count++] = ranks[i].index;
        worker->mine_bytes += ranks[i].bytes + 1; /* one: many empty files are work, too */
    }
    for (size_t i = 0; i < worker_count; i++) {
        qsort(workers[i].mine, workers[i].mine_count, sizeof(size_t), compare_indexes);
    }
}

/* --- the work --- */

static void *work(void *context) {
    struct worker *worker = context;
    for (size_t i = 0; i < worker->mine_count; i++) {
        size_t index = worker->mine[i];
        struct file_end *end = &worker->ends[index];
        end->outcome = log_read(&worker->reader, &worker->files[index], &end->why);
    }
    atomic_fetch_sub(worker->running, 1);
    return NULL;
}

static void clean_up_worker(void *context) {
    struct worker *worker = context;
    arena_clean_up(&worker->reader.scratch);
    arena_clean_up(&worker->arena);
}

struct crew {
    struct worker *workers;
    size_t count;
    _Atomic size_t running;
    _Atomic uint64_t done_bytes;
    uint64_t total_bytes; /* 0: not known */
};

static void set_up_worker(struct crew *crew, size_t i, const struct tally_options *options) {
    struct worker *worker = &crew->workers[i];
    worker->running = &crew->running;
    worker->reader = (struct log_reader){
        .arena = &worker->arena,
        .tally = tally_new(&worker->arena, options),
        .inflate = inflate_new(&worker->arena),
        .done_bytes = &crew->done_bytes,
    };
}

static struct crew *gather_crew(struct log_files *files, struct file_end *ends,
                                const struct tally_options *options) {
    struct crew *crew = ARENA_NEW(files->arena, struct crew);
    size_t cores = core_count();
    size_t wanted = files->count < 1 ? 1 : files->count;
    wanted = wanted > cores ? cores : wanted;
    crew->count = wanted > THREADS_MAX ? THREADS_MAX : wanted;
    crew->workers = ARENA_ARRAY(files->arena, struct worker, crew->count);
    atomic_init(&crew->running, crew->count);
    atomic_init(&crew->done_bytes, 0);
    for (size_t i = 0; i < crew->count; i++) {
        set_up_worker(crew, i, options);
        crew->workers[i].files = files->files;
        crew->workers[i].ends = ends;
        crew->workers[i].mine = ARENA_ARRAY(files->arena, size_t, files->count);
        arena_defer(files->arena, clean_up_worker, &crew->workers[i]);
    }
    for (size_t i = 0; i < files->count; i++) {
        crew->total_bytes += files->files[i].bytes;
    }
    for (size_t i = 0; i < files->count; i++) {
        crew->total_bytes = files->files[i].is_stream ? 0 : crew->total_bytes;
    }
    return crew;
}

/* Draws at least once, also when the threads were quicker than this one. */
static void watch(struct crew *crew, struct progress *progress) {
    if (!progress->is_wanted) {
        return;
    }
    progress_draw(progress, atomic_load(&crew->done_bytes), crew->total_bytes);
    while (atomic_load(&crew->running) > 0) {
        progress->clock->sleep_ms(progress->clock, DRAW_EACH_MS);
        progress_draw(progress, atomic_load(&crew->done_bytes), crew->total_bytes);
    }
}

/* Where no bar is drawn this thread takes a share, too; and that of a thread that cannot be had. */
static void run_crew(struct crew *crew, struct progress *progress) {
    bool is_started[THREADS_MAX] = {false};
    pthread_attr_t attributes;
    bool has_attributes = pthread_attr_init(&attributes) == 0 &&
                          pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0;
    for (size_t i = progress->is_wanted ? 0 : 1; has_attributes && i < crew->count; i++) {
        struct worker *worker = &crew->workers[i];
        is_started[i] = pthread_create(&worker->thread, &attributes, work, worker) == 0;
    }
    for (size_t i = 0; i < crew->count; i++) {
        if (!is_started[i]) {
            (void)work(&crew->workers[i]);
        }
    }
    watch(crew, progress);
    for (size_t i = 0; i < crew->count; i++) {
        if (is_started[i]) {
            (void)pthread_join(crew->workers[i].thread, NULL);
        }
    }
    progress_end(progress);
}

struct log_results log_files_count(struct log_files *files, unsigned group_keys,
                                   struct progress *progress) {
    struct file_end *ends = ARENA_ARRAY(files->arena, struct file_end, files->count);
    struct tally_options options = {.group_keys = group_keys};
    random_bytes(&options.hash_key, sizeof(options.hash_key));
    struct crew *crew = gather_crew(files, ends, &options);
    share_out(files, crew->workers, crew->count);
    run_crew(crew, progress);
    struct log_results results = {.tally = crew->workers[0].reader.tally};
    for (size_t i = 1; i < crew->count; i++) {
        tally_merge(results.tally, crew->workers[i].reader.tally);
    }
    for (size_t i = 0; i < files->count; i++) {
        enum log_outcome outcome = ends[i].outcome;
        results.read_count += outcome == LOG_READ || outcome == LOG_DAMAGED ? 1 : 0;
        if (outcome != LOG_READ) {
            struct note_list *list = outcome == LOG_SKIPPED ? &files->skipped : &files->errors;
            note_add(list, files->arena, files->files[i].path, "%" STR_FMT, STR_ARG(ends[i].why));
        }
    }
    return results;
}
