/* SPDX-License-Identifier: Apache-2.0
 *
 * From INIT to the end of the sandbox:
 *
 *   INIT (10 s at most, else Lambda runs it again within the first invocation)
 *     settings --> for each worker: a Runtime API transport, a guard with its AWS client
 *              --> connections of the first worker are opened ahead
 *              --> a failure: POST /init/error, exit
 *   then run_workers: one loop each, until Lambda ends the sandbox
 *
 * There is one worker, but for Lambda Managed Instances, where AWS_LAMBDA_MAX_CONCURRENCY events
 * are handled at the same time in one process.
 */
#include "lambda.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/http_curl.h"
#include "runtime/runtime.h"

/* Longer than a healthy handshake within a Region, shorter than anybody would notice in an INIT of
 * 10 s. */
#define WARM_UP_CAP_MS 250

/* Root, parent and sampling take 100 characters; AWS allows more fields behind them. */
#define TRACE_ID_BYTES_MAX 1024

/* For whatever asks the environment, as AWS's own runtimes have it. A function on provided.al2023
 * has to set the variable itself. It has to go when an event brings no trace id: the id of the
 * event before must not be passed on. */
static void set_trace_id(str trace_id) {
    char text[TRACE_ID_BYTES_MAX];
    if (str_is_empty(trace_id) || trace_id.len >= sizeof text) {
        (void)unsetenv("_X_AMZN_TRACE_ID");
        return;
    }
    (void)snprintf(text, sizeof text, "%" STR_FMT, STR_ARG(trace_id));
    (void)setenv("_X_AMZN_TRACE_ID", text, 1);
}

static void handle_event(void *context, const struct runtime_invocation *invocation,
                         struct arena *arena, struct runtime_reply *reply) {
    struct guard *guard = context;
    struct app_reply answer;
    guard->function_arn = invocation->function_arn;
    app_handle(guard, invocation->event, invocation->deadline_ms, arena, &answer);
    *reply = (struct runtime_reply){
        .is_error = answer.is_error,
        .body = answer.body,
        .error_type = answer.error_type,
        .error_message = answer.error_message,
        .is_last = app_has_expired(guard),
    };
    if (reply->is_last) {
        LOG(guard->log, LOG_FATAL, "credentials_expired",
            LOG_STR("errorMessage",
                    STR("the function's own credentials have expired, and its environment holds no "
                        "others: the process ends after its answer, so that Lambda replaces it")));
    }
}

/* One loop over the Runtime API with everything it needs of its own: workers share only what never
 * changes. */
struct worker {
    struct arena arena;
    struct log log;
    struct guard guard;
    struct runtime runtime;
    pthread_t thread;
};

static enum status open_runtime(const struct lambda *lambda, struct log *log, struct arena *arena,
                                struct runtime *runtime, struct error *error) {
    const struct http_curl_options options = {
        .trust = HTTP_TRUST_NONE,
        .user_agent = STR("desync-guard/" DESYNC_GUARD_VERSION),
        .allows_plain_http = true,
    };
    *runtime = (struct runtime){.clock = lambda->clock, .log = log};
    TRY(runtime_base_url(lambda->runtime_api, arena, &runtime->base_url, error));
    return http_curl_init(arena, lambda->clock, &options, &runtime->transport, error);
}

static enum status open_app(const struct lambda *lambda, const struct guard_settings *settings,
                            struct worker *worker, struct error *error) {
    worker->guard = (struct guard){.settings = *settings,
                                   .env = lambda->env,
                                   .clock = lambda->clock,
                                   .log = &worker->log,
                                   .metrics = {log_stream_write, lambda->metrics}};
    return lambda->connect(&worker->guard, &worker->arena, error);
}

static int run_worker(struct worker *worker) {
    const struct runtime_handler handler = {.context = &worker->guard, .handle = handle_event};
    return runtime_run(&worker->runtime, &handler);
}

static void *run_worker_thread(void *context) {
    (void)run_worker(context);
    return NULL;
}

/* The first worker has the main thread. Where one ends, the others go on. */
static int run_workers(struct worker *workers, size_t count) {
    size_t started = 1;
    while (started < count && pthread_create(&workers[started].thread, NULL, run_worker_thread,
                                             &workers[started]) == 0) {
        started++;
    }
    int exit_code = run_worker(&workers[0]);
    for (size_t i = 1; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    return exit_code;
}

static void close_worker(void *context) {
    struct worker *worker = context;
    arena_clean_up(&worker->guard.session.arena);
    arena_clean_up(&worker->arena);
}

/* Everything that does not depend on an event; *workers_out live in `arena`. */
static enum status prepare(const struct lambda *lambda, struct arena *arena,
                           struct worker **workers_out, size_t *count_out, struct error *error) {
    struct guard_settings settings;
    TRY(guard_settings_parse(lambda->env, arena, &settings, error));
    size_t count = (size_t)settings.concurrency;
    struct worker *workers = ARENA_ARRAY(arena, struct worker, count);
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &workers[i];
        arena_defer(arena, close_worker, worker);
        worker->log = *lambda->log;
        TRY(open_runtime(lambda, &worker->log, &worker->arena, &worker->runtime, error));
        TRY(open_app(lambda, &settings, worker, error));
        /* The environment belongs to all of them. */
        worker->runtime.set_trace_id = count == 1 ? set_trace_id : NULL;
    }
    if (settings.warms_up) {
        str urls[4]; /* of one worker: the others would only lengthen INIT */
        size_t url_count = app_warm_up_urls(&workers[0].guard, &workers[0].arena, urls);
        http_curl_warm_up(workers[0].guard.aws.transport, urls, url_count, WARM_UP_CAP_MS);
    }
    *workers_out = workers;
    *count_out = count;
    return STATUS_OK;
}

static int serve(const struct lambda *lambda, struct arena *arena) {
    struct error error = {0};
    struct runtime runtime;
    struct worker *workers;
    size_t count;
    if (prepare(lambda, arena, &workers, &count, &error) == STATUS_OK) {
        return run_workers(workers, count);
    }
    LOG(lambda->log, LOG_FATAL, "cannot_start", LOG_STR("errorMessage", error.message));
    if (open_runtime(lambda, lambda->log, arena, &runtime, NULL) == STATUS_OK) {
        runtime_init_error(&runtime, STR("Runtime.InvalidConfiguration"), error.message);
    }
    return EXIT_FAILURE;
}

int lambda_serve(const struct lambda *lambda) {
    struct arena arena = {0};
    int exit_code = serve(lambda, &arena);
    arena_clean_up(&arena);
    return exit_code;
}
