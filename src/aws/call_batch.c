/* SPDX-License-Identifier: Apache-2.0
 *
 * Many AWS calls over the transport's send_all. Each has its own retry state and the moment before
 * which it must not start; what one attempt needs lives in a slot's arena, so memory grows with
 * what is in flight and not with the number of attempts.
 */
#include "call_internal.h"

/* With everything in flight only a completion can bring news; the transport asks again at each, so
 * this is just a number that fits its poll. */
#define WAIT_FOR_COMPLETION_MS 60000

enum phase { PHASE_WAITING, PHASE_IN_FLIGHT, PHASE_TO_RENEW, PHASE_ENDED };

struct batch_call {
    struct call call;
    enum phase phase;
    int64_t not_before_ms;
    struct aws_outcome *outcome;
};

struct batch_slot {
    struct arena arena;
    struct batch_call *user; /* NULL: free */
};

struct batch {
    struct aws_client *client;
    struct batch_call *calls;
    size_t count;
    size_t first_open; /* all before it have ended */
    size_t in_flight;
    struct batch_slot *slots;
    size_t slot_count;
};

static void end_call(struct batch_call *entry, enum status status) {
    entry->phase = PHASE_ENDED;
    entry->outcome->status = status;
    if (status == STATUS_OK) {
        entry->outcome->error = (struct error){.status = STATUS_OK};
    }
}

static struct batch_slot *take_slot(struct batch *batch, struct batch_call *entry) {
    size_t i = 0;
    while (i < batch->slot_count && batch->slots[i].user != NULL) {
        i++;
    }
    ASSERT(i < batch->slot_count); /* the transport keeps in_flight_max */
    batch->slots[i].user = entry;
    return &batch->slots[i];
}

static void release_slot(struct batch_slot *slot) {
    slot->user = NULL;
    arena_reset(&slot->arena);
}

/* Signs and hands out; false when the call ended instead (no time left). */
static bool start_call(struct batch *batch, struct batch_call *entry, struct http_request *request,
                       void **tag) {
    struct batch_slot *slot = take_slot(batch, entry);
    enum status status = call_prepare(&entry->call, &slot->arena, request, &entry->outcome->error);
    if (status != STATUS_OK) {
        end_call(entry, status);
        release_slot(slot);
        return false;
    }
    entry->phase = PHASE_IN_FLIGHT;
    batch->in_flight++;
    *tag = slot;
    return true;
}

static enum http_batch_step batch_next(void *context, struct http_request *request, void **tag,
                                       int64_t *wait_ms) {
    struct batch *batch = context;
    int64_t now_ms = batch->client->clock->now_ms(batch->client->clock);
    int64_t earliest_ms = INT64_MAX;
    while (batch->first_open < batch->count &&
           batch->calls[batch->first_open].phase == PHASE_ENDED) {
        batch->first_open++;
    }
    for (size_t i = batch->first_open; i < batch->count; i++) {
        struct batch_call *entry = &batch->calls[i];
        if (entry->phase != PHASE_WAITING) {
            continue;
        }
        int64_t start_ms = entry->not_before_ms;
        if (start_ms <= now_ms) {
            start_ms = now_ms + call_acquire_tokens(&entry->call);
        }
        if (start_ms > now_ms) {
            earliest_ms = start_ms < earliest_ms ? start_ms : earliest_ms;
        } else if (start_call(batch, entry, request, tag)) {
            return HTTP_BATCH_SEND;
        }
    }
    if (earliest_ms == INT64_MAX && batch->in_flight == 0) {
        return HTTP_BATCH_DONE;
    }
    *wait_ms = earliest_ms == INT64_MAX ? WAIT_FOR_COMPLETION_MS : earliest_ms - now_ms;
    return HTTP_BATCH_WAIT;
}

