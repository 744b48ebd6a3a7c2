/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the page in the order in which they stand on it. Each writes its section whole, or a
 * sentence that says why there is nothing to show.
 */
#ifndef REPORT_FLEET_HTML_INTERNAL_H
#define REPORT_FLEET_HTML_INTERNAL_H

#include "fleet_internal.h"
#include "html_internal.h"
#include "posture_internal.h"
#include "svg_chart_internal.h"

struct page {
    struct buf *out;
    struct arena *arena;
    const struct fleet *fleet;
    const struct posture *posture; /* NULL: the page of `audit` */
    struct fleet_summary summary;
};

/* Tiles with a number and a sentence each, then the charts. */
void page_tiles(const struct page *page);
void page_charts(const struct page *page);
/* What somebody has to do: non-compliant, not judged, stopped fights, without owner. */
void page_attention(const struct page *page);
void page_exceptions(const struct page *page);
void page_candidates(const struct page *page);
void page_changes(const struct page *page);
void page_fleet(const struct page *page);
void page_completeness(const struct page *page);
/* The table of those found, but not judged. */
void page_unknown(const struct page *page);
void page_controls(const struct page *page);

/* Name, and below it account, Region and scheme: the first cell of a row. */
void page_name_cell(struct html_table *table, const struct fleet_row *row);
/* The same of what may no longer be in the fleet. */
void page_arn_cell(struct html_table *table, const struct page *page, str arn);
void page_text_cell(struct html_table *table, str text);
void page_long_cell(struct html_table *table, str text);
void page_verdict_cell(struct html_table *table, const struct evaluation *evaluation);
void page_mode_cell(struct html_table *table, const struct evaluation *evaluation);
/* What fails with its message, advice by its id. */
void page_findings_cell(struct html_table *table, const struct evaluation *evaluation);

/* Both windows saw traffic. */
bool page_change_has_numbers(const struct posture_change *change);
struct page_rate {
    uint64_t count;
    uint64_t requests;
};
/* Errors per 10,000 requests before and after. */
struct svg_pair page_rate_pair(struct arena *arena, const char *name,
                               const struct page_rate *before, const struct page_rate *after);

/* A paragraph in place of a table. */
void page_nothing(const struct page *page, const char *sentence);

#endif
