/* SPDX-License-Identifier: Apache-2.0
 *
 * What a person does next about an error: found by the words of its message, for reasons of gaps
 * and verdicts are kept as text. Pure.
 */
#ifndef REPORT_NEXT_STEP_H
#define REPORT_NEXT_STEP_H

#include "base/buf.h"

/* "allow elasticloadbalancing:DescribeTags"; empty: the message says it itself, or nobody knows. In
 * `arena`, or static. */
str next_step(struct arena *arena, str message);

/* AWS's code in a message of aws/call.h, "AccessDenied" in "sts AssumeRole: AccessDenied (HTTP
 * 403): ..."; otherwise empty. Borrows the message. */
str message_code(str message);

#endif
