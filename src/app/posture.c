/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts of the posture report: audits of every account, beside what the state table and
 * CloudWatch remember.
 */
#include "app/posture.h"

#include <stdlib.h>

#include "app/audit.h"
#include "app_internal.h"
#include "control/evidence.h"
#include "control/promotion.h"
#include "table/history.h"
#include "table/watch_records.h"

#define PERIOD_MS (90 * MS_PER_DAY)
/* Changes whose traffic is looked up, the newest first: a call to CloudWatch each. */
#define WINDOWS_MAX 25
/* CloudWatch keeps sums of a minute for so long. */
#define MINUTES_KEPT_MS (15 * MS_PER_DAY)

/* What a row needs beside its evaluation; the rows are sorted after it was found out. */
struct note {
    str arn;
    str exception_reason;
    str exception_approver;
    struct prospect prospect;
};

struct survey {
    struct guard *guard;
    struct arena *arena;
    const struct policy *policy;
    struct fleet *fleet;
    struct posture *posture;
    struct fleet_row *rows;
    struct note *notes; /* beside the rows, before they are sorted */
    size_t row_capacity;
    size_t note_capacity;
    struct prospect_freeze *freezes;
    size_t freeze_capacity;
    size_t account_first;   /* the first row of the account that is being audited */
    struct fleet_gap *gaps; /* room for two, and one for each allowed account */
    struct history history;
};

/* --- the fleet ------------------------------------------------------------------------------ */

static void on_listed(void *context, size_t to_judge) {
    struct survey *survey = context;
    survey->fleet->listed += to_judge;
}

static str exception_tag(const struct survey *survey, const struct load_balancer *facts,
                         const char *suffix) {
    str value;
    str key = str_format(survey->arena, "%" STR_FMT "-%s",
                         STR_ARG(survey->policy->exception_tag_prefix), suffix);
    return tag_get(facts, key, &value) ? str_copy(survey->arena, value) : STR_EMPTY;
}

static void on_judged(void *context, const struct load_balancer *facts,
                      const struct evaluation *evaluation) {
    struct survey *survey = context;
    size_t count = survey->fleet->row_count++;
    ARENA_RESERVE(survey->arena, survey->rows, count + 1, survey->row_capacity);
    ARENA_RESERVE(survey->arena, survey->notes, count + 1, survey->note_capacity);
    fleet_row_copy(survey->arena, facts, evaluation, &survey->rows[count]);
    survey->notes[count] =
        (struct note){.arn = survey->rows[count].evaluation.resource_id,
                      .exception_reason = exception_tag(survey, facts, "reason"),
                      .exception_approver = exception_tag(survey, facts, "approver")};
}

static void add_gap(struct survey *survey, str account_id, str reason) {
    survey->gaps[survey->fleet->gap_count++] =
        (struct fleet_gap){account_id, survey->guard->settings.region, reason};
}

static void add_freezes(struct survey *survey, const struct prospects *prospects) {
    struct posture *posture = survey->posture;
    for (size_t i = 0; i < prospects->freeze_count; i++) {
        ARENA_RESERVE(survey->arena, survey->freezes, posture->freeze_count + 1,
                      survey->freeze_capacity);
        survey->freezes[posture->freeze_count++] = prospects->freezes[i];
    }
    posture->freezes = survey->freezes;
}

static void on_looked_ahead(void *context, const struct prospects *prospects) {
    struct survey *survey = context;
    add_freezes(survey, prospects);
    const char *against = promotion_setting_against(&survey->guard->settings.control);
    for (size_t i = survey->account_first; i < survey->fleet->row_count; i++) {
        const struct evaluation *evaluation = &survey->rows[i].evaluation;
        if (evaluation->advice != NULL && evaluation->mode != MODE_STRICTEST) {
            const struct prospect *found = prospect_find(prospects, evaluation->resource_id);
            struct prospect *prospect = &survey->notes[i].prospect;
            *prospect = prospect_of(evaluation, found, against, survey->arena);
            if (prospect->earliest_ms <= guard_now_ms(survey->guard) &&
                prospect->earliest_ms != 0) {
                prospect->earliest_ms = survey->posture->now_ms; /* the report is of one moment */
            }
        }
    }
}

