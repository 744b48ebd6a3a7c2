/* SPDX-License-Identifier: Apache-2.0
 *
 * A line for each load balancer: the columns of audit's CSV, and behind them its history, its
 * exception and what is recommended. Audit's part is written by audit's writer, line by line, so
 * that the two files never say different things.
 */
#include <inttypes.h>

#include "csv_internal.h"
#include "fleet_internal.h"
#include "posture_internal.h"

#define MORE_COLUMNS                                                                               \
    ",nonCompliantSince,nonCompliantTooLong,fight,exceptionState,exceptionReason,"                 \
    "exceptionApprover,recommendation,evidenceFrom,requests,blocked,blockedPercent,boundPercent,"  \
    "evidenceNewest,recommendationReason,watch,ending,endingReason"
#define MORE_COLUMN_COUNT 17

/* Of one line with all its messages; audit's own limit of a cell, and room for the others. */
#define LINE_BYTES_MAX ((size_t)2 * 1024 * 1024)

/* Audit's CSV of `part`, without the last line end: the header, or one line after it. */
static str audit_text(struct arena *arena, const struct fleet *part) {
    struct buf text;
    buf_init(&text, arena, LINE_BYTES_MAX);
    fleet_write_csv(&text, arena, part);
    str all = buf_str(&text);
    ASSERT(str_ends_with(all, STR(CSV_LINE_END)));
    return str_slice(all, 0, all.len - 2);
}

static str audit_header(struct arena *arena, const struct fleet *fleet) {
    struct fleet none = {.generated_ms = fleet->generated_ms, .version = fleet->version};
    return audit_text(arena, &none);
}

static void append_audit_line(struct buf *out, struct arena *arena, struct fleet part, str header) {
    str text = audit_text(arena, &part);
    ASSERT(str_starts_with(text, header));
    buf_append(out, str_slice(text, header.len + 2, text.len));
}

static void append_word(struct buf *out, const char *word) {
    buf_append_char(out, ',');
    buf_append(out, str_from_cstr(word));
}

static void append_text(struct buf *out, str text) {
    buf_append_char(out, ',');
    csv_append_text(out, text);
}

static void append_time(struct buf *out, struct arena *arena, int64_t ms) {
    buf_append_char(out, ',');
    if (ms != 0) {
        buf_append(out, time_format_iso8601(arena, ms));
    }
}

static void append_percent(struct buf *out, double percent) {
    struct json_writer number;
    buf_append_char(out, ',');
    json_writer_init(&number, out);
    json_write_double(&number, percent);
}

static void append_advice(struct buf *out, struct arena *arena, const struct posture_row *row) {
    if (!row->has_advice) {
        buf_append(out, STR(",,,,,,,,"));
        return;
    }
    const struct advice *advice = &row->advice;
    append_word(out, recommendation_name(advice->recommendation));
    if (advice->requests == 0) { /* nothing was seen, so nothing is known */
        buf_append(out, STR(",,0,,,"));
    } else {
        append_word(out, advice->is_from_logs ? "logs" : "metrics");
        buf_printf(out, ",%" PRIu64 ",%" PRIu64, advice->requests, advice->blocked);
        append_percent(out, advice->blocked_percent);
        append_percent(out, advice->bound_percent);
    }
    append_time(out, arena, advice->newest_ms);
    append_text(out, advice->reason);
}

/* How the newest promotion went. */
static void append_watch(struct buf *out, const struct posture_change *change) {
    if (change == NULL) {
        buf_append(out, STR(",,,"));
        return;
    }
    append_text(out, change->watch);
    append_text(out, change->ending);
    append_text(out, change->ending_reason);
}

static void append_history(struct buf *out, struct arena *arena, const struct posture *posture,
                           const struct evaluation *evaluation, const struct posture_row *row) {
    append_time(out, arena, row->non_compliant_since_ms);
    append_word(out, row->is_escalated ? "true" : "false");
    append_word(out, row->is_fight ? "true" : "false");
    append_word(out, exception_state_name(posture_exception_state(evaluation)));
    append_text(out, row->exception_reason);
    append_text(out, row->exception_approver);
    append_advice(out, arena, row);
    append_watch(out, posture_last_watch(posture, evaluation->resource_id));
    buf_append(out, STR(CSV_LINE_END));
}

/* A line without a load balancer: what is missing of the fleet. */
static void append_note(struct buf *out, struct arena *arena, const struct fleet *fleet,
                        const struct fleet_gap *gap, str header) {
    struct fleet part = {.generated_ms = fleet->generated_ms, .gaps = gap, .gap_count = 1};
    append_audit_line(out, arena, part, header);
    for (int column = 0; column < MORE_COLUMN_COUNT; column++) {
        buf_append_char(out, ',');
    }
    buf_append(out, STR(CSV_LINE_END));
}

void posture_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL && posture != NULL);
    str header = audit_header(arena, fleet);
    buf_append(out, header);
    buf_append(out, STR(MORE_COLUMNS CSV_LINE_END));
    for (size_t i = 0; i < fleet->row_count; i++) {
        struct fleet part = *fleet;
        part.rows = &fleet->rows[i];
        part.row_count = 1;
        part.gap_count = 0;
        part.is_interrupted = false;
        append_audit_line(out, arena, part, header);
        append_history(out, arena, posture, &fleet->rows[i].evaluation, &posture->rows[i]);
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        append_note(out, arena, fleet, &fleet->gaps[i], header);
    }
    if (fleet->is_interrupted) {
        struct fleet_gap gap = {.reason = fleet_interruption_text(arena, fleet)};
        append_note(out, arena, fleet, &gap, header);
    }
}
