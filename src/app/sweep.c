/* SPDX-License-Identifier: Apache-2.0
 *
 * The sweep of a Region: list, read, judge and report chunk by chunk, then set what vanished
 * NOT_APPLICABLE. What is reported stays reported however the sweep ends; whatever was not found
 * out makes the invocation fail with a message that says how far it got.
 */
#include "control/live.h"
#include "sweep_internal.h"
#include "table/history.h"
#include "table/traffic_days.h"

/* Enough to hide the latency of a call; the pace, not this, bounds what AWS sees. */
#define IN_FLIGHT_MAX 200

/* --- reading and judging -------------------------------------------------------------------- */

/* Threads that handle invocations at the same time share what one process may open. */
static unsigned in_flight_max(const struct sweep *sweep) {
    int sharers = sweep->guard->settings.concurrency;
    return sharers <= 1 ? IN_FLIGHT_MAX : 1 + IN_FLIGHT_MAX / (unsigned)sharers;
}

/* What was listed and is missed now is looked for once more. */
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

/* Not for one that was not reached in time. */
static void judge(struct sweep *sweep, const struct elbv2_fleet_item *item, struct arena *arena,
                  struct evaluation *evaluation) {
    str type = STR(LOAD_BALANCER_RESOURCE_TYPE);
    policy_evaluate(item->facts, sweep->policy, guard_now_ms(sweep->guard), arena, evaluation);
    if (item->status == STATUS_NOT_FOUND) {
        evaluation_without_facts(evaluation, type, item->facts->arn, NOT_APPLICABLE,
                                 STR(GONE_REASON));
    } else if (listing_is_out_of_scope(&sweep->listing, item->facts)) {
        evaluation_without_facts(evaluation, type, item->facts->arn, NOT_APPLICABLE,
                                 STR("outside the scope of the rule"));
    } else if (item->status != STATUS_OK) {
        evaluation->compliance = COMPLIANCE_UNKNOWN;
        evaluation->reason = item->problem;
    }
    evaluation->source = SOURCE_LIVE;
}

static void judge_chunk(struct sweep *sweep, const struct judged_chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        struct elbv2_fleet_item *item = &chunk->items[i];
        if (status_is_retryable(item->status) &&
            guard_now_ms(sweep->guard) >= sweep->budget.read_deadline_ms) {
            item->status = STATUS_DEADLINE;
        }
        if (item->status != STATUS_DEADLINE) {
            judge(sweep, item, chunk->arena, &chunk->evaluations[i]);
        } else if (sweep->result.not_reached_count++ == 0) {
            sweep->result.not_reached_because = str_copy(sweep->arena, item->problem);
        }
        if (item->status != STATUS_DEADLINE && str_is_empty(sweep->cursor.first_unknown) &&
            chunk->evaluations[i].compliance == COMPLIANCE_UNKNOWN) {
            sweep->cursor.first_unknown = item->facts->arn;
        }
    }
    if (sweep->promotion != NULL) {
        promotion_advise(sweep->promotion, chunk,
                         budget_evidence_deadline(&sweep->budget, chunk->count));
        budget_set_deadline(&sweep->budget, sweep->budget.deadline_ms);
    }
}

/* --- acting --------------------------------------------------------------------------------- */

/* The verdicts of an audit stand without the table: after the first failure it is left alone. */
static void add_age(struct sweep *sweep, struct evaluation *evaluation, struct arena *arena) {
    const struct audit_listener *listener = sweep->options->listener;
    struct lb_state state = {.since_ms = 0};
    struct error error = {0};
    if (listener == NULL || !listener->wants_age || str_is_empty(sweep->control.table.name) ||
        sweep->has_no_ages || evaluation->compliance != NON_COMPLIANT) {
        return;
    }
    if (state_load(&sweep->control.table, evaluation->resource_id, arena, &state, &error) !=
        STATUS_OK) {
        sweep->has_no_ages = true;
        LOG(sweep->guard->log, LOG_WARN, "age_unknown", LOG_STR("errorMessage", error.message));
    }
    transition_add_age(evaluation, state.since_ms, guard_now_ms(sweep->guard),
                       sweep->policy->max_non_compliant_days, arena);
}

/* The response has what was reported, and how long it has been so; the listener gets each judgement
 * as it stands after enforcement. */
