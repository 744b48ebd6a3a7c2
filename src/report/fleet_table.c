/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of `audit`. In a pipe or file it has a line for each load balancer, with its verdict
 * and nothing cut. On a terminal the verdicts are headings, and unknown ones are listed by cause.
 * Cells are measured in columns of the terminal, not bytes. Where they do not fit, the widest of
 * those columns that can be is narrowed, down to its least width, its cells then ending in an
 * ellipsis; then columns are left out, first those that say the same on every line. Outside text is
 * escaped (base/escape.h), so that no tag can move the cursor.
 */
#include <string.h>

#include "base/escape.h"
#include "fleet_internal.h"
#include "report/text_width.h"

#define GUTTER         2
#define CELL_BYTES_MAX ((size_t)8192)
#define CELL_WIDTH_MAX 256
#define NAME_WIDTH     32 /* the longest that AWS gives: cut names look alike */
#define WORST_SHOWN    3

enum column {
    COLUMN_VERDICT,
    COLUMN_NAME,
    COLUMN_MODE,
    COLUMN_REQUIRED,
    COLUMN_GRADE,
    COLUMN_OWNER,
    COLUMN_REGION,
    COLUMN_ACCOUNT,
    COLUMN_FINDINGS, /* last: a long reason widens nothing else */
    COLUMN_COUNT
};

static const struct {
    const char *title;
    size_t width_min; /* 0: is never narrowed */
} columns[COLUMN_COUNT] = {
    [COLUMN_VERDICT] = {"VERDICT", 0},   [COLUMN_NAME] = {"NAME", NAME_WIDTH},
    [COLUMN_MODE] = {"MODE", 0},         [COLUMN_REQUIRED] = {"REQUIRED", 0},
    [COLUMN_GRADE] = {"GRADE", 0},       [COLUMN_OWNER] = {"OWNER", 8},
    [COLUMN_REGION] = {"REGION", 0},     [COLUMN_ACCOUNT] = {"ACCOUNT", 0},
    [COLUMN_FINDINGS] = {"FINDINGS", 14}};

/* The name always stays. */
static const enum column droppable[] = {COLUMN_GRADE, COLUMN_REQUIRED, COLUMN_ACCOUNT,
                                        COLUMN_OWNER, COLUMN_REGION,   COLUMN_FINDINGS,
                                        COLUMN_MODE};

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

/* An unknown verdict has findings, too: of what could be read. Its reason matters more. */
static str findings_cell(struct arena *arena, const struct evaluation *evaluation) {
    struct buf out;
    buf_init(&out, arena, CELL_BYTES_MAX);
    if (evaluation->compliance == COMPLIANCE_UNKNOWN) {
        return escape_text(arena, evaluation->reason);
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (evaluation_finding(evaluation, finding->id) == finding) { /* the first of its id */
            buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ", finding_name(finding->id));
        }
    }
    return out.len == 0 ? escape_text(arena, evaluation->reason) : buf_str(&out);
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
        total += table->is_dropped[i] ? 0 : table->widths[i] + GUTTER;
    }
    return total - GUTTER;
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

/* On a terminal it is listed by cause. */
static bool is_in_table(const struct table *table, const struct fleet_row *row) {
    return table->style->width == 0 || row->evaluation.compliance != COMPLIANCE_UNKNOWN;
}

/* One that says the same on every line; COLUMN_COUNT: none. */
static size_t next_sole(const struct table *table) {
    return table->fleet->account_count == 1 && !table->is_dropped[COLUMN_ACCOUNT] ? COLUMN_ACCOUNT
           : table->fleet->region_count == 1 && !table->is_dropped[COLUMN_REGION] ? COLUMN_REGION
                                                                                  : COLUMN_COUNT;
}

/* The least missed column; COLUMN_COUNT: only the name is left. */
static size_t next_to_drop(const struct table *table) {
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
            const struct fleet_row *row = &table->fleet->rows[j];
            size_t width =
                is_in_table(table, row) ? text_width(cell_of(table, row, (enum column)i)) : 0;
            table->natural[i] = width > table->natural[i] ? width : table->natural[i];
        }
    }
    memcpy(table->widths, table->natural, sizeof(table->widths));
}

