/* SPDX-License-Identifier: Apache-2.0
 *
 * The judgement on a promotion from the numbers before and after it.
 *
 * A look makes up to six tests: clients that are blocked now, by the metric since the change, by
 * the metric of the last hour and by the logs; and three rates of errors. All tests of all looks
 * share `alpha` as Bonferroni's inequality allows, so that no assumption is needed on how they
 * depend on each other. Look n of N gets a part of it in proportion to 1 / n: each doubling of the
 * time spends the same, so that an outage is seen in the first minutes and a small rise still days
 * later.
 *
 *     look          1      2      3     ...    12     ...    2016
 *     alpha / n   1e-4   5e-5   3e-5          8e-6           5e-8    (a test, with alpha 0.5 %)
 */
#include "policy/watch.h"

#include <math.h>

#include "base/assert.h"
#include "base/clock.h"
#include "policy/statistics.h"
#include "policy/watch_window.h"

#define ALPHA          ((double)WATCH_ALPHA_PPB / 1e9)
#define TESTS          6
#define BLOCKED_TESTS  3
#define MINUTES_A_DAY  (24 * 60)
#define HOUR_TRIED_MIN 20  /* requests of an hour in which an outage can be seen */
#define HOUR_SHARE_MIN 0.5 /* of them blocked: an outage, whatever the errors are */
#define ERRORS_MIN     10  /* fewer are no reason to take a promotion back */
/* By chance no traffic of so many requests comes down to a tenth. */
#define VOLUME_MIN    100
#define VOLUME_SHRINK 10

static const char *const COUNTER_NAMES[WATCH_COUNTERS] = {
    "DesyncMitigationMode_NonCompliant_Request_Count",
    "HTTPCode_ELB_4XX",
    "HTTPCode_ELB_5XX",
    "HTTPCode_Target_5XX",
};

/* What the change is called. */
struct words {
    const char *mode;
    const char *limit;
    const char *blocked;
};
static const struct words PROMOTION = {"strictest", "PROMOTION_MAX_RISK_PERCENT",
                                       "Acceptable and Ambiguous"};
static const struct words RAISE = {"defensive", "ENFORCEMENT_MAX_BLOCKED_PERCENT", "Severe"};

struct look {
    const struct watch_numbers *numbers;
    const struct watch_settings *settings;
    const struct words *words;
    struct arena *arena;
    double alpha; /* of one test */
    double risk_max;
    struct watch_window since;    /* the change */
    struct watch_window last_day; /* of it */
    struct watch_window last_hour;
    bool is_same_hours;               /* is known of the days before */
    struct watch_counts right_before; /* the hour before the change */
    str why;                          /* empty: nothing is wrong */
};

/* --- counting --------------------------------------------------------------------------------- */

/* As of a load balancer that is a few hours old. */
static void compare_right_before(const struct look *look, size_t bins,
                                 struct watch_window *window) {
    window->before = look->right_before;
    window->usual_tried = look->right_before.tried * (double)bins / WATCH_BINS_AN_HOUR;
}

static void count_look(struct look *look) {
    const struct watch_numbers *numbers = look->numbers;
    size_t count = numbers->after_count;
    size_t day = count < WATCH_BINS_A_DAY ? count : WATCH_BINS_A_DAY;
    size_t hour = count < WATCH_BINS_AN_HOUR ? count : WATCH_BINS_AN_HOUR;
    watch_counts_add(&look->right_before, &numbers->before[WATCH_BINS_BEFORE - WATCH_BINS_AN_HOUR],
                     WATCH_BINS_AN_HOUR);
    watch_window_fill(numbers, 0, &look->since);
    look->last_day = look->since;
    if (day < count) {
        watch_window_fill(numbers, count - day, &look->last_day);
    }
    watch_window_fill(numbers, count - hour, &look->last_hour);
    look->is_same_hours = look->last_day.before.bins > 0;
    if (!look->is_same_hours) {
        compare_right_before(look, count, &look->since);
        compare_right_before(look, day, &look->last_day);
    }
    if (look->last_hour.before.bins <= 0) { /* of an hour in which nothing came before */
        look->last_hour.before = look->last_day.before;
        look->last_hour.usual_tried = 0;
    }
}

