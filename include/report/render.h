/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts as text: the annotation AWS Config keeps, and the JSON of an invocation's response.
 * Pure: writes into a buf or an arena.
 */
#ifndef REPORT_RENDER_H
#define REPORT_RENDER_H

#include "base/json.h"
#include "policy/evaluate.h"

#define ANNOTATION_CHARACTERS_MAX 256

/* 1..256 characters on one line: verdict and modes, owner, "event" or "live", why, what to do. What
 * does not fit is left out at a word boundary, the ellipsis then being the last character; verdict,
 * modes and source always stay. */
str annotation_render(struct arena *arena, const struct evaluation *evaluation);

/* One evaluation object of the contract's section 6. */
void evaluation_write_json(struct json_writer *writer,
                           struct arena *arena,
                           const struct evaluation *evaluation);

/* Its members alone, for an object that the caller opens, extends and closes. */
void evaluation_write_members(struct json_writer *writer,
                              struct arena *arena,
                              const struct evaluation *evaluation);

struct action {
    str resource_id;
    const char *action; /* enforce, promote, rollback, alert, reevaluate */
    const char *status; /* done, planned, skipped, failed */
    str from;
    str to;
    str reason;
};

struct response {
    const struct evaluation *evaluations;
    size_t evaluation_count;
    size_t reported;
    size_t failed;
    const struct action *actions;
    size_t action_count;
};
/* The whole response; empty text is "", an ordering time of 0 is null. buf_status(out) tells
 * whether it fitted. */
void response_write_json(struct buf *out, struct arena *arena, const struct response *response);

#endif
