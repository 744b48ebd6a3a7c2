/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: evidence that cannot be read costs no report. It has a share of the time, and after
 * its first failure it is not read any more in this sweep. A load balancer without advice keeps its
 * ring open.
 */
#include "control/evidence.h"
#include "promotion_internal.h"
#include "table/traffic_days.h"

static void stop_evidence(struct promotion_run *run, const struct error *error) {
    run->has_lost_evidence = true;
    run->lost_because = str_copy(run->control->keep, error->message);
    LOG(run->control->guard->log, LOG_WARN, "evidence_failed",
        LOG_STR("reason", STR("there is no advice on promotion in this sweep")),
        LOG_STR("errorMessage", error->message));
}

static void add_candidate(struct promotion_run *run, const struct load_balancer *facts,
                          const struct evidence *evidence, str reason, str holds_because) {
    struct arena *arena = run->control->keep;
    str ring;
    bool has_ring = tag_get(facts, run->config->ring_tag, &ring);
    ARENA_RESERVE(arena, run->candidates, run->count + 1, run->capacity);
    run->candidates[run->count++] = (struct candidate){
        .facts = {.arn = str_copy(arena, facts->arn),
                  .name = str_copy(arena, facts->name),
                  .type = facts->type,
                  .scheme = facts->scheme,
                  .mode = facts->mode},
        .ring = has_ring ? str_copy(arena, str_trim(ring)) : STR_EMPTY,
        .holds_because = holds_because,
        .evidence = *evidence,
        .reason = str_copy(arena, reason),
        .retry_seen_ms = past_retry_seen_ms(run, facts),
    };
    str *bucket = &run->candidates[run->count - 1].evidence.logs_bucket;
    *bucket = str_copy(arena, *bucket);
}

static const char *reason_to_leave(const struct promotion_run *run,
                                   const struct evaluation *evaluation) {
    return enforcement_reason_to_leave(evaluation,
                                       &run->control->guard->settings.control.enforcement);
}

static void log_advice(struct log *log, str arn, const struct advice *advice) {
    str name = str_from_cstr(recommendation_name(advice->recommendation));
    if (advice->has_numbers) {
        LOG(log, LOG_INFO, "advice", LOG_STR("resourceId", arn), LOG_STR("recommendation", name),
            LOG_INT("requests", (int64_t)advice->requests),
            LOG_INT("blocked", (int64_t)advice->blocked), LOG_STR("reason", advice->reason));
    } else {
        LOG(log, LOG_INFO, "advice", LOG_STR("resourceId", arn), LOG_STR("recommendation", name),
            LOG_STR("reason", advice->reason));
    }
}

/* false: without numbers there is no advice, or they are still to be read for an owner who thinks
 * of `retry` (`is_last`: they are not). The advice lives as long as its chunk. */
static bool advise(struct promotion_run *run, const struct judged_chunk *chunk, size_t i,
                   const struct evidence *evidence, bool is_last) {
    struct evaluation *evaluation = &chunk->evaluations[i];
    struct advice *advice = ARENA_NEW(chunk->arena, struct advice);
    recommend(evaluation, evidence, &run->config->evidence, promotion_now_ms(run), chunk->arena,
              advice);
    bool may_retry =
        advice->decided_by == CRITERION_ROLLED_BACK || advice->decided_by == CRITERION_REVERTED;
    if (!evidence->is_read &&
        (advice->recommendation == RECOMMEND_NO_EVIDENCE || (may_retry && !is_last))) {
        return false;
    }
    evaluation->advice = advice;
    if (advice->may_promote) {
        add_candidate(run, chunk->items[i].facts, evidence, advice->reason, STR_EMPTY);
        run->candidates[run->count - 1].left_because = reason_to_leave(run, evaluation);
    }
    if (advice->recommendation == RECOMMEND_NOTHING && evaluation->mode != MODE_MONITOR) {
        evaluation->advice = NULL;
    } else {
        advice_add_finding(advice, chunk->arena, evaluation);
        log_advice(run->control->guard->log, evaluation->resource_id, advice);
    }
    return true;
}

