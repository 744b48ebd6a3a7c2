/* SPDX-License-Identifier: Apache-2.0
 *
 * Elastic Load Balancing v2, API 2015-12-01 (query protocol, XML). Sources: "Elastic Load Balancing
 * API Reference 2015-12-01".
 */
#ifndef AWS_ELBV2_H
#define AWS_ELBV2_H

#include "aws/call.h"
#include "policy/load_balancer.h"

/* What is read of one load balancer: one describe call each. */
enum elbv2_part {
    ELBV2_ATTRIBUTES = 1, /* mode and header handling */
    ELBV2_TAGS = 2,
    ELBV2_DESCRIPTION = 4 /* type, scheme and name */
};

/* Reads the `parts` (a sum of enum elbv2_part, not 0), all in flight at once, into *facts; the rest
 * of *facts stays as it is. facts->arn is input. Source becomes SOURCE_LIVE. NOT_FOUND: it does not
 * exist (any more). Another bad status: the first failure, named; *facts then holds what was read,
 * and the other parts asked for are marked unknown. */
MUST_USE enum status elbv2_read_load_balancer(struct aws_client *client,
                                              unsigned parts,
                                              struct arena *arena,
                                              struct load_balancer *facts,
                                              struct error *error);

#endif