static enum cursor_step act_on_one(struct sweep *sweep, const struct judged_chunk *chunk, size_t i,
                                   int64_t deadline_ms) {
    const struct audit_listener *listener = sweep->options->listener;
    struct evaluation *evaluation = &chunk->evaluations[i];
    struct control *control = &sweep->control;
    enum cursor_step step = CURSOR_SETTLED;
    add_age(sweep, evaluation, chunk->arena);
    struct evaluation reported = *evaluation;
    if (sweep->acts && guard_now_ms(sweep->guard) >= deadline_ms) {
        step = CURSOR_REACHED;
    } else if (sweep->acts) {
        size_t failures = control->failure_count;
        control_handle_judgement(control, chunk->items[i].facts, chunk->read_ms, evaluation);
        control_copy_age(&reported, evaluation);
        sweep_keep_escalated(sweep, chunk->items[i].facts, evaluation);
        step = control->failure_count == failures         ? CURSOR_SETTLED
               : control->last_failure != STATUS_DEADLINE ? CURSOR_TRIED
                                                          : CURSOR_REACHED;
    }
    response_add(&sweep->result.response, chunk->arena, &reported);
    fleet_count_add(&sweep->result.found, evaluation);
    if (listener != NULL && listener->judged != NULL) {
        listener->judged(listener->context, chunk->items[i].facts, evaluation);
    }
    return step;
}

/* After the report: enforcement, state, alerts. */
static void act_on_chunk(struct sweep *sweep, const struct judged_chunk *chunk) {
    struct sweep_cursor *cursor = &sweep->cursor;
    int64_t deadline_ms = budget_act_deadline(&sweep->budget, cursor->is_on);
    str settled_before = cursor->marks[CURSOR_SETTLED].arn;
    if (sweep->acts) {
        budget_let_finish(&sweep->budget, deadline_ms);
        sweep->control.arena = chunk->arena;
    }
    for (size_t i = 0; i < chunk->count; i++) {
        enum cursor_step step = chunk->items[i].status == STATUS_DEADLINE
                                    ? CURSOR_NOT_REACHED
                                    : act_on_one(sweep, chunk, i, deadline_ms);
        sweep->result.unacted_count += step == CURSOR_REACHED ? 1 : 0;
        cursor_advance(cursor, chunk->items[i].facts->arn, step);
    }
    if (sweep->acts && !security_hub_import(&sweep->control)) {
        cursor->marks[CURSOR_SETTLED].arn = settled_before;
        cursor->marks[CURSOR_SETTLED].is_final = true;
    }
    sweep->control.arena = sweep->arena;
    budget_set_deadline(&sweep->budget, sweep->budget.deadline_ms);
}

/* Of those that write access logs: promotion_advise does it of those that wrote some. Only history
 * is lost when it fails for days: the first failure ends it. */
static void fold_traffic(struct sweep *sweep, const struct judged_chunk *chunk) {
    const struct state_table *table = &sweep->control.table;
    struct error error = {0};
    for (size_t i = 0; sweep->acts && !sweep->has_no_fold && i < chunk->count; i++) {
        const struct load_balancer *facts = chunk->items[i].facts;
        if (!str_is_empty(table->name) && facts->writes_logs == YES &&
            traffic_fold(table, facts->arn, guard_now_ms(sweep->guard), chunk->arena, &error) !=
                STATUS_OK) {
            sweep->has_no_fold = true;
            LOG(sweep->guard->log, LOG_WARN, "traffic_not_folded",
                LOG_STR("errorMessage", error.message));
        }
    }
}

/* --- chunk by chunk ------------------------------------------------------------------------- */

static void sweep_chunk(struct sweep *sweep, struct elbv2_fleet_item *items, size_t count) {
    struct arena arena = {0};
    struct aws_client *client = &sweep->guard->aws;
    const struct judged_chunk chunk = {.items = items,
                                       .evaluations = ARENA_ARRAY(&arena, struct evaluation, count),
                                       .count = count,
                                       .read_ms = guard_now_ms(sweep->guard),
                                       .arena = &arena};
    client->deadline_ms = sweep->budget.read_deadline_ms;
    elbv2_read_fleet(client, items, count, in_flight_max(sweep), &arena);
    read_missing_again(sweep, &chunk);
    client->deadline_ms = sweep->budget.deadline_ms;
    judge_chunk(sweep, &chunk);
    sweep_report_chunk(sweep, &chunk);
    sweep->budget.left_count -= count;
    act_on_chunk(sweep, &chunk);
    fold_traffic(sweep, &chunk);
    for (size_t i = 0; i < count; i++) { /* these lived in the chunk's arena */
        items[i].facts->has_tags = false;
        items[i].facts->tags = NULL;
        items[i].facts->tag_count = 0;
        items[i].facts->mode_text = STR_EMPTY;
    }
    arena_clean_up(&arena);
}

/* The index of the first to be judged. Without a cursor a sweep that is too large begins anywhere:
 * Fibonacci hashing of the time, as a retry comes soon after. */
