/* SPDX-License-Identifier: Apache-2.0
 *
 * One alert on its way to text: alert_context.c reads it once, alert.c writes the subject and the
 * attributes, alert_body.c the body.
 */
#ifndef REPORT_ALERT_INTERNAL_H
#define REPORT_ALERT_INTERNAL_H

#include "fix_internal.h"
#include "report/alert.h"

struct alert_context {
    struct arena *arena;
    const struct alert *alert;
    const struct evaluation *evaluation;
    struct load_balancer_arn arn; /* all empty when the id is no such ARN */
    str name;                     /* printable ASCII */
    str account_id;               /* outside text, as are the next two; may be empty */
    str region;
    str partition;
    enum desync_mode mode;         /* now: after enforcement the one that was set */
    const struct finding *finding; /* what the alert is about; NULL: none */
    str exception_until;           /* YYYY-MM-DD of an existing day, or empty */
};

struct alert_context alert_context_read(struct arena *arena, const struct alert *alert);

/* "9 days", "5 hours", "12 minutes", "less than 2 minutes"; negative counts as none. */
str duration_text(struct arena *arena, int64_t ms);

/* About promotion and its watch, not about a judgement. */
bool alert_is_about_promotion(enum alert_kind kind);

/* At most ALERT_BODY_BYTES_MAX. */
str alert_body(const struct alert_context *context);

#endif
