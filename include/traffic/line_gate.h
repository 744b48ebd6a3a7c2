/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of one file on their way into a tally. Until one of them is an Application Load
 * Balancer's they are only counted by kind, so that a file that holds nothing but another kind of
 * log adds nothing to the totals. Pure.
 */
#ifndef TRAFFIC_LINE_GATE_H
#define TRAFFIC_LINE_GATE_H

#include "traffic/tally.h"

/* Zeroed but for the tally at the beginning of a file. */
struct line_gate {
    struct tally *tally;
    uint64_t held[ACCESS_LOG_KIND_COUNT]; /* lines by kind */
    enum access_log_kind quoted_in;       /* the kind of the line whose quote is open */
    bool is_in_quotes;                    /* the line before left a quote open */
    bool is_open;
};

/* Whole lines, as tally_add_lines takes them. */
void line_gate_take(struct line_gate *gate, str lines);

/* At the end of the file. ACCESS_LOG_LINE: its lines are in the tally, those that were not
 * understood included. Otherwise the file is a log of this other kind and nothing of it was added;
 * never so when `is_damaged`, for what cannot be read may have had lines of ours. */
enum access_log_kind line_gate_close(struct line_gate *gate, bool is_damaged);

#endif