/* --- text ------------------------------------------------------------------------------------- */

static str share_text(struct arena *arena, double events, double trials) {
    return trials > 0
               ? str_format(arena, "%.0f of %.0f (%.3g %%)", events, trials, 100 * events / trials)
               : str_format(arena, "%.0f of no request", events);
}

static const char *before_text(const struct look *look) {
    return look->is_same_hours ? "the same hours of the 7 days before" : "the hour before it";
}

/* "1000 requests since the change; against the same hours of the 7 days before: ... 3 of 1000
 * (0.3 %) after 21 of 7000 (0.3 %), ..." */
static str numbers_text(const struct look *look) {
    struct arena *arena = look->arena;
    const struct watch_window *day = &look->last_day;
    str text = str_format(arena, "%.0f requests since the change; against %s",
                          look->since.now.requests, before_text(look));
    for (int c = 0; c < WATCH_COUNTERS; c++) {
        str now = share_text(arena, day->now.of[c], day->now.tried);
        str then = day->before.bins <= 0 ? STR("nothing known")
                                         : share_text(arena, day->before.of[c], day->before.tried);
        text = str_format(arena, "%" STR_FMT "%s %s %" STR_FMT " after %" STR_FMT, STR_ARG(text),
                          c == 0 ? ":" : ",", COUNTER_NAMES[c], STR_ARG(now), STR_ARG(then));
    }
    const struct blocked_count *logged = &look->numbers->logged_after;
    if (look->numbers->logged_before_count > 0 || logged->requests > 0) {
        str now = share_text(arena, (double)logged->blocked, (double)logged->requests);
        text = str_format(arena, "%" STR_FMT ", blocked by the access logs %" STR_FMT,
                          STR_ARG(text), STR_ARG(now));
    }
    return text;
}

/* --- E1: clients that are blocked ------------------------------------------------------------- */

struct excess {
    double events_before, trials_before;
    double events_after, trials_after;
    double trials_usual; /* in as much time, by those before; 0: not known */
    double dispersion;
};

static uint64_t scaled_down(double count, double dispersion) {
    return (uint64_t)(count / dispersion);
}

static uint64_t scaled_up(double count, double dispersion) {
    return (uint64_t)ceil(count / dispersion);
}

/* The probability of such a share if it were that of before and risk_max together: exact, however
 * little is known of before: half of alpha is spent on an upper bound of that share. Trials cannot
 * be fewer than events, though one metric may know of more than the other. */
static double chance_of(const struct look *look, const struct excess *excess) {
    double d = excess->dispersion;
    double trials = fmax(excess->trials_after, excess->events_after);
    double trials_before = fmax(excess->trials_before, excess->events_before);
    double share_before = binomial_upper_bound(scaled_up(excess->events_before, d),
                                               scaled_up(trials_before, d), 1 - look->alpha / 2);
    /* Scanners come at their own pace, so that in quiet hours their share is larger. */
    double quiet = trials > 0 ? fmax(1, excess->trials_usual / trials) : 1;
    double share = fmin(1, share_before * quiet + look->risk_max);
    return binomial_tail(scaled_down(excess->events_after, d), scaled_down(trials, d), share);
}

/* Counts that scatter say less, so that only what even Poisson's would show is looked at again. */
static bool has_excess(const struct look *look, struct excess *excess, double *chance_out) {
    double dispersion = excess->dispersion;
    excess->dispersion = 1;
    if (excess->trials_before <= 0 || chance_of(look, excess) > look->alpha / 2) {
        return false;
    }
    excess->dispersion =
        fmax(dispersion, watch_bin_dispersion(look->numbers->before, NON_COMPLIANT));
    *chance_out = chance_of(look, excess);
    return *chance_out <= look->alpha / 2;
}

