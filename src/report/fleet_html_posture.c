/* SPDX-License-Identifier: Apache-2.0
 *
 * The work that is left: for the owners, for those who approve exceptions, and for those who
 * promote to strictest.
 */
#include "fleet_html_internal.h"

static const struct evaluation *evaluation_at(const struct page *page, size_t i) {
    return &page->fleet->rows[i].evaluation;
}

/* --- needs attention -------------------------------------------------------------------------- */

/* How long it has been non-compliant, with the date below; sorted by age. */
static void since_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct posture_row *history = &page->posture->rows[i];
    int64_t since_ms = history->non_compliant_since_ms;
    if (since_ms == 0) {
        html_ranked_begin(table, 0);
        html_quiet(table->out, "not known");
        return;
    }
    double hours = (double)(page->posture->now_ms - since_ms) / 3600000.0;
    html_number_begin(table, hours);
    buf_printf(table->out, "%s<small>%s</small>", html_hours(hours).text,
               html_date(page->arena, since_ms).text);
    if (history->is_escalated) {
        html_badge(table->out, "bad", "too long");
    }
}

/* Those that have been so for too long, then the others, each in the order of the fleet. */
static int rank_of_failing(const struct page *page, size_t i) {
    bool is_failing = evaluation_at(page, i)->compliance == NON_COMPLIANT;
    return page->posture->rows[i].is_escalated ? 0 : is_failing ? 1 : -1;
}

static const struct page_table failing = {.id = "non-compliant-table",
                                          .caption = "Non-compliant, worst first",
                                          .columns = {{"Load balancer", page_name_cell},
                                                      {"For", since_cell},
                                                      {"Mode", page_mode_cell},
                                                      {"Owner", page_owner_cell},
                                                      {"What has to be done", page_findings_cell}},
                                          .rank = rank_of_failing};

static int rank_of_fight(const struct page *page, size_t i) {
    return page->posture->rows[i].is_fight ? 0 : -1;
}

static void writer_cell(struct html_table *table, const struct page *page, size_t i) {
    str arn = evaluation_at(page, i)->resource_id;
    page_text_cell(table, posture_last_writer(page->posture, arn));
}

static const struct page_table fights = {
    .id = "fights-table",
    .caption = "Enforcement has stopped, because somebody keeps changing the mode back",
    .columns = {{"Load balancer", page_name_cell},
                {"Mode", page_mode_cell},
                {"Owner", page_owner_cell},
                {"Changed back by", writer_cell}},
    .rank = rank_of_fight};

static int rank_of_ownerless(const struct page *page, size_t i) {
    return posture_lacks_owner(evaluation_at(page, i)) ? 0 : -1;
}

static const struct page_table ownerless = {.id = "ownerless-table",
                                            .caption = "Without owner",
                                            .columns = {{"Load balancer", page_name_cell},
                                                        {"Verdict", page_verdict_cell},
                                                        {"Mode", page_mode_cell}},
                                            .rank = rank_of_ownerless};

/* A load balancer may be in several of these tables: each asks somebody else to do something. */
void page_attention(const struct page *page) {
    const struct posture_kpis *kpis = &page->posture->kpis;
    size_t row_count = page->fleet->row_count;
    html_section_begin(page->out, "attention", "Needs attention", NULL);
    if (page_count(page, &failing, row_count) + page->summary.unknown + kpis->fights +
            kpis->without_owner ==
        0) {
        page_nothing(page,
                     page->posture->has_state
                         ? "None is non-compliant, unknown or without owner, and nobody changes "
                           "modes back."
                         : "None is non-compliant, unknown or without owner. Whether somebody "
                           "changes modes back is not known, for there is no state table.");
    }
    page_write_table(page, &failing, row_count);
    page_unknown(page);
    page_write_table(page, &fights, row_count);
    page_write_table(page, &ownerless, row_count);
    html_section_end(page->out);
}

/* --- exceptions ------------------------------------------------------------------------------- */

static void exception_state_cell(struct html_table *table, const struct page *page, size_t i) {
    static const struct {
        const char *tone;
        const char *words;
    } badges[] = {[EXCEPTION_STATE_NONE] = {"calm", "none"},
                  [EXCEPTION_STATE_EXPIRED] = {"bad", "expired"},
                  [EXCEPTION_STATE_ENDING] = {"warn", "ends soon"},
                  [EXCEPTION_STATE_ACTIVE] = {"calm", "in force"},
                  [EXCEPTION_STATE_REFUSED] = {"bad", "not honoured"},
                  [EXCEPTION_STATE_UNUSED] = {"calm", "not needed"}};
    enum exception_state state = posture_exception_state(evaluation_at(page, i));
    html_ranked_begin(table, (double)state);
    html_badge(table->out, badges[state].tone, badges[state].words);
}

