/* SPDX-License-Identifier: Apache-2.0 */
#include "app/audit.h"
#include "policy/recommend.h"
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

void fleet_row_copy(struct arena *arena, const struct load_balancer *facts,
                    const struct evaluation *evaluation, struct fleet_row *row_out) {
    struct evaluation *copy = &row_out->evaluation;
    *copy = *evaluation;
    str *const texts[] = {&copy->resource_type,    &copy->resource_id, &copy->reason,
                          &copy->required_because, &copy->owner,       &copy->exception_until,
                          &copy->source_note};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = str_copy(arena, *texts[i]);
    }
    for (size_t i = 0; i < copy->finding_count; i++) {
        copy->findings[i].subject = str_copy(arena, copy->findings[i].subject);
        copy->findings[i].message = str_copy(arena, copy->findings[i].message);
    }
    if (copy->advice != NULL) {
        struct advice *advice = ARENA_NEW(arena, struct advice);
        *advice = *copy->advice;
        advice->reason = str_copy(arena, advice->reason);
        copy->advice = advice;
    }
    struct load_balancer_arn parts;
    if (load_balancer_arn_parse(copy->resource_id, &parts) != STATUS_OK) {
        parts = (struct load_balancer_arn){.name = copy->resource_id};
    }
    row_out->account_id = parts.account_id;
    row_out->region = parts.region;
    row_out->name = parts.name;
    row_out->scheme = facts->scheme;
}
