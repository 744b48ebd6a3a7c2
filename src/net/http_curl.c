/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_curl.h"

#include <curl/curl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "net/http_curl_internal.h"
#include "net/http_internal.h"

/* S3 hangs up after some 20 s, others later; a socket that died in a frozen sandbox looks alive. */
#define IDLE_MS_MAX (15 * MS_PER_SECOND)
/* Kept back from the cap: to notice that time is up and to close what did not connect. */
#define WARM_UP_ENDING_MS 10
/* A health answer is a few bytes, an error page a few hundred. */
#define WARM_UP_ANSWER_BYTES_MAX ((size_t)64 * 1024)

#define US_PER_MS INT64_C(1000)
/* With nothing to wait for but sockets and curl's own timers. */
#define WAIT_MS_LONG INT64_C(60000)

static struct http_curl *curl_of(struct transport *transport) {
    return (struct http_curl *)(void *)transport;
}

static enum status http_curl_send(struct transport *transport, const struct http_request *request,
                                  struct arena *arena, struct http_response *response,
                                  struct error *error) {
    struct http_curl *curl = curl_of(transport);
    *response = (struct http_response){0};
    http_curl_ready(curl, &request->url);
    struct exchange *exchange = NULL;
    TRY(exchange_begin(curl, request, arena, &exchange, error));
    int code = CURLE_OK;
    while (http_curl_step(curl, &code) == NULL) {
        http_curl_wait(curl, INT64_MAX); /* curl has the request's own limit */
    }
    return exchange_end(exchange, code, response, error);
}

/* ---- many at once ---- */

/* A batch through the one multi handle. `next` and `completed` run in this thread, between two
 * steps of curl:
 *
 *   `next` says   then
 *   SEND          in flight, up to in_flight_max --> curl ends it --> completed --> ask again
 *   WAIT          ask again when wait_ms is over, or sooner when an exchange ends
 *   DONE          start nothing any more; the loop ends with the last exchange in flight
 */
struct run {
    struct http_curl *curl;
    const struct http_batch *batch;
    struct arena *arena;
    unsigned in_flight;
    bool is_done;          /* nothing more will be started */
    bool is_waiting;       /* nothing may be started before wait_until_us */
    int64_t wait_until_us; /* monotonic */
};

static int64_t now_us(const struct run *run) {
    return run->curl->clock->monotonic_us(run->curl->clock);
}

static void start(struct run *run, const struct http_request *request, void *tag) {
    struct error *error = ARENA_NEW(run->arena, struct error);
    struct exchange *exchange = NULL;
    enum status status = exchange_begin(run->curl, request, run->arena, &exchange, error);
    if (status == STATUS_OK) {
        exchange->tag = tag;
        run->in_flight++;
        return;
    }
    const struct http_response *none = ARENA_NEW(run->arena, struct http_response);
    run->batch->completed(run->batch->context, tag, status, none, error);
}

/* At least a millisecond, so that a batch that has nothing to say cannot make us spin. */
static void begin_wait(struct run *run, int64_t wait_ms) {
    run->is_waiting = true;
    run->wait_until_us = now_us(run) + (wait_ms < 1 ? 1 : wait_ms) * US_PER_MS;
}

static void fill(struct run *run) {
    const struct http_batch *batch = run->batch;
    while (!run->is_done && !run->is_waiting && run->in_flight < batch->in_flight_max) {
        struct http_request request = {0};
        void *tag = NULL;
        int64_t wait_ms = 0;
        switch (batch->next(batch->context, &request, &tag, &wait_ms)) {
        case HTTP_BATCH_SEND:
            start(run, &request, tag);
            break;
        case HTTP_BATCH_WAIT:
            begin_wait(run, wait_ms);
            break;
        case HTTP_BATCH_DONE:
            run->is_done = true;
            break;
        }
    }
}

static void finish(struct run *run, struct exchange *exchange, int code) {
    struct http_response *response = ARENA_NEW(run->arena, struct http_response);
    struct error *error = ARENA_NEW(run->arena, struct error);
    void *tag = exchange->tag;
    enum status status = exchange_end(exchange, code, response, error);
    run->in_flight--;
    run->is_waiting = false; /* "ask again then or after the next completion" */
    run->batch->completed(run->batch->context, tag, status, response, error);
}

/* Reports everything that has ended; false when nothing had. */
static bool collect(struct run *run) {
    bool has_ended = false;
    int code = 0;
    struct exchange *exchange;
    while (run->in_flight > 0 && (exchange = http_curl_step(run->curl, &code)) != NULL) {
        finish(run, exchange, code);
        has_ended = true;
    }
    return has_ended;
}

/* Milliseconds until the batch may be asked again, rounded up; 0 when that is now. */
static int64_t wait_left_ms(const struct run *run) {
    int64_t left_us = run->wait_until_us - now_us(run);
    return left_us <= 0 ? 0 : (left_us + US_PER_MS - 1) / US_PER_MS;
}

/* With nothing in flight curl has nothing to wait for, and curl_multi_poll could return at once. */
static void wait(struct run *run) {
    int64_t left_ms = run->is_waiting ? wait_left_ms(run) : WAIT_MS_LONG;
    if (left_ms > 0 && run->in_flight > 0) {
        http_curl_wait(run->curl, left_ms);
    } else if (left_ms > 0) {
        run->curl->clock->sleep_ms(run->curl->clock, left_ms);
    }
    if (run->is_waiting && (left_ms == 0 || run->in_flight == 0 || wait_left_ms(run) == 0)) {
        run->is_waiting = false;
    }
}

