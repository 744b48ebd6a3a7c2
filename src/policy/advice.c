/* SPDX-License-Identifier: Apache-2.0
 *
 * The words of an advice: its numbers, and what is lacking by each criterion.
 */
#include "advice_internal.h"

#include <math.h>

#include "base/clock.h"

const char *recommendation_name(enum recommendation recommendation) {
    static const char *const names[] = {"NOTHING", "PROMOTE", "HOLD", "FIX_CLIENTS", "NO_EVIDENCE"};
    ASSERT((size_t)recommendation < sizeof names / sizeof *names);
    return names[recommendation];
}

const char *criterion_name(enum criterion criterion) {
    static const char *const names[] = {
#define CRITERION_ID(name, id) id,
        CRITERION_MAP(CRITERION_ID)
#undef CRITERION_ID
    };
    ASSERT(criterion < CRITERION_COUNT);
    return names[criterion];
}

const char *weekday_name(size_t weekday) {
    static const char *const names[WEEKDAYS] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday"};
    ASSERT(weekday < WEEKDAYS);
    return names[weekday];
}

static const char *days(int count) {
    return str_by_count((uint64_t)count, "day", "days");
}

static unsigned long long number(uint64_t count) {
    return (unsigned long long)count;
}

/* --- the numbers ------------------------------------------------------------------------------ */

/* "; 3 lines could not be read", and the like. */
uint64_t advice_append_not_understood(const struct evidence *evidence, struct buf *out) {
    const struct {
        uint64_t count;
        const char *one;
        const char *many;
    } parts[] = {
        {evidence->unclassified, "line is too old to tell (fewer than 28 fields)",
         "lines are too old to tell (fewer than 28 fields)"},
        {evidence->unfamiliar, "request is of a class that is not known",
         "requests are of a class that is not known"},
        {evidence->unparsed, "line could not be read", "lines could not be read"},
        {evidence->without_time, "request has no time", "requests have no time"},
        {evidence->damaged, "log file is damaged", "log files are damaged"},
    };
    uint64_t count = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        count += parts[i].count;
        if (parts[i].count > 0) {
            buf_printf(out, "; %llu %s", number(parts[i].count),
                       str_by_count(parts[i].count, parts[i].one, parts[i].many));
        }
    }
    return count;
}

/* What CloudWatch says of the days that the logs do not cover. */
static void append_uncovered(const struct evidence *evidence, struct buf *out) {
    const char *which = "on the days without logs";
    if (!evidence->has_metrics) {
        return;
    }
    if (evidence->thin_days > 0) {
        which = "of the others, and on days without logs,";
        buf_printf(out, "; the logs of %d %s hold less than half of the requests",
                   evidence->thin_days, days(evidence->thin_days));
    }
    buf_printf(out, "; %s CloudWatch counted %llu request%s and %llu that %s not compliant", which,
               number(evidence->metric_requests), str_by_count(evidence->metric_requests, "", "s"),
               number(evidence->metric_non_compliant),
               str_by_count(evidence->metric_non_compliant, "is", "are"));
}

/* Lines that are in the logs and are no evidence. */
static void append_no_evidence(const struct evidence *evidence, struct buf *out) {
    uint64_t severe = evidence->severe_served + evidence->severe_unserved;
    if (evidence->unserved > 0) {
        buf_printf(out,
                   "; %llu more that it would block %s not served (scanners), and %s nothing up",
                   number(evidence->unserved), str_by_count(evidence->unserved, "was", "were"),
                   str_by_count(evidence->unserved, "holds", "hold"));
    }
    if (severe > 0) {
        buf_printf(out, "; %llu Severe %s blocked already", number(severe),
                   str_by_count(severe, "one is", "ones are"));
    }
    if (evidence->http2_requests + evidence->synthetic > 0) {
        buf_printf(out, "; %llu over HTTP/2 and %llu of health checks and monitors do not count",
                   number(evidence->http2_requests), number(evidence->synthetic));
    }
}

void advice_append_logs(const struct advice *advice, const struct evidence *evidence,
                        struct arena *arena, struct buf *out) {
    str newest = STR("unknown");
    if (advice->newest_ms > 0) {
        newest = time_format_minute(arena, advice->newest_ms);
    }
    buf_printf(out, "in %d of the last %d %s the access logs hold %llu served HTTP/1.x request%s",
               advice->days, evidence->days, days(evidence->days), number(advice->requests),
               str_by_count(advice->requests, "", "s"));
    if (advice->clients >= 0) {
        buf_printf(out, " of about %.0f client network%s", advice->clients,
                   str_by_count((uint64_t)(advice->clients + 0.5), "", "s"));
    }
    buf_printf(out,
               " (the newest of %" STR_FMT
               "): strictest would block %llu of them (%.4g %%, at most %.3g %% at 95 %% "
               "confidence)",
               STR_ARG(newest), number(advice->blocked), advice->blocked_percent,
               advice->bound_percent);
    append_no_evidence(evidence, out);
}

