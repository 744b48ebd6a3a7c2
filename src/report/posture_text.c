/* SPDX-License-Identifier: Apache-2.0
 *
 * The summary that is mailed: some ten lines, each of which stands for itself. Names of load
 * balancers and owners are left to the report, for this text goes to people who may not see them.
 */
#include "fleet_internal.h"
#include "report/posture.h"

static const char *plural(size_t count) {
    return str_by_count(count, "", "s");
}

/* An unknown share is said in words: a 0 or 100 there would be read as a fact. */
static void write_fleet(struct buf *out, struct arena *arena, const struct posture *posture) {
    const struct posture_kpis *kpis = &posture->kpis;
    const struct fleet_summary *summary = &kpis->fleet;
    str counts = fleet_counts_text(arena, summary);
    if (summary->is_share_known) {
        buf_printf(out, "Protected: %.2f %%", summary->protected_percent);
    } else {
        buf_append(out, STR("Protected: not known, for no mode could be read"));
    }
    if (summary->is_share_known && posture->trend_count >= 2) {
        str first_day = date_format(arena, posture->trend[0].day);
        buf_printf(out, " (%.1f %% on %" STR_FMT ")", posture->trend[0].protected_percent,
                   STR_ARG(first_day));
    }
    buf_printf(out, ": %zu strictest, %zu defensive, %zu monitor.\nNon-compliant: %zu",
               summary->modes[MODE_STRICTEST], summary->modes[MODE_DEFENSIVE],
               summary->modes[MODE_MONITOR], summary->non_compliant);
    if (posture->has_state) {
        buf_printf(out, ", %zu of them for longer than allowed", kpis->escalated);
    }
    buf_printf(out,
               ".\nLoad balancers: %" STR_FMT ".\nWithout owner: %zu.\n"
               "Exceptions: %zu in force, %zu of them end soon; %zu expired.\n"
               "Ready for strictest: %zu.\n",
               STR_ARG(counts), kpis->without_owner, kpis->exceptions_active,
               kpis->exceptions_ending, kpis->exceptions_expired, kpis->candidates);
}

/* So short that the tenths would show it as none. */
static str hours_text(struct arena *arena, double hours) {
    return hours < 0.1 ? STR("under 0.1 h") : str_format(arena, "%.1f h", hours);
}

static str whole_hours_text(struct arena *arena, double hours) {
    return hours > 0 && hours < 1 ? STR("under 1 h") : str_format(arena, "%.0f h", hours);
}

static void write_history(struct buf *out, struct arena *arena, const struct posture_kpis *kpis) {
    str exposure = whole_hours_text(arena, kpis->exposure_hours);
    str weighted = whole_hours_text(arena, kpis->weighted_exposure_hours);
    str p50 = hours_text(arena, kpis->mttr_p50_hours);
    str p90 = hours_text(arena, kpis->mttr_p90_hours);
    if (kpis->incidents_closed == 0) {
        buf_append(out, STR("Time to repair: no incident was closed; "));
    } else {
        buf_printf(out, "Time to repair: p50 %" STR_FMT ", p90 %" STR_FMT ", from %zu incident%s; ",
                   STR_ARG(p50), STR_ARG(p90), kpis->incidents_closed,
                   plural(kpis->incidents_closed));
    }
    buf_printf(out,
               "%zu open.\n"
               "Exposure: %" STR_FMT ", %" STR_FMT " with internet-facing ones counted double.\n"
               "Changes: %zu enforced, %zu promoted, %zu rolled back; %zu fight%s.\n",
               kpis->incidents_open, STR_ARG(exposure), STR_ARG(weighted), kpis->enforced,
               kpis->promoted, kpis->rolled_back, kpis->fights, plural(kpis->fights));
}

void posture_write_summary(struct buf *out, struct arena *arena, const struct fleet *fleet,
                           const struct posture *posture) {
    ASSERT(out != NULL && arena != NULL && fleet != NULL && posture != NULL);
    str start = date_format(arena, date_days_of_ms(posture->period_start_ms));
    str now = time_format_iso8601(arena, fleet->generated_ms);
    buf_printf(out,
               "Desync mitigation posture of %zu account%s and %zu Region%s, %" STR_FMT
               " (history since %" STR_FMT ").\n",
               fleet->account_count, plural(fleet->account_count), fleet->region_count,
               plural(fleet->region_count), STR_ARG(now), STR_ARG(start));
    write_fleet(out, arena, posture);
    if (posture->has_state) {
        write_history(out, arena, &posture->kpis);
    } else {
        buf_append(out, STR("History: none, for there is no state table.\n"));
    }
    if (fleet->is_interrupted) {
        buf_append(out, STR("Interrupted: these are the numbers known by then.\n"));
    }
    if (fleet->gap_count > 0) {
        buf_printf(out, "NOT COMPLETE: %zu part%s of the fleet could not be read.\n",
                   fleet->gap_count, plural(fleet->gap_count));
    }
}
