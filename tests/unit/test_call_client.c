/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include "call_fixture.h"

struct variable {
    const char *name;
    const char *value;
};

static str variable_get(const struct env *env, const char *name) {
    for (const struct variable *variable = env->context; variable->name != NULL; variable++) {
        if (strcmp(variable->name, name) == 0) {
            return str_from_cstr(variable->value);
        }
    }
    return STR_EMPTY;
}

static void client_init_reads_attempts_or_names_the_variable(void **state) {
    (void)state;
    static const struct {
        const char *value;
        enum status status;
        int attempts_max;
    } rows[] = {
        {"", STATUS_OK, 0},
        {"1", STATUS_OK, 1},
        {"10", STATUS_OK, 10},
        {"0", STATUS_CONFIGURATION, 0},
        {"11", STATUS_CONFIGURATION, 0},
        {"-3", STATUS_CONFIGURATION, 0},
        {"three", STATUS_CONFIGURATION, 0},
        {"99999999999999999999", STATUS_CONFIGURATION, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct aws_fixture fixture;
        fixture_begin(&fixture);
        const struct variable variables[] = {{"AWS_ACCESS_KEY_ID", FIXTURE_KEY_ID},
                                             {"AWS_SECRET_ACCESS_KEY", FIXTURE_SECRET},
                                             {"AWS_MAX_ATTEMPTS", rows[i].value},
                                             {NULL, NULL}};
        const struct env env = {variable_get, variables};
        enum status status =
            aws_client_init(&fixture.client, &fixture.fake.transport, &fixture.fake.clock, &env,
                            &fixture.arena, &fixture.error);
        if (status != rows[i].status ||
            (status == STATUS_OK && fixture.client.attempts_max != rows[i].attempts_max)) {
            fail_msg("\"%s\": %s", rows[i].value, status_name(status));
        }
        bool names_it = str_contains(fixture.error.message, STR("AWS_MAX_ATTEMPTS"));
        assert_int_equal(names_it, status != STATUS_OK);
        fixture_end(&fixture);
    }
}

static void init_client(struct aws_fixture *fixture, const char *log_stream) {
    const struct variable variables[] = {
        {"AWS_ACCESS_KEY_ID", FIXTURE_KEY_ID},      {"AWS_SECRET_ACCESS_KEY", FIXTURE_SECRET},
        {"AWS_SESSION_TOKEN", FIXTURE_TOKEN},       {"AWS_ENDPOINT_URL", "http://127.0.0.1:5000"},
        {"AWS_LAMBDA_LOG_STREAM_NAME", log_stream}, {NULL, NULL}};
    const struct env env = {variable_get, variables};
    assert_int_equal(aws_client_init(&fixture->client, &fixture->fake.transport,
                                     &fixture->fake.clock, &env, &fixture->arena, NULL),
                     STATUS_OK);
}

static void client_init_is_ready_to_call(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    init_client(&fixture, "2026/11/23/[$LATEST]a");
    assert_int_equal(fixture.client.quota.tokens, RETRY_QUOTA_CAPACITY);
    assert_true(aws_client_time_left_ms(&fixture.client) == INT64_MAX);
    fixture.client.region = STR("eu-west-1");
    fake_answer(&fixture.fake, GOOD);
    assert_int_equal(call_once(&fixture), STATUS_OK);
    assert_str(fixture.fake.requests[0].http.url, "http://127.0.0.1:5000/");
    fixture_end(&fixture);
}

static void client_init_of_two_sandboxes_seeds_them_differently(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    init_client(&fixture, "2026/11/23/[$LATEST]a");
    uint64_t one = fixture.client.random_state;
    init_client(&fixture, "2026/11/23/[$LATEST]b");
    assert_true(fixture.client.random_state != one);
    fixture_end(&fixture);
}

static void client_init_without_credentials_is_a_configuration_error(void **state) {
    (void)state;
    struct aws_fixture fixture;
    fixture_begin(&fixture);
    const struct variable variables[] = {{NULL, NULL}};
    const struct env env = {variable_get, variables};
    assert_int_equal(aws_client_init(&fixture.client, &fixture.fake.transport, &fixture.fake.clock,
                                     &env, &fixture.arena, &fixture.error),
                     STATUS_CONFIGURATION);
    assert_true(str_contains(fixture.error.message, STR("AWS_ACCESS_KEY_ID")));
    fixture_end(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_init_reads_attempts_or_names_the_variable),
        cmocka_unit_test(client_init_is_ready_to_call),
        cmocka_unit_test(client_init_of_two_sandboxes_seeds_them_differently),
        cmocka_unit_test(client_init_without_credentials_is_a_configuration_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