static size_t find_first(struct sweep *sweep) {
    bool is_short = budget_is_short(&sweep->budget);
    size_t first = 0;
    if (sweep->cursor.is_on) {
        struct error error = {0};
        budget_limit_question(&sweep->budget);
        enum status status = cursor_load(&sweep->cursor, &sweep->listing, &first, &error);
        budget_set_deadline(&sweep->budget, sweep->budget.deadline_ms);
        if (status == STATUS_OK) {
            sweep->budget.left_count -= sweep->cursor.resumed_count;
            return first;
        }
        sweep->cursor.is_on = false;
        action_add_failure(&sweep->control, sweep->control.table.name, ACTION_REMEMBER, &error);
    }
    uint64_t now_ms = (uint64_t)guard_now_ms(sweep->guard);
    size_t anywhere =
        (size_t)((now_ms * UINT64_C(0x9E3779B97F4A7C15)) >> 32) % sweep->listing.count;
    return is_short ? anywhere : 0;
}

static void sweep_listed(struct sweep *sweep) {
    const struct sweep_listing *listing = &sweep->listing;
    if (listing->to_judge_count == 0) {
        return;
    }
    struct elbv2_fleet_item *items =
        ARENA_ARRAY(sweep->arena, struct elbv2_fleet_item, SWEEP_CHUNK_MAX);
    size_t first = find_first(sweep);
    size_t most = sweep->cursor.is_on ? listing->count - first : listing->count;
    size_t count = 0;
    size_t chunk_max = budget_chunk_size(&sweep->budget, sweep->options->is_audit);
    for (size_t i = 0; i < most; i++) {
        struct load_balancer *facts = &listing->items[(first + i) % listing->count];
        if (listing_is_to_be_judged(facts)) {
            items[count++] = (struct elbv2_fleet_item){.facts = facts};
        }
        if (count == chunk_max || (i + 1 == most && count > 0)) {
            sweep_chunk(sweep, items, count);
            chunk_max = budget_chunk_size(&sweep->budget, sweep->options->is_audit);
            count = 0;
        }
    }
}

/* --- the whole ------------------------------------------------------------------------------ */

static void save_cursor(struct sweep *sweep) {
    struct error error = {0};
    if (sweep->cursor.is_on && sweep->listing.error.status == STATUS_OK &&
        cursor_save(&sweep->cursor, sweep->result.report_error.status != STATUS_OK, &error) !=
            STATUS_OK) {
        action_add_failure(&sweep->control, sweep->control.table.name, ACTION_REMEMBER, &error);
    }
}

/* Of a whole fleet only: the shares of a part would be taken for those of the whole. Beside the
 * metrics, the day's point of the posture report's trend; its loss fails nothing. */
static void count_fleet(struct sweep *sweep) {
    const struct clock *clock = sweep->guard->clock;
    const struct fleet_count *found = &sweep->result.found;
    const struct posture_point point =
        fleet_count_point(found, date_days_of_ms(guard_now_ms(sweep->guard)));
    struct error error = {0};
    if (sweep->listing.error.status != STATUS_OK || sweep->result.not_reached_count > 0 ||
        sweep->cursor.resumed_count > 0) {
        return;
    }
    metrics_of_fleet(sweep->guard, found, (clock->monotonic_us(clock) - sweep->began_us) / 1000,
                     sweep->arena);
    if (sweep->acts && !str_is_empty(sweep->control.table.name) && point.listed > 0 &&
        history_put_point(&sweep->control.table, str_from_cstr(found->account_id),
                          sweep->guard->aws.region, &point, sweep->arena, &error) != STATUS_OK) {
        LOG(sweep->guard->log, LOG_WARN, "day_not_kept", LOG_STR("errorMessage", error.message));
    }
}

