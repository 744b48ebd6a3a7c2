/* SPDX-License-Identifier: Apache-2.0
 *
 * Access-log lines counted: per load balancer and UTC day with its reasons, per group, and who is
 * behind what a stricter mode would block. Memory is bounded whatever the input: groups and
 * offenders are kept in sketches (Space-Saving) with a known error bound. Pure but for the arena.
 * Any HTTP client writes texts that are counted here, so its tables are hashed with a secret key.
 */
#ifndef TRAFFIC_TALLY_H
#define TRAFFIC_TALLY_H

#include "base/arena.h"
#include "base/clock.h"
#include "traffic/access_log.h"
#include "traffic/clients.h"

/* Bits, since groups may be of several keys together. */
enum group_key {
    GROUP_CLASS = 1 << 0,
    GROUP_REASON = 1 << 1,
    GROUP_CLIENT = 1 << 2, /* the address as logged */
    GROUP_USER_AGENT = 1 << 3,
    GROUP_HOST = 1 << 4
};

#define TALLY_DAYS_MAX    65536 /* load balancers times days; beyond, `untallied` */
#define TALLY_REASONS_MAX 256   /* beyond, under "other"; of unknown classes, too */
/* Reasons of all days together: beyond, a day's further ones are under its "other". */
#define TALLY_DAY_REASONS_MAX 131072
#define TALLY_OFFENDERS_MAX   2048
#define TALLY_GROUPS_MAX      8192

struct tally_counts {
    uint64_t requests; /* the sum of the classes */
    uint64_t classes[CLASS_COUNT];
    uint64_t unfamiliar; /* of CLASS_UNKNOWN: of a class that has a name, which we do not know */
};

struct tally_reason {
    str code; /* as logged */
    enum traffic_class class;
    uint64_t count;
};

struct tally_day {
    str load_balancer;
    int64_t day; /* since 1970-01-01, of the line's own time */
    struct tally_counts counts;
    int64_t newest_ms; /* time of the newest line */
    int64_t oldest_ms;
    struct tally_reason *reasons; /* sorted by count, then code */
    size_t reason_count;
};

/* What strictest would block, or defensive does: any class but Compliant and Unknown. Texts may be
 * any bytes, as the log was, and are cut behind a whole letter or escape: a reason or client at 64
 * bytes, a load balancer at 128, a host at 256, a user agent at 512. Of all days together. */
struct tally_offender {
    str reason;
    str user_agent;
    str client; /* "203.0.113.0/24", "2001:db8:1::/48"; as logged when it is no address */
    str host;
    str load_balancer;
    uint64_t count; /* at most `error` too high */
    uint64_t error;
};

#define TALLY_HOURS_MAX 100 /* of one file, which holds five minutes */
#define TALLY_HOUR_MS   (3600 * MS_PER_SECOND)
#define TALLY_SLOT_MS   (300 * MS_PER_SECOND)
#define TALLY_SLOTS     12 /* of an hour */

/* Five minutes of an hour; members as in the hour. */
struct tally_slot {
    uint64_t http1_lines;
    uint64_t blocked_served;
    uint64_t unserved;
};

/* What evidence consists of. Served: the load balancer or a target answered 2xx or 3xx, or that
 * cannot be told. The four members from `blocked_served` on are of all protocols and clients, and
 * what they count is in `http1_lines` and, where served, in `http1`, too. */
struct tally_hour {
    int64_t hour; /* since 1970-01-01, of the line's own time */
    struct tally_counts counts;
    int64_t newest_ms;
    uint64_t http1_lines;    /* HTTP/1.x, of a class that is known, no health checks or monitors */
    uint64_t http1;          /* of them served */
    uint64_t http2;          /* any other protocol: HTTP/2, gRPC, WebSocket */
    uint64_t synthetic;      /* HTTP/1.x of health checks and monitors */
    uint64_t blocked_served; /* Acceptable or Ambiguous */
    uint64_t unserved;       /* likewise */
    uint64_t severe_served;
    uint64_t severe_unserved;
    uint64_t blocked_clients; /* blocked, of networks that were served other requests */
    str blocked_reason;       /* of most of them; letters and digits */
    struct tally_slot slots[TALLY_SLOTS];
};

