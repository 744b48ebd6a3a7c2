/* SPDX-License-Identifier: Apache-2.0
 *
 * The recommendation: first what no number can change (the mode, the owner's choices, what was done
 * lately), then the numbers. Requests that the mode in force blocks already count for nothing: no
 * client is worse off by them under strictest.
 */
#include "policy/recommend.h"

#include <math.h>

#include "base/buf.h"
#include "base/clock.h"

/* Logs come within the hour, metrics within minutes; this long without any and a client may be back
 * that is not in the numbers. Of metrics the begin of a day counts, so that requests of yesterday
 * are always fresh, and those of the day before never. */
#define FRESH_MS (2 * MS_PER_DAY)

#define REASON_BYTES_MAX ((size_t)4096)
#define HOW_TO_LOG                                                                                 \
    "turn on access logs (" ATTRIBUTE_ACCESS_LOGS "=true) and let their bucket notify this "       \
    "function"

const char *recommendation_name(enum recommendation recommendation) {
    static const char *const names[] = {"NOTHING", "PROMOTE", "HOLD", "FIX_CLIENTS", "NO_EVIDENCE"};
    ASSERT((size_t)recommendation < sizeof names / sizeof *names);
    return names[recommendation];
}

/* What one recommendation is made from, and the advice that it makes. */
struct recommendation_input {
    const struct evaluation *evaluation;
    const struct evidence *evidence;
    const struct promotion_settings *settings;
    int64_t now_ms;
    struct arena *arena;
    struct advice *advice;
    struct buf numbers; /* the beginning of the reason where numbers decide */
};

/* Always true: the recommendation is decided. */
__attribute__((format(printf, 3, 4))) static bool decide(const struct recommendation_input *input,
                                                         enum recommendation recommendation,
                                                         const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    input->advice->recommendation = recommendation;
    input->advice->reason = str_format_va(input->arena, reason, arguments);
    va_end(arguments);
    return true;
}

/* Likewise, with the numbers before the reason. */
static bool decide_by_numbers(const struct recommendation_input *input,
                              enum recommendation recommendation, const char *then) {
    return decide(input, recommendation, "%" STR_FMT ". %s", STR_ARG(buf_str(&input->numbers)),
                  then);
}

static const char *days(int count) {
    return str_by_count((uint64_t)count, "day", "days");
}

/* --- what no number can change ---------------------------------------------------------------- */

static bool decide_by_mode_or_owner(const struct recommendation_input *input) {
    const struct evaluation *evaluation = input->evaluation;
    int64_t until;
    if (evaluation->compliance == NOT_APPLICABLE || evaluation->compliance == COMPLIANCE_UNKNOWN ||
        evaluation->mode == MODE_UNKNOWN) {
        return decide(input, RECOMMEND_NOTHING, "it is not judged");
    }
    if (evaluation->mode == MODE_STRICTEST) {
        return decide(input, RECOMMEND_NOTHING, "the mode is strictest");
    }
    if (evaluation->mode == MODE_MONITOR) {
        /* The usual reason for monitor is the wish to see first what would be blocked. */
        return decide(input, evaluation->has_active_exception ? RECOMMEND_NOTHING : RECOMMEND_HOLD,
                      "the mode is monitor: defensive is the next step. Staying in monitor to "
                      "collect data is not needed: defensive logs the same classification and "
                      "reason of every request, and blocks none but the Severe ones.%s",
                      evaluation->has_active_exception ? " An exception excuses it today." : "");
    }
    if (evaluation->has_active_exception) {
        return decide(input, RECOMMEND_NOTHING, "an exception excuses the mode today");
    }
    if (evaluation->profile_mode != MODE_UNKNOWN && evaluation->profile_mode < MODE_STRICTEST) {
        return decide(input, RECOMMEND_HOLD,
                      "its profile asks for %s, which its owner has chosen: it is never promoted",
                      mode_name(evaluation->profile_mode));
    }
    /* An exception that excuses nothing today still says that its owner expects to need one. */
    if (date_parse(evaluation->exception_until, &until) &&
        until >= date_days_of_ms(input->now_ms)) {
        return decide(input, RECOMMEND_HOLD,
                      "it has an exception until %" STR_FMT
                      ": remove its tags, or let it end first",
                      STR_ARG(evaluation->exception_until));
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (finding->is_failing && finding->id != FINDING_MODE_TOO_WEAK) {
            return decide(input, RECOMMEND_HOLD, "it is not compliant (%s): repair that first",
                          finding_name(finding->id));
        }
    }
    return false;
}

