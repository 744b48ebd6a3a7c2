/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers whose mode something else writes: how they are told, what their owners read, and
 * what is left alone.
 */
#include "base/buf.h"
#include "judging.h"
#include "policy/enforce.h"
#include "policy/recommend.h"
#include "report/iac_fix.h"

#define TAGS_MAX 4
#define KEY      "routing.http.desync_mitigation_mode"

/* Key and value in turn. */
static struct load_balancer tagged(enum desync_mode mode, const char *const *pairs) {
    struct load_balancer facts = facts_of(mode);
    struct tag *tags = ARENA_ARRAY(&arena, struct tag, TAGS_MAX + 1);
    tags[0] = OWNER_TAG[0];
    facts.tag_count = 1;
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        assert_true(facts.tag_count <= TAGS_MAX);
        tags[facts.tag_count++] =
            (struct tag){str_from_cstr(pairs[i]), str_from_cstr(pairs[i + 1])};
    }
    facts.tags = tags;
    facts.source = SOURCE_LIVE;
    return facts;
}

static const struct {
    const char *name;
    const char *tags[2 * TAGS_MAX + 1];
    enum manager manager;
    const char *owner;
    const char *says;
} ROWS[] = {
    {"nobody", {"Name", "shop"}, MANAGER_NONE, "nobody", NULL},
    {"ECS",
     {"AmazonECSManaged", "true"},
     MANAGER_ECS,
     "Amazon ECS",
     "aws ecs update-gateway --gateway GATEWAY --configuration "
     "'hostSharedAlb={httpDesync=defensive}'"},
    {"not of ECS", {"AmazonECSManaged", "false"}, MANAGER_NONE, "nobody", NULL},
    {"an Ingress",
     {"elbv2.k8s.aws/cluster", "prod", "ingress.k8s.aws/stack", "shop/web",
      "ingress.k8s.aws/resource", "LoadBalancer"},
     MANAGER_KUBERNETES,
     "Kubernetes (cluster prod, Ingress shop/web)",
     "the annotations of the Ingress shop/web (after a comma where there is such a list; "
     "loadBalancerAttributes of its IngressClassParams win over it): "
     "alb.ingress.kubernetes.io/load-balancer-attributes: " KEY "=defensive"},
    {"a group of Ingresses",
     {"elbv2.k8s.aws/cluster", "prod", "ingress.k8s.aws/stack", "public"},
     MANAGER_KUBERNETES,
     "Kubernetes (cluster prod, Ingress group public)",
     KEY "=defensive"},
    {"a Gateway",
     {"elbv2.k8s.aws/cluster", "prod", "gateway.k8s.aws.alb/stack", "shop/edge"},
     MANAGER_KUBERNETES,
     "Kubernetes (cluster prod, Gateway shop/edge)",
     "spec.loadBalancerAttributes of the LoadBalancerConfiguration of the Gateway shop/edge: "
     "- {key: " KEY ", value: defensive}"},
    {"EKS Auto Mode",
     {"eks:eks-cluster-name", "prod", "ingress.eks.amazonaws.com/stack", "shop/web"},
     MANAGER_KUBERNETES,
     "Kubernetes (cluster prod, Ingress shop/web)",
     "spec.loadBalancerAttributes of the IngressClassParams of the Ingress shop/web: "
     "- {key: " KEY ", value: defensive}"},
    {"a cluster's, of which no more is known",
     {"elbv2.k8s.aws/cluster", "prod"},
     MANAGER_KUBERNETES,
     "Kubernetes (cluster prod, an Ingress or Gateway)",
     KEY "=defensive"},
    {"in a cluster, and not by it", {"eks:eks-cluster-name", "prod"}, MANAGER_NONE, "nobody", NULL},
    {"a stack",
     {"aws:cloudformation:stack-name", "shop", "aws:cloudformation:logical-id", "Edge"},
     MANAGER_STACK,
     "CloudFormation (stack shop, resource Edge)",
     "is a drift from it. Set it there, in LoadBalancerAttributes of the resource Edge of the "
     "stack shop: - {Key: " KEY ", Value: defensive}"},
    {"ECS, by way of a stack",
     {"aws:cloudformation:stack-name", "shop", "AmazonECSManaged", "true"},
     MANAGER_ECS,
     "Amazon ECS",
     "httpDesync=defensive"},
};

