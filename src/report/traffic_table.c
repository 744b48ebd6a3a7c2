/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of `logs` for people: how much there was, what each mode would block, then why, where,
 * when and by whom, the worst first. Every list is cut to what fits a screen and says how much was
 * left out; the JSON has all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/escape.h"
#include "report/known_clients.h"
#include "report/text_width.h"
#include "traffic_internal.h"

#define REASONS_SHOWN        20
#define LOAD_BALANCERS_SHOWN 20
#define DAYS_SHOWN           20
#define GROUPS_SHOWN         20
#define OFFENDERS_SHOWN      10
#define SKIPPED_SHOWN        10
#define TEXT_SHOWN           100 /* columns of one user agent, or another text of a log */

/* Never 0 for some, nor 100 for not quite all. */
static struct number_text percent(uint64_t part, uint64_t all) {
    struct number_text shown;
    double exact = all == 0 ? 0 : 100.0 * (double)part / (double)all;
    bool is_below = part > 0 && exact < 0.01;
    bool is_above = part < all && exact > 99.99;
    (void)snprintf(shown.text, sizeof(shown.text), "%s%.2f %%",
                   is_below   ? "< "
                   : is_above ? "> "
                              : "",
                   is_below   ? 0.01
                   : is_above ? 99.99
                              : exact);
    return shown;
}

/* Nothing of a log reaches a terminal that is not one printable line. */
static str plain(struct arena *arena, str text) {
    return text_fit(arena, escape_text(arena, text), TEXT_SHOWN);
}

static void append_more(struct buf *out, size_t shown, size_t count) {
    if (count > shown) {
        buf_printf(out, "  ... and %s more; --format json has all\n",
                   count_text(count - shown).text);
    }
}

static size_t at_most(size_t count, size_t max) {
    return count < max ? count : max;
}

/* Groups and offenders come from a Space-Saving sketch (traffic/tally.h): a count may be too high
 * by its error, and is never too low. */
static void append_error_note(struct buf *out, const char *missing, uint64_t error_max) {
    if (error_max > 0) {
        buf_printf(
            out,
            "  (too many to keep: a count may be too high, and %s that is missing has at most "
            "%s)\n",
            missing, count_text(error_max).text);
    }
}

static void append_head(struct buf *out, struct arena *arena, const struct traffic_report *report) {
    const struct tally_result *result = report->result;
    buf_printf(out, "%s file%s, %s line%s: %s request%s, %s not understood\n",
               count_text(report->file_count).text, str_by_count(report->file_count, "", "s"),
               count_text(result->lines).text, str_by_count(result->lines, "", "s"),
               count_text(result->totals.requests).text,
               str_by_count(result->totals.requests, "", "s"), count_text(result->unparsed).text);
    if (result->from_ms != 0) {
        buf_printf(out, "from %" STR_FMT " to %" STR_FMT "\n",
                   STR_ARG(time_format_iso8601(arena, result->from_ms)),
                   STR_ARG(time_format_iso8601(arena, result->to_ms)));
    }
    for (size_t kind = ACCESS_LOG_CLASSIC; kind < ACCESS_LOG_KIND_COUNT; kind++) {
        if (result->kinds[kind] > 0) {
            buf_printf(out, "%s of the lines not understood: %s\n",
                       count_text(result->kinds[kind]).text,
                       access_log_kind_name((enum access_log_kind)kind));
        }
    }
}

static void append_classes(struct buf *out, const struct tally_counts *counts) {
    static const char *const blocked_by[CLASS_COUNT] = {
        [CLASS_COMPLIANT] = "",
        [CLASS_ACCEPTABLE] = "blocked by strictest",
        [CLASS_AMBIGUOUS] = "blocked by strictest",
        [CLASS_SEVERE] = "blocked by strictest and defensive",
        [CLASS_UNKNOWN] = "the log does not say, or in words unknown here",
    };
    buf_append(out, STR("\nCLASS             REQUESTS\n"));
    for (size_t class = 0; class < CLASS_COUNT; class ++) {
        buf_printf(out, "%-12s %13s  %9s  %s\n", traffic_class_name((enum traffic_class) class),
                   count_text(counts->classes[class]).text,
                   percent(counts->classes[class], counts->requests).text,
                   counts->classes[class] == 0 ? "" : blocked_by[class]);
    }
}

