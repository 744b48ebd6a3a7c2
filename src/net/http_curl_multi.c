/* SPDX-License-Identifier: Apache-2.0
 *
 * Many exchanges at once: fills the room there is, moves bytes, reports ends, waits.
 */
#include "net/http_curl_internal.h"

#define US_PER_MS INT64_C(1000)
/* With nothing to wait for but sockets and curl's own timers. */
#define WAIT_MS_LONG INT64_C(60000)

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
enum status http_curl_send_all(struct transport *transport, const struct http_batch *batch,
                               struct arena *arena, struct error *error) {
    (void)error;
    ASSERT(batch->in_flight_max > 0);
    struct run run = {
        .curl = (struct http_curl *)(void *)transport, .batch = batch, .arena = arena};
    http_curl_ready_for_batch(run.curl);
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
