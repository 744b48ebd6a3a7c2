/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of the page, and the cells that several of them have.
 */
#include "fleet_html_internal.h"

static int rank_of(const struct page *page, const struct page_table *table, size_t i) {
    return table->rank == NULL ? 0 : table->rank(page, i);
}

size_t page_count(const struct page *page, const struct page_table *table, size_t count) {
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        shown += rank_of(page, table, i) >= 0;
    }
    return shown;
}

/* data-verdict holds the contract's word, which the filter compares; the cell shows it in small
 * letters. */
static void write_row(struct html_table *html, const struct page *page,
                      const struct page_table *table, size_t i) {
    html_row_begin(html, table->has_filter
                             ? compliance_name(page->fleet->rows[i].evaluation.compliance)
                             : NULL);
    for (const struct page_column *column = table->columns; column->write != NULL; column++) {
        column->write(html, page, i);
        html_cell_end(html);
    }
    html_row_end(html);
}

/* A pass for each rank: the things stay where they are, and within a rank in their order. With at
 * most eight ranks that is linear. */
void page_write_table(const struct page *page, const struct page_table *table, size_t count) {
    struct html_table html = {.out = page->out};
    if (page_count(page, table, count) == 0) {
        return;
    }
    while (table->columns[html.column_count].write != NULL) {
        html.headings[html.column_count] = table->columns[html.column_count].heading;
        html.column_count++;
    }
    html_table_begin(&html, table->id, table->caption);
    for (int rank = 0; rank <= (table->rank == NULL ? 0 : PAGE_RANK_MAX); rank++) {
        for (size_t i = 0; i < count; i++) {
            if (rank_of(page, table, i) == rank) {
                write_row(&html, page, table, i);
            }
        }
    }
    html_table_end(&html);
}

static void write_place(struct buf *out, str account_id, str region, const char *scheme) {
    html_put(out, "<small>");
    html_text(out, account_id);
    html_put(out, " &middot; ");
    html_text(out, region);
    buf_printf(out, "%s%s</small>", scheme == NULL ? "" : " &middot; ",
               scheme == NULL ? "" : scheme);
}

void page_name_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct fleet_row *row = &page->fleet->rows[i];
    html_cell_begin(table);
    html_value(table->out, row->name);
    const char *scheme = row->scheme == SCHEME_UNKNOWN ? NULL : scheme_name(row->scheme);
    write_place(table->out, row->account_id, row->region, scheme);
}

/* A change may be of a load balancer that is gone since: its ARN is all that is left of it. */
void page_arn_cell(struct html_table *table, const struct page *page, str arn) {
    struct load_balancer_arn parts;
    html_cell_begin(table);
    if (load_balancer_arn_parse(arn, &parts) == STATUS_OK) {
        html_value(table->out, load_balancer_name(page->arena, arn));
        write_place(table->out, parts.account_id, parts.region, NULL);
    } else {
        html_value(table->out, arn);
    }
}

void page_long_cell(struct html_table *table, str text) {
    html_long_begin(table);
    html_value(table->out, text);
}

void page_text_cell(struct html_table *table, str text) {
    html_cell_begin(table);
    html_value(table->out, text);
}

void page_owner_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(table, page->fleet->rows[i].evaluation.owner);
}

/* The contract's words, in small letters. */
void page_verdict_cell(struct html_table *table, const struct page *page, size_t i) {
    static const struct {
        const char *tone;
        const char *words;
    } badges[] = {[COMPLIANT] = {"good", "compliant"},
                  [NON_COMPLIANT] = {"bad", "non-compliant"},
                  [COMPLIANCE_UNKNOWN] = {"warn", "unknown"},
                  [NOT_APPLICABLE] = {"calm", "not applicable"}};
    const struct evaluation *evaluation = &page->fleet->rows[i].evaluation;
    html_ranked_begin(table, fleet_rank(evaluation));
    if (evaluation->compliance == COMPLIANT && evaluation->has_active_exception) {
        html_badge(table->out, "warn", "compliant, excused");
    } else {
        html_badge(table->out, badges[evaluation->compliance].tone,
                   badges[evaluation->compliance].words);
    }
}

void page_mode_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct evaluation *evaluation = &page->fleet->rows[i].evaluation;
    html_ranked_begin(table, (double)evaluation->mode);
    buf_printf(table->out, "<span>%s", mode_name(evaluation->mode));
    if (evaluation->required_mode > evaluation->mode && evaluation->mode != MODE_UNKNOWN) {
        buf_printf(table->out, "<small>%s required%s", mode_name(evaluation->required_mode),
                   str_is_empty(evaluation->required_because) ? "" : " by ");
        html_text(table->out, evaluation->required_because);
        html_put(table->out, "</small>");
    }
    html_put(table->out, "</span>");
}

void page_findings_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct evaluation *evaluation = &page->fleet->rows[i].evaluation;
    struct buf *out = table->out;
    size_t advised = 0;
    html_long_begin(table);
    html_put(out, "<ul>");
    if (!str_is_empty(evaluation->reason)) {
        html_put(out, "<li>");
        html_text(out, evaluation->reason);
        html_put(out, "</li>");
    }
    for (size_t j = 0; j < evaluation->finding_count; j++) {
        const struct finding *finding = &evaluation->findings[j];
        if (finding->is_failing) {
            buf_printf(out, "<li><code>%s</code> ", finding_name(finding->id));
            html_text(out, finding->message);
            html_put(out, "</li>");
        }
    }
    for (size_t j = 0; j < evaluation->finding_count; j++) {
        if (!evaluation->findings[j].is_failing) {
            buf_printf(out, "%s%s", advised++ == 0 ? "<li class=\"quiet\">Advice: " : ", ",
                       finding_name(evaluation->findings[j].id));
        }
    }
    html_put(out, advised == 0 ? "" : "</li>");
    if (evaluation->finding_count == 0 && str_is_empty(evaluation->reason)) {
        html_put(out, "<li class=\"quiet\">none</li>");
    }
    html_put(out, "</ul>");
}

void page_nothing(const struct page *page, const char *sentence) {
    buf_printf(page->out, "<p class=\"none\">%s</p>\n", sentence);
}
