/* SPDX-License-Identifier: Apache-2.0
 *
 * `audit`: a pool of worker threads, each with a guard of its own, takes one account and Region
 * after the other from a job queue and puts what it finds beside it. The main thread draws the
 * progress bar; Ctrl-C ends its wait, and it prints what is known by then.
 */
#include "app/audit.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "audit_internal.h"
#include "output.h"
#include "progress.h"

#define WORKERS_MAX 16 /* each waits for the network most of the time */
#define DRAW_NS     100000000L
#define NS_PER_S    1000000000L
#define DRAWN_SLOW                                                                                 \
    50 /* bars (5 s) that say so after AWS throttled, for the pace recovers slowly                 \
        */

/* --- the job queue and its workers ---------------------------------------------------------- */

/* The main thread and the workers meet in the queue alone. Dotted: with the lock held.
 *
 *   main thread                                   worker (up to 16, each with its own guard)
 *   prepare_workers, add_jobs                     ..take jobs[next_job]..
 *   start_workers                                 app_audit          no lock: minutes of network
 *   wait_for_workers <----- worker_ended ------     |  ..on_listed..     to_judge grows
 *      every 100 ms: progress_draw                  |  ..on_judged..     a row is copied
 *   fill_fleet                                    ..a gap, if it failed..
 *   Ctrl-C: fill_fleet at once, then _Exit while workers still run
 *
 * Rows and gaps live in queue->arena, which is used under the lock only. */
struct job {
    str account_id; /* empty: our own */
    str region;
};

/* All of it under `lock` once the workers run. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t worker_ended;
    struct arena arena; /* of the rows and gaps */
    struct job *jobs;
    size_t job_count;
    size_t next_job;
    size_t listed_jobs;
    size_t to_judge;
    size_t running_workers;
    struct fleet_row *rows;
    size_t row_count;
    size_t row_capacity;
    struct fleet_gap *gaps; /* room for one a job */
    size_t gap_count;
    _Atomic uint64_t throttled; /* without the lock: see aws/call.h */
};

struct worker {
    struct queue *queue;
    struct arena arena; /* of the guard's transport */
    struct guard guard;
    pthread_t thread;
};

static volatile sig_atomic_t was_interrupted;

/* Nothing else may be done in a signal handler: the flag ends the main thread's timed wait. */
static void on_interrupt(int signal_number) {
    (void)signal_number;
    was_interrupted = 1;
}

static void on_listed(void *context, size_t to_judge) {
    struct queue *queue = context;
    (void)pthread_mutex_lock(&queue->lock);
    queue->to_judge += to_judge;
    queue->listed_jobs++;
    (void)pthread_mutex_unlock(&queue->lock);
}

/* Copied, for facts and evaluation are valid during the call only. */
static void on_judged(void *context, const struct load_balancer *facts,
                      const struct evaluation *evaluation) {
    struct queue *queue = context;
    (void)pthread_mutex_lock(&queue->lock);
    ARENA_RESERVE(&queue->arena, queue->rows, queue->row_count + 1, queue->row_capacity);
    fleet_row_copy(&queue->arena, facts, evaluation, &queue->rows[queue->row_count++]);
    (void)pthread_mutex_unlock(&queue->lock);
}

/* Takes jobs until none is left. The lock is held but for the work itself. */
static void *work(void *context) {
    struct worker *worker = context;
    struct queue *queue = worker->queue;
    const struct audit_listener listener = {
        .context = queue, .wants_age = true, .listed = on_listed, .judged = on_judged};
    struct arena arena = {0};
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->next_job < queue->job_count) {
        const struct job *job = &queue->jobs[queue->next_job++];
        struct error error = {0};
        (void)pthread_mutex_unlock(&queue->lock);
        enum status status =
            app_audit(&worker->guard, job->account_id, job->region, &listener, &arena, &error);
        (void)pthread_mutex_lock(&queue->lock);
        if (status != STATUS_OK) {
            queue->gaps[queue->gap_count++] =
                (struct fleet_gap){.account_id = job->account_id,
                                   .region = job->region,
                                   .reason = str_copy(&queue->arena, error.message)};
        }
        arena_reset(&arena);
    }
    arena_clean_up(&arena);
    arena_clean_up(&worker->guard.session.arena);
    queue->running_workers--;
    (void)pthread_cond_signal(&queue->worker_ended);
    (void)pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* Our own account and, for a central function, the others that it may enter; each in every Region
 * that was asked for. */
