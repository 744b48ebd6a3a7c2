/* SPDX-License-Identifier: Apache-2.0
 *
 * The recommendation: first what no number can change (the mode, the owner's choices, what was done
 * lately), then the numbers. Requests that the mode in force blocks already count for nothing: no
 * client is worse off by them under strictest.
 */
#include "advice_internal.h"
#include "base/clock.h"
#include "policy/statistics.h"

/* Logs come within the hour, metrics within minutes; this long without any and a client may be back
 * that is not in the numbers. Of metrics the begin of a day counts, so that requests of yesterday
 * are always fresh, and those of the day before never. */
#define FRESH_MS (2 * MS_PER_DAY)

#define REASON_BYTES_MAX ((size_t)4096)
#define CONFIDENCE       0.95
/* Amounts of evidence: more of it may come. */
#define AMOUNTS ((1U << CRITERION_SOURCE) - (1U << CRITERION_REQUESTS))
/* Logs that CloudWatch Logs delivers cannot be seen at the load balancer. */
#define HOW_TO_LOG                                                                                 \
    "turn on access logs (" ATTRIBUTE_ACCESS_LOGS "=true) and let their bucket notify this "       \
    "function (logs that are delivered through CloudWatch Logs are not read)"

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
__attribute__((format(printf, 4, 5))) static bool decide(const struct recommendation_input *input,
                                                         enum criterion by,
                                                         enum recommendation recommendation,
                                                         const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    input->advice->decided_by = by;
    input->advice->recommendation = recommendation;
    input->advice->reason = str_format_va(input->arena, reason, arguments);
    va_end(arguments);
    return true;
}

/* Likewise, with the numbers before the reason. */
static bool decide_by_numbers(const struct recommendation_input *input,
                              enum recommendation recommendation, const char *then) {
    return decide(input, input->advice->decided_by, recommendation, "%" STR_FMT ". %s",
                  STR_ARG(buf_str(&input->numbers)), then);
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
        return decide(input, CRITERION_VERDICT, RECOMMEND_NOTHING, "it is not judged");
    }
    if (evaluation->mode == MODE_STRICTEST) {
        return decide(input, CRITERION_MODE, RECOMMEND_NOTHING, "the mode is strictest");
    }
    if (evaluation->mode == MODE_MONITOR) {
        /* The usual reason for monitor is the wish to see first what would be blocked. */
        return decide(input, CRITERION_MODE,
                      evaluation->has_active_exception ? RECOMMEND_NOTHING : RECOMMEND_HOLD,
                      "the mode is monitor: defensive is the next step. Staying in monitor to "
                      "collect data is not needed: defensive logs the same classification and "
                      "reason of every request, and blocks none but the Severe ones.%s%" STR_FMT,
                      evaluation->has_active_exception        ? " An exception excuses it today."
                      : str_is_empty(evaluation->opt_out.why) ? ""
                                                              : " Beside that, ",
                      STR_ARG(evaluation->opt_out.why));
    }
    if (evaluation->has_active_exception) {
        return decide(input, CRITERION_EXCEPTION, RECOMMEND_NOTHING,
                      "an exception excuses the mode today");
    }
    if (!str_is_empty(evaluation->opt_out.why)) {
        return decide(input, CRITERION_OPT_OUT, RECOMMEND_HOLD,
                      "%" STR_FMT "; as long as that is so, it is not promoted",
                      STR_ARG(evaluation->opt_out.why));
    }
    if (evaluation->profile_mode != MODE_UNKNOWN && evaluation->profile_mode < MODE_STRICTEST) {
        return decide(input, CRITERION_PROFILE, RECOMMEND_HOLD,
                      "its profile asks for %s, which its owner has chosen: it is never promoted",
                      mode_name(evaluation->profile_mode));
    }
    /* An exception that excuses nothing today still says that its owner expects to need one. */
    if (date_parse(evaluation->exception_until, &until) &&
        until >= date_days_of_ms(input->now_ms)) {
        return decide(input, CRITERION_EXCEPTION, RECOMMEND_HOLD,
                      "it has an exception until %" STR_FMT
                      ": remove its tags, or let it end first",
                      STR_ARG(evaluation->exception_until));
    }
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        const struct finding *finding = &evaluation->findings[i];
        if (finding->is_failing && finding->id != FINDING_MODE_TOO_WEAK) {
            return decide(input, CRITERION_COMPLIANCE, RECOMMEND_HOLD,
                          "it is not compliant (%s): repair that first", finding_name(finding->id));
        }
    }
    return false;
}

