/* SPDX-License-Identifier: Apache-2.0
 *
 * A transport and a clock for tests: answers from a script, records what was asked, and lets time
 * pass only in numbers. Requests and answers of one test live in the fake until fake_clean_up.
 *
 *     struct fake_transport fake;
 *     fake_init(&fake);
 *     fake_answer(&fake, (struct fake_answer){.http_status = 200, .body = STR("{}")});
 *     ... use &fake.transport and &fake.clock ...
 *     fake_clean_up(&fake);
 *
 * A request takes the first answer of the script that is not used up and whose `match` occurs in it
 * (URL, a "Name: value" line, or body); one that the script does not answer goes to `respond`, and
 * without that fails the test.
 */
#ifndef FAKE_TRANSPORT_H
#define FAKE_TRANSPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/http.h"

#define FAKE_FOREVER       (-1)
#define FAKE_ANSWERS_MAX   64
#define FAKE_REQUESTS_MAX  16384
#define FAKE_IN_FLIGHT_MAX 256
#define FAKE_HEADERS_MAX   8
#define FAKE_NOW_MS        INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */

struct fake_answer {
    const char *match;  /* must occur in the request; NULL: any */
    int times;          /* 0: once; FAKE_FOREVER */
    enum status status; /* not OK: the transport ends so, without an answer */
    bool was_not_sent;  /* then: before a byte was sent */
    int http_status;
    const char *headers; /* "Name: value" lines separated by '\n'; NULL: none */
    str body;
    int64_t took_ms; /* longer than the request's timeout: TIMEOUT. TIMEOUT takes all of it. */
};

struct fake_request {
    struct http_request http; /* a copy that outlives the caller's */
    int64_t at_ms;
};

struct fake_flight {
    void *tag;
    int64_t end_ms;
    enum status status;
    struct http_response response;
    struct error error;
};

struct fake_transport {
    struct transport transport; /* first member, so that a transport pointer is a fake pointer */
    struct clock clock;
    struct arena arena;
    int64_t now_ms;
    int64_t slept_ms; /* by sleep_ms and by waits of send_all with nothing in flight */
    size_t sleep_count;
    struct fake_answer answers[FAKE_ANSWERS_MAX];
    int uses[FAKE_ANSWERS_MAX];
    size_t answer_count;
    /* A simulated service behind the script; what it answers lives in `arena`. */
    struct fake_answer (*respond)(void *context, const struct http_request *request);
    void *respond_context;
    struct fake_request *requests; /* grows in `arena` */
    size_t request_capacity;
    size_t request_count;
    size_t in_flight_peak;
    enum status send_all_status; /* not OK: send_all refuses to work */
};

static inline int64_t fake_now_ms(const struct clock *clock) {
    return ((const struct fake_transport *)clock->context)->now_ms;
}

static inline int64_t fake_monotonic_us(const struct clock *clock) {
    return fake_now_ms(clock) * 1000;
}

static inline void fake_sleep_ms(const struct clock *clock, int64_t ms) {
    struct fake_transport *fake = clock->context;
    assert_true(ms >= 0);
    fake->now_ms += ms;
    fake->slept_ms += ms;
    fake->sleep_count++;
}

static inline struct fake_request *fake_record(struct fake_transport *fake,
                                               const struct http_request *request) {
    assert_true(fake->request_count < FAKE_REQUESTS_MAX);
    if (fake->request_count == fake->request_capacity) {
        size_t old_size = fake->request_capacity * sizeof(fake->requests[0]);
        size_t new_size = old_size == 0 ? 64 * sizeof(fake->requests[0]) : 2 * old_size;
        fake->requests = arena_realloc(&fake->arena, fake->requests, old_size, new_size);
        fake->request_capacity = new_size / sizeof(fake->requests[0]);
    }
    struct fake_request *copy = &fake->requests[fake->request_count++];
    struct http_header *headers =
        ARENA_ARRAY(&fake->arena, struct http_header, request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        headers[i].name = str_copy(&fake->arena, request->headers[i].name);
        headers[i].value = str_copy(&fake->arena, request->headers[i].value);
    }
    copy->http = *request;
    copy->http.method = str_copy(&fake->arena, request->method);
    copy->http.url = str_copy(&fake->arena, request->url);
    copy->http.body = str_copy(&fake->arena, request->body);
    copy->http.headers = headers;
    copy->at_ms = fake->now_ms;
    return copy;
}