static void survey_account(struct survey *survey, str account_id) {
    const struct audit_listener listener = {.context = survey,
                                            .wants_advice = true,
                                            .listed = on_listed,
                                            .judged = on_judged,
                                            .looked_ahead = on_looked_ahead};
    struct error error = {0};
    survey->account_first = survey->fleet->row_count;
    if (app_audit(survey->guard, account_id, survey->guard->settings.region, &listener,
                  survey->arena, &error) != STATUS_OK) {
        add_gap(survey, account_id, error.message);
    }
}

/* Names the accounts that were asked, and those whose load balancers were found. */
static void survey_fleet(struct survey *survey) {
    const struct control_settings *settings = &survey->guard->settings.control;
    struct fleet *fleet = survey->fleet;
    bool is_central = !str_is_empty(settings->cross_account_role);
    size_t others = is_central ? settings->allowed_accounts.count : 0;
    str own_account = STR_EMPTY;
    struct error error = {0};
    survey->gaps = ARENA_ARRAY(survey->arena, struct fleet_gap, others + 2);
    survey_account(survey, STR_EMPTY);
    if (accounts_own_id(survey->guard, survey->arena, &own_account, &error) != STATUS_OK) {
        add_gap(survey, STR_EMPTY, error.message);
    }
    for (size_t i = 0; i < others; i++) {
        str account_id = settings->allowed_accounts.ids[i];
        if (str_is_empty(own_account)) { /* and asking again for each account would be no better */
            add_gap(survey, account_id, error.message);
        } else if (!str_eq(account_id, own_account)) {
            survey_account(survey, account_id);
        }
    }
    str *accounts = ARENA_ARRAY(survey->arena, str, others + fleet->row_count + 1);
    for (size_t i = 0; i < others + fleet->row_count; i++) {
        accounts[i] =
            i < others ? settings->allowed_accounts.ids[i] : survey->rows[i - others].account_id;
    }
    fleet->accounts = accounts;
    fleet->account_count = str_sort_distinct(accounts, others + fleet->row_count);
    fleet->regions = &survey->guard->settings.region;
    fleet->region_count = 1;
    fleet->rows = survey->rows;
    fleet->gaps = survey->gaps;
    fleet_sort(fleet);
}

/* --- its history ---------------------------------------------------------------------------- */

/* Of structs that begin with an ARN. */
static int compare_arns(const void *a, const void *b) {
    return str_compare(*(const str *)a, *(const str *)b);
}

/* The newest first; those of one moment by load balancer, so that two reports are alike. */
static int compare_changes(const void *a, const void *b) {
    const struct posture_change *first = a;
    const struct posture_change *second = b;
    int order = (first->at_ms < second->at_ms) - (first->at_ms > second->at_ms);
    return order != 0 ? order : str_compare(first->arn, second->arn);
}

static int compare_incidents(const void *a, const void *b) {
    const struct posture_incident *first = a;
    const struct posture_incident *second = b;
    int order = (first->opened_ms < second->opened_ms) - (first->opened_ms > second->opened_ms);
    return order != 0 ? order : str_compare(first->arn, second->arn);
}

static void sort(void *items, size_t count, size_t size,
                 int (*compare)(const void *, const void *)) {
    if (count > 0) {
        qsort(items, count, size, compare);
    }
}

