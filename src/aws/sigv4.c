/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own signer, because CURLOPT_AWS_SIGV4 of the curl that is built in gets too much wrong:
 * measured with 7.88.1 against a verifier, unsorted queries, repeated headers, headers of which one
 * begins like the other, and suppressed headers were refused. Fixes for it came until 8.21 (2026).
 *
 *   canonical request (sigv4_canonical.c)
 *          | SHA-256, hex
 *          v
 *   string to sign   AWS4-HMAC-SHA256
 *                    20261123T080000Z
 *                    20261123/eu-west-1/config/aws4_request          the credential scope
 *                    <hex of the hash>
 *
 *   signing key      HMAC("AWS4" secret, day) -> HMAC(.., region) -> HMAC(.., service)
 *                        -> HMAC(.., "aws4_request")             the same for a whole day: cached
 *
 *   signature        hex of HMAC(signing key, string to sign)
 */
#include "aws/sigv4.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "sigv4_internal.h"

#define ALGORITHM      "AWS4-HMAC-SHA256"
#define TERMINATOR     "aws4_request"
#define SECRET_PREFIX  "AWS4"
#define DAY_CHARACTERS 8 /* of "20261123T080000Z" */

/* Basic time has four digits for the year. */
#define TIME_MS_MAX INT64_C(253402300799999)

/* ---- hashing ----
 * OpenSSL fails here only without memory or without a SHA-256 provider; either way nothing can be
 * signed by this process, so both end it like exhausted memory does. */

static str hex_format(struct arena *arena, const unsigned char bytes[static SHA256_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, (size_t)2 * SHA256_BYTES);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return (str){text, (size_t)2 * SHA256_BYTES};
}

str sha256_hex(struct arena *arena, str data) {
    unsigned char digest[SHA256_BYTES];
    int done = EVP_Digest(data.ptr, data.len, digest, NULL, EVP_sha256(), NULL);
    ASSERT(done == 1);
    return hex_format(arena, digest);
}

/* One context for all HMACs of a signature: fetching the algorithm costs more than using it. */
static EVP_MAC_CTX *hmac_new(void) {
    char digest_name[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    ASSERT(algorithm != NULL); /* EVP_MAC_CTX_new would fall over it */
    EVP_MAC_CTX *hmac = EVP_MAC_CTX_new(algorithm);
    EVP_MAC_free(algorithm); /* the context holds its own reference */
    ASSERT(hmac != NULL);
    int done = EVP_MAC_CTX_set_params(hmac, params);
    ASSERT(done == 1);
    return hmac;
}

/* `out` may be where the key is. */
static void hmac_compute(EVP_MAC_CTX *hmac, const unsigned char *key, size_t key_len, str text,
                         unsigned char out[static SHA256_BYTES]) {
    size_t written = 0;
    int done = EVP_MAC_init(hmac, key, key_len, NULL) == 1 &&
               EVP_MAC_update(hmac, (const unsigned char *)text.ptr, text.len) == 1 &&
               EVP_MAC_final(hmac, out, &written, SHA256_BYTES) == 1;
    ASSERT(done && written == SHA256_BYTES);
}

/* ---- the signing key ---- */

struct signing {
    const struct sigv4_request *request;
    const struct aws_credentials *credentials;
    const struct sigv4_scope *scope;
    str time;             /* "20261123T080000Z" */
    str day;              /* "20261123" */
    str credential_scope; /* "20261123/eu-west-1/config/aws4_request" */
};

struct secret {
    unsigned char bytes[sizeof SECRET_PREFIX - 1 + CREDENTIALS_SECRET_BYTES_MAX];
    size_t len;
};

static void secret_init(struct secret *secret, str secret_access_key) {
    size_t prefix_len = sizeof SECRET_PREFIX - 1;
    ASSERT(secret_access_key.len <= CREDENTIALS_SECRET_BYTES_MAX);
    memcpy(secret->bytes, SECRET_PREFIX, prefix_len);
    memcpy(secret->bytes + prefix_len, secret_access_key.ptr, secret_access_key.len);
    secret->len = prefix_len + secret_access_key.len;
}

static void key_derive(EVP_MAC_CTX *hmac, const struct secret *secret,
                       const struct signing *signing, unsigned char key[static SHA256_BYTES]) {
    const str steps[] = {signing->scope->region, signing->scope->service, STR(TERMINATOR)};
    hmac_compute(hmac, secret->bytes, secret->len, signing->day, key);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        hmac_compute(hmac, key, SHA256_BYTES, steps[i], key);
    }
}

/* The fingerprint is keyed with the secret, so that it changes with it and reveals nothing of it.
 */
static void key_from_cache(EVP_MAC_CTX *hmac, const struct secret *secret,
                           const struct signing *signing, struct sigv4_key_cache *cache) {
    unsigned char fingerprint[SHA256_BYTES];
    hmac_compute(hmac, secret->bytes, secret->len, signing->credential_scope, fingerprint);
    if (cache->is_set && CRYPTO_memcmp(cache->fingerprint, fingerprint, SHA256_BYTES) == 0) {
        return;
    }
    key_derive(hmac, secret, signing, cache->key);
    memcpy(cache->fingerprint, fingerprint, SHA256_BYTES);
    cache->is_set = true;
}

