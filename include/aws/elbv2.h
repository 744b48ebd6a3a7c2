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
MUST_USE enum status elbv2_read_load_balancer(struct aws_client *client, unsigned parts,
                                              struct arena *arena, struct load_balancer *facts,
                                              struct error *error);

/* Attributes a call. A load balancer has more, so a caller never sends all of them back. */
#define ELBV2_MODIFY_MAX 20
/* Borrowed for the length of the call. */
struct elbv2_attribute {
    str key;   /* ATTRIBUTE_DESYNC_MODE */
    str value; /* "defensive" */
};

/* Sets these attributes (1 to ELBV2_MODIFY_MAX, each key once) and no other. One attempt: what was
 * right to set may be wrong a second later, so a caller reads and decides anew before another. The
 * caller waits for its turn (aws_wait_for_turn, PACE_ELB_WRITE) before that reading. OK: mode and
 * headers in *facts are what AWS says they are now; compare them with what you wanted. INVALID:
 * nothing was sent. NOT_FOUND: the load balancer does not exist. Another bad status leaves *facts
 * alone, but when error->is_outcome_unknown the change may have been made: read again. */
MUST_USE enum status elbv2_modify_attributes(struct aws_client *client, str arn,
                                             const struct elbv2_attribute *attributes, size_t count,
                                             struct arena *arena, struct load_balancer *facts,
                                             struct error *error);

/* All load balancers of the Region, page by page, of every type: arn, name, type and scheme are
 * known, the rest is marked unknown. A bad status: the listing broke off; *load_balancers_out then
 * holds the pages before. */
MUST_USE enum status elbv2_list_load_balancers(struct aws_client *client, struct arena *arena,
                                               struct load_balancer **load_balancers_out,
                                               size_t *count_out, struct error *error);

struct elbv2_fleet_item {
    struct load_balancer *facts; /* in: arn; out: attributes and tags */
    enum status status; /* OK; NOT_FOUND: it does not exist any more; else a part is unknown */
    str problem;        /* what could not be read, when the status is bad */
};

/* Attributes (a call each) and tags (20 load balancers a call) of many, in_flight_max calls at
 * once, each paced and retried on its own. What cannot be read of one costs no other anything.
 * Results live in `arena`, what the calls need besides is given back before return. */
void elbv2_read_fleet(struct aws_client *client, struct elbv2_fleet_item *items, size_t count,
                      unsigned in_flight_max, struct arena *arena);

#endif
