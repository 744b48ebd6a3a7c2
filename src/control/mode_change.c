/* SPDX-License-Identifier: Apache-2.0
 *
 * The guarded change of promotion and roll back. Enforcement has its own (enforce_minimum.c), as it
 * also counts corrections and names who undid them; what is sent and believed is the same
 * (live_read.c).
 */
#include "control/mode_change.h"
#include "aws/elbv2.h"
#include "control/live.h"
#include "control_internal.h"

static int64_t now_of(const struct mode_change *change) {
    return change->guard->clock->now_ms(change->guard->clock);
}

static void judge(struct mode_change *change) {
    policy_evaluate(change->facts, change->policy, now_of(change), change->arena,
                    change->evaluation);
}

/* What is gone is no failure: there is nothing to change any more (`why_not`). */
static enum status look(struct mode_change *change, struct error *error) {
    bool needs_scheme =
        change->facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(change->policy);
    unsigned parts = ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
    enum status status =
        live_read(change->guard, parts, change->arena, change->facts, &change->facts_ms, error);
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
    change->is_tried = true;
    TRY(live_set_mode(change->guard, change->facts, change->to, change->arena, error));
    change->facts_ms = now_of(change);
    judge(change);
    return STATUS_OK;
}

enum status mode_change_make(struct mode_change *change, struct error *error) {
    enum status status = STATUS_OK;
    change->evaluation = ARENA_NEW(change->arena, struct evaluation);
    for (int attempt = 1;; attempt++) {
        aws_wait_for_turn(&change->guard->aws, PACE_ELB_WRITE);
        TRY(look(change, error));
        if (is_settled(change)) {
            return STATUS_OK;
        }
        if (attempt > LIVE_ATTEMPTS_MAX) {
            return status;
        }
        *error = (struct error){0};
        status = send(change, error);
        change->is_made = status == STATUS_OK;
        change->may_be_made = error->is_outcome_unknown;
        if (change->is_made) {
            return STATUS_OK;
        }
        if (!live_sleep_before_retry(change->guard, error, attempt)) {
            if (!change->may_be_made) {
                return status;
            }
            attempt = LIVE_ATTEMPTS_MAX; /* only to see what came of it */
        }
    }
}
