/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks AWS Config to evaluate its rule anew. An evaluation is a sweep, so it is asked for as rarely
 * as REEVALUATE says, in each account and over all copies: after own changes once in 15 minutes,
 * after every changed verdict once a minute. AWS Config evaluates what others change by itself.
 */
#include "aws/config.h"
#include "control_internal.h"
#include "table/records.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)

static bool is_for_verdicts(const struct control *control) {
    return control->guard->settings.control.reevaluation == REEVALUATE_VERDICTS;
}

/* Organization rules have another name in each member account, which is not known here. */
static bool is_rule_of_another_account(const struct control *control) {
    const struct guard *guard = control->guard;
    return !str_eq(guard->aws.credentials.access_key_id, guard->home.credentials.access_key_id);
}

/* If AWS Config refuses, the claim is released, and the next invocation may ask. */
static enum status claim_and_ask(struct control *control, str rule_name, bool *was_asked_out,
                                 struct error *error) {
    const struct guard *guard = control->guard;
    int64_t pause_ms = is_for_verdicts(control) ? MS_PER_MINUTE : 15 * MS_PER_MINUTE;
    bool has_claim = !str_is_empty(control->table.name);
    str name = rule_name;
    if (is_rule_of_another_account(control)) { /* it may have the same name there */
        name = str_format(control->arena, "%" STR_FMT "@%" STR_FMT, STR_ARG(rule_name),
                          STR_ARG(guard->session.account_id));
    }
    if (has_claim) {
        const struct reevaluation_claim claim = {name, guard_now_ms(guard), pause_ms};
        TRY(state_claim_reevaluation(&control->table, &claim, control->arena, error));
    }
    *was_asked_out = true;
    enum status status =
        config_start_evaluation(&control->guard->aws, rule_name, control->arena, error);
    bool is_refused = status != STATUS_OK && status != STATUS_CONFLICT;
    struct error problem = {0};
    if (is_refused && has_claim &&
        state_release_reevaluation(&control->table, name, control->arena, &problem) != STATUS_OK) {
        LOG(guard->log, LOG_WARN, "not_released", LOG_STR("errorMessage", problem.message));
    }
    return status;
}

static bool is_due(const struct control *control) {
    return control->guard->settings.control.reevaluation != REEVALUATE_OFF &&
           !str_is_empty(control->guard->settings.control.config_rule_name) &&
           (control->has_own_change || (control->has_new_verdict && is_for_verdicts(control)));
}

/* An evaluation that is running will have seen the change, and one that ran a little earlier will
 * be followed by Config's own: nothing is lost by not asking again. */
bool reevaluate(struct control *control) {
    str rule_name = control->guard->settings.control.config_rule_name;
    struct error error = {0};
    bool was_asked = false;
    if (!is_due(control)) {
        return true;
    }
    enum status status = claim_and_ask(control, rule_name, &was_asked, &error);
    struct action action = {.resource_id = rule_name,
                            .action = ACTION_REEVALUATE,
                            .status = ACTION_FAILED,
                            .reason = error.message};
    if (status == STATUS_OK) {
        action.status = ACTION_DONE;
        action.reason =
            control->has_own_change ? STR("a mode was changed") : STR("a verdict or mode changed");
    } else if (status == STATUS_CONFLICT) {
        action.status = ACTION_SKIPPED;
        action.reason = was_asked                  ? STR("AWS Config is evaluating it already")
                        : is_for_verdicts(control) ? STR("asked for less than a minute ago")
                                                   : STR("asked for less than 15 minutes ago");
    } else if (status == STATUS_NOT_FOUND && is_rule_of_another_account(control)) {
        action.status = ACTION_SKIPPED;
        action.reason = STR("the member account has no rule of this name: an organization rule has "
                            "another one there, and its own schedule");
        status = STATUS_CONFLICT;
    }
    bool is_settled = status == STATUS_OK || status == STATUS_CONFLICT;
    action_add(control, &action, is_settled ? NULL : &error);
    return is_settled;
}
