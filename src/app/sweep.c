/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region: list, read, judge and report chunk by chunk, then set what vanished
 * NOT_APPLICABLE. What is reported stays reported however the sweep ends; whatever was not found
 * out makes the invocation fail with a message that says how far it got.
 */
#include "control/live.h"
#include "control/promotion.h"
#include "report/render.h"
#include "sweep_internal.h"
#include "table/history.h"

/* Enough to hide the latency of a call; the pace, not this, bounds what AWS sees. */
#define IN_FLIGHT_MAX 200

/* false: time ran out before it was read, and there is nothing to say of it. */
static bool judge(struct sweep *sweep, const struct elbv2_fleet_item *item, struct arena *arena,
                  struct evaluation *evaluation) {
    const struct clock *clock = sweep->guard->clock;
    if (item->status == STATUS_DEADLINE ||
        (status_is_retryable(item->status) && clock->now_ms(clock) >= sweep->read_deadline_ms)) {
        return false;
    }
    policy_evaluate(item->facts, sweep->policy, clock->now_ms(clock), arena, evaluation);
    if (item->status == STATUS_NOT_FOUND) {
        evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), item->facts->arn,
                                 NOT_APPLICABLE, STR("does not exist any more"));
    } else if (sweep_is_out_of_scope(sweep, item->facts)) {
        evaluation_without_facts(evaluation, STR(LOAD_BALANCER_RESOURCE_TYPE), item->facts->arn,
                                 NOT_APPLICABLE, STR("outside the scope of the rule"));
    } else if (item->status != STATUS_OK) {
        evaluation->compliance = COMPLIANCE_UNKNOWN;
        evaluation->reason = item->problem;
    }
    evaluation->source = SOURCE_LIVE;
    return true;
}

/* As it stands after enforcement. */
static void notify_listener(struct sweep *sweep, const struct judged_chunk *chunk) {
    const struct sweep_listener *listener = sweep->listener;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_DEADLINE) {
            continue;
        }
        fleet_count_add(&sweep->found, &chunk->evaluations[i]);
        if (listener != NULL && listener->judged != NULL) {
            listener->judged(listener->context, chunk->items[i].facts, &chunk->evaluations[i]);
        }
    }
}

/* The day's point of the trend that the posture report shows. That it is missing fails nothing. */
static void remember_day(struct sweep *sweep) {
    const struct clock *clock = sweep->guard->clock;
    const struct posture_point point =
        fleet_count_point(&sweep->found, date_days_of_ms(clock->now_ms(clock)));
    struct error error = {0};
    if (!sweep->acts || str_is_empty(sweep->control.table.name) || point.listed == 0) {
        return;
    }
    if (history_put_point(&sweep->control.table, str_from_cstr(sweep->found.account_id),
                          sweep->guard->aws.region, &point, sweep->arena, &error) != STATUS_OK) {
        LOG(sweep->guard->log, LOG_WARN, "day_not_kept", LOG_STR("errorMessage", error.message));
    }
}

/* Shares of a part would be taken for those of the whole. */
static void write_fleet_metrics(struct sweep *sweep) {
    const struct clock *clock = sweep->guard->clock;
    if (sweep->listener != NULL && sweep->listener->is_audit) {
        return;
    }
    if (sweep->list_error.status == STATUS_OK && sweep->not_reached_count == 0 &&
        sweep->resumed_count == 0) {
        int64_t duration_ms = (clock->monotonic_us(clock) - sweep->began_us) / 1000;
        metrics_of_fleet(sweep->guard, &sweep->found, duration_ms, sweep->arena);
        remember_day(sweep);
    }
    metrics_of_actions(&sweep->control);
}

/* Tags and odd modes lived in the chunk's arena. */
static void forget_borrowed(const struct elbv2_fleet_item *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        items[i].facts->has_tags = false;
        items[i].facts->tags = NULL;
        items[i].facts->tag_count = 0;
        items[i].facts->mode_text = STR_EMPTY;
    }
}

/* Invocations at once share what one process may open. */
static unsigned in_flight_max(const struct sweep *sweep) {
    int sharers = sweep->guard->settings.concurrency;
    return sharers <= 1 ? IN_FLIGHT_MAX : 1 + IN_FLIGHT_MAX / (unsigned)sharers;
}

