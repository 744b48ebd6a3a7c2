/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole fleet, its parts that could not be read, and the controls that findings bear on.
 */
#include "fleet_html_internal.h"

/* Shown by the script alone, which is what they need to work. `hidden` until the script runs, and
 * each control with a label of its own: a page in a mail program has no script. */
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

static void grade_cell(struct html_table *table, const struct page *page, size_t i) {
    char grade = page->fleet->rows[i].evaluation.grade;
    html_cell_begin(table);
    if (grade == '\0' || grade == '-') {
        html_quiet(table->out, "none");
    } else {
        buf_append_char(table->out, grade);
    }
}

static void strictest_cell(struct html_table *table, const struct page *page, size_t i) {
    static const char *const words[] = {[RECOMMEND_PROMOTE] = "ready",
                                        [RECOMMEND_HOLD] = "hold",
                                        [RECOMMEND_FIX_CLIENTS] = "clients to be fixed first",
                                        [RECOMMEND_NO_EVIDENCE] = "no evidence",
                                        [RECOMMEND_NOTHING] = NULL};
    const struct posture_row *row = &page->posture->rows[i];
    html_cell_begin(table);
    if (row->has_advice && words[row->advice.recommendation] != NULL) {
        html_put(table->out, words[row->advice.recommendation]);
    } else {
        html_quiet(table->out, "&ndash;");
    }
}

void page_fleet(const struct page *page) {
    struct page_table table = {
        .id = "fleet-table",
        .caption = "Every load balancer, worst first",
        .columns = {{"Load balancer", page_name_cell},
                    {"Verdict", page_verdict_cell},
                    {"Mode", page_mode_cell},
                    {"Grade", grade_cell},
                    {"Owner", page_owner_cell},
                    {"Findings", page_findings_cell},
                    {"Strictest", page->posture == NULL ? NULL : strictest_cell}},
        .has_filter = true};
    html_section_begin(page->out, "fleet", "Fleet", NULL);
    if (page->fleet->row_count == 0) {
        page_nothing(page, "No Application Load Balancer was found.");
    } else {
        html_put(page->out, "<p>Everything about one of them, and how to fix it: "
                            "<code>desync-guard explain NAME --region REGION</code></p>\n");
        html_put(page->out, filter_controls);
        page_write_table(page, &table, page->fleet->row_count);
    }
    html_section_end(page->out);
}

static void gap_account_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(table, page->fleet->gaps[i].account_id);
}

static void gap_region_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(table, page->fleet->gaps[i].region);
}

static void gap_reason_cell(struct html_table *table, const struct page *page, size_t i) {
    page_long_cell(table, page->fleet->gaps[i].reason);
}

static const struct page_table gaps = {.id = "gaps-table",
                                       .caption = "What could not be read, wholly or in part",
                                       .columns = {{"Account", gap_account_cell},
                                                   {"Region", gap_region_cell},
                                                   {"Why it could not be read", gap_reason_cell}}};

static int rank_of_unknown(const struct page *page, size_t i) {
    return page->fleet->rows[i].evaluation.compliance == COMPLIANCE_UNKNOWN ? 0 : -1;
}

static void reason_cell(struct html_table *table, const struct page *page, size_t i) {
    page_long_cell(table, page->fleet->rows[i].evaluation.reason);
}

void page_unknown(const struct page *page) {
    static const struct page_table table = {
        .id = "unknown-table",
        .caption = "Found, but not judged",
        .columns = {{"Load balancer", page_name_cell}, {"Why there is no verdict", reason_cell}},
        .rank = rank_of_unknown};
    page_write_table(page, &table, page->fleet->row_count);
}

void page_completeness(const struct page *page) {
    const struct fleet_summary *summary = &page->summary;
    bool is_whole = fleet_is_complete(page->fleet) && summary->unknown == 0;
    html_section_begin(page->out, "completeness", "Completeness", NULL);
    buf_printf(page->out, "<p>%s found, %s judged, %s unknown. %s</p>\n",
               html_counted(summary->listed, "load balancer").text,
               count_text(summary->judged).text, count_text(summary->unknown).text,
               is_whole ? "Nothing is missing."
                        : "What could not be read is never counted as compliant.");
    page_write_table(page, &gaps, page->fleet->gap_count);
    if (page->posture == NULL) {
        page_unknown(page);
    } else if (summary->unknown > 0) {
        html_put(page->out, "<p>Those that were found, but not judged, are listed under <a "
                            "href=\"#attention\">Needs attention</a>.</p>\n");
    }
    html_section_end(page->out);
}

static void finding_cell(struct html_table *table, const struct page *page, size_t i) {
    const char *title = finding_title((enum finding_id)i);
    const char *url = finding_source_url((enum finding_id)i);
    (void)page;
    html_cell_begin(table);
    buf_printf(table->out, "<code>%s</code>", finding_name((enum finding_id)i));
    if (title != NULL && url != NULL) {
        buf_printf(table->out, "<small><a href=\"%s\" rel=\"noopener noreferrer\">%s</a></small>",
                   url, title);
    }
}

/* The posture knows from the history which load balancers have been non-compliant for too long; the
 * finding itself is in alerts alone. */
static void finding_count_cell(struct html_table *table, const struct page *page, size_t i) {
    size_t count = 0;
    if (i == FINDING_NON_COMPLIANT_TOO_LONG && page->posture != NULL) {
        count = page->posture->kpis.escalated;
    } else {
        for (size_t row = 0; row < page->fleet->row_count; row++) {
            count +=
                evaluation_finding(&page->fleet->rows[row].evaluation, (enum finding_id)i) != NULL;
        }
    }
    html_number_begin(table, (double)count);
    html_put(table->out, count_text(count).text);
}

static void finding_controls_cell(struct html_table *table, const struct page *page, size_t i) {
    const char *const *controls = finding_controls((enum finding_id)i);
    (void)page;
    html_cell_begin(table);
    html_put(table->out, "<span>");
    for (size_t at = 0; controls[at] != NULL; at++) {
        buf_printf(table->out, "%s%s", at == 0 ? "" : ", ", controls[at]);
    }
    html_put(table->out, "</span>");
}

void page_controls(const struct page *page) {
    static const struct page_table table = {
        .id = "controls-table",
        .caption = "Findings and the controls they bear on",
        .columns = {{"Finding", finding_cell},
                    {"Load balancers", finding_count_cell},
                    {"Controls it bears on", finding_controls_cell}}};
    html_section_begin(page->out, "controls", "Controls",
                       "What each finding means for the control frameworks, for the auditor.");
    page_write_table(page, &table, FINDING_COUNT);
    html_section_end(page->out);
}
