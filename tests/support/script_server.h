/* SPDX-License-Identifier: Apache-2.0
 *
 * A TCP server on loopback that answers with exact bytes from a script, one thread per connection,
 * optionally over TLS. The nth connection follows the nth entry of the script, later ones the
 * last. What was asked and how often somebody connected can be read afterwards.
 */
#ifndef TESTS_SCRIPT_SERVER_H
#define TESTS_SCRIPT_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_CONNECTIONS_MAX 64
#define SCRIPT_REQUESTS_MAX    256
#define SCRIPT_HEAD_BYTES_MAX  2048

enum script_end {
    SCRIPT_KEEP,  /* go on with the next request; after the last answer wait for the client */
    SCRIPT_CLOSE, /* FIN */
    SCRIPT_RESET  /* RST */
};

struct script_answer {
    const char *bytes; /* NULL: none */
    size_t len;        /* 0: up to the NUL */
    bool is_bytewise;  /* every byte in a packet of its own */
    bool is_early;     /* as soon as the request's head is in, its body is never read */
    bool is_repeated;  /* for all further requests of this connection */
    enum script_end end;
};

struct script_connection {
    const struct script_answer *answers; /* NULL: hangs up before reading anything */
    size_t count;
};

struct script_request {
    char head[SCRIPT_HEAD_BYTES_MAX]; /* NUL-terminated, cut if longer */
    size_t body_bytes;
    unsigned body_sum; /* FNV-1a */
    size_t connection; /* from 0 */
};

struct script_server {
    const struct script_connection *script;
    size_t script_count;
    SSL_CTX *tls; /* NULL: plain; borrowed */
    int listener;
    int port;
    pthread_t acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* under the mutex */
    bool is_stopping;
    size_t connection_count;
    size_t ended_count;
    pthread_t threads[SCRIPT_CONNECTIONS_MAX];
    int sockets[SCRIPT_CONNECTIONS_MAX]; /* -1 once closed */
    size_t request_count;
    struct script_request requests[SCRIPT_REQUESTS_MAX];
};

void script_server_start(struct script_server *server, const struct script_connection *script,
                         size_t script_count, SSL_CTX *tls);
/* Closes everything and joins the threads. */
void script_server_stop(struct script_server *server);

/* Blocks until that many connections were closed from the server's side. */
void script_server_wait_ended(struct script_server *server, size_t count);
size_t script_server_connections(struct script_server *server);
size_t script_server_requests(struct script_server *server);

unsigned script_sum(const char *bytes, size_t len);

#endif
