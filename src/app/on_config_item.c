/* SPDX-License-Identifier: Apache-2.0 */
#include "app_internal.h"
#include "aws/elbv2.h"
#include "control/control.h"
#include "control/live.h"
#include "control/metrics.h"
#include "report/render.h"

/* Captured so long before the notification or before now that the load balancer may differ today;
 * or at a time that cannot be. */
static bool item_is_stale(const struct config_invocation *invocation, int64_t now_ms) {
    int64_t captured_ms = invocation->item.capture_ms;
    if (captured_ms == 0) {
        return invocation->item.has_invalid_capture_time;
    }
    return now_ms - captured_ms > ITEM_AGE_MAX_MS || captured_ms - now_ms > ITEM_AGE_MAX_MS ||
           invocation->notification_ms - captured_ms > ITEM_AGE_MAX_MS;
}

/* What is read live, and why. A stale item loses what can change. */
struct live_read {
    unsigned parts; /* of enum elbv2_part; 0: the item says everything */
    str reason;     /* for the annotation */
};

static void forget_what_can_change(struct load_balancer *facts) {
    facts->mode = MODE_UNKNOWN;
    facts->mode_text = STR_EMPTY;
    facts->drops_invalid_headers = UNKNOWN;
    facts->has_tags = false;
}

static struct live_read live_read_plan(const struct config_invocation *invocation,
                                       const struct policy *policy, int64_t now_ms,
                                       struct load_balancer *facts) {
    struct live_read plan = {0};
    if (item_is_stale(invocation, now_ms)) {
        forget_what_can_change(facts);
        plan.reason =
            invocation->item.capture_ms > now_ms || invocation->item.has_invalid_capture_time
                ? STR("item with a wrong time")
                : STR("item older than 15 min");
    }
    bool needs_headers =
        policy->drop_invalid_headers == HEADERS_REQUIRE && facts->drops_invalid_headers == UNKNOWN;
    if (facts->type == TYPE_UNKNOWN ||
        (facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(policy))) {
        plan.parts |= ELBV2_DESCRIPTION;
        plan.reason = str_is_empty(plan.reason) ? STR("scheme not in the item") : plan.reason;
    }
    if (!facts->has_tags) {
        plan.parts |= ELBV2_TAGS;
        plan.reason = str_is_empty(plan.reason) ? STR("tags not in the item") : plan.reason;
    }
    if (facts->mode == MODE_UNKNOWN || needs_headers) {
        plan.parts |= ELBV2_ATTRIBUTES;
        str reason = str_is_empty(facts->mode_text) ? STR("mode not in the item")
                                                    : STR("mode in the item not known");
        plan.reason = str_is_empty(plan.reason) ? reason : plan.reason;
    }
    if (invocation->message == MESSAGE_OVERSIZED) {
        plan.reason = STR("item too large for the event");
    }
    return plan;
}

/* Capture time, else the notification's, else now. A time yet to come would outrank all that is
 * reported until then. */
static int64_t ordering_ms(const struct config_invocation *invocation, int64_t now_ms) {
    int64_t told_ms = invocation->item.capture_ms != 0 ? invocation->item.capture_ms
                                                       : invocation->notification_ms;
    return told_ms == 0 || told_ms > now_ms ? now_ms : told_ms;
}

/* Asked in the wrong Region or account, AWS knows nothing of a load balancer that is alive. */
static bool is_out_of_reach(const struct guard *guard, const struct config_invocation *invocation) {
    struct load_balancer_arn arn;
    if (load_balancer_arn_parse(invocation->item.resource_id, &arn) != STATUS_OK) {
        return true;
    }
    return !str_eq(arn.region, guard->aws.region) ||
           (!str_is_empty(invocation->account_id) &&
            !str_eq(arn.account_id, invocation->account_id));
}

/* The judgement and what it was made from. */
struct judged {
    struct evaluation *evaluation;
    struct load_balancer facts;
    int64_t read_ms; /* when mode and tags were read live; 0: one of them is from the event */
    bool is_foreign; /* of an account that we cannot enter: reported, but not remembered */
    struct arena *arena;
};

static void judge_without_facts(const struct config_invocation *invocation,
                                struct evaluation *evaluation, enum compliance compliance,
                                str reason) {
    evaluation_without_facts(evaluation, invocation->item.resource_type,
                             invocation->item.resource_id, compliance, reason);
}

/* Gather and evaluate. A failed live read leaves the verdict unknown, with the reason. */
static void judge_item(struct guard *guard, const struct config_invocation *invocation,
                       const struct policy *policy, struct judged *judged) {
    struct evaluation *evaluation = judged->evaluation;
    int64_t now_ms = guard->clock->now_ms(guard->clock);
    struct live_read live = {0};
    if (!invocation->is_proactive) {
        live = live_read_plan(invocation, policy, now_ms, &judged->facts);
    }
    struct error error = {0};
    if (live.parts != 0 && is_out_of_reach(guard, invocation)) {
        str reason = STR("its ARN is of another Region or account than the rule, so it cannot be "
                         "read");
        judge_without_facts(invocation, evaluation, COMPLIANCE_UNKNOWN, reason);
        return;
    }
    int64_t read_ms = now_ms;
    if (live.parts != 0 && live_read(guard, live.parts, judged->arena, &judged->facts, &read_ms,
                                     &error) != STATUS_OK) {
        bool is_gone = error.status == STATUS_NOT_FOUND;
        judge_without_facts(invocation, evaluation, is_gone ? NOT_APPLICABLE : COMPLIANCE_UNKNOWN,
                            is_gone ? STR("does not exist any more") : error.message);
        evaluation->source = SOURCE_LIVE;
        judged->read_ms = read_ms;
        return;
    }
    const unsigned all = ELBV2_ATTRIBUTES | ELBV2_TAGS;
    judged->read_ms = (live.parts & all) == all ? read_ms : 0;
    policy_evaluate(&judged->facts, policy, now_ms, judged->arena, evaluation);
    evaluation->source_note = live.reason;
}

