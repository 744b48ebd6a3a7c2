/* SPDX-License-Identifier: Apache-2.0
 *
 * A call to Elastic Load Balancing that CloudTrail has recorded: each load balancer it concerns is
 * read live, judged, acted on, and AWS Config is asked to evaluate it again. The settings in the
 * event are not believed: it may be late, doubled or out of order, and the console sends every
 * attribute on any edit.
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
/* How long a claim keeps other deliveries of the event away. Most invocations take a second; one
 * that takes longer may be overtaken, since of two copies only one's changes count. After a crash,
 * or when the claim could not be released, a redrive is not ignored for longer than this. */
#define LEASE_MS      INT64_C(60000)
#define WEAKER_MS_MAX INT64_C(4000) /* reads show less than the call set: it was lowered */
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

/* How long "not found" may mean "not yet" or "not everywhere", and a weaker mode than the call set
 * that the read lags. Decided before that, a lagging read would undo what was just repaired. */
static int64_t patience_ms(const struct elb_call_run *run, enum status status, int64_t left_ms) {
    int64_t age_ms = guard_now_ms(run->guard) - run->call->event_ms;
    /* A call of more than a minute ago is read everywhere: one more look is enough. */
    int64_t weaker_ms = age_ms > READ_LAG_MS ? 2 * MISSING_WAIT_MS_MIN : WEAKER_MS_MAX;
    int64_t most_ms = status == STATUS_OK             ? weaker_ms
                      : run->call->kind != ELB_CREATE ? MISSING_MS_MAX
                      : left_ms == INT64_MAX          ? CREATED_MS_MAX
                                                      : left_ms;
    int64_t share_ms = left_ms - left_ms / AFTER_READING_SHARE;
    return most_ms < share_ms ? most_ms : share_ms;
}

static enum status read_live(struct elb_call_run *run, struct load_balancer *facts,
                             int64_t *read_ms, struct error *error) {
    struct aws_client *client = &run->guard->aws;
    const struct clock *clock = run->guard->clock;
    int64_t began_ms = clock->now_ms(clock);
    int64_t left_ms = aws_client_time_left_ms(client);
    int64_t wait_ms = MISSING_WAIT_MS_MIN;
    for (int attempt = 1;; attempt++) {
        *read_ms = clock->now_ms(clock);
        enum status status = elbv2_read_load_balancer(client, ELBV2_ATTRIBUTES | ELBV2_TAGS,
                                                      run->arena, facts, error);
        bool may_lag =
            status == STATUS_NOT_FOUND || (status == STATUS_OK && facts->mode < run->call->mode);
        if (!may_lag ||
            clock->now_ms(clock) + wait_ms > began_ms + patience_ms(run, status, left_ms) ||
            !aws_client_may_attempt(client, attempt + 1)) {
            return status;
        }
        clock->sleep_ms(clock, wait_ms);
        wait_ms = 2 * wait_ms < MISSING_WAIT_MS_MAX ? 2 * wait_ms : MISSING_WAIT_MS_MAX;
    }
}

/* With our own credentials, what is in another account is not found either. */
static enum status check_account(const struct elb_call_run *run, struct error *error) {
    TRY(accounts_require(run->guard, run->call->account_id, run->arena, error));
    return STATUS_NOT_FOUND;
}

static void evaluate(const struct elb_call_run *run, const struct load_balancer *facts,
                     enum load_balancer_scheme scheme, struct evaluation *evaluation) {
    struct load_balancer known = *facts;
    known.scheme = scheme;
    policy_evaluate(&known, run->policy, guard_now_ms(run->guard), run->arena, evaluation);
}

/* The verdict depends on the scheme, which no call but CreateLoadBalancer names. The scheme never
 * changes, so the table may remember it; and a mode that is too weak for either scheme is raised
 * without it (control_handle_judgement finds it out after that). Otherwise it costs one call more.
 */
