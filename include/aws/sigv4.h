/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Signature Version 4 (header signing). A pure function of request, credentials, scope and
 * time, apart from a cache of the day's derived key that the caller owns. Source of the rules:
 * "Create a signed AWS API request", IAM User Guide. The stages are public so that tests can
 * compare each with the published vectors.
 */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "aws/credentials.h"
#include "net/http.h"

#define SHA256_BYTES 32

struct sigv4_request {
    str method;
    str path;  /* as sent, starts with '/'; empty counts as "/" */
    str query; /* as sent, without '?'; empty when none; a space is "%20", '+' is a plus */
    /* What will be sent, Host included; any order, repeats allowed. */
    const struct http_header *headers;
    size_t header_count;
    str body;
    bool is_unsigned_payload;  /* UNSIGNED-PAYLOAD instead of the body's hash */
    bool signs_payload_header; /* adds x-amz-content-sha256 (S3 demands it) */
    bool keeps_path_as_is;     /* S3: path neither normalised nor encoded a second time */
    bool omits_session_token;  /* token is added after signing, not signed (some services; the test
                                  suite) */
};

struct sigv4_scope {
    str region;
    str service; /* signing name: "elasticloadbalancing", "config" */
};

/* The derived key of one (secret, day, region, service), kept by the caller; zero-initialised =
 * empty. */
struct sigv4_key_cache {
    bool is_set;
    unsigned char fingerprint[SHA256_BYTES]; /* of secret, day, region and service */
    unsigned char key[SHA256_BYTES];
};

/* Overwrites the key. */
void sigv4_key_cache_wipe(struct sigv4_key_cache *cache);

struct sigv4_result {
    /* To be added to the request: X-Amz-Date, X-Amz-Content-SHA256 and X-Amz-Security-Token where
     * due, Authorization last. In the arena, but for the token, which borrows the credentials. */
    struct http_header headers[4];
    size_t header_count;
    str canonical_request; /* for tests */
    str string_to_sign;    /* for tests */
    str signature;         /* 64 hex digits */
};

/* Signs at `time_ms` (wall clock corrected for skew). Never signed: user-agent, x-amzn-trace-id,
 * amz-sdk-*, expect, connection and the other headers that belong to one connection. `cache` may be
 * NULL. *result is untouched by a failure:
 * INVALID: no Host; a caller's own Authorization, X-Amz-Date, X-Amz-Security-Token or
 *   X-Amz-Content-SHA256; a method or header name that is no token; NUL or '#' in path or query,
 *   '?' in the path, a line end in one that is kept; credentials or a scope that cannot stand in a
 *   header; a time outside the years 1970 to 9999.
 * TOO_LARGE: target and headers of more than 256 KiB. */
MUST_USE enum status sigv4_sign(const struct sigv4_request *request,
                                const struct aws_credentials *credentials,
                                const struct sigv4_scope *scope, int64_t time_ms,
                                struct sigv4_key_cache *cache, struct arena *arena,
                                struct sigv4_result *result);

/* Lower-case hex SHA-256 of `data`, in the arena. */
str sha256_hex(struct arena *arena, str data);

#endif
