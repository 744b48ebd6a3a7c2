/* SPDX-License-Identifier: Apache-2.0 */
#include "support/posture_sample.h"

#include "base/clock.h"
#include "support/posture_sample_rows.h"

#define HOUR_MS INT64_C(3600000)

#define ROLLED_BACK                                                                                \
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/0123456789abcdef"
#define FREEZE_WHY  " was rolled back on 2026-11-25"
#define FREEZE_ENDS "to end that, its owner tags it desync-promotion=retry"
#define FREEZE_TEXT                                                                                \
    "ring 1 and all later ones are frozen until 2026-12-09: " ROLLED_BACK FREEZE_WHY               \
    "; " FREEZE_ENDS

static str arn_of(struct arena *arena, size_t i, str name) {
    int place = specs[i % COUNT(specs)].place;
    return str_format(arena,
                      "arn:aws:elasticloadbalancing:%s:%s:loadbalancer/app/%" STR_FMT "/%016zx",
                      places[place].region, places[place].account_id, STR_ARG(name), i + 1);
}

static size_t fill_tags(const struct spec *spec, struct tag *tags) {
    const struct tag all[] = {
        {STR("Owner"), str_from_cstr(spec->owner)},
        {STR("desync-exception-until"), str_from_cstr(spec->until)},
        {STR("desync-exception-reason"), str_from_cstr(spec->reason)},
        {STR("desync-exception-approver"), str_from_cstr(spec->approver)},
    };
    size_t count = 0;
    for (size_t i = 0; i < COUNT(all); i++) {
        if (all[i].value.ptr != NULL) {
            tags[count++] = all[i];
        }
    }
    return count;
}

static void judge(struct arena *arena, const struct spec *spec, struct fleet_row *row) {
    struct policy_source source = {0};
    struct policy policy;
    struct tag tags[4];
    ASSERT(policy_parse(&source, arena, &policy, NULL) == STATUS_OK);
    struct load_balancer facts = {
        .arn = row->evaluation.resource_id,
        .name = row->name,
        .type = TYPE_APPLICATION,
        .scheme = spec->scheme,
        .mode = spec->mode,
        .drops_invalid_headers = spec->drops ? YES : NO,
        .has_tags = true,
        .tags = tags,
        .tag_count = fill_tags(spec, tags),
        .source = SOURCE_LIVE,
    };
    policy_evaluate(&facts, &policy, SAMPLE_NOW_MS, arena, &row->evaluation);
}

static void advise(struct arena *arena, const struct spec *spec, struct evaluation *evaluation,
                   struct posture_row *row) {
    static const struct promotion_settings settings = {.evidence_days = 14,
                                                       .requests_min = 1000,
                                                       .risk_percent_max = 0.1,
                                                       .days_min = 7,
                                                       .clients_min = {10, 2}};
    struct evidence evidence = {.days = 14, .writes_logs = NO};
    if (spec->requests > 0) {
        evidence.writes_logs = YES;
        evidence.log_days = 14;
        evidence.http1_requests = (uint64_t)spec->requests;
        evidence.blocked_served = spec->ambiguous;
        evidence.traffic_days = 14;
        evidence.weekdays_logged = 0x7F;
        evidence.weekdays_traffic = 0x7F;
        evidence.clients = 120;
        evidence.has_clients = true;
        evidence.log_newest_ms = SAMPLE_NOW_MS - 5 * 60000;
    }
    recommend(evaluation, &evidence, &settings, SAMPLE_NOW_MS, arena, &row->advice);
    row->has_advice = true;
    advice_add_finding(&row->advice, arena, evaluation);
    const struct prospect found = {.arn = evaluation->resource_id,
                                   .ring = STR("2"),
                                   .earliest_ms = SAMPLE_NOW_MS + 14 * HOUR_MS,
                                   .waits_for = STR(FREEZE_TEXT)};
    evaluation->advice = &row->advice;
    row->prospect = prospect_of(evaluation, row->advice.may_promote ? &found : NULL, NULL, arena);
    evaluation->advice = NULL;
}

