/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "aws/endpoint.h"
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

struct variable {
    const char *name; /* NULL ends a list */
    const char *value;
};

static str variable_get(const struct env *env, const char *name) {
    for (const struct variable *v = env->context; v->name != NULL; v++) {
        if (strcmp(v->name, name) == 0) {
            return str_from_cstr(v->value);
        }
    }
    return STR_EMPTY;
}

static enum status settings_read(const struct variable *variables,
                                 struct endpoint_settings *settings, struct error *error) {
    struct env env = {.get = variable_get, .context = variables};
    return endpoint_settings_from_env(&env, &arena, settings, error);
}

/* The endpoint of `service` in eu-west-1 under these variables. */
static struct endpoint endpoint_under(const struct variable *variables, enum aws_service service) {
    struct endpoint_settings settings;
    struct endpoint endpoint;
    struct error error = {0};
    assert_int_equal(settings_read(variables, &settings, &error), STATUS_OK);
    assert_int_equal(
        endpoint_resolve(&settings, service, STR("eu-west-1"), &arena, &endpoint, &error),
        STATUS_OK);
    return endpoint;
}

static void without_an_override_the_host_is_that_of_aws(void **state) {
    (void)state;
    const struct variable none[] = {{NULL, NULL}};
    assert_str(endpoint_under(none, AWS_CONFIG).url, "https://config.eu-west-1.amazonaws.com");
}

static void switches_are_true_or_false_in_any_case(void **state) {
    (void)state;
    const struct variable on[] = {
        {"AWS_USE_FIPS_ENDPOINT", "true"}, {"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"}, {NULL, NULL}};
    assert_str(endpoint_under(on, AWS_CONFIG).url, "https://config-fips.eu-west-1.api.aws");
    const struct variable off[] = {
        {"AWS_USE_FIPS_ENDPOINT", "False"}, {"AWS_USE_DUALSTACK_ENDPOINT", "false"}, {NULL, NULL}};
    assert_str(endpoint_under(off, AWS_CONFIG).url, "https://config.eu-west-1.amazonaws.com");
}

static void switch_that_is_neither_true_nor_false_is_named(void **state) {
    (void)state;
    static const char *const names[] = {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
                                        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct variable variables[] = {{names[i], "yes"}, {NULL, NULL}};
        struct endpoint_settings settings = {.override_all = STR("untouched")};
        struct error error = {0};
        assert_int_equal(settings_read(variables, &settings, &error), STATUS_CONFIGURATION);
        assert_true(str_starts_with(error.message, str_from_cstr(names[i])));
        assert_true(str_ends_with(error.message, STR(" must be \"true\" or \"false\"")));
        assert_str(settings.override_all, "untouched");
    }
}

static void the_services_own_variable_wins(void **state) {
    (void)state;
    const struct variable variables[] = {{"AWS_ENDPOINT_URL", "http://all:1"},
                                         {"AWS_ENDPOINT_URL_CONFIG_SERVICE", "http://config:2"},
                                         {NULL, NULL}};
    assert_str(endpoint_under(variables, AWS_CONFIG).url, "http://config:2");
    assert_str(endpoint_under(variables, AWS_ELBV2).url, "http://all:1");
}

static void every_service_has_its_variable(void **state) {
    (void)state;
    for (size_t i = 0; i < AWS_SERVICE_COUNT; i++) {
        enum aws_service service = (enum aws_service)i;
        str name = str_format(&arena, "AWS_ENDPOINT_URL_%s", aws_service_info(service)->id);
        const struct variable variables[] = {{name.ptr, "http://own"}, {NULL, NULL}};
        assert_str(endpoint_under(variables, service).url, "http://own");
        assert_true(str_starts_with(
            endpoint_under(variables, (enum aws_service)((i + 1) % AWS_SERVICE_COUNT)).url,
            STR("https://")));
    }
}

static void an_override_is_of_its_service_or_of_all(void **state) {
    (void)state;
    const struct endpoint_settings none = {0};
    const struct endpoint_settings one = {.override_service[AWS_S3] = STR("http://h")};
    const struct endpoint_settings all = {.override_all = STR("http://h")};
    for (int i = 0; i < AWS_SERVICE_COUNT; i++) {
        enum aws_service service = (enum aws_service)i;
        assert_false(endpoint_is_overridden(&none, service));
        assert_int_equal(endpoint_is_overridden(&one, service), service == AWS_S3);
        assert_true(endpoint_is_overridden(&all, service));
    }
}

