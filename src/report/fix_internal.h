/* SPDX-License-Identifier: Apache-2.0
 *
 * What alerts and findings have in common: the most_severe finding, and the AWS CLI commands that
 * fix a load balancer, quoted for a POSIX shell. Nothing here is for other layers.
 */
#ifndef REPORT_FIX_INTERNAL_H
#define REPORT_FIX_INTERNAL_H

#include "base/arena.h"
#include "policy/evaluate.h"

struct fix {
    const struct evaluation *evaluation;
    str region;                /* empty: that of the ARN */
    enum desync_mode mode_now; /* may differ from the one judged, after enforcement */
};

/* Longest command; tags that do not fit are left to the findings' messages. */
#define FIX_COMMAND_BYTES_MAX ((size_t)1024)

/* No command of AWS's CLI sets a mode that ECS or Kubernetes writes: they undo it.
 * One line without its end: `aws elbv2 modify-load-balancer-attributes ...` or `aws elbv2 add-tags
 * ...`. Empty when there is nothing to set, or when the id of the load balancer is no plain line of
 * text, so that no command can name it. */
str fix_attributes_command(struct arena *arena, const struct fix *fix);
str fix_tags_command(struct arena *arena, const struct fix *fix);
/* `aws elbv2 add-tags ...` of this one tag; empty likewise. Letters, digits and "<|>_.:/+-@ " make
 * up `value`. */
str fix_tag_command(struct arena *arena, const struct fix *fix, str key, str value);
/* The first of the first two that is not empty. */
str fix_command(struct arena *arena, const struct fix *fix);

/* The command, or how to change the mode where something else writes it; else empty. */
str fix_instruction(struct arena *arena, const struct fix *fix);

/* To be filled in. AWS takes no tag with such brackets, so that nobody sets it by mistake. */
#define FIX_VALUE "<value>"
/* The key of the tag that is missing or has another value than is allowed; empty when the finding
 * is about no tag, when no tag can be called so, or when the key is quoted in part only, which the
 * ellipsis shows. */
str fix_tag_key(struct arena *arena, const struct finding *finding);

/* The word as one word of a POSIX shell; as it is where that needs no quotes. */
str shell_quote(struct arena *arena, str word);

/* The name in the ARN; otherwise what the id has of printable ASCII, cut to 32 characters. */
str load_balancer_name(struct arena *arena, str resource_id);

#endif
