/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep does about the judgements of a chunk, and with how much of the time; and which of
 * them it has settled, for the invocation that goes on from there.
 */
#include "sweep_internal.h"

static void pass(struct sweep *sweep, str arn, bool is_tried, bool is_settled) {
    sweep->is_cut_off = sweep->is_cut_off || !is_tried;
    sweep->is_broken_off = sweep->is_broken_off || !is_settled;
    sweep->tried = sweep->is_cut_off ? sweep->tried : arn;
    sweep->settled = sweep->is_broken_off ? sweep->settled : arn;
}

static void act_on_one(struct sweep *sweep, const struct judged_chunk *chunk, size_t i) {
    struct load_balancer *facts = chunk->items[i].facts;
    size_t failures = sweep->act.failure_count;
    act_on(&sweep->act, facts, chunk->read_ms, &chunk->evaluations[i]);
    bool is_settled = sweep->act.failure_count == failures;
    bool is_tried = is_settled || sweep->act.last_failure != STATUS_DEADLINE;
    sweep->unacted_count += is_tried ? 0 : 1;
    pass(sweep, facts->arn, is_tried, is_settled);
}

void sweep_act_on(struct sweep *sweep, const struct judged_chunk *chunk) {
    const struct clock *clock = sweep->app->clock;
    if (!sweep->acts) {
        return;
    }
    int64_t deadline_ms = sweep_act_deadline(sweep);
    str settled = sweep->settled;
    sweep_let_finish(sweep, deadline_ms);
    sweep->act.arena = chunk->arena;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->items[i].status == STATUS_DEADLINE) {
            pass(sweep, STR_EMPTY, false, false);
        } else if (clock->now_ms(clock) >= deadline_ms) {
            sweep->unacted_count++;
            pass(sweep, STR_EMPTY, false, false);
        } else {
            act_on_one(sweep, chunk, i);
        }
    }
    if (!act_import_findings(&sweep->act)) {
        sweep->settled = settled;
        sweep->is_broken_off = true;
    }
    sweep->act.arena = sweep->arena;
    sweep_set_deadline(sweep, sweep->deadline_ms);
}
