/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers whose mode ECS, Kubernetes or a stack writes: enforcement, promotion, alerts.
 */
#include "blind_world.h"

#define OF_ECS "<member><Key>AmazonECSManaged</Key><Value>true</Value></member>"
#define OF_STACK                                                                                   \
    "<member><Key>aws:cloudformation:stack-name</Key><Value>shop</Value></member>"                 \
    "<member><Key>aws:cloudformation:logical-id</Key><Value>Edge</Value></member>"

static bool alerts_say(const char *text) {
    for (size_t i = 0; i < loop->message_count; i++) {
        if (str_contains(loop->messages[i].text, str_from_cstr(text))) {
            return true;
        }
    }
    return false;
}

static void b4_a_mode_that_ecs_writes_is_left_and_its_owner_told(void **state) {
    (void)state;
    begin_weak();
    member->tags = OF_ECS;
    set_mode("e1", "monitor", 0);
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "monitor");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_ENFORCE, ACTION_SKIPPED), 1);
    assert_true(loop_says(&loop->copies[0], "\"id\":\"MANAGED_BY_OTHER\""));
    assert_int_equal(loop_alert_count(loop, "Non-compliant"), 1);
    assert_true(alerts_say("The mode is written by Amazon ECS"));
    assert_true(alerts_say("'hostSharedAlb={httpDesync=defensive}'"));
    assert_false(alerts_say("aws elbv2 modify-load-balancer-attributes"));
    loop->copies[0].guard.settings.control.enforcement.managed = MANAGED_ENFORCE;
    promotion_sweep(&world, 0, "r1");
    assert_string_equal(member->mode, "defensive");
}

static void b4_the_drift_from_a_stack_is_in_the_alert(void **state) {
    (void)state;
    begin_weak();
    member->tags = OF_STACK;
    set_mode("e1", "monitor", 0);
    assert_string_equal(member->mode, "defensive");
    assert_int_equal(loop_alert_count(loop, "Mode raised"), 1);
    assert_true(alerts_say("CloudFormation (stack shop, resource Edge), from which another mode is "
                           "a drift until the template has it"));
    assert_true(alerts_say("- {Key: routing.http.desync_mitigation_mode, Value: defensive}"));
}

/* It is of the first ring, which it does not hold either. */
static void b4_a_mode_that_kubernetes_writes_is_not_promoted(void **state) {
    (void)state;
    promotion_world_begin(&world, PROMOTES, 2);
    member = promotion_member(&world, 0);
    member->tags = "<member><Key>elbv2.k8s.aws/cluster</Key><Value>prod</Value></member>"
                   "<member><Key>DesyncRing</Key><Value>1</Value></member>";
    promotion_log(&world, 0, "5000", "0");
    promotion_log(&world, 1, "5000", "0");
    promotion_sweep(&world, 0, "r0");
    loop_succeeded(&loop->copies[0]);
    assert_string_equal(member->mode, "defensive");
    assert_string_equal(promotion_member(&world, 1)->mode, "strictest");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_SKIPPED), 1);
    assert_true(loop_says(&loop->copies[0], "MANAGED_LOAD_BALANCERS=enforce"));
    assert_true(loop_says(&loop->copies[0], "desync_mitigation_mode=strictest"));
}

static void tag_by_ecs(struct loop *world_loop) {
    (void)world_loop;
    member->tags = OF_ECS;
}

static void b4_tags_are_those_of_the_last_look(void **state) {
    (void)state;
    promotion_world_begin(&world, PROMOTES, 1);
    member = promotion_member(&world, 0);
    promotion_log(&world, 0, "5000", "0");
    loop->meanwhile = tag_by_ecs;
    loop->meanwhile_match = ASKS_TAGS;
    loop->meanwhile_nth = 2;
    promotion_sweep(&world, 0, "r0");
    assert_string_equal(member->mode, "defensive");
    assert_int_equal(promotion_acted(&world, 0, 0, ACTION_PROMOTE, ACTION_SKIPPED), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(name, end)
    const struct CMUnitTest tests[] = {
        TEST(b4_a_mode_that_ecs_writes_is_left_and_its_owner_told),
        TEST(b4_the_drift_from_a_stack_is_in_the_alert),
        TEST(b4_a_mode_that_kubernetes_writes_is_not_promoted),
        TEST(b4_tags_are_those_of_the_last_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
