/* SPDX-License-Identifier: Apache-2.0
 *
 * A finding: one thing that a load balancer's owner should know or repair. The ids are part of the
 * product contract and never change.
 */
#ifndef POLICY_FINDING_H
#define POLICY_FINDING_H

#include "base/str.h"

/* Ordered: a greater one is graver. Names as in the AWS Security Finding Format, which also has
 * CRITICAL: no rule uses that. */
enum finding_severity { SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
/* "INFORMATIONAL", "LOW", "MEDIUM", "HIGH" */
const char *severity_name(enum finding_severity severity);

/* id, does it fail the load balancer by itself */
#define FINDING_MAP(X)                                                                             \
    X(MODE_TOO_WEAK, 1)                                                                            \
    X(EXCEPTION_EXPIRED, 1)                                                                        \
    X(EXCEPTION_INVALID, 1)                                                                        \
    X(EXCEPTION_INCOMPLETE, 1)                                                                     \
    X(EXCEPTION_TOO_LONG, 1)                                                                       \
    X(TAG_MISSING, 1)                                                                              \
    X(TAG_VALUE_NOT_ALLOWED, 1)                                                                    \
    X(PROFILE_UNKNOWN, 1)                                                                          \
    X(HEADERS_NOT_DROPPED, 1) /* only when required; advice otherwise */                           \
    X(EXCEPTION_EXPIRING, 0)                                                                       \
    X(EXCEPTION_UNUSED, 0)                                                                         \
    X(EXCEPTION_ACTIVE, 0)                                                                         \
    X(UNDERUTILIZED, 0)                                                                            \
    X(NON_COMPLIANT_TOO_LONG, 0)                                                                   \
    X(MANAGED_BY_OTHER, 0)                                                                         \
    X(CLIENTS_BLOCKED, 0)

enum finding_id {
#define FINDING_ENUM(name, fails) FINDING_##name,
    FINDING_MAP(FINDING_ENUM)
#undef FINDING_ENUM
        FINDING_COUNT
};
/* "MODE_TOO_WEAK" */
const char *finding_name(enum finding_id id);

/* The message is whole sentences for the owner; severity and is_failing may differ from the rule's
 * own where a policy only advises (HEADERS_NOT_DROPPED). */
struct finding {
    enum finding_id id;
    enum finding_severity severity;
    bool is_failing; /* makes the verdict NON_COMPLIANT */
    str subject; /* what it is about in a word, for the annotation: a tag key, a date; or empty */
    str message; /* for the load balancer's owner: what is wrong, what to do, by when */
};

/* An array of that size within each evaluation: policy needs no allocation to add one. */
#define FINDINGS_MAX 64 /* bounded by the lists of struct policy */

#endif
