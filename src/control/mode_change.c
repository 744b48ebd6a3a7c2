/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: no mode is set on an old look, as what was right to set a few seconds ago may lower a
 * mode that somebody raised since. One key is sent, once for each look, and only the mode that the
 * answer names is believed.
 *
 *     wait for a turn --> look --> gone, or set by a request whose answer was lost
 *          ^                |
 *          |             confirm --> not due any more
 *          |                |
 *        pause <--------- send ----> set
 *          no answer, or    |
 *          may pass         +------> refused
 *
 * Once an answer was lost it stays in doubt whether that request was or will be carried out: after
 * the last attempt one more look is made without a request, and the caller learns of the doubt.
 */
#include "control/mode_change.h"
#include "aws/elbv2.h"
#include "control/live.h"

#define FRESH_MS        3000 /* facts older than this are read anew before a mode is changed */
#define ATTEMPTS_MAX    3
#define CHANGE_PAUSE_MS INT64_C(1000) /* before the second attempt; twice that before the third */

static int64_t now_of(const struct mode_change *change) {
    return change->control->guard->clock->now_ms(change->control->guard->clock);
}

void mode_change_judge(struct mode_change *change) {
    const struct evaluation before = *change->evaluation;
    policy_evaluate(change->facts, change->control->policy, now_of(change), change->control->arena,
                    change->evaluation);
    change->evaluation->source_note = before.source_note;
    change->evaluation->ordering_ms = before.ordering_ms;
}

enum status mode_change_read(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    bool needs_scheme =
        change->facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(control->policy);
    unsigned parts = ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
    int64_t read_ms;
    if (change->is_live && now_of(change) - change->facts_ms <= FRESH_MS) {
        return STATUS_OK;
    }
    enum status status =
        live_read(control->guard, parts, control->arena, change->facts, &read_ms, error);
    if (status == STATUS_OK) {
        change->facts_ms = read_ms;
        change->is_live = true;
        mode_change_judge(change);
    } else if (status == STATUS_NOT_FOUND) {
        int64_t ordering_ms = change->evaluation->ordering_ms;
        evaluation_without_facts(change->evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE),
                                 change->facts->arn, NOT_APPLICABLE,
                                 STR("does not exist any more"));
        change->evaluation->source = SOURCE_LIVE;
        change->evaluation->ordering_ms = ordering_ms;
        change->facts_ms = now_of(change);
        change->is_gone = true;
        return STATUS_OK;
    }
    return status;
}

static enum status send_change(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    struct load_balancer *facts = change->facts;
    const enum tristate drops_invalid_headers = facts->drops_invalid_headers;
    const struct elbv2_attribute attribute = {STR(ATTRIBUTE_DESYNC_MODE),
                                              str_from_cstr(mode_name(change->to))};
    change->found = ARENA_NEW(control->arena, struct evaluation);
    *change->found = *change->evaluation;
    change->found_ms = change->facts_ms;
    change->is_live = false;
    TRY(elbv2_modify_attributes(&control->guard->aws, facts->arn, &attribute, 1, control->arena,
                                facts, error));
    if (facts->mode != change->to) {
        return error_set(error, control->arena, STATUS_REFUSED,
                         "elasticloadbalancing ModifyLoadBalancerAttributes: the mode is %s after "
                         "it was set to %s",
                         mode_name(facts->mode), mode_name(change->to));
    }
    if (facts->drops_invalid_headers == UNKNOWN) {
        facts->drops_invalid_headers = drops_invalid_headers;
    }
    change->facts_ms = now_of(change);
    change->is_live = true;
    mode_change_judge(change);
    return STATUS_OK;
}

/* false: there is no other attempt after this one, and nothing was waited for. */
static bool sleep_before_retry(struct guard *guard, const struct error *error, int attempt) {
    int64_t pause_ms = CHANGE_PAUSE_MS * attempt;
    bool may_pass = status_is_retryable(error->status) || error->status == STATUS_NOT_FOUND;
    if (attempt >= ATTEMPTS_MAX || !may_pass || !aws_client_may_attempt(&guard->aws, attempt + 1) ||
        aws_client_time_left_ms(&guard->aws) <= 2 * pause_ms) {
        return false;
    }
    guard->clock->sleep_ms(guard->clock, pause_ms);
    return true;
}

enum status mode_change_make(struct mode_change *change, struct error *error) {
    struct guard *guard = change->control->guard;
    enum status status = STATUS_OK;
    bool may_send = true;
    for (int attempt = 1;; attempt++) {
        if (may_send) { /* else the look is only to see whether a lost request was carried out */
            aws_wait_for_turn(&guard->aws, PACE_ELB_WRITE);
        }
        enum status look = mode_change_read(change, attempt == 1 ? error : NULL);
        if (look != STATUS_OK) {
            return attempt == 1 ? look : status;
        }
        change->is_made =
            !change->is_gone && change->may_be_made && change->facts->mode == change->to;
        if (change->is_gone || change->is_made) {
            return STATUS_OK;
        } else if (!may_send) {
            return status;
        }
        *error = (struct error){0};
        if (!change->confirm(change, error)) {
            return error->status;
        }
        status = send_change(change, error);
        change->is_made = status == STATUS_OK;
        change->may_be_made = change->may_be_made || error->is_outcome_unknown;
        may_send = !change->is_made && sleep_before_retry(guard, error, attempt);
        if (change->is_made || (!may_send && !change->may_be_made)) {
            return status;
        }
    }
}
