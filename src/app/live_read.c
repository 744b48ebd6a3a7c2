/* SPDX-License-Identifier: Apache-2.0 */
#include "act_internal.h"

/* Elastic Load Balancing is eventually consistent: who is missed for a moment is there again after
 * it. */
#define MISSING_PAUSE_MS 1000

bool live_wait_for_missing(struct app *app) {
    if (aws_client_time_left_ms(&app->aws) <= 2 * MISSING_PAUSE_MS) {
        return false;
    }
    app->clock->sleep_ms(app->clock, MISSING_PAUSE_MS);
    return true;
}

enum status live_read(struct app *app,
                      unsigned parts,
                      struct arena *arena,
                      struct load_balancer *facts,
                      int64_t *read_ms,
                      struct error *error) {
    *read_ms = app->clock->now_ms(app->clock);
    enum status status = elbv2_read_load_balancer(&app->aws, parts, arena, facts, error);
    if (status == STATUS_NOT_FOUND && live_wait_for_missing(app)) {
        *read_ms = app->clock->now_ms(app->clock);
        status = elbv2_read_load_balancer(&app->aws, parts, arena, facts, error);
    }
    return status;
}
