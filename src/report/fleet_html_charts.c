/* SPDX-License-Identifier: Apache-2.0
 *
 * The charts: each in a card with a sentence that says what it shows.
 */
#include <inttypes.h>

#include "fleet_html_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define WEEK_MS    (7 * MS_PER_DAY)
#define WEEKS_MAX  64 /* of the longest period drawn */
#define CHART_AREA ((size_t)4096)

/* The card of one chart: its heading and a sentence. */
__attribute__((format(printf, 3, 4))) static void begin_card(const struct page *page,
                                                             const char *heading,
                                                             const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    str sentence = str_format_va(page->arena, format, arguments);
    va_end(arguments);
    buf_printf(page->out, "<div class=\"card\"><h3>%s</h3>\n<p>%" STR_FMT "</p>\n", heading,
               STR_ARG(sentence));
}

static void end_card(const struct page *page) {
    html_put(page->out, "</div>\n");
}

static void chart_trend(const struct page *page) {
    const struct posture_point *trend = page->posture->trend;
    size_t count = page->posture->trend_count;
    if (count < 2) {
        return;
    }
    double first = trend[0].protected_percent;
    double last = trend[count - 1].protected_percent;
    begin_card(page, "Protected share over time", "From %s to %s, in %s.", html_share(first).text,
               html_share(last).text, html_counted(count, "report").text);
    struct svg_point *points = ARENA_ARRAY(page->arena, struct svg_point, count);
    for (size_t i = 0; i < count; i++) {
        points[i] = (struct svg_point){(double)trend[i].day, trend[i].protected_percent};
    }
    struct svg_line line = {.points = points,
                            .count = count,
                            .first_label = date_format(page->arena, trend[0].day),
                            .last_label = date_format(page->arena, trend[count - 1].day)};
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
        buf_printf(&text, "%s%" STR_FMT ": %" PRIu64, i == 0 ? "" : "; ", STR_ARG(bars[i].label),
                   bars[i].value);
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
    struct svg_chart chart = {"modes", "Load balancers by mode",
                              describe(page->arena, bars, COUNT(bars))};
    begin_card(page, "Modes", "Monitor lets every request through, desynchronising ones too.");
    svg_stacked(page->out, &chart, bars, COUNT(bars));
    end_card(page);
}

static void chart_grades(const struct page *page) {
    const size_t *grades = page->summary.grades;
    const struct svg_bar bars[] = {{STR("A strictest, drop"), grades[0], "good"},
                                   {STR("B strictest"), grades[1], "good"},
                                   {STR("C defensive, drop"), grades[2], "accent"},
                                   {STR("D defensive"), grades[3], "accent"},
                                   {STR("F monitor"), grades[4], "bad"}};
    struct svg_chart chart = {"grades", "Load balancers by grade",
                              describe(page->arena, bars, COUNT(bars))};
    begin_card(page, "Grades",
               "The mode together with dropping invalid header fields (&ldquo;drop&rdquo;).");
    svg_bars(page->out, &chart, bars, COUNT(bars));
    end_card(page);
}

/* Weeks are counted back from now:
 *
 *   start                                                        now
 *     | week 0 | week 1 | ...                  | week weeks-1     |
 *     ^ may begin before the period, for weeks are whole
 */
static void chart_incidents(const struct page *page) {
    const struct posture *posture = page->posture;
    uint64_t closed[WEEKS_MAX] = {0};
    uint64_t open[WEEKS_MAX] = {0};
    /* of the period, counted back from now, so that the last one is whole */
    int64_t weeks = (posture->now_ms - posture->period_start_ms + WEEK_MS - 1) / WEEK_MS;
    weeks = weeks < 1 ? 1 : weeks > WEEKS_MAX ? WEEKS_MAX : weeks;
    size_t total = 0;
    for (size_t i = 0; i < posture->incident_count; i++) {
        const struct posture_incident *incident = &posture->incidents[i];
        int64_t age = (posture->now_ms - incident->opened_ms) / WEEK_MS;
        if (incident->opened_ms <= posture->now_ms && age < weeks) {
            (incident->closed_ms == 0 ? open : closed)[weeks - 1 - age]++;
            total++;
        }
    }
    begin_card(page, "Incidents by week", "%s began; those that are still open are set apart.",
               html_counted(total, "incident").text);
    int64_t today = date_days_of_ms(posture->now_ms);
    int64_t start_day = date_days_of_ms(posture->now_ms - weeks * WEEK_MS);
    struct svg_columns columns = {.lower = closed,
                                  .upper = open,
                                  .count = (size_t)weeks,
                                  .lower_name = "closed since",
                                  .upper_name = "still open",
                                  .first_label = date_format(page->arena, start_day),
                                  .last_label = date_format(page->arena, today)};
    struct svg_chart chart = {"incidents", "Incidents by the week in which they began",
                              str_format(page->arena, "%zu incident%s in %d week%s.", total,
                                         str_by_count(total, "", "s"), (int)weeks,
                                         str_by_count((uint64_t)weeks, "", "s"))};
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
        while (slot < COUNT(limits) && hours[i] > limits[slot]) {
            slot++;
        }
        bars[slot].value++;
    }
    if (count == 0) {
        begin_card(page, "Time to repair", "No incident was closed within the period.");
    } else {
        begin_card(page, "Time to repair", "Half within %s, nine in ten within %s, of %s.",
                   html_hours(kpis->mttr_p50_hours).text, html_hours(kpis->mttr_p90_hours).text,
                   html_counted(count, "incident").text);
    }
    struct svg_chart chart = {"repair", "Closed incidents by time to repair",
                              describe(page->arena, bars, COUNT(bars))};
    svg_bars(page->out, &chart, bars, COUNT(bars));
    end_card(page);
}

