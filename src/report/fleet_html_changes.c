/* SPDX-License-Identifier: Apache-2.0
 *
 * What was changed, and what the traffic looked like before and after. A request that a mode blocks
 * never reaches the target: it is the load balancer's own 4XX that tells of blocked clients.
 */
#include "fleet_html_internal.h"

/* The newest; the JSON has them all. */
#define CHANGES_SHOWN_MAX 200
/* Requests in the page's rates: a rate of one in a thousand is 10. */
#define RATE_REQUESTS 10000.0
/* A rate that is up by less is coloured as unchanged. */
#define WORSE_FROM 1.05

static const char *action_words(str action) {
    return str_eq(action, STR("enforce"))    ? "enforced"
           : str_eq(action, STR("promote"))  ? "promoted"
           : str_eq(action, STR("rollback")) ? "rolled back"
                                             : "changed";
}

static void write_what_cell(struct html_table *table, const struct posture_change *change) {
    html_cell_begin(table);
    buf_printf(table->out, "%s<small>%s &rarr; %s</small>", action_words(change->action),
               mode_name(change->from), mode_name(change->to));
    html_cell_end(table);
}

/* The text beside the bars, "12.5 -> 3.1", then the bars. */
static void write_pair_cell(struct html_table *table, const struct svg_pair *pair) {
    html_number_begin(table, pair->after - pair->before);
    html_text(table->out, pair->before_text);
    html_put(table->out, " &rarr; ");
    html_text(table->out, pair->after_text);
    html_put(table->out, "<br>");
    svg_pair_mini(table->out, pair);
    html_cell_end(table);
}

static void write_no_pair_cell(struct html_table *table, const struct posture_change *change) {
    html_ranked_begin(table, 0);
    html_put(table->out, "<span class=\"quiet\">");
    bool is_awaited = change->has_before && str_is_empty(change->ending);
    html_put(table->out, is_awaited ? "not yet known" : "not known");
    html_put(table->out, "</span>");
    html_cell_end(table);
}

static str rate_text(struct arena *arena, double rate, uint64_t requests) {
    if (requests == 0) {
        return STR("no requests"); /* of which there is no rate */
    }
    return rate > 0 && rate < 0.1 ? str_format(arena, "%.2g", rate)
                                  : str_format(arena, "%.1f", rate);
}

struct svg_pair page_rate_pair(struct arena *arena, const char *name,
                               const struct page_rate *before, const struct page_rate *after) {
    double from = posture_per_request(before->count, before->requests) * RATE_REQUESTS;
    double to = posture_per_request(after->count, after->requests) * RATE_REQUESTS;
    return (struct svg_pair){.name = name,
                             .before = from,
                             .after = to,
                             .before_text = rate_text(arena, from, before->requests),
                             .after_text = rate_text(arena, to, after->requests),
                             .is_worse = before->requests > 0 && to > WORSE_FROM * from};
}

bool page_change_has_numbers(const struct posture_change *change) {
    return change->has_before && change->has_after && change->before.has_data &&
           change->after.has_data;
}

static str count_text(struct arena *arena, uint64_t count) {
    struct buf text;
    buf_init(&text, arena, 64);
    html_count(&text, count);
    return buf_str(&text);
}

static struct svg_pair non_compliant_pair(struct arena *arena,
                                          const struct posture_change *change) {
    return (struct svg_pair){.name = "Non-compliant requests",
                             .before = (double)change->before.non_compliant,
                             .after = (double)change->after.non_compliant,
                             .before_text = count_text(arena, change->before.non_compliant),
                             .after_text = count_text(arena, change->after.non_compliant),
                             .is_worse =
                                 change->after.non_compliant > change->before.non_compliant};
}

