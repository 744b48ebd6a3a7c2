/* SPDX-License-Identifier: Apache-2.0
 *
 * The marks, by which load balancers were seen tagged or which their documentation names:
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/
 *   AmazonECSInfrastructureRoleForGatewayHostSharedALB.html
 * https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/configurations/
 * https://docs.aws.amazon.com/eks/latest/userguide/migrate-auto.html
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
 *   aws-properties-resource-tags.html
 */
#include "policy/managed.h"
#include "base/assert.h"
#include "policy_internal.h"

#define STACK_TAG "/stack" /* of the controllers: namespace/name, or the name of a group */

static const struct {
    const char *prefix; /* of the tag's key */
    bool has_gateway;
    bool has_auto_mode;
} CONTROLLERS[] = {
    {"ingress.k8s.aws/", false, false},
    {"gateway.k8s.aws.alb/", true, false},
    {"ingress.eks.amazonaws.com/", false, true},
    {"gateway.eks.amazonaws.com.alb/", true, true},
};

/* Empty: there is no such tag. */
static str value_of(const struct load_balancer *facts, const char *key, struct arena *arena) {
    str value = STR_EMPTY;
    (void)tag_get(facts, str_from_cstr(key), &value);
    return plain_text_quote(arena, value);
}

static bool find_kubernetes(const struct load_balancer *facts, struct arena *arena,
                            struct management *found) {
    str cluster = value_of(facts, "elbv2.k8s.aws/cluster", arena);
    found->owner = str_or(cluster, value_of(facts, "eks:eks-cluster-name", arena));
    for (size_t i = 0; i < facts->tag_count; i++) {
        str key = facts->tags[i].key;
        for (size_t k = 0; k < sizeof CONTROLLERS / sizeof *CONTROLLERS; k++) {
            if (!str_starts_with(key, str_from_cstr(CONTROLLERS[k].prefix))) {
                continue;
            }
            found->manager = MANAGER_KUBERNETES;
            found->has_gateway = CONTROLLERS[k].has_gateway;
            found->has_auto_mode = CONTROLLERS[k].has_auto_mode;
            found->part = str_ends_with(key, STR(STACK_TAG))
                              ? plain_text_quote(arena, facts->tags[i].value)
                              : found->part;
        }
    }
    if (!str_is_empty(cluster)) {
        found->manager = MANAGER_KUBERNETES;
    }
    return found->manager == MANAGER_KUBERNETES;
}

struct management management_of(const struct load_balancer *facts, struct arena *arena) {
    struct management found = {.manager = MANAGER_NONE};
    if (!facts->has_tags) {
        return found;
    }
    if (str_eq_ignore_case(value_of(facts, "AmazonECSManaged", arena), STR("true"))) {
        return (struct management){.manager = MANAGER_ECS};
    }
    if (find_kubernetes(facts, arena, &found)) {
        return found;
    }
    found = (struct management){.manager = MANAGER_NONE};
    str stack = value_of(facts, "aws:cloudformation:stack-name", arena);
    if (!str_is_empty(stack)) {
        found.manager = MANAGER_STACK;
        found.owner = stack;
        found.part = value_of(facts, "aws:cloudformation:logical-id", arena);
    }
    return found;
}

bool management_undoes_changes(const struct management *management) {
    return management->manager == MANAGER_ECS || management->manager == MANAGER_KUBERNETES;
}

const char *manager_name(enum manager manager) {
    static const char *const NAMES[] = {"nobody", "Amazon ECS", "Kubernetes", "CloudFormation"};
    ASSERT((size_t)manager < sizeof NAMES / sizeof *NAMES);
    return NAMES[manager];
}

static const char *object_of(const struct management *management) {
    return management->has_gateway                                       ? "Gateway"
           : str_find_char(management->part, '/') < management->part.len ? "Ingress"
                                                                         : "Ingress group";
}

/* " checkout", or nothing. */
static str after_blank(str name, struct arena *arena) {
    return str_is_empty(name) ? name : str_format(arena, " %" STR_FMT, STR_ARG(name));
}

