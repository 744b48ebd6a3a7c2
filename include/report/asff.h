/* SPDX-License-Identifier: Apache-2.0
 *
 * One evaluation as one finding in the AWS Security Finding Format, for BatchImportFindings of
 * Security Hub and for files. Its Id stays the same for as long as the load balancer is judged by
 * the same rule, so that a later evaluation updates it, whatever was found. Pure.
 */
#ifndef REPORT_ASFF_H
#define REPORT_ASFF_H

#include "base/json.h"
#include "policy/evaluate.h"

#define ASFF_ID_CHARACTERS_MAX             512
#define ASFF_TITLE_CHARACTERS_MAX          256
#define ASFF_DESCRIPTION_CHARACTERS_MAX    1024
#define ASFF_RECOMMENDATION_CHARACTERS_MAX 512

struct asff {
    str account_id; /* empty: taken from the ARN, as are the next two; Security Hub takes a finding
                       only with all three */
    str region;
    str partition;
    str rule_name;      /* of the AWS Config rule, part of the Id; empty: none */
    int64_t created_ms; /* unix ms, when it became what it is; 0: unknown, then updated_ms */
    int64_t updated_ms; /* unix ms, now: Security Hub drops an update that is not newer */
};

/* Appends one object. Compliance.Status: COMPLIANT is PASSED, or WARNING while an exception excuses
 * the mode; NON_COMPLIANT is FAILED; unknown and not applicable are NOT_AVAILABLE. What passes or
 * is no longer judged is archived: it is fixed, or gone. `Workflow` belongs to the customer and is
 * never written. `arena` is for scratch. */
void asff_write(struct json_writer *writer, struct arena *arena,
                const struct evaluation *evaluation, const struct asff *asff);

#endif
