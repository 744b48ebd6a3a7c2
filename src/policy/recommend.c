/* SPDX-License-Identifier: Apache-2.0
 *
 * The recommendation: first what no number can change (the mode, the owner's choices, what was done
 * lately), then the numbers. Requests that the mode in force blocks already count for nothing: no
 * client is worse off by them under strictest.
 */
#include "policy/recommend.h"

#include "base/clock.h"

/* Logs come within the hour, metrics within minutes; this long without any and a client may be back
 * that is not in the numbers. Of metrics the begin of a day counts, so that requests of yesterday
 * are always fresh, and those of the day before never. */
#define FRESH_MS (2 * MS_PER_DAY)

#define HOW_TO_LOG                                                                                 \
    "turn on access logs (" ATTRIBUTE_ACCESS_LOGS "=true) and let their bucket tell this function"

const char *recommendation_name(enum recommendation recommendation) {
    static const char *const names[] = {"NOTHING", "PROMOTE", "HOLD", "FIX_CLIENTS", "NO_EVIDENCE"};
    ASSERT((size_t)recommendation < sizeof names / sizeof *names);
    return names[recommendation];
}

/* What all steps look at. */
struct recommendation_input {
    const struct evaluation *evaluation;
    const struct evidence *evidence;
    const struct promotion_settings *settings;
    int64_t now_ms;
    struct arena *arena;
    struct advice *advice;
};

/* Always true: the recommendation_input is over. */
static bool end(const struct recommendation_input *recommendation_input,
                enum recommendation recommendation, str reason) {
    recommendation_input->advice->recommendation = recommendation;
    recommendation_input->advice->reason = reason;
    return true;
}

/* --- what no number can change ---------------------------------------------------------------- */

static bool is_out_of_question(const struct recommendation_input *recommendation_input) {
    const struct evaluation *evaluation = recommendation_input->evaluation;
    if (evaluation->compliance == NOT_APPLICABLE || evaluation->compliance == COMPLIANCE_UNKNOWN ||
        evaluation->mode == MODE_UNKNOWN) {
        return end(recommendation_input, RECOMMEND_NOTHING, STR("it is not judged"));
    }
    if (evaluation->mode == MODE_STRICTEST) {
        return end(recommendation_input, RECOMMEND_NOTHING, STR("the mode is strictest"));
    }
    return false;
}

/* The usual reason for monitor is the wish to see first what would be blocked. */
static bool is_in_monitor(const struct recommendation_input *recommendation_input) {
    const struct evaluation *evaluation = recommendation_input->evaluation;
    if (evaluation->mode != MODE_MONITOR) {
        return false;
    }
    const char *excused = evaluation->has_active_exception ? " An exception excuses it today." : "";
    enum recommendation recommendation =
        evaluation->has_active_exception ? RECOMMEND_NOTHING : RECOMMEND_HOLD;
    return end(recommendation_input, recommendation,
               str_format(recommendation_input->arena,
                          "the mode is monitor: defensive is the next step. Staying in monitor to "
                          "collect data is not needed: defensive logs the same classification and "
                          "reason of every request, and blocks none but the Severe ones.%s",
                          excused));
}

/* An exception that excuses nothing today still says that its owner expects to need one. */
static bool has_exception_ahead(const struct recommendation_input *recommendation_input) {
    int64_t until;
    return date_parse(recommendation_input->evaluation->exception_until, &until) &&
           until >= date_days_of_ms(recommendation_input->now_ms);
}

static const struct finding *other_failing(const struct evaluation *evaluation) {
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (finding->is_failing && finding->id != FINDING_MODE_TOO_WEAK) {
            return finding;
        }
    }
    return NULL;
}

