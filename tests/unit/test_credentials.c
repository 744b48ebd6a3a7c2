/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials.h"

#include <string.h>

#include "base/arena.h"
#include "unit.h"

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

struct variables {
    const char *key_id, *secret, *token;
};

static str variable_get(const struct env *env, const char *name) {
    const struct variables *variables = env->context;
    if (strcmp(name, "AWS_ACCESS_KEY_ID") == 0) {
        return str_from_cstr(variables->key_id);
    }
    if (strcmp(name, "AWS_SECRET_ACCESS_KEY") == 0) {
        return str_from_cstr(variables->secret);
    }
    assert_string_equal(name, "AWS_SESSION_TOKEN");
    return str_from_cstr(variables->token);
}

static enum status read_from(struct variables variables, struct aws_credentials *credentials,
                             struct error *error) {
    struct env env = {.get = variable_get, .context = &variables};
    return credentials_from_env(&env, &arena, credentials, error);
}

#define S64         "Sesame0123456789Sesame0123456789Sesame0123456789Sesame0123456789"
#define LONG_SECRET S64 S64 S64 S64 "x"

static void all_three_variables_are_read(void **state) {
    (void)state;
    struct aws_credentials credentials;
    struct error error = {0};
    struct variables variables = {"ASIAEXAMPLE", "abc/+def", "IQoJ//+=="};
    assert_int_equal(read_from(variables, &credentials, &error), STATUS_OK);
    assert_str(credentials.access_key_id, "ASIAEXAMPLE");
    assert_str(credentials.secret_access_key, "abc/+def");
    assert_str(credentials.session_token, "IQoJ//+==");
}

static void long_lived_keys_need_no_token(void **state) {
    (void)state;
    struct aws_credentials credentials = {.session_token = STR("left over")};
    struct error error = {0};
    struct variables variables = {"AKIAEXAMPLE", "secret", NULL};
    assert_int_equal(read_from(variables, &credentials, &error), STATUS_OK);
    assert_true(str_is_empty(credentials.session_token));
}

static void bad_credential_variable_is_named_and_its_value_hidden(void **state) {
    (void)state;
    static const struct {
        const char *name;
        struct variables variables;
        const char *message;
    } rows[] = {
        {"no key id", {NULL, "Sesame", "t"}, "AWS_ACCESS_KEY_ID is not set"},
        {"blank key id", {"  ", "Sesame", "t"}, "AWS_ACCESS_KEY_ID is not set"},
        {"no secret", {"AKIA", NULL, "t"}, "AWS_SECRET_ACCESS_KEY is not set"},
        {"blank inside the secret",
         {"AKIA", "Sesame 2", "t"},
         "AWS_SECRET_ACCESS_KEY holds a blank, a control character or a character beyond ASCII"},
        {"line end inside the token",
         {"AKIA", "x", "Sesame\r\nX-Evil: 1"},
         "AWS_SESSION_TOKEN holds a blank, a control character or a character beyond ASCII"},
        {"key id beyond ASCII",
         {"Sesam\xc3\xa9", "x", "t"},
         "AWS_ACCESS_KEY_ID holds a blank, a control character or a character beyond ASCII"},
        {"key id of several words",
         {"AKIA/x,y", "s", NULL},
         "AWS_ACCESS_KEY_ID is no access key id"},
        {"secret without end",
         {"AKIA", LONG_SECRET, NULL},
         "AWS_SECRET_ACCESS_KEY is longer than 256 characters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct aws_credentials credentials = {.access_key_id = STR("untouched")};
        struct error error = {0};
        enum status status = read_from(rows[i].variables, &credentials, &error);
        if (status != STATUS_CONFIGURATION || error.status != STATUS_CONFIGURATION ||
            !str_eq(error.message, str_from_cstr(rows[i].message)) ||
            !str_eq(credentials.access_key_id, STR("untouched"))) {
            fail_msg("%s: %s, %" STR_FMT, rows[i].name, status_name(status),
                     STR_ARG(error.message));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(all_three_variables_are_read),
        TEST(long_lived_keys_need_no_token),
        TEST(bad_credential_variable_is_named_and_its_value_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