static void add_jobs(struct queue *queue, struct arena *arena, const struct audit_options *options,
                     const struct guard_settings *settings, str own_account) {
    const struct account_list *others = &settings->control.allowed_accounts;
    const str *regions = options->regions.count == 0 ? &settings->region : options->regions.items;
    size_t region_count = options->regions.count == 0 ? 1 : options->regions.count;
    queue->jobs = ARENA_ARRAY(arena, struct job, (1 + others->count) * region_count);
    for (size_t a = 0; a <= others->count; a++) {
        str account_id = a == 0 ? STR_EMPTY : others->ids[a - 1];
        bool is_repeated = a > 0 && str_eq(account_id, own_account);
        for (size_t r = 0; !is_repeated && r < region_count; r++) {
            queue->jobs[queue->job_count++] = (struct job){account_id, regions[r]};
        }
    }
    queue->gaps = ARENA_ARRAY(arena, struct fleet_gap, queue->job_count);
}

/* Connects the workers, one after the other: each keeps an arena of its own, from which its
 * transport takes memory while it works. Returns how many there are; 0: it printed an error. The
 * first asks STS for our own account, which is then left out of the others: only from there on is
 * the number of jobs known. */
static size_t prepare_workers(const struct cli *cli, const struct audit_options *options,
                              struct queue *queue, struct worker *workers) {
    struct guard guard;
    struct error error = {0};
    str own_account = STR_EMPTY;
    if (!open_guard(cli, &guard)) {
        return 0;
    }
    if (str_is_empty(guard.settings.region) && options->regions.count > 0) {
        guard.settings.region = options->regions.items[0];
    }
    size_t count = 0;
    do {
        workers[count] = (struct worker){.queue = queue, .guard = guard};
        if (!connect_guard(cli, &workers[count].guard, &workers[count].arena)) {
            return 0;
        }
        workers[count].guard.aws.throttled = &queue->throttled;
        workers[count].guard.home.throttled = &queue->throttled;
        if (count == 0) {
            if (!ok_or_print(accounts_own_id(&workers[0].guard, cli->arena, &own_account, &error),
                             &error)) {
                return 0;
            }
            add_jobs(queue, cli->arena, options, &guard.settings, own_account);
        }
        count++;
    } while (count < queue->job_count && count < WORKERS_MAX);
    return count;
}

/* Signals go to the main thread alone. A thread that cannot be had leaves its jobs to the others.
 * With the lock held. */
static void start_workers(struct queue *queue, struct worker *workers, size_t count) {
    sigset_t all;
    sigset_t before;
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    (void)sigaction(SIGINT, &interrupt, NULL);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (queue->running_workers < count &&
           pthread_create(&workers[queue->running_workers].thread, NULL, work,
                          &workers[queue->running_workers]) == 0) {
        queue->running_workers++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* With the lock held, also when it returns. */
static void wait_for_workers(struct queue *queue, struct progress *progress) {
    uint64_t throttled = 0;
    int drawn_slow = 0;
    while (queue->running_workers > 0 && !was_interrupted) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += DRAW_NS;
        until.tv_sec += until.tv_nsec / NS_PER_S;
        until.tv_nsec %= NS_PER_S;
        (void)pthread_cond_timedwait(&queue->worker_ended, &queue->lock, &until);
        drawn_slow = throttled != queue->throttled ? DRAWN_SLOW : drawn_slow - 1;
        throttled = queue->throttled;
        progress->note = drawn_slow > 0 ? "throttled by AWS" : NULL;
        /* The total is known once every job has listed its load balancers. */
        progress_draw(progress, queue->row_count,
                      queue->listed_jobs == queue->job_count ? queue->to_judge : 0);
    }
    progress_end(progress);
}

static int compare_gaps(const void *left, const void *right) {
    const struct fleet_gap *a = left;
    const struct fleet_gap *b = right;
    int by_account = str_compare(a->account_id, b->account_id);
    return by_account != 0 ? by_account : str_compare(a->region, b->region);
}

/* Its accounts and Regions are those that were asked for, and those of the load balancers. */
static void fill_fleet(struct fleet *fleet, struct arena *arena, const struct queue *queue) {
    qsort(queue->gaps, queue->gap_count, sizeof *queue->gaps, compare_gaps);
    size_t count = queue->job_count + queue->row_count;
    str *accounts = ARENA_ARRAY(arena, str, count);
    str *regions = ARENA_ARRAY(arena, str, count);
    for (size_t i = 0; i < queue->job_count; i++) {
        accounts[i] = queue->jobs[i].account_id;
        regions[i] = queue->jobs[i].region;
    }
    for (size_t i = 0; i < queue->row_count; i++) {
        accounts[queue->job_count + i] = queue->rows[i].account_id;
        regions[queue->job_count + i] = queue->rows[i].region;
    }
    *fleet = (struct fleet){
        .version = STR(DESYNC_GUARD_VERSION),
        .account_count = str_sort_distinct(accounts, count),
        .region_count = str_sort_distinct(regions, count),
        .accounts = accounts,
        .regions = regions,
        .listed = queue->to_judge,
        .rows = queue->rows,
        .row_count = queue->row_count,
        .gaps = queue->gaps,
        .gap_count = queue->gap_count,
        .is_unlisted = queue->gap_count == queue->job_count && queue->to_judge == 0,
        .is_interrupted = queue->running_workers > 0,
    };
}

static void clean_up_queue(void *context) {
    struct queue *queue = context;
    arena_clean_up(&queue->arena);
}

static void clean_up_workers(void *context) {
    struct worker *workers = context;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        arena_clean_up(&workers[i].arena);
    }
}

