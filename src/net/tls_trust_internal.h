/* SPDX-License-Identifier: Apache-2.0
 *
 * The roots that a TLS client trusts: one store, parsed once and shared by every
 * connection (curl would parse its bundle again for each). The library underneath (OpenSSL) is seen
 * by net/tls_trust.c alone; a TLS context is therefore a void pointer here.
 */
#ifndef NET_TLS_TRUST_INTERNAL_H
#define NET_TLS_TRUST_INTERNAL_H

#include "net/http_curl.h"

struct tls_trust;

/* Once before anything else of OpenSSL or curl runs in the process; again does nothing. */
void tls_library_init(void);

/* `trust` is not HTTP_TRUST_NONE. A bundle file is read here, so that a wrong one is a
 * CONFIGURATION error at start and not a failing call later; Amazon's roots are parsed at first
 * use. Released with `arena`. */
MUST_USE enum status tls_trust_init(struct arena *arena, const struct http_curl_options *options,
                                    struct tls_trust **trust_out, struct error *error);

/* Makes the connection's context (SSL_CTX *) verify against the store and nothing else. */
bool tls_trust_apply(struct tls_trust *trust, void *ssl_ctx);

/* Does what the first connection would have to do: providers, random generator, store. Nothing when
 * there was one already. */
void tls_trust_warm_up(struct tls_trust *trust);

#endif
