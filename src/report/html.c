/* SPDX-License-Identifier: Apache-2.0 */
#include "html_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

/* Nothing is fetched, nothing but our own two constants runs, nothing can be sent anywhere. The
 * icon is empty data, so that no browser asks the server for one. */
#define CONTENT_SECURITY_POLICY                                                                    \
    "default-src 'none'; style-src '" HTML_STYLE_HASH "'; script-src '" HTML_SCRIPT_HASH           \
    "'; img-src data:; base-uri 'none'; form-action 'none'"

void html_put(struct buf *out, const char *markup) {
    buf_append(out, str_from_cstr(markup));
}

void html_value(struct buf *out, str text) {
    if (str_is_empty(text)) {
        html_put(out, "<span class=\"quiet\">none</span>");
        return;
    }
    html_put(out, "<bdi>");
    html_text(out, text);
    html_put(out, "</bdi>");
}

void html_count(struct buf *out, uint64_t count) {
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            buf_append_char(out, ',');
        }
        buf_append_char(out, digits[i]);
    }
}

void html_counted(struct buf *out, uint64_t count, const char *noun) {
    html_count(out, count);
    buf_printf(out, " %s%s", noun, count == 1 ? "" : "s");
}

void html_percent(struct buf *out, double percent) {
    if (percent == 0 || percent >= 0.1) {
        buf_printf(out, "%.1f&nbsp;%%", percent);
    } else {
        buf_printf(out, "%.3g&nbsp;%%", percent);
    }
}

/* The small addend is for tenths that are none in binary. */
void html_share(struct buf *out, double percent) {
    buf_printf(out, "%.1f&nbsp;%%", (double)(int)(percent * 10 + 1e-7) / 10);
}

void html_hours(struct buf *out, double hours) {
    if (hours * 60 < 1) {
        html_put(out, "&lt;&nbsp;1&nbsp;min");
    } else if (hours < 1) {
        buf_printf(out, "%.0f&nbsp;min", hours * 60);
    } else if (hours < 72) {
        buf_printf(out, "%.1f&nbsp;h", hours);
    } else {
        buf_printf(out, "%.1f&nbsp;days", hours / 24);
    }
}

void html_time(struct buf *out, struct arena *arena, int64_t ms) {
    str text = time_format_iso8601(arena, ms);
    str day = str_slice(text, 0, 10);
    str minutes = str_slice(text, 11, 16);
    buf_printf(out, "<time datetime=\"%" STR_FMT "\">%" STR_FMT " %" STR_FMT "&nbsp;UTC</time>",
               STR_ARG(text), STR_ARG(day), STR_ARG(minutes));
}

void html_date(struct buf *out, struct arena *arena, int64_t ms) {
    str day = date_format(arena, date_days_of_ms(ms));
    buf_printf(out, "<time datetime=\"%" STR_FMT "\">%" STR_FMT "</time>", STR_ARG(day),
               STR_ARG(day));
}

void html_badge(struct buf *out, const char *tone, const char *word) {
    buf_printf(out, "<span class=\"badge %s\">%s</span>", tone, word);
}

static void put_parts(struct buf *out, const char *const *parts) {
    for (; *parts != NULL; parts++) {
        html_put(out, *parts);
    }
}

void html_page_begin(struct buf *out, str title) {
    html_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"" CONTENT_SECURITY_POLICY
                  "\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  "<meta name=\"referrer\" content=\"no-referrer\">\n"
                  "<meta name=\"robots\" content=\"noindex\">\n"
                  "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html_text(out, title);
    html_put(out, "</title>\n<style>");
    put_parts(out, html_style_parts);
    html_put(out,
             "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n");
}

/* The script stands last: what it works on is there, and nobody waits for it. */
void html_page_end(struct buf *out) {
    html_put(out, "<script>");
    put_parts(out, html_script_parts);
    html_put(out, "</script>\n</body>\n</html>\n");
}

void html_section_begin(struct buf *out, const char *id, const char *heading, const char *intro) {
    buf_printf(out, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">%s</h2>\n", id,
               id, id, heading);
    if (intro != NULL) {
        buf_printf(out, "<p class=\"intro\">%s</p>\n", intro);
    }
}

void html_section_end(struct buf *out) {
    html_put(out, "</section>\n");
}

void html_table_begin(struct html_table *table, const char *id, const char *caption) {
    buf_printf(table->out,
               "<div class=\"wide\"><table id=\"%s\">\n<caption>%s</caption>\n<thead><tr>", id,
               caption);
    for (size_t i = 0; i < table->column_count; i++) {
        buf_printf(table->out, "<th scope=\"col\">%s</th>", table->columns[i]);
    }
    html_put(table->out, "</tr></thead>\n<tbody>\n");
}

void html_row_begin(struct html_table *table, const char *verdict) {
    table->column = 0;
    if (verdict == NULL) {
        html_put(table->out, "<tr>");
    } else {
        buf_printf(table->out, "<tr data-verdict=\"%s\">", verdict);
    }
}

/* `attributes` are ours. */
static void begin_cell(struct html_table *table, const char *attributes) {
    ASSERT(table->column < table->column_count);
    if (table->column == 0) {
        buf_printf(table->out, "<th scope=\"row\"%s>", attributes);
        return;
    }
    buf_printf(table->out, "<td data-label=\"%s\"%s>", table->columns[table->column], attributes);
}

void html_cell_begin(struct html_table *table) {
    begin_cell(table, "");
}

void html_long_begin(struct html_table *table) {
    begin_cell(table, " class=\"long\"");
}

static void begin_sorted_cell(struct html_table *table, const char *class, double sort_by) {
    char attributes[64];
    (void)snprintf(attributes, sizeof(attributes), "%s data-v=\"%.10g\"", class, sort_by);
    begin_cell(table, attributes);
}

void html_number_begin(struct html_table *table, double sort_by) {
    begin_sorted_cell(table, " class=\"n\"", sort_by);
}

void html_ranked_begin(struct html_table *table, double sort_by) {
    begin_sorted_cell(table, "", sort_by);
}

void html_cell_end(struct html_table *table) {
    html_put(table->out, table->column == 0 ? "</th>" : "</td>");
    table->column++;
}

void html_row_end(struct html_table *table) {
    ASSERT(table->column == table->column_count);
    html_put(table->out, "</tr>\n");
}

void html_table_end(struct html_table *table) {
    html_put(table->out, "</tbody>\n</table></div>\n");
}