/* People learn before the work begins when they are in the wrong account. */
static bool is_talkative(const struct audit_options *options) {
    return !options->is_quiet && isatty(STDERR_FILENO) == 1;
}

static void print_beginning(const struct cli *cli, struct guard *guard, const struct queue *queue) {
    const struct control_settings *settings = &guard->settings.control;
    struct sts_caller caller;
    struct error error = {0};
    struct buf out;
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    if (app_caller(guard, cli->arena, &caller, &error) == STATUS_OK) {
        buf_printf(&out, "Account %" STR_FMT " as %" STR_FMT, STR_ARG(caller.account),
                   STR_ARG(str_after_last(caller.arn, ':')));
    } else {
        buf_printf(&out, "Account not known (%" STR_FMT ")", STR_ARG(error.message));
    }
    for (size_t i = 0; i < queue->job_count && str_is_empty(queue->jobs[i].account_id); i++) {
        str region = queue->jobs[i].region;
        buf_printf(&out, "%s%" STR_FMT, i == 0 ? "; reads " : ", ", STR_ARG(region));
    }
    if (settings->allowed_accounts.count > 0) {
        buf_printf(&out, "; and %zu accounts through the role %" STR_FMT,
                   settings->allowed_accounts.count, STR_ARG(settings->cross_account_role));
    }
    print_note(buf_str(&out));
}

/* Judges every Region of every account, several at once. After an interrupt *fleet holds what is
 * known so far, while the workers go on: the process has to end without cleaning up. false: nothing
 * could be begun, which was printed. */
static bool audit_fleet(const struct cli *cli, const struct audit_options *options,
                        struct fleet *fleet) {
    struct queue *queue = ARENA_NEW(cli->arena, struct queue);
    struct worker *workers = ARENA_ARRAY(cli->arena, struct worker, WORKERS_MAX);
    struct progress progress;
    arena_defer(cli->arena, clean_up_queue, queue);
    arena_defer(cli->arena, clean_up_workers, workers);
    size_t count = prepare_workers(cli, options, queue, workers);
    if (count == 0) {
        return false;
    }
    if (is_talkative(options)) {
        print_beginning(cli, &workers[0].guard, queue);
    }
    (void)pthread_mutex_init(&queue->lock, NULL);
    (void)pthread_cond_init(&queue->worker_ended, NULL);
    progress_begin(&progress, cli->clock, "load balancers", 1.0,
                   !options->hides_progress && progress_has_terminal(cli->env));
    (void)pthread_mutex_lock(&queue->lock);
    start_workers(queue, workers, count);
    count = queue->running_workers;
    if (count == 0) {
        print_error("cannot start a thread");
        return false;
    }
    wait_for_workers(queue, &progress);
    fill_fleet(fleet, cli->arena, queue);
    if (!fleet->is_interrupted) {
        (void)pthread_mutex_unlock(&queue->lock);
        for (size_t i = 0; i < count; i++) {
            (void)pthread_join(workers[i].thread, NULL);
        }
    }
    return true;
}

/* --- the document and the verdict ----------------------------------------------------------- */

