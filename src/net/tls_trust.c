/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_trust_internal.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include "net/amazon_roots.h"

/* RSA and DH of 2048 bits, curves of 224 and SHA-224 at least, in every certificate of a chain.
 * OpenSSL's own default depends on its version and on who built it. */
#define SECURITY_LEVEL 2
/* Of all certificates of a server, which are read before any is trusted. AWS sends 6 KB; this has
 * room for a chain with post-quantum signatures. OpenSSL's own limit is 100 KB. */
#define CERTIFICATES_BYTES_MAX (24L * 1024)

/* A store of our own because of its price: measured with curl 7.88.1 and Debian's 144 roots, a
 * bundle given as bytes is parsed again for each new connection, 21 ms of a full core. This one is
 * parsed once, and each TLS context takes a reference. */
struct tls_trust {
    X509_STORE *store; /* NULL until first needed */
    bool is_warm;      /* a TLS context was made: providers and random generator are there */
};

/* Amazon Linux, Debian, Alpine and BSD, the hashed original of the first. */
static const char *const bundle_places[] = {
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
};

/* Without configuration file, error strings, cipher names and exit handler the start is cheaper.
 * Digests must stay: certificate verification looks them up by name and fails without. */
void tls_library_init(void) {
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                                  OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
                              NULL);
}

static void tls_trust_clean_up(void *ptr) {
    struct tls_trust *trust = ptr;
    X509_STORE_free(trust->store);
    trust->store = NULL;
}

/* All five, as Amazon Trust Services asks for: any AWS endpoint may chain to another of them
 * tomorrow, and pinning fewer is not supported (https://www.amazontrust.com/repository/). */
static X509_STORE *amazon_store(void) {
    X509_STORE *store = X509_STORE_new();
    bool is_whole = store != NULL;
    for (size_t i = 0; is_whole && i < AMAZON_ROOT_COUNT; i++) {
        const unsigned char *der = amazon_roots[i].der;
        X509 *certificate = d2i_X509(NULL, &der, (long)amazon_roots[i].der_len);
        is_whole = certificate != NULL && X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
    }
    if (!is_whole) {
        X509_STORE_free(store);
        return NULL;
    }
    return store;
}

static const char *bundle_path(struct arena *arena, const struct http_curl_options *options) {
    if (!str_is_empty(options->bundle_path)) {
        bool has_nul = str_find_char(options->bundle_path, '\0') < options->bundle_path.len;
        return has_nul ? NULL : str_to_cstr(arena, options->bundle_path);
    }
    for (size_t i = 0; i < sizeof(bundle_places) / sizeof(bundle_places[0]); i++) {
        if (access(bundle_places[i], R_OK) == 0) {
            return bundle_places[i];
        }
    }
    return NULL;
}

/* An intermediate or a server's own certificate in a customer's bundle is trusted as it stands,
 * as curl and the AWS command line do it. */
static X509_STORE *file_store(const char *path) {
    X509_STORE *store = X509_STORE_new();
    bool is_loaded = store != NULL && X509_STORE_load_file(store, path) == 1 &&
                     X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    ERR_clear_error();
    if (!is_loaded) {
        X509_STORE_free(store);
        return NULL;
    }
    return store;
}

static enum status load_bundle(struct tls_trust *trust, struct arena *arena,
                               const struct http_curl_options *options, struct error *error) {
    const char *path = bundle_path(arena, options);
    if (path == NULL) {
        return error_set(error, arena, STATUS_CONFIGURATION,
                         "no CA bundle in any of the system's places");
    }
    trust->store = file_store(path);
    if (trust->store == NULL) {
        return error_set(
            error, arena, STATUS_CONFIGURATION,
            "CA bundle %s%s%" STR_FMT " cannot be read or holds no certificate", path,
            str_is_empty(options->bundle_path) ? "" : " of ",
            STR_ARG(str_is_empty(options->bundle_path) ? STR_EMPTY : options->bundle_origin));
    }
    return STATUS_OK;
}

enum status tls_trust_init(struct arena *arena, const struct http_curl_options *options,
                           struct tls_trust **trust_out, struct error *error) {
    ASSERT(options->trust != HTTP_TRUST_NONE);
    struct tls_trust *trust = ARENA_NEW(arena, struct tls_trust);
    arena_defer(arena, tls_trust_clean_up, trust);
    if (options->trust == HTTP_TRUST_BUNDLE_FILE) {
        TRY(load_bundle(trust, arena, options, error));
    }
    *trust_out = trust;
    return STATUS_OK;
}

/* Late, so that the warm-up can parse the roots while its first packets travel. */
static bool has_store(struct tls_trust *trust) {
    if (trust->store == NULL) {
        trust->store = amazon_store();
    }
    return trust->store != NULL;
}

bool tls_trust_apply(struct tls_trust *trust, void *ssl_ctx) {
    if (!has_store(trust)) {
        return false;
    }
    SSL_CTX_set1_cert_store(ssl_ctx, trust->store);
    SSL_CTX_set_security_level(ssl_ctx, SECURITY_LEVEL);
    SSL_CTX_set_max_cert_list(ssl_ctx, CERTIFICATES_BYTES_MAX);
    trust->is_warm = true;
    return true;
}

void tls_trust_warm_up(struct tls_trust *trust) {
    if (!trust->is_warm) {
        (void)RAND_status();
        (void)has_store(trust);
        SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
        trust->is_warm = true;
    }
}
