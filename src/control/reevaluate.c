/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking AWS Config to evaluate its rule anew.
 */
#include "aws/config.h"
#include "control_internal.h"
#include "table/records.h"

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
