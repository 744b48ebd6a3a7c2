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
/* curl's timers wake us earlier; this only bounds the damage should one be missed. */
#define WAIT_MS_MAX INT64_C(60000)
/* Kept back from the cap: to notice that time is up and to close what did not connect. */
#define WARM_UP_ENDING_MS 10
/* A health answer is a few bytes, an error page a few hundred. */
#define WARM_UP_ANSWER_BYTES_MAX ((size_t)64 * 1024)

static struct http_curl *curl_of(struct transport *transport) {
    return (struct http_curl *)(void *)transport;
}

static void drop_connections(struct http_curl *curl) {
    (void)curl_multi_cleanup(curl->multi);
    curl->multi = NULL;
    host_uses_clear(&curl->uses);
}

/* curl counts idle time on a clock that may stand still while the sandbox is frozen, so the wall
 * clock has a say as well. `url` NULL: whichever host. */
static void drop_stale_connections(struct http_curl *curl, const str *url) {
    if (curl->multi == NULL || curl->idle_ms_max == 0) {
        return;
    }
    int64_t now_ms = curl->clock->now_ms(curl->clock);
    bool is_stale = url == NULL ? host_uses_is_any_stale(&curl->uses, now_ms, curl->idle_ms_max)
                                : host_uses_is_stale(&curl->uses, host_uses_origin(*url), now_ms,
                                                     curl->idle_ms_max);
    if (is_stale) {
        drop_connections(curl);
    }
}

static void have_multi(struct http_curl *curl) {
    if (curl->multi == NULL) {
        curl->multi = curl_multi_init();
        ASSERT(curl->multi != NULL);
        CURLMcode code =
            curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CONNECTIONS_MAX);
        ASSERT(code == CURLM_OK);
    }
}

void http_curl_ready(struct http_curl *curl, str url) {
    drop_stale_connections(curl, &url);
    have_multi(curl);
}

void http_curl_ready_for_batch(struct http_curl *curl) {
    drop_stale_connections(curl, NULL);
    have_multi(curl);
}

static struct exchange *take_ended(struct http_curl *curl, int *code_out) {
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            struct exchange *exchange = NULL;
            *code_out = (int)message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
            return exchange;
        }
    }
    return NULL;
}

struct exchange *http_curl_step(struct http_curl *curl, int *code_out) {
    struct exchange *exchange = take_ended(curl, code_out);
    if (exchange == NULL) {
        int running = 0;
        CURLMcode code = curl_multi_perform(curl->multi, &running);
        ASSERT(code == CURLM_OK); /* out of memory, or a bug */
        exchange = take_ended(curl, code_out);
    }
    return exchange;
}

void http_curl_wait(struct http_curl *curl, int64_t wait_ms) {
    int64_t bounded_ms = wait_ms > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms;
    CURLMcode code = curl_multi_poll(curl->multi, NULL, 0, (int)bounded_ms, NULL);
    ASSERT(code == CURLM_OK);
}

static enum status http_curl_send(struct transport *transport, const struct http_request *request,
                                  struct arena *arena, struct http_response *response,
                                  struct error *error) {
    struct http_curl *curl = curl_of(transport);
    *response = (struct http_response){0};
    http_curl_ready(curl, request->url);
    struct exchange *exchange = NULL;
    TRY(exchange_begin(curl, request, arena, &exchange, error));
    int code = CURLE_OK;
    while (http_curl_step(curl, &code) == NULL) {
        http_curl_wait(curl, WAIT_MS_MAX);
    }
    return exchange_end(exchange, code, response, error);
}

static void http_curl_clean_up(void *ptr) {
    struct http_curl *curl = ptr;
    for (struct exchange *e = curl->exchanges; e != NULL; e = e->all_next) {
        exchange_clean_up(e);
    }
    drop_connections(curl);
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

/* A peer that hangs up while we write is an error like others, never the process's end. curl asks
 * for no signal where it can; the TLS library below it cannot always. */
static void ignore_broken_pipes(void) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* curl would write the keys of every TLS session to the file that it names. */
static void ignore_key_log(void) {
    (void)unsetenv("SSLKEYLOGFILE");
}

enum status http_curl_init(struct arena *arena, const struct clock *clock,
                           const struct http_curl_options *options,
                           struct transport **transport_out, struct error *error) {
    ignore_broken_pipes();
    ignore_key_log();
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
    struct arena arena;
    arena_init(&arena);
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