/* Those that were listed and are missed now are looked for once more. */
static void read_missing_again(struct sweep *sweep, const struct judged_chunk *chunk) {
    struct elbv2_fleet_item *missing =
        ARENA_ARRAY(chunk->arena, struct elbv2_fleet_item, chunk->count);
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_NOT_FOUND) {
            missing[count++] = chunk->items[i];
        }
    }
    if (count == 0 || !live_sleep_before_recheck(sweep->guard)) {
        return;
    }
    elbv2_read_fleet(&sweep->guard->aws, missing, count, in_flight_max(sweep), chunk->arena);
    for (size_t i = 0, next = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_NOT_FOUND) {
            chunk->items[i] = missing[next++];
        }
    }
}

static void judge_chunk(struct sweep *sweep, const struct judged_chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        if (!judge(sweep, &chunk->items[i], chunk->arena, &chunk->evaluations[i])) {
            chunk->items[i].status = STATUS_DEADLINE;
            if (sweep->not_reached_count++ == 0) {
                sweep->not_reached_because = str_copy(sweep->arena, chunk->items[i].problem);
            }
        } else if (sweep->not_reached_count == 0) {
            sweep->reached = chunk->items[i].facts->arn;
        }
        if (chunk->items[i].status != STATUS_DEADLINE && str_is_empty(sweep->first_unknown) &&
            chunk->evaluations[i].compliance == COMPLIANCE_UNKNOWN) {
            sweep->first_unknown = chunk->items[i].facts->arn;
        }
    }
    if (sweep->promotion != NULL) {
        promotion_advise(sweep->promotion, chunk, sweep_evidence_deadline(sweep, chunk->count));
        sweep_set_deadline(sweep, sweep->deadline_ms);
    }
}

static void report_chunk(struct sweep *sweep, const struct judged_chunk *chunk) {
    struct config_evaluation *reports =
        ARENA_ARRAY(chunk->arena, struct config_evaluation, chunk->count);
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status != STATUS_DEADLINE) {
            sweep_conclude(sweep, &chunk->evaluations[i], reports, &count, chunk->arena);
        }
    }
    sweep->judged_count += count;
    sweep_report(sweep, reports, count, chunk->arena);
}

static void judge_and_act_on_chunk(struct sweep *sweep, struct elbv2_fleet_item *items,
                                   size_t count) {
    struct arena arena = {0};
    const struct clock *clock = sweep->guard->clock;
    const struct judged_chunk chunk = {.items = items,
                                       .evaluations = ARENA_ARRAY(&arena, struct evaluation, count),
                                       .count = count,
                                       .read_ms = clock->now_ms(clock),
                                       .arena = &arena};
    sweep->guard->aws.deadline_ms = sweep->read_deadline_ms;
    elbv2_read_fleet(&sweep->guard->aws, items, count, in_flight_max(sweep), &arena);
    read_missing_again(sweep, &chunk);
    sweep->guard->aws.deadline_ms = sweep->deadline_ms;
    judge_chunk(sweep, &chunk);
    report_chunk(sweep, &chunk);
    sweep_add_ages(sweep, &chunk);
    sweep->seen_count += count;
    sweep_act_on(sweep, &chunk);
    notify_listener(sweep, &chunk);
    forget_borrowed(items, count);
    arena_clean_up(&arena);
}

static void sweep_listed(struct sweep *sweep) {
    if (sweep->to_judge_count == 0) {
        return;
    }
    struct elbv2_fleet_item *items =
        ARENA_ARRAY(sweep->arena, struct elbv2_fleet_item, SWEEP_CHUNK_MAX);
    size_t first = sweep_resume(sweep, sweep_is_time_short(sweep, sweep->to_judge_count));
    size_t most = sweep->is_resumable ? sweep->listed_count - first : sweep->listed_count;
    size_t count = 0;
    sweep->seen_count = sweep->resumed_count;
    size_t chunk_max = sweep_chunk_size(sweep);
    for (size_t i = 0; i < most; i++) {
        struct load_balancer *facts = &sweep->listed[(first + i) % sweep->listed_count];
        if (sweep_is_to_be_judged(facts)) {
            items[count++] = (struct elbv2_fleet_item){.facts = facts};
        }
        if (count == chunk_max || (i + 1 == most && count > 0)) {
            judge_and_act_on_chunk(sweep, items, count);
            chunk_max = sweep_chunk_size(sweep);
            count = 0;
        }
    }
}

