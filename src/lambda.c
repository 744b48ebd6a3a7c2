/* SPDX-License-Identifier: Apache-2.0 */
#include "lambda.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/http_curl.h"
#include "runtime/runtime.h"

/* Longer than a healthy handshake within a Region, shorter than anybody would notice in an INIT of
 * 10 s. */
#define WARM_UP_CAP_MS 250

/* Root, parent and sampling take 100 characters; AWS allows more fields behind them. */
#define TRACE_ID_BYTES_MAX 1024

/* For whatever asks the environment, as AWS's own runtimes have it. */
static void set_trace_id(str trace_id) {
    char text[TRACE_ID_BYTES_MAX];
    if (str_is_empty(trace_id) || trace_id.len >= sizeof text) {
        (void)unsetenv("_X_AMZN_TRACE_ID");
        return;
    }
    (void)snprintf(text, sizeof text, "%" STR_FMT, STR_ARG(trace_id));
    (void)setenv("_X_AMZN_TRACE_ID", text, 1);
}

static void handle_event(void *context,
                         const struct runtime_invocation *invocation,
                         struct arena *arena,
                         struct runtime_reply *reply) {
    struct app *app = context;
    struct app_reply answer;
    app->aws.transport->on_thaw(app->aws.transport);
    app_handle(app, invocation->event, invocation->deadline_ms, arena, &answer);
    *reply = (struct runtime_reply){
        .is_error = answer.is_error,
        .body = answer.body,
        .error_type = answer.error_type,
        .error_message = answer.error_message,
    };
}

/* Everything that does not depend on an event. */
static enum status prepare(const struct lambda *lambda,
                           struct app *app,
                           struct arena *arena,
                           struct error *error) {
    TRY(app_settings_parse(app->env, arena, &app->settings, error));
    TRY(lambda->connect(app, arena, error));
    if (app->settings.warms_up) {
        str urls[4];
        size_t url_count = app_warm_up_urls(app, arena, urls);
        http_curl_warm_up(app->aws.transport, urls, url_count, WARM_UP_CAP_MS);
    }
    return STATUS_OK;
}

static int serve(const struct lambda *lambda, struct app *app, struct arena *arena) {
    const struct http_curl_options options = {
        .trust = HTTP_TRUST_NONE,
        .user_agent = STR("desync-guard/" DESYNC_GUARD_VERSION),
        .allows_plain_http = true,
    };
    struct runtime runtime = {.clock = app->clock, .log = app->log, .set_trace_id = set_trace_id};
    struct error error = {0};
    if (runtime_base_url(lambda->runtime_api, arena, &runtime.base_url, &error) != STATUS_OK ||
        http_curl_init(arena, app->clock, &options, &runtime.transport, &error) != STATUS_OK) {
        LOG(app->log, LOG_FATAL, "cannot_start", LOG_STR("errorMessage", error.message));
        return EXIT_FAILURE;
    }
    if (prepare(lambda, app, arena, &error) != STATUS_OK) {
        LOG(app->log, LOG_FATAL, "cannot_start", LOG_STR("errorMessage", error.message));
        runtime_init_error(&runtime, STR("Runtime.InvalidConfiguration"), error.message);
        return EXIT_FAILURE;
    }
    const struct runtime_handler handler = {.context = app, .handle = handle_event};
    return runtime_run(&runtime, &handler);
}

int lambda_serve(const struct lambda *lambda) {
    struct arena arena = {0};
    struct app app = {.env = lambda->env, .clock = lambda->clock, .log = lambda->log};
    int exit_code = serve(lambda, &app, &arena);
    arena_clean_up(&arena);
    return exit_code;
}
