/* SPDX-License-Identifier: Apache-2.0
 *
 * Load balancers that a sweep reads, judges, reports and acts on together.
 */
#ifndef CONTROL_JUDGED_CHUNK_H
#define CONTROL_JUDGED_CHUNK_H

#include "aws/elbv2.h"
#include "policy/evaluate.h"

/* An item of STATUS_DEADLINE was not reached: its evaluation is not valid. */
struct judged_chunk {
    struct elbv2_fleet_item *items;
    struct evaluation *evaluations; /* beside the item of the same index */
    size_t count;
    int64_t read_ms;     /* when the reading began */
    struct arena *arena; /* of this chunk */
};

#endif
