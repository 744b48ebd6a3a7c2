/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: a rollback freezes the ring that the load balancer was promoted in, and all later
 * ones, also when it is deleted or moved to another ring afterwards. So does one that was decided
 * and could not be made any more. What somebody else reverted is not promoted again. Both last (the
 * freeze for EVIDENCE_DAYS at most) until the owner tags the load balancer desync-promotion=retry;
 * a tag that was there before counts for nothing.
 */
#include <stdlib.h>

#include "control/watch_item.h"
#include "promotion_internal.h"

int ring_compare(str a, str b) {
    int64_t left = 0;
    int64_t right = 0;
    bool is_left_number = str_parse_i64(a, &left);
    bool is_right_number = str_parse_i64(b, &right);
    if (str_is_empty(a) || str_is_empty(b)) {
        return (int)str_is_empty(a) - (int)str_is_empty(b);
    }
    if (is_left_number != is_right_number) {
        return is_left_number ? -1 : 1;
    }
    return is_left_number ? (left > right) - (left < right) : str_compare(a, b);
}

bool past_is_here(const struct promotion_run *run, str arn) {
    struct load_balancer_arn a = load_balancer_arn_parts(arn);
    struct load_balancer_arn b = load_balancer_arn_parts(run->place);
    return str_eq(a.account_id, b.account_id) && str_eq(a.region, b.region);
}

/* --- the tag -------------------------------------------------------------------------------- */

bool promotion_note_retry(struct watch_record *record, const struct load_balancer *facts,
                          int64_t now_ms) {
    int64_t before_ms = record->retry_seen_ms;
    if (!facts->has_tags) {
        return false;
    }
    bool is_there = promotion_tag_read(facts) == PROMOTION_TAG_RETRY;
    if (is_there && record->retry_seen_ms == 0) {
        record->retry_seen_ms = now_ms;
    } else if (!is_there && !watch_is_retried(record)) {
        record->retry_seen_ms = 0; /* the next one is a new one */
    }
    if (!watch_is_open(record) && watch_is_retried(record) &&
        record->retry_seen_ms > record->decided_ms) {
        record->decided_ms = 0; /* whatever is done to the mode afterwards */
    }
    return record->retry_seen_ms != before_ms;
}

/* --- frozen rings --------------------------------------------------------------------------- */

static int64_t thaw_ms(const struct promotion_run *run, int64_t since_ms) {
    return since_ms + run->config->evidence.evidence_days * MS_PER_DAY;
}

/* While it is being rolled back, it has not ended yet. 0: it does not freeze. */
static int64_t since_of(const struct promotion_run *run, const struct watch_record *record) {
    bool is_made = record->status == WATCH_ROLLED_BACK;
    return record->status == WATCH_ROLLING_BACK ? promotion_now_ms(run)
           : watch_is_retried(record)           ? 0
           : is_made                            ? record->ended_ms
                                                : record->decided_ms;
}

static bool is_freezing(const struct promotion_run *run, const struct watch_record *record) {
    int64_t since_ms = since_of(run, record);
    return since_ms != 0 && past_is_here(run, record->arn) &&
           promotion_now_ms(run) < thaw_ms(run, since_ms);
}

/* One without a ring is of an early version and does not exist any more: it may have been of any.
 */
static bool is_of_earlier_ring(const struct watch_record *record, const struct watch_record *than) {
    return record->has_ring != than->has_ring ? !record->has_ring
                                              : ring_compare(record->ring, than->ring) < 0;
}

const struct watch_record *past_first_freeze(const struct promotion_run *run) {
    const struct watch_record *first = NULL;
    for (size_t i = 0; i < run->record_count; i++) {
        const struct watch_record *record = &run->records[i];
        if (is_freezing(run, record) && (first == NULL || is_of_earlier_ring(record, first))) {
            first = record;
        }
    }
    return first;
}

static str describe_roll_back(const struct promotion_run *run, const struct watch_record *record) {
    struct arena *arena = run->control->keep;
    str day = date_format(arena, date_days_of_ms(since_of(run, record)));
    return record->status == WATCH_ROLLED_BACK
               ? str_format(arena, "was rolled back on %" STR_FMT, STR_ARG(day))
           : record->status == WATCH_ROLLING_BACK ? STR("is to be rolled back")
                                                  : str_format(arena,
                                                               "was to be rolled back on %" STR_FMT
                                                               ", which could not be done any more",
                                                               STR_ARG(day));
}

/* "ring 2 and all later ones are frozen until 2026-12-15: <ARN> was rolled back on 2026-12-01; to
 * end that, its owner tags it desync-promotion=retry" */