static bool decide_by_past(const struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    int wait_days = input->settings->evidence_days;
    int64_t since_ms = input->now_ms - wait_days * MS_PER_DAY;
    if (evidence->is_watched) {
        return decide(input, RECOMMEND_HOLD, "a change of its mode is being watched");
    }
    if (evidence->rolled_back_ms != 0 && evidence->rolled_back_ms > since_ms) {
        str day = date_format(input->arena, date_days_of_ms(evidence->rolled_back_ms));
        return decide(input, RECOMMEND_HOLD,
                      "strictest was rolled back on %" STR_FMT ": it is not tried again for %d %s",
                      STR_ARG(day), wait_days, days(wait_days));
    }
    if (evidence->reverted_ms != 0 && evidence->reverted_ms > since_ms) {
        str day = date_format(input->arena, date_days_of_ms(evidence->reverted_ms));
        return decide(input, RECOMMEND_HOLD,
                      "it was promoted, and somebody else reverted that, seen on %" STR_FMT
                      " (%" STR_FMT "): it is not tried again for %d %s",
                      STR_ARG(day), STR_ARG(evidence->reverted_note), wait_days, days(wait_days));
    }
    return false;
}

/* --- the numbers ------------------------------------------------------------------------------ */

/* How many events may be expected at most, at 95 % confidence, where `seen` were: 3 where none was,
 * and the chi-squared quantile in the approximation of Wilson and Hilferty else (under 1 % off). */
static double expected_max(uint64_t seen) {
    double next = (double)seen + 1;
    double factor = 1 - 1 / (9 * next) + 1.6449 / (3 * sqrt(next));
    return seen == 0 ? 3 : next * factor * factor * factor;
}

static double percent_of(double part, uint64_t whole) {
    double percent = whole == 0 ? 100 : 100 * part / (double)whole;
    return percent > 100 ? 100 : percent;
}

static void count_blocked(struct advice *advice, uint64_t requests, uint64_t blocked) {
    advice->requests = requests;
    advice->blocked = blocked;
    advice->blocked_percent = blocked == 0 ? 0 : percent_of((double)blocked, requests);
    advice->bound_percent = percent_of(expected_max(blocked), requests);
}

/* "; 3 lines could not be read", and the like. Each of them may hide a request that strictest would
 * block; a damaged file at least one. Returns how many. */
static uint64_t append_not_understood(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
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
            buf_printf(&input->numbers, "; %llu %s", (unsigned long long)parts[i].count,
                       str_by_count(parts[i].count, parts[i].one, parts[i].many));
        }
    }
    return count;
}

/* What CloudWatch says of the days that the logs do not cover. */
static void append_metrics(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    const char *which = "on the days without logs";
    if (!evidence->has_metrics) {
        return;
    }
    if (evidence->thin_days > 0) {
        which = "of the others, and on days without logs,";
        buf_printf(&input->numbers, "; the logs of %d %s hold less than half of the requests",
                   evidence->thin_days, days(evidence->thin_days));
    }
    buf_printf(&input->numbers,
               "; %s CloudWatch counted %llu request%s and %llu that %s not compliant", which,
               (unsigned long long)evidence->metric_requests,
               str_by_count(evidence->metric_requests, "", "s"),
               (unsigned long long)evidence->metric_non_compliant,
               str_by_count(evidence->metric_non_compliant, "is", "are"));
}

/* "In 12 of the last 14 days the access logs hold 48213 requests, the newest of ...: strictest
 * would block 0 of them (0 %, at most 0.0062 % at 95 % confidence)". Returns what was not
 * understood. */
