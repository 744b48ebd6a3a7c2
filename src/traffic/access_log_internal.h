/* SPDX-License-Identifier: Apache-2.0
 *
 * Two ways to read a line that agree on every line: the tokenizer, which takes any age and oddity,
 * and the look, which knows today's layout (29 fields and more) by the positions of its quotes and
 * leaves everything else to the tokenizer.
 */
#ifndef TRAFFIC_ACCESS_LOG_INTERNAL_H
#define TRAFFIC_ACCESS_LOG_INTERNAL_H

#include "traffic/access_log.h"

/* Fields 13, 14, 18 to 20 and 23 to 29 are quoted, two quotes each. */
#define ACCESS_LOG_QUOTES 24
/* Quotes are noted 64 bytes at a time, until these 24 are there. */
#define ACCESS_LOG_QUOTES_NOTED (ACCESS_LOG_QUOTES - 1 + 64)

/* The spaces behind fields 1 to 12, and what one more block may hold: no two of them are
 * neighbours. */
#define ACCESS_LOG_TOKENS       12
#define ACCESS_LOG_SPACES_NOTED (ACCESS_LOG_TOKENS + 64 / 2)

/* Borrows the lines. */
struct access_log_view {
    str line;       /* without its line end */
    bool is_modern; /* the layout is the one known; else the members below mean nothing */
    bool is_plain;  /* class and reason are "-" */
    str time;
    str load_balancer;
    str client;                                  /* field 4 */
    const char *spaces[ACCESS_LOG_SPACES_NOTED]; /* [n - 1] is behind field n, up to 12 */
    size_t quote_count;
    const char *quotes[ACCESS_LOG_QUOTES_NOTED];
};

/* Looks at the first line of `lines` (not empty) and returns how many bytes it takes, its line end
 * included. */
size_t access_log_look(str lines, struct access_log_view *view_out);

/* What access_log_parse makes of a modern line, but for field_count, which is not counted. */
void access_log_view_record(const struct access_log_view *view,
                            struct access_log_record *record_out);

/* The same without `host`; cheap. */
void access_log_view_sketch(const struct access_log_view *view,
                            struct access_log_record *record_out);

/* The fields that a record is made of, as logged and without their quotes. */
struct access_log_parts {
    str type;
    str time;
    str load_balancer;
    str client; /* with port */
    str elb_status;
    str target_status;
    str request;
    str user_agent;
    str domain; /* "-" or empty: none */
    str class;  /* empty: none */
    str reason;
};
void access_log_fill(const struct access_log_parts *parts, struct access_log_record *record_out);
/* Likewise, but for `host`. */
void access_log_fill_sketch(const struct access_log_parts *parts,
                            struct access_log_record *record_out);

#endif