void advice_append_metrics(const struct advice *advice, const struct evidence *evidence,
                           struct arena *arena, struct buf *out) {
    if (advice->is_from_logs) {
        append_uncovered(evidence, out);
        return;
    }
    str newest = date_format(arena, date_days_of_ms(advice->newest_ms));
    buf_printf(out,
               "in %d of the last %d %s CloudWatch counted %llu request%s (the newest on %" STR_FMT
               ", UTC) and %llu that %s not compliant (%.4g %%, at most %.3g %% at 95 %% "
               "confidence); metrics cannot tell Acceptable from Severe",
               advice->days, evidence->days, days(evidence->days), number(advice->requests),
               str_by_count(advice->requests, "", "s"), STR_ARG(newest), number(advice->blocked),
               str_by_count(advice->blocked, "is", "are"), advice->blocked_percent,
               advice->bound_percent);
}

/* --- what is lacking -------------------------------------------------------------------------- */

/* Requests with which the upper bound is the one allowed, when no share but this is blocked: the
 * upper end of a Poisson count at 95 % confidence, in the approximation of Wilson and Hilferty
 * (1931), under 1 % off; to two digits, as "about" says. */
static double requests_needed(const struct advice *advice) {
    double next = (double)advice->blocked + 1;
    double factor = 1 - 1 / (9 * next) + 1.6449 / (3 * sqrt(next));
    double expected_max = advice->blocked == 0 ? 2.9957 : next * factor * factor * factor;
    double needed = 100 * expected_max / advice->settings->risk_percent_max;
    double unit = pow(10, floor(log10(needed)) - 1);
    return ceil(needed / unit) * unit;
}

static str lacks_risk(const struct advice *advice, struct arena *arena) {
    double max = advice->settings->risk_percent_max;
    str bound =
        str_format(arena, "up to %.3g %% could be blocked and PROMOTION_MAX_RISK_PERCENT is %.4g",
                   advice->bound_percent, max);
    if (max <= 0 || advice->blocked_percent >= max) {
        return bound;
    }
    return str_format(arena, "%" STR_FMT ", for which about %.0f requests are needed",
                      STR_ARG(bound), requests_needed(advice));
}

static str lacks_weekdays(const struct advice *advice, struct arena *arena) {
    struct buf out;
    buf_init(&out, arena, 256);
    for (size_t i = 0; i < WEEKDAYS; i++) {
        if ((advice->weekdays_missing >> i & 1) != 0) {
            buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ", weekday_name(i));
        }
    }
    /* A window of fewer days than a week never holds all weekdays. */
    int window = advice->settings->evidence_days;
    return str_format(arena,
                      "RequestCount shows traffic on %" STR_FMT
                      ", and no %s was %s then within EVIDENCE_DAYS (%d%s)",
                      STR_ARG(buf_str(&out)),
                      advice->is_from_logs ? "served HTTP/1.x request of a client" : "request",
                      advice->is_from_logs ? "logged" : "counted", window,
                      window < WEEKDAYS ? ", which is less than a week: set 7 or more" : "");
}

static str lacks_clients(const struct advice *advice, struct arena *arena) {
    if (advice->clients < 0) {
        return STR("client networks were not counted, and PROMOTION_MIN_CLIENTS asks for some");
    }
    return str_format(arena, "about %.0f of %d client networks (PROMOTION_MIN_CLIENTS)",
                      advice->clients, advice->clients_min);
}

str advice_lack(const struct advice *advice, enum criterion criterion, struct arena *arena) {
    const struct promotion_settings *settings = advice->settings;
    ASSERT(settings != NULL && criterion < CRITERION_COUNT);
    if (criterion == CRITERION_BLOCKED) {
        return str_format(arena,
                          "%llu of %llu requests would be blocked, %.4g %%, and "
                          "PROMOTION_MAX_BLOCKED_PERCENT is %.4g",
                          number(advice->blocked), number(advice->requests),
                          advice->blocked_percent, settings->blocked_percent_max);
    }
    if (criterion == CRITERION_REQUESTS) {
        return str_format(arena, "%llu of %d requests (PROMOTION_MIN_REQUESTS)",
                          number(advice->requests), settings->requests_min);
    }
    if (criterion == CRITERION_DAYS) {
        return str_format(arena, "%d of %d days (PROMOTION_MIN_DAYS)", advice->days,
                          settings->days_min);
    }
    return criterion == CRITERION_RISK       ? lacks_risk(advice, arena)
           : criterion == CRITERION_WEEKDAYS ? lacks_weekdays(advice, arena)
           : criterion == CRITERION_CLIENTS  ? lacks_clients(advice, arena)
           : criterion == CRITERION_SOURCE
               ? STR("metrics cannot tell clients, protocol or class: access logs can, or "
                     "PROMOTION_EVIDENCE=any would do without")
           : criterion == CRITERION_FRESHNESS ? STR("no request for more than 2 days")
           : criterion == CRITERION_NOT_UNDERSTOOD
               ? STR("lines that were not understood may be requests that it would block")
           : criterion == CRITERION_METRICS
               ? STR("CloudWatch counted requests that are not compliant and not in the logs")
               : STR_EMPTY;
}
