/* SPDX-License-Identifier: Apache-2.0
 *
 * A change that AWS Config reports to the rule: the item is judged, what it does not say is read
 * live, and the verdict is reported before anything is done about it.
 */
#include "app_internal.h"
#include "aws/elbv2.h"
#include "control/control.h"
#include "control/live.h"
#include "control/metrics.h"
#include "report/render.h"

/* AWS Config re-sends old items; one captured longer ago than this is read live. */
#define ITEM_AGE_MAX_MS (15 * 60 * MS_PER_SECOND)

/* Captured so long before the notification or before now that the load balancer may differ today;
 * or at a time that cannot be. */
static bool is_stale(const struct config_invocation *invocation, int64_t now_ms) {
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

static struct live_read plan_live_read(const struct config_invocation *invocation,
                                       const struct policy *policy, int64_t now_ms,
                                       struct load_balancer *facts) {
    struct live_read plan = {0};
    str reason = STR_EMPTY;
    if (is_stale(invocation, now_ms)) {
        facts->mode = MODE_UNKNOWN;
        facts->mode_text = STR_EMPTY;
        facts->drops_invalid_headers = UNKNOWN;
        facts->has_tags = false;
        plan.reason =
            invocation->item.capture_ms > now_ms || invocation->item.has_invalid_capture_time
                ? STR("item with a wrong time")
                : STR("item older than 15 min");
    }
    /* The first part that is missing is the reason, if there is no other. */
    if (facts->mode == MODE_UNKNOWN || (policy->drop_invalid_headers == HEADERS_REQUIRE &&
                                        facts->drops_invalid_headers == UNKNOWN)) {
        plan.parts |= ELBV2_ATTRIBUTES;
        reason = str_is_empty(facts->mode_text) ? STR("mode not in the item")
                                                : STR("mode in the item not known");
    }
    if (!facts->has_tags) {
        plan.parts |= ELBV2_TAGS;
        reason = STR("tags not in the item");
    }
    if (facts->type == TYPE_UNKNOWN ||
        (facts->scheme == SCHEME_UNKNOWN && policy_needs_scheme(policy))) {
        plan.parts |= ELBV2_DESCRIPTION;
        reason = STR("scheme not in the item");
    }
    plan.reason = invocation->message == MESSAGE_OVERSIZED ? STR("item too large for the event")
                  : str_is_empty(plan.reason)              ? reason
                                                           : plan.reason;
    return plan;
}

/* Capture time, else the notification's, else now. A time yet to come would outrank all that is
 * reported until then. */
static int64_t ordering_ms(const struct config_invocation *invocation, int64_t now_ms) {
    int64_t event_ms = invocation->item.capture_ms != 0 ? invocation->item.capture_ms
                                                        : invocation->notification_ms;
    return event_ms == 0 || event_ms > now_ms ? now_ms : event_ms;
}

/* Asked in the wrong Region or account, AWS knows nothing of a load balancer that is alive. */
static bool is_out_of_reach(const struct guard *guard, const struct config_invocation *invocation) {
    struct load_balancer_arn arn;
    return load_balancer_arn_parse(invocation->item.resource_id, &arn) != STATUS_OK ||
           !str_eq(arn.region, guard->aws.region) ||
           (!str_is_empty(invocation->account_id) &&
            !str_eq(arn.account_id, invocation->account_id));
}

struct item_run {
    struct guard *guard;
    const struct config_invocation *invocation;
    struct arena *arena;
    const struct policy *policy; /* empty where status or type alone decide */
    struct evaluation *evaluation;
    struct load_balancer facts; /* what it was judged from */
    int64_t read_ms;    /* when mode and tags were read live; 0: one of them is the event's */
    bool is_own_policy; /* what is judged by another one is reported, but not remembered */
    bool is_foreign;    /* of an account that we cannot enter: reported, but not remembered */
};

/* Gather and evaluate. A failed live read leaves the verdict unknown, with the reason. */
static void judge_item(struct item_run *run) {
    const struct config_invocation *invocation = run->invocation;
    struct guard *guard = run->guard;
    int64_t now_ms = guard_now_ms(guard);
    int64_t read_ms = now_ms;
    struct live_read live = {0};
    struct error error = {0};
    if (!invocation->is_proactive) {
        live = plan_live_read(invocation, run->policy, now_ms, &run->facts);
    }
    if (live.parts != 0 && is_out_of_reach(guard, invocation)) {
        evaluation_without_facts(run->evaluation, invocation->item.resource_type,
                                 invocation->item.resource_id, COMPLIANCE_UNKNOWN,
                                 STR("its ARN is of another Region or account than the rule, so it "
                                     "cannot be read"));
        return;
    }
    if (live.parts != 0 &&
        live_read(guard, live.parts, run->arena, &run->facts, &read_ms, &error) != STATUS_OK) {
        evaluation_after_failed_read(run->evaluation, invocation->item.resource_id, &error);
        run->read_ms = read_ms;
        return;
    }
    const unsigned all = ELBV2_ATTRIBUTES | ELBV2_TAGS;
    run->read_ms = (live.parts & all) == all ? read_ms : 0;
    policy_evaluate(&run->facts, run->policy, now_ms, run->arena, run->evaluation);
    run->evaluation->source_note = live.reason;
}

/* The response has what was reported, and how long it has been so; actions come after it. A test
 * and a proactive evaluation lead to none. */
static bool may_act(const struct item_run *run) {
    return !run->invocation->is_proactive && !run->invocation->is_test &&
           str_eq(run->invocation->item.resource_type, STR(LOAD_BALANCER_RESOURCE_TYPE));
}

static void control_and_reply(struct item_run *run, const struct config_report *report,
                              struct app_reply *reply) {
    struct response response;
    struct control control;
    struct evaluation reported = *run->evaluation;
    reply_begin(&response, run->arena);
    control_begin(&control, run->guard, run->policy, run->arena);
    if (may_act(run) && !run->is_own_policy && control_is_on(run->guard)) {
        reply_skip_other_policy(&control, run->invocation);
    } else if (may_act(run) && run->is_own_policy && !run->is_foreign) {
        /* An item that is older than a correction may come again because AWS Config was not asked.
         */
        control.repeats_an_event =
            reported.mode != MODE_UNKNOWN && reported.mode < reported.required_mode;
        control_handle_judgement(&control, &run->facts, run->read_ms, run->evaluation);
        /* By then, what was reported may not be true any more. */
        control.has_new_verdict = control.has_new_verdict ||
                                  reported.compliance != run->evaluation->compliance ||
                                  reported.mode != run->evaluation->mode;
        (void)security_hub_import(&control);
        (void)reevaluate(&control);
        metrics_of_actions(&control);
        control_copy_age(&reported, run->evaluation);
    }
    response_add(&response, run->arena, &reported);
    reply_end(&response, &control, report, reply);
    if (reply->is_error) {
        reply->error_message =
            str_format(run->arena, "reported, but: %" STR_FMT, STR_ARG(reply->error_message));
    }
}

/* Unknown is never reported as anything else: the invocation fails, Lambda repeats it, the old
 * result stands. A proactive evaluation without a token has nobody to report to. */
static void report_and_act(struct item_run *run, struct app_reply *reply) {
    struct evaluation *evaluation = run->evaluation;
    str token = run->invocation->result_token;
    struct error error = {0};
    struct config_report report = {0};
    evaluation->ordering_ms = ordering_ms(run->invocation, guard_now_ms(run->guard));
    evaluation_log(run->guard, evaluation);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        reply_error(reply, ERROR_VERDICT_UNKNOWN,
                    str_format(run->arena, "%" STR_FMT " could not be judged: %" STR_FMT,
                               STR_ARG(evaluation->resource_id), STR_ARG(evaluation->reason)));
        return;
    }
    const struct config_evaluation item = evaluation_to_config(evaluation, run->arena);
    if (!str_is_empty(token) && config_put_evaluations(&run->guard->aws, token, &item, 1,
                                                       run->arena, &report, &error) != STATUS_OK) {
        reply_error(reply, ERROR_REPORT_FAILED, error.message);
        return;
    }
    control_and_reply(run, &report, reply);
}