static struct prospect_freeze freeze_of(const struct promotion_run *run,
                                        const struct watch_record *record) {
    struct arena *arena = run->control->keep;
    str roll_back = describe_roll_back(run, record);
    int64_t since_ms = since_of(run, record);
    str until = date_format(arena, date_days_of_ms(thaw_ms(run, since_ms)));
    str rings =
        !record->has_ring ? STR("every ring is")
        : str_is_empty(record->ring)
            ? STR("the ring of load balancers without the tag is")
            : str_format(arena, "ring %" STR_FMT " and all later ones are", STR_ARG(record->ring));
    struct prospect_freeze freeze = {
        .arn = record->arn,
        .ring = record->ring,
        .has_ring = record->has_ring,
        .since_ms = since_ms,
        .until_ms = thaw_ms(run, since_ms),
        .why =
            str_format(arena, "%" STR_FMT " %" STR_FMT, STR_ARG(record->arn), STR_ARG(roll_back)),
        .ends = record->expires_ms != 0 /* a complete sweep has not found it any more */
                    ? STR("it does not exist any more, so that only time ends that")
                    : STR("to end that, its owner tags it " PROMOTION_TAG "=retry")};
    freeze.text =
        str_format(arena, "%" STR_FMT " frozen until %" STR_FMT ": %" STR_FMT "; %" STR_FMT,
                   STR_ARG(rings), STR_ARG(until), STR_ARG(freeze.why), STR_ARG(freeze.ends));
    return freeze;
}

static int compare_freezes(const void *a, const void *b) {
    const struct prospect_freeze *first = a;
    const struct prospect_freeze *second = b;
    int order = first->has_ring != second->has_ring ? (int)first->has_ring - (int)second->has_ring
                                                    : ring_compare(first->ring, second->ring);
    return order != 0 ? order : str_compare(first->arn, second->arn);
}

void past_list_freezes(const struct promotion_run *run, struct prospects *prospects) {
    struct prospect_freeze *freezes =
        ARENA_ARRAY(run->control->keep, struct prospect_freeze, run->record_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < run->record_count; i++) {
        if (is_freezing(run, &run->records[i])) {
            freezes[count++] = freeze_of(run, &run->records[i]);
        }
    }
    if (count > 0) {
        qsort(freezes, count, sizeof *freezes, compare_freezes);
    }
    prospects->freezes = freezes;
    prospects->freeze_count = count;
}

static bool is_frozen_by(const struct watch_record *record, const struct candidate *candidate) {
    return !record->has_ring || ring_compare(record->ring, candidate->ring) <= 0;
}

int64_t past_last_thaw_ms(const struct promotion_run *run, const struct candidate *candidate) {
    int64_t last_ms = 0;
    for (size_t i = 0; i < run->record_count; i++) {
        const struct watch_record *record = &run->records[i];
        if (is_freezing(run, record) && is_frozen_by(record, candidate)) {
            int64_t ms = thaw_ms(run, since_of(run, record));
            last_ms = ms > last_ms ? ms : last_ms;
        }
    }
    return last_ms;
}

str past_wait_for_thaw(const struct promotion_run *run, const struct watch_record *first_freeze,
                       const struct candidate *candidate) {
    bool is_frozen = first_freeze != NULL && is_frozen_by(first_freeze, candidate);
    return is_frozen ? freeze_of(run, first_freeze).text : STR_EMPTY;
}

/* --- in a sweep ----------------------------------------------------------------------------- */

enum status past_read(struct promotion_run *run, struct error *error) {
    const struct state_table table = {.client = &run->control->guard->home,
                                      .name = run->config->evidence_table};
    if (run->has_records) {
        return STATUS_OK;
    }
    run->has_records = true;
    if (!str_is_empty(table.name)) {
        TRY(watch_list(&table, run->control->keep, &run->records, &run->record_count, error));
    }
    run->watched = ARENA_ARRAY(run->control->keep, struct watched_facts, run->record_count + 1);
    for (size_t i = 0; i < run->record_count; i++) {
        run->watched[i] = (struct watched_facts){.is_seen = false};
    }
    return STATUS_OK;
}

/* `record_count` when there is none. */
static size_t find(const struct promotion_run *run, str arn) {
    size_t i = 0;
    while (i < run->record_count && !str_eq(run->records[i].arn, arn)) {
        i++;
    }
    return i;
}

void past_note(struct promotion_run *run, const struct load_balancer *facts) {
    size_t i = find(run, facts->arn);
    run->place = str_is_empty(run->place) ? str_copy(run->control->keep, facts->arn) : run->place;
    if (i == run->record_count) {
        return;
    }
    struct watch_record *record = &run->records[i];
    struct watched_facts *watched = &run->watched[i];
    str ring = STR_EMPTY;
    *watched = (struct watched_facts){.is_seen = true, .mode = facts->mode};
    watched->is_to_be_saved = promotion_note_retry(record, facts, promotion_now_ms(run));
    if (!record->has_ring && facts->has_tags) { /* of an early 0.1.0: the ring it is in now */
        (void)tag_get(facts, run->config->ring_tag, &ring);
        record->ring = str_copy(run->control->keep, str_trim(ring));
        record->has_ring = true;
        watched->is_to_be_saved = true;
    }
    if (record->expires_ms != 0 && record->status != WATCH_NOT_MADE) {
        record->expires_ms = 0;
        watched->is_to_be_saved = true;
    }
}