/* --- the numbers ------------------------------------------------------------------------------ */

static double percent_of(uint64_t part, uint64_t whole) {
    return part == 0 ? 0 : part >= whole ? 100 : 100 * (double)part / (double)whole;
}

static uint64_t rest_of(uint64_t whole, uint64_t part) {
    return whole > part ? whole - part : 0;
}

static void lack(struct advice *advice, enum criterion criterion, bool is_lacking) {
    advice->lacks |= is_lacking ? 1U << criterion : 0;
}

static void count_blocked(struct advice *advice, uint64_t requests, uint64_t blocked) {
    advice->has_numbers = true;
    advice->requests = requests;
    advice->blocked = blocked;
    advice->blocked_percent = percent_of(blocked, requests);
    advice->bound_percent =
        blocked >= requests ? 100 : 100 * binomial_upper_bound(blocked, requests, CONFIDENCE);
}

static void measure_amounts(struct recommendation_input *input) {
    struct advice *advice = input->advice;
    const struct promotion_settings *settings = input->settings;
    lack(advice, CRITERION_BLOCKED, advice->blocked_percent > settings->blocked_percent_max);
    lack(advice, CRITERION_FRESHNESS, input->now_ms - advice->newest_ms > FRESH_MS);
    lack(advice, CRITERION_REQUESTS, advice->requests < (uint64_t)settings->requests_min);
    lack(advice, CRITERION_RISK, advice->bound_percent > settings->risk_percent_max);
    lack(advice, CRITERION_DAYS, advice->days < settings->days_min);
    lack(advice, CRITERION_WEEKDAYS, advice->weekdays_missing != 0);
}

/* Of a scheme that is not known the larger number is asked for. */
static int clients_needed(const struct recommendation_input *input) {
    const struct clients_min *min = &input->settings->clients_min;
    enum load_balancer_scheme scheme = input->evaluation->scheme;
    int larger = min->internal > min->internet_facing ? min->internal : min->internet_facing;
    return scheme == SCHEME_INTERNAL          ? min->internal
           : scheme == SCHEME_INTERNET_FACING ? min->internet_facing
                                              : larger;
}

/* Requests that strictest would block, counted by version 0.1.0: whether they were served cannot be
 * told, so that they count against it. The outcome of all others is known. */
static uint64_t old_blocked(const struct evidence *evidence) {
    return rest_of(evidence->acceptable + evidence->ambiguous,
                   evidence->blocked_served + evidence->unserved);
}

/* Requests of the class Severe are blocked already, and no evidence. */
static void measure_logs(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    struct advice *advice = input->advice;
    advice->is_from_logs = true;
    advice->unserved = evidence->unserved;
    advice->newest_ms = evidence->log_newest_ms;
    advice->days = evidence->traffic_days;
    advice->weekdays_missing = evidence->weekdays_traffic & ~evidence->weekdays_logged;
    advice->clients = evidence->has_clients ? evidence->clients : -1;
    advice->clients_min = clients_needed(input);
    count_blocked(advice, rest_of(evidence->http1_requests, evidence->severe_served),
                  evidence->blocked_served + old_blocked(evidence));
    measure_amounts(input);
    lack(advice, CRITERION_CLIENTS, advice->clients < advice->clients_min);
}

