/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit.h"
#include "sweep_internal.h"

#define CALLER_MS 5000 /* nobody waits longer for a line that is nice to have */

enum status app_caller(struct guard *guard, struct arena *arena, struct sts_caller *caller_out,
                       struct error *error) {
    int64_t deadline_ms = guard->home.deadline_ms;
    guard->home.deadline_ms = guard_now_ms(guard) + CALLER_MS;
    enum status status = sts_get_caller(&guard->home, arena, caller_out, error);
    guard->home.deadline_ms = deadline_ms;
    return status;
}

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
