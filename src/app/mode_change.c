/* SPDX-License-Identifier: Apache-2.0
 *
 * The guarded change of promotion and roll back. Enforcement has its own (act_enforce.c), as it
 * also counts corrections and names who undid them; the rules of both are the same.
 */
#include "aws/elbv2.h"
#include "promote_internal.h"

#define ATTEMPTS_MAX 3
#define PAUSE_MS     INT64_C(1000) /* before the second; twice that before the third */

static int64_t now_of(const struct mode_change *change) {
    return change->app->clock->now_ms(change->app->clock);
}

static void judge(struct mode_change *change) {
    policy_evaluate(
        change->facts, change->policy, now_of(change), change->arena, change->evaluation);
}

/* What is gone is no failure: there is nothing to change any more (`why_not`). */
static enum status look(struct mode_change *change, struct error *error) {
    bool needs_scheme =
        change->facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(change->policy);
    unsigned parts = ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
    enum status status =
        live_read(change->app, parts, change->arena, change->facts, &change->facts_ms, error);
    if (status == STATUS_NOT_FOUND) {
        change->may_be_made = false;
        change->why_not = STR("does not exist any more");
        return STATUS_OK;
    }
    TRY(status);
    judge(change);
    change->is_made = change->may_be_made && change->facts->mode == change->to;
    change->may_be_made = false;
    return STATUS_OK;
}

/* Nothing is to be sent any more. */
static bool is_settled(struct mode_change *change) {
    return change->is_made || !str_is_empty(change->why_not) ||
           !change->is_due(change->context, change->evaluation, &change->why_not);
}

static enum status send(struct mode_change *change, struct error *error) {
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(change->to))};
    const struct load_balancer before = *change->facts;
    change->is_tried = true;
    TRY(elbv2_modify_attributes(
        &change->app->aws, before.arn, &attribute, 1, change->arena, change->facts, error));
    if (change->facts->mode != change->to) {
        return error_set(error,
                         change->arena,
                         STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(change->facts->mode),
                         mode_name(change->to));
    }
    if (change->facts->drops_invalid_headers == KNOWN_NOT) {
        change->facts->drops_invalid_headers = before.drops_invalid_headers;
    }
    change->facts_ms = now_of(change);
    judge(change);
    return STATUS_OK;
}

static bool may_try_again(struct mode_change *change, const struct error *error, int attempt) {
    int64_t pause_ms = PAUSE_MS * attempt;
    bool may_pass = status_is_retryable(error->status) || error->status == STATUS_NOT_FOUND;
    if (attempt >= ATTEMPTS_MAX || !may_pass ||
        aws_client_time_left_ms(&change->app->aws) <= 2 * pause_ms) {
        return false;
    }
    change->app->clock->sleep_ms(change->app->clock, pause_ms);
    return true;
}

enum status mode_change_make(struct mode_change *change, struct error *error) {
    enum status status = STATUS_OK;
    change->evaluation = ARENA_NEW(change->arena, struct evaluation);
    for (int attempt = 1;; attempt++) {
        aws_wait_for_turn(&change->app->aws, PACE_ELB_WRITE);
        TRY(look(change, error));
        if (is_settled(change)) {
            return STATUS_OK;
        }
        if (attempt > ATTEMPTS_MAX) {
            return status;
        }
        *error = (struct error){0};
        status = send(change, error);
        change->is_made = status == STATUS_OK;
        change->may_be_made = error->is_outcome_unknown;
        if (change->is_made) {
            return STATUS_OK;
        }
        if (!may_try_again(change, error, attempt)) {
            if (!change->may_be_made) {
                return status;
            }
            attempt = ATTEMPTS_MAX; /* only to see what came of it */
        }
    }
}
