/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of events share: members of objects, and one reader for each family of events.
 */
#ifndef EVENT_EVENT_INTERNAL_H
#define EVENT_EVENT_INTERNAL_H

#include "event/event.h"

/* Every reader takes one first, and its result last: text goes to the arena, and what is wrong with
 * the event to the error, under the returned status. */
struct reader {
    struct arena *arena;
    struct error *error;
};

/* --- member.c --- */

/* INVALID with this message. */
__attribute__((format(printf, 2, 3))) enum status refuse_event(const struct reader *reader,
                                                               const char *format, ...);
/* The text for a message: in quotes, and of that many bytes at most. */
const char *quote(const struct reader *reader, str text, size_t bytes_max);

/* Member `key` of `object`. A member that differs in letter case only is refused: the sender meant
 * something we would not read. NULL with OK when there is none. */
MUST_USE enum status read_member(const struct reader *reader, const struct json *object,
                                 const char *key, const struct json **value_out);
/* The same for a string; absent and null give the empty str, another type is refused. */
MUST_USE enum status read_text(const struct reader *reader, const struct json *object,
                               const char *key, str *text_out);
/* The same for the name of a Region. */
MUST_USE enum status read_region(const struct reader *reader, const struct json *object,
                                 const char *key, str *region_out);
/* The same for an ISO 8601 time; 0 when it is absent. */
MUST_USE enum status read_time(const struct reader *reader, const struct json *object,
                               const char *key, int64_t *ms_out);
/* Refuses what is neither empty nor the name of a Region; `where` is the subject of the message. */
MUST_USE enum status check_region(const struct reader *reader, const char *where, str region);
/* The value of one of the words, which end with a text of NULL; else that one's value. `value` is
 * an enumerator; the last row's is that of an unknown text. */
struct word {
    const char *text;
    int value;
};
int find_word(const struct word *words, str text);
/* The value itself, or the parsed text when it is a string that holds JSON. NULL when that cannot
 * be parsed. */
const struct json *parse_embedded(const struct json *value, struct arena *arena);

/* --- config_item.c --- */

/* A configuration item of either dialect: the rule event's (objects and lists) and that of
 * GetResourceConfigHistory (JSON strings at every level, other key casing). Nonsense in the facts
 * leaves them unknown; INVALID only where the item cannot even be named (resourceType, resourceId,
 * its ARN). */
MUST_USE enum status read_config_item(const struct reader *reader, const struct json *item,
                                      bool is_proactive, struct config_item *item_out);

/* --- cloudtrail_call.c --- */

/* "AWS API Call via CloudTrail" by its detail-type. */
bool is_cloudtrail_call(const struct json *event);
/* INVALID when it cannot be understood; a call that is not ours to act on is OK and says why. */
MUST_USE enum status read_cloudtrail_call(const struct reader *reader, const struct json *event,
                                          struct elb_call *call);

/* --- s3_object.c --- */

/* An event of S3 about objects: through EventBridge, from S3 itself, or in messages of SQS that
 * hold either. */
bool is_s3_event(const struct json *event);
/* INVALID names the member; for a message in a queue it is the message's `problem` instead. */
MUST_USE enum status read_s3_event(const struct reader *reader, const struct json *event,
                                   struct log_delivery *delivery);

#endif
