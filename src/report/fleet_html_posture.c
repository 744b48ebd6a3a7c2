/* SPDX-License-Identifier: Apache-2.0
 *
 * What has to be done: by the owners, by those who approve exceptions, and by those who promote to
 * strictest.
 */
#include "fleet_html_internal.h"

static const struct fleet_row *row_at(const struct page *page, size_t i) {
    return &page->fleet->rows[i];
}

static const struct posture_row *history_at(const struct page *page, size_t i) {
    return &page->posture->rows[i];
}

/* How long it has been non-compliant, with the date below; sorted by age. */
static void write_since_cell(struct html_table *table, const struct page *page,
                             const struct posture_row *history) {
    int64_t since_ms = history->non_compliant_since_ms;
    if (since_ms == 0) {
        html_ranked_begin(table, 0);
        html_put(table->out, "<span class=\"quiet\">not known</span>");
        html_cell_end(table);
        return;
    }
    double hours = (double)(page->posture->now_ms - since_ms) / 3600000.0;
    html_number_begin(table, hours);
    html_hours(table->out, hours);
    html_put(table->out, "<small>");
    html_date(table->out, page->arena, since_ms);
    html_put(table->out, "</small>");
    if (history->is_escalated) {
        html_badge(table->out, "bad", "too long");
    }
    html_cell_end(table);
}

static bool is_failing(const struct page *page, size_t i) {
    return row_at(page, i)->evaluation.compliance == NON_COMPLIANT ||
           history_at(page, i)->is_escalated;
}

static size_t count_failing(const struct page *page) {
    size_t count = 0;
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        count += is_failing(page, i);
    }
    return count;
}

static void write_failing(struct html_table *table, const struct page *page, size_t i) {
    const struct fleet_row *row = row_at(page, i);
    html_row_begin(table, NULL);
    page_name_cell(table, row);
    write_since_cell(table, page, history_at(page, i));
    page_mode_cell(table, &row->evaluation);
    page_text_cell(table, row->evaluation.owner);
    page_findings_cell(table, &row->evaluation);
    html_row_end(table);
}

/* Those that have been so for too long, then the others, each in the order of the fleet. */
static void write_non_compliant(const struct page *page) {
    static const char *const columns[] = {"Load balancer", "For", "Mode", "Owner",
                                          "What has to be done"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 5};
    html_table_begin(&table, "non-compliant-table", "Non-compliant, worst first");
    for (int pass = 0; pass < 2; pass++) {
        bool is_late = pass == 0;
        for (size_t i = 0; i < page->fleet->row_count; i++) {
            if (is_failing(page, i) && history_at(page, i)->is_escalated == is_late) {
                write_failing(&table, page, i);
            }
        }
    }
    html_table_end(&table);
}

static void write_fights(const struct page *page) {
    static const char *const columns[] = {"Load balancer", "Mode", "Owner", "Who changes it back"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 4};
    html_table_begin(&table, "fights-table",
                     "Enforcement has stopped, because somebody keeps changing the mode back");
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        if (history_at(page, i)->is_fight) {
            const struct fleet_row *row = row_at(page, i);
            html_row_begin(&table, NULL);
            page_name_cell(&table, row);
            page_mode_cell(&table, &row->evaluation);
            page_text_cell(&table, row->evaluation.owner);
            page_text_cell(&table, posture_last_writer(page->posture, row->evaluation.resource_id));
            html_row_end(&table);
        }
    }
    html_table_end(&table);
}

static void write_ownerless(const struct page *page) {
    static const char *const columns[] = {"Load balancer", "Verdict", "Mode"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 3};
    html_table_begin(&table, "ownerless-table", "Without owner");
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        const struct fleet_row *row = row_at(page, i);
        if (posture_lacks_owner(&row->evaluation)) {
            html_row_begin(&table, NULL);
            page_name_cell(&table, row);
            page_verdict_cell(&table, &row->evaluation);
            page_mode_cell(&table, &row->evaluation);
            html_row_end(&table);
        }
    }
    html_table_end(&table);
}

void page_attention(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    size_t failing = count_failing(page);
    size_t unknown = page->summary.unknown;
    html_section_begin(page->out, "attention", "Needs attention", NULL);
    if (failing + unknown + kpis->fights + kpis->without_owner == 0) {
        page_nothing(page,
                     page->posture->has_state
                         ? "None is non-compliant, unknown or without owner, and nobody changes "
                           "modes back."
                         : "None is non-compliant, unknown or without owner. Whether somebody "
                           "changes modes back is not known, for there is no state table.");
    }
    if (failing > 0) {
        write_non_compliant(page);
    }
    if (unknown > 0) {
        page_unknown(page);
    }
    if (kpis->fights > 0) {
        write_fights(page);
    }
    if (kpis->without_owner > 0) {
        write_ownerless(page);
    }
    html_section_end(page->out);
}

static const char *exception_tone(enum exception_state state) {
    switch (state) {
    case EXCEPTION_STATE_EXPIRED:
    case EXCEPTION_STATE_REFUSED:
        return "bad";
    case EXCEPTION_STATE_ENDING:
        return "warn";
    case EXCEPTION_STATE_ACTIVE:
    case EXCEPTION_STATE_UNUSED:
    case EXCEPTION_STATE_NONE:
    case EXCEPTION_STATE_COUNT:
        break;
    }
    return "calm";
}

static const char *exception_words(enum exception_state state) {
    static const char *const words[] = {[EXCEPTION_STATE_NONE] = "none",
                                        [EXCEPTION_STATE_EXPIRED] = "expired",
                                        [EXCEPTION_STATE_ENDING] = "ends soon",
                                        [EXCEPTION_STATE_ACTIVE] = "in force",
                                        [EXCEPTION_STATE_REFUSED] = "not honoured",
                                        [EXCEPTION_STATE_UNUSED] = "not needed"};
    ASSERT((size_t)state < sizeof(words) / sizeof(words[0]));
    return words[state];
}

