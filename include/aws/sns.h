/* SPDX-License-Identifier: Apache-2.0
 *
 * Amazon Simple Notification Service, API 2010-03-31 (query protocol, XML): one message to one
 * topic. Source: Publish, "Amazon Simple Notification Service API Reference".
 */
#ifndef AWS_SNS_H
#define AWS_SNS_H

#include "aws/call.h"

#define SNS_SUBJECT_CHARACTERS_MAX 99     /* "less than 100" */
#define SNS_MESSAGE_BYTES_MAX      262144 /* text and attributes together */

struct sns_attribute {
    str name;
    str value; /* sent with the type String */
};

/* Borrows everything until sns_publish returns. */
struct sns_message {
    str topic_arn; /* of any Region; it is published there */
    str subject;   /* empty: none; one line, does not begin with a blank */
    str text;
    const struct sns_attribute *attributes;
    size_t attribute_count;
};

/* Publishes once or not at all, never twice: what cannot be repeated safely is not repeated.
 * INVALID or TOO_LARGE: nothing was sent. Another bad status: not published, unless
 * error->is_outcome_unknown, which says that nobody knows. The id lives in `arena`; NULL: not
 * wanted. */
MUST_USE enum status sns_publish(struct aws_client *client, const struct sns_message *message,
                                 struct arena *arena, str *message_id_out, struct error *error);

#endif