static void add_window(struct traffic_window *sum, const struct traffic_window *window) {
    sum->requests += window->requests;
    sum->non_compliant += window->non_compliant;
    sum->elb_4xx += window->elb_4xx;
    sum->target_5xx += window->target_5xx;
}

/* The sums of the traffic before and after all changes that have both; returns how many have. Sums
 * and not a mean of rates: a load balancer with ten requests must not weigh as much as one with a
 * million. */
static size_t sum_windows(const struct posture *posture, struct traffic_window *before,
                          struct traffic_window *after) {
    size_t count = 0;
    for (size_t i = 0; i < posture->change_count; i++) {
        const struct posture_change *change = &posture->changes[i];
        if (page_change_has_numbers(change)) {
            add_window(before, &change->before);
            add_window(after, &change->after);
            count++;
        }
    }
    return count;
}

static void chart_effects(const struct page *page) {
    struct traffic_window before = {0};
    struct traffic_window after = {0};
    size_t count = sum_windows(page->posture, &before, &after);
    if (count == 0) {
        return;
    }
    begin_card(page, "Effect of changes",
               "Per 10,000 requests, over %s with traffic before and after.",
               html_counted(count, "change").text);
    const struct svg_pair pairs[] = {
        page_rate_pair(page->arena, "Non-compliant",
                       (struct page_rate){before.non_compliant, before.requests},
                       (struct page_rate){after.non_compliant, after.requests}),
        page_rate_pair(page->arena, "Target 5XX",
                       (struct page_rate){before.target_5xx, before.requests},
                       (struct page_rate){after.target_5xx, after.requests}),
        page_rate_pair(page->arena, "ELB 4XX", (struct page_rate){before.elb_4xx, before.requests},
                       (struct page_rate){after.elb_4xx, after.requests})};
    struct svg_chart chart = {
        "effects", "Requests per 10,000 before and after changes",
        str_format(page->arena,
                   "Non-compliant %" STR_FMT " to %" STR_FMT "; target 5XX %" STR_FMT
                   " to %" STR_FMT "; ELB 4XX %" STR_FMT " to %" STR_FMT ".",
                   STR_ARG(pairs[0].before_text), STR_ARG(pairs[0].after_text),
                   STR_ARG(pairs[1].before_text), STR_ARG(pairs[1].after_text),
                   STR_ARG(pairs[2].before_text), STR_ARG(pairs[2].after_text))};
    svg_pairs(page->out, &chart, pairs, COUNT(pairs));
    end_card(page);
}

/* A card is as tall as its neighbours: a chart that is missing gets a sentence below them. */
static void write_missing(const struct page *page) {
    const struct posture *posture = page->posture;
    struct traffic_window sum = {0};
    if (posture->trend_count < 2) {
        page_nothing(page,
                     "Protected share over time: there is no earlier report yet; the trend begins "
                     "with this one.");
    }
    if (posture->has_state && sum_windows(posture, &sum, &sum) == 0) {
        page_nothing(page, "Effect of changes: none has traffic from both before and after it.");
    }
}

void page_charts(const struct page *page) {
    bool has_posture = page->posture != NULL;
    html_section_begin(page->out, "charts", "Charts", NULL);
    html_put(page->out, "<div class=\"charts\">\n");
    if (has_posture) {
        chart_trend(page);
    }
    chart_modes(page);
    chart_grades(page);
    if (has_posture && page->posture->has_state) {
        chart_incidents(page);
        chart_repair(page);
        chart_effects(page);
    }
    html_put(page->out, "</div>\n");
    if (has_posture) {
        write_missing(page);
    }
    html_section_end(page->out);
}
