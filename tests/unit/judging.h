/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the judgement share: one arena, a policy from parameters, an application load
 * balancer with an owner, and the moment of all judgements.
 */
#ifndef TESTS_UNIT_JUDGING_H
#define TESTS_UNIT_JUDGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "policy/evaluate.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ARN                                                                                        \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/0123456789abcdef"

/* 2026-11-23T08:00:00Z */
#define NOW_MS INT64_C(1795420800000)

static struct arena arena;

static inline struct policy *policy_with(const struct policy_parameter *parameters, size_t count) {
    struct policy *policy = ARENA_NEW(&arena, struct policy);
    struct policy_source source = {.parameters = parameters, .parameter_count = count};
    struct error error = {0};
    if (policy_parse(&source, &arena, policy, &error) != STATUS_OK) {
        fail_msg("%s", str_to_cstr(&arena, error.message));
    }
    return policy;
}

static inline struct policy *policy_with_one(const char *name, const char *value) {
    struct policy_parameter parameter = {str_from_cstr(name), str_from_cstr(value)};
    return policy_with(&parameter, 1);
}

static const struct tag OWNER_TAG[] = {{{"Owner", 5}, {"team-a", 6}}};

/* Tag values in which there is nothing to read. */
static const struct {
    const char *name;
    const char *text;
} BLANKS[] = {
    {"empty", ""},
    {"spaces", " \t\r\n"},
    {"control", "\x01\x1F\x7F"},
    {"no-break space", "\xC2\xA0"},
    {"next line", "\xC2\x85"},
    {"soft hyphen", "\xC2\xAD"},
    {"grapheme joiner", "\xCD\x8F"},
    {"Arabic letter mark", "\xD8\x9C"},
    {"Hangul fillers", "\xE1\x85\x9F\xE3\x85\xA4\xEF\xBE\xA0"},
    {"Ogham space", "\xE1\x9A\x80"},
    {"Mongolian separator", "\xE1\xA0\x8E"},
    {"en quad to hair space", "\xE2\x80\x80\xE2\x80\x8A"},
    {"zero width space", "\xE2\x80\x8B"},
    {"zero width joiner", "\xE2\x80\x8D"},
    {"right-to-left mark", "\xE2\x80\x8F"},
    {"line separator", "\xE2\x80\xA8"},
    {"right-to-left override", "\xE2\x80\xAE"},
    {"narrow no-break space", "\xE2\x80\xAF"},
    {"mathematical space", "\xE2\x81\x9F"},
    {"word joiner", "\xE2\x81\xA0"},
    {"direction isolates", "\xE2\x81\xA6\xE2\x81\xA9"},
    {"Braille without a dot", "\xE2\xA0\x80"},
    {"ideographic space", "\xE3\x80\x80"},
    {"variation selector", "\xEF\xB8\x8F"},
    {"byte order mark", "\xEF\xBB\xBF"},
    {"language tag", "\xF3\xA0\x80\x81"},
    {"many", " \xC2\xA0\xE2\x80\x8B\n\xEF\xBB\xBF "},
};

static inline struct load_balancer facts_of(enum desync_mode mode) {
    return (struct load_balancer){.arn = STR(ARN),
                                  .type = TYPE_APPLICATION,
                                  .scheme = SCHEME_INTERNAL,
                                  .mode = mode,
                                  .drops_invalid_headers = YES,
                                  .has_tags = true,
                                  .tags = OWNER_TAG,
                                  .tag_count = COUNT(OWNER_TAG)};
}

static inline struct evaluation *evaluate(const struct load_balancer *facts,
                                          const struct policy *policy) {
    struct evaluation *evaluation = ARENA_NEW(&arena, struct evaluation);
    policy_evaluate(facts, policy, NOW_MS, &arena, evaluation);
    return evaluation;
}

static inline const struct finding *find(const struct evaluation *evaluation, enum finding_id id) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == id) {
            return &evaluation->findings[i];
        }
    }
    return NULL;
}

static inline void assert_str(str actual, const char *expected) {
    assert_string_equal(str_to_cstr(&arena, actual), expected);
}

static inline void assert_contains(str text, const char *part) {
    if (!str_contains(text, str_from_cstr(part))) {
        fail_msg("no '%s' in: %s", part, str_to_cstr(&arena, text));
    }
}

static inline int judging_reset(void **state) {
    (void)state;
    arena_clean_up(&arena);
    return 0;
}

#endif