static void b4_manager_is_told_by_tags_and_named_with_its_line(void **state) {
    (void)state;
    const struct policy *policy = policy_with(NULL, 0);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        const struct load_balancer facts = tagged(MODE_MONITOR, ROWS[i].tags);
        const struct evaluation *evaluation = evaluate(&facts, policy);
        const struct finding *finding = find(evaluation, FINDING_MANAGED_BY_OTHER);
        str owner = management_owner(&evaluation->management, &arena);
        if (evaluation->management.manager != ROWS[i].manager ||
            !str_eq(owner, str_from_cstr(ROWS[i].owner)) ||
            (finding != NULL) != (ROWS[i].says != NULL)) {
            fail_msg("%s: %.*s", ROWS[i].name, STR_ARG(owner));
        }
        if (finding != NULL) {
            assert_contains(finding->message, ROWS[i].says);
            assert_false(finding->is_failing);
            assert_str(finding->subject, manager_name(ROWS[i].manager));
        }
    }
}

static const char *const ECS[] = {"AmazonECSManaged", "true", NULL};
static const char *const INGRESS[] = {"elbv2.k8s.aws/cluster", "prod", "ingress.k8s.aws/stack",
                                      "shop/web", NULL};
static const char *const STACK[] = {"aws:cloudformation:stack-name", "shop", NULL};