static void measure_metrics(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    struct advice *advice = input->advice;
    advice->newest_ms = evidence->metric_newest_ms;
    advice->days = evidence->metric_days;
    advice->weekdays_missing = evidence->weekdays_traffic & ~evidence->weekdays_counted;
    count_blocked(advice, evidence->metric_requests, evidence->metric_non_compliant);
    measure_amounts(input);
    lack(advice, CRITERION_SOURCE, input->settings->source != EVIDENCE_ANY);
}

/* --- what was done before --------------------------------------------------------------------- */

/* An owner who thinks of `retry` wants to know what the requests say by now. */
static str numbers_for_retry(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    bool is_from_logs = evidence->http1_requests + old_blocked(evidence) > 0;
    if (!evidence->is_read || (!is_from_logs && evidence->metric_requests == 0)) {
        return STR_EMPTY;
    }
    if (is_from_logs) {
        measure_logs(input);
        advice_append_logs(input->advice, evidence, input->arena, &input->numbers);
    } else {
        measure_metrics(input);
        advice_append_metrics(input->advice, evidence, input->arena, &input->numbers);
    }
    return str_format(input->arena, ". By now: %" STR_FMT, STR_ARG(buf_str(&input->numbers)));
}

static bool decide_by_past(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    int wait_days = input->settings->evidence_days;
    int64_t since_ms = input->now_ms - wait_days * MS_PER_DAY;
    if (evidence->is_watched) {
        return decide(input, CRITERION_WATCH, RECOMMEND_HOLD,
                      "a change of its mode is being watched");
    }
    if (evidence->rolled_back_ms != 0 && evidence->rolled_back_ms > since_ms) {
        str day = date_format(input->arena, date_days_of_ms(evidence->rolled_back_ms));
        return decide(input, CRITERION_ROLLED_BACK, RECOMMEND_HOLD,
                      "strictest was rolled back on %" STR_FMT
                      ": it is not tried again for %d %s, or until its "
                      "owner tags it desync-promotion=retry%" STR_FMT,
                      STR_ARG(day), wait_days, days(wait_days), STR_ARG(numbers_for_retry(input)));
    }
    if (evidence->reverted_ms != 0) {
        str day = date_format(input->arena, date_days_of_ms(evidence->reverted_ms));
        return decide(input, CRITERION_REVERTED, RECOMMEND_HOLD,
                      "it was promoted, and somebody else reverted that, seen on %" STR_FMT
                      " (%" STR_FMT "): it is not tried again until its owner tags it "
                      "desync-promotion=retry%" STR_FMT,
                      STR_ARG(day), STR_ARG(evidence->reverted_note),
                      STR_ARG(numbers_for_retry(input)));
    }
    return false;
}

/* --- what they decide ------------------------------------------------------------------------- */

static enum criterion first_lack(const struct advice *advice) {
    enum criterion first = CRITERION_BLOCKED;
    while (first < CRITERION_COUNT && (advice->lacks >> first & 1) == 0) {
        first++;
    }
    return first == CRITERION_COUNT ? CRITERION_ALL : first;
}

static str how_to_know_more(const struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    if (evidence->logs_elsewhere) {
        return str_format(input->arena,
                          "Its access logs go to %" STR_FMT
                          ", which is not read here: let that bucket notify this function of new "
                          "objects",
                          STR_ARG(evidence->logs_bucket));
    }
    return evidence->writes_logs == YES
               ? STR("Access logs are on, but none of their lines was counted: let their bucket "
                     "notify this function of new objects")
               : STR("To have evidence, " HOW_TO_LOG);
}