struct evidence past_evidence(const struct promotion_run *run, const struct load_balancer *facts) {
    struct evidence evidence = {.days = run->config->evidence.evidence_days,
                                .writes_logs = facts->writes_logs,
                                .logs_bucket = facts->logs_bucket};
    size_t i = find(run, facts->arn);
    if (i == run->record_count) {
        return evidence;
    }
    const struct watch_record *record = &run->records[i];
    bool is_past = !watch_is_retried(record);
    evidence.is_watched = watch_is_open(record);
    evidence.rolled_back_ms = is_past && record->status == WATCH_ROLLED_BACK ? record->ended_ms : 0;
    evidence.reverted_ms =
        is_past && record->status == WATCH_REVERTED_BY_OTHER ? record->ended_ms : 0;
    evidence.reverted_note = record->note;
    if (watch_is_reverted_since(record, facts->mode)) {
        evidence.reverted_ms = promotion_now_ms(run);
        evidence.reverted_note = STR("lowered since its watch ended");
    }
    return evidence;
}

int64_t past_retry_seen_ms(const struct promotion_run *run, const struct load_balancer *facts) {
    size_t i = find(run, facts->arn);
    struct watch_record next = {.retry_seen_ms =
                                    i == run->record_count ? 0 : run->records[i].retry_seen_ms};
    (void)promotion_note_retry(&next, facts, promotion_now_ms(run));
    return next.retry_seen_ms;
}

str past_describe_watches(const struct promotion_run *run) {
    int max = run->config->open_watches_max;
    return max <= 0 ? STR("MAX_OPEN_WATCHES is 0, so that nothing is promoted")
                    : str_format(run->control->keep,
                                 "MAX_OPEN_WATCHES (%d) is reached: no more promotions are watched "
                                 "at once",
                                 max);
}

enum status past_recheck(const struct promotion_run *run, const struct candidate *candidate,
                         str *why_not, struct error *error) {
    struct promotion_run now = *run;
    struct control *control = run->control;
    TRY(watch_list(&control->table, control->keep, &now.records, &now.record_count, error));
    *why_not = past_wait_for_thaw(&now, past_first_freeze(&now), candidate);
    if (str_is_empty(*why_not) && past_count_open(&now) >= (size_t)run->config->open_watches_max) {
        *why_not = past_describe_watches(run);
    }
    return STATUS_OK;
}

size_t past_count_open(const struct promotion_run *run) {
    size_t count = 0;
    for (size_t i = 0; i < run->record_count; i++) {
        const struct watch_record *record = &run->records[i];
        count +=
            watch_is_open(record) && record->to == MODE_STRICTEST && past_is_here(run, record->arn)
                ? 1
                : 0;
    }
    return count;
}

/* It is not promoted again. */
static enum status end_reverted(struct promotion_run *run, struct watch_record *record,
                                enum desync_mode mode, struct error *error) {
    struct control *control = run->control;
    TRY(watch_describe_reverting(&control->table, record, mode, control->keep, &record->note,
                                 error));
    record->status = WATCH_REVERTED_BY_OTHER;
    record->ended_ms = promotion_now_ms(run);
    return STATUS_OK;
}

static void settle(struct promotion_run *run, struct watch_record *record,
                   struct watched_facts *watched) {
    struct watch_item item = {.control = run->control, .record = record, .failure = ACTION_WATCH};
    struct error error = {0};
    if (watched->is_seen && watch_is_reverted_since(record, watched->mode)) {
        if (end_reverted(run, record, watched->mode, &error) != STATUS_OK) {
            action_add_failure(run->control, record->arn, ACTION_WATCH, &error);
            return;
        }
        watched->is_to_be_saved = true;
    }
    if (watched->is_to_be_saved) {
        (void)watch_item_save(&item, ACTION_NONE);
    }
}

void past_settle(struct promotion_run *run, bool is_complete) {
    int64_t now_ms = promotion_now_ms(run);
    if (str_is_empty(run->control->table.name) || str_is_empty(run->place)) {
        return;
    }
    for (size_t i = 0; i < run->record_count; i++) {
        struct watch_record *record = &run->records[i];
        struct watched_facts *watched = &run->watched[i];
        bool is_gone = is_complete && !watched->is_seen && !watch_is_open(record) &&
                       past_is_here(run, record->arn);
        if (is_gone && record->expires_ms == 0) {
            record->expires_ms = now_ms + WATCH_ENDED_KEPT_MS;
            watched->is_to_be_saved = true;
        }
        settle(run, record, watched);
    }
}
