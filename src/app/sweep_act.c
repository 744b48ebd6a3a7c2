/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep does about the judgements of a chunk, and with how much of the time; and which of
 * them it has settled, for the invocation that goes on from there.
 */
#include "policy/transition.h"
#include "sweep_internal.h"

static void pass(struct sweep *sweep, str arn, bool is_tried, bool is_settled) {
    sweep->is_cut_off = sweep->is_cut_off || !is_tried;
    sweep->is_broken_off = sweep->is_broken_off || !is_settled;
    sweep->tried = sweep->is_cut_off ? sweep->tried : arn;
    sweep->settled = sweep->is_broken_off ? sweep->settled : arn;
}

static void handle_one(struct sweep *sweep, const struct judged_chunk *chunk, size_t i) {
    struct load_balancer *facts = chunk->items[i].facts;
    struct evaluation reported = chunk->evaluations[i];
    size_t failures = sweep->control.failure_count;
    control_handle_judgement(&sweep->control, facts, chunk->read_ms, &chunk->evaluations[i]);
    control_copy_age(&reported, &chunk->evaluations[i]);
    response_add(&sweep->response, chunk->arena, &reported);
    bool is_settled = sweep->control.failure_count == failures;
    bool is_tried = is_settled || sweep->control.last_failure != STATUS_DEADLINE;
    sweep->unacted_count += is_tried ? 0 : 1;
    pass(sweep, facts->arn, is_tried, is_settled);
}

static void answer_all(struct sweep *sweep, const struct judged_chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status != STATUS_DEADLINE) {
            response_add(&sweep->response, chunk->arena, &chunk->evaluations[i]);
        }
    }
}

/* The verdicts of an audit stand without the table: after the first failure it is left alone. */
void sweep_add_ages(struct sweep *sweep, const struct judged_chunk *chunk) {
    const struct clock *clock = sweep->guard->clock;
    bool is_wanted = sweep->listener != NULL && sweep->listener->wants_age &&
                     !str_is_empty(sweep->control.table.name);
    for (size_t i = 0; is_wanted && i < chunk->count && !sweep->has_no_ages; i++) {
        struct evaluation *evaluation = &chunk->evaluations[i];
        struct lb_state state = {.since_ms = 0};
        struct error error = {0};
        if (chunk->items[i].status == STATUS_DEADLINE || evaluation->compliance != NON_COMPLIANT) {
            continue;
        }
        if (state_load(&sweep->control.table, evaluation->resource_id, chunk->arena, &state,
                       &error) != STATUS_OK) {
            sweep->has_no_ages = true;
            LOG(sweep->guard->log, LOG_WARN, "age_unknown", LOG_STR("errorMessage", error.message));
        }
        transition_add_age(evaluation, state.since_ms, clock->now_ms(clock),
                           sweep->policy->max_non_compliant_days, chunk->arena);
    }
}

void sweep_act_on(struct sweep *sweep, const struct judged_chunk *chunk) {
    const struct clock *clock = sweep->guard->clock;
    if (!sweep->acts) {
        answer_all(sweep, chunk);
        return;
    }
    int64_t deadline_ms = sweep_act_deadline(sweep);
    str settled = sweep->settled;
    sweep_let_finish(sweep, deadline_ms);
    sweep->control.arena = chunk->arena;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_DEADLINE) {
            pass(sweep, STR_EMPTY, false, false);
        } else if (clock->now_ms(clock) >= deadline_ms) {
            sweep->unacted_count++;
            pass(sweep, STR_EMPTY, false, false);
            response_add(&sweep->response, chunk->arena, &chunk->evaluations[i]);
        } else {
            handle_one(sweep, chunk, i);
        }
    }
    if (!security_hub_import(&sweep->control)) {
        sweep->settled = settled;
        sweep->is_broken_off = true;
    }
    sweep->control.arena = sweep->arena;
    sweep_set_deadline(sweep, sweep->deadline_ms);
}
