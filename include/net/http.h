/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP as the layers above see it: a request, a response, and a transport that carries one of them
 * or many at once. Implementations: curl (net/http_curl.h), fakes and fault injectors in the tests.
 * A transport never retries, never follows a redirect, never uses a proxy, never logs.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct http_header {
    str name;
    str value;
};

/* Borrows all its text until `send` returns, or until `completed` in a batch. */
struct http_request {
    str method; /* "GET", "POST", ... */
    str url;    /* absolute, already encoded; sent as it is */
    /* Sent as given, in this order; no CR, LF or NUL (INVALID otherwise). */
    const struct http_header *headers;
    size_t header_count;
    str body;           /* Content-Length is always exact; none is sent for an empty GET */
    int64_t timeout_ms; /* the whole exchange; 0: no limit (only GET /next of the Runtime API) */
    int64_t connect_timeout_ms; /* name lookup, TCP, TLS; 0: the transport's default */
    size_t response_bytes_max;  /* a longer body is TOO_LARGE; must not be 0 */
    bool uses_fresh_connection; /* never a pooled one: curl re-sends silently on a pooled one that
                                   died, so calls that must not be doubled set this */
};

struct http_response {
    int status;                        /* 200 */
    const struct http_header *headers; /* of the final answer only; names as received */
    size_t header_count;
    str body;
};

/* First header of that name, any case, trimmed; empty when absent. */
str http_header_get(const struct http_response *response, const char *name);

enum http_batch_step {
    HTTP_BATCH_SEND, /* *request and *tag are filled: start it */
    HTTP_BATCH_WAIT, /* nothing may start for *wait_ms, ask again then or after the next completion
                      */
    HTTP_BATCH_DONE  /* nothing will be started any more; finish what is in flight */
};

/* Many exchanges at once. The transport asks `next` whenever there is room and calls `completed` at
 * each end. */
struct http_batch {
    void *context;
    unsigned in_flight_max;
    enum http_batch_step (*next)(void *context, struct http_request *request, void **tag,
                                 int64_t *wait_ms);
    /* `response` and `error` live in the arena given to send_all. */
    void (*completed)(void *context, void *tag, enum status status,
                      const struct http_response *response, const struct error *error);
};

/* Two functions, and behind them the implementation's own struct, of which this is the first
 * member. Whether the request can have been carried out:
 *
 *   OK                                 it was answered; the HTTP status says more
 *   any other, with was_not_sent       no
 *   any other, without it              perhaps: where it must not be done twice, the caller has
 *                                      to find out, or to say that nobody knows
 */
struct transport {
    /* One exchange, blocking. OK means a complete answer of any HTTP status. TIMEOUT, CONNECTION,
     * TLS, INCOMPLETE (cut short), TOO_LARGE, INVALID fill *error, was_not_sent included. The
     * response lives in `arena`. */
    enum status (*send)(struct transport *transport, const struct http_request *request,
                        struct arena *arena, struct http_response *response, struct error *error);
    /* Many, blocking until the batch says DONE and nothing is in flight; their outcomes go to
     * `completed`. A bad status means the transport itself failed. */
    enum status (*send_all)(struct transport *transport, const struct http_batch *batch,
                            struct arena *arena, struct error *error);
};

#endif
