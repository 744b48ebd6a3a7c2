/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of `audit` for a terminal. Cells are measured in columns of the terminal, not bytes.
 * Where they do not fit, the widest of those columns that can be is narrowed, down to its least
 * width, its cells then ending in an ellipsis; then columns are left out, first those that say the
 * same on every line. Nothing wraps. Outside text is escaped (base/escape.h), so that no tag can
 * move the cursor.
 */
#include <string.h>

#include "base/escape.h"
#include "fleet_internal.h"
#include "report/text_width.h"

#define GUTTER         2
#define CELL_BYTES_MAX ((size_t)8192)
#define CELL_WIDTH_MAX 256

enum column {
    COLUMN_VERDICT,
    COLUMN_NAME,
    COLUMN_MODE,
    COLUMN_REQUIRED,
    COLUMN_GRADE,
    COLUMN_FINDINGS,
    COLUMN_OWNER,
    COLUMN_REGION,
    COLUMN_ACCOUNT,
    COLUMN_COUNT
};

static const struct {
    const char *title;
    size_t width_min; /* 0: is never narrowed */
} columns[COLUMN_COUNT] = {[COLUMN_VERDICT] = {"VERDICT", 0}, [COLUMN_NAME] = {"NAME", 12},
                           [COLUMN_MODE] = {"MODE", 0},       [COLUMN_REQUIRED] = {"REQUIRED", 0},
                           [COLUMN_GRADE] = {"GRADE", 0},     [COLUMN_FINDINGS] = {"FINDINGS", 14},
                           [COLUMN_OWNER] = {"OWNER", 8},     [COLUMN_REGION] = {"REGION", 0},
                           [COLUMN_ACCOUNT] = {"ACCOUNT", 0}};

/* The verdict always stays. */
static const enum column droppable[] = {COLUMN_GRADE, COLUMN_REQUIRED, COLUMN_ACCOUNT,
                                        COLUMN_OWNER, COLUMN_REGION,   COLUMN_FINDINGS,
                                        COLUMN_MODE,  COLUMN_NAME};

struct table {
    struct buf *out;
    struct arena *arena;
    const struct fleet *fleet;
    const struct fleet_table_style *style;
    size_t natural[COLUMN_COUNT]; /* widths at which nothing is cut */
    size_t widths[COLUMN_COUNT];
    bool is_dropped[COLUMN_COUNT];
    size_t blanks; /* due before the next cell of this line */
};

/* --- cells ------------------------------------------------------------------------------------ */

static str outside_cell(struct arena *arena, str text) {
    return text_fit(arena, escape_text(arena, text), CELL_WIDTH_MAX);
}

static str findings_cell(struct arena *arena, const struct evaluation *evaluation) {
    struct buf out;
    buf_init(&out, arena, CELL_BYTES_MAX);
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (evaluation_finding(evaluation, finding->id) == finding) { /* the first of its id */
            buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ", finding_name(finding->id));
        }
    }
    return out.len == 0 ? outside_cell(arena, evaluation->reason) : buf_str(&out);
}

static str cell_of(const struct table *table, const struct fleet_row *row, enum column column) {
    const struct evaluation *evaluation = &row->evaluation;
    switch (column) {
    case COLUMN_VERDICT:
        return str_from_cstr(compliance_name(evaluation->compliance));
    case COLUMN_NAME:
        return outside_cell(table->arena, row->name);
    case COLUMN_MODE:
        return str_from_cstr(mode_name(evaluation->mode));
    case COLUMN_REQUIRED:
        return str_from_cstr(mode_name(evaluation->required_mode));
    case COLUMN_GRADE:
        return str_copy(table->arena, (str){&evaluation->grade, evaluation->grade != '\0'});
    case COLUMN_FINDINGS:
        return findings_cell(table->arena, evaluation);
    case COLUMN_OWNER:
        return outside_cell(table->arena, evaluation->owner);
    case COLUMN_REGION:
        return outside_cell(table->arena, row->region);
    case COLUMN_ACCOUNT:
        return outside_cell(table->arena, row->account_id);
    case COLUMN_COUNT:
        break;
    }
    return STR_EMPTY;
}

/* --- widths ----------------------------------------------------------------------------------- */

static size_t total_width(const struct table *table) {
    size_t total = 0;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        total += table->is_dropped[i] ? 0 : table->widths[i] + (i == 0 ? 0 : GUTTER);
    }
    return total;
}

/* The widest column that may still be narrowed; COLUMN_COUNT: none. */
static size_t widest_shrinkable(const struct table *table) {
    size_t widest = COLUMN_COUNT;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        bool may_shrink = !table->is_dropped[i] && columns[i].width_min > 0 &&
                          table->widths[i] > columns[i].width_min;
        if (may_shrink && (widest == COLUMN_COUNT || table->widths[i] > table->widths[widest])) {
            widest = i;
        }
    }
    return widest;
}

/* The least missed column; COLUMN_COUNT: only the verdict is left. */
static size_t next_to_drop(const struct table *table) {
    if (table->fleet->account_count == 1 && !table->is_dropped[COLUMN_ACCOUNT]) {
        return COLUMN_ACCOUNT;
    }
    if (table->fleet->region_count == 1 && !table->is_dropped[COLUMN_REGION]) {
        return COLUMN_REGION;
    }
    for (size_t i = 0; i < sizeof(droppable) / sizeof(droppable[0]); i++) {
        if (!table->is_dropped[droppable[i]]) {
            return droppable[i];
        }
    }
    return COLUMN_COUNT;
}