static void make_row(struct arena *arena, size_t i, struct fleet_row *row,
                     struct posture_row *history) {
    const struct spec *spec = &specs[i % COUNT(specs)];
    bool is_first = i < COUNT(specs);
    row->name = is_first ? str_from_cstr(spec->name) : str_format(arena, "%s-%zu", spec->name, i);
    row->account_id = str_from_cstr(places[spec->place].account_id);
    row->region = str_from_cstr(places[spec->place].region);
    row->scheme = spec->scheme;
    row->evaluation.resource_id = arn_of(arena, i, row->name);
    judge(arena, spec, row);
    *history = (struct posture_row){
        .exception_reason = str_from_cstr(spec->reason),
        .exception_approver = str_from_cstr(spec->approver),
        .non_compliant_since_ms =
            spec->bad_days == 0 ? 0 : SAMPLE_NOW_MS - spec->bad_days * MS_PER_DAY,
        .is_escalated = spec->bad_days > 7,
        .is_fight = spec->is_fight,
    };
    advise(arena, spec, &row->evaluation, history);
}

/* The order of the rows is that of fleet_sort, and each history goes with its row. */
static void make_rows(struct arena *arena, size_t count, struct posture_sample *sample) {
    struct fleet_row *rows = ARENA_ARRAY(arena, struct fleet_row, count);
    struct posture_row *made = ARENA_ARRAY(arena, struct posture_row, count);
    struct posture_row *sorted = ARENA_ARRAY(arena, struct posture_row, count);
    for (size_t i = 0; i < count; i++) {
        make_row(arena, i, &rows[i], &made[i]);
        rows[i].evaluation.ordering_ms = (int64_t)i + 1; /* where it comes from, while sorting */
    }
    sample->fleet.rows = rows;
    sample->fleet.row_count = count;
    sample->fleet.listed = count;
    fleet_sort(&sample->fleet);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = made[rows[i].evaluation.ordering_ms - 1];
        rows[i].evaluation.ordering_ms = 0;
    }
    sample->posture.rows = sorted;
}

static void make_incidents(struct arena *arena, struct posture *posture) {
    static const int hours[] = {1, 2, 3, 4, 6, 9, 14, 20, 26, 31, 44, 70, 200};
    size_t closed = COUNT(hours);
    struct posture_incident *incidents =
        ARENA_ARRAY(arena, struct posture_incident, closed + COUNT(specs));
    size_t count = 0;
    for (; count < closed; count++) {
        int64_t opened_ms = SAMPLE_NOW_MS - (int64_t)(85 - 6 * count) * MS_PER_DAY;
        str name = str_from_cstr(specs[count].name);
        incidents[count] =
            (struct posture_incident){.arn = arn_of(arena, count, name),
                                      .owner = str_from_cstr(specs[count].owner),
                                      .findings = STR("MODE_TOO_WEAK"),
                                      .is_internet_facing = specs[count].scheme == PUBLIC,
                                      .opened_ms = opened_ms,
                                      .closed_ms = opened_ms + hours[count] * HOUR_MS / 3};
    }
    for (size_t i = 0; i < COUNT(specs); i++) {
        if (specs[i].bad_days > 0) {
            incidents[count++] = (struct posture_incident){
                .arn = arn_of(arena, i, str_from_cstr(specs[i].name)),
                .owner = str_from_cstr(specs[i].owner),
                .findings = STR("MODE_TOO_WEAK"),
                .is_internet_facing = specs[i].scheme == PUBLIC,
                .opened_ms = SAMPLE_NOW_MS - specs[i].bad_days * MS_PER_DAY};
        }
    }
    posture->incidents = incidents;
    posture->incident_count = count;
}

/* An hour of traffic. */
static struct traffic_window window(int64_t start_ms, uint64_t requests,
                                    const uint64_t counts[static 3]) {
    return (struct traffic_window){.start_ms = start_ms,
                                   .end_ms = start_ms + HOUR_MS,
                                   .has_data = true,
                                   .requests = requests,
                                   .non_compliant = counts[0],
                                   .elb_4xx = counts[1],
                                   .target_5xx = counts[2]};
}

