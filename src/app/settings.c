/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_internal.h"

/* More than Lambda gives to one execution environment. */
#define CONCURRENCY_MAX 2000

static str policy_variable(const void *context, const char *name) {
    return env_get(context, name);
}

static enum status parse_region(const struct env *env, struct arena *arena, str *region_out,
                                struct error *error) {
    const char *name = "AWS_REGION";
    str region = env_get(env, name);
    if (str_is_empty(region)) {
        name = "AWS_DEFAULT_REGION";
        region = env_get(env, name);
    }
    if (!str_is_empty(region) && !region_is_valid(region)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "%s is \"%" STR_FMT "\", which is no AWS Region", name,
                         STR_ARG(str_utf8_prefix(region, 64)));
    }
    *region_out = region;
    return STATUS_OK;
}

/* How fast Elastic Load Balancing may be called: AWS allows 10 a second, to all callers together.
 */
static enum status parse_pace(const struct env *env, struct arena *arena, int *per_second,
                              struct error *error) {
    str text = env_get(env, "ELB_REQUESTS_PER_SECOND");
    int64_t value = (int64_t)PACE_RATE_DEFAULT;
    if (str_eq_ignore_case(text, STR("off"))) {
        value = 0;
    } else if (!str_is_empty(text) &&
               (!str_parse_i64(text, &value) || value < 1 || value > (int64_t)PACE_RATE_MAX)) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "ELB_REQUESTS_PER_SECOND is \"%" STR_FMT "\"; accepted: 1..10, off",
                         STR_ARG(str_utf8_prefix(text, 64)));
    }
    *per_second = (int)value;
    return STATUS_OK;
}

/* The policy variables are checked once here, so that a bad one stops the start and not each event.
 */
static enum status check_policy(const struct app_settings *settings, struct arena *arena,
                                struct error *error) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error cause = {0};
    if (policy_parse(&settings->environment_policy, arena, policy, &cause) == STATUS_OK) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_CONFIGURATION, "%" STR_FMT, STR_ARG(cause.message));
}

enum status app_settings_parse(const struct env *env, struct arena *arena,
                               struct app_settings *settings_out, struct error *error) {
    static const char *const ON_OFF[] = {"on", "off", NULL};
    static const char *const FORMATS[] = {"Text", "JSON", NULL};
    static const char *const LEVELS[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", NULL};
    *settings_out = (struct app_settings){0};
    settings_out->environment_policy =
        (struct policy_source){.from_environment = policy_variable, .context = env};
    TRY(parse_region(env, arena, &settings_out->region, error));
    size_t ignored; /* main has set the log up already, in time to tell of an error here */
    TRY(env_choice(env, "AWS_LAMBDA_LOG_FORMAT", FORMATS, &ignored, arena, error));
    TRY(env_choice(env, "AWS_LAMBDA_LOG_LEVEL", LEVELS, &ignored, arena, error));
    size_t warm_up = 0;
    TRY(env_choice(env, "WARM_UP", ON_OFF, &warm_up, arena, error));
    settings_out->warms_up = warm_up == 0;
    size_t shutdown_log = 1;
    TRY(env_choice(env, "SHUTDOWN_LOG", ON_OFF, &shutdown_log, arena, error));
    settings_out->logs_shutdown = shutdown_log == 0;
    settings_out->concurrency = 1;
    TRY(env_count(env, "AWS_LAMBDA_MAX_CONCURRENCY", (struct env_range){1, CONCURRENCY_MAX},
                  &settings_out->concurrency, arena, error));
    TRY(parse_pace(env, arena, &settings_out->elb_requests_per_second, error));
    TRY(act_settings_parse(env, arena, &settings_out->act, error));
    TRY(report_settings_parse(env, arena, &settings_out->report, error));
    return check_policy(settings_out, arena, error);
}

enum status app_policy(const struct app *app, const struct json *rule_parameters,
                       struct arena *arena, struct policy *policy_out, struct error *error) {
    struct policy_parameter *parameters;
    struct policy_source source = app->settings.environment_policy;
    TRY(decode_rule_parameters(rule_parameters, arena, &parameters, &source.parameter_count,
                               error));
    source.parameters = parameters;
    return policy_parse(&source, arena, policy_out, error);
}

/* Settings that exclude each other (FIPS and an override) stop the start, not each event. */
static enum status check_endpoints(const struct app *app, struct arena *arena,
                                   struct error *error) {
    static const enum aws_service NEEDED[] = {AWS_CONFIG, AWS_ELBV2};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++) {
        struct endpoint endpoint;
        struct error cause = {0};
        if (endpoint_resolve(&app->aws.endpoints, NEEDED[i], app->settings.region, arena, &endpoint,
                             &cause) != STATUS_OK) {
            return error_set(error, arena, STATUS_CONFIGURATION, "%" STR_FMT,
                             STR_ARG(cause.message));
        }
    }
    return STATUS_OK;
}

enum status app_connect(struct app *app, struct transport *transport, struct arena *arena,
                        struct error *error) {
    if (str_is_empty(app->settings.region)) {
        return error_set(error, arena, STATUS_CONFIGURATION, "AWS_REGION is not set");
    }
    TRY(aws_client_init(&app->aws, transport, app->clock, app->env, arena, error));
    app->aws.region = app->settings.region;
    TRY(check_endpoints(app, arena, error));
    if (app->settings.elb_requests_per_second > 0) {
        app->aws.pace = ARENA_NEW(arena, struct pace);
        pace_init(app->aws.pace, app->settings.elb_requests_per_second,
                  app->clock->now_ms(app->clock));
    }
    app->home = app->aws;
    act_settings_log_off(app);
    return STATUS_OK;
}

/* AWS Config is what every verdict is reported to. Elastic Load Balancing is asked only for what an
 * event does not say, and each handshake lengthens INIT by a good millisecond. */
size_t app_warm_up_urls(const struct app *app, struct arena *arena, str urls[static 4]) {
    struct endpoint endpoint;
    if (endpoint_resolve(&app->aws.endpoints, AWS_CONFIG, app->settings.region, arena, &endpoint,
                         NULL) != STATUS_OK) {
        return 0;
    }
    urls[0] = endpoint.url;
    return 1;
}
