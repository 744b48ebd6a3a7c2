/* SPDX-License-Identifier: Apache-2.0
 *
 * The numbers at the top: each with a sentence that says what it means. A number is coloured only
 * when somebody has to act on it.
 */
#include "fleet_html_internal.h"

static void begin_tile(const struct page *page, const char *heading, const char *tone) {
    buf_printf(page->out, "<li class=\"tile\"><h3>%s</h3><b%s%s%s>", heading,
               tone == NULL ? "" : " class=\"", tone == NULL ? "" : tone, tone == NULL ? "" : "\"");
}

static void begin_sentence(const struct page *page) {
    html_put(page->out, "</b><p>");
}

static void end_tile(const struct page *page) {
    html_put(page->out, "</p></li>\n");
}

/* Coloured unless it is 0. */
static void begin_count(const struct page *page, const char *heading, const char *tone,
                        size_t count) {
    begin_tile(page, heading, count == 0 ? NULL : tone);
    html_count(page->out, count);
    begin_sentence(page);
}

static void write_trend_sentence(const struct page *page) {
    const struct posture *posture = page->posture;
    if (posture == NULL || posture->trend_count < 2) {
        return;
    }
    const struct posture_point *first = &posture->trend[0];
    double gain =
        posture->trend[posture->trend_count - 1].protected_percent - first->protected_percent;
    if (gain > -0.05 && gain < 0.05) {
        html_put(page->out, "; as on ");
    } else {
        buf_printf(page->out, "; %.1f points %s than on ", gain < 0 ? -gain : gain,
                   gain < 0 ? "less" : "more");
    }
    html_date(page->out, page->arena, first->day * MS_PER_DAY);
}

static void tile_protected(const struct page *page) {
    const size_t *modes = page->summary.modes;
    if (modes[MODE_STRICTEST] + modes[MODE_DEFENSIVE] + modes[MODE_MONITOR] == 0) {
        begin_tile(page, "Protected", NULL);
        html_put(page->out, "&ndash;</b><p>There is no load balancer whose mode is known.");
        end_tile(page);
        return;
    }
    begin_tile(page, "Protected", page->summary.protected_percent < 100 ? NULL : "good");
    html_share(page->out, page->summary.protected_percent);
    begin_sentence(page);
    html_count(page->out, modes[MODE_STRICTEST]);
    html_put(page->out, " in strictest, ");
    html_count(page->out, modes[MODE_DEFENSIVE]);
    html_put(page->out, " in defensive mode");
    write_trend_sentence(page);
    html_put(page->out, ".");
    end_tile(page);
}

static void tile_non_compliant(const struct page *page) {
    begin_count(page, "Not compliant", "bad", page->summary.non_compliant);
    if (page->summary.non_compliant == 0) {
        html_put(page->out, "None that was judged falls short of its policy.");
    } else if (page->posture == NULL || !page->posture->has_state) {
        html_put(page->out, "Short of what their policy requires, and not excused.");
    } else if (page->posture->kpis.escalated == 0) {
        html_put(page->out, "None of them for longer than allowed.");
    } else {
        html_count(page->out, page->posture->kpis.escalated);
        html_put(page->out, " of them for longer than allowed.");
    }
    end_tile(page);
}

static void tile_unknown(const struct page *page) {
    begin_count(page, "Unknown", "warn", page->summary.unknown);
    html_count(page->out, page->summary.judged);
    html_put(page->out, " of ");
    html_count(page->out, page->summary.listed);
    html_put(page->out, " found were judged. Unknown is not counted as compliant.");
    end_tile(page);
}

static void tile_repair(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    begin_tile(page, "Time to repair, p50", NULL);
    if (kpis->incidents_closed == 0) {
        html_put(page->out, "&ndash;");
        begin_sentence(page);
        html_put(page->out, "No incident was closed within the period.");
    } else {
        html_hours(page->out, kpis->mttr_p50_hours);
        begin_sentence(page);
        html_put(page->out, "p90 ");
        html_hours(page->out, kpis->mttr_p90_hours);
        html_put(page->out, ", from ");
        html_counted(page->out, kpis->incidents_closed, "incident");
        html_put(page->out, " closed within the period; ");
        html_count(page->out, kpis->incidents_open);
        html_put(page->out, " still open.");
    }
    end_tile(page);
}

/* Whole hours, however many; less than one is not none. */
static void write_whole_hours(struct buf *out, double hours) {
    if (hours > 0 && hours < 1) {
        html_hours(out, hours);
        return;
    }
    html_count(out, (uint64_t)(hours + 0.5));
    html_put(out, "&nbsp;h");
}

static void tile_exposure(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    begin_tile(page, "Exposure", NULL);
    write_whole_hours(page->out, kpis->exposure_hours);
    begin_sentence(page);
    html_put(page->out, "Weighted ");
    write_whole_hours(page->out, kpis->weighted_exposure_hours);
    html_put(page->out, ", internet-facing hours counted double.");
    end_tile(page);
}

static void tile_exceptions(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    begin_count(page, "Exceptions in force", "warn", kpis->exceptions_active);
    html_count(page->out, kpis->exceptions_ending);
    html_put(page->out, kpis->exceptions_ending == 1 ? " ends soon, " : " end soon, ");
    html_count(page->out, kpis->exceptions_expired);
    html_put(page->out, kpis->exceptions_expired == 1 ? " has expired." : " have expired.");
    end_tile(page);
}

static void tile_owner(const struct page *page) {
    begin_count(page, "Without owner", "warn", page->posture->kpis.without_owner);
    html_put(page->out, page->posture->kpis.without_owner == 0
                            ? "Whoever has to act on a finding is named on every load balancer."
                            : "Nobody is named who would act on a finding.");
    end_tile(page);
}

static void tile_candidates(const struct page *page) {
    begin_count(page, "Ready for strictest", NULL, page->posture->kpis.candidates);
    html_put(page->out,
             page->posture->kpis.candidates == 0
                 ? "None has traffic that shows what strictest would block to be allowed."
                 : "Their traffic shows that strictest would block no more than is allowed.");
    end_tile(page);
}

static void tile_changes(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    begin_tile(page, "Changes made", NULL);
    html_count(page->out, kpis->enforced + kpis->promoted);
    begin_sentence(page);
    html_count(page->out, kpis->enforced);
    html_put(page->out, " enforced, ");
    html_count(page->out, kpis->promoted);
    html_put(page->out, " promoted to strictest, ");
    html_count(page->out, kpis->rolled_back);
    html_put(page->out, " rolled back; ");
    html_counted(page->out, kpis->fights, "fight");
    html_put(page->out, " with another writer.");
    end_tile(page);
}

static void tiles_of_posture(const struct page *page) {
    tile_owner(page);
    tile_exceptions(page);
    if (page->posture->has_state) {
        tile_repair(page);
        tile_exposure(page);
        tile_changes(page);
    }
    tile_candidates(page);
}

void page_tiles(const struct page *page) {
    html_section_begin(page->out, "numbers", "At a glance", NULL);
    html_put(page->out, "<ul class=\"tiles\">\n");
    tile_protected(page);
    tile_non_compliant(page);
    tile_unknown(page);
    if (page->posture != NULL) {
        tiles_of_posture(page);
    }
    html_put(page->out, "</ul>\n");
    html_section_end(page->out);
}