static inline bool fake_matches(struct fake_transport *fake, const struct http_request *request,
                                const char *match) {
    str wanted = str_from_cstr(match);
    bool is_match =
        match == NULL || str_contains(request->url, wanted) || str_contains(request->body, wanted);
    for (size_t i = 0; !is_match && i < request->header_count; i++) {
        str line =
            str_format(&fake->arena, "%" STR_FMT ": %" STR_FMT, STR_ARG(request->headers[i].name),
                       STR_ARG(request->headers[i].value));
        is_match = str_contains(line, wanted);
    }
    return is_match;
}

static inline const struct fake_answer *fake_find_answer(struct fake_transport *fake,
                                                         const struct http_request *request) {
    for (size_t i = 0; i < fake->answer_count; i++) {
        const struct fake_answer *answer = &fake->answers[i];
        int times = answer->times == 0 ? 1 : answer->times;
        bool is_left = times == FAKE_FOREVER || fake->uses[i] < times;
        if (is_left && fake_matches(fake, request, answer->match)) {
            fake->uses[i]++;
            return answer;
        }
    }
    if (fake->respond != NULL) {
        struct fake_answer *answer = ARENA_NEW(&fake->arena, struct fake_answer);
        *answer = fake->respond(fake->respond_context, request);
        return answer;
    }
    fail_msg("no answer in the script for %s %s %s", str_to_cstr(&fake->arena, request->method),
             str_to_cstr(&fake->arena, request->url), str_to_cstr(&fake->arena, request->body));
    return NULL;
}

static inline void fake_fill_response(const struct fake_answer *answer, struct arena *arena,
                                      struct http_response *response) {
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, FAKE_HEADERS_MAX);
    size_t count = 0;
    for (str rest = str_from_cstr(answer->headers); rest.ptr != NULL;) {
        str line = str_split(&rest, '\n');
        size_t colon = str_find_char(line, ':');
        assert_true(count < FAKE_HEADERS_MAX);
        headers[count++] = (struct http_header){
            str_copy(arena, str_slice(line, 0, colon)),
            str_copy(arena, str_trim(str_slice(line, colon + 1, line.len))),
        };
    }
    *response = (struct http_response){
        .status = answer->http_status,
        .headers = headers,
        .header_count = count,
        .body = str_copy(arena, answer->body),
    };
}

/* Records the request and returns how it will end and when. */
static inline void fake_start(struct fake_transport *fake, const struct http_request *request,
                              struct arena *arena, struct fake_flight *flight) {
    fake_record(fake, request);
    const struct fake_answer *answer = fake_find_answer(fake, request);
    bool has_limit = request->timeout_ms > 0;
    bool is_late = has_limit && answer->took_ms > request->timeout_ms;
    flight->status = is_late ? STATUS_TIMEOUT : answer->status;
    bool takes_all = has_limit && flight->status == STATUS_TIMEOUT;
    flight->end_ms = fake->now_ms + (takes_all ? request->timeout_ms : answer->took_ms);
    flight->error = (struct error){.status = STATUS_OK};
    if (flight->status != STATUS_OK) {
        (void)error_set(&flight->error, arena, flight->status, "fake: %s",
                        status_text(flight->status));
        flight->error.was_not_sent = answer->was_not_sent;
        return;
    }
    fake_fill_response(answer, arena, &flight->response);
}

static inline enum status fake_send(struct transport *transport, const struct http_request *request,
                                    struct arena *arena, struct http_response *response,
                                    struct error *error) {
    struct fake_transport *fake = (struct fake_transport *)transport;
    struct fake_flight flight = {.tag = NULL};
    fake_start(fake, request, arena, &flight);
    fake->now_ms = flight.end_ms;
    *response = flight.response;
    if (flight.status != STATUS_OK && error != NULL) {
        *error = flight.error;
    }
    return flight.status;
}

/* The flight that ends first; the eldest of several. */
static inline size_t fake_first_to_end(const struct fake_flight *flights, size_t count) {
    size_t first = 0;
    for (size_t i = 1; i < count; i++) {
        first = flights[i].end_ms < flights[first].end_ms ? i : first;
    }
    return first;
}

