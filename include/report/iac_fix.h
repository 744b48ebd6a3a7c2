/* SPDX-License-Identifier: Apache-2.0
 *
 * Who changed a load balancer, by the marks that tools leave in CloudTrail, and the line to change
 * in each tool so that the mode stays. Pure: writes into a buf.
 */
#ifndef REPORT_IAC_FIX_H
#define REPORT_IAC_FIX_H

#include "base/buf.h"
#include "policy/load_balancer.h"
#include "policy/managed.h"
#include "policy/writer.h"

enum iac_tool {
    IAC_UNKNOWN,
    IAC_TERRAFORM, /* OpenTofu too: the same provider */
    IAC_CLOUDFORMATION,
    IAC_CDK,
    IAC_KUBERNETES, /* AWS Load Balancer Controller, also as part of EKS Auto Mode */
    IAC_PULUMI,
    IAC_CONSOLE, /* by hand; so there is no line to change */
    IAC_CLI
};

/* IAC_UNKNOWN when no mark is known. A CDK stack is deployed by CloudFormation: it is recognised by
 * the role of CDK's bootstrap alone, and is IAC_CLOUDFORMATION without it. */
enum iac_tool iac_tool_detect(const struct writer *writer);

/* "Terraform"; "unknown" for IAC_UNKNOWN. */
const char *iac_tool_name(enum iac_tool tool);

/* A paragraph of at most IAC_FIX_BYTES_MAX that names `tool` and its line, then the lines of the
 * other tools. `mode` is a known one. */
#define IAC_FIX_BYTES_MAX ((size_t)2048)
void iac_fix_append(struct buf *out, enum iac_tool tool, enum desync_mode mode);

/* Two lines on who writes the mode and which line to change there; nothing for MANAGER_NONE. */
void managed_fix_append(struct buf *out, const struct management *management, enum desync_mode mode,
                        struct arena *arena);

#endif
