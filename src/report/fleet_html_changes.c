/* SPDX-License-Identifier: Apache-2.0
 *
 * The changes that desync-guard made, with the traffic before and after. A request that a mode
 * blocks never reaches the target: the load balancer's own 4XX count shows blocked clients.
 */
#include "fleet_html_internal.h"

/* The newest; the JSON has them all. */
#define CHANGES_SHOWN_MAX 200
/* Requests in the page's rates: a rate of one in a thousand is 10. */
#define RATE_REQUESTS 10000.0
/* A rate that is up by less is coloured as unchanged. */
#define WORSE_FROM 1.05

static const struct posture_change *change_at(const struct page *page, size_t i) {
    return &page->posture->changes[i];
}

static void arn_cell(struct html_table *table, const struct page *page, size_t i) {
    page_arn_cell(table, page, change_at(page, i)->arn);
}

static void when_cell(struct html_table *table, const struct page *page, size_t i) {
    html_ranked_begin(table, (double)change_at(page, i)->at_ms);
    html_put(table->out, html_time(page->arena, change_at(page, i)->at_ms).text);
}

static void action_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    html_cell_begin(table);
    buf_printf(table->out, "%s<small>%s &rarr; %s</small>",
               change->action == ACTION_ENFORCE    ? "enforced"
               : change->action == ACTION_PROMOTE  ? "promoted"
               : change->action == ACTION_ROLLBACK ? "rolled back"
                                                   : "changed",
               mode_name(change->from), mode_name(change->to));
}

/* Without both there is nothing to compare: a window without data is not one without errors. */
bool page_change_has_numbers(const struct posture_change *change) {
    return change->has_before && change->has_after && change->before.has_data &&
           change->after.has_data;
}

/* The text beside the bars, "12.5 -> 3.1", then the bars. */
static void write_pair(struct html_table *table, const struct posture_change *change,
                       struct svg_pair pair) {
    if (!page_change_has_numbers(change)) {
        html_ranked_begin(table, 0);
        bool is_awaited = change->has_before && change->ending == WATCH_ENDING_NONE;
        html_quiet(table->out, is_awaited ? "not yet known" : "not known");
        return;
    }
    html_number_begin(table, pair.after - pair.before);
    buf_printf(table->out, "%" STR_FMT " &rarr; %" STR_FMT "<br>", STR_ARG(pair.before_text),
               STR_ARG(pair.after_text));
    svg_pair_mini(table->out, &pair);
}

static void non_compliant_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    uint64_t before = change->before.non_compliant;
    uint64_t after = change->after.non_compliant;
    write_pair(
        table, change,
        (struct svg_pair){.name = "Non-compliant requests",
                          .before = (double)before,
                          .after = (double)after,
                          .before_text = str_format(page->arena, "%s", count_text(before).text),
                          .after_text = str_format(page->arena, "%s", count_text(after).text),
                          .is_worse = after > before});
}

static str rate_text(struct arena *arena, double rate, uint64_t requests) {
    return requests == 0            ? STR("no requests") /* of which there is no rate */
           : rate > 0 && rate < 0.1 ? str_format(arena, "%.2g", rate)
                                    : str_format(arena, "%.1f", rate);
}

/* With no request before there is no rate to be worse than. */
struct svg_pair page_rate_pair(struct arena *arena, const char *name, struct page_rate before,
                               struct page_rate after) {
    double from = posture_per_request(before.count, before.requests) * RATE_REQUESTS;
    double to = posture_per_request(after.count, after.requests) * RATE_REQUESTS;
    return (struct svg_pair){.name = name,
                             .before = from,
                             .after = to,
                             .before_text = rate_text(arena, from, before.requests),
                             .after_text = rate_text(arena, to, after.requests),
                             .is_worse = before.requests > 0 && to > WORSE_FROM * from};
}

static void target_5xx_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    const struct traffic_window *before = &change->before;
    const struct traffic_window *after = &change->after;
    write_pair(table, change,
               page_rate_pair(page->arena, "Target 5XX per 10,000 requests",
                              (struct page_rate){before->target_5xx, before->requests},
                              (struct page_rate){after->target_5xx, after->requests}));
}

static void elb_4xx_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    const struct traffic_window *before = &change->before;
    const struct traffic_window *after = &change->after;
    write_pair(table, change,
               page_rate_pair(page->arena, "ELB 4XX per 10,000 requests",
                              (struct page_rate){before->elb_4xx, before->requests},
                              (struct page_rate){after->elb_4xx, after->requests}));
}

/* Each ending has a word and a colour of its own; only `held` is green. */
static void write_ending(struct buf *out, const struct posture_change *change) {
    static const struct {
        const char *colour;
        const char *word;
    } badges[] = {[WATCH_ENDING_HELD] = {"good", "held"},
                  [WATCH_ENDING_ROLLED_BACK] = {"bad", "rolled back"},
                  [WATCH_ENDING_REVERTED] = {"warn", "reverted"},
                  [WATCH_ENDING_INCONCLUSIVE] = {"calm", "inconclusive"}};
    html_badge(out, badges[change->ending].colour, badges[change->ending].word);
    if (!str_is_empty(change->ending_reason)) {
        html_put(out, "<small>");
        html_value(out, change->ending_reason);
        html_put(out, "</small>");
    }
}

/* Every promotion is watched; only its last watch is kept. */
static void watch_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    html_long_begin(table);
    if (change->ending != WATCH_ENDING_NONE) {
        write_ending(table->out, change);
    } else if (change->watch == WATCH_STATE_OPEN) {
        html_badge(table->out, "open", "watching");
    } else {
        bool was_watched = change->action == ACTION_PROMOTE;
        html_quiet(table->out, was_watched ? "not known" : "not watched");
    }
}

static void why_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_change *change = change_at(page, i);
    page_long_cell(table, change->why);
    if (!str_is_empty(change->by)) {
        html_put(table->out, "<small>last written by ");
        html_value(table->out, change->by);
        html_put(table->out, "</small>");
    }
}

void page_changes(const struct page *page) {
    static const struct page_table table = {
        .id = "changes-table",
        .caption = "Changes, newest first; before &rarr; after",
        .columns = {{"Load balancer", arn_cell},
                    {"When", when_cell},
                    {"Change", action_cell},
                    {"Non-compliant requests", non_compliant_cell},
                    {"Target 5XX per 10,000", target_5xx_cell},
                    {"ELB 4XX per 10,000", elb_4xx_cell},
                    {"Watch", watch_cell},
                    {"Why", why_cell}}};
    size_t count = page->posture->change_count;
    html_section_begin(
        page->out, "changes", "Changes",
        "What desync-guard changed, with the traffic before and after. Requests that "
        "a mode blocks show as ELB 4XX: they never reach a target.");
    if (count == 0) {
        page_nothing(page, page->posture->has_state
                               ? "Nothing was changed."
                               : "Not known what was changed, for there is no state table.");
    }
    page_write_table(page, &table, count < CHANGES_SHOWN_MAX ? count : CHANGES_SHOWN_MAX);
    if (count > CHANGES_SHOWN_MAX) {
        size_t older = count - CHANGES_SHOWN_MAX;
        buf_printf(page->out, "<p>%zu older change%s in the JSON report.</p>\n", older,
                   str_by_count(older, " is", "s are"));
    }
    html_section_end(page->out);
}