static void until_cell(struct html_table *table, const struct page *page, size_t i) {
    str until = evaluation_at(page, i)->exception_until;
    int64_t day = 0;
    html_cell_begin(table);
    if (!date_parse(until, &day)) {
        html_value(table->out, until);
        return;
    }
    int64_t left = day - date_days_of_ms(page->posture->now_ms);
    buf_printf(table->out, "%s<small>%s %s</small>", html_date(page->arena, day * MS_PER_DAY).text,
               html_counted((uint64_t)(left < 0 ? -left : left), "day").text,
               left < 0 ? "ago" : "left");
}

static void exception_reason_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(table, page->posture->rows[i].exception_reason);
}

static void exception_approver_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(table, page->posture->rows[i].exception_approver);
}

/* EXCEPTION_STATE_NONE is 0 and so not in the table; the others are in the order of the enum. */
static int rank_of_exception(const struct page *page, size_t i) {
    return (int)posture_exception_state(evaluation_at(page, i)) - 1;
}

static const struct page_table exceptions = {.id = "exceptions-table",
                                             .caption = "Exceptions, those to be seen to first",
                                             .columns = {{"Load balancer", page_name_cell},
                                                         {"State", exception_state_cell},
                                                         {"Until", until_cell},
                                                         {"Reason", exception_reason_cell},
                                                         {"Approver", exception_approver_cell},
                                                         {"Owner", page_owner_cell}},
                                             .rank = rank_of_exception};

void page_exceptions(const struct page *page) {
    html_section_begin(page->out, "exceptions", "Exceptions",
                       "An exception excuses a weak mode until its last day, in UTC, and nothing "
                       "else. One that is malformed, incomplete or too long does not count.");
    if (page_count(page, &exceptions, page->fleet->row_count) == 0) {
        page_nothing(page, "No load balancer has an exception.");
    }
    page_write_table(page, &exceptions, page->fleet->row_count);
    html_section_end(page->out);
}

/* --- towards strictest ------------------------------------------------------------------------ */

static void requests_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct advice *advice = &page->posture->rows[i].advice;
    html_number_begin(table, (double)advice->requests);
    buf_printf(table->out, "%s<small>%s</small>", count_text(advice->requests).text,
               advice->is_from_logs ? "access log" : "metrics");
}

static void blocked_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct advice *advice = &page->posture->rows[i].advice;
    html_number_begin(table, (double)advice->blocked);
    buf_printf(table->out, "%s<small>%s</small>", count_text(advice->blocked).text,
               html_percent(advice->blocked_percent).text);
}

static void bound_cell(struct html_table *table, const struct page *page, size_t i) {
    double bound = page->posture->rows[i].advice.bound_percent;
    html_number_begin(table, bound);
    buf_printf(table->out, "&le;&nbsp;%s", html_percent(bound).text);
}

static void advice_reason_cell(struct html_table *table, const struct page *page, size_t i) {
    page_long_cell(table, page->posture->rows[i].advice.reason);
}

static bool is_advised(const struct page *page, size_t i, enum recommendation recommendation) {
    const struct posture_row *row = &page->posture->rows[i];
    return row->has_advice && row->advice.recommendation == recommendation;
}

static int rank_of_promote(const struct page *page, size_t i) {
    return is_advised(page, i, RECOMMEND_PROMOTE) ? 0 : -1;
}

static int rank_of_fix_clients(const struct page *page, size_t i) {
    return is_advised(page, i, RECOMMEND_FIX_CLIENTS) ? 0 : -1;
}

/* The time before which nothing happens. */
static void earliest_cell(struct html_table *table, const struct page *page, size_t i) {
    const struct prospect *prospect = &page->posture->rows[i].prospect;
    html_number_begin(table, (double)prospect->earliest_ms);
    html_value(table->out,
               prospect->earliest_ms == 0 ? STR("not known")
               : prospect->earliest_ms <= page->posture->now_ms
                   ? STR("the next sweep")
                   : str_format(page->arena, "the first sweep after %" STR_FMT,
                                STR_ARG(prospect_minute(prospect->earliest_ms, page->arena))));
}

