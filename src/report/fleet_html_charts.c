/* SPDX-License-Identifier: Apache-2.0
 *
 * The charts: each in a card with a sentence that says what to see in it.
 */
#include "fleet_html_internal.h"

#define WEEK_MS    (7 * MS_PER_DAY)
#define WEEKS_MAX  64 /* of the longest period drawn */
#define CHART_AREA ((size_t)4096)

static void begin_card(const struct page *page, const char *heading) {
    buf_printf(page->out, "<div class=\"card\"><h3>%s</h3>\n<p>", heading);
}

static void end_sentence(const struct page *page) {
    html_put(page->out, "</p>\n");
}

static void end_card(const struct page *page) {
    html_put(page->out, "</div>\n");
}

static struct svg_line trend_line(const struct page *page) {
    const struct posture *posture = page->posture;
    struct svg_point *points = ARENA_ARRAY(page->arena, struct svg_point, posture->trend_count);
    for (size_t i = 0; i < posture->trend_count; i++) {
        const struct posture_point *point = &posture->trend[i];
        points[i] = (struct svg_point){(double)point->day, point->protected_percent};
    }
    const struct posture_point *trend = posture->trend;
    return (struct svg_line){.points = points,
                             .count = posture->trend_count,
                             .first_label = date_format(page->arena, trend[0].day),
                             .last_label =
                                 date_format(page->arena, trend[posture->trend_count - 1].day)};
}

static void chart_trend(const struct page *page) {
    const struct posture *posture = page->posture;
    if (posture->trend_count < 2) {
        return;
    }
    begin_card(page, "Protected share over time");
    double first = posture->trend[0].protected_percent;
    double last = posture->trend[posture->trend_count - 1].protected_percent;
    html_put(page->out, "From ");
    html_share(page->out, first);
    html_put(page->out, " to ");
    html_share(page->out, last);
    html_put(page->out, ", in ");
    html_counted(page->out, posture->trend_count, "report");
    html_put(page->out, ".");
    end_sentence(page);
    struct svg_line line = trend_line(page);
    str description = str_format(
        page->arena, "A line from %.1f percent on %" STR_FMT " to %.1f percent on %" STR_FMT ".",
        first, STR_ARG(line.first_label), last, STR_ARG(line.last_label));
    struct svg_chart chart = {"trend", "Share of load balancers in defensive or strictest mode",
                              description};
    svg_line(page->out, &chart, &line);
    end_card(page);
}

/* "strictest 12, defensive 13, ..." */
static str describe(struct arena *arena, const struct svg_bar *bars, size_t count) {
    struct buf text;
    buf_init(&text, arena, CHART_AREA);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&text, "%s%" STR_FMT ": %llu", i == 0 ? "" : "; ", STR_ARG(bars[i].label),
                   (unsigned long long)bars[i].value);
    }
    buf_append_char(&text, '.');
    return buf_str(&text);
}

static void chart_modes(const struct page *page) {
    const size_t *modes = page->summary.modes;
    const struct svg_bar bars[] = {{STR("strictest"), modes[MODE_STRICTEST], "good"},
                                   {STR("defensive"), modes[MODE_DEFENSIVE], "accent"},
                                   {STR("monitor"), modes[MODE_MONITOR], "bad"},
                                   {STR("unknown"), modes[MODE_UNKNOWN], "pale"}};
    size_t count = sizeof(bars) / sizeof(bars[0]);
    begin_card(page, "Modes");
    html_put(page->out, "Monitor lets every request through, desynchronising ones too.");
    end_sentence(page);
    struct svg_chart chart = {"modes", "Load balancers by mode",
                              describe(page->arena, bars, count)};
    svg_stacked(page->out, &chart, bars, count);
    end_card(page);
}

