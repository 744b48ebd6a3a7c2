/* SPDX-License-Identifier: Apache-2.0
 *
 * A call to Elastic Load Balancing that was seen by CloudTrail: each load balancer it concerns is
 * read live, judged, acted on, and AWS Config is asked to look again. What the event says of the
 * new settings is not believed: it may be late, doubled or out of order, and the console sends
 * every attribute on any edit.
 */
#include "app_internal.h"
#include "aws/elbv2.h"
#include "control/control.h"
#include "control/live.h"
#include "control/metrics.h"
#include "table/records.h"

/* Elastic Load Balancing is eventually consistent: a new load balancer is not found everywhere at
 * once, and one that is there may not be found for a moment. */
#define MISSING_WAIT_MS_MIN 500
#define MISSING_WAIT_MS_MAX 8000
#define MISSING_MS_MAX      INT64_C(4000)  /* of one that was there before: then it is gone */
#define CREATED_MS_MAX      INT64_C(60000) /* of a new one, where the time left says no less */
/* Of the time left, this share is for what comes after the reading. */
#define AFTER_READING_SHARE 4

struct elb_call_run {
    struct guard *guard;
    const struct elb_call *call;
    const struct policy *policy;
    struct arena *arena;
    struct control control;
    struct response response;
    size_t unknown_count;
    str unknown_message; /* of the first */
};

/* How long "not found" may mean "not yet" or "not everywhere". */
static int64_t patience_ms(const struct elb_call_run *elb_call_run) {
    int64_t left_ms = aws_client_time_left_ms(&elb_call_run->guard->aws);
    int64_t most_ms = elb_call_run->call->kind != ELB_CREATE ? MISSING_MS_MAX
                      : left_ms == INT64_MAX                 ? CREATED_MS_MAX
                                                             : left_ms;
    int64_t share_ms = left_ms - left_ms / AFTER_READING_SHARE;
    return most_ms < share_ms ? most_ms : share_ms;
}

static enum status read_live(struct elb_call_run *elb_call_run, unsigned parts,
                             struct load_balancer *facts, int64_t *read_ms, struct error *error) {
    struct aws_client *client = &elb_call_run->guard->aws;
    const struct clock *clock = elb_call_run->guard->clock;
    int64_t until_ms = clock->now_ms(clock) + patience_ms(elb_call_run);
    int64_t wait_ms = MISSING_WAIT_MS_MIN;
    for (int attempt = 1;; attempt++) {
        *read_ms = clock->now_ms(clock);
        enum status status =
            elbv2_read_load_balancer(client, parts, elb_call_run->arena, facts, error);
        if (status != STATUS_NOT_FOUND || clock->now_ms(clock) + wait_ms > until_ms ||
            !aws_client_may_attempt(client, attempt + 1)) {
            return status;
        }
        clock->sleep_ms(clock, wait_ms);
        wait_ms = 2 * wait_ms < MISSING_WAIT_MS_MAX ? 2 * wait_ms : MISSING_WAIT_MS_MAX;
    }
}

/* What is known of an ARN before anything is read. */
static struct load_balancer facts_of(str arn) {
    struct load_balancer_arn parts = {0};
    enum status status = load_balancer_arn_parse(arn, &parts);
    ASSERT(status == STATUS_OK); /* only such ARNs are collected */
    return (struct load_balancer){.arn = arn, .name = parts.name, .type = parts.type};
}

/* With our own credentials, what is in another account is not found either. */
static enum status check_account(const struct elb_call_run *elb_call_run, struct error *error) {
    TRY(accounts_require(elb_call_run->guard, elb_call_run->call->account_id, elb_call_run->arena,
                         error));
    return STATUS_NOT_FOUND;
}

