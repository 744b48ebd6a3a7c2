/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sweep does with evidence: each chunk is advised before it is reported, and after a
 * complete sweep those are promoted whose turn it is. Evidence that cannot be read costs no report:
 * it is given a share of the time, and after the first failure it is left alone for this sweep.
 */
#include "promote_candidates.h"

/* Of the time that is left for reading, for the evidence of all chunks together. */
#define EVIDENCE_SHARE 4

struct promotion_run {
    struct sweep *sweep;
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
    return run->sweep->app->clock->now_ms(run->sweep->app->clock);
}

/* --- evidence --------------------------------------------------------------------------------- */

static void give_up(struct promotion_run *run, const struct error *error) {
    run->is_off = true;
    LOG(run->sweep->app->log, LOG_WARN, "evidence_failed",
        LOG_STR("reason", STR("there is no advice on promotion in this sweep")),
        LOG_STR("errorMessage", error->message));
}

/* Once a sweep. */
static void read_records(struct promotion_run *run) {
    struct sweep *sweep = run->sweep;
    const struct state_table table = {.client = &sweep->app->home,
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
        evidence.taken_back_ms = record->status == WATCH_REVERTED ? record->ended_ms : 0;
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
    return str_copy(run->sweep->arena, str_trim(value));
}

static struct candidate *add_candidate(struct promotion_run *run, const struct load_balancer *facts,
                                       const struct evidence *evidence) {
    struct arena *arena = run->sweep->arena;
    if (run->count == run->capacity) {
        size_t capacity = run->capacity == 0 ? 32 : 2 * run->capacity;
        run->candidates =
            arena_realloc(arena, run->candidates, run->capacity * sizeof *run->candidates,
                          capacity * sizeof *run->candidates);
        run->capacity = capacity;
    }
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
        candidate->reason = str_copy(run->sweep->arena, advice->reason);
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
    LOG(run->sweep->app->log, LOG_INFO, "advice", LOG_STR("resourceId", evaluation->resource_id),
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
    struct evidence_case *cases;
    size_t *indexes; /* in the chunk */
    size_t count;
};

/* What needs no numbers is concluded at once. */
static struct asked ask(struct promotion_run *run, const struct sweep_chunk *chunk) {
    struct asked asked = {
        .cases = ARENA_ARRAY(chunk->arena, struct evidence_case, chunk->count),
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
                (struct evidence_case){.arn = facts->arn, .evidence = evidence};
            asked.indexes[asked.count++] = i;
        } else {
            conclude(run, facts, &evidence, &advice, chunk->arena, evaluation);
        }
    }
    return asked;
}

/* A part of the share that is as large as the chunk is of what is left to judge. */
static int64_t evidence_deadline(const struct promotion_run *run, size_t count) {
    const struct sweep *sweep = run->sweep;
    int64_t now_ms = now_of(run);
    int64_t left_ms = sweep->read_deadline_ms - now_ms;
    size_t to_judge = sweep->to_judge_count - sweep->seen_count;
    if (sweep->read_deadline_ms == INT64_MAX || left_ms <= 0) {
        return sweep->read_deadline_ms;
    }
    size_t part = to_judge > count ? to_judge : count;
    return now_ms + left_ms / EVIDENCE_SHARE * (int64_t)count / (int64_t)part;
}

static void read_evidence(struct promotion_run *run, const struct sweep_chunk *chunk,
                          const struct asked *asked) {
    struct error error = {0};
    if (asked->count == 0 || run->is_off) {
        return;
    }
    if (evidence_read(run->sweep->app, asked->cases, asked->count, chunk->arena, &error) !=
        STATUS_OK) {
        give_up(run, &error);
    }
}

static void advise(void *context, struct sweep *sweep, const struct sweep_chunk *chunk) {
    struct promotion_run *run = context;
    run->sweep = sweep;
    run->seen_count += chunk->count;
    sweep->app->aws.deadline_ms = sweep->app->home.deadline_ms =
        evidence_deadline(run, chunk->count);
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
    struct act *act = &run->sweep->act;
    const struct action action = {
        .resource_id = candidate->facts.arn,
        .action = "promote",
        .status = status,
        .from = STR("defensive"),
        .to = STR("strictest"),
        .reason = str_is_empty(why) ? candidate->reason
                                    : str_format(run->sweep->arena, "%" STR_FMT "; %" STR_FMT,
                                                 STR_ARG(why), STR_ARG(candidate->reason)),
    };
    act_add(act, &action, NULL);
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
    return str_format(run->sweep->arena,
                      "waits for ring %" STR_FMT ", of which %" STR_FMT " %" STR_FMT,
                      STR_ARG(first->ring), STR_ARG(first->facts.arn), STR_ARG(because));
}

/* Without a table a promotion could not be watched. */
static bool may_promote(const struct promotion_run *run) {
    return run->config->promotion == PROMOTION_ENFORCE && !str_is_empty(run->sweep->act.table.name);
}

/* What is known of the rings of those that other invocations saw may be of another day. */
static bool has_seen_all(const struct promotion_run *run) {
    return run->seen_count == run->sweep->to_judge_count;
}

/* From now on it is not tried again for EVIDENCE_DAYS. CONFLICT: another copy has noted it. */
static void note_reverted(struct promotion_run *run, const struct candidate *candidate) {
    struct sweep *sweep = run->sweep;
    for (size_t i = 0; i < run->record_count; i++) {
        struct watch_record *record = &run->records[i];
        struct error error = {0};
        if (!str_eq(record->arn, candidate->facts.arn) ||
            !watch_is_reverted_since(record, candidate->facts.mode)) {
            continue;
        }
        enum status status = watch_describe_reverting(
            &sweep->act.table, record, candidate->facts.mode, sweep->arena, &record->note, &error);
        record->status = WATCH_REVERTED;
        record->ended_ms = now_of(run);
        if (status == STATUS_OK) {
            status = watch_save(&sweep->act.table, record, sweep->arena, &error);
        }
        if (status != STATUS_OK && status != STATUS_CONFLICT) {
            act_fail(&sweep->act, record->arn, "watch", &error);
        }
    }
}

static void completed(void *context, struct sweep *sweep) {
    struct promotion_run *run = context;
    struct promotion_turn turn = {
        .sweep = sweep, .records = run->records, .record_count = run->record_count};
    int changes_max = sweep->app->settings.act.enforcement.max_changes_per_run;
    run->sweep = sweep;
    candidates_sort(run->candidates, run->count);
    turn.candidates = ARENA_ARRAY(sweep->arena, const struct candidate *, run->count + 1);
    for (size_t i = 0; i < run->count; i++) {
        const struct candidate *candidate = &run->candidates[i];
        if (!candidate->is_to_be_promoted) {
            if (run->config->promotion == PROMOTION_ENFORCE &&
                !str_is_empty(sweep->act.table.name)) {
                note_reverted(run, candidate);
            }
            continue;
        }
        str wait = wait_for_ring(run, candidate);
        if (!may_promote(run) || !str_is_empty(wait)) {
            add_planned(run, candidate, wait);
        } else if (!has_seen_all(run)) {
            add_planned(run, candidate, STR("this sweep did not see all of them in one run"));
        } else if (sweep->act.changes + (int)turn.count >= changes_max) {
            add_planned(run, candidate, STR("MAX_CHANGES_PER_RUN is reached"));
        } else {
            turn.candidates[turn.count++] = candidate;
        }
    }
    promote_turn(&turn);
}

/* One that could not be judged may be of an earlier ring: all wait for the next sweep. */
static void broken_off(void *context, struct sweep *sweep) {
    struct promotion_run *run = context;
    size_t waiting = 0;
    run->sweep = sweep;
    for (size_t i = 0; i < run->count; i++) {
        if (run->candidates[i].is_to_be_promoted) {
            add_waiting(run, &run->candidates[i], "skipped",
                        STR("not all load balancers of the Region could be judged, so that nobody "
                            "knows whose turn it is"));
            waiting++;
        }
    }
    if (waiting > 0) {
        LOG(sweep->app->log, LOG_WARN, "promotion_skipped", LOG_INT("waiting", (int64_t)waiting),
            LOG_INT("unknown", (int64_t)sweep->unknown_count),
            LOG_INT("notReached", (int64_t)sweep->not_reached_count),
            LOG_STR("reason", STR("promotion needs a sweep that judged the whole Region")));
    }
}

const struct sweep_hooks *promotion_hooks(const struct app *app, struct arena *arena) {
    const struct promotion_config *config = &app->settings.act.promotion;
    const struct sweep_listener *listener = app->sweep_listener;
    bool is_mere_audit = listener != NULL && listener->is_audit && !listener->wants_advice;
    if (config->promotion == PROMOTION_OFF || is_mere_audit) {
        return NULL;
    }
    struct promotion_run *run = ARENA_NEW(arena, struct promotion_run);
    struct sweep_hooks *hooks = ARENA_NEW(arena, struct sweep_hooks);
    *run = (struct promotion_run){.config = config};
    *hooks = (struct sweep_hooks){
        .context = run, .advise = advise, .completed = completed, .broken_off = broken_off};
    return hooks;
}
