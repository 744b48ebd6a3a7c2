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

/* What was never open need not be archived. */
static bool is_to_be_imported(const struct evaluation *evaluation, const struct lb_state *state,
                              str key) {
    bool is_known_there = !str_is_empty(state->imported);
    return !str_eq(state->imported, key) &&
           (is_known_there || evaluation->compliance != NOT_APPLICABLE);
}

void act_keep_finding(struct act *act, const struct evaluation *evaluation,
                      const struct lb_state *state) {
    str key = transition_import_key(evaluation, act->arena);
    if (!act->app->settings.act.imports_findings || !is_to_be_imported(evaluation, state, key)) {
        return;
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
    if (act->import_count == act->import_capacity) {
        size_t capacity = act->import_capacity == 0 ? 16 : 2 * act->import_capacity;
        act->imports =
            arena_realloc(act->keep, act->imports, act->import_capacity * sizeof *act->imports,
                          capacity * sizeof *act->imports);
        act->import_capacity = capacity;
    }
    act->imports[act->import_count++] =
        (struct act_import){evaluation->resource_id, buf_str(&text), key};
}

/* One batch. Of one that was not taken as a whole it is not known which were: all are imported
 * again the next time, which does no harm. */
static bool import_batch(struct act *act, const struct act_import *imports, size_t count) {
    str findings[SECURITYHUB_BATCH_FINDINGS_MAX] = {STR_EMPTY};
    for (size_t i = 0; i < count; i++) {
        findings[i] = imports[i].finding;
    }
    struct securityhub_report report;
    struct error error = {0};
    if (securityhub_import_findings(&act->app->aws, findings, count, act->arena, &report, &error) !=
        STATUS_OK) {
        act_fail(act, imports[0].arn, "import", &error);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        str arn = imports[i].arn;
        if (state_note_import(&act->table, arn, imports[i].key, act->arena, &error) != STATUS_OK) {
            act_fail(act, arn, "remember", &error);
            return false;
        }
    }
    return true;
}

bool act_import_findings(struct act *act) {
    bool is_done = true;
    for (size_t i = 0; i < act->import_count; i += SECURITYHUB_BATCH_FINDINGS_MAX) {
        size_t left = act->import_count - i;
        size_t count =
            left < SECURITYHUB_BATCH_FINDINGS_MAX ? left : SECURITYHUB_BATCH_FINDINGS_MAX;
        is_done = import_batch(act, act->imports + i, count) && is_done;
    }
    act->import_count = 0;
    return is_done;
}

/* Organization rules have a name of their own in each member account, which nobody here knows. */
static bool is_rule_of_another_account(const struct act *act) {
    const struct app *app = act->app;
    return !str_eq(app->aws.credentials.access_key_id, app->home.credentials.access_key_id);
}

/* Rules of several accounts may have the same name. */
static str claim_name(const struct act *act, str rule_name) {
    return is_rule_of_another_account(act)
               ? str_format(act->arena, "%" STR_FMT "@%" STR_FMT, STR_ARG(rule_name),
                            STR_ARG(act->app->session.account_id))
               : rule_name;
}

/* Asks at most once a minute, in each account. An evaluation that could not be asked for is left to
 * whoever is next. */
static enum status claim_and_ask(struct act *act, str rule_name, struct error *error) {
    const struct app *app = act->app;
    bool has_claim = !str_is_empty(act->table.name);
    str name = claim_name(act, rule_name);
    if (has_claim) {
        int64_t now_ms = app->clock->now_ms(app->clock);
        TRY(state_claim_reevaluation(&act->table, name, now_ms, act->arena, error));
    }
    enum status status = config_start_evaluation(&act->app->aws, rule_name, act->arena, error);
    bool is_refused = status != STATUS_OK && status != STATUS_CONFLICT;
    struct error problem = {0};
    if (is_refused && has_claim &&
        state_release_reevaluation(&act->table, name, act->arena, &problem) != STATUS_OK) {
        LOG(app->log, LOG_WARN, "not_released", LOG_STR("errorMessage", problem.message));
    }
    return status;
}

/* An evaluation that is running, or ran less than a minute ago, will have seen the change or will
 * be followed by Config's own: nothing is lost by not asking again. */
bool act_ask_for_reevaluation(struct act *act) {
    str rule_name = act->app->settings.act.config_rule_name;
    struct error error = {0};
    if (!act->has_new_verdict || str_is_empty(rule_name)) {
        return true;
    }
    enum status status = claim_and_ask(act, rule_name, &error);
    struct action action = {.resource_id = rule_name,
                            .action = "reevaluate",
                            .status = "failed",
                            .reason = error.message};
    if (status == STATUS_OK) {
        action.status = "done";
        action.reason = STR("a verdict or mode changed");
    } else if (status == STATUS_CONFLICT) {
        action.status = "skipped";
        action.reason = STR("asked for less than a minute ago");
    } else if (status == STATUS_NOT_FOUND && is_rule_of_another_account(act)) {
        action.status = "skipped";
        action.reason = STR("the member account has no rule of this name: an organization rule has "
                            "another one there, and its own schedule");
        status = STATUS_CONFLICT;
    }
    bool is_settled = status == STATUS_OK || status == STATUS_CONFLICT;
    act_add(act, &action, is_settled ? NULL : &error);
    return is_settled;
}