static str excess_text(const struct look *look, const struct excess *excess, double chance) {
    str now = share_text(look->arena, excess->events_after, excess->trials_after);
    str then = share_text(look->arena, excess->events_before, excess->trials_before);
    return str_format(look->arena,
                      "%" STR_FMT " HTTP/1.x requests, after %" STR_FMT
                      " before; chance explains that with a probability of %.2g, and %.2g is the "
                      "limit of this test in this look",
                      STR_ARG(now), STR_ARG(then), chance, look->alpha / 2);
}

/* Where nothing came in these hours before, all hours of the seven days say what was usual. */
static struct watch_counts counts_before(const struct look *look) {
    struct watch_counts counts = look->since.before;
    if (counts.tried <= 0) {
        watch_counts_add(&counts, look->numbers->before, WATCH_BINS_BEFORE);
    }
    return counts;
}

static bool is_blocked_by_metric(struct look *look) {
    double share = look->numbers->http1_share;
    const struct watch_window *since = &look->since;
    const struct watch_counts before = counts_before(look);
    struct excess excess = {.events_before = before.of[NON_COMPLIANT],
                            .trials_before = before.tried * share,
                            .events_after = since->now.of[NON_COMPLIANT],
                            .trials_after = since->now.tried * share,
                            .trials_usual = since->usual_tried * share,
                            .dispersion = 1};
    double chance = 1;
    if (!has_excess(look, &excess, &chance)) {
        return false;
    }
    str numbers = excess_text(look, &excess, chance);
    look->why =
        str_format(look->arena,
                   "%s blocks clients: requests that do not comply are more than "
                   "before by over %s (%g %%): %" STR_FMT,
                   look->words->mode, look->words->limit, 100 * look->risk_max, STR_ARG(numbers));
    return true;
}

/* The days before as one, and how far they scatter. */
static struct excess excess_of_logs(const struct watch_numbers *numbers) {
    struct excess excess = {.events_after = (double)numbers->logged_after.blocked,
                            .trials_after = (double)numbers->logged_after.requests,
                            .dispersion = 1};
    size_t days = numbers->logged_before_count;
    double sum = 0;
    for (size_t i = 0; i < days; i++) {
        excess.events_before += (double)numbers->logged_before[i].blocked;
        excess.trials_before += (double)numbers->logged_before[i].requests;
    }
    if (excess.trials_before <= 0) {
        return excess;
    }
    for (size_t i = 0; i < days; i++) {
        double share = (double)numbers->logged_before[i].requests / excess.trials_before;
        sum += watch_deviation((double)numbers->logged_before[i].blocked,
                               excess.events_before * share, excess.events_before / (double)days);
    }
    excess.dispersion = days > 1 ? fmax(1, sum / ((double)days - 1)) : 1;
    excess.trials_usual =
        excess.trials_before * numbers->logged_minutes / (MINUTES_A_DAY * (double)days);
    return excess;
}

static bool is_blocked_by_logs(struct look *look) {
    struct excess excess = excess_of_logs(look->numbers);
    double chance = 1;
    if (!has_excess(look, &excess, &chance)) {
        return false;
    }
    str text = excess_text(look, &excess, chance);
    look->why = str_format(look->arena,
                           "%s blocks clients, the access logs say: %s requests are more than "
                           "those before that were not served, by over %s (%g %%): %" STR_FMT,
                           look->words->mode, look->words->blocked, look->words->limit,
                           100 * look->risk_max, STR_ARG(text));
    return true;
}

/* Requests after the change, with which as many of a kind would have come. */
static double exposure_of(const struct watch_window *window, enum watch_counter counter) {
    return watch_is_paced(counter) ? fmax(window->now.tried, window->usual_tried)
                                   : window->now.tried;
}

/* The probability of so many after the change if their rate were `ratio` times that of before; 0
 * with nothing to compare with. */
static double ratio_chance(const struct look *look, const struct watch_window *window,
                           enum watch_counter counter, double ratio) {
    const struct event_rate before = {window->before.of[counter], window->before.tried};
    const struct event_rate after = {window->now.of[counter], exposure_of(window, counter)};
    if (before.exposure <= 0 || after.exposure <= 0) {
        return 0;
    }
    double chance = rate_ratio_tail(&before, &after, ratio, 1);
    return chance > look->alpha ? chance
                                : rate_ratio_tail(&before, &after, ratio,
                                                  watch_dispersion(look->numbers, window, counter));
}

