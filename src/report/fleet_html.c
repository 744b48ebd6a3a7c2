/* SPDX-License-Identifier: Apache-2.0
 *
 * The page: its subject, the answer in a sentence, the numbers, then what has to be done, then the
 * whole fleet and how far the page can be trusted. A number is coloured only when somebody has to
 * act on it.
 */
#include <stdio.h>

#include "fleet_html_internal.h"

/* The page, top down:
 *
 *   header   title, facts, headline, notes, contents
 *   main     parts[], in this order                   needs_posture: not on the page of `audit`
 *   footer   how to read the numbers
 *   script   sorting and filtering; the page is whole without it
 */
static const struct part {
    const char *id;
    const char *label; /* in the list of contents */
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

/* --- numbers ---------------------------------------------------------------------------------- */

/* `tone` colours the value; NULL: none. */
__attribute__((format(printf, 5, 6))) static void write_tile(const struct page *page,
                                                             const char *heading, const char *tone,
                                                             struct number_text value,
                                                             const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    str sentence = str_format_va(page->arena, format, arguments);
    va_end(arguments);
    buf_printf(page->out, "<li class=\"tile\"><h3>%s</h3><b%s%s%s>%s</b><p>%" STR_FMT "</p></li>\n",
               heading, tone == NULL ? "" : " class=\"", tone == NULL ? "" : tone,
               tone == NULL ? "" : "\"", value.text, STR_ARG(sentence));
}

/* A change that one decimal would show as 0.0 is none. */
static str trend_text(const struct page *page) {
    const struct posture *posture = page->posture;
    if (posture == NULL || posture->trend_count < 2) {
        return STR_EMPTY;
    }
    const struct posture_point *first = &posture->trend[0];
    struct number_text date = html_date(page->arena, first->day * MS_PER_DAY);
    double gain =
        posture->trend[posture->trend_count - 1].protected_percent - first->protected_percent;
    if (gain > -0.05 && gain < 0.05) {
        return str_format(page->arena, "; as on %s", date.text);
    }
    return str_format(page->arena, "; %.1f points %s than on %s", gain < 0 ? -gain : gain,
                      gain < 0 ? "less" : "more", date.text);
}

static void tile_protected(const struct page *page) {
    const size_t *modes = page->summary.modes;
    str trend = trend_text(page);
    if (modes[MODE_STRICTEST] + modes[MODE_DEFENSIVE] + modes[MODE_MONITOR] == 0) {
        write_tile(page, "Protected", NULL, (struct number_text){"&ndash;"},
                   "There is no load balancer whose mode is known.");
        return;
    }
    write_tile(page, "Protected", page->summary.protected_percent < 100 ? NULL : "good",
               html_share(page->summary.protected_percent),
               "%s in strictest, %s in defensive mode%" STR_FMT ".",
               count_text(modes[MODE_STRICTEST]).text, count_text(modes[MODE_DEFENSIVE]).text,
               STR_ARG(trend));
}

static void tiles_of_verdicts(const struct page *page) {
    const struct fleet_summary *summary = &page->summary;
    size_t escalated = page->posture == NULL ? 0 : page->posture->kpis.escalated;
    str sentence = summary->non_compliant == 0
                       ? STR("None that was judged falls short of its policy.")
                   : page->posture == NULL || !page->posture->has_state
                       ? STR("Short of what their policy requires, and not excused.")
                   : escalated == 0 ? STR("None of them for longer than allowed.")
                                    : str_format(page->arena, "%s of them for longer than allowed.",
                                                 count_text(escalated).text);
    write_tile(page, "Not compliant", summary->non_compliant == 0 ? NULL : "bad",
               count_text(summary->non_compliant), "%" STR_FMT, STR_ARG(sentence));
    write_tile(page, "Unknown", summary->unknown == 0 ? NULL : "warn", count_text(summary->unknown),
               "%s of %s found were judged. Unknown is not counted as compliant.",
               count_text(summary->judged).text, count_text(summary->listed).text);
}

static void tile_repair(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    if (kpis->incidents_closed == 0) {
        write_tile(page, "Time to repair, p50", NULL, (struct number_text){"&ndash;"},
                   "No incident was closed within the period.");
        return;
    }
    write_tile(page, "Time to repair, p50", NULL, html_hours(kpis->mttr_p50_hours),
               "p90 %s, from %s closed within the period; %s still open.",
               html_hours(kpis->mttr_p90_hours).text,
               html_counted(kpis->incidents_closed, "incident").text,
               count_text(kpis->incidents_open).text);
}

/* Whole hours, however many; less than one is not none. */
static struct number_text whole_hours(double hours) {
    if (hours > 0 && hours < 1) {
        return html_hours(hours);
    }
    struct number_text number;
    (void)snprintf(number.text, sizeof(number.text), "%.64s&nbsp;h",
                   count_text((uint64_t)(hours + 0.5)).text);
    return number;
}

static void tiles_of_history(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    tile_repair(page);
    write_tile(page, "Exposure", NULL, whole_hours(kpis->exposure_hours),
               "Weighted %s, internet-facing hours counted double.",
               whole_hours(kpis->weighted_exposure_hours).text);
    write_tile(page, "Changes made", NULL, count_text(kpis->enforced + kpis->promoted),
               "%s enforced, %s promoted to strictest, %s rolled back; %s with another writer.",
               count_text(kpis->enforced).text, count_text(kpis->promoted).text,
               count_text(kpis->rolled_back).text, html_counted(kpis->fights, "fight").text);
}

static void tiles_of_posture(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    write_tile(page, "Without owner", kpis->without_owner == 0 ? NULL : "warn",
               count_text(kpis->without_owner), "%s",
               kpis->without_owner == 0
                   ? "Every load balancer names the owner who has to act on a finding."
                   : "They name nobody who would act on a finding.");
    write_tile(page, "Exceptions in force", kpis->exceptions_active == 0 ? NULL : "warn",
               count_text(kpis->exceptions_active), "%s end%s soon, %s ha%s expired.",
               count_text(kpis->exceptions_ending).text,
               str_by_count(kpis->exceptions_ending, "s", ""),
               count_text(kpis->exceptions_expired).text,
               str_by_count(kpis->exceptions_expired, "s", "ve"));
    if (page->posture->has_state) {
        tiles_of_history(page);
    }
    write_tile(page, "Ready for strictest", NULL, count_text(kpis->candidates), "%s",
               kpis->candidates == 0
                   ? "None has traffic that shows what strictest would block to be allowed."
                   : "Their traffic shows that strictest would block no more than is allowed.");
}

void page_tiles(const struct page *page) {
    html_section_begin(page->out, "numbers", "At a glance", NULL);
    html_put(page->out, "<ul class=\"tiles\">\n");
    tile_protected(page);
    tiles_of_verdicts(page);
    if (page->posture != NULL) {
        tiles_of_posture(page);
    }
    html_put(page->out, "</ul>\n");
    html_section_end(page->out);
}

/* --- around the sections ---------------------------------------------------------------------- */

static void write_names(struct buf *out, const char *noun, const str *names, size_t count) {
    html_put(out, html_counted(count, noun).text);
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
    buf_printf(out, "as of %s", html_time(page->arena, page->fleet->generated_ms).text);
    if (page->posture != NULL) {
        buf_printf(out, " &middot; period from %s",
                   html_date(page->arena, page->posture->period_start_ms).text);
    }
    html_put(out, " &middot; desync-guard ");
    html_text(out, page->fleet->version);
    html_put(out, "</p>\n");
}

/* The state of the fleet in one sentence, for those who read nothing else. */
static void write_headline(const struct page *page) {
    struct buf *out = page->out;
    const struct fleet_summary *summary = &page->summary;
    size_t safe = summary->modes[MODE_DEFENSIVE] + summary->modes[MODE_STRICTEST];
    size_t known = safe + summary->modes[MODE_MONITOR];
    html_put(out, "<p class=\"headline\">");
    if (known == 0) {
        html_put(out, "There is no load balancer whose mode is known.");
    } else {
        buf_printf(out, "<strong>%s of %s</strong> with a known mode are protected (%s).",
                   count_text(safe).text, html_counted(known, "load balancer").text,
                   html_share(summary->protected_percent).text);
    }
    if (page->fleet->row_count > 0) {
        buf_printf(out, " %s %s not compliant%s", count_text(summary->non_compliant).text,
                   str_by_count(summary->non_compliant, "is", "are"),
                   summary->unknown == 0 ? "." : ", and for ");
    }
    if (summary->unknown > 0) {
        buf_printf(out, "%s too little could be read for a verdict.",
                   count_text(summary->unknown).text);
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
        buf_printf(out,
                   "<p class=\"note\"><strong>Not complete.</strong> %s of the fleet could not be "
                   "read: see <a href=\"#completeness\">Completeness</a>.</p>\n",
                   html_counted(page->fleet->gap_count, "part").text);
    }
    if (page->posture != NULL && !page->posture->has_state) {
        html_put(out, "<p class=\"note\"><strong>No history.</strong> There is no state table "
                      "(STATE_TABLE), so incidents, exposure, changes and evidence are not "
                      "known.</p>\n");
    }
}

static void write_header(const struct page *page, const char *title) {
    buf_printf(page->out, "<header>\n<h1>%s</h1>\n", title);
    write_facts(page);
    write_headline(page);
    write_notes(page);
    html_put(page->out, "<nav aria-label=\"Contents\"><ul>");
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (is_shown(page, &parts[i])) {
            buf_printf(page->out, "<li><a href=\"#%s\">%s</a></li>", parts[i].id, parts[i].label);
        }
    }
    html_put(page->out, "</ul></nav>\n</header>\n");
}

