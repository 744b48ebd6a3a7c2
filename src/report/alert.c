/* SPDX-License-Identifier: Apache-2.0
 *
 * Subjects, the most important first: what, which load balancer, which mode.
 *
 *   Non-compliant: my-alb, mode monitor (requires defensive)
 *   Exception ends 2026-12-01: my-alb, mode monitor (requires defensive)
 *   Mode raised: my-alb, mode defensive (was monitor)
 */
#include "alert_internal.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/plain_text.h"

#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define NO_FINDING    FINDING_COUNT

/* What an alert is about when the evaluation has it; else the gravest finding. */
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
    return finding_gravest(evaluation);
}

static str or_else(str value, str otherwise) {
    return str_is_empty(value) ? otherwise : value;
}

static struct sheet read_alert(struct arena *arena, const struct alert *alert) {
    const struct evaluation *evaluation = alert->evaluation;
    struct sheet sheet = {.arena = arena, .alert = alert, .evaluation = evaluation};
    if (load_balancer_arn_parse(evaluation->resource_id, &sheet.arn) != STATUS_OK) {
        sheet.arn = (struct load_balancer_arn){0};
    }
    sheet.name = load_balancer_name(arena, evaluation->resource_id);
    sheet.account_id = or_else(alert->account_id, sheet.arn.account_id);
    sheet.region = or_else(alert->region, sheet.arn.region);
    sheet.partition = or_else(alert->partition, sheet.arn.partition);
    bool is_change = alert->kind == ALERT_ENFORCED || alert_is_about_promotion(alert->kind);
    bool is_changed = is_change && alert->changed_to != MODE_UNKNOWN;
    sheet.mode = is_changed ? alert->changed_to : evaluation->mode;
    sheet.finding = finding_of_alert(alert);
    int64_t day;
    sheet.exception_until =
        date_parse(evaluation->exception_until, &day) ? evaluation->exception_until : STR_EMPTY;
    return sheet;
}

static str subject_exception(const struct sheet *sheet, const char *verb) {
    if (str_is_empty(sheet->exception_until)) {
        return str_format(sheet->arena, "Exception %s", verb);
    }
    return str_format(sheet->arena, "Exception %s %" STR_FMT, verb,
                      STR_ARG(sheet->exception_until));
}

static str subject_what(const struct sheet *sheet) {
    const struct alert *alert = sheet->alert;
    switch (alert->kind) {
    case ALERT_OPENED:
        return STR("Non-compliant");
    case ALERT_RESOLVED:
        return STR("Resolved");
    case ALERT_ENFORCED:
        return STR("Mode raised");
    case ALERT_ESCALATED:
        if (alert->since_ms > 0) {
            str duration = duration_text(sheet->arena, alert->now_ms - alert->since_ms);
            return str_format(sheet->arena, "Non-compliant for %" STR_FMT, STR_ARG(duration));
        }
        return STR("Non-compliant for too long");
    case ALERT_EXCEPTION_EXPIRING:
        return subject_exception(sheet, "ends");
    case ALERT_EXCEPTION_EXPIRED:
        return subject_exception(sheet, "ended");
    case ALERT_PROMOTED:
        return STR("Promoted");
    case ALERT_ROLLED_BACK:
        return STR("Promotion rolled back");
    case ALERT_WATCH_ENDED:
        return STR("Watch ended");
    case ALERT_FIGHT:
        break;
    }
    return str_format(sheet->arena, "Changed back %d time%s", alert->corrections,
                      str_by_count((uint64_t)alert->corrections, "", "s"));
}

/* What explains the mode; empty when it needs no explanation. */
static str subject_detail(const struct sheet *sheet) {
    const struct evaluation *evaluation = sheet->evaluation;
    struct arena *arena = sheet->arena;
    if (evaluation->compliance == NOT_APPLICABLE) {
        return STR(" (no longer judged)");
    }
    bool is_change =
        sheet->alert->kind == ALERT_ENFORCED || alert_is_about_promotion(sheet->alert->kind);
    if (is_change && sheet->alert->changed_from != MODE_UNKNOWN) {
        return str_format(arena, " (was %s)", mode_name(sheet->alert->changed_from));
    }
    if (sheet->alert->kind == ALERT_WATCH_ENDED && !str_is_empty(sheet->alert->ending) &&
        !str_eq(sheet->alert->ending, STR("held"))) {
        return str_format(arena, " (%" STR_FMT ")", STR_ARG(sheet->alert->ending));
    }
    if (sheet->alert->kind == ALERT_RESOLVED && evaluation->has_active_exception) {
        return STR(" (exception)");
    }
    if (sheet->mode != MODE_UNKNOWN && sheet->mode < evaluation->required_mode) {
        return str_format(arena, " (requires %s)", mode_name(evaluation->required_mode));
    }
    if (evaluation->compliance == NON_COMPLIANT && sheet->finding != NULL) {
        return str_format(arena, " (%s)", finding_name(sheet->finding->id));
    }
    return STR_EMPTY;
}

static str subject(const struct sheet *sheet) {
    struct buf out;
    buf_init(&out, sheet->arena, ALERT_SUBJECT_BYTES_MAX);
    buf_append(&out, subject_what(sheet));
    buf_printf(&out, ": %" STR_FMT ", mode %s", STR_ARG(sheet->name), mode_name(sheet->mode));
    ASSERT(buf_status(&out) == STATUS_OK);
    size_t len = out.len;
    buf_append(&out, subject_detail(sheet));
    if (buf_status(&out) != STATUS_OK) {
        buf_rewind(&out, len);
    }
    return buf_str(&out);
}

static struct alert_attribute attribute(const struct sheet *sheet, const char *name, str value,
                                        const char *otherwise) {
    str text = plain_text(sheet->arena, value, ALERT_ATTRIBUTE_CHARACTERS_MAX);
    return (struct alert_attribute){name, or_else(text, str_from_cstr(otherwise))};
}

static void attributes(const struct sheet *sheet, struct alert_attribute *out) {
    const struct finding *finding = sheet->finding;
    const char *severity = finding == NULL ? NULL : severity_name(finding->severity);
    const char *id = finding == NULL ? NULL : finding_name(finding->id);
    if (sheet->alert->kind == ALERT_ESCALATED) {
        id = finding_name(FINDING_NON_COMPLIANT_TOO_LONG); /* state over time: judged by nobody */
    }
    out[0] = attribute(sheet, "severity", str_from_cstr(severity), "none");
    out[1] = attribute(sheet, "owner", sheet->evaluation->owner, "none");
    out[2] = attribute(sheet, "finding", str_from_cstr(id), "none");
    out[3] = attribute(sheet, "mode", str_from_cstr(mode_name(sheet->mode)), "unknown");
    out[4] = attribute(sheet, "region", sheet->region, "unknown");
    out[5] = attribute(sheet, "account", sheet->account_id, "unknown");
}

void alert_render(struct arena *arena, const struct alert *alert, struct alert_text *text_out) {
    ASSERT(arena != NULL && alert != NULL && alert->evaluation != NULL && text_out != NULL);
    ASSERT(alert->evaluation->finding_count <= FINDINGS_MAX);
    struct sheet sheet = read_alert(arena, alert);
    *text_out = (struct alert_text){.subject = subject(&sheet), .body = alert_body(&sheet)};
    attributes(&sheet, text_out->attributes);
}
