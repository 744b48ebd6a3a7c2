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
#define RATE_COUNT    2

struct error_rate {
    const char *name;
    uint64_t before;
    uint64_t after;
};

/* Per RequestCount, which leaves out what is blocked: where refused requests are many anyway, as by
 * a firewall, a share of all requests could hardly rise. Without one request before and without an
 * error, ten are a rise; of errors alone there are no fewer per request to compare with. */
static bool has_risen(const struct error_rate *rate, const struct traffic_window *before,
                      const struct traffic_window *after, double increase_max) {
    double rise = 100 * (double)rate->after * (double)before->requests;
    double allowed = (100 + increase_max) * (double)rate->before * (double)after->requests;
    return rise > allowed || (before->requests == 0 && rate->before == 0 && rate->after > 0);
}

static bool has_traffic(const struct traffic_window *window) {
    return window->has_data || window->requests > 0 || window->elb_4xx > 0 || window->elb_5xx > 0 ||
           window->target_5xx > 0 || window->non_compliant > 0;
}

static str rate_text(struct arena *arena, uint64_t errors, uint64_t requests) {
    if (requests == 0) {
        return errors == 0 ? STR("0 %") : STR("of no request");
    }
    double percent = 100 * (double)errors / (double)requests;
    return str_format(arena, percent < 1000 ? "%.3g %%" : "%.0f %%", percent);
}

/* "requests 1000 -> 900, HTTPCode_ELB_4XX 3 -> 120 (0.3 % -> 13.3 %), ..." */
static str numbers_text(struct arena *arena, const struct error_rate rates[RATE_COUNT],
                        const struct traffic_window *before, const struct traffic_window *after) {
    str text = str_format(arena, "requests %llu -> %llu", (unsigned long long)before->requests,
                          (unsigned long long)after->requests);
    for (size_t i = 0; i < RATE_COUNT; i++) {
        text = str_format(arena, "%" STR_FMT ", %s %llu -> %llu (%" STR_FMT " -> %" STR_FMT ")",
                          STR_ARG(text), rates[i].name, (unsigned long long)rates[i].before,
                          (unsigned long long)rates[i].after,
                          STR_ARG(rate_text(arena, rates[i].before, before->requests)),
                          STR_ARG(rate_text(arena, rates[i].after, after->requests)));
    }
    return str_format(arena, "%" STR_FMT ", not compliant %llu -> %llu", STR_ARG(text),
                      (unsigned long long)before->non_compliant,
                      (unsigned long long)after->non_compliant);
}

static double minutes_of(const struct traffic_window *window) {
    int64_t ms = window->end_ms - window->start_ms;
    return ms <= 0 ? 1 : (double)ms / 60000.0;
}

/* Requests that stay away break no error rate. */
static bool has_collapsed(const struct traffic_window *before, const struct traffic_window *after) {
    return before->requests >= VOLUME_MIN &&
           VOLUME_SHRINK * (double)after->requests / minutes_of(after) <
               (double)before->requests / minutes_of(before);
}

/* The verdict where no error rate has risen. */
static enum watch_verdict verdict_of(bool has_data, bool is_over, bool was_extended) {
    return !is_over       ? WATCH_GO_ON
           : has_data     ? WATCH_CLOSE
           : was_extended ? WATCH_NO_DATA
                          : WATCH_EXTEND;
}

void watch_judge(const struct traffic_window *before, const struct traffic_window *after,
                 bool is_over, bool was_extended, const struct watch_settings *settings,
                 struct arena *arena, struct watch_judgement *judgement_out) {
    const struct error_rate rates[RATE_COUNT] = {
        {"HTTPCode_ELB_4XX", before->elb_4xx, after->elb_4xx},
        {"HTTPCode_Target_5XX", before->target_5xx, after->target_5xx},
    };
    str numbers = numbers_text(arena, rates, before, after);
    bool has_few = false;
    for (size_t i = 0; i < RATE_COUNT; i++) {
        if (!has_risen(&rates[i], before, after, settings->error_increase_max)) {
            continue;
        }
        if (rates[i].after < ERRORS_MIN) {
            has_few = true;
            continue;
        }
        judgement_out->verdict = WATCH_ROLL_BACK;
        judgement_out->reason =
            str_format(arena, "%s per request rose by more than %g %%%s: %" STR_FMT, rates[i].name,
                       settings->error_increase_max,
                       has_traffic(before) ? "" : " (no request was seen before the change)",
                       STR_ARG(numbers));
        return;
    }
    bool has_data = has_traffic(after) && !has_collapsed(before, after);
    enum watch_verdict verdict = verdict_of(has_data, is_over, was_extended);
    judgement_out->verdict = verdict;
    if (verdict == WATCH_EXTEND || verdict == WATCH_NO_DATA) {
        judgement_out->reason = str_format(
            arena, "%s since the change%s: %" STR_FMT,
            has_traffic(after) ? "less than a tenth of the requests came" : "no request was seen",
            verdict == WATCH_NO_DATA ? " a second time: closed without a judgement"
            : has_traffic(after)     ? ", which says nothing, so it is watched once more"
                                     : ", so it is watched once more",
            STR_ARG(numbers));
    } else {
        judgement_out->reason =
            str_format(arena, "%s: %" STR_FMT,
                       verdict == WATCH_GO_ON ? "nothing is wrong so far"
                       : has_few ? "fewer than 10 errors of a kind tell nothing, and no others rose"
                                 : "errors did not rise",
                       STR_ARG(numbers));
    }
}
