/* SPDX-License-Identifier: Apache-2.0
 *
 * What the decoders share: reading members, and one decoder for each family of events.
 */
#ifndef EVENT_EVENT_INTERNAL_H
#define EVENT_EVENT_INTERNAL_H

#include "event/event.h"

/* Member `key` of `object`. A member that differs in letter case only is refused as INVALID: the
 * sender meant something we would not read. NULL with OK when there is none. */
MUST_USE enum status decode_member(const struct json *object, const char *key, struct arena *arena,
                                   const struct json **value_out, struct error *error);
/* The same for a string; absent and null give the empty str, another type is INVALID. */
MUST_USE enum status decode_string_member(const struct json *object, const char *key,
                                          struct arena *arena, str *value_out, struct error *error);
/* The same for the name of a Region. */
MUST_USE enum status decode_region_member(const struct json *object, const char *key,
                                          struct arena *arena, str *region_out,
                                          struct error *error);
/* INVALID unless it is empty or the name of a Region; `where` names the member in the message. */
MUST_USE enum status decode_check_region(const char *where, str region, struct arena *arena,
                                         struct error *error);
/* The same for an ISO 8601 time; 0 when it is absent. */
MUST_USE enum status decode_time_member(const struct json *object, const char *key,
                                        struct arena *arena, int64_t *ms_out, struct error *error);
/* The value itself, or the parsed text when it is a string that holds JSON. NULL when that cannot
 * be parsed. */
const struct json *decode_embedded(const struct json *value, struct arena *arena);

/* "AWS API Call via CloudTrail" by its detail-type. */
bool is_elb_event(const struct json *event);
/* INVALID when it cannot be understood; a call that is not ours to act on is OK and says why. */
MUST_USE enum status decode_elb_event(const struct json *event, struct arena *arena,
                                      struct elb_call *call, struct error *error);

/* S3 tells of objects: through EventBridge, by itself, or in messages of SQS that hold either. */
bool is_log_event(const struct json *event);
/* INVALID names the member; of a message in a queue it is the message's `problem` instead. */
MUST_USE enum status decode_log_event(const struct json *event, struct arena *arena,
                                      struct log_delivery *delivery, struct error *error);

#endif
