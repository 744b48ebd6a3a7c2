/* SPDX-License-Identifier: Apache-2.0
 *
 * The actions of an invocation, and the first that failed: the floor of the control loop.
 * Guarantees: each action is logged at once, and kept for the reply in copies that live as long as
 * the invocation; the judgement that it came from may end before.
 */
#include "control/control.h"
#include "control_internal.h"

bool control_is_on(const struct guard *guard) {
    const struct control_settings *settings = &guard->settings.control;
    return settings->enforcement.enforcement != ENFORCEMENT_OFF ||
           !str_is_empty(settings->state_table);
}

void control_begin(struct control *control, struct guard *guard, const struct policy *policy,
                   struct arena *keep) {
    /* Lambda's id of the invocation is the same in its repeats; on the command line nothing is
     * repeated, and two runs at once are two writers. */
    str writer = guard->log->request_id;
    if (str_is_empty(writer)) {
        writer =
            str_format(keep, "command-line-%016llx", (unsigned long long)guard->home.random_state);
    }
    *control = (struct control){
        .guard = guard,
        .policy = policy,
        .keep = keep,
        .arena = keep,
        .table = {.client = &guard->home,
                  .name = guard->settings.control.state_table,
                  .writer = writer},
    };
}

void action_add(struct control *control, const struct action *action, const struct error *cause) {
    ARENA_RESERVE(control->keep, control->actions, control->action_count + 1,
                  control->action_capacity);
    control->actions[control->action_count++] = (struct action){
        .resource_id = str_copy(control->keep, action->resource_id),
        .action = action->action,
        .status = action->status,
        .from = str_copy(control->keep, action->from),
        .to = str_copy(control->keep, action->to),
        .reason = str_copy(control->keep, action->reason),
        .ending = action->ending,
    };
    if (action->severe != NULL) {
        struct severe_share *severe = ARENA_NEW(control->keep, struct severe_share);
        *severe = *action->severe;
        control->actions[control->action_count - 1].severe = severe;
    }
    if (cause != NULL && control->first_failure.status == STATUS_OK) {
        error_copy(&control->first_failure, control->keep, cause);
    }
    if (cause != NULL) {
        control->failure_count++;
        control->last_failure = cause->status;
    }
    LOG(control->guard->log, cause != NULL ? LOG_ERROR : LOG_INFO, "action",
        LOG_STR("resourceId", action->resource_id),
        LOG_STR("action", str_from_cstr(action_kind_name(action->action))),
        LOG_STR("status", str_from_cstr(action_status_name(action->status))),
        LOG_STR("from", action->from), LOG_STR("to", action->to),
        LOG_STR("reason", action->reason));
}

void action_add_failure(struct control *control, str arn, enum action_kind kind,
                        const struct error *cause) {
    const struct action action = {
        .resource_id = arn, .action = kind, .status = ACTION_FAILED, .reason = cause->message};
    action_add(control, &action, cause);
}

const struct writer *control_writer(const struct control *control, enum desync_mode mode) {
    bool is_theirs = mode != MODE_UNKNOWN && control->caller_mode == mode;
    return is_theirs ? control->caller : NULL;
}

/* A caller that only pretends to be us has its repair counted as ours, and gains nothing else. */
int64_t control_set_by_other_ms(const struct control *control, enum desync_mode mode) {
    const struct writer *writer = control_writer(control, mode);
    bool is_ours = writer != NULL && str_starts_with(writer->user_agent, STR("desync-guard/"));
    return writer != NULL && !is_ours ? control->event_ms : 0;
}

struct correction control_correction(const struct control *control, int64_t at_ms) {
    struct correction correction = {
        .at_ms = at_ms, .from = MODE_MONITOR, .to = MODE_DEFENSIVE}; /* all that enforcement does */
    const struct writer *writer = control_writer(control, correction.from);
    if (writer != NULL) {
        correction.writer = *writer;
    }
    return correction;
}