static void ignored_variables_are_not_even_checked(void **state) {
    (void)state;
    const struct variable variables[] = {{"AWS_ENDPOINT_URL", "no url"},
                                         {"AWS_ENDPOINT_URL_STS", "http://sts"},
                                         {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"},
                                         {NULL, NULL}};
    assert_str(endpoint_under(variables, AWS_STS).url, "https://sts.eu-west-1.amazonaws.com");
}

struct url_row {
    const char *given;
    const char *url;
    const char *host;
    const char *path;
};

static const struct url_row good_urls[] = {
    {"http://127.0.0.1:5000", "http://127.0.0.1:5000", "127.0.0.1:5000", ""},
    {"http://127.0.0.1:5000/", "http://127.0.0.1:5000", "127.0.0.1:5000", ""},
    {"http://h///", "http://h", "h", ""},
    {"http://h/a/b/", "http://h/a/b", "h", "/a/b"},
    {"http://h/a%20b;c=d@e", "http://h/a%20b;c=d@e", "h", "/a%20b;c=d@e"},
    {"HTTPS://VPCE-1.Config.Example", "https://vpce-1.config.example", "vpce-1.config.example", ""},
    {"https://h:443", "https://h", "h", ""},
    {"https://h:80", "https://h:80", "h:80", ""},
    {"http://h:80/x", "http://h/x", "h", "/x"},
    {"http://h:443", "http://h:443", "h:443", ""},
    {"http://h:65535", "http://h:65535", "h:65535", ""},
    {"http://[::1]:5000/x", "http://[::1]:5000/x", "[::1]:5000", "/x"},
    {"http://[FE80::1]", "http://[fe80::1]", "[fe80::1]", ""},
    {"http://my_host", "http://my_host", "my_host", ""},
};

static void urls_are_parsed_and_normalized(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good_urls / sizeof *good_urls; i++) {
        const struct url_row *row = &good_urls[i];
        const struct variable variables[] = {{"AWS_ENDPOINT_URL", row->given}, {NULL, NULL}};
        struct endpoint endpoint = endpoint_under(variables, AWS_S3);
        if (!str_eq(endpoint.url, str_from_cstr(row->url)) ||
            !str_eq(endpoint.host, str_from_cstr(row->host)) ||
            !str_eq(endpoint.path, str_from_cstr(row->path)) ||
            !str_eq(endpoint.signing_region, STR("eu-west-1"))) {
            fail_msg("%s became %" STR_FMT ", host %" STR_FMT ", path %" STR_FMT, row->given,
                     STR_ARG(endpoint.url), STR_ARG(endpoint.host), STR_ARG(endpoint.path));
        }
    }
}

static const char *const bad_urls[] = {
    "localhost:5000",
    "//localhost",
    "ftp://h",
    "file:///etc/passwd",
    "http",
    "http:",
    "http:/h",
    "http://",
    "http:///x",
    "http://:80",
    "http://user@h",
    "http://Sesame:Sesame@h",
    "http://h?x=1",
    "http://h/?x=1",
    "http://h/#x",
    "http://h#x",
    "http://h:",
    "http://h:0",
    "http://h:65536",
    "http://h:99999999999999999999",
    "http://h:-1",
    "http://h:8o",
    "http://h h",
    "http://h/a b",
    "http://h/a\\b",
    "http://h/\xc3\xa9",
    "http://h\xc3\xa9",
    "http://h\r\nX: y",
    "http://h/\x01",
    "http://[::1",
    "http://[]",
    "http://[1.2]:80",
    "http://[12]",
    "http://[1:2]",
    "http://[h]",
    "http://[::1]x",
    "http://::1",
};

static void unusable_urls_are_named_but_not_shown(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
        const struct variable variables[] = {{"AWS_ENDPOINT_URL_SNS", bad_urls[i]}, {NULL, NULL}};
        struct endpoint_settings settings;
        struct error error = {0};
        enum status status = settings_read(variables, &settings, &error);
        if (status != STATUS_CONFIGURATION || error.status != STATUS_CONFIGURATION ||
            !str_starts_with(error.message, STR("AWS_ENDPOINT_URL_SNS must be http://host")) ||
            str_contains(error.message, STR("Sesame"))) {
            fail_msg("%s: %s, %" STR_FMT, bad_urls[i], status_name(status), STR_ARG(error.message));
        }
    }
}

static void a_bad_override_given_directly_is_invalid(void **state) {
    (void)state;
    const struct endpoint_settings settings = {.override_all = STR("http://user@h")};
    struct endpoint endpoint;
    struct error error = {0};
    assert_int_equal(
        endpoint_resolve(&settings, AWS_S3, STR("eu-west-1"), &arena, &endpoint, &error),
        STATUS_INVALID);
}

static void fips_and_dualstack_exclude_an_override(void **state) {
    (void)state;
    static const struct {
        struct endpoint_settings settings;
        const char *message;
    } rows[] = {
        {{.uses_fips = true, .override_all = {"http://h", 8}},
         "FIPS and a custom endpoint cannot be used together"},
        {{.uses_dualstack = true, .override_service[AWS_SNS] = {"http://h", 8}},
         "dual-stack and a custom endpoint cannot be used together"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct endpoint endpoint;
        struct error error = {0};
        assert_int_equal(endpoint_resolve(&rows[i].settings, AWS_SNS, STR("eu-west-1"), &arena,
                                          &endpoint, &error),
                         STATUS_UNSUPPORTED);
        assert_str(error.message, rows[i].message);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_an_override_the_host_is_that_of_aws),
        TEST(switches_are_true_or_false_in_any_case),
        TEST(switch_that_is_neither_true_nor_false_is_named),
        TEST(the_services_own_variable_wins),
        TEST(every_service_has_its_variable),
        TEST(an_override_is_of_its_service_or_of_all),
        TEST(ignored_variables_are_not_even_checked),
        TEST(urls_are_parsed_and_normalized),
        TEST(unusable_urls_are_named_but_not_shown),
        TEST(a_bad_override_given_directly_is_invalid),
        TEST(fips_and_dualstack_exclude_an_override),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
