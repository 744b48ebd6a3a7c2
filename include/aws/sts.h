/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Security Token Service, API 2011-06-15 (query protocol, XML): who we are, and acting in
 * another account. Source: "AWS Security Token Service API Reference". Uses the Region's own
 * endpoint.
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/call.h"

#define STS_SESSION_NAME    "desync-guard" /* in CloudTrail events of the other account */
#define STS_SESSION_SECONDS 900 /* the least AWS gives; no invocation of Lambda is longer */

struct sts_role {
    str arn;         /* "arn:aws:iam::111122223333:role/name" */
    str external_id; /* empty: none */
};

/* Good for STS_SESSION_SECONDS. A later renewal makes a new one; it does not lengthen this one. */
struct sts_session {
    struct aws_credentials credentials; /* in the arena given to sts_assume_role; secret */
    int64_t expires_ms;                 /* wall clock */
};

/* INVALID: no role ARN, or an external id that AWS would refuse; nothing was sent. DENIED: the role
 * does not exist, or does not trust us; AWS does not say which. */
MUST_USE enum status sts_assume_role(struct aws_client *client, const struct sts_role *role,
                                     struct arena *arena, struct sts_session *session_out,
                                     struct error *error);

/* Who the client's credentials are. */
struct sts_caller {
    str account; /* 12 digits */
    str arn;     /* "arn:aws:sts::111122223333:assumed-role/name/session"; empty: AWS named none */
};
MUST_USE enum status sts_get_caller(struct aws_client *client, struct arena *arena,
                                    struct sts_caller *caller_out, struct error *error);

#endif