/* What holds it up, and then the numbers. */
static void waits_cell(struct html_table *table, const struct page *page, size_t i) {
    str waits = page->posture->rows[i].prospect.waits_for;
    str reason = page->posture->rows[i].advice.reason;
    page_long_cell(table, str_is_empty(waits)
                              ? reason
                              : str_format(page->arena, "Waits: %" STR_FMT ". Evidence: %" STR_FMT,
                                           STR_ARG(waits), STR_ARG(reason)));
}

static void recommendation_cell(struct html_table *table, const struct page *page, size_t i) {
    page_text_cell(
        table, str_from_cstr(recommendation_name(page->posture->rows[i].advice.recommendation)));
}

/* Those that come into no table of their own. */
static int rank_of_waiting(const struct page *page, size_t i) {
    const struct posture_row *row = &page->posture->rows[i];
    enum recommendation recommendation = row->advice.recommendation;
    bool is_elsewhere =
        recommendation == RECOMMEND_PROMOTE || recommendation == RECOMMEND_FIX_CLIENTS;
    return !posture_is_on_its_way(row, evaluation_at(page, i)) || is_elsewhere ? -1
           : recommendation == RECOMMEND_HOLD                                  ? 0
                                                                               : 1;
}

static const struct page_table candidates = {.id = "candidates-table",
                                             .caption = "Ready for strictest",
                                             .columns = {{"Load balancer", page_name_cell},
                                                         {"Owner", page_owner_cell},
                                                         {"Requests seen", requests_cell},
                                                         {"Would be blocked", blocked_cell},
                                                         {"Bound", bound_cell},
                                                         {"At the earliest", earliest_cell},
                                                         {"Why, and what holds it up", waits_cell}},
                                             .rank = rank_of_promote};
static const struct page_table clients = {.id = "clients-table",
                                          .caption = "Clients to be fixed first",
                                          .columns = {{"Load balancer", page_name_cell},
                                                      {"Owner", page_owner_cell},
                                                      {"Requests seen", requests_cell},
                                                      {"Would be blocked", blocked_cell},
                                                      {"Bound", bound_cell},
                                                      {"Why", advice_reason_cell}},
                                          .rank = rank_of_fix_clients};

static const struct page_table waiting = {.id = "waiting-table",
                                          .caption = "Not yet, and what is missing",
                                          .columns = {{"Load balancer", page_name_cell},
                                                      {"Mode", page_mode_cell},
                                                      {"Owner", page_owner_cell},
                                                      {"Recommendation", recommendation_cell},
                                                      {"What is missing", advice_reason_cell}},
                                          .rank = rank_of_waiting};

/* Also those that no load balancer waits for, of which no row would tell. */
static void write_freezes(const struct page *page) {
    const struct posture *posture = page->posture;
    for (size_t i = 0; i < posture->freeze_count; i++) {
        html_put(page->out, "<p>");
        html_badge(page->out, "warn", "frozen");
        html_put(page->out, " ");
        html_text(page->out, posture->freezes[i].text);
        html_put(page->out, ".</p>\n");
    }
}

void page_candidates(const struct page *page) {
    size_t counts[RECOMMEND_NO_EVIDENCE + 1] = {0}; /* the last one */
    for (size_t i = 0; i < page->fleet->row_count; i++) {
        counts[page->posture->rows[i].advice.recommendation] += page->posture->rows[i].has_advice;
    }
    html_section_begin(page->out, "candidates", "Towards strictest",
                       "Load balancers that could go to strictest, by their traffic. Each number "
                       "comes with the bound that the size of the sample allows. The owner says no "
                       "with the tag " PROMOTION_TAG "=hold.");
    buf_printf(page->out,
               "<p>%s ready, %s with clients to be fixed first, %s on hold, %s without enough "
               "evidence.</p>\n",
               count_text(page->posture->kpis.candidates).text,
               count_text(counts[RECOMMEND_FIX_CLIENTS]).text,
               count_text(counts[RECOMMEND_HOLD]).text,
               count_text(counts[RECOMMEND_NO_EVIDENCE]).text);
    write_freezes(page);
    page_write_table(page, &candidates, page->fleet->row_count);
    page_write_table(page, &clients, page->fleet->row_count);
    page_write_table(page, &waiting, page->fleet->row_count);
    html_section_end(page->out);
}