/* Of one file. */
struct tally_hours {
    const struct tally_hour *hours; /* in the order of their first lines */
    size_t count;
    bool is_cut;                  /* there were lines of more hours */
    struct client_sketch clients; /* of what `http1` counts */
};

struct tally_group {
    enum traffic_class class; /* members that were not asked for are empty or CLASS_COUNT */
    str reason;
    str client;
    str user_agent;
    str host;
    uint64_t count; /* at most `error` too high */
    uint64_t error;
};

/* Not safe for two threads: each counts into its own, and tally_merge adds them up. Where a line
 * counts:
 *
 *   line --> lines, kinds[]
 *     |  no request of an ALB: unparsed, and nowhere else
 *     v
 *   request --> totals, and its day (without a time or beyond TALLY_DAYS_MAX: untallied)
 *     |     --> its reason, of the day and of all days; a class without a name that we know
 *     |     --> its group, where group_keys asks for any
 *     v
 *   Acceptable, Ambiguous or Severe --> its offender
 */
struct tally;

/* Secret random bits, drawn by the caller for each run: a client that knew them could write user
 * agents that all collide. No result depends on them, not even where a sketch has overflowed. */
struct tally_hash_key {
    uint64_t words[2];
};

struct tally_options {
    unsigned group_keys; /* of enum group_key; 0: no groups */
    bool counts_only;    /* totals and days without reasons, unknown classes, offenders or groups */
    bool has_hours;      /* with counts_only: `hours`, of one file */
    struct tally_hash_key hash_key;
};

/* Copies *options. */
struct tally *tally_new(struct arena *arena, const struct tally_options *options);

/* Whole lines, each with its line end; the last one may lack it. Lines end in LF or CRLF; empty
 * ones count for nothing. */
void tally_add_lines(struct tally *tally, str lines);

/* Lines that were found to be of a kind other than ACCESS_LOG_LINE. */
void tally_add_unparsed(struct tally *tally, enum access_log_kind kind, uint64_t count);

/* As if its lines had been added here. Both of the same options, without hours. As long as no
 * sketch has overflowed the order of lines and merges changes nothing; beyond, it may change which
 * of the rarer offenders and groups are kept, and their errors, which stay true. */
void tally_merge(struct tally *into, const struct tally *from);

/* Between the numbers: lines = totals.requests + unparsed; totals.requests = the days' +
 * untallied. */
struct tally_result {
    uint64_t lines;    /* that are not empty */
    uint64_t unparsed; /* lines - requests: what access_log_parse does not call ACCESS_LOG_LINE */
    uint64_t kinds[ACCESS_LOG_KIND_COUNT]; /* lines by what they are */
    uint64_t classless; /* requests without a class, as before August 2020; in CLASS_UNKNOWN, too */
    uint64_t untallied; /* requests beyond TALLY_DAYS_MAX, or without a time: in `totals` only */
    struct tally_counts totals;
    int64_t from_ms; /* 0: no line */
    int64_t to_ms;
    const struct tally_day *days; /* sorted by load balancer, day */
    size_t day_count;
    const struct tally_reason *reasons; /* sorted by count, then code */
    size_t reason_count;
    const struct tally_reason *unknown_classes; /* their names as codes; sorted likewise */
    size_t unknown_class_count;
    const struct tally_offender *offenders; /* the most frequent first */
    size_t offender_count;
    uint64_t offender_error_max; /* none that is missing has more than this; 0: the list is exact */
    const struct tally_group *groups;
    size_t group_count;
    uint64_t group_error_max;
    const struct tally_hours *hours; /* NULL: not asked for */
};

/* Borrows the tally. */
void tally_finish(struct tally *tally, struct tally_result *result_out);

/* Requests of these counts that the mode blocks: monitor none, defensive Severe, strictest
 * Acceptable, Ambiguous and Severe. */
uint64_t tally_blocked_by_defensive(const struct tally_counts *counts);
uint64_t tally_blocked_by_strictest(const struct tally_counts *counts);

#endif