static uint64_t append_logs(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    const struct advice *advice = input->advice;
    str newest = STR("unknown");
    if (advice->newest_ms > 0) {
        str minute = str_slice(time_format_iso8601(input->arena, advice->newest_ms), 0, 16);
        newest = str_format(input->arena, "%" STR_FMT "Z", STR_ARG(minute));
    }
    buf_printf(
        &input->numbers,
        "in %d of the last %d %s the access logs hold %llu request%s (the newest of %" STR_FMT
        "): strictest would block %llu of them (%.4g %%, at most %.3g %% at 95 %% "
        "confidence), %llu Acceptable and %llu Ambiguous",
        evidence->log_days, evidence->days, days(evidence->days),
        (unsigned long long)advice->requests, str_by_count(advice->requests, "", "s"),
        STR_ARG(newest), (unsigned long long)advice->blocked, advice->blocked_percent,
        advice->bound_percent, (unsigned long long)evidence->acceptable,
        (unsigned long long)evidence->ambiguous);
    if (evidence->severe > 0) {
        buf_printf(&input->numbers, "; %llu Severe %s blocked already",
                   (unsigned long long)evidence->severe,
                   str_by_count(evidence->severe, "one is", "ones are"));
    }
    uint64_t hidden = append_not_understood(input);
    append_metrics(input);
    return hidden;
}

static const char *how_to_know_more(const struct evidence *evidence) {
    return evidence->writes_logs != YES
               ? "To know who they are, " HOW_TO_LOG
               : "Access logs are on, but none of their lines was counted: let their bucket notify "
                 "this function of new objects";
}

static bool decide_by_amount(const struct recommendation_input *input) {
    str numbers = buf_str(&input->numbers);
    if (input->advice->requests >= (uint64_t)input->settings->requests_min) {
        return decide(input, RECOMMEND_PROMOTE, "%" STR_FMT, STR_ARG(numbers));
    }
    return decide(input, RECOMMEND_NO_EVIDENCE,
                  "%" STR_FMT ". That is too little to tell: PROMOTION_MIN_REQUESTS is %d",
                  STR_ARG(numbers), input->settings->requests_min);
}

/* Of the lines all that is blocked or may be is taken together. Metrics are of other requests: when
 * neither of the two has too large a share, both together have none. */
static bool decide_by_what_is_not_known(const struct recommendation_input *input, uint64_t hidden) {
    const struct evidence *evidence = input->evidence;
    double max = input->settings->blocked_percent_max;
    uint64_t worst = input->advice->blocked + hidden;
    double percent = percent_of((double)worst, input->advice->requests + hidden);
    if (hidden > 0 && percent > max) {
        return decide(input, RECOMMEND_HOLD,
                      "%" STR_FMT ". %llu that %s not understood could be among those that it "
                      "would block, %llu then (%.4g %%): see `bootstrap logs`",
                      STR_ARG(buf_str(&input->numbers)), (unsigned long long)hidden,
                      str_by_count(hidden, "was", "were"), (unsigned long long)worst, percent);
    }
    return evidence->has_metrics && evidence->metric_non_compliant > 0 &&
           percent_of((double)evidence->metric_non_compliant, evidence->metric_requests) > max &&
           decide_by_numbers(input, RECOMMEND_HOLD,
                             "The logs do not cover those days: wait until they do, or see "
                             "`bootstrap logs` for who sends them");
}

