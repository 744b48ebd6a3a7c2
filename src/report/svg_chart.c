/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers without a name are units of the viewBox, which is as wide as WIDTH but for the small
 * charts of svg_pair_mini. SVG counts y downwards, so a text stands on its y and a bar hangs from
 * it. The places of a chart over time:
 *
 *          PLOT_LEFT                  PLOT_RIGHT
 *      most +------------------------------+ PLOT_TOP
 *           |                              |
 *         0 +------------------------------+ PLOT_BOTTOM
 *       first label               last label
 */
#include "svg_chart_internal.h"

#include "base/assert.h"
#include "html_internal.h"

#define WIDTH     400
#define ROW_UNITS 26 /* one line of text with its bar */
/* Where the plot of a chart over time lies. */
#define PLOT_LEFT   52.0
#define PLOT_RIGHT  392.0
#define PLOT_TOP    14.0
#define PLOT_BOTTOM 140.0

static double larger(double a, double b) {
    return a > b ? a : b;
}

static void begin(struct buf *out, const struct svg_chart *chart, int height) {
    buf_printf(out,
               "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">"
               "<title id=\"%s-t\">%s</title><desc id=\"%s-d\">",
               WIDTH, height, chart->id, chart->id, chart->id, chart->title, chart->id);
    html_text(out, chart->description);
    html_put(out, "</desc>\n");
}

static void end(struct buf *out) {
    html_put(out, "</svg>\n");
}

static void rectangle(struct buf *out, const char *tone, double x, double y, double width,
                      double height) {
    buf_printf(out, "<rect class=\"f-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
               tone, x, y, width, height);
}

static void text_at(struct buf *out, const char *class, double x, double y, str text) {
    buf_printf(out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
    html_text(out, text);
    html_put(out, "</text>");
}

static void count_at(struct buf *out, double x, double y, uint64_t count) {
    buf_printf(out, "<text class=\"e\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x, y,
               count_text(count).text);
}

static void grid_line(struct buf *out, double y) {
    buf_printf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
               PLOT_LEFT, PLOT_RIGHT, y, y);
}

static uint64_t sum(const struct svg_bar *bars, size_t count) {
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += bars[i].value;
    }
    return total;
}

static void stacked_legend(struct buf *out, const struct svg_bar *bar, uint64_t total, double y) {
    rectangle(out, bar->tone, 0, y - 11, 12, 12);
    text_at(out, "", 22, y, bar->label);
    if (total > 0) {
        buf_printf(out, "<text class=\"t e\" x=\"330\" y=\"%.1f\">%.1f&#160;%%</text>", y,
                   (double)bar->value * 100 / (double)total);
    }
    count_at(out, WIDTH, y, bar->value);
}

/* One bar, and a legend below it:
 *
 *   |<----------------- WIDTH 400 ----------------->|
 *   [strictest        ][defensive     ][monitor][unk.]   y 0..24
 *   # strictest                      48.0 %        12    y 50, and ROW_UNITS more for each part
 *   # defensive                      40.0 %        10
 */
void svg_stacked(struct buf *out, const struct svg_chart *chart, const struct svg_bar *bars,
                 size_t count) {
    uint64_t total = sum(bars, count);
    begin(out, chart, 34 + (int)count * ROW_UNITS);
    rectangle(out, "shade", 0, 0, WIDTH, 24);
    double x = 0;
    for (size_t i = 0; i < count && total > 0; i++) {
        double width = (double)bars[i].value * WIDTH / (double)total;
        /* a gap, so that neighbours differ without colour, too */
        rectangle(out, bars[i].tone, x, 0, larger(width - 1.5, 0), 24);
        x += width;
    }
    for (size_t i = 0; i < count; i++) {
        stacked_legend(out, &bars[i], total, 50 + (double)i * ROW_UNITS);
    }
    end(out);
}

/* ROW_UNITS a bar, from left to right:
 *
 *   label            |==========......|           count
 *   0                150            340             400
 *
 * The longest bar fills the room; with nothing at all, `most` 1 keeps the others at no width. */
void svg_bars(struct buf *out, const struct svg_chart *chart, const struct svg_bar *bars,
              size_t count) {
    const double left = 150;
    const double room = 190;
    uint64_t most = 1;
    for (size_t i = 0; i < count; i++) {
        most = bars[i].value > most ? bars[i].value : most;
    }
    begin(out, chart, (int)count * ROW_UNITS);
    for (size_t i = 0; i < count; i++) {
        double y = (double)i * ROW_UNITS;
        text_at(out, "", 0, y + 18, bars[i].label);
        rectangle(out, "shade", left, y + 5, room, 16);
        rectangle(out, bars[i].tone, left, y + 5, (double)bars[i].value * room / (double)most, 16);
        count_at(out, WIDTH, y + 18, bars[i].value);
    }
    end(out);
}

/* A range of one value has no length to divide by: all of it lies at `left`. */
static double scale(double value, double from, double to, double left, double right) {
    return to > from ? left + (value - from) * (right - left) / (to - from) : left;
}

static void time_axis(struct buf *out, str first_label, str last_label) {
    text_at(out, "t", PLOT_LEFT, PLOT_BOTTOM + 20, first_label);
    text_at(out, "t e", PLOT_RIGHT, PLOT_BOTTOM + 20, last_label);
}

/* From 0, for the area below the line is read as an amount. */
static double share_y(double percent) {
    return scale(percent, 0, 100, PLOT_BOTTOM, PLOT_TOP);
}