/* Which requests say nothing of what would be blocked. */
static void append_unknown(struct buf *out, struct arena *arena,
                           const struct tally_result *result) {
    if (result->classless > 0) {
        buf_printf(
            out,
            "%s of these %s no class, as lines of fewer than 28 fields, from before August 2020.\n",
            count_text(result->classless).text, str_by_count(result->classless, "has", "have"));
    }
    for (size_t i = 0; i < at_most(result->unknown_class_count, REASONS_SHOWN); i++) {
        const struct tally_reason *class = &result->unknown_classes[i];
        buf_printf(out, "%s of these %s the class \"%" STR_FMT "\", which is unknown here.\n",
                   count_text(class->count).text, str_by_count(class->count, "has", "have"),
                   STR_ARG(plain(arena, class->code)));
    }
    append_more(out, REASONS_SHOWN, result->unknown_class_count);
}

/* Of n requests without one that would be blocked, 95 % of the time fewer than 3 in n would be: the
 * rule of three. Only those whose class is known are evidence. */
static void append_sentence(struct buf *out, struct arena *arena,
                            const struct tally_result *result) {
    const struct tally_counts *counts = &result->totals;
    uint64_t strictest = tally_blocked_by_strictest(counts);
    uint64_t defensive = tally_blocked_by_defensive(counts);
    uint64_t known = counts->requests - counts->classes[CLASS_UNKNOWN];
    buf_printf(
        out, "\nstrictest would block %s of %s request%s (%s), defensive %s (%s), monitor none.\n",
        count_text(strictest).text, count_text(counts->requests).text,
        str_by_count(counts->requests, "", "s"), percent(strictest, counts->requests).text,
        count_text(defensive).text, percent(defensive, counts->requests).text);
    append_unknown(out, arena, result);
    if (known < counts->requests) {
        buf_printf(out, "Of the other %s, strictest would block %s.\n", count_text(known).text,
                   percent(strictest, known).text);
    }
    if (strictest == 0 && known >= 3) {
        buf_printf(out, "None in %s requests still allows for up to about %s of the traffic.\n",
                   count_text(known).text, percent(3, known).text);
    }
}

static void append_reasons(struct buf *out, struct arena *arena,
                           const struct tally_result *result) {
    if (result->reason_count == 0) {
        return;
    }
    size_t shown = at_most(result->reason_count, REASONS_SHOWN);
    buf_append(out, STR("\nREASON                                  CLASS          REQUESTS\n"));
    for (size_t i = 0; i < shown; i++) {
        const struct tally_reason *reason = &result->reasons[i];
        text_pad(out, plain(arena, reason->code), 38);
        buf_printf(out, "  %-10s %12s  %9s\n", traffic_class_name(reason->class),
                   count_text(reason->count).text,
                   percent(reason->count, result->totals.requests).text);
    }
    append_more(out, shown, result->reason_count);
}

/* One alone would repeat the totals above. */
static void append_load_balancers(struct buf *out, struct arena *arena,
                                  const struct tally_result *result) {
    size_t count;
    const struct traffic_sum *sums = traffic_sum_days(arena, result, &count);
    if (count < 2) {
        return;
    }
    size_t shown = at_most(count, LOAD_BALANCERS_SHOWN);
    buf_append(out, STR("\nLOAD BALANCER                                     REQUESTS   STRICTEST "
                        "WOULD BLOCK\n"));
    for (size_t i = 0; i < shown; i++) {
        uint64_t blocked = tally_blocked_by_strictest(&sums[i].counts);
        text_pad(out, plain(arena, sums[i].load_balancer), 45);
        buf_printf(out, " %12s  %12s  %9s\n", count_text(sums[i].counts.requests).text,
                   count_text(blocked).text, percent(blocked, sums[i].counts.requests).text);
    }
    append_more(out, shown, count);
}

/* The worst first; of those alike, by load balancer and day. Pointers into one array, so that
 * comparing them is defined and keeps that array's order. */
static int by_blocked(const void *left, const void *right) {
    const struct tally_day *a = *(const struct tally_day *const *)left;
    const struct tally_day *b = *(const struct tally_day *const *)right;
    uint64_t of_a = tally_blocked_by_strictest(&a->counts);
    uint64_t of_b = tally_blocked_by_strictest(&b->counts);
    return of_a != of_b ? (of_a < of_b) - (of_a > of_b) : (a > b) - (a < b);
}

