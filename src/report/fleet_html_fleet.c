/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole fleet, what is missing of it, and the controls that findings bear on.
 */
#include "fleet_html_internal.h"

static const char *const columns_of_audit[] = {"Load balancer", "Verdict", "Mode",
                                               "Grade",         "Owner",   "Findings"};
static const char *const columns_of_posture[] = {"Load balancer", "Verdict",  "Mode",     "Grade",
                                                 "Owner",         "Findings", "Strictest"};

/* Shown by the script alone, which is what they need to work. */
static const char filter_controls[] =
    "<div class=\"controls\" id=\"fleet-controls\" hidden>\n"
    "<label>Filter by words<input type=\"search\" id=\"fleet-words\" autocomplete=\"off\" "
    "placeholder=\"name, owner, account, finding\"></label>\n"
    "<label>Verdict<select id=\"fleet-verdict\"><option value=\"\">all</option>"
    "<option value=\"NON_COMPLIANT UNKNOWN\">non-compliant or unknown</option>"
    "<option value=\"NON_COMPLIANT\">non-compliant</option>"
    "<option value=\"UNKNOWN\">unknown</option>"
    "<option value=\"COMPLIANT\">compliant</option></select></label>\n"
    "<label class=\"sorter\">Order<select id=\"fleet-order\">"
    "<option value=\"\">worst first</option></select></label>\n"
    "<output id=\"fleet-told\" aria-live=\"polite\"></output>\n</div>\n";

static void write_grade_cell(struct html_table *table, const struct evaluation *evaluation) {
    char grade[] = {evaluation->grade == '\0' ? '-' : evaluation->grade, '\0'};
    html_cell_begin(table);
    html_put(table->out, grade[0] == '-' ? "<span class=\"quiet\">none</span>" : grade);
    html_cell_end(table);
}

static const char *recommendation_words(const struct posture_row *row) {
    if (!row->has_advice) {
        return "";
    }
    switch (row->advice.recommendation) {
    case RECOMMEND_PROMOTE:
        return "ready";
    case RECOMMEND_HOLD:
        return "hold";
    case RECOMMEND_FIX_CLIENTS:
        return "clients to be fixed first";
    case RECOMMEND_NO_EVIDENCE:
        return "no evidence";
    case RECOMMEND_NOTHING:
        break;
    }
    return "";
}

static void write_strictest_cell(struct html_table *table, const struct posture_row *row) {
    const char *words = recommendation_words(row);
    html_cell_begin(table);
    if (words[0] == '\0') {
        html_put(table->out, "<span class=\"quiet\">&ndash;</span>");
    } else {
        html_put(table->out, words);
    }
    html_cell_end(table);
}

static void write_row(struct html_table *table, const struct page *page, size_t i) {
    const struct fleet_row *row = &page->fleet->rows[i];
    const struct evaluation *evaluation = &row->evaluation;
    html_row_begin(table, compliance_name(evaluation->compliance));
    page_name_cell(table, row);
    page_verdict_cell(table, evaluation);
    page_mode_cell(table, evaluation);
    write_grade_cell(table, evaluation);
    page_text_cell(table, evaluation->owner);
    page_findings_cell(table, evaluation);
    if (page->posture != NULL) {
        write_strictest_cell(table, &page->posture->rows[i]);
    }
    html_row_end(table);
}

void page_fleet(const struct page *page) {
    html_section_begin(page->out, "fleet", "Fleet", NULL);
    if (page->fleet->row_count == 0) {
        page_nothing(page, "No Application Load Balancer was found.");
        html_section_end(page->out);
        return;
    }
    bool has_posture = page->posture != NULL;
    struct html_table table = {.out = page->out,
                               .columns = has_posture ? columns_of_posture : columns_of_audit,
                               .column_count = sizeof(columns_of_audit) / sizeof(char *) +
                                               (has_posture ? 1 : 0)};
    html_put(page->out, filter_controls);
    html_table_begin(&table, "fleet-table", "Every load balancer, worst first");
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        write_row(&table, page, i);
    }
    html_table_end(&table);
    html_section_end(page->out);
}