/* Nothing is to be advised, but the logs tell whether clients are blocked. */
static bool is_only_asked_for_clients(const struct promotion_run *run,
                                      const struct load_balancer *facts) {
    return facts->mode == MODE_STRICTEST && !str_is_empty(run->config->evidence_table);
}

static void add_blocked_clients(const struct evidence_query *query,
                                const struct judged_chunk *chunk, size_t i) {
    const struct evidence *evidence = &query->evidence;
    if (query->is_read && evidence->blocked_clients > 0) {
        evaluation_add_clients_blocked(&chunk->evaluations[i], evidence->blocked_clients,
                                       evidence->blocked_reason, evidence->days, chunk->arena);
    }
}

/* The sweep folds the hours of those that write access logs. Hours of logs that were switched off
 * count as evidence likewise, but expire, which is too early where EVIDENCE_DAYS is longer. */
static void fold_unfolded(struct promotion_run *run, const struct evidence_query *queries,
                          size_t count, struct arena *arena) {
    const struct state_table *table = &run->control->table;
    struct guard *guard = run->control->guard;
    struct error error = {0};
    for (size_t i = 0; i < count; i++) {
        if (queries[i].has_unfolded && !str_is_empty(table->name) &&
            traffic_fold(table, queries[i].arn, guard_now_ms(guard), arena, &error) != STATUS_OK) {
            LOG(guard->log, LOG_WARN, "traffic_not_folded", LOG_STR("errorMessage", error.message));
            return;
        }
    }
}

void promotion_advise(struct promotion_run *run, const struct judged_chunk *chunk,
                      int64_t deadline_ms) {
    struct guard *guard = run->control->guard;
    struct evidence_query *queries = ARENA_ARRAY(chunk->arena, struct evidence_query, chunk->count);
    size_t *indexes = ARENA_ARRAY(chunk->arena, size_t, chunk->count);
    size_t count = 0;
    struct error error = {0};
    run->seen_count += chunk->count;
    guard->aws.deadline_ms = guard->home.deadline_ms = deadline_ms;
    if (!run->has_lost_evidence && past_read(run, &error) != STATUS_OK) {
        stop_evidence(run, &error);
    }
    for (size_t i = 0; i < chunk->count; i++) {
        const struct load_balancer *facts = chunk->items[i].facts;
        bool is_known = chunk->items[i].status == STATUS_OK && facts->type == TYPE_APPLICATION;
        if (is_known) {
            past_note(run, facts);
        }
        struct evidence evidence = past_evidence(run, facts);
        if (is_known &&
            (!advise(run, chunk, i, &evidence, false) || is_only_asked_for_clients(run, facts))) {
            queries[count] = (struct evidence_query){.arn = facts->arn, .evidence = evidence};
            indexes[count++] = i;
        }
    }
    if (!run->has_lost_evidence &&
        evidence_read(guard, queries, count, chunk->arena, &error) != STATUS_OK) {
        stop_evidence(run, &error);
    }
    fold_unfolded(run, queries, count, chunk->arena);
    for (size_t i = 0; i < count; i++) {
        const struct load_balancer *facts = chunk->items[indexes[i]].facts;
        struct evidence evidence =
            queries[i].is_read ? queries[i].evidence : past_evidence(run, facts);
        bool is_advised = is_only_asked_for_clients(run, facts);
        evidence.is_read = queries[i].is_read;
        add_blocked_clients(&queries[i], chunk, indexes[i]);
        if (!is_advised && !advise(run, chunk, indexes[i], &evidence, true) &&
            reason_to_leave(run, &chunk->evaluations[indexes[i]]) == NULL) {
            add_candidate(run, facts, &evidence, STR_EMPTY, STR("its evidence could not be read"));
        }
    }
}
