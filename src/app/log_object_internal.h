/* SPDX-License-Identifier: Apache-2.0
 *
 * One access-log object, from its key to counts a day.
 */
#ifndef LOG_OBJECT_INTERNAL_H
#define LOG_OBJECT_INTERNAL_H

#include "app_internal.h"
#include "table/traffic_days.h"

/* The load balancer whose log the object is, and when it was delivered, by its key. false: it is
 * not ours to count, and *why_out says what it is. */
bool log_object_is_access_log(str key, struct arena *arena, struct log_traffic *traffic_out,
                              str *why_out);

/* Reads and counts the whole object in bounded memory. A damaged or foreign one is OK. NOT_FOUND,
 * CONFLICT (replaced meanwhile) and the other failures of a call; TOO_LARGE: more days than fit. */
MUST_USE enum status log_object_read(struct aws_client *client, const struct log_object *object,
                                     struct arena *arena, struct log_traffic *traffic,
                                     struct error *error);

#endif
