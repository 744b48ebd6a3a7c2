/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/retry.h"

#include "base/json.h"
#include "extra_data.h"
#include "unit.h"

#define TRANSIENT_BASE_MS 50
#define DYNAMODB_BASE_MS  25

static struct arena arena;

static int open_arena(void **state) {
    (void)state;
    arena = (struct arena){0};
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

/* ---- classification ---- */

static void failures_are_classed_by_code_then_http_status_then_transport(void **state) {
    (void)state;
    static const struct {
        const char *code;
        int http_status;
        enum status status;
        enum retry_class expected;
    } rows[] = {
        {"Throttling", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"ThrottlingException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"ThrottledException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"RequestThrottledException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"RequestThrottled", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"TooManyRequestsException", 429, STATUS_THROTTLED, RETRY_THROTTLING},
        {"ProvisionedThroughputExceededException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"TransactionInProgressException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"TransactionConflictException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"RequestLimitExceeded", 503, STATUS_SERVER, RETRY_THROTTLING},
        {"BandwidthLimitExceeded", 509, STATUS_SERVER, RETRY_THROTTLING},
        {"LimitExceededException", 429, STATUS_THROTTLED, RETRY_THROTTLING},
        {"SlowDown", 503, STATUS_SERVER, RETRY_THROTTLING},
        {"PriorRequestNotComplete", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"EC2ThrottledException", 400, STATUS_REFUSED, RETRY_THROTTLING},
        {"RequestTimeout", 400, STATUS_REFUSED, RETRY_TRANSIENT},
        {"RequestTimeoutException", 408, STATUS_REFUSED, RETRY_TRANSIENT},
        {"InternalError", 400, STATUS_REFUSED, RETRY_TRANSIENT},
        {"IDPCommunicationError", 400, STATUS_REFUSED, RETRY_TRANSIENT},
        {"ReplicatedWriteConflictException", 400, STATUS_REFUSED, RETRY_TRANSIENT},
        {"", 500, STATUS_SERVER, RETRY_TRANSIENT},
        {"SomethingNew", 500, STATUS_SERVER, RETRY_TRANSIENT},
        {"", 502, STATUS_SERVER, RETRY_TRANSIENT},
        {"", 503, STATUS_SERVER, RETRY_TRANSIENT},
        {"", 504, STATUS_SERVER, RETRY_TRANSIENT},
        {"", 501, STATUS_SERVER, RETRY_NO},
        {"", 505, STATUS_SERVER, RETRY_NO},
        {"", 429, STATUS_THROTTLED, RETRY_THROTTLING},
        {"", 408, STATUS_REFUSED, RETRY_NO},
        {"", 400, STATUS_REFUSED, RETRY_NO},
        {"AccessDenied", 403, STATUS_DENIED, RETRY_NO},
        {"AccessDeniedException", 400, STATUS_DENIED, RETRY_NO},
        {"LoadBalancerNotFound", 400, STATUS_NOT_FOUND, RETRY_NO},
        {"throttling", 400, STATUS_REFUSED, RETRY_NO},
        {"Throttling2", 400, STATUS_REFUSED, RETRY_NO},
        {"RequestExpired", 400, STATUS_REFUSED, RETRY_NO},
        {"", 0, STATUS_TIMEOUT, RETRY_TRANSIENT},
        {"", 0, STATUS_CONNECTION, RETRY_TRANSIENT},
        {"", 0, STATUS_INCOMPLETE, RETRY_TRANSIENT},
        {"", 200, STATUS_INCOMPLETE, RETRY_TRANSIENT},
        {"", 0, STATUS_THROTTLED, RETRY_THROTTLING},
        {"", 0, STATUS_SERVER, RETRY_TRANSIENT},
        {"", 0, STATUS_TLS, RETRY_NO},
        {"", 0, STATUS_DEADLINE, RETRY_NO},
        {"", 0, STATUS_TOO_LARGE, RETRY_NO},
        {"", 0, STATUS_INVALID, RETRY_NO},
        {"", 200, STATUS_TOO_LARGE, RETRY_NO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum retry_class found =
            retry_classify(str_from_cstr(rows[i].code), rows[i].http_status, rows[i].status);
        if (found != rows[i].expected) {
            fail_msg("\"%s\" with HTTP %d and %s: class %d", rows[i].code, rows[i].http_status,
                     status_name(rows[i].status), (int)found);
        }
    }
}

/* ---- scripts: one call after another against one quota ---- */

enum step_end { END, SUCCESS, AGAIN, NO_ATTEMPTS, NO_QUOTA, NOT_RETRYABLE };

struct step {
    enum step_end outcome; /* END: no more steps */
    int http_status;
    const char *code;
    const char *retry_after;
    int quota;
    int delay_ms;
};

struct script {
    const char *name;
    int tokens;
    int attempts_max;
    int base_ms;
    struct step steps[14];
};

static const struct script scripts[] = {
    {"two failures, then success gives the last cost back",
     500,
     3,
     TRANSIENT_BASE_MS,
     {{AGAIN, 503, "", "", 486, 50},
      {AGAIN, 500, "", "", 472, 100},
      {SUCCESS, 200, "", "", 486, 0}}},
    {"attempts end before the quota is asked",
     14,
     2,
     TRANSIENT_BASE_MS,
     {{AGAIN, 500, "", "", 0, 50}, {NO_ATTEMPTS, 500, "", "", 0, 0}}},
    {"one attempt only is never charged",
     500,
     1,
     TRANSIENT_BASE_MS,
     {{NO_ATTEMPTS, 500, "", "", 500, 0}}},
    {"a quota too small for one retry", 13, 3, TRANSIENT_BASE_MS, {{NO_QUOTA, 500, "", "", 13, 0}}},
    {"a throttled retry is cheaper and waits longer",
     5,
     3,
     TRANSIENT_BASE_MS,
     {{AGAIN, 400, "ThrottlingException", "", 0, 1000},
      {NO_QUOTA, 400, "ThrottlingException", "", 0, 0}}},
    {"the quota recovers over several calls",
     29,
     3,
     TRANSIENT_BASE_MS,
     {{AGAIN, 500, "", "", 15, 50},
      {SUCCESS, 200, "", "", 29, 0},
      {SUCCESS, 200, "", "", 30, 0},
      {AGAIN, 429, "", "", 25, 1000},
      {AGAIN, 502, "", "", 11, 100},
      {SUCCESS, 200, "", "", 25, 0}}},
    {"the quota never rises above its capacity",
     499,
     3,
     TRANSIENT_BASE_MS,
     {{SUCCESS, 200, "", "", 500, 0}, {SUCCESS, 200, "", "", 500, 0}}},
    {"DynamoDB starts with half the delay",
     500,
     4,
     DYNAMODB_BASE_MS,
     {{AGAIN, 500, "", "", 486, 25},
      {AGAIN, 500, "", "", 472, 50},
      {AGAIN, 400, "ProvisionedThroughputExceededException", "", 467, 4000},
      {NO_ATTEMPTS, 500, "", "", 467, 0}}},
    {"the tenth transient retry reaches the cap",
     500,
     13,
     TRANSIENT_BASE_MS,
     {{AGAIN, 500, "", "", 486, 50},
      {AGAIN, 500, "", "", 472, 100},
      {AGAIN, 500, "", "", 458, 200},
      {AGAIN, 500, "", "", 444, 400},
      {AGAIN, 500, "", "", 430, 800},
      {AGAIN, 500, "", "", 416, 1600},
      {AGAIN, 500, "", "", 402, 3200},
      {AGAIN, 500, "", "", 388, 6400},
      {AGAIN, 500, "", "", 374, 12800},
      {AGAIN, 500, "", "", 360, 20000},
      {AGAIN, 500, "", "", 346, 20000},
      {AGAIN, 500, "", "", 332, 20000},
      {NO_ATTEMPTS, 500, "", "", 332, 0}}},
    {"the sixth throttling retry reaches the cap",
     500,
     7,
     TRANSIENT_BASE_MS,
     {{AGAIN, 400, "SlowDown", "", 495, 1000},
      {AGAIN, 400, "SlowDown", "", 490, 2000},
      {AGAIN, 400, "SlowDown", "", 485, 4000},
      {AGAIN, 400, "SlowDown", "", 480, 8000},
      {AGAIN, 400, "SlowDown", "", 475, 16000},
      {AGAIN, 400, "SlowDown", "", 470, 20000},
      {NO_ATTEMPTS, 400, "SlowDown", "", 470, 0}}},
    {"the server asks for more", 500, 3, 50, {{AGAIN, 500, "", "1500", 486, 1500}}},
    {"the server asks for less", 500, 3, 50, {{AGAIN, 500, "", "49", 486, 50}}},
    {"the server asks for nothing", 500, 3, 50, {{AGAIN, 500, "", "0", 486, 50}}},
    {"at most 5 s more", 500, 3, 50, {{AGAIN, 500, "", "5051", 486, 5050}}},
    {"5 s more", 500, 3, 50, {{AGAIN, 500, "", "5050", 486, 5050}}},
    {"not a number", 500, 3, 50, {{AGAIN, 500, "", "soon", 486, 50}}},
    {"a fraction", 500, 3, 50, {{AGAIN, 500, "", "1500.5", 486, 50}}},
    {"negative", 500, 3, 50, {{AGAIN, 500, "", "-1500", 486, 50}}},
    {"beyond any number", 500, 3, 50, {{AGAIN, 500, "", "99999999999999999999", 486, 50}}},
    {"a refusal is not retried",
     500,
     3,
     TRANSIENT_BASE_MS,
     {{NOT_RETRYABLE, 403, "AccessDenied", "", 500, 0}}},
    {"a refusal on the last attempt is still a refusal",
     500,
     1,
     TRANSIENT_BASE_MS,
     {{NOT_RETRYABLE, 400, "ValidationError", "", 500, 0}}},
};

/* One call's bookkeeping as aws/call.c does it: every attempt is counted before it is judged. */
static enum step_end step_run(struct retry_state *state, struct retry_quota *quota,
                              const struct step *step, double random_0_1, int64_t *delay_ms) {
    state->attempt++;
    if (step->http_status == 200) {
        retry_succeeded(state, quota);
        return SUCCESS;
    }
    static const enum step_end ends[] = {
        [RETRY_AGAIN] = AGAIN,
        [RETRY_ATTEMPTS_USED_UP] = NO_ATTEMPTS,
        [RETRY_QUOTA_USED_UP] = NO_QUOTA,
        [RETRY_NOT_RETRYABLE] = NOT_RETRYABLE,
    };
    enum retry_class retry_class =
        retry_classify(str_from_cstr(step->code), step->http_status, STATUS_REFUSED);
    str retry_after = str_from_cstr(step->retry_after);
    return ends[retry_next(state, quota, retry_class, random_0_1, retry_after, delay_ms)];
}

static void script_check(const struct script *script) {
    struct retry_quota quota = {.tokens = script->tokens};
    const struct retry_state fresh = {.attempts_max = script->attempts_max,
                                      .base_ms = script->base_ms};
    struct retry_state call = fresh;
    for (const struct step *step = script->steps; step->outcome != END; step++) {
        int64_t delay_ms = 0;
        enum step_end outcome = step_run(&call, &quota, step, 1.0, &delay_ms);
        if (outcome != step->outcome || quota.tokens != step->quota || delay_ms != step->delay_ms) {
            fail_msg("%s, step %d: outcome %d, quota %d, delay %lld ms", script->name,
                     (int)(step - script->steps) + 1, (int)outcome, quota.tokens,
                     (long long)delay_ms);
        }
        if (outcome != AGAIN) {
            call = fresh;
        }
    }
}

static void calls_follow_the_standard_mode(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        script_check(&scripts[i]);
    }
}

static void the_random_number_scales_the_delay_but_not_what_the_server_asks(void **state) {
    (void)state;
    static const struct {
        double random_0_1;
        const char *retry_after;
        int64_t delay_ms;
    } rows[] = {
        {0.0, "", 0}, {0.5, "", 100}, {0.999, "", 199}, {0.5, "300", 300}, {0.5, "9000", 5100}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct retry_state call = {.attempt = 3, .attempts_max = 5, .base_ms = 50};
        struct retry_quota quota = {.tokens = RETRY_QUOTA_CAPACITY};
        int64_t delay_ms = -1;
        assert_int_equal(retry_next(&call, &quota, RETRY_TRANSIENT, rows[i].random_0_1,
                                    str_from_cstr(rows[i].retry_after), &delay_ms),
                         RETRY_AGAIN);
        assert_int_equal(delay_ms, rows[i].delay_ms);
    }
}

static void a_hundred_attempts_do_not_overflow_the_delay(void **state) {
    (void)state;
    struct retry_state call = {.attempt = 100, .attempts_max = 1000, .base_ms = 50};
    struct retry_quota quota = {.tokens = RETRY_QUOTA_CAPACITY};
    int64_t delay_ms = 0;
    assert_int_equal(retry_next(&call, &quota, RETRY_THROTTLING, 1.0, STR_EMPTY, &delay_ms),
                     RETRY_AGAIN);
    assert_int_equal(delay_ms, 20000);
}

static void f1_throttled_call_that_waits_counts_neither_attempts_nor_quota(void **state) {
    (void)state;
    struct retry_state call = {.attempts_max = 3, .base_ms = 50, .waits_out_throttling = true};
    struct retry_quota quota = {.tokens = 14};
    int64_t longest_ms = 1000;
    int64_t delay_ms = 0;
    for (int i = 0; i < 100; i++) {
        call.attempt++;
        assert_int_equal(retry_next(&call, &quota, RETRY_THROTTLING, 1.0, STR_EMPTY, &delay_ms),
                         RETRY_AGAIN);
        assert_int_equal(delay_ms, longest_ms);
        longest_ms = longest_ms * 2 < 20000 ? longest_ms * 2 : 20000;
    }
    assert_int_equal(quota.tokens, 14);
    /* Anything else has the attempts that it always had. */
    call.attempt++;
    assert_int_equal(retry_next(&call, &quota, RETRY_TRANSIENT, 1.0, STR_EMPTY, &delay_ms),
                     RETRY_AGAIN);
    assert_int_equal(delay_ms, 50);
    assert_int_equal(quota.tokens, 0);
    quota.tokens = RETRY_QUOTA_CAPACITY;
    call.attempt++;
    assert_int_equal(retry_next(&call, &quota, RETRY_TRANSIENT, 1.0, STR_EMPTY, &delay_ms),
                     RETRY_AGAIN);
    call.attempt++;
    assert_int_equal(retry_next(&call, &quota, RETRY_TRANSIENT, 1.0, STR_EMPTY, &delay_ms),
                     RETRY_ATTEMPTS_USED_UP);
}

/* ---- the SDKs' own vectors, when they are at hand ---- */

static int number_or(const struct json *object, const char *key, int otherwise) {
    double number = otherwise;
    (void)json_number(json_get(object, key), &number);
    return (int)number;
}

static const char *outcome_name(enum step_end outcome) {
    static const char *const names[] = {"end",          "success",        "retry",
                                        "max_attempts", "quota_exceeded", "not_retryable"};
    return names[outcome];
}

static void vector_step_check(const struct json *vector, const struct json *expected,
                              struct retry_state *call, struct retry_quota *quota) {
    const struct step step = {
        .http_status = number_or(expected, "status", 0),
        .code = str_to_cstr(&arena, json_get_string(expected, "code")),
        .retry_after = str_to_cstr(&arena, json_get_string(expected, "x-amz-retry-after")),
    };
    int64_t delay_ms = 0;
    enum step_end outcome = step_run(call, quota, &step, number_or(vector, "jitter", 1), &delay_ms);
    if (!str_eq(json_get_string(expected, "outcome"), str_from_cstr(outcome_name(outcome))) ||
        quota->tokens != number_or(expected, "quota", -1) ||
        delay_ms != number_or(expected, "delay_ms", 0)) {
        fail_msg("%" STR_FMT ": %s, quota %d, delay %lld ms",
                 STR_ARG(json_get_string(vector, "name")), outcome_name(outcome), quota->tokens,
                 (long long)delay_ms);
    }
    if (outcome != AGAIN) {
        call->attempt = 0;
        call->last_cost = 0;
    }
}

static void vector_check(const struct json *vector) {
    bool is_dynamodb = str_eq(json_get_string(vector, "service"), STR("dynamodb"));
    struct retry_quota quota = {.tokens = number_or(vector, "tokens", RETRY_QUOTA_CAPACITY)};
    struct retry_state call = {
        .attempts_max = number_or(vector, "max", RETRY_ATTEMPTS_DEFAULT),
        .base_ms = is_dynamodb ? DYNAMODB_BASE_MS : TRANSIENT_BASE_MS,
    };
    const struct json *step = json_first(json_get(vector, "steps"));
    for (; step != NULL; step = json_next(step)) {
        vector_step_check(vector, step, &call, &quota);
    }
}

/* One of the 14 sets another cap than 20 s, which we have no setting for. */
static void the_published_vectors_are_followed(void **state) {
    (void)state;
    str text = extra_data_or_skip(&arena, "data/aws/retry2026-vectors.json");
    const struct json *root = NULL;
    assert_int_equal(json_parse(&arena, text, &JSON_LIMITS_DEFAULT, &root, NULL), STATUS_OK);
    int replayed = 0;
    for (const struct json *vector = json_first(root); vector != NULL; vector = json_next(vector)) {
        if (json_get(vector, "max_backoff_ms") == NULL) {
            vector_check(vector);
            replayed++;
        }
    }
    assert_int_equal(replayed, 13);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(failures_are_classed_by_code_then_http_status_then_transport),
        TEST(calls_follow_the_standard_mode),
        TEST(the_random_number_scales_the_delay_but_not_what_the_server_asks),
        TEST(a_hundred_attempts_do_not_overflow_the_delay),
        TEST(f1_throttled_call_that_waits_counts_neither_attempts_nor_quota),
        TEST(the_published_vectors_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
