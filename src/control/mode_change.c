/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: no mode is set on an old look, as what was right to set a few seconds ago may lower a
 * mode that somebody raised since; none is set on a mode that was not read; and none is lowered but
 * our own promotion, which is never taken below the required mode. One key is sent, once for each
 * look, and only the mode that the answer names is believed.
 *
 *     wait for a turn --> look --> gone, or set by a request whose answer was lost
 *          ^                | ^
 *          |          confirm |----> took too long: look again
 *          |                |   `--> not due any more
 *        pause <--------- send ----> set
 *          no answer, or    |
 *          may pass         +------> refused
 *
 * Once an answer was lost it stays in doubt whether that request was or will be carried out: after
 * the last attempt one more look is made without a request, and the caller learns of the doubt.
 */
#include "control/mode_change.h"
#include "aws/elbv2.h"
#include "control/accounts.h"
#include "control/live.h"
#include "control_internal.h"

#define FRESH_MS        2000 /* facts older than this are read anew before a mode is changed */
#define LOOKS_MAX       3 /* for one request: confirming writes to the table, which may take long */
#define ATTEMPTS_MAX    3
#define CHANGE_PAUSE_MS INT64_C(1000) /* before the second attempt; twice that before the third */

static int64_t now_of(const struct mode_change *change) {
    return guard_now_ms(change->control->guard);
}

void mode_change_judge(struct mode_change *change) {
    const struct evaluation before = *change->evaluation;
    policy_evaluate(change->facts, change->control->policy, now_of(change), change->control->arena,
                    change->evaluation);
    change->evaluation->source_note = before.source_note;
    change->evaluation->ordering_ms = before.ordering_ms;
}

static bool is_fresh(const struct mode_change *change) {
    return change->is_live && now_of(change) - change->facts_ms <= FRESH_MS;
}

/* What is in another account is not found with our own credentials: that is no deletion. */
static enum status take_missing(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    str account_id = load_balancer_arn_parts(change->facts->arn).account_id;
    int64_t ordering_ms = change->evaluation->ordering_ms;
    TRY(accounts_require(control->guard, account_id, control->arena, error));
    evaluation_without_facts(change->evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE),
                             change->facts->arn, NOT_APPLICABLE, STR("does not exist any more"));
    change->evaluation->source = SOURCE_LIVE;
    change->evaluation->ordering_ms = ordering_ms;
    change->facts_ms = now_of(change);
    change->is_gone = true;
    return STATUS_OK;
}

/* A verdict without a mode would be a guess, and every step after this one compares modes. */
static enum status require_mode(const struct mode_change *change, struct error *error) {
    struct arena *arena = change->control->arena;
    if (change->facts->mode != MODE_UNKNOWN) {
        return STATUS_OK;
    }
    return error_set(error, arena, STATUS_INCOMPLETE, "nothing is changed: %" STR_FMT,
                     STR_ARG(change->evaluation->reason));
}

static enum status look(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    bool needs_scheme =
        change->facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(control->policy);
    unsigned parts = ELBV2_ATTRIBUTES | ELBV2_TAGS | (needs_scheme ? ELBV2_DESCRIPTION : 0U);
    int64_t read_ms;
    enum status status =
        live_read(control->guard, parts, control->arena, change->facts, &read_ms, error);
    if (status == STATUS_NOT_FOUND) {
        return take_missing(change, error);
    }
    TRY(status);
    change->facts_ms = read_ms;
    change->is_live = true;
    mode_change_judge(change);
    return require_mode(change, error);
}

enum status mode_change_read(struct mode_change *change, struct error *error) {
    enum desync_mode known = change->facts->mode;
    if (is_fresh(change)) {
        return require_mode(change, error);
    }
    TRY(look(change, error));
    /* Reads lag: one that shows less than an event or a look before it is repeated. */
    if (!change->is_gone && change->facts->mode < known &&
        live_sleep_before_recheck(change->control->guard)) {
        return look(change, error);
    }
    return STATUS_OK;
}

/* Raises, or undoes our own promotion and not below what is required without it. */
static bool is_allowed(struct mode_change *change, struct error *error) {
    struct control *control = change->control;
    struct load_balancer lowered = *change->facts;
    struct evaluation *evaluation = ARENA_NEW(control->arena, struct evaluation);
    if (change->to >= change->facts->mode || !change->is_rollback) {
        return change->to > change->facts->mode;
    }
    lowered.mode = change->to;
    policy_evaluate(&lowered, control->policy, now_of(change), control->arena, evaluation);
    change->is_required = evaluation_finding(evaluation, FINDING_MODE_TOO_WEAK) != NULL;
    if (evaluation->required_mode == MODE_UNKNOWN) {
        (void)error_set(error, control->arena, STATUS_INCOMPLETE,
                        "nothing is lowered: the scheme, and so the required mode, is not known");
    }
    return !change->is_required && evaluation->required_mode != MODE_UNKNOWN;
}

/* Looks until the look that was confirmed is still fresh. false: nothing is to be sent, and *status
 * says whether that is a failure. */
static bool look_and_confirm(struct mode_change *change, bool may_send, enum status *status,
                             struct error *error) {
    for (int looks = 1; looks <= LOOKS_MAX; looks++) {
        *status = mode_change_read(change, error);
        change->is_made = *status == STATUS_OK && !change->is_gone && change->may_be_made &&
                          change->facts->mode == change->to;
        if (*status != STATUS_OK || change->is_gone || change->is_made || !may_send) {
            return false;
        }
        *error = (struct error){0};
        if (!is_allowed(change, error) || !change->confirm(change, error)) {
            *status = error->status;
            return false;
        }
        if (is_fresh(change)) {
            return true;
        }
    }
    *status = error_set(error, change->control->arena, STATUS_TIMEOUT,
                        "writing down the change took longer than %d ms each time, so that the "
                        "mode may have been changed meanwhile",
                        FRESH_MS);
    return false;
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
    if (facts->mode == MODE_UNKNOWN) { /* half an answer: it may have been carried out */
        (void)error_set(error, control->arena, STATUS_INCOMPLETE,
                        "elasticloadbalancing ModifyLoadBalancerAttributes: the answer names no "
                        "mode that is known");
        error->is_outcome_unknown = true;
        return error->status;
    }
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

/* For the next write of STATE, by which later invocations recognise a read that lags. */
static void note_made(struct mode_change *change) {
    change->control->made = (struct made_change){
        .arn = change->facts->arn,
        .change = {.at_ms = change->facts_ms,
                   .read_ms = change->found_ms,
                   .set_ms = control_set_by_other_ms(change->control, change->found->mode),
                   .from = change->found->mode,
                   .to = change->to}};
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

static enum status make(struct mode_change *change, struct error *error) {
    struct guard *guard = change->control->guard;
    enum status status = STATUS_OK;
    bool may_send = true;
    for (int attempt = 1;; attempt++) {
        struct error problem = {0};
        enum status looked;
        if (may_send) { /* else the look is only to see whether a lost request was carried out */
            aws_wait_for_turn(&guard->aws, PACE_ELB_WRITE);
        }
        if (!look_and_confirm(change, may_send, &looked, &problem)) {
            bool is_settled =
                looked == STATUS_OK && (may_send || change->is_gone || change->is_made);
            bool is_final = attempt == 1 || is_settled;
            *error = is_final ? problem : *error;
            return is_final ? looked : status;
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

enum status mode_change_make(struct mode_change *change, struct error *error) {
    enum status status = make(change, error);
    if (change->is_made) {
        note_made(change);
    }
    return status;
}