static void b4_finding_is_listed_where_a_change_is_due(void **state) {
    (void)state;
    static const struct {
        const char *desync_mode;
        enum desync_mode mode;
        const char *sets; /* NULL: not listed */
    } rows[] = {
        {"defensive", MODE_MONITOR, "=defensive"},   {"strictest", MODE_MONITOR, "=strictest"},
        {"strictest", MODE_DEFENSIVE, "=strictest"}, {"monitor", MODE_MONITOR, "=defensive"},
        {"defensive", MODE_DEFENSIVE, NULL},         {"defensive", MODE_STRICTEST, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct load_balancer facts = tagged(rows[i].mode, INGRESS);
        const struct finding *finding =
            find(evaluate(&facts, policy_with_one("desyncMode", rows[i].desync_mode)),
                 FINDING_MANAGED_BY_OTHER);
        assert_int_equal(finding != NULL, rows[i].sets != NULL);
        if (finding != NULL) {
            assert_contains(finding->message, rows[i].sets);
        }
    }
}

static void b4_promotion_that_is_due_lists_it_once(void **state) {
    (void)state;
    const struct load_balancer facts = tagged(MODE_DEFENSIVE, ECS);
    struct evaluation *evaluation = evaluate(&facts, policy_with(NULL, 0));
    const struct advice advice = {.recommendation = RECOMMEND_PROMOTE, .reason = STR("why")};
    size_t before = evaluation->finding_count;
    advice_add_finding(&advice, &arena, evaluation);
    assert_int_equal(evaluation->finding_count, before + 2);
    assert_contains(find(evaluation, FINDING_MANAGED_BY_OTHER)->message, "httpDesync=strictest");
    evaluation_add_managed(evaluation, &arena);
    assert_int_equal(evaluation->finding_count, before + 2);
}

static void b4_only_stacks_are_enforced_unless_told_to(void **state) {
    (void)state;
    static const struct {
        const char *const *tags;
        enum managed managed;
        enum enforcement enforcement;
        enum enforcement_verdict verdict;
    } rows[] = {
        {ECS, MANAGED_REPORT, ENFORCEMENT_ENFORCE, ENFORCE_SKIPPED},
        {ECS, MANAGED_REPORT, ENFORCEMENT_PLAN, ENFORCE_SKIPPED},
        {ECS, MANAGED_ENFORCE, ENFORCEMENT_ENFORCE, ENFORCE_CHANGE},
        {INGRESS, MANAGED_REPORT, ENFORCEMENT_ENFORCE, ENFORCE_SKIPPED},
        {INGRESS, MANAGED_ENFORCE, ENFORCEMENT_ENFORCE, ENFORCE_CHANGE},
        {INGRESS, MANAGED_REPORT, ENFORCEMENT_OFF, ENFORCE_NOTHING},
        {STACK, MANAGED_REPORT, ENFORCEMENT_ENFORCE, ENFORCE_CHANGE},
        {STACK, MANAGED_ENFORCE, ENFORCEMENT_ENFORCE, ENFORCE_CHANGE},
    };
    const struct enforcement_counts counts = {.changes_in_run = 0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct load_balancer facts = tagged(MODE_MONITOR, rows[i].tags);
        const struct enforcement_settings settings = {.enforcement = rows[i].enforcement,
                                                      .managed = rows[i].managed,
                                                      .max_changes_per_run = 25,
                                                      .max_changes_per_hour = 25,
                                                      .fight_limit = 3};
        struct enforcement_decision decision =
            enforcement_decide(evaluate(&facts, policy_with(NULL, 0)), &settings, &counts);
        if (decision.verdict != rows[i].verdict) {
            fail_msg("row %zu: verdict %d, %s", i, (int)decision.verdict, decision.reason);
        }
    }
}

static void b4_hostile_tag_values_stay_on_one_line(void **state) {
    (void)state;
    static const char *const HOSTILE[] = {"aws:cloudformation:stack-name", "a\nb\x1b[31m",
                                          "aws:cloudformation:logical-id",
                                          "\xE2\x80\xAE"
                                          "c",
                                          NULL};
    const struct load_balancer facts = tagged(MODE_MONITOR, HOSTILE);
    const struct finding *finding =
        find(evaluate(&facts, policy_with(NULL, 0)), FINDING_MANAGED_BY_OTHER);
    assert_non_null(finding);
    for (size_t i = 0; i < finding->message.len; i++) {
        assert_true((unsigned char)finding->message.ptr[i] >= ' ');
    }
}

static void b4_tags_that_were_not_read_name_nobody(void **state) {
    (void)state;
    struct load_balancer facts = tagged(MODE_MONITOR, ECS);
    facts.has_tags = false;
    assert_int_equal(management_of(&facts, &arena).manager, MANAGER_NONE);
}

static void b4_fix_names_the_manager_and_its_line(void **state) {
    (void)state;
    struct buf out;
    const struct load_balancer facts = tagged(MODE_MONITOR, STACK);
    const struct management management = management_of(&facts, &arena);
    buf_init(&out, &arena, IAC_FIX_BYTES_MAX);
    managed_fix_append(&out, &management, MODE_STRICTEST, &arena);
    assert_str(buf_str(&out),
               "The mode is written by CloudFormation (stack shop), from which another mode is a "
               "drift until the template has it. Change it there, in LoadBalancerAttributes of the "
               "resource of the stack shop:\n"
               "    - {Key: " KEY ", Value: strictest}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b4_manager_is_told_by_tags_and_named_with_its_line),
        cmocka_unit_test(b4_finding_is_listed_where_a_change_is_due),
        cmocka_unit_test(b4_promotion_that_is_due_lists_it_once),
        cmocka_unit_test(b4_only_stacks_are_enforced_unless_told_to),
        cmocka_unit_test(b4_hostile_tag_values_stay_on_one_line),
        cmocka_unit_test(b4_tags_that_were_not_read_name_nobody),
        cmocka_unit_test(b4_fix_names_the_manager_and_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, judging_reset);
}
