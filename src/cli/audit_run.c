/* SPDX-License-Identifier: Apache-2.0
 *
 * The crew: a few threads, each with an guard of its own, take one account and Region after the
 * other from the board and put what they find on it. The main thread draws the bar.
 */
#include "audit_internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "progress.h"

/* Each waits for the network most of the time. */
#define CREW_MAX 16
#define DRAW_MS  100

struct job {
    str account_id; /* empty: our own */
    str region;
};

/* All of it under `lock` once the crew is at work. */
struct board {
    pthread_mutex_t lock;
    pthread_cond_t has_news; /* a worker has gone home */
    struct arena arena;      /* of the rows and gaps */
    const struct job *jobs;
    size_t job_count;
    size_t next_job;
    size_t listed_jobs;
    size_t to_judge;
    size_t working; /* workers */
    struct fleet_row *rows;
    size_t row_count;
    size_t row_capacity;
    struct fleet_gap *gaps; /* room for one a job */
    size_t gap_count;
};

struct worker {
    struct board *board;
    struct arena arena; /* of the guard's transport */
    struct guard guard;
    pthread_t thread;
};

/* A signal handler has nothing else to write to. */
static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    was_interrupted = 1;
}

static void on_listed(void *context, size_t to_judge) {
    struct board *board = context;
    (void)pthread_mutex_lock(&board->lock);
    board->to_judge += to_judge;
    board->listed_jobs++;
    (void)pthread_mutex_unlock(&board->lock);
}

static void on_judged(void *context, const struct load_balancer *facts,
                      const struct evaluation *evaluation) {
    struct board *board = context;
    (void)pthread_mutex_lock(&board->lock);
    ARENA_RESERVE(&board->arena, board->rows, board->row_count + 1, board->row_capacity);
    fleet_row_copy(&board->arena, facts, evaluation, &board->rows[board->row_count++]);
    (void)pthread_mutex_unlock(&board->lock);
}

static const struct job *take_job(struct board *board) {
    (void)pthread_mutex_lock(&board->lock);
    const struct job *job =
        board->next_job < board->job_count ? &board->jobs[board->next_job++] : NULL;
    (void)pthread_mutex_unlock(&board->lock);
    return job;
}

static void add_gap(struct board *board, const struct job *job, str reason) {
    (void)pthread_mutex_lock(&board->lock);
    board->gaps[board->gap_count++] = (struct fleet_gap){.account_id = job->account_id,
                                                         .region = job->region,
                                                         .reason = str_copy(&board->arena, reason)};
    (void)pthread_mutex_unlock(&board->lock);
}

static void *work(void *context) {
    struct worker *worker = context;
    struct board *board = worker->board;
    const struct audit_listener listener = {
        .context = board, .wants_age = true, .listed = on_listed, .judged = on_judged};
    struct arena arena = {0};
    for (const struct job *job = take_job(board); job != NULL; job = take_job(board)) {
        struct error error = {0};
        if (app_audit(&worker->guard, job->account_id, job->region, &listener, &arena, &error) !=
            STATUS_OK) {
            add_gap(board, job, error.message);
        }
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    arena_clean_up(&worker->guard.session.arena);
    (void)pthread_mutex_lock(&board->lock);
    board->working--;
    (void)pthread_cond_signal(&board->has_news);
    (void)pthread_mutex_unlock(&board->lock);
    return NULL;
}

/* Our own account and, for a central function, the others it may enter; each in every Region. */
static void make_jobs(const struct cli *cli, const struct audit_options *options,
                      const struct guard_settings *settings, str own_account, struct board *board) {
    size_t accounts = 1 + settings->control.allowed_accounts.count;
    size_t regions = options->region_count == 0 ? 1 : options->region_count;
    struct job *jobs = ARENA_ARRAY(cli->arena, struct job, accounts * regions);
    for (size_t a = 0; a < accounts; a++) {
        if (a > 0 && str_eq(settings->control.allowed_accounts.ids[a - 1], own_account)) {
            continue;
        }
        for (size_t r = 0; r < regions; r++) {
            jobs[board->job_count++] = (struct job){
                .account_id = a == 0 ? STR_EMPTY : settings->control.allowed_accounts.ids[a - 1],
                .region = options->region_count == 0 ? settings->region : options->regions[r],
            };
        }
    }
    board->jobs = jobs;
    board->gaps = ARENA_ARRAY(cli->arena, struct fleet_gap, board->job_count);
}

/* Signals go to the main thread alone. With the lock held. Returns how many have begun. */
static size_t start(struct worker *workers, size_t count, struct board *board) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < count; i++) {
        workers[i].board = board;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            break; /* fewer do it, too */
        }
        board->working++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return board->working;
}

