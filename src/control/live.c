/* SPDX-License-Identifier: Apache-2.0 */
#include "control_internal.h"

/* Elastic Load Balancing is eventually consistent: who is missed for a moment is there again after
 * it. */
#define MISSING_PAUSE_MS 1000

#define CHANGE_PAUSE_MS INT64_C(1000) /* before the second attempt; twice that before the third */

bool live_sleep_before_recheck(struct guard *guard) {
    if (!aws_client_may_attempt(&guard->aws, 2) ||
        aws_client_time_left_ms(&guard->aws) <= 2 * MISSING_PAUSE_MS) {
        return false;
    }
    guard->clock->sleep_ms(guard->clock, MISSING_PAUSE_MS);
    return true;
}

enum status live_read(struct guard *guard, unsigned parts, struct arena *arena,
                      struct load_balancer *facts, int64_t *read_ms, struct error *error) {
    *read_ms = guard->clock->now_ms(guard->clock);
    enum status status = elbv2_read_load_balancer(&guard->aws, parts, arena, facts, error);
    if (status == STATUS_NOT_FOUND && live_sleep_before_recheck(guard)) {
        *read_ms = guard->clock->now_ms(guard->clock);
        status = elbv2_read_load_balancer(&guard->aws, parts, arena, facts, error);
    }
    return status;
}

enum status live_set_mode(struct guard *guard, struct load_balancer *facts, enum desync_mode mode,
                          struct arena *arena, struct error *error) {
    const struct load_balancer before = *facts;
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(mode))};
    TRY(elbv2_modify_attributes(&guard->aws, before.arn, &attribute, 1, arena, facts, error));
    if (facts->mode != mode) {
        return error_set(error, arena, STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(facts->mode), mode_name(mode));
    }
    if (facts->drops_invalid_headers == UNKNOWN) {
        facts->drops_invalid_headers = before.drops_invalid_headers;
    }
    return STATUS_OK;
}

bool live_sleep_before_retry(struct guard *guard, const struct error *error, int attempt) {
    int64_t pause_ms = CHANGE_PAUSE_MS * attempt;
    bool may_pass = status_is_retryable(error->status) || error->status == STATUS_NOT_FOUND;
    if (attempt >= LIVE_ATTEMPTS_MAX || !may_pass ||
        !aws_client_may_attempt(&guard->aws, attempt + 1) ||
        aws_client_time_left_ms(&guard->aws) <= 2 * pause_ms) {
        return false;
    }
    guard->clock->sleep_ms(guard->clock, pause_ms);
    return true;
}