/* Cells are made twice, to measure and to print, rather than kept. */
static void measure(struct table *table) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        table->natural[i] = text_width(str_from_cstr(columns[i].title));
        for (size_t j = 0; j < table->fleet->row_count; j++) {
            size_t width = text_width(cell_of(table, &table->fleet->rows[j], (enum column)i));
            table->natural[i] = width > table->natural[i] ? width : table->natural[i];
        }
    }
    memcpy(table->widths, table->natural, sizeof(table->widths));
}

/* Narrowing is tried again from the start when a column less has to fit.
 *
 *   too wide? --> narrow the widest column that may be narrowed, by one --+
 *      ^   |                                                              |
 *      +---|--------------------------------------------------------------+
 *          | none may be narrowed: leave out one column, start from the natural widths
 *          v
 *   only the verdict is left: cut it
 *
 * No cell is much wider than CELL_WIDTH_MAX, so this ends after some 7,000 steps. */
static void fit(struct table *table) {
    size_t limit = table->style->width;
    while (limit > 0 && total_width(table) > limit) {
        size_t widest = widest_shrinkable(table);
        size_t dropped = next_to_drop(table);
        if (widest < COLUMN_COUNT) {
            table->widths[widest]--;
        } else if (dropped < COLUMN_COUNT) {
            table->is_dropped[dropped] = true;
            memcpy(table->widths, table->natural, sizeof(table->widths));
        } else {
            table->widths[COLUMN_VERDICT] = limit;
        }
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static const char *color_of(enum compliance compliance) {
    static const char *const colors[] = {[COMPLIANT] = "\x1b[32m",
                                         [NON_COMPLIANT] = "\x1b[1;31m",
                                         [COMPLIANCE_UNKNOWN] = "\x1b[33m",
                                         [NOT_APPLICABLE] = "\x1b[2m"};
    return colors[compliance];
}

static void append_colored(const struct table *table, const char *color, str text) {
    bool has_color = table->style->has_color && color != NULL && text.len > 0;
    buf_append(table->out, has_color ? str_from_cstr(color) : STR_EMPTY);
    buf_append(table->out, text);
    buf_append(table->out, has_color ? STR("\x1b[0m") : STR_EMPTY);
}

/* The cell behind the blanks that are due: none stand at the end of a line. */
static void append_cell(struct table *table, enum column column, const char *color, str text) {
    str fitted = text_fit(table->arena, text, table->widths[column]);
    for (; table->blanks > 0 && fitted.len > 0; table->blanks--) {
        buf_append_char(table->out, ' ');
    }
    append_colored(table, color, fitted);
    table->blanks += table->widths[column] - text_width(fitted) + GUTTER;
}

/* A line; `row` NULL: the titles. */
static void append_line(struct table *table, const struct fleet_row *row) {
    for (enum column i = 0; i < COLUMN_COUNT; i++) {
        if (!table->is_dropped[i]) {
            const char *color = row == NULL           ? "\x1b[1m"
                                : i == COLUMN_VERDICT ? color_of(row->evaluation.compliance)
                                                      : NULL;
            append_cell(table, i, color,
                        row == NULL ? str_from_cstr(columns[i].title) : cell_of(table, row, i));
        }
    }
    table->blanks = 0;
    buf_append_char(table->out, '\n');
}

/*--- below the table --------------------------------------------------------------------------- */

/* In whole words: it is no column. */
static void append_summary(const struct table *table, const struct fleet_summary *summary) {
    buf_printf(table->out, "%zu non-compliant, %zu unknown, %zu compliant, %zu not applicable\n",
               summary->non_compliant, summary->unknown, summary->compliant,
               summary->not_applicable);
    if (!summary->is_share_known) {
        buf_append(table->out, STR("Protected: not known, for no mode could be read\n"));
        return;
    }
    buf_printf(table->out, "Protected: %.2f%% (strictest %zu, defensive %zu, monitor %zu)\n",
               summary->protected_percent, summary->modes[MODE_STRICTEST],
               summary->modes[MODE_DEFENSIVE], summary->modes[MODE_MONITOR]);
}

static void append_gap(const struct table *table, const struct fleet_gap *gap) {
    str account = outside_cell(table->arena, gap->account_id);
    str region = outside_cell(table->arena, gap->region);
    str reason = outside_cell(table->arena, gap->reason);
    buf_printf(table->out, "  not read: %" STR_FMT "%s%" STR_FMT ": %" STR_FMT "\n",
               STR_ARG(account), str_is_empty(account) || str_is_empty(region) ? "" : " ",
               STR_ARG(region), STR_ARG(reason));
}

static void append_completeness(const struct table *table, const struct fleet_summary *summary) {
    const struct fleet *fleet = table->fleet;
    bool is_complete = fleet_is_complete(fleet) && summary->unknown == 0;
    append_colored(table, is_complete ? NULL : color_of(COMPLIANCE_UNKNOWN),
                   is_complete ? STR("Complete") : STR("INCOMPLETE"));
    buf_append(table->out, STR(": "));
    buf_append(table->out, fleet_counts_text(table->arena, summary));
    buf_append(table->out, fleet->is_interrupted ? STR(", interrupted\n") : STR("\n"));
    for (size_t i = 0; i < fleet->gap_count; i++) {
        append_gap(table, &fleet->gaps[i]);
    }
}

void fleet_write_table(struct buf *out, struct arena *arena, const struct fleet *fleet,
                       const struct fleet_table_style *style) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL && style != NULL);
    struct table table = {.out = out, .arena = arena, .fleet = fleet, .style = style};
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    if (fleet->row_count > 0) {
        measure(&table);
        fit(&table);
        append_line(&table, NULL);
        for (size_t i = 0; i < fleet->row_count; i++) {
            append_line(&table, &fleet->rows[i]);
        }
        buf_append_char(out, '\n');
    }
    append_summary(&table, &summary);
    append_completeness(&table, &summary);
}
