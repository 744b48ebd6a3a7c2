/* SPDX-License-Identifier: Apache-2.0
 *
 * The page: what it is about, the answer in a sentence, the numbers, then what has to be done, then
 * the whole fleet and how far the page can be trusted.
 */
#include "fleet_html_internal.h"

static const struct part {
    const char *id;
    const char *label; /* in the list of contents; NULL: not listed */
    void (*write)(const struct page *page);
    bool needs_posture;
} parts[] = {
    {"numbers", "At a glance", page_tiles, false},
    {"charts", "Charts", page_charts, false},
    {"attention", "Needs attention", page_attention, true},
    {"exceptions", "Exceptions", page_exceptions, true},
    {"candidates", "Towards strictest", page_candidates, true},
    {"changes", "Changes", page_changes, true},
    {"fleet", "Fleet", page_fleet, false},
    {"completeness", "Completeness", page_completeness, false},
    {"controls", "Controls", page_controls, false},
};

#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

static bool is_shown(const struct page *page, const struct part *part) {
    return page->posture != NULL || !part->needs_posture;
}

static void write_names(struct buf *out, const char *noun, const str *names, size_t count) {
    html_counted(out, count, noun);
    for (size_t i = 0; i < count && count <= 4; i++) {
        html_put(out, i == 0 ? " (" : ", ");
        html_text(out, names[i]);
    }
    html_put(out, count > 0 && count <= 4 ? ") &middot; " : " &middot; ");
}

static void write_facts(const struct page *page) {
    struct buf *out = page->out;
    html_put(out, "<p class=\"facts\">");
    write_names(out, "account", page->fleet->accounts, page->fleet->account_count);
    write_names(out, "Region", page->fleet->regions, page->fleet->region_count);
    html_put(out, "as of ");
    html_time(out, page->arena, page->fleet->generated_ms);
    if (page->posture != NULL) {
        html_put(out, " &middot; period from ");
        html_date(out, page->arena, page->posture->period_start_ms);
    }
    html_put(out, " &middot; desync-guard ");
    html_text(out, page->fleet->version);
    html_put(out, "</p>\n");
}

/* The state of the fleet in one sentence, for whoever reads nothing else. */
static void write_headline(const struct page *page) {
    struct buf *out = page->out;
    const struct fleet_summary *summary = &page->summary;
    const size_t *modes = summary->modes;
    size_t safe = modes[MODE_DEFENSIVE] + modes[MODE_STRICTEST];
    html_put(out, "<p class=\"headline\">");
    if (safe + modes[MODE_MONITOR] == 0) {
        html_put(out, "There is no load balancer whose mode is known.");
    } else {
        html_put(out, "<strong>");
        html_count(out, safe);
        html_put(out, " of ");
        html_counted(out, safe + modes[MODE_MONITOR], "load balancer");
        html_put(out, "</strong> with a known mode are protected (");
        html_share(out, summary->protected_percent);
        html_put(out, ").");
    }
    if (page->fleet->row_count > 0) {
        html_put(out, " ");
        html_count(out, summary->non_compliant);
        html_put(out, summary->non_compliant == 1 ? " is" : " are");
        html_put(out, " not compliant");
        html_put(out, summary->unknown == 0 ? "." : ", and of ");
    }
    if (summary->unknown > 0) {
        html_count(out, summary->unknown);
        html_put(out, " not enough could be read to tell.");
    }
    html_put(out, "</p>\n");
}

/* What makes the numbers say less than they seem to. */
static void write_notes(const struct page *page) {
    struct buf *out = page->out;
    if (page->fleet->is_interrupted) {
        html_put(out,
                 "<p class=\"note\"><strong>Interrupted.</strong> The numbers are those of what "
                 "was known by then.</p>\n");
    }
    if (page->fleet->gap_count > 0) {
        html_put(out, "<p class=\"note\"><strong>Not complete.</strong> ");
        html_counted(out, page->fleet->gap_count, "part");
        html_put(out, " of the fleet could not be read: see <a href=\"#completeness\">"
                      "Completeness</a>.</p>\n");
    }
    if (page->posture != NULL && !page->posture->has_state) {
        html_put(out, "<p class=\"note\"><strong>No history.</strong> There is no state table "
                      "(STATE_TABLE), so incidents, exposure, changes and evidence are not "
                      "known.</p>\n");
    }
}

static void write_contents(const struct page *page) {
    html_put(page->out, "<nav aria-label=\"Contents\"><ul>");
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (is_shown(page, &parts[i])) {
            buf_printf(page->out, "<li><a href=\"#%s\">%s</a></li>", parts[i].id, parts[i].label);
        }
    }
    html_put(page->out, "</ul></nav>\n");
}

static const char *title_of(const struct page *page) {
    return page->posture == NULL ? "Desync mitigation audit" : "Desync mitigation posture";
}

static void write_header(const struct page *page) {
    buf_printf(page->out, "<header>\n<h1>%s</h1>\n", title_of(page));
    write_facts(page);
    write_headline(page);
    write_notes(page);
    write_contents(page);
    html_put(page->out, "</header>\n");
}

static void write_definition(struct buf *out, const char *term, const char *text) {
    buf_printf(out, "<dt>%s</dt><dd>%s</dd>\n", term, text);
}

static void write_footer(const struct page *page) {
    struct buf *out = page->out;
    html_put(out, "<footer>\n<h2>How to read the numbers</h2>\n<dl>\n");
    write_definition(out, "Protected",
                     "In defensive or strictest mode, of those whose mode is known; never rounded "
                     "up. An exception does not make a load balancer protected.");
    write_definition(out, "Grades",
                     "A: strictest, and invalid header fields dropped. B: strictest. C: defensive, "
                     "and invalid header fields dropped. D: defensive. F: monitor.");
    if (page->posture != NULL) {
        write_definition(
            out, "Time to repair",
            "From the moment a load balancer became non-compliant to the moment it no "
            "longer was, of incidents closed within the period. p50 and p90 are nearest "
            "ranks: times that did occur, with no value made up between them.");
        write_definition(out, "Exposure",
                         "Hours that incidents lasted within the period, summed over load "
                         "balancers. Weighted: those of internet-facing ones count double.");
        write_definition(
            out, "Bound",
            "The share of requests that strictest would block, and the present mode does "
            "not, is no more than this at 95&nbsp;% confidence. When none of n "
            "requests seen would have been blocked, it is 3/n.");
    }
    html_put(out, "</dl>\n</footer>\n");
}

void fleet_write_html(struct buf *out, struct arena *arena, const struct fleet *fleet,
                      const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    struct page page = {.out = out, .arena = arena, .fleet = fleet, .posture = posture};
    fleet_summarize(fleet, &page.summary);
    html_page_begin(out, str_from_cstr(title_of(&page)));
    write_header(&page);
    html_put(out, "<main id=\"main\">\n");
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (is_shown(&page, &parts[i])) {
            parts[i].write(&page);
        }
    }
    html_put(out, "</main>\n");
    write_footer(&page);
    html_page_end(out);
}