/* The total is known once every listing is. */
static void draw(const struct board *board, struct progress *progress) {
    bool is_total_known = board->listed_jobs == board->job_count;
    progress_draw(progress, board->row_count, is_total_known ? board->to_judge : 0);
}

/* With the lock held, also when it returns. */
static void wait_for(struct board *board, struct progress *progress) {
    while (board->working > 0 && !was_interrupted) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += DRAW_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&board->has_news, &board->lock, &until);
        draw(board, progress);
    }
    progress_end(progress);
}

/* What was looked at: what was asked for, and whose the load balancers are. */
static void fill(const struct cli *cli, const struct board *board, struct fleet *fleet) {
    size_t count = board->job_count + board->row_count;
    str *accounts = ARENA_ARRAY(cli->arena, str, count);
    str *regions = ARENA_ARRAY(cli->arena, str, count);
    for (size_t i = 0; i < count; i++) {
        bool is_job = i < board->job_count;
        const struct fleet_row *row = is_job ? NULL : &board->rows[i - board->job_count];
        accounts[i] = is_job ? board->jobs[i].account_id : row->account_id;
        regions[i] = is_job ? board->jobs[i].region : row->region;
    }
    fleet->account_count = str_sort_distinct(accounts, count);
    fleet->region_count = str_sort_distinct(regions, count);
    fleet->accounts = accounts;
    fleet->regions = regions;
    fleet->listed = board->to_judge;
    fleet->rows = board->rows;
    fleet->row_count = board->row_count;
    fleet->gaps = board->gaps;
    fleet->gap_count = board->gap_count;
    fleet->is_unlisted = board->gap_count == board->job_count && board->to_judge == 0;
    fleet->is_interrupted = board->working > 0;
}

static void free_board(void *context) {
    struct board *board = context;
    arena_clean_up(&board->arena);
}

/* Connected here, one after the other; each has an arena of its own, for its transport goes on
 * taking memory while it works. */
static enum status prepare(const struct cli *cli, const struct audit_options *options,
                           struct board *board, struct worker **workers_out, size_t *count_out,
                           struct error *error) {
    struct guard guard;
    struct worker *workers = ARENA_ARRAY(cli->arena, struct worker, CREW_MAX);
    str own_account = STR_EMPTY;
    TRY(open_app(cli, &guard, error));
    if (str_is_empty(guard.settings.region) && options->region_count > 0) {
        guard.settings.region = options->regions[0];
    }
    for (size_t i = 0; i == 0 || (i < board->job_count && i < CREW_MAX); i++) {
        workers[i].guard = guard;
        TRY(cli->connect(&workers[i].guard, &workers[i].arena, error));
        workers[i].guard.home.deadline_ms = INT64_MAX;
        *count_out = i + 1;
        if (i == 0) {
            TRY(accounts_own_id(&workers[0].guard, cli->arena, &own_account, error));
            make_jobs(cli, options, &guard.settings, own_account, board);
        }
    }
    *workers_out = workers;
    return STATUS_OK;
}

enum status audit_run(const struct cli *cli, const struct audit_options *options,
                      struct fleet *fleet_out, struct error *error) {
    struct board *board = ARENA_NEW(cli->arena, struct board);
    struct worker *workers;
    size_t count;
    struct progress progress;
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    TRY(prepare(cli, options, board, &workers, &count, error));
    arena_defer(cli->arena, free_board, board);
    (void)pthread_mutex_init(&board->lock, NULL);
    (void)pthread_cond_init(&board->has_news, NULL);
    (void)sigaction(SIGINT, &interrupt, NULL);
    progress_begin(&progress, cli->clock, "load balancers", 1.0, progress_has_terminal(cli->env));
    (void)pthread_mutex_lock(&board->lock);
    count = start(workers, count, board);
    if (count == 0) {
        return error_set(error, cli->arena, STATUS_CONFIGURATION, "cannot start a thread");
    }
    wait_for(board, &progress);
    fill(cli, board, fleet_out);
    if (!fleet_out->is_interrupted) {
        (void)pthread_mutex_unlock(&board->lock);
        for (size_t i = 0; i < count; i++) {
            (void)pthread_join(workers[i].thread, NULL);
            arena_clean_up(&workers[i].arena);
        }
    }
    return STATUS_OK;
}