static void finish_promotion(struct sweep *sweep) {
    if (!sweep->acts || sweep->promotion == NULL) {
        return;
    }
    if (sweep_is_complete(sweep)) {
        promotion_complete(sweep->promotion, sweep->to_judge_count);
    } else {
        promotion_abandon(sweep->promotion, sweep->unknown_count, sweep->not_reached_count);
    }
}

/* An audit reads evidence only where it is asked for advice. */
static struct promotion_run *begin_promotion(struct sweep *sweep) {
    const struct sweep_listener *listener = sweep->listener;
    bool is_mere_audit = listener != NULL && listener->is_audit && !listener->wants_advice;
    if (sweep->guard->settings.control.promotion.promotion == PROMOTION_OFF || is_mere_audit) {
        return NULL;
    }
    return promotion_begin(&sweep->control, sweep->ordering_ms);
}

static void run(struct sweep *sweep) {
    sweep_read_scope(sweep);
    sweep->guard->aws.deadline_ms = sweep->read_deadline_ms;
    enum status status = elbv2_list_load_balancers(&sweep->guard->aws, sweep->arena, &sweep->listed,
                                                   &sweep->listed_count, &sweep->list_error);
    sweep->list_error.status = status;
    sweep->guard->aws.deadline_ms = sweep->deadline_ms;
    sweep_sort_listing(sweep);
    if (sweep->listener != NULL && sweep->listener->listed != NULL) {
        sweep->listener->listed(sweep->listener->context, sweep->to_judge_count);
    }
    sweep_listed(sweep);
    bool is_at_end = sweep_is_at_end(sweep);
    if (!is_at_end) {
        sweep_remember_end(sweep);
    }
    sweep_clean_up(sweep);
    sweep_stale_state(sweep);
    finish_promotion(sweep);
    /* Last: the next one does again what there was no time for. */
    if (is_at_end) {
        sweep_remember_end(sweep);
    }
    (void)security_hub_import(&sweep->control);
    (void)reevaluate(&sweep->control);
    write_fleet_metrics(sweep);
    sweep_log(sweep);
}

void sweep_run(struct guard *guard, const struct config_invocation *invocation,
               const struct sweep_listener *listener, struct arena *arena,
               struct app_reply *reply) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    struct error error = {0};
    if (effective_policy(guard, invocation->rule_parameters, arena, policy, &error) != STATUS_OK) {
        reply_error(reply, ERROR_INVALID_PARAMETER, error.message);
        return;
    }
    if (accounts_require(guard, invocation->account_id, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    int64_t now_ms = guard->clock->now_ms(guard->clock);
    struct sweep sweep = {
        .guard = guard,
        .invocation = invocation,
        .policy = policy,
        .arena = arena,
        .begun_ms = now_ms,
        .listener = listener,
        .began_us = guard->clock->monotonic_us(guard->clock),
        .found = fleet_count_of(invocation->account_id),
        .ordering_ms = invocation->notification_ms != 0 ? invocation->notification_ms : now_ms,
        .deadline_ms = guard->aws.deadline_ms,
        .read_deadline_ms = sweep_read_deadline(guard, guard->aws.deadline_ms),
    };
    buf_init(&sweep.unknown_names, arena, SWEEP_NAMES_BYTES_MAX);
    buf_init(&sweep.body, arena, RESPONSE_BYTES_MAX);
    response_begin(&sweep.response, &sweep.body);
    control_begin(&sweep.control, guard, policy, arena);
    bool is_audit = sweep.listener != NULL && sweep.listener->is_audit;
    bool is_test = str_eq(invocation->result_token, STR("TESTMODE"));
    sweep.reports = !is_audit && !str_is_empty(invocation->result_token);
    sweep.promotion = begin_promotion(&sweep);
    sweep.acts = !is_audit && !is_test && (control_is_on(guard) || sweep.promotion != NULL);
    run(&sweep);
    sweep_reply(&sweep, reply);
}

void sweep_handle(struct guard *guard, const struct config_invocation *invocation,
                  struct arena *arena, struct app_reply *reply) {
    sweep_run(guard, invocation, NULL, arena, reply);
}