/* Narrowing is tried again from the start when a column less has to fit.
 *
 *   too wide? --> leave out a column that says the same on every line ------+
 *      ^   |      none is left: narrow the widest that may be, by one ------+
 *      |   |                                                                |
 *      +---|----------------------------------------------------------------+
 *          | none may be narrowed: leave out one column, start from the natural widths
 *          v
 *   only the name is left: cut it
 *
 * No cell that can be narrowed is much wider than CELL_BYTES_MAX, so this ends. */
static void fit(struct table *table) {
    size_t limit = table->style->width;
    table->is_dropped[COLUMN_VERDICT] = limit > 0; /* its headings say it */
    while (limit > 0 && total_width(table) > limit) {
        size_t sole = next_sole(table);
        size_t widest = widest_shrinkable(table);
        size_t dropped = next_to_drop(table);
        if (sole < COLUMN_COUNT) {
            table->is_dropped[sole] = true;
        } else if (widest < COLUMN_COUNT) {
            table->widths[widest]--;
        } else if (dropped < COLUMN_COUNT) {
            table->is_dropped[dropped] = true;
            memcpy(table->widths, table->natural, sizeof(table->widths));
        } else {
            table->widths[COLUMN_NAME] = limit;
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

/* --- groups ----------------------------------------------------------------------------------- */

/* "3 x AccessDenied: allow ...", then what AWS says in full, and names. */
static void append_cause(const struct table *table, const struct fleet_cause *cause) {
    str summary = escape_text(table->arena, cause->summary);
    str reason = escape_text(table->arena, cause->reason);
    buf_printf(table->out, "  %zu x %" STR_FMT "\n", cause->count, STR_ARG(summary));
    if (!str_eq(summary, reason)) {
        buf_printf(table->out, "      %" STR_FMT "\n", STR_ARG(reason));
    }
    str names = escape_text(table->arena, fleet_cause_names(table->arena, cause));
    buf_printf(table->out, "      %" STR_FMT "%s\n", STR_ARG(names),
               cause->count > FLEET_NAMES_SHOWN ? "; --format csv names all" : "");
}

static void append_unknown_causes(const struct table *table) {
    struct fleet_cause *causes;
    size_t count = fleet_unknown_causes(table->fleet, table->arena, &causes);
    for (size_t i = 0; i < count; i++) {
        append_cause(table, &causes[i]);
    }
}

static void append_heading(const struct table *table, size_t first) {
    const struct fleet *fleet = table->fleet;
    const struct evaluation *evaluation = &fleet->rows[first].evaluation;
    int rank = fleet_rank(evaluation);
    bool is_excused = evaluation->compliance == COMPLIANT && evaluation->has_active_exception;
    size_t count = 0;
    while (first + count < fleet->row_count &&
           fleet_rank(&fleet->rows[first + count].evaluation) == rank) {
        count++;
    }
    buf_append(table->out, first == 0 ? STR_EMPTY : STR("\n"));
    append_colored(table, color_of(evaluation->compliance),
                   str_format(table->arena, "%s%s: %zu", compliance_name(evaluation->compliance),
                              is_excused ? " by an exception" : "", count));
    buf_append_char(table->out, '\n');
}

/* The titles stand above the first rows. */
static void append_groups(struct table *table) {
    bool has_titles = false;
    int rank = -1;
    for (size_t i = 0; i < table->fleet->row_count; i++) {
        const struct fleet_row *row = &table->fleet->rows[i];
        bool is_first = fleet_rank(&row->evaluation) != rank;
        rank = fleet_rank(&row->evaluation);
        if (is_first && table->style->width > 0) {
            append_heading(table, i);
        }
        if (is_in_table(table, row)) {
            if (!has_titles) {
                append_line(table, NULL);
            }
            has_titles = true;
            append_line(table, row);
        } else if (is_first) {
            append_unknown_causes(table);
        }
    }
}

/* --- below the table -------------------------------------------------------------------------- */

/* Of a Region without load balancers there is no share. */
static void append_none(const struct table *table) {
    const struct fleet *fleet = table->fleet;
    buf_append(table->out, STR("There is no load balancer in "));
    for (size_t i = 0; i < fleet->region_count; i++) {
        buf_printf(table->out, "%s%" STR_FMT, i == 0 ? "" : ", ",
                   STR_ARG(escape_text(table->arena, fleet->regions[i])));
    }
    buf_append(table->out, STR(". Name other Regions with --region\n"));
}

static void append_modes(const struct table *table, const struct fleet_summary *summary) {
    if (table->fleet->row_count == 0 && fleet_is_complete(table->fleet)) {
        append_none(table);
        return;
    }
    if (!summary->is_share_known) {
        buf_append(table->out, STR("Protected: not known, for no mode could be read\n"));
        return;
    }
    buf_printf(table->out, "Protected: %.2f%% (strictest %zu, defensive %zu, monitor %zu)\n",
               summary->protected_percent, summary->modes[MODE_STRICTEST],
               summary->modes[MODE_DEFENSIVE], summary->modes[MODE_MONITOR]);
}

static void append_gaps(const struct table *table) {
    struct fleet_cause *causes;
    size_t count = fleet_gap_causes(table->fleet, table->arena, &causes);
    for (size_t i = 0; i < count; i++) {
        str names = escape_text(table->arena, causes[i].names);
        str summary = escape_text(table->arena, causes[i].summary);
        str reason = escape_text(table->arena, causes[i].reason);
        buf_printf(table->out, "  not read: %" STR_FMT ": %" STR_FMT "\n", STR_ARG(names),
                   STR_ARG(summary));
        if (!str_eq(summary, reason)) {
            buf_printf(table->out, "      %" STR_FMT "\n", STR_ARG(reason));
        }
    }
}

/* Up to three that are non-compliant or unknown, in the order of the rows. */
static void append_worst(const struct table *table) {
    const struct fleet *fleet = table->fleet;
    for (size_t i = 0; i < fleet->row_count && i < WORST_SHOWN; i++) {
        const struct evaluation *evaluation = &fleet->rows[i].evaluation;
        const struct finding *finding = finding_most_severe(evaluation);
        bool is_unknown = evaluation->compliance == COMPLIANCE_UNKNOWN;
        if (is_unknown || evaluation->compliance == NON_COMPLIANT) {
            str name = outside_cell(table->arena, fleet->rows[i].name);
            str owner = outside_cell(table->arena, evaluation->owner);
            buf_printf(table->out, "%s%" STR_FMT " (%s%s%" STR_FMT ")", i == 0 ? "Worst: " : ", ",
                       STR_ARG(name),
                       is_unknown || finding == NULL ? compliance_name(evaluation->compliance)
                                                     : finding_name(finding->id),
                       str_is_empty(owner) ? "" : ", ", STR_ARG(owner));
        } else if (i == 0) {
            return;
        }
    }
    buf_append(table->out, fleet->row_count == 0 ? STR_EMPTY : STR("\n"));
}

static void append_ending(const struct table *table, const struct fleet_summary *summary) {
    bool is_complete = fleet_is_complete(table->fleet) && summary->unknown == 0;
    append_colored(table, is_complete ? NULL : color_of(COMPLIANCE_UNKNOWN),
                   is_complete ? STR("Complete") : STR("INCOMPLETE"));
    buf_append(table->out, STR(": "));
    buf_append(table->out, fleet_counts_text(table->arena, summary));
    buf_printf(table->out, ", %zu non-compliant, %zu compliant", summary->non_compliant,
               summary->compliant);
    if (summary->not_applicable > 0) {
        buf_printf(table->out, ", %zu not applicable", summary->not_applicable);
    }
    buf_append(table->out, table->fleet->is_interrupted ? STR(", interrupted\n") : STR("\n"));
    append_worst(table);
}

void fleet_write_ending(struct buf *out, struct arena *arena, const struct fleet *fleet) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    const struct fleet_table_style style = {0};
    const struct table table = {.out = out, .arena = arena, .fleet = fleet, .style = &style};
    struct fleet_summary summary;
    fleet_summarize(fleet, &summary);
    append_ending(&table, &summary);
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
        append_groups(&table);
        buf_append_char(out, '\n');
    }
    append_modes(&table, &summary);
    if (style->width == 0) {
        append_unknown_causes(&table);
    }
    append_gaps(&table);
    append_ending(&table, &summary);
}