static void fill_rows(struct survey *survey) {
    const struct history *history = &survey->history;
    size_t count = survey->fleet->row_count;
    int64_t now_ms = survey->posture->now_ms;
    int days_max = survey->policy->max_non_compliant_days;
    struct posture_row *rows = ARENA_ARRAY(survey->arena, struct posture_row, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct evaluation *evaluation = &survey->rows[i].evaluation;
        const str *arn = &evaluation->resource_id;
        const struct note *note =
            bsearch(arn, survey->notes, count, sizeof *survey->notes, compare_arns);
        const struct history_state *state =
            history->state_count == 0 ? NULL
                                      : bsearch(arn, history->states, history->state_count,
                                                sizeof *history->states, compare_arns);
        ASSERT(note != NULL);
        rows[i].exception_reason = note->exception_reason;
        rows[i].exception_approver = note->exception_approver;
        if (evaluation->advice != NULL) {
            rows[i].has_advice = true;
            rows[i].advice = *evaluation->advice;
            rows[i].prospect = note->prospect;
        }
        if (state != NULL && evaluation->compliance == NON_COMPLIANT) {
            int64_t since_ms = state->non_compliant_since_ms;
            rows[i].non_compliant_since_ms = since_ms;
            rows[i].is_fight = state->is_fight;
            /* Whether anybody was alerted or not. */
            rows[i].is_escalated = transition_is_too_long(since_ms, now_ms, days_max);
            transition_add_age(evaluation, since_ms, now_ms, days_max, survey->arena);
        }
    }
    survey->posture->rows = rows;
}

static const struct fleet_row *find_row(const struct fleet *fleet, str arn) {
    for (size_t i = 0; i < fleet->row_count; i++) {
        if (str_eq(fleet->rows[i].evaluation.resource_id, arn)) {
            return &fleet->rows[i];
        }
    }
    return NULL;
}

/* --- what changes did ----------------------------------------------------------------------- */

void change_join_watch(struct posture_change *change, const struct watch_record *record,
                       enum desync_mode mode, struct arena *arena) {
    change->watch = watch_is_open(record)                 ? WATCH_STATE_OPEN
                    : record->status == WATCH_ROLLED_BACK ? WATCH_STATE_ROLLED_BACK
                                                          : WATCH_STATE_CLOSED;
    change->ending = watch_ending_of(record);
    change->ending_reason = record->note;
    if (watch_is_reverted_since(record, mode)) {
        change->ending = WATCH_ENDING_REVERTED;
        change->ending_reason = str_format(arena,
                                           "the mode is %s now: somebody has changed it since the "
                                           "watch ended",
                                           mode_name(mode));
    }
    if (change->ending == WATCH_ENDING_NONE) {
        change->ending_reason = STR_EMPTY;
    }
}

/* The account could not be read, which the report says. */
static bool is_gap(const struct survey *survey, str account_id) {
    for (size_t i = 0; i < survey->fleet->gap_count; i++) {
        if (str_eq(survey->gaps[i].account_id, account_id)) {
            return true;
        }
    }
    return false;
}

/* The traffic before and after, as long as CloudWatch still knows it by the minute. */
static void read_windows(struct survey *survey, struct posture_change *change) {
    int minutes = survey->guard->settings.control.promotion.watch.minutes;
    int64_t now_ms = survey->posture->now_ms;
    struct window_query windows[2] = {
        {.arn = change->arn, .window = window_before(change->at_ms, minutes)},
        {.arn = change->arn,
         .window = window_before(change->at_ms + (minutes + 1) * 60 * MS_PER_SECOND, minutes)},
    };
    struct load_balancer_arn parts;
    struct error error = {0};
    if (now_ms - change->at_ms > MINUTES_KEPT_MS || windows[1].window.end_ms > now_ms ||
        load_balancer_arn_parse(change->arn, &parts) != STATUS_OK ||
        is_gap(survey, parts.account_id)) {
        return;
    }
    if (accounts_select(survey->guard, parts.account_id, parts.region, survey->arena, &error) !=
            STATUS_OK ||
        windows_read(survey->guard, windows, 2, survey->arena, &error) != STATUS_OK) {
        LOG(survey->guard->log, LOG_WARN, "traffic_unknown", LOG_STR("resourceId", change->arn),
            LOG_STR("errorMessage", error.message));
        return;
    }
    if (windows[0].window.has_data) { /* else the baseline of the CHANGE item stands, if any */
        change->has_before = true;
        change->before = windows[0].window;
    }
    change->has_after = windows[1].window.has_data;
    change->after = windows[1].window;
}

