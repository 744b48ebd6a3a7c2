/* SPDX-License-Identifier: Apache-2.0
 *
 * The actions of an invocation, and the first that failed: the floor of the control loop.
 */
#include "control/control.h"
#include "control_internal.h"

bool act_is_on(const struct app *app) {
    const struct act_settings *settings = &app->settings.act;
    return settings->enforcement.enforcement != ENFORCEMENT_OFF ||
           !str_is_empty(settings->state_table);
}

/* Lambda's id of the invocation is the same in its repeats; on the command line nothing is
 * repeated, and two runs at once are two writers. */
static str writer_name(const struct app *app, struct arena *arena) {
    if (!str_is_empty(app->log->request_id)) {
        return app->log->request_id;
    }
    return str_format(arena, "command-line-%016llx", (unsigned long long)app->home.random_state);
}

void act_begin(struct act *act, struct app *app, const struct policy *policy, struct arena *keep) {
    *act = (struct act){
        .app = app,
        .policy = policy,
        .keep = keep,
        .arena = keep,
        .table = {.client = &app->home,
                  .name = app->settings.act.state_table,
                  .writer = writer_name(app, keep)},
    };
}

void act_add(struct act *act, const struct action *action, const struct error *cause) {
    ARENA_RESERVE(act->keep, act->actions, act->action_count + 1, act->action_capacity);
    act->actions[act->action_count++] = (struct action){
        .resource_id = str_copy(act->keep, action->resource_id),
        .action = action->action,
        .status = action->status,
        .from = str_copy(act->keep, action->from),
        .to = str_copy(act->keep, action->to),
        .reason = str_copy(act->keep, action->reason),
        .ending = action->ending,
    };
    if (cause != NULL && act->first_failure.status == STATUS_OK) {
        error_copy(&act->first_failure, act->keep, cause);
    }
    if (cause != NULL) {
        act->failure_count++;
        act->last_failure = cause->status;
    }
    LOG(act->app->log, cause != NULL ? LOG_ERROR : LOG_INFO, "action",
        LOG_STR("resourceId", action->resource_id),
        LOG_STR("action", str_from_cstr(action->action)),
        LOG_STR("status", str_from_cstr(action->status)), LOG_STR("from", action->from),
        LOG_STR("to", action->to), LOG_STR("reason", action->reason));
}

void act_fail(struct act *act, str arn, const char *name, const struct error *cause) {
    const struct action action = {
        .resource_id = arn, .action = name, .status = "failed", .reason = cause->message};
    act_add(act, &action, cause);
}

const struct elb_caller *act_writer(const struct act *act, enum desync_mode mode) {
    bool is_theirs = mode != MODE_UNKNOWN && act->caller_mode == mode;
    return is_theirs ? act->caller : NULL;
}

struct correction act_correction(const struct act *act, int64_t at_ms) {
    struct correction correction = {
        .at_ms = at_ms, .from = MODE_MONITOR, .to = MODE_DEFENSIVE}; /* all that enforcement does */
    const struct elb_caller *writer = act_writer(act, correction.from);
    if (writer != NULL) {
        correction.writer_arn = writer->arn;
        correction.writer_invoked_by = writer->invoked_by;
        correction.writer_user_agent = writer->user_agent;
    }
    return correction;
}