static void evaluate(const struct elb_call_run *elb_call_run, const struct load_balancer *facts,
                     enum load_balancer_scheme scheme, struct evaluation *evaluation) {
    const struct clock *clock = elb_call_run->guard->clock;
    struct load_balancer known = *facts;
    known.scheme = scheme;
    policy_evaluate(&known, elb_call_run->policy, clock->now_ms(clock), elb_call_run->arena,
                    evaluation);
}

/* The verdict hangs on the scheme, which no call but CreateLoadBalancer names. It never changes, so
 * what is remembered of the load balancer tells it; and a mode that is too weak for either scheme
 * is raised without it (control_handle_judgement finds it out after that). Otherwise it is one call
 * more. */
static enum status judge_by_scheme(struct elb_call_run *elb_call_run, struct load_balancer *facts,
                                   int64_t read_ms, struct evaluation *evaluation,
                                   struct error *error) {
    struct control *control = &elb_call_run->control;
    struct evaluation *exposed = ARENA_NEW(elb_call_run->arena, struct evaluation);
    evaluate(elb_call_run, facts, SCHEME_INTERNAL, evaluation);
    evaluate(elb_call_run, facts, SCHEME_INTERNET_FACING, exposed);
    bool of_internal = enforce_would_change(control, evaluation);
    bool of_exposed = enforce_would_change(control, exposed);
    int64_t weak_read_ms = of_internal || of_exposed ? read_ms : 0;
    TRY(control_load_remembered(control, facts->arn, weak_read_ms, &control->recall, error));
    facts->scheme = control->recall.state.scheme;
    if (facts->scheme == SCHEME_UNKNOWN && of_internal && of_exposed) {
        return STATUS_OK;
    }
    if (facts->scheme == SCHEME_UNKNOWN) {
        TRY(elbv2_read_load_balancer(&elb_call_run->guard->aws, ELBV2_DESCRIPTION,
                                     elb_call_run->arena, facts, error));
    }
    evaluate(elb_call_run, facts, facts->scheme, evaluation);
    return STATUS_OK;
}

static enum status judge_live(struct elb_call_run *elb_call_run, struct load_balancer *facts,
                              int64_t *read_ms, struct evaluation *evaluation,
                              struct error *error) {
    facts->scheme = elb_call_run->call->scheme;
    TRY(read_live(elb_call_run, ELBV2_ATTRIBUTES | ELBV2_TAGS, facts, read_ms, error));
    evaluate(elb_call_run, facts, facts->scheme, evaluation);
    bool hangs_on_scheme = evaluation->compliance == COMPLIANCE_UNKNOWN &&
                           facts->scheme == SCHEME_UNKNOWN &&
                           policy_needs_scheme(elb_call_run->policy);
    return hangs_on_scheme ? judge_by_scheme(elb_call_run, facts, *read_ms, evaluation, error)
                           : STATUS_OK;
}

static void judge(struct elb_call_run *elb_call_run, struct load_balancer *facts, int64_t *read_ms,
                  struct evaluation *evaluation) {
    const struct clock *clock = elb_call_run->guard->clock;
    *read_ms = clock->now_ms(clock);
    struct error error = {0};
    enum status status = STATUS_OK;
    if (elb_call_run->call->kind == ELB_DELETE) {
        /* One look: that it is missed confirms the call. Who is still there is judged. */
        status = elbv2_read_load_balancer(&elb_call_run->guard->aws, ELBV2_ATTRIBUTES,
                                          elb_call_run->arena, facts, &error);
    }
    if (status == STATUS_OK) {
        status = judge_live(elb_call_run, facts, read_ms, evaluation, &error);
    }
    if (status == STATUS_NOT_FOUND) {
        status = check_account(elb_call_run, &error);
    }
    if (status == STATUS_OK) {
        return;
    }
    bool is_gone = status == STATUS_NOT_FOUND;
    evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), facts->arn,
                             is_gone ? NOT_APPLICABLE : COMPLIANCE_UNKNOWN,
                             is_gone ? STR("does not exist any more") : error.message);
    evaluation->source = SOURCE_LIVE;
}

