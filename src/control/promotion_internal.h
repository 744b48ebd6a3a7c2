/* SPDX-License-Identifier: Apache-2.0
 *
 * Promotion in one sweep: promotion_past.c knows the earlier promotions, promotion_advice.c
 * collects the candidates, promotion.c finds whose turn it is, promote.c promotes these.
 */
#ifndef CONTROL_PROMOTION_INTERNAL_H
#define CONTROL_PROMOTION_INTERNAL_H

#include "control/promotion.h"
#include "table/watch_records.h"

/* One that is to be promoted, or keeps its ring open: it is watched, or its evidence could not be
 * read. */
struct candidate {
    struct load_balancer facts; /* arn, name, type, scheme and mode; the rest is read anew */
    str ring;                   /* empty: none */
    str holds_because;          /* why it keeps its ring open; empty: it is to be promoted */
    const char *left_because;   /* something else writes its mode: it holds no ring; NULL: no */
    struct evidence evidence;
    str reason;            /* of the advice */
    int64_t retry_seen_ms; /* as in struct watch_record */
};

/* What this sweep found of a WATCH item's load balancer. */
struct watched_facts {
    bool is_seen;
    bool is_to_be_saved;
    enum desync_mode mode;
};

struct promotion_run {
    struct control *control; /* what is kept lives in its `keep` */
    int64_t ordering_ms;
    const struct promotion_config *config;
    struct candidate *candidates;
    size_t count;
    size_t capacity;
    struct watch_record *records;
    struct watched_facts *watched; /* of each record */
    size_t record_count;
    str place; /* the ARN of any load balancer of this account and Region; empty: there is none */
    bool has_records;       /* were read, or there is no table */
    bool has_lost_evidence; /* evidence failed, which was logged: it is not read any more */
    str lost_because;       /* how; empty: it did not */
    size_t seen_count;
    bool is_ordered; /* the candidates: those that are watched are among them, the first ring first
                      */
};

static inline int64_t promotion_now_ms(const struct promotion_run *run) {
    return guard_now_ms(run->control->guard);
}

/* --- promotion_past.c --- */

/* The WATCH items, once a sweep. */
MUST_USE enum status past_read(struct promotion_run *run, struct error *error);
/* Notes what the sweep has found of a load balancer that was promoted before. */
void past_note(struct promotion_run *run, const struct load_balancer *facts);
/* What is known of it before its requests are counted. */
struct evidence past_evidence(const struct promotion_run *run, const struct load_balancer *facts);
/* For the WATCH item of its next promotion. */
int64_t past_retry_seen_ms(const struct promotion_run *run, const struct load_balancer *facts);
/* Open watches over promotions in this account and Region. */
size_t past_count_open(const struct promotion_run *run);
/* "MAX_OPEN_WATCHES (5) is reached: ..." */
str past_describe_watches(const struct promotion_run *run);
/* Of the account and Region of the sweep. */
bool past_is_here(const struct promotion_run *run, str arn);
/* The rollback of the earliest ring: nothing is promoted in that ring and later ones for
 * EVIDENCE_DAYS. NULL: there is none. */
const struct watch_record *past_first_freeze(const struct promotion_run *run);
/* All rollbacks that freeze rings in the account and Region of the sweep. */
void past_list_freezes(const struct promotion_run *run, struct prospects *prospects);
/* When no rollback freezes its ring any more; 0: none does. */
int64_t past_last_thaw_ms(const struct promotion_run *run, const struct candidate *candidate);
/* Empty: its ring is not frozen. */
str past_wait_for_thaw(const struct promotion_run *run, const struct watch_record *first_freeze,
                       const struct candidate *candidate);
/* Reads the WATCH items anew, since the sweep read them minutes ago. *why_not empty: neither a
 * freeze nor MAX_OPEN_WATCHES forbids this promotion. */
MUST_USE enum status past_recheck(const struct promotion_run *run,
                                  const struct candidate *candidate, str *why_not,
                                  struct error *error);
/* Saves what has become known of earlier promotions. `is_complete`: what was not seen does not
 * exist any more. */
void past_settle(struct promotion_run *run, bool is_complete);

/* --- promotion.c --- */

/* After the last chunk: adds those that are watched, and sorts the candidates. */
void promotion_order(struct promotion_run *run);
/* Of ordered candidates. Empty: its ring is the first of those that are open. */
str promotion_wait_for_ring(const struct promotion_run *run, const struct candidate *candidate);

/* `cause` NULL: not failed. */
void promotion_add_action(const struct promotion_run *run, const struct candidate *candidate,
                          enum action_status status, str reason, const struct error *cause);

/* Takes the promotion turn and promotes these one by one: one of the changes of the hour, a WATCH
 * item, the guarded change. */
void promote(const struct promotion_run *run, struct candidate *const *turn, size_t count);

#endif