static bool is_held_by_its_owner(const struct recommendation_input *recommendation_input) {
    const struct evaluation *evaluation = recommendation_input->evaluation;
    struct arena *arena = recommendation_input->arena;
    if (evaluation->has_active_exception) {
        return end(recommendation_input, RECOMMEND_NOTHING,
                   STR("an exception excuses the mode today"));
    }
    if (evaluation->profile_mode != MODE_UNKNOWN && evaluation->profile_mode < MODE_STRICTEST) {
        return end(recommendation_input, RECOMMEND_HOLD,
                   str_format(arena,
                              "its profile asks for %s, which its owner has chosen: it is never "
                              "promoted",
                              mode_name(evaluation->profile_mode)));
    }
    if (has_exception_ahead(recommendation_input)) {
        return end(recommendation_input, RECOMMEND_HOLD,
                   str_format(arena,
                              "it has an exception until %" STR_FMT
                              ": remove its tags, or let it end first",
                              STR_ARG(evaluation->exception_until)));
    }
    const struct finding *failing = other_failing(evaluation);
    if (failing != NULL) {
        return end(recommendation_input, RECOMMEND_HOLD,
                   str_format(arena, "it is not compliant (%s): repair that first",
                              finding_name(failing->id)));
    }
    return false;
}

static const char *days(int count) {
    return str_by_count((uint64_t)count, "day", "days");
}

static bool is_held_by_its_past(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    int64_t wait_ms = recommendation_input->settings->evidence_days * MS_PER_DAY;
    if (evidence->is_watched) {
        return end(recommendation_input, RECOMMEND_HOLD,
                   STR("a change of its mode is being watched"));
    }
    if (evidence->rolled_back_ms != 0 &&
        recommendation_input->now_ms - evidence->rolled_back_ms < wait_ms) {
        str day =
            date_format(recommendation_input->arena, date_days_of_ms(evidence->rolled_back_ms));
        return end(recommendation_input, RECOMMEND_HOLD,
                   str_format(recommendation_input->arena,
                              "strictest was taken back on %" STR_FMT
                              ": it is not tried again for %d %s",
                              STR_ARG(day), recommendation_input->settings->evidence_days,
                              days(recommendation_input->settings->evidence_days)));
    }
    if (evidence->taken_back_ms != 0 &&
        recommendation_input->now_ms - evidence->taken_back_ms < wait_ms) {
        str day =
            date_format(recommendation_input->arena, date_days_of_ms(evidence->taken_back_ms));
        return end(recommendation_input, RECOMMEND_HOLD,
                   str_format(recommendation_input->arena,
                              "it was promoted, and somebody else took that back, seen on %" STR_FMT
                              " (%" STR_FMT "): it is not tried again for %d %s",
                              STR_ARG(day), STR_ARG(evidence->taken_back_note),
                              recommendation_input->settings->evidence_days,
                              days(recommendation_input->settings->evidence_days)));
    }
    return false;
}

/* --- the numbers ------------------------------------------------------------------------------ */

static double square_root(double value) {
    double root = value > 1 ? value : 1;
    for (int i = 0; i < 64; i++) {
        root = (root + value / root) / 2;
    }
    return root;
}

/* How many events may be expected at most, at 95 % confidence, where `seen` were: 3 where none was,
 * and the chi-squared quantile in the approximation of Wilson and Hilferty else (under 1 % off). */
static double expected_max(uint64_t seen) {
    if (seen == 0) {
        return 3;
    }
    double next = (double)seen + 1;
    double factor = 1 - 1 / (9 * next) + 1.6449 / (3 * square_root(next));
    return next * factor * factor * factor;
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

static void weigh_logs(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    uint64_t blocked = evidence->acceptable + evidence->ambiguous;
    recommendation_input->advice->is_from_logs = true;
    recommendation_input->advice->newest_ms = evidence->log_newest_ms;
    count_blocked(recommendation_input->advice, evidence->compliant + blocked + evidence->severe,
                  blocked);
}

static void weigh_metrics(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    recommendation_input->advice->newest_ms = evidence->metric_newest_ms;
    count_blocked(recommendation_input->advice, evidence->metric_requests,
                  evidence->metric_non_compliant);
}

static str newest_text(const struct recommendation_input *recommendation_input) {
    if (recommendation_input->advice->newest_ms <= 0) {
        return STR("unknown");
    }
    str text =
        time_format_iso8601(recommendation_input->arena, recommendation_input->advice->newest_ms);
    return str_format(recommendation_input->arena, "%" STR_FMT "Z",
                      STR_ARG(str_slice(text, 0, 16)));
}

/* "; 3 lines could not be read", and the like. */
static str with_not_understood(const struct recommendation_input *recommendation_input, str text) {
    const struct evidence *evidence = recommendation_input->evidence;
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
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].count > 0) {
            text = str_format(recommendation_input->arena, "%" STR_FMT "; %llu %s", STR_ARG(text),
                              (unsigned long long)parts[i].count,
                              str_by_count(parts[i].count, parts[i].one, parts[i].many));
        }
    }
    return text;
}

