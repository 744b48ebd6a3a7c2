/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4180: a header line, then one line for each load balancer with the facts of the JSON, then
 * one for each gap and one when it was interrupted: these have no resource, and UNKNOWN for a
 * verdict, so that an incomplete file does not read like a complete one.
 *
 * Lists are joined by ";" (findings, severities, controls: words without one) or by " | "
 * (messages, where "|" and "\" stand behind a "\"). Cells of outside text: csv_internal.h.
 */
#include "base/escape.h"
#include "csv_internal.h"
#include "fleet_internal.h"
#include "report/render.h"

/* 64 messages; ample for what policy writes */
#define CELL_BYTES_MAX ((size_t)1024 * 1024)

static const char header[] =
    "generatedAt,account,region,name,scheme,compliance,mode,requiredMode,grade,owner,findings,"
    "severities,messages,controls,exceptionUntil,annotation,source,orderingTimestamp,resourceType,"
    "resourceId" CSV_LINE_END;

struct csv {
    struct buf *out;
    struct arena *arena;
    str generated_at;
    bool has_cell; /* on this line */
};

static void begin_cell(struct csv *csv) {
    if (csv->has_cell) {
        buf_append_char(csv->out, ',');
    }
    csv->has_cell = true;
}

/* Our own words: no quote, comma or formula. */
static void write_word(struct csv *csv, str word) {
    begin_cell(csv);
    buf_append(csv->out, word);
}

/* Outside text. */
static void write_text(struct csv *csv, str text) {
    begin_cell(csv);
    csv_append_text(csv->out, text);
}

static void write_finding_words(struct csv *csv, const struct evaluation *evaluation, bool is_ids) {
    begin_cell(csv);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        const char *word = is_ids ? finding_name(finding->id) : severity_name(finding->severity);
        buf_printf(csv->out, "%s%s", i == 0 ? "" : ";", word);
    }
}

static void append_escaped(struct buf *cell, str message) {
    for (size_t i = 0; i < message.len; i++) {
        if (message.ptr[i] == '|' || message.ptr[i] == '\\') {
            buf_append_char(cell, '\\');
        }
        buf_append_char(cell, message.ptr[i]);
    }
}

static void write_messages(struct csv *csv, const struct evaluation *evaluation) {
    struct buf cell;
    buf_init(&cell, csv->arena, CELL_BYTES_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        buf_append(&cell, i == 0 ? STR_EMPTY : STR(" | "));
        append_escaped(&cell, escape_text(csv->arena, evaluation->findings[i].message));
    }
    write_text(csv, buf_str(&cell));
}

static void write_controls(struct csv *csv, const struct evaluation *evaluation) {
    const char *controls[CONTROL_COUNT_MAX];
    size_t count = evaluation_controls(evaluation, controls);
    begin_cell(csv);
    for (size_t i = 0; i < count; i++) {
        buf_printf(csv->out, "%s%s", i == 0 ? "" : ";", controls[i]);
    }
}

static void write_verdict(struct csv *csv, const struct evaluation *evaluation) {
    char grade = evaluation->grade == '\0' ? '-' : evaluation->grade;
    write_word(csv, str_from_cstr(compliance_name(evaluation->compliance)));
    write_word(csv, str_from_cstr(mode_name(evaluation->mode)));
    write_word(csv, str_from_cstr(mode_name(evaluation->required_mode)));
    write_word(csv, (str){&grade, 1});
    write_text(csv, evaluation->owner);
}

static void write_row(struct csv *csv, const struct fleet_row *row) {
    const struct evaluation *evaluation = &row->evaluation;
    str ordering = evaluation->ordering_ms == 0
                       ? STR_EMPTY
                       : time_format_iso8601(csv->arena, evaluation->ordering_ms);
    csv->has_cell = false;
    write_word(csv, csv->generated_at);
    write_text(csv, row->account_id);
    write_text(csv, row->region);
    write_text(csv, row->name);
    write_word(csv, str_from_cstr(scheme_name(row->scheme)));
    write_verdict(csv, evaluation);
    write_finding_words(csv, evaluation, true);
    write_finding_words(csv, evaluation, false);
    write_messages(csv, evaluation);
    write_controls(csv, evaluation);
    write_text(csv, evaluation->exception_until);
    write_text(csv, annotation_render(csv->arena, evaluation));
    write_word(csv, evaluation->source == SOURCE_LIVE ? STR("live") : STR("event"));
    write_word(csv, ordering);
    write_text(csv, evaluation->resource_type);
    write_text(csv, evaluation->resource_id);
    buf_append(csv->out, STR(CSV_LINE_END));
}

/* In the columns of a load balancer: account, Region, UNKNOWN, and why as the annotation. */
static void write_note(struct csv *csv, str account_id, str region, str why) {
    csv->has_cell = false;
    write_word(csv, csv->generated_at);
    write_text(csv, account_id);
    write_text(csv, region);
    buf_append(csv->out, STR(",,,UNKNOWN,,,,,,,,,"));
    write_text(csv, why);
    buf_append(csv->out, STR(",,,," CSV_LINE_END));
}

void fleet_write_csv(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct csv csv = {
        .out = out,
        .arena = arena,
        .generated_at = time_format_iso8601(arena, fleet->generated_ms),
    };
    buf_append(out, STR(header));
    for (size_t i = 0; i < fleet->row_count; i++) {
        write_row(&csv, &fleet->rows[i]);
    }
    for (size_t i = 0; i < fleet->gap_count; i++) {
        const struct fleet_gap *gap = &fleet->gaps[i];
        write_note(&csv, gap->account_id, gap->region, gap->reason);
    }
    if (fleet->is_interrupted) {
        write_note(&csv, STR_EMPTY, STR_EMPTY, fleet_interruption_text(arena, fleet));
    }
}
