/* SPDX-License-Identifier: Apache-2.0
 *
 * Charts as inline SVG, 400 units wide. Each has a title and a description for those who do not see
 * it, and its numbers as text beside the colours. Colours are classes of the page's style; there
 * are no style attributes, which the page's policy forbids.
 */
#ifndef REPORT_SVG_CHART_INTERNAL_H
#define REPORT_SVG_CHART_INTERNAL_H

#include "base/buf.h"

/* `id` is part of the ids of title and description, and unique on the page. */
struct svg_chart {
    const char *id;
    const char *title;
    str description; /* what it shows, in a sentence */
};

/* A quantity with its label and colour: "accent", "bad", "warn", "good", "calm", "pale". */
struct svg_bar {
    str label;
    uint64_t value;
    const char *tone;
};

/* One bar whose parts make up the whole, and a line of text for each. */
void svg_stacked(struct buf *out, const struct svg_chart *chart, const struct svg_bar *bars,
                 size_t count);
/* A bar for each, one below the other. */
void svg_bars(struct buf *out, const struct svg_chart *chart, const struct svg_bar *bars,
              size_t count);

struct svg_point {
    double x; /* ascending */
    double y;
};

/* A share in percent over time; at least two points. */
struct svg_line {
    const struct svg_point *points;
    size_t count;
    str first_label; /* below the axis, left and right */
    str last_label;
};
void svg_line(struct buf *out, const struct svg_chart *chart, const struct svg_line *line);

/* Columns of two stacked parts over time, with a legend. */
struct svg_columns {
    const uint64_t *lower;
    const uint64_t *upper;
    size_t count;
    const char *lower_name;
    const char *upper_name;
    str first_label;
    str last_label;
};
void svg_columns(struct buf *out, const struct svg_chart *chart, const struct svg_columns *columns);

/* A quantity before and after; `text` is both with their unit. */
struct svg_pair {
    const char *name;
    double before;
    double after;
    str before_text;
    str after_text;
    bool is_worse;
};
void svg_pairs(struct buf *out, const struct svg_chart *chart, const struct svg_pair *pairs,
               size_t count);
/* The two bars alone, for a table's cell that also holds the text. */
void svg_pair_mini(struct buf *out, const struct svg_pair *pair);

#endif