static void chart_grades(const struct page *page) {
    const size_t *grades = page->summary.grades;
    const struct svg_bar bars[] = {{STR("A strictest, drop"), grades[0], "good"},
                                   {STR("B strictest"), grades[1], "good"},
                                   {STR("C defensive, drop"), grades[2], "accent"},
                                   {STR("D defensive"), grades[3], "accent"},
                                   {STR("F monitor"), grades[4], "bad"}};
    size_t count = sizeof(bars) / sizeof(bars[0]);
    begin_card(page, "Grades");
    html_put(page->out,
             "The mode together with dropping invalid header fields (&ldquo;drop&rdquo;).");
    end_sentence(page);
    struct svg_chart chart = {"grades", "Load balancers by grade",
                              describe(page->arena, bars, count)};
    svg_bars(page->out, &chart, bars, count);
    end_card(page);
}

/* Weeks of the period, counted back from now, so that the last one is whole. */
static size_t week_count(const struct posture *posture) {
    int64_t weeks = (posture->now_ms - posture->period_start_ms + WEEK_MS - 1) / WEEK_MS;
    return weeks < 1 ? 1 : weeks > WEEKS_MAX ? WEEKS_MAX : (size_t)weeks;
}

static void chart_incidents(const struct page *page) {
    const struct posture *posture = page->posture;
    uint64_t closed[WEEKS_MAX] = {0};
    uint64_t open[WEEKS_MAX] = {0};
    size_t weeks = week_count(posture);
    size_t total = 0;
    for (size_t i = 0; i < posture->incident_count; i++) {
        const struct posture_incident *incident = &posture->incidents[i];
        int64_t age = (posture->now_ms - incident->opened_ms) / WEEK_MS;
        if (incident->opened_ms <= posture->now_ms && age < (int64_t)weeks) {
            uint64_t *counts = incident->closed_ms == 0 ? open : closed;
            counts[weeks - 1 - (size_t)age]++;
            total++;
        }
    }
    begin_card(page, "Incidents by week");
    html_counted(page->out, total, "incident");
    html_put(page->out, " began; those that are still open are set apart.");
    end_sentence(page);
    int64_t start_day = date_days_of_ms(posture->now_ms - (int64_t)weeks * WEEK_MS);
    struct svg_columns columns = {.lower = closed,
                                  .upper = open,
                                  .count = weeks,
                                  .lower_name = "closed since",
                                  .upper_name = "still open",
                                  .first_label = date_format(page->arena, start_day),
                                  .last_label =
                                      date_format(page->arena, date_days_of_ms(posture->now_ms))};
    struct svg_chart chart = {"incidents", "Incidents by the week in which they began",
                              str_format(page->arena, "%zu incident%s in %zu week%s.", total,
                                         str_by_count(total, "", "s"), weeks,
                                         str_by_count(weeks, "", "s"))};
    svg_columns(page->out, &chart, &columns);
    end_card(page);
}

static void chart_repair(const struct page *page) {
    static const double limits[] = {10.0 / 60, 1, 8, 24, 168};
    struct svg_bar bars[] = {{STR("up to 10 min"), 0, "calm"}, {STR("up to 1 h"), 0, "calm"},
                             {STR("up to 8 h"), 0, "calm"},    {STR("up to 1 day"), 0, "calm"},
                             {STR("up to 1 week"), 0, "calm"}, {STR("longer"), 0, "bad"}};
    const struct posture_kpis *kpis = &page->posture->kpis;
    size_t count = 0;
    const double *hours = posture_repair_hours(page->posture, page->arena, &count);
    for (size_t i = 0; i < count; i++) {
        size_t slot = 0;
        while (slot < sizeof(limits) / sizeof(limits[0]) && hours[i] > limits[slot]) {
            slot++;
        }
        bars[slot].value++;
    }
    begin_card(page, "Time to repair");
    if (count == 0) {
        html_put(page->out, "No incident was closed within the period.");
    } else {
        html_put(page->out, "Half within ");
        html_hours(page->out, kpis->mttr_p50_hours);
        html_put(page->out, ", nine in ten within ");
        html_hours(page->out, kpis->mttr_p90_hours);
        html_put(page->out, ", of ");
        html_counted(page->out, count, "incident");
        html_put(page->out, ".");
    }
    end_sentence(page);
    size_t bar_count = sizeof(bars) / sizeof(bars[0]);
    struct svg_chart chart = {"repair", "Closed incidents by time to repair",
                              describe(page->arena, bars, bar_count)};
    svg_bars(page->out, &chart, bars, bar_count);
    end_card(page);
}

