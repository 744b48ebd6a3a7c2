/* SPDX-License-Identifier: Apache-2.0
 *
 * Elastic Load Balancing v2, API 2015-12-01 (query protocol, XML). Sources: "Elastic Load Balancing
 * API Reference 2015-12-01".
 */
#ifndef AWS_ELBV2_H
#define AWS_ELBV2_H

#include "aws/call.h"
#include "policy/load_balancer.h"

/* Fills what the three describe calls say about one load balancer, all that are asked for in flight
 * at once. `wants_description`: type, scheme and name too (one more call); else they are taken as
 * they stand in *facts. facts->arn is input. Source becomes SOURCE_LIVE. NOT_FOUND: it does not
 * exist (any more). Another bad status: the first failure, named; *facts then holds what was read;
 * mode, headers and tags that were not are marked unknown, while type, scheme and name (which
 * cannot change in the life of an ARN) stay as they stood. */
MUST_USE enum status elbv2_read_load_balancer(struct aws_client *client,
                                              bool wants_description,
                                              struct arena *arena,
                                              struct load_balancer *facts,
                                              struct error *error);

#endif
