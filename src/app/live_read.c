/* SPDX-License-Identifier: Apache-2.0 */
#include "act_internal.h"

/* Elastic Load Balancing is eventually consistent: who is missed for a moment is there again after
 * it. */
#define MISSING_PAUSE_MS 1000

#define CHANGE_PAUSE_MS INT64_C(1000) /* before the second attempt; twice that before the third */

bool live_wait_for_missing(struct app *app) {
    if (!aws_client_may_attempt(&app->aws, 2) ||
        aws_client_time_left_ms(&app->aws) <= 2 * MISSING_PAUSE_MS) {
        return false;
    }
    app->clock->sleep_ms(app->clock, MISSING_PAUSE_MS);
    return true;
}

enum status live_read(struct app *app, unsigned parts, struct arena *arena,
                      struct load_balancer *facts, int64_t *read_ms, struct error *error) {
    *read_ms = app->clock->now_ms(app->clock);
    enum status status = elbv2_read_load_balancer(&app->aws, parts, arena, facts, error);
    if (status == STATUS_NOT_FOUND && live_wait_for_missing(app)) {
        *read_ms = app->clock->now_ms(app->clock);
        status = elbv2_read_load_balancer(&app->aws, parts, arena, facts, error);
    }
    return status;
}

enum status live_set_mode(struct app *app, struct load_balancer *facts, enum desync_mode mode,
                          struct arena *arena, struct error *error) {
    const struct load_balancer before = *facts;
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(mode))};
    TRY(elbv2_modify_attributes(&app->aws, before.arn, &attribute, 1, arena, facts, error));
    if (facts->mode != mode) {
        return error_set(error, arena, STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(facts->mode), mode_name(mode));
    }
    if (facts->drops_invalid_headers == KNOWN_NOT) {
        facts->drops_invalid_headers = before.drops_invalid_headers;
    }
    return STATUS_OK;
}

bool live_may_try_again(struct app *app, const struct error *error, int attempt) {
    int64_t pause_ms = CHANGE_PAUSE_MS * attempt;
    bool may_pass = status_is_retryable(error->status) || error->status == STATUS_NOT_FOUND;
    if (attempt >= LIVE_ATTEMPTS_MAX || !may_pass ||
        !aws_client_may_attempt(&app->aws, attempt + 1) ||
        aws_client_time_left_ms(&app->aws) <= 2 * pause_ms) {
        return false;
    }
    app->clock->sleep_ms(app->clock, pause_ms);
    return true;
}