/* Of an item that needs no policy. Parameters that are not valid are no own ones, and no error. */
static bool has_own_parameters(const struct item_run *run) {
    struct policy *policy = ARENA_NEW(run->arena, struct policy);
    return effective_policy(run->guard, run->invocation->rule_parameters, run->arena, policy,
                            NULL) == STATUS_OK &&
           is_own_policy(run->guard, policy, run->arena);
}

void on_config_item(struct guard *guard, const struct config_invocation *invocation,
                    struct arena *arena, struct app_reply *reply) {
    struct item_run run = {.guard = guard,
                           .invocation = invocation,
                           .arena = arena,
                           .policy = ARENA_NEW(arena, struct policy),
                           .evaluation = ARENA_NEW(arena, struct evaluation),
                           .facts = invocation->item.facts};
    struct error error = {0};
    enum status status = STATUS_OK;
    if (config_item_is_to_be_judged(invocation, run.evaluation)) {
        run.policy = policy_or_reply(guard, invocation->rule_parameters, arena, reply);
        if (run.policy == NULL) {
            return;
        }
        run.is_own_policy = is_own_policy(guard, run.policy, arena);
        status = accounts_require(guard, invocation->account_id, arena, &error);
        if (status == STATUS_OK) {
            judge_item(&run);
        }
    } else if (run.evaluation->compliance == NOT_APPLICABLE && may_act(&run)) {
        bool is_reached = false;
        status = accounts_reach_event(guard, invocation->account_id, arena, &is_reached, &error);
        run.is_foreign = !is_reached;
        run.is_own_policy = has_own_parameters(&run);
    }
    if (status != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    report_and_act(&run, reply);
}