static struct fleet_table_style table_style(const struct cli *cli, const char *output) {
    if (output != NULL || !isatty(STDOUT_FILENO)) {
        return (struct fleet_table_style){0};
    }
    /* The convention of https://no-color.org */
    bool is_dumb = str_eq(env_get(cli->env, "TERM"), STR("dumb"));
    return (struct fleet_table_style){.has_color =
                                          !is_dumb && str_is_empty(env_get(cli->env, "NO_COLOR")),
                                      .width = terminal_width(STDOUT_FILENO)};
}

static void write_html(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    fleet_write_html(out, arena, fleet, NULL);
}

/* The table takes a style. */
static void (*const WRITERS[FLEET_FORMAT_COUNT])(struct buf *out, struct arena *arena,
                                                 const struct fleet *fleet) = {
    [FLEET_JSON] = fleet_write_json,   [FLEET_CSV] = fleet_write_csv,
    [FLEET_HTML] = write_html,         [FLEET_JUNIT] = fleet_write_junit,
    [FLEET_SARIF] = fleet_write_sarif, [FLEET_ASFF] = fleet_write_asff,
    [FLEET_OCSF] = fleet_write_ocsf,
};

/* Written whole into memory first: a document that does not fit is refused, and not cut. */
static bool write_fleet(const struct cli *cli, const struct audit_options *options,
                        const struct fleet *fleet, struct output *output) {
    struct buf out;
    buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
    if (WRITERS[options->format] != NULL) {
        WRITERS[options->format](&out, cli->arena, fleet);
    } else {
        const struct fleet_table_style style = table_style(cli, options->output);
        fleet_write_table(&out, cli->arena, fleet, &style);
        output->is_table = true;
    }
    return output_write(output, &out, cli->arena);
}

/* A table on the terminal has said all of it. */
static void print_ending(const struct cli *cli, const struct audit_options *options,
                         const struct fleet *fleet) {
    bool is_on_terminal = options->format == FLEET_TABLE && options->output == NULL &&
                          isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
    struct buf out;
    if (!is_on_terminal) {
        print_gaps(fleet);
    }
    if (fleet->is_interrupted) {
        print_error("interrupted; load balancers judged so far: %zu", fleet->row_count);
    }
    if (!is_on_terminal && is_talkative(options)) {
        buf_init(&out, cli->arena, DOCUMENT_BYTES_MAX);
        fleet_write_ending(&out, cli->arena, fleet);
        print_note(str_trim(buf_str(&out)));
    }
}

/* For pipelines: a run that saw a part must not pass, and a known weakness is reported before an
 * unknown one. */
static enum cli_exit exit_code_of(const struct fleet *fleet, unsigned fail_on) {
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    if (fleet->is_unlisted || fleet->is_interrupted) {
        return CLI_ERROR;
    }
    if ((fail_on & FAIL_ON_NON_COMPLIANT) != 0 && summary.non_compliant > 0) {
        return CLI_NON_COMPLIANT;
    }
    /* A gap may hold any number of load balancers that nobody judged. */
    bool has_unknown = summary.unknown > 0 || fleet->gap_count > 0;
    return (fail_on & FAIL_ON_UNKNOWN) != 0 && has_unknown ? CLI_UNKNOWN : CLI_FINE;
}

enum cli_exit command_audit(const struct cli *cli, int argc, char **argv) {
    struct audit_options options;
    struct output output;
    struct fleet fleet;
    if (!audit_options_parse(argc, argv, &options)) {
        return CLI_USAGE;
    }
    if (options.is_quiet) {
        be_quiet(cli);
    }
    if (!output_open(&output, options.output, cli->arena)) {
        return CLI_ERROR;
    }
    if (!audit_fleet(cli, &options, &fleet)) {
        output_discard(&output);
        return CLI_ERROR;
    }
    fleet.generated_ms = cli->clock->now_ms(cli->clock);
    fleet_sort(&fleet);
    bool is_written = false;
    if (fleet.is_unlisted && options.output != NULL) {
        output_discard(&output); /* an older report says more than one of nothing */
    } else {
        is_written = write_fleet(cli, &options, &fleet, &output);
    }
    print_ending(cli, &options, &fleet);
    enum cli_exit exit_code = is_written ? exit_code_of(&fleet, options.fail_on) : CLI_ERROR;
    if (fleet.is_interrupted) {
        (void)flush_output();
        _Exit((int)exit_code); /* calls are still under way: see audit_fleet */
    }
    return exit_code;
}
