/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading and writing an object share.
 */
#ifndef AWS_S3_INTERNAL_H
#define AWS_S3_INTERNAL_H

#include "aws/s3.h"
#include "call_internal.h"

#define S3_TIMEOUT_MS 20000 /* of a piece, 4 MiB at 200 KB/s: the smallest function has more */

/* The request for an object without headers, body and parser. INVALID: a bucket, key or ETag that
 * cannot be one. */
MUST_USE enum status s3_request(const struct aws_client *client, const struct s3_object *object,
                                const char *operation, struct arena *arena,
                                struct aws_request *request_out, struct error *error);

/* Without the quotes around it. */
str s3_e_tag_bare(str e_tag);
/* If-Match: "<bare>" */
struct http_header s3_if_match(struct arena *arena, str bare);

#endif