static double line_x(const struct svg_line *line, size_t i) {
    double from = line->points[0].x;
    double to = line->points[line->count - 1].x;
    return scale(line->points[i].x, from, to, PLOT_LEFT, PLOT_RIGHT);
}

/* One decimal is a tenth of a unit, less than a pixel; more would only lengthen the page. */
static void line_points(struct buf *out, const struct svg_line *line) {
    for (size_t i = 0; i < line->count; i++) {
        buf_printf(out, "%.1f,%.1f ", line_x(line, i), share_y(line->points[i].y));
    }
}

void svg_line(struct buf *out, const struct svg_chart *chart, const struct svg_line *line) {
    ASSERT(line->count >= 2);
    begin(out, chart, 166);
    for (int share = 0; share <= 100; share += 50) {
        double y = share_y(share);
        grid_line(out, y);
        buf_printf(out, "<text class=\"t e\" x=\"46\" y=\"%.1f\">%d&#160;%%</text>\n", y + 4,
                   share);
    }
    buf_printf(out, "<polygon class=\"area\" points=\"%.1f,%.1f ", PLOT_LEFT, PLOT_BOTTOM);
    line_points(out, line);
    buf_printf(out, "%.1f,%.1f\"/>\n<polyline class=\"path\" points=\"", PLOT_RIGHT, PLOT_BOTTOM);
    line_points(out, line);
    buf_printf(out, "\"/>\n<circle class=\"f-accent\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n",
               PLOT_RIGHT, share_y(line->points[line->count - 1].y));
    time_axis(out, line->first_label, line->last_label);
    end(out);
}

static uint64_t tallest(const struct svg_columns *columns) {
    uint64_t most = 1;
    for (size_t i = 0; i < columns->count; i++) {
        uint64_t height = columns->lower[i] + columns->upper[i];
        most = height > most ? height : most;
    }
    return most;
}

/* Below the time axis:   # lower_name        # upper_name */
static void columns_legend(struct buf *out, const struct svg_columns *columns) {
    rectangle(out, "calm", PLOT_LEFT, 172, 12, 12);
    text_at(out, "", PLOT_LEFT + 20, 183, str_from_cstr(columns->lower_name));
    rectangle(out, "bad", 220, 172, 12, 12);
    text_at(out, "", 240, 183, str_from_cstr(columns->upper_name));
}

void svg_columns(struct buf *out, const struct svg_chart *chart,
                 const struct svg_columns *columns) {
    ASSERT(columns->count > 0);
    double most = (double)tallest(columns);
    double step = (PLOT_RIGHT - PLOT_LEFT) / (double)columns->count;
    begin(out, chart, 190);
    grid_line(out, PLOT_TOP);
    count_at(out, 46, PLOT_TOP + 4, tallest(columns));
    count_at(out, 46, PLOT_BOTTOM + 4, 0);
    for (size_t i = 0; i < columns->count; i++) {
        double x = PLOT_LEFT + step * (double)i + step * 0.15;
        double lower = scale((double)columns->lower[i], 0, most, 0, PLOT_BOTTOM - PLOT_TOP);
        double upper = scale((double)columns->upper[i], 0, most, 0, PLOT_BOTTOM - PLOT_TOP);
        rectangle(out, "calm", x, PLOT_BOTTOM - lower, step * 0.7, lower);
        rectangle(out, "bad", x, PLOT_BOTTOM - lower - upper, step * 0.7, upper);
    }
    grid_line(out, PLOT_BOTTOM);
    time_axis(out, columns->first_label, columns->last_label);
    columns_legend(out, columns);
    end(out);
}

/* The two bars of a pair share one scale, so that their lengths compare; two pairs do not. */
static void pair_bar(struct buf *out, double y, const char *name, const char *tone, double width,
                     str text) {
    text_at(out, "t", 0, y + 12, str_from_cstr(name));
    rectangle(out, "shade", 54, y + 1, 220, 13);
    rectangle(out, tone, 54, y + 1, width, 13);
    text_at(out, "e", WIDTH, y + 12, text);
}

/* Each takes 62 units: its name, and below it two bars.
 *
 *   Target 5XX
 *   before  |=====..........|       12.5
 *   after   |==.............|        3.1
 *   0       54             274       400
 */
void svg_pairs(struct buf *out, const struct svg_chart *chart, const struct svg_pair *pairs,
               size_t count) {
    begin(out, chart, (int)count * 62);
    for (size_t i = 0; i < count; i++) {
        const struct svg_pair *pair = &pairs[i];
        double y = (double)i * 62;
        double most = larger(pair->before, pair->after);
        double unit = most > 0 ? 220 / most : 0;
        text_at(out, "", 0, y + 14, str_from_cstr(pair->name));
        pair_bar(out, y + 20, "before", "pale", pair->before * unit, pair->before_text);
        pair_bar(out, y + 38, "after", pair->is_worse ? "bad" : "accent", pair->after * unit,
                 pair->after_text);
    }
    end(out);
}

void svg_pair_mini(struct buf *out, const struct svg_pair *pair) {
    double most = larger(pair->before, pair->after);
    double unit = most > 0 ? 76 / most : 0;
    buf_printf(out,
               "<svg class=\"mini\" viewBox=\"0 0 76 18\" role=\"img\"><title>%s, before and "
               "after</title>",
               pair->name);
    rectangle(out, "shade", 0, 0, 76, 8);
    rectangle(out, "pale", 0, 0, pair->before * unit, 8);
    rectangle(out, "shade", 0, 10, 76, 8);
    rectangle(out, pair->is_worse ? "bad" : "accent", 0, 10, pair->after * unit, 8);
    html_put(out, "</svg>");
}
