/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the guard layer share: the use cases, one for each trigger.
 */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "app/app.h"
#include "aws/config.h"
#include "event/event.h"
#include "policy/evaluate.h"

/* Config re-sends old items; one captured longer ago than this is read live (product contract,
 * section 8). */
#define ITEM_AGE_MAX_MS (15 * 60 * MS_PER_SECOND)

/* A response of a synchronous invocation may hold 6 MiB. */
#define RESPONSE_BYTES_MAX ((size_t)6 * 1024 * 1024)

/* A sweep: judges every load balancer of the Region, reports, and sets those that vanished
 * NOT_APPLICABLE. */
void sweep_handle(struct guard *guard, const struct config_invocation *invocation,
                  struct arena *arena, struct app_reply *reply);

/* Looks after the promotions that are being watched: see watch_run.c. */
void watch_handle(struct guard *guard, struct arena *arena, struct app_reply *reply);

/* The posture report: see posture_publish.c. */
void report_handle(struct guard *guard, struct arena *arena, struct app_reply *reply);

/* A call to Elastic Load Balancing: see elb_call.c. */
void elb_call_handle(struct guard *guard, const struct elb_call *call, struct arena *arena,
                     struct app_reply *reply);

/* Counts what is in access logs: see log_object.c. */
void log_objects_handle(struct guard *guard, const struct log_delivery *delivery,
                        struct arena *arena, struct app_reply *reply);

/* The Config rule: judges the item, reading live what it does not say, and reports. */
void config_rule_handle(struct guard *guard, const struct config_invocation *invocation,
                        struct arena *arena, struct app_reply *reply);

/* The error types of a reply, in the form the Runtime API accepts. */
#define ERROR_INVALID_EVENT     "Function.InvalidEvent"
#define ERROR_INVALID_PARAMETER "Function.InvalidParameter"
#define ERROR_VERDICT_UNKNOWN   "Function.VerdictUnknown"
#define ERROR_REPORT_FAILED     "Function.ReportFailed"
#define ERROR_SWEEP_INCOMPLETE  "Function.SweepIncomplete"
#define ERROR_ACTION_FAILED     "Function.ActionFailed"
#define ERROR_ACCESS_DENIED     "Function.AccessDenied"
#define ERROR_NOT_COUNTED       "Function.NotCounted"

/* What AWS Config is told; the annotation lives in `arena`. Not for COMPLIANCE_UNKNOWN. */
struct config_evaluation evaluation_to_config(const struct evaluation *evaluation,
                                              struct arena *arena);
/* One line per judgement. */
void evaluation_log(const struct guard *guard, const struct evaluation *evaluation);

void reply_error(struct app_reply *reply, const char *error_type, str message);

#endif
