/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts a page is made of. Markup that is ours goes through html_put; everything that came from
 * outside through html_text, and through nothing else. The style and the script are constants, for
 * the page's Content-Security-Policy names them by their hashes: no attribute may hold either.
 */
#ifndef REPORT_HTML_INTERNAL_H
#define REPORT_HTML_INTERNAL_H

#include "base/buf.h"
#include "report/text_width.h"

/* Our own markup, as it stands. */
void html_put(struct buf *out, const char *markup);
/* Text from anywhere, fit for an element and for a quoted attribute. What shows nothing or turns
 * the line round is written out, "[U+202E]", and bytes that are no UTF-8 become U+FFFD: the reader
 * sees what is there. */
void html_text(struct buf *out, str text);
/* The same in <bdi>, so that letters of right-to-left scripts do not reorder what is around it;
 * "none" in small when empty. */
void html_value(struct buf *out, str text);

/* Quantities as markup. */
/* "1 load balancer", "1,234 load balancers"; `noun` of at most 60 bytes */
struct number_text html_counted(uint64_t count, const char *noun);
/* "99.4 %"; small ones with what digits they need: "0.0025 %" */
struct number_text html_percent(double percent);
/* "99.9 %", never rounded up: 100 is all of them. */
struct number_text html_share(double percent);
/* "< 1 min", "45 min", "7.5 h", "12.3 days" */
struct number_text html_hours(double hours);
/* <time> with minutes, and with the day alone. */
struct number_text html_time(struct arena *arena, int64_t ms);
struct number_text html_date(struct arena *arena, int64_t ms);

/* Our own words, set back. */
void html_quiet(struct buf *out, const char *words);
/* A word in a coloured box. `tone` is one of "bad", "warn", "good", "calm". */
void html_badge(struct buf *out, const char *tone, const char *word);

/* Everything to the end of <head>, and <body>; `title` is ours or outside text. */
void html_page_begin(struct buf *out, str title);
void html_page_end(struct buf *out);

/* A part of the page with its heading and, in a sentence, what it is about. */
void html_section_begin(struct buf *out, const char *id, const char *heading, const char *intro);
void html_section_end(struct buf *out);

#define HTML_COLUMNS_MAX 8
/* A table that the script makes sortable and that becomes a list of cards on a narrow screen; the
 * first column names the row. Cells must be begun and ended one by one, as many in each row as
 * there are headings (asserted). */
struct html_table {
    struct buf *out;
    const char *headings[HTML_COLUMNS_MAX]; /* which are also the labels in a card */
    size_t column_count;
    size_t column; /* the next cell's */
};
void html_table_begin(struct html_table *table, const char *id, const char *caption);
/* `verdict` is the text that the filter looks at; NULL: none. */
void html_row_begin(struct html_table *table, const char *verdict);
void html_cell_begin(struct html_table *table);
/* A cell that is sorted by this number, not by its text, and set as a number. */
void html_number_begin(struct html_table *table, double sort_by);
/* The same, set as text. */
void html_ranked_begin(struct html_table *table, double sort_by);
/* A cell of sentences, which gets the room they need. */
void html_long_begin(struct html_table *table);
void html_cell_end(struct html_table *table);
void html_row_end(struct html_table *table);
void html_table_end(struct html_table *table);

#endif