static enum status survey_history(struct survey *survey, struct error *error) {
    const struct state_table table = {.client = &survey->guard->home,
                                      .name = survey->guard->settings.control.state_table};
    struct posture *posture = survey->posture;
    struct watch_record *records = NULL;
    size_t record_count = 0;
    if (str_is_empty(table.name)) {
        return STATUS_OK;
    }
    TRY(history_read(&table, survey->guard->settings.region, posture->period_start_ms,
                     posture->now_ms, survey->arena, &survey->history, error));
    TRY(watch_list(&table, survey->arena, &records, &record_count, error));
    posture->has_state = true;
    for (size_t i = 0; i < survey->history.change_count; i++) {
        struct posture_change *change = &survey->history.changes[i];
        const struct watch_record *record = watch_find(records, record_count, change->arn);
        if (record != NULL && record->changed_ms == change->at_ms) {
            const struct fleet_row *row = find_row(survey->fleet, change->arn);
            change_join_watch(change, record, row == NULL ? MODE_UNKNOWN : row->evaluation.mode,
                              survey->arena);
        }
    }
    return STATUS_OK;
}

/* Today is what was just seen, whatever was noted before. */
static void add_today(struct survey *survey) {
    const struct history *history = &survey->history;
    struct posture_point *trend =
        ARENA_ARRAY(survey->arena, struct posture_point, history->point_count + 1);
    struct fleet_summary summary;
    size_t count = 0;
    int64_t today = date_days_of_ms(survey->posture->now_ms);
    fleet_summarize(survey->fleet, &summary);
    for (size_t i = 0; i < history->point_count; i++) {
        double percent;
        bool is_known = protected_percent(history->points[i].modes, &percent);
        if (history->points[i].day < today && is_known) {
            trend[count++] = history->points[i];
        }
    }
    if (summary.is_share_known) {
        trend[count] = (struct posture_point){.day = today,
                                              .protected_percent = summary.protected_percent,
                                              .listed = summary.listed,
                                              .non_compliant = summary.non_compliant};
        for (size_t i = 0; i < sizeof trend->modes / sizeof *trend->modes; i++) {
            trend[count].modes[i] = summary.modes[i];
        }
        count++;
    }
    survey->posture->trend = trend;
    survey->posture->trend_count = count;
}

static void fill_history(struct survey *survey) {
    struct history *history = &survey->history;
    sort(survey->notes, survey->fleet->row_count, sizeof *survey->notes, compare_arns);
    sort(history->states, history->state_count, sizeof *history->states, compare_arns);
    sort(history->changes, history->change_count, sizeof *history->changes, compare_changes);
    sort(history->incidents, history->incident_count, sizeof *history->incidents,
         compare_incidents);
    fill_rows(survey);
    for (size_t i = 0; i < history->incident_count; i++) {
        const struct fleet_row *row = find_row(survey->fleet, history->incidents[i].arn);
        history->incidents[i].is_internet_facing =
            row != NULL && row->scheme == SCHEME_INTERNET_FACING;
    }
    for (size_t i = 0; i < history->change_count && i < WINDOWS_MAX; i++) {
        read_windows(survey, &history->changes[i]);
    }
    survey->posture->incidents = history->incidents;
    survey->posture->incident_count = history->incident_count;
    survey->posture->changes = history->changes;
    survey->posture->change_count = history->change_count;
    add_today(survey);
}

enum status app_posture(struct guard *guard, struct arena *arena, struct fleet *fleet_out,
                        struct posture *posture_out, struct error *error) {
    struct policy *policy = ARENA_NEW(arena, struct policy);
    int64_t now_ms = guard_now_ms(guard);
    TRY(effective_policy(guard, NULL, arena, policy, error));
    *fleet_out = (struct fleet){.generated_ms = now_ms, .version = STR(DESYNC_GUARD_VERSION)};
    *posture_out = (struct posture){.period_start_ms = now_ms - PERIOD_MS, .now_ms = now_ms};
    struct survey survey = {.guard = guard,
                            .arena = arena,
                            .policy = policy,
                            .fleet = fleet_out,
                            .posture = posture_out};
    survey_fleet(&survey);
    TRY(survey_history(&survey, error));
    fill_history(&survey);
    posture_compute(posture_out, fleet_out, arena);
    return STATUS_OK;
}