static void batch_completed(void *context, void *tag, enum status status,
                            const struct http_response *response, const struct error *error) {
    struct batch *batch = context;
    struct batch_slot *slot = tag;
    struct batch_call *entry = slot->user;
    const struct call_end end = {status, response, error};
    int64_t delay_ms = 0;
    ASSERT(entry != NULL && entry->phase == PHASE_IN_FLIGHT);
    batch->in_flight--;
    enum call_verdict verdict = call_judge(&entry->call, &end, &delay_ms, &entry->outcome->error);
    release_slot(slot);
    entry->call.signature = STR_EMPTY; /* it lived in the slot */
    if (verdict == CALL_REPEAT) {
        entry->phase = PHASE_WAITING;
        entry->not_before_ms = batch->client->clock->now_ms(batch->client->clock) + delay_ms;
        return;
    }
    if (verdict == CALL_RENEW) {
        entry->phase = PHASE_TO_RENEW; /* when nothing is in flight any more */
        return;
    }
    end_call(entry, verdict == CALL_SUCCEEDED ? STATUS_OK : entry->outcome->error.status);
}

/* The calls whose credentials were refused wait for others, or have ended. false: none waits. */
static bool renew_credentials(struct batch *batch) {
    bool has_any = false;
    bool has_others = true; /* what the source has not for one call, it has for none */
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_call *entry = &batch->calls[i];
        if (entry->phase != PHASE_TO_RENEW) {
            continue;
        }
        has_others = has_others && call_renew(&entry->call);
        has_any = has_any || has_others;
        if (has_others) {
            entry->phase = PHASE_WAITING;
        } else {
            end_call(entry, entry->outcome->error.status);
        }
    }
    return has_any;
}

/* A transport that gave up leaves calls behind; none of them may look like a success. */
static void end_the_rest(struct batch *batch, struct arena *arena, const struct error *why) {
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_call *entry = &batch->calls[i];
        if (entry->phase != PHASE_ENDED) {
            enum status status = why->status != STATUS_OK ? why->status : STATUS_CONNECTION;
            bool is_open = entry->phase == PHASE_IN_FLIGHT || entry->call.has_open_attempt;
            end_call(entry, error_set(&entry->outcome->error, arena, status,
                                      "%s %s: not carried out: %" STR_FMT,
                                      aws_service_info(entry->call.request->service)->display_name,
                                      entry->call.request->operation, STR_ARG(why->message)));
            entry->outcome->error.is_outcome_unknown = is_open;
        }
    }
}

enum status aws_call_all(struct aws_client *client, const struct aws_request *requests,
                         size_t count, unsigned in_flight_max, struct arena *arena,
                         struct aws_outcome *outcomes, struct error *error) {
    ASSERT(in_flight_max > 0);
    struct batch batch = {
        .client = client,
        .calls = ARENA_ARRAY(arena, struct batch_call, count),
        .count = count,
        .slots = ARENA_ARRAY(arena, struct batch_slot, in_flight_max),
        .slot_count = in_flight_max,
    };
    const struct http_batch exchange = {
        .context = &batch,
        .in_flight_max = in_flight_max,
        .next = batch_next,
        .completed = batch_completed,
    };
    struct error problem = {.status = STATUS_OK};
    enum status status;
    for (size_t i = 0; i < count; i++) {
        struct batch_call *entry = &batch.calls[i];
        entry->outcome = &outcomes[i];
        outcomes[i].error = (struct error){.status = STATUS_OK};
        status = call_begin(&entry->call, client, &requests[i], arena, &outcomes[i].error);
        if (status != STATUS_OK) {
            end_call(entry, status);
        }
    }
    do { /* twice at most: a call renews once */
        status = client->transport->send_all(client->transport, &exchange, arena, &problem);
    } while (status == STATUS_OK && renew_credentials(&batch));
    problem.status = status;
    end_the_rest(&batch, arena, &problem);
    for (size_t i = 0; i < batch.slot_count; i++) {
        arena_clean_up(&batch.slots[i].arena);
    }
    if (status != STATUS_OK && error != NULL) {
        *error = problem;
    }
    return status;
}
