/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from outside on a page: anybody who may tag a load balancer writes into the report, so every
 * character that could end an element, an attribute or the line is written as a reference.
 */
#include "html_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/escape.h"
#include "page_files.h"

void html_put(struct buf *out, const char *markup) {
    buf_append(out, str_from_cstr(markup));
}

/* NULL: the character stands for itself. Old browsers took "`" for a quote. */
static const char *const references[0x80] = {['&'] = "&amp;",  ['<'] = "&lt;",   ['>'] = "&gt;",
                                             ['"'] = "&quot;", ['\''] = "&#39;", ['`'] = "&#96;"};

/* Written out as [U+202E] and not as a reference: a browser would obey the reference as it does the
 * character. */
void html_text(struct buf *out, str text) {
    while (text.len > 0) {
        str character = str_utf8_take(&text);
        unsigned char first = (unsigned char)character.ptr[0];
        if (first < sizeof(references) / sizeof(references[0]) && references[first] != NULL) {
            html_put(out, references[first]);
        } else if (character.len == 1 && first >= 0x80) {
            html_put(out, "\xEF\xBF\xBD");
        } else if (escape_is_due(str_utf8_code_point(character))) {
            buf_printf(out, "[U+%04X]", (unsigned)str_utf8_code_point(character));
        } else {
            buf_append(out, character);
        }
    }
}

/* Without <bdi> an owner in Arabic or Hebrew would move the numbers that follow to its other
 * side. */
void html_value(struct buf *out, str text) {
    if (str_is_empty(text)) {
        html_quiet(out, "none");
        return;
    }
    html_put(out, "<bdi>");
    html_text(out, text);
    html_put(out, "</bdi>");
}

void html_quiet(struct buf *out, const char *words) {
    buf_printf(out, "<span class=\"quiet\">%s</span>", words);
}

__attribute__((format(printf, 1, 2))) static struct number_text number(const char *format, ...) {
    struct number_text number;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(number.text, sizeof(number.text), format, arguments);
    va_end(arguments);
    return number;
}

struct number_text html_counted(uint64_t count, const char *noun) {
    return number("%.30s %.60s%s", count_text(count).text, noun, str_by_count(count, "", "s"));
}

struct number_text html_percent(double percent) {
    bool is_small = percent != 0 && percent < 0.1;
    return is_small ? number("%.3g&nbsp;%%", percent) : number("%.1f&nbsp;%%", percent);
}

/* The small addend is for tenths that are none in binary. */
struct number_text html_share(double percent) {
    return number("%.1f&nbsp;%%", (double)(int)(percent * 10 + 1e-7) / 10);
}

struct number_text html_hours(double hours) {
    return hours * 60 < 1 ? number("&lt;&nbsp;1&nbsp;min")
           : hours < 1    ? number("%.0f&nbsp;min", hours * 60)
           : hours < 72   ? number("%.1f&nbsp;h", hours)
                          : number("%.1f&nbsp;days", hours / 24);
}

struct number_text html_time(struct arena *arena, int64_t ms) {
    str text = time_format_iso8601(arena, ms);
    return number("<time datetime=\"%" STR_FMT "\">%.10s %.5s&nbsp;UTC</time>", STR_ARG(text),
                  text.ptr, text.ptr + 11);
}

struct number_text html_date(struct arena *arena, int64_t ms) {
    str day = date_format(arena, date_days_of_ms(ms));
    return number("<time datetime=\"%" STR_FMT "\">%" STR_FMT "</time>", STR_ARG(day),
                  STR_ARG(day));
}

void html_badge(struct buf *out, const char *tone, const char *word) {
    buf_printf(out, "<span class=\"badge %s\">%s</span>", tone, word);
}

/* A report is opened from a mail or a bucket, with the reader's rights: the policy holds even if
 * some text got past html_text. */
void html_page_begin(struct buf *out, str title) {
    html_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"");
    /* Nothing is fetched, nothing but our own two files runs, nothing can be sent anywhere. The
     * icon is empty data, so that no browser asks the server for one. */
    buf_printf(out,
               "default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; "
               "base-uri 'none'; form-action 'none'",
               page_css_hash, page_js_hash);
    html_put(out, "\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n"
                  "<meta name=\"referrer\" content=\"no-referrer\">\n"
                  "<meta name=\"robots\" content=\"noindex\">\n"
                  "<link rel=\"icon\" href=\"data:,\">\n<title>");
    html_text(out, title);
    html_put(out, "</title>\n<style>");
    html_put(out, page_css);
    html_put(out,
             "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n");
}

/* The script stands last: what it works on is there, and nobody waits for it. */
void html_page_end(struct buf *out) {
    html_put(out, "<script>");
    html_put(out, page_js);
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

/* A table, without end tags:
 *
 *   <div class="wide">                                scrolls sideways on its own
 *     <table id=".."><caption>..</caption>
 *       <thead><tr><th scope="col">heading            the script makes it a button
 *       <tbody><tr data-verdict="NON_COMPLIANT">      the word that the filter looks for
 *         <th scope="row">name
 *         <td data-label="heading"                    shown before the cell on a narrow screen
 *             data-v="12.5">                          sorted by this, else by the text
 */
void html_table_begin(struct html_table *table, const char *id, const char *caption) {
    buf_printf(table->out,
               "<div class=\"wide\"><table id=\"%s\">\n<caption>%s</caption>\n<thead><tr>", id,
               caption);
    for (size_t i = 0; i < table->column_count; i++) {
        buf_printf(table->out, "<th scope=\"col\">%s</th>", table->headings[i]);
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
    buf_printf(table->out, "<td data-label=\"%s\"%s>", table->headings[table->column], attributes);
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