void sigv4_key_cache_wipe(struct sigv4_key_cache *cache) {
    OPENSSL_cleanse(cache, sizeof *cache);
}

/* A signature costs six HMACs, and two with the cached key: the fingerprint and the signature
 * itself. */
static str signature_compute(const struct signing *signing, str string_to_sign,
                             struct sigv4_key_cache *cache, struct arena *arena) {
    struct secret secret;
    secret_init(&secret, signing->credentials->secret_access_key);
    EVP_MAC_CTX *hmac = hmac_new();
    struct sigv4_key_cache once = {0};
    struct sigv4_key_cache *keys = cache != NULL ? cache : &once;
    key_from_cache(hmac, &secret, signing, keys);
    unsigned char signature[SHA256_BYTES];
    hmac_compute(hmac, keys->key, SHA256_BYTES, string_to_sign, signature);
    EVP_MAC_CTX_free(hmac); /* wipes its key */
    sigv4_key_cache_wipe(&once);
    OPENSSL_cleanse(&secret, sizeof secret);
    return hex_format(arena, signature);
}

/* ---- what goes into it ---- */

/* Commas and slashes separate the parts of the Authorization header and of the scope. */
static bool is_scope_character(char c) {
    return ascii_is_graphic(c) && c != ',' && c != '/';
}

static bool is_scope_part(str text) {
    return text.len > 0 && ascii_has_only(text, is_scope_character);
}

static enum status check_signer(const struct aws_credentials *credentials,
                                const struct sigv4_scope *scope, int64_t time_ms) {
    size_t secret_len = credentials->secret_access_key.len;
    bool is_good = is_scope_part(credentials->access_key_id) && secret_len > 0 &&
                   secret_len <= CREDENTIALS_SECRET_BYTES_MAX &&
                   ascii_has_only(credentials->session_token, ascii_is_graphic) &&
                   is_scope_part(scope->region) && is_scope_part(scope->service) && time_ms >= 0 &&
                   time_ms <= TIME_MS_MAX;
    return is_good ? STATUS_OK : STATUS_INVALID;
}

static void header_put(struct sigv4_result *result, const char *name, str value) {
    ASSERT(result->header_count < sizeof result->headers / sizeof *result->headers);
    result->headers[result->header_count++] = (struct http_header){str_from_cstr(name), value};
}

/* All but Authorization, the token last. Returns how many of them are signed. Some services want
 * the token added after signing; none of those called here does. */
static size_t headers_add(const struct signing *signing, str payload_hash,
                          struct sigv4_result *result) {
    const struct sigv4_request *request = signing->request;
    header_put(result, "X-Amz-Date", signing->time);
    if (request->signs_payload_header || request->is_unsigned_payload) {
        header_put(result, "X-Amz-Content-SHA256", payload_hash);
    }
    size_t without_token = result->header_count;
    if (!str_is_empty(signing->credentials->session_token)) {
        header_put(result, "X-Amz-Security-Token", signing->credentials->session_token);
    }
    return request->omits_session_token ? without_token : result->header_count;
}

enum status sigv4_sign(const struct sigv4_request *request,
                       const struct aws_credentials *credentials, const struct sigv4_scope *scope,
                       int64_t time_ms, struct sigv4_key_cache *cache, struct arena *arena,
                       struct sigv4_result *result) {
    TRY(check_signer(credentials, scope, time_ms));
    struct signing signing = {.request = request, .credentials = credentials, .scope = scope};
    signing.time = time_format_basic(arena, time_ms);
    signing.day = str_slice(signing.time, 0, DAY_CHARACTERS);
    signing.credential_scope =
        str_format(arena, "%" STR_FMT "/%" STR_FMT "/%" STR_FMT "/" TERMINATOR,
                   STR_ARG(signing.day), STR_ARG(scope->region), STR_ARG(scope->service));
    struct sigv4_result signed_result = {0};
    struct canonical_output canonical = {0};
    str payload_hash =
        request->is_unsigned_payload ? STR("UNSIGNED-PAYLOAD") : sha256_hex(arena, request->body);
    const struct canonical_input input = {
        .request = request,
        .added_count = headers_add(&signing, payload_hash, &signed_result),
        .added = signed_result.headers,
        .payload_hash = payload_hash,
    };
    TRY(canonical_request_build(&input, arena, &canonical));
    signed_result.canonical_request = canonical.text;
    signed_result.string_to_sign = str_format(
        arena, ALGORITHM "\n%" STR_FMT "\n%" STR_FMT "\n%" STR_FMT, STR_ARG(signing.time),
        STR_ARG(signing.credential_scope), STR_ARG(sha256_hex(arena, canonical.text)));
    signed_result.signature =
        signature_compute(&signing, signed_result.string_to_sign, cache, arena);
    str authorization =
        str_format(arena,
                   ALGORITHM " Credential=%" STR_FMT "/%" STR_FMT ", SignedHeaders=%" STR_FMT
                             ", Signature=%" STR_FMT,
                   STR_ARG(credentials->access_key_id), STR_ARG(signing.credential_scope),
                   STR_ARG(canonical.signed_headers), STR_ARG(signed_result.signature));
    header_put(&signed_result, "Authorization", authorization);
    *result = signed_result;
    return STATUS_OK;
}
