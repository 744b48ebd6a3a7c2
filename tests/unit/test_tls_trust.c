/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom the curl transport believes: handshakes with authorities and servers made here.
 */
#include "http_world.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "net/amazon_roots.h"
#include "support/certificates.h"

#define DAY_SECONDS (24L * 3600)

static const struct script_answer always_ok[] = {{.bytes = OK_BYTES, .is_repeated = true}};
static const struct script_connection always[] = {{always_ok, COUNT(always_ok)}};

/* Made once: the authority our bundle holds, and one that it does not. */
struct trust_world {
    struct authority ours;
    struct authority other;
    char bundle_path[64];
};

static int open_trust(void **state) {
    static struct trust_world trust;
    authority_init(&trust.ours, "Test Root");
    authority_init(&trust.other, "Other Root");
    snprintf(trust.bundle_path, sizeof(trust.bundle_path), "/tmp/desync-guard-ca-XXXXXX");
    int fd = mkstemp(trust.bundle_path);
    if (fd < 0 || close(fd) != 0) {
        return -1;
    }
    authority_write(&trust.ours, trust.bundle_path);
    *state = &trust;
    return 0;
}

static int close_trust(void **state) {
    struct trust_world *trust = *state;
    authority_clean_up(&trust->ours);
    authority_clean_up(&trust->other);
    return unlink(trust->bundle_path);
}

static enum status init_with(struct world *world, enum http_trust trust, str bundle_path,
                             bool allows_plain_http) {
    const struct http_curl_options options = {.trust = trust,
                                              .bundle_path = bundle_path,
                                              .user_agent = STR("test/1"),
                                              .allows_plain_http = allows_plain_http};
    return http_curl_init(&world->arena, clock_system(), &options, &world->transport,
                          &world->error);
}

/* A server with that context, and a transport that trusts the bundle. */
static void tls_open(struct world *world, const struct trust_world *trust, SSL_CTX *server) {
    world_open(world, always, COUNT(always));
    script_server_stop(&world->server);
    script_server_start(&world->server, always, COUNT(always), server);
    assert_int_equal(
        init_with(world, HTTP_TRUST_BUNDLE_FILE, str_from_cstr(trust->bundle_path), false),
        STATUS_OK);
}

static enum status get_tls(struct world *world, const char *host) {
    struct http_request request = to(world, "GET", "/");
    request.url = str_format(&world->arena, "https://%s:%d/", host, world->server.port);
    return send_it(world, &request);
}

enum tls_fault { TLS_FINE, TLS_UNKNOWN_AUTHORITY, TLS_ONLY_1_1, TLS_ONLY_1_2 };

struct tls_row {
    const char *name;
    const char *subject;
    long seconds_left;
    enum tls_fault fault;
    enum status status;
};

static const struct tls_row tls_rows[] = {
    {"good", "IP:127.0.0.1", DAY_SECONDS, TLS_FINE, STATUS_OK},
    {"good, TLS 1.2", "IP:127.0.0.1", DAY_SECONDS, TLS_ONLY_1_2, STATUS_OK},
    {"other address", "IP:127.0.0.2", DAY_SECONDS, TLS_FINE, STATUS_TLS},
    {"a name, no address", "DNS:example.com", DAY_SECONDS, TLS_FINE, STATUS_TLS},
    {"expired", "IP:127.0.0.1", -DAY_SECONDS, TLS_FINE, STATUS_TLS},
    {"unknown authority", "IP:127.0.0.1", DAY_SECONDS, TLS_UNKNOWN_AUTHORITY, STATUS_TLS},
    {"TLS 1.1", "IP:127.0.0.1", DAY_SECONDS, TLS_ONLY_1_1, STATUS_TLS},
};

