/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep does about the judgements of a chunk, and with how much of the time; and which of
 * them it has settled, for the invocation that goes on from there.
 */
#include "policy/transition.h"
#include "sweep_internal.h"

/* For the calls about one that was begun in time. */
#define FINISH_MS 2000

/* A hanging table must not cost those that are still to be read their report: while there are any,
 * nothing new is begun when half of what reading them leaves is over. Where the time is short and
 * the next invocation goes on, half of it is for acting: else that one would begin where this one
 * did. */
static int64_t act_deadline(const struct sweep *sweep) {
    size_t left = sweep->to_judge_count - sweep->seen_count;
    int64_t now_ms = sweep->app->clock->now_ms(sweep->app->clock);
    if (left == 0 || sweep->read_deadline_ms == INT64_MAX) {
        return sweep->read_deadline_ms;
    }
    bool goes_on = sweep->is_resumable && sweep_is_time_short(sweep, left);
    int64_t left_ms = sweep->read_deadline_ms - now_ms;
    int64_t spare_ms = left_ms - (goes_on ? 0 : sweep_needed_ms(sweep, left));
    return now_ms + (spare_ms > 0 ? spare_ms / 2 : 0);
}

void sweep_set_deadline(struct sweep *sweep, int64_t deadline_ms) {
    sweep->app->aws.deadline_ms = deadline_ms;
    sweep->app->home.deadline_ms = deadline_ms;
}

static void let_finish(struct sweep *sweep, int64_t deadline_ms) {
    if (deadline_ms != INT64_MAX) {
        int64_t reserve_ms = (sweep->deadline_ms - deadline_ms) / 2;
        deadline_ms += reserve_ms < FINISH_MS ? reserve_ms : FINISH_MS;
    }
    sweep_set_deadline(sweep, deadline_ms);
}

static void pass(struct sweep *sweep, str arn, bool is_tried, bool is_settled) {
    sweep->is_cut_off = sweep->is_cut_off || !is_tried;
    sweep->is_broken_off = sweep->is_broken_off || !is_settled;
    sweep->tried = sweep->is_cut_off ? sweep->tried : arn;
    sweep->settled = sweep->is_broken_off ? sweep->settled : arn;
}

static void act_on_one(struct sweep *sweep, const struct sweep_chunk *chunk, size_t i) {
    struct load_balancer *facts = chunk->items[i].facts;
    struct evaluation reported = chunk->evaluations[i];
    size_t failures = sweep->act.failure_count;
    act_on(&sweep->act, facts, chunk->read_ms, &chunk->evaluations[i]);
    act_take_age(&reported, &chunk->evaluations[i]);
    response_add(&sweep->response, chunk->arena, &reported);
    bool is_settled = sweep->act.failure_count == failures;
    bool is_tried = is_settled || sweep->act.last_failure != STATUS_DEADLINE;
    sweep->unacted_count += is_tried ? 0 : 1;
    pass(sweep, facts->arn, is_tried, is_settled);
}

static void answer_all(struct sweep *sweep, const struct sweep_chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status != STATUS_DEADLINE) {
            response_add(&sweep->response, chunk->arena, &chunk->evaluations[i]);
        }
    }
}

/* The verdicts of an audit stand without the table: after the first failure it is left alone. */
void sweep_add_ages(struct sweep *sweep, const struct sweep_chunk *chunk) {
    const struct clock *clock = sweep->app->clock;
    bool is_wanted = sweep->listener != NULL && sweep->listener->wants_age &&
                     !str_is_empty(sweep->act.table.name);
    for (size_t i = 0; is_wanted && i < chunk->count && !sweep->has_no_ages; i++) {
        struct evaluation *evaluation = &chunk->evaluations[i];
        struct lb_state state = {.since_ms = 0};
        struct error error = {0};
        if (chunk->items[i].status == STATUS_DEADLINE || evaluation->compliance != NON_COMPLIANT) {
            continue;
        }
        if (state_load(&sweep->act.table, evaluation->resource_id, chunk->arena, &state, &error) !=
            STATUS_OK) {
            sweep->has_no_ages = true;
            LOG(sweep->app->log, LOG_WARN, "age_unknown", LOG_STR("errorMessage", error.message));
        }
        transition_add_age(evaluation, state.since_ms, clock->now_ms(clock),
                           sweep->policy->max_non_compliant_days, chunk->arena);
    }
}

void sweep_act_on(struct sweep *sweep, const struct sweep_chunk *chunk) {
    const struct clock *clock = sweep->app->clock;
    if (!sweep->acts) {
        answer_all(sweep, chunk);
        return;
    }
    int64_t deadline_ms = act_deadline(sweep);
    str settled = sweep->settled;
    let_finish(sweep, deadline_ms);
    sweep->act.arena = chunk->arena;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_DEADLINE) {
            pass(sweep, STR_EMPTY, false, false);
        } else if (clock->now_ms(clock) >= deadline_ms) {
            sweep->unacted_count++;
            pass(sweep, STR_EMPTY, false, false);
            response_add(&sweep->response, chunk->arena, &chunk->evaluations[i]);
        } else {
            act_on_one(sweep, chunk, i);
        }
    }
    if (sweep->hooks != NULL && sweep->hooks->acted != NULL) {
        sweep->hooks->acted(sweep->hooks->context, sweep, chunk);
    }
    if (!act_import_findings(&sweep->act)) {
        sweep->settled = settled;
        sweep->is_broken_off = true;
    }
    sweep->act.arena = sweep->arena;
    sweep_set_deadline(sweep, sweep->deadline_ms);
}
