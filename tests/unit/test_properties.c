/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold for every combination of facts and several policies, not just for chosen rows.
 */
#include "judging.h"

static const char *const until_values[] = {NULL,         "",           "2026-11-22", "2026-11-23",
                                           "2026-12-31", "2027-12-31", "someday"};

/* Everything the verdict may depend on, each with few values. */
struct world {
    int type;
    int mode;
    int scheme;
    int drops;
    int has_tags;
    int has_owner;
    int profile;
    size_t until;
    int has_reason;
};

static struct evaluation *evaluate_world(const struct world *world, const struct policy *policy,
                                         struct tag *tags) {
    static const char *const profiles[] = {NULL, "modern", "legacy", "typo"};
    struct load_balancer facts = facts_of((enum desync_mode)world->mode);
    size_t count = 0;
    if (world->has_owner) {
        tags[count++] = OWNER_TAG[0];
    }
    if (world->profile != 0) {
        tags[count++] = (struct tag){STR("DesyncProfile"), str_from_cstr(profiles[world->profile])};
    }
    if (until_values[world->until] != NULL) {
        tags[count++] =
            (struct tag){STR("desync-exception-until"), str_from_cstr(until_values[world->until])};
        tags[count++] = (struct tag){STR("desync-exception-approver"), STR("ciso")};
    }
    if (world->has_reason) {
        tags[count++] = (struct tag){STR("desync-exception-reason"), STR("old client")};
    }
    facts.type = (enum load_balancer_type)world->type;
    facts.scheme = (enum load_balancer_scheme)world->scheme;
    facts.drops_invalid_headers = (enum tristate)world->drops;
    facts.has_tags = world->has_tags;
    facts.tags = tags;
    facts.tag_count = world->has_tags ? count : 0;
    return evaluate(&facts, policy);
}

static void assert_verdict_follows_from_findings(const struct evaluation *result) {
    bool has_failing = false;
    for (size_t i = 0; i < result->finding_count; i++) {
        has_failing = has_failing || result->findings[i].is_failing;
        assert_false(str_is_empty(result->findings[i].message));
    }
    bool is_decided = result->compliance == COMPLIANT || result->compliance == NON_COMPLIANT;
    assert_int_equal(is_decided, str_is_empty(result->reason));
    if (is_decided) {
        assert_int_equal(result->compliance == NON_COMPLIANT, has_failing);
        assert_int_not_equal(result->mode, MODE_UNKNOWN);
        assert_int_not_equal(result->required_mode, MODE_UNKNOWN);
    }
    assert_false(find(result, FINDING_MODE_TOO_WEAK) != NULL && result->has_active_exception);
    assert_int_equal(find(result, FINDING_EXCEPTION_ACTIVE) != NULL, result->has_active_exception);
}

static void assert_unknown_facts_are_unknown(const struct world *world,
                                             const struct evaluation *result) {
    if (world->type == TYPE_NETWORK || world->type == TYPE_GATEWAY) {
        assert_int_equal(result->compliance, NOT_APPLICABLE);
    } else if (world->type == TYPE_UNKNOWN || world->mode == MODE_UNKNOWN || !world->has_tags) {
        assert_int_equal(result->compliance, COMPLIANCE_UNKNOWN);
    }
}

/* Calls `check` for every world of a policy. */
static void for_each_world(const struct policy *policy,
                           void (*check)(const struct world *, const struct policy *)) {
    struct world w = {0};
    for (w.type = 0; w.type <= TYPE_GATEWAY; w.type++) {
        for (int i = 0; i < 4 * 3 * 3 * 2 * 2 * 4 * 2; i++) {
            w.mode = i % 4;
            w.scheme = i / 4 % 3;
            w.drops = i / 12 % 3;
            w.has_tags = i / 36 % 2;
            w.has_owner = i / 72 % 2;
            w.profile = i / 144 % 4;
            w.has_reason = i / 576 % 2;
            for (w.until = 0; w.until < COUNT(until_values); w.until++) {
                check(&w, policy);
            }
        }
        arena_reset(&arena);
    }
}

static void check_total(const struct world *world, const struct policy *policy) {
    struct tag tags[8];
    struct evaluation *result = evaluate_world(world, policy, tags);
    assert_verdict_follows_from_findings(result);
    assert_unknown_facts_are_unknown(world, result);
}

static void check_stricter_is_never_worse(const struct world *world, const struct policy *policy) {
    struct tag tags[8];
    struct world stricter = *world;
    stricter.mode++;
    if (world->mode == MODE_UNKNOWN || stricter.mode > MODE_STRICTEST) {
        return;
    }
    if (evaluate_world(world, policy, tags)->compliance == COMPLIANT) {
        assert_int_equal(evaluate_world(&stricter, policy, tags)->compliance, COMPLIANT);
    }
}

static void check_exception_excuses_no_tag(const struct world *world, const struct policy *policy) {
    struct tag tags[8];
    struct world without = *world;
    without.until = 0;
    without.has_reason = 0;
    struct evaluation *with = evaluate_world(world, policy, tags);
    struct evaluation *bare = evaluate_world(&without, policy, tags);
    static const enum finding_id kept[] = {FINDING_TAG_MISSING, FINDING_PROFILE_UNKNOWN,
                                           FINDING_HEADERS_NOT_DROPPED};
    for (size_t i = 0; i < COUNT(kept); i++) {
        assert_int_equal(find(with, kept[i]) != NULL, find(bare, kept[i]) != NULL);
    }
    assert_int_equal(with->required_mode, bare->required_mode);
    assert_int_equal(with->grade, bare->grade);
    if (bare->compliance == COMPLIANT) {
        assert_int_equal(with->compliance, COMPLIANT);
    }
}

/* Policies live on the stack here: for_each_world resets the arena. */
static void for_each_policy(void (*check)(const struct world *, const struct policy *)) {
    static const struct policy_parameter sets[][3] = {
        {{{"desyncMode", 10}, {"monitor", 7}},
         {{"internetFacingMode", 18}, {"strictest", 9}},
         {{"dropInvalidHeaders", 18}, {"ignore", 6}}},
        {{{"desyncMode", 10}, {"defensive", 9}},
         {{"internalMode", 12}, {"strictest", 9}},
         {{"dropInvalidHeaders", 18}, {"require", 7}}},
        {{{"desyncMode", 10}, {"strictest", 9}},
         {{"maxExceptionDays", 16}, {"0", 1}},
         {{"dropInvalidHeaders", 18}, {"advise", 6}}},
    };
    for (size_t i = 0; i < COUNT(sets); i++) {
        struct policy policy = *policy_with(sets[i], COUNT(sets[i]));
        for_each_world(&policy, check);
    }
}

static void verdict_is_total_and_follows_from_findings(void **state) {
    (void)state;
    for_each_policy(check_total);
}

static void stricter_mode_never_turns_compliant_into_non_compliant(void **state) {
    (void)state;
    for_each_policy(check_stricter_is_never_worse);
}

static void exception_never_excuses_anything_but_the_mode(void **state) {
    (void)state;
    for_each_policy(check_exception_excuses_no_tag);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_is_total_and_follows_from_findings),
        cmocka_unit_test(stricter_mode_never_turns_compliant_into_non_compliant),
        cmocka_unit_test(exception_never_excuses_anything_but_the_mode),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
