/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep does with evidence: each chunk is advised before it is reported, and after a
 * complete sweep those are promoted whose turn it is. Evidence that cannot be read costs no report:
 * it is given a share of the time, and after the first failure it is left alone for this sweep.
 */
#include "control/evidence.h"
#include "promotion_internal.h"

struct promotion_run {
    struct promotion_sweep sweep;
    const struct promotion_config *config;
    struct candidate *candidates;
    size_t count;
    size_t capacity;
    struct watch_record *records;
    size_t record_count;
    bool has_records; /* were read, or there is no table */
    bool is_off;      /* evidence failed, which was logged */
    size_t seen_count;
};

static int64_t now_of(const struct promotion_run *run) {
    return run->sweep.guard->clock->now_ms(run->sweep.guard->clock);
}

/* --- evidence --------------------------------------------------------------------------------- */

static void give_up(struct promotion_run *run, const struct error *error) {
    run->is_off = true;
    LOG(run->sweep.guard->log, LOG_WARN, "evidence_failed",
        LOG_STR("reason", STR("there is no advice on promotion in this sweep")),
        LOG_STR("errorMessage", error->message));
}

/* Once a sweep. */
static void read_records(struct promotion_run *run) {
    const struct promotion_sweep *sweep = &run->sweep;
    const struct state_table table = {.client = &sweep->guard->home,
                                      .name = run->config->evidence_table};
    struct error error = {0};
    if (run->has_records || run->is_off) {
        return;
    }
    run->has_records = true;
    if (!str_is_empty(table.name) &&
        watch_list(&table, sweep->arena, &run->records, &run->record_count, &error) != STATUS_OK) {
        give_up(run, &error);
    }
}

static struct evidence evidence_of(const struct promotion_run *run,
                                   const struct load_balancer *facts) {
    const struct watch_record *record = watch_find(run->records, run->record_count, facts->arn);
    struct evidence evidence = {.days = run->config->evidence.evidence_days,
                                .writes_logs = facts->writes_logs};
    if (record != NULL) {
        evidence.is_watched = watch_is_open(record);
        evidence.rolled_back_ms = record->status == WATCH_ROLLED_BACK ? record->ended_ms : 0;
        evidence.taken_back_ms = record->status == WATCH_REVERTED_BY_OTHER ? record->ended_ms : 0;
        evidence.taken_back_note = record->note;
    }
    if (record != NULL && watch_is_reverted_since(record, facts->mode)) {
        evidence.taken_back_ms = now_of(run);
        evidence.taken_back_note = STR("lowered since its watch ended");
    }
    return evidence;
}

static bool is_held_back(const struct promotion_run *run, const struct evidence *evidence) {
    int64_t wait_ms = run->config->evidence.evidence_days * MS_PER_DAY;
    int64_t last_ms = evidence->rolled_back_ms > evidence->taken_back_ms ? evidence->rolled_back_ms
                                                                         : evidence->taken_back_ms;
    return evidence->is_watched || (last_ms != 0 && now_of(run) - last_ms < wait_ms);
}

/* --- candidates ------------------------------------------------------------------------------- */

static str ring_of(const struct promotion_run *run, const struct load_balancer *facts) {
    str value;
    if (!tag_get(facts, run->config->ring_tag, &value)) {
        return STR_EMPTY;
    }
    return str_copy(run->sweep.arena, str_trim(value));
}

static struct candidate *add_candidate(struct promotion_run *run, const struct load_balancer *facts,
                                       const struct evidence *evidence) {
    struct arena *arena = run->sweep.arena;
    ARENA_RESERVE(arena, run->candidates, run->count + 1, run->capacity);
    struct candidate *candidate = &run->candidates[run->count++];
    *candidate = (struct candidate){
        .facts = {.arn = str_copy(arena, facts->arn),
                  .name = str_copy(arena, facts->name),
                  .type = facts->type,
                  .scheme = facts->scheme},
        .ring = ring_of(run, facts),
        .evidence = *evidence,
    };
    return candidate;
}

static void note_candidate(struct promotion_run *run, const struct load_balancer *facts,
                           const struct evidence *evidence, const struct advice *advice) {
    if (advice->recommendation == RECOMMEND_PROMOTE) {
        struct candidate *candidate = add_candidate(run, facts, evidence);
        candidate->is_to_be_promoted = true;
        candidate->reason = str_copy(run->sweep.arena, advice->reason);
    } else if (is_held_back(run, evidence)) {
        struct candidate *candidate = add_candidate(run, facts, evidence);
        candidate->facts.mode = facts->mode;
        candidate->holds_because = evidence->is_watched            ? STR("is being watched")
                                   : evidence->rolled_back_ms != 0 ? STR("was rolled back")
                                                                   : STR("was reverted");
    }
}

