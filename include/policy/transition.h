/* SPDX-License-Identifier: Apache-2.0
 *
 * What a judgement changes in what is remembered of a load balancer, and whom it is told. Pure: the
 * state before, the judgement and the moment in; the state after, incident and alerts out. Alerts
 * are on transitions, never on each evaluation: everything that was told is remembered in the
 * state.
 */
#ifndef POLICY_TRANSITION_H
#define POLICY_TRANSITION_H

#include "policy/alert_kind.h"
#include "policy/evaluate.h"
#include "policy/writer.h"

#define CORRECTIONS_MAX                                                                            \
    32 /* own changes remembered of the last 24 h; more than any FIGHT_LIMIT in use */

/* A mode that we raise, or have raised. */
struct correction {
    int64_t at_ms; /* 0: there is none */
    enum desync_mode from;
    enum desync_mode to;
    struct writer writer; /* the last writer before us; all empty: not known */
};

/* Alerts that an invocation takes out to tell them. It removes this when it knows what came of it:
 * found later, nobody knows whether they reached anybody. */
struct alert_claim {
    unsigned alerts;  /* a set of alert kinds; 0: there is none */
    int64_t until_ms; /* by then that invocation is over whatever happens */
    str writer;       /* which invocation; the same when Lambda repeats it */
};

/* The STATE item of the contract, section 7. Times are unix ms; 0: never. */
struct lb_state {
    bool exists;      /* there is an item; false: all else is zero */
    bool has_verdict; /* a judgement is remembered, not an intent alone */
    int64_t version;  /* counts the writes; the next write is conditional on it */
    int64_t facts_ms; /* when the facts were true that the state comes from; older facts change
                         nothing */
    enum compliance compliance;
    enum desync_mode mode;
    enum desync_mode required_mode;
    enum load_balancer_scheme scheme; /* never changes; UNKNOWN: not known yet */
    char grade;
    str owner;
    str findings;             /* ids of those that fail, comma-separated */
    int64_t since_ms;         /* non-compliant since; names the open incident; 0: there is none */
    int64_t alerted_since_ms; /* the incident whose opening was alerted */
    int64_t escalated_day;    /* UTC day of the last escalation */
    str alerted_exception;    /* "expiring 2026-12-01" */
    int64_t fight_alerted_ms; /* when a fight was alerted last */
    unsigned due_alerts; /* a set of alert kinds: is due, and nobody has begun to tell it. Whoever
                        clears it under the version may tell it. */
    struct alert_claim alert_claim;
    str imported; /* transition_import_key of what Security Hub was told last */
    /* Written before a mode is raised. Whoever clears it under the version counts, records and
     * alerts the correction, so that of many copies, and of an invocation and its repeat, one does.
     */
    struct correction intent;
    /* Records that that are still to be written, so that a failure between two writes is made
     * good: */
    int64_t pending_open_ms;                 /* the incident to be opened */
    int64_t pending_close_ms;                /* the incident to be closed ... */
    int64_t pending_closed_ms;               /* ... and when it ended */
    struct correction pending_change;        /* the CHANGE to be written */
    int64_t corrections_ms[CORRECTIONS_MAX]; /* own changes within the last 24 h, oldest first */
    size_t correction_count;
};

struct transition_facts {
    const struct evaluation *evaluation; /* after enforcement, if there was any; never UNKNOWN */
    enum load_balancer_scheme scheme;    /* UNKNOWN: nothing new */
    int64_t facts_ms;
    int64_t now_ms;
    int max_non_compliant_days;
    bool has_alert_topic; /* there is a topic: what is told reaches somebody */
    bool is_corrected;    /* we raised the mode just now, as `correction` says */
    bool has_given_up;    /* we said we would raise it, and shall not */
    struct correction correction;
    int64_t weak_since_ms; /* when it is known to have been weak (the event's time); 0: not known */
    int64_t weak_read_ms;  /* with is_corrected: when the weak mode was read; 0: not known */
    int64_t set_by_other_ms; /* when somebody else is known to have set the mode that was found; 0:
                                not known */
    str writer;              /* of this invocation, as in alert_claim */
    bool is_fight;           /* a correction was due and FIGHT_LIMIT forbade it */
};

struct transition {
    struct lb_state next;
    bool is_stale;        /* the facts are older than the state: nothing may be written or told but
                             a correction of our own */
    bool is_changed;      /* `next` differs from the state before and is to be written */
    bool has_new_verdict; /* compliance or mode differ from what was remembered */
    bool is_correction; /* it was corrected, and this is the first to say so: next.pending_change */
    unsigned alerts;    /* a set of alert kinds; due, and so in next.due_alerts, too */
    unsigned in_doubt; /* a set of alert kinds: whoever began to tell them was not heard of again */
};

/* What is still pending in `before` must have been written: it is forgotten here. Text of `next`
 * lives in `arena` or is borrowed from the evaluation. */
void transition_make(const struct lb_state *before, const struct transition_facts *facts,
                     struct arena *arena, struct transition *transition_out);

/* Replaces what is remembered as intended, of an invocation that was not heard of again, by
 * `intent`. weakened_ms: when the call that is handled made the mode weak; 0: it did not. Later
 * than what was intended, it must have undone that: which counts as a correction, is then in
 * *undone_out, and is to be written down. */
void transition_replace_intent(const struct lb_state *before, const struct correction *intent,
                               int64_t weakened_ms, struct lb_state *next_out,
                               struct correction *undone_out);

/* Non-compliant for longer than that many days? since_ms 0: it is not, or that is not known. */
bool transition_is_too_long(int64_t since_ms, int64_t now_ms, int days_max);
/* Appends NON_COMPLIANT_TOO_LONG to a judgement of NON_COMPLIANT that has stood for too long. It is
 * advice, and not part of AWS Config's annotation. */
void transition_add_age(struct evaluation *evaluation, int64_t since_ms, int64_t now_ms,
                        int days_max, struct arena *arena);

/* What the judgement looks like to Security Hub; differs when it is to be imported anew. */
str transition_import_key(const struct evaluation *evaluation, struct arena *arena);

/* Own changes in the 24 h before now. */
int corrections_in_a_day(const struct lb_state *state, int64_t now_ms);

#endif
