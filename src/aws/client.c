/* SPDX-License-Identifier: Apache-2.0
 *
 * The client that every call is made with: credentials, endpoints, retries and the time left.
 */
#include "aws/call.h"

#include "call_internal.h"

#define ATTEMPTS_MAX_ACCEPTED 10

static enum status attempts_from_env(const struct env *env, struct arena *arena, int *attempts_out,
                                     struct error *error) {
    str text = env_get(env, "AWS_MAX_ATTEMPTS");
    int64_t value = 0;
    *attempts_out = 0;
    if (str_is_empty(text)) {
        return STATUS_OK;
    }
    if (!str_parse_i64(text, &value) || value < 1 || value > ATTEMPTS_MAX_ACCEPTED) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "AWS_MAX_ATTEMPTS is \"%" STR_FMT "\"; accepted: 1..%d",
                         STR_ARG(str_utf8_prefix(text, 64)), ATTEMPTS_MAX_ACCEPTED);
    }
    *attempts_out = (int)value;
    return STATUS_OK;
}

/* Many sandboxes start in the same millisecond; the log stream's name differs in each of them, so
 * their jitter does too. FNV-1a. */
static uint64_t random_seed(const struct clock *clock, const struct env *env) {
    uint64_t seed = UINT64_C(14695981039346656037);
    str name = env_get(env, "AWS_LAMBDA_LOG_STREAM_NAME");
    for (size_t i = 0; i < name.len; i++) {
        seed = (seed ^ (unsigned char)name.ptr[i]) * UINT64_C(1099511628211);
    }
    return seed ^ (uint64_t)clock->now_ms(clock) ^ ((uint64_t)clock->monotonic_us(clock) << 20);
}

enum status aws_client_init(struct aws_client *client, struct transport *transport,
                            const struct clock *clock, const struct env *env, struct arena *arena,
                            struct error *error) {
    *client = (struct aws_client){
        .transport = transport,
        .clock = clock,
        .deadline_ms = INT64_MAX,
        .quota = {.tokens = RETRY_QUOTA_CAPACITY},
        .random_state = random_seed(clock, env),
    };
    TRY(credentials_from_env(env, arena, &client->credentials, error));
    TRY(endpoint_settings_from_env(env, arena, &client->endpoints, error));
    return attempts_from_env(env, arena, &client->attempts_max, error);
}

/* The quota is new, for a throttled account must not use up the retries of another one. The skew is
 * kept: it is this machine's clock that is wrong. */
void aws_client_with_credentials(struct aws_client *client, struct aws_client *like,
                                 const struct aws_credentials *credentials) {
    *client = (struct aws_client){
        .transport = like->transport,
        .clock = like->clock,
        .credentials = *credentials,
        .endpoints = like->endpoints,
        .region = like->region,
        .deadline_ms = like->deadline_ms,
        .attempts_max = like->attempts_max,
        .throttled = like->throttled,
        .quota = {.tokens = RETRY_QUOTA_CAPACITY},
        .skew_ms = like->skew_ms,
        .random_state = random_next(&like->random_state), /* else both would make the same ids */
    };
}

bool aws_client_may_attempt(const struct aws_client *client, int attempt) {
    return client->attempts_max == 0 || attempt <= client->attempts_max;
}

int64_t aws_client_time_left_ms(const struct aws_client *client) {
    if (client->deadline_ms == INT64_MAX) {
        return INT64_MAX;
    }
    return client->deadline_ms - client->clock->now_ms(client->clock);
}
