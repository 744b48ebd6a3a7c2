/* SPDX-License-Identifier: Apache-2.0
 *
 * What the use cases share.
 */
#ifndef APP_INTERNAL_H
#define APP_INTERNAL_H

#include "app/app.h"
#include "aws/config.h"
#include "control/control.h"
#include "policy/posture.h"
#include "table/traffic_days.h"
#include "table/watch_records.h"

/* A response of a synchronous invocation may hold 6 MiB. */
#define RESPONSE_BYTES_MAX ((size_t)6 * 1024 * 1024)

/* The reason of a verdict on a load balancer that AWS does not find. */
#define GONE_REASON "does not exist any more"

/* --- the use cases, one for each trigger, each in the file of its name; handle.c calls them --- */

void on_config_item(struct guard *guard, const struct config_invocation *invocation,
                    struct arena *arena, struct app_reply *reply);
void on_elb_call(struct guard *guard, const struct elb_call *call, struct arena *arena,
                 struct app_reply *reply);
void on_watch(struct guard *guard, struct arena *arena, struct app_reply *reply);
void count_logs(struct guard *guard, const struct log_delivery *delivery, struct arena *arena,
                struct app_reply *reply);
void sweep_handle(struct guard *guard, const struct config_invocation *invocation,
                  struct arena *arena, struct app_reply *reply);
void publish_report(struct guard *guard, struct arena *arena, struct app_reply *reply);

/* --- log_object_read.c: one access-log object, from its key to counts an hour --- */

/* The load balancer whose log the object is, and when it was delivered, by its key. false: it is
 * not ours to count, and *why_out says what it is. */
bool log_object_is_access_log(str key, struct arena *arena, struct log_traffic *traffic_out,
                              str *why_out);

/* Reads and counts the whole object in bounded memory. A damaged or foreign one is OK. NOT_FOUND,
 * CONFLICT (replaced meanwhile) and the other failures of a call; TOO_LARGE: more hours than fit.
 */
MUST_USE enum status log_object_read(struct aws_client *client, const struct log_object *object,
                                     struct arena *arena, struct log_traffic *traffic,
                                     struct error *error);

/* --- posture.c: how the watch over a change stands --- */

/* A promotion that held, or of which nothing is known, counts as reverted as soon as its mode is
 * read lower: the WATCH item says so only after the next complete sweep. `mode` is the one read
 * now. */
void change_join_watch(struct posture_change *change, const struct watch_record *record,
                       enum desync_mode mode, struct arena *arena);

/* --- reply.c: what the use cases have in common --- */

/* As AWS Config takes it; the annotation lives in `arena`. Not for COMPLIANCE_UNKNOWN. */
struct config_evaluation evaluation_to_config(const struct evaluation *evaluation,
                                              struct arena *arena);
/* One line per judgement. */
void evaluation_log(const struct guard *guard, const struct evaluation *evaluation);
/* The verdict after a failed live read: NOT_APPLICABLE when it is NOT_FOUND, else UNKNOWN. */
void evaluation_after_failed_read(struct evaluation *evaluation_out, str arn,
                                  const struct error *error);

/* The effective policy; NULL: it is invalid, and *reply says so. */
const struct policy *policy_or_reply(const struct guard *guard, const struct json *rule_parameters,
                                     struct arena *arena, struct app_reply *reply);
void reply_error(struct app_reply *reply, enum error_type error, str message);
/* Begins the response of an invocation that judges. */
void reply_begin(struct response *response, struct arena *arena);
/* Ends it: ERROR_ACTION_FAILED if an action failed. `report` may be NULL. */
void reply_end(struct response *response, const struct control *control,
               const struct config_report *report, struct app_reply *reply);
/* Says, in the log and as an action, that the rule's policy is not the function's own, so that its
 * verdicts are reported and nothing else is done. */
void reply_skip_other_policy(struct control *control, const struct config_invocation *invocation);
/* The members that every response has, of an invocation that judges nothing. */
void reply_write_nothing_judged(struct json_writer *writer);
/* Logs that a part of the program is off because a variable is not set. */
void log_off(const struct guard *guard, str part, str reason);

#endif