static void log_advice(const struct promotion_run *run, const struct evaluation *evaluation,
                       const struct advice *advice) {
    LOG(run->sweep.guard->log, LOG_INFO, "advice", LOG_STR("resourceId", evaluation->resource_id),
        LOG_STR("recommendation", str_from_cstr(recommendation_name(advice->recommendation))),
        LOG_INT("requests", (int64_t)advice->requests),
        LOG_INT("blocked", (int64_t)advice->blocked), LOG_STR("reason", advice->reason));
}

/* The evaluation lives as long as its chunk, as does the advice. */
static void conclude(struct promotion_run *run, const struct load_balancer *facts,
                     const struct evidence *evidence, const struct advice *advice,
                     struct arena *arena, struct evaluation *evaluation) {
    note_candidate(run, facts, evidence, advice);
    if (advice->recommendation == RECOMMEND_NOTHING && evaluation->mode != MODE_MONITOR) {
        return;
    }
    struct advice *kept = ARENA_NEW(arena, struct advice);
    *kept = *advice;
    evaluation->advice = kept;
    advice_add_finding(advice, arena, evaluation);
    log_advice(run, evaluation, advice);
}

/* --- advice on a chunk ------------------------------------------------------------------------ */

/* Those of a chunk whose numbers decide. */
struct asked {
    struct evidence_query *cases;
    size_t *indexes; /* in the chunk */
    size_t count;
};

/* What needs no numbers is concluded at once. */
static struct asked ask(struct promotion_run *run, const struct judged_chunk *chunk) {
    struct asked asked = {
        .cases = ARENA_ARRAY(chunk->arena, struct evidence_query, chunk->count),
        .indexes = ARENA_ARRAY(chunk->arena, size_t, chunk->count),
    };
    for (size_t i = 0; i < chunk->count; i++) {
        const struct load_balancer *facts = chunk->items[i].facts;
        struct evaluation *evaluation = &chunk->evaluations[i];
        if (chunk->items[i].status != STATUS_OK || facts->type != TYPE_APPLICATION) {
            continue;
        }
        struct evidence evidence = evidence_of(run, facts);
        struct advice advice;
        recommend(evaluation, &evidence, &run->config->evidence, now_of(run), chunk->arena,
                  &advice);
        if (advice.recommendation == RECOMMEND_NO_EVIDENCE) {
            asked.cases[asked.count] =
                (struct evidence_query){.arn = facts->arn, .evidence = evidence};
            asked.indexes[asked.count++] = i;
        } else {
            conclude(run, facts, &evidence, &advice, chunk->arena, evaluation);
        }
    }
    return asked;
}

static void read_evidence(struct promotion_run *run, const struct judged_chunk *chunk,
                          const struct asked *asked) {
    struct error error = {0};
    if (asked->count == 0 || run->is_off) {
        return;
    }
    if (evidence_read(run->sweep.guard, asked->cases, asked->count, chunk->arena, &error) !=
        STATUS_OK) {
        give_up(run, &error);
    }
}

void promotion_advise(struct promotion_run *run, const struct judged_chunk *chunk,
                      int64_t deadline_ms) {
    struct guard *guard = run->sweep.guard;
    run->seen_count += chunk->count;
    guard->aws.deadline_ms = guard->home.deadline_ms = deadline_ms;
    read_records(run);
    struct asked asked = ask(run, chunk);
    read_evidence(run, chunk, &asked);
    for (size_t i = 0; i < asked.count; i++) {
        const struct load_balancer *facts = chunk->items[asked.indexes[i]].facts;
        struct evaluation *evaluation = &chunk->evaluations[asked.indexes[i]];
        if (!asked.cases[i].is_read) {
            add_candidate(run, facts, &asked.cases[i].evidence)->holds_because =
                STR("its evidence could not be read");
            continue;
        }
        struct advice advice;
        recommend(evaluation, &asked.cases[i].evidence, &run->config->evidence, now_of(run),
                  chunk->arena, &advice);
        conclude(run, facts, &asked.cases[i].evidence, &advice, chunk->arena, evaluation);
    }
}

/* --- promotion at the end --------------------------------------------------------------------- */

static void add_waiting(struct promotion_run *run, const struct candidate *candidate,
                        const char *status, str why) {
    struct control *control = run->sweep.control;
    const struct action action = {
        .resource_id = candidate->facts.arn,
        .action = "promote",
        .status = status,
        .from = STR("defensive"),
        .to = STR("strictest"),
        .reason = str_is_empty(why) ? candidate->reason
                                    : str_format(run->sweep.arena, "%" STR_FMT "; %" STR_FMT,
                                                 STR_ARG(why), STR_ARG(candidate->reason)),
    };
    action_add(control, &action, NULL);
}

