/* SPDX-License-Identifier: Apache-2.0
 *
 * The curl transport's parts among themselves. curl's own types stay in the .c files: a handle is a
 * void pointer here (as it is in curl's public headers), a CURLcode an int.
 *
 * One multi handle carries single requests and batches alike, so that there is one pool of
 * connections: what the warm-up or a batch opened, a single request reuses.
 */
#ifndef NET_HTTP_CURL_INTERNAL_H
#define NET_HTTP_CURL_INTERNAL_H

#include "base/buf.h"
#include "net/http_curl.h"
#include "net/tls_trust_internal.h"

#define HTTP_CURL_DETAIL_BYTES 256 /* CURL_ERROR_SIZE */
/* Kept connections. curl's own limit would be four per request in flight. */
#define POOL_CONNECTIONS_MAX 128
/* As many as there can be connections. A host that was pushed out may still have one: it counts as
 * stale. */
#define HOST_USES_MAX POOL_CONNECTIONS_MAX

struct host_use {
    uint64_t origin;     /* see host_uses_origin */
    int64_t last_use_ms; /* wall clock */
};

/* The hosts asked since the pool was last dropped, so that one host's requests do not make another
 * host's connections look alive. */
struct host_uses {
    struct host_use rows[HOST_USES_MAX];
    size_t count;
    bool has_forgotten; /* some were pushed out of the full table */
};

/* A hash of the URL's scheme, host and port. Two hosts with the same one would, at worst, keep each
 * other's connections from being dropped. */
uint64_t host_uses_origin(str url);
void host_uses_note(struct host_uses *uses, uint64_t origin, int64_t now_ms);
struct http_curl {
    struct transport transport; /* first: a transport is cast back to this */
    struct arena *arena;        /* the transport's own life */
    const struct clock *clock;
    struct tls_trust *trust; /* NULL: plain http only */
    bool allows_plain_http;
    const char *user_agent;
    const char *protocols;           /* for CURLOPT_PROTOCOLS_STR */
    int64_t idle_ms_max;             /* of a pooled connection; 0: no limit */
    void *multi;                     /* CURLM *; NULL until first needed and after a long pause */
    void *share;                     /* CURLSH * with the TLS sessions, NULL without TLS */
    struct exchange *exchanges;      /* every one ever made, by all_next: for the clean-up */
    struct exchange *exchanges_idle; /* by idle_next */
    struct host_uses uses;
    struct http_curl_counts counts;
};

/* One request on its way, and the easy handle that carries it; reused for the next one. */
struct exchange {
    struct exchange *all_next;
    struct exchange *idle_next;
    struct http_curl *curl;
    void *easy; /* CURL * */
    void *tag;  /* the batch's */
    struct arena *arena;
    str host;        /* for messages */
    uint64_t origin; /* for host_uses */
    struct buf head; /* header lines of the latest answer, the blank one left out */
    struct buf body;
    int status;         /* of the latest answer, 0 before its status line */
    bool is_head_ended; /* the blank line after a final answer's headers was seen */
    char detail[HTTP_CURL_DETAIL_BYTES];
};

/* The multi handle, made when there is none; the pool is dropped first when what it holds for the
 * host of `url` is stale. `url` NULL: for any host, as of a batch, whose hosts are not known
 * beforehand and whose requests in flight leave no moment to drop the pool. Nothing may be in
 * flight. */
void http_curl_ready(struct http_curl *curl, const str *url);

/* Puts the request in the multi handle, without moving a byte yet. INVALID or TIMEOUT (no time
 * left) when it must not be sent. */
MUST_USE enum status exchange_begin(struct http_curl *curl, const struct http_request *request,
                                    struct arena *arena, struct exchange **exchange_out,
                                    struct error *error);
/* Takes it out again, with curl's verdict on it. *response is always written. */
MUST_USE enum status exchange_end(struct exchange *exchange, int code,
                                  struct http_response *response, struct error *error);
/* Only for the clean-up of the transport. */
void exchange_clean_up(struct exchange *exchange);

/* The next exchange that ended, or NULL; moves bytes without waiting. *code_out is curl's verdict.
 */
struct exchange *http_curl_step(struct http_curl *curl, int *code_out);
/* Waits for a byte or for at most that long. */
void http_curl_wait(struct http_curl *curl, int64_t wait_ms);

#endif