/* Definitions beside the numbers: a report is read by people who did not order it. */
static const char footer_of_audit[] =
    "<footer>\n<h2>How to read the numbers</h2>\n<dl>\n"
    "<dt>Protected</dt><dd>In defensive or strictest mode, of those whose mode is known; never "
    "rounded up. An exception does not make a load balancer protected.</dd>\n"
    "<dt>Grades</dt><dd>A: strictest, and invalid header fields dropped. B: strictest. C: "
    "defensive, and invalid header fields dropped. D: defensive. F: monitor.</dd>\n";
static const char footer_of_posture[] =
    "<dt>Time to repair</dt><dd>From the moment a load balancer became non-compliant to the moment "
    "it no longer was, of incidents closed within the period. p50 and p90 are nearest ranks: times "
    "that did occur, with no value made up between them.</dd>\n"
    "<dt>Exposure</dt><dd>Hours that incidents lasted within the period, summed over load "
    "balancers. Weighted: those of internet-facing ones count double.</dd>\n"
    "<dt>Bound</dt><dd>The share of requests that strictest would block, and the present mode does "
    "not, is no more than this at 95&nbsp;% confidence. When none of n requests seen would have "
    "been blocked, it is 3/n.</dd>\n";

void fleet_write_html(struct buf *out, struct arena *arena, const struct fleet *fleet,
                      const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL);
    const char *title = posture == NULL ? "Desync mitigation audit" : "Desync mitigation posture";
    struct page page = {.out = out, .arena = arena, .fleet = fleet, .posture = posture};
    fleet_summarize(fleet, &page.summary);
    html_page_begin(out, str_from_cstr(title));
    write_header(&page, title);
    html_put(out, "<main id=\"main\">\n");
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (is_shown(&page, &parts[i])) {
            parts[i].write(&page);
        }
    }
    html_put(out, "</main>\n");
    html_put(out, footer_of_audit);
    html_put(out, posture == NULL ? "" : footer_of_posture);
    html_put(out, "</dl>\n</footer>\n");
    html_page_end(out);
}
