/* SPDX-License-Identifier: Apache-2.0
 *
 * Amazon S3, API 2006-03-01: objects read in ranges and written whole. Source: "Amazon S3 API
 * Reference", GetObject and PutObject. Keys are percent-encoded once; buckets are addressed in the
 * path where their name cannot stand in a host (a dot) or an endpoint is overridden, else in the
 * host. Encryption is left to the bucket's own default.
 *
 * What is common to both: NOT_FOUND: no such object or bucket (the message says which). DENIED:
 * also for an object that is not there, when s3:ListBucket is not granted. REFUSED with a message
 * that names the Region: the bucket is in another one. INVALID: nothing was sent.
 */
#ifndef AWS_S3_H
#define AWS_S3_H

#include "aws/call.h"

#define S3_KEY_BYTES_MAX 1024

struct s3_object {
    str region; /* of the bucket; empty: the client's */
    str bucket;
    str key;   /* decoded: "a b+c", not "a+b%2Bc" */
    str e_tag; /* If-Match, with or without its quotes; empty: whichever there is */
    str owner; /* account that the bucket must be of, else DENIED; empty: of any */
};

/* The next piece of the object, never an empty one; a bad status ends the reading. */
struct s3_sink {
    void *context;
    enum status (*take)(void *context, str piece, struct error *error);
};

#define S3_PIECE_BYTES ((size_t)4 * 1024 * 1024)

/* The whole object, range by range, each retried on its own, so that a connection that breaks costs
 * one range. All pieces are of one version (If-Match from the first answer on). CONFLICT: it was
 * replaced meanwhile, or is not the one of `e_tag`; or what `take` returned. The pieces live as
 * long as the call of `take`. *e_tag_out (may be NULL) without its quotes, in `arena`. */
MUST_USE enum status s3_get_object(struct aws_client *client, const struct s3_object *object,
                                   const struct s3_sink *sink, struct arena *arena, str *e_tag_out,
                                   struct error *error);

/* Writes the whole object, with a checksum that S3 holds it against and keeps. `content_type` as
 * "text/html; charset=utf-8". With an `e_tag`: only in the place of that version, else CONFLICT
 * (which, when error->is_outcome_unknown, may be this call's own work). */
MUST_USE enum status s3_put_object(struct aws_client *client, const struct s3_object *object,
                                   const char *content_type, str body, struct arena *arena,
                                   struct error *error);

#endif
