/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking AWS Config to evaluate its rule anew.
 */
#include "aws/config.h"
#include "control_internal.h"
#include "table/records.h"

/* Organization rules have a name of their own in each member account, which nobody here knows. */
static bool is_rule_of_another_account(const struct control *control) {
    const struct guard *guard = control->guard;
    return !str_eq(guard->aws.credentials.access_key_id, guard->home.credentials.access_key_id);
}

/* Rules of several accounts may have the same name. */
static str claim_name(const struct control *control, str rule_name) {
    return is_rule_of_another_account(control)
               ? str_format(control->arena, "%" STR_FMT "@%" STR_FMT, STR_ARG(rule_name),
                            STR_ARG(control->guard->session.account_id))
               : rule_name;
}

/* Asks at most once a minute, in each account. An evaluation that could not be asked for is left to
 * whoever is next. */
static enum status claim_and_ask(struct control *control, str rule_name, struct error *error) {
    const struct guard *guard = control->guard;
    bool has_claim = !str_is_empty(control->table.name);
    str name = claim_name(control, rule_name);
    if (has_claim) {
        int64_t now_ms = guard->clock->now_ms(guard->clock);
        TRY(state_claim_reevaluation(&control->table, name, now_ms, control->arena, error));
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
                            .action = "reevaluate",
                            .status = "failed",
                            .reason = error.message};
    if (status == STATUS_OK) {
        action.status = "done";
        action.reason = STR("a verdict or mode changed");
    } else if (status == STATUS_CONFLICT) {
        action.status = "skipped";
        action.reason = STR("asked for less than a minute ago");
    } else if (status == STATUS_NOT_FOUND && is_rule_of_another_account(control)) {
        action.status = "skipped";
        action.reason = STR("the member account has no rule of this name: an organization rule has "
                            "another one there, and its own schedule");
        status = STATUS_CONFLICT;
    }
    bool is_settled = status == STATUS_OK || status == STATUS_CONFLICT;
    action_add(control, &action, is_settled ? NULL : &error);
    return is_settled;
}
