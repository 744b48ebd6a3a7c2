/* SPDX-License-Identifier: Apache-2.0 */
#include "support/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_SECONDS (24L * 3600)

static void must(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "cannot set up: %s\n", what);
        abort();
    }
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(EVP_PKEY *key, const char *name, long serial, long seconds_left) {
    X509 *certificate = X509_new();
    must(certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1, "certificate");
    X509_NAME *subject = X509_get_subject_name(certificate);
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1, "serial");
    must(X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY_SECONDS) != NULL, "start");
    must(X509_gmtime_adj(X509_getm_notAfter(certificate), seconds_left) != NULL, "end");
    must(X509_set_pubkey(certificate, key) == 1, "key");
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0) == 1,
         "name");
    return certificate;
}

void authority_init(struct authority *authority, const char *name) {
    authority->key = EVP_EC_gen("P-256");
    must(authority->key != NULL, "EVP_EC_gen");
    X509 *certificate = new_certificate(authority->key, name, 1, DAY_SECONDS);
    authority->certificate = certificate;
    must(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1, "issuer");
    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
    must(X509_sign(certificate, authority->key, EVP_sha256()) > 0, "sign");
}

void authority_clean_up(struct authority *authority) {
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

void authority_write(const struct authority *authority, const char *path) {
    FILE *file = fopen(path, "w");
    must(file != NULL && PEM_write_X509(file, authority->certificate) == 1 && fclose(file) == 0,
         path);
}

SSL_CTX *authority_server(const struct authority *authority, const char *subject,
                          long seconds_left) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    must(key != NULL, "EVP_EC_gen");
    X509 *certificate = new_certificate(key, "server", 2, seconds_left);
    must(X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate)) == 1,
         "issuer");
    add_extension(certificate, authority->certificate, NID_subject_alt_name, subject);
    must(X509_sign(certificate, authority->key, EVP_sha256()) > 0, "sign");
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    must(context != NULL && SSL_CTX_use_certificate(context, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(context, key) == 1,
         "server context");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}
