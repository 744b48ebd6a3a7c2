/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading one load balancer and reading a fleet share. A parser may run again, so it fills a
 * struct load_balancer of its own; the caller's facts are changed when all is known.
 */
#ifndef AWS_ELBV2_INTERNAL_H
#define AWS_ELBV2_INTERNAL_H

#include "aws/elbv2.h"
#include "call_internal.h"

/* Load balancers that one describe call asks for, and what it answers of each; `arn` is input. */
struct elbv2_readings {
    struct load_balancer *items;
    size_t count;
};

/* One <member> of <LoadBalancers>: arn, name, type and scheme. INCOMPLETE when it lacks a name,
 * type or ARN; *facts is left alone then. */
MUST_USE enum status elbv2_parse_load_balancer(const struct xml *member, struct arena *arena,
                                               struct load_balancer *facts, struct error *error);

/* The call that reads this part of all of `readings`; attributes and description: of one only. */
struct aws_request elbv2_describe(enum elbv2_part part, struct elbv2_readings *readings,
                                  struct arena *arena);

/* Copies what was read of a part from `reading` into the facts; NULL: it is unknown. */
void elbv2_fill(enum elbv2_part part, struct load_balancer *facts,
                const struct load_balancer *reading);

/* AWS says that the load balancer does not exist; another "not found" is no such thing. */
bool elbv2_says_gone(const struct aws_outcome *outcome);

#endif
