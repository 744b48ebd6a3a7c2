/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint KIND COUNT PEM: COUNT stand-ins for AWS on loopback; prints their ports, one a line, and
 * runs until its standard input ends. KIND:
 *   answer  TLS with the key and certificate in PEM; to GET it is healthy, to POST it has stored
 *           every evaluation. It checks nothing, so that it costs next to nothing.
 *   silent  takes connections and never says a word.
 *   hole    drops every SYN, like an address that nothing routes to.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 65536
/* More than fit into a backlog of none. */
#define FILLERS 4

static SSL_CTX *tls; /* NULL: silent */

static void must(bool condition, const char *what) {
    if (!condition) {
        (void)fprintf(stderr, "endpoint: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static bool reply(SSL *ssl, bool is_post) {
    const char *body = is_post ? "{\"FailedEvaluations\":[]}" : "healthy";
    char date[64];
    char answer[512];
    struct tm utc;
    time_t now = time(NULL);
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
                       "Date: %s\r\nContent-Length: %zu\r\n\r\n%s",
                       date, strlen(body), body);
    return SSL_write(ssl, answer, len) == len;
}

/* Bytes of the whole request at the start of `bytes`; 0 while it is not whole. */
static size_t request_len(const char *bytes, size_t len) {
    const char *body = strstr(bytes, "\r\n\r\n");
    if (body == NULL) {
        return 0;
    }
    const char *length = strcasestr(bytes, "\r\nContent-Length:");
    size_t body_len = length != NULL && length < body ? strtoul(length + 17, NULL, 10) : 0;
    size_t whole = (size_t)(body + 4 - bytes) + body_len;
    return len < whole ? 0 : whole;
}

static void talk(SSL *ssl) {
    char bytes[REQUEST_BYTES + 1];
    size_t len = 0;
    while (len < REQUEST_BYTES) {
        int got = SSL_read(ssl, bytes + len, (int)(REQUEST_BYTES - len));
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        bytes[len] = '\0';
        if (request_len(bytes, len) > 0) {
            if (!reply(ssl, bytes[0] == 'P')) {
                return;
            }
            len = 0;
        }
    }
}

static void *run_connection(void *context) {
    int fd = (int)(intptr_t)context;
    int on = 1;
    char byte;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (tls != NULL) {
        SSL *ssl = SSL_new(tls);
        if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
            talk(ssl);
        }
        SSL_free(ssl);
    } else {
        while (read(fd, &byte, 1) > 0) {
        }
    }
    (void)close(fd);
    return NULL;
}

static void *run_listener(void *context) {
    int listener = (int)(intptr_t)context;
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            must(pthread_create(&thread, NULL, run_connection, (void *)(intptr_t)fd) == 0,
                 "pthread_create");
            (void)pthread_detach(thread);
        }
    }
    return NULL;
}

static int listen_on_loopback(int backlog, struct sockaddr_in *address) {
    socklen_t len = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(fd >= 0 && bind(fd, (struct sockaddr *)address, len) == 0 && listen(fd, backlog) == 0 &&
             getsockname(fd, (struct sockaddr *)address, &len) == 0,
         "listen");
    (void)printf("%d\n", ntohs(address->sin_port));
    return fd;
}

/* A backlog that is full and never emptied: the kernel drops what comes on top. */
static void start_hole(void) {
    struct sockaddr_in address;
    (void)listen_on_loopback(0, &address);
    for (int i = 0; i < FILLERS; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        must(fd >= 0, "socket");
        (void)connect(fd, (struct sockaddr *)&address, sizeof(address));
    }
}

static void start_listener(void) {
    struct sockaddr_in address;
    pthread_t thread;
    int fd = listen_on_loopback(64, &address);
    must(pthread_create(&thread, NULL, run_listener, (void *)(intptr_t)fd) == 0, "pthread_create");
}

int main(int argc, char **argv) {
    must(argc == 4, "usage: endpoint answer|silent|hole COUNT PEM");
    (void)signal(SIGPIPE, SIG_IGN);
    if (strcmp(argv[1], "answer") == 0) {
        tls = SSL_CTX_new(TLS_server_method());
        must(tls != NULL && SSL_CTX_use_certificate_chain_file(tls, argv[3]) == 1 &&
                 SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) == 1,
             argv[3]);
    }
    for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
        if (strcmp(argv[1], "hole") == 0) {
            start_hole();
        } else {
            start_listener();
        }
    }
    (void)fflush(stdout);
    while (getchar() != EOF) {
    }
    return EXIT_SUCCESS;
}
