/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/call.h"

#include "call_internal.h"

/* Sends one attempt and judges its end. */
static enum call_verdict call_attempt(struct call *call, int64_t *delay_ms, struct error *error) {
    struct transport *transport = call->client->transport;
    struct http_request request = {.timeout_ms = 0};
    struct http_response response = {.status = 0};
    struct error transport_error = {.status = STATUS_OK};
    int64_t pace_ms;
    while ((pace_ms = call_acquire_tokens(call)) > 0) {
        call->client->clock->sleep_ms(call->client->clock, pace_ms);
    }
    if (call_prepare(call, call->arena, &request, error) != STATUS_OK) {
        return CALL_FAILED;
    }
    enum status status =
        transport->send(transport, &request, call->arena, &response, &transport_error);
    const struct call_end end = {status, &response, &transport_error};
    return call_judge(call, &end, delay_ms, error);
}

enum status aws_call(struct aws_client *client, const struct aws_request *request,
                     struct arena *arena, struct error *error) {
    struct call call;
    struct error problem = {.status = STATUS_OK};
    int64_t delay_ms = 0;
    enum call_verdict verdict = CALL_FAILED;
    if (call_begin(&call, client, request, arena, &problem) == STATUS_OK) {
        verdict = call_attempt(&call, &delay_ms, &problem);
        while (verdict == CALL_REPEAT || (verdict == CALL_RENEW && call_renew(&call))) {
            if (verdict == CALL_REPEAT) {
                client->clock->sleep_ms(client->clock, delay_ms);
            }
            verdict = call_attempt(&call, &delay_ms, &problem);
        }
    }
    if (verdict == CALL_SUCCEEDED) {
        return STATUS_OK;
    }
    ASSERT(problem.status != STATUS_OK);
    if (error != NULL) {
        *error = problem;
    }
    return problem.status;
}