static void write_number_cells(struct html_table *table, const struct page *page,
                               const struct posture_change *change) {
    const struct traffic_window *before = &change->before;
    const struct traffic_window *after = &change->after;
    struct svg_pair pairs[] = {
        non_compliant_pair(page->arena, change),
        page_rate_pair(page->arena, "Target 5XX per 10,000 requests",
                       &(struct page_rate){before->target_5xx, before->requests},
                       &(struct page_rate){after->target_5xx, after->requests}),
        page_rate_pair(page->arena, "ELB 4XX per 10,000 requests",
                       &(struct page_rate){before->elb_4xx, before->requests},
                       &(struct page_rate){after->elb_4xx, after->requests})};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (page_change_has_numbers(change)) {
            write_pair_cell(table, &pairs[i]);
        } else {
            write_no_pair_cell(table, change);
        }
    }
}

/* Each ending has a word and a colour of its own; only `held` is green. */
static void write_ending(struct buf *out, const struct posture_change *change) {
    static const struct {
        str ending;
        const char *tone;
        const char *words;
    } endings[] = {{{"held", 4}, "good", "held"},
                   {{"rolled_back", 11}, "bad", "rolled back"},
                   {{"reverted", 8}, "warn", "reverted"}};
    const char *tone = "calm";
    const char *words = "inconclusive";
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (str_eq(change->ending, endings[i].ending)) {
            tone = endings[i].tone;
            words = endings[i].words;
        }
    }
    html_badge(out, tone, words);
    if (!str_is_empty(change->ending_reason)) {
        html_put(out, "<small>");
        html_value(out, change->ending_reason);
        html_put(out, "</small>");
    }
}

static void write_watch_cell(struct html_table *table, const struct posture_change *change) {
    html_long_begin(table);
    if (!str_is_empty(change->ending)) {
        write_ending(table->out, change);
    } else if (str_eq(change->watch, STR("open"))) {
        html_badge(table->out, "open", "watching");
    } else {
        /* Every promotion is watched; only its last watch is kept. */
        bool was_watched = str_eq(change->action, STR("promote"));
        html_put(table->out, "<span class=\"quiet\">");
        html_put(table->out, was_watched ? "not known" : "not watched");
        html_put(table->out, "</span>");
    }
    html_cell_end(table);
}

static void write_why_cell(struct html_table *table, const struct posture_change *change) {
    html_long_begin(table);
    html_value(table->out, change->why);
    if (!str_is_empty(change->by)) {
        html_put(table->out, "<small>last written by ");
        html_value(table->out, change->by);
        html_put(table->out, "</small>");
    }
    html_cell_end(table);
}

static void write_change(struct html_table *table, const struct page *page,
                         const struct posture_change *change) {
    html_row_begin(table, NULL);
    page_arn_cell(table, page, change->arn);
    html_ranked_begin(table, (double)change->at_ms);
    html_time(table->out, page->arena, change->at_ms);
    html_cell_end(table);
    write_what_cell(table, change);
    write_number_cells(table, page, change);
    write_watch_cell(table, change);
    write_why_cell(table, change);
    html_row_end(table);
}

void page_changes(const struct page *page) {
    static const char *const columns[] = {
        "Load balancer",      "When",  "Change", "Non-compliant requests", "Target 5XX per 10,000",
        "ELB 4XX per 10,000", "Watch", "Why"};
    const struct posture *posture = page->posture;
    html_section_begin(
        page->out, "changes", "Changes",
        "What desync-guard changed, with the traffic before and after. Requests that "
        "a mode blocks show as ELB 4XX: they never reach a target.");
    if (posture->change_count == 0) {
        page_nothing(page, posture->has_state
                               ? "Nothing was changed."
                               : "Not known what was changed, for there is no state table.");
        html_section_end(page->out);
        return;
    }
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 8};
    html_table_begin(&table, "changes-table", "Changes, newest first; before &rarr; after");
    for (size_t i = 0; i < posture->change_count && i < CHANGES_SHOWN_MAX; i++) {
        write_change(&table, page, &posture->changes[i]);
    }
    html_table_end(&table);
    if (posture->change_count > CHANGES_SHOWN_MAX) {
        size_t older = posture->change_count - CHANGES_SHOWN_MAX;
        buf_printf(page->out, "<p>%zu older change%s in the JSON report.</p>\n", older,
                   str_by_count(older, " is", "s are"));
    }
    html_section_end(page->out);
}