static SSL_CTX *server_of(const struct trust_world *trust, const struct tls_row *row) {
    const struct authority *issuer =
        row->fault == TLS_UNKNOWN_AUTHORITY ? &trust->other : &trust->ours;
    SSL_CTX *server = authority_server(issuer, row->subject, row->seconds_left);
    if (row->fault == TLS_ONLY_1_1) {
        SSL_CTX_set_security_level(server, 0); /* OpenSSL itself would not speak it else */
        SSL_CTX_set_max_proto_version(server, TLS1_1_VERSION);
    } else if (row->fault == TLS_ONLY_1_2) {
        SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
    }
    return server;
}

static void only_a_valid_certificate_of_a_trusted_authority_is_accepted(void **state) {
    const struct trust_world *trust = *state;
    for (size_t i = 0; i < COUNT(tls_rows); i++) {
        const struct tls_row *row = &tls_rows[i];
        SSL_CTX *server = server_of(trust, row);
        struct world world;
        tls_open(&world, trust, server);
        enum status status = get_tls(&world, "127.0.0.1");
        size_t requests = script_server_requests(&world.server);
        if (status != row->status || requests != (row->status == STATUS_OK ? 1U : 0U)) {
            fail_msg("%s: %s (%" STR_FMT ")", row->name, status_name(status),
                     STR_ARG(world.error.message));
        }
        world_close(&world);
        SSL_CTX_free(server);
    }
}

static void amazon_roots_trust_no_other_authority(void **state) {
    const struct trust_world *trust = *state;
    SSL_CTX *server = authority_server(&trust->ours, "IP:127.0.0.1", DAY_SECONDS);
    struct world world;
    tls_open(&world, trust, server);
    assert_int_equal(init_with(&world, HTTP_TRUST_AMAZON, STR_EMPTY, false), STATUS_OK);
    assert_int_equal(get_tls(&world, "127.0.0.1"), STATUS_TLS);
    assert_true(str_contains(world.error.message, STR("certificate")));
    world_close(&world);
    SSL_CTX_free(server);
}

static void amazon_roots_are_five_valid_authorities(void **state) {
    (void)state;
    for (size_t i = 0; i < AMAZON_ROOT_COUNT; i++) {
        const unsigned char *der = amazon_roots[i].der;
        X509 *root = d2i_X509(NULL, &der, (long)amazon_roots[i].der_len);
        assert_non_null(root);
        assert_ptr_equal(der, amazon_roots[i].der + amazon_roots[i].der_len);
        assert_int_equal(X509_check_ca(root), 1);
        assert_int_equal(X509_self_signed(root, 1), 1);
        X509_free(root);
    }
}

static void plain_http_is_refused_where_not_allowed(void **state) {
    const struct trust_world *trust = *state;
    struct world world;
    tls_open(&world, trust, NULL);
    assert_int_equal(get(&world, "/"), STATUS_INVALID);
    assert_int_equal(script_server_connections(&world.server), 0);
    world_close(&world);
}

struct bundle_row {
    const char *name;
    const char *text; /* NULL: there is no such file */
};

static const struct bundle_row bundle_rows[] = {
    {"no file", NULL},
    {"empty", ""},
    {"no certificate in it", "# a comment\nand words\n"},
    {"damaged", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
};

static void unusable_bundle_is_a_configuration_error_that_names_it(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(bundle_rows); i++) {
        const struct bundle_row *row = &bundle_rows[i];
        char path[] = "/tmp/desync-guard-bad-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        size_t len = row->text == NULL ? 0 : strlen(row->text);
        assert_int_equal(write(fd, row->text == NULL ? "" : row->text, len), len);
        close(fd);
        if (row->text == NULL) {
            unlink(path);
        }
        struct world world = {0};
        enum status status = init_with(&world, HTTP_TRUST_BUNDLE_FILE, str_from_cstr(path), false);
        if (status != STATUS_CONFIGURATION ||
            !str_contains(world.error.message, str_from_cstr(path))) {
            fail_msg("%s: %s", row->name, status_name(status));
        }
        assert_int_equal(ERR_peek_error(), 0); /* nothing left to confuse the next call */
        arena_clean_up(&world.arena);
        unlink(path);
    }
}

