/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit.h"
#include "sweep_internal.h"

enum status app_audit(struct guard *guard, str account_id, str region,
                      const struct audit_listener *listener, struct arena *arena,
                      struct error *error) {
    TRY(accounts_select(guard, account_id, region, arena, error));
    const struct config_invocation invocation = {.message = MESSAGE_SCHEDULED, .region = region};
    const struct sweep_options options = {
        .invocation = &invocation, .listener = listener, .is_audit = true, .arena = arena};
    struct app_reply reply = {0};
    sweep_run(guard, &options, &reply);
    /* An unknown verdict is an answer: it has a row of its own that says why. */
    return reply.error == ERROR_NONE || reply.error == ERROR_VERDICT_UNKNOWN
               ? STATUS_OK
               : error_set(error, arena, STATUS_INCOMPLETE, "%" STR_FMT,
                           STR_ARG(reply.error_message));
}