static enum status judge_by_scheme(struct elb_call_run *run, struct load_balancer *facts,
                                   int64_t read_ms, struct evaluation *evaluation,
                                   struct error *error) {
    struct control *control = &run->control;
    struct evaluation *exposed = ARENA_NEW(run->arena, struct evaluation);
    evaluate(run, facts, SCHEME_INTERNAL, evaluation);
    evaluate(run, facts, SCHEME_INTERNET_FACING, exposed);
    bool of_internal = enforce_would_change(control, evaluation);
    bool of_exposed = enforce_would_change(control, exposed);
    int64_t weak_read_ms = of_internal || of_exposed ? read_ms : 0;
    TRY(control_load_remembered(control, facts->arn, weak_read_ms, &control->recall, error));
    facts->scheme = control->recall.state.scheme;
    if (facts->scheme == SCHEME_UNKNOWN && of_internal && of_exposed) {
        return STATUS_OK;
    }
    if (facts->scheme == SCHEME_UNKNOWN) {
        TRY(elbv2_read_load_balancer(&run->guard->aws, ELBV2_DESCRIPTION, run->arena, facts,
                                     error));
    }
    evaluate(run, facts, facts->scheme, evaluation);
    return STATUS_OK;
}

static enum status judge_live(struct elb_call_run *run, struct load_balancer *facts,
                              int64_t *read_ms, struct evaluation *evaluation,
                              struct error *error) {
    if (run->call->kind == ELB_DELETE) {
        /* One look: a miss confirms the call. A load balancer that still exists is judged. */
        TRY(elbv2_read_load_balancer(&run->guard->aws, ELBV2_ATTRIBUTES, run->arena, facts, error));
    }
    facts->scheme = run->call->scheme;
    TRY(read_live(run, facts, read_ms, error));
    evaluate(run, facts, facts->scheme, evaluation);
    bool needs_scheme = evaluation->compliance == COMPLIANCE_UNKNOWN &&
                        facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(run->policy);
    return needs_scheme ? judge_by_scheme(run, facts, *read_ms, evaluation, error) : STATUS_OK;
}

static void handle_one(struct elb_call_run *run, str arn) {
    struct load_balancer_arn parts = {0};
    enum status status = load_balancer_arn_parse(arn, &parts);
    ASSERT(status == STATUS_OK); /* only such ARNs are collected */
    struct load_balancer facts = {.arn = arn, .name = parts.name, .type = parts.type};
    struct evaluation *evaluation = ARENA_NEW(run->arena, struct evaluation);
    struct error error = {0};
    int64_t read_ms = guard_now_ms(run->guard);
    struct aws_client *client = &run->guard->aws;
    int64_t deadline_ms = client->deadline_ms;
    client->deadline_ms = live_read_deadline_ms(run->guard);
    status = judge_live(run, &facts, &read_ms, evaluation, &error);
    client->deadline_ms = deadline_ms;
    if (status == STATUS_NOT_FOUND) {
        status = check_account(run, &error);
    }
    if (status != STATUS_OK) {
        error.status = status;
        evaluation_after_failed_read(evaluation, arn, &error);
    }
    evaluation->ordering_ms = run->call->event_ms;
    evaluation_log(run->guard, evaluation);
    if (evaluation->compliance != COMPLIANCE_UNKNOWN) {
        control_handle_judgement(&run->control, &facts, read_ms, evaluation);
    } else if (run->unknown_count++ == 0) {
        run->unknown_message = evaluation->reason;
    }
    response_add(&run->response, run->arena, evaluation);
}

static bool has_seen_items(const struct elb_call_run *run) {
    return !str_is_empty(run->control.table.name) && !str_is_empty(run->call->event_id);
}

/* Ends a claim of ours: the event was handled for good, or the next delivery, a redrive too, may
 * have it at once. If that fails, nobody else handles the event until the lease ends. */
static void end_claim(struct elb_call_run *run, str arn, bool is_done) {
    struct error error = {0};
    if (has_seen_items(run) &&
        (is_done ? state_finish_event : state_release_event)(
            &run->control.table, arn, run->call->event_id, run->arena, &error) != STATUS_OK) {
        LOG(run->guard->log, LOG_WARN, is_done ? "not_finished" : "not_released",
            LOG_STR("errorMessage", error.message));
    }
}

