/* SPDX-License-Identifier: Apache-2.0
 *
 * A call to Elastic Load Balancing that was seen by CloudTrail: each load balancer it concerns is
 * read live, judged, acted on, and AWS Config is asked to look again. What the event says of the
 * new settings is not believed: it may be late, doubled or out of order, and the console sends
 * every attribute on any edit.
 */
#include "act_internal.h"
#include "aws/elbv2.h"
#include "metrics_internal.h"

/* Elastic Load Balancing is eventually consistent: a new load balancer is not found everywhere at
 * once, and one that is there may not be found for a moment. */
#define MISSING_WAIT_MS_MIN 500
#define MISSING_WAIT_MS_MAX 8000
#define MISSING_MS_MAX      INT64_C(4000)  /* of one that was there before: then it is gone */
#define CREATED_MS_MAX      INT64_C(60000) /* of a new one, where the time left says no less */
/* Of the time left, this share is for what comes after the reading. */
#define AFTER_READING_SHARE 4

struct elb_case {
    struct app *app;
    const struct elb_call *call;
    const struct policy *policy;
    struct arena *arena;
    struct act act;
    struct response response;
    size_t unknown_count;
    str unknown_message; /* of the first */
};

/* How long "not found" may mean "not yet" or "not everywhere". */
static int64_t patience_ms(const struct elb_case *elb_case) {
    int64_t left_ms = aws_client_time_left_ms(&elb_case->app->aws);
    int64_t most_ms = elb_case->call->kind != ELB_CREATE ? MISSING_MS_MAX
                      : left_ms == INT64_MAX             ? CREATED_MS_MAX
                                                         : left_ms;
    int64_t share_ms = left_ms - left_ms / AFTER_READING_SHARE;
    return most_ms < share_ms ? most_ms : share_ms;
}