/* Tells AWS Config. A proactive evaluation without a token has nobody to tell. */
static enum status report_evaluation(struct guard *guard,
                                     const struct config_invocation *invocation,
                                     const struct evaluation *evaluation, struct arena *arena,
                                     struct config_report *report, struct error *error) {
    *report = (struct config_report){0};
    if (str_is_empty(invocation->result_token)) {
        return STATUS_OK;
    }
    const struct config_evaluation item = evaluation_to_config(evaluation, arena);
    return config_put_evaluations(&guard->aws, invocation->result_token, &item, 1, arena, report,
                                  error);
}

/* An evaluation that nobody asked for in earnest leads to nothing else. */
static bool may_act(const struct config_invocation *invocation) {
    return !invocation->is_proactive && !str_eq(invocation->result_token, STR("TESTMODE"));
}

/* What is answered is what was reported, and how long it has been so; what is done comes after it.
 */
static void control_and_reply(struct guard *guard, const struct config_invocation *invocation,
                              const struct policy *policy, struct judged *judged,
                              const struct config_report *report, struct app_reply *reply) {
    struct arena *arena = judged->arena;
    struct buf body;
    struct response response;
    struct control control;
    buf_init(&body, arena, RESPONSE_BYTES_MAX);
    struct evaluation reported = *judged->evaluation;
    response_begin(&response, &body);
    control_begin(&control, guard, policy, arena);
    if (may_act(invocation) && !judged->is_foreign &&
        str_eq(judged->evaluation->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE))) {
        control_handle_judgement(&control, &judged->facts, judged->read_ms, judged->evaluation);
        /* By then, what was reported may not be true any more. */
        control.has_new_verdict = control.has_new_verdict ||
                                  reported.compliance != judged->evaluation->compliance ||
                                  reported.mode != judged->evaluation->mode;
        (void)security_hub_import(&control);
        (void)reevaluate(&control);
        metrics_of_actions(&control);
        control_copy_age(&reported, judged->evaluation);
    }
    response_add(&response, arena, &reported);
    if (control.first_failure.status != STATUS_OK) {
        reply_error(
            reply, ERROR_ACTION_FAILED,
            str_format(arena, "reported, but: %" STR_FMT, STR_ARG(control.first_failure.message)));
        return;
    }
    const struct response_totals totals = {.reported = report->reported,
                                           .failed = report->failed,
                                           .actions = control.actions,
                                           .action_count = control.action_count};
    response_end(&response, &totals);
    *reply = (struct app_reply){.body = buf_str(&body)};
}

/* Unknown is never reported as anything else: the invocation fails, Lambda repeats it, the old
 * result stands. */
static void conclude(struct guard *guard, const struct config_invocation *invocation,
                     const struct policy *policy, struct judged *judged, struct app_reply *reply) {
    struct evaluation *evaluation = judged->evaluation;
    evaluation->ordering_ms = ordering_ms(invocation, guard->clock->now_ms(guard->clock));
    evaluation_log(guard, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        reply_error(reply, ERROR_VERDICT_UNKNOWN,
                    str_format(judged->arena, "%" STR_FMT " could not be judged: %" STR_FMT,
                               STR_ARG(evaluation->resource_id), STR_ARG(evaluation->reason)));
        return;
    }
    struct error error = {0};
    struct config_report report;
    if (report_evaluation(guard, invocation, evaluation, judged->arena, &report, &error) !=
        STATUS_OK) {
        reply_error(reply, ERROR_REPORT_FAILED, error.message);
        return;
    }
    control_and_reply(guard, invocation, policy, judged, &report, reply);
}

/* Decided without a look, and acted on if it is of an account of ours. */
static bool is_ours_to_remember(const struct config_invocation *invocation,
                                const struct evaluation *evaluation) {
    return evaluation->compliance == NOT_APPLICABLE && may_act(invocation) &&
           str_eq(evaluation->resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE));
}

void config_rule_handle(struct guard *guard, const struct config_invocation *invocation,
                        struct arena *arena, struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct judged judged = {.evaluation = ARENA_NEW(arena, struct evaluation),
                            .facts = invocation->item.facts,
                            .arena = arena};
    struct error error = {0};
    if (config_item_is_to_be_judged(invocation, judged.evaluation)) {
        if (effective_policy(guard, invocation->rule_parameters, arena, policy, &error) !=
            STATUS_OK) {
            reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
            return;
        }
        if (accounts_require(guard, invocation->account_id, arena, &error) != STATUS_OK) {
            reply_error(reply, ERROR_ACCESS_DENIED, error.message);
            return;
        }
        judge_item(guard, invocation, policy, &judged);
    } else if (is_ours_to_remember(invocation, judged.evaluation)) {
        bool is_reached;
        if (accounts_reach_event(guard, invocation->account_id, arena, &is_reached, &error) !=
            STATUS_OK) {
            reply_error(reply, ERROR_ACCESS_DENIED, error.message);
            return;
        }
        judged.is_foreign = !is_reached;
    }
    conclude(guard, invocation, policy, &judged, reply);
}
