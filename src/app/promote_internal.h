/* SPDX-License-Identifier: Apache-2.0
 *
 * From evidence to `strictest`: the evidence of many load balancers, promotion at the end of a
 * sweep, the watch over what was promoted, and what is remembered of it.
 *
 * WATCH items, one a load balancer that was ever promoted: pk = "WATCH", sk = its ARN, so that one
 * query finds all of them. The item is written before the mode is set, and each of its writes is
 * conditional on its version: of many copies one promotes, judges, rolls back and tells.
 *
 *     begun ----> open ----> rolling-back ----> rolled-back
 *       |           |              |
 *       |           +--------------+----------> held, inconclusive (`note` says why)
 *       |           |              |              |
 *       |           +--------------+--------------+----> reverted (somebody else lowered the mode)
 *       +----> not-made
 *
 * Held and inconclusive ones have the status `closed` in the table and differ in `ending`; reverted
 * ones are `taken-back` there. Rolled back or reverted, a promotion is not tried again for
 * EVIDENCE_DAYS after `ended_ms`.
 * `begun`: the mode is about to be set, by whoever holds the lease. `rolling-back`: it was decided,
 * and is carried out by whoever holds the lease, or by the next who looks.
 */
#ifndef PROMOTE_INTERNAL_H
#define PROMOTE_INTERNAL_H

#include "act_internal.h"
#include "report/alert.h"

/* --- evidence.c ------------------------------------------------------------------------------- */

struct evidence_case {
    str arn;
    struct evidence evidence; /* in: what is known without asking; out: with the numbers */
    bool is_read;             /* false: it could not be read, and nothing may be concluded */
};

/* The TRAFFIC items of each, and CloudWatch's sums of the days that its logs do not cover. The
 * first failure ends it: the cases after it are left unread. One whose sums CloudWatch could not
 * tell in full is left unread and logged. */
MUST_USE enum status evidence_read(struct app *app, struct evidence_case *cases, size_t count,
                                   struct arena *arena, struct error *error);

/* Sums of these windows, whose start and end are whole minutes; of several load balancers, a window
 * each. INCOMPLETE: CloudWatch did not tell all, and no window is to be believed. */
struct window_case {
    str arn;
    struct traffic_window window;
};
MUST_USE enum status windows_read(struct app *app, struct window_case *cases, size_t count,
                                  struct arena *arena, struct error *error);
/* The window of so many minutes that ends with the last whole minute before this moment. */
struct traffic_window window_before(int64_t moment_ms, int minutes);

/* --- watch_state.c ---------------------------------------------------------------------------- */

enum watch_status {
    WATCH_BEGUN,
    WATCH_OPEN,
    WATCH_ROLLING_BACK,
    WATCH_HELD,         /* traffic came, and its errors did not rise */
    WATCH_INCONCLUSIVE, /* nothing can be concluded; `note` says why */
    WATCH_ROLLED_BACK,
    WATCH_REVERTED, /* somebody else changed the mode */
    WATCH_NOT_MADE
};

struct watch_record {
    str arn;
    int64_t version; /* 0: there is no such item yet */
    enum watch_status status;
    int64_t changed_ms; /* when the mode was set, or was about to be */
    enum desync_mode from;
    enum desync_mode to;
    int minutes; /* of the window after the change */
    bool was_extended;
    int64_t ended_ms;               /* 0: it has not ended */
    str note;                       /* how it ended; empty before */
    str writer;                     /* who has the lease */
    int64_t lease_ms;               /* until then it is left to the writer; 0: free */
    bool is_untold;                 /* the end is to be told */
    str owner;                      /* for the alert */
    struct traffic_window baseline; /* before the change, as CloudWatch knew it then */
};

/* All of them, ended ones too. */
MUST_USE enum status watch_list(const struct state_table *table, struct arena *arena,
                                struct watch_record **records_out, size_t *count_out,
                                struct error *error);
/* Replaces the item of this version; *record then has the next version. CONFLICT: another copy was
 * faster, and nothing was written. */
MUST_USE enum status watch_save(const struct state_table *table, struct watch_record *record,
                                struct arena *arena, struct error *error);
/* The same, and the CHANGE item of a promotion ("promote") or a roll back ("rollback"): both or
 * none. */
MUST_USE enum status watch_save_change(const struct state_table *table, struct watch_record *record,
                                       const char *action, struct arena *arena,
                                       struct error *error);
/* Not ended. */
bool watch_is_open(const struct watch_record *record);
/* Its watch ended with the promotion in place, and the mode that was read since is a lower one. */
bool watch_is_reverted_since(const struct watch_record *record, enum desync_mode mode);
/* "held", "rolled_back", "reverted", "inconclusive"; NULL: it has not ended, or was not made. */
const char *watch_ending(const struct watch_record *record);
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

/* --- mode_change.c ---------------------------------------------------------------------------- */

/* One guarded change of a mode. Each attempt waits for its turn, looks, asks whether the change is
 * still due, sends the one key once, and believes only what the answer says. */
struct mode_change {
    struct app *app;
    const struct policy *policy;
    struct arena *arena;
    struct load_balancer *facts; /* in: arn, and type and scheme where known; out: as last seen */
    enum desync_mode to;
    bool (*is_due)(void *context, const struct evaluation *evaluation, str *why_not);
    void *context;
    /* out */
    struct evaluation *evaluation; /* the last one */
    int64_t facts_ms;
    bool is_tried;    /* a change was sent */
    bool is_made;     /* the mode is what was asked for, by us */
    bool may_be_made; /* the last answer was lost, and no look since has told */
    str why_not;      /* not due */
};
/* OK: made, or not due any more (`why_not`). */
MUST_USE enum status mode_change_make(struct mode_change *change, struct error *error);

/* --- promote.c -------------------------------------------------------------------------------- */

struct sweep_hooks;
/* What one sweep asks and does for promotion; NULL: it is off. Lives in `arena`. */
const struct sweep_hooks *promotion_hooks(const struct app *app, struct arena *arena);

/* --- change_tell.c ---------------------------------------------------------------------------- */

struct change_alert {
    enum alert_kind kind;
    const struct evaluation *evaluation;
    enum desync_mode from;
    enum desync_mode to;
    str note;
    str ending; /* of a watch: watch_ending; empty: none */
};
/* Publishes it and adds the action. false: it certainly was not published; of a roll back, it may
 * not have been. */
bool change_tell(struct act *act, const struct change_alert *alert);

/* The end of what this invocation may take. */
int64_t lease_end_ms(const struct app *app);

#endif