str management_owner(const struct management *management, struct arena *arena) {
    str owner = management->owner;
    str part = management->part;
    if (management->manager == MANAGER_STACK) {
        return str_format(arena, "CloudFormation (stack %" STR_FMT "%s%" STR_FMT ")",
                          STR_ARG(owner), str_is_empty(part) ? "" : ", resource ", STR_ARG(part));
    }
    if (management->manager != MANAGER_KUBERNETES) {
        return str_from_cstr(manager_name(management->manager));
    }
    str object = str_is_empty(part)
                     ? STR("an Ingress or Gateway")
                     : str_format(arena, "%s %" STR_FMT, object_of(management), STR_ARG(part));
    return str_is_empty(owner)
               ? str_format(arena, "Kubernetes (%" STR_FMT ")", STR_ARG(object))
               : str_format(arena, "Kubernetes (cluster %" STR_FMT ", %" STR_FMT ")",
                            STR_ARG(owner), STR_ARG(object));
}

str management_place(const struct management *management, struct arena *arena) {
    str part = after_blank(management->part, arena);
    switch (management->manager) {
    case MANAGER_ECS:
        return STR("the gateway (in CloudFormation HttpDesync in the HostSharedAlb of "
                   "AWS::ECS::Gateway)");
    case MANAGER_KUBERNETES:
        if (management->has_gateway) {
            return str_format(arena,
                              "spec.loadBalancerAttributes of the LoadBalancerConfiguration of the "
                              "Gateway%" STR_FMT,
                              STR_ARG(part));
        }
        if (management->has_auto_mode) {
            return str_format(arena,
                              "spec.loadBalancerAttributes of the IngressClassParams of the "
                              "%s%" STR_FMT,
                              object_of(management), STR_ARG(part));
        }
        return str_format(arena,
                          "the annotations of the %s%" STR_FMT
                          " (after a comma where there is such a list; loadBalancerAttributes of "
                          "its IngressClassParams win over it)",
                          object_of(management), STR_ARG(part));
    case MANAGER_STACK:
        return str_format(
            arena, "LoadBalancerAttributes of the resource%" STR_FMT " of the stack %" STR_FMT,
            STR_ARG(part), STR_ARG(management->owner));
    case MANAGER_NONE:
        break;
    }
    return STR_EMPTY;
}

str management_line(const struct management *management, enum desync_mode mode,
                    struct arena *arena) {
    bool is_list = management->has_gateway || management->has_auto_mode;
    const char *name = mode_name(mode);
    ASSERT(mode != MODE_UNKNOWN);
    switch (management->manager) {
    case MANAGER_ECS:
        return str_format(arena,
                          "aws ecs update-gateway --gateway GATEWAY --configuration "
                          "'hostSharedAlb={httpDesync=%s}'",
                          name);
    case MANAGER_KUBERNETES:
        return str_format(
            arena,
            is_list ? "- {key: " ATTRIBUTE_DESYNC_MODE ", value: %s}"
                    : "alb.ingress.kubernetes.io/load-balancer-attributes: " ATTRIBUTE_DESYNC_MODE
                      "=%s",
            name);
    case MANAGER_STACK:
        return str_format(arena, "- {Key: " ATTRIBUTE_DESYNC_MODE ", Value: %s}", name);
    case MANAGER_NONE:
        break;
    }
    return STR_EMPTY;
}

static void add(const struct rule *rule, struct judgement *judgement, enum desync_mode mode) {
    const struct management *management = &judgement->evaluation->management;
    struct arena *arena = judgement->arena;
    str owner = management_owner(management, arena);
    str place = management_place(management, arena);
    str line = management_line(management, mode, arena);
    finding_add(rule, judgement, str_from_cstr(manager_name(management->manager)),
                "%" STR_FMT " writes this mode%s. Set it there, in %" STR_FMT ": %" STR_FMT,
                STR_ARG(owner),
                management->manager == MANAGER_STACK
                    ? " when the stack is updated, so that any other change is a drift from it"
                    : ", and undoes what is changed elsewhere",
                STR_ARG(place), STR_ARG(line));
}

void check_managed_by_other(const struct rule *rule, struct judgement *judgement) {
    enum desync_mode required = judgement->required.mode;
    bool is_weak = judgement->load_balancer->mode == MODE_MONITOR || mode_is_too_weak(judgement);
    if (judgement->evaluation->management.manager != MANAGER_NONE && is_weak) {
        add(rule, judgement, required < MODE_DEFENSIVE ? MODE_DEFENSIVE : required);
    }
}

void managed_add(const struct rule *rule, struct judgement *judgement) {
    if (judgement->evaluation->management.manager != MANAGER_NONE) {
        add(rule, judgement, MODE_STRICTEST);
    }
}
