/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers whose mode something else writes, told by the tags that it puts on them: a change
 * made from outside lasts until it writes again. Pure. All text is plain and of one line.
 */
#ifndef POLICY_MANAGED_H
#define POLICY_MANAGED_H

#include "base/arena.h"
#include "policy/load_balancer.h"

enum manager {
    MANAGER_NONE,
    MANAGER_ECS,        /* an Amazon ECS gateway */
    MANAGER_KUBERNETES, /* the AWS Load Balancer Controller, or EKS Auto Mode */
    MANAGER_STACK       /* CloudFormation: it writes the mode only when the stack is updated */
};

struct management {
    enum manager manager;
    bool has_gateway;   /* Kubernetes: a Gateway, not an Ingress */
    bool has_auto_mode; /* Kubernetes: EKS Auto Mode, where an Ingress cannot hold the mode */
    str owner;          /* name of the cluster or stack; empty: not known */
    str part; /* "namespace/name" of the Ingress, its group, or the logical id; or empty */
};

/* By the tags; MANAGER_NONE also where these could not be read. */
struct management management_of(const struct load_balancer *facts, struct arena *arena);

/* It undoes by itself what is changed from outside: Amazon ECS and Kubernetes. */
bool management_undoes_changes(const struct management *management);

/* "Kubernetes"; "nobody" for MANAGER_NONE. */
const char *manager_name(enum manager manager);
/* "Kubernetes (cluster prod, Ingress shop/web)" */
str management_owner(const struct management *management, struct arena *arena);
/* Where the line below belongs: "the annotations of the Ingress shop/web (...)". */
str management_place(const struct management *management, struct arena *arena);
/* The line that sets this mode there. */
str management_line(const struct management *management, enum desync_mode mode,
                    struct arena *arena);

#endif
