/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4180: a header line, then one line for each load balancer with the facts of the JSON, then
 * one for each gap and one when it was interrupted: these have no resource, and UNKNOWN for a
 * verdict, so that an incomplete file does not read like a complete one. The CSV of `report` has
 * the columns of `audit`, and behind them the history, the exception and the recommendation.
 *
 * Lists are joined by ";" (findings, severities, controls: words without one) or by " | "
 * (messages, where "|" and "\" stand behind a "\"). Cells of outside text: csv_internal.h.
 */
#include <inttypes.h>

#include "base/escape.h"
#include "csv_internal.h"
#include "fleet_internal.h"
#include "report/posture.h"
#include "report/render.h"

/* 64 messages; ample for what policy writes */
#define CELL_BYTES_MAX ((size_t)1024 * 1024)

#define COLUMNS                                                                                    \
    "generatedAt,account,region,name,scheme,compliance,mode,requiredMode,grade,owner,findings,"    \
    "severities,messages,controls,exceptionUntil,annotation,source,orderingTimestamp,"             \
    "resourceType,resourceId"
#define POSTURE_COLUMNS                                                                            \
    ",nonCompliantSince,nonCompliantTooLong,fight,exceptionState,exceptionReason,"                 \
    "exceptionApprover,recommendation,evidenceFrom,requests,blocked,blockedPercent,boundPercent,"  \
    "evidenceNewest,recommendationReason,watch,ending,endingReason"
#define NO_POSTURE ",,,,,,,,,,,,,,,,," /* its cells, when it has none */

struct csv {
    struct buf *out;
    struct arena *arena;
    const struct fleet *fleet;
    const struct posture *posture; /* NULL: the CSV of `audit` */
};

/* A cell behind others. Our own words: no quote, comma or formula. */
static void write_word(const struct csv *csv, const char *word) {
    buf_printf(csv->out, ",%s", word);
}

/* Outside text. */
static void write_text(const struct csv *csv, str text) {
    buf_append_char(csv->out, ',');
    csv_append_text(csv->out, text);
}

static void write_time(const struct csv *csv, int64_t ms) {
    buf_append_char(csv->out, ',');
    buf_append(csv->out, ms == 0 ? STR_EMPTY : time_format_iso8601(csv->arena, ms));
}

static void write_percent(const struct csv *csv, double percent) {
    struct json_writer number;
    buf_append_char(csv->out, ',');
    json_writer_init(&number, csv->out);
    json_write_double(&number, percent);
}

static void write_messages(const struct csv *csv, const struct evaluation *evaluation) {
    struct buf cell;
    buf_init(&cell, csv->arena, CELL_BYTES_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        str message = escape_text(csv->arena, evaluation->findings[i].message);
        buf_append(&cell, i == 0 ? STR_EMPTY : STR(" | "));
        for (size_t at = 0; at < message.len; at++) {
            char c = message.ptr[at];
            buf_append(&cell, c == '|' || c == '\\' ? STR("\\") : STR_EMPTY);
            buf_append_char(&cell, c);
        }
    }
    write_text(csv, buf_str(&cell));
}

static void write_findings(const struct csv *csv, const struct evaluation *evaluation) {
    const char *controls[CONTROL_COUNT_MAX];
    evaluation_controls(evaluation, controls);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        buf_printf(csv->out, "%s%s", i == 0 ? "," : ";", finding_name(evaluation->findings[i].id));
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        buf_printf(csv->out, "%s%s", i == 0 ? "," : ";",
                   severity_name(evaluation->findings[i].severity));
    }
    buf_append(csv->out, evaluation->finding_count == 0 ? STR(",,") : STR_EMPTY);
    write_messages(csv, evaluation);
    for (size_t i = 0; controls[i] != NULL; i++) {
        buf_printf(csv->out, "%s%s", i == 0 ? "," : ";", controls[i]);
    }
}

static void write_advice(const struct csv *csv, const struct advice *advice) {
    write_word(csv, recommendation_name(advice->recommendation));
    if (advice->requests == 0) { /* nothing was seen, so nothing is known */
        buf_append(csv->out, advice->has_numbers ? STR(",,0,,,") : STR(",,,,,"));
    } else {
        write_word(csv, advice->is_from_logs ? "logs" : "metrics");
        buf_printf(csv->out, ",%" PRIu64 ",%" PRIu64, advice->requests, advice->blocked);
        write_percent(csv, advice->blocked_percent);
        write_percent(csv, advice->bound_percent);
    }
    write_time(csv, advice->newest_ms);
    write_text(csv, advice->reason);
}

