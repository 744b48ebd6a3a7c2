/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of one alert for SNS: subject, body and message attributes. Whether an alert is due, and
 * sending it, is not decided here. Outside text (tags, names, user agents) can neither begin a line
 * of its own in the body nor leave its quotes in a command. Pure.
 */
#ifndef REPORT_ALERT_H
#define REPORT_ALERT_H

#include "base/arena.h"
#include "policy/action.h"
#include "policy/alert_kind.h"
#include "policy/evaluate.h"
#include "policy/writer.h"
#include "report/iac_fix.h"

/* Borrows everything. Which members count depends on the kind; the others are not looked at.
 *
 *   always                                evaluation, account_id, region, partition, now_ms
 *   all but EXCEPTION_EXPIRING and        since_ms
 *     those of promotions
 *   ENFORCED and those of promotions      changed_from, changed_to
 *   ENFORCED, FIGHT, PROMOTED,            writer
 *     ROLLED_BACK
 *   FIGHT                                 corrections
 *   PROMOTED, ROLLED_BACK, WATCH_ENDED    note
 *   WATCH_ENDED                           ending
 */
struct alert {
    enum alert_kind kind;
    const struct evaluation *evaluation;
    str account_id; /* empty: taken from the ARN, as are the next two */
    str region;
    str partition;
    int64_t since_ms; /* unix ms, when it became non-compliant; 0: unknown */
    int64_t now_ms;
    enum desync_mode changed_from; /* MODE_UNKNOWN: we changed nothing */
    enum desync_mode changed_to;
    struct writer writer; /* who made the last change that was not ours; empty: unknown */
    int corrections;      /* ours of this load balancer in the last 24 h, for ALERT_FIGHT */
    str note; /* why it was promoted, why the watch ended, or what evidence says of raising it;
                 empty: nothing to say */
    enum watch_ending ending; /* of ALERT_WATCH_ENDED */
};

#define ALERT_SUBJECT_BYTES_MAX        ((size_t)99) /* SNS: less than 100 characters */
#define ALERT_BODY_BYTES_MAX           ((size_t)8192)
#define ALERT_ATTRIBUTE_CHARACTERS_MAX 256
#define ALERT_ATTRIBUTE_COUNT          6

/* A message attribute of type String, for filter policies. */
struct alert_attribute {
    const char *name;
    str value; /* never empty, which SNS would refuse: "none" or "unknown" */
};

struct alert_text {
    str subject; /* printable ASCII on one line */
    str body;    /* UTF-8, ends in a line end */
    /* severity, owner, finding, mode, region, account; finding and severity are those of the
     * most_severe finding, or of the one that this kind of alert is about */
    struct alert_attribute attributes[ALERT_ATTRIBUTE_COUNT];
};

/* Everything in *text_out lives in `arena` or is static. */
void alert_render(struct arena *arena, const struct alert *alert, struct alert_text *text_out);

#endif
