/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: in any 60 minutes no more than MAX_CHANGES_PER_HOUR modes of an account and Region
 * are raised, enforcement and promotion together, over all copies, triggers and repeats. A change
 * is taken before its request is sent, and given back only when it certainly was not made. A
 * rollback is neither refused nor counted.
 */
#include "control_internal.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)

enum status change_take(struct control *control, str arn, struct budget_change *taken,
                        struct error *error) {
    int64_t now_ms = guard_now_ms(control->guard);
    if (taken->at_ms != 0 && now_ms < taken->at_ms + BUDGET_SENT_WITHIN_MS) {
        return STATUS_OK;
    }
    *taken = (struct budget_change){
        .arn = arn,
        .max = control->guard->settings.control.enforcement.max_changes_per_hour,
        .at_ms = now_ms};
    enum status status = change_is_spent(control)
                             ? STATUS_CONFLICT
                             : budget_take_change(&control->table, taken, control->arena, error);
    control->changes_free_ms = status == STATUS_CONFLICT && taken->free_ms != 0
                                   ? taken->free_ms
                                   : control->changes_free_ms;
    taken->at_ms = status == STATUS_OK ? now_ms : 0;
    return status;
}

void change_return(struct control *control, struct budget_change *taken) {
    struct error error = {0};
    if (taken->at_ms != 0 &&
        budget_return_change(&control->table, taken, control->arena, &error) != STATUS_OK) {
        LOG(control->guard->log, LOG_WARN, "change_not_returned", LOG_STR("resourceId", taken->arn),
            LOG_STR("reason", STR("it was not made, and counts in MAX_CHANGES_PER_HOUR")),
            LOG_STR("errorMessage", error.message));
    }
    taken->at_ms = 0;
}

bool change_is_spent(const struct control *control) {
    return control->changes_free_ms > guard_now_ms(control->guard);
}

str change_spent_reason(const struct control *control) {
    int max = control->guard->settings.control.enforcement.max_changes_per_hour;
    if (control->changes_free_ms == INT64_MAX) {
        return STR("MAX_CHANGES_PER_HOUR is 0");
    }
    str time = time_format_iso8601(control->keep, control->changes_free_ms + MS_PER_MINUTE - 1);
    return str_format(control->keep,
                      "MAX_CHANGES_PER_HOUR (%d) is reached; the next is free at %" STR_FMT "Z",
                      max, STR_ARG(str_slice(time, 11, 16)));
}
