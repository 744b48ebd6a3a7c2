/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts as text: the annotation AWS Config keeps, and the JSON of an invocation's response.
 * Pure: writes into a buf or an arena.
 */
#ifndef REPORT_RENDER_H
#define REPORT_RENDER_H

#include "base/json.h"
#include "policy/action.h"
#include "policy/prospect.h"
#include "policy/recommend.h"

#define ANNOTATION_CHARACTERS_MAX 256

/* 1..256 characters on one line: verdict and modes, owner, "event" or "live", why, what to do. What
 * does not fit is left out at a word boundary, the ellipsis then being the last character; verdict,
 * modes, owner (shortened from 65 characters on), source and the first finding always stay. */
str annotation_render(struct arena *arena, const struct evaluation *evaluation);

/* The members of an evaluation object (the contract's section 6), for an object that the caller
 * opens, extends and closes. */
void evaluation_write_members(struct json_writer *writer, struct arena *arena,
                              const struct evaluation *evaluation);

/* The numbers of an advice, the criterion that decided and what is missing, likewise. */
void advice_write_numbers(struct json_writer *writer, struct arena *arena,
                          const struct advice *advice);

/* A thing done, planned or left, as the response and the log say it. Texts are modes and a
 * reason. */
struct severe_share;
struct action {
    str resource_id;
    enum action_kind action;
    enum action_status status;
    str from;
    str to;
    str reason;
    enum watch_ending ending;
    const struct severe_share *severe; /* what evidence says of raising monitor; NULL: nothing */
};

/* The members of an object; "ending" only where there is one. */
void action_write_members(struct json_writer *writer, const struct action *action);

/* "earliest" (null: not known), "ring", "waitsFor" and "sayNo" (empty: none). */
void prospect_write_members(struct json_writer *writer, struct arena *arena,
                            const struct prospect *prospect);
/* "ring" (null: it is not known), "since", "until", "why" and "ends". */
void freeze_write_members(struct json_writer *writer, struct arena *arena,
                          const struct prospect_freeze *freeze);

/* The response of an invocation, written evaluation by evaluation, so that a sweep need not hold
 * them all:
 *
 *   response_begin(&response, &out);
 *   response_add(&response, arena, &evaluation);    any number of times
 *   response_end(&response, &totals);
 */
struct response {
    struct buf *out;
    struct json_writer writer;
    size_t omitted; /* evaluations that did not fit */
};

/* The outcome of evaluations and actions; response_end writes it behind them. */
struct response_totals {
    size_t reported; /* accepted by AWS Config */
    size_t failed;
    const struct action *actions;
    size_t action_count;
};

/* `out` must have room for RESPONSE_TAIL_BYTES beyond what evaluations may take; empty text is "",
 * an ordering time of 0 is null. */
#define RESPONSE_TAIL_BYTES ((size_t)64 * 1024)
void response_begin(struct response *response, struct buf *out);
/* Leaves out, and counts, what would not fit. `arena` is for scratch. */
void response_add(struct response *response, struct arena *arena,
                  const struct evaluation *evaluation);
/* Adds "omitted" when evaluations were left out, "actionsOmitted" when actions were; planned ones
 * go first. buf_status(out) tells whether the rest fitted. */
void response_end(struct response *response, const struct response_totals *totals);

#endif