/* Promotes, or names each amount that is too small. */
static bool decide_by_amounts(struct recommendation_input *input) {
    struct advice *advice = input->advice;
    str numbers = buf_str(&input->numbers);
    if ((advice->lacks & AMOUNTS) == 0) {
        advice->may_promote = advice->lacks == 0;
        return decide(input, advice->decided_by, RECOMMEND_PROMOTE, "%" STR_FMT "%s%" STR_FMT,
                      STR_ARG(numbers), advice->may_promote ? "" : "; not by itself: ",
                      STR_ARG(advice_lack(advice, advice->decided_by, input->arena)));
    }
    if (advice->decided_by == CRITERION_RISK &&
        advice->blocked_percent >= input->settings->risk_percent_max && advice->is_from_logs) {
        return decide(input, CRITERION_RISK, RECOMMEND_FIX_CLIENTS,
                      "%" STR_FMT ". %" STR_FMT
                      ": see `desync-guard logs` for who sends them and what to repair",
                      STR_ARG(numbers), STR_ARG(advice_lack(advice, CRITERION_RISK, input->arena)));
    }
    buf_append(&input->numbers, STR(". That is too little to tell"));
    for (enum criterion each = CRITERION_REQUESTS; each < CRITERION_SOURCE; each++) {
        if ((advice->lacks >> each & 1) != 0) {
            buf_printf(&input->numbers, "%s%" STR_FMT, each == advice->decided_by ? ": " : "; ",
                       STR_ARG(advice_lack(advice, each, input->arena)));
        }
    }
    return decide(input, advice->decided_by, RECOMMEND_NO_EVIDENCE, "%" STR_FMT,
                  STR_ARG(buf_str(&input->numbers)));
}

static bool decide_by_hidden(struct recommendation_input *input, uint64_t hidden) {
    const struct advice *advice = input->advice;
    uint64_t worst = advice->blocked + hidden;
    return decide(input, CRITERION_NOT_UNDERSTOOD, RECOMMEND_HOLD,
                  "%" STR_FMT ". %llu that %s not understood could be among those that it "
                  "would block, %llu then (%.4g %%): see `desync-guard logs`",
                  STR_ARG(buf_str(&input->numbers)), (unsigned long long)hidden,
                  str_by_count(hidden, "was", "were"), (unsigned long long)worst,
                  percent_of(worst, advice->requests + hidden));
}

/* What was seen once holds, however old it is and however few they were. Of the lines all that is
 * blocked or may be is taken together. Metrics are of other requests: when neither of the two has
 * too large a share, both together have none. */
static bool decide_by_logs(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    struct advice *advice = input->advice;
    double max = input->settings->blocked_percent_max;
    measure_logs(input);
    advice_append_logs(advice, evidence, input->arena, &input->numbers);
    if (old_blocked(evidence) > 0) {
        buf_printf(&input->numbers, "; version 0.1.0 counted %llu of these, served or not",
                   (unsigned long long)old_blocked(evidence));
    }
    uint64_t hidden = advice_append_not_understood(evidence, &input->numbers);
    advice_append_metrics(advice, evidence, input->arena, &input->numbers);
    lack(advice, CRITERION_NOT_UNDERSTOOD,
         percent_of(advice->blocked + hidden, advice->requests + hidden) > max && hidden > 0);
    lack(advice, CRITERION_METRICS,
         evidence->has_metrics &&
             percent_of(evidence->metric_non_compliant, evidence->metric_requests) > max);
    advice->decided_by = first_lack(advice);
    if (advice->decided_by == CRITERION_BLOCKED) {
        return decide_by_numbers(input, RECOMMEND_FIX_CLIENTS,
                                 "See `desync-guard logs` for who sends them and what to repair");
    }
    if (advice->decided_by == CRITERION_NOT_UNDERSTOOD) {
        return decide_by_hidden(input, hidden);
    }
    if (advice->decided_by == CRITERION_METRICS) {
        return decide_by_numbers(input, RECOMMEND_HOLD,
                                 "The logs do not cover those days: wait until they do, or see "
                                 "`desync-guard logs` for who sends them");
    }
    if (advice->decided_by == CRITERION_FRESHNESS) {
        bool has_later =
            evidence->has_metrics && evidence->metric_newest_ms > evidence->log_newest_ms;
        return decide_by_numbers(
            input, RECOMMEND_HOLD,
            has_later ? "No line came for more than 2 days although there were requests: see "
                        "whether the logs still reach this function"
                      : "No line came for more than 2 days: that is too old");
    }
    return decide_by_amounts(input);
}

