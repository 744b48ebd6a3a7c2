/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads an alert once, for its subject, its attributes and its body.
 */
#include "alert_internal.h"
#include "base/clock.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define NO_FINDING    FINDING_COUNT

/* What an alert is about when the evaluation has it; else the most_severe finding. */
static const enum finding_id kind_findings[] = {
    [ALERT_OPENED] = NO_FINDING,
    [ALERT_RESOLVED] = NO_FINDING,
    [ALERT_ENFORCED] = FINDING_EXCEPTION_EXPIRED, /* else nobody would hear of its end */
    [ALERT_ESCALATED] = FINDING_NON_COMPLIANT_TOO_LONG,
    [ALERT_EXCEPTION_EXPIRING] = FINDING_EXCEPTION_EXPIRING,
    [ALERT_EXCEPTION_EXPIRED] = FINDING_EXCEPTION_EXPIRED,
    [ALERT_FIGHT] = NO_FINDING,
    [ALERT_PROMOTED] = NO_FINDING,
    [ALERT_ROLLED_BACK] = NO_FINDING,
    [ALERT_WATCH_ENDED] = NO_FINDING,
};

bool alert_is_about_promotion(enum alert_kind kind) {
    return kind == ALERT_PROMOTED || kind == ALERT_ROLLED_BACK || kind == ALERT_WATCH_ENDED;
}

str duration_text(struct arena *arena, int64_t ms) {
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{MS_PER_DAY, "days"}, {MS_PER_HOUR, "hours"}, {MS_PER_MINUTE, "minutes"}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms >= 2 * units[i].ms) {
            return str_format(arena, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
        }
    }
    return STR("less than 2 minutes");
}

static const struct finding *finding_of_alert(const struct alert *alert) {
    const struct evaluation *evaluation = alert->evaluation;
    for (size_t i = 0; i < evaluation->finding_count; i++) {
        if (evaluation->findings[i].id == kind_findings[alert->kind]) {
            return &evaluation->findings[i];
        }
    }
    return finding_most_severe(evaluation);
}

static str or_else(str value, str otherwise) {
    return str_is_empty(value) ? otherwise : value;
}

struct alert_context alert_context_read(struct arena *arena, const struct alert *alert) {
    const struct evaluation *evaluation = alert->evaluation;
    struct alert_context context = {.arena = arena, .alert = alert, .evaluation = evaluation};
    if (load_balancer_arn_parse(evaluation->resource_id, &context.arn) != STATUS_OK) {
        context.arn = (struct load_balancer_arn){0};
    }
    context.name = load_balancer_name(arena, evaluation->resource_id);
    context.account_id = or_else(alert->account_id, context.arn.account_id);
    context.region = or_else(alert->region, context.arn.region);
    context.partition = or_else(alert->partition, context.arn.partition);
    bool is_change = alert->kind == ALERT_ENFORCED || alert_is_about_promotion(alert->kind);
    bool is_changed = is_change && alert->changed_to != MODE_UNKNOWN;
    context.mode = is_changed ? alert->changed_to : evaluation->mode;
    context.finding = finding_of_alert(alert);
    int64_t day;
    context.exception_until =
        date_parse(evaluation->exception_until, &day) ? evaluation->exception_until : STR_EMPTY;
    return context;
}
