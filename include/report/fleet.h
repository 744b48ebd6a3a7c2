/* SPDX-License-Identifier: Apache-2.0
 *
 * How people and their tools read a fleet that was judged: the formats of `audit`. Pure: writes
 * into a buf, in the order of the rows.
 */
#ifndef REPORT_FLEET_H
#define REPORT_FLEET_H

#include "base/json.h"
#include "policy/fleet.h"

/* The table is for people, HTML for leadership and auditors; JUnit and SARIF for pipelines, ASFF
 * and OCSF for security tools. */
enum fleet_format {
    FLEET_TABLE,
    FLEET_JSON,
    FLEET_CSV,
    FLEET_HTML,
    FLEET_JUNIT,
    FLEET_SARIF,
    FLEET_ASFF,
    FLEET_OCSF,
    FLEET_FORMAT_COUNT
};
/* "table", ...; ends with NULL. */
extern const char *const FLEET_FORMAT_NAMES[FLEET_FORMAT_COUNT + 1];

/* Zeroed: for a pipe or file, without colours and of any width. */
struct fleet_table_style {
    bool has_color; /* ANSI colours */
    size_t width;   /* columns of the terminal; 0: not bounded */
};

/* Each writes the whole document, line end included: for equal input the same bytes. `arena` is for
 * scratch, at most 5 KB a load balancer; a document takes 0.2 KB (table) to 3 KB (ocsf) a load
 * balancer of usual findings, so that FLEET_DOCUMENT_BYTES_MAX holds some 20,000. What does not fit
 * shows in buf_status(out): such a document is cut short and must not be used. */
#define FLEET_DOCUMENT_BYTES_MAX ((size_t)64 * 1024 * 1024)
void fleet_write_table(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct fleet_table_style *style);
/* The last lines of the table alone: how complete, how many, and the worst three. */
void fleet_write_ending(struct buf *out, struct arena *arena, const struct fleet *fleet);

/* Why something could not be read: one cause, whatever it struck. Text is borrowed, or in the arena
 * given. */
struct fleet_cause {
    str reason;  /* in full, of the first that it struck */
    str summary; /* "AccessDenied: allow elasticloadbalancing:DescribeTags", or the whole reason */
    str names;   /* of all that it struck, ", " between them */
    size_t count;
};
/* Of the load balancers that are unknown, and of the gaps; in the order of the rows and gaps. Two
 * reasons are one cause when AWS's code and the step that helps are the same or, without a code,
 * when they differ in nothing but digits, the Region and the load balancer. */
size_t fleet_unknown_causes(const struct fleet *fleet, struct arena *arena,
                            struct fleet_cause **causes_out);
size_t fleet_gap_causes(const struct fleet *fleet, struct arena *arena,
                        struct fleet_cause **causes_out);
#define FLEET_NAMES_SHOWN ((size_t)3)
/* The first three names, and how many more there are: "a, b, c and 49 more". */
str fleet_cause_names(struct arena *arena, const struct fleet_cause *cause);

void fleet_write_json(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* One line for each load balancer with the facts of the JSON; then one for each gap, and one for an
 * interruption, with the verdict UNKNOWN and no resource. Safe for spreadsheets: a reader that
 * takes one apostrophe from the front of a cell has the text as it was. */
void fleet_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* Non-compliant is a failure; unknown, a gap and an interruption are errors; not applicable is
 * skipped. */
void fleet_write_junit(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* A result for each failing finding; unknown, gaps and an interruption are notifications, and the
 * invocation is then not successful. */
void fleet_write_sarif(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* An array of findings for `aws securityhub batch-import-findings`, which takes 100 at a time. */
void fleet_write_asff(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* An array of Compliance Findings (class 2003) of OCSF 1.5.0. Neither this nor ASFF can hold a gap:
 * it is about no resource. */
void fleet_write_ocsf(struct buf *out, struct arena *arena, const struct fleet *fleet);
/* The page of `audit`, and the posture page when `posture` is not NULL: report/posture.h. */
struct posture;
void fleet_write_html(struct buf *out, struct arena *arena, const struct fleet *fleet,
                      const struct posture *posture);

/* Controls that a finding bears on: "PCI DSS v4.0.1 6.2.4"; NULL-terminated, static, never empty.
 */
const char *const *finding_controls(enum finding_id id);

#endif