static void append_days(struct buf *out, struct arena *arena, const struct tally_result *result) {
    if (result->day_count < 2) {
        return;
    }
    size_t shown = at_most(result->day_count, DAYS_SHOWN);
    const struct tally_day **days = ARENA_ARRAY(arena, const struct tally_day *, result->day_count);
    for (size_t i = 0; i < result->day_count; i++) {
        days[i] = &result->days[i];
    }
    qsort(days, result->day_count, sizeof(days[0]), by_blocked);
    buf_append(out,
               STR("\nDAY         LOAD BALANCER                             REQUESTS   STRICTEST "
                   "WOULD BLOCK     DEFENSIVE\n"));
    for (size_t i = 0; i < shown; i++) {
        const struct tally_counts *counts = &days[i]->counts;
        uint64_t blocked = tally_blocked_by_strictest(counts);
        text_pad(out, date_format(arena, days[i]->day), 12);
        text_pad(out, plain(arena, days[i]->load_balancer), 37);
        buf_printf(out, " %12s  %12s  %9s  %12s\n", count_text(counts->requests).text,
                   count_text(blocked).text, percent(blocked, counts->requests).text,
                   count_text(tally_blocked_by_defensive(counts)).text);
    }
    append_more(out, shown, result->day_count);
}

static void append_groups(struct buf *out, struct arena *arena,
                          const struct traffic_report *report) {
    if (report->key_count == 0) {
        return;
    }
    size_t shown = at_most(report->result->group_count, GROUPS_SHOWN);
    buf_append(out, STR("\n    REQUESTS  "));
    for (size_t k = 0; k < report->key_count; k++) {
        buf_printf(out, "%s%s", k == 0 ? "" : " | ", group_key_name(report->keys[k]));
    }
    buf_append_char(out, '\n');
    for (size_t i = 0; i < shown; i++) {
        const struct tally_group *group = &report->result->groups[i];
        buf_printf(out, "%12s  ", count_text(group->count).text);
        for (size_t k = 0; k < report->key_count; k++) {
            str text = plain(arena, traffic_group_text(group, report->keys[k]));
            str filled = str_is_empty(text) ? STR("-") : text;
            buf_printf(out, "%s%" STR_FMT, k == 0 ? "" : " | ", STR_ARG(filled));
        }
        buf_append_char(out, '\n');
    }
    append_more(out, shown, report->result->group_count);
    append_error_note(out, "a group", report->result->group_error_max);
}

static void append_offender(struct buf *out, struct arena *arena,
                            const struct tally_offender *offender, bool has_load_balancer) {
    struct client_advice advice = client_advice_for(offender->reason, offender->user_agent);
    buf_printf(out, "%12s  %" STR_FMT " from %" STR_FMT " to %" STR_FMT "\n",
               count_text(offender->count).text, STR_ARG(plain(arena, offender->reason)),
               STR_ARG(plain(arena, offender->client)), STR_ARG(plain(arena, offender->host)));
    if (has_load_balancer) {
        buf_printf(out, "              at:    %" STR_FMT "\n",
                   STR_ARG(plain(arena, offender->load_balancer)));
    }
    buf_printf(out,
               "              agent: %" STR_FMT "\n              cause: %s\n              fix:   "
               "%s\n",
               STR_ARG(plain(arena, offender->user_agent)), advice.cause, advice.fix);
}

static void append_offenders(struct buf *out, struct arena *arena,
                             const struct tally_result *result) {
    if (result->offender_count == 0) {
        return;
    }
    size_t shown = at_most(result->offender_count, OFFENDERS_SHOWN);
    bool has_several =
        result->day_count > 1 &&
        !str_eq(result->days[0].load_balancer, result->days[result->day_count - 1].load_balancer);
    buf_append(out, STR("\nWHO WOULD BE BLOCKED\n"));
    for (size_t i = 0; i < shown; i++) {
        append_offender(out, arena, &result->offenders[i], has_several);
    }
    append_more(out, shown, result->offender_count);
    append_error_note(out, "a client", result->offender_error_max);
}

/* A path is shown whole: people have to find the file. */
static void append_skipped(struct buf *out, struct arena *arena,
                           const struct traffic_report *report) {
    if (report->skipped_count == 0) {
        return;
    }
    size_t shown = at_most(report->skipped_count, SKIPPED_SHOWN);
    buf_append(out, STR("\nSKIPPED\n"));
    for (size_t i = 0; i < shown; i++) {
        str path = escape_text(arena, report->skipped[i].path);
        str why = escape_text(arena, report->skipped[i].why);
        buf_printf(out, "  %" STR_FMT ": %" STR_FMT "\n", STR_ARG(path), STR_ARG(why));
    }
    append_more(out, shown, report->skipped_count);
}

void traffic_write_table(struct buf *out, struct arena *arena,
                         const struct traffic_report *report) {
    const struct tally_result *result = report->result;
    append_head(out, arena, report);
    append_classes(out, &result->totals);
    append_sentence(out, arena, result);
    append_reasons(out, arena, result);
    append_load_balancers(out, arena, result);
    append_days(out, arena, result);
    append_groups(out, arena, report);
    append_offenders(out, arena, result);
    append_skipped(out, arena, report);
}