/* Where next to nothing comes, half of it is an outage, and a share as small as risk_max could be
 * seen much later only. With nothing to compare with, all that is blocked counts. */
static bool is_outage(struct look *look) {
    const struct watch_window *hour = &look->last_hour;
    double blocked = hour->now.of[NON_COMPLIANT];
    double tried = fmax(hour->now.tried * look->numbers->http1_share, blocked);
    double usual = watch_rate_of(&hour->before, NON_COMPLIANT) * exposure_of(hour, NON_COMPLIANT);
    if (tried < HOUR_TRIED_MIN || blocked - usual < HOUR_SHARE_MIN * tried ||
        ratio_chance(look, hour, NON_COMPLIANT, 1) > look->alpha) {
        return false;
    }
    look->why = str_format(look->arena,
                           "%s blocks clients: of %.0f HTTP/1.x requests in the last hour "
                           "%.0f do not comply, where %.1f were usual%s",
                           look->words->mode, tried, blocked, usual,
                           hour->before.bins <= 0 ? " (nothing is known of the time before)" : "");
    return true;
}

/* --- E2: errors ------------------------------------------------------------------------------- */

/* Not even the worst of these windows was as bad. */
static bool has_exceeded_all(const struct look *look, enum watch_counter counter) {
    double rate = watch_rate_of(&look->last_day.now, counter);
    for (size_t i = 0; i < WATCH_DAYS_BEFORE; i++) {
        if (watch_rate_of(&look->last_day.days[i], counter) >= rate) {
            return false;
        }
    }
    return watch_rate_of(&look->right_before, counter) < rate;
}

static bool has_risen(struct look *look, enum watch_counter counter) {
    const struct watch_window *day = &look->last_day;
    double increase_max = look->settings->error_increase_max;
    if (day->before.tried <= 0 || day->now.of[counter] < ERRORS_MIN ||
        !has_exceeded_all(look, counter)) {
        return false;
    }
    double chance = ratio_chance(look, day, counter, 1 + increase_max / 100);
    if (chance > look->alpha) {
        return false;
    }
    str now = share_text(look->arena, day->now.of[counter], day->now.tried);
    str then = share_text(look->arena, day->before.of[counter], day->before.tried);
    look->why = str_format(
        look->arena,
        "%s per request rose by more than %g %% (WATCH_MAX_ERROR_INCREASE_PERCENT) over %s: "
        "%" STR_FMT ", after %" STR_FMT
        "; chance explains that with a probability of %.2g, and %.2g is the limit of this test in "
        "this look",
        COUNTER_NAMES[counter], increase_max, before_text(look), STR_ARG(now), STR_ARG(then),
        chance, look->alpha);
    return true;
}

/* --- the verdict ------------------------------------------------------------------------------ */

/* Requests that stay away break no error rate. */
static bool has_collapsed(const struct look *look) {
    const struct watch_window *day = &look->last_day;
    double usual =
        day->before.tried > 0 ? day->usual_tried * day->before.requests / day->before.tried : 0;
    return usual >= VOLUME_MIN && VOLUME_SHRINK * day->now.requests < usual;
}

/* Why the watch cannot end well by now; NULL: it can. */
static const char *lack_of(const struct look *look) {
    return look->since.now.tried <= 0 ? "no request was seen"
           : look->since.now.tried < look->settings->requests_min
               ? "fewer requests than WATCH_MIN_REQUESTS came"
           : look->last_day.before.bins <= 0
               ? "with nothing known of the time before, nothing was compared"
           : has_collapsed(look) ? "less than a tenth of the usual requests came"
                                 : NULL;
}

