/* SPDX-License-Identifier: Apache-2.0 */
#include "support/script_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* A test that cannot set itself up has nothing to say. */
static void must(bool condition, const char *what) {
    if (!condition) {
        perror(what);
        abort();
    }
}

#define FNV_START 2166136261U

static unsigned sum_more(unsigned sum, const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * 16777619U;
    }
    return sum;
}

unsigned script_sum(const char *bytes, size_t len) {
    return sum_more(FNV_START, bytes, len);
}

/* One connection's bytes, through TLS or not. */
struct stream {
    int fd;
    SSL *ssl;
};

static ssize_t stream_read(const struct stream *stream, char *bytes, size_t size) {
    if (stream->ssl != NULL) {
        return SSL_read(stream->ssl, bytes, (int)size);
    }
    return recv(stream->fd, bytes, size, 0);
}

static bool stream_write(const struct stream *stream, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t sent = stream->ssl != NULL ? SSL_write(stream->ssl, bytes, (int)len)
                                           : send(stream->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool stream_open(struct stream *stream, SSL_CTX *tls) {
    int on = 1;
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (tls == NULL) {
        return true;
    }
    stream->ssl = SSL_new(tls);
    must(stream->ssl != NULL, "SSL_new");
    must(SSL_set_fd(stream->ssl, stream->fd) == 1, "SSL_set_fd");
    return SSL_accept(stream->ssl) == 1;
}

static size_t content_length(const char *head) {
    for (const char *line = head; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            return (size_t)strtoul(line + 15, NULL, 10);
        }
    }
    return 0;
}

/* Byte by byte, so that nothing of the body or of the next request is taken along. */
static bool read_head(const struct stream *stream, struct script_request *request) {
    size_t len = 0;
    char tail[5] = "";
    while (strcmp(tail, "\r\n\r\n") != 0) {
        char c;
        if (stream_read(stream, &c, 1) != 1) {
            return false;
        }
        memmove(tail, tail + (strlen(tail) == 4), 4);
        tail[strlen(tail)] = c;
        if (len < sizeof(request->head) - 1) {
            request->head[len++] = c;
        }
    }
    return true;
}

static bool read_body(const struct stream *stream, struct script_request *request) {
    size_t left = content_length(request->head);
    char bytes[16384];
    request->body_sum = FNV_START;
    while (left > 0) {
        ssize_t got = stream_read(stream, bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        if (got <= 0) {
            return false;
        }
        request->body_sum = sum_more(request->body_sum, bytes, (size_t)got);
        request->body_bytes += (size_t)got;
        left -= (size_t)got;
    }
    return true;
}

static void record(struct script_server *server, const struct script_request *request) {
    pthread_mutex_lock(&server->mutex);
    must(server->request_count < SCRIPT_REQUESTS_MAX, "too many requests");
    server->requests[server->request_count++] = *request;
    pthread_mutex_unlock(&server->mutex);
}

static void write_answer(const struct stream *stream, const struct script_answer *answer) {
    if (answer->bytes == NULL) {
        return;
    }
    size_t len = answer->len > 0 ? answer->len : strlen(answer->bytes);
    size_t step = answer->is_bytewise ? 1 : len;
    for (size_t at = 0; at < len && stream_write(stream, answer->bytes + at, step); at += step) {
    }
}

/* false when the connection is to be closed */
static bool serve_request(struct script_server *server, const struct stream *stream,
                          const struct script_answer *answer, size_t connection) {
    struct script_request request = {.connection = connection};
    if (!read_head(stream, &request)) {
        return false;
    }
    if (!answer->is_early && !read_body(stream, &request)) {
        return false;
    }
    record(server, &request);
    write_answer(stream, answer);
    return answer->end == SCRIPT_KEEP;
}

static enum script_end serve(struct script_server *server, const struct stream *stream,
                             size_t connection) {
    size_t last = server->script_count - 1;
    const struct script_connection *script = &server->script[connection < last ? connection : last];
    for (size_t i = 0; i < script->count;) {
        const struct script_answer *answer = &script->answers[i];
        if (!serve_request(server, stream, answer, connection)) {
            return answer->end;
        }
        i += !answer->is_repeated;
    }
    char unexpected;
    if (script->count > 0) {
        (void)stream_read(stream, &unexpected, 1);
    }
    return SCRIPT_CLOSE;
}

static void close_socket(struct script_server *server, size_t connection, enum script_end end) {
    int fd = server->sockets[connection];
    if (end == SCRIPT_RESET) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    pthread_mutex_lock(&server->mutex);
    close(fd);
    server->sockets[connection] = -1;
    server->ended_count++;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

struct job {
    struct script_server *server;
    size_t connection;
};

static void *run_connection(void *context) {
    struct job job = *(struct job *)context;
    free(context);
    struct stream stream = {.fd = job.server->sockets[job.connection]};
    enum script_end end = SCRIPT_CLOSE;
    if (stream_open(&stream, job.server->tls)) {
        end = serve(job.server, &stream, job.connection);
        if (stream.ssl != NULL && end == SCRIPT_CLOSE) {
            (void)SSL_shutdown(stream.ssl);
        }
    }
    SSL_free(stream.ssl);
    close_socket(job.server, job.connection, end);
    return NULL;
}

static void begin_connection(struct script_server *server, int fd) {
    struct job *job = malloc(sizeof(*job));
    must(job != NULL, "malloc");
    pthread_mutex_lock(&server->mutex);
    must(server->connection_count < SCRIPT_CONNECTIONS_MAX, "too many connections");
    size_t connection = server->connection_count++;
    server->sockets[connection] = fd;
    *job = (struct job){server, connection};
    must(pthread_create(&server->threads[connection], NULL, run_connection, job) == 0, "thread");
    pthread_mutex_unlock(&server->mutex);
}

static void *run_acceptor(void *context) {
    struct script_server *server = context;
    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        pthread_mutex_lock(&server->mutex);
        bool is_stopping = server->is_stopping;
        pthread_mutex_unlock(&server->mutex);
        if (fd < 0 || is_stopping) {
            if (fd >= 0) {
                close(fd);
            }
            return NULL;
        }
        begin_connection(server, fd);
    }
}

void script_server_start(struct script_server *server, const struct script_connection *script,
                         size_t script_count, SSL_CTX *tls) {
    memset(server, 0, sizeof(*server));
    server->script = script;
    server->script_count = script_count;
    server->tls = tls;
    must(pthread_mutex_init(&server->mutex, NULL) == 0, "mutex");
    must(pthread_cond_init(&server->changed, NULL) == 0, "condition");
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    must(server->listener >= 0, "socket");
    must(bind(server->listener, (struct sockaddr *)&address, size) == 0, "bind");
    must(listen(server->listener, SCRIPT_CONNECTIONS_MAX) == 0, "listen");
    must(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0, "getsockname");
    server->port = ntohs(address.sin_port);
    must(pthread_create(&server->acceptor, NULL, run_acceptor, server) == 0, "thread");
}

void script_server_stop(struct script_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->is_stopping = true;
    (void)shutdown(server->listener, SHUT_RDWR); /* wakes accept() */
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->acceptor, NULL);
    pthread_mutex_lock(&server->mutex);
    for (size_t i = 0; i < server->connection_count; i++) {
        if (server->sockets[i] >= 0) {
            (void)shutdown(server->sockets[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->mutex);
    for (size_t i = 0; i < server->connection_count; i++) {
        pthread_join(server->threads[i], NULL);
    }
    close(server->listener);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
}

void script_server_wait_ended(struct script_server *server, size_t count) {
    pthread_mutex_lock(&server->mutex);
    while (server->ended_count < count) {
        pthread_cond_wait(&server->changed, &server->mutex);
    }
    pthread_mutex_unlock(&server->mutex);
}

size_t script_server_connections(struct script_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->connection_count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t script_server_requests(struct script_server *server) {
    pthread_mutex_lock(&server->mutex);
    size_t count = server->request_count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}