static const struct {
    size_t spec;
    enum action_kind action;
    enum desync_mode from;
    enum desync_mode to;
    int hours_ago;
    const char *why;
    const char *by;
    enum watch_state watch;
    enum watch_ending ending;
    uint64_t before[3];
    uint64_t after[3];
} changes[] = {
    {22,
     ACTION_ENFORCE,
     MODE_MONITOR,
     MODE_DEFENSIVE,
     2,
     "monitor is below the required mode",
     "arn:aws:sts::111122223333:assumed-role/terraform/ci",
     WATCH_STATE_OPEN,
     WATCH_ENDING_NONE,
     {9, 201, 40},
     {0, 0, 0}},
    {22,
     ACTION_ENFORCE,
     MODE_MONITOR,
     MODE_DEFENSIVE,
     7,
     "monitor is below the required mode",
     "arn:aws:sts::111122223333:assumed-role/terraform/ci",
     WATCH_STATE_NONE,
     WATCH_ENDING_NONE,
     {8, 190, 44},
     {8, 202, 41}},
    {2,
     ACTION_PROMOTE,
     MODE_DEFENSIVE,
     MODE_STRICTEST,
     30,
     "0 of 912,004 requests would be blocked",
     "",
     WATCH_STATE_CLOSED,
     WATCH_ENDING_HELD,
     {0, 812, 95},
     {0, 799, 91}},
    {8,
     ACTION_ROLLBACK,
     MODE_STRICTEST,
     MODE_DEFENSIVE,
     141,
     "ELB 4XX rose by 31 % after the change",
     "",
     WATCH_STATE_ROLLED_BACK,
     WATCH_ENDING_ROLLED_BACK,
     {1880, 4120, 300},
     {1793, 2011, 290}},
    {8,
     ACTION_PROMOTE,
     MODE_DEFENSIVE,
     MODE_STRICTEST,
     142,
     "0 of 51,100 requests would be blocked",
     "",
     WATCH_STATE_ROLLED_BACK,
     WATCH_ENDING_ROLLED_BACK,
     {2, 1990, 310},
     {1880, 4120, 300}},
    {13,
     ACTION_ENFORCE,
     MODE_MONITOR,
     MODE_DEFENSIVE,
     900,
     "monitor is below the required mode",
     "arn:aws:iam::111122223333:user/<b>bob</b>",
     WATCH_STATE_CLOSED,
     WATCH_ENDING_REVERTED,
     {412, 120, 512},
     {38, 131, 66}},
    {14,
     ACTION_ENFORCE,
     MODE_MONITOR,
     MODE_DEFENSIVE,
     901,
     "monitor is below the required mode",
     "",
     WATCH_STATE_CLOSED,
     WATCH_ENDING_INCONCLUSIVE,
     {0, 0, 0},
     {0, 0, 0}},
};

static void make_changes(struct arena *arena, struct posture *posture) {
    struct posture_change *made = ARENA_ARRAY(arena, struct posture_change, COUNT(changes));
    for (size_t i = 0; i < COUNT(changes); i++) {
        int64_t at_ms = SAMPLE_NOW_MS - changes[i].hours_ago * HOUR_MS;
        enum watch_state watch = changes[i].watch;
        enum watch_ending ending = changes[i].ending;
        bool has_data = ending != WATCH_ENDING_INCONCLUSIVE;
        made[i] = (struct posture_change){
            .arn = arn_of(arena, changes[i].spec, str_from_cstr(specs[changes[i].spec].name)),
            .action = changes[i].action,
            .from = changes[i].from,
            .to = changes[i].to,
            .at_ms = at_ms,
            .why = str_from_cstr(changes[i].why),
            .by = str_from_cstr(changes[i].by),
            .watch = watch,
            .ending = ending,
            .ending_reason = ending == WATCH_ENDING_NONE ? STR_EMPTY : STR("sample <reason>"),
            .has_before = has_data,
            .has_after = has_data && watch != WATCH_STATE_OPEN,
            .before = window(at_ms - HOUR_MS, 182400, changes[i].before),
            .after = window(at_ms, 179900, changes[i].after)};
    }
    posture->changes = made;
    posture->change_count = COUNT(changes);
}

