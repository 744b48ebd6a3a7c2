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

/* 1..256 characters, verdict and modes first, then why, owner, "event" or "live"; what does not fit
 * is left out at a word boundary and marked by an ellipsis. */
str annotation_render(struct arena *arena, const struct evaluation *evaluation);

/* One evaluation object of the contract's section 6. */
void evaluation_write_json(struct json_writer *writer,
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
void response_write_json(struct buf *out, struct arena *arena, const struct response *response);

#endif
