/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller of an API call that wrote a load balancer's mode, as CloudTrail names it.
 */
#ifndef POLICY_WRITER_H
#define POLICY_WRITER_H

#include "base/str.h"

/* Each member is empty when it is not known. */
struct writer {
    str arn;        /* the role behind an assumed one */
    str user_agent; /* "APN/1.0 HashiCorp/1.0 Terraform/1.5" */
    str invoked_by; /* "cloudformation.amazonaws.com"; empty for a call of their own */
};

#endif