static void write_until_cell(struct html_table *table, const struct page *page, str until) {
    int64_t day = 0;
    html_cell_begin(table);
    if (!date_parse(until, &day)) {
        html_value(table->out, until);
        html_cell_end(table);
        return;
    }
    int64_t left = day - date_days_of_ms(page->posture->now_ms);
    html_date(table->out, page->arena, day * MS_PER_DAY);
    html_put(table->out, "<small>");
    html_counted(table->out, (uint64_t)(left < 0 ? -left : left), "day");
    html_put(table->out, left < 0 ? " ago</small>" : " left</small>");
    html_cell_end(table);
}

static void write_exception(struct html_table *table, const struct page *page, size_t i) {
    const struct fleet_row *row = row_at(page, i);
    enum exception_state state = posture_exception_state(&row->evaluation);
    html_row_begin(table, NULL);
    page_name_cell(table, row);
    html_ranked_begin(table, (double)state);
    html_badge(table->out, exception_tone(state), exception_words(state));
    html_cell_end(table);
    write_until_cell(table, page, row->evaluation.exception_until);
    page_text_cell(table, history_at(page, i)->exception_reason);
    page_text_cell(table, history_at(page, i)->exception_approver);
    page_text_cell(table, row->evaluation.owner);
    html_row_end(table);
}

static size_t count_exceptions(const struct page *page) {
    size_t count = 0;
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        count += posture_exception_state(&row_at(page, i)->evaluation) != EXCEPTION_STATE_NONE;
    }
    return count;
}

void page_exceptions(const struct page *page) {
    static const char *const columns[] = {"Load balancer", "State",    "Until",
                                          "Reason",        "Approver", "Owner"};
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 6};
    html_section_begin(page->out, "exceptions", "Exceptions",
                       "An exception excuses a weak mode until its last day, in UTC, and nothing "
                       "else. One that is malformed, incomplete or too long does not count.");
    if (count_exceptions(page) == 0) {
        page_nothing(page, "No load balancer has an exception.");
        html_section_end(page->out);
        return;
    }
    html_table_begin(&table, "exceptions-table", "Exceptions, those to be seen to first");
    for (enum exception_state state = EXCEPTION_STATE_EXPIRED; state < EXCEPTION_STATE_COUNT;
         state++) {
        for (size_t i = 0; i < page->fleet->row_count; i++) {
            if (posture_exception_state(&row_at(page, i)->evaluation) == state) {
                write_exception(&table, page, i);
            }
        }
    }
    html_table_end(&table);
    html_section_end(page->out);
}

static bool has_advice(const struct page *page, size_t i, enum recommendation recommendation) {
    const struct posture_row *row = history_at(page, i);
    return row->has_advice && row->advice.recommendation == recommendation;
}

static size_t count_advice(const struct page *page, enum recommendation recommendation) {
    size_t count = 0;
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        count += has_advice(page, i, recommendation);
    }
    return count;
}

static void write_advice(struct html_table *table, const struct page *page, size_t i) {
    const struct advice *advice = &history_at(page, i)->advice;
    struct buf *out = table->out;
    html_row_begin(table, NULL);
    page_name_cell(table, row_at(page, i));
    page_text_cell(table, row_at(page, i)->evaluation.owner);
    html_number_begin(table, (double)advice->requests);
    html_count(out, advice->requests);
    html_put(out, advice->is_from_logs ? "<small>access log</small>" : "<small>metrics</small>");
    html_cell_end(table);
    html_number_begin(table, (double)advice->blocked);
    html_count(out, advice->blocked);
    html_put(out, "<small>");
    html_percent(out, advice->blocked_percent);
    html_put(out, "</small>");
    html_cell_end(table);
    html_number_begin(table, advice->bound_percent);
    html_put(out, "&le;&nbsp;");
    html_percent(out, advice->bound_percent);
    html_cell_end(table);
    page_long_cell(table, advice->reason);
    html_row_end(table);
}

static void write_advices(const struct page *page, enum recommendation recommendation,
                          const char *id, const char *caption) {
    static const char *const columns[] = {"Load balancer",    "Owner", "Requests seen",
                                          "Would be blocked", "Bound", "Why"};
    if (count_advice(page, recommendation) == 0) {
        return;
    }
    struct html_table table = {.out = page->out, .columns = columns, .column_count = 6};
    html_table_begin(&table, id, caption);
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        if (has_advice(page, i, recommendation)) {
            write_advice(&table, page, i);
        }
    }
    html_table_end(&table);
}

void page_candidates(const struct page *page) {
    struct buf *out = page->out;
    html_section_begin(out, "candidates", "Towards strictest",
                       "Who could go to strictest, by what was seen of their traffic. Each number "
                       "comes with the bound that the size of the sample allows.");
    html_put(out, "<p>");
    html_count(out, page->posture->kpis.candidates);
    html_put(out, " ready, ");
    html_count(out, count_advice(page, RECOMMEND_FIX_CLIENTS));
    html_put(out, " with clients to be fixed first, ");
    html_count(out, count_advice(page, RECOMMEND_HOLD));
    html_put(out, " on hold, ");
    html_count(out, count_advice(page, RECOMMEND_NO_EVIDENCE));
    html_put(out, " without enough evidence.</p>\n");
    write_advices(page, RECOMMEND_PROMOTE, "candidates-table", "Ready for strictest");
    write_advices(page, RECOMMEND_FIX_CLIENTS, "clients-table", "Clients to be fixed first");
    html_section_end(out);
}