static void handle_one(struct elb_call_run *elb_call_run, str arn) {
    struct load_balancer facts = facts_of(arn);
    struct evaluation *evaluation = ARENA_NEW(elb_call_run->arena, struct evaluation);
    int64_t read_ms;
    judge(elb_call_run, &facts, &read_ms, evaluation);
    evaluation->ordering_ms = elb_call_run->call->event_ms;
    evaluation_log(elb_call_run->guard, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        if (elb_call_run->unknown_count++ == 0) {
            elb_call_run->unknown_message = evaluation->reason;
        }
    } else {
        control_handle_judgement(&elb_call_run->control, &facts, read_ms, evaluation);
    }
    response_add(&elb_call_run->response, elb_call_run->arena, evaluation);
}

static bool has_seen_items(const struct elb_call_run *elb_call_run) {
    return !str_is_empty(elb_call_run->control.table.name) &&
           !str_is_empty(elb_call_run->call->event_id);
}

/* Ends a claim of ours: the event was handled for good, or the next delivery, a redrive too, may
 * have it at once. */
static void end_claim(struct elb_call_run *elb_call_run, str arn, bool is_done) {
    const struct state_table *table = &elb_call_run->control.table;
    str event_id = elb_call_run->call->event_id;
    struct error error = {0};
    if (!has_seen_items(elb_call_run)) {
        return;
    }
    enum status status =
        is_done ? state_finish_event(table, arn, event_id, elb_call_run->arena, &error)
                : state_release_event(table, arn, event_id, elb_call_run->arena, &error);
    if (status != STATUS_OK) {
        /* Until the lease ends nobody else handles it; after that a duplicate finds nothing to do,
         * or what is left to do. */
        LOG(elb_call_run->guard->log, LOG_WARN, is_done ? "not_finished" : "not_released",
            LOG_STR("errorMessage", error.message));
    }
}

/* false: another delivery of the same call is handled elsewhere, or it could not be found out. */
static bool claim(struct elb_call_run *elb_call_run, str arn) {
    if (!has_seen_items(elb_call_run)) {
        return true;
    }
    const struct clock *clock = elb_call_run->guard->clock;
    int64_t now_ms = clock->now_ms(clock);
    int64_t deadline_ms = elb_call_run->guard->aws.deadline_ms;
    struct event_claim event = {
        .event_id = elb_call_run->call->event_id,
        .lease_ms = deadline_ms == INT64_MAX ? now_ms + MS_PER_DAY / 24 : deadline_ms,
        .now_ms = now_ms,
    };
    struct error error = {0};
    enum status status =
        state_claim_event(&elb_call_run->control.table, arn, &event, elb_call_run->arena, &error);
    if (status == STATUS_OK && event.was_begun) {
        /* The verdict may be remembered as of then, and AWS Config not have been asked. */
        elb_call_run->control.has_new_verdict = true;
    }
    if (status == STATUS_CONFLICT) {
        LOG(elb_call_run->guard->log, LOG_INFO, "duplicate", LOG_STR("resourceId", arn),
            LOG_STR("eventID", elb_call_run->call->event_id));
    } else if (status != STATUS_OK) {
        action_add_failure(&elb_call_run->control, arn, "remember", &error);
        if (error.is_outcome_unknown) {
            end_claim(elb_call_run, arn, false); /* it may be there */
        }
    }
    return status == STATUS_OK;
}

/* Finished is only what needs no repeat of the invocation: findings were imported, and AWS
 * Config was asked, too. */