static void make_trend(struct arena *arena, struct posture *posture) {
    size_t count = 90;
    struct posture_point *points = ARENA_ARRAY(arena, struct posture_point, count);
    int64_t today = date_days_of_ms(SAMPLE_NOW_MS);
    for (size_t i = 0; i < count; i++) {
        size_t monitor = 14 - i / 12 - (i > 60 && i < 70 ? 0 : i / 45);
        points[i] = (struct posture_point){.day = today - 89 + (int64_t)i,
                                           .listed = 30,
                                           .non_compliant = monitor,
                                           .modes = {2, monitor, 24 - monitor, 4}};
        points[i].protected_percent = 100.0 * (double)(28 - monitor) / 28.0;
    }
    struct fleet_summary *now = &posture->kpis.fleet;
    points[count - 1].protected_percent = now->protected_percent;
    points[count - 1].non_compliant = now->non_compliant;
    for (size_t i = 0; i < 4; i++) {
        points[count - 1].modes[i] = now->modes[i];
    }
    posture->trend = points;
    posture->trend_count = count;
}

static void make_frame(struct posture_sample *sample, bool has_state) {
    static const str accounts[] = {{"111122223333", 12}, {"444455556666", 12}};
    static const str regions[] = {{"ap-southeast-2", 14}, {"eu-west-1", 9}, {"us-east-1", 9}};
    sample->fleet = (struct fleet){.generated_ms = SAMPLE_NOW_MS,
                                   .accounts = accounts,
                                   .account_count = COUNT(accounts),
                                   .regions = regions,
                                   .region_count = COUNT(regions),
                                   .version = STR("0.2.0")};
    static const struct prospect_freeze freeze = {
        .arn = {ROLLED_BACK, sizeof(ROLLED_BACK) - 1},
        .ring = {"1", sizeof("1") - 1},
        .has_ring = true,
        .since_ms = SAMPLE_NOW_MS - 24 * HOUR_MS,
        .until_ms = SAMPLE_NOW_MS + 13 * 24 * HOUR_MS,
        .why = {ROLLED_BACK FREEZE_WHY, sizeof(ROLLED_BACK FREEZE_WHY) - 1},
        .ends = {FREEZE_ENDS, sizeof(FREEZE_ENDS) - 1},
        .text = {FREEZE_TEXT, sizeof(FREEZE_TEXT) - 1}};
    sample->posture = (struct posture){.period_start_ms = SAMPLE_NOW_MS - 90 * MS_PER_DAY,
                                       .now_ms = SAMPLE_NOW_MS,
                                       .has_state = has_state,
                                       .freezes = &freeze,
                                       .freeze_count = has_state ? 1 : 0};
}

void posture_sample_make_large(struct arena *arena, size_t count,
                               struct posture_sample *sample_out) {
    make_frame(sample_out, true);
    make_rows(arena, count, sample_out);
    make_incidents(arena, &sample_out->posture);
    make_changes(arena, &sample_out->posture);
    posture_compute(&sample_out->posture, &sample_out->fleet, arena);
    make_trend(arena, &sample_out->posture);
}

void posture_sample_make(struct arena *arena, enum sample_kind kind,
                         struct posture_sample *sample_out) {
    static const struct fleet_gap gaps[] = {
        {{"444455556666", 12},
         {"us-east-1", 9},
         {"AccessDenied: not authorized to perform elasticloadbalancing:DescribeLoadBalancers <&>",
          86}}};
    if (kind == SAMPLE_RICH) {
        posture_sample_make_large(arena, COUNT(specs), sample_out);
        sample_out->fleet.gaps = gaps;
        sample_out->fleet.gap_count = COUNT(gaps);
        return;
    }
    make_frame(sample_out, false);
    make_rows(arena, kind == SAMPLE_EMPTY ? 0 : COUNT(specs), sample_out);
    posture_compute(&sample_out->posture, &sample_out->fleet, arena);
}
