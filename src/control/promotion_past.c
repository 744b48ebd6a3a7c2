/* SPDX-License-Identifier: Apache-2.0
 *
 * Guarantees: a rollback freezes the ring that the load balancer was promoted in, and all later
 * ones, also when it is deleted or moved to another ring afterwards. What somebody else reverted is
 * not promoted again. Both last (the freeze for EVIDENCE_DAYS at most) until the owner tags the
 * load balancer desync-promotion=retry; a tag that was there before counts for nothing.
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

/* Of the same account and Region. */
static bool is_same_place(str arn, str other) {
    struct load_balancer_arn a = load_balancer_arn_parts(arn);
    struct load_balancer_arn b = load_balancer_arn_parts(other);
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
    return record->retry_seen_ms != before_ms;
}

/* --- frozen rings --------------------------------------------------------------------------- */

static bool is_freezing(const struct watch_record *record,
                        const struct promotion_freeze_query *query) {
    return record->status == WATCH_ROLLING_BACK ||
           (record->status == WATCH_ROLLED_BACK && !watch_is_retried(record) &&
            query->now_ms < record->ended_ms + query->evidence_days * MS_PER_DAY);
}

static int compare_freezes(const void *a, const void *b) {
    const struct promotion_freeze *first = a;
    const struct promotion_freeze *second = b;
    if (first->is_every_ring != second->is_every_ring) {
        return first->is_every_ring ? -1 : 1;
    }
    int order = ring_compare(first->ring, second->ring);
    return order != 0 ? order : str_compare(first->arn, second->arn);
}

struct promotion_freezes promotion_list_freezes(const struct watch_record *records, size_t count,
                                                const struct promotion_freeze_query *query,
                                                struct arena *arena) {
    struct promotion_freezes freezes = {.items =
                                            ARENA_ARRAY(arena, struct promotion_freeze, count + 1)};
    for (size_t i = 0; i < count; i++) {
        const struct watch_record *record = &records[i];
        if (is_same_place(record->arn, query->arn) && is_freezing(record, query)) {
            int64_t since_ms = record->ended_ms != 0 ? record->ended_ms : query->now_ms;
            freezes.items[freezes.count++] =
                (struct promotion_freeze){.arn = record->arn,
                                          .ring = record->ring,
                                          .is_every_ring = !record->has_ring,
                                          .since_ms = since_ms,
                                          .until_ms = since_ms + query->evidence_days * MS_PER_DAY,
                                          .note = record->note};
        }
    }
    if (freezes.count > 0) {
        qsort(freezes.items, freezes.count, sizeof *freezes.items, compare_freezes);
    }
    return freezes;
}

bool promotion_is_frozen_by(const struct promotion_freeze *freeze, str ring) {
    return freeze->is_every_ring || ring_compare(freeze->ring, ring) <= 0;
}

str promotion_freeze_describe(const struct promotion_freeze *freeze, struct arena *arena) {
    str since = date_format(arena, date_days_of_ms(freeze->since_ms));
    str until = date_format(arena, date_days_of_ms(freeze->until_ms));
    str rings =
        freeze->is_every_ring ? STR("every ring is")
        : str_is_empty(freeze->ring)
            ? STR("the ring of load balancers without the tag is")
            : str_format(arena, "ring %" STR_FMT " and all later ones are", STR_ARG(freeze->ring));
    return str_format(arena,
                      "%" STR_FMT " frozen until %" STR_FMT ": %" STR_FMT
                      " was rolled back on %" STR_FMT
                      "; to end that, its owner tags it " PROMOTION_TAG "=retry",
                      STR_ARG(rings), STR_ARG(until), STR_ARG(freeze->arn), STR_ARG(since));
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

size_t past_count_open(const struct promotion_run *run) {
    size_t count = 0;
    for (size_t i = 0; i < run->record_count; i++) {
        const struct watch_record *record = &run->records[i];
        count += watch_is_open(record) && record->to == MODE_STRICTEST &&
                         is_same_place(record->arn, run->place)
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
                       is_same_place(record->arn, run->place);
        if (is_gone && record->expires_ms == 0) {
            record->expires_ms = now_ms + WATCH_ENDED_KEPT_MS;
            watched->is_to_be_saved = true;
        }
        settle(run, record, watched);
    }
}
