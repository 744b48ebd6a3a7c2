/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks AWS Config to evaluate its rule anew: at most once a minute in an account, over all copies.
 */
#include "aws/config.h"
#include "control_internal.h"
#include "table/records.h"

/* Organization rules have another name in each member account, which is not known here. */
static bool is_rule_of_another_account(const struct control *control) {
    const struct guard *guard = control->guard;
    return !str_eq(guard->aws.credentials.access_key_id, guard->home.credentials.access_key_id);
}

/* Asks at most once a minute, in each account. If AWS Config refuses, the claim is released, and
 * the next invocation may ask. */
static enum status claim_and_ask(struct control *control, str rule_name, struct error *error) {
    const struct guard *guard = control->guard;
    bool has_claim = !str_is_empty(control->table.name);
    str name = rule_name;
    if (is_rule_of_another_account(control)) { /* it may have the same name there */
        name = str_format(control->arena, "%" STR_FMT "@%" STR_FMT, STR_ARG(rule_name),
                          STR_ARG(guard->session.account_id));
    }
    if (has_claim) {
        TRY(state_claim_reevaluation(&control->table, name, guard_now_ms(guard), control->arena,
                                     error));
    }
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

/* An evaluation that is running, or ran less than a minute ago, will have seen the change or will
 * be followed by Config's own: nothing is lost by not asking again. */
bool reevaluate(struct control *control) {
    str rule_name = control->guard->settings.control.config_rule_name;
    struct error error = {0};
    if (!control->has_new_verdict || str_is_empty(rule_name)) {
        return true;
    }
    enum status status = claim_and_ask(control, rule_name, &error);
    struct action action = {.resource_id = rule_name,
                            .action = ACTION_REEVALUATE,
                            .status = ACTION_FAILED,
                            .reason = error.message};
    if (status == STATUS_OK) {
        action.status = ACTION_DONE;
        action.reason = STR("a verdict or mode changed");
    } else if (status == STATUS_CONFLICT) {
        action.status = ACTION_SKIPPED;
        action.reason = STR("asked for less than a minute ago");
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