static void handle_all(struct elb_call_run *elb_call_run) {
    const struct elb_call *call = elb_call_run->call;
    bool *is_ours = ARENA_ARRAY(elb_call_run->arena, bool, call->arn_count);
    bool *is_done = ARENA_ARRAY(elb_call_run->arena, bool, call->arn_count);
    for (size_t i = 0; i < call->arn_count; i++) {
        is_done[i] = false;
        is_ours[i] = claim(elb_call_run, call->arns[i]);
        if (is_ours[i]) {
            size_t unknown_before = elb_call_run->unknown_count;
            handle_one(elb_call_run, call->arns[i]);
            is_done[i] = elb_call_run->unknown_count == unknown_before &&
                         elb_call_run->control.first_failure.status == STATUS_OK;
        }
    }
    bool is_settled = security_hub_import(&elb_call_run->control);
    is_settled = reevaluate(&elb_call_run->control) && is_settled;
    metrics_of_actions(&elb_call_run->control);
    for (size_t i = 0; i < call->arn_count; i++) {
        if (is_ours[i]) {
            end_claim(elb_call_run, call->arns[i], is_done[i] && is_settled);
        }
    }
}

/* EventBridge delivers for a day at most. Of a call whose time cannot be right nothing is believed
 * but that it is worth a look. */
static bool is_time_believed(const struct guard *guard, const struct elb_call *call) {
    int64_t age_ms = guard->clock->now_ms(guard->clock) - call->event_ms;
    if (age_ms <= MS_PER_DAY && age_ms >= -CLOCK_SKEW_MS_MAX) {
        return true;
    }
    LOG(guard->log, LOG_WARN, "bad_time", LOG_STR("eventID", call->event_id),
        LOG_STR("reason", STR("detail.eventTime is in the future, or more than a day ago")));
    return false;
}

/* Who called, and which mode they set. Our own change comes back as well, with one that is not
 * weak. */
static void take_caller(struct control *control, const struct elb_call *call) {
    const struct clock *clock = control->guard->clock;
    if (!is_time_believed(control->guard, call)) {
        control->event_ms = clock->now_ms(clock);
        return;
    }
    int64_t now_ms = clock->now_ms(clock);
    control->event_ms = call->event_ms < now_ms ? call->event_ms : now_ms;
    control->caller = &call->caller;
    control->caller_mode = call->mode;
}

static void log_ignored(const struct guard *guard, const struct elb_call *call) {
    LOG(guard->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
        LOG_STR("eventID", call->event_id), LOG_STR("reason", call->ignored_because));
}

/* One line each: tags are written to target groups and listeners by the same call. */
static void log_others(const struct guard *guard, const struct elb_call *call) {
    for (size_t i = 0; i < call->other_count; i++) {
        LOG(guard->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
            LOG_STR("eventID", call->event_id), LOG_STR("resourceId", call->others[i]),
            LOG_STR("reason",
                    STR("no Application Load Balancer of the call's account and Region")));
    }
}

static void reply_of(struct elb_call_run *elb_call_run, struct app_reply *reply) {
    if (elb_call_run->unknown_count > 0) {
        reply_error(reply, ERROR_VERDICT_UNKNOWN, elb_call_run->unknown_message);
    } else if (elb_call_run->control.first_failure.status != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, elb_call_run->control.first_failure.message);
    } else {
        const struct response_totals totals = {.actions = elb_call_run->control.actions,
                                               .action_count = elb_call_run->control.action_count};
        response_end(&elb_call_run->response, &totals);
        *reply = (struct app_reply){.body = buf_str(elb_call_run->response.out)};
    }
}

void elb_call_handle(struct guard *guard, const struct elb_call *call, struct arena *arena,
                     struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (effective_policy(guard, NULL, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    struct elb_call_run elb_call_run = {
        .guard = guard, .call = call, .policy = policy, .arena = arena};
    struct buf body;
    buf_init(&body, arena, RESPONSE_BYTES_MAX);
    response_begin(&elb_call_run.response, &body);
    control_begin(&elb_call_run.control, guard, policy, arena);
    if (!str_is_empty(call->ignored_because)) {
        log_ignored(guard, call);
    } else {
        take_caller(&elb_call_run.control, call);
        log_others(guard, call);
        handle_all(&elb_call_run);
    }
    reply_of(&elb_call_run, reply);
}
