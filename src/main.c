/* SPDX-License-Identifier: Apache-2.0
 *
 * Lambda or command line, and the wiring of the parts: the one place that knows all layers.
 */
#include "cli/cli.h"
#include "net/http_curl.h"
#include "runtime/runtime.h"

#include <stdlib.h>

/* Longer than a healthy handshake within a Region, shorter than anybody would notice in an INIT of
 * 10 s. */
#define WARM_UP_CAP_MS 250

static void set_trace_id(str trace_id) {
    if (str_is_empty(trace_id)) {
        (void)unsetenv("_X_AMZN_TRACE_ID");
    } else {
        (void)setenv("_X_AMZN_TRACE_ID", trace_id.ptr, 1);
    }
}

/* AWS_CA_BUNDLE, else the roots built in where they are the right ones, else the system's bundle.
 */
static enum status connect_app(struct app *app, struct arena *arena, struct error *error) {
    str bundle = env_get(app->env, "AWS_CA_BUNDLE");
    bool has_amazon_roots = str_eq(partition_of_region(app->settings.region), STR("aws"));
    const struct http_curl_options options = {
        .trust =
            str_is_empty(bundle) && has_amazon_roots ? HTTP_TRUST_AMAZON : HTTP_TRUST_BUNDLE_FILE,
        .bundle_path = bundle,
        .user_agent = STR("desync-guard/" DESYNC_GUARD_VERSION),
        .allows_plain_http = true, /* only an endpoint override can ask for it */
    };
    struct transport *transport;
    struct error cause = {0};
    enum status status = http_curl_init(arena, app->clock, &options, &transport, &cause);
    if (status != STATUS_OK) {
        const char *variable = str_is_empty(bundle) ? "" : "AWS_CA_BUNDLE: ";
        return error_set(error, arena, status, "%s%" STR_FMT, variable, STR_ARG(cause.message));
    }
    return app_connect(app, transport, arena, error);
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
static enum status prepare(struct app *app, struct arena *arena, struct error *error) {
    TRY(app_settings_parse(app->env, arena, &app->settings, error));
    TRY(connect_app(app, arena, error));
    if (app->settings.warms_up) {
        str urls[4];
        size_t url_count = app_warm_up_urls(app, arena, urls);
        http_curl_warm_up(app->aws.transport, urls, url_count, WARM_UP_CAP_MS);
    }
    return STATUS_OK;
}

static int serve_lambda(str runtime_api, struct app *app, struct arena *arena) {
    const struct http_curl_options options = {
        .trust = HTTP_TRUST_NONE,
        .user_agent = STR("desync-guard/" DESYNC_GUARD_VERSION),
        .allows_plain_http = true,
    };
    struct runtime runtime = {.clock = app->clock, .log = app->log, .set_trace_id = set_trace_id};
    struct error error = {0};
    if (runtime_base_url(runtime_api, arena, &runtime.base_url, &error) != STATUS_OK ||
        http_curl_init(arena, app->clock, &options, &runtime.transport, &error) != STATUS_OK) {
        LOG(app->log, LOG_FATAL, "cannot_start", LOG_STR("errorMessage", error.message));
        return EXIT_FAILURE;
    }
    if (prepare(app, arena, &error) != STATUS_OK) {
        LOG(app->log, LOG_FATAL, "cannot_start", LOG_STR("errorMessage", error.message));
        runtime_init_error(&runtime, STR("Runtime.InvalidConfiguration"), error.message);
        return EXIT_FAILURE;
    }
    const struct runtime_handler handler = {.context = app, .handle = handle_event};
    return runtime_run(&runtime, &handler);
}

int main(int argc, char **argv) {
    const struct env *env = env_process();
    struct arena arena;
    arena_init(&arena);
    struct log log = {.clock = clock_system(), .level_min = LOG_INFO, .format = LOG_FORMAT_TEXT};
    (void)log_format_parse(env_get(env, "AWS_LAMBDA_LOG_FORMAT"), &log.format);
    (void)log_level_parse(env_get(env, "AWS_LAMBDA_LOG_LEVEL"), &log.level_min);
    str runtime_api = env_get(env, "AWS_LAMBDA_RUNTIME_API");
    int exit_code;
    if (str_is_empty(runtime_api)) {
        log.level_min = log.level_min > LOG_WARN ? log.level_min : LOG_WARN;
        const struct cli cli = {env, clock_system(), &log, &arena, connect_app};
        exit_code = cli_run(&cli, argc, argv);
    } else {
        struct app app = {.env = env, .clock = clock_system(), .log = &log};
        exit_code = serve_lambda(runtime_api, &app, &arena);
    }
    arena_clean_up(&arena);
    return exit_code;
}