/* Each of them may hide a request that strictest would block; a damaged file at least one. */
static uint64_t not_understood(const struct evidence *evidence) {
    return evidence->unclassified + evidence->unfamiliar + evidence->unparsed +
           evidence->without_time + evidence->damaged;
}

/* What CloudWatch says of the days that the logs do not cover. */
static str with_metrics(const struct recommendation_input *recommendation_input, str text) {
    const struct evidence *evidence = recommendation_input->evidence;
    const char *which = "on the days without logs";
    if (!evidence->has_metrics) {
        return text;
    }
    if (evidence->thin_days > 0) {
        which = "of the others, and on days without logs,";
        text = str_format(recommendation_input->arena,
                          "%" STR_FMT "; the logs of %d %s hold less than half of the requests",
                          STR_ARG(text), evidence->thin_days, days(evidence->thin_days));
    }
    return str_format(recommendation_input->arena,
                      "%" STR_FMT "; %s CloudWatch counted %llu request%s and %llu that %s not "
                      "compliant",
                      STR_ARG(text), which, (unsigned long long)evidence->metric_requests,
                      str_by_count(evidence->metric_requests, "", "s"),
                      (unsigned long long)evidence->metric_non_compliant,
                      str_by_count(evidence->metric_non_compliant, "is", "are"));
}

/* "In 12 of the last 14 days the access logs hold 48213 requests, the newest of ...: strictest
 * would block 0 of them (0 %, at most 0.0062 % at 95 % confidence)" */
static str numbers_of_logs(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    const struct advice *advice = recommendation_input->advice;
    str newest = newest_text(recommendation_input);
    str text =
        str_format(recommendation_input->arena,
                   "in %d of the last %d %s the access logs hold %llu request%s (the "
                   "newest of %" STR_FMT "): strictest would block %llu of them (%.4g %%, "
                   "at most %.3g %% at 95 %% confidence), %llu Acceptable and %llu "
                   "Ambiguous",
                   evidence->log_days, evidence->days, days(evidence->days),
                   (unsigned long long)advice->requests, str_by_count(advice->requests, "", "s"),
                   STR_ARG(newest), (unsigned long long)advice->blocked, advice->blocked_percent,
                   advice->bound_percent, (unsigned long long)evidence->acceptable,
                   (unsigned long long)evidence->ambiguous);
    if (evidence->severe > 0) {
        text =
            str_format(recommendation_input->arena, "%" STR_FMT "; %llu Severe %s blocked already",
                       STR_ARG(text), (unsigned long long)evidence->severe,
                       str_by_count(evidence->severe, "one is", "ones are"));
    }
    return with_metrics(recommendation_input, with_not_understood(recommendation_input, text));
}

static str numbers_of_metrics(const struct recommendation_input *recommendation_input) {
    const struct advice *advice = recommendation_input->advice;
    str newest = date_format(recommendation_input->arena, date_days_of_ms(advice->newest_ms));
    return str_format(
        recommendation_input->arena,
        "in the last %d %s CloudWatch counted %llu request%s (the newest on %" STR_FMT
        ", UTC) and %llu that %s not compliant (%.4g %%, at most %.3g %% at 95 %% "
        "confidence); metrics cannot tell Acceptable from Severe",
        recommendation_input->evidence->days, days(recommendation_input->evidence->days),
        (unsigned long long)advice->requests, str_by_count(advice->requests, "", "s"),
        STR_ARG(newest), (unsigned long long)advice->blocked,
        str_by_count(advice->blocked, "is", "are"), advice->blocked_percent, advice->bound_percent);
}