static void connection_cut_in_the_handshake_may_be_repeated(void **state) {
    const struct trust_world *trust = *state;
    static const struct script_connection script[] = {{NULL, 0}};
    struct world world;
    tls_open(&world, trust, NULL);
    script_server_stop(&world.server);
    script_server_start(&world.server, script, COUNT(script), NULL); /* hangs up at once */
    assert_int_equal(get_tls(&world, "127.0.0.1"), STATUS_CONNECTION);
    world_close(&world);
}

static void warm_up_over_tls_leaves_connections_for_requests(void **state) {
    const struct trust_world *trust = *state;
    SSL_CTX *server = authority_server(&trust->ours, "IP:127.0.0.1", DAY_SECONDS);
    struct world world;
    tls_open(&world, trust, server);
    const str url = str_format(&world.arena, "https://127.0.0.1:%d", world.server.port);
    http_curl_warm_up(world.transport, &url, 1, 5000);
    assert_int_equal(get_tls(&world, "127.0.0.1"), STATUS_OK);
    assert_int_equal(http_curl_counts(world.transport).connections_opened, 1);
    assert_int_equal(script_server_connections(&world.server), 1);
    world_close(&world);
    SSL_CTX_free(server);
}

/* Two at once, each on a connection of its own. */
struct pair {
    struct http_request request;
    unsigned started;
    unsigned ok;
};

static enum http_batch_step pair_next(void *context, struct http_request *request, void **tag,
                                      int64_t *wait_ms) {
    struct pair *pair = context;
    *request = pair->request;
    *tag = NULL;
    *wait_ms = 0;
    return pair->started++ < 2 ? HTTP_BATCH_SEND : HTTP_BATCH_DONE;
}

static void pair_completed(void *context, void *tag, enum status status,
                           const struct http_response *response, const struct error *error) {
    (void)tag, (void)response, (void)error;
    ((struct pair *)context)->ok += status == STATUS_OK;
}

static void session_is_resumed_by_every_handle(void **state) {
    const struct trust_world *trust = *state;
    SSL_CTX *server = authority_server(&trust->ours, "IP:127.0.0.1", DAY_SECONDS);
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"test", 4);
    /* A TLS 1.3 server that meets one ticket twice at the same moment now and then takes it once.
     */
    SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
    struct world world;
    tls_open(&world, trust, server);
    assert_int_equal(get_tls(&world, "127.0.0.1"), STATUS_OK);
    struct pair pair = {.request = to(&world, "GET", "/")};
    pair.request.url = str_format(&world.arena, "https://127.0.0.1:%d/", world.server.port);
    pair.request.uses_fresh_connection = true;
    const struct http_batch batch = {&pair, 2, pair_next, pair_completed};
    assert_int_equal(world.transport->send_all(world.transport, &batch, &world.arena, &world.error),
                     STATUS_OK);
    assert_int_equal(pair.ok, 2);
    assert_int_equal(script_server_connections(&world.server), 3);
    assert_int_equal(SSL_CTX_sess_hits(server), 2);
    world_close(&world);
    SSL_CTX_free(server);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(only_a_valid_certificate_of_a_trusted_authority_is_accepted),
    cmocka_unit_test(amazon_roots_trust_no_other_authority),
    cmocka_unit_test(amazon_roots_are_five_valid_authorities),
    cmocka_unit_test(plain_http_is_refused_where_not_allowed),
    cmocka_unit_test(unusable_bundle_is_a_configuration_error_that_names_it),
    cmocka_unit_test(connection_cut_in_the_handshake_may_be_repeated),
    cmocka_unit_test(warm_up_over_tls_leaves_connections_for_requests),
    cmocka_unit_test(session_is_resumed_by_every_handle),
};

int main(void) {
    return cmocka_run_group_tests(tests, open_trust, close_trust);
}