static inline void fake_land(struct fake_transport *fake, const struct http_batch *batch,
                             struct fake_flight *flights, size_t *count) {
    size_t i = fake_first_to_end(flights, *count);
    struct fake_flight done = flights[i];
    memmove(&flights[i], &flights[i + 1], (*count - i - 1) * sizeof(flights[0]));
    (*count)--;
    fake->now_ms = done.end_ms > fake->now_ms ? done.end_ms : fake->now_ms;
    batch->completed(batch->context, done.tag, done.status, &done.response, &done.error);
}

/* Until the next landing or the end of the wait, whichever comes first. */
static inline void fake_wait(struct fake_transport *fake, const struct http_batch *batch,
                             struct fake_flight *flights, size_t *count, int64_t wait_ms) {
    assert_true(wait_ms > 0); /* anything else is a busy loop */
    if (*count == 0) {
        fake_sleep_ms(&fake->clock, wait_ms);
    } else if (flights[fake_first_to_end(flights, *count)].end_ms <= fake->now_ms + wait_ms) {
        fake_land(fake, batch, flights, count);
    } else {
        fake->now_ms += wait_ms;
    }
}

static inline enum status fake_send_all(struct transport *transport, const struct http_batch *batch,
                                        struct arena *arena, struct error *error) {
    struct fake_transport *fake = (struct fake_transport *)transport;
    struct fake_flight flights[FAKE_IN_FLIGHT_MAX];
    size_t count = 0;
    size_t room = batch->in_flight_max;
    assert_true(room > 0 && room <= FAKE_IN_FLIGHT_MAX);
    if (fake->send_all_status != STATUS_OK) {
        return error_set(error, arena, fake->send_all_status, "fake: send_all refuses");
    }
    for (;;) {
        struct http_request request = {.timeout_ms = 0};
        void *tag = NULL;
        int64_t wait_ms = 0;
        if (count == room) {
            fake_land(fake, batch, flights, &count);
            continue;
        }
        switch (batch->next(batch->context, &request, &tag, &wait_ms)) {
        case HTTP_BATCH_SEND:
            flights[count] = (struct fake_flight){.tag = tag};
            fake_start(fake, &request, arena, &flights[count++]);
            fake->in_flight_peak = count > fake->in_flight_peak ? count : fake->in_flight_peak;
            break;
        case HTTP_BATCH_WAIT:
            fake_wait(fake, batch, flights, &count, wait_ms);
            break;
        case HTTP_BATCH_DONE:
            while (count > 0) {
                fake_land(fake, batch, flights, &count);
            }
            return STATUS_OK;
        }
    }
}

static inline void fake_init(struct fake_transport *fake) {
    *fake = (struct fake_transport){
        .transport = {.send = fake_send, .send_all = fake_send_all},
        .clock = {.now_ms = fake_now_ms,
                  .monotonic_us = fake_monotonic_us,
                  .sleep_ms = fake_sleep_ms},
        .now_ms = FAKE_NOW_MS,
    };
    fake->clock.context = fake;
}

static inline void fake_clean_up(struct fake_transport *fake) {
    arena_clean_up(&fake->arena);
}

static inline void fake_answer(struct fake_transport *fake, struct fake_answer answer) {
    assert_true(fake->answer_count < FAKE_ANSWERS_MAX);
    fake->answers[fake->answer_count++] = answer;
}

/* Header of the nth request (from 0); empty when absent. */
static inline str fake_request_header(const struct fake_transport *fake, size_t n,
                                      const char *name) {
    assert_true(n < fake->request_count);
    const struct http_request *request = &fake->requests[n].http;
    const struct http_response as_response = {.headers = request->headers,
                                              .header_count = request->header_count};
    return http_header_get(&as_response, name);
}

static inline str fake_request_body(const struct fake_transport *fake, size_t n) {
    assert_true(n < fake->request_count);
    return fake->requests[n].http.body;
}

/* How many requests hold this text. */
static inline size_t fake_requests_with(struct fake_transport *fake, const char *text) {
    size_t count = 0;
    for (size_t i = 0; i < fake->request_count; i++) {
        count += fake_matches(fake, &fake->requests[i].http, text) ? 1 : 0;
    }
    return count;
}

#endif
