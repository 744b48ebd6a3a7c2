/* SPDX-License-Identifier: Apache-2.0
 *
 * Certification authorities and server certificates made at run time, for TLS tests.
 */
#ifndef TESTS_CERTIFICATES_H
#define TESTS_CERTIFICATES_H

#include <openssl/ssl.h>

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

void authority_init(struct authority *authority, const char *name);
void authority_clean_up(struct authority *authority);
/* Its certificate as a PEM file of that name. */
void authority_write(const struct authority *authority, const char *path);

/* A server's context with a certificate of this authority for `subject` ("IP:127.0.0.1",
 * "DNS:example.com"), valid until `seconds_left` from now (negative: it has expired). To be freed
 * with SSL_CTX_free. */
SSL_CTX *authority_server(const struct authority *authority, const char *subject,
                          long seconds_left);

#endif