/* `error` is never filled: what can fail in curl beyond a single exchange is memory. */
static enum status http_curl_send_all(struct transport *transport, const struct http_batch *batch,
                                      struct arena *arena, struct error *error) {
    (void)error;
    ASSERT(batch->in_flight_max > 0);
    struct run run = {.curl = curl_of(transport), .batch = batch, .arena = arena};
    http_curl_ready(run.curl, NULL);
    for (;;) {
        fill(&run);
        bool has_ended = collect(&run);
        if (run.is_done && run.in_flight == 0) {
            return STATUS_OK;
        }
        if (!has_ended) {
            wait(&run);
        }
    }
}

/* ---- making a transport ---- */

static void http_curl_clean_up(void *ptr) {
    struct http_curl *curl = ptr;
    for (struct exchange *e = curl->exchanges; e != NULL; e = e->all_next) {
        exchange_clean_up(e);
    }
    (void)curl_multi_cleanup(curl->multi);
    (void)curl_share_cleanup(curl->share);
    curl_global_cleanup();
}

/* Connections are not in it: the one multi handle holds them. Sessions would be each easy handle's
 * own otherwise. One thread, so no locks. */
static CURLSH *share_sessions(void) {
    CURLSH *share = curl_share_init();
    ASSERT(share != NULL);
    CURLSHcode code = curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    ASSERT(code == CURLSHE_OK);
    return share;
}

/* curl_global_init counts its calls, but threads must not race for the first one: lambda.c and
 * cli/audit.c make the transports of their workers before they start a thread. */
enum status http_curl_init(struct arena *arena, const struct clock *clock,
                           const struct http_curl_options *options,
                           struct transport **transport_out, struct error *error) {
    /* A peer that hangs up while we write is an error like others, never the process's end. curl
     * asks for no signal where it can; the TLS library below it cannot always. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)unsetenv("SSLKEYLOGFILE"); /* curl would write the keys of every TLS session there */
    tls_library_init();
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
    bool has_tls = options->trust != HTTP_TRUST_NONE;
    struct http_curl *curl = ARENA_NEW(arena, struct http_curl);
    *curl = (struct http_curl){
        .transport = {http_curl_send, http_curl_send_all},
        .arena = arena,
        .clock = clock,
        .allows_plain_http = options->allows_plain_http || !has_tls,
        .user_agent = str_to_cstr(arena, options->user_agent),
        .protocols = !has_tls                     ? "http"
                     : options->allows_plain_http ? "http,https"
                                                  : "https",
        /* The Runtime API's connection is local and survives a freeze. */
        .idle_ms_max = has_tls ? IDLE_MS_MAX : 0,
    };
    arena_defer(arena, http_curl_clean_up, curl);
    if (has_tls) {
        TRY(tls_trust_init(arena, options, &curl->trust, error));
        curl->share = share_sessions();
    }
    *transport_out = &curl->transport;
    return STATUS_OK;
}

/* ---- warming up ---- */

/* The warm-up as a batch: every URL at once, and while their answers travel the work on TLS. */

struct warm_up {
    struct http_curl *curl;
    struct arena *arena;
    const str *urls;
    size_t url_count;
    size_t started_count;
    int64_t cap_ms;
    bool has_waited;
};

/* By call:
 *
 *   next #1..n   start a GET /ping for each URL      SYNs and name queries go out
 *   next #n+1    wait 1 ms
 *   next #n+2    build the TLS context, DONE         the answers arrive meanwhile
 */
static enum http_batch_step warm_up_next(void *context, struct http_request *request, void **tag,
                                         int64_t *wait_ms) {
    struct warm_up *warm_up = context;
    *tag = NULL;
    if (warm_up->started_count < warm_up->url_count) {
        str origin = http_url_origin(warm_up->urls[warm_up->started_count++]);
        *request = (struct http_request){
            .method = STR("GET"),
            .url = str_format(warm_up->arena, "%" STR_FMT "/ping", STR_ARG(origin)),
            .timeout_ms = warm_up->cap_ms,
            .connect_timeout_ms = warm_up->cap_ms,
            .response_bytes_max = WARM_UP_ANSWER_BYTES_MAX,
        };
        return HTTP_BATCH_SEND;
    }
    if (!warm_up->has_waited && warm_up->url_count > 0) {
        warm_up->has_waited = true; /* lets the SYNs and name queries out first */
        *wait_ms = 1;
        return HTTP_BATCH_WAIT;
    }
    if (warm_up->curl->trust != NULL) {
        tls_trust_warm_up(warm_up->curl->trust);
    }
    return HTTP_BATCH_DONE;
}

static void warm_up_completed(void *context, void *tag, enum status status,
                              const struct http_response *response, const struct error *error) {
    (void)context, (void)tag, (void)status, (void)response, (void)error;
}

void http_curl_warm_up(struct transport *transport, const str *urls, size_t url_count,
                       int64_t cap_ms) {
    ASSERT(url_count <= UINT_MAX - 1 && cap_ms > WARM_UP_ENDING_MS);
    struct arena arena = {0};
    struct warm_up warm_up = {.curl = curl_of(transport),
                              .arena = &arena,
                              .urls = urls,
                              .url_count = url_count,
                              .cap_ms = cap_ms - WARM_UP_ENDING_MS};
    /* one more than there are URLs: `next` is asked once more while all are in flight */
    const struct http_batch batch = {&warm_up, (unsigned)url_count + 1, warm_up_next,
                                     warm_up_completed};
    (void)http_curl_send_all(transport, &batch, &arena, NULL);
    arena_clean_up(&arena);
}

struct http_curl_counts http_curl_counts(const struct transport *transport) {
    return ((const struct http_curl *)(const void *)transport)->counts;
}