static void add_window(struct traffic_window *sum, const struct traffic_window *window) {
    sum->requests += window->requests;
    sum->non_compliant += window->non_compliant;
    sum->elb_4xx += window->elb_4xx;
    sum->target_5xx += window->target_5xx;
}

static void write_effects(const struct page *page, const struct traffic_window *before,
                          const struct traffic_window *after) {
    const uint64_t from[] = {before->non_compliant, before->target_5xx, before->elb_4xx};
    const uint64_t to[] = {after->non_compliant, after->target_5xx, after->elb_4xx};
    static const char *const names[] = {"Non-compliant", "Target 5XX", "ELB 4XX"};
    struct svg_pair pairs[3];
    for (size_t i = 0; i < 3; i++) {
        pairs[i] =
            page_rate_pair(page->arena, names[i], &(struct page_rate){from[i], before->requests},
                           &(struct page_rate){to[i], after->requests});
    }
    struct svg_chart chart = {
        "effects", "Requests per 10,000 before and after changes",
        str_format(page->arena,
                   "Non-compliant %" STR_FMT " to %" STR_FMT "; target 5XX %" STR_FMT
                   " to %" STR_FMT "; ELB 4XX %" STR_FMT " to %" STR_FMT ".",
                   STR_ARG(pairs[0].before_text), STR_ARG(pairs[0].after_text),
                   STR_ARG(pairs[1].before_text), STR_ARG(pairs[1].after_text),
                   STR_ARG(pairs[2].before_text), STR_ARG(pairs[2].after_text))};
    svg_pairs(page->out, &chart, pairs, 3);
}

static void chart_effects(const struct page *page) {
    const struct posture *posture = page->posture;
    struct traffic_window before = {0};
    struct traffic_window after = {0};
    size_t count = 0;
    for (size_t i = 0; i < posture->change_count; i++) {
        if (page_change_has_numbers(&posture->changes[i])) {
            add_window(&before, &posture->changes[i].before);
            add_window(&after, &posture->changes[i].after);
            count++;
        }
    }
    if (count == 0) {
        return;
    }
    begin_card(page, "Effect of changes");
    html_put(page->out, "Per 10,000 requests, over ");
    html_counted(page->out, count, "change");
    html_put(page->out, " with traffic before and after.");
    end_sentence(page);
    write_effects(page, &before, &after);
    end_card(page);
}

static bool has_effects(const struct posture *posture) {
    for (size_t i = 0; i < posture->change_count; i++) {
        if (page_change_has_numbers(&posture->changes[i])) {
            return true;
        }
    }
    return false;
}

/* A card is as tall as its neighbours: what there is no chart of gets a sentence below them. */
static void write_missing(const struct page *page) {
    const struct posture *posture = page->posture;
    if (posture->trend_count < 2) {
        page_nothing(page,
                     "Protected share over time: there is no earlier report yet; the trend begins "
                     "with this one.");
    }
    if (posture->has_state && !has_effects(posture)) {
        page_nothing(page, "Effect of changes: none has traffic from both before and after it.");
    }
}

void page_charts(const struct page *page) {
    html_section_begin(page->out, "charts", "Charts", NULL);
    html_put(page->out, "<div class=\"charts\">\n");
    if (page->posture != NULL) {
        chart_trend(page);
    }
    chart_modes(page);
    chart_grades(page);
    if (page->posture != NULL && page->posture->has_state) {
        chart_incidents(page);
        chart_repair(page);
        chart_effects(page);
    }
    html_put(page->out, "</div>\n");
    if (page->posture != NULL) {
        write_missing(page);
    }
    html_section_end(page->out);
}
