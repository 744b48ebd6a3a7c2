/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling people and services: SNS, Security Hub, and AWS Config that its rule is worth evaluating.
 */
#include "act_internal.h"
#include "aws/securityhub.h"
#include "aws/sns.h"
#include "report/alert.h"
#include "report/asff.h"

#define FINDING_BYTES_MAX ((size_t)64 * 1024)

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

/* Of this call; a fight that no call led us to is with whoever was named before. That nobody could
 * be found keeps no alert back. */
static struct writer writer_of(const struct act *act, str arn, enum alert_kind kind) {
    struct elb_caller caller = {0};
    if (act->caller != NULL) {
        caller = *act->caller;
    } else if (kind == ALERT_FIGHT &&
               state_last_writer(&act->table, arn, act->arena, &caller, NULL) != STATUS_OK) {
        caller = (struct elb_caller){0};
    }
    return (struct writer){caller.arn, caller.user_agent, caller.invoked_by};
}

static struct alert alert_of(const struct act *act,
                             const struct telling *telling,
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
    alert.writer = writer_of(act, telling->evaluation->resource_id, kind);
    return alert;
}

static enum status publish(struct act *act, const struct alert *alert, struct error *error) {
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

unsigned act_tell(struct act *act, const struct telling *telling) {
    unsigned untold = 0;
    if (str_is_empty(act->app->settings.act.alert_topic_arn)) {
        return 0;
    }
    for (size_t i = 0; i < sizeof TELLS / sizeof *TELLS; i++) {
        if ((telling->tells & TELLS[i].tell) == 0) {
            continue;
        }
        struct error error = {0};
        const struct alert alert = alert_of(act, telling, TELLS[i].kind);
        bool is_told = publish(act, &alert, &error) == STATUS_OK;
        /* Two alerts are worse than a late one: what may have been published counts as told. */
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

bool act_import_finding(struct act *act,
                        const struct evaluation *evaluation,
                        const struct lb_state *state) {
    if (!act->app->settings.act.imports_findings) {
        return true;
    }
    struct buf text;
    struct json_writer writer;
    const struct clock *clock = act->app->clock;
    const struct asff asff = {.rule_name = act->app->settings.act.config_rule_name,
                              .created_ms = state->since_ms,
                              .updated_ms = clock->now_ms(clock)};
    buf_init(&text, act->arena, FINDING_BYTES_MAX);
    json_writer_init(&writer, &text);
    asff_write(&writer, act->arena, evaluation, &asff);
    const str finding = buf_str(&text);
    struct securityhub_report report;
    struct error error = {0};
    enum status status =
        securityhub_import_findings(&act->app->aws, &finding, 1, act->arena, &report, &error);
    if (status != STATUS_OK) {
        const struct action action = {.resource_id = evaluation->resource_id,
                                      .action = "alert",
                                      .status = "failed",
                                      .reason = error.message};
        act_add(act, &action, &error);
    }
    return status == STATUS_OK;
}

/* An evaluation that is running, or ran less than a minute ago, will have seen the change or will
 * be followed by Config's own: nothing is lost by not asking again. */
bool act_ask_for_reevaluation(struct act *act) {
    str rule_name = act->app->settings.act.config_rule_name;
    struct error error = {0};
    if (!act->has_new_verdict || str_is_empty(rule_name)) {
        return true;
    }
    enum status status = STATUS_OK;
    if (!str_is_empty(act->table.name)) {
        int64_t now_ms = act->app->clock->now_ms(act->app->clock);
        status = state_claim_reevaluation(&act->table, rule_name, now_ms, act->arena, &error);
    }
    if (status == STATUS_OK) {
        status = config_start_evaluation(&act->app->aws, rule_name, act->arena, &error);
    }
    bool is_skipped = status == STATUS_CONFLICT;
    const struct action action = {.resource_id = rule_name,
                                  .action = "reevaluate",
                                  .status = status == STATUS_OK ? "done"
                                            : is_skipped        ? "skipped"
                                                                : "failed",
                                  .reason = status == STATUS_OK ? STR("a verdict or mode changed")
                                            : is_skipped ? STR("asked for less than a minute ago")
                                                         : error.message};
    bool is_settled = status == STATUS_OK || is_skipped;
    act_add(act, &action, is_settled ? NULL : &error);
    return is_settled;
}
