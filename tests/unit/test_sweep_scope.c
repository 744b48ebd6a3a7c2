/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules that are about some load balancers only: a sweep gives those outside the answer that the
 * event of leaving the scope gave them.
 */
#include "../../src/app/sweep_internal.h"
#include "sweep_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASKS_RULE    "StarlingDoveService.DescribeConfigRules"
#define EDGE         "<member><Key>Tier</Key><Value>edge</Value></member>"
#define CORE         "<member><Key>Tier</Key><Value>core</Value></member>"
#define INSIDE       REGION_ARN "app/lb-1/0000000000000001"

static struct world world;

static int end(void **state) {
    (void)state;
    world_end(&world);
    return 0;
}

/* Defensive, monitor, strictest, defensive: tagged edge, edge, core, and not at all. */
static void begin(const char *scope) {
    static const char *const TAGS[] = {EDGE, EDGE, CORE, NULL};
    world_begin(&world, COUNT(TAGS));
    world.region->scope = scope;
    for (size_t i = 0; i < COUNT(TAGS); i++) {
        world.region->members[i].tags = TAGS[i];
    }
}

static void only_load_balancers_inside_the_scope_are_judged(void **state) {
    (void)state;
    static const struct {
        const char *scope;
        bool is_inside[4];
    } rows[] = {
        {"null", {true, true, true, true}},
        {"{}", {true, true, true, true}},
        {"{\"ComplianceResourceTypes\":[\"" TYPE "\"]}", {true, true, true, true}},
        {"{\"ComplianceResourceTypes\":[\"AWS::S3::Bucket\",\"" TYPE "\"],\"TagKey\":\"Tier\"}",
         {true, true, true, false}},
        {"{\"TagKey\":\"Tier\"}", {true, true, true, false}},
        {"{\"TagKey\":\"Tier\",\"TagValue\":\"edge\"}", {true, true, false, false}},
        {"{\"TagKey\":\"Tier\",\"TagValue\":\"Edge\"}", {false, false, false, false}},
        {"{\"TagKey\":\"tier\"}", {false, false, false, false}},
        {"{\"ComplianceResourceTypes\":[\"" TYPE "\"],\"ComplianceResourceId\":\"" INSIDE "\"}",
         {false, true, false, false}},
        {"{\"ComplianceResourceTypes\":[\"AWS::S3::Bucket\"]}", {false, false, false, false}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(rows[i].scope);
        world_sweep(&world);
        world_succeeded(&world);
        for (size_t m = 0; m < world.region->count; m++) {
            const struct region_member *member = &world.region->members[m];
            const char *expected = rows[i].is_inside[m] ? world_truth(member) : "NOT_APPLICABLE";
            if (!world_reported(&world, member->arn, expected)) {
                fail_msg("%s: the load balancer %zu is not %s", rows[i].scope, m, expected);
            }
        }
        assert_int_equal(fake_requests_with(&world.fake, ASKS_RULE), 1);
        world_end(&world);
    }
    begin(NULL);
}

static void a_load_balancer_that_left_the_scope_has_one_verdict(void **state) {
    (void)state;
    begin("{\"TagKey\":\"Tier\",\"TagValue\":\"edge\"}");
    const struct region_member *left = &world.region->members[2];
    str invoking =
        str_format(&world.arena,
                   "{\"messageType\":\"ConfigurationItemChangeNotification\","
                   "\"configurationItem\":{\"resourceType\":\"" TYPE "\",\"resourceId\":\"%" STR_FMT
                   "\",\"configurationItemStatus\":\"OK\"}}",
                   STR_ARG(left->arn));
    world_handle(&world,
                 world_event(&world, str_to_cstr(&world.arena, invoking),
                             TOKEN RULE ",\"eventLeftScope\":true"),
                 DEADLINE_MS);
    assert_true(world_reported(&world, left->arn, "NOT_APPLICABLE"));
    world.region->reported_count = 0;
    world_sweep(&world);
    assert_true(world_reported(&world, left->arn, "NOT_APPLICABLE"));
    assert_true(world_says(&world, "outside the scope of the rule"));
}

/* Whether it is inside is not known, either. */
static void load_balancer_with_unreadable_tags_is_unknown(void **state) {
    (void)state;
    begin("{\"TagKey\":\"Tier\"}");
    world.region->members[3].is_tags_quiet = true;
    world_sweep(&world);
    world_failed(&world, "Function.VerdictUnknown", SAYS("lb-3"));
    assert_true(world_reported(&world, world.region->members[3].arn, NULL));
}

static void unreadable_scope_is_reported_and_not_guessed(void **state) {
    (void)state;
    static const struct fake_answer ANSWERS[] = {
        {.http_status = 400, .body = BODY("{\"__type\":\"AccessDeniedException\"}")},
        {.http_status = 400, .body = BODY("{\"__type\":\"NoSuchConfigRuleException\"}")},
        {.http_status = 500},
        {.http_status = 200, .body = BODY("{\"ConfigRules\":[]}")},
        {.http_status = 200, .body = BODY("not JSON")},
        {.status = STATUS_TIMEOUT},
    };
    for (size_t i = 0; i < COUNT(ANSWERS); i++) {
        begin("{\"TagKey\":\"Tier\"}");
        struct fake_answer answer = ANSWERS[i];
        answer.match = ASKS_RULE;
        answer.times = FAKE_FOREVER;
        fake_answer(&world.fake, answer);
        world_sweep(&world);
        world_succeeded(&world);
        for (size_t m = 0; m < world.region->count; m++) {
            const struct region_member *member = &world.region->members[m];
            assert_true(world_reported(&world, member->arn, world_truth(member)));
        }
        assert_true(world_logged(&world, "scope_unknown"));
        assert_true(world_logged(&world, "config DescribeConfigRules"));
        world_end(&world);
    }
    begin(NULL);
}

static void sweep_without_a_rule_reads_no_scope(void **state) {
    (void)state;
    begin("{\"TagKey\":\"Tier\"}");
    world_handle(&world, STR("{\"action\":\"sweep\"}"), DEADLINE_MS);
    world_succeeded(&world);
    assert_int_equal(fake_requests_with(&world.fake, ASKS_RULE), 0);
    assert_false(world_says(&world, "outside the scope"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(only_load_balancers_inside_the_scope_are_judged),
        TEST(a_load_balancer_that_left_the_scope_has_one_verdict),
        TEST(load_balancer_with_unreadable_tags_is_unknown),
        TEST(unreadable_scope_is_reported_and_not_guessed),
        TEST(sweep_without_a_rule_reads_no_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
