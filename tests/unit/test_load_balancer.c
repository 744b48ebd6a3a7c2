/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/load_balancer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ACCOUNT_PREFIX "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"

static void names_round_trip(void **state) {
    (void)state;
    for (int i = MODE_MONITOR; i <= MODE_STRICTEST; i++) {
        enum desync_mode mode = (enum desync_mode)i;
        assert_int_equal(mode_parse(str_from_cstr(mode_name(mode))), mode);
    }
    for (int i = TYPE_APPLICATION; i <= TYPE_GATEWAY; i++) {
        enum load_balancer_type type = (enum load_balancer_type)i;
        assert_int_equal(load_balancer_type_parse(str_from_cstr(load_balancer_type_name(type))),
                         type);
    }
    for (int i = SCHEME_INTERNAL; i <= SCHEME_INTERNET_FACING; i++) {
        enum load_balancer_scheme scheme = (enum load_balancer_scheme)i;
        assert_int_equal(load_balancer_scheme_parse(str_from_cstr(scheme_name(scheme))), scheme);
    }
}

static void modes_are_ordered_by_strictness(void **state) {
    (void)state;
    assert_true(MODE_MONITOR < MODE_DEFENSIVE);
    assert_true(MODE_DEFENSIVE < MODE_STRICTEST);
    assert_true(MODE_UNKNOWN < MODE_MONITOR);
}

static void anything_but_the_exact_name_is_unknown(void **state) {
    (void)state;
    static const char *const strange[] = {
        "", " ", "unknown", "Monitor", "DEFENSIVE", "strictest ", " monitor", "strict", "off"};
    for (size_t i = 0; i < COUNT(strange); i++) {
        str name = str_from_cstr(strange[i]);
        if (mode_parse(name) != MODE_UNKNOWN || load_balancer_type_parse(name) != TYPE_UNKNOWN ||
            load_balancer_scheme_parse(name) != SCHEME_UNKNOWN) {
            fail_msg("taken as known: '%s'", strange[i]);
        }
    }
    assert_int_equal(mode_parse((str){"monitor\0", 8}), MODE_UNKNOWN);
    assert_int_equal(mode_parse(STR_EMPTY), MODE_UNKNOWN);
    assert_string_equal(mode_name(MODE_UNKNOWN), "unknown");
    assert_string_equal(load_balancer_type_name(TYPE_UNKNOWN), "unknown");
    assert_string_equal(scheme_name(SCHEME_UNKNOWN), "unknown");
}

