/* SPDX-License-Identifier: Apache-2.0
 *
 * The tally of access logs, as `logs` prints it: for people, as JSON (the contract's section 5) and
 * as CSV. All text of the logs is outside text. Pure: writes into a buf.
 */
#ifndef REPORT_TRAFFIC_H
#define REPORT_TRAFFIC_H

#include "base/buf.h"
#include "traffic/tally.h"

/* A file and why it is named: borrowed outside text, which every format escapes. */
struct traffic_note {
    str path;
    str why;
};

#define TRAFFIC_KEYS_MAX 5

struct traffic_report {
    const struct tally_result *result;
    size_t file_count; /* that were read, wholly or in part */
    const struct traffic_note *skipped;
    size_t skipped_count;
    const struct traffic_note *errors; /* files that could not be read, wholly or in part */
    size_t error_count;
    enum group_key keys[TRAFFIC_KEYS_MAX]; /* in the order in which they were asked for */
    size_t key_count;                      /* 0: no groups */
};

/* "class", "reason", "client", "user-agent", "host"; both ways. */
const char *group_key_name(enum group_key key);
bool group_key_parse(str name, enum group_key *key_out);

/* Each writes the whole document, line end included; `arena` is for scratch. */
void traffic_write_table(struct buf *out, struct arena *arena, const struct traffic_report *report);
void traffic_write_json(struct buf *out, struct arena *arena, const struct traffic_report *report);
/* The groups; without keys the offenders. RFC 4180. What a spreadsheet would take for a formula
 * gets an apostrophe in front. */
void traffic_write_csv(struct buf *out, const struct traffic_report *report);

#endif