static str joined(const struct recommendation_input *recommendation_input, str numbers,
                  const char *then) {
    return str_format(recommendation_input->arena, "%" STR_FMT ". %s", STR_ARG(numbers), then);
}

static const char *how_to_know_more(const struct evidence *evidence) {
    if (evidence->writes_logs != YES) {
        return "To know who they are, " HOW_TO_LOG;
    }
    return "Access logs are on, but none of their lines was counted: let their bucket tell this "
           "function of new objects";
}

/* Numbers of the past: who came back since is not in them. */
static bool is_stale(const struct recommendation_input *recommendation_input) {
    return recommendation_input->now_ms - recommendation_input->advice->newest_ms > FRESH_MS;
}

static bool is_too_little(const struct recommendation_input *recommendation_input) {
    return recommendation_input->advice->requests <
           (uint64_t)recommendation_input->settings->requests_min;
}

static bool is_blocking(const struct recommendation_input *recommendation_input) {
    return recommendation_input->advice->blocked_percent >
           recommendation_input->settings->blocked_percent_max;
}

static str too_little(const struct recommendation_input *recommendation_input, str numbers) {
    return str_format(recommendation_input->arena,
                      "%" STR_FMT ". That is too little to tell: PROMOTION_MIN_REQUESTS is %lld",
                      STR_ARG(numbers), (long long)recommendation_input->settings->requests_min);
}

static bool exceeds_allowed(const struct recommendation_input *recommendation_input, uint64_t part,
                            uint64_t whole) {
    return part > 0 &&
           percent_of((double)part, whole) > recommendation_input->settings->blocked_percent_max;
}

/* Always true where it does not fit into what may be blocked. Of the lines all that is blocked or
 * may be is taken together. Metrics are of other requests: when neither of the two has too large a
 * share, both together have none. */
static bool is_held_by_what_is_not_known(const struct recommendation_input *recommendation_input,
                                         str numbers) {
    const struct evidence *evidence = recommendation_input->evidence;
    uint64_t hidden = not_understood(evidence);
    uint64_t worst = recommendation_input->advice->blocked + hidden;
    uint64_t lines = recommendation_input->advice->requests + hidden;
    if (hidden > 0 && exceeds_allowed(recommendation_input, worst, lines)) {
        str why = str_format(recommendation_input->arena,
                             "%" STR_FMT ". %llu that %s not understood could be among those "
                             "that it would block, %llu then (%.4g %%): see `bootstrap logs`",
                             STR_ARG(numbers), (unsigned long long)hidden,
                             str_by_count(hidden, "was", "were"), (unsigned long long)worst,
                             percent_of((double)worst, lines));
        return end(recommendation_input, RECOMMEND_HOLD, why);
    }
    if (evidence->has_metrics &&
        exceeds_allowed(recommendation_input, evidence->metric_non_compliant,
                        evidence->metric_requests)) {
        const char *why = "The logs do not cover those days: wait until they do, or see "
                          "`bootstrap logs` for who sends them";
        return end(recommendation_input, RECOMMEND_HOLD,
                   joined(recommendation_input, numbers, why));
    }
    return false;
}

