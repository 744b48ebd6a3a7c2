/* SPDX-License-Identifier: Apache-2.0
 *
 * The TRAFFIC items: what the access logs of a load balancer held.
 *
 * A file is added to the item of its hour, sk = "TRAFFIC#2026-11-23T08", in one conditional write
 * that also notes the file in the set `seen` of that item: a file that is delivered again changes
 * nothing. An item takes TRAFFIC_FILES_MAX files. Load balancers that write more an hour have
 * further items, "TRAFFIC#2026-11-23T08#1.3": four on the first level, sixteen on the next, and so
 * on; a file goes to the first level whose item has room, and looks for itself in the same order.
 *
 * The sweep adds the hours of a day up in the item of the day, "TRAFFIC#2026-11-23", once no file
 * of it is accepted any more; from then on its hours mean nothing, and they expire. The networks of
 * clients are added up as soon as the day is over, as nothing is lost by doing that twice. Items of
 * days without `folded` are of version 0.1.0, or hold networks only: their hours count beside them.
 */
#ifndef TABLE_TRAFFIC_DAYS_H
#define TABLE_TRAFFIC_DAYS_H

#include "event/event.h"
#include "table/state.h"
#include "traffic/tally.h"

/* Those of the lines, and that of the delivery. */
#define TRAFFIC_HOURS_MAX (TALLY_HOURS_MAX + 1)
/* Two nodes write 24 files an hour, four write 48. */
#define TRAFFIC_FILES_MAX 48

/* Of an hour, a day or more. Members beyond `damaged` are as in struct tally_hour, and 0 in what
 * 0.1.0 counted. */
struct traffic_counts {
    uint64_t requests;
    uint64_t compliant;
    uint64_t acceptable;
    uint64_t ambiguous;
    uint64_t severe;
    uint64_t unknown;
    uint64_t unfamiliar;
    /* Counted on the hour of the delivery, as such lines have no time: */
    uint64_t unparsed;
    uint64_t without_time;
    uint64_t damaged; /* objects */
    uint64_t http1_lines;
    uint64_t http1;
    uint64_t http2;
    uint64_t synthetic;
    uint64_t blocked_served;
    uint64_t unserved;
    uint64_t severe_served;
    uint64_t severe_unserved;
    uint64_t blocked_clients;
};

struct traffic_hour {
    int64_t hour; /* since 1970-01-01 */
    struct traffic_counts counts;
    int64_t newest_ms; /* 0: there is no line of this hour */
    str blocked_reason;
    struct tally_slot slots[TALLY_SLOTS];
};

/* What is in one object. */
struct log_traffic {
    str arn;
    str account_id;       /* of the load balancer */
    str region;           /* likewise */
    int64_t delivered_ms; /* by the object's key: the end of its five minutes */
    struct tally_counts totals;
    uint64_t unparsed;  /* lines */
    uint64_t untallied; /* requests that belong to no hour: without a time */
    struct traffic_hour hours[TRAFFIC_HOURS_MAX];
    size_t hour_count;
    struct client_sketch clients;
    str foreign; /* not empty: why there is nothing to count in it, and the rest is empty */
    str damage;  /* not empty: how it is damaged; the rest is what could be read before */
};

/* EventBridge repeats a delivery for a day and Lambda for hours; a queue for 14 days at most.
 * Delivered longer ago, by whatever way, an object may have been counted and forgotten, and is not
 * counted any more. */
#define TRAFFIC_ACCEPTED_MS (14 * MS_PER_DAY)
/* By then the last files of a time have come, as a rule. */
#define TRAFFIC_LATE_MS (2 * TALLY_HOUR_MS)
/* The item of a day is complete so long after its beginning: the day itself, what is accepted, and
 * a day for clocks that differ. */
#define TRAFFIC_FOLDED_AFTER_DAYS 16
/* Of an hour, from its day on; sweeps that fail for five days lose nothing. Longer than a file that
 * it has seen can come again. */
#define TRAFFIC_HOUR_KEPT_DAYS 22

/* Adds the object to the items of its hours. CONFLICT: it was counted before. After any other bad
 * status a repeat adds what is missing. */
MUST_USE enum status traffic_count_object(const struct state_table *table,
                                          const struct log_object *object,
                                          const struct log_traffic *traffic, int64_t now_ms,
                                          struct arena *arena, struct error *error);

#define TRAFFIC_REASONS_MAX 24

struct traffic_day {
    struct traffic_counts counts;
    struct traffic_counts in_hours; /* of them in items of hours */
    int64_t newest_ms; /* of a line, and none is newer by more than five minutes; 0: none. Where
                          none is HTTP/1.x: by more than an hour */
    bool has_outcomes; /* any of it was counted after 0.1.0: members beyond `damaged` hold */
    bool has_old;      /* any of it was counted by 0.1.0 */
    bool has_hours;    /* there are items of its hours */
    bool is_folded;    /* its hours were added up, and mean nothing */
    bool has_networks; /* the networks of its hours were */
    bool is_bad;       /* a number cannot be a count: nothing of the day is known */
    struct client_sketch clients;
    str blocked_reasons[TRAFFIC_REASONS_MAX]; /* of `blocked_clients`: of each file the main one */
    size_t blocked_reason_count;
};

/* The days from first_day to last_day; days_out has room for each. */
MUST_USE enum status traffic_read_days(const struct state_table *table, str arn, int64_t first_day,
                                       int64_t last_day, struct arena *arena,
                                       struct traffic_day *days_out, struct error *error);

/* Writes the items of days that are over: see above. Safe to repeat, and in several copies. */
MUST_USE enum status traffic_fold(const struct state_table *table, str arn, int64_t now_ms,
                                  struct arena *arena, struct error *error);

/* Sums of whole five minutes, by the time of the lines. */
struct traffic_span {
    int64_t from_ms; /* of the first five minutes: the ones that were asked for, or up to 5 later */
    int64_t to_ms;   /* likewise, or up to 5 earlier */
    uint64_t http1_lines;       /* HTTP/1.x without health checks and monitors, served or not */
    uint64_t blocked_served;    /* Acceptable or Ambiguous, and served */
    uint64_t unserved;          /* Acceptable or Ambiguous, and not: also what strictest blocks */
    uint64_t blocked_clients;   /* of whole hours only, as the next two */
    uint64_t severe;            /* Severe, served or not */
    uint64_t whole_hours_lines; /* as http1_lines */
    int64_t newest_ms;          /* begin of the newest five minutes that have any line; 0: none */
};
/* What came since a moment (to_ms: now), or before it: of items of hours, so that there is nothing
 * of more than TRAFFIC_FOLDED_AFTER_DAYS ago, and nothing that 0.1.0 counted. Files come within
 * minutes after their five minutes; what is on its way is missing. */
MUST_USE enum status traffic_since(const struct state_table *table, str arn, int64_t from_ms,
                                   int64_t to_ms, struct arena *arena,
                                   struct traffic_span *span_out, struct error *error);

#endif