static bool decide_by_metrics(struct recommendation_input *input) {
    const struct evidence *evidence = input->evidence;
    struct advice *advice = input->advice;
    measure_metrics(input);
    advice_append_metrics(advice, evidence, input->arena, &input->numbers);
    (void)advice_append_not_understood(evidence, &input->numbers);
    advice->decided_by = first_lack(advice);
    if (advice->decided_by == CRITERION_BLOCKED) {
        return decide_by_numbers(input, RECOMMEND_NO_EVIDENCE,
                                 str_to_cstr(input->arena, how_to_know_more(input)));
    }
    if (advice->decided_by == CRITERION_FRESHNESS) {
        return decide_by_numbers(input, RECOMMEND_HOLD,
                                 "There was none yesterday or today (UTC): that is too old");
    }
    return decide_by_amounts(input);
}

/* The logs hold lines, but none of them is evidence. */
static bool decide_by_other_lines(struct recommendation_input *input, uint64_t lines) {
    const struct evidence *evidence = input->evidence;
    uint64_t told = evidence->http2_requests + evidence->synthetic;
    buf_printf(&input->numbers,
               "in %d of the last %d %s the access logs hold no HTTP/1.x request of a client: %llu "
               "over HTTP/2 and %llu of health checks and monitors",
               evidence->log_days, evidence->days, days(evidence->days),
               (unsigned long long)evidence->http2_requests,
               (unsigned long long)evidence->synthetic);
    if (lines > told) {
        buf_printf(&input->numbers, "; %llu were counted by version 0.1.0, which told neither",
                   (unsigned long long)(lines - told));
    }
    (void)advice_append_not_understood(evidence, &input->numbers);
    return decide(input, CRITERION_TRAFFIC, RECOMMEND_NO_EVIDENCE, "%" STR_FMT,
                  STR_ARG(buf_str(&input->numbers)));
}

static bool decide_by_evidence(struct recommendation_input *input) {
    input->advice->has_numbers = true;
    const struct evidence *evidence = input->evidence;
    uint64_t lines =
        evidence->compliant + evidence->acceptable + evidence->ambiguous + evidence->severe;
    if (evidence->http1_requests + old_blocked(evidence) > 0) {
        return decide_by_logs(input);
    }
    if (lines > 0) {
        return decide_by_other_lines(input, lines);
    }
    if (evidence->has_metrics && evidence->metric_requests > 0) {
        return decide_by_metrics(input);
    }
    buf_append(&input->numbers, STR("the access logs hold no request whose class is known"));
    if (advice_append_not_understood(evidence, &input->numbers) > 0) {
        return decide(input, CRITERION_TRAFFIC, RECOMMEND_NO_EVIDENCE, "%" STR_FMT,
                      STR_ARG(buf_str(&input->numbers)));
    }
    return decide(input, CRITERION_TRAFFIC, RECOMMEND_NO_EVIDENCE,
                  "no request was seen in the last %d %s. %" STR_FMT, evidence->days,
                  days(evidence->days), STR_ARG(how_to_know_more(input)));
}

void recommend(const struct evaluation *evaluation, const struct evidence *evidence,
               const struct promotion_settings *settings, int64_t now_ms, struct arena *arena,
               struct advice *advice_out) {
    ASSERT(evaluation != NULL && evidence != NULL && settings != NULL && advice_out != NULL);
    *advice_out =
        (struct advice){.recommendation = RECOMMEND_NOTHING, .settings = settings, .clients = -1};
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
        evaluation_add_underutilized(evaluation, advice->reason, advice->may_promote, arena);
        evaluation_add_managed(evaluation, arena);
    }
}