static void write_history(const struct csv *csv, const struct evaluation *evaluation,
                          const struct posture_row *row) {
    static const struct posture_change no_watch = {0};
    const struct posture_change *watch = posture_last_watch(csv->posture, evaluation->resource_id);
    watch = watch == NULL ? &no_watch : watch;
    write_time(csv, row->non_compliant_since_ms);
    write_word(csv, row->is_escalated ? "true" : "false");
    write_word(csv, row->is_fight ? "true" : "false");
    write_word(csv, exception_state_name(posture_exception_state(evaluation)));
    write_text(csv, row->exception_reason);
    write_text(csv, row->exception_approver);
    if (row->has_advice) {
        write_advice(csv, &row->advice);
    } else {
        buf_append(csv->out, STR(",,,,,,,,"));
    }
    write_text(csv, str_from_cstr(watch_state_name(watch->watch)));
    write_text(csv, str_from_cstr(watch_ending_name(watch->ending)));
    write_text(csv, watch->ending_reason);
}

static void write_row(const struct csv *csv, size_t i) {
    const struct fleet_row *row = &csv->fleet->rows[i];
    const struct evaluation *evaluation = &row->evaluation;
    buf_append(csv->out, time_format_iso8601(csv->arena, csv->fleet->generated_ms));
    write_text(csv, row->account_id);
    write_text(csv, row->region);
    write_text(csv, row->name);
    write_word(csv, scheme_name(row->scheme));
    write_word(csv, compliance_name(evaluation->compliance));
    write_word(csv, mode_name(evaluation->mode));
    write_word(csv, mode_name(evaluation->required_mode));
    buf_printf(csv->out, ",%c", evaluation->grade == '\0' ? '-' : evaluation->grade);
    write_text(csv, evaluation->owner);
    write_findings(csv, evaluation);
    write_text(csv, evaluation->exception_until);
    write_text(csv, annotation_render(csv->arena, evaluation));
    write_word(csv, evaluation->source == SOURCE_LIVE ? "live" : "event");
    write_time(csv, evaluation->ordering_ms);
    write_text(csv, evaluation->resource_type);
    write_text(csv, evaluation->resource_id);
    if (csv->posture != NULL) {
        write_history(csv, evaluation, &csv->posture->rows[i]);
    }
    buf_append(csv->out, STR(CSV_LINE_END));
}

/* In the columns of a load balancer: account, Region, UNKNOWN, and why as the annotation. After
 * UNKNOWN nine cells are empty (mode to exceptionUntil), and four behind the reason. */
static void write_note(const struct csv *csv, const struct fleet_gap *gap) {
    buf_append(csv->out, time_format_iso8601(csv->arena, csv->fleet->generated_ms));
    write_text(csv, gap->account_id);
    write_text(csv, gap->region);
    buf_append(csv->out, STR(",,,UNKNOWN,,,,,,,,,"));
    write_text(csv, gap->reason);
    buf_append(csv->out, csv->posture == NULL ? STR(",,,," CSV_LINE_END)
                                              : STR(",,,," NO_POSTURE CSV_LINE_END));
}

static void write_csv(const struct csv *csv) {
    const struct fleet *fleet = csv->fleet;
    buf_append(csv->out, csv->posture == NULL ? STR(COLUMNS CSV_LINE_END)
                                              : STR(COLUMNS POSTURE_COLUMNS CSV_LINE_END));
    for (size_t i = 0; i < fleet->row_count; i++) {
        write_row(csv, i);
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        write_note(csv, &fleet->gaps[i]);
    }
    if (fleet->is_interrupted) {
        write_note(csv, &(struct fleet_gap){.reason = fleet_interruption_text(csv->arena, fleet)});
    }
}

void fleet_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    write_csv(&(struct csv){out, arena, fleet, NULL});
}

void posture_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL && posture != NULL);
    write_csv(&(struct csv){out, arena, fleet, posture});
}
