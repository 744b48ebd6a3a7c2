/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling people and services: SNS, Security Hub, and AWS Config that its rule is worth evaluating.
 */
#include "aws/sns.h"
#include "control_internal.h"
#include "report/alert.h"
#include "table/records.h"

/* The most severe first. */
static const struct {
    enum alert_kind kind;
    const char *name;
} ALERT_NAMES[] = {
    {ALERT_FIGHT, "fight"},
    {ALERT_ENFORCED, "enforced"},
    {ALERT_OPENED, "opened"},
    {ALERT_RESOLVED, "resolved"},
    {ALERT_ESCALATED, "escalated"},
    {ALERT_EXCEPTION_EXPIRED, "exception expired"},
    {ALERT_EXCEPTION_EXPIRING, "exception expiring"},
};

str alert_names(struct arena *arena, unsigned alerts) {
    str names = STR_EMPTY;
    for (size_t i = 0; i < sizeof ALERT_NAMES / sizeof *ALERT_NAMES; i++) {
        if ((alerts & ALERT_SET(ALERT_NAMES[i].kind)) != 0) {
            names = str_format(arena, "%" STR_FMT "%s%s", STR_ARG(names),
                               str_is_empty(names) ? "" : ", ", ALERT_NAMES[i].name);
        }
    }
    return names;
}

/* Of the correction that is told of; else whose call set the weak mode. A fight that no such call
 * led us to is with whoever was named before. That nobody could be found keeps no alert back. */
static struct writer writer_of(const struct control *control, const struct alert_batch *batch,
                               enum alert_kind kind) {
    const struct correction *made = &batch->state->pending_change;
    if (kind == ALERT_ENFORCED && made->at_ms != 0) {
        return (struct writer){made->writer.arn, made->writer.user_agent, made->writer.invoked_by};
    }
    bool is_enforced = kind == ALERT_ENFORCED;
    const struct writer *known =
        control_writer(control, is_enforced ? batch->changed_from : batch->evaluation->mode);
    struct writer caller = {0};
    str arn = batch->evaluation->resource_id;
    if (known != NULL) {
        caller = *known;
    }
    if (known == NULL && kind == ALERT_FIGHT &&
        state_last_writer(&control->table, arn, control->arena, &caller, NULL) != STATUS_OK) {
        caller = (struct writer){0};
    }
    return (struct writer){caller.arn, caller.user_agent, caller.invoked_by};
}

static struct alert alert_of(const struct control *control, const struct alert_batch *batch,
                             enum alert_kind kind) {
    const struct clock *clock = control->guard->clock;
    bool tells_of_before = kind == ALERT_ENFORCED && batch->found != NULL;
    struct alert alert = {
        .kind = kind,
        .evaluation = tells_of_before ? batch->found : batch->evaluation,
        .since_ms = batch->since_ms,
        .now_ms = clock->now_ms(clock),
        .changed_from = batch->changed_to == MODE_UNKNOWN ? MODE_UNKNOWN : batch->changed_from,
        .changed_to = batch->changed_to,
        .corrections = corrections_in_a_day(batch->state, clock->now_ms(clock)),
    };
    alert.writer = writer_of(control, batch, kind);
    return alert;
}

enum status alert_publish(struct control *control, const struct alert *alert, struct error *error) {
    struct alert_text text;
    alert_render(control->arena, alert, &text);
    struct sns_attribute attributes[ALERT_ATTRIBUTE_COUNT];
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        attributes[i] = (struct sns_attribute){str_from_cstr(text.attributes[i].name),
                                               text.attributes[i].value};
    }
    const struct sns_message message = {
        .topic_arn = control->guard->settings.control.alert_topic_arn,
        .subject = text.subject,
        .text = text.body,
        .attributes = attributes,
        .attribute_count = ALERT_ATTRIBUTE_COUNT,
    };
    return sns_publish(&control->guard->home, &message, control->arena, NULL, error);
}

bool has_alert_topic(const struct control *control) {
    return !str_is_empty(control->guard->settings.control.alert_topic_arn);
}

unsigned alerts_publish(struct control *control, const struct alert_batch *batch) {
    unsigned due_alerts = 0;
    for (size_t i = 0; i < sizeof ALERT_NAMES / sizeof *ALERT_NAMES; i++) {
        if ((batch->alerts & ALERT_SET(ALERT_NAMES[i].kind)) == 0) {
            continue;
        }
        struct error error = {0};
        const struct alert alert = alert_of(control, batch, ALERT_NAMES[i].kind);
        bool is_published = alert_publish(control, &alert, &error) == STATUS_OK;
        /* SNS knows no request twice: after no answer, half of one, or a 500 it may have been
         * published, and counts as told. The invocation fails all the same, so that somebody looks.
         */
        if (!is_published && !error.is_outcome_unknown) {
            due_alerts |= ALERT_SET(ALERT_NAMES[i].kind);
        }
        const struct action action = {.resource_id = batch->evaluation->resource_id,
                                      .action = "alert",
                                      .status = is_published ? "done" : "failed",
                                      .reason = is_published ? str_from_cstr(ALERT_NAMES[i].name)
                                                             : error.message};
        action_add(control, &action, is_published ? NULL : &error);
    }
    return due_alerts;
}
