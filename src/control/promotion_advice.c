/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: evidence that cannot be read costs no report. It has a share of the time, and after
 * its first failure it is not read any more in this sweep. A load balancer without advice keeps its
 * ring open.
 */
#include "control/evidence.h"
#include "promotion_internal.h"

static void stop_evidence(struct promotion_run *run, const struct error *error) {
    run->has_lost_evidence = true;
    LOG(run->control->guard->log, LOG_WARN, "evidence_failed",
        LOG_STR("reason", STR("there is no advice on promotion in this sweep")),
        LOG_STR("errorMessage", error->message));
}

/* Once a sweep. */
static void read_records(struct promotion_run *run) {
    const struct state_table table = {.client = &run->control->guard->home,
                                      .name = run->config->evidence_table};
    struct error error = {0};
    if (run->has_records || run->has_lost_evidence) {
        return;
    }
    run->has_records = true;
    if (!str_is_empty(table.name) && watch_list(&table, run->control->keep, &run->records,
                                                &run->record_count, &error) != STATUS_OK) {
        stop_evidence(run, &error);
    }
}

static struct evidence evidence_of(const struct promotion_run *run,
                                   const struct load_balancer *facts) {
    const struct watch_record *record = watch_find(run->records, run->record_count, facts->arn);
    struct evidence evidence = {.days = run->config->evidence.evidence_days,
                                .writes_logs = facts->writes_logs,
                                .logs_bucket = facts->logs_bucket};
    if (record == NULL) {
        return evidence;
    }
    evidence.is_watched = watch_is_open(record);
    evidence.rolled_back_ms = record->status == WATCH_ROLLED_BACK ? record->ended_ms : 0;
    evidence.reverted_ms = record->status == WATCH_REVERTED_BY_OTHER ? record->ended_ms : 0;
    evidence.reverted_note = record->note;
    if (watch_is_reverted_since(record, facts->mode)) {
        evidence.reverted_ms = promotion_now_ms(run);
        evidence.reverted_note = STR("lowered since its watch ended");
    }
    return evidence;
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
    };
    str *bucket = &run->candidates[run->count - 1].evidence.logs_bucket;
    *bucket = str_copy(arena, *bucket);
}

static const char *reason_to_leave(const struct promotion_run *run,
                                   const struct evaluation *evaluation) {
    return enforcement_reason_to_leave(evaluation,
                                       &run->control->guard->settings.control.enforcement);
}

static void note_candidate(struct promotion_run *run, const struct load_balancer *facts,
                           const struct evidence *evidence, const struct evaluation *evaluation) {
    const struct advice *advice = evaluation->advice;
    int64_t wait_ms = run->config->evidence.evidence_days * MS_PER_DAY;
    int64_t since_ms = promotion_now_ms(run) - wait_ms;
    str holds_because = evidence->is_watched                  ? STR("is being watched")
                        : evidence->rolled_back_ms > since_ms ? STR("was rolled back")
                        : evidence->reverted_ms > since_ms    ? STR("was reverted")
                                                              : STR_EMPTY;
    if (advice->may_promote || !str_is_empty(holds_because)) {
        add_candidate(run, facts, evidence, advice->reason, holds_because);
        run->candidates[run->count - 1].left_because =
            str_is_empty(holds_because) ? reason_to_leave(run, evaluation) : NULL;
    }
}

/* false: without numbers there is no advice. The advice lives as long as its chunk. */
static bool advise(struct promotion_run *run, const struct judged_chunk *chunk, size_t i,
                   const struct evidence *evidence, bool has_numbers) {
    struct evaluation *evaluation = &chunk->evaluations[i];
    struct advice *advice = ARENA_NEW(chunk->arena, struct advice);
    recommend(evaluation, evidence, &run->config->evidence, promotion_now_ms(run), chunk->arena,
              advice);
    if (advice->recommendation == RECOMMEND_NO_EVIDENCE && !has_numbers) {
        return false;
    }
    evaluation->advice = advice;
    note_candidate(run, chunk->items[i].facts, evidence, evaluation);
    if (advice->recommendation == RECOMMEND_NOTHING && evaluation->mode != MODE_MONITOR) {
        evaluation->advice = NULL;
    } else {
        advice_add_finding(advice, chunk->arena, evaluation);
        LOG(run->control->guard->log, LOG_INFO, "advice",
            LOG_STR("resourceId", evaluation->resource_id),
            LOG_STR("recommendation", str_from_cstr(recommendation_name(advice->recommendation))),
            LOG_INT("requests", (int64_t)advice->requests),
            LOG_INT("blocked", (int64_t)advice->blocked), LOG_STR("reason", advice->reason));
    }
    return true;
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
    read_records(run);
    for (size_t i = 0; i < chunk->count; i++) {
        const struct load_balancer *facts = chunk->items[i].facts;
        struct evidence evidence = evidence_of(run, facts);
        if (chunk->items[i].status == STATUS_OK && facts->type == TYPE_APPLICATION &&
            !advise(run, chunk, i, &evidence, false)) {
            queries[count] = (struct evidence_query){.arn = facts->arn, .evidence = evidence};
            indexes[count++] = i;
        }
    }
    if (!run->has_lost_evidence &&
        evidence_read(guard, queries, count, chunk->arena, &error) != STATUS_OK) {
        stop_evidence(run, &error);
    }
    for (size_t i = 0; i < count; i++) {
        if (queries[i].is_read) {
            (void)advise(run, chunk, indexes[i], &queries[i].evidence, true);
        } else if (reason_to_leave(run, &chunk->evaluations[indexes[i]]) == NULL) {
            add_candidate(run, chunk->items[indexes[i]].facts, &queries[i].evidence, STR_EMPTY,
                          STR("its evidence could not be read"));
        }
    }
}
