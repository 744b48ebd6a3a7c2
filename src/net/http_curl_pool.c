/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool: the multi handle that holds the connections, and when each host was last asked by the
 * wall clock, which decides when the pool is too old to be trusted.
 */
#include <curl/curl.h>
#include <limits.h>

#include "net/http_curl_internal.h"
#include "net/http_internal.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

/* curl's timers wake us earlier; this only bounds the damage should one be missed. */
#define WAIT_MS_MAX INT64_C(60000)

uint64_t host_uses_origin(str url) {
    str origin = http_url_origin(url);
    uint64_t hash = FNV_OFFSET;
    for (size_t i = 0; i < origin.len; i++) {
        hash = (hash ^ (unsigned char)origin.ptr[i]) * FNV_PRIME;
    }
    return hash;
}

static struct host_use *find(struct host_uses *uses, uint64_t origin) {
    for (size_t i = 0; i < uses->count; i++) {
        if (uses->rows[i].origin == origin) {
            return &uses->rows[i];
        }
    }
    return NULL;
}

/* A row for another host: a free one, else that of the host which was not asked for longest.
 * Forgetting is safe: from then on an unknown host counts as stale, and the pool is dropped
 * once. */
static struct host_use *make_room(struct host_uses *uses) {
    if (uses->count < HOST_USES_MAX) {
        return &uses->rows[uses->count++];
    }
    struct host_use *oldest = &uses->rows[0];
    for (size_t i = 1; i < uses->count; i++) {
        if (uses->rows[i].last_use_ms < oldest->last_use_ms) {
            oldest = &uses->rows[i];
        }
    }
    uses->has_forgotten = true;
    return oldest;
}

void host_uses_note(struct host_uses *uses, uint64_t origin, int64_t now_ms) {
    struct host_use *use = find(uses, origin);
    if (use == NULL) {
        use = make_room(uses);
    }
    *use = (struct host_use){origin, now_ms};
}

/* A clock that went backwards proves nothing. The peer's time limits are wall-clock time: S3 closes
 * an idle connection after some 20 s, and NAT gateways forget a flow after 350 s. Neither close
 * reaches a frozen sandbox.
 *
 *   host asked last        its pooled connections         then
 *   15 s ago or less       alive, as far as is known      are used again
 *   more than 15 s ago     may be dead and look alive     the whole pool is dropped
 *
 * The whole pool, for curl has no call that closes the idle connections of one host. A handshake
 * costs milliseconds; a request on a dead connection costs its time limit, or is sent twice. */
static bool is_stale(const struct host_use *use, int64_t now_ms, int64_t idle_ms_max) {
    int64_t idle_ms = now_ms - use->last_use_ms;
    return idle_ms < 0 || idle_ms > idle_ms_max;
}

/* Whether a connection to that host may have been idle for longer than that. */
static bool is_host_stale(struct host_uses *uses, uint64_t origin, int64_t now_ms,
                          int64_t idle_ms_max) {
    const struct host_use *use = find(uses, origin);
    return use == NULL ? uses->has_forgotten : is_stale(use, now_ms, idle_ms_max);
}

static bool is_any_stale(const struct host_uses *uses, int64_t now_ms, int64_t idle_ms_max) {
    bool is_any = uses->has_forgotten;
    for (size_t i = 0; i < uses->count && !is_any; i++) {
        is_any = is_stale(&uses->rows[i], now_ms, idle_ms_max);
    }
    return is_any;
}

/* curl counts idle time on a clock that may stand still while the sandbox is frozen, so the wall
 * clock has a say as well. `url` NULL: whichever host. */
static void drop_stale_connections(struct http_curl *curl, const str *url) {
    if (curl->multi == NULL || curl->idle_ms_max == 0) {
        return;
    }
    int64_t now_ms = curl->clock->now_ms(curl->clock);
    bool is_too_old =
        url == NULL ? is_any_stale(&curl->uses, now_ms, curl->idle_ms_max)
                    : is_host_stale(&curl->uses, host_uses_origin(*url), now_ms, curl->idle_ms_max);
    if (is_too_old) {
        (void)curl_multi_cleanup(curl->multi);
        curl->multi = NULL;
        curl->uses.count = 0;
        curl->uses.has_forgotten = false;
    }
}

void http_curl_ready(struct http_curl *curl, const str *url) {
    drop_stale_connections(curl, url);
    if (curl->multi == NULL) {
        curl->multi = curl_multi_init();
        ASSERT(curl->multi != NULL);
        CURLMcode code =
            curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CONNECTIONS_MAX);
        ASSERT(code == CURLM_OK);
    }
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

/* Ends that curl has noted already come first: each call of curl_multi_perform walks the handles in
 * it. */
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