static void arn_application_gives_all_parts(void **state) {
    (void)state;
    str arn = STR(ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c495c0c9188");
    struct load_balancer_arn parts;
    assert_int_equal(load_balancer_arn_parse(arn, &parts), STATUS_OK);
    assert_true(str_eq(parts.partition, STR("aws")));
    assert_true(str_eq(parts.region, STR("eu-west-1")));
    assert_true(str_eq(parts.account_id, STR("123456789012")));
    assert_true(str_eq(parts.name, STR("my-alb")));
    assert_true(str_eq(parts.resource, STR("app/my-alb/50dc6c495c0c9188")));
    assert_int_equal(parts.type, TYPE_APPLICATION);
    assert_false(parts.is_classic);
    assert_true(parts.name.ptr >= arn.ptr && parts.name.ptr < arn.ptr + arn.len);
}

static void arn_types_are_distinguished(void **state) {
    (void)state;
    static const struct {
        const char *arn;
        enum load_balancer_type type;
        bool is_classic;
    } rows[] = {
        {ACCOUNT_PREFIX "loadbalancer/net/n/0123456789abcdef", TYPE_NETWORK, false},
        {ACCOUNT_PREFIX "loadbalancer/gwy/g/0123456789abcdef", TYPE_GATEWAY, false},
        {ACCOUNT_PREFIX "loadbalancer/my-classic", TYPE_UNKNOWN, true},
        {ACCOUNT_PREFIX "loadbalancer/app", TYPE_UNKNOWN, true},
        {"arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/a/"
         "0123456789abcdef",
         TYPE_APPLICATION, false},
        {"arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/A-1/"
         "0123456789abcdef",
         TYPE_APPLICATION, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct load_balancer_arn parts;
        if (load_balancer_arn_parse(str_from_cstr(rows[i].arn), &parts) != STATUS_OK ||
            parts.type != rows[i].type || parts.is_classic != rows[i].is_classic) {
            fail_msg("%s", rows[i].arn);
        }
    }
}

static void arn_ends_in_any_1_to_32_letters_or_digits(void **state) {
    (void)state;
    static const char *const ids[] = {"1",
                                      "z",
                                      "50dc6c495c0c918",
                                      "50dc6c495c0c9188",
                                      "50dc6c495c0c91880",
                                      "50DC6C495C0C918G",
                                      "exampleLoadBalancer",
                                      "01234567890123456789012345678901"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char arn[256];
        struct load_balancer_arn parts;
        int len = snprintf(arn, sizeof(arn), ACCOUNT_PREFIX "loadbalancer/app/a/%s", ids[i]);
        if (load_balancer_arn_parse((str){arn, (size_t)len}, &parts) != STATUS_OK ||
            parts.type != TYPE_APPLICATION ||
            !str_ends_with(parts.resource, str_from_cstr(ids[i]))) {
            fail_msg("refused: %s", ids[i]);
        }
    }
}

static void arn_of_anything_else_is_invalid(void **state) {
    (void)state;
    static const char *const arns[] = {
        "",
        "arn",
        "arn:aws:elasticloadbalancing",
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012",
        ACCOUNT_PREFIX,
        ACCOUNT_PREFIX "loadbalancer",
        ACCOUNT_PREFIX "loadbalancer/",
        ACCOUNT_PREFIX "loadbalancer/app/",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/",
        ACCOUNT_PREFIX "loadbalancer/app//50dc6c495c0c9188",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/012345678901234567890123456789012",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c49 5c0c918",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c49-5c0c918",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c495c0c918\xC3\xA9",
        ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c495c0c9188/",
        ACCOUNT_PREFIX "loadbalancer/APP/my-alb/50dc6c495c0c9188",
        ACCOUNT_PREFIX "loadbalancer/xyz/my-alb/50dc6c495c0c9188",
        ACCOUNT_PREFIX "loadbalancer/app/my alb/50dc6c495c0c9188",
        ACCOUNT_PREFIX "loadbalancer/app/a234567890123456789012345678901234/50dc6c495c0c9188",
        ACCOUNT_PREFIX "listener/app/my-alb/50dc6c495c0c9188/f2f7dc8efc522ab2",
        ACCOUNT_PREFIX "targetgroup/my-targets/73e2d6bc24d8a067",
        " " ACCOUNT_PREFIX "loadbalancer/app/my-alb/50dc6c495c0c9188",
        "arn:aws:elasticloadbalancing:eu-west-1:12345678901:loadbalancer/app/a/0123456789abcdef",
        "arn:aws:elasticloadbalancing:eu-west-1:12345678901x:loadbalancer/app/a/0123456789abcdef",
        "arn:aws:elasticloadbalancing::123456789012:loadbalancer/app/a/0123456789abcdef",
        "arn::elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/0123456789abcdef",
        "arn:aws:s3:eu-west-1:123456789012:loadbalancer/app/a/0123456789abcdef",
        "xrn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/0123456789abcdef",
        "my-alb",
    };
    for (size_t i = 0; i < COUNT(arns); i++) {
        struct load_balancer_arn parts = {.is_classic = true};
        if (load_balancer_arn_parse(str_from_cstr(arns[i]), &parts) != STATUS_INVALID) {
            fail_msg("accepted: '%s'", arns[i]);
        }
        assert_false(parts.is_classic);
        assert_true(str_is_empty(parts.region) && str_is_empty(parts.name));
    }
    struct load_balancer_arn parts;
    assert_int_equal(load_balancer_arn_parse(STR_EMPTY, &parts), STATUS_INVALID);
}

static void arn_cut_before_its_id_is_never_an_application_load_balancer(void **state) {
    (void)state;
    str arn = STR(ACCOUNT_PREFIX "loadbalancer/app/my-alb/");
    for (size_t len = 0; len <= arn.len; len++) {
        struct load_balancer_arn parts;
        enum status status = load_balancer_arn_parse(str_slice(arn, 0, len), &parts);
        /* "loadbalancer/app" is the whole ARN of a Classic one called guard, and so are a and ap.
         */
        assert_true(status == STATUS_INVALID || parts.is_classic);
        assert_int_equal(parts.type, TYPE_UNKNOWN);
    }
}

static void tag_get_finds_exactly_this_key(void **state) {
    (void)state;
    const struct tag tags[] = {
        {STR("owner"), STR("small")}, {STR("Owner"), STR("team-a")}, {STR("Blank"), STR_EMPTY}};
    struct load_balancer facts = {.has_tags = true, .tags = tags, .tag_count = COUNT(tags)};
    str value = STR("untouched");
    assert_true(tag_get(&facts, STR("Owner"), &value));
    assert_true(str_eq(value, STR("team-a")));
    assert_true(tag_get(&facts, STR("Blank"), &value));
    assert_true(str_is_empty(value));
    value = STR("untouched");
    assert_false(tag_get(&facts, STR("OWNER"), &value));
    assert_false(tag_get(&facts, STR("Own"), &value));
    assert_false(tag_get(&facts, STR_EMPTY, &value));
    assert_true(str_eq(value, STR("untouched")));
}

static void tag_get_without_tags_finds_nothing(void **state) {
    (void)state;
    struct load_balancer facts = {0};
    str value;
    assert_false(tag_get(&facts, STR("Owner"), &value));
}

static void protected_percent_is_rounded_down_and_of_known_modes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t counts[4]; /* unknown, monitor, defensive, strictest */
        bool is_known;
        double percent;
    } rows[] = {
        {"none at all", {0, 0, 0, 0}, false, 100},
        {"none known", {5, 0, 0, 0}, false, 100},
        {"all", {1, 0, 2, 3}, true, 100},
        {"none protected", {0, 4, 0, 0}, true, 0},
        {"seven of eleven", {0, 4, 6, 1}, true, 63.63},
        {"all but one of many", {0, 1, 99999, 0}, true, 99.99},
        {"57 of 100", {0, 43, 57, 0}, true, 57},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double percent = -1;
        if (protected_percent(rows[i].counts, &percent) != rows[i].is_known ||
            percent != rows[i].percent) {
            fail_msg("%s: %f", rows[i].name, percent);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_round_trip),
        cmocka_unit_test(modes_are_ordered_by_strictness),
        cmocka_unit_test(anything_but_the_exact_name_is_unknown),
        cmocka_unit_test(arn_application_gives_all_parts),
        cmocka_unit_test(arn_types_are_distinguished),
        cmocka_unit_test(arn_ends_in_any_1_to_32_letters_or_digits),
        cmocka_unit_test(arn_of_anything_else_is_invalid),
        cmocka_unit_test(arn_cut_before_its_id_is_never_an_application_load_balancer),
        cmocka_unit_test(tag_get_finds_exactly_this_key),
        cmocka_unit_test(tag_get_without_tags_finds_nothing),
        cmocka_unit_test(protected_percent_is_rounded_down_and_of_known_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
