/* SPDX-License-Identifier: Apache-2.0
 *
 * Which account and Region the clients reach, and the policy of one invocation.
 */
#ifndef CONTROL_ACCOUNTS_H
#define CONTROL_ACCOUNTS_H

#include "base/json.h"
#include "control/guard.h"

/* Points guard->aws at the account and Region (empty: our own). DENIED: not an allowed account, or
 * its role does not let us in. */
MUST_USE enum status accounts_select(struct guard *guard, str account_id, str region,
                                     struct arena *arena, struct error *error);

/* The last account of a run that could not be entered: it is not asked for again for each of its
 * load balancers. Text in the arena of the run. */
struct closed_account {
    str account_id; /* empty: none */
    struct error error;
};
/* accounts_select for the account and Region of a load balancer. INVALID: no ARN of one. */
MUST_USE enum status accounts_select_by_arn(struct guard *guard, str arn,
                                            struct closed_account *closed, struct arena *arena,
                                            struct error *error);

/* Whether guard->aws reaches the account of an event: without CROSS_ACCOUNT_ROLE our own only. Most
 * events are known to be ours without a call; an empty account is ours. */
MUST_USE enum status accounts_reach_event(struct guard *guard, str account_id, struct arena *arena,
                                          bool *reaches_out, struct error *error);
/* Our own account's id: as STS says, or as the ARN of the function does where STS cannot be
 * reached.
 */
MUST_USE enum status accounts_name_own(struct guard *guard, struct arena *arena,
                                       str *account_id_out, struct error *error);
/* Our own load balancers must not be reported under the token of another account's rule. DENIED: it
 * is another account's, and no role is set to enter it. */
MUST_USE enum status accounts_require(struct guard *guard, str account_id, struct arena *arena,
                                      struct error *error);
/* Our own account's id for a central function, which may be listed among those it may enter; empty
 * without CROSS_ACCOUNT_ROLE, where it has no others to enter. */
MUST_USE enum status accounts_own_id(struct guard *guard, struct arena *arena, str *account_id_out,
                                     struct error *error);

/* Environment and rule parameters together. */
MUST_USE enum status effective_policy(const struct guard *guard, const struct json *rule_parameters,
                                      struct arena *arena, struct policy *policy_out,
                                      struct error *error);

/* Known to be another account than our own. */
bool accounts_is_other(const struct guard *guard, str account_id);
/* It is another one, and was taken out of ALLOWED_ACCOUNTS; false without CROSS_ACCOUNT_ROLE, where
 * no account is listed for a reason. */
bool accounts_was_removed(const struct guard *guard, str account_id);

/* Whether a rule's policy is the function's own, that of the environment: API calls, schedules and
 * the watch know no other. Two policies that act on the same load balancers and their state would
 * undo each other, so that another one only judges and reports. */
bool is_own_policy(const struct guard *guard, const struct policy *policy, struct arena *arena);

#endif
