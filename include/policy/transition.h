/* SPDX-License-Identifier: Apache-2.0
 *
 * The change that one judgement makes to the state of a load balancer. Pure: the state before, the
 * judgement and the moment in; the state after, the records and alerts out. Alerts are sent on
 * transitions, never on each evaluation: each alert is remembered in the state.
 */
#ifndef POLICY_TRANSITION_H
#define POLICY_TRANSITION_H

#include "base/clock.h"
#include "policy/alert_kind.h"
#include "policy/evaluate.h"
#include "policy/writer.h"

#define CORRECTIONS_MAX                                                                            \
    32 /* own changes remembered of the last 24 h; more than any FIGHT_LIMIT in use */

/* Incidents that begin or end more than three times within an hour are flapping. */
#define FLAPPING_TRANSITIONS 4
#define FLAPPING_MS          (INT64_C(60) * 60 * 1000)

/* A mode that we raise, or have raised. */
struct correction {
    int64_t at_ms; /* 0: there is none */
    enum desync_mode from;
    enum desync_mode to;
    struct writer writer; /* the last writer before us; all empty: not known */
};

/* Reads of Elastic Load Balancing are eventually consistent: one may show the mode that was there
 * before a change of our own. So long after it, such a read proves nothing. Lags of seconds were
 * seen; a minute is far above them, and below the two and more that CloudTrail and AWS Config take
 * to deliver a change by somebody else, whose event is believed at once. */
#define READ_LAG_MS (60 * MS_PER_SECOND)

/* The last change of a mode that desync-guard made. */
struct own_change {
    int64_t at_ms;   /* when AWS had confirmed it; 0: none is known */
    int64_t read_ms; /* when the mode was read that it rests on */
    int64_t set_ms;  /* when somebody else had set that mode; 0: not known */
    enum desync_mode from;
    enum desync_mode to;
};

/* The alerts that an invocation is publishing. It removes the claim once it knows the outcome. A
 * claim that is found later means that nobody knows whether they reached anybody. */
struct alert_claim {
    unsigned alerts;  /* a set of alert kinds; 0: there is none */
    int64_t until_ms; /* by then that invocation is over whatever happens */
    str writer;       /* the invocation; the same when Lambda repeats it */
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
    str alerted_exception;    /* "expiring 2026-12-01" */
    int64_t fight_alerted_ms; /* when a fight was alerted last */
    int64_t held_since_ms;    /* the incident of which was alerted that the mode is not raised */
    int64_t flapping_ms;      /* since when alerts of incidents are held back; 0: they are not */
    int64_t transitions_ms[FLAPPING_TRANSITIONS]; /* when incidents began or ended; oldest first */
    size_t transition_count;
    unsigned due_alerts; /* a set of alert kinds that nobody publishes yet */
    struct alert_claim alert_claim;
    str imported; /* transition_import_key of the finding that Security Hub has */
    /* Written before a mode is raised. The copy that clears it under the version counts, records
     * and alerts the correction: one of many copies, or of an invocation and its repeat. */
    struct correction intent;
    struct own_change own_change;            /* enforced or promoted */
    int64_t corrections_ms[CORRECTIONS_MAX]; /* own changes within the last 24 h, oldest first */
    size_t correction_count;
};

struct transition_facts {
    const struct evaluation *evaluation; /* after enforcement, if there was any; never UNKNOWN */
    enum load_balancer_scheme scheme;    /* UNKNOWN: nothing new */
    int64_t facts_ms;
    int64_t now_ms;
    bool has_alert_topic;
    int64_t claim_until_ms; /* when the claim on due alerts ends; 0: no time to publish any */
    bool is_corrected;      /* we raised the mode just now, as `correction` says */
    bool has_given_up;      /* we said we would raise it, and shall not */
    struct correction correction;
    struct own_change own_change; /* made in this invocation; at_ms 0: none */
    int64_t weak_since_ms; /* when it is known to have been weak (the event's time); 0: not known */
    int64_t weak_read_ms;  /* with is_corrected: when the weak mode was read; 0: not known */
    int64_t set_by_other_ms; /* when somebody else is known to have set the mode that was found; 0:
                                not known */
    str writer;              /* of this invocation, as in alert_claim */
    bool is_fight;           /* a correction was due and FIGHT_LIMIT forbade it */
    bool is_held;            /* a correction was due and the evidence forbade it */
};

/* The items that are written together with STATE. */
struct transition_records {
    int64_t open_ms;          /* the INCIDENT to be opened; 0: none */
    int64_t close_ms;         /* the INCIDENT to be closed, it may be the same; 0: none */
    int64_t closed_ms;        /* when that one ended */
    struct correction change; /* the CHANGE to be appended; at_ms 0: none */
};

struct transition {
    struct lb_state next;
    struct transition_records records;
    bool is_stale;        /* the facts are older than the state: only a correction of our own may be
                             written and alerted */
    bool is_changed;      /* `next` differs from the state before and is to be written */
    bool has_new_verdict; /* compliance or mode differ from what was remembered */
    bool is_correction;   /* it was corrected, and this copy counts that: records.change */
    unsigned alerts;      /* a set of alert kinds that are due: in next.alert_claim, or in
                             next.due_alerts where there is no time to publish them */
    unsigned in_doubt;    /* a set of alert kinds: the invocation that claimed them has ended */
};

/* Text of `next` lives in `arena` or is borrowed from the evaluation. */
void transition_make(const struct lb_state *before, const struct transition_facts *facts,
                     struct arena *arena, struct transition *transition_out);

/* Replaces the intent of an invocation that ended before it removed it by `intent`. weakened_ms:
 * when the call that is handled made the mode weak; 0: it did not. If that is later than the old
 * intent, the call has undone that correction, which then counts: it is in records.change. */
struct transition transition_replace_intent(const struct lb_state *before,
                                            const struct correction *intent, int64_t weakened_ms);

/* Non-compliant for longer than that many days? since_ms 0: it is not, or that is not known. */
bool transition_is_too_long(int64_t since_ms, int64_t now_ms, int days_max);
/* Appends NON_COMPLIANT_TOO_LONG to a judgement of NON_COMPLIANT that has stood for too long. It is
 * advice, and not part of AWS Config's annotation. */
void transition_add_age(struct evaluation *evaluation, int64_t since_ms, int64_t now_ms,
                        int days_max, struct arena *arena);

/* What the judgement looks like to Security Hub; differs when it is to be imported anew. */
str transition_import_key(const struct evaluation *evaluation, struct arena *arena);

/* A read of this moment shows the mode before our own last change, which it may have missed.
 * set_by_other_ms: when somebody else is known to have set the mode that was read; 0: not known. */
bool transition_is_lagging(const struct lb_state *state, enum desync_mode read, int64_t read_ms,
                           int64_t set_by_other_ms);
/* Somebody else set `mode` between the look and the request of our own last change, which lowered
 * it. The time is CloudTrail's, of whole seconds. */
bool transition_has_lowered(const struct lb_state *state, enum desync_mode mode,
                            int64_t set_by_other_ms);

/* Own changes in the 24 h before now. */
int corrections_in_a_day(const struct lb_state *state, int64_t now_ms);

#endif
