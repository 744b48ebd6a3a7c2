/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical form of a request, the text that is hashed and signed. Pure: no cryptography, no
 * time. Used by sigv4.c and its tests only.
 */
#ifndef AWS_SIGV4_INTERNAL_H
#define AWS_SIGV4_INTERNAL_H

#include "aws/sigv4.h"

struct canonical_input {
    const struct sigv4_request *request;
    const struct http_header *added; /* what signing adds and signs; trusted */
    size_t added_count;
    str payload_hash; /* hex, or UNSIGNED-PAYLOAD */
};

struct canonical_output {
    str text;           /* the canonical request */
    str signed_headers; /* "host;x-amz-date" */
};

/* INVALID for a request that no server would read as it was signed: no Host, a header that signing
 * itself adds, a name that is no token, NUL bytes, a path that holds '?' or '#' or starts with no
 * '/'. TOO_LARGE above CANONICAL_BYTES_MAX. Results live in `arena`. */
MUST_USE enum status canonical_request_build(const struct canonical_input *input,
                                             struct arena *arena, struct canonical_output *output);

/* Of method, path, query and all headers together. Servers take some 16 KiB of it; the rest is
 * room for tests. */
#define CANONICAL_BYTES_MAX ((size_t)256 * 1024)

#endif