/* What was seen once holds, however old it is and however few they were. */
static bool decide_by_logs(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    uint64_t blocked = evidence->acceptable + evidence->ambiguous;
    input->advice->is_from_logs = true;
    input->advice->newest_ms = evidence->log_newest_ms;
    count_blocked(input->advice, evidence->compliant + blocked + evidence->severe, blocked);
    uint64_t hidden = append_logs(input);
    if (input->advice->blocked_percent > input->settings->blocked_percent_max) {
        return decide_by_numbers(input, RECOMMEND_FIX_CLIENTS,
                                 "See `bootstrap logs` for who sends them and what to repair");
    }
    if (decide_by_what_is_not_known(input, hidden)) {
        return true;
    }
    if (input->now_ms - input->advice->newest_ms > FRESH_MS) {
        bool has_later =
            evidence->has_metrics && evidence->metric_newest_ms > evidence->log_newest_ms;
        return decide_by_numbers(
            input, RECOMMEND_HOLD,
            has_later ? "No line came for more than 2 days although there were requests: see "
                        "whether the logs still reach this function"
                      : "No line came for more than 2 days: that is too old");
    }
    return decide_by_amount(input);
}

static bool decide_by_metrics(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    struct advice *advice = input->advice;
    advice->newest_ms = evidence->metric_newest_ms;
    count_blocked(advice, evidence->metric_requests, evidence->metric_non_compliant);
    str newest = date_format(input->arena, date_days_of_ms(advice->newest_ms));
    buf_printf(&input->numbers,
               "in the last %d %s CloudWatch counted %llu request%s (the newest on %" STR_FMT
               ", UTC) and %llu that %s not compliant (%.4g %%, at most %.3g %% at 95 %% "
               "confidence); metrics cannot tell Acceptable from Severe",
               evidence->days, days(evidence->days), (unsigned long long)advice->requests,
               str_by_count(advice->requests, "", "s"), STR_ARG(newest),
               (unsigned long long)advice->blocked, str_by_count(advice->blocked, "is", "are"),
               advice->blocked_percent, advice->bound_percent);
    (void)append_not_understood(input);
    if (input->advice->blocked_percent > input->settings->blocked_percent_max) {
        return decide_by_numbers(input, RECOMMEND_NO_EVIDENCE, how_to_know_more(evidence));
    }
    if (input->now_ms - input->advice->newest_ms > FRESH_MS) {
        return decide_by_numbers(input, RECOMMEND_HOLD,
                                 "There was none yesterday or today (UTC): that is too old");
    }
    return decide_by_amount(input);
}

static bool decide_by_evidence(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    if (evidence->compliant + evidence->acceptable + evidence->ambiguous + evidence->severe > 0) {
        return decide_by_logs(input);
    }
    if (evidence->has_metrics && evidence->metric_requests > 0) {
        return decide_by_metrics(input);
    }
    buf_append(&input->numbers, STR("the access logs hold no request whose class is known"));
    if (append_not_understood(input) > 0) {
        return decide(input, RECOMMEND_NO_EVIDENCE, "%" STR_FMT, STR_ARG(buf_str(&input->numbers)));
    }
    return decide(input, RECOMMEND_NO_EVIDENCE, "no request was seen in the last %d %s. %s",
                  evidence->days, days(evidence->days),
                  evidence->writes_logs == YES ? how_to_know_more(evidence)
                                               : "To have evidence, " HOW_TO_LOG);
}

void recommend(const struct evaluation *evaluation, const struct evidence *evidence,
               const struct promotion_settings *settings, int64_t now_ms, struct arena *arena,
               struct advice *advice_out) {
    ASSERT(evaluation != NULL && evidence != NULL && settings != NULL && advice_out != NULL);
    *advice_out = (struct advice){.recommendation = RECOMMEND_NOTHING};
    struct recommendation_input input = {evaluation, evidence,   settings, now_ms,
                                         arena,      advice_out, {0}};
    buf_init(&input.numbers, arena, REASON_BYTES_MAX);
    bool is_decided =
        decide_by_mode_or_owner(&input) || decide_by_past(&input) || decide_by_evidence(&input);
    ASSERT(is_decided);
}

void advice_add_finding(const struct advice *advice, struct arena *arena,
                        struct evaluation *evaluation) {
    if (advice->recommendation == RECOMMEND_PROMOTE && evaluation->mode == MODE_DEFENSIVE) {
        evaluation_add_underutilized(evaluation, advice->reason, arena);
        evaluation_add_managed(evaluation, arena);
    }
}