/* Where nothing is wrong. */
static enum watch_verdict verdict_of(struct look *look) {
    const struct watch_settings *settings = look->settings;
    int minutes = look->numbers->look * (int)(WATCH_BIN_MS / (60 * MS_PER_SECOND));
    bool is_last = minutes >= settings->days_max * MINUTES_A_DAY;
    const char *lack = lack_of(look);
    if (minutes < settings->minutes && !is_last) {
        look->why = str_format(look->arena,
                               "nothing is wrong so far, after %d of %d minutes (WATCH_MINUTES)",
                               minutes, settings->minutes);
        return WATCH_GO_ON;
    } else if (lack == NULL) {
        look->why = str_format(
            look->arena, "errors did not rise, and no client is blocked, in %d minutes", minutes);
        return WATCH_END_HELD;
    } else if (is_last) {
        look->why = str_format(look->arena,
                               "%s in %d days (WATCH_MAX_DAYS): whether %s blocks clients "
                               "is not known",
                               lack, settings->days_max, look->words->mode);
        return WATCH_END_INCONCLUSIVE;
    }
    look->why = str_format(look->arena,
                           "%s in %d minutes: nothing is wrong so far, and the watch goes on, for "
                           "%d days at most (WATCH_MAX_DAYS)",
                           lack, minutes, settings->days_max);
    return WATCH_GO_ON;
}

static bool is_blocking(struct look *look) {
    return is_blocked_by_metric(look) || is_outage(look) || is_blocked_by_logs(look);
}

static void begin_look(struct look *look, const struct watch_numbers *numbers,
                       struct arena *arena) {
    ASSERT(numbers->look > 0 && numbers->after_count > 0);
    *look = (struct look){
        .numbers = numbers, .words = numbers->is_raise ? &RAISE : &PROMOTION, .arena = arena};
    count_look(look);
}

static void end_look(const struct look *look, enum watch_verdict verdict,
                     struct watch_judgement *judgement_out) {
    str numbers = numbers_text(look);
    judgement_out->verdict = verdict;
    judgement_out->reason =
        str_format(look->arena, "%" STR_FMT ". %" STR_FMT, STR_ARG(look->why), STR_ARG(numbers));
}

struct watch_plan watch_plan_of(const struct watch_settings *settings, double risk_percent_max) {
    return (struct watch_plan){.alpha = ALPHA,
                               .looks = settings->days_max * WATCH_BINS_A_DAY,
                               .risk_percent_max = risk_percent_max};
}

/* 1 + log(N) is at least the sum of 1/n over all N looks. */
double watch_alpha_of(const struct watch_plan *plan, int look) {
    return plan->alpha / (TESTS * (double)look * (1 + log((double)plan->looks)));
}

void watch_judge(const struct watch_numbers *numbers, const struct watch_plan *plan,
                 const struct watch_settings *settings, struct arena *arena,
                 struct watch_judgement *judgement_out) {
    struct look look;
    begin_look(&look, numbers, arena);
    look.alpha = watch_alpha_of(plan, numbers->look);
    look.risk_max = plan->risk_percent_max / 100;
    look.settings = settings;
    bool is_bad = is_blocking(&look) || has_risen(&look, ELB_4XX) || has_risen(&look, ELB_5XX) ||
                  has_risen(&look, TARGET_5XX);
    end_look(&look, is_bad ? WATCH_ROLL_BACK : verdict_of(&look), judgement_out);
}

void watch_judge_day(const struct watch_numbers *numbers, double risk_percent_max,
                     struct arena *arena, struct watch_judgement *judgement_out) {
    struct look look;
    ASSERT(numbers->look <= WATCH_LOOK_ON_DAYS);
    begin_look(&look, numbers, arena);
    look.alpha = ALPHA / (BLOCKED_TESTS * WATCH_LOOK_ON_DAYS);
    look.risk_max = risk_percent_max / 100;
    bool is_bad = is_blocking(&look);
    if (!is_bad) {
        look.why =
            str_format(arena, "day %d after the promotion: no client is blocked", numbers->look);
    }
    end_look(&look, is_bad ? WATCH_ROLL_BACK : WATCH_GO_ON, judgement_out);
}
