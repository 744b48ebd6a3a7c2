/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_html_internal.h"

static void write_place(struct buf *out, str account_id, str region, const char *scheme) {
    html_put(out, "<small>");
    html_text(out, account_id);
    html_put(out, " &middot; ");
    html_text(out, region);
    if (scheme != NULL) {
        buf_printf(out, " &middot; %s", scheme);
    }
    html_put(out, "</small>");
}

void page_name_cell(struct html_table *table, const struct fleet_row *row) {
    html_cell_begin(table);
    html_value(table->out, row->name);
    const char *scheme = row->scheme == SCHEME_UNKNOWN ? NULL : scheme_name(row->scheme);
    write_place(table->out, row->account_id, row->region, scheme);
    html_cell_end(table);
}

void page_arn_cell(struct html_table *table, const struct page *page, str arn) {
    struct load_balancer_arn parts;
    html_cell_begin(table);
    if (load_balancer_arn_parse(arn, &parts) == STATUS_OK) {
        html_value(table->out, load_balancer_name(page->arena, arn));
        write_place(table->out, parts.account_id, parts.region, NULL);
    } else {
        html_value(table->out, arn);
    }
    html_cell_end(table);
}

void page_long_cell(struct html_table *table, str text) {
    html_long_begin(table);
    html_value(table->out, text);
    html_cell_end(table);
}

void page_text_cell(struct html_table *table, str text) {
    html_cell_begin(table);
    html_value(table->out, text);
    html_cell_end(table);
}

static const char *tone_of(const struct evaluation *evaluation) {
    switch (evaluation->compliance) {
    case COMPLIANT:
        return evaluation->has_active_exception ? "warn" : "good";
    case NON_COMPLIANT:
        return "bad";
    case COMPLIANCE_UNKNOWN:
        return "warn";
    case NOT_APPLICABLE:
        break;
    }
    return "calm";
}

/* The contract's words, in small letters. */
static const char *word_of(const struct evaluation *evaluation) {
    switch (evaluation->compliance) {
    case COMPLIANT:
        return evaluation->has_active_exception ? "compliant, excused" : "compliant";
    case NON_COMPLIANT:
        return "non-compliant";
    case COMPLIANCE_UNKNOWN:
        return "unknown";
    case NOT_APPLICABLE:
        break;
    }
    return "not applicable";
}

void page_verdict_cell(struct html_table *table, const struct evaluation *evaluation) {
    html_ranked_begin(table, fleet_rank(evaluation));
    html_badge(table->out, tone_of(evaluation), word_of(evaluation));
    html_cell_end(table);
}

void page_mode_cell(struct html_table *table, const struct evaluation *evaluation) {
    html_ranked_begin(table, (double)evaluation->mode);
    html_put(table->out, "<span>");
    html_put(table->out, mode_name(evaluation->mode));
    if (evaluation->required_mode > evaluation->mode && evaluation->mode != MODE_UNKNOWN) {
        buf_printf(table->out, "<small>%s required", mode_name(evaluation->required_mode));
        if (!str_is_empty(evaluation->required_because)) {
            html_put(table->out, " by ");
            html_text(table->out, evaluation->required_because);
        }
        html_put(table->out, "</small>");
    }
    html_put(table->out, "</span>");
    html_cell_end(table);
}

static void write_failing(struct buf *out, const struct evaluation *evaluation) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (finding->is_failing) {
            buf_printf(out, "<li><code>%s</code> ", finding_name(finding->id));
            html_text(out, finding->message);
            html_put(out, "</li>");
        }
    }
}

static void write_advice(struct buf *out, const struct evaluation *evaluation) {
    bool has_any = false;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (!finding->is_failing) {
            buf_printf(out, "%s%s",
                       has_any ? ", " : "<li class=\"quiet\">Advice: ", finding_name(finding->id));
            has_any = true;
        }
    }
    html_put(out, has_any ? "</li>" : "");
}

void page_findings_cell(struct html_table *table, const struct evaluation *evaluation) {
    struct buf *out = table->out;
    html_long_begin(table);
    html_put(out, "<ul>");
    if (!str_is_empty(evaluation->reason)) {
        html_put(out, "<li>");
        html_text(out, evaluation->reason);
        html_put(out, "</li>");
    }
    write_failing(out, evaluation);
    write_advice(out, evaluation);
    if (evaluation->finding_count == 0 && str_is_empty(evaluation->reason)) {
        html_put(out, "<li class=\"quiet\">none</li>");
    }
    html_put(out, "</ul>");
    html_cell_end(table);
}

void page_nothing(const struct page *page, const char *sentence) {
    buf_printf(page->out, "<p class=\"none\">%s</p>\n", sentence);
}