static void run(struct sweep *sweep) {
    const struct audit_listener *listener = sweep->options->listener;
    /* A sweep that no rule asked for acts by the same verdicts as the function's own rule. */
    str rule_name = sweep->reports ? sweep->invocation->rule_name
                    : sweep->acts  ? sweep->guard->settings.control.config_rule_name
                                   : STR_EMPTY;
    listing_read_scope(&sweep->listing, &sweep->budget, rule_name, sweep->arena);
    if (sweep->listing.is_scope_unknown) { /* some may be outside: none of them is acted on */
        sweep->acts = false;
        sweep->cursor.is_on = false;
    }
    listing_read(&sweep->listing, &sweep->budget, sweep->arena);
    if (!str_is_empty(sweep->options->only_arn)) {
        listing_keep_only(&sweep->listing, sweep->options->only_arn);
    }
    sweep->budget.left_count = sweep->listing.to_judge_count;
    if (listener != NULL && listener->listed != NULL) {
        listener->listed(listener->context, sweep->listing.to_judge_count);
    }
    sweep_listed(sweep);
    bool is_at_end = cursor_is_at_end(&sweep->cursor);
    if (!is_at_end) {
        save_cursor(sweep);
    }
    sweep_report_vanished(sweep);
    sweep_remembered(sweep);
    if (sweep->acts && sweep->promotion != NULL) {
        promotion_look_on(sweep->promotion);
    }
    if (sweep->acts && sweep->promotion != NULL && sweep_is_complete(sweep)) {
        promotion_complete(sweep->promotion, sweep->listing.to_judge_count);
    } else if (sweep->acts && sweep->promotion != NULL) {
        promotion_abandon(sweep->promotion, sweep->result.unknown_count,
                          sweep->result.not_reached_count);
    }
    if (listener != NULL && listener->looked_ahead != NULL && sweep->promotion != NULL) {
        const struct prospects prospects = promotion_look_ahead(sweep->promotion);
        listener->looked_ahead(listener->context, &prospects);
    }
    /* Last: if the time runs out before this, the next sweep repeats the steps above. */
    if (is_at_end) {
        save_cursor(sweep);
    }
    (void)security_hub_import(&sweep->control);
    (void)reevaluate(&sweep->control);
    if (!sweep->options->is_audit && sweep->is_own_policy) {
        count_fleet(sweep);
        metrics_of_actions(&sweep->control);
    }
}

static void begin(struct sweep *sweep) {
    struct guard *guard = sweep->guard;
    const struct config_invocation *invocation = sweep->invocation;
    const struct audit_listener *listener = sweep->options->listener;
    buf_init(&sweep->result.unknown_names, sweep->arena, SWEEP_NAMES_BYTES_MAX);
    reply_begin(&sweep->result.response, sweep->arena);
    control_begin(&sweep->control, guard, sweep->policy, sweep->arena);
    sweep->reports = !sweep->options->is_audit && !str_is_empty(invocation->result_token);
    /* An audit reads evidence only where it is asked for advice. */
    if (guard->settings.control.promotion.promotion != PROMOTION_OFF &&
        (!sweep->options->is_audit || (listener != NULL && listener->wants_advice))) {
        sweep->promotion = promotion_begin(&sweep->control, sweep->ordering_ms);
    }
    bool would_act = !sweep->options->is_audit && !invocation->is_test &&
                     (control_is_on(guard) || sweep->promotion != NULL);
    sweep->is_own_policy = is_own_policy(guard, sweep->policy, sweep->arena);
    sweep->acts = would_act && sweep->is_own_policy;
    if (would_act && !sweep->acts) {
        reply_skip_other_policy(&sweep->control, invocation);
    }
    sweep->cursor = (struct sweep_cursor){
        .table = &sweep->control.table,
        .arena = sweep->arena,
        .key = {.pk = str_format(sweep->arena, "SWEEP#%" STR_FMT "#%" STR_FMT "#%" STR_FMT,
                                 STR_ARG(invocation->account_id), STR_ARG(guard->aws.region),
                                 STR_ARG(invocation->rule_name)),
                .sk = STR("CURSOR")},
        .begun_ms = sweep->begun_ms,
        .is_on = sweep->acts && !str_is_empty(sweep->control.table.name) &&
                 sweep->budget.read_deadline_ms != INT64_MAX};
}

void sweep_run(struct guard *guard, const struct sweep_options *options, struct app_reply *reply) {
    const struct config_invocation *invocation = options->invocation;
    struct arena *arena = options->arena;
    const struct policy *policy = policy_or_reply(guard, invocation->rule_parameters, arena, reply);
    struct error error = {0};
    if (policy == NULL) {
        return;
    }
    if (accounts_require(guard, invocation->account_id, arena, &error) != STATUS_OK) {
        reply_error(reply, ERROR_ACCESS_DENIED, error.message);
        return;
    }
    int64_t now_ms = guard_now_ms(guard);
    struct sweep sweep = {
        .guard = guard,
        .options = options,
        .invocation = invocation,
        .policy = policy,
        .arena = arena,
        .begun_ms = now_ms,
        .began_us = guard->clock->monotonic_us(guard->clock),
        .ordering_ms = invocation->notification_ms != 0 ? invocation->notification_ms : now_ms,
        .budget = budget_begin(guard),
        .result.found = fleet_count_of(invocation->account_id)};
    begin(&sweep);
    run(&sweep);
    sweep_reply(&sweep, reply);
}

void sweep_handle(struct guard *guard, const struct config_invocation *invocation,
                  struct arena *arena, struct app_reply *reply) {
    const struct sweep_options options = {.invocation = invocation, .arena = arena};
    sweep_run(guard, &options, reply);
}