static void add_planned(struct promotion_run *run, const struct candidate *candidate, str why) {
    add_waiting(run, candidate, "planned", why);
}

/* Why it has to wait; empty when it is its turn. */
static str wait_for_ring(struct promotion_run *run, const struct candidate *candidate) {
    const struct candidate *first = &run->candidates[0];
    if (ring_compare(first->ring, candidate->ring) == 0) {
        return STR_EMPTY;
    }
    str because =
        str_is_empty(first->holds_because) ? STR("is still to be promoted") : first->holds_because;
    return str_format(run->sweep.arena,
                      "waits for ring %" STR_FMT ", of which %" STR_FMT " %" STR_FMT,
                      STR_ARG(first->ring), STR_ARG(first->facts.arn), STR_ARG(because));
}

/* Without a table a promotion could not be watched. */
static bool may_promote(const struct promotion_run *run) {
    return run->config->promotion == PROMOTION_ENFORCE &&
           !str_is_empty(run->sweep.control->table.name);
}

/* From now on it is not tried again for EVIDENCE_DAYS. CONFLICT: another copy has noted it. */
static void note_reverted(struct promotion_run *run, const struct candidate *candidate) {
    const struct promotion_sweep *sweep = &run->sweep;
    for (size_t i = 0; i < run->record_count; i++) {
        struct watch_record *record = &run->records[i];
        struct error error = {0};
        if (!str_eq(record->arn, candidate->facts.arn) ||
            !watch_is_reverted_since(record, candidate->facts.mode)) {
            continue;
        }
        enum status status =
            watch_describe_reverting(&sweep->control->table, record, candidate->facts.mode,
                                     sweep->arena, &record->note, &error);
        record->status = WATCH_REVERTED_BY_OTHER;
        record->ended_ms = now_of(run);
        if (status == STATUS_OK) {
            status = watch_save(&sweep->control->table, record, sweep->arena, &error);
        }
        if (status != STATUS_OK && status != STATUS_CONFLICT) {
            action_add_failure(sweep->control, record->arn, "watch", &error);
        }
    }
}

void promotion_complete(struct promotion_run *run, size_t to_judge_count) {
    const struct promotion_sweep *sweep = &run->sweep;
    struct promotion_turn turn = {
        .sweep = sweep, .records = run->records, .record_count = run->record_count};
    int changes_max = sweep->guard->settings.control.enforcement.max_changes_per_run;
    candidates_sort(run->candidates, run->count);
    turn.candidates = ARENA_ARRAY(sweep->arena, const struct candidate *, run->count + 1);
    for (size_t i = 0; i < run->count; i++) {
        const struct candidate *candidate = &run->candidates[i];
        if (!candidate->is_to_be_promoted) {
            if (run->config->promotion == PROMOTION_ENFORCE &&
                !str_is_empty(sweep->control->table.name)) {
                note_reverted(run, candidate);
            }
            continue;
        }
        str wait = wait_for_ring(run, candidate);
        if (!may_promote(run) || !str_is_empty(wait)) {
            add_planned(run, candidate, wait);
        } else if (run->seen_count != to_judge_count) {
            /* The rings of those that other invocations saw may have changed since. */
            add_planned(run, candidate, STR("this sweep did not see all of them in one run"));
        } else if (sweep->control->changes + (int)turn.count >= changes_max) {
            add_planned(run, candidate, STR("MAX_CHANGES_PER_RUN is reached"));
        } else {
            turn.candidates[turn.count++] = candidate;
        }
    }
    promote_turn(&turn);
}

/* One that could not be judged may be of an earlier ring: all wait for the next sweep. */
void promotion_abandon(struct promotion_run *run, size_t unknown_count, size_t not_reached_count) {
    size_t waiting = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (run->candidates[i].is_to_be_promoted) {
            add_waiting(run, &run->candidates[i], "skipped",
                        STR("not all load balancers of the Region could be judged, so that nobody "
                            "knows whose turn it is"));
            waiting++;
        }
    }
    if (waiting > 0) {
        LOG(run->sweep.guard->log, LOG_WARN, "promotion_skipped",
            LOG_INT("waiting", (int64_t)waiting), LOG_INT("unknown", (int64_t)unknown_count),
            LOG_INT("notReached", (int64_t)not_reached_count),
            LOG_STR("reason", STR("promotion needs a sweep that judged the whole Region")));
    }
}

struct promotion_run *promotion_begin(const struct promotion_sweep *sweep) {
    struct promotion_run *run = ARENA_NEW(sweep->arena, struct promotion_run);
    *run = (struct promotion_run){.sweep = *sweep,
                                  .config = &sweep->guard->settings.control.promotion};
    return run;
}
