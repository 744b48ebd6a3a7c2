/* SPDX-License-Identifier: Apache-2.0
 *
 * When the mode of a load balancer is raised at the earliest, what it waits for, and how its owner
 * says no. Pure: bounds that were read go in. Nothing is promised: until then other load balancers
 * may come first, and the evidence may change.
 */
#ifndef POLICY_PROSPECT_H
#define POLICY_PROSPECT_H

#include "policy/advice.h"
#include "policy/evaluate.h"

/* What holds up a promotion, in the account and Region. */
struct prospect_bounds {
    int64_t now_ms;
    int64_t turn_next_ms;   /* the next promotion turn; 0: it is free */
    int64_t turn_every_ms;  /* from one to the next */
    int turn_size;          /* promotions that one turn has room for; 0: none */
    int64_t change_next_ms; /* the next change that MAX_CHANGES_PER_HOUR leaves; 0: at once;
                               INT64_MAX: never */
};

/* The earliest of one that so many others come before, in earlier rings and its own: `turns_before`
 * counts the turns that the earlier rings take. `not_before_ms` is the end of the freeze or watch
 * that holds it; 0: none. 0: never. */
int64_t prospect_earliest_ms(const struct prospect_bounds *bounds, int turns_before,
                             int before_in_ring, int64_t not_before_ms);
/* Turns that a ring of so many takes. */
int prospect_turns(const struct prospect_bounds *bounds, int in_ring);

/* The changes that MAX_CHANGES_PER_HOUR counts, in the account and Region. */
struct prospect_hour {
    int max;                 /* 0: nothing is changed */
    int64_t window_ms;       /* in which so many may be made */
    const int64_t *times_ms; /* of those that were made, oldest first */
    size_t count;
};
/* The earliest of a change that so many others come before. 0: never. */
int64_t prospect_change_ms(const struct prospect_hour *hour, int64_t now_ms, size_t before);

struct prospect {
    str arn;
    str ring;            /* empty: it is not in a ring, and comes last */
    int64_t earliest_ms; /* 0: not known, or never */
    str waits_for;       /* empty: for nothing but the next complete sweep */
    str say_no;          /* empty: nothing would be done, or its owner has said no */
};

/* A rollback that keeps the load balancers of its ring and of all later ones from being promoted.
 */
struct prospect_freeze {
    str arn; /* that was rolled back, or is to be */
    str ring;
    bool has_ring; /* false: its ring is not known, and all are frozen */
    int64_t since_ms;
    int64_t until_ms;
    str why;  /* "<ARN> was rolled back on 2026-12-01" */
    str ends; /* how its owner ends it before that */
    str text; /* all of it */
};

/* Of the load balancers of an account and Region that may be promoted. */
struct prospects {
    struct prospect *items; /* sorted by ARN */
    size_t count;
    str unknown_because; /* the evidence or the bounds could not be read; empty: they were */
    const struct prospect_freeze *freezes; /* the first ring first */
    size_t freeze_count;
};
/* NULL: there is none. */
const struct prospect *prospect_find(const struct prospects *prospects, str arn);

/* Of one below strictest: `found` (NULL: it may not be promoted), and beside it the setting that is
 * against it (NULL: none) or what the evidence lacks, and how its owner says no. Borrows the text
 * of `evaluation`. */
struct prospect prospect_of(const struct evaluation *evaluation, const struct prospect *found,
                            const char *setting_against, struct arena *arena);
/* "first; second"; either may be empty. */
str prospect_join(str first, str second, struct arena *arena);
/* Of a change that so many corrections come before, of which a run makes `run_max`: when there is
 * room for it, and else what takes the room. */
struct prospect prospect_of_change(const struct prospect_hour *hour, int run_max, size_t before,
                                   int64_t now_ms, struct arena *arena);
/* How an owner refuses that `monitor` is raised. */
str prospect_exception_text(const struct policy *policy, struct arena *arena);
/* "2026-12-02 06:00Z": the first whole minute from then on. */
str prospect_minute(int64_t ms, struct arena *arena);

#endif