static enum status read_live(struct elb_case *elb_case, unsigned parts, struct load_balancer *facts,
                             int64_t *read_ms, struct error *error) {
    struct aws_client *client = &elb_case->app->aws;
    const struct clock *clock = elb_case->app->clock;
    int64_t until_ms = clock->now_ms(clock) + patience_ms(elb_case);
    int64_t wait_ms = MISSING_WAIT_MS_MIN;
    for (int attempt = 1;; attempt++) {
        *read_ms = clock->now_ms(clock);
        enum status status = elbv2_read_load_balancer(client, parts, elb_case->arena, facts, error);
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
static enum status check_account(const struct elb_case *elb_case, struct error *error) {
    str account = elb_case->call->account_id;
    bool is_own = true;
    if (!str_is_empty(account)) {
        TRY(app_aims_at(elb_case->app, account, elb_case->arena, &is_own, error));
    }
    return is_own ? STATUS_NOT_FOUND
                  : app_refuse_account(elb_case->app, account, elb_case->arena, error);
}

static void evaluate(const struct elb_case *elb_case, const struct load_balancer *facts,
                     enum load_balancer_scheme scheme, struct evaluation *evaluation) {
    const struct clock *clock = elb_case->app->clock;
    struct load_balancer known = *facts;
    known.scheme = scheme;
    policy_evaluate(&known, elb_case->policy, clock->now_ms(clock), elb_case->arena, evaluation);
}

/* The verdict hangs on the scheme, which no call but CreateLoadBalancer names. It never changes, so
 * what is remembered of the load balancer tells it; and a mode that is too weak for either scheme
 * is raised without it (act_on finds it out after that). Otherwise it is one call more. */
static enum status judge_by_scheme(struct elb_case *elb_case, struct load_balancer *facts,
                                   int64_t read_ms, struct evaluation *evaluation,
                                   struct error *error) {
    struct act *act = &elb_case->act;
    struct evaluation *exposed = ARENA_NEW(elb_case->arena, struct evaluation);
    evaluate(elb_case, facts, SCHEME_INTERNAL, evaluation);
    evaluate(elb_case, facts, SCHEME_INTERNET_FACING, exposed);
    bool of_internal = act_would_change(act, evaluation);
    bool of_exposed = act_would_change(act, exposed);
    int64_t weak_read_ms = of_internal || of_exposed ? read_ms : 0;
    TRY(act_recall(act, facts->arn, weak_read_ms, &act->recall, error));
    facts->scheme = act->recall.state.scheme;
    if (facts->scheme == SCHEME_UNKNOWN && of_internal && of_exposed) {
        return STATUS_OK;
    }
    if (facts->scheme == SCHEME_UNKNOWN) {
        TRY(elbv2_read_load_balancer(&elb_case->app->aws, ELBV2_DESCRIPTION, elb_case->arena, facts,
                                     error));
    }
    evaluate(elb_case, facts, facts->scheme, evaluation);
    return STATUS_OK;
}

static enum status judge_live(struct elb_case *elb_case, struct load_balancer *facts,
                              int64_t *read_ms, struct evaluation *evaluation,
                              struct error *error) {
    facts->scheme = elb_case->call->scheme;
    TRY(read_live(elb_case, ELBV2_ATTRIBUTES | ELBV2_TAGS, facts, read_ms, error));
    evaluate(elb_case, facts, facts->scheme, evaluation);
    bool hangs_on_scheme = evaluation->compliance == COMPLIANCE_UNKNOWN &&
                           facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(elb_case->policy);
    return hangs_on_scheme ? judge_by_scheme(elb_case, facts, *read_ms, evaluation, error)
                           : STATUS_OK;
}

static void judge(struct elb_case *elb_case, struct load_balancer *facts, int64_t *read_ms,
                  struct evaluation *evaluation) {
    const struct clock *clock = elb_case->app->clock;
    *read_ms = clock->now_ms(clock);
    struct error error = {0};
    enum status status = STATUS_OK;
    if (elb_case->call->kind == ELB_DELETE) {
        /* One look: that it is missed confirms the call. Who is still there is judged. */
        status = elbv2_read_load_balancer(&elb_case->app->aws, ELBV2_ATTRIBUTES, elb_case->arena,
                                          facts, &error);
    }
    if (status == STATUS_OK) {
        status = judge_live(elb_case, facts, read_ms, evaluation, &error);
    }
    if (status == STATUS_NOT_FOUND) {
        status = check_account(elb_case, &error);
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

static void handle_one(struct elb_case *elb_case, str arn) {
    struct load_balancer facts = facts_of(arn);
    struct evaluation *evaluation = ARENA_NEW(elb_case->arena, struct evaluation);
    int64_t read_ms;
    judge(elb_case, &facts, &read_ms, evaluation);
    evaluation->ordering_ms = elb_case->call->event_ms;
    evaluation_log(elb_case->app, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        if (elb_case->unknown_count++ == 0) {
            elb_case->unknown_message = evaluation->reason;
        }
    } else {
        act_on(&elb_case->act, &facts, read_ms, evaluation);
    }
    response_add(&elb_case->response, elb_case->arena, evaluation);
}

static bool has_seen_items(const struct elb_case *elb_case) {
    return !str_is_empty(elb_case->act.table.name) && !str_is_empty(elb_case->call->event_id);
}

/* Ends a claim of ours: the event was handled for good, or the next delivery, a redrive too, may
 * have it at once. */
static void end_claim(struct elb_case *elb_case, str arn, bool is_done) {
    const struct state_table *table = &elb_case->act.table;
    str event_id = elb_case->call->event_id;
    struct error error = {0};
    if (!has_seen_items(elb_case)) {
        return;
    }
    enum status status = is_done
                             ? state_finish_event(table, arn, event_id, elb_case->arena, &error)
                             : state_release_event(table, arn, event_id, elb_case->arena, &error);
    if (status != STATUS_OK) {
        /* Until the lease ends nobody else handles it; after that a duplicate finds nothing to do,
         * or what is left to do. */
        LOG(elb_case->app->log, LOG_WARN, is_done ? "not_finished" : "not_released",
            LOG_STR("errorMessage", error.message));
    }
}

/* false: another delivery of the same call is handled elsewhere, or it could not be found out. */
static bool claim(struct elb_case *elb_case, str arn) {
    if (!has_seen_items(elb_case)) {
        return true;
    }
    const struct clock *clock = elb_case->app->clock;
    int64_t now_ms = clock->now_ms(clock);
    int64_t deadline_ms = elb_case->app->aws.deadline_ms;
    struct event_claim event = {
        .event_id = elb_case->call->event_id,
        .lease_ms = deadline_ms == INT64_MAX ? now_ms + MS_PER_DAY / 24 : deadline_ms,
        .now_ms = now_ms,
    };
    struct error error = {0};
    enum status status =
        state_claim_event(&elb_case->act.table, arn, &event, elb_case->arena, &error);
    if (status == STATUS_OK && event.was_begun) {
        /* The verdict may be remembered as of then, and AWS Config not have been asked. */
        elb_case->act.has_new_verdict = true;
    }
    if (status == STATUS_CONFLICT) {
        LOG(elb_case->app->log, LOG_INFO, "duplicate", LOG_STR("resourceId", arn),
            LOG_STR("eventID", elb_case->call->event_id));
    } else if (status != STATUS_OK) {
        act_fail(&elb_case->act, arn, "remember", &error);
        if (error.is_outcome_unknown) {
            end_claim(elb_case, arn, false); /* it may be there */
        }
    }
    return status == STATUS_OK;
}

/* Finished is only what needs no repeat of the invocation: findings were imported, and AWS
 * Config was asked, too. */
static void handle_all(struct elb_case *elb_case) {
    const struct elb_call *call = elb_case->call;
    bool *is_ours = ARENA_ARRAY(elb_case->arena, bool, call->arn_count);
    bool *is_done = ARENA_ARRAY(elb_case->arena, bool, call->arn_count);
    for (size_t i = 0; i < call->arn_count; i++) {
        is_done[i] = false;
        is_ours[i] = claim(elb_case, call->arns[i]);
        if (is_ours[i]) {
            size_t unknown_before = elb_case->unknown_count;
            handle_one(elb_case, call->arns[i]);
            is_done[i] = elb_case->unknown_count == unknown_before &&
                         elb_case->act.first_failure.status == STATUS_OK;
        }
    }
    bool is_settled = act_import_findings(&elb_case->act);
    is_settled = act_ask_for_reevaluation(&elb_case->act) && is_settled;
    metrics_of_actions(&elb_case->act);
    for (size_t i = 0; i < call->arn_count; i++) {
        if (is_ours[i]) {
            end_claim(elb_case, call->arns[i], is_done[i] && is_settled);
        }
    }
}

/* EventBridge delivers for a day at most. Of a call whose time cannot be right nothing is believed
 * but that it is worth a look. */
static bool is_time_believed(const struct app *app, const struct elb_call *call) {
    int64_t age_ms = app->clock->now_ms(app->clock) - call->event_ms;
    if (age_ms <= MS_PER_DAY && age_ms >= -CLOCK_SKEW_MS_MAX) {
        return true;
    }
    LOG(app->log, LOG_WARN, "bad_time", LOG_STR("eventID", call->event_id),
        LOG_STR("reason", STR("detail.eventTime is in the future, or more than a day ago")));
    return false;
}

/* Who called, and which mode they set. Our own change comes back as well, with one that is not
 * weak. */
static void take_caller(struct act *act, const struct elb_call *call) {
    const struct clock *clock = act->app->clock;
    if (!is_time_believed(act->app, call)) {
        act->event_ms = clock->now_ms(clock);
        return;
    }
    int64_t now_ms = clock->now_ms(clock);
    act->event_ms = call->event_ms < now_ms ? call->event_ms : now_ms;
    act->caller = &call->caller;
    act->caller_mode = call->mode;
}

static void log_ignored(const struct app *app, const struct elb_call *call) {
    LOG(app->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
        LOG_STR("eventID", call->event_id), LOG_STR("reason", call->ignored_because));
}

/* One line each: tags are written to target groups and listeners by the same call. */
static void log_others(const struct app *app, const struct elb_call *call) {
    for (size_t i = 0; i < call->other_count; i++) {
        LOG(app->log, LOG_INFO, "ignored", LOG_STR("eventName", call->event_name),
            LOG_STR("eventID", call->event_id), LOG_STR("resourceId", call->others[i]),
            LOG_STR("reason",
                    STR("no Application Load Balancer of the call's account and Region")));
    }
}

static void reply_of(struct elb_case *elb_case, struct app_reply *reply) {
    if (elb_case->unknown_count > 0) {
        reply_error(reply, ERROR_VERDICT_UNKNOWN, elb_case->unknown_message);
    } else if (elb_case->act.first_failure.status != STATUS_OK) {
        reply_error(reply, ERROR_ACTION_FAILED, elb_case->act.first_failure.message);
    } else {
        const struct response_totals totals = {.actions = elb_case->act.actions,
                                               .action_count = elb_case->act.action_count};
        response_end(&elb_case->response, &totals);
        *reply = (struct app_reply){.body = buf_str(elb_case->response.out)};
    }
}

void elb_call_handle(struct app *app, const struct elb_call *call, struct arena *arena,
                     struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (app_policy(app, NULL, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    struct elb_case elb_case = {.app = app, .call = call, .policy = policy, .arena = arena};
    struct buf body;
    buf_init(&body, arena, RESPONSE_BYTES_MAX);
    response_begin(&elb_case.response, &body);
    act_begin(&elb_case.act, app, policy, arena);
    if (!str_is_empty(call->ignored_because)) {
        log_ignored(app, call);
    } else {
        take_caller(&elb_case.act, call);
        log_others(app, call);
        handle_all(&elb_case);
    }
    reply_of(&elb_case, reply);
}
