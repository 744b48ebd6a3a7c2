/* SPDX-License-Identifier: Apache-2.0
 *
 * The WATCH items: what was promoted, and how its watch stands.
 *
 * WATCH items, one a load balancer that was ever promoted: pk = "WATCH", sk = its ARN, so that one
 * query finds all of them. The item is written before the mode is set, and each of its writes is
 * conditional on its version: of many copies one promotes, judges, rolls back and alerts.
 *
 *     begun ----> open ----> rolling-back ----> rolled-back
 *       |           |              |   ^
 *       |           |              |   +------- (clients are blocked after the watch)
 *       |           |              |             |
 *       |           +--------------+----------> held, inconclusive (`note` says why)
 *       |           |              |              |
 *       |           +--------------+--------------+----> reverted (somebody else lowered the mode)
 *       +----> not-made
 *
 * Held and inconclusive ones have the status `closed` in the table and differ in `ending`; reverted
 * ones are `taken-back` there. Rolled back, a promotion is not tried again for EVIDENCE_DAYS after
 * `ended_ms`, and its ring is frozen; reverted, it is not tried again at all. A rollback that was
 * decided and could not be made freezes the ring for EVIDENCE_DAYS after `decided_ms`. All of this
 * ends when the tag desync-promotion=retry is first seen after `ended_ms`.
 *
 * One more for a load balancer that enforcement raised from monitor to defensive, with sk = its ARN
 * and STATE_RAISE_SUFFIX: state_save writes it, open, together with the CHANGE. Nothing but the
 * watch reads it; it ends as held, inconclusive or reverted, and is replaced by the next raise.
 *
 * An ended item is kept as long as its load balancer exists: it may be reverted at any time.
 * `begun`: the holder of the lease is about to set the mode. `rolling-back`: the holder of the
 * lease sets the mode back, or the next invocation that looks after the lease has ended.
 */
#ifndef TABLE_WATCH_RECORDS_H
#define TABLE_WATCH_RECORDS_H

#include "policy/action.h"
#include "policy/load_balancer.h"
#include "policy/watch.h"
#include "table/state.h"

enum watch_status {
    WATCH_BEGUN,
    WATCH_OPEN,
    WATCH_ROLLING_BACK,
    WATCH_HELD,         /* traffic came, and its errors did not rise */
    WATCH_INCONCLUSIVE, /* nothing can be concluded; `note` says why */
    WATCH_ROLLED_BACK,
    WATCH_REVERTED_BY_OTHER, /* somebody else changed the mode */
    WATCH_NOT_MADE
};

struct watch_record {
    str arn;
    int64_t version; /* 0: there is no such item yet */
    enum watch_status status;
    int64_t changed_ms; /* when the mode was set, or was about to be */
    enum desync_mode from;
    enum desync_mode to;
    int minutes;                    /* the shortest watch */
    struct watch_plan plan;         /* looks 0: an item of 0.1.0, which had none */
    int looked_on_day;              /* the last day after the change that was looked at; 0: none */
    int64_t decided_ms;             /* when a rollback was decided; 0: never, or `retry` was seen
                                       since, or an item of an early 0.1.0 */
    int64_t ended_ms;               /* 0: it has not ended */
    str note;                       /* how it ended; empty before */
    str writer;                     /* who has the lease */
    int64_t lease_ms;               /* until then it is left to the writer; 0: free */
    bool is_alert_due;              /* of the ending */
    str owner;                      /* for the alert */
    bool has_ring;                  /* false: an item of an early 0.1.0 */
    str ring;                       /* when it was promoted; empty: without the tag */
    int64_t retry_seen_ms;          /* when the tag desync-promotion=retry was first seen; 0: it is
                                       not there, or no sweep has seen it yet */
    int64_t expires_ms;             /* 0: never */
    struct traffic_window baseline; /* before the change, as CloudWatch knew it then */
};

/* In the order of the ARNs, ended ones too. */
struct watch_lists {
    struct watch_record *promotions;
    size_t promotion_count;
    struct watch_record *raises; /* of enforcement, from monitor to defensive */
    size_t raise_count;
};
MUST_USE enum status watch_list_all(const struct state_table *table, struct arena *arena,
                                    struct watch_lists *lists_out, struct error *error);
/* The promotions alone. */
MUST_USE enum status watch_list(const struct state_table *table, struct arena *arena,
                                struct watch_record **records_out, size_t *count_out,
                                struct error *error);
/* Replaces the item of this version; *record then has the next version. `change` not ACTION_NONE:
 * together with the CHANGE item of this promotion or rollback, both or none. CONFLICT: another copy
 * was faster, and nothing was written. */
MUST_USE enum status watch_save(const struct state_table *table, struct watch_record *record,
                                enum action_kind change, struct arena *arena, struct error *error);
/* An item of what no longer exists, or was not made, is kept so long after its end: for longer than
 * EVIDENCE_DAYS can be. */
#define WATCH_ENDED_KEPT_MS (100 * MS_PER_DAY)

/* The owner has asked for another attempt since it ended. */
bool watch_is_retried(const struct watch_record *record);
/* By enforcement, from monitor to defensive: no promotion, and never rolled back. */
bool watch_is_of_raise(const struct watch_record *record);
/* Not ended. */
bool watch_is_open(const struct watch_record *record);
/* Its watch ended with the promotion in place, and the mode that was read since is a lower one. */
bool watch_is_reverted_since(const struct watch_record *record, enum desync_mode mode);
enum watch_ending watch_ending_of(const struct watch_record *record);
/* The traffic before a change, of a WATCH or a CHANGE item. has_data false: CloudWatch had none, or
 * the item has no baseline, whose times are 0 then. */
struct traffic_window watch_get_baseline(const struct dynamodb_item *item);
/* The mode was promoted and found lower: it has ended as reverted. `note` names the writer of a
 * correction made since, where one is known. */
MUST_USE enum status watch_describe_reverting(const struct state_table *table,
                                              const struct watch_record *record,
                                              enum desync_mode mode, struct arena *arena,
                                              str *note_out, struct error *error);
/* NULL: there is none. */
const struct watch_record *watch_find(const struct watch_record *records, size_t count, str arn);

#endif