static void write_gaps(const struct page *page) {
    static const char *const columns[] = {"Account", "Region", "Why it could not be read"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 3};
    html_table_begin(&table, "gaps-table", "What could not be read, wholly or in part");
    for (size_t i = 0; i < page->fleet->gap_count; i++) {
        const struct fleet_gap *gap = &page->fleet->gaps[i];
        html_row_begin(&table, NULL);
        page_text_cell(&table, gap->account_id);
        page_text_cell(&table, gap->region);
        page_long_cell(&table, gap->reason);
        html_row_end(&table);
    }
    html_table_end(&table);
}

void page_unknown(const struct page *page) {
    static const char *const columns[] = {"Load balancer", "Why there is no verdict"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 2};
    html_table_begin(&table, "unknown-table", "Found, but not judged");
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        const struct fleet_row *row = &page->fleet->rows[i];
        if (row->evaluation.compliance == COMPLIANCE_UNKNOWN) {
            html_row_begin(&table, NULL);
            page_name_cell(&table, row);
            page_long_cell(&table, row->evaluation.reason);
            html_row_end(&table);
        }
    }
    html_table_end(&table);
}

void page_completeness(const struct page *page) {
    const struct fleet_summary *summary = &page->summary;
    struct buf *out = page->out;
    html_section_begin(out, "completeness", "Completeness", NULL);
    html_put(out, "<p>");
    html_counted(out, summary->listed, "load balancer");
    html_put(out, " found, ");
    html_count(out, summary->judged);
    html_put(out, " judged, ");
    html_count(out, summary->unknown);
    html_put(out, " unknown. ");
    bool is_whole = fleet_is_complete(page->fleet) && summary->unknown == 0;
    html_put(out, is_whole ? "Nothing is missing.</p>\n"
                           : "What could not be read is never counted as compliant.</p>\n");
    if (page->fleet->gap_count > 0) {
        write_gaps(page);
    }
    if (summary->unknown > 0 && page->posture == NULL) {
        page_unknown(page);
    } else if (summary->unknown > 0) {
        html_put(out, "<p>Who was found, but not judged, stands under <a href=\"#attention\">Needs "
                      "attention</a>.</p>\n");
    }
    html_section_end(out);
}

/* Whether it has gone on for too long is known from the history, and a finding only in alerts. */
static size_t count_with(const struct page *page, enum finding_id id) {
    if (id == FINDING_NON_COMPLIANT_TOO_LONG && page->posture != NULL) {
        return page->posture->kpis.escalated;
    }
    size_t count = 0;
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        count += evaluation_finding(&page->fleet->rows[i].evaluation, id) != NULL;
    }
    return count;
}

static void write_finding_cell(struct html_table *table, enum finding_id id) {
    const char *title = finding_title(id);
    const char *url = finding_source_url(id);
    html_cell_begin(table);
    buf_printf(table->out, "<code>%s</code>", finding_name(id));
    if (title != NULL && url != NULL) {
        buf_printf(table->out, "<small><a href=\"%s\" rel=\"noopener noreferrer\">%s</a></small>",
                   url, title);
    }
    html_cell_end(table);
}

static void write_control_row(struct html_table *table, const struct page *page, size_t i) {
    enum finding_id id = (enum finding_id)i;
    size_t count = count_with(page, id);
    html_row_begin(table, NULL);
    write_finding_cell(table, id);
    html_number_begin(table, (double)count);
    html_count(table->out, count);
    html_cell_end(table);
    html_cell_begin(table);
    html_put(table->out, "<span>");
    for (const char *const *control = finding_controls(id); *control != NULL; control++) {
        html_put(table->out, control == finding_controls(id) ? "" : ", ");
        html_put(table->out, *control);
    }
    html_put(table->out, "</span>");
    html_cell_end(table);
    html_row_end(table);
}

void page_controls(const struct page *page) {
    static const char *const columns[] = {"Finding", "Load balancers", "Controls it bears on"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 3};
    html_section_begin(page->out, "controls", "Controls",
                       "What each finding means for the control frameworks, for the auditor.");
    html_table_begin(&table, "controls-table", "Findings and the controls they bear on");
    for (size_t i = 0; i < FINDING_COUNT; i++) {
        write_control_row(&table, page, i);
    }
    html_table_end(&table);
    html_section_end(page->out);
}