/* false: another delivery of the same call is handled elsewhere, or it could not be found out. */
static bool claim(struct elb_call_run *run, str arn) {
    int64_t now_ms = guard_now_ms(run->guard);
    int64_t deadline_ms = run->guard->aws.deadline_ms;
    struct event_claim event = {
        .event_id = run->call->event_id,
        .lease_ms = deadline_ms < now_ms + LEASE_MS ? deadline_ms : now_ms + LEASE_MS,
        .now_ms = now_ms,
    };
    struct error error = {0};
    if (!has_seen_items(run)) {
        return true;
    }
    enum status status = state_claim_event(&run->control.table, arn, &event, run->arena, &error);
    if (status == STATUS_OK && event.was_begun) {
        /* The verdict may be remembered as of then, and AWS Config not have been asked. */
        run->control.has_new_verdict = true;
        run->control.repeats_an_event = true;
    }
    if (status == STATUS_CONFLICT) {
        LOG(run->guard->log, LOG_INFO, "duplicate", LOG_STR("resourceId", arn),
            LOG_STR("eventID", run->call->event_id));
    } else if (status != STATUS_OK) {
        action_add_failure(&run->control, arn, ACTION_REMEMBER, &error);
        if (error.is_outcome_unknown) {
            end_claim(run, arn, false); /* it may be there */
        }
    }
    return status == STATUS_OK;
}

/* An event is finished only when no repeat of the invocation is needed: findings were imported,
 * and AWS Config was asked, too. */
static void handle_all(struct elb_call_run *run) {
    const struct elb_call *call = run->call;
    bool *is_ours = ARENA_ARRAY(run->arena, bool, call->arn_count);
    bool *is_done = ARENA_ARRAY(run->arena, bool, call->arn_count);
    for (size_t i = 0; i < call->arn_count; i++) {
        is_done[i] = false;
        is_ours[i] = claim(run, call->arns[i]);
        if (is_ours[i]) {
            size_t unknown_before = run->unknown_count;
            handle_one(run, call->arns[i]);
            is_done[i] = run->unknown_count == unknown_before &&
                         run->control.first_failure.status == STATUS_OK;
        }
    }
    bool is_settled = security_hub_import(&run->control);
    is_settled = reevaluate(&run->control) && is_settled;
    metrics_of_actions(&run->control);
    for (size_t i = 0; i < call->arn_count; i++) {
        if (is_ours[i]) {
            end_claim(run, call->arns[i], is_done[i] && is_settled);
        }
    }
}

/* Takes the caller, and the mode they set. Our own change comes back as well, with one that is not
 * weak. EventBridge delivers for a day at most: a call whose time cannot be right is only a reason
 * to look. */
static void take_caller(struct control *control, const struct elb_call *call) {
    int64_t now_ms = guard_now_ms(control->guard);
    int64_t age_ms = now_ms - call->event_ms;
    if (age_ms > MS_PER_DAY || age_ms < -CLOCK_SKEW_MS_MAX) {
        LOG(control->guard->log, LOG_WARN, "bad_time", LOG_STR("eventID", call->event_id),
            LOG_STR("reason", STR("detail.eventTime is in the future, or more than a day ago")));
        control->event_ms = now_ms;
        return;
    }
    control->event_ms = age_ms > 0 ? call->event_ms : now_ms;
    control->caller = &call->caller;
    control->caller_mode = call->mode;
}

void on_elb_call(struct guard *guard, const struct elb_call *call, struct arena *arena,
                 struct app_reply *reply) {
    struct elb_call_run run = {.guard = guard,
                               .call = call,
                               .policy = policy_or_reply(guard, NULL, arena, reply),
                               .arena = arena};
    if (run.policy == NULL) {
        return;
    }
    reply_begin(&run.response, arena);
    control_begin(&run.control, guard, run.policy, arena);
    if (!str_is_empty(call->ignored_because)) {
        LOG(guard->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
            LOG_STR("eventID", call->event_id), LOG_STR("reason", call->ignored_because));
    } else {
        take_caller(&run.control, call);
        /* The same call writes tags to target groups and listeners. */
        for (size_t i = 0; i < call->other_count; i++) {
            LOG(guard->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
                LOG_STR("eventID", call->event_id), LOG_STR("resourceId", call->others[i]),
                LOG_STR("reason",
                        STR("no Application Load Balancer of the call's account and Region")));
        }
        handle_all(&run);
    }
    reply_end(&run.response, &run.control, NULL, reply);
    if (run.unknown_count > 0) {
        reply_error(reply, ERROR_VERDICT_UNKNOWN, run.unknown_message);
    }
}
