/* SPDX-License-Identifier: Apache-2.0
 *
 * Which account and Region the clients reach, and the policy of one invocation.
 */
#ifndef CONTROL_ACCOUNTS_H
#define CONTROL_ACCOUNTS_H

#include "base/json.h"
#include "control/guard.h"

/* Points app->aws at the account and Region (empty: our own). DENIED: not an allowed account, or
 * its role does not let us in. */
MUST_USE enum status app_aim(
    struct app *app, str account_id, str region, struct arena *arena, struct error *error);

/* Whether app->aws, after app_aim for it, really reaches that account: without CROSS_ACCOUNT_ROLE
 * it reaches our own only. */
MUST_USE enum status app_aims_at(
    struct app *app, str account_id, struct arena *arena, bool *aims_out, struct error *error);

/* Our own account's id for a central function, which may be listed among those it may enter; empty
 * without CROSS_ACCOUNT_ROLE, where nobody needs to know. */
MUST_USE enum status app_own_account(struct app *app,
                                     struct arena *arena,
                                     str *account_id_out,
                                     struct error *error);

/* Environment and rule parameters together. */
MUST_USE enum status app_policy(const struct app *app,
                                const struct json *rule_parameters,
                                struct arena *arena,
                                struct policy *policy_out,
                                struct error *error);

#endif
