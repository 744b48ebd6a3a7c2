/* SPDX-License-Identifier: Apache-2.0
 *
 * The judgement on a change from the numbers before and after it.
 */
#include "policy/recommend.h"

/* Fewer errors than these tell nothing: one more or less would be an increase of ten percent. */
#define ERRORS_MIN 10
/* By chance no traffic of so many requests comes down to a tenth. */
#define VOLUME_MIN    100
#define VOLUME_SHRINK 10

struct error_rate {
    const char *name;
    uint64_t before;
    uint64_t after;
};

static double requests_of(const struct traffic_window *window) {
    return (double)window->requests + (double)window->elb_4xx;
}

static double percent_of(uint64_t errors, const struct traffic_window *window) {
    double requests = requests_of(window);
    return requests <= 0 ? 0 : 100 * (double)errors / requests;
}

static bool has_risen(const struct error_rate *rate,
                      const struct traffic_window *before,
                      const struct traffic_window *after,
                      double increase_max) {
    if (rate->after < ERRORS_MIN) {
        return false;
    }
    double allowed = percent_of(rate->before, before) * (1 + increase_max / 100);
    /* Errors without one request (of targets that were asked before the change). */
    return requests_of(after) <= 0 || percent_of(rate->after, after) > allowed;
}

static bool has_traffic(const struct traffic_window *window) {
    return window->has_data || window->requests > 0 || window->elb_4xx > 0 || window->elb_5xx > 0 ||
           window->target_5xx > 0 || window->non_compliant > 0;
}

/* "HTTPCode_ELB_4XX 3 -> 120 (0.3 % -> 12 % of 1000 -> 880 requests)" */
static str numbers(struct arena *arena,
                   const struct traffic_window *before,
                   const struct traffic_window *after) {
    return str_format(
        arena,
        "requests %llu -> %llu, HTTPCode_ELB_4XX %llu -> %llu (%.3g %% -> %.3g %%), "
        "HTTPCode_Target_5XX %llu -> %llu (%.3g %% -> %.3g %%), not compliant %llu -> %llu",
        (unsigned long long)before->requests,
        (unsigned long long)after->requests,
        (unsigned long long)before->elb_4xx,
        (unsigned long long)after->elb_4xx,
        percent_of(before->elb_4xx, before),
        percent_of(after->elb_4xx, after),
        (unsigned long long)before->target_5xx,
        (unsigned long long)after->target_5xx,
        percent_of(before->target_5xx, before),
        percent_of(after->target_5xx, after),
        (unsigned long long)before->non_compliant,
        (unsigned long long)after->non_compliant);
}

static double minutes_of(const struct traffic_window *window) {
    int64_t ms = window->end_ms - window->start_ms;
    return ms <= 0 ? 1 : (double)ms / 60000.0;
}

/* Requests that stay away break no error rate. */
static bool has_collapsed(const struct traffic_window *before, const struct traffic_window *after) {
    return requests_of(before) >= VOLUME_MIN &&
           VOLUME_SHRINK * requests_of(after) / minutes_of(after) <
               requests_of(before) / minutes_of(before);
}

static enum watch_verdict verdict_of(bool has_data, bool is_over, bool was_extended) {
    if (!is_over) {
        return WATCH_GO_ON;
    }
    if (has_data) {
        return WATCH_CLOSE;
    }
    return was_extended ? WATCH_NO_DATA : WATCH_EXTEND;
}

static const char *opening_of(enum watch_verdict verdict, bool has_traffic_after) {
    switch (verdict) {
    case WATCH_GO_ON:
        return "nothing is wrong so far";
    case WATCH_CLOSE:
        return "errors did not rise";
    case WATCH_EXTEND:
        return has_traffic_after
                   ? "less than a tenth of the requests came since the change, which says nothing, "
                     "so it is watched once more"
                   : "no request was seen since the change, so it is watched once more";
    case WATCH_NO_DATA:
        return has_traffic_after
                   ? "less than a tenth of the requests came since the change a second time: "
                     "closed "
                     "without a judgement"
                   : "no request was seen since the change a second time: closed without a "
                     "judgement";
    case WATCH_ROLL_BACK:
        break;
    }
    return "errors rose";
}

void watch_judge(const struct traffic_window *before,
                 const struct traffic_window *after,
                 bool is_over,
                 bool was_extended,
                 const struct watch_settings *settings,
                 struct arena *arena,
                 struct watch_judgement *judgement_out) {
    const struct error_rate rates[] = {
        {"HTTPCode_ELB_4XX", before->elb_4xx, after->elb_4xx},
        {"HTTPCode_Target_5XX", before->target_5xx, after->target_5xx},
    };
    str facts = numbers(arena, before, after);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        if (has_risen(&rates[i], before, after, settings->error_increase_max)) {
            judgement_out->verdict = WATCH_ROLL_BACK;
            judgement_out->reason =
                str_format(arena,
                           "%s per request rose by more than %g %%%s: %" STR_FMT,
                           rates[i].name,
                           settings->error_increase_max,
                           has_traffic(before) ? "" : " (no request was seen before the change)",
                           STR_ARG(facts));
            return;
        }
    }
    bool has_data = has_traffic(after) && !has_collapsed(before, after);
    judgement_out->verdict = verdict_of(has_data, is_over, was_extended);
    judgement_out->reason = str_format(arena,
                                       "%s: %" STR_FMT,
                                       opening_of(judgement_out->verdict, has_traffic(after)),
                                       STR_ARG(facts));
}
