/* SPDX-License-Identifier: Apache-2.0
 *
 * Lambda or command line, and the wiring of the parts: the one place that knows all layers.
 */
#include <unistd.h>

#include "aws/region.h"
#include "cli/cli.h"
#include "lambda.h"
#include "net/http_curl.h"

/* AWS_CA_BUNDLE, else the roots built in where they are the right ones, else the system's bundle.
 * Five roots parse in a fraction of the time of a bundle, but they are right for the partition
 * "aws" alone: AWS in China and the isolated partitions use other authorities. */
static enum status connect_app(struct guard *guard, struct arena *arena, struct error *error) {
    str bundle = env_get(guard->env, "AWS_CA_BUNDLE");
    bool has_amazon_roots = str_eq(partition_of_region(guard->settings.region), STR("aws"));
    const struct http_curl_options options = {
        .trust =
            str_is_empty(bundle) && has_amazon_roots ? HTTP_TRUST_AMAZON : HTTP_TRUST_BUNDLE_FILE,
        .bundle_path = bundle,
        .bundle_origin = STR("AWS_CA_BUNDLE"),
        .user_agent = STR("desync-guard/" DESYNC_GUARD_VERSION),
        .allows_plain_http = true, /* only an endpoint override can ask for it */
    };
    struct transport *transport;
    TRY(http_curl_init(arena, guard->clock, &options, &transport, error));
    return app_connect(guard, transport, arena, error);
}

static int run_command(const struct env *env, struct log *log, int argc, char **argv) {
    struct arena arena = {0};
    log->level_min = log->level_min > LOG_WARN ? log->level_min : LOG_WARN;
    const struct cli cli = {env, clock_system(), log, &arena, connect_app};
    int exit_code = (int)cli_run(&cli, argc, argv);
    arena_clean_up(&arena);
    return exit_code;
}

/* Nobody may read what is written, and no invocation may wait for that. */
static int serve(const struct env *env, struct log *log, str runtime_api) {
    struct log_stream metrics;
    struct log_stream lines;
    if (log->format == LOG_FORMAT_JSON) {
        die_in_json();
    }
    log_stream_init(&metrics, STDOUT_FILENO);
    log_stream_init(&lines, STDERR_FILENO);
    log_stream_attach(&lines, log);
    const struct lambda lambda = {runtime_api, env, clock_system(), log, &metrics, connect_app};
    return lambda_serve(&lambda);
}

int main(int argc, char **argv) {
    const struct env *env = env_process();
    struct log log = {.clock = clock_system(), .level_min = LOG_INFO, .format = LOG_FORMAT_TEXT};
    (void)log_format_parse(env_get(env, "AWS_LAMBDA_LOG_FORMAT"), &log.format);
    (void)log_level_parse(env_get(env, "AWS_LAMBDA_LOG_LEVEL"), &log.level_min);
    str runtime_api = env_get(env, "AWS_LAMBDA_RUNTIME_API");
    if (str_is_empty(runtime_api)) {
        return run_command(env, &log, argc, argv);
    }
    return serve(env, &log, runtime_api);
}