/* What was seen once holds, however old it is and however few they were. */
static bool judge_logs(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    str numbers = numbers_of_logs(recommendation_input);
    if (is_blocking(recommendation_input)) {
        const char *how = "See `bootstrap logs` for who sends them and what to repair";
        return end(recommendation_input, RECOMMEND_FIX_CLIENTS,
                   joined(recommendation_input, numbers, how));
    }
    if (is_held_by_what_is_not_known(recommendation_input, numbers)) {
        return true;
    }
    if (is_stale(recommendation_input)) {
        bool has_later =
            evidence->has_metrics && evidence->metric_newest_ms > evidence->log_newest_ms;
        const char *why = has_later ? "No line came for more than 2 days although there were "
                                      "requests: see whether the logs still reach this function"
                                    : "No line came for more than 2 days: that is too old";
        return end(recommendation_input, RECOMMEND_HOLD,
                   joined(recommendation_input, numbers, why));
    }
    if (is_too_little(recommendation_input)) {
        return end(recommendation_input, RECOMMEND_NO_EVIDENCE,
                   too_little(recommendation_input, numbers));
    }
    return end(recommendation_input, RECOMMEND_PROMOTE, numbers);
}

static bool judge_metrics(const struct recommendation_input *recommendation_input) {
    str numbers =
        with_not_understood(recommendation_input, numbers_of_metrics(recommendation_input));
    if (is_blocking(recommendation_input)) {
        const char *how = how_to_know_more(recommendation_input->evidence);
        return end(recommendation_input, RECOMMEND_NO_EVIDENCE,
                   joined(recommendation_input, numbers, how));
    }
    if (is_stale(recommendation_input)) {
        const char *why = "There was none yesterday or today (UTC): that is too old";
        return end(recommendation_input, RECOMMEND_HOLD,
                   joined(recommendation_input, numbers, why));
    }
    if (is_too_little(recommendation_input)) {
        return end(recommendation_input, RECOMMEND_NO_EVIDENCE,
                   too_little(recommendation_input, numbers));
    }
    return end(recommendation_input, RECOMMEND_PROMOTE, numbers);
}

static bool judge_nothing(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    if (not_understood(evidence) > 0) {
        str none = STR("the access logs hold no request whose class is known");
        return end(recommendation_input, RECOMMEND_NO_EVIDENCE,
                   with_not_understood(recommendation_input, none));
    }
    bool writes = evidence->writes_logs == YES;
    return end(recommendation_input, RECOMMEND_NO_EVIDENCE,
               str_format(recommendation_input->arena, "no request was seen in the last %d %s. %s",
                          evidence->days, days(evidence->days),
                          writes ? how_to_know_more(evidence) : "To have evidence, " HOW_TO_LOG));
}

static bool judge_numbers(const struct recommendation_input *recommendation_input) {
    const struct evidence *evidence = recommendation_input->evidence;
    if (evidence->compliant + evidence->acceptable + evidence->ambiguous + evidence->severe > 0) {
        weigh_logs(recommendation_input);
        return judge_logs(recommendation_input);
    }
    if (evidence->has_metrics && evidence->metric_requests > 0) {
        weigh_metrics(recommendation_input);
        return judge_metrics(recommendation_input);
    }
    return judge_nothing(recommendation_input);
}

void recommend(const struct evaluation *evaluation, const struct evidence *evidence,
               const struct promotion_settings *settings, int64_t now_ms, struct arena *arena,
               struct advice *advice_out) {
    ASSERT(evaluation != NULL && evidence != NULL && settings != NULL && advice_out != NULL);
    *advice_out = (struct advice){.recommendation = RECOMMEND_NOTHING};
    const struct recommendation_input recommendation_input = {evaluation, evidence, settings,
                                                              now_ms,     arena,    advice_out};
    bool is_ended =
        is_out_of_question(&recommendation_input) || is_in_monitor(&recommendation_input) ||
        is_held_by_its_owner(&recommendation_input) || is_held_by_its_past(&recommendation_input) ||
        judge_numbers(&recommendation_input);
    ASSERT(is_ended);
}

void advice_add_finding(const struct advice *advice, struct arena *arena,
                        struct evaluation *evaluation) {
    if (advice->recommendation == RECOMMEND_PROMOTE && evaluation->mode == MODE_DEFENSIVE) {
        evaluation_add_underutilized(evaluation, advice->reason, arena);
    }
}
