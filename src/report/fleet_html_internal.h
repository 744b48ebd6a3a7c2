/* SPDX-License-Identifier: Apache-2.0
 *
 * The sections of the page in their order. Each is written whole, or as a sentence that says why
 * there is nothing to show.
 */
#ifndef REPORT_FLEET_HTML_INTERNAL_H
#define REPORT_FLEET_HTML_INTERNAL_H

#include "fleet_internal.h"
#include "html_internal.h"
#include "report/posture.h"
#include "svg_chart_internal.h"

/* The page being written. Sections get it as const: they change nothing but `out`. */
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
void page_controls(const struct page *page);

/* A table: one column a row of data, each with the function that begins and fills its cell of the
 * i-th thing (load balancer, change, gap, finding). */
#define PAGE_COLUMNS_MAX 8
/* `write` begins its cell in the way that the table is to be sorted by it; page_write_table ends
 * it. */
struct page_column {
    const char *heading;
    void (*write)(struct html_table *table, const struct page *page, size_t i);
};
struct page_table {
    const char *id;
    const char *caption;
    struct page_column columns[PAGE_COLUMNS_MAX + 1]; /* ends with an empty one */
    /* Lower ranks stand first, up to PAGE_RANK_MAX; negative: it is not in the table. NULL: all of
     * them, in their order. */
    int (*rank)(const struct page *page, size_t i);
    bool has_filter; /* its rows are load balancers that the script filters by verdict */
};
#define PAGE_RANK_MAX 7
/* Writes the table of those of `count` things that are in it; nothing when none is. */
void page_write_table(const struct page *page, const struct page_table *table, size_t count);
size_t page_count(const struct page *page, const struct page_table *table, size_t count);
/* The table of the load balancers that were found, but not judged. */
void page_unknown(const struct page *page);

/* Cells of the i-th load balancer. Its name, and below it account, Region and scheme: */
void page_name_cell(struct html_table *table, const struct page *page, size_t i);
void page_owner_cell(struct html_table *table, const struct page *page, size_t i);
void page_verdict_cell(struct html_table *table, const struct page *page, size_t i);
void page_mode_cell(struct html_table *table, const struct page *page, size_t i);
/* Failing findings with their messages, advice by its id. */
void page_findings_cell(struct html_table *table, const struct page *page, size_t i);
/* The name of a load balancer that may no longer be in the fleet. */
void page_arn_cell(struct html_table *table, const struct page *page, str arn);
/* A cell that is outside text. */
void page_text_cell(struct html_table *table, str text);
void page_long_cell(struct html_table *table, str text);

/* Both windows saw traffic. */
bool page_change_has_numbers(const struct posture_change *change);
/* Errors per 10,000 requests before and after. */
struct page_rate {
    uint64_t count;
    uint64_t requests;
};
struct svg_pair page_rate_pair(struct arena *arena, const char *name, struct page_rate before,
                               struct page_rate after);

/* A paragraph in place of a table. */
void page_nothing(const struct page *page, const char *sentence);

#endif
