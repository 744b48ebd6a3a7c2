/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program does with one event, independent of how the event came (Lambda or the command
 * line). decode -> gather -> evaluate -> report -> control.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "control/accounts.h"
#include "control/guard.h"
#include "report/render.h"

/* CONFIGURATION: *error names the variable and what is accepted. Checks the policy variables too.
 */
MUST_USE enum status guard_settings_parse(const struct env *env, struct arena *arena,
                                          struct guard_settings *settings_out, struct error *error);

/* Gives the guard its AWS client: credentials, endpoints and retries from the environment.
 * CONFIGURATION names the variable. `settings` must be parsed. Nothing is sent yet. */
MUST_USE enum status app_connect(struct guard *guard, struct transport *transport,
                                 struct arena *arena, struct error *error);

/* Endpoints that INIT should connect to, for http_curl_warm_up: those every invocation needs.
 * Returns how many of the four are filled; text in `arena`. */
size_t app_warm_up_urls(const struct guard *guard, struct arena *arena, str urls[static 4]);

/* Why an invocation failed, and the error type in the form that the Runtime API accepts. */
#define ERROR_TYPE_MAP(X)                                                                          \
    X(ERROR_NONE, "")                                                                              \
    X(ERROR_INVALID_EVENT, "Function.InvalidEvent")                                                \
    X(ERROR_INVALID_PARAMETER, "Function.InvalidParameter")                                        \
    X(ERROR_VERDICT_UNKNOWN, "Function.VerdictUnknown")                                            \
    X(ERROR_REPORT_FAILED, "Function.ReportFailed")                                                \
    X(ERROR_SWEEP_INCOMPLETE, "Function.SweepIncomplete")                                          \
    X(ERROR_ACTION_FAILED, "Function.ActionFailed")                                                \
    X(ERROR_ACCESS_DENIED, "Function.AccessDenied")                                                \
    X(ERROR_NOT_COUNTED, "Function.NotCounted")
/* The text goes into Lambda's errorType, where alarms and dead-letter queues can look for it;
 * Lambda accepts "Function." and a word of letters. */
enum error_type {
#define X(name, text) name,
    ERROR_TYPE_MAP(X)
#undef X
};

/* All text lives in the arena given to app_handle, or is static. */
struct app_reply {
    bool is_error;
    str body; /* response JSON, or empty on an error */
    enum error_type error;
    str error_type; /* its text */
    str error_message;
    /* of a sweep or a watch, for the command line; with is_error: as far as it came */
    const struct action *actions;
    size_t action_count;
    size_t judged_count;
};

/* Handles one event; never fails otherwise than by an error reply. `deadline_ms` wall clock,
 * INT64_MAX: none. */
void app_handle(struct guard *guard, str event, int64_t deadline_ms, struct arena *arena,
                struct app_reply *reply);

/* AWS says that our own credentials have expired. Those of a Lambda execution environment never
 * change, so that every further invocation would fail: the process should end and be replaced. */
bool app_has_expired(const struct guard *guard);

/* Judges from what is in the event, no network and no age limit on the item: the line `evaluate`
 * prints. A bad status (INVALID, INVALID_PARAMETER, ...) fills *error. */
MUST_USE enum status app_evaluate_offline(const struct guard *guard, str event, str file_name,
                                          struct arena *arena, str *line_out,
                                          enum compliance *compliance_out, struct error *error);

#endif
