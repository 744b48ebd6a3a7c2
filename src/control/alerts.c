/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling people and services: SNS, Security Hub, and AWS Config that its rule is worth evaluating.
 */
#include "aws/sns.h"
#include "control_internal.h"
#include "report/alert.h"
#include "table/records.h"

static const struct {
    enum tell tell;
    enum alert_kind kind;
    const char *name;
} TELLS[] = {
    {TELL_FIGHT, ALERT_FIGHT, "fight"},
    {TELL_ENFORCED, ALERT_ENFORCED, "enforced"},
    {TELL_OPENED, ALERT_OPENED, "opened"},
    {TELL_RESOLVED, ALERT_RESOLVED, "resolved"},
    {TELL_ESCALATED, ALERT_ESCALATED, "escalated"},
    {TELL_EXCEPTION_EXPIRED, ALERT_EXCEPTION_EXPIRED, "exception expired"},
    {TELL_EXCEPTION_EXPIRING, ALERT_EXCEPTION_EXPIRING, "exception expiring"},
};

str act_tell_names(struct arena *arena, unsigned tells) {
    str names = STR_EMPTY;
    for (size_t i = 0; i < sizeof TELLS / sizeof *TELLS; i++) {
        if ((tells & TELLS[i].tell) != 0) {
            names = str_format(arena, "%" STR_FMT "%s%s", STR_ARG(names),
                               str_is_empty(names) ? "" : ", ", TELLS[i].name);
        }
    }
    return names;
}

/* Of the correction that is told of; else whose call set the weak mode. A fight that no such call
 * led us to is with whoever was named before. That nobody could be found keeps no alert back. */
static struct writer writer_of(const struct act *act, const struct telling *telling,
                               enum alert_kind kind) {
    const struct correction *made = &telling->state->pending_change;
    if (kind == ALERT_ENFORCED && made->at_ms != 0) {
        return (struct writer){made->writer_arn, made->writer_user_agent, made->writer_invoked_by};
    }
    bool is_enforced = kind == ALERT_ENFORCED;
    const struct elb_caller *known =
        act_writer(act, is_enforced ? telling->changed_from : telling->evaluation->mode);
    struct elb_caller caller = {0};
    str arn = telling->evaluation->resource_id;
    if (known != NULL) {
        caller = *known;
    }
    if (known == NULL && kind == ALERT_FIGHT &&
        state_last_writer(&act->table, arn, act->arena, &caller, NULL) != STATUS_OK) {
        caller = (struct elb_caller){0};
    }
    return (struct writer){caller.arn, caller.user_agent, caller.invoked_by};
}

static struct alert alert_of(const struct act *act, const struct telling *telling,
                             enum alert_kind kind) {
    const struct clock *clock = act->app->clock;
    bool tells_of_before = kind == ALERT_ENFORCED && telling->found != NULL;
    struct alert alert = {
        .kind = kind,
        .evaluation = tells_of_before ? telling->found : telling->evaluation,
        .since_ms = telling->since_ms,
        .now_ms = clock->now_ms(clock),
        .changed_from = telling->changed_to == MODE_UNKNOWN ? MODE_UNKNOWN : telling->changed_from,
        .changed_to = telling->changed_to,
        .corrections = corrections_in_a_day(telling->state, clock->now_ms(clock)),
    };
    alert.writer = writer_of(act, telling, kind);
    return alert;
}

enum status act_publish(struct act *act, const struct alert *alert, struct error *error) {
    struct alert_text text;
    alert_render(act->arena, alert, &text);
    struct sns_attribute attributes[ALERT_ATTRIBUTE_COUNT];
    for (size_t i = 0; i < ALERT_ATTRIBUTE_COUNT; i++) {
        attributes[i] = (struct sns_attribute){str_from_cstr(text.attributes[i].name),
                                               text.attributes[i].value};
    }
    const struct sns_message message = {
        .topic_arn = act->app->settings.act.alert_topic_arn,
        .subject = text.subject,
        .text = text.body,
        .attributes = attributes,
        .attribute_count = ALERT_ATTRIBUTE_COUNT,
    };
    return sns_publish(&act->app->home, &message, act->arena, NULL, error);
}

bool act_is_heard(const struct act *act) {
    return !str_is_empty(act->app->settings.act.alert_topic_arn);
}

unsigned act_tell(struct act *act, const struct telling *telling) {
    unsigned untold = 0;
    for (size_t i = 0; i < sizeof TELLS / sizeof *TELLS; i++) {
        if ((telling->tells & TELLS[i].tell) == 0) {
            continue;
        }
        struct error error = {0};
        const struct alert alert = alert_of(act, telling, TELLS[i].kind);
        bool is_told = act_publish(act, &alert, &error) == STATUS_OK;
        /* SNS knows no request twice: after no answer, half of one, or a 500 it may have been
         * published, and counts as told. The invocation fails all the same, so that somebody looks.
         */
        if (!is_told && !error.is_outcome_unknown) {
            untold |= TELLS[i].tell;
        }
        const struct action action = {.resource_id = telling->evaluation->resource_id,
                                      .action = "alert",
                                      .status = is_told ? "done" : "failed",
                                      .reason =
                                          is_told ? str_from_cstr(TELLS[i].name) : error.message};
        act_add(act, &action, is_told ? NULL : &error);
    }
    return untold;
}
